"""The books of the torture run: what the log held, what the sinks stored, and whether they agree.

A sample is a key, its series and time in one integer, and the 64 bits of its value. The log is read
with `ampagent wal --verbose` after each kill and before the next start, so that a segment that is
deleted later is in the books already.
"""
import math
import os
import re
import shutil
import struct
import subprocess

import harness as h

EXTERNAL = {"cluster": "torture", "replica": "one"}
STALE, NAN = 0x7FF0000000000002, 0x7FF8000000000001
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_SEGMENT = re.compile(r"(seg-\S+): (\d+) bytes, (?:created .*, first sequence (\d+)|header damaged)")
_BATCH = re.compile(r"  \d+:\d+ sequence=(\d+) .* samples=(\d+) ")
_TIME_BITS = 44


def bits_of(text):
    if text == "stale":
        return STALE
    value = float(text)
    return NAN if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]


def value_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def cut(path, n):
    os.truncate(path, max(0, os.path.getsize(path) - n))


class Series:
    """Numbers for label sets, whatever text they come in."""

    def __init__(self):
        self.labels = []
        self._of_text, self._of_labels = {}, {}

    def number(self, text, add):
        known = self._of_text.get((text, add))
        if known is None:
            labels = dict(_LABEL.findall(text))
            if add:
                labels = dict(EXTERNAL, **labels)
            whole = tuple(sorted(labels.items()))
            known = self._of_labels.setdefault(whole, len(self.labels))
            if known == len(self.labels):
                self.labels.append(labels)
            self._of_text[text, add] = known
        return known

    def show(self, key):
        return "%s at %d" % (self.labels[key >> _TIME_BITS], key & (1 << _TIME_BITS) - 1)


class Printed:
    """What `ampagent wal --verbose` says of some segments."""

    def __init__(self, text, series):
        self.samples, self.complaints, self.jumps = [], [], []
        self.first = self.end = None  # sequence before the first sample, after the last one
        for line in text.split("\n"):
            if line.startswith("    "):
                self._sample(line, series)
                continue
            batch = _BATCH.match(line)
            if batch:
                sequence, n = int(batch.group(1)), int(batch.group(2))
                self._begin(sequence)
                self.end = sequence + n
                if " undecodable=" in line:
                    self.complaints.append(line)
                continue
            segment = _SEGMENT.match(line)
            if segment:
                if segment.group(3) is not None:
                    self._begin(int(segment.group(3)))
            elif line.startswith("  ") and not line.startswith("  gap: ") and \
                    not line.endswith(" bytes after the last whole record"):
                self.complaints.append(line)

    def _begin(self, sequence):
        if self.first is None:
            self.first = self.end = sequence
        if sequence != self.end:
            self.jumps.append((self.end, sequence))
            self.end = sequence

    def _sample(self, line, series):
        if line.startswith("    metadata "):
            return
        head, value, t_ms = line.rsplit(" ", 2)
        labels = head.split(None, 1)[1]
        if not labels.startswith("{"):
            self.samples.append((None, 0))
            return
        self.samples.append((series.number(labels, True) << _TIME_BITS | int(t_ms), bits_of(value)))


class LogBooks:
    """The union of everything the log ever held."""

    def __init__(self, directory, data):
        self.dir = os.path.join(data, "ampagent")
        self.view = os.path.join(directory.path, "view")
        self.series = Series()
        self.logged = {}  # key: bits
        self.lost = {}    # the same, of samples that were cut off again, or their labels were
        self.count = self.nameless = 0
        self.definitions = {}  # path: size
        self.end = self.reserved = 0  # next sequence; up to where cut samples may have had numbers
        self.gaps = self.cuts = 0     # samples
        self.seen = ""    # the newest segment in the books

    def segments(self):
        if not os.path.isdir(self.dir):
            return []
        return sorted(name for name in os.listdir(self.dir) if name.startswith("seg-"))

    def _print(self, names):
        """Only the named segments, with all definitions: reading the whole log again and again
        would take longer than writing it."""
        shutil.rmtree(self.view, ignore_errors=True)
        os.mkdir(self.view)
        for name in names + [n for n in os.listdir(self.dir) if n.startswith(("def-", "FORMAT"))]:
            os.link(os.path.join(self.dir, name), os.path.join(self.view, name))
        run = subprocess.run([h.AMPAGENT, "wal", "--verbose", self.view], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=120)
        h.check(run.returncode == 0, "the log can be printed: %s" % run.stdout[-300:])
        return Printed(run.stdout.decode(), self.series)

    def collect(self, cut_share=0, cut_definitions=False):
        """Takes the segments written since the last time. What was written last may get lost first,
        as in a power loss: a share of the newest segment's bytes (1 or more is a number of bytes),
        half of the definitions that were added."""
        new = [name for name in self.segments() if name > self.seen]
        grown = self._grown_definitions()
        if not new:
            return
        before = after = self._print(new)
        if cut_share or cut_definitions:
            path = os.path.join(self.dir, new[-1])
            cut(path, int(cut_share if cut_share >= 1 else os.path.getsize(path) * cut_share))
            for path, n in grown if cut_definitions else []:
                cut(path, (n + 1) // 2)
            self._grown_definitions()
            after = self._print(new)
            self._lose(before.samples, after.samples)
        self._add(after)
        self.reserved = max(self.reserved, self.end, before.end or 0)
        self.seen = new[-1]

    def _grown_definitions(self):
        """[(path, by how many bytes)] since the last call; only of files known then, as a new one
        may hold older definitions that were carried over."""
        names = sorted(n for n in os.listdir(self.dir) if n.startswith("def-"))
        paths = [os.path.join(self.dir, name) for name in names]
        now = {path: os.path.getsize(path) for path in paths}
        grown = [(path, now[path] - self.definitions[path]) for path in paths
                 if now[path] > self.definitions.get(path, now[path])]
        self.definitions = now
        return grown

    def _lose(self, before, after):
        for i, (key, bits) in enumerate(before):
            if i >= len(after) or after[i][0] is None:
                self.lost[key] = bits
        self.cuts += len(before) - len(after)

    def _add(self, printed):
        for what in printed.complaints:
            h.check(False, "the log is whole: " + what.strip())
        if printed.first is None:
            return
        jumps = printed.jumps + ([(self.end, printed.first)] if printed.first != self.end else [])
        for end, first in jumps:
            h.check(end < first <= self.reserved, "sequence numbers go on: %d follows %d" % (first, end))
            self.gaps += first - end
        numbers = printed.end - self.end - sum(first - end for end, first in jumps)
        h.check(numbers == len(printed.samples), "%d samples have %d numbers" % (len(printed.samples), numbers))
        for key, bits in printed.samples:
            if key is None:
                self.nameless += 1
            elif self.logged.setdefault(key, bits) != bits:
                h.check(False, "one value for " + self.series.show(key))
        self.count += len(printed.samples)
        self.end = printed.end

    def check_values(self):
        """Moving values name their slot, and grow with time: whoever mixes up series is caught."""
        newest, mixed, back = {}, 0, 0
        for key in sorted(self.logged):
            labels, bits = self.series.labels[key >> _TIME_BITS], self.logged[key]
            if bits == STALE or not labels["__name__"].startswith("moving"):
                continue
            value = value_of(bits)
            mixed += int(value) % 4096 != int(labels["slot"])
            back += value <= newest.get(key >> _TIME_BITS, -1)
            newest[key >> _TIME_BITS] = value
        h.check(mixed == 0, "%d values stand in the log under labels of another series" % mixed)
        h.check(back == 0, "%d values of the log are older than their time" % back)


class Record:
    """What one sink stored, in the order it did."""

    def __init__(self, path, series):
        self.stored, self.again, self.disorder, self.conflicts = {}, 0, 0, 0
        newest = {}
        with open(path, encoding="utf-8", newline="\n") as f:
            for line in f:
                t_ms, bits, labels = line.rstrip("\n").split(" ", 2)
                number = series.number(labels, False)
                key, bits, t_ms = number << _TIME_BITS | int(t_ms), int(bits, 16), int(t_ms)
                known = self.stored.get(key)
                if known is not None:
                    self.again += known == bits
                    self.conflicts += known != bits
                    continue
                self.stored[key] = bits
                self.disorder += t_ms < newest.get(number, 0)
                newest[number] = max(t_ms, newest.get(number, 0))

    def compare(self, books, name):
        """Checks it against the log; returns (missing, extra)."""
        missing = [k for k, bits in books.logged.items() if self.stored.get(k) != bits]
        extra = [k for k, bits in self.stored.items()
                 if books.logged.get(k) != bits and books.lost.get(k) != bits]
        for what, keys in ("is missing at", missing), ("was never logged but is at", extra):
            for key in keys[:5]:
                print("  %s %s %s" % (books.series.show(key), what, name))
        h.check(not missing, "%d logged samples are missing at %s" % (len(missing), name))
        h.check(not extra, "%d samples at %s were never logged" % (len(extra), name))
        h.check(self.disorder == 0, "%d samples came to %s out of order" % (self.disorder, name))
        h.check(self.conflicts == 0, "%d samples came to %s with two values" % (self.conflicts, name))
        return len(missing), len(extra)
