"""The wall clock leaps: ahead by an hour and back, back by some minutes, while it runs and between two runs.

A preloaded library shows the agent another wall clock than its peers have; what must hold is in
docs/FAILURES.md, "The clock".
"""
import os
import re
import struct
import subprocess
import time

import harness as h

HOUR, INTERVAL_S = 3600, 0.2
SHIM = os.environ.get("CLOCK_SHIM", "")
if not os.path.exists(SHIM):
    h.skip("the library that shifts the clock is built by meson: CLOCK_SHIM names it")


class Clock:
    def __init__(self, d):
        self.path = d.file("shift")
        self.set(0)

    def set(self, seconds):
        # In place: the agent has it mapped.
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("=q", int(seconds * 1000)))

    def env(self):
        # A sanitizer's library has to come first.
        loaded = subprocess.run(["ldd", h.AMPAGENT], stdout=subprocess.PIPE, universal_newlines=True).stdout
        first = re.findall(r"=> (\S*lib[at]san\S*)", loaded)
        return {"LD_PRELOAD": " ".join(first + [SHIM]), "CLOCK_SHIFT": self.path}


def config(pages, write):
    return ("global: {scrape_interval: %dms, scrape_timeout: 150ms}\n"
            "scrape_configs: [{job_name: j, static_configs: [{targets: ['%s']}]}]\n"
            "remote_write:\n%s" % (INTERVAL_S * 1000, pages.address, write))


QUEUE = "  queue_config: {batch_send_deadline: 100ms, min_backoff: 50ms, max_backoff: 200ms%s}\n"


def destination(agent):
    return agent.ledger()["destinations"][0]


def balanced(agent, what):
    ledger = agent.ledger()
    for d in ledger["destinations"]:
        h.check(ledger["headSequence"] == d["sent"] + d["dropped"] + d["queued"], "%s: %s" % (what, ledger))


def grows(fn, what, limit_s=15, by=1):
    start = fn()
    return h.wait_for(lambda: fn() >= start + by, limit_s, what)


def refused(agent):
    seen = agent.metrics()
    n = seen.get('ampagent_scrape_samples_refused_total{reason="clock_set_back"}', 0)
    h.check(n == 0 or seen.get('ampagent_ledger_refused_scrapes_total{reason="clock"}', 0) > 0, "the ledger knows")
    return n


def target(agent):
    return agent.targets()["activeTargets"][0]


def stored(receiver):
    return lambda: receiver.stats()["samples"]


def ahead_and_back(d, clock):
    """An hour ahead, then right again: the endpoint refuses what is ahead, nothing is held up after."""
    with h.Pages({"/metrics": b"a 1\n"}) as pages, h.Receiver(d) as receiver:
        with h.Agent(d, config(pages, receiver.config(QUEUE % "")), env=clock.env(), name="ahead") as agent:
            agent.wait_ready()
            h.wait_for(lambda: receiver.stats()["samples"] > 20, 15, "samples arrive")
            # Without this the rest would test nothing.
            clock.set(HOUR / 2)
            if not h.wait_for(lambda: target(agent)["lastScrape"][:16] > time.strftime(
                    "%Y-%m-%dT%H:%M", time.gmtime(time.time() + HOUR / 4)), 10, "the agent's clock can be set"):
                return
            clock.set(0)
            requests, since = len(pages.requests), time.monotonic()
            clock.set(HOUR)
            h.wait_for(lambda: receiver.stats()["too_new"] > 0, 20, "what is ahead is refused there")
            h.wait_for(lambda: destination(agent)["droppedBy"].get("answered_400", 0) > 0, 10, "and counted here")
            scrapes = len(pages.requests) - requests
            h.check(scrapes <= (time.monotonic() - since) / INTERVAL_S + 3,
                    "a leap brings no burst: %d scrapes" % scrapes)
            h.check("endpoint's time" in agent.log(), "requests are signed by the endpoint's clock")
            balanced(agent, "ahead")
            intervals = [v for k, v in agent.metrics().items() if "target_interval_length_seconds_sum" in k]
            h.check(intervals and all(0 < v < HOUR / 4 for v in intervals), "a leap is no interval: %s" % intervals)
            clock.set(0)
            grows(stored(receiver), "back: samples arrive at once", by=20)
            h.check(refused(agent) == 0, "none is dropped for the clock: %s" % refused(agent))
            h.check("clock was set back by far" in agent.log(), "the way back is told")
            h.wait_for(lambda: target(agent)["health"] == "up", 15, "the target is up")
            balanced(agent, "back")


def back_and_right(d, clock):
    """Five minutes back, which receivers have samples of: dropped here, loudly, until it has passed."""
    with h.Pages({"/metrics": b"a 1\n"}) as pages, h.Receiver(d) as receiver:
        text = config(pages, receiver.config(QUEUE % ""))
        with h.Agent(d, text, env=clock.env(), name="back") as agent:
            agent.wait_ready()
            h.wait_for(lambda: receiver.stats()["samples"] > 20, 15, "samples arrive")
            clock.set(-300)
            grows(lambda: refused(agent), "dropped and counted", by=2)
            h.wait_for(lambda: target(agent)["health"] == "down" and "clock was set back" in target(agent)["lastError"],
                       15, "the target shows it")
            told = [line for line in agent.log().splitlines() if "the clock went back" in line]
            h.check(len(told) == 1 and "level=ERROR" in told[0] and "behind=" in told[0], "told once: %s" % told)
            clock.set(0)
            grows(stored(receiver), "right again: samples arrive", by=20)
            h.wait_for(lambda: target(agent)["health"] == "up", 15, "the target is up")
            h.wait_for(agent.drained, 10, "all is delivered")
            h.check(destination(agent)["dropped"] == 0, "nothing was refused: %s" % destination(agent))
            balanced(agent, "right again")
            h.check(agent.stop() == 0, "exit 0")
        # What the log knows of times holds in the next run.
        clock.set(-300)
        with h.Agent(d, text, env=clock.env(), name="back") as agent:
            agent.wait_ready()
            grows(lambda: refused(agent), "after a restart: dropped and counted", by=2)
            clock.set(0)
            grows(stored(receiver), "after a restart: right again", by=20)
            h.check(receiver.stats()["out_of_order"] == 0, "in order: %s" % receiver.stats())
            h.check(agent.stop() == 0, "exit 0")
        # By far: not held up here; the endpoint has newer samples and refuses, which is counted.
        clock.set(-2 * HOUR)
        with h.Agent(d, text, env=clock.env(), name="back") as agent:
            agent.wait_ready()
            h.wait_for(lambda: destination(agent)["droppedBy"].get("answered_400", 0) > 0, 20, "refused and counted")
            h.check(refused(agent) == 0, "not held up here")
            clock.set(0)
            grows(stored(receiver), "right again: samples arrive", by=20)
            balanced(agent, "by far")


def ages(d, clock):
    """What waits through an outage is not too old because the clock leaps."""
    flags = ("--max-future=0", "--max-age=0", "--rate-500=1")
    with h.Pages({"/metrics": b"a 1\n"}) as pages, h.Receiver(d, *flags) as receiver:
        write = receiver.config(QUEUE % ", sample_age_limit: 10m")
        with h.Agent(d, config(pages, write), env=clock.env(), name="ages") as agent:
            agent.wait_ready()
            h.wait_for(lambda: destination(agent)["queued"] > 20, 15, "samples wait")
            clock.set(HOUR)
            grows(lambda: agent.ledger()["headSequence"], "scraping goes on", by=20)
            receiver.switch(rate_500=0)
            h.wait_for(lambda: receiver.stats()["samples"] > 40, 15, "all is sent")
            h.check(destination(agent)["dropped"] == 0, "nothing is dropped: %s" % destination(agent))
            balanced(agent, "ages")


with h.Dir() as d:
    clock = Clock(d)
    for test in (ahead_and_back, back_and_right, ages):
        clock.set(0)
        test(d, clock)
h.finish()
