"""This machine's clock is wrong: requests are signed by each endpoint's time after at most one refusal, samples
keep this machine's, and the log, the metrics and the ledger say loudly that the clock must be set.

Two destinations share an endpoint that refuses samples as AMP does; a third is another host, whose own clock is half
an hour ahead, and takes samples of any age.
"""
import json
import os
import re
import struct
import subprocess
import threading
import time

import harness as h

HOUR, SERIES, OTHER_AHEAD_S = 3600, 1200, 1800
SHIM = os.environ.get("CLOCK_SHIM", "")
if not os.path.exists(SHIM):
    h.skip("the library that shifts the clock is built by meson: CLOCK_SHIM names it")

PAGE = "".join("m%d 1\n" % i for i in range(SERIES)).encode()
SHARDS = ("  queue_config: {batch_send_deadline: 100ms, min_backoff: 50ms, max_backoff: 200ms, min_shards: 4,"
          " max_shards: 4, max_samples_per_send: 400}\n")
LOUD = re.compile(r"This machine's clock is (\d+)s (ahead|behind): set it")


class Clock:
    def __init__(self, d, seconds=0):
        self.path = d.file("shift")
        self.set(seconds)

    def set(self, seconds):
        # In place: the agent has it mapped.
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("=q", int(seconds * 1000)))

    def env(self):
        # A sanitizer's library has to come first.
        loaded = subprocess.run(["ldd", h.AMPAGENT], stdout=subprocess.PIPE, universal_newlines=True).stdout
        first = re.findall(r"=> (\S*lib[at]san\S*)", loaded)
        return {"LD_PRELOAD": " ".join(first + [SHIM]), "CLOCK_SHIFT": self.path}


class World:
    """The agent with a clock of its own and the endpoints."""

    def __init__(self, shift):
        self.d = h.Dir()
        self.clock = Clock(self.d, shift)
        self.pages = h.Pages({"/metrics": PAGE})
        self.amp = h.Receiver(self.d)
        self.other = h.Receiver(self.d, "--max-future=0", "--max-age=0")
        self.other.switch(clock_ahead_s=OTHER_AHEAD_S)
        write = (self.amp.config("  name: amp-1\n" + SHARDS) + self.amp.config("  name: amp-2\n" + SHARDS) +
                 self.other.config("  name: other\n" + SHARDS))
        text = ("global: {scrape_interval: 500ms, scrape_timeout: 400ms}\n"
                "scrape_configs: [{job_name: j, static_configs: [{targets: ['%s']}]}]\n"
                "remote_write:\n%s" % (self.pages.address, write))
        self.agent = h.Agent(self.d, text, env=self.clock.env())
        self.agent.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for part in (self.agent, self.amp, self.other, self.pages):
            part.__exit__(kind, value, trace)
        self.d.__exit__(kind, value, trace)

    def answers(self, name, code):
        return sum(v for k, v in self.agent.metrics().items() if k.startswith("ampagent_remote_write_requests_total{")
                   and 'remote_name="%s"' % name in k and 'code="%d"' % code in k)

    def refused(self):
        return {name: self.answers(name, 403) for name in ("amp-1", "amp-2", "other")}

    def skew(self, name):
        return [v for k, v in self.agent.metrics().items()
                if k.startswith("ampagent_aws_clock_skew_seconds{") and 'remote_name="%s"' % name in k][0]

    def destination(self, name):
        return [d for d in self.agent.ledger()["destinations"] if d["name"] == name][0]

    def grows(self, fn, what, by, limit_s=25):
        start = fn()
        return h.wait_for(lambda: fn() >= start + by, limit_s, what)

    def newest(self):
        """The newest sample that the other endpoint took, in seconds from now."""
        lines = h.get("http://127.0.0.1:%d/series?full=1&match=m7" % self.other.port).decode().splitlines()
        return max(json.loads(line)["last_ms"] for line in lines) / 1000 - time.time()

    def told(self):
        return LOUD.findall(self.agent.log())


def wrong_from_the_start(shift, verdict, how):
    """verdict: the stand-in's count of samples that it refuses, as AMP would."""
    with World(shift) as w:
        h.wait_for(lambda: w.other.stats()["samples"] > 5 * SERIES, 30, "%+d s: the other endpoint stores" % shift)
        # What AMP says of samples whose time is off by so much: 400, and they are counted as dropped.
        h.wait_for(lambda: w.amp.stats()[verdict] > 5 * SERIES, 30, "%+d s: %s" % (shift, verdict))
        for name in ("amp-1", "amp-2"):
            h.wait_for(lambda: w.destination(name)["droppedBy"].get("answered_400", 0) > 5 * SERIES, 30,
                       "%+d s: %s counts them" % (shift, name))
        h.check(w.amp.stats()["samples"] == 0, "%+d s: it stores none: %s" % (shift, w.amp.stats()))
        h.check(all(n <= 1 for n in w.refused().values()), "%+d s: at most one refused each: %s" % (shift, w.refused()))
        h.check(sum(w.refused().values()) >= 2, "%+d s: each host refused one: %s" % (shift, w.refused()))
        h.check(abs(w.newest() - shift) < 60, "%+d s: samples keep this machine's time: %s" % (shift, w.newest()))
        told = w.told()
        h.check(sorted(side for _, side in told) == [how, how], "%+d s: told once a host: %s" % (shift, told))
        h.check(any(abs(int(n) - abs(shift)) <= 5 for n, _ in told), "%+d s: by how much: %s" % (shift, told))
        h.check(abs(w.skew("amp-1") + shift) < 5 and abs(w.skew("other") + shift - OTHER_AHEAD_S) < 5,
                "%+d s: the metric: %s, %s" % (shift, w.skew("amp-1"), w.skew("other")))
        signing = w.destination("amp-1")["signing"]
        h.check(signing["clockWrong"] and abs(signing["clockAheadSeconds"] - shift) < 5, "%+d s: %s" % (shift, signing))
        h.check(signing["accessKey"] == h.ACCESS_KEY and signing["kind"] == "explicit" and signing["region"] == h.REGION,
                "the ledger says who signs: %s" % signing)
        h.check(h.SECRET_KEY not in json.dumps(w.agent.ledger()) + w.agent.log(), "no secret is shown")
        h.check(b"clockWrong" in h.get(w.agent.base + "/"), "the page has a box for it")


def steps_and_drifts():
    """Right at first, then ahead, behind, and running twice as fast: no signature is refused at all."""
    with World(0) as w:
        h.wait_for(lambda: w.amp.stats()["samples"] > 5 * SERIES, 30, "samples arrive")
        before = w.refused()
        h.check(before["amp-1"] == before["amp-2"] == 0, "nothing was refused: %s" % before)
        for shift in (2 * HOUR, -2 * HOUR):
            w.clock.set(shift)
            w.grows(lambda: w.destination("amp-1")["requests"], "%+d s: requests go on" % shift, by=30)
            h.wait_for(lambda: abs(w.skew("amp-1") + shift) < 5, 20, "%+d s: the metric follows" % shift)
            h.wait_for(lambda: w.destination("amp-1")["signing"]["clockWrong"], 20, "%+d s: the ledger says so" % shift)
        w.clock.set(0)
        w.grows(lambda: w.amp.stats()["samples"], "right again: samples arrive", by=5 * SERIES)
        h.wait_for(lambda: "This machine's clock is right again" in w.agent.log(), 20, "that it is right is told")
        told, right = len(w.told()), w.agent.log().count("clock is right again")
        # A second a second, from just below what deserves a word.
        end = threading.Event()

        def drift():
            start = time.monotonic()
            while not end.wait(0.05):
                w.clock.set(57 + time.monotonic() - start)

        thread = threading.Thread(target=drift)
        thread.start()
        try:
            w.grows(lambda: w.destination("amp-1")["requests"], "drifting: requests go on", by=40)
            h.wait_for(lambda: len(w.told()) > told, 20, "drifting: told when it passes a minute")
            w.grows(lambda: w.destination("amp-1")["requests"], "drifting on: requests go on", by=20)
        finally:
            end.set()
            thread.join()
        h.check(len(w.told()) == told + 1, "drifting: told once: %s" % w.told())
        w.clock.set(0)
        h.wait_for(lambda: w.agent.log().count("clock is right again") > right, 20, "and when it is right")
        h.check(w.refused() == before, "no signature was refused: %s, %s before" % (w.refused(), before))
        h.check(w.agent.stop() == 0, "exit 0")


wrong_from_the_start(2 * HOUR, "too_new", "ahead")
wrong_from_the_start(-2 * HOUR, "too_old", "behind")
steps_and_drifts()
h.finish()
