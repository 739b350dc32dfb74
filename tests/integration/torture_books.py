"""The books of the torture run: what the log held, what the sinks stored, and whether they agree.

A sample is a key, its series and time in one integer, and its value: the 64 bits of a float, or all of
a native histogram as text. Exemplars and start times are kept beside them. The log is read with
`ampagent wal --verbose` after each kill and before the next start, so that a segment that is deleted
later is in the books already.
"""
import math
import os
import re
import shutil
import struct
import subprocess

import harness as h
import torture_targets

EXTERNAL = {"cluster": "torture", "replica": "one"}
# An external label that reloads change: no part of a series' name here.
ERA = "era"
STALE, NAN = 0x7FF0000000000002, 0x7FF8000000000001
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_SEGMENT = re.compile(r"(seg-\S+): (\d+) bytes, (?:created .*, first sequence (\d+)|header damaged)")
_BATCH = re.compile(r"  \d+:\d+ sequence=(\d+) .* samples=(\d+) ")
_LEDGER = re.compile(r"  \d+:\d+ ledger sequence=(\d+) since=\S+ base=(\d+) passed_over=(\d+)(.*)$")
_HISTOGRAM = re.compile(r"(.*) histogram (float )?schema=(-?\d+) count=(\S+) sum=(\S+) zero=(\S+)"
                        r"(?: negative=(\S+))?(?: positive=(\S+))?(?: bounds=(\S+))?(?: reset=(\S+))?"
                        r"(?: since=(\d+))? (-?\d+)$")
_TIME_BITS = 44
# How old pages with times of their own are.
_OWN_TIMES_MS = 3000
# From one turn to the next, and the longest scrape.
TURN_MS = _SCRAPE_MS = 400
# Series that were silent for longer (a little less here) get no marker any more.
_MARKED_MS = 280000


def bits_of(text):
    if text == "stale":
        return STALE
    value = float(text)
    return NAN if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]


def is_histogram(value):
    return isinstance(value, str)


def is_custom(value):
    return is_histogram(value) and ";schema=-53;" in value


def value_of(value):
    """Of a histogram the count."""
    if is_histogram(value):
        return float(re.search("count=([^;]*)", value).group(1))
    return struct.unpack("<d", struct.pack("<Q", value))[0]


def histogram_of(match):
    """A printed histogram as record files tell it, but for the start."""
    is_float, schema, count, total, zero, negative, positive, bounds, reset = match.groups()[1:10]
    return "%s;schema=%s;count=%s;sum=%016x;zero=%s;neg=%s;pos=%s;bounds=%s;reset=%s" % (
        "float" if is_float else "int", schema, count, bits_of(total), zero, negative or "",
        positive or "", bounds or "", reset or "unknown")


def cut(path, n):
    os.truncate(path, max(0, os.path.getsize(path) - n))


def exemplar_of(number, t_ms, bits, labels):
    return number << _TIME_BITS | int(t_ms), bits, tuple(sorted(_LABEL.findall(labels)))


class Series:
    """Numbers for label sets, whatever text they come in."""

    def __init__(self):
        self.labels = []
        self._of_text, self._of_labels = {}, {}

    def number(self, text, add):
        known = self._of_text.get((text, add))
        if known is None:
            labels = dict(_LABEL.findall(text))
            labels.pop(ERA, None)
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
        self.exemplars, self.starts, self.unstarted = [], {}, {}
        self.ledgers = []  # {name: sum} of each record
        self.batch = 0     # the first of its samples
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
                self.batch, self.unstarted = len(self.samples), None
                if " undecodable=" in line:
                    self.complaints.append(line)
                continue
            ledger = _LEDGER.match(line)
            if ledger:
                self._ledger(line, *ledger.groups())
                continue
            segment = _SEGMENT.match(line)
            if segment:
                if segment.group(3) is not None:
                    self._begin(int(segment.group(3)))
            elif line.startswith("  ") and not line.startswith("  gap: ") and \
                    not line.endswith(" bytes after the last whole record"):
                self.complaints.append(line)

    def _ledger(self, line, sequence, base, passed_over, sums):
        """What was refused before the log; the number is that of the next sample."""
        if int(sequence) != self.end:
            self.complaints.append(line)
        one = {"base": int(base), "passed_over": int(passed_over)}
        for word in sums.split():
            reason, _, counts = word.partition("=")
            one[reason + " scrapes"], one[reason] = map(int, counts.split("/"))
        self.ledgers.append(one)

    def _begin(self, sequence):
        if self.first is None:
            self.first = self.end = sequence
        if sequence != self.end:
            self.jumps.append((self.end, sequence))
            self.end = sequence

    def _sample(self, line, series):
        if line.startswith("    metadata "):
            return
        body = line.split(None, 1)[1]
        named = body.startswith("{")
        histogram = _HISTOGRAM.match(body)
        if histogram:
            self._add(series, histogram.group(1) if named else None, histogram.group(12), histogram_of(histogram))
            if histogram.group(11) and named:
                self.starts[self.samples[-1][0]] = int(histogram.group(11))
            return
        head, value, t_ms = body.rsplit(" ", 2)
        if " # {" in head:
            labels, own = head.split(" # ")
            if named:
                self.exemplars.append(exemplar_of(series.number(labels, True), t_ms, bits_of(value), own))
        elif value == "since":
            if named:
                self._start(series.number(head, True), int(t_ms))
        else:
            self._add(series, head if named else None, t_ms, bits_of(value))

    def _add(self, series, labels, t_ms, value):
        key = None if labels is None else series.number(labels, True) << _TIME_BITS | int(t_ms)
        self.samples.append((key, 0 if key is None and not is_histogram(value) else value))

    def _start(self, number, start_ms):
        """Start times follow the samples of their batch."""
        if self.unstarted is None:
            self.unstarted = {}
            for key, _ in self.samples[self.batch:]:
                if key is not None:
                    self.unstarted.setdefault(key >> _TIME_BITS, []).append(key)
        for key in self.unstarted.get(number, ()):
            self.starts[key] = start_ms


class LogBooks:
    """The union of everything the log ever held."""

    def __init__(self, data, view):
        self.dir, self.view = os.path.join(data, "ampagent"), view
        self.series = Series()
        self.logged = {}  # key: value
        self.lost = {}    # key: values, of samples that were cut off again, or their labels were
        self.lost_ends = {}  # series: time of its newest marker among those
        self.starts, self.exemplars, self.lost_exemplars = {}, set(), set()
        self.count = self.nameless = 0
        # Of these: native histograms, with custom buckets; and those that may be counted or not.
        self.histograms = self.customs = self.unsure = 0
        self.markerless = set()  # (job, time) of scrapes
        self.lasts = set()       # the same of those after a SIGTERM, which end no series
        self.definitions = {}  # path: size
        self.end = self.reserved = 0  # next sequence; up to where cut samples may have had numbers
        self.gaps = self.cuts = 0     # samples
        self.ledger = {}              # sums of the last ledger record
        self.seen = set()  # segments in the books
        self.memory = []   # (from, to) in ms: runs whose log was in memory only, as they said
        self.troubles = []  # ms: when the disk took nothing more

    def outside(self, key):
        """Whether a sample may be at a sink that is not in the log: it was cut off, or never on disk."""
        t_ms = key & (1 << _TIME_BITS) - 1
        return key not in self.logged and (key in self.lost or any(a - _OWN_TIMES_MS <= t_ms <= b for a, b in self.memory))

    def _forgotten(self, t_ms, then):
        """On a full disk segments that are sent go at once. When the agent is killed before it could log the
        targets' next scrapes, the next run does not know what they had, and ends nothing."""
        return any(t_ms < t and (then is None or t < then) for t in self.troubles)

    def segments(self):
        if not os.path.isdir(self.dir):
            return []
        return sorted(name for name in os.listdir(self.dir) if name.startswith("seg-"))

    def _identity(self, name):
        """With the header, which has the time: the number of a segment that was cut off whole may be
        given again."""
        with open(os.path.join(self.dir, name), "rb") as f:
            return name, f.read(48)

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

    def collect(self, cut_share=0, cut_definitions=False, stopped_ms=None):
        """Takes the segments written since the last time. What was written last may get lost first,
        as in a power loss: a share of the newest segment's bytes (1 or more is a number of bytes),
        half of the definitions that were added. stopped_ms: when SIGTERM was sent, if it was."""
        new = [name for name in self.segments() if self._identity(name) not in self.seen]
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
            self.lost_exemplars |= set(before.exemplars) - set(after.exemplars)
            self.starts.update(before.starts)
        self._add(after)
        if stopped_ms is not None:
            # What was under way then is let finish.
            self.lasts.update(turn for turn in self._turns(after.samples) if turn[1] > stopped_ms - _SCRAPE_MS)
        if len(after.samples) < len(before.samples) or any(key is None for key, _ in after.samples):
            self._excuse_ends(after.samples)
        self.reserved = max(self.reserved, self.end, before.end or 0)
        self.seen.update(map(self._identity, new))

    def _grown_definitions(self):
        """[(path, by how many bytes)] since the last call; only of files known then, as a new one
        may hold older definitions that were carried over. A kill may come before there is a log."""
        there = os.listdir(self.dir) if os.path.isdir(self.dir) else []
        names = sorted(n for n in there if n.startswith("def-"))
        paths = [os.path.join(self.dir, name) for name in names]
        now = {path: os.path.getsize(path) for path in paths}
        grown = [(path, now[path] - self.definitions[path]) for path in paths
                 if now[path] > self.definitions.get(path, now[path])]
        self.definitions = now
        return grown

    def _lose(self, before, after):
        for i, (key, bits) in enumerate(before):
            if i >= len(after) or after[i][0] is None:
                self.lost.setdefault(key, set()).add(bits)
                number, t_ms = key >> _TIME_BITS, key & (1 << _TIME_BITS) - 1
                if bits == STALE:
                    self.lost_ends[number] = max(t_ms, self.lost_ends.get(number, 0))
                self.unsure += is_histogram(bits)
        self.cuts += len(before) - len(after)

    def _excuse_ends(self, samples):
        """A frame that lost definitions is not used again, nor one that was given up in what was cut off:
        no markers follow its last values."""
        last = {}
        for job, t_ms in self._turns(samples):
            last[job] = max(t_ms, last.get(job, 0))
        self.markerless.update(last.items())

    def _turns(self, samples):
        """(job, time) of the scrapes."""
        for key, _ in samples:
            labels = self.series.labels[key >> _TIME_BITS] if key is not None else {}
            if labels.get("__name__") == "up":
                yield labels["job"], key & (1 << _TIME_BITS) - 1

    def _add(self, printed):
        for what in printed.complaints:
            h.check(False, "the log is whole: " + what.strip())
        for one in printed.ledgers:
            # What is cut off may have been the newest of them.
            for name, n in self.ledger.items():
                h.check(one.get(name, 0) >= n or self.cuts, "sums of the log never fall: %s, %s" % (self.ledger, one))
            self.ledger = one
        if printed.first is None:
            return
        jumps = printed.jumps + ([(self.end, printed.first)] if printed.first != self.end else [])
        for end, first in jumps:
            h.check(end < first <= self.reserved, "sequence numbers go on: %d follows %d" % (first, end))
            self.gaps += first - end
        numbers = printed.end - self.end - sum(first - end for end, first in jumps)
        h.check(numbers == len(printed.samples), "%d samples have %d numbers" % (len(printed.samples), numbers))
        self.starts.update(printed.starts)
        self.exemplars.update(printed.exemplars)
        for key, bits in printed.samples:
            if key is None:
                self.nameless += 1
                continue
            self.histograms += is_histogram(bits)
            self.customs += is_custom(bits)
            if self.logged.setdefault(key, bits) != bits:
                h.check(False, "one value for %s: %s, %s" % (self.series.show(key), self.logged[key], bits))
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

    def check_ends(self):
        """Whoever has a value in a scrape has one in the target's next scrape, or a staleness marker. The last
        scrape of a run that is told to stop gives no markers: those come with the one after it."""
        turns = {}
        for key in self.logged:
            labels = self.series.labels[key >> _TIME_BITS]
            if labels["__name__"] == "up":
                turns.setdefault(labels["job"], []).append(key & (1 << _TIME_BITS) - 1)
        following = {}
        for job, times in turns.items():
            times.sort()
            following[job] = dict(zip(times, times[1:]))
        checked = histograms = 0
        open_ends = []
        for key, bits in self.logged.items():
            labels = self.series.labels[key >> _TIME_BITS]
            t_ms = key & (1 << _TIME_BITS) - 1
            then = following[labels["job"]].get(t_ms)
            if bits == STALE or then is None or labels["__name__"] == torture_targets.TIMED:
                continue
            value = self.logged.get(key - t_ms + then)
            while value is None and (labels["job"], then) in self.lasts:
                if (labels["job"], then) in self.markerless:
                    value = STALE
                    break
                then = following[labels["job"]].get(then)
                value = STALE if then is None else self.logged.get(key - t_ms + then)
            checked += value == STALE
            histograms += value == STALE and is_histogram(bits)
            if value is None and (labels["job"], t_ms) not in self.markerless and \
                    self.lost_ends.get(key >> _TIME_BITS, 0) <= t_ms and not self._forgotten(t_ms, then):
                open_ends.append(key)
        for key in open_ends[:5]:
            t_ms = key & (1 << _TIME_BITS) - 1
            turns_of = following[self.series.labels[key >> _TIME_BITS]["job"]]
            turns_after = [t_ms]
            while turns_after[-1] in turns_of and len(turns_after) < 5:
                turns_after.append(turns_of[turns_after[-1]])
            print("  no value or marker follows %s, scraped after that at %s" % (self.series.show(key), [
                (t, self.logged.get(key - t_ms + t)) for t in turns_after[1:]]))
        h.check(not open_ends, "%d series ended without a marker" % len(open_ends))
        h.check(checked > 0 and histograms > 0, "series end, %d, %d of histograms" % (checked, histograms))


    def check_last(self, now_ms):
        """The targets are gone: what was alive in the last minutes has its marker, the last thing of it."""
        newest = {}
        for key in self.logged:
            if key > newest.get(key >> _TIME_BITS, -1):
                newest[key >> _TIME_BITS] = key
        alive = []
        for number, key in newest.items():
            labels, t_ms = self.series.labels[number], key & (1 << _TIME_BITS) - 1
            if labels["__name__"] != torture_targets.TIMED and self.logged[key] != STALE and not (
                    is_histogram(self.logged[key]) and "sum=%016x" % STALE in self.logged[key]) and (
                    t_ms > now_ms - _MARKED_MS and (labels["job"], t_ms) not in self.markerless) and (
                    self.lost_ends.get(number, 0) <= t_ms and not self._forgotten(t_ms, None)):
                alive.append(key)
        for key in alive[:5]:
            print("  no marker follows %s" % self.series.show(key))
        # A frame whose definitions were cut off is not used again, which ends no series of it.
        h.check(len(alive) <= (self.nameless if self.cuts else 0),
                "%d of %d series have no marker in the end" % (len(alive), len(newest)))


class Record:
    """What one sink stored, in the order it did, and what it refused for good."""

    def __init__(self, path, books):
        series, self.outside, self.lost = books.series, books.outside, books.lost
        self.stored, self.again, self.conflicts, self.disorder = {}, 0, 0, []
        self.late_again = 0
        self.starts, self.exemplars, self.newest = {}, set(), {}
        self.refused, self.last_of_era = set(), {}
        self._eras = {}
        with open(path, encoding="utf-8", newline="\n") as f:
            for line in f:
                if line.startswith("e "):
                    _, t_ms, bits, labels = line.split(" ", 3)
                    labels, own = labels.split(" # ")
                    self.exemplars.add(exemplar_of(series.number(labels, False), t_ms, int(bits, 16), own))
                elif line.startswith("x "):
                    _, t_ms, _, labels = line.rstrip("\n").split(" ", 3)
                    self.refused.add(series.number(labels.partition(" start=")[0], False) << _TIME_BITS | int(t_ms))
                else:
                    self._sample(line.rstrip("\n"), series)

    def _era(self, labels):
        era = self._eras.get(labels)
        if era is None:
            era = self._eras[labels] = dict(_LABEL.findall(labels)).get(ERA, "")
        return era

    def _sample(self, line, series):
        t_ms, value, labels = line.split(" ", 2)
        if value.startswith("h:"):
            value, start = value[2:].rsplit(";start=", 1)
        else:
            labels, _, start = labels.partition(" start=")
            value = int(value, 16)
        number, t_ms, era = series.number(labels, False), int(t_ms), self._era(labels)
        key = number << _TIME_BITS | t_ms
        self.last_of_era[era] = max(t_ms, self.last_of_era.get(era, 0))
        if int(start or 0):
            self.starts[key] = int(start)
        # A sink that was started anew stores again what it had.
        newest = self.newest.get((number, era), 0)
        if t_ms > newest and key not in self.lost and not self.outside(key):
            self.newest[number, era] = t_ms
        known = self.stored.get(key)
        if known is not None:
            self.again += known == value
            # A marker may have the time of a value that was sent and then cut off the log.
            self.conflicts += known != value and key not in self.lost
            self.late_again += t_ms < newest
            return
        self.stored[key] = value
        if t_ms < newest and not self.outside(key):
            self.disorder.append(key)

    def compare(self, books, name, wanted):
        """Checks it against the log; returns (missing, extra). wanted(value) says which samples the sink
        is to get at all."""
        missing = [k for k, value in books.logged.items() if wanted(value) and self.stored.get(k) != value and not (
            value == STALE and self.stored.get(k) in books.lost.get(k, ()))]
        extra = [k for k, value in self.stored.items() if not wanted(value) or (
            books.logged.get(k) != value and value not in books.lost.get(k, ()) and not (
                books.memory and books.outside(k)))]
        self.show(books, extra, "was never logged but is at " + name)
        h.check(not extra, "%d samples at %s were never logged" % (len(extra), name))
        h.check(self.conflicts == 0, "%d samples came to %s with two values" % (self.conflicts, name))
        wrong = [k for k, start in self.starts.items() if books.starts.get(k) != start and not self.outside(k)]
        for key in wrong[:5]:
            print("  %s starts at %s, not %d" % (books.series.show(key), books.starts.get(key), self.starts[key]))
        h.check(not wrong, "%d samples at %s have a wrong start" % (len(wrong), name))
        return missing, extra

    def show(self, books, keys, what):
        for key in keys[:5]:
            print("  %s %s: %s, logged %s" % (books.series.show(key), what, self.stored.get(key), books.logged.get(key)))

    def compare_exemplars(self, books, name, too_large):
        """What one sample brings goes where it goes: at most so many were refused, too large by themselves."""
        refused = {key >> _TIME_BITS for key in self.refused}
        missing = books.exemplars - self.exemplars
        gone = {one for one in missing if one[0] >> _TIME_BITS in refused}
        if len(gone) <= too_large:
            missing -= gone
        extra = set() if books.memory else self.exemplars - books.exemplars - books.lost_exemplars
        for what, some in ("is missing at", missing), ("was never logged but is at", extra):
            for key, bits, labels in sorted(some)[:5]:
                print("  exemplar %s %016x of %s %s %s" % (labels, bits, books.series.show(key), what, name))
        h.check(not missing, "%d logged exemplars are missing at %s" % (len(missing), name))
        h.check(not extra, "%d exemplars at %s were never logged" % (len(extra), name))
