"""Compares what two scrapers made of one target, and names the differences that are meant.

A difference is explained only by a condition that is exact about the page or about what came before; what no
condition explains is returned as it is.
"""
import collections

from pages_compare import Text, line_key
from sequences_decode import STALE, double

UP, SCRAPED, ADDED = b"up", b"scrape_samples_scraped", b"scrape_series_added"
NEGATIVE_ZERO = 1 << 63
PROTO = "application/vnd.google.protobuf"

REPEATED = "a series twice in one scrape: Prometheus sends each, we the first"
OWN_REPORT = "a page with a report series of its own: Prometheus sends both, we the report"
ZERO_SIGN = "-0: Prometheus leaves it out of the request like 0, we send its sign"
PHANTOM = "a marker for a series that only failed scrapes showed: Prometheus sends it, we do not"
NOW_TIMED = "a series that comes with a time of its own now: Prometheus sends a marker too, we do not"
BEFORE_START = "timestamps from before its start: Prometheus does not send them"
NOT_ADVANCING = "timestamps that do not advance: Prometheus sends them, we do not"
SAME_SCRAPE = "no timestamp behind one ahead, in one scrape: Prometheus sends both, we the first"
# Where an older Prometheus is not like the newest one, and we are.
OTHER_TEXT = "3.5 sends a marker for a series that has another text now"
OLD_HEADERS = "3.5 sends http_headers once more with each request of a target"
OLD_SCHEMA = "3.5 takes native histograms of schemas that there are not"
OLD_SPANS = "3.5 counts a histogram that its reader refuses as scraped"
OLD_LIMIT = "3.5 does not count native histograms for sample_limit"
OLD_AHEAD = "3.5 takes native histograms of any time ahead"
OLD_CLASSIC = "3.5 leaves native histograms out where they are not wanted, newer ones take them as classic"
OLD_UNIT = "3.5 refuses protobuf units that are not in the name"
OLD_EXEMPLAR = "3.5 takes the exemplars of a repeated line"
OLD_MIXED = "3.5 takes the first histogram of a protobuf family for what all are"
OLD_CUSTOM = "3.5 converts to custom buckets by other rules"
OLD_NAMES = "3.5 and the names of converted histograms: a series of that name, and series_added"
OLD_ZERO = "3.5 puts an empty histogram at a start time, newer ones one of the same shape"
OLD_BEYOND = "3.5 remembers a new series that is beyond sample_limit"
OLD = [OLD_HEADERS, OLD_SCHEMA, OLD_SPANS, OLD_LIMIT, OLD_BEYOND, OLD_AHEAD, OLD_CLASSIC, OLD_UNIT, OLD_EXEMPLAR, OLD_MIXED,
       OLD_CUSTOM, OLD_NAMES, OLD_ZERO, OTHER_TEXT]
NAMES = [REPEATED, OWN_REPORT, ZERO_SIGN, PHANTOM, NOW_TIMED, BEFORE_START, NOT_ADVANCING, SAME_SCRAPE]
# What may differ at all where a sequence shows one of these.
ONLY = {OLD_HEADERS: {"request"}, OLD_SPANS: {SCRAPED}, OLD_EXEMPLAR: {"exemplars"}, OLD_ZERO: {"timed"}}


def kind_of(answer):
    return (answer.kind or "").split(";")[0]


def page_of(answer):
    """The text that a scraper may read of an answer; empty where a fetch fails."""
    if answer.status != 200 or answer.how not in ("page", "chunked", "redirect") or answer.encoding not in (
            None, "gzip", "gzip members"):
        return b""
    if callable(answer.body):
        return getattr(answer.body, "text", b"")
    return (answer.then or answer).body


class Comparison:
    """explained counts by name; unexplained lists (scrape, labels, ours, theirs)."""

    def __init__(self, sequence, target, ours, theirs, started_ms):
        self.sequence, self.target, self.started_ms = sequence, target, started_ms
        self.ours, self.theirs = ours, theirs
        n = len(ours.plain)
        self.texts = [Text(page_of(sequence.answer(target, i))) for i in range(n)]
        self.explained = collections.Counter()
        self.unexplained = []
        self.live = set()  # series whose last sample from the peer is no marker

    def run(self):
        if self.ours.target != self.theirs.target:
            self.unexplained.append(("target", (), [self.ours.target], [self.theirs.target]))
            return self
        for i, ours in enumerate(self.ours.plain):
            theirs = self.theirs.plain[i]
            for labels in sorted(set(ours) | set(theirs)):
                a = ours.get(labels, [])
                b = self.signs(a, theirs.get(labels, []))
                if a != b:
                    self.note(self.why(i, labels, a, b), (i, labels, a, b))
            for labels, got in theirs.items():
                (self.live.discard if got[-1] == STALE else self.live.add)(labels)
        for labels in sorted(set(self.ours.order) | set(self.theirs.order)):
            self.timed(labels, self.ours.order.get(labels, []), self.theirs.order.get(labels, []))
        for labels in sorted(set(self.ours.exemplars) | set(self.theirs.exemplars)):
            a, b = self.ours.exemplars.get(labels, []), self.theirs.exemplars.get(labels, [])
            if a != b:
                self.note(None, ("exemplars", labels, a, b))
        return self

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
        if self.ours.is_report(labels) and len(b) > 1 and len(a) == 1:
            return OWN_REPORT if b[-1] == a[0] else None
        if self.ours.is_report(labels, ADDED):
            return self.why_added(i)
        if len(b) > 1 and len(a) == 1:
            return self.why_repeated(i, labels, a, b)
        if a == [] and len(b) == 1 and self.is_behind(i, labels):
            return SAME_SCRAPE
        if a == [] and set(b) == {STALE} and labels not in self.live:
            return PHANTOM
        if a == [] and set(b) == {STALE} and len(b) <= max(1, self.texts_before(i, labels)) and self.lines(i, labels):
            return NOW_TIMED
        return None

    def why_repeated(self, i, labels, a, b):
        """They send each text, the first of them is ours; and a marker for each when it ends."""
        if self.unseen(i):
            return REPEATED if b[0] == a[0] else None
        values = [value for value in b if value != STALE]
        markers = len(b) - len(values)
        if b != values + [STALE] * markers or markers > self.texts_before(i, labels):
            return None
        if a == [STALE] and not values:
            return REPEATED
        if not values or values[0] != a[0] or len(values) > len({raw for raw, _ in self.lines(i, labels)}):
            return None
        return OTHER_TEXT if markers else REPEATED

    def unseen(self, i):
        """Relabeling makes series one, on a page that is not read here."""
        return ("metric_relabel_configs" in self.sequence.options
                and any(kind_of(self.sequence.answer(self.target, k)) == PROTO for k in (i, i - 1) if k >= 0))

    def texts_before(self, i, labels):
        return len({got for k in range(i) for _, got in self.lines(k, labels)})

    def key(self, labels):
        known = set(self.ours.target) | {(n.encode(), v.encode()) for n, v in
                                         self.sequence.labels[int(self.target)].items() if v}
        return line_key(pair for pair in labels if pair not in known)

    def lines(self, i, labels=None):
        """(text, exposed labels) of the lines of scrape i that were read; of one series, or all. Where relabeling
        makes series one, every line may be of any."""
        read = int(self.ours.report(i, SCRAPED) or 0) if self.ours.report(i, UP) == 0 else None
        lines = self.texts[i].series[:read]
        if labels is None or "metric_relabel_configs" in self.sequence.options:
            return lines
        return [line for line in lines if line_key(line[1]) == self.key(labels)]

    def is_behind(self, i, labels):
        ahead = any(self.is_late(when) for when, _ in self.theirs.order.get(labels, []))
        return ahead and len(self.lines(i, labels)) > 1

    def is_late(self, when):
        return isinstance(when, int) or self.moment(when) > self.started_ms

    def why_added(self, i):
        ours, theirs = self.ours.report(i, ADDED), self.theirs.report(i, ADDED)
        if ours is None or theirs is None:
            return None
        lines = self.lines(i)
        twice = len({raw for raw, _ in lines}) - len({line_key(got) for _, got in lines})
        if "metric_relabel_configs" in self.sequence.options:
            twice = max(twice, sum(len(got) - 1 for got in self.theirs.plain[i].values()))
        return REPEATED if 0 < theirs - ours <= twice else None

    def timed(self, labels, ours, theirs):
        late = [(when, value) for when, value in ours if self.is_late(when)]
        if late != ours:
            self.explained[BEFORE_START] += 1
        advancing, newest = [], 0
        for when, value in theirs:
            t = self.moment(when)
            if t > newest:
                advancing.append((when, value))
                newest = t
        if advancing != theirs:
            self.explained[NOT_ADVANCING] += 1
        a, b = self.own_times(late), self.own_times(advancing)
        b = [(when, self.signs([v for w, v in a if w == when], [value])[0]) for when, value in b]
        if a != b:
            self.unexplained.append(("timed", labels, ours, theirs))

    def own_times(self, got):
        """Those at the time of a scrape are compared scrape by scrape."""
        return [(when, value) for when, value in got if not isinstance(when, int)]

    def moment(self, when):
        """A time of the peer's as a number, good for order."""
        if isinstance(when, int):
            return self.theirs.times[when]
        if when[0] == "at":
            return when[1]
        return self.theirs.asked[when[1]] + when[2]


def shown(value):
    """A sample's value for people."""
    if value == STALE:
        return "stale"
    return "%r(%x)" % (double(value), value) if isinstance(value, int) else repr(value)
