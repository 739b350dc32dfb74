#!/usr/bin/env python3
"""An outage of the receiver, and the catch-up after it, while scraping goes on.

usage: run.sh --outage [--minutes=N] [--compress=N] [--cpus=SHARE] [--short] [--markdown]

The live load is 20 targets x 5,000 series every 5 s, 20,000 samples a second. The outage holds all
samples that this load makes in N minutes (60), each scraped, logged and delivered; only time is
compressed: while the receiver is away the interval is divided by --compress (10), so that an hour
takes six minutes and 72 million samples. Before and after the targets are scraped at the live
interval, and what is told of the catch-up is told of that time.

--cpus puts the agent under a quota of processor time (a cgroup; skipped by name where none can be
made). --short is one minute, for a look. The exit code is 1 when a sample was lost or doubled;
figures that miss an aim are printed, not failed. Figures are of release builds; Python's standard
library only. AMPAGENT_BUILD_DIR has the programs.
"""
import argparse
import json
import os
import signal
import sys
import threading
import time

import agents
import measure
import table

TARGETS, SERIES, LIVE_MS = 20, 5000, 5000
LIVE_RATE = TARGETS * SERIES * 1000 / LIVE_MS
WATCH_S = 0.5
CATCH_UP_LIMIT = 1.0  # of the outage's true length


def parse_arguments():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--compress", type=int, default=10)
    p.add_argument("--window", type=float, default=40, help="seconds of live load before and after")
    p.add_argument("--cpus", type=float)
    p.add_argument("--short", action="store_true")
    p.add_argument("--markdown", action="store_true")
    a = p.parse_args()
    if a.short:
        a.minutes, a.window = 1, 15
    if a.minutes <= 0 or a.compress < 1:
        p.error("--minutes and --compress are above 0")
    return a


# ---- a quota of processor time ----

class Quota:
    """A cgroup of version 1 or 2 below the root, removed at the end."""
    PERIOD_US = 100000

    def __init__(self, cpus):
        self.path = None
        for root, files in (("/sys/fs/cgroup", {"cpu.max": "%d %d" % (cpus * self.PERIOD_US, self.PERIOD_US)}),
                            ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": str(self.PERIOD_US),
                                                    "cpu.cfs_quota_us": str(int(cpus * self.PERIOD_US))})):
            path = os.path.join(root, "ampagent-bench-%d" % os.getpid())
            try:
                os.mkdir(path)
            except OSError:
                continue
            try:
                for name, text in files.items():
                    with open(os.path.join(path, name), "r+") as f:
                        f.write(text)
                self.path = path
                return
            except OSError:
                os.rmdir(path)

    def take(self, pid):
        with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
            f.write(str(pid))

    def remove(self):
        for _ in range(50):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)


# ---- looking ----

class Memory(threading.Thread):
    """What the process has of memory, twice a second, by phase."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.agent, self.phase, self.seen, self.ended = agent, None, {}, False

    def run(self):
        while not self.ended:
            try:
                found = self.agent.memory()
            except OSError:
                return
            if self.phase:
                self.seen.setdefault(self.phase, []).append(found)
            time.sleep(WATCH_S)

    def most(self, phase, name):
        return max(m[name] for m in self.seen[phase])


def jitter(gaps_us, interval_ms):
    """How far from the interval requests for the same target came, in ms: half, 99 of 100, most;
    nothing when the phase was too short to tell."""
    off = sorted(abs(g / 1000 - interval_ms) for g in gaps_us)
    if not off:
        return ["-"] * 3
    return ["%.1f" % v for v in (off[len(off) // 2], off[len(off) * 99 // 100], off[-1])]


class Outage:
    def __init__(self, scene, args):
        self.scene, self.args = scene, args
        self.memory = Memory(scene.agent)
        self.jitter, self.cpu, self.rate = {}, {}, {}
        self.memory.start()

    def ledger(self):
        url = "http://127.0.0.1:%d/api/v1/ledger" % self.scene.agent_port
        return json.loads(measure.get(url).decode())["data"]

    def log_bytes(self):
        total = 0
        for root, _, names in os.walk(os.path.join(self.scene.directory, "data")):
            total += sum(os.path.getsize(os.path.join(root, n)) for n in names
                         if n.startswith(("seg-", "def-")))
        return total

    def gaps(self):
        return json.loads(measure.get(self.scene.pages_url + "/gaps").decode())

    def answer(self, status):
        measure.get(self.scene.sink_url + "/control?fail=%d" % status, data=b"")

    def interval(self, ms):
        """A reload with another interval, and the time until every target is scraped by it."""
        before = self.scene.load.interval_ms
        self.scene.load.interval_ms = ms
        agents.write(self.scene.directory, self.scene.load.scrape_yaml() +
                     self.scene.load.write_yaml() + agents.SIGV4)
        self.scene.agent.popen.send_signal(signal.SIGHUP)
        time.sleep((before + ms) / 1000 + 0.5)

    def begin(self, phase):
        self.memory.phase = phase
        self.gaps()
        self.began = time.time()
        self.cpu_before, self.samples_before = self.scene.agent.cpu_s(), self.scene.page_samples()

    def end(self, phase):
        took = time.time() - self.began
        self.jitter[phase] = jitter(self.gaps(), self.scene.load.interval_ms)
        self.cpu[phase] = 100 * (self.scene.agent.cpu_s() - self.cpu_before) / took
        self.rate[phase] = (self.scene.page_samples() - self.samples_before) / took
        self.memory.phase = None

    def live(self, phase):
        self.begin(phase)
        time.sleep(self.args.window)
        self.end(phase)

    def away(self):
        """Until as many samples wait as the true outage would have made."""
        want = self.args.minutes * 60 * LIVE_RATE
        self.answer(503)
        self.interval(LIVE_MS // self.args.compress)
        logged, size = self.ledger()["headSequence"], self.log_bytes()
        want += self.queued()
        self.begin("outage")
        limit_s = 60 + 4 * want / (LIVE_RATE * self.args.compress)
        self.scene.wait(lambda: self.queued() >= want, limit_s,
                        "the outage's samples are in the log", 0.5)
        self.end("outage")
        self.disk = (self.log_bytes() - size) / (self.ledger()["headSequence"] - logged)
        self.interval(LIVE_MS)

    def queued(self):
        return self.ledger()["destinations"][0]["queued"]

    def catch_up(self):
        self.backlog = self.queued()
        self.begin("catch-up")
        start = time.time()
        self.answer(0)
        self.scene.wait(lambda: self.queued() < 2 * LIVE_MS / 1000 * LIVE_RATE,
                        60 + CATCH_UP_LIMIT * self.args.minutes * 60, "the backlog is gone", 0.2)
        self.caught_up_s = time.time() - start
        self.end("catch-up")

    def run(self):
        self.scene.wait_scrapes(2)
        time.sleep(measure.WARM_UP_S)
        self.live("before")
        self.away()
        self.catch_up()
        self.live("after")
        self.served = self.scene.drain()
        self.dropped = self.ledger()["destinations"][0]["dropped"]
        self.memory.ended = True
        self.scene.agent.stop()
        self.books = self.scene.books()
        self.lost = self.served - self.scene.page_samples()


# ---- telling ----

PHASES = ["before", "outage", "catch-up", "after"]


def phases(o, markdown):
    header = ["", "delivered/s", "CPU %", "RSS MB", "anon MB", "jitter ms: half", "99 %", "most"]
    rows = [[p, "%.0f" % o.rate[p], "%.1f" % o.cpu[p], "%.1f" % o.memory.most(p, "VmRSS"),
             "%.1f" % o.memory.most(p, "RssAnon")] + o.jitter[p] for p in PHASES]
    return table.draw(header, rows, markdown)


def aims(o, markdown):
    """At most, but for the catch-up, of which there should be as much."""
    rss = {p: o.memory.most(p, "VmRSS") / o.memory.most("before", "VmRSS") for p in PHASES[1:]}
    pace = o.rate["catch-up"] / LIVE_RATE
    rows = [["disk bytes a sample", "%.2f" % o.disk, "4.00", table.verdict(o.disk, 4)]]
    rows += [["RSS %s / before" % p, "%.2f" % rss[p], "1.50", table.verdict(rss[p], 1.5)]
             for p in PHASES[1:]]
    rows.append(["catch-up / live rate", "%.1f" % pace, "10.0", table.verdict(-pace, -10)])
    rows += [["samples %s" % name, "%d" % n, "0", table.verdict(n, 0)]
             for name, n in (("lost", o.lost), ("dropped", o.dropped),
                             ("doubled", o.books["doubled"]), ("late", o.books["out_of_order"]))]
    return table.draw(["", "measured", "aim", ""], rows, markdown)


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    build_dir = os.path.abspath(os.environ.get("AMPAGENT_BUILD_DIR",
                                               os.path.join(agents.ROOT, "build-bench")))
    quota = Quota(args.cpus) if args.cpus else None
    if quota and not quota.path:
        print("bench: skipped: no cgroup can be made for --cpus")
        return 77
    agent = agents.Ampagent("ampagent", os.path.join(build_dir, "src", "ampagent"))
    load = agents.Load(TARGETS, SERIES, LIVE_MS)
    print("outage: %g minutes at %d samples/s, interval %d ms meanwhile%s; load average %.1f" % (
        args.minutes, LIVE_RATE, LIVE_MS // args.compress,
        "; agent may use %g processors" % args.cpus if quota else "", os.getloadavg()[0]), flush=True)
    try:
        with measure.Scene(agent, load, build_dir) as scene:
            if quota:
                quota.take(scene.agent.popen.pid)
            o = Outage(scene, args)
            o.run()
    finally:
        if quota:
            quota.remove()
    print("%d samples waited and were delivered in %.1f s; %d served in all; load average %.1f\n" % (
        o.backlog, o.caught_up_s, o.served, os.getloadavg()[0]))
    print(phases(o, args.markdown) + "\n\n" + aims(o, args.markdown))
    wrong = abs(o.lost) + o.dropped + o.books["doubled"] + o.books["out_of_order"]
    if wrong:
        print("\nbench: FAILED: samples were lost, doubled or late")
    return 1 if wrong else 0


sys.exit(main())
