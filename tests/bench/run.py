#!/usr/bin/env python3
"""Measures the agent, and rivals on the same load, one after the other.

usage: run.sh [--scenario=NAME[,NAME...]|all] [--rivals=auto|none|NAME[=PATH],...] [--repeat=N]
              [--seconds=N | --quick] [--markdown]
       run.sh --short
       run.sh --outage [--minutes=N] ...   an outage of the receiver: see outage.py
       run.sh --micro[=PART OF A NAME]

Scenarios (targets x series, interval):
  standard  20 x 5000, 5 s
  sidecar   1 x 1000, 5 s; and several starts at 250 ms, for the time to the first sample
  churn     standard, and a tenth of the series is replaced at each scrape
  gzip      standard, and the targets compress when asked to
  large     200 x 5000, 15 s

Without --scenario: standard and sidecar. --short is for the tests: one small run, no rival. The
exit code is 1 when the agent lost, doubled or delayed a sample or did not run; figures that miss an
aim are printed, not failed. Python's standard library only. AMPAGENT_BUILD_DIR has the programs.
"""
import argparse
import math
import os
import signal
import statistics
import subprocess
import sys

import agents
import measure
import table

NAME = "ampagent"
SCENARIOS = {
    "standard": dict(targets=20, series=5000, interval_ms=5000),
    "sidecar": dict(targets=1, series=1000, interval_ms=5000),
    "churn": dict(targets=20, series=5000, interval_ms=5000, churn=10),
    "gzip": dict(targets=20, series=5000, interval_ms=5000, gzip=True),
    "large": dict(targets=200, series=5000, interval_ms=15000),
    "short": dict(targets=4, series=500, interval_ms=2000),
}
STARTS, STARTS_INTERVAL_MS = 5, 250

RATIO_AIMS = {"standard": {
    "prometheus": {"cpu_million": 1 / 4, "VmRSS": 1 / 8},
    "vmagent": {"cpu_million": 1 / 6, "VmRSS": 1 / 2, "wire": 0.95},
}}
OWN_AIMS = {
    "standard": [("disk bytes a sample", "disk", 4, "%.2f"), ("samples lost", "lost", 0, "%d")],
    "sidecar": [("RssAnon MB", "RssAnon", 4, "%.1f"), ("RSS MB", "VmRSS", 16, "%.1f"),
                ("first sample s", "started_s", 0.5, "%.2f")],
}


def parse_arguments():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    p.add_argument("--scenario", default="standard,sidecar")
    p.add_argument("--rivals", default="auto")
    p.add_argument("--repeat", type=int, default=1)
    p.add_argument("--seconds", type=int)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--markdown", action="store_true")
    p.add_argument("--short", action="store_true")
    p.add_argument("--micro", nargs="?", const="", default=None)
    a = p.parse_args()
    a.scenarios = [s for s in SCENARIOS if s != "short"] if a.scenario == "all" \
        else a.scenario.split(",")
    if a.short:
        a.scenarios, a.rivals = ["short"], "none"
    for name in a.scenarios:
        if name not in SCENARIOS:
            p.error("there is no scenario %s" % name)
    return a


def machine():
    with open("/proc/cpuinfo") as f:
        text = f.read()
    model = text.split("model name\t: ")[1].split("\n")[0] if "model name" in text else os.uname().machine
    sha = "with" if "sha_ni" in text else "without"
    return "%s, %d processors, %s SHA-NI; agent on processor %d, load on %d; load average %.1f" % (
        model, os.cpu_count(), sha, measure.AGENT_CPU, measure.LOAD_CPU, os.getloadavg()[0])


def describe(load, seconds, repeat):
    extra = (", %d %% of the series replaced at each scrape" % load.churn if load.churn else "") + \
        (", targets offer gzip" if load.gzip else "")
    return "%d targets x %d series every %g s%s; window %d s, %d run(s)" % (
        load.targets, load.series, load.interval_ms / 1000, extra, seconds, repeat)


def starts(agent, build_dir):
    """Medians of: start to first page asked for, start to first sample delivered, in seconds."""
    found = [measure.first_sample(agent, agents.Load(1, 1000, STARTS_INTERVAL_MS), build_dir)
             for _ in range(STARTS)]
    return [statistics.median(column) for column in zip(*found)]


def run_starts(contenders, by_agent, build_dir, markdown):
    rows = []
    for agent in contenders:
        page, sample = starts(agent, build_dir)
        rows.append([agent.name, "%.3f" % page, "%.3f" % (sample - page), "%.3f" % sample])
        for run in by_agent[agent.name]:
            run["started_s"] = sample
    header = ["%d starts at %d ms: seconds" % (STARTS, STARTS_INTERVAL_MS),
              "start to first page", "first page to first sample", "start to first sample"]
    print(table.draw(header, rows, markdown) + "\n")


def window_s(args, load):
    """Whole intervals, so that each window holds as many scrapes."""
    wanted = args.seconds or (8 if args.short else 20 if args.quick else 45)
    interval = load.interval_ms / 1000
    return math.ceil(wanted / interval) * interval


def run_scenario(name, contenders, args, build_dir):
    """Whether all of the program's runs were without loss."""
    load = agents.Load(**SCENARIOS[name])
    seconds = window_s(args, load)
    warm_up_s = 1 if args.short else measure.WARM_UP_S
    print("%s: %s" % (name, describe(load, seconds, args.repeat)), flush=True)
    by_agent, ok = {agent.name: [] for agent in contenders}, True
    for number in range(args.repeat):
        for agent in contenders:
            if sys.stderr.isatty():
                print("  run %d: %s" % (number + 1, agent.name), file=sys.stderr)
            try:
                run = measure.measure(agent, agents.Load(**SCENARIOS[name]), seconds, warm_up_s,
                                      build_dir)
            except (RuntimeError, OSError) as e:
                print("bench: %s: %s" % (agent.name, e))
                ok = ok and agent.name != NAME
                continue
            by_agent[agent.name].append(run)
    print("\n" + table.results(by_agent, args.markdown) + "\n")
    if name == "sidecar":
        run_starts(contenders, by_agent, build_dir, args.markdown)
    text = table.ratios(by_agent, NAME, RATIO_AIMS.get(name, {}), args.markdown)
    print(text + "\n" if text else "", end="")
    ours = by_agent[NAME]
    if ours and OWN_AIMS.get(name):
        print("\n" + table.limits(ours, OWN_AIMS[name], args.markdown))
    print(flush=True)
    wrong = sum(abs(run[key]) for run in ours for key in table.SUMMED)
    if wrong:
        print("bench: FAILED: samples were lost, doubled or late\n")
    return ok and bool(ours) and wrong == 0


def main():
    args = parse_arguments()
    # So that the processes of a run are ended with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    build_dir = os.path.abspath(os.environ.get("AMPAGENT_BUILD_DIR",
                                               os.path.join(agents.ROOT, "build-bench")))
    if args.micro is not None:
        return subprocess.call([os.path.join(build_dir, "tests", "bench", "bench_micro")] +
                               ([args.micro] if args.micro else []))
    ours = agents.Ampagent(NAME, os.path.join(build_dir, "src", "ampagent"))
    contenders = [ours] + agents.find_rivals(args.rivals)
    print(machine())
    for agent in contenders:
        print("  %s: %s%s" % (agent.name, agent.version(), ", signs" if agent.signs else ""))
    print(flush=True)
    ok = all([run_scenario(name, contenders, args, build_dir) for name in args.scenarios])
    if not args.short:
        print(table.LEGEND)
    return 0 if ok else 1


sys.exit(main())
