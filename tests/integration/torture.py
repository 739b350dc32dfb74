"""Kills the agent at random instants under load and counts every sample.

usage: torture.py [--short] [--kills N] [--seed S]

Ten targets whose values are never the same twice, in every format, native histograms and exemplars
among them, are scraped in short intervals and sent to four sinks: a gets everything by remote write
2.0, b everything by 1.0, c floats alone by 2.0, d what a gets. The agent is killed (SIGKILL) again
and again and started anew on the same directory while the sinks are up, down, failing, flapping,
strict about order, speak only 1.0 of a sudden, write requests in part, or one of them is gone. Jobs
and destinations change at each start and by reloads in between; after some kills the newest segment
loses its end, in some runs the disk is full. After each kill the log is read, so that in the end it
is known what was ever logged. Then the sinks are well, the agent delivers what is left, and:

  every logged sample is at each sink, floats and histograms bit for bit, and so are exemplars and
  start times; nothing else is, but what was cut off the log;
  only these are missing, and are in the books of dropped samples: at b, and while it spoke 1.0 at a,
  histograms with custom buckets; at c all histograms; at d what it said that it did not write;
  each series came in time order; sequence numbers have no gap but for what was cut off;
  a series that a target has no more has its staleness marker, over kills and reloads;
  the ledger says so too: sent + dropped + queued is head - base.

Exit code 1 when any of it is not so: the files stay, and --seed repeats the choices (though not
the instants to the microsecond).
"""
import argparse
import os
import random
import re
import resource
import signal
import sys
import threading
import time

import harness as h
import torture_books
import torture_targets
from torture_targets import SLOTS, TARGETS

INTERVAL_MS = 400
DRAIN_LIMIT_S = 120
# Small, so that segments fill and are deleted while the agent is killed; the backlog of all
# outages still fits.
WAL_MAX_SIZE = "8MB"


class Phase:
    def __init__(self, name, weight, a="up", b="up", **more):
        self.name, self.weight, self.a, self.b = name, weight, a, b
        self.d = more.get("d", "up")
        self.cuts = more.get("cuts", False)    # the newest segment loses its end after each kill
        self.disk = more.get("disk", False)    # files cannot grow for a while
        self.ahead = more.get("ahead", False)  # sink a must not wait for b


# Sinks: up; down: nobody listens; failing: rates of errors; flapping: all of it in turns; strict:
# refuses old samples, repeated ones as well; slow: answers late, so that a kill finds requests in
# flight; old: knows 1.0 only; partly: refuses the first series of some requests.
PHASES = (
    Phase("up", 9),
    Phase("down", 8, a="down", b="down"),
    Phase("catching up", 4),
    Phase("failing", 9, a="failing", b="slow"),
    Phase("flapping", 9, a="flapping", b="failing"),
    Phase("strict", 6, a="strict"),
    Phase("turning old", 6, a="old"),
    Phase("partly", 6, d="partly"),
    Phase("one down", 5, b="down", ahead=True),
    Phase("torn", 7, b="slow", cuts=True),
    Phase("disk full", 5, disk=True),
)
SWITCHES = {
    "failing": {"rate_429": 0.1, "rate_500": 0.2, "rate_403": 0.03, "rate_drop": 0.2},
    "slow": {"latency_ms": 200},
    "out": {"rate_500": 1},
    "old": {"accept_v2": 0},
    "partly": {"rate_400": 0.3},
}
NO_SWITCHES = {"rate_429": 0, "rate_500": 0, "rate_403": 0, "rate_drop": 0, "rate_400": 0, "latency_ms": 0,
               "accept_v2": 1}
V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
PARTLY = ("answered_400", "answered_partial")


class Sink:
    """A receiver that may be gone; its record file outlives it. It is ended, never killed: it is
    the agent that must not lose what was answered."""

    def __init__(self, directory, name, message=V2, histograms=True):
        self.dir, self.name, self.message, self.histograms = directory, name, message, histograms
        self.port = h.free_port()
        self.record = os.path.join(directory.path, "record-" + name)
        open(self.record, "w").close()
        self.receiver, self.strict, self.partly, self.old, self.lives = None, False, False, False, 0
        self.lock = threading.Lock()
        self.totals = {}

    def up(self, strict=False):
        with self.lock:
            if self.receiver and self.strict == strict:
                return
            self._down()
            self.strict = strict
            self.receiver = h.Receiver(self.dir, "--record=" + self.record, "--seed=%d" % self.lives,
                                       "--out-of-order-window=%s" % ("0s" if strict else "2h"),
                                       port=self.port)
            self.lives += 1

    def down(self):
        with self.lock:
            self._down()

    def _down(self):
        if not self.receiver:
            return
        start = len(self.receiver.log())
        code = self.receiver.stop()
        h.check(code == 0, "sink %s ends with %d" % (self.name, code))
        found = re.findall(r'"(\w+)":(\d+)[,}]', self.receiver.log()[start:].split('"answers"')[0])
        h.check(len(found) > 10, "sink %s tells its counts" % self.name)
        for count, value in found:
            self.totals[count] = self.totals.get(count, 0) + int(value)
        told = {count: int(value) for count, value in found}
        # What comes late to these sinks is looked at in the end.
        bad = ("too_old",) if self.partly else ("too_old", "refused") if self.old else (
            "out_of_order", "too_old", "refused")
        for count in () if self.strict else bad:
            h.check(told[count] == 0, "sink %s saw %d %s" % (self.name, told[count], count))
        h.check(told["too_old"] == told["resent_late"] or self.old,
                "what strict sink %s refused as old it had: %s" % (self.name, found))
        self.receiver = None

    def switch(self, values):
        with self.lock:
            if self.receiver:
                self.receiver.switch(**values)

    def be(self, state):
        """Everything but flapping, which is a thread's work."""
        if state == "down":
            self.down()
            return
        self.up(strict=state == "strict")
        self.partly |= state == "partly"
        self.old |= state == "old"
        self.switch(dict(NO_SWITCHES, **SWITCHES.get(state, {})))

    def wants(self, value):
        if self.message == V1:
            return not torture_books.is_custom(value)
        return self.histograms or not torture_books.is_histogram(value)

    def config(self, rng):
        """Another number of shards and size of requests at each start."""
        return ("- name: %s\n  url: http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write\n"
                "  sigv4: {region: %s, access_key: %s, secret_key: %s}\n"
                "  protobuf_message: %s\n  send_native_histograms: %s\n  send_exemplars: %s\n"
                "  queue_config: {batch_send_deadline: 200ms, min_backoff: 20ms, max_backoff: 400ms,"
                " max_samples_per_send: %d, min_shards: %d, max_shards: 8}\n"
                % (self.name, self.port, h.WORKSPACE, h.REGION, h.ACCESS_KEY, h.SECRET_KEY, self.message,
                   self.histograms, self.histograms, rng.choice((100, 1000, 5000)), rng.choice((1, 1, 2, 4))))


class Flapping:
    """Changes a sink's state every few hundred milliseconds."""

    def __init__(self, sink, rng):
        self.sink, self.rng, self.over = sink, rng, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over.wait(self.rng.uniform(0.1, 0.8)):
            self.sink.be(self.rng.choice(("up", "down", "out", "failing", "slow", "old")))

    def stop(self):
        self.over.set()
        self.thread.join()


class Died(Exception):
    pass


class Campaign:
    def __init__(self, directory, args):
        self.dir, self.args = directory, args
        self.rng = random.Random(args.seed)
        self.data = os.path.join(directory.path, "data")
        self.targets = torture_targets.Targets()
        self.sinks = [Sink(directory, "a"), Sink(directory, "b", V1),
                      Sink(directory, "c", histograms=False), Sink(directory, "d")]
        self.books = torture_books.LogBooks(directory, self.data)
        self.port = h.free_port()
        self.agent, self.starts, self.kills, self.reloads, self.strict = None, 0, 0, 0, False

    # ---- the agent ----

    def job(self, i):
        """As it is now: a limit that never bites, series that are dropped, both and nothing change."""
        text = ("- job_name: target%d\n  metrics_path: /%d\n  static_configs: [{targets: ['%s']}]\n%s"
                % (i, i, self.targets.pages.address, torture_targets.job_options(i)))
        if self.rng.random() < 0.3:
            text += "  sample_limit: %d\n" % self.rng.randint(5000, 9999)
        if self.rng.random() < 0.2:
            text += ("  metric_relabel_configs: [{source_labels: [slot], regex: '.*%d', action: drop}]\n"
                     % self.rng.randrange(10))
        return text

    def config(self, scraping):
        jobs = "".join(self.job(i) for i in range(TARGETS) if self.rng.random() > 0.05)
        external = ", ".join("%s: %s" % item for item in torture_books.EXTERNAL.items())
        return ("global: {scrape_interval: %dms, scrape_timeout: %dms, external_labels: {%s}}\n"
                "%sremote_write:\n%sampagent: {wal: {max_bytes: %s}}\n"
                % (INTERVAL_MS, INTERVAL_MS, external, "scrape_configs:\n" + jobs if scraping else "",
                   "".join(sink.config(self.rng) for sink in self.sinks), WAL_MAX_SIZE))

    def start(self, scraping=True, file_kib=None):
        name = "agent-%03d" % self.starts
        self.starts += 1
        argv = [h.AMPAGENT, "--config.file=" + self.dir.file(name + ".yml", self.config(scraping)),
                "--web.listen-address=127.0.0.1:%d" % self.port, "--storage.agent.path=" + self.data,
                "--enable-feature=st-storage"]
        if file_kib is not None:
            argv = ["bash", "-c", 'ulimit -S -f %d && exec "$@"' % file_kib, "bash"] + argv
        self.agent = h.Process(name, argv, self.dir)

    def base(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def ledger(self):
        """{destination: {sent, queued, base, acknowledged, head, dropped: {reason: n}}}"""
        out = {}
        line = re.compile(r'ampagent_ledger_(samples|sequence)\{(.*)\} (\S+)$')
        for kind, labels, value in filter(None, map(
                lambda s: line.match(s) and line.match(s).groups(),
                h.get(self.base("/metrics")).decode().split("\n"))):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if "remote_name" not in labels:
                continue
            one = out.setdefault(labels["remote_name"], {"dropped": {}})
            if kind == "sequence":
                one[labels["point"]] = int(float(value))
            elif labels["state"] == "dropped":
                one["dropped"][labels["reason"]] = int(float(value))
            else:
                one[labels["state"]] = int(float(value))
        return out

    def check_balance(self):
        ledger = self.ledger()
        h.check(len(ledger) == len(self.sinks), "the ledger has all destinations: %s" % ledger)
        for name, one in ledger.items():
            total = one["sent"] + one["queued"] + sum(one["dropped"].values())
            h.check(total == one["head"] - one["base"],
                    "sent + queued + dropped is head - base for %s: %s" % (name, one))
        return ledger

    # ---- killing ----

    def reload(self):
        """Other jobs and queues, or a file that cannot be used. Nobody waits for the end of it."""
        text = self.config(True)
        self.dir.file(self.agent.name + ".yml", text if self.rng.random() < 0.9 else text + "no_such_key: 1\n")
        self.agent.popen.send_signal(signal.SIGHUP)

    def live_until(self, end):
        """Some reloads on the way, the last one perhaps under way at the end."""
        times = [self.rng.random() for _ in range(self.rng.choice((0, 0, 1, 2, 3)))]
        if time.time() + 0.2 > end or not times or not h.wait_for(
                lambda: h.get(self.base("/-/ready")), 10, "the agent is ready"):
            times = []
        begin = time.time()
        for share in sorted(times):
            time.sleep(max(0, begin + (end - begin) * share - time.time()))
            if self.agent.running():
                self.reload()
        time.sleep(max(0, end - time.time()))

    def run_and_kill(self, phase):
        longest = 1.3 if self.args.short else 3
        early = self.rng.random() < 0.2
        seconds = self.rng.uniform(0, 0.15) if early else self.rng.uniform(0.2, longest)
        self.start(file_kib=self.rng.randint(8, 128) if phase.disk else None)
        begin = time.time()
        if phase.disk and self.rng.random() < 0.6:
            # Half of the time the disk gets room again before the end.
            time.sleep(seconds / 2)
            if self.agent.running():
                resource.prlimit(self.agent.popen.pid, resource.RLIMIT_FSIZE,
                                 (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if phase.ahead:
            h.wait_for(self._a_is_ahead, 30, "sink a gets its samples while b is down")
        elif not early and seconds > 1 and self.rng.random() < 0.3:
            h.wait_for(self.check_balance, 10, "the agent shows its ledger")
        self.live_until(begin + seconds)
        if not self.agent.running():
            raise Died("%s ended by itself:\n%s" % (self.agent.name, self.agent.log()[-1000:]))
        self.agent.kill()
        self.kills += 1
        self.reloads += self.agent.log().count("configuration reloaded")
        if phase.cuts:
            share = self.rng.choice((self.rng.randint(1, 16), self.rng.randint(1, 400),
                                     self.rng.random(), self.rng.random()))
            self.books.collect(share, self.rng.random() < 0.4)
        else:
            self.books.collect()

    def _a_is_ahead(self):
        ledger = self.check_balance()
        a, b = ledger["a"], ledger["b"]
        return a["queued"] < TARGETS * SLOTS * 3 and b["queued"] > a["queued"] + TARGETS * SLOTS * 3

    def run_phase(self, phase, kills):
        before = self.books.count
        flapping = []
        for sink, state in zip(self.sinks, (phase.a, phase.b, "up", phase.d)):
            if state == "flapping":
                flapping.append(Flapping(sink, random.Random(self.rng.random())))
            else:
                sink.be(state)
            self.strict |= state == "strict"
        for _ in range(kills):
            self.run_and_kill(phase)
        for one in flapping:
            one.stop()
        print("%-12s %3d kills, %7d samples logged, %s" % (
            phase.name, kills, self.books.count - before,
            "%d cut off, %d without labels" % (self.books.cuts, self.books.nameless) if phase.cuts else "a %s, b %s, d %s" % (phase.a, phase.b, phase.d)))
        sys.stdout.flush()

    # ---- the end ----

    def finish(self):
        """Delivers what is left; returns the last ledger."""
        for sink in self.sinks:
            sink.be("up")
        self.start()
        time.sleep(3 * INTERVAL_MS / 1000)
        h.check(self.agent.stop(limit_s=DRAIN_LIMIT_S) == 0, "SIGTERM exits 0")
        h.check("everything is delivered" in self.agent.log(), "%s leaves nothing" % self.agent.name)
        self.books.collect()
        # Once more without targets: the head stands still and the books are what was stored.
        self.start(scraping=False)
        h.wait_for(lambda: all(one["queued"] == 0 for one in self.ledger().values()), DRAIN_LIMIT_S,
                   "everything is delivered")
        ledger = self.check_balance()
        h.check(self.agent.stop() == 0, "SIGTERM exits 0")
        self.books.collect()
        for sink in self.sinks:
            sink.down()
        return ledger

    def check_dropped(self, sink, dropped):
        """Takes out what this sink was not to get, or did not write; returns how many that are."""
        books, taken = self.books, 0
        exact = {"histograms_not_sent": 0 if sink.histograms else books.histograms,
                 "nhcb_in_rw1_not_supported": books.customs if sink.message == V1 else 0}
        for reason, want in exact.items():
            n = dropped.pop(reason, 0)
            if sink.name == "a":
                h.check(n <= books.customs + books.unsure, "%s at a: %d" % (reason, n))
            else:
                h.check(want <= n <= want + (books.unsure if want else 0), "%s at %s: %d, not %d (+ %d)"
                        % (reason, sink.name, n, want, books.unsure))
            taken += n
        refused = sum(dropped.pop(reason, 0) for reason in PARTLY)
        h.check(refused == 0 or sink.partly, "%d refused by %s" % (refused, sink.name))
        # A strict sink refuses what a killed agent repeats.
        repeated = dropped.pop("repeated", 0)
        h.check(repeated == 0 or (self.strict and sink.name == "a") or sink.partly,
                "%d repeated at %s" % (repeated, sink.name))
        return taken + refused + repeated

    def check_ledger(self, sink, one):
        books, name = self.books, sink.name
        dropped = {reason: n for reason, n in one["dropped"].items() if n}
        total = sum(dropped.values())
        h.check(one["head"] == books.end == books.count + books.gaps,
                "the head of %s is what was logged: %s, %d + %d" % (name, one, books.count, books.gaps))
        meant = self.check_dropped(sink, dropped)
        nameless = dropped.pop("labels_lost", 0)
        h.check(nameless <= books.nameless, "labels lost for %s: %d" % (name, nameless))
        # What was cut off may have been sent, or given its number to another, or be lost.
        h.check(sum(dropped.values()) <= books.cuts, "nothing is dropped for %s: %s" % (name, dropped))
        h.check(abs(one["sent"] + meant + nameless - books.count) <= books.cuts,
                "sent to %s: %d of %d logged" % (name, one["sent"], books.count))
        if books.cuts == 0:
            h.check(one["base"] == 0, "the ledger of %s begins at 0: %s" % (name, one))
        return total

    def check_missing(self, sink, record, missing, dropped):
        """Nothing is missing but what the sink could not have or did not write, and not more of that
        than the books say; returns the others."""
        absent = [key for key in missing if key not in record.stored]
        customs = [key for key in absent if torture_books.is_custom(self.books.logged[key])]
        excused = 0
        if sink.name == "a":
            # Repeated by 2.0 after a kill they are late, which is refused while a is strict.
            if len(customs) <= dropped["nhcb_in_rw1_not_supported"] + dropped["repeated"]:
                excused = len(customs)
        elif sink.partly:
            booked = sum(dropped[reason] for reason in PARTLY + ("repeated",))
            if len(absent) <= min(booked, sink.totals["refused"]):
                excused = len(absent)
        if not h.check(len(missing) == excused, "%d logged samples are missing at %s, %d of them excused; dropped: %s"
                       % (len(missing), sink.name, excused, {r: n for r, n in dropped.items() if n})):
            record.show(self.books, missing, "is missing at " + sink.name)
        return len(missing) - excused

    def check_order(self, sink, record):
        """What was refused in part, or left out of 1.0, and is repeated after a kill comes late; returns
        how many samples are late without that."""
        late = record.disorder
        if sink.name == "a":
            late = [key for key in late if not torture_books.is_custom(record.stored[key])]
        elif sink.partly and len(late) <= sink.totals["refused"]:
            late = []
        record.show(self.books, late, "came late to " + sink.name)
        h.check(not late, "%d samples came to %s out of order" % (len(late), sink.name))
        return len(late)

    def check_sink(self, sink, one):
        """A row of the report."""
        books = self.books
        record = torture_books.Record(sink.record, books.series)
        missing, extra = record.compare(books, sink.name, sink.wants)
        lacking = self.check_missing(sink, record, missing, one["dropped"])
        disorder = self.check_order(sink, record)
        if sink.name in "ab":
            record.compare_exemplars(books, sink.name)
        if sink.name == "c":
            # 2.0 all the time: each start time that was logged.
            lost = [key for key in record.stored if record.starts.get(key) != books.starts.get(key)]
            h.check(not lost, "%d of %d start times are not at c" % (len(lost), len(record.starts)))
            h.check(record.starts, "there are start times")
        dropped = self.check_ledger(sink, one)
        h.check(sink.totals["conflicts"] == 0, "sink %s saw conflicts" % sink.name)
        return (sink.name, books.count, len(books.logged), len(record.stored), lacking, len(extra), disorder,
                record.again + sink.totals["duplicates"] + sink.totals["resent_late"], len(record.exemplars),
                one["sent"], dropped, one["queued"], one["head"] - one["base"])

    def report(self, ledger, seconds):
        books = self.books
        books.check_values()
        books.check_ends()
        h.check(books.customs > 0 and books.histograms > books.customs and books.exemplars, "there is all of it")
        rows = [("sink", "logged", "distinct", "delivered", "missing", "extra", "disorder", "repeated",
                 "exemplars", "sent", "dropped", "queued", "head-base")]
        rows += [self.check_sink(sink, ledger[sink.name]) for sink in self.sinks]
        print("\n%d kills, %d starts, %d reloads, %d series, %.0f s, seed %d; %d histograms, %d of them custom, %d"
              " exemplars; %d samples cut off, %d without labels, %d numbers unused" % (
                  self.kills, self.starts, self.reloads, len(books.series.labels), seconds, self.args.seed,
                  books.histograms, books.customs, len(books.exemplars), books.cuts, books.nameless, books.gaps))
        for row in rows:
            print(" ".join("%9s" % cell for cell in row))
        for name, one in sorted(ledger.items()):
            print("%9s dropped %s" % (name, {reason: n for reason, n in one["dropped"].items() if n}))


def shares(kills):
    """How many kills each phase gets: by weight, each at least one, and all of them."""
    total = sum(phase.weight for phase in PHASES)
    n = [max(1, kills * phase.weight // total) for phase in PHASES]
    for i in range(max(0, kills - sum(n))):
        n[i % len(n)] += 1
    return zip(PHASES, n)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="about a dozen kills")
    parser.add_argument("--kills", type=int, help="default 60, 12 with --short")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    args = parser.parse_args()
    if args.kills is None:
        args.kills = 12 if args.short else 60
    print("torture: seed %d" % args.seed)
    begin = time.time()
    with h.Dir() as directory:
        campaign = Campaign(directory, args)
        try:
            for phase, kills in shares(args.kills):
                campaign.run_phase(phase, kills)
            campaign.report(campaign.finish(), time.time() - begin)
        except Died as died:
            h.check(False, str(died))
        finally:
            for process in [campaign.agent] + [sink.receiver for sink in campaign.sinks]:
                if process and process.running():
                    process.kill()
    if h.failed():
        print("again: tests/integration/torture.sh %s--kills %d --seed %d" % (
            "--short " if args.short else "", args.kills, args.seed))
    h.finish()


if __name__ == "__main__":
    main()
