"""Sequences written by hand: protobuf pages, native histograms, classic ones that become native, summaries."""
import sequences_proto as p
from sequences_compare import (OLD_AHEAD, OLD_CLASSIC, OLD_CUSTOM, OLD_LIMIT, OLD_MIXED, OLD_NAMES, OLD_SCHEMA, OLD_SPANS,
                               OLD_UNIT)
from sequences_model import PROTO, Sequence, om, text
from sequences_server import Answer

INF, NAN = float("inf"), float("nan")
STALE = p.bits(0x7FF0000000000002)
# What an older reader counts before it refuses it.
COUNTED = ("spans and buckets do not fit", "integer deltas in a float one", "many buckets are said")


def proto(*families, **how):
    return Answer(b"".join(families), **dict({"kind": PROTO}, **how))


def timed(make, offset):
    """A page that is made for the time of the request."""
    def body(now_ms):
        return make(now_ms + offset)
    body.offsets = [offset]
    return Answer(body, kind=PROTO)


def classic(count=4, total=7.5, **keys):
    return p.histogram(count=count, total=total, buckets=[p.bucket(0.5, 1), p.bucket(1, 2), p.bucket(INF, count)], **keys)


def native(step=0, **keys):
    """An integer histogram of schema 3."""
    base = dict(count=12 + step, total=18.4 + step, schema=3, zero_threshold=0.001, zero_count=2 + step,
                positive=[(0, 2), (1, 2)], positive_deltas=[1, 1, -1, 0], negative=[(0, 2), (1, 2)], negative_deltas=[1, 1, -1, 0])
    base.update(keys)
    return p.histogram(**base)


def floating(step=0.0, **keys):
    base = dict(count_float=12.5 + step, total=18.4, schema=1, zero_threshold=0.001, zero_float=2.5 + step,
                positive=[(-2, 2), (2, 1)], positive_counts=[1.5, 2.5, 1.0], negative=[(0, 2)], negative_counts=[4.0, 1.0])
    base.update(keys)
    return p.histogram(**base)


def nh(*metrics, **keys):
    return p.family("nh", p.HISTOGRAM, *metrics, **keys)


def protobuf():
    basic = [p.family("c_total", p.COUNTER, p.counter(1, {"x": "1"}), p.counter(2, {"x": "2"}), help="words"),
             p.family("g", p.GAUGE, p.gauge(3), help=""), p.family("u", p.UNTYPED, p.untyped(-0.0), p.untyped(NAN, {"n": "1"})),
             p.family("s", p.SUMMARY, p.summary(3, 4.5, [(0.5, 1), (0.9, 2), (1, 3)]), p.summary(0, 0, [], {"e": "1"})),
             p.family("h", p.HISTOGRAM, classic(), classic(pairs={"x": "1"}))]
    good = proto(*basic)
    yield "and back", [good, good, proto(*basic[2:]), good, Answer(b"", kind=PROTO), good]
    yield "formats in turn", [good, text(b"g 1"), om(b"g 2", b"# TYPE h histogram", b"h_count 1"), good, text(b'c_total{x="1"} 5')]
    yield "a unit", [proto(p.family("g_s", p.GAUGE, p.gauge(1), unit="s")), good] * 2
    yield "a unit that is not in the name", [proto(p.family("g_s", p.GAUGE, p.gauge(1), unit="things"))] * 2, {}, OLD_UNIT
    yield "no +Inf bucket", [proto(p.family("h", p.HISTOGRAM, p.histogram(count=4, total=1, buckets=[p.bucket(1, 2)])))] * 2
    yield "no buckets", [proto(p.family("h", p.HISTOGRAM, p.histogram(count=4, total=1))), proto(p.family("h", p.HISTOGRAM, p.histogram()))] * 2
    yield "float counts", [proto(p.family("h", p.HISTOGRAM, p.histogram(count_float=4.5, total=1, buckets=[p.bucket(1, count_float=2.5), p.bucket(2, 3)])))] * 2
    yield "a gauge histogram", [proto(p.family("h", p.GAUGE_HISTOGRAM, classic()))] * 2
    yield "bounds", [proto(p.family("h", p.HISTOGRAM, p.histogram(count=1, total=1, buckets=[p.bucket(b, 1) for b in (-1, 0, 1e-9, 0.1, 1, 1e5, 1e6, 1e21, NAN)])))] * 2
    yield "empty labels", [proto(p.family("g", p.GAUGE, p.gauge(1, {"a": ""}), p.gauge(2, {"b": "1", "a": ""})))] * 2
    yield "label order", [proto(p.family("g", p.GAUGE, p.gauge(1, {"b": "1", "a": "2"}))), proto(p.family("g", p.GAUGE, p.gauge(1, {"a": "2", "b": "1"})))]
    yield "a duplicate label", [good, proto(p.family("g", p.GAUGE, p.gauge(1, {}) + p.labels({"a": "1"}) + p.labels({"a": "2"}))), good]
    yield "a series twice", [proto(p.family("g", p.GAUGE, p.gauge(1), p.gauge(2))), proto(p.family("g", p.GAUGE, p.gauge(1)), p.family("g", p.GAUGE, p.gauge(3)))] * 2
    yield "odd names", [proto(p.family("a.b \u00e9", p.GAUGE, p.gauge(1, {"l.l": "1", "\u00e9": "2"})))] * 2
    yield "honor_labels", [proto(p.family("g", p.GAUGE, p.gauge(1, {"job": "mine", "instance": ""})))] * 2, {"honor_labels": True}
    bad = [("no name", p.family("", p.GAUGE, p.gauge(1))), ("a name that is no UTF-8", p.family(b"\xff", p.GAUGE, p.gauge(1))), ("help that is no UTF-8", p.family("g", p.GAUGE, p.gauge(1), help=b"\xff")),
           ("a type that is none", p.family("g", 9, p.gauge(1))), ("no metrics", p.family("g", p.GAUGE)), ("an empty family", b"\0"), ("another type's value", p.family("g", p.GAUGE, p.counter(1))),
           ("a cut message", basic[0][:-3]), ("a length too far", b"\x7f" + basic[0][1:5]), ("an endless length", b"\xff" * 6), ("an unknown field", p.family("g", p.GAUGE, p.gauge(1) + p.data(99, "x"))),
           ("a label that is no UTF-8", p.family("g", p.GAUGE, p.gauge(1, {"a": b"\xff"}))), ("no value", p.family("g", p.GAUGE, b"")), ("a wrong wire type", p.family("g", p.GAUGE, p.number(2, 5)))]
    for name, family in bad:
        page = proto(basic[1], family, basic[0])
        yield name, [good, page, good, page, page]
    yield "timestamps", [timed(lambda t: p.family("g", p.GAUGE, p.gauge(1, timestamp_ms=t)) + basic[0], -500)] * 3 + [proto(basic[0])]
    yield "timestamps 0 and of long ago", [proto(p.family("g", p.GAUGE, p.gauge(1, timestamp_ms=0), p.gauge(2, {"a": "1"}, timestamp_ms=5), p.gauge(3, {"b": "1"}, timestamp_ms=-5)))] * 2
    yield "NaN kinds", [proto(p.family("g", p.GAUGE, p.gauge(p.bits(b), {"n": "%d" % i}))) for i, b in enumerate((0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000001, 0x7FF0000000000001))]
    yield "a marker as a value", [proto(p.family("g", p.GAUGE, p.gauge(STALE)), basic[0])] * 3
    yield "exemplars", [proto(p.family("c_total", p.COUNTER, p.counter(i, exemplar=p.exemplar({"t": "%d" % (i % 3)}, 1.5))),
                              p.family("h", p.HISTOGRAM, p.histogram(count=2, total=1, buckets=[p.bucket(1, 1, exemplar=p.exemplar({"t": "a"}, 0.5, 1520879607.789)),
                                                                                                p.bucket(INF, 2, exemplar=p.exemplar({}, 2))]))) for i in range(4)]
    yield "sample_limit", [proto(basic[0]), good, proto(basic[0])], {"sample_limit": 4}
    yield "a fallback", [Answer(good.body, kind=None), text(b"g 1", kind=None)], {"fallback_scrape_protocol": "PrometheusProto"}


def native_histograms():
    def pages(*histograms):
        return [proto(nh(h), p.family("g", p.GAUGE, p.gauge(1))) for h in histograms]
    yield "integer", pages(native(), native(1), native(5)) + [proto(p.family("g", p.GAUGE, p.gauge(1)))] + pages(native(9))
    yield "float", pages(floating(), floating(1), floating(2)) + [Answer(status=500)] + pages(floating(3))
    yield "integer and float in turn", pages(native(), floating(), native(1), floating(1))
    yield "gauge", [proto(p.family("nh", p.GAUGE_HISTOGRAM, h)) for h in (native(), native(3), floating(), native(1))]
    for schema in range(-4, 9, 3):
        yield "schema %d" % schema, pages(native(schema=schema), native(1, schema=schema), native(1, schema=min(schema + 1, 8)))
    for schema in (-5, 9, -53, 52, 53):
        yield "schema %d is none" % schema, pages(native(), native(schema=schema), native(1)), {}, OLD_SCHEMA
    yield "zero bucket only", pages(p.histogram(count=3, total=0, schema=0, zero_threshold=0.5, zero_count=3), p.histogram(count=3, total=0, schema=0, zero_count=3), p.histogram(count=0, total=0, schema=0, zero_threshold=1e-128))
    yield "an empty span marks it", pages(p.histogram(count=0, total=0, schema=3, positive=[(0, 0)]), p.histogram(count=1, total=1, schema=3, positive=[(0, 1)], positive_deltas=[1]))
    yield "NaN sum", pages(native(total=NAN), native(total=NAN, count=15), native(total=INF), native(total=p.bits(0x7FF8000000000002)))
    yield "a marker as the sum", pages(native(), native(total=STALE), native(1))
    yield "empty buckets", pages(native(positive=[(0, 3), (0, 2), (5, 1), (1, 0)], positive_deltas=[0, 2, -2, 0, 3, -3], count=17 - 5, zero_count=7 - 5), native(1))
    yield "a long way", pages(native(positive=[(-1000, 1), (2000, 1)], positive_deltas=[3, 0], count=14), native(positive=[(2147483647, 1)], positive_deltas=[3], count=11))
    yield "numbers one by one", pages(native(pack=False), floating(pack=False))
    bad = [("spans and buckets do not fit", native(positive=[(0, 5)])), ("a negative bucket", native(positive_deltas=[1, -2, 1, 0])), ("the sum of buckets is not the count", native(count=11)),
           ("a negative offset", native(positive=[(0, 2), (-1, 2)])), ("a negative float", floating(positive_counts=[1.5, -2.5, 1.0])), ("float buckets above the count", floating(count_float=3.0)),
           ("a negative threshold", native(zero_threshold=-1.0)), ("integer deltas in a float one", floating(positive_deltas=[1, 1, 1], positive_counts=[])), ("NaN count", floating(count_float=NAN)),
           ("many buckets are said", native(positive=[(0, 1000000000)]))]
    for name, h in bad:
        allow = OLD_SPANS if name in COUNTED else None
        yield name, pages(native(), h, native(1), h, h), {}, allow
        yield name + ", first", pages(h, native(), h), {}, allow
        yield name + ", first and again", pages(h, h, native(), h), {}, allow
        yield name + ", after classic", pages(classic(), h, h, native()), {}, allow
    for limit in (8, 7, 6, 4, 2, 1):
        yield "bucket_limit %d" % limit, pages(native(), native(1), floating(), native(2)), {"native_histogram_bucket_limit": limit}
    wide = native(schema=2, positive=[(0, 20)], positive_deltas=[1] + [0] * 19, negative=[], negative_deltas=[], count=22)
    for limit in (3, 5, 10, 19, 20):
        yield "bucket_limit %d, twenty buckets" % limit, pages(native(), wide, native(1), wide), {"native_histogram_bucket_limit": limit}
    for factor in (0.5, 1.0, 1.001, 1.05, 1.1, 1.5, 2, 4, 20, 65536, 1e9):
        yield "min_bucket_factor %g" % factor, pages(native(), wide, floating(), native(1)), {"native_histogram_min_bucket_factor": factor}
    yield "both limits", pages(wide, native()), {"native_histogram_min_bucket_factor": 1.5, "native_histogram_bucket_limit": 4}
    both = [native(i, buckets=[p.bucket(1, 5), p.bucket(INF, 12 + i)]) for i in range(3)]
    yield "native and classic", pages(*both)
    yield "native and classic, both taken", pages(*both) + pages(native(5), classic(), both[0]), {"always_scrape_classic_histograms": True}
    yield "a family of both", [proto(nh(native(pairs={"a": "1"}), classic())), proto(nh(native(1)))], {}, OLD_MIXED
    yield "turns classic", pages(native(), classic(), native(1), classic(5), classic(6))
    yield "turns float", [proto(nh(native())), text(b"nh 1"), proto(nh(native(1))), text(b"nh 2"), proto(p.family("g", p.GAUGE, p.gauge(1)))]
    yield "many series", [proto(nh(*[native(i, pairs={"i": "%d" % i}) for i in range(k)])) for k in (40, 30, 40, 5, 40)]
    yield "labels and relabeling", [proto(nh(native(pairs={"x": "1"}), native(pairs={"x": "2"})))] * 3, \
        {"metric_relabel_configs": [{"source_labels": ["x"], "regex": "2", "action": "drop"}, {"target_label": "new", "replacement": "l"}]}
    yield "a series twice", [proto(nh(native(), native(1))), proto(nh(native()), p.family("nh", p.GAUGE, p.gauge(2)))]
    yield "two series become one", [proto(nh(native(pairs={"x": "1"}), native(1, pairs={"x": "2"})))] * 2, {"metric_relabel_configs": [{"regex": "x", "action": "labeldrop"}]}
    yield "sample_limit", pages(native(), native(1)) + [proto(nh(native(pairs={"a": "1"}), native(pairs={"a": "2"}), native()))] + pages(native()), {"sample_limit": 2}, OLD_LIMIT
    yield "timestamps", [timed(lambda t, i=i: nh(native(i, timestamp_ms=t)) + p.family("g", p.GAUGE, p.gauge(1)), -500) for i in range(3)] + [proto(p.family("g", p.GAUGE, p.gauge(1)))]
    yield "timestamps, tracked", [timed(lambda t, i=i: nh(native(i, timestamp_ms=t)), -500) for i in range(2)] + [proto(p.family("g", p.GAUGE, p.gauge(1)))], {"track_timestamps_staleness": True}
    yield "timestamps, not honoured", [timed(lambda t, i=i: nh(native(i, timestamp_ms=t)), -500) for i in range(2)], {"honor_timestamps": False}
    yield "too far ahead", pages(native()) + [timed(lambda t: nh(native(1, timestamp_ms=t)), 3600000)] + pages(native(2)), {}, OLD_AHEAD
    yield "exemplars", pages(*[native(i, exemplars=[p.exemplar({"t": "a%d" % i}, 1.5, 1520879607.789 + i), p.exemplar({"t": "b"}, 2.5), p.exemplar({"t": "c"}, 0.5, 1520879600.5)]) for i in range(3)])
    yield "exemplars of the buckets", pages(*[native(i, buckets=[p.bucket(1, 5, exemplar=p.exemplar({"t": "x"}, 0.5, 1520879607.789 + i)), p.bucket(INF, 12 + i)]) for i in range(2)])
    yield "a start time", pages(*[native(i, start=1520872607) for i in range(2)])
    yield "a broken page", pages(native()) + [Answer(nh(native(1)) + b"\x7f\x01", kind=PROTO)] + pages(native(2))


def not_native():
    """The same pages for a job that does not take native histograms."""
    yield "integer", [proto(nh(native())), proto(nh(native(1))), proto(nh(native(2, buckets=[p.bucket(1, 2)])))]
    yield "float", [proto(nh(floating())), proto(nh(floating(buckets=[p.bucket(1, count_float=2.5)]))), proto(nh(classic()))]
    yield "spans that do not fit", [proto(nh(native(positive=[(0, 5)]))), proto(nh(native()))]


def classic_text(count, total, *bounds, labels=b"", name=b"h"):
    brace = b"{" + labels + b"}" if labels else b""
    comma = labels + b"," if labels else b""
    return ([b'%s_bucket{%sle="%s"} %s' % (name, comma, le, n) for le, n in bounds]
            + [b"%s_sum%s %s" % (name, brace, total), b"%s_count%s %s" % (name, brace, count)])


def to_custom():
    head = [b"# TYPE h histogram"]
    bounds = [(b"0.5", b"1"), (b"1", b"3"), (b"+Inf", b"4")]
    whole = classic_text(b"4", b"7.5", *bounds)
    good = text(*head, *whole, b"g 1")
    cases = [
        ("consistent", [good, good, text(b"g 1"), good]),
        ("two label sets", [text(*head, *classic_text(b"4", b"7.5", *bounds, labels=b'x="1"'), *classic_text(b"4", b"1", *bounds, labels=b'x="2"'))] * 2),
        ("labels interleaved", [text(*head, *[line for pair in zip(classic_text(b"4", b"7.5", *bounds, labels=b'x="1"'), classic_text(b"4", b"1", *bounds, labels=b'x="2"')) for line in pair])] * 2),
        ("two families", [text(*head, *whole, b"# TYPE k histogram", *classic_text(b"4", b"1", *bounds, name=b"k"), b"g 1")] * 2),
        ("no sum", [text(*head, *(whole[:3] + whole[4:]))] * 2), ("no count", [text(*head, *whole[:4])] * 2), ("no +Inf", [text(*head, *(whole[:2] + whole[3:]))] * 2),
        ("no buckets", [text(*head, *whole[3:])] * 2), ("only +Inf", [text(*head, *whole[2:])] * 2), ("only a count", [text(*head, whole[4])] * 2),
        ("counts fall", [good, text(*head, *classic_text(b"4", b"1", (b"0.5", b"3"), (b"1", b"1"), (b"+Inf", b"4"))), good]),
        ("the count is another", [good, text(*head, *classic_text(b"9", b"1", *bounds)), good]),
        ("bounds in another order", [text(*head, *classic_text(b"4", b"1", bounds[2], bounds[0], bounds[1])), good]),
        ("a bound twice", [text(*head, *classic_text(b"4", b"1", bounds[0], bounds[0], *bounds[1:])), good]),
        ("a bound that is none", [text(*head, *classic_text(b"4", b"1", (b"x", b"1"), *bounds)), good]),
        ("NaN as a bound", [text(*head, *classic_text(b"4", b"1", (b"NaN", b"1"), *bounds)), good]),
        ("negative bounds", [text(*head, *classic_text(b"4", b"-1", (b"-Inf", b"0"), (b"-1", b"1"), (b"0", b"2"), (b"+Inf", b"4")))] * 2),
        ("float counts", [text(*head, *classic_text(b"4.5", b"1", (b"1", b"2.5"), (b"+Inf", b"4.5"))), good]),
        ("NaN and negative values", [text(*head, *classic_text(b"NaN", b"NaN", *bounds)), text(*head, *classic_text(b"4", b"NaN", *bounds)), text(*head, *classic_text(b"-4", b"1", (b"+Inf", b"-4")))]),
        ("huge counts", [text(*head, *classic_text(b"1e300", b"1", (b"1", b"1e300"), (b"+Inf", b"1e300"))), text(*head, *classic_text(b"9007199254740993", b"1", (b"+Inf", b"9007199254740993")))]),
        ("a series between", [text(*head, *whole[:2], b"g 1", *whole[2:])] * 2), ("another type", [text(b"# TYPE h summary", *whole), text(b"# TYPE h untyped", *whole), text(*whole)]),
        ("the type comes later", [text(*whole, *head)] * 2), ("one label and sum first", [text(*head, *reversed(whole))] * 2),
        ("a sample of the family's name", [text(*head, b"h 1", *whole)] * 2), ("a broken line", [good, text(*head, *whole, b"!"), good]),
        ("timestamps", [text(*head, *[line + b" <<T-500>>" for line in whole]), text(*head, *[line + b" <<T-500>>" for line in whole]), text(b"g 1")]),
        ("timestamps that differ", [text(*head, *[line + b" <<T-%d>>" % (500 + 100 * i) for i, line in enumerate(whole)])] * 2),
        ("OpenMetrics", [om(*head, *whole, b"h_created 1520872607.123", b"g 1")] * 2 + [om(b"g 1")]),
        ("OpenMetrics exemplars", [om(*head, *[line + b' # {t="%d"} 0.5 1520879607.789' % i for i, line in enumerate(whole)], b"g 1"), om(*head, *[line + b' # {t="a"} 0.5' for line in whole])]),
        ("protobuf", [proto(p.family("h", p.HISTOGRAM, classic())), proto(p.family("h", p.HISTOGRAM, classic(9, pairs={"x": "1"}), classic(5)))]),
        ("native in protobuf", [proto(nh(native())), proto(nh(native(1, buckets=[p.bucket(1, 2), p.bucket(INF, 13)]))), proto(nh(classic()))]),
        ("turns native", [good, proto(p.family("h", p.HISTOGRAM, native())), good, text(b"h 1")]),
        ("sum_and count names", [text(b"# TYPE h_count histogram", *classic_text(b"4", b"1", *bounds, name=b"h_count"), b"# TYPE q histogram", b"q_sum 1", b"q 2")] * 2),
    ]
    convert = {"convert_classic_histograms_to_nhcb": True}
    for name, answers in cases:
        yield name, answers, convert, "custom"
        yield name + ", both", answers, dict(convert, always_scrape_classic_histograms=True), "custom"
    yield "sample_limit", [good, good], dict(convert, sample_limit=1), "custom"
    yield "bucket_limit", [good, good], dict(convert, native_histogram_bucket_limit=2), "custom"
    yield "relabeled", [good, good], dict(convert, metric_relabel_configs=[{"source_labels": ["__name__"], "regex": "h_.*", "action": "drop"}]), "custom"
    yield "relabeled by le", [good, good], dict(convert, metric_relabel_configs=[{"source_labels": ["le"], "regex": "1.0", "action": "drop"}]), "custom"
    yield "without native histograms", [good, good], convert, "plain"


def bounds():
    marks = [b"0", b"1", b"-0", b".5", b"1e6", b"100000", b"1e-5", b"0.0001", b"+inf", b"Inf", b"nan", b"1.50", b"x", b"", b"1e400", b"5e-324", b"0x1p3", b"1_0"]
    for kind, label in ((b"histogram", b"le"), (b"summary", b"quantile")):
        for name in (b"m", b"m_bucket"):
            page = [b"# TYPE m " + kind] + [b'%s{%s="%s"} 1' % (name, label, mark) for mark in marks]
            yield "%s %s" % (kind.decode(), name.decode()), [text(*page), om(*page), text(*page[:9]), text(*page)]
    yield "one bound in two texts", [text(b"# TYPE m histogram", b'm{le="1"} 1', b'm{le="1.0"} 2'), text(b"# TYPE m histogram", b'm{le="1.0"} 2')] * 2


def extra():
    good = text(b"a 1", b"b 2")
    pages = [good, text(status=500), good, text(b"a 1", b"!"), text(b"a 1", b"b 2", encoding="gzip"), Answer(b""), text(b"a 1", how="chunked")]
    yield "reports", pages, {}, "extra"
    yield "sample_limit", pages, {"sample_limit": 1}, "extra"
    yield "body_size_limit", pages, {"body_size_limit": "8B"}, "extra"
    yield "timeout", pages + [text(b"a 1", how="slow")], {"scrape_timeout": "1500ms"}, "extra"


# What an older one makes otherwise of what is converted.
OLDER = {"negative bounds": OLD_CUSTOM, "sample_limit": OLD_LIMIT, "without native histograms": OLD_CUSTOM,
         "a sample of the family's name": OLD_NAMES, "native in protobuf": OLD_NAMES, "turns native": OLD_NAMES,
         "sum_and count names": OLD_NAMES}


def sequences():
    out = []
    for family, world, allow in ((protobuf, "plain", None), (native_histograms, "native", None), (not_native, "plain", OLD_CLASSIC),
                                 (to_custom, None, None), (bounds, "plain", None), (extra, None, None)):
        for case in family():
            options = case[2] if len(case) > 2 else {}
            fourth = case[3] if len(case) > 3 else None
            old = OLDER.get(case[0].replace(", both", "")) if family is to_custom else fourth if world else None
            out.append(Sequence(family.__name__.replace("_", " "), case[0], list(case[1]), options, world or fourth,
                                allow=allow or old))
    return out
