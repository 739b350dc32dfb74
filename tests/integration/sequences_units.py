"""What was delivered, put in order: a unit is one target of a sequence, scrape by scrape."""
import collections
import re

from sequences_decode import double

MARK = re.compile(rb"seq\d{4}")
CLOCK = b"scrape_duration_seconds"
REPORTS = (b"up", CLOCK, b"scrape_samples_scraped", b"scrape_samples_post_metric_relabeling", b"scrape_series_added",
           b"scrape_timeout_seconds", b"scrape_sample_limit", b"scrape_body_size_bytes")


class Unit:
    """plain[i]: {labels: [value]} of scrape i; order: {labels: [(time, value)]} as it arrived, of series that have
    times of their own; exemplars: {labels: [(time, bits, labels)]}; times: of the scrapes; durations: seconds; target:
    labels of its reports; asked: when, in ms.

    A time is the number of a scrape, ("asked", n, offset) when answer n was rendered with it, else ("at", ms)."""

    def __init__(self, n):
        self.plain = [{} for _ in range(n)]
        self.order = {}
        self.exemplars = collections.defaultdict(list)
        self.times, self.durations, self.asked, self.target = [], [], [], ()

    def report(self, i, name):
        """The value of a report series, None when there is none."""
        got = self.plain[i].get(with_name(self.target, name))
        return double(got[-1]) if got else None

    def is_report(self, labels, *names):
        return any(labels == with_name(self.target, name) for name in names or REPORTS)


def with_name(target, name):
    return tuple(sorted(target + ((b"__name__", name),)))


def without_name(labels):
    return tuple(pair for pair in labels if pair[0] != b"__name__")


def unit_of(labels):
    """(sequence, target) of a series; None when nothing tells."""
    got = dict(labels)
    name = got.get(b"seq", b"")
    if not re.fullmatch(MARK, name):
        found = MARK.search(b"\0".join(n + b"\0" + v for n, v in labels))
        if found is None:
            return None
        name = found.group()
    return name.decode(), got.get(b"tgt", b"0").decode()


class Clock:
    """A unit's times in words that are the same for every scraper."""

    def __init__(self, unit, sequence, target, requests):
        self.place = {t: i for i, t in enumerate(unit.times)}
        self.own = {}
        for request in requests:
            for offset in sequence.answer(target, request.n).offsets():
                self.own.setdefault(request.t_ms + offset, ("asked", request.n, offset))

    def word(self, t):
        """The number of the scrape, or a time of the page's own."""
        return self.place[t] if t in self.place else self.own.get(t, ("at", t))


def by_unit(series):
    out, strays = collections.defaultdict(dict), []
    for labels, got in series.items():
        unit = unit_of(labels)
        if unit is None:
            strays.append(labels)
        else:
            out[unit][labels] = got
    return out, strays


def clock_series(series):
    """The report series that gives the times: page's own of that name have more labels."""
    found = [labels for labels in series if dict(labels).get(b"__name__") == CLOCK]
    return min(found, key=lambda labels: (len(labels), -len(series[labels]))) if found else None


def collect(delivered, sequences, requests):
    """({(sequence, target): Unit}, series of nobody). requests: {(sequence, target): [Request]}."""
    samples, strays = by_unit(delivered.samples)
    exemplars, more_strays = by_unit(delivered.exemplars)
    out = {}
    for sequence in sequences:
        for k, answers in enumerate(sequence.targets):
            key = (sequence.id, str(k))
            series = samples.pop(key, {})
            n = len(answers) + 1
            unit = out[key] = Unit(n)
            clock = clock_series(series)
            if clock is None:
                strays += sorted(series)
                continue
            unit.target = without_name(clock)
            every = sorted(series[clock])
            unit.times = [t for t, _ in every]
            unit.asked = [request.t_ms for request in requests.get(key, [])]
            unit.durations = [double(bits) for _, bits in every if isinstance(bits, int)]
            words = Clock(unit, sequence, key[1], requests.get(key, []))
            for labels, got in series.items():
                if labels != clock:
                    place(unit, labels, [(words.word(t), value) for t, value in got])
            for labels, got in exemplars.get(key, {}).items():
                for t, bits, own in got:
                    when = words.word(t)
                    if not isinstance(when, int) or when < n:
                        unit.exemplars[labels].append((when, bits, own))
    return out, strays + more_strays + [labels for series in samples.values() for labels in series]


def place(unit, labels, got):
    n = len(unit.plain)
    got = [(when, value) for when, value in got
           if (when < n if isinstance(when, int) else when[0] == "at" or when[1] < n)]
    for when, value in got:
        if isinstance(when, int):
            unit.plain[when].setdefault(labels, []).append(value)
    if any(not isinstance(when, int) for when, _ in got):
        unit.order[labels] = got
