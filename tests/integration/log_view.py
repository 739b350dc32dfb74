"""What a log directory holds and what a sink stored, as plain samples: {(series, time): value bits}.

Floats only. A series is its sorted labels. The log is read with `ampagent wal --verbose`, sinks by
their record files.
"""
import math
import os
import re
import struct
import subprocess

import harness as h

STALE = 0x7FF0000000000002
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_BATCH = re.compile(r"  (\d+):(\d+) sequence=(\d+) time=(\S+) owner=(\d+) samples=(\d+) ")


def series_of(text):
    return tuple(sorted(_LABEL.findall(text)))


def _bits(text):
    if text == "stale":
        return STALE
    value = float(text)
    return 0x7FF8000000000001 if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]


class Batch:
    def __init__(self, match):
        self.segment, self.offset, self.sequence = (int(match.group(i)) for i in (1, 2, 3))
        self.time, self.owner, self.n = match.group(4), int(match.group(5)), int(match.group(6))
        self.samples = {}
        self.nameless = 0  # samples whose labels are lost

    def same(self, other):
        return (self.time, self.n) == (other.time, other.n)


class View:
    """All batches of a log directory, in order."""

    def __init__(self, storage):
        run = subprocess.run([h.AMPAGENT, "wal", "--verbose", os.path.join(storage, "ampagent")],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.batches = []
        for line in run.stdout.decode().split("\n"):
            match = _BATCH.match(line)
            if match:
                self.batches.append(Batch(match))
            elif line.startswith("    ") and not line.startswith("    metadata ") and self.batches:
                body = line.split(None, 1)[1]
                if not body.startswith("{"):
                    self.batches[-1].nameless += 1
                    continue
                head, value, t_ms = body.rsplit(" ", 2)
                self.batches[-1].samples[series_of(head), int(t_ms)] = _bits(value)

    def samples(self):
        out = {}
        for batch in self.batches:
            out.update(batch.samples)
        return out


class Stored:
    """A sink's record file: all that it took, and whether a sample came with two values."""

    def __init__(self, path):
        self.samples, self.again, self.conflicts = {}, 0, 0
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8", newline="\n") as f:
            for line in f:
                t_ms, value, labels = line.rstrip("\n").split(" ", 2)
                key, bits = (series_of(labels.split(" start=")[0]), int(t_ms)), int(value, 16)
                known = self.samples.setdefault(key, bits)
                if known is not bits:
                    self.again += known == bits
                    self.conflicts += known != bits
