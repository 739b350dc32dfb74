"""What agents lose, double or have refused when their receiver fails: ampagent beside Prometheus and vmagent.

usage: peers_faults.py [--scenario NAME,...] [--agents NAME,...] [--at-once N] [--markdown]

Each scenario gives every agent two targets of its own (the same pages: 200 series each, no value twice), a
receiver of its own that behaves as AMP does (`ampagent receive`: order window 60 s, ages, labels), and the
same faults at the same time. Agents have their defaults, but for a scrape interval of 1 s and a request
timeout of 5 s (theirs are 30 s and 60 s). Then the receivers are well, the targets refuse further scrapes,
and whoever still has something to deliver may do so until nothing came for 75 s.

served    samples of pages that the targets served
lost      of these, not stored at the receiver when all is over
doubled   stored under two times
again     sent again, which the receiver took for what it was
refused   not stored by the receiver's rules: behind its order window, by the sender's fault
late      stored behind a newer sample of the series, inside the window

An agent that is killed has perhaps read a page that it had not written yet: up to 400 samples.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import harness as h  # noqa: E402
from agents import RIVALS, find_program  # noqa: E402

TARGETS, SERIES, INTERVAL_S, TIMEOUT_S = 2, 200, 1, 5
QUIET_S, DRAIN_S = 75, 240
_PAGE, _TARGET = 4096, 1 << 40


class Pages:
    """No value is served twice: it names target, page and series."""

    def __init__(self):
        self.lock, self.served, self.over = threading.Lock(), [0] * TARGETS, False
        self.pages = h.Pages({"/%d" % i: self._page(i) for i in range(TARGETS)})

    def _page(self, target):
        def page(_):
            if self.over:
                return 503, "text/plain", b"no more\n"
            with self.lock:
                n = self.served[target]
                self.served[target] += 1
            lines = ["moving{slot=\"%d\"} %d\n" % (i, target * _TARGET + n * _PAGE + i) for i in range(SERIES)]
            return 200, "text/plain; version=0.0.4", "".join(lines).encode()
        return page

    def values(self):
        return {target * _TARGET + n * _PAGE + i
                for target in range(TARGETS) for n in range(self.served[target]) for i in range(SERIES)}


def scrape_yaml(pages, era):
    jobs = "".join("- job_name: j%d\n  metrics_path: /%d\n  static_configs: [{targets: ['%s']}]\n"
                   % (i, i, pages.pages.address) for i in range(TARGETS))
    return ("global: {scrape_interval: %ds, scrape_timeout: %ds, external_labels: {cluster: faults, era: %s}}\n"
            "scrape_configs:\n%s" % (INTERVAL_S, INTERVAL_S, era, jobs))


class Agent:
    """One of them in one scenario."""

    def __init__(self, name, program, directory):
        self.name, self.program, self.kind = name, program, name.rstrip("0123456789").split("+")[0]
        path = os.path.join(directory.path, name)
        os.mkdir(path)
        self.path, self.runs, self.process = path, 0, None
        self.sub = type("D", (), {"path": path, "file": h.Dir.file})()
        self.pages = Pages()
        self.record = os.path.join(path, "record")
        self.receiver = h.Receiver(self.sub, "--record=" + self.record, signed=False)
        self.port = h.free_port()
        self.stop_took = 0

    def configure(self, era):
        write = ""
        if self.kind != "vmagent":
            write = "remote_write:\n- url: %s\n  remote_timeout: %ds\n" % (self.receiver.url, TIMEOUT_S)
            if self.name.endswith("+429"):
                write += "  queue_config: {retry_on_http_429: true}\n"
        with open(os.path.join(self.path, "config.yml"), "w") as f:
            f.write(scrape_yaml(self.pages, era) + write)

    def start(self):
        config, data = os.path.join(self.path, "config.yml"), os.path.join(self.path, "data")
        if self.kind == "vmagent":
            argv = [self.program, "-promscrape.config=" + config, "-remoteWrite.url=" + self.receiver.url,
                    "-remoteWrite.tmpDataPath=" + data, "-httpListenAddr=127.0.0.1:%d" % self.port,
                    "-remoteWrite.sendTimeout=%ds" % TIMEOUT_S]
            if RIVALS["vmagent"](self.name, self.program).has_flag("remoteWrite.forcePromProto"):
                argv.append("-remoteWrite.forcePromProto")
        else:
            argv = [self.program, "--config.file=" + config, "--web.listen-address=127.0.0.1:%d" % self.port,
                    "--storage.agent.path=" + data]
            if self.kind == "prometheus":
                rival = RIVALS["prometheus"](self.name, self.program)
                argv.insert(1, "--agent" if rival.has_flag("--agent ") or rival.has_flag("--[no-]agent")
                            else "--enable-feature=agent")
        self.runs += 1
        self.process = h.Process("%s-%d" % (self.name, self.runs), argv, self.sub)

    def stored(self):
        """{value: times}"""
        h.get("http://127.0.0.1:%d/flush" % self.receiver.port, data=b"")
        out = {}
        with open(self.record, errors="replace") as f:
            for line in f:
                if '__name__="moving"' in line:
                    t_ms, bits, _ = line.split(" ", 2)
                    value = struct.unpack(">d", bytes.fromhex(bits))[0]
                    if value == value:  # no staleness marker
                        out.setdefault(int(value), set()).add(t_ms)
        return out

    def row(self, scenario):
        stored, served, stats = self.stored(), self.pages.values(), self.receiver.stats()
        h.check(set(stored) <= served, "%s delivers nothing that was not served" % self.name)
        return {"scenario": scenario, "agent": self.name, "served": len(served), "lost": len(served - set(stored)),
                "doubled": sum(len(times) - 1 for times in stored.values()), "again": stats["duplicates"],
                "refused": stats["refused"], "late": stats["out_of_order"]}

    def end(self):
        for process in (self.process, self.receiver):
            if process and process.running():
                process.kill()
        self.pages.pages.__exit__()


def everyone(agents, act):
    """At the same time."""
    threads = [threading.Thread(target=act, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def switch(agents, **values):
    for agent in agents:
        agent.receiver.switch(**values)


def in_outage(agents, seconds, middle):
    """Something happens in the middle of an outage."""
    switch(agents, rate_500=1)
    time.sleep(seconds / 2)
    everyone(agents, middle)
    time.sleep(seconds / 2)
    switch(agents, rate_500=0)


def kill_again(agent):
    agent.process.kill()
    agent.start()


def restart(agent):
    begin = time.time()
    agent.process.stop(limit_s=90)
    agent.stop_took = time.time() - begin
    agent.start()


def reload(agent):
    agent.configure("two")
    agent.process.popen.send_signal(1)


def trouble(agents, seconds, **values):
    switch(agents, **values)
    time.sleep(seconds)
    switch(agents, **{name: 0 for name in values if name != "hang_ms"})


SCENARIOS = {
    "kill": ("kill -9 in an outage of 30 s", lambda agents: in_outage(agents, 30, kill_again)),
    "restart": ("SIGTERM and start in an outage of 30 s", lambda agents: in_outage(agents, 30, restart)),
    "429": ("429 for 30 s", lambda agents: trouble(agents, 30, rate_429=1)),
    "403": ("403 expired token for 60 s", lambda agents: trouble(agents, 60, rate_403=1)),
    "5xx": ("5xx for 150 s", lambda agents: trouble(agents, 150, rate_500=1)),
    "network": ("resets, cut answers, time-outs for 60 s",
                lambda agents: trouble(agents, 60, rate_reset=0.2, rate_truncate=0.2, rate_hang=0.1, hang_ms=8000)),
    "404": ("404 for 30 s", lambda agents: trouble(agents, 30, rate_404=1)),
    "reload": ("reload with another external label in an outage of 30 s",
               lambda agents: in_outage(agents, 30, reload)),
}


def drain(agents):
    for agent in agents:
        agent.pages.over = True
    time.sleep(INTERVAL_S * 2)
    end, changed, before = time.time() + DRAIN_S, time.time(), None
    while time.time() < end and time.time() - changed < QUIET_S:
        left = [len(agent.pages.values() - set(agent.stored())) for agent in agents]
        if not any(left):
            return
        now = [agent.receiver.stats()["requests"] for agent in agents if agent.pages.served], left
        if now[1] != before:
            changed, before = time.time(), now[1]
        time.sleep(2)


def run(scenario, programs, directory, rows):
    sub = h.Dir()
    agents = [Agent(name, program, sub) for name, program in programs.items()]
    try:
        for agent in agents:
            agent.configure("one")
            agent.start()
        for agent in agents:
            h.wait_for(agent.stored, 60, "%s delivers" % agent.name)
        time.sleep(5)
        SCENARIOS[scenario][1](agents)
        time.sleep(8)
        drain(agents)
        for agent in agents:
            rows.append(dict(agent.row(scenario), stop_s=round(agent.stop_took, 1)))
    finally:
        for agent in agents:
            agent.end()
        sub.__exit__(SystemExit, None, None)


def versions(programs):
    out = {}
    for name, program in programs.items():
        kind = "vmagent" if name.startswith("vmagent") else "prometheus"
        out[name] = RIVALS[kind](name, program).version()
    return out


def find(wanted):
    programs = {"ampagent": h.AMPAGENT}
    for name in ("prometheus", "prometheus+429", "prometheus3", "vmagent"):
        program = find_program(name.split("+")[0])
        if program:
            programs[name] = program
        else:
            print("skipped: %s cannot be had" % name)
    return {name: program for name, program in programs.items() if not wanted or name in wanted}


COLUMNS = ("served", "lost", "doubled", "again", "refused", "late")


def tell(rows, markdown):
    head = ("scenario", "agent") + COLUMNS
    if markdown:
        print("| %s |\n| --- | --- |%s" % (" | ".join(head), " ---: |" * len(COLUMNS)))
    else:
        print("%-50s %-15s %s" % (head[0], head[1], " ".join("%8s" % c for c in COLUMNS)))
    for name, (title, _) in SCENARIOS.items():
        for row in sorted((r for r in rows if r["scenario"] == name), key=lambda r: r["order"]):
            if markdown:
                print("| %s | %s | %s |" % (title, row["agent"], " | ".join(str(row[c]) for c in COLUMNS)))
            else:
                print("%-50s %-15s %s" % (title, row["agent"], " ".join("%8d" % row[c] for c in COLUMNS)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default=",".join(SCENARIOS))
    parser.add_argument("--agents", default="")
    parser.add_argument("--at-once", type=int, default=4, help="scenarios")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    programs = find([name for name in args.agents.split(",") if name])
    names, rows, begin = args.scenario.split(","), [], time.time()
    for name, version in versions(programs).items():
        print("%s: %s" % (name, version))
    sys.stdout.flush()
    while names:
        some, names = names[:args.at_once], names[args.at_once:]
        threads = [threading.Thread(target=run, args=(name, programs, None, rows)) for name in some]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for row in rows:
        row["order"] = list(programs).index(row["agent"])
        if row["agent"] == "ampagent":
            # A page read and not yet written when it was killed.
            most = TARGETS * SERIES if row["scenario"] == "kill" else 0
            h.check(row["lost"] <= most and row["doubled"] == 0 and row["late"] == 0, "ampagent keeps all: %s" % row)
    tell(rows, args.markdown)
    print("%.0f s" % (time.time() - begin))
    h.check(len(rows) == len(programs) * len(args.scenario.split(",")), "every scenario has its row")
    h.finish()


if __name__ == "__main__":
    main()
