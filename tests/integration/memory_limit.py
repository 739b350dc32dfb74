"""Little memory: a target that suddenly exposes a million series, plain and compressed, and one that shows more new
series than there is room for. The others lose no sample, the culprits are named, and all goes well again once they
are small.

The agent runs in a memory control group of 32 MB. A binary with a sanitizer needs more than that for itself: it gets
--memory.limit in place of the group, and only what the agent decides is looked at.
"""
import contextlib
import gzip
import json
import os
import re
import time
import urllib.parse

import harness as h

LIMIT = 32 << 20
SMALL = 10
SERIES = 1000000
WIDE_SERIES = 40000
LARGE = ("plain", "zipped", "wide")
LEFT_OUT = "ampagent_target_quarantined"


# ---- the group

class Group:
    """A control group of our own; of version 1 or 2, whichever has the memory controller."""

    def __init__(self):
        self.path = None
        name = "ampagent-test-%d" % os.getpid()
        for base, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            path = os.path.join(base, name)
            if limit == "memory.max" and not os.path.exists(os.path.join(base, "cgroup.controllers")):
                continue
            try:
                os.mkdir(path)
            except OSError:
                continue
            try:
                if limit == "memory.max":
                    with open(os.path.join(base, "cgroup.subtree_control"), "w") as f:
                        f.write("+memory")
                with open(os.path.join(path, limit), "w") as f:
                    f.write(str(LIMIT))
            except OSError:
                os.rmdir(path)
                continue
            self.path = path
            # What swapping would hide; not there on every kernel.
            for file, most in (("memory.memsw.limit_in_bytes", LIMIT), ("memory.swap.max", 0)):
                if os.path.exists(os.path.join(path, file)):
                    with contextlib.suppress(OSError), open(os.path.join(path, file), "w") as f:
                        f.write(str(most))
            return

    def read(self, name):
        try:
            with open(os.path.join(self.path, name)) as f:
                return f.read()
        except OSError:
            return ""

    def kills(self):
        """How often the kernel killed for want of memory, by either version's file."""
        text = self.read("memory.oom_control") or self.read("memory.events")
        return sum(int(n) for n in re.findall(r"^oom_kill (\d+)$", text, re.M))

    def highest(self):
        return int(self.read("memory.max_usage_in_bytes") or self.read("memory.peak") or 0)

    def prefix(self):
        """Puts what is started into the group before it becomes the agent."""
        return ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', self.path]

    def remove(self):
        for _ in range(50):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)


def sanitized():
    with open(h.AMPAGENT, "rb") as f:
        program = f.read()
    return b"__asan_init" in program or b"__tsan_init" in program


# ---- the targets

def many(name, n):
    return "".join('%s{number="%07d",path="/a/path/that/is/as/long/as/they/are",zone="eu-west-1a"} %d\n' % (name, i, i)
                   for i in range(n)).encode()


class Targets:
    """Pages that count how often they were asked for."""

    def __init__(self):
        self.big = False
        self.served = {}
        self.ended_early = 0
        self.plain = many("flood", SERIES)
        self.zipped = gzip.compress(self.plain, 1)
        self.wide = many("wide", WIDE_SERIES)
        # Servers of their own: what the large ones are kept busy with is not what is looked at.
        self.calm = h.Pages({"/small%d" % i: self.small for i in range(SMALL)})
        self.busy = [h.Pages({"/" + path: self.flood}) for path in LARGE]

    def small(self, handler):
        n = self.served[handler.path] = self.served.get(handler.path, 0) + 1
        lines = ["ticks %d" % n] + ['value{number="%d"} %d' % (i, n * i) for i in range(50)]
        return 200, "text/plain", ("\n".join(lines) + "\n").encode()

    def flood(self, handler):
        if not self.big:
            return 200, "text/plain", b"calm 1\n" + many("flood", 20)
        if handler.path == "/wide":
            return 200, "text/plain", b"calm 1\n" + self.wide
        extra = {"Content-Encoding": "gzip"} if handler.path == "/zipped" else {}
        return 200, "text/plain", self.zipped if extra else self.plain, extra


def config(targets, receiver):
    at = [("small%d" % i, targets.calm) for i in range(SMALL)] + list(zip(LARGE, targets.busy))
    jobs = "".join("- job_name: %s\n  metrics_path: /%s\n  static_configs: [{targets: ['%s']}]\n"
                   % (path, path, server.address) for path, server in at)
    return ("global: {scrape_interval: 3s, scrape_timeout: 3s}\nscrape_configs:\n%sremote_write:\n%s"
            % (jobs, receiver.config("  queue_config: {batch_send_deadline: 200ms}\n")))


# ---- looking

def health(agent):
    return {t["scrapePool"]: (t["health"], t["lastError"]) for t in agent.targets()["activeTargets"]}


def left_out(agent):
    return {re.search('scrape_pool="([^"]*)"', series).group(1)
            for series in agent.metrics() if series.startswith(LEFT_OUT)}


def counted(receiver, name):
    """How many samples of a series the receiver has, and its last value, by job."""
    out = {}
    query = urllib.parse.urlencode({"match": name, "full": 1})
    for line in h.get("http://127.0.0.1:%d/series?%s" % (receiver.port, query), timeout=60).decode().splitlines():
        item = json.loads(line)
        if item["labels"]["__name__"] == name:
            out[item["labels"]["job"]] = (item["count"], item.get("last_value"))
    return out


def small_ones_are_up(agent):
    return all(state == ("up", "") for pool, state in health(agent).items() if pool.startswith("small"))


# ---- the course of events

def calm(agent, targets):
    h.wait_for(lambda: len(health(agent)) == SMALL + 3 and
               all(state[0] == "up" for state in health(agent).values()), 20, "all targets are up")
    h.check(not left_out(agent), "nobody is left out at first")
    total = agent.metrics()["ampagent_memory_budget_bytes"]
    h.check(0 < total < LIMIT, "the budget is %d" % total)


def flood(agent, targets):
    targets.big = True
    h.wait_for(lambda: left_out(agent) == {"plain", "zipped"}, 40, "the culprits are left out, and named by a metric")
    for pool in ("plain", "zipped"):
        h.wait_for(lambda: health(agent)[pool][0] == "down" and
                   health(agent)[pool][1].startswith("quarantined: page is larger than memory allows"), 10,
                   "the API says why %s is left out" % pool)
    h.wait_for(lambda: agent.metrics()['ampagent_scrape_samples_refused_total{reason="new_series_no_memory"}'] > 0, 20,
               "new series for which there is no room are counted")
    for _ in range(10):
        h.check(small_ones_are_up(agent), "the others are up: %s" % health(agent))
        time.sleep(0.5)
    h.check(health(agent)["wide"][0] == "up", "the known series of a target with too many new ones go on: %s"
            % (health(agent)["wide"],))
    metrics = agent.metrics()
    h.check(metrics['ampagent_scrapes_skipped_total{reason="quarantined"}'] > 0, "turns that were left out are counted")
    used = sum(v for k, v in metrics.items() if k.startswith("ampagent_memory_used_bytes"))
    h.check(used <= metrics["ampagent_memory_budget_bytes"], "%d bytes are charged" % used)


def recovery(agent, targets):
    targets.big = False
    h.wait_for(lambda: not left_out(agent), 90, "they are scraped again once they are small")
    h.wait_for(lambda: all(state[0] == "up" for state in health(agent).values()), 20, "all are up again")


def balances(agent):
    ledger = agent.ledger()
    return all(d["sent"] + d["queued"] + d["dropped"] == ledger["headSequence"] - d["baseSequence"]
               for d in ledger["destinations"])


def books(agent):
    h.wait_for(lambda: balances(agent), 10, "the books balance: %s" % agent.ledger())
    ledger = agent.ledger()
    h.check(all(d["dropped"] == 0 for d in ledger["destinations"]), "nothing that was logged is dropped")
    refused = ledger["refused"]
    h.check(refused.get("memory", {}).get("scrapes", 0) >= 4 and refused.get("quarantine", {}).get("scrapes", 0) > 0 and
            refused.get("new_series", {}).get("samples", 0) > 0, "what was refused is in the books: %s" % refused)


def nothing_is_missing(receiver, targets):
    ticks, up = counted(receiver, "ticks"), counted(receiver, "up")
    for path, served in sorted(targets.served.items()):
        job = path[1:]
        count, last = ticks.get(job, (0, None))
        # The last one may have been asked for when the agent stopped.
        h.check(served - 1 <= count <= served and last in (served, served - 1),
                "%s was asked %d times; %d samples came, the last is %s" % (job, served, count, last))
        h.check(up[job][0] == count and up[job][1] == 1, "%s was always up: %s, %d samples" % (job, up[job], count))


def run(d, group):
    targets = Targets()
    flags = [] if group else ["--memory.limit=32MB"]
    with h.Receiver(d) as receiver:
        with h.Agent(d, config(targets, receiver), *flags, prefix=group.prefix() if group else ()) as agent:
            agent.wait_ready()
            calm(agent, targets)
            flood(agent, targets)
            recovery(agent, targets)
            books(agent)
            code = agent.stop()
            h.check(code == 0, "the agent lives to the end: %s" % code)
            log = agent.log()
            h.check("a target is left out" in log and "/plain" in log, "the log names the culprit")
        nothing_is_missing(receiver, targets)
    if group:
        h.check(group.kills() == 0, "the kernel killed %d times" % group.kills())
        print("highest use of the group: %.1f MiB of %.1f" % (group.highest() / 1048576, LIMIT / 1048576))


def main():
    group = None
    if not sanitized():
        group = Group()
        if not group.path:
            h.skip("no memory control group can be made")
    try:
        with h.Dir() as d:
            run(d, group)
    finally:
        if group:
            group.remove()
    h.finish()


main()
