"""Pages in the delimited protobuf format, written from plain Python values.

counter(), gauge(), untyped(), summary() and histogram() each make one metric of a family;
family() takes the metrics, page() the families:

    page(family("up", "gauge", [gauge({"a": "b"}, 1)], help="..."))

Labels are a dict or a list of pairs (then order and repetition are kept). Values are written even
when they are 0, as client libraries do. The format has no field for custom bucket bounds: such
histograms are made by a reader from classic buckets.
"""
import math
import struct

CONTENT_TYPE = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                "encoding=delimited")
TYPES = {"counter": 0, "gauge": 1, "summary": 2, "untyped": 3, "histogram": 4,
         "gauge_histogram": 5}


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def zigzag(n):
    return n << 1 if n >= 0 else (-n << 1) - 1


def integer(field, n):
    return varint(field << 3) + varint(n)


def signed(field, n):
    return integer(field, zigzag(n))


def double(field, v):
    return varint(field << 3 | 1) + (v if isinstance(v, bytes) else struct.pack("<d", v))


def raw(field, data):
    if isinstance(data, str):
        data = data.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def packed(field, numbers, one):
    return raw(field, b"".join(map(one, numbers))) if numbers else b""


def timestamp(field, ms):
    """A google.protobuf.Timestamp, nothing for None."""
    if ms is None:
        return b""
    seconds, rest = divmod(ms, 1000)
    return raw(field, integer(1, seconds) + integer(2, int(rest * 1000000)))


def label_pairs(labels):
    pairs = labels.items() if isinstance(labels, dict) else labels or ()
    return b"".join(raw(1, raw(1, name) + raw(2, value)) for name, value in pairs)


def exemplar(labels, value, ms=None):
    """What the exemplar arguments below take."""
    return label_pairs(labels) + double(2, value) + timestamp(3, ms)


def optional(field, message):
    return b"" if message is None else raw(field, message)


def metric(labels, field, message, t_ms):
    return label_pairs(labels) + raw(field, message) + (integer(6, t_ms) if t_ms else b"")


def gauge(labels, value, t_ms=0):
    return metric(labels, 2, double(1, value), t_ms)


def counter(labels, value, t_ms=0, start_ms=None, example=None):
    return metric(labels, 3, double(1, value) + optional(2, example) + timestamp(3, start_ms),
                  t_ms)


def untyped(labels, value, t_ms=0):
    return metric(labels, 5, double(1, value), t_ms)


def summary(labels, count, total, quantiles=(), t_ms=0, start_ms=None):
    """quantiles: pairs of quantile and value."""
    out = integer(1, count) + double(2, total)
    for quantile, value in quantiles:
        out += raw(3, double(1, quantile) + double(2, value))
    return metric(labels, 4, out + timestamp(4, start_ms), t_ms)


def classic_bucket(bound, count, example=None):
    """A float count is told as one."""
    told = double(4, count) if isinstance(count, float) else integer(1, count)
    return raw(3, told + double(2, bound) + optional(3, example))


def runs(counts):
    """{index: count} as spans (gap to the one before, length) and the counts in order."""
    spans, values, following = [], [], None
    for index in sorted(counts):
        if following is not None and index == following:
            spans[-1][1] += 1
        else:
            spans.append([index - (following or 0), 1])
        values.append(counts[index])
        following = index + 1
    return spans, values


def native_side(span_field, counts, is_float):
    spans, values = runs(counts)
    out = b"".join(raw(span_field, signed(1, offset) + integer(2, length))
                   for offset, length in spans)
    if is_float:
        return out + packed(span_field + 2, values, lambda v: struct.pack("<d", v))
    deltas = [v - before for v, before in zip(values, [0] + values)]
    return out + packed(span_field + 1, deltas, lambda v: varint(zigzag(v)))


def native(schema=0, positive=None, negative=None, zero_threshold=2.0 ** -128, zero_count=0,
           is_float=False):
    """The native part of a histogram; positive and negative are {bucket index: count}. With
    nothing that tells it from a classic one there is an empty span, as client libraries write."""
    out = signed(5, schema) + double(6, zero_threshold)
    out += double(8, zero_count) if is_float else integer(7, zero_count)
    out += native_side(9, negative or {}, is_float) + native_side(12, positive or {}, is_float)
    if not positive and not negative and not zero_threshold and (is_float or not zero_count):
        out += raw(12, signed(1, 0) + integer(2, 0))
    return out


def histogram(labels, count, total, buckets=(), native_part=b"", exemplars=(), t_ms=0,
              start_ms=None):
    """buckets: (bound, cumulative count) or (bound, count, exemplar), floats as float counts, +Inf
    only when it is named. A float count makes a native histogram one of floats. exemplars are the
    native part's own."""
    out = double(4, count) if isinstance(count, float) else integer(1, count)
    out += double(2, total)
    out += b"".join(classic_bucket(*bucket) for bucket in buckets)
    out += native_part + timestamp(15, start_ms)
    return metric(labels, 7, out + b"".join(raw(16, e) for e in exemplars), t_ms)


def cumulative(bounds, values):
    """Classic buckets of observations, with +Inf."""
    return [(bound, sum(v <= bound for v in values)) for bound in [*bounds, math.inf]]


def family(name, kind, metrics, help="", unit=""):
    """One delimited MetricFamily. kind: a name of TYPES or a number."""
    out = raw(1, name) + raw(2, help) + integer(3, TYPES.get(kind, kind))
    out += b"".join(raw(4, m) for m in metrics) + (raw(5, unit) if unit else b"")
    return varint(len(out)) + out


def page(*families):
    return b"".join(families)
