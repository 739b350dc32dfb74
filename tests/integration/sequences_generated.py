"""Sequences made by chance: pages that change from scrape to scrape, now in one format and now in another, break and
recover, under options drawn for each job. The same seed makes the same sequences.
"""
import random
import re

import page_generator
import sequences_proto as p
from sequences_cases_labels import METRIC_RULES
from sequences_model import OPENMETRICS, PROTO, Sequence
from sequences_server import Answer, TEXT

COUNT = 240
STAMPS = [b"<<T-900>>", b"<<T-500>>", b"<<T-500>>", b"<<T+60000>>", b"<<T+3600000>>", b"1600000000000"]


class Lines(page_generator.Maker):
    """Lines of the text format; times are relative to the scrape, and rare."""

    def __init__(self, seed, wild):
        super().__init__(seed, 0, wild)

    def time(self):
        return b" " + self.rng.choice(STAMPS) if self.chance(0.03) else b""

    def changed(self, line):
        """The same series with another value."""
        if line.startswith(b"#") or b" " not in line:
            return line
        return line.rsplit(b" ", 1)[0] + b" " + self.number()

    def step(self, lines):
        """The next scrape's lines."""
        out, rng = list(lines), self.rng
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            at = rng.randrange(len(out) + 1)
            kind = rng.randrange(8)
            if kind == 0 and out:
                out.pop(min(at, len(out) - 1))
            elif kind == 1:
                out.insert(at, self.line())
            elif kind == 2 and out and self.chance(0.4):
                out.insert(at, rng.choice(out))
            elif kind == 3 and self.chance(0.3):
                rng.shuffle(out)
            elif kind == 4 and out:
                out = out[at:] + out[:at]
            elif kind == 5 and out and self.chance(0.5):
                at = min(at, len(out) - 1)
                if not out[at].startswith(b"#"):
                    out[at] += b" " + rng.choice(STAMPS)
            else:
                out = [self.changed(line) for line in out]
        return out

    def answer(self, lines):
        """The page of these lines, or what goes wrong with it."""
        rng, text = self.rng, self.page(lines)
        kind = rng.random()
        if kind < 0.08:
            broken = list(lines)
            broken.insert(rng.randrange(len(lines) + 1), self.broken_line())
            return Answer(self.page(broken))
        if kind < 0.12:
            return Answer(self.damaged(text))
        if kind < 0.22:
            return failure(rng, text)
        if kind < 0.3:
            return Answer(text, encoding="gzip")
        if kind < 0.35:
            return Answer(text, how="chunked")
        return Answer(text)


def bare_name_in_braces(text):
    """{A} and a{b}: 3.5 takes the bare name for a quoted one and may crash."""
    string = re.compile(rb'"(?:\\.|[^"\\])*"', re.S)
    return bool(re.search(rb"\w[ \t]*[},]", string.sub(b'""', text)))


def failure(rng, text):
    return rng.choice([Answer(text, status=500), Answer(text, how="cut"), Answer(text, how="reset"), Answer(b""),
                       Answer(text, kind="text/html"), Answer(text, kind=None), Answer(text, encoding="gzip cut"),
                       Answer(text, kind=OPENMETRICS), Answer(text, kind=PROTO), Answer(text[:len(text) // 2])])


class Families:
    """Families in OpenMetrics and in protobuf, from one description, so that a series goes on when formats change."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.families = [self.family(i) for i in range(self.rng.randrange(1, 6))]

    def family(self, i):
        kind = self.rng.choice(["counter", "gauge", "summary", "histogram", "unknown"])
        count = self.rng.randrange(1, 4)
        return ["%s%d" % (kind[0], i), kind, [{"x": "%d" % n} if n else {} for n in range(count)], self.rng.randrange(100)]

    def step(self):
        rng = self.rng
        for family in self.families:
            if rng.random() < 0.6:
                family[3] += rng.randrange(5)
            if rng.random() < 0.15 and family[2]:
                family[2].pop(rng.randrange(len(family[2])))
            if rng.random() < 0.15:
                family[2].append({"y": "%d" % rng.randrange(1000)})
        if rng.random() < 0.2:
            rng.shuffle(self.families)
        if rng.random() < 0.2:
            self.families.append(self.family(rng.randrange(10, 1000)))

    def samples(self, name, kind, pairs, n):
        """(suffix, labels, value) in the order of both formats."""
        if kind == "counter":
            return [("_total", pairs, n)]
        if kind in ("gauge", "unknown"):
            return [("", pairs, n)]
        if kind == "summary":
            return [("_count", pairs, n), ("_sum", pairs, n * 1.5)] + [("", dict(pairs, quantile=q), n) for q in ("0.5", "0.9")]
        return [("_count", pairs, 3 * n), ("_sum", pairs, n * 1.5)] + [("_bucket", dict(pairs, le=le), c) for le, c in
                                                                      (("0.5", n), ("1", 2 * n), ("+Inf", 3 * n))]

    def text(self, openmetrics):
        out = []
        for name, kind, series, n in self.families:
            shown = name if openmetrics or kind != "counter" else name + "_total"
            out.append("# TYPE %s %s" % (shown, kind if openmetrics or kind != "unknown" else "untyped"))
            for pairs in series:
                for suffix, labels, value in self.samples(name, kind, pairs, n):
                    inner = ",".join('%s="%s"' % pair for pair in labels.items())
                    mark = ""
                    if openmetrics and suffix in ("_total", "_bucket") and self.rng.random() < 0.3:
                        mark = ' # {t="%d"} %d%s' % (n, n, self.rng.choice(["", " 1520879607.789"]))
                    out.append("%s%s%s %s%s" % (name, suffix, "{%s}" % inner if inner else "", value, mark))
        if openmetrics:
            out.append("# EOF")
        return "".join(line + "\n" for line in out).encode()

    def proto(self, native):
        """A family's histograms are all native or all classic: 3.5 takes the first one for what all are."""
        out = []
        for name, kind, series, n in self.families:
            how = native and self.rng.random() < 0.8
            out.append(p.family(name + ("_total" if kind == "counter" else ""), KINDS[kind],
                                *[self.metric(kind, pairs, n, how) for pairs in series], help="words"))
        return b"".join(out)

    def metric(self, kind, pairs, n, native):
        rng = self.rng
        if kind == "counter":
            return p.counter(n, pairs, exemplar=p.exemplar({"t": "%d" % n}, n) if rng.random() < 0.2 else None)
        if kind == "gauge":
            return p.gauge(n, pairs)
        if kind == "unknown":
            return p.untyped(n, pairs)
        if kind == "summary":
            return p.summary(n, n * 1.5, [(0.5, n), (0.9, n)], pairs)
        classic = [p.bucket(0.5, n), p.bucket(1, 2 * n), p.bucket(float("inf"), 3 * n)]
        if not native:
            return p.histogram(pairs, count=3 * n, total=n * 1.5, buckets=classic)
        counts = [rng.randrange(5) for _ in range(rng.randrange(1, 12))]
        zero, gaps = rng.randrange(1, 4), []
        while sum(length for _, length in gaps) < len(counts):
            left = len(counts) - sum(length for _, length in gaps)
            gaps.append((rng.randrange(-5, 6) if not gaps else rng.randrange(4), rng.randrange(1, left + 1)))
        shape = dict(total=n * 1.5, schema=rng.randrange(-4, 9), zero_threshold=2.0 ** -rng.randrange(1, 128),
                     buckets=classic if rng.random() < 0.3 else ())
        wrong = rng.random() < 0.04
        if rng.random() < 0.3:
            return p.histogram(pairs, count_float=float(sum(counts) + zero + wrong), zero_float=float(zero),
                               positive=gaps, positive_counts=[float(c) for c in counts], **shape)
        deltas = [b - a for a, b in zip([0] + counts, counts)]
        return p.histogram(pairs, count=sum(counts) + zero + wrong, zero_count=zero, positive=gaps,
                           positive_deltas=deltas, **shape)

    def answer(self, native):
        rng = self.rng
        kind = rng.random()
        if kind < (0.7 if native else 0.3):
            body = self.proto(native)
            if rng.random() < 0.06:
                body = body[:rng.randrange(len(body))]
            return Answer(body, kind=PROTO, encoding=rng.choice([None, None, "gzip"]))
        if kind < 0.8:
            body = self.text(True)
            if rng.random() < 0.1:
                body = body[:-rng.randrange(1, 12)]
            return Answer(body, kind=OPENMETRICS)
        return Answer(self.text(False), kind=TEXT)


KINDS = {"counter": p.COUNTER, "gauge": p.GAUGE, "summary": p.SUMMARY, "histogram": p.HISTOGRAM, "unknown": p.UNTYPED}
# Rules under which two series of a page stay two.
RULES = [rules for name, rules in METRIC_RULES if name in ("drop", "keep", "replace", "hashmod", "labelmap", "lowercase",
                                                           "uppercase", "a chain", "target labels are seen", "no case")]


def options(rng):
    out = {}
    if rng.random() < 0.2:
        out["honor_labels"] = True
    if rng.random() < 0.1:
        out["honor_timestamps"] = False
    if rng.random() < 0.2:
        out["track_timestamps_staleness"] = True
    if rng.random() < 0.25:
        out["metric_relabel_configs"] = rng.choice(RULES)
    if rng.random() < 0.15:
        out["sample_limit"] = rng.randrange(1, 30)
    if rng.random() < 0.08:
        out["label_limit"] = rng.randrange(4, 9)
    if rng.random() < 0.05:
        out["label_value_length_limit"] = rng.randrange(15, 30)
    if rng.random() < 0.1:
        out["body_size_limit"] = "%dB" % rng.randrange(100, 1500)
    if rng.random() < 0.15:
        out["fallback_scrape_protocol"] = rng.choice(["PrometheusText0.0.4", "OpenMetricsText1.0.0", "PrometheusText1.0.0"])
    if rng.random() < 0.1:
        out.update(metric_name_validation_scheme="legacy", metric_name_escaping_scheme="underscores")
    if rng.random() < 0.1:
        out["enable_compression"] = False
    return out


def native_options(rng):
    out = {"always_scrape_classic_histograms": True} if rng.random() < 0.3 else {}
    if rng.random() < 0.3:
        out["native_histogram_bucket_limit"] = rng.randrange(1, 12)
    if rng.random() < 0.3:
        out["native_histogram_min_bucket_factor"] = rng.choice([1.01, 1.1, 1.5, 2, 10])
    return out


def of_lines(seed, rng, wild):
    maker = Lines(seed, wild)
    lines, answers = maker.lines(), []
    for _ in range(rng.randrange(4, 8)):
        answer = maker.answer(lines)
        answers.append(Answer(answer.body, status=500) if bare_name_in_braces(answer.body) else answer)
        lines = maker.step(lines) if maker.chance(0.9) else maker.lines()
    return answers


def of_families(seed, rng, native):
    made, answers = Families(seed), []
    for _ in range(rng.randrange(4, 8)):
        answers.append(made.answer(native) if rng.random() < 0.9 else failure(rng, made.text(False)))
        made.step()
    return answers


def sequences(seed):
    out = []
    for k in range(COUNT):
        rng = random.Random("%d/%d" % (seed, k))
        own = "%d/%d/lines" % (seed, k)
        drawn = options(rng)
        mode = ["tidy lines", "wild lines", "tidy lines", "families", "native families", "families"][k % 6]
        if "lines" in mode:
            out.append(Sequence("generated", "%d %s" % (k, mode), of_lines(own, rng, mode[0] == "w"), drawn))
            continue
        native = mode[0] == "n"
        if native:
            drawn.update(native_options(rng))
            drawn.pop("sample_limit", None)
        out.append(Sequence("generated", "%d %s" % (k, mode), of_families(own, rng, native), drawn,
                            "native" if native else "plain"))
    return out
