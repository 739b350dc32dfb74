"""Cuts the power under the agent, again and again, and counts every sample.

usage: power_loss.py [--rounds N] [--seed S]

The agent runs under load with a library before it that writes down all that it does to its files
(tests/powerloss). It is killed, and what the disk may hold then is made from that: what was synced,
and of the rest some, none, pages of zeros, shorter files, old names. On that it is started again. It
must start each time; then:

  always: nothing that a sink has, and nothing that was synced, is gone from the log;
  interval: what is gone was not synced, and is in the books;
  none: the log is readable and the books balance;
  in the end all that any of these logs held is at the sink, as it was logged, and what is not is in
  the ledger as dropped; nothing is there that was never logged; no sequence number that stood in a
  log was given to other samples; sent + dropped + queued is head - base.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import time

import harness as h
import log_view

MODES = ("always", "interval", "none")
SERIES = 40


class Load:
    """Pages whose values are never the same twice; some series come and go."""

    def __init__(self):
        self.n = 0
        self.pages = h.Pages({"/%d" % i: self.page for i in range(3)})

    def page(self, _request):
        self.n += 1
        lines = ['steady{i="%d"} %d' % (i, self.n * 1000 + i) for i in range(SERIES)]
        lines += ['passing{i="%d",age="%d"} %d' % (i, self.n // 5, self.n) for i in range(8)]
        return 200, "text/plain; version=0.0.4", "\n".join(lines).encode() + b"\n"


class Campaign:
    def __init__(self, directory, args):
        self.dir, self.rng = directory, random.Random(args.seed)
        self.tools = os.environ["POWERLOSS"]
        self.load = Load()
        self.record = os.path.join(directory.path, "record")
        self.sink_port = h.free_port()
        self.receiver = None
        self.storage = directory.path + "/disk-0"
        os.mkdir(self.storage)
        self.kept = {}     # sequence: batch, as a log on the disk had it
        self.lost = {}     # samples that a power cut took
        self.logged = {}   # samples that were on the disk after a cut
        self.counts = dict.fromkeys(MODES, 0)
        self.cut_in = None  # the mode of the round before: what a start finds is its work
        self.in_memory = False  # a start met a disk that took nothing: those samples are in no log

    def sink(self, up):
        if up and not self.receiver:
            self.receiver = h.Receiver(self.dir, "--record=" + self.record, "--out-of-order-window=2h",
                                       port=self.sink_port)
        elif not up and self.receiver:
            self.receiver.stop()
            self.receiver = None

    def config(self, mode, scraping=True):
        jobs = "".join("- job_name: j%d\n  metrics_path: /%d\n  static_configs: [{targets: ['%s']}]\n"
                       % (i, i, self.load.pages.address) for i in range(3))
        return ("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n%s"
                "remote_write:\n- name: sink\n  url: http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write\n"
                "  sigv4: {region: %s, access_key: %s, secret_key: %s}\n"
                "  queue_config: {batch_send_deadline: 50ms, min_backoff: 20ms, max_backoff: 200ms}\n"
                "ampagent: {wal: {durability: %s, sync_interval: 200ms, max_bytes: 1MB}}\n"
                % ("scrape_configs:\n" + jobs if scraping else "", self.sink_port, h.WORKSPACE,
                   h.REGION, h.ACCESS_KEY, h.SECRET_KEY, mode))

    def start(self, name, mode, env=None, scraping=True):
        agent = h.Agent(self.dir, self.config(mode, scraping), storage=self.storage, name=name, env=env)
        h.check(agent.wait_ready(30), "%s (%s) starts" % (name, mode))
        return agent

    def balance(self, agent):
        ledger = agent.ledger()
        for one in ledger["destinations"]:
            h.check(one["sent"] + one["queued"] + one["dropped"]
                    == ledger["headSequence"] - one["baseSequence"], "the books balance: %s" % one)

    # ---- a round ----

    def run(self, number, mode):
        journal = os.path.join(self.dir.path, "journal")
        env = {"LD_PRELOAD": os.path.join(self.tools, "libpowerloss.so"),
               "AMPAGENT_POWERLOSS_ROOT": self.storage, "AMPAGENT_POWERLOSS_JOURNAL": journal,
               "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
        if self.rng.random() < 0.3:
            env["AMPAGENT_POWERLOSS_FAULTS"] = "%d:5" % self.rng.randrange(1 << 30)
        self.sink(self.rng.random() < 0.7)
        agent = self.start("agent-%d" % number, mode, env)
        before = self.load.n
        h.wait_for(lambda: self.load.n > before + 6, 20, "targets are scraped")
        time.sleep(self.rng.uniform(0.1, 1.2))
        h.check(agent.running(), "%s runs: %s" % (agent.name, agent.log()[-500:]))
        agent.kill()
        return agent, journal

    def cut(self, number, journal):
        disk = "%s/disk-%d" % (self.dir.path, number + 1)
        os.mkdir(disk)
        run = subprocess.run([os.path.join(self.tools, "powerloss_cut"), journal,
                              str(self.rng.randrange(1 << 40)), disk], stdout=subprocess.PIPE, timeout=60)
        h.check(run.returncode == 0, "the disk can be made")
        safe = {}
        for line in run.stdout.decode().splitlines():
            name, _, n = line.rsplit(" ", 2)
            safe[os.path.basename(name)] = int(n)
        shutil.rmtree(self.storage)
        self.storage = disk
        return safe

    def check_kept(self, after):
        for batch in after.batches:
            known = self.kept.setdefault(batch.sequence, batch)
            h.check(known.same(batch), "sequence %d is of one batch: %s %d, %s %d" % (
                batch.sequence, known.time, known.n, batch.time, batch.n))

    def check_lost(self, mode, before, after, safe, stored):
        """What the cut took: nothing that was synced, and with `always` nothing that anybody has."""
        there = after.samples()
        gone = {}
        first = min([b.segment for b in after.batches], default=0)
        for i, batch in enumerate(before.batches):
            missing = {k: v for k, v in batch.samples.items() if there.get(k) != v}
            last = i + 1 == len(before.batches) or before.batches[i + 1].segment != batch.segment
            end = None if last else before.batches[i + 1].offset
            synced = safe.get("seg-%016d" % batch.segment, 0)
            if mode != "none" and missing and end and end <= synced and batch.segment >= first:
                h.check(False, "%d samples at %d:%d were synced up to %d, and are gone (%s)" % (
                    len(missing), batch.segment, batch.offset, synced, mode))
            if batch.segment >= first:
                gone.update(missing)
        if mode == "always":
            sent = [k for k, v in gone.items() if stored.samples.get(k) == v]
            h.check(not sent, "%d samples were sent and are gone: %s" % (len(sent), sent[:3]))
        self.lost.update(gone)
        return len(gone)

    def round(self, number, mode):
        agent, journal = self.run(number, mode)
        for word in ("is unreadable", "log ends before the delivery position"):
            h.check(self.cut_in != "always" or word not in agent.log().lower(), "%s: %s" % (agent.name, word))
        self.cut_in = mode
        self.in_memory |= "kept in memory only" in agent.log()
        before = log_view.View(self.storage)
        safe = self.cut(number, journal)
        after = log_view.View(self.storage)
        stored = log_view.Stored(self.record)
        n = self.check_lost(mode, before, after, safe, stored)
        self.check_kept(after)
        self.logged.update(after.samples())
        self.counts[mode] += 1
        print("round %d, %-8s %6d samples before, %6d lost, %d batches after" % (
            number, mode, sum(b.n for b in before.batches), n, len(after.batches)))
        sys.stdout.flush()
        return n

    # ---- the end ----

    def finish(self, no_promise):
        self.sink(True)
        agent = self.start("last", "interval")
        h.wait_for(lambda: self.load.n > 0 and agent.drained(), 60, "what is left is delivered")
        h.check(agent.stop() == 0, "SIGTERM exits 0")
        final = log_view.View(self.storage)
        self.check_kept(final)
        self.logged.update(final.samples())
        agent = self.start("books", "interval", scraping=False)
        h.wait_for(agent.drained, 60, "all is delivered")
        self.balance(agent)
        ledger = agent.ledger()
        dropped = {r: n for r, n in ledger["destinations"][0]["droppedBy"].items() if n}
        agent.stop()
        self.sink(False)
        self.logged.update(log_view.View(self.storage).samples())
        stored = log_view.Stored(self.record)
        missing = [k for k, v in self.logged.items() if stored.samples.get(k) != v]
        extra = [k for k, v in stored.samples.items()
                 if self.logged.get(k) != v and self.lost.get(k) != v]
        # A file system that writes names before files may cost a position that was never synced:
        # then delivery begins at the log's end.
        h.check(not missing or no_promise, "%d logged samples are missing, dropped %s: %s" % (
            len(missing), dropped, missing[:3]))
        h.check(not extra or self.in_memory, "%d samples were never logged: %s" % (len(extra), extra[:3]))
        h.check(stored.conflicts == 0, "%d samples came with two values" % stored.conflicts)
        h.check(set(dropped) <= {"damaged", "labels_lost", "log_bound", "repeated"}, "dropped: %s" % dropped)
        print("%d samples logged, %d lost, %d stored, %d repeated, dropped %s" % (
            len(self.logged), len(self.lost), len(stored.samples), stored.again, dropped))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    args = parser.parse_args()
    print("power_loss: seed %d" % args.seed)
    with h.Dir() as directory:
        campaign = Campaign(directory, args)
        modes = [MODES[i % 3] for i in range(args.rounds)]
        campaign.rng.shuffle(modes)
        for number, mode in enumerate(modes):
            campaign.round(number, mode)
        campaign.finish("none" in modes)
    h.finish()


if __name__ == "__main__":
    main()
