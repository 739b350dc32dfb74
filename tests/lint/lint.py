#!/usr/bin/env python3
"""Holds the rules that a compiler does not see. Run by `./dev lint`.

usage: lint.py [--only CHECK[,CHECK...]] [--root DIR]

  includes   a room includes only what its row of ROOMS allows; a library's header is included only
             in that library's one file
  headers    each public header compiles alone
  banned     functions and words that the house rules exclude
  length     functions of at most 100 lines, files of at most 600; allow.txt names the exceptions
  format     clang-format-14 has nothing to change
  shell      shellcheck finds nothing (when it is installed)
  metrics    every metric of the table is used in a source of the product
  files      docs/ARCHITECTURE.md has one line for each source of the rooms, and for no other
  words      no path of one machine and no package registry's name stands in a file

One finding a line, "path:line: [check] what"; exit code 1 when there is any. Python's own library
only.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = "tests/lint"
FUNCTION_LINES = 100
FILE_LINES = 600

# Which contracts (paths below include/ampagent) the files of a room may include. Scrape,
# remotewrite, ecs_discovery and config never name each other; only src/*.c and the tests see all.
NET = ["base/*", "net/*", "http_options.h"]
ROOMS = {
    "src/base": ["base/*"],
    "src/model": ["base/*", "model/*"],
    "src/net": NET,
    "src/aws": NET + ["aws/*"],
    "src/ecs": NET + ["model/*", "aws/*", "ecs/*"],
    "src/wal": ["base/*", "model/*", "wal.h"],
    "src/web": NET + ["web.h", "web/*", "*_status.h"],
    "src/standin": NET + ["standin.h"],
    "ecs_discovery": NET + ["model/*", "aws/*", "ecs/*", "discovery.h",
                             "discovery_options.h"],
    "scrape": NET + ["model/*", "scrape.h", "scrape_lint.h", "scrape_options.h"],
    "remotewrite": NET + ["model/*", "aws/*", "wal.h", "remotewrite.h", "remotewrite_options.h"],
    "config": ["base/*", "model/*", "config.h", "*_options.h"],
    "src/doctor": ["*"],
    "src": ["*"],
    "tests": ["*"],
}

# The room of each contract, for the includes of the contracts themselves.
CONTRACTS = {
    "base/*": "src/base", "model/*": "src/model", "net/*": "src/net", "http_options.h": "src/net",
    "aws/*": "src/aws", "ecs/*": "src/ecs", "wal.h": "src/wal", "web.h": "src/web", "web/*": "src/web",
    "standin.h": "src/standin", "discovery*.h": "ecs_discovery", "scrape*.h": "scrape",
    "remotewrite*.h": "remotewrite", "config.h": "config",
    "doctor.h": "src/doctor",
}

# Library headers and the one file (or room, for generated code) that may include them. Two have a
# second file: curl's options for one request are as long as what drives it, and what libssl shows
# of a peer is not libcrypto's digests.
LIBRARIES = {
    "curl/*": ("src/net/http_client.c", "src/net/http_client_options.c"),
    "microhttpd.h": "src/net/http_server.c",
    "yaml.h": "src/base/yaml.c",
    "expat.h": "src/base/xml.c",
    "openssl/*": ("src/base/crypto.c", "src/base/crypto_tls.c"),
    "snappy-c.h": "src/base/snappy.c",
    "libdeflate.h": "src/base/gunzip.c",
    "xxhash.h": "src/base/hash.c",
    "re2/*": "src/model/re2_shim.cc",
    "protobuf-c/*": "src/standin/*",
    "*.pb-c.h": "src/standin/*",
}

SYSTEM_HEADERS = re.compile(
    r"(?:sys|linux|netinet|arpa|net|bits)/[\w/]+\.h|"
    r"(?:assert|complex|ctype|dirent|dlfcn|endian|errno|fcntl|fenv|float|fnmatch|ftw|getopt|glob|grp|"
    r"ifaddrs|inttypes|limits|link|locale|malloc|math|netdb|poll|pthread|pwd|sched|semaphore|"
    r"setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|"
    r"stdnoreturn|string|strings|syslog|termios|threads|time|ucontext|unistd|wchar|"
    r"arm_acle|arm_neon|cpuid|emmintrin|immintrin|nmmintrin|tmmintrin|x86intrin)\.h|"
    r"[a-z_]+")  # C++'s own headers have no ".h"

BANNED = re.compile(
    r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|atof|gets|"
    r"system|popen|alloca|setlocale)\s*\(")
GOTO = re.compile(r"\bgoto\b")

WORDS = re.compile(
    r"(?:^|[^\w.])/(?:work|farm|root)/|"
    r"\b(?:deb\.debian|security\.debian|registry\.npmjs|proxy\.golang|static\.crates)\.(?:org|io)|"
    r"\b(?:pypi|pythonhosted)\.org", re.MULTILINE)

SKIP_DIRS = {".git", "__pycache__"}


class Report:
    def __init__(self):
        self.findings = []

    def add(self, path, line, check, what):
        self.findings.append((path, line, check, what))


def walk():
    """Every file of the project, build directories left out, as paths from the root."""
    for folder, dirs, names in os.walk(ROOT):
        at_root = folder == ROOT
        dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS
                         and not (at_root and (d.startswith("build") or d == "data-agent")))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), "rb") as f:
        data = f.read()
    return None if b"\0" in data else data.decode("utf-8", "replace")


def room_of(path):
    """The row of ROOMS that a source belongs to; None for what has none."""
    if path.startswith("include/ampagent/"):
        contract = path[len("include/ampagent/"):]
        for pattern, room in CONTRACTS.items():
            if fnmatch.fnmatchcase(contract, pattern):
                return room
        return None
    parts = path.split("/")
    for depth in (2, 1):
        room = "/".join(parts[:depth])
        if len(parts) > depth and room in ROOMS:
            return room
    return None


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def strip(text):
    """The text with comments and literals emptied; lines keep their numbers."""
    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return " " + "\n" * token.count("\n")
        return token[0] + token[-1]
    return TOKEN.sub(blank, text)


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, p) for p in patterns)


# includes

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def check_library(report, path, line, header):
    for pattern, places in LIBRARIES.items():
        if fnmatch.fnmatchcase(header, pattern):
            places = (places,) if isinstance(places, str) else places
            if not matches(path, places):
                report.add(path, line, "includes",
                           f"<{header}> belongs in {' and '.join(places)} alone")
            return
    if not SYSTEM_HEADERS.fullmatch(header):
        report.add(path, line, "includes", f"<{header}> is in no table of lint.py")


def generated(folder, header):
    build = folder + "/meson.build"
    return os.path.exists(os.path.join(ROOT, build)) and header in read(build)


def check_quoted(report, path, line, header):
    if matches(header, ["*.pb-c.h"]):
        check_library(report, path, line, header)
    elif "/" in header:
        report.add(path, line, "includes", f'"{header}": a private header lies beside its .c')
    elif not os.path.exists(os.path.join(ROOT, os.path.dirname(path), header)) \
            and not generated(os.path.dirname(path), header):
        report.add(path, line, "includes", f'"{header}" does not lie beside this file')


def check_includes(report, sources):
    for path, text in sources.items():
        room = room_of(path)
        if room is None:
            report.add(path, 1, "includes", "this file is in no room of lint.py")
            continue
        if room == "tests":
            continue
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            quote, header = match.groups()
            if quote == '"':
                check_quoted(report, path, line, header)
            elif header.startswith("ampagent/"):
                contract = header[len("ampagent/"):]
                if not matches(contract, ROOMS[room]):
                    report.add(path, line, "includes", f"{room} may not include <{header}>")
            else:
                check_library(report, path, line, header)


# headers

def compile_alone(path):
    """The compiler's first complaint about a public header by itself, or None."""
    header = path[len("include/"):]
    command = [os.environ.get("CC", "cc"), "-fsyntax-only", "-std=gnu17", "-D_GNU_SOURCE",
               '-DAMPAGENT_VERSION="0"', "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
               "-Wno-unused-function", "-Iinclude", "-xc", "-"]
    result = subprocess.run(command, input=f"#include <{header}>\n", cwd=ROOT, text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if result.returncode == 0:
        return None
    lines = [line for line in result.stderr.splitlines() if "error" in line]
    return lines[0] if lines else result.stderr.strip()


def check_headers(report, sources):
    headers = [p for p in sources if p.startswith("include/ampagent/")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, complaint in zip(headers, pool.map(compile_alone, headers)):
            if complaint:
                report.add(path, 1, "headers", f"does not compile alone: {complaint}")


# banned

def check_banned(report, sources):
    for path, text in sources.items():
        bare = strip(text)
        for number, line in enumerate(bare.split("\n"), 1):
            for match in BANNED.finditer(line):
                report.add(path, number, "banned", f"{match.group(1)}()")
            if path != "src/main.c" and GOTO.search(line):
                report.add(path, number, "banned", "goto outside main")


# length

NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")


def functions(text):
    """(name, first line, number of lines) of each function: from its signature to its brace. The
    format puts both braces of a function, and of nothing else, alone into the first column."""
    lines = strip(text).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number - 1
            while start > 0 and lines[start - 1].strip() and lines[start - 1][0] not in "}#" \
                    and not lines[start - 1].rstrip().endswith((";", "}", "\\")):
                start -= 1
        elif line.startswith("}") and start is not None:
            signature = " ".join(lines[start:number])
            # An attribute before the name has parentheses of its own.
            signature = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature)
            match = NAME.search(signature)
            yield match.group(1) if match else "?", start + 1, number - start + 1
            start = None


def read_allowed():
    """allow.txt: "path[:function] reason" a line."""
    allowed = {}
    path = os.path.join(ROOT, HERE, "allow.txt")
    if not os.path.exists(path):
        return allowed
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if line and not line.startswith("#"):
                name, _, reason = line.partition(" ")
                allowed[name] = (number, reason.strip())
    return allowed


def check_length(report, sources):
    allowed, used = read_allowed(), set()
    product, others = [], []

    def exceeds(name, path, line, what):
        used.add(name)
        if name not in allowed:
            report.add(path, line, "length", what)

    for path, text in sources.items():
        lines = text.count("\n")
        if lines > FILE_LINES:
            exceeds(path, path, 1, f"{lines} lines; {FILE_LINES} are the limit")
        for name, line, length in functions(text):
            (others if path.startswith("tests/") else product).append(length)
            if length > FUNCTION_LINES:
                exceeds(f"{path}:{name}", path, line,
                        f"{name} has {length} lines; {FUNCTION_LINES} are the limit")
    for name, (line, reason) in allowed.items():
        if name not in used:
            report.add(f"{HERE}/allow.txt", line, "length", f"{name} needs no exception (any more)")
        elif not reason:
            report.add(f"{HERE}/allow.txt", line, "length", f"{name} has no reason")
    for title, lengths in (("product", product), ("tests", others)):
        if lengths:
            p95 = sorted(lengths)[len(lengths) * 95 // 100]
            print(f"lint: functions of {title}: {len(lengths)}, median "
                  f"{statistics.median(lengths):.0f} lines, p95 {p95:.0f}, longest {max(lengths)}")


# format

def check_format(report, sources):
    tool = shutil.which("clang-format-14")
    if not tool:
        print("lint: format is not checked: clang-format-14 is not installed")
        return
    result = subprocess.run([tool, "--dry-run", "-Werror", *sources], cwd=ROOT, text=True,
                            stderr=subprocess.PIPE, check=False)
    seen = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: error:", result.stderr, re.MULTILINE):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            report.add(match.group(1), int(match.group(2)), "format", "not formatted: ./dev fmt")
    if result.returncode != 0 and not seen:
        report.add(".clang-format", 1, "format", result.stderr.strip().split("\n")[0])


# shell

def is_shell(path):
    if path.endswith(".sh"):
        return True
    if "." in os.path.basename(path):
        return False
    with open(os.path.join(ROOT, path), "rb") as f:
        first = f.readline(80)
    return first.startswith(b"#!") and b"sh" in first.split(b"/")[-1]


def check_shell(report, files):
    tool = shutil.which("shellcheck")
    scripts = [p for p in files if is_shell(p)]
    if not tool:
        print("lint: shell scripts are not checked: shellcheck is not installed")
        return
    result = subprocess.run([tool, "-x", "-f", "gcc", *scripts], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, check=False)
    for match in re.finditer(r"^(\S+?):(\d+):\d+: (.*)$", result.stdout, re.MULTILINE):
        report.add(match.group(1), int(match.group(2)), "shell", match.group(3))


# metrics

METRICS = "include/ampagent/base/metrics_table.h"


def check_metrics(report, sources):
    product = "\n".join(strip(text) for path, text in sources.items()
                        if path.endswith(".c") and not path.startswith("tests/"))
    used = set(re.findall(r"\bM_\w+", product))
    for match in re.finditer(r"\bX\((M_\w+)", sources.get(METRICS, "")):
        if match.group(1) not in used:
            line = sources[METRICS].count("\n", 0, match.start()) + 1
            report.add(METRICS, line, "metrics", f"{match.group(1)} is never set nor written")


# files

FILES_PAGE = "docs/ARCHITECTURE.md"
FILES_TITLE = "## One line a file\n"


def check_files(report, sources):
    text = read(FILES_PAGE) if os.path.exists(os.path.join(ROOT, FILES_PAGE)) else ""
    head, title, body = text.partition(FILES_TITLE)
    if not title:
        report.add(FILES_PAGE, 1, "files", f"has no section \"{FILES_TITLE.strip()}\"")
        return
    first = head.count("\n") + 2
    room, named = None, set()
    for number, line in enumerate(body.split("\n"), first):
        if line.startswith("### "):
            room = line[4:].strip()
        match = re.match(r"- `(\w+\.c)`: \S", line)
        if not match:
            continue
        path = f"{room}/{match.group(1)}"
        if path in named:
            report.add(FILES_PAGE, number, "files", f"{path} is named twice")
        elif path not in sources:
            report.add(FILES_PAGE, number, "files", f"{path} does not exist")
        named.add(path)
    for path in sources:
        if path.endswith(".c") and room_of(path) not in (None, "tests") and path not in named:
            report.add(path, 1, "files", f"has no line in {FILES_PAGE}")


# words

def check_words(report, files):
    for path in files:
        text = None if path.startswith(HERE) else read(path)
        for match in WORDS.finditer(text or ""):
            line = text.count("\n", 0, match.start()) + 1
            report.add(path, line, "words", f'"{match.group(0).strip()}" belongs to one machine')


def summarize(report):
    for path, line, check, what in sorted(report.findings):
        print(f"{path}:{line}: [{check}] {what}")
    rooms = {}
    for path, _, check, _ in report.findings:
        room = room_of(path) or "other"
        if room == "tests":
            room = "/".join(path.split("/")[:3])
        rooms.setdefault(room, {}).setdefault(check, 0)
        rooms[room][check] += 1
    for room, counts in sorted(rooms.items()):
        print(f"lint: {room}: " + ", ".join(f"{n} {check}" for check, n in sorted(counts.items())))
    print(f"lint: {len(report.findings)} findings")


def main():
    global ROOT
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="includes,headers,banned,length,format,shell,metrics,files,words")
    parser.add_argument("--root", default=ROOT)
    options = parser.parse_args()
    ROOT = os.path.abspath(options.root)
    files = list(walk())
    sources = {p: read(p) or "" for p in files if p.endswith((".c", ".h", ".cc"))}
    report = Report()
    checks = {
        "includes": lambda: check_includes(report, sources),
        "headers": lambda: check_headers(report, sources),
        "banned": lambda: check_banned(report, sources),
        "length": lambda: check_length(report, sources),
        "format": lambda: check_format(report, sources),
        "shell": lambda: check_shell(report, files),
        "metrics": lambda: check_metrics(report, sources),
        "files": lambda: check_files(report, sources),
        "words": lambda: check_words(report, files),
    }
    for name in options.only.split(","):
        if name not in checks:
            parser.error(f"no check is called {name}")
        checks[name]()
    summarize(report)
    return 1 if report.findings else 0


sys.exit(main())
