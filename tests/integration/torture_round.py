"""One round of the torture run: one storage directory, ten targets, four sinks, many lives of an agent.

usage: torture_round.py --seed S [--kills N] [--seconds S] [--result FILE]

In each life, in an order that follows from the seed: sinks change what they are, the configuration is
reloaded (jobs, queues, an external label, a file that cannot be used), the agent is stopped and goes on
(shorter and longer than any of its limits), the disk is full, or its directory cannot be changed, or
files cannot grow. Most lives end by SIGKILL at any instant, the others by SIGTERM, by both, or by two
of them. In one round of three the newest segment loses its end now and then, as in a power loss. After
each life the log is read, so that in the end it is known what was ever logged; torture_checks.py has
what must hold then.
"""
import argparse
import json
import os
import random
import re
import signal
import sys
import time

import harness as h
import torture_books
import torture_checks
import torture_disk
import torture_targets
from torture_sinks import V1, V2, Sink
from torture_targets import TARGETS

INTERVAL_MS = 400
DRAIN_LIMIT_S = 180
LONGEST_S = 1.6
# Small, so that segments fill and are deleted while the agent is killed; the backlog of all
# outages still fits.
WAL_MAX_SIZE = "12MB"
ERAS = ("one", "two", "three")


class Died(Exception):
    pass


class Round:
    def __init__(self, directory, args):
        self.dir, self.args = directory, args
        self.rng = random.Random(args.seed)
        self.disk = torture_disk.Disk(directory)
        self.data = self.disk.data
        self.targets = torture_targets.Targets()
        # What d does not store of a 2.0 request it tells, of a 1.0 request it does not.
        self.sinks = [Sink(directory, "a"), Sink(directory, "b", V1),
                      Sink(directory, "c", histograms=False), Sink(directory, "d", self.rng.choice((V1, V2)))]
        self.books = torture_books.LogBooks(self.data, self.disk.view)
        self.port = h.free_port()
        self.cuts = args.seed % 3 == 0 and not args.no_cuts
        self.agent, self.starts, self.era = None, 0, ERAS[0]
        self.eras, self.era_until = {self.era}, {}  # of this life; when an era was possible last
        self.done = {}      # what was done to it, by name
        self.ended_by = {}  # how lives ended
        self.slowest_stop, self.started_ms = 0, 0
        self.deadline = time.time() + args.seconds if args.seconds else None

    def count(self, what):
        self.done[what] = self.done.get(what, 0) + 1

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
        external = dict(torture_books.EXTERNAL, **{torture_books.ERA: self.era})
        return ("global: {scrape_interval: %dms, scrape_timeout: %dms, external_labels: {%s}}\n"
                "%sremote_write:\n%sampagent: {wal: {max_bytes: %s}}\n"
                % (INTERVAL_MS, INTERVAL_MS, ", ".join("%s: %s" % item for item in external.items()),
                   "scrape_configs:\n" + jobs if scraping else "",
                   "".join(sink.config(self.rng) for sink in self.sinks), WAL_MAX_SIZE))

    def start(self, scraping=True, file_kib=None, flush="60s"):
        name = "agent-%03d" % self.starts
        self.starts += 1
        self.eras = {self.era}
        argv = [h.AMPAGENT, "--config.file=" + self.dir.file(name + ".yml", self.config(scraping)),
                "--web.listen-address=127.0.0.1:%d" % self.port, "--storage.agent.path=" + self.data,
                "--enable-feature=st-storage", "--storage.remote.flush-deadline=" + flush]
        argv = self.disk.as_user + argv
        if file_kib is not None:
            argv = ["bash", "-c", 'ulimit -S -f %d && exec "$@"' % file_kib, "bash"] + argv
        self.started_ms = time.time() * 1000
        self.agent = h.Process(name, argv, self.dir)

    def base(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def ready(self):
        return h.wait_for(lambda: not self.agent.running() or h.get(self.base("/-/ready")), 20, "the agent is ready") \
            and self.agent.running()

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
        self.count("balance checked")
        return ledger

    # ---- what happens in a life ----

    def signal(self, number):
        if self.agent.running():
            self.agent.popen.send_signal(number)

    def reload(self):
        """Other jobs, queues and labels, or a file that cannot be used. Nobody waits for the end of it."""
        if self.rng.random() < 0.25:
            self.era = self.rng.choice(ERAS)
            self.eras.add(self.era)
        text = self.config(True)
        self.dir.file(self.agent.name + ".yml", text if self.rng.random() < 0.9 else text + "no_such_key: 1\n")
        self.signal(signal.SIGHUP)
        self.count("reloads asked for")

    def turn_sinks(self):
        for sink in self.sinks:
            if self.rng.random() < 0.4:
                sink.turn(self.rng)
                self.count("sinks turned")

    def disk_trouble(self):
        kind = self.rng.choice(self.disk.kinds)
        self.books.troubles.append(time.time() * 1000)
        if kind == "full":
            self.disk.full(self.rng.choice((0, 100, 4096, 50000)))
        elif kind == "locked":
            self.disk.locked()
        self.count("disk " + kind)
        return kind

    def balance(self):
        if self.agent.running():
            h.wait_for(self.check_balance, 20, "the agent shows its ledger")

    def plan(self, seconds):
        """[(when, what)]: SIGHUP and a look at the ledger only once it is ready."""
        rng, events = self.rng, []

        def at(low=0.0, high=1.0):
            return seconds * rng.uniform(low, high)

        for _ in range(rng.choice((0, 0, 0, 1, 2, 3))):
            events.append((at(), self.reload))
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
            events.append((at(), self.turn_sinks))
        if rng.random() < 0.2:
            # Shorter than every limit, or longer than the scrapes' and the requests'.
            begin, length = at(), rng.choice((rng.uniform(0.05, 0.3), rng.uniform(1.2, 2.5)))
            events.append((begin, lambda: self.signal(signal.SIGSTOP)))
            if rng.random() < 0.8:
                events.append((begin + length, lambda: self.signal(signal.SIGCONT)))
            self.count("stopped, " + ("long" if length > 1 else "shortly"))
        elif seconds > 0.8 and rng.random() < 0.3:
            events.append((at(0.3), self.balance))
        if rng.random() < 0.15:
            events.append((at(), self.disk_trouble))
            if rng.random() < 0.6:
                events.append((at(0.6, 1.3), lambda: self.disk.well(self.agent)))
        return sorted(events, key=lambda e: e[0])

    def live(self, seconds):
        events = self.plan(seconds)
        if any(what in (self.reload, self.balance) for _, what in events) and not self.ready():
            return
        begin = time.time()
        for when, what in events:
            time.sleep(max(0, begin + when - time.time()))
            what()
        time.sleep(max(0, begin + seconds - time.time()))

    def end_life(self):
        """SIGKILL mostly, else SIGTERM, both, or SIGTERM twice. Returns when it got a SIGTERM, in ms."""
        how = self.rng.choice(("SIGKILL",) * 9 + ("SIGTERM", "SIGTERM twice", "SIGTERM, then SIGKILL"))
        if how != "SIGKILL":
            self.signal(signal.SIGCONT)
            self.disk.well(self.agent)
            if not self.ready():
                how = "SIGKILL"
        stopped_ms = time.time() * 1000
        if how == "SIGTERM":
            begin = time.time()
            code = self.agent.stop(limit_s=40)
            h.check(code == 0, "%s: SIGTERM exits with %d" % (self.agent.name, code))
            self.slowest_stop = max(self.slowest_stop, time.time() - begin)
        elif how != "SIGKILL":
            self.signal(signal.SIGTERM)
            time.sleep(self.rng.uniform(0, 0.4))
        if how == "SIGTERM twice":
            self.agent.stop(limit_s=10)
        elif how != "SIGTERM":
            self.agent.kill()
        self.ended_by[how] = self.ended_by.get(how, 0) + 1
        return None if how == "SIGKILL" else stopped_ms

    def life_is_over(self):
        if "samples are kept in memory only" in self.agent.log():
            self.books.memory.append((self.started_ms, time.time() * 1000))
            self.count("in memory only")
        self.era_until.update((era, time.time() * 1000) for era in self.eras)

    def life(self):
        early = self.rng.random() < 0.2
        seconds = self.rng.uniform(0, 0.15) if early else self.rng.uniform(0.2, LONGEST_S)
        self.turn_sinks()
        small = self.rng.randint(8, 128) if self.rng.random() < 0.06 else None
        if small:
            self.count("disk limit at start")
        self.start(file_kib=small, flush=self.rng.choice(("500ms", "2s")))
        self.live(seconds)
        if not self.agent.running():
            raise Died("%s ended by itself:\n%s" % (self.agent.name, self.agent.log()[-1000:]))
        stopped_ms = self.end_life()
        self.life_is_over()
        self.disk.well(None)
        reloads = self.agent.log().count("configuration reloaded")
        self.done["reloads"] = self.done.get("reloads", 0) + reloads
        if self.cuts and self.rng.random() < 0.3:
            share = self.rng.choice((self.rng.randint(1, 16), self.rng.randint(1, 400),
                                     self.rng.random(), self.rng.random()))
            self.books.collect(share, self.rng.random() < 0.4, stopped_ms)
            self.count("ends cut off")
        else:
            self.books.collect(stopped_ms=stopped_ms)

    def kills(self):
        return sum(n for how, n in self.ended_by.items() if "SIGKILL" in how)

    def run(self):
        for sink in self.sinks:
            sink.be("up")
        while self.kills() < self.args.kills and not (self.deadline and time.time() > self.deadline):
            self.life()
            if h.failed():
                break

    # ---- the end ----

    def finish(self):
        """Delivers what is left; returns the last ledger."""
        for sink in self.sinks:
            sink.be("up")
        self.start(flush="120s")
        time.sleep(3 * INTERVAL_MS / 1000)
        stopped_ms = time.time() * 1000
        h.check(self.agent.stop(limit_s=DRAIN_LIMIT_S) == 0, "SIGTERM exits 0")
        self.life_is_over()
        h.check("everything is delivered" in self.agent.log(), "%s leaves nothing" % self.agent.name)
        self.books.collect(stopped_ms=stopped_ms)
        # Once more without targets: what does not come back ends, then the head stands still, and the
        # books are what was stored.
        self.start(scraping=False)
        h.wait_for(lambda: "series of targets that did not come back have ended" in self.agent.log(), DRAIN_LIMIT_S,
                   "what does not come back ends")
        h.wait_for(lambda: all(one["queued"] == 0 for one in self.ledger().values()), DRAIN_LIMIT_S,
                   "everything is delivered")
        ledger = self.check_balance()
        torture_checks.same_ledger(ledger, h.get_json(self.base("/api/v1/ledger"))["data"])
        h.check(self.agent.stop() == 0, "SIGTERM exits 0")
        self.life_is_over()
        self.books.collect()
        torture_checks.verify_log(self.data, self.books.cuts)
        for sink in self.sinks:
            sink.down()
        return ledger

    def close(self):
        if self.agent and self.agent.running():
            self.agent.kill()
        for sink in self.sinks:
            sink.end()
        self.disk.close()


def result(one, ledger, seconds):
    """Totals as they are added up over rounds."""
    books = one.books
    dropped = {"%s %s" % (name, reason): n for name, o in ledger.items() for reason, n in o["dropped"].items() if n}
    faults, answers = {}, {}
    for sink in one.sinks:
        for sums, counts in ((faults, sink.faults), (answers, sink.answers)):
            for name, n in counts.items():
                sums[name] = sums.get(name, 0) + n
    return {"seed": one.args.seed, "seconds": seconds, "lives": one.starts, "kills": one.kills(),
            "slowest stop": one.slowest_stop, "ended by": one.ended_by, "done": one.done,
            "faults": faults, "answers": answers, "logged": books.count, "series": len(books.series.labels),
            "histograms": books.histograms, "exemplars": len(books.exemplars), "cut off": books.cuts,
            "before the log": {name: n for name, n in books.ledger.items() if n and name != "base"},
            "sent": sum(o["sent"] for o in ledger.values()), "dropped": dropped,
            "refused": sum(sink.totals["refused"] + sink.totals["deduplicated"] for sink in one.sinks),
            "stored": sum(sink.totals["samples"] for sink in one.sinks), "left out": one.disk.told()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--no-cuts", action="store_true", help="the log never loses its end")
    parser.add_argument("--seconds", type=float, default=0, help="no new life after so many")
    parser.add_argument("--result", help="file for the totals")
    args = parser.parse_args()
    begin = time.time()
    with h.Dir() as directory:
        one = None
        try:
            one = Round(directory, args)
            one.run()
            ledger = {}
            if not h.failed():
                ledger = one.finish()
                torture_checks.report(one, ledger, time.time() - begin)
            if args.result and ledger:
                with open(args.result, "w") as f:
                    json.dump(result(one, ledger, time.time() - begin), f)
        except Died as died:
            h.check(False, str(died))
        finally:
            if one:
                one.close()
            sys.stdout.flush()
    h.finish()


if __name__ == "__main__":
    main()
