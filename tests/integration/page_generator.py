"""Pages for the differential test: seeded mixtures of what the text format allows, the same with damage done
to them, and cases written by hand.

A page has three variants, one for each scrape, so that rollback, staleness and the counts of new series are
compared as well as the grammar.
"""
import random

SCRAPES = 3
GENERATED = 264
TEXT = "text/plain; version=0.0.4"


class Page:
    def __init__(self, name, variants, content_type=TEXT, refused_type=False):
        self.name = name
        self.variants = variants
        self.content_type = content_type
        self.refused_type = refused_type  # by Prometheus 3


NAMES = [b"m", b"m2", b"http_requests_total", b"_u", b":c:d", b"node_cpu_seconds_total", b"A1"]
QUOTED_NAMES = [b"go.gc", b"caf\xc3\xa9", b"a b", b"q\\\"q", b"q\\\\q", b"{x}", b"1st", b"m", b"\xe6\x97\xa5"]
LABELS = [b"a", b"b", b"le", b"quantile", b"_x", b"L9", b"job", b"page", b"exported_page", b"instance"]
QUOTED_LABELS = [b"x.y", b"a", b"\xc3\xa9", b"sp ace", b"=", b"q\\\"", b"__name", b"1"]
VALUES = [b"", b"1", b"x", b"a b", b"\\\\", b"\\\"", b"\\n", b"\\x", b"c:\\\\d\\n", b"\xe6\x97\xa5\xe6\x9c\xac", b"\xf0\x9f\x98\x80",
          b"}", b"{", b"=", b",", b"#", b"\t", b"two\nlines", b"\r", b"0.5", b"1e6", b"+Inf", b"0", b"100", b"\x01"]
NUMBERS = [b"0", b"-0", b"1", b"-1", b"0.1", b"1e3", b"1E+3", b"1e-3", b".5", b"5.", b"+7", b"NaN", b"nan",
           b"+Inf", b"-Inf", b"Inf", b"inf", b"INFINITY", b"-infinity", b"1e308", b"1.7976931348623157e308",
           b"5e-324", b"4.9e-324", b"2.4703282292062328e-324", b"2.4703282292062327e-324", b"2.2250738585072014e-308",
           b"2.2250738585072011e-308", b"1e-999", b"9007199254740993", b"9007199254740992.999999999999999999999999999",
           b"123456789012345678901234567890", b"0.000000000000000000000000000000000000001", b"1" + b"0" * 300,
           b"0." + b"0" * 320 + b"1", b"18446744073709551615", b"3.141592653589793238462643383279502884197", b"1e00000000000000000010",
           b"7.2057594037927933e16", b"8.98846567431158e307", b"179769313486231580793728971405301e276", b"000123", b"-.0e0"]
BAD_NUMBERS = [b"0x10", b"0x1p-2", b"1_0", b"1e", b"e5", b"--1", b"+nan", b"-NaN", b"infinit", b"1e999", b"-1e400", b"0b1", b"1.2.3", b"1,5",
               b"true", b"", b"1e5.0", b"+", b".", b"nan(1)", b"1\xc2\xa0", b"1.7976931348623159e308", b"\xef\xbc\x91"]
TYPES = [b"counter", b"gauge", b"histogram", b"summary", b"untyped"]
BAD_COMMENTS = [b"# TYPE m unknown", b"# TYPE m counter ", b"# TYPE  m  gauge", b"# TYPE m", b"# HELP", b"# TYPE", b"# TYPE 1x counter",
                b"# HELP m \xff", b"# TYPE m Counter", b"# HELP #"]
COMMENTS = [b"#", b"# ", b"#x", b"# just words", b"# EOF", b"# HELPm x", b"#TYPE m bogus", b"#HELP", b"  # blanks before", b"# TYPE\xff",
            b"# \xff\xfe", b"# HELP m", b"# HELP m ", b"# HELP m a \\\\ b \\n c", b"#\tHELP m tabs", b"# TYPE m gauge", b"# TYPE m histogram",
            b"#\tTYPE m summary", b"# HELP m \x00 nul", b"# UNIT m seconds"]
JUNK = [b"\x00", b"\r", b"\xff", b"\xc3", b"\n", b"\"", b"{", b"}", b"\\", b",", b"=", b" ", b"\t", b"#", b"1", b"a", b"\x80", b"\n\n", b"\x0b", b"\xef\xbb\xbf"]


class Maker:
    """One page's choices. wild: quoted names, missing commas, repeated series and all; else what exporters write."""

    def __init__(self, seed, base_ms, wild):
        self.rng = random.Random(seed)
        self.base_ms = base_ms
        self.wild = wild
        self.count = 0

    def chance(self, p):
        return self.rng.random() < p

    def blank(self):
        return self.rng.choice([b" ", b"\t", b"  ", b" \t "]) if self.wild and self.chance(0.15) else b""

    def number(self):
        if self.chance(0.5):
            return self.rng.choice(NUMBERS)
        r = self.rng
        return r.choice([lambda: b"%d" % r.randrange(10 ** r.randrange(1, 20)),
                         lambda: repr(r.uniform(-1e6, 1e6)).encode(),
                         lambda: b"%.17g" % (r.random() * 10.0 ** r.randrange(-300, 300)),
                         lambda: b"%de%d" % (r.randrange(10 ** 17), r.randrange(-330, 290))])()

    def label(self):
        rng = self.rng
        if self.wild and self.chance(0.12):
            name = b'"' + rng.choice(QUOTED_LABELS) + b'"'
        else:
            name = rng.choice(LABELS)
        return name + self.blank() + b"=" + self.blank() + b'"' + rng.choice(VALUES) + b'"'

    def label_name(self, label):
        return label.split(b"=", 1)[0].strip(b' \t"')

    def series(self):
        rng = self.rng
        name = rng.choice(NAMES)
        if not self.wild:
            self.count += 1
            name += b"_%d" % self.count
        labels, seen = [], set()
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 5])):
            label = self.label()
            key = self.label_name(label)
            if key not in seen or (self.wild and self.chance(0.02)):
                labels.append(label)
                seen.add(key)
        quoted = self.wild and self.chance(0.12)
        if quoted:
            name = b'"' + rng.choice(QUOTED_NAMES) + b'"'
            labels.insert(0 if self.chance(0.7) else rng.randrange(len(labels) + 1), name)
        elif not labels and not (self.wild and self.chance(0.3)):
            return name
        inner = self.blank()
        for i, label in enumerate(labels):
            if i > 0:
                comma = b" " if self.wild and self.chance(0.04) else b"," + self.rng.choice([b"", b" "])
                inner += self.blank() + comma + self.blank()
            inner += label
        if labels and self.chance(0.15):
            inner += b","
        return (b"" if quoted else name) + self.blank() + b"{" + inner + self.blank() + b"}"

    def time(self):
        """Old ones, or ones that come after every scrape of the run; rarely ones too far ahead."""
        if not self.chance(0.15 if self.wild else 0.05):
            return b""
        t = self.rng.choice([self.base_ms - 3600000, self.base_ms + 120000, self.base_ms + 120000])
        if self.chance(0.05):
            t = self.base_ms + 3600000
        return b" " + self.blank() + b"%d" % (t + self.rng.randrange(20) * 500)

    def line(self):
        if self.chance(0.15):
            kind = self.rng.random()
            if kind < 0.4:
                return self.rng.choice(COMMENTS)
            family = self.rng.choice(NAMES)
            if self.wild and kind > 0.95:
                family = b'"' + self.rng.choice(QUOTED_NAMES) + b'"'
            if kind < 0.7:
                return b"# HELP " + family + b" words about it"
            return b"# TYPE " + family + b" " + self.rng.choice(TYPES)
        if self.chance(0.03):
            return b""
        series = self.series()
        gap = b"" if self.wild and series.endswith(b"}") and self.chance(0.1) else b" "
        start = b" " if self.wild and self.chance(0.01) else b""
        return start + series + gap + self.blank() + self.number() + self.time() + self.blank()

    def lines(self):
        lines = [self.line() for _ in range(self.rng.randrange(1, 30))]
        if self.wild and self.chance(0.3):
            lines.append(self.rng.choice(lines))
        return lines

    def page(self, lines):
        text = b"\n".join(lines)
        return text if self.chance(0.15) else text + b"\n"

    def damaged(self, text):
        """One to three places of it are not what they were."""
        rng = self.rng
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            at = rng.randrange(len(text) + 1)
            kind = rng.randrange(6)
            if kind == 0 and text:
                at = min(at, len(text) - 1)
                text = text[:at] + bytes([text[at] ^ 1 << rng.randrange(8)]) + text[at + 1:]
            elif kind == 1:
                text = text[:at]
            elif kind == 2:
                text = text[:at] + text[at + rng.randrange(1, 5):]
            elif kind == 3:
                text = text[:at] + text[max(0, at - rng.randrange(1, 40)):]
            else:
                text = text[:at] + rng.choice(JUNK) + text[at:]
        return text

    def broken_line(self):
        r = self.rng
        return r.choice([
            lambda: self.series() + b" " + r.choice(BAD_NUMBERS),
            lambda: r.choice(BAD_COMMENTS),
            lambda: self.series() + b" 1 " + r.choice([b"-5", b"1.5", b"1e3", b"99999999999999999999", b"x", b"1 1", b"+1", b"1\r", b"# {} 1"]),
            lambda: self.damaged(self.series() + b" 1")])()


def typed_lines(maker):
    """Histograms and summaries: bounds are rewritten while their TYPE holds."""
    rng = maker.rng
    lines = []
    for i in range(rng.randrange(1, 4)):
        kind = rng.choice([b"histogram", b"summary", b"gauge"])
        lines.append(b"# TYPE h%d %s" % (i, kind))
        label = rng.choice([b"le", b"quantile"]) if maker.chance(0.2) else {b"summary": b"quantile"}.get(kind, b"le")
        bounds = [b"0", b"1", b".5", b"0.005", b"1e6", b"1000000", b"100000", b"123456789", b"1e-5", b"0.0001", b"0.00001", b"+Inf", b"inf",
                  b"-Inf", b"NaN", b"1.0", b"2.50", b"1e21", b"1e20", b"-3", b"x", b"0x1", b"1e400", b" 1", b"12345678.5", b"-0", b"+1"]
        for bound in rng.sample(bounds, rng.randrange(2, 12)):
            lines.append(b'h%d_bucket{%s="%s"} %s' % (i, label, bound, maker.number()))
        lines += [b"h%d_sum %s" % (i, maker.number()), b"h%d_count %d" % (i, rng.randrange(1000))]
    return lines


def generated(k, base_ms):
    mode = ["plain", "wild", "damaged", "typed", "wild", "broken line", "damaged", "wild damaged"][k % 8]
    maker = Maker(7000 + k, base_ms, "wild" in mode or mode == "broken line")
    rng = maker.rng
    lines = typed_lines(maker) if mode == "typed" else maker.lines()
    first = maker.page(lines)
    second_lines = list(lines)
    for _ in range(rng.randrange(3)):
        second_lines.pop(rng.randrange(len(second_lines)))
        if not second_lines:
            break
    if maker.chance(0.5):
        second_lines.insert(rng.randrange(len(second_lines) + 1), maker.line())
    if maker.chance(0.2):
        rng.shuffle(second_lines)
    second = maker.page(second_lines)
    third = first if maker.chance(0.5) else maker.page(lines + [maker.line()])
    if mode == "broken line":
        second_lines.insert(rng.randrange(len(second_lines) + 1), maker.broken_line())
        second = maker.page(second_lines)
    elif "damaged" in mode:
        if maker.chance(0.5):
            first = maker.damaged(first)
        second = maker.damaged(second)
        if maker.chance(0.3):
            third = maker.damaged(third)
    return Page("generated %d (%s)" % (k, mode), [first, second, third])


# The second scrape has each between two good lines, the third has it alone.
CASES = [
    b"a", b"a{b='c'} 1", b"a{b=", b'a{\xff="foo"} 1', b'a{b="\xff"} 1', b'{"a", "b = "c"}', b'{"a", "b = "c"} 1', b"a true", b'empty_label_name{=""} 0',
    b"{A}0", b"{A} 0", b"foo 1_2", b"foo 0x1p-3", b"foo 0x1P-3", b"foo 0 1_2", b'{a="ok"} 1', b"# TYPE #", b"# HELP #",
    b'a{b="x\x00y"} 1', b"# HELP a x\x00y", b'a\x00{b="d"} 1', b'a{b\x00="x"} 1', b'a{b=\x00"s"} 1', b"a 0 1\x00", b"\x00", b"\x00a 1", b" \x00",
    b'x{quantile="0.8", a="b"} 1', b'x{ quantile="0.9", a="b"} 1', b'x { quantile = "1.0", a = "b" } 1', b'x { quantile = "1.0", a = "b", } 1',
    b'x { quantile = "2.0" a = "b" } 1', b"#", b"# Hrandom words", b"# comment \\n text", b"# HELP n", b"# HELP n ", b'#\tTYPE x summary\nx{quantile="1"} 1',
    b"x 33  \t123123", b'testmetric{label="\\"bar\\""} 1', b'# TYPE go.gc summary\n{"go.gc",quantile="0"} 1',
    b'# TYPE "go.gc" summary\n{"go.gc",quantile="0"} 1', b'{"a\\n\\"{}\xc3\xa9","l\\n\\"{}\xc3\xa9"="v"} 1', b'{q="1","m.x"} 1', b'a{"b"} 1', b"a 1 -5",
    b"a 1 1.5", b"a 1 99999999999999999999", b"a 1\r", b"  a 1", b"\ta 1", b'a{b="x\ny"} 1', b"a{} 1", b"{} 1", b"a{,} 1", b'a{b="c",,} 1', b'a{b="c",} 1',
    b"# TYPE a counter ", b"# TYPE  a  counter", b"# TYPE a unknown", b"#TYPE a bogus", b"a 1e999", b"a 1e-999", b"a Infinity", b"a +inf", b"a nan", b"a .5",
    b"a 5.", b"a 0x10", b'a{b="c"}1', b"# EOF", b'a 1 # {t="x"} 1', b'a{__name__="x"} 1', b"a.b 1", b"a-b 1", b"9a 1", b'm{le="600",le="700"} 1',
    b"a 1\na{} 2", b"a 1\na 2", b'a{b="1",c="2"} 1\na{c="2",b="1"} 2', b'a{b=""} 1', b'a{b=""} 1\na 2', b"a 1\na  3", b'a{b="1" } 1\na{b="1"} 2',
    b'{"a"} 1\na 2', b'{"a"} 1', b'{"a",} 1', b'{"a" "b"="c"} 1', b'{"a","a"} 1', b'{""} 1', b'{"",b="1"} 1', b'{"a",""="x"} 1', b'a{""="x"} 1', b'{"a\\xb"} 1',
    b'{"a\nb"} 1', b'{"\xff"} 1', b'a{"\xff"="1"} 1', b'{"a\x00b"} 1', b'a{page="mine"} 1', b'a{page="mine",exported_page="too"} 1',
    b'a{exported_page="1",exported_exported_page="2",page="3"} 1', b'a{job="",instance="x"} 1', b"up 5", b"scrape_samples_scraped 7", b'up{job="other"} 5',
    b'a{__name__=""} 1', b'a{__x__="1"} 1', b'{__name__="a"} 1', b'{"a",__name__="b"} 1', b'{__name__="a"} 1', b'a{le="1"} 1\n# TYPE a histogram\na{le="1"} 2',
    b'# TYPE a histogram\na{le="1"} 1\na{le="1.0"} 2', b'# TYPE a summary\na{le="1",quantile="1"} 1', b'# TYPE a histogram\nb{le="1"} 1',
    b'# TYPE a histogram\n# TYPE b gauge\na{le="1"} 1', b"a 1\n\n\n b 2", b"a 1 \t", b"a\t1\t", b"a  1", b"a{}\t1", b"# HELP a \xff", b"# TYPE a", b"# HELP", b"# HELPX",
    b"# TYPE a gauge x", b"# \x00", b"#\x00 x", b"# x\x00y\nb 1", b"# UNIT m\x00x", b"#x\x00y", b"# TYPE\x00 a gauge",
    b"# HELP a\x00b", b"# TYPE a\x00gauge", b"# HELP a b\x00", b'{"a",b="1","c\x00"="2"} 1', b"a 1\x00", b"a\x00 1", b"a{b=\"c\"}\x001", b"a {b=\"c\"} 1", b"a\n1", b"a {\n} 1", b'a{b="\\', b'a{b="\\\n"} 1',
    b'a{b="c\\"} 1', b'a{b="c', b"a 1}", b"a 1{", b"a{b=\"c\"} {} 1", b"a 1 2 3", b"a 9223372036854775807", b"a 1 9223372036854775807", b"a 1 9223372036854775808", b"a 1 0",
    b"a 1 00000000000000000000001", b"a 1 1\na 2 2", b"a 1 2\na 2 1", b"a 1 1\na 1 1", b"a 1\na 2 5", b"a 1 5\na 2", b"a +1", b"a -NaN", b"a +NaN", b"a iNf", b"a 1e+0005", b"a 1E5",
    b"a 1d", b"a 1.", b"a .", b"a -", b"a - 1", b"\xef\xbb\xbfa 1", b"a\xc2\xa0 1", b"\x0ba 1", b"a 1\x0b", b"a 1 1\x0b", b"a:b:c 1", b":a 1", b"_ 1", b":: 1", b"a{:x=\"1\"} 1",
    b'a{a:b="1"} 1', b'a{"a:b"="1"} 1', b"a{b=\"1\"c=\"2\"} 1", b'a{b=1} 1', b'a{b "1"} 1', b'a{b=="1"} 1', b'a{{b="1"} 1', b'a{b="1"}} 1', b'a}{ 1', b"}", b"{", b"=", b",", b'"', b'"a" 1',
    b'"a"{b="1"} 1', b"a{b=\"" + b"v" * 5000 + b"\"} 1", b"n" * 3000 + b" 1", b"a 1" + b"0" * 400, b"a 0." + b"0" * 800 + b"1",
]
REFUSED_TYPES = [None, "", "text/html", "invalid/", "invalid/invalid/invalid", "/", "text/plain; charset=a; charset=b", "application/json"]
TAKEN_TYPES = ["TEXT/PLAIN", "text/plain;version=9", "text/plain; escaping=underscores", " text/plain ", "text/plain;"]


def timed_pages(base_ms):
    """Timestamps of the page's own: ones that stand still, advance, go back, mix with none."""
    t = base_ms + 150000
    old = base_ms - 600000
    return [
        Page("timestamp stands still", [b"a 1 %d\nb 1\n" % t] * 3),
        Page("timestamp advances", [b"a %d %d\nb 1\n" % (i, t + i * 1000) for i in range(3)]),
        Page("timestamp goes back", [b"a %d %d\nb 1\n" % (i, t - i * 1000) for i in range(3)]),
        Page("timestamp comes and goes", [b"a 1 %d\nb 1\n" % t, b"b 2\n", b"a 3 %d\n" % (t + 5000)]),
        Page("old timestamps", [b"a %d %d\nb 1\n" % (i, old + i * 1000) for i in range(3)]),
        Page("timestamp, then none", [b"a 1 %d\nb 1\n" % old, b"a 2\nb 2\n", b"a 3\nb 3\n"]),
        Page("future timestamp, then none", [b"a 1 %d\nb 1\n" % t, b"a 2\nb 2\n", b"a 3\nb 3\n"]),
        Page("none, then a future timestamp", [b"a 1\nb 1\n", b"a 2 %d\nb 2\n" % t, b"b 3\n"]),
        Page("none, then an old timestamp", [b"a 1\nb 1\n", b"a 2 %d\nb 2\n" % old, b"b 3\n"]),
        Page("none, gone, then an old timestamp", [b"a 1\nb 1\n", b"b 2\n", b"a 3 %d\nb 3\n" % old]),
        Page("too far ahead", [b"a 1 %d\nb 1\n" % (base_ms + 7200000), b"a 1 %d\nb 1\n" % t, b"b 1\n"]),
        Page("several of one series", [b"a 1 %d\na 2 %d\na 3 %d\nb 1\n" % (t + i * 9000, t + i * 9000 + 1000, t + i * 9000 + 2000) for i in range(3)]),
        Page("several, not in order", [b"a 1 %d\na 2 %d\na 3 %d\nb 1\n" % (t + i * 9000, t + i * 9000 - 1000, t + i * 9000 + 2000) for i in range(3)]),
        Page("none and a timestamp in turn", [b"a 1\na 2 %d\n" % t, b"a 3\n", b"a 4 %d\na 5\n" % (t + 1000)]),
        Page("timestamps and a broken line", [b"a 1 %d\nb 1\n" % t, b"a 2 %d\nb 1\nc x\n" % (t + 1000), b"a 3 %d\nb 1\n" % (t + 500)]),
    ]


def pages(base_ms):
    out = []
    good = b"# HELP before words\n# TYPE before gauge\nbefore 1\nafter{x=\"1\"} 2\n"
    for case in CASES:
        out.append(Page("case %r" % case[:60], [good, b"before 1\n" + case + b"\nafter{x=\"1\"} 2\n", case]))
    for kind in REFUSED_TYPES + TAKEN_TYPES:
        out.append(Page("content type %r" % kind, [good, b"", b"a 1\n"], kind, kind in REFUSED_TYPES))
    out += timed_pages(base_ms)
    return out + [generated(k, base_ms) for k in range(GENERATED)]
