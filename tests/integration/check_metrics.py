"""`ampagent check-metrics` beside the real `promtool check metrics`: the same pages to both, the same problems,
tables and exit codes.

Debian's promtool is 2.42. Where it differs from ampagent, the page is named below with the reason, and must differ.
"""
import os
import random
import subprocess
import tempfile

import harness as h

HELP = "# HELP %s Test metric.\n"


def one(name, kind="gauge", suffix="", labels="", extra=""):
    """A family with one sample and nothing wrong but what its name and type say."""
    return "%s# TYPE %s %s\n%s%s%s 1\n%s" % (HELP % name, name, kind, name, suffix, labels, extra)


HISTOGRAM = (HELP % "h_seconds") + """# TYPE h_seconds histogram
h_seconds_bucket{path="/",le="0.1"} 1
h_seconds_bucket{path="/",le="+Inf"} 2
h_seconds_sum{path="/"} 3.5
h_seconds_count{path="/"} 2
h_seconds_bucket{path="/a",le="0.1"} 0
h_seconds_bucket{path="/a",le="+Inf"} 0
h_seconds_sum{path="/a"} 0
h_seconds_count{path="/a"} 0
"""
SUMMARY = (HELP % "q_seconds") + """# TYPE q_seconds summary
q_seconds{quantile="0.5"} 1
q_seconds{quantile="0.9"} NaN
q_seconds{quantile="0.99"} +Inf
q_seconds_sum 3.5
q_seconds_count 2
"""

# What both must say the same about.
PAGES = {
    # Nothing wrong.
    "empty": "",
    "blank lines": "\n \n\t\n",
    "comments alone": "# a comment\n#\n# TYPE\n",
    "untyped": HELP % "a" + "a 1\n",
    "gauge": one("a_seconds"),
    "counter": one("a_total", "counter"),
    "histogram": HISTOGRAM,
    "summary": SUMMARY,
    "several": HISTOGRAM + SUMMARY + one("b_bytes") + one("c_total", "counter"),
    "family without samples": HELP % "aB_ms" + "# TYPE aB_ms counter\n" + one("b_bytes"),
    "timestamps": one("a_bytes", extra='a_bytes{b="c"} 1 1520879607789\n'),
    "blanks": HELP % "a" + "# TYPE a gauge\na { b = \"c\" , d = \"e\" , } \t 1 \t 5\n",
    "escapes": HELP % "a" + "a{b=\"\\\\ \\\" \\n\"} 1\na{b=\"\\\\ \\\" \"} 1\n",
    "values": HELP % "a" + "".join("a{b=\"%s\"} %s\n" % (v, v)
                                   for v in ("1e9", "+Inf", "-inf", "nan", ".5", "5.", "-0", "1e-400")),
    "utf-8 in values and help": "# HELP a Δ\na{b=\"日本\"} 1\n",
    "help after samples": "a 1\n# HELP a late\n",
    "help text with escapes": "# HELP a back\\\\slash new\\nline\na 1\n",
    # Help.
    "no help": "# TYPE a gauge\na 1\n",
    "empty help": "# HELP a\n# TYPE a gauge\na 1\n",
    "blank help": "# HELP a  \na 1\n",
    "no help twice": "b 1\na 1\n",
    # Counters.
    "counter without total": one("a", "counter"),
    "counter with total inside": one("a_total_b", "counter"),
    "gauge with total": one("a_total"),
    "histogram with total": one("a_total", "histogram", "_count"),
    "untyped with total": one("a_total", "untyped"),
    # Histograms and summaries.
    "gauge with bucket": one("a_bucket"),
    "gauge with count": one("a_count"),
    "gauge with sum": one("a_sum"),
    "counter with bucket": one("a_bucket", "counter"),
    "summary with bucket": one("a_bucket", "summary", "_sum"),
    "summary with sum": one("a_sum", "summary", "_sum"),
    "untyped with all": one("a_bucket", "untyped") + one("b_count", "untyped") + one("c_sum", "untyped"),
    "gauge with le": one("a", labels='{le="1"}'),
    "gauge with quantile": one("a", labels='{quantile="1"}'),
    "summary with le": one("a", "summary", "_sum", '{le="1"}'),
    "histogram with quantile": one("a", "histogram", "_sum", '{quantile="1"}'),
    "untyped with both": one("a", "untyped", labels='{le="1",quantile="1"}'),
    "le in each of three": one("a", labels='{le="1"}', extra='a{le="2"} 1\na{le="3"} 1\n'),
    "histogram of two orders": one("a", "histogram", "_sum", '{b="1",cD="2"}', 'a_count{cD="2",b="1"} 1\n'),
    "bare histogram": one("a", "histogram"),
    "bare summary": one("a", "summary"),
    "histogram with NaN as le": one("a", "histogram", "_bucket", '{le="NaN"}'),
    "parts of nothing": "a_sum 1\na_count 1\na_bucket{le=\"1\"} 1\n",
    "parts before the type": HELP % "a_sum" + "a_sum 1\n" + one("a", "summary", "_count"),
    # Type in the name.
    "gauge in a gauge": one("a_gauge"),
    "gauge inside a gauge": one("a_gauge_bytes"),
    "counter in a counter": one("a_counter_total", "counter"),
    "HISTOGRAM in a histogram": one("a_HISTOGRAM", "histogram", "_sum"),
    "summary in a summary": one("a_summary", "summary", "_sum"),
    "gauges in a gauge": one("a_gauges"),
    # Characters.
    "colon": one("job:a_bytes"),
    "camel case": one("fooBar"),
    "capitals": one("FOO_Bar"),
    "camel case in labels": one("a", labels='{fooBar="1",b="2",bC="3"}', extra='a{fooBar="2"} 1\n'),
    # Units.
    "milliseconds": one("a_milliseconds"),
    "unit in front": one("minutes_a"),
    "prefixed non-base unit": one("a_kilobits"),
    "fahrenheit": one("a_fahrenheit"),
    "prefix alone": one("a_kilo"),
    "unknown prefix": one("a_exabytes"),
    "untyped milliseconds": one("a_milliseconds", "untyped"),
    "hours, days, weeks": one("a_hours") + one("b_days") + one("c_weeks"),
    "abbreviations": "".join(one("a_" + u) for u in "s ms us ns sec b kb mb gb tb pb m h d MB".split()),
    "abbreviations inside": one("a_s_x") + one("a_ms_s_x") + one("s_a") + one("a_sx"),
    # Duplicates.
    "duplicate in another order": one("a", labels='{b="c",d="e"}', extra='a{d="e",b="c"} 2\n'),
    "empty label is a label": one("a", extra='a{b=""} 2\n'),
    "everything at once": "# TYPE fooBar:gauge_kilobits_s_total gauge\n"
                          "fooBar:gauge_kilobits_s_total{le=\"1\",quantile=\"1\",aB=\"\"} 1\n",
    # Broken.
    "no new line": "a 1",
    "comment without new line": "a 1\n# b",
    "no value": "a\n",
    "bad value": "a x\n",
    "hexadecimal": "a 0x1p-3\n",
    "bad timestamp": "a 1 x\n",
    "blank at the end": "a 1 \n",
    "tab after the timestamp": "a 1 5\t\n",
    "type with a blank after it": "# TYPE a gauge \na 1\n",
    "more after the timestamp": "a 1 2 3\n",
    "bad name": "a-b 1\n",
    "digit in front": "9a 1\n",
    "no name": '{b="c"} 1\n',
    "open brace": 'a{b="c" 1\n',
    "no quotes": "a{b=c} 1\n",
    "open quotes": 'a{b="c} 1\n',
    "new line in quotes": 'a{b="c\nd"} 1\n',
    "unknown escape in a label": 'a{b="\\x"} 1\n',
    "unknown escape in help": "# HELP a \\x\na 1\n",
    "no comma": 'a{b="c"d="e"} 1\n',
    "two commas": 'a{b="c",,d="e"} 1\n',
    "label without value": "a{b} 1\n",
    "same label twice": 'a{b="c",b="d"} 1\n',
    "reserved label": 'a{__name__="b"} 1\n',
    "not UTF-8": b'a{b="\xff"} 1\n',
    "unknown type": "# TYPE a foo\na 1\n",
    "unknown, as OpenMetrics says": "# TYPE a unknown\na 1\n",
    "second help": HELP % "a" + one("a"),
    "second type": "# TYPE a gauge\n" + one("a"),
    "type after samples": "a 1\n" + one("a"),
    "type of a part": "# TYPE a histogram\n# TYPE a_sum gauge\na_sum 1\n",
    "le is no number": one("a", "histogram", "_bucket", '{le="x"}'),
    "quantile is no number": one("a", "summary", "", '{quantile=""}'),
    "carriage return": "a 1\r\n",
    "NUL": b"a 1\n\x00b 1\n",
    "bad name in help": "# HELP a-b x\na 1\n",
}

# What a scrape cannot take: promtool's parser is another one than the scraper's.
SCRAPE = "a scrape fails there, promtool's own parser does not mind"
# Rules that changed after 2.42.
UNIQUE = "metric not unique"
IN_NAME = "metric name should not include type"
OLD = {UNIQUE: "2.42 does not look for duplicates", IN_NAME: "2.42 looks for every type, not for the metric's own"}
DIFFERENT = {
    "type without text": ("# TYPE a\na 1\n", SCRAPE),
    "type in capitals": ("# TYPE a GAUGE\na 1\n", SCRAPE),
    "time before 1970": ("a 1 -5\n", SCRAPE),
    "le twice": (one("a", "histogram", "_bucket", '{le="1",le="2"}'), SCRAPE),
    "no blank after the sign": ("#HELP a text\na 1\n", "a scrape sees a comment, promtool a help text"),
    "negative bucket": (one("a", "histogram", "_bucket", '{le="1"}').replace(" 1\n", " -1\n"),
                        "2.42 does not look at counts"),
    "gauge in a counter": (one("a_gauge_total", "counter"), OLD[IN_NAME]),
    "gauge in an untyped": (one("a_gauge", "untyped"), OLD[IN_NAME]),
    "duplicate": (one("a", extra="a 1\n"), OLD[UNIQUE]),
    "three of a kind": (one("a", labels='{b="c"}', extra='a{b="c"} 2\na{b="c"} 3\na{b="d"} 1\n'), OLD[UNIQUE]),
    "empty braces": (one("a", extra="a{} 2\n"), OLD[UNIQUE]),
    "quoted name": ('{"a.b"} 1\n', "Prometheus 3 scrapes it, promtool wants the old names"),
}


def run(program, args, page):
    done = subprocess.run([program] + args, input=page if isinstance(page, bytes) else page.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def ours(page, *args):
    return run(h.AMPAGENT, ["check-metrics"] + list(args), page)


def theirs(tool, page, *args):
    return run(tool, ["check", "metrics"] + list(args), page)


def table(text):
    """Rows of one cardinality come in any order from promtool."""
    lines = text.split("\n")
    return lines[:1] + sorted(lines[1:-2]) + lines[-2:]


def same(a, b):
    """Exit codes and problems; of a broken page the exit code alone. promtool 2.42 has a table only where there are
    no problems, newer ones always."""
    if a[0] != b[0]:
        return False
    if a[0] == 0 and table(a[1]) != table(b[1]):
        return False
    return a[0] == 1 or sorted(a[2].split("\n")) == sorted(b[2].split("\n"))


def without_old(result):
    """A result without the problems of rules that changed; the table only where it is always there."""
    code, out, said = result
    left = [line for line in said.split("\n") if line and UNIQUE not in line and IN_NAME not in line]
    if code == 1:
        return 1, None, []
    return 3 if left else 0, table(out) if code == 0 else None, sorted(left)


def same_but_old(a, b):
    a, b = without_old(a), without_old(b)
    return a[0] == b[0] and a[2] == b[2] and (a[1] is None or b[1] is None or a[1] == b[1])


def told(a, b):
    return "ampagent %d\n%s%spromtool %d\n%s%s" % (a[0], a[2], a[1], b[0], b[2], b[1])


def by_the_book(tool):
    codes = {}
    for name, page in PAGES.items():
        a, b = ours(page, "--extended"), theirs(tool, page, "--extended")
        codes[b[0]] = codes.get(b[0], 0) + 1
        h.check(same(a, b), "%s: %s" % (name, told(a, b)))
    for name, (page, why) in DIFFERENT.items():
        a, b = ours(page, "--extended"), theirs(tool, page, "--extended")
        h.check(not same(a, b), "%s differs no more (%s)" % (name, why))
    h.check(all(codes.get(code, 0) >= 15 for code in (0, 1, 3)), "too few pages of a kind: %s" % codes)
    print("%d pages, %d named differences" % (len(PAGES), len(DIFFERENT)))


class Maker:
    """Pages made of lines that are sometimes wrong."""
    NAMES = ("a_total a b_seconds b_milliseconds c_bucket c c_count c_sum fooBar x:y e_gauge e_histogram_ms s_s "
             "g_MB h_counter_total i_bits").split()
    LABELS = "le quantile a bC z".split()

    def __init__(self, seed):
        self.random = random.Random(seed)

    def labels(self):
        r = self.random
        names = r.sample(self.LABELS, r.choice((0, 0, 1, 1, 2, 3)))
        pairs = ['%s="%s"' % (n, r.choice(("1", "0.5", "+Inf") if n in ("le", "quantile") else ("1", "", "\\n")))
                 for n in names]
        return "{%s}" % r.choice((",", ", ")).join(pairs) if pairs or r.random() < 0.2 else ""

    def family(self):
        r = self.random
        name, lines = r.choice(self.NAMES), []
        if r.random() < 0.6:
            lines.append("# HELP %s text" % name)
        if r.random() < 0.8:
            lines.append("# TYPE %s %s" % (name, r.choice("counter gauge histogram summary untyped".split())))
        for _ in range(r.randint(0, 6)):
            lines.append("%s%s%s %s" % (name, r.choice(("", "", "", "_bucket", "_count", "_sum")), self.labels(),
                                        r.choice(("1", "0", "2.5", "7 123"))))
        return lines

    def page(self):
        return "".join(line + "\n" for _ in range(self.random.randint(1, 5)) for line in self.family())


def made_up(tool):
    seed = int(os.environ.get("SEED", "1"))
    for i in range(150):
        page = Maker(seed * 1000 + i).page()
        a, b = ours(page, "--extended"), theirs(tool, page, "--extended")
        if not h.check(same_but_old(a, b), "seed %d, page %d:\n%s\n%s" % (seed, i, page, told(a, b))):
            return


def by_hand():
    """What promtool has no counterpart for, or only a newer one."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "page.prom")
        with open(path, "w") as f:
            f.write("a 1\nb{c=d} 1\n")
        code, out, said = ours("", path)
        h.check((code, out) == (1, "") and said.startswith("ampagent check-metrics: %s:2:" % path),
                "a place in a file: %d %s" % (code, said))
        h.check(ours("a 1\n", os.path.join(place, "none"))[0] == 1, "a file that is not there")
    code, out, said = ours("aB 1\n", "--extended", "--lint=none")
    h.check(code == 0 and said == "" and out.startswith("Metric") and "aB" in out, "--lint=none: %d %s" % (code, said))
    h.check(ours("aB 1\n", "--lint=none")[0] == 1, "--lint=none without --extended")
    h.check(ours("aB 1\n", "--lint=all") == ours("aB 1\n"), "--lint=all")
    h.check(ours("aB 1\n", "--lint=some")[0] == 2, "--lint=some")
    h.check(ours("", "--help")[0] == 0, "--help")


if __name__ == "__main__":
    promtool = h.peer("promtool")
    by_hand()
    by_the_book(promtool)
    made_up(promtool)
    h.finish()
