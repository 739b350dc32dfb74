"""The agent as a user runs it: scrape rules over HTTP, signed delivery, shutdown, exit codes, flags."""
import gzip
import json
import os
import socket
import subprocess
import time

import harness as h

INTERVAL = "500ms"


def series(receiver):
    """Tracked series of the receiver: {name: [(labels, last value), ...]}."""
    out = {}
    for line in h.get("http://127.0.0.1:%d/series?full=1" % receiver.port).decode().splitlines():
        item = json.loads(line)
        labels = item["labels"]
        out.setdefault(labels["__name__"], []).append((labels, item))
    return out


def config(receiver, jobs, extra=""):
    return ("global: {scrape_interval: %s, scrape_timeout: 400ms, external_labels: {cluster: test}}\n"
            "scrape_configs:\n%s\nremote_write:\n%s" %
            (INTERVAL, jobs, receiver.config("  queue_config: {batch_send_deadline: 200ms}\n" + extra)))


def job(name, address, more=""):
    return "- job_name: %s\n  static_configs: [{targets: ['%s']}]\n%s" % (name, address, more)


def slow(handler):
    time.sleep(1)
    return 200, "text/plain", b"late 1\n"


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"cut 1\n")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    return None


PAGES = {
    "/good": b"# TYPE good counter\ngood{a=\"1\"} 1\ngood{a=\"2\"} 2\n",
    "/gzip": lambda _: (200, "text/plain", gzip.compress(b"zipped 1\n") + gzip.compress(b"zipped2 2\n"),
                        {"Content-Encoding": "gzip"}),
    "/empty": b"",
    "/notype": lambda _: (200, None, b"untyped_page 1\n"),
    "/html": lambda _: (200, "text/html", b"fallback_page 1\n"),
    "/broken": b"a 1\nb two\n",
    "/big": b"big 1\n" + b"# filler\n" * 100,
    "/slow": slow,
    "/cut": cut,
    "/error": lambda _: (500, "text/plain", b"oops 1\n"),
    "/auth": lambda r: ((200, "text/plain", b"authorized 1\n")
                        if r.headers.get("Authorization") == "Bearer s3cret" else (401, "text/plain", b"no")),
}

# What Prometheus asks for by default.
ACCEPT = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
          "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")

JOBS = [
    ("good", ""),
    ("gzip", ""),
    ("empty", ""),
    ("notype", ""),
    ("html", "  fallback_scrape_protocol: PrometheusText0.0.4\n"),
    ("broken", ""),
    ("big", "  body_size_limit: 100B\n"),
    ("slow", ""),
    ("cut", ""),
    ("error", ""),
    ("missing", ""),
    ("auth", "  authorization: {credentials_file: token}\n"),
    ("limited", "  metrics_path: /good\n  sample_limit: 1\n"),
    ("relabeled", "  metrics_path: /good\n  metric_relabel_configs:\n"
                  "  - {source_labels: [a], regex: '1', action: drop}\n"
                  "  - {source_labels: [a], regex: (.*), target_label: b, replacement: 'x$1'}\n"),
]
UP = {"good", "gzip", "empty", "html", "auth", "relabeled"}


def scrape_rules():
    with h.Dir() as d, h.Pages(PAGES) as pages, h.Receiver(d) as receiver:
        d.file("token", " s3cret\n")
        jobs = "".join(job(name, pages.address, ("" if "metrics_path" in more else "  metrics_path: /%s\n" % name)
                           + more) for name, more in JOBS)
        with h.Agent(d, config(receiver, jobs)) as agent:
            agent.wait_ready()
            h.wait_for(lambda: len(series(receiver).get("up", [])) == len(JOBS), 10, "up of every job arrives")
            time.sleep(1.5)
            check_targets(agent)
            got = series(receiver)
            check_series(got)
            h.check(any(p == "/good" and headers.get("Accept-Encoding") == "gzip"
                        and headers.get("Accept") == ACCEPT
                        and headers.get("X-Prometheus-Scrape-Timeout-Seconds") == "0.4"
                        for p, headers in pages.requests), "request headers are Prometheus's")
            pages.pages["/good"] = b"# TYPE good counter\ngood{a=\"2\"} 7\n"
            h.wait_for(lambda: receiver.stats()["stale_markers"] > 0, 5, "a staleness marker arrives")
            h.check("s3cret" not in agent.log(), "no secret in the log")
            code = agent.stop()
            h.check(code == 0, "SIGTERM exits 0, not %d" % code)
            h.check("everything is delivered" in agent.log(), "shutdown says that nothing is left")
        stats = receiver.stats()
        h.check(stats["bad_signature"] == 0 and stats["out_of_order"] == 0 and stats["duplicates"] == 0,
                "nothing is refused, doubled or out of order: %s" % stats)


def check_targets(agent):
    health = {t["scrapePool"]: t for t in agent.targets()["activeTargets"]}
    for name, _ in JOBS:
        target = health[name]
        want = "up" if name in UP else "down"
        h.check(target["health"] == want, "%s is %s: %s" % (name, target["health"], target["lastError"]))
        h.check((target["lastError"] == "") == (want == "up"), "%s has the error %r" % (name, target["lastError"]))


def check_series(got):
    ups = {labels["job"]: item for labels, item in got["up"]}
    for name, _ in JOBS:
        h.check(ups[name]["last_value"] == (1 if name in UP else 0), "up of %s is %s" % (name, ups[name]))
    for name in ("good", "zipped", "zipped2", "fallback_page", "authorized"):
        h.check(name in got, "%s arrived" % name)
    for name in ("a", "b", "cut", "late", "big", "oops", "untyped_page"):
        h.check(name not in got, "%s did not arrive" % name)
    rewritten = [labels for labels, _ in got["good"] if labels["job"] == "relabeled"]
    h.check(rewritten == [dict(rewritten[0], a="2", b="x2", cluster="test")], "relabeling: %s" % rewritten)
    h.check(not any(labels["job"] == "limited" for labels, _ in got["good"]), "sample_limit keeps all out")


def sample_is_on_its_way_when_stopped():
    """A stop in the middle of an outage keeps the rest in the log; the next start delivers it."""
    with h.Dir() as d, h.Pages(PAGES) as pages:
        port = h.free_port()
        with h.Receiver(d, port=port) as receiver:
            text = config(receiver, job("good", pages.address, "  metrics_path: /good\n"))
            agent = h.Agent(d, text, "--storage.remote.flush-deadline=1s")
            h.wait_for(lambda: receiver.stats()["samples"] > 0, 10, "samples arrive")
            receiver.switch(rate_500=1)
            time.sleep(2)
            h.check(agent.stop() == 0, "exit 0 with samples left")
            h.check("samples left in the log" in agent.log(), "shutdown says what is left")
            before = receiver.stats()["samples"]
            receiver.switch(rate_500=0)
            with h.Agent(d, text, port=agent.port) as again:
                again.wait_ready()
                h.wait_for(lambda: receiver.stats()["samples"] > before, 5, "the rest is delivered")
                h.wait_for(again.drained, 10, "the books say so")
                ledger = again.ledger()
                h.check(receiver.stats()["samples"] == ledger["destinations"][0]["sent"],
                        "sent is what arrived: %s" % ledger)
                h.check(again.stop() == 0, "exit 0")


def flags_and_exit_codes():
    def run(*argv):
        return subprocess.run([h.AMPAGENT] + list(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=20)

    h.check(run("--version").returncode == 0, "--version exits 0")
    h.check(run("--help").returncode == 0, "--help exits 0")
    bad = run("--config.fil=x")
    h.check(bad.returncode == 2 and "config.file" in bad.stdout, "an unknown flag exits 2 and names the nearest")
    h.check(run("--storage.tsdb.path=x").returncode == 3, "a server flag exits 3")
    h.check(run("--config.file=/nonexistent.yml").returncode == 2, "a missing file exits 2")
    with h.Dir() as d:
        path = d.file("bad.yml", "scrape_configs:\n- job_name: a\n  scrape_intervall: 1s\n")
        bad = run("--config.file=" + path)
        h.check(bad.returncode == 2 and "bad.yml:3:3" in bad.stdout and "scrape_interval" in bad.stdout,
                "an unknown key exits 2 with its place: %s" % bad.stdout)
        rules = d.file("rules.yml", "rule_files: [x.yml]\n")
        bad = run("--config.file=" + rules)
        h.check(bad.returncode == 2 and "rules.yml:1:1" in bad.stdout and "field rule_files is not allowed in agent mode" in bad.stdout,
                "rules exit 2: %s" % bad.stdout)
        server = d.file("server.yml", "alerting: {alertmanagers: []}\nstorage: {exemplars: {max_exemplars: 1}}\nruntime: {gogc: 50}\n")
        with h.Agent(d, open(server).read()) as agent:
            agent.wait_ready()
            h.check("storage" in agent.log() and "runtime" in agent.log(), "a server's file starts with warnings")
            other = subprocess.run([h.AMPAGENT, "--config.file=" + server, "--web.listen-address=127.0.0.1:0",
                                    "--storage.agent.path=" + os.path.join(d.path, "ampagent-data")],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=20)
            h.check(other.returncode == 1 and "in use by another process" in other.stdout,
                    "a second agent on one directory is refused: %s" % other.stdout)


scrape_rules()
sample_is_on_its_way_when_stopped()
flags_and_exit_codes()
h.finish()
