"""Damages the log of a stopped agent somewhere, starts it again, and counts every sample.

usage: corruption.py [--cases N] [--seed S]

One agent fills a log while its sink is gone: several segments, and scrapes go on to come in. Then,
again and again: a copy of it gets one wrong byte, or a file loses its end; the agent starts on that,
delivers what is left, and scrapes. It must start; what is missing at the sink is exactly what the
ledger says is dropped, as damaged or without labels; no value or label is wrong; and what is scraped
now arrives, whatever definitions were lost.
"""
import argparse
import os
import random
import shutil
import sys
import time

import harness as h
import log_view

REASONS = {"damaged", "labels_lost", "log_bound"}


def page_of(number, n):
    lines = ['steady{j="%d",i="%d"} %d' % (number, i, n * 1000 + i * 7) for i in range(30)]
    lines += ['still{j="%d",i="%d"} %d' % (number, i, i) for i in range(20)]
    return "\n".join(lines + ['coming{j="%d",age="%d"} %d' % (number, n // 4, n)]).encode() + b"\n"


class Campaign:
    def __init__(self, directory, args):
        self.dir, self.rng = directory, random.Random(args.seed)
        self.scrapes = [0] * 3
        self.pages = h.Pages({"/%d" % i: (lambda i: lambda _: self.page(i))(i) for i in range(3)})
        self.sample = os.path.join(directory.path, "sample")

    def page(self, i):
        self.scrapes[i] += 1
        return 200, "text/plain; version=0.0.4", page_of(i, self.scrapes[i])

    def config(self, port, scraping=True):
        jobs = "".join("- job_name: j%d\n  metrics_path: /%d\n  static_configs: [{targets: ['%s']}]\n"
                       % (i, i, self.pages.address) for i in range(3))
        return ("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n%s"
                "remote_write:\n- name: sink\n  url: http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write\n"
                "  sigv4: {region: %s, access_key: %s, secret_key: %s}\n"
                "  queue_config: {batch_send_deadline: 50ms, min_backoff: 20ms, max_backoff: 100ms}\n"
                % ("scrape_configs:\n" + jobs if scraping else "", port, h.WORKSPACE, h.REGION,
                   h.ACCESS_KEY, h.SECRET_KEY))

    def fill(self):
        """The log of an agent whose sink is gone; returns its samples."""
        for start in range(3):
            agent = h.Agent(self.dir, self.config(h.free_port()), "--storage.remote.flush-deadline=0s",
                            storage=self.sample, name="fill-%d" % start)
            agent.wait_ready(20)
            before = sum(self.scrapes)
            h.wait_for(lambda: sum(self.scrapes) > before + 30, 30, "targets are scraped")
            h.check(agent.stop() == 0, "SIGTERM exits 0")
        view = log_view.View(self.sample)
        h.check(len({b.segment for b in view.batches}) >= 3, "there are several segments")
        h.check(sum(b.nameless for b in view.batches) == 0, "all have labels")
        return view

    def damage(self, storage):
        """One wrong byte anywhere, or a cut; files as likely as they are long."""
        where = os.path.join(storage, "ampagent")
        names = sorted(n for n in os.listdir(where) if n != "LOCK")
        sizes = [os.path.getsize(os.path.join(where, n)) for n in names]
        name = self.rng.choices(names, [max(s, 400) for s in sizes])[0]
        size = sizes[names.index(name)]
        at = self.rng.randrange(size)
        with open(os.path.join(where, name), "r+b") as f:
            if self.rng.random() < 0.3:
                f.truncate(at)
                return "%s cut to %d" % (name, at), name
            f.seek(at)
            was = f.read(1)[0]
            f.seek(at)
            f.write(bytes([was ^ self.rng.randint(1, 255)]))
        return "%s wrong at %d" % (name, at), name

    def case(self, number, whole):
        storage = os.path.join(self.dir.path, "case")
        record = os.path.join(self.dir.path, "record-%d" % number)
        shutil.rmtree(storage, ignore_errors=True)
        shutil.copytree(self.sample, storage)
        what, name = self.damage(storage)
        with h.Receiver(self.dir, "--record=" + record, "--out-of-order-window=2h") as sink:
            agent = h.Agent(self.dir, self.config(sink.port),
                            storage=storage, name="case-%d" % number)
            before = sum(self.scrapes)
            h.check(agent.wait_ready(30), "it starts: %s" % what)
            h.wait_for(lambda: sum(self.scrapes) > before + 6, 30, "targets are scraped: " + what)
            now = int(time.time() * 1000)
            h.check(agent.stop() == 0, "SIGTERM exits 0: " + what)
            h.check("everything is delivered" in agent.log(), "all is delivered: " + what)
        # The books as they were stored; series without targets may get their markers now.
        agent = h.Agent(self.dir, self.config(h.free_port(), scraping=False),
                        "--storage.remote.flush-deadline=0s", storage=storage, name="books-%d" % number)
        agent.wait_ready(20)
        ledger = agent.ledger()
        agent.stop()
        self.check(what, whole, log_view.Stored(record), ledger, now)
        os.remove(record)

    def check(self, what, whole, stored, ledger, now):
        one = ledger["destinations"][0]
        dropped = one["droppedBy"]
        total = one["sent"] + one["queued"] + one["dropped"]
        h.check(total == ledger["headSequence"] - one["baseSequence"], "the books balance, %s: %s" % (what, one))
        h.check(set(dropped) <= REASONS, "%s: %s" % (what, dropped))
        missing = [k for k in whole if k not in stored.samples]
        wrong = [k for k, v in whole.items() if stored.samples.get(k, v) != v]
        h.check(not wrong, "%s: wrong values: %s" % (what, wrong[:3]))
        old = max(t for _, t in whole)
        h.check(stored.conflicts == 0, "%s: a sample with two values" % what)
        strange = [k for k in stored.samples if k[1] <= old and k not in whole]
        h.check(not strange, "%s: never logged: %s" % (what, strange[:3]))
        h.check(len(missing) == sum(dropped.values()), "%s: %d are missing, dropped %s" % (
            what, len(missing), dropped))
        fresh = {dict(labels)["__name__"] for labels, t in stored.samples if t > old}
        h.check({"up", "steady", "still", "coming"} <= fresh, "%s: new scrapes arrive: %s" % (what, fresh))
        print("%-40s %5d of %d missing, dropped %s" % (what, len(missing), len(whole), dropped))
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    args = parser.parse_args()
    print("corruption: seed %d" % args.seed)
    with h.Dir() as directory:
        campaign = Campaign(directory, args)
        whole = campaign.fill().samples()
        for number in range(args.cases):
            campaign.case(number, whole)
    h.finish()


if __name__ == "__main__":
    main()
