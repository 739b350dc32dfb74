"""What the torture run scrapes: pages in every format, whose values are never the same twice.

Targets by number: one has times of its own, one a great many series that come and go, two are in
OpenMetrics with exemplars and start times, two in protobuf with native histograms and exemplars,
one has classic histograms that become native ones with custom buckets, one fails at times; the rest
are plain text. What a page says follows from the count of its scrapes alone, or from the time where
a line has one.

Moving values name their slot: n * 4096 + slot, of a histogram that is the count.
"""
import struct
import threading
import time

import exposition as e
import harness as h

TARGETS, SLOTS = 10, 300
EXPLICIT, ROTATING, OPENMETRICS, NATIVE, CUSTOM, FAILING = 0, 1, (2, 3), (4, 5), 6, TARGETS - 1
COUNTED, HISTOGRAMS, CUSTOMS = 60, 40, 20
SPECIAL = ("NaN", "+Inf", "-Inf", "-0", "1e300", "5e-324", "0.1")
TEXT = "text/plain; version=0.0.4"
OPENMETRICS_TEXT = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# Series with times of their own, which get no staleness markers.
TIMED = "moving_timed"


def special(n):
    """As a double of the protobuf format; NaN with the bits that text has."""
    text = SPECIAL[n % len(SPECIAL)]
    return struct.pack("<Q", 0x7FF8000000000001) if text == "NaN" else float(text)


def away(n, i, slots):
    """The last third comes and goes."""
    return i >= slots * 2 // 3 and (n + i) // (3 + i % 5) % 2


def job_options(target):
    if target in NATIVE:
        return "  scrape_native_histograms: true\n"
    return "  convert_classic_histograms_to_nhcb: true\n" if target == CUSTOM else ""


class Targets:
    def __init__(self):
        self.lock = threading.Lock()
        self.scrapes = [0] * TARGETS
        self.started_s = time.time()
        self.pages = h.Pages({"/%d" % i: self._page(i) for i in range(TARGETS)})

    def _page(self, target):
        def page(_):
            with self.lock:
                self.scrapes[target] += 1
                n = self.scrapes[target]
            if target == FAILING and n % 7 == 0:
                return 500, "text/plain", b"not now\n"
            if target in NATIVE:
                return 200, e.CONTENT_TYPE, b"".join(self._families(n))
            lines = list(self._lines(target, n))
            if target in OPENMETRICS:
                lines += self._counted(n)
            elif target == CUSTOM:
                lines += self._custom(n)
            return 200, OPENMETRICS_TEXT if target in OPENMETRICS else TEXT, "".join(lines).encode()
        return page

    @staticmethod
    def _lines(target, n):
        now_ms = int(time.time() * 1000) // 500 * 500
        for i in range(SLOTS):
            if away(n, i, SLOTS):
                continue
            if i % 4 == 0:
                yield 'still{slot="%d",path="/a\\"b\\\\c"} %d\n' % (i, i)
            elif target == EXPLICIT and i % 2:
                t_ms = now_ms - 7 * i
                yield '%s{slot="%d"} %d %d\n' % (TIMED, i, t_ms % (1 << 31) * 4096 + i, t_ms)
            else:
                yield 'moving%d{slot="%d",kind="counter"} %d\n' % (i % 5, i, n * 4096 + i)
        yield 'special{n="%d"} %s\n' % (n % 3, SPECIAL[n % len(SPECIAL)])
        # So many that leave that they are forgotten, and are new when they come back.
        for i in range(1200 if target == ROTATING else 0):
            yield 'moving_around{slot="%d",window="%d"} %d\n' % (i, n % 3, n * 4096 + i)
        # Series that never come back.
        for i in range(10):
            yield 'once{generation="%d",slot="%d"} %d\n' % ((n + i) // 10, i, n)

    def _counted(self, n):
        """Counters since some time; two of three have an exemplar, an old or a new one."""
        yield "# TYPE moving_counted counter\n"
        for i in range(COUNTED):
            if away(n, i, COUNTED):
                continue
            example = ""
            if (n + i) % 3:
                m = n // (1 + i % 4)
                example = ' # {trace_id="t%d",path="a\\"%d"} %d.5 %.3f' % (m, i, m, self.started_s + m)
            yield 'moving_counted_total{slot="%d"} %d%s\n' % (i, n * 4096 + i, example)
            if i % 2:
                yield 'moving_counted_created{slot="%d"} %d.25\n' % (i, self.started_s + n // 20)
        yield "# EOF\n"

    @staticmethod
    def _custom(n):
        yield "# TYPE moving_custom histogram\n"
        for i in range(CUSTOMS):
            count = n * 4096 + i
            if away(n, i, CUSTOMS):
                continue
            for le, told in (("0.5", n), ("%d" % (i + 1), 2 * n), ("+Inf", count)):
                yield 'moving_custom_bucket{slot="%d",le="%s"} %d\n' % (i, le, told)
            yield 'moving_custom_sum{slot="%d"} %d.5\nmoving_custom_count{slot="%d"} %d\n' % (i, n, i, count)

    def _families(self, n):
        present = [i for i in range(HISTOGRAMS) if not away(n, i, HISTOGRAMS)]
        now_ms = int(time.time() * 1000)

        def histogram(i):
            return self._histogram(n, i, now_ms)

        yield e.family("moving_native", "histogram", map(histogram, present[::2]), help="Native.")
        yield e.family("moving_gauged", "gauge_histogram", map(histogram, present[1::2]))
        # The same series is a histogram for a while, then a float, then a histogram again.
        yield e.family("moving_turning", *(("histogram", map(histogram, range(8))) if n // 5 % 2 else
                                           ("gauge", [e.gauge({"slot": str(i)}, n * 4096 + i) for i in range(8)])))
        yield e.family("still", "gauge", [e.gauge({"slot": str(i), "path": 'a"b\\'}, i) for i in range(40)])
        yield e.family("moving", "counter", [
            e.counter({"slot": str(i)}, n * 4096 + i, start_ms=int(self.started_s * 1000),
                      example=e.exemplar({"trace_id": "c%d" % n}, i, now_ms) if i % 3 else None)
            for i in range(SLOTS // 3) if not away(n, i, SLOTS // 3)])
        yield e.family("special", "untyped", [
            e.untyped({"n": str(n % 3)}, special(n))])

    def _histogram(self, n, i, now_ms):
        """Every schema, both signs, gaps, all shapes; a sixth counts in floats."""
        is_float, count = i % 6 == 5, n * 4096 + i
        negative = {-(i % 7): 3} if i % 2 else {}
        rest = count - n % 5 - 3 * n - sum(negative.values())
        at = i % 11 - 5 + n // 8
        positive = {at: n, at + 1: 2 * n, at + 4 + i % 40: rest}
        kind = float if is_float else int
        native = e.native(i % 13 - 4, {k: kind(v) for k, v in positive.items()},
                          {k: kind(v) for k, v in negative.items()},
                          zero_threshold=0.001 * (i % 3), zero_count=kind(n % 5), is_float=is_float)
        total = special(n + i) if i % 5 == 0 else n * 0.1 - i
        return e.histogram({"slot": str(i)}, kind(count), total, native_part=native,
                           exemplars=[e.exemplar({"trace_id": "h%d" % n}, 0.1 * i, now_ms)] if i % 4 else [],
                           start_ms=int(self.started_s * 1000) + n // 30 if i % 3 == 0 else None)
