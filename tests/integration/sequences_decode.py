"""Remote-write requests, both versions, as plain values: floats as bits, native histograms field by field, exemplars,
metadata."""
import collections
import struct

from recorder import fields, snappy_decode, uvarint

STALE = 0x7FF0000000000002
TYPES = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"]
HINTS = ["unknown", "yes", "no", "gauge"]

Histogram = collections.namedtuple(
    "Histogram", "form hint schema count sum zero_threshold zero negative positive bounds")


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def zigzag(value):
    return (value >> 1) ^ -(value & 1)


def varints(data):
    at, out = 0, []
    while at < len(data):
        value, at = uvarint(data, at)
        out.append(value)
    return out


def doubles(data):
    return list(struct.unpack("<%dQ" % (len(data) // 8), data))


def double(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def packed(value, how):
    """A repeated number: packed, or alone."""
    return how(value) if isinstance(value, (bytes, bytearray)) else [value]


def span(data):
    got = dict(fields(data))
    return zigzag(got.get(1, 0)), got.get(2, 0)


def histogram(data):
    """(time, Histogram); the fields of both versions have the same numbers."""
    one = {}
    spans, deltas, counts, bounds = {8: [], 11: []}, {9: [], 12: []}, {10: [], 13: []}, []
    for number, value in fields(data):
        if number in spans:
            spans[number].append(span(value))
        elif number in deltas:
            deltas[number] += [zigzag(v) for v in packed(value, varints)]
        elif number in counts:
            counts[number] += packed(value, doubles)
        elif number == 16:
            bounds += packed(value, doubles)
        else:
            one[number] = value
    is_float = 2 in one
    sides = [(tuple(spans[8]), tuple(counts[10] if is_float else deltas[9])),
             (tuple(spans[11]), tuple(counts[13] if is_float else deltas[12]))]
    other = (deltas[9], deltas[12]) if is_float else (counts[10], counts[13])
    form = ("float" if is_float else "int") + (" with both forms" if any(other) else "")
    got = Histogram(form, HINTS[one.get(14, 0)], zigzag(one.get(4, 0)), one.get(2 if is_float else 1, 0), one.get(3, 0),
                    one.get(5, 0), one.get(7 if is_float else 6, 0), sides[0], sides[1], tuple(bounds))
    return signed(one.get(15, 0)), got


def pairs_1(values):
    out = []
    for value in values:
        pair = dict(fields(value))
        out.append((bytes(pair.get(1, b"")), bytes(pair.get(2, b""))))
    return tuple(out)


class Delivered:
    """What one sender sent. samples: {labels: [(time, bits or Histogram)]}; exemplars: {labels: [(time, bits,
    labels)]}; metadata: [(family, type, help, unit)]; errors: what is not as it must be."""

    def __init__(self):
        self.samples = collections.defaultdict(list)
        self.exemplars = collections.defaultdict(list)
        self.metadata = []
        self.errors = []

    def take(self, body, version):
        try:
            data = snappy_decode(body)
            self.version_2(data) if version == 2 else self.version_1(data)
        except (ValueError, IndexError, KeyError, struct.error) as e:
            self.errors.append("%s: %s" % (type(e).__name__, e))

    def series(self, labels, samples, histograms, exemplars):
        if list(labels) != sorted(set(labels)) or any(not n or not v for n, v in labels):
            self.errors.append("labels are not as they must be: %r" % (labels,))
        for value in samples:
            got = dict(fields(value))
            self.samples[labels].append((signed(got.get(2, 0)), got.get(1, 0)))
        for value in histograms:
            self.samples[labels].append(histogram(value))
        if exemplars:
            self.exemplars[labels] += exemplars

    def version_1(self, data):
        for number, value in fields(data):
            if number == 1:
                parts = collections.defaultdict(list)
                for field, part in fields(value):
                    parts[field].append(part)
                exemplars = []
                for part in parts[3]:
                    of = collections.defaultdict(list)
                    for field, inner in fields(part):
                        of[field].append(inner)
                    exemplars.append((signed((of[3] or [0])[0]), (of[2] or [0])[0], pairs_1(of[1])))
                self.series(pairs_1(parts[1]), parts[2], parts[4], exemplars)
            elif number == 3:
                got = dict(fields(value))
                self.metadata.append((bytes(got.get(2, b"")), TYPES[got.get(1, 0)], bytes(got.get(4, b"")),
                                      bytes(got.get(5, b""))))

    def version_2(self, data):
        symbols = [bytes(value) for number, value in fields(data) if number == 4]
        for number, value in fields(data):
            if number != 5:
                continue
            parts = collections.defaultdict(list)
            for field, part in fields(value):
                parts[field].append(part)

            def pairs_2(values):
                refs = [ref for part in values for ref in packed(part, varints)]
                return tuple((symbols[n], symbols[v]) for n, v in zip(refs[::2], refs[1::2]))
            exemplars = []
            for part in parts[4]:
                of = collections.defaultdict(list)
                for field, inner in fields(part):
                    of[field].append(inner)
                exemplars.append((signed((of[3] or [0])[0]), (of[2] or [0])[0], pairs_2(of[1])))
            self.series(pairs_2(parts[1]), parts[2], parts[3], exemplars)


def delivered(posts, path):
    """Everything posted to one path."""
    out = Delivered()
    for where, headers, body in posts:
        if where == path:
            names = {k.lower(): v for k, v in headers}
            out.take(body, 2 if b"io.prometheus.write.v2" in names.get(b"content-type", b"") else 1)
    return out
