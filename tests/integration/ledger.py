"""The books from the page to the receiver: what the page server knows it served is in the log or refused with its
reason, what is in the log is at the receiver or dropped with its reason, and the API, the metrics and `ampagent wal
verify` say the same of it, across reloads, a kill, a stop and a disk that takes nothing."""
import collections
import json
import os
import re
import resource
import subprocess
import threading
import time

import harness as h

TEXT = "text/plain; version=0.0.4"
REPORT = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
          "scrape_series_added")
STALE = 0x7FF0000000000002
MANY, GOOD = 80, 30


def now_ms():
    return int(time.time() * 1000)


def lines(*pairs):
    return "".join("%s %s\n" % pair for pair in pairs).encode()


# job: (its options, page, samples of it that are kept)
JOBS = {
    "good": ({}, lambda n: lines(*(('good{i="%d"}' % i, n + i) for i in range(GOOD))), GOOD),
    "failing": ({}, None, 0),
    "broken": ({}, lambda n: b"b 1\nb2 2\nb3 x\n", 0),
    "big": ({"body_size_limit": "64B"}, lambda n: b"big 1\n" + b"# filler\n" * 10, 0),
    "limited": ({"sample_limit": 3}, lambda n: lines(*(("l%d" % i, n) for i in range(5))), 0),
    "double": ({}, lambda n: lines(("d", n), ("d", n + 1), ("e", n)), 2),
    "old": ({}, lambda n: lines(("o", "%d %d" % (n, now_ms())), ("o", "%d %d" % (n, now_ms() - 60000))), 1),
    "future": ({}, lambda n: lines(("f", "%d %d" % (n, now_ms() + 3600000)), ("g", n)), 1),
    "slow": ({"scrape_interval": "2s", "scrape_timeout": "2s"}, lambda n: lines(("s", n)), 1),
    "fast": ({"scrape_interval": "200ms", "scrape_timeout": "200ms"}, lambda n: lines(("q", n)), 1),
}


class Server:
    """Pages by job; counts the requests that came."""

    def __init__(self):
        self.lock, self.served = threading.Lock(), collections.Counter()
        self.in_slow = threading.Event()
        self.pages = h.Pages(dict([("/" + job, self._page(job)) for job in JOBS] + [("/many", self._page("many"))]))

    def _page(self, job):
        def page(_):
            with self.lock:
                self.served[job] += 1
                n = self.served[job]
            if job == "failing":
                return 500, TEXT, b"not now\n"
            if job == "slow":
                self.in_slow.set()
                time.sleep(1.2)
                self.in_slow.clear()
            return 200, TEXT, b"m 1\nm2 2\n" if job == "many" else JOBS[job][1](n)
        return page

    def scrape_configs(self, changed=False):
        out = []
        for job, (options, _, _) in JOBS.items():
            out.append(dict({"job_name": job, "metrics_path": "/" + job,
                             "static_configs": [{"targets": [self.pages.address]}]}, **options))
            if changed and job in ("slow", "fast"):
                out[-1]["sample_limit"] = 1000
        out.append({"job_name": "crowd", "target_limit": 1,
                    "static_configs": [{"targets": [self.pages.address], "labels": {"i": str(i)}} for i in range(2)]})
        return out

    def many(self):
        return [{"job_name": "many", "metrics_path": "/many", "scrape_interval": "1s", "scrape_timeout": "1s",
                 "static_configs": [{"targets": [self.pages.address], "labels": {"i": str(i)}} for i in range(MANY)]}]


class Bench:
    def __init__(self, d, server, receivers):
        self.d, self.server, self.receivers = d, server, receivers
        self.data = d.file("data")
        self.port = h.free_port()

    def config(self, scrape_configs):
        return json.dumps({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": scrape_configs,
            "remote_write": [
                {"name": name, "url": r.url,
                 "sigv4": {"region": h.REGION, "access_key": h.ACCESS_KEY, "secret_key": h.SECRET_KEY},
                 "queue_config": {"batch_send_deadline": "100ms", "min_backoff": "30ms", "max_backoff": "200ms"}}
                for name, r in self.receivers.items()]})

    def start(self, scrape_configs):
        agent = h.Agent(self.d, self.config(scrape_configs), "--web.enable-lifecycle", port=self.port, storage=self.data)
        agent.wait_ready()
        return agent

    def reload(self, agent, scrape_configs):
        self.d.file("ampagent.yml", self.config(scrape_configs))
        h.get(agent.base + "/-/reload", data=b"", timeout=30)

    def quiet(self, agent):
        """Nothing is scraped any more, all series have ended, everything is delivered and written."""
        self.reload(agent, [])
        h.wait_for(lambda: agent.metrics()["prometheus_agent_active_series"] == 0 and agent.drained(), 40,
                   "all series end and are delivered")
        h.wait_for(lambda: self.same(agent), 20, "ledger, metrics and files say the same")

    def verify(self, want=0):
        run = subprocess.run([h.AMPAGENT, "wal", "verify", "--json", self.data], stdout=subprocess.PIPE,
                             universal_newlines=True)
        told = json.loads(run.stdout)
        if want is not None:
            h.check(run.returncode == want and told["findings"] == [], "verify: %d, %s" % (run.returncode, run.stdout))
        return told

    def same(self, agent):
        """Whether the API, the metrics and the files agree in every number."""
        ledger, metrics, files = agent.ledger(), agent.metrics(), self.verify(None)
        shown = {}
        for kind in ("scrapes", "samples"):
            for series, value in metrics.items():
                reason = re.match('ampagent_ledger_refused_%s_total{reason="(.*)"}' % kind, series)
                if reason and value:
                    shown.setdefault(reason.group(1), {"scrapes": 0, "samples": 0})[kind] = int(value)
        if not ledger["refused"] == shown == files["ledger"]["refused"]:
            return False
        if not (ledger["headSequence"] == files["headSequence"] and ledger["sinceWhen"] == files["ledger"]["sinceWhen"]
                and ledger["sinceSequence"] == files["ledger"]["sinceSequence"] == 0 and files["agrees"]):
            return False
        mine = {d["name"]: d for d in ledger["destinations"]}
        stored = {d["name"]: d for d in files["destinations"]}
        keys = ("sent", "dropped", "droppedBy", "queued", "baseSequence", "balanced")
        return mine.keys() == stored.keys() and all(
            mine[name][k] == stored[name][k] for name in mine for k in keys) and all(
                d["balanced"] and d["baseSequence"] + d["sent"] + d["dropped"] + d["queued"] == ledger["headSequence"]
                for d in mine.values())


def skip_turns(bench, agent):
    """While a reload waits for a slow scrape, the jobs that change with it miss their turns."""
    server = bench.server
    h.wait_for(lambda: not server.in_slow.is_set(), 20, "no slow scrape is under way")
    h.wait_for(server.in_slow.is_set, 20, "a slow scrape has begun")
    bench.reload(agent, server.scrape_configs(changed=True))
    h.check(agent.ledger()["refused"].get("skipped", {}).get("scrapes", 0) > 0, "turns are skipped")


def wait_for_scrapes(server, more):
    target = {job: server.served[job] + more for job in JOBS if job != "slow"}
    h.wait_for(lambda: all(server.served[job] >= n for job, n in target.items()), 30, "every job is scraped")


def refuse_writes(agent, data):
    """The log's files may not grow; until the queue is full of batches and scrapes are refused."""
    directory = os.path.join(data, "ampagent")
    newest = sorted(name for name in os.listdir(directory) if name.startswith("seg-"))[-1]
    _, hard = resource.prlimit(agent.popen.pid, resource.RLIMIT_FSIZE)
    size = os.path.getsize(os.path.join(directory, newest))
    resource.prlimit(agent.popen.pid, resource.RLIMIT_FSIZE, (size, hard))
    h.wait_for(lambda: agent.ledger()["refused"].get("queue", {}).get("scrapes", 0) > 2 * MANY, 60,
               "the log takes no more")
    resource.prlimit(agent.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))
    h.wait_for(lambda: agent.metrics()["ampagent_wal_failed"] == 0, 30, "the log is written again")


class Stored:
    """What a receiver stored, by job."""

    def __init__(self, path):
        self.all = 0
        self.up, self.down, self.page = (collections.Counter() for _ in range(3))
        with open(path, encoding="utf-8") as f:
            for line in f:
                _, bits, labels = line.rstrip("\n").split(" ", 2)
                name = re.search('__name__="([^"]*)"', labels).group(1)
                job = re.search('job="([^"]*)"', labels).group(1)
                self.all += 1
                if int(bits, 16) == STALE:
                    continue
                if name == "up":
                    (self.up if int(bits, 16) else self.down)[job] += 1
                elif name not in REPORT:
                    self.page[job] += 1


def check_pages(server, stored, refused):
    """Served = logged + refused, by job and reason."""
    def scrapes(*reasons):
        return sum(refused.get(reason, {}).get("scrapes", 0) for reason in reasons)

    def samples(reason):
        return refused.get(reason, {}).get("samples", 0)

    # A busy machine lets some time out: they failed to be fetched, and some of them never came to the server.
    failed = scrapes("fetch", "page", "body_size", "limit")
    late = failed - sum(stored.down[job] for job in JOBS) - stored.down["many"]  # of batches that the log refused
    slow = scrapes("fetch") - server.served["failing"]
    missing = 0
    for job, (_, _, kept) in JOBS.items():
        scraped = stored.up[job] + stored.down[job]
        h.check(stored.up[job] <= server.served[job] <= scraped, "%s: %d requests, up %d times, down %d times"
                % (job, server.served[job], stored.up[job], stored.down[job]))
        h.check(stored.page[job] == kept * stored.up[job], "%s: %d samples of %d good scrapes"
                % (job, stored.page[job], stored.up[job]))
        missing += scraped - server.served[job]
    for reason, job, each in ("fetch", None, 0), ("page", "broken", 2), ("body_size", "big", 0), ("limit", "limited", 5):
        h.check(samples(reason) == each * scrapes(reason), "%s: %s" % (reason, refused))
        h.check(job is None or 0 < scrapes(reason) <= server.served[job], "%s: %s" % (reason, refused))
    h.check(scrapes("target_limit") == stored.down["crowd"] > 0, "target_limit: %s" % refused)
    for reason, job in ("duplicate", "double"), ("out_of_order", "old"), ("out_of_bounds", "future"):
        h.check(refused.get(reason) == {"scrapes": 0, "samples": stored.up[job]}, "%s: %s" % (reason, refused))
    # A batch that the log did not take is a page of two samples and its report; of a page that did not come the
    # report, and perhaps two markers.
    reports = samples("queue") - 7 * scrapes("queue")
    h.check(late >= 0 and 5 * late <= reports <= 7 * late, "queue: %d late, %s" % (late, refused))
    scraped = stored.up["many"] + stored.down["many"] + scrapes("queue") + late
    missing += scraped - server.served["many"]
    h.check(server.served["many"] <= scraped and stored.page["many"] == 2 * stored.up["many"],
            "many: %d served, %d scraped, %d samples" % (server.served["many"], scraped, stored.page["many"]))
    h.check(0 <= missing <= slow, "%d scrapes without a request, %d timed out: %s" % (missing, slow, refused))
    print("%d scrapes timed out, %d of them without a request" % (slow, missing))


def check_all(bench, ledger):
    a, b = (bench.receivers[name] for name in ("a", "b"))
    books = {d["name"]: d for d in ledger["destinations"]}
    h.get("http://127.0.0.1:%d/flush" % a.port, data=b"")
    stored = Stored(a.record)
    h.check(books["a"]["sent"] == ledger["headSequence"] == stored.all == a.stats()["samples"],
            "a has all of the log: %s, %d stored" % (books["a"], stored.all))
    check_pages(bench.server, stored, ledger["refused"])
    by = books["b"]["droppedBy"]
    partial = sum(n for reason, n in by.items() if reason in ("answered_400", "answered_partial", "series_limit"))
    kept = b.stats()["samples"]
    h.check(books["b"]["sent"] <= kept <= books["b"]["sent"] + partial, "b stored %d: %s" % (kept, books["b"]))
    h.check(by.get("answered_400", 0) > 0 and by.get("ha_deduplicated", 0) > 0, "b refused some: %s" % by)


def main():
    with h.Dir() as d:
        server = Server()
        record = d.file("a.record")
        with h.Receiver(d, "--record=" + record) as a, h.Receiver(
                d, "--rate-400=0.1", "--rate-202=0.1", "--rate-413=0.1", "--rate-429=0.1", "--seed=7") as b:
            a.record = record
            bench = Bench(d, server, {"a": a, "b": b})
            with bench.start(server.scrape_configs()) as agent:
                wait_for_scrapes(server, 4)
                skip_turns(bench, agent)
                bench.quiet(agent)
                agent.kill()
            with bench.start(server.scrape_configs()) as agent:
                wait_for_scrapes(server, 4)
                bench.quiet(agent)
                h.check(agent.stop() == 0, "the agent stops")
            bench.verify()
            with bench.start(server.many()) as agent:
                h.wait_for(lambda: server.served["many"] >= 2 * MANY, 30, "many are scraped")
                refuse_writes(agent, bench.data)
                bench.quiet(agent)
                ledger = agent.ledger()
                check_all(bench, ledger)
                h.check(agent.stop() == 0, "the agent stops")
            told = bench.verify()
            h.check(told["ledger"]["refused"] == ledger["refused"], "the files keep it: %s" % told)
    h.finish()


main()
