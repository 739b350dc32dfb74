"""Kills the agent a thousand times under load, with everything around it failing, and counts every sample.

usage: torture.py [--short] [--kills N] [--minutes M] [--seed S] [--lanes N]

The run is made of rounds (torture_round.py says what happens in one, torture_checks.py what must hold at
its end), each with a storage directory, targets and sinks of its own; as many go on at a time as there are
processors, up to --lanes. Round i has the seed S + i. No round begins when the time is over; totals of all
are told in the end.

Exit code 1 when something does not hold in a round: its files stay, and its seed repeats its choices
(though not the instants to the microsecond).
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROUND_KILLS = 40
# What the rest of a round takes after its last kill, and what a round may take at all.
END_S, ROUND_LIMIT_S = 25, 900


class Run:
    def __init__(self, args, directory):
        self.args, self.dir = args, directory
        self.lock = threading.Lock()
        self.begin = time.time()
        self.next, self.results, self.failed = 0, [], []

    def left(self):
        return self.begin + self.args.minutes * 60 - time.time() if self.args.minutes else float("inf")

    def take(self):
        """Seed and kills of the next round, or None."""
        with self.lock:
            asked = self.next * ROUND_KILLS
            if asked >= self.args.kills or self.left() < 2 * END_S or self.failed:
                return None
            self.next += 1
            return self.args.seed + self.next - 1, min(ROUND_KILLS, self.args.kills - asked)

    def lane(self):
        while True:
            taken = self.take()
            if taken is None:
                return
            self.round(*taken)

    def round(self, seed, kills):
        path = os.path.join(self.dir, "result-%d" % seed)
        argv = [sys.executable, os.path.join(HERE, "torture_round.py"), "--seed", str(seed), "--kills", str(kills),
                "--result", path]
        if self.args.short:
            argv.append("--no-cuts")
        if self.args.minutes:
            argv += ["--seconds", "%d" % max(1, self.left() - END_S)]
        try:
            run = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                                 errors="replace", timeout=ROUND_LIMIT_S)
            text, code = run.stdout, run.returncode
        except subprocess.TimeoutExpired as late:
            text, code = (late.stdout or b"").decode(errors="replace") + "\nFAILED: it does not end\n", 1
        with self.lock:
            print(text.rstrip())
            sys.stdout.flush()
            if code != 0:
                self.failed.append(seed)
            elif os.path.exists(path):
                with open(path) as f:
                    self.results.append(json.load(f))


def add(total, some):
    """Numbers are added, tables key by key."""
    for name, value in some.items():
        if isinstance(value, dict):
            add(total.setdefault(name, {}), value)
        elif isinstance(value, (int, float)) and name not in ("seed", "slowest stop"):
            total[name] = total.get(name, 0) + value


def in_order(counts):
    return ", ".join("%s %d" % (name, n) for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def tell(run):
    total = {}
    for one in run.results:
        add(total, one)
    if not run.results:
        return
    seeds = sorted(one["seed"] for one in run.results)
    print("\n%d rounds (seeds %d to %d), %d lives, %d kills, %.1f minutes" % (
        len(seeds), seeds[0], seeds[-1], total["lives"], total["kills"], (time.time() - run.begin) / 60))
    print("ended by: %s; the slowest SIGTERM took %.1f s" % (
        in_order(total["ended by"]), max(one["slowest stop"] for one in run.results)))
    print("done to it: " + in_order(total["done"]))
    print("faults of sinks: " + in_order(total["faults"]))
    print("answers: " + in_order(total["answers"]))
    print("samples: %d logged in %d series, %d of them histograms, %d exemplars; %d cut off the log" % (
        total["logged"], total["series"], total["histograms"], total["exemplars"], total["cut off"]))
    print("refused before the log: " + in_order(total.get("before the log", {})))
    print("at four sinks: %d sent, %d stored, %d refused or left out by the sinks" % (
        total["sent"], total["stored"], total["refused"]))
    print("dropped, by sink and reason: " + in_order(total["dropped"]))
    for what in sorted(set(what for one in run.results for what in one["left out"])):
        print("skipped: " + what)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="three minutes, and no log loses its end: corruption and power cuts have tests of their own")
    parser.add_argument("--kills", type=int, help="default 1000; without limit with --minutes")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--lanes", type=int, default=min(3, os.cpu_count() or 1))
    args = parser.parse_args()
    if args.short and not args.minutes and not args.kills:
        args.minutes = 3
    args.kills = args.kills or (sys.maxsize if args.minutes else 1000)
    print("torture: seed %d" % args.seed)
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as directory:
        run = Run(args, directory)
        lanes = [threading.Thread(target=run.lane) for _ in range(args.lanes)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    tell(run)
    for seed in run.failed:
        print("FAILED: again: tests/integration/torture.sh --kills %d --seed %d" % (
            min(args.kills, ROUND_KILLS), seed))
    if not run.failed and not run.results:
        print("FAILED: there was no time for a round")
    sys.exit(0 if run.results and not run.failed else 1)


if __name__ == "__main__":
    main()
