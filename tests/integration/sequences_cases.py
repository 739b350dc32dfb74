"""Sequences written by hand, the families of plain pages: series that come and go, failures at every place, limits,
duplicates, timestamps. The other modules sequences_cases_*.py have the rest.
"""
import itertools

import sequences_cases_formats
import sequences_cases_histograms
import sequences_cases_labels
from sequences_compare import OLD_BEYOND
from sequences_model import Sequence, text
from sequences_server import Answer

LINES = [b"# HELP m words", b"# TYPE m counter", b'm{x="1"} 1', b'm{x="2"} 2', b"# TYPE g gauge", b"g 3", b"g2 4"]
SERIES = [b"a 1", b'b{x="1"} 2', b'b{x="2"} 3', b"c 4", b"d 5"]


def failures():
    """Name and answer of every way in which a scrape of `body` can fail."""
    def of(*body):
        return [("500", text(*body, status=500)), ("404", text(*body, status=404)), ("204", Answer(status=204)),
                ("201", text(*body, status=201)), ("reset", text(*body, how="reset")), ("cut", text(*body, how="cut")),
                ("garbage", text(*body, how="garbage")), ("other type", text(*body, kind="text/html")),
                ("no type", text(*body, kind=None)), ("empty", Answer(b"")), ("empty of no type", Answer(b"", kind=None)),
                ("one line end", Answer(b"\n")), ("gzip cut", text(*body, encoding="gzip cut")),
                ("gzip bad sum", text(*body, encoding="gzip bad sum")), ("gzip not", text(*body, encoding="gzip not")),
                ("gzip tail", text(*body, encoding="gzip tail")), ("gzip unnamed", text(*body, encoding="gzip unnamed")),
                ("deflate by name", text(*body, encoding="deflate")), ("broken line", text(*body, b"broken")),
                ("broken first", text(b"broken", *body)), ("cut line", Answer(b"\n".join(body)[:-1])),
                ("no last line end", Answer(b"\n".join(body)))]
    return of(*SERIES)


def vanishing():
    good = text(*SERIES)
    for k in range(len(SERIES)):
        less = text(*(SERIES[:k] + SERIES[k + 1:]))
        yield "line %d leaves and returns" % k, [good, less, less, good, less, good]
    yield "all but one, in turn", [text(line) for line in SERIES + SERIES[:3]]
    yield "growing", [text(*SERIES[:k]) for k in range(1, 6)] + [good, good]
    yield "shrinking", [text(*SERIES[:k]) for k in range(5, 0, -1)] + [good]
    yield "other order", [text(*p) for p in itertools.islice(itertools.permutations(SERIES), 0, 112, 16)]
    yield "empty between", [good, Answer(b""), good, Answer(b""), Answer(b""), good]
    yield "comments only", [good, text(b"# nothing"), good, text(b"# TYPE a gauge"), good]
    yield "values", [text(b"a 0", b"b -0", b"c NaN"), text(b"a -0", b"b 0", b"c 1"), text(b"a NaN", b"b +Inf", b"c -Inf"),
                     text(b"a 0", b"b 0", b"c 0"), text(b"a 1e-320", b"b 1e308", b"c 0.1")]
    yield "type changes", [text(b"# TYPE a %s" % t, b'a{le="1"} 1', b'a{quantile="1"} 2', b'a_bucket{le="1"} 1')
                           for t in (b"gauge", b"histogram", b"summary", b"counter", b"untyped", b"histogram")]
    many = [b'm{x="%d"} %d' % (i, i) for i in range(700)]
    yield "700 series, 600, 700", [text(*many), text(*many[100:]), text(*many), text(*many[:3]), text(*reversed(many))]


def failing():
    good = text(*SERIES)
    for name, bad in failures():
        yield name + " in the middle", [good, bad, good, good, bad, bad, good]
        yield name + " first", [bad, good, text(*SERIES[:3]), bad]
    for k in range(8):
        yield "500 at scrape %d" % k, [text(*SERIES, status=500) if i == k else good for i in range(8)]
    for k in range(len(LINES) + 1):
        lines = LINES[:k] + [b"broken{"] + LINES[k:]
        yield "a broken line at %d" % k, [text(*LINES), text(*lines), text(*LINES), text(*lines), text(*lines), text(*LINES)]
        yield "a broken line at %d first" % k, [text(*lines), text(*LINES), text(*lines), text(*LINES[:4]), text(*LINES)]
    for k in range(len(SERIES) + 1):
        lines = SERIES[:k] + [b"new_%d 1" % k, b"broken{"] + SERIES[k:]
        yield "a new series before a broken line at %d" % k, [good, text(*lines), good, text(*lines), text(b"a 1")]
        yield "an unknown page fails at %d" % k, [text(*lines), text(*lines), text(*SERIES[2:]), good]
    for k in (1, 3):
        yield "recovers with less, %d" % k, [good, text(*(SERIES[:k] + [b"!"])), text(*SERIES[k:]), text(*SERIES[:k]), good]
    yield "fails for ever", [text(*SERIES, b"!") for _ in range(6)]
    yield "markers only once", [good, text(status=500), text(status=500), text(b"!"), Answer(b""), good]
    yield "fails, then another page", [good, text(b"x 1", b"y 2", b"!"), text(b"x 1"), text(b"y 1"), good]
    yield "slow", [good, text(*SERIES, how="slow"), good, text(*SERIES, how="slow")], {"scrape_timeout": "1s"}


def limits():
    small, big = text(*SERIES[:3]), text(*SERIES)
    for limit in (1, 2, 3, 4, 5):
        yield "sample_limit %d" % limit, [small, big, small, big, big, text(SERIES[0]), small], {"sample_limit": limit}
        yield "sample_limit %d, big first" % limit, [big, small, big, Answer(b""), small], {"sample_limit": limit}
    drop = [{"source_labels": ["__name__"], "regex": "b", "action": "drop"}]
    yield "sample_limit behind a drop", [small, big, small, big], {"sample_limit": 3, "metric_relabel_configs": drop}
    yield "sample_limit and duplicates", [text(b"a 1", b"a 2", b"b 1"), text(b"a 1", b"b 1", b"b 2", b"c 1"), small], \
        {"sample_limit": 2}
    yield "sample_limit and timestamps", [text(b"a 1 <<T-500>>", b"a 2 <<T-400>>", b"b 1"), small], {"sample_limit": 2}
    yield "sample_limit and a broken line", [small, text(*SERIES, b"!"), small], {"sample_limit": 3}
    yield "sample_limit and too far ahead", [text(b"a 1 <<T+3600000>>", b"b 1", b"c 1"), small, big], {"sample_limit": 2}
    twice = [text(b"a 1"), text(b"a 1", b"b 1", b'c{x="1",x="2"} 1', b"d 1"), text(b"b 1"), text(b'c{x="1",x="2"} 1', b"d 1")]
    yield "a label twice beyond sample_limit", twice, {"sample_limit": 1}, "plain", None, None, OLD_BEYOND
    yield "a bad name beyond sample_limit", [text(b"a 1"), text(b"a 1", b"b 1", b'{"c.d"} 1', b"e 1"), text(b"a 1")], \
        {"sample_limit": 1, "metric_name_validation_scheme": "legacy", "metric_name_escaping_scheme": "underscores"}
    yield "a long label beyond sample_limit", [text(b"a 1"), text(b"a 1", b"b 1", b'c{l="a long value, far too long"} 1', b"e 1")], \
        {"sample_limit": 1, "label_value_length_limit": 20}
    two = {"sample_limit": 2}
    yield "known, then beyond sample_limit", [text(b"m 1"), text(b"x 1", b"y 1", b"m 1"), text(b"m 1"), text(b"x 1", b"m 1")], two
    yield "new beyond sample_limit, then within", [text(b"a 1", b"b 1"), text(b"a 1", b"b 1", b"c 1"), text(b"a 1", b"c 1"), text(b"c 1")], two, \
        "plain", None, None, OLD_BEYOND
    yield "another text beyond sample_limit", [text(b"a 1", b"b 1"), text(b"a 1", b"c 1", b"b{} 1"), text(b"b{} 1"), text(b"b 1")], two, \
        "plain", None, None, OLD_BEYOND
    size = sum(len(line) + 1 for line in SERIES)
    for limit in (size - 1, size, size + 1):
        options = {"body_size_limit": "%dB" % limit}
        yield "body_size_limit %d" % limit, [small, big, small, big, Answer(b""), small], options
        yield "body_size_limit %d, gzip" % limit, [text(*SERIES, encoding="gzip"), small, big], options
        yield "body_size_limit %d, chunked" % limit, [text(*SERIES, how="chunked"), small, big], options
    wide = text(b'a{b="1",c="2"} 1', b'x 1')
    for limit in range(4, 8):
        yield "label_limit %d" % limit, [text(b"x 1"), wide, text(b"x 1"), wide], {"label_limit": limit}
    for limit in (8, 9, 12, 13):
        yield "label_name_length_limit %d" % limit, [text(b"x 1"), text(b"x 1", b'a{long_name_abc="1"} 1', b"y 1"), text(b"x 1")], \
            {"label_name_length_limit": limit}
    for limit in (14, 15, 16, 20):
        yield "label_value_length_limit %d" % limit, [text(b"x 1"), text(b"x 1", b'a{b="fifteen letters"} 1'), text(b"x 1"),
                                                     text(b"a_name_of_twenty_let 1")], {"label_value_length_limit": limit}
    yield "label limits see empty labels", [text(b'a{b="",c="",d="",e="",f=""} 1'), text(b"a 1")], {"label_limit": 4}


def duplicates():
    yield "a line twice", [text(b"a 1", b"a 2", b"b 1"), text(b"a 1", b"b 1"), text(b"a 3", b"b 1", b"a 3")]
    yield "a line thrice, later", [text(b"a 1"), text(b"a 1", b"b 1", b"a 1", b"a 2"), text(b"b 1")]
    yield "two texts", [text(b"a 1", b"a{} 2"), text(b"a 1"), text(b"a{} 3"), text(b"a{} 4", b"a 5")]
    yield "labels in another order", [text(b'a{x="1",y="2"} 1', b'a{y="2",x="1"} 2'), text(b'a{y="2",x="1"} 3'), text(b"b 1")]
    yield "an empty label", [text(b'a{x=""} 1', b"a 2"), text(b"a 3"), text(b'a{x=""} 4')]
    yield "blanks", [text(b'a{ x = "1" } 1'), text(b'a{x="1"} 2'), text(b'a{x="1", } 2', b'a{x="1"} 3')]
    yield "a quoted name", [text(b'{"a"} 1'), text(b"a 2"), text(b'{"a"} 3', b"a 4"), text(b"b 1")]
    yield "duplicate label", [text(b"b 1"), text(b"b 1", b'a{x="1",x="2"} 1'), text(b"b 2"), text(b'a{x="1",x="1"} 1')]
    yield "one series by relabeling", [text(b'a{x="1"} 1', b'a{x="2"} 2'), text(b'a{x="2"} 3'), text(b'a{x="1"} 4'), text(b"b 1")], \
        {"metric_relabel_configs": [{"regex": "x", "action": "labeldrop"}]}
    yield "duplicates with timestamps", [text(b"a 1 <<T-900>>", b"a 2 <<T-800>>"), text(b"a 3 <<T-900>>", b"a 4"),
                                         text(b"a 5", b"a 6 <<T-800>>"), text(b"a 1 <<T-900>>", b"a 1 <<T-900>>")]
    yield "own report series", [text(b"up 7", b"scrape_samples_scraped 9"), text(b'up{x="1"} 5'), text(b"scrape_series_added 4")]
    yield "own duration series", [text(b'scrape_duration_seconds{x="1"} 5', b"a 1"), text(b"a 1")]


def timestamps():
    """Options, too: every sequence once as it is, once with markers for them, once without them."""
    far, near = b"<<T+3600000>>", b"<<T+300000>>"
    cases = [
        ("behind", [text(b"a %d <<T-500>>" % i, b"b 1") for i in range(5)]),
        ("ahead", [text(b"a %d <<T+60000>>" % i, b"b 1") for i in range(5)]),
        ("too far ahead", [text(b"a 1", b"b 1"), text(b"a 2 " + far, b"b 1"), text(b"a 3", b"b 2"), text(b"a 4 " + far), text(b"b 3")]),
        ("too far ahead first", [text(b"a 1 " + far), text(b"a 1 " + far, b"b 1"), text(b"a 2"), text(b"a 2 " + far, b"!")]),
        ("too far ahead, then none on a page", [text(b"a 1 " + far, b"a 2"), text(b"a 3 " + far, b"a 4"), text(b"a 5", b"a 6 " + far), text(b"b 1")]),
        ("out of order, then none on a page", [text(b"a 1"), text(b"a 2 <<T-60000>>", b"a 3"), text(b"a 4"), text(b"b 1")]),
        ("ahead, then none", [text(b"a 1 " + near, b"b 1"), text(b"a 2", b"b 2"), text(b"a 3", b"b 3"), text(b"b 4"), text(b"a 5")]),
        ("none, then ahead", [text(b"a 1", b"b 1"), text(b"a 2 " + near, b"b 2"), text(b"a 3", b"b 3"), text(b"b 1")]),
        ("none, then behind", [text(b"a 1", b"b 1"), text(b"a 2 <<T-60000>>", b"b 2"), text(b"a 3", b"b 3")]),
        ("none and behind in turn", [text(b"a 1"), text(b"a 2 <<T-500>>"), text(b"a 3"), text(b"a 4 <<T-500>>"), text(b"b 1"), text(b"a 5")]),
        ("repeated", [text(b"a 1 <<T+120000>>"), text(b"a 1 <<T+110000>>"), text(b"a 2 <<T+130000>>"), text(b"b 1")]),
        ("two of one series", [text(b"a 1 <<T-900>>", b"a 2 <<T-500>>", b"b 1")] * 3 + [text(b"b 1")]),
        ("two, wrong order", [text(b"a 1 <<T-500>>", b"a 2 <<T-900>>", b"b 1")] * 3 + [text(b"b 1")]),
        ("comes and goes", [text(b"a 1 <<T-500>>", b"b 1"), text(b"b 2"), text(b"a 3 <<T-500>>"), text(status=500), text(b"a 4 <<T-500>>")]),
        ("with a broken line", [text(b"a 1 <<T-500>>", b"b 1"), text(b"a 2 <<T-500>>", b"c 1", b"!"), text(b"a 3 <<T-500>>", b"b 1")]),
        ("long ago", [text(b"a 1 %d" % (1600000000000 + i), b"b 1") for i in range(4)] + [text(b"b 1")]),
        ("zero", [text(b"a 1 0", b"b 1"), text(b"a 1 0", b"b 1"), text(b"b 1"), text(b"a 1 1")]),
        ("as large as can be", [text(b"b 1"), text(b"a 1 9223372036854775807", b"b 1"), text(b"a 1", b"b 1")]),
        ("new series each time", [text(b"a%d 1 <<T-500>>" % i, b"b 1") for i in range(4)]),
        ("one text with, one without", [text(b"a 1 <<T-900>>", b"a{} 2", b"b 1"), text(b"a{} 3 <<T-900>>", b"a 4"), text(b"b 1")]),
    ]
    for name, answers in cases:
        yield name, answers
        yield name + ", tracked", answers, {"track_timestamps_staleness": True}
        yield name + ", not honoured", answers, {"honor_timestamps": False}


def made(family, cases):
    """A case: name, answers, options, world, labels, last answer, name of the difference that it shows."""
    out = []
    for case in cases:
        keys = ("options", "world", "labels", "last", "allow")
        out.append(Sequence(family, case[0], list(case[1]), **dict(zip(keys, case[2:]))))
    return out


def sequences():
    out = []
    for family in (vanishing, failing, limits, duplicates, timestamps):
        out += made(family.__name__, family())
    for module in (sequences_cases_labels, sequences_cases_formats, sequences_cases_histograms):
        out += module.sequences()
    return out
