"""Texts looked for in the memory of a running process, whole: heap, stacks, data.

Reading it takes the rights of a debugger: root, or the process's own parent where Yama restricts tracing to
children (kernel.yama.ptrace_scope up to 1).
"""
import os

PAGE = os.sysconf("SC_PAGE_SIZE")
PIECE = 4 << 20
SHADOW = 1 << 40  # a sanitizer's notes about all addresses there are; they hold no copies


class Unreadable(Exception):
    pass


def mappings(pid):
    """(start, end, name) of what is private, written to and in memory at least in part."""
    out, current = [], None
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                start, end = (int(x, 16) for x in words[0].split("-"))
                wanted = words[1].startswith("rw") and words[1].endswith("p") and end - start < SHADOW
                current = (start, end, " ".join(words[5:])) if wanted else None
            elif current and words[0] == "Rss:" and int(words[1]) > 0:
                out.append(current)
    return out


def resident(pagemap, start, end):
    """Runs of pages that are in memory or in swap: a sanitizer maps far more than it touches."""
    first = None
    for at in range(start, end, PAGE * 4096):
        n = min(4096, (end - at) // PAGE)
        entries = os.pread(pagemap, n * 8, at // PAGE * 8)
        for i in range(n):
            there, here = entries[i * 8 + 7] & 0xc0, at + i * PAGE
            if there and first is None:
                first = here
            elif not there and first is not None:
                yield first, here
                first = None
    if first is not None:
        yield first, end


def find(pid, texts):
    """{text: [(address, name of the mapping)]} of those that are found, and how many bytes were read."""
    found, n, longest = {}, 0, max(len(t) for t in texts)
    try:
        mem = os.open("/proc/%d/mem" % pid, os.O_RDONLY)
    except OSError as e:
        raise Unreadable("/proc/%d/mem: %s" % (pid, e.strerror))
    pagemap = os.open("/proc/%d/pagemap" % pid, os.O_RDONLY)
    try:
        for start, end, name in mappings(pid):
            for a, b in resident(pagemap, start, end):
                for at in range(a, b, PIECE):
                    try:
                        piece = os.pread(mem, min(PIECE + longest, b - at), at)
                    except OSError:
                        continue  # unmapped meanwhile
                    n += min(len(piece), PIECE)
                    for text in texts:
                        place = piece.find(text)
                        while place >= 0:
                            found.setdefault(text, []).append((at + place, name or "anonymous"))
                            place = piece.find(text, place + 1)
    finally:
        os.close(mem)
        os.close(pagemap)
    return found, n
