"""Sequences of answers of every kind, scraped by the agent and by real Prometheus agents at once: what each makes of
every scrape must be the same samples with the same bits, the same histograms, exemplars, markers and reports, and the
requests must be the same. What is meant to differ is counted by name (sequences_compare.py).

    sequences_differential.py [--seed N] [--only TEXT] [--interval S] [--prometheus PATH] [--keep FILE]
"""
import argparse
import collections
import contextlib
import os
import re
import subprocess
import sys
import time

import harness as h
import sequences_cases
import sequences_generated
from sequences_compare import NAMES, OLD, ONLY, Comparison, shown
from sequences_decode import Delivered, delivered
from sequences_model import FLAGS, OWN, config
from sequences_server import Server
from sequences_units import MARK, REPORTS, collect

US, THEM = "ampagent", "prometheus"
INTERVAL_S = 3
ROUNDS = 2
ASKED_MORE = 2  # requests after the last one that is compared
# Pages have times that are 500 ms and more before the request.
LATE_MS = 400
# Whose rules are ours; an older one has differences of its own (Sequence.allow).
NEWEST = (3, 14)
# Headers that say who asks.
UNLIKE = {b"user-agent"}


class Scraper:
    """A process of one side; several of them share the work by worlds."""

    def __init__(self, side, name, process, sequences):
        self.side, self.name, self.process, self.sequences = side, name, process, sequences
        self.started_ms = int(time.time() * 1000)


def version_of(path):
    """One that does not tell is taken for the newest."""
    text = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    return tuple(int(n) for n in found.groups()) if found else NEWEST


class Runner:
    """Starts the scrapers of a run."""

    def __init__(self, directory, server, running, interval_s):
        self.directory, self.server, self.running, self.interval_s = directory, server, running, interval_s

    def config(self, name, sequences, knows_options):
        return config(sequences, self.server.address, self.interval_s, "http://%s/%s" % (self.server.address, name),
                      knows_options)

    def agent(self, name, sequences, flags):
        process = h.Agent(self.directory, self.config(name, sequences, True), *flags, name=name)
        return Scraper(US, name, self.running.enter_context(process), sequences)

    def prometheus(self, path, name, sequences, flags, knows_options):
        file = self.directory.file(name + ".yml", self.config(name, sequences, knows_options))
        argv = [path, "--agent", "--config.file=" + file, "--web.listen-address=127.0.0.1:%d" % h.free_port(),
                "--storage.agent.path=" + self.directory.file(name + "-data")]
        process = h.Process(name, argv + flags, self.directory)
        return Scraper(THEM, name, self.running.enter_context(process), sequences)

    def start(self, sequences, prometheus):
        """Prometheus before 3.9 has a process for each world; the agent one for all but those of OWN."""
        knows = version_of(prometheus) >= (3, 9)
        shared = [s for s in sequences if s.world not in OWN]
        scrapers = [self.agent("ampagent-all", shared, [])] if shared else []
        for world, flags in FLAGS.items():
            mine = [s for s in sequences if s.world == world]
            if mine:
                flags = flags if world in OWN or not knows else []
                scrapers.append(self.prometheus(prometheus, "prometheus-" + world, mine, flags, knows))
                if world in OWN:
                    scrapers.append(self.agent("ampagent-" + world, mine, OWN[world]))
        return scrapers


def side_of(agent):
    return THEM if agent.startswith("Prometheus/") else US


def all_asked(server, sequences):
    agents = {side_of(agent): agent for agent in server.agents()}
    for s in sequences:
        if s.silent:
            continue
        for key, (answers, _) in s.script().items():
            for side in (US, THEM):
                if len(server.requests.get((agents.get(side), key), ())) < len(answers) + 1 + ASKED_MORE:
                    return False
    return True


class Side:
    """Everything of one side: units and requests."""

    def __init__(self, server, scrapers, sequences, side):
        mine = [s for s in scrapers if s.side == side]
        self.delivered = Delivered()
        for scraper in mine:
            got = delivered(server.posts, "/" + scraper.name)
            self.delivered.samples.update(got.samples)
            self.delivered.exemplars.update(got.exemplars)
            self.delivered.metadata += got.metadata
            self.delivered.errors += got.errors
        agents = [agent for agent in server.agents() if side_of(agent) == side]
        self.requests = {key: got for (agent, key), got in server.requests.items() if agent in agents}
        self.units, self.strays = collect(self.delivered, sequences, self.requests)
        self.started_ms = max([s.started_ms for s in mine] + [0])


def scrape(sequences, prometheus, interval_s):
    """{side: Side}, or None when something went wrong."""
    script = {}
    for s in sequences:
        script.update(s.script())
    longest = max(len(answers) for answers, _ in script.values()) + 1 + ASKED_MORE
    with h.Dir() as d, Server(script) as server, contextlib.ExitStack() as running:
        scrapers = Runner(d, server, running, interval_s).start(sequences, prometheus)
        h.wait_for(lambda: all_asked(server, sequences) or not all(s.process.running() for s in scrapers),
                   15 + (longest + 3) * interval_s, "every sequence is scraped to its end by everyone")
        ok = True
        for s in scrapers:
            ok &= h.check(s.process.running(), "%s still runs: %s" % (s.name, s.process.log()[-3000:]))
            ok &= h.check(s.process.stop() == 0, "%s exits 0" % s.name)
        if not ok:
            return None
        sides = {side: Side(server, scrapers, sequences, side) for side in (US, THEM)}
    for side, got in sides.items():
        h.check(not got.delivered.errors, "%s: every request is well-formed: %s" % (side, got.delivered.errors[:3]))
        h.check(not got.strays, "%s: every series belongs to a sequence: %s" % (side, got.strays[:5]))
    return sides


def request_shown(request):
    """What two scrapers must have in common."""
    if request is None:
        return None
    return request.line, sorted((k.lower(), v) for k, v in request.headers if k.lower() not in UNLIKE)


def requests_differ(key, n, sides):
    """The first request that is not the same on both sides."""
    ours, theirs = (sides[side].requests.get(key, []) for side in (US, THEM))
    for i in range(n):
        a, b = (request_shown(got[i]) if i < len(got) else None for got in (ours, theirs))
        if a != b:
            return i, a, b
    return None


def show(sequence, target, differences, request):
    print("---- %s, target %s" % (sequence.title(), target))
    print("  options %s" % sequence.options)
    numbers = sorted({d[0] for d in differences if isinstance(d[0], int)})
    for i in numbers[:3]:
        answer = sequence.answer(target, i)
        body = answer.body if not callable(answer.body) else b"(made)"
        print("  scrape %d of %r (%s %s)" % (i, body[:1500], answer.kind, answer.how))
    for i, labels, ours, theirs in differences[:8]:
        named = {n.decode(errors="replace"): v.decode(errors="replace")[:80] for n, v in labels
                 if n not in (b"seq", b"instance")}
        print("  scrape %s %s\n    ours   %s\n    theirs %s"
              % (i, named, *([shown(v) if not isinstance(v, tuple) or i == "target" else repr(v) for v in got]
                             for got in (ours, theirs))))
    if request:
        print("  request %d\n    ours   %s\n    theirs %s" % request)


def late(sequence, key, sides, interval_s):
    """What the machine was too slow for: a request long after its time, or an answer that took long; else None."""
    limit_s = 1 if "scrape_timeout" in sequence.options else interval_s
    for name, unit in ((name, side.units[key]) for name, side in sides.items()):
        n = len(unit.plain)
        for i, took in enumerate(unit.durations[:n]):
            if took > 0.7 * limit_s and sequence.answer(key[1], i).how != "slow":
                return "%s: %s, scrape %d took %.3f s" % (key[0], name, i, took)
        for i, (t, asked) in enumerate(zip(unit.times[:n], unit.asked)):
            if asked - t > LATE_MS:
                return "%s: %s, scrape %d was asked for %d ms late" % (key[0], name, i, asked - t)
    return None


class Tally:
    """What was found, of all rounds."""

    def __init__(self, older):
        self.older = older
        self.explained, self.where, self.bad = collections.Counter(), collections.defaultdict(set), 0

    def add(self, sequence, target, sides):
        key = (sequence.id, target)
        ours, theirs = sides[US].units[key], sides[THEM].units[key]
        result = Comparison(sequence, target, ours, theirs, sides[THEM].started_ms).run()
        request = requests_differ(key, len(ours.plain), sides)
        if self.older and sequence.allow and self.may_differ(sequence.allow, result.unexplained, request):
            result.explained[sequence.allow] += len(result.unexplained) + bool(request)
            result.unexplained, request = [], None
        for name, count in (+result.explained).items():
            self.explained[name] += count
            self.where[name].add(sequence.id)
        if result.unexplained or request:
            self.bad += 1
            show(sequence, target, result.unexplained, request)

    @staticmethod
    def may_differ(name, differences, request):
        what = {d[0] if isinstance(d[0], str) else dict(d[1]).get(b"__name__") for d in differences}
        what |= {"request"} if request else set()
        return what <= ONLY.get(name, what)

    def finish(self):
        for name in (OLD if self.older else []) + NAMES:
            print("  %5d in %3d sequences: %s" % (self.explained[name], len(self.where[name]), name))
            if not self.explained[name]:
                print("        this difference is not there any more")
        print("  %5d targets with a difference that is not explained" % self.bad)
        h.check(self.bad == 0, "no difference is unexplained")


def compare(sequences, sides, interval_s, tally):
    """Sequences with a late scrape, which say nothing."""
    again = []
    for s in sequences:
        targets = [str(k) for k in range(len(s.targets))]
        why = [late(s, (s.id, target), sides, interval_s) for target in targets]
        if any(why):
            print("again, for the machine was late: %s" % next(filter(None, why)))
            again.append(s)
            continue
        for target in targets:
            tally.add(s, target, sides)
    return again


def compare_metadata(sequences, sides):
    """Families that have a sequence's name are its own; what others say of the rest depends on the moment."""
    got = {}
    for side in (US, THEM):
        got[side] = {m for m in sides[side].delivered.metadata if MARK.search(m[0]) or m[0] in REPORTS}
    own = {m for m in got[US] if m[0] in REPORTS}
    got[US] -= own
    print("  %5d families told, and %d of report series, of which Prometheus says nothing" % (len(got[US]), len(own)))
    for side, other in ((US, THEM), (THEM, US)):
        alone = sorted(got[side] - got[other])
        h.check(not alone, "metadata that only %s sends: %s" % (side, alone[:20]))


def totals(sequences, sides):
    """What was compared."""
    for side in (US, THEM):
        units = [sides[side].units[s.id, str(k)] for s in sequences for k in range(len(s.targets))]
        values = [v for u in units for plain in u.plain for got in plain.values() for v in got]
        exemplars = sum(len(got) for u in units for got in u.exemplars.values())
        ups = [u.report(i, b"up") for u in units for i in range(len(u.plain))]
        print("%s: %d scrapes good, %d failed; %d samples, %d of them histograms; %d exemplars; %d series with times"
              % (side, ups.count(1), ups.count(0), len(values), sum(not isinstance(v, int) for v in values), exemplars,
                 sum(len(u.order) for u in units)))


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEQUENCES_SEED", "1")))
    p.add_argument("--only", default="")
    p.add_argument("--interval", type=int, default=INTERVAL_S)
    p.add_argument("--prometheus")
    return p.parse_args()


def main():
    args = arguments()
    prometheus = args.prometheus or h.peer("prometheus3")
    every = sequences_cases.sequences() + sequences_generated.sequences(args.seed)
    sequences = [s.numbered(k) for k, s in enumerate(every)]
    sequences = [s for s in sequences if re.search(args.only, s.title())]
    print("%d sequences, seed %d, %s %s" % (len(sequences), args.seed, prometheus, version_of(prometheus)))
    began, interval_s, tally = time.time(), args.interval, Tally(version_of(prometheus) < NEWEST)
    for _ in range(ROUNDS):
        sides = scrape(sequences, prometheus, interval_s)
        if not sides:
            break
        totals(sequences, sides)
        compare_metadata(sequences, sides)
        sequences = compare(sequences, sides, interval_s, tally)
        if not sequences:
            break
        interval_s *= 2
    else:
        h.check(False, "the machine keeps up")
    tally.finish()
    print("%.0f s" % (time.time() - began))
    h.finish()


if __name__ == "__main__":
    main()
