"""Protobuf pages field by field, what must not be included. For pages as exporters write them see exposition.py.

Numbers that are None are left out, so that what a message does not have is told from a zero.
"""
import struct

from exposition import TYPES, packed, raw, varint, zigzag

COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = (
    TYPES[name] for name in ("counter", "gauge", "summary", "untyped", "histogram", "gauge_histogram"))


def number(field, value):
    return b"" if value is None else varint(field << 3) + varint(value)


def signed(field, value):
    return b"" if value is None else number(field, zigzag(value))


def double(field, value):
    """A float, or what bits() gives."""
    if value is None:
        return b""
    raw = value if isinstance(value, bytes) else struct.pack("<d", value)
    return varint(field << 3 | 1) + raw


def bits(value):
    """A double by its bits, for NaNs."""
    return struct.pack("<Q", value)


def data(field, value):
    return b"" if value is None else raw(field, value)


def labels(pairs, field=1):
    return b"".join(data(field, data(1, n) + data(2, v)) for n, v in pairs.items())


def stamp(seconds):
    """A time, to the millisecond."""
    if seconds is None:
        return None
    ms = round(seconds * 1000)
    return number(1, ms // 1000) + number(2, ms % 1000 * 1000000)


def exemplar(pairs, value, at=None):
    """at: seconds as a float, for its time."""
    return labels(pairs) + double(2, value) + data(3, stamp(at))


def metric(pairs, field, value, timestamp_ms=None):
    return labels(pairs) + data(field, value) + number(6, timestamp_ms)


def counter(value, pairs={}, timestamp_ms=None, exemplar=None, start=None):
    return metric(pairs, 3, double(1, value) + data(2, exemplar) + data(3, stamp(start)), timestamp_ms)


def gauge(value, pairs={}, timestamp_ms=None):
    return metric(pairs, 2, double(1, value), timestamp_ms)


def untyped(value, pairs={}, timestamp_ms=None):
    return metric(pairs, 5, double(1, value), timestamp_ms)


def summary(count, total, quantiles, pairs={}, timestamp_ms=None, start=None):
    inner = number(1, count) + double(2, total) + b"".join(data(3, double(1, q) + double(2, v)) for q, v in quantiles)
    return metric(pairs, 4, inner + data(4, stamp(start)), timestamp_ms)


def bucket(bound, count=None, count_float=None, exemplar=None):
    return number(1, count) + double(2, bound) + data(3, exemplar) + double(4, count_float)


def span(offset, length):
    return signed(1, offset) + number(2, length)


def side(field, spans, deltas, counts, pack):
    out = b"".join(data(field, span(*s)) for s in spans)
    if not pack:
        return out + b"".join(signed(field + 1, d) for d in deltas) + b"".join(double(field + 2, c) for c in counts)
    return (out + packed(field + 1, deltas, lambda d: varint(zigzag(d)))
            + packed(field + 2, counts, lambda c: struct.pack("<d", c)))


def histogram(pairs={}, timestamp_ms=None, count=None, total=None, buckets=(), count_float=None, schema=None,
              zero_threshold=None, zero_count=None, zero_float=None, negative=(), negative_deltas=(), negative_counts=(),
              positive=(), positive_deltas=(), positive_counts=(), start=None, exemplars=(), pack=True):
    """buckets: from bucket(); negative and positive: spans of (offset, length)."""
    inner = (number(1, count) + double(2, total) + b"".join(data(3, b) for b in buckets) + double(4, count_float)
             + signed(5, schema) + double(6, zero_threshold) + number(7, zero_count) + double(8, zero_float)
             + side(9, negative, negative_deltas, negative_counts, pack)
             + side(12, positive, positive_deltas, positive_counts, pack)
             + data(15, stamp(start)) + b"".join(data(16, e) for e in exemplars))
    return metric(pairs, 7, inner, timestamp_ms)


def family(name, kind, *metrics, help=None, unit=None):
    inner = data(1, name) + data(2, help) + number(3, kind) + b"".join(data(4, m) for m in metrics) + data(5, unit)
    return varint(len(inner)) + inner
