"""Sequences written by hand: formats, content types, encodings, requests and what is known of families."""
import sequences_proto as p
from sequences_compare import OLD_EXEMPLAR, OLD_HEADERS, OLD_ZERO
from sequences_model import OPENMETRICS, PROTO, Sequence, om, text
from sequences_server import Answer, TEXT

LINES = [b"# HELP a words", b"# TYPE a counter", b'a_total{x="1"} 1', b"# TYPE g gauge", b"g 2"]
EOF = b"# EOF"


def openmetrics_text():
    good = om(*LINES)
    yield "and back", [good, good, om(*LINES[3:]), good, Answer(b"# EOF\n", kind=OPENMETRICS), good]
    ends = [("without EOF", b""), ("EOF without a line end", b"# EOF"), ("EOF twice", b"# EOF\n# EOF\n"), ("EOF and a blank line", b"# EOF\n\n"),
            ("a line behind EOF", b"# EOF\na_total 1\n"), ("EOF and more", b"# EOFx\n"), ("no blank in EOF", b"#EOF\n"), ("a cut EOF", b"# EO")]
    for name, end in ends:
        bad = Answer(b"\n".join(LINES) + b"\n" + end, kind=OPENMETRICS)
        yield name, [good, bad, good, bad, bad]
    lines = [b" a 1", b"a\t1", b"a  1", b"a 1 ", b"", b"#", b"# just words", b"# TYPE  c counter", b"# TYPE c counter ", b"# TYPE m", b"# HELP m",
             b"# HELP m ", b"# UNIT m ", b"# UNIT m_seconds seconds", b"# UNIT metric suffix", b"# UNIT metricsuffix suffix", b"# TYPE c untyped",
             b"# TYPE c unknown", b"# TYPE c info", b"# TYPE c stateset", b"# TYPE c gaugehistogram", b'a{,b="c"} 1', b'a{b="c"d="e"} 1', b'a{b="c",} 1',
             b"a{} 1", b"a 1 1 1", b"a 1 1z", b"a 1 NaN", b"a 1 Inf", b"a 1 1e3", b"a 1 -1", b"a 1 0.0004", b"a nan", b"a 0x1p3", b"a 1_0",
             b'{"a.b"} 1', b'{"a.b",c="d"} 1', b'a{"c d"="e"} 1', b'a{b="x\ny"} 1', b'a{b="\\n\\"\\\\\\x"} 1', b"a 1\r", b'a{b="c"}1']
    for k in range(0, len(lines), 5):
        some = [om(b"before 1", line, b"after 2") for line in lines[k:k + 5]]
        yield "lines %d to %d" % (k, k + len(some) - 1), [x for a in some for x in (a,)] + [om(b"before 2")]
    yield "in a plain page", [text(*LINES, EOF), text(b'a_total 1 # {t="x"} 1'), text(b"# UNIT g_s s", b"g_s 1"), text(*LINES, EOF)]
    yield "formats in turn", [om(*LINES), text(*LINES), om(*LINES), text(*LINES[:3]), om(*LINES, kind="application/openmetrics-text; version=0.0.1")]
    yield "timestamps", [om(b"a 1 <<S-500>>", b"b 1"), om(b"a 2 <<S-500>>", b"b 1"), om(b"b 1", b"a 2"), om(b"a 1 1520879607.789")]
    yield "timestamps, tracked", [om(b"a 1 <<S-500>>", b"b 1"), om(b"b 1"), om(b"a 2 <<S-500>>")], {"track_timestamps_staleness": True}
    yield "timestamps, not honoured", [om(b"a 1 <<S-500>>", b"b 1"), om(b"b 1"), om(b"a 2 <<S-500>>")], {"honor_timestamps": False}
    yield "created", [om(b"# TYPE c counter", b"c_total %d" % i, b"c_created 1520872607.123", b"# TYPE g gauge", b"g 1") for i in range(3)]
    yield "bounds", [om(b"# TYPE h histogram", b'h_bucket{le="1"} 1', b'h_bucket{le="1e6"} 2', b'h_bucket{le="+Inf"} 2', b"h_count 2", b"h_sum 3",
                        b"# TYPE s summary", b's{quantile="0"} 1', b's{quantile=".5"} 1', b"s_count 2", b"s_sum 3", b"# TYPE x counter", b'x_total{le="1"} 1')] * 2
    yield "sample_limit", [om(b"a 1", b"b 1"), om(b"a 1", b"b 1", b"c 1"), om(b"a 1")], {"sample_limit": 2}
    yield "a fallback of it", [Answer(b"a 1\n# EOF\n", kind=None), Answer(b"a 1\n", kind=None), Answer(b"a 1\n# EOF\n", kind="text/html")], \
        {"fallback_scrape_protocol": "OpenMetricsText1.0.0"}


def exemplars():
    def page(i, mark):
        return om(b"# TYPE c counter", b"c_total %d %s" % (i, mark))
    marks = [b'# {t="a"} 1', b'# {t="b",u="c"} 2.5', b'# {t="a"} 1 <<S-500>>', b"# {} 3", b'# {"a.b"="c"} NaN', b'# {t=""} 4', b'# {t="a"} 1 1520879607.789',
             b'# {t="' + b"x" * 127 + b'"} 1', b'# {t="' + b"x" * 128 + b'"} 1', b'# {t="' + b"\xc3\xa9" * 127 + b'"} 1']
    for k, mark in enumerate(marks):
        yield "mark %d" % k, [page(0, mark), page(1, mark), om(b"# TYPE c counter", b"c_total 2"), page(3, mark), page(3, mark)]
    yield "in turn", [page(i, marks[i % 4]) for i in range(8)]
    bad = [b"# {aa=bb} 1", b"# {bb} 1", b'# {aa="bb"}', b'# {aa="bb",,cc="dd"} 1', b'# {a="b"} 1 NaN', b'#{a="b"} 1', b'# {a="b"}1', b'# {a="b"} 1 1 1',
           b'# {a="b"} # {c="d"} 1', b'# {a="b\0c"} 1', b'# {a="b"} x', b"#", b"# ", b'# {a="1",a="2"} 1']
    for k in range(0, len(bad), 4):
        yield "bad %d" % k, [page(0, b"# {} 1")] + [page(1, mark) for mark in bad[k:k + 4]] + [page(2, b"# {} 1")]
    yield "on every type", [om(b"# TYPE g gauge", b'g 1 # {t="g"} 1', b"# TYPE h histogram", b'h_bucket{le="1"} 1 # {t="h"} 0.5', b'h_bucket{le="+Inf"} 1 # {t="i"} 2',
                               b'h_count 1 # {t="c"} 3', b"h_sum 1", b"# TYPE s summary", b's{quantile="0.5"} 1 # {t="s"} 1', b"# TYPE u unknown", b'u 1 # {t="u"} 1')] * 3
    yield "with a timestamp of the sample", [om(b'c_total 1 <<S-500>> # {t="a"} 1'), om(b'c_total 2 <<S-500>> # {t="b"} 1'), om(b'c_total 2 <<S-500>> # {t="b"} 1 <<S-700>>')]
    yield "time goes back", [page(0, b'# {t="a"} 1 <<S-500>>'), page(1, b'# {t="b"} 1 <<S-60000>>'), page(2, b'# {t="c"} 1 <<S+60000>>'), page(3, b'# {t="d"} 1')]
    yield "a failed scrape", [page(0, marks[0]), om(b"# TYPE c counter", b'c_total 1 # {t="z"} 9', b"!"), page(2, marks[0])]
    yield "a dropped series", [page(0, marks[0])] * 2, {"metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "c_.*", "action": "drop"}]}
    yield "a line twice", [om(b"# TYPE c counter", b'c_total 1 # {t="a"} 1', b'c_total 1 # {t="b"} 2')] * 2


def content_types():
    body = (b"a 1", b'b{x="1"} 2')
    kinds = [None, "", "text/html", "invalid/", "invalid/invalid/invalid", "/", "text/plain; charset=a; charset=b", "application/json", "TEXT/PLAIN",
             "text/plain;version=9", "text/plain; escaping=underscores", " text/plain ", "text/plain;", "text/plain", "text/plain; version=1.0.0",
             "text/plain; version=0.0.4; charset=utf-8; escaping=values", "application/openmetrics-text", "application/vnd.google.protobuf",
             "application/vnd.google.protobuf; proto=other; encoding=text", "text/plain, text/html", "text", "application/openmetrics-text; version=7"]
    for kind in kinds:
        yield "%r" % kind, [text(*body), text(*body, kind=kind), text(*body), text(*body, EOF, kind=kind), Answer(b"", kind=kind), text(*body)]
    for fallback in ("PrometheusText0.0.4", "PrometheusText1.0.0", "OpenMetricsText0.0.1", "PrometheusProto"):
        yield "fallback " + fallback, [text(*body), text(*body, kind=None), text(*body, kind="text/html"), text(*body, EOF, kind="x"), om(*body), text(*body)], \
            {"fallback_scrape_protocol": fallback}
    every = ["PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"]
    for k in range(len(every)):
        yield "scrape_protocols from %s" % every[k], [text(*body), om(*body), text(*body)], {"scrape_protocols": every[k:] + every[:k]}
        yield "scrape_protocols only %s" % every[k], [text(*body), om(*body), text(*body)], {"scrape_protocols": [every[k]]}
    yield "fallback and one protocol", [text(*body), text(*body, kind=None)], \
        {"scrape_protocols": ["OpenMetricsText1.0.0"], "fallback_scrape_protocol": "PrometheusText0.0.4"}


def requests():
    pages = [text(b"a 1", b"b 2"), text(b"a 1", b"b 2", encoding="gzip"), text(b"a 1", b"b 2", how="chunked"),
             text(b"a 1", b"b 2", encoding="gzip", how="chunked"), text(b"a 1", b"b 2", encoding="gzip members")]
    yield "ways of sending", pages
    yield "no compression", pages, {"enable_compression": False}
    yield "encodings", [text(b"a 1", encoding=e) for e in ("identity", "GZIP", "br", "x-gzip", "gzip")]
    yield "redirects", [text(b"a 1", how="redirect"), text(b"a 1"), text(b"a 2", how="redirect")]
    yield "redirects not followed", [text(b"a 1", how="redirect"), text(b"a 1"), text(b"a 2", how="redirect")], {"follow_redirects": False}
    yield "basic_auth", pages[:2], {"basic_auth": {"username": "us\u00e9r", "password": "pa:ss"}}
    yield "basic_auth without a password", pages[:2], {"basic_auth": {"username": "user"}}
    yield "authorization", pages[:2], {"authorization": {"credentials": "abc.def"}}
    yield "authorization of a type", pages[:2], {"authorization": {"type": " Token ", "credentials": "abc"}}
    yield "bearer_token", pages[:2], {"bearer_token": "old one"}
    yield "timeout 1500ms", pages[:2], {"scrape_timeout": "1500ms"}
    yield "timeout 2s", pages[:2], {"scrape_timeout": "2s"}
    yield "http_headers", pages[:2], {"http_headers": {"X-One": {"values": ["1", "2"]}, "x-two": {"secrets": ["s"]}}}
    yield "odd path", pages[:2], {"metrics_path": "/%SEQ%/0/a b/\u00e9?x=1"}
    yield "path with an escape", pages[:2], {"metrics_path": "/%SEQ%/0/a%2Fb%20c", "params": {"q": ["1"]}}
    yield "no HTTP/2", pages[:2], {"enable_http2": False}
    for status in (200, 203, 204, 206, 301, 302, 304, 400, 401, 403, 429, 502, 503):
        yield "status %d" % status, [text(b"a 1"), text(b"a 1", status=status) if status not in (204, 304) else Answer(status=status), text(b"a 1")]


def metadata():
    """The name of each family is its own, because what is known of families is sent without a job."""
    def of(kind, words, unit=None, name=b"%SEQ%_seconds"):
        more = [b"# UNIT %s %s" % (name, unit)] if unit is not None else []
        return [b"# HELP %s %s" % (name, words), b"# TYPE %s %s" % (name, kind)] + more + [b"%s 1" % name]
    last = text(*of(b"gauge", b"last words"))
    for kind in (b"counter", b"gauge", b"histogram", b"summary", b"untyped"):
        page = text(*of(kind, b"words of " + kind))
        yield kind.decode(), [page, page], {}, "plain", None, page
    for kind in (b"counter", b"gauge", b"histogram", b"summary", b"unknown", b"info", b"stateset", b"gaugehistogram"):
        page = om(*of(kind, b"words \\n of \\\\ " + kind, b"seconds"))
        yield "OpenMetrics " + kind.decode(), [page, page], {}, "plain", None, page
    yield "changes", [text(*of(b"counter", b"first words")), text(*of(b"counter", b"second words")), text(*of(b"gauge", b"third words"))], {}, "plain", None, last
    yield "help only", [text(b"# HELP %SEQ%_x words", b"%SEQ%_x 1")] * 2, {}, "plain", None, text(b"# HELP %SEQ%_x words", b"%SEQ%_x 1")
    yield "type only, no series", [text(b"# TYPE %SEQ%_x gauge", b"y 1")] * 2, {}, "plain", None, text(b"# TYPE %SEQ%_x gauge", b"y 1")
    yield "of a failing page", [text(*of(b"gauge", b"words"), b"!")] * 2, {}, "plain", None, text(*of(b"gauge", b"words"), b"!")
    yield "quoted", [text(b'# HELP "%SEQ%.x y" words', b'# TYPE "%SEQ%.x y" counter', b'{"%SEQ%.x y"} 1')] * 2, {}, "plain", None, \
        text(b'# HELP "%SEQ%.x y" words', b'# TYPE "%SEQ%.x y" counter', b'{"%SEQ%.x y"} 1')


def start_times():
    """With zeros at start times: they count from the last answer on, from before it, or from no time."""
    def page(start, n=1, before=b""):
        return om(b"# TYPE c counter", *([before] if before else []), b'c_total{x="1"} %d' % n, b'c_created{x="1"} ' + start,
                  b'c_total{x="2"} 5', b"# TYPE g gauge", b"g 1")
    new, old, ahead = b"<<S-700>>", b"1520872607.123", b"<<S+60000>>"
    yield "new each time", [page(new, n) for n in range(4)]
    yield "the same", [page(old, n) for n in range(4)]
    yield "comes and goes", [page(old), page(new), om(b"# TYPE c counter", b'c_total{x="1"} 1'), page(new), page(old)]
    yield "ahead", [page(ahead), page(new), page(ahead), page(new)]
    yield "before its samples", [om(b"# TYPE c counter", b"c_created " + new, b"c_total 1")] * 3
    yield "no number, zero, negative", [page(b"0"), page(b"NaN"), page(b"-1"), page(b"1e300"), page(new)]
    yield "without a type", [om(b"c_total 1", b"c_created " + old)] * 2 + [om(b"# TYPE c gauge", b"c_total 1", b"c_created " + old)]
    yield "in plain text", [text(b"# TYPE c counter", b"c_total 1", b"c_created 1520872607.123")] * 2
    yield "summary and histogram", [om(b"# TYPE s summary", b's{quantile="0.5"} 1', b"s_count 2", b"s_sum 3", b"s_created " + new,
                                       b"# TYPE h histogram", b'h_bucket{le="1"} 1', b'h_bucket{le="+Inf"} 2', b"h_count 2", b"h_sum 3", b"h_created " + new)] * 3
    yield "with timestamps", [om(b"# TYPE c counter", b"c_total 1 <<S-500>>", b"c_created <<S-700>>"), om(b"# TYPE c counter", b"c_total 2 <<S-500>>", b"c_created <<S-400>>")] * 2
    yield "not honoured", [om(b"# TYPE c counter", b"c_total 1 <<S-500>>", b"c_created <<S-700>>")] * 2, {"honor_timestamps": False}
    yield "a failed scrape", [page(new), page(new, 2, b"!"), page(new, 3), om(b"!"), page(new)]
    yield "dropped", [page(new)] * 2, {"metric_relabel_configs": [{"source_labels": ["x"], "regex": "1", "action": "drop"}]}

    def made(*families):
        def body(now_ms):
            return b"".join(family((now_ms - 700) / 1000.0) for family in families)
        body.offsets = [-700]
        return Answer(body, kind=PROTO)

    def count(t):
        return p.family("c_total", p.COUNTER, p.counter(3, start=t), p.counter(4, {"x": "1"}, start=1520872607))

    def others(t):
        return (p.family("s", p.SUMMARY, p.summary(3, 4.5, [(0.5, 1)], start=t))
                + p.family("h", p.HISTOGRAM, p.histogram(count=4, total=1, buckets=[p.bucket(1, 2)], start=t)))

    def native(t):
        return p.family("n", p.HISTOGRAM, p.histogram(count=3, total=1, schema=0, zero_threshold=0.1, zero_count=3, start=t))
    yield "protobuf", [made(count), made(count), made(others, count), made(others)]
    yield "protobuf, native", [made(native), made(native), made(count, native)]


def sequences():
    out = []
    for family in (openmetrics_text, exemplars, content_types, requests, metadata):
        out += [Sequence(family.__name__.replace("_", " "), case[0], list(case[1]), *case[2:4],
                         **dict(zip(("labels",), case[4:5])), **dict({"last": case[5]} if len(case) > 5 else {}))
                for case in family()]
    out += [Sequence("start times", case[0], list(case[1]), *case[2:], world="zero") for case in start_times()]
    for name, old in (("http_headers", OLD_HEADERS), ("a line twice", OLD_EXEMPLAR), ("protobuf, native", OLD_ZERO)):
        next(s for s in out if s.name == name).allow = old
    return out
