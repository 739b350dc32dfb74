"""Compares what two senders delivered for the same pages, and names the differences that are meant.

A difference is explained only by a condition that is exact about the page or about what came before; what no
condition explains is returned as it is.
"""
import collections
import decimal
import re
import struct

from recorder import STALE

UP, SCRAPED, KEPT, ADDED = (b"up", b"scrape_samples_scraped", b"scrape_samples_post_metric_relabeling",
                            b"scrape_series_added")
NEGATIVE_ZERO = 1 << 63
TARGET_LABELS = (b"job", b"instance", b"page")

# What is meant to differ, by name.
REPEATED = "a series twice in one scrape: Prometheus sends each, we the first"
OWN_REPORT = "a page with a report series of its own: Prometheus sends both, we the report"
ZERO_SIGN = "-0: Prometheus leaves it out of the request like 0, we send its sign"
PHANTOM = "a marker for a series that only failed scrapes showed: Prometheus sends it, we do not"
NOW_TIMED = "a series that comes with a time of its own now: Prometheus sends a marker too, we do not"
FAILED_CACHE = "series_added after a failed scrape: Prometheus knows the series that it showed"
BEFORE_START = "timestamps from before its start: Prometheus does not send them"
NOT_ADVANCING = "timestamps that do not advance: Prometheus sends them, we do not"
FAILED_LABELS = "labels of a text that a failed scrape showed under another TYPE: Prometheus keeps them"
SAME_SCRAPE = "no timestamp behind one ahead, in one scrape: Prometheus sends both, we the first"
OTHER_TEXT = "a marker for a series that has another text now: Prometheus sends it, we do not"
V2_QUOTED = "2.42 refuses quoted names"
V2_BLANKS = "2.42 refuses the name that leading blanks become part of"
V2_AFTERMATH = "2.42: markers and series_added after a page that it alone refused"
V2_BOUNDS = "2.42 leaves le and quantile as written"
V2_LOST = "2.42 never delivers a series that a failed scrape showed first"
V2_AGAIN = "2.42 keeps a line without a time after the same text with one"
V2_EMPTY = "2.42 keeps clear of an exposed label's name when it is empty, too"
V2_FALLBACK = "2.42 takes any Content-Type for text"


class Scrapes:
    """What came of one page. plain[i]: {labels: [bits]} of scrape i; timed: {labels: [(time, bits)]}."""

    def __init__(self, n):
        self.plain = [{} for _ in range(n)]
        self.timed = {}

    def report(self, i, name):
        for labels, bits in self.plain[i].items():
            if is_report(labels, name):
                return struct.unpack("<d", struct.pack("<Q", bits[-1]))[0]
        return None


def is_report(labels, name):
    return len(labels) == 1 + len(TARGET_LABELS) and (b"__name__", name) in labels


def collect(samples, n):
    """{page: Scrapes} of a recorder's samples. The first n scrapes count; those after them are left out."""
    pages = collections.defaultdict(dict)
    for labels, got in samples.items():
        pages[int(dict(labels)[b"page"])][labels] = got
    out = {}
    for page, series in pages.items():
        every = sorted(t for labels, got in series.items() if is_report(labels, b"scrape_duration_seconds")
                       for t, _ in got)
        place = {t: i for i, t in enumerate(every)}
        scrapes = out[page] = Scrapes(n)
        for labels, got in series.items():
            if is_report(labels, b"scrape_duration_seconds"):
                continue
            for t, bits in got:
                i = place.get(t)
                if i is None:
                    scrapes.timed.setdefault(labels, []).append((t, bits))
                elif i < n:
                    scrapes.plain[i].setdefault(labels, []).append(bits)
    return out


def go_bound(text):
    """A bound in its OpenMetrics form, as Go writes it; as it is when Go cannot read it."""
    if re.fullmatch(rb"(?i)[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            return text
    elif re.fullmatch(rb"(?i)[+-]?inf(inity)?", text):
        return b"-Inf" if text.startswith(b"-") else b"+Inf"
    else:
        return b"NaN" if text.lower() == b"nan" else text
    if value == 0:
        return b"0.0"
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, digits))
    exponent += len(digits) - 1
    if not -4 <= exponent < 6:
        out = digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + "e%+03d" % exponent
    else:
        out = repr(abs(value))
        if "e" in out:
            out = "%.*f" % (len(digits) - 1 - exponent, abs(value))
    return (("-" if sign else "") + out).encode()


def normalised(labels, names=(b"le", b"quantile")):
    return tuple(sorted((n, go_bound(v) if n in names else v) for n, v in labels))


STRING = re.compile(rb'"(?:\\[^\n]|[^"\\])*"')
BLANKS = re.compile(rb"[ \t]*")
NAME = re.compile(rb"[A-Za-z_:][A-Za-z0-9_:]*")
QUOTED_FAMILY = re.compile(rb'#[ \t]+(HELP|TYPE)[ \t]+"')


def skip(pattern, text, at):
    found = pattern.match(text, at)
    return found.end() if found else at


def unquoted(text):
    if not text.startswith(b'"'):
        return text
    return re.sub(rb'\\([\\"n])', lambda m: b"\n" if m.group(1) == b"n" else m.group(1), text[1:-1])


class Text:
    """What can be seen of a page without judging it: its series lines up to the first that cannot be split."""

    def __init__(self, text):
        self.reasons = set()  # why 2.42 may refuse it
        self.series = []  # (text, labels) of each line
        at = 0
        while at is not None and at < len(text):
            at = self.line(text, at)

    def line(self, text, at):
        token = skip(BLANKS, text, at)
        first = text[token:token + 1]
        if first == b"\0":
            return None
        if first == b"#":
            if QUOTED_FAMILY.match(text, token):
                self.reasons.add(V2_QUOTED)
        elif first not in (b"", b"\n"):
            end = skip(NAME, text, token)
            labels = [(b"__name__", text[at:end])] if end > token else []
            if labels and token > at:
                self.reasons.add(V2_BLANKS)
            brace = skip(BLANKS, text, end)
            token = end
            if text[brace:brace + 1] == b"{":
                token = self.labels(text, brace, labels)
                if token is None:
                    return None
            self.series.append((text[at:token], tuple(labels)))
        newline = text.find(b"\n", token)
        return newline + 1 if newline >= 0 else None

    def labels(self, text, at, labels):
        at = skip(BLANKS, text, at + 1)
        while text[at:at + 1] != b"}":
            quoted = text[at:at + 1] == b'"'
            end = skip(STRING if quoted else NAME, text, at)
            if quoted:
                self.reasons.add(V2_QUOTED)
            if end == at:
                return None
            name, value = unquoted(text[at:end]), None
            at = skip(BLANKS, text, end)
            if text[at:at + 1] == b"=":
                at = skip(BLANKS, text, at + 1)
                end = skip(STRING, text, at)
                if end == at:
                    return None
                value = unquoted(text[at:end])
                at = skip(BLANKS, text, end)
            labels.append((b"__name__", name) if value is None else (name, value))
            if text[at:at + 1] == b",":
                at = skip(BLANKS, text, at + 1)
        return at + 1


def line_key(labels):
    """Equal for lines that may be one series: no empty labels, one form of bounds, no exported_ before target labels."""
    out = set()
    for name, value in labels:
        while name.startswith(b"exported_"):
            name = name[len(b"exported_"):]
        if value:
            out.add((name, value))
    return frozenset(normalised(tuple(out)))


def exposed(labels):
    """The same of a delivered series: without the target's labels."""
    return line_key((n, v) for n, v in labels if n not in TARGET_LABELS)


class Comparison:
    """One page, one peer. explained counts by name; unexplained lists (scrape, labels, ours, theirs)."""

    def __init__(self, page, ours, theirs, v2, started_ms):
        self.page, self.ours, self.v2, self.started_ms = page, ours, v2, started_ms
        self.texts = [Text(text) for text in page.variants]
        self.explained = collections.Counter()
        self.unexplained = []
        self.merged = set()  # series that 2.42 has under several texts of a bound
        self.theirs = self.with_our_bounds(theirs) if v2 else theirs
        n = len(ours.plain)
        self.refused = {}  # scrape: why 2.42 alone refused its page
        if v2:
            for i in range(n):
                reasons = self.texts[i].reasons
                if reasons and theirs.report(i, UP) == 0:
                    self.refused[i] = min(reasons)
        self.failed_before = [sum(ours.report(k, KEPT) or 0 for k in range(i) if ours.report(k, UP) == 0)
                              for i in range(n)]
        self.live = set()  # series whose last sample from the peer is no marker

    def with_our_bounds(self, theirs):
        """Series that only differ by the text of le or quantile are the same."""
        known = set(self.ours.timed).union(*self.ours.plain)
        out = Scrapes(len(theirs.plain))

        def add(to, series):
            for labels, got in series.items():
                for names in [[b"le"], [b"quantile"], [b"le", b"quantile"]]:
                    if labels not in known and normalised(labels, names) in known:
                        self.explained[V2_BOUNDS] += 1
                        labels = normalised(labels, names)
                if labels not in known and self.without_detour(labels) in known:
                    self.explained[V2_EMPTY] += 1
                    labels = self.without_detour(labels)
                if labels in to:
                    self.merged.add(labels)
                to.setdefault(labels, []).extend(got)

        for to, series in zip(out.plain, theirs.plain):
            add(to, series)
        add(out.timed, theirs.timed)
        return out

    def without_detour(self, labels):
        """exported_exported_page is exported_page where the page has an exported_page that is empty."""
        empty = {n for text in self.texts for _, got in text.series for n, v in got if v == b""}
        prefix = b"exported_"
        return tuple(sorted((n[len(prefix):] if n.startswith(prefix * 2) and n[len(prefix):] in empty else n, v)
                            for n, v in labels))

    def run(self):
        for i, ours in enumerate(self.ours.plain):
            theirs = self.theirs.plain[i]
            if self.failed_before[i]:
                self.rename_remembered(ours, theirs)
            for labels in sorted(set(ours) | set(theirs)):
                a, b = ours.get(labels, []), self.signs(ours.get(labels, []), theirs.get(labels, []))
                if a != b:
                    self.note(self.why(i, labels, a, b), (i, labels, a, b))
            for labels, got in theirs.items():
                (self.live.discard if got[-1] == STALE else self.live.add)(labels)
        for labels in sorted(set(self.ours.timed) | set(self.theirs.timed)):
            self.compare_timed(labels, self.ours.timed.get(labels, []), self.theirs.timed.get(labels, []))
        return self

    def rename_remembered(self, ours, theirs):
        other = {normalised(labels): labels for labels in ours if labels not in theirs}
        for labels in [labels for labels in theirs if labels not in ours]:
            mine = other.get(normalised(labels))
            if mine and ours[mine] == theirs[labels]:
                theirs[mine] = theirs.pop(labels)
                self.explained[FAILED_LABELS] += 1

    def note(self, why, what):
        if why:
            self.explained[why] += 1
        else:
            self.unexplained.append(what)

    def signs(self, ours, theirs):
        """A 0 of the peer where we have -0 becomes -0."""
        out = [NEGATIVE_ZERO if b == 0 and i < len(ours) and ours[i] == NEGATIVE_ZERO else b
               for i, b in enumerate(theirs)]
        self.explained[ZERO_SIGN] += out != theirs
        return out

    def why(self, i, labels, a, b):
        if self.fell_back(i) or (b == [STALE] and any(self.fell_back(k) for k in range(i))):
            return V2_FALLBACK
        if i in self.refused and (is_report(labels, UP) or is_report(labels, SCRAPED) or is_report(labels, KEPT)):
            return self.refused[i]
        if is_report(labels, ADDED):
            return self.why_added(i)
        if len(b) > 1 and len(a) == 1:
            if any(is_report(labels, name) for name in (UP, SCRAPED, KEPT)):
                return OWN_REPORT if b[-1] == a[0] else None
            return self.why_repeated(i, labels, a, b)
        if a == [] and len(b) == 1 and self.is_behind(i, labels):
            return SAME_SCRAPE
        if i in self.refused and b in ([], [STALE]):
            return self.refused[i]
        if b == [] and self.was_lost(i, labels):
            return V2_LOST
        if a == [] and b == [STALE] and labels not in self.live:
            return PHANTOM
        if a == [] and b == [STALE] and self.lines(i, labels):
            return NOW_TIMED
        if self.v2 and a == [] and self.repeats_a_text(i, labels):
            return V2_AGAIN
        if b == a + [STALE] and self.has_other_text(i, labels):
            return OTHER_TEXT
        if a == [STALE] and b == [] and labels not in self.live and any(k < i for k in self.refused):
            return V2_AFTERMATH
        return None

    def repeats_a_text(self, i, labels):
        texts = [raw for raw, _ in self.lines(i, labels)]
        return len(set(texts)) < len(texts)

    def why_repeated(self, i, labels, a, b):
        """2.42 sends each line, 3.x each text, the first of them is ours; and a marker for each when it ends."""
        lines = [raw for raw, _ in self.lines(i, labels)]
        if labels in self.merged:
            return V2_BOUNDS if set(a) <= set(b) or (a == [NEGATIVE_ZERO] and 0 in b) else None
        if a == [STALE] and set(b) == {STALE}:
            before = {got for k in range(i) for _, got in self.lines(k, labels)}
            return REPEATED if len(b) <= len(before) else None
        if b == a + [STALE] and self.has_other_text(i, labels):
            return OTHER_TEXT
        if len(b) > len(lines if self.v2 else set(lines)):
            return None
        return REPEATED if b[0] == a[0] else None

    def lines(self, i, labels=None):
        """(text, exposed labels) of the lines of scrape i that were read; of one series, or all."""
        read = int(self.ours.report(i, SCRAPED)) if self.ours.report(i, UP) == 0 else None
        lines = self.texts[i].series[:read]
        return [line for line in lines if line_key(line[1]) == exposed(labels)] if labels else lines

    def was_lost(self, i, labels):
        """2.42 forgets to log a new series when the scrape fails, and never makes up for it."""
        failed = any(self.theirs.report(k, UP) == 0 and any(line_key(got) == exposed(labels)
                                                            for _, got in self.texts[k].series) for k in range(i))
        return self.v2 and failed and labels not in self.live

    def has_other_text(self, i, labels):
        now = {got for _, got in self.lines(i, labels)}
        return i > 0 and bool(now) and bool({got for _, got in self.lines(i - 1, labels)} - now)

    def is_behind(self, i, labels):
        ahead = any(t > self.started_ms for t, _ in self.theirs.timed.get(labels, []))
        return ahead and len(self.lines(i, labels)) > 1

    def fell_back(self, i):
        return (self.v2 and self.page.refused_type
                and self.ours.report(i, UP) == 0 and self.theirs.report(i, UP) == 1)

    def why_added(self, i):
        more = self.theirs.report(i, ADDED) - self.ours.report(i, ADDED)
        lines = self.lines(i)
        twice = len({raw for raw, _ in lines}) - len({line_key(got) for _, got in lines})
        if any(k <= i for k in self.refused):
            return V2_AFTERMATH
        if self.v2 and any(len({t for t, _ in got}) < len(got) for got in self.theirs.timed.values()):
            twice += len(self.theirs.timed)
        if 0 < more <= twice:
            return REPEATED
        return FAILED_CACHE if 0 < -more <= self.failed_before[i] else None

    def compare_timed(self, labels, ours, theirs):
        if any(i in self.refused for i in range(len(self.ours.plain))):
            reached = [sample for sample in ours if sample in theirs]
            if reached != ours:
                self.explained[V2_AFTERMATH] += 1
                ours = reached
        if theirs == [] and self.was_lost(len(self.ours.plain), labels):
            self.explained[V2_LOST] += 1
            return
        late = [(t, bits) for t, bits in ours if t >= self.started_ms]
        if late != ours:
            self.explained[BEFORE_START] += 1
        advancing, newest = [], 0
        for t, bits in theirs:
            if t > newest:
                advancing.append((t, bits))
                newest = t
        if advancing != theirs:
            self.explained[NOT_ADVANCING] += 1
        advancing = [(t, self.signs([a for u, a in late if u == t], [bits])[0]) for t, bits in advancing]
        if late != advancing:
            self.unexplained.append(("timed", labels, ours, theirs))
