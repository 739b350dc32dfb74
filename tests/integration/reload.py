"""Two hundred reloads under load: what a reload does not change must not notice it, a file that cannot be used
must change nothing, and nothing may pile up."""
import collections
import json
import os
import re
import signal
import struct
import subprocess
import time
import urllib.error

import harness as h

RELOADS = 200
INTERVAL_MS = 500
STALE = "7ff0000000000002"
NEW_SERIES = "scrape_series_added"


class Counting:
    """A page that counts its own fetches; slow ones are under way when a reload comes."""

    def __init__(self, delay_s=0.0):
        self.n = 0
        self.delay_s = delay_s

    def __call__(self, _):
        self.n += 1
        n = self.n
        time.sleep(self.delay_s)
        return 200, "text/plain", ("fetches %d\nconstant 1\n" % n).encode()


PAGE = b"kept 1\nsometimes 2\n"


# Turns are counted: no target is scraped once more at the stop.
FAR = "  relabel_configs: [{target_label: __ampagent_local__, replacement: 'false'}]\n"


def job(name, address, path, more=""):
    return ("- job_name: %s\n  metrics_path: %s\n  static_configs: [{targets: ['%s']}]\n%s%s"
            % (name, path, address, FAR, more))


class Setup:
    """The configuration of round i: what changes with it, and what never does."""

    def __init__(self, directory, pages, receivers):
        self.directory, self.pages, self.receivers = directory, pages, receivers
        self.dead_port = h.free_port()

    def jobs(self, i):
        address = self.pages.address
        steady = [job("steady", address, "/steady"),
                  job("slow", address, "/slow"),
                  "- job_name: files\n  metrics_path: /files\n"
                  "  file_sd_configs: [{files: [targets.json], refresh_interval: 1h}]\n" + FAR]
        changing = [job("limit", address, "/page", "  sample_limit: %d\n" % (100 + i)),
                    job("slow_limit", address, "/slow_limit", "  sample_limit: %d\n" % (100 + i)),
                    job("rules", address, "/page",
                        "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: sometimes, action: drop}\n"
                        if self.drops(i) else "")]
        # Nobody listens there; the log of failures is opened anew each time.
        changing.append(job("down", "127.0.0.1:%d" % self.dead_port, "/page",
                            "  scrape_failure_log_file: failures.log\n"))
        if i % 4 < 2:
            changing.append(job("comes", address, "/page"))
        # The places of the jobs change as well.
        return steady[i % 3:] + changing + steady[:i % 3]

    @staticmethod
    def drops(i):
        return i // 10 % 2 == 1

    def text(self, i, more=""):
        writes = "".join(r.config("  queue_config: {batch_send_deadline: 200ms, min_backoff: 10ms,"
                                  " max_backoff: 100ms}\n") for r in self.receivers)
        return ("global: {scrape_interval: %dms, scrape_timeout: 450ms}\nscrape_configs:\n%s%sremote_write:\n%s"
                % (INTERVAL_MS, "".join(self.jobs(i)), more, writes))

    def write(self, text):
        self.directory.file("ampagent.yml", text)


def bad_texts(setup, i):
    """Files that are refused at different places, each with a job that must not appear."""
    never = job("never", setup.pages.address, "/page")
    return [
        setup.text(i, never) + "remote_write: [\n",
        setup.text(i, never + "  no_such_key: 1\n"),
        setup.text(i, never + never),
        setup.text(i, never + "  metric_relabel_configs: [{action: replace, regex: '(', target_label: x}]\n"),
        setup.text(i, never + "  scrape_failure_log_file: no/such/directory/failures.log\n"),
    ]


def post(agent, path):
    """(status, text) of a POST."""
    try:
        return 200, h.get(agent.base + path, data=b"").decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def pools(agent):
    return sorted({t["scrapePool"] for t in agent.targets()["activeTargets"]})


def descriptors(agent):
    return len(os.listdir("/proc/%d/fd" % agent.popen.pid))


def anonymous_kib(agent):
    with open("/proc/%d/status" % agent.popen.pid) as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1))


def refused(agent, setup, i, kept):
    text = bad_texts(setup, i)[i // 5 % 5]
    before = agent.metrics()["prometheus_config_last_reload_success_timestamp_seconds"]
    setup.write(text)
    status, answer = post(agent, "/-/reload")
    h.check(status == 500 and answer.startswith("failed to reload config: "), "a bad file: %s %s" % (status, answer))
    metrics = agent.metrics()
    h.check(metrics["prometheus_config_last_reload_successful"] == 0, "a bad file is told in the metrics")
    h.check(metrics["prometheus_config_last_reload_success_timestamp_seconds"] == before, "and is no success")
    h.check(pools(agent) == kept, "a bad file changes no job: %s, not %s" % (pools(agent), kept))


def by_signal(agent):
    reloads = agent.log().count("configuration reloaded")
    agent.popen.send_signal(signal.SIGHUP)
    h.wait_for(lambda: agent.log().count("configuration reloaded") > reloads, 10, "SIGHUP reloads")


def reload_often(agent, setup):
    """Ends with the configuration of the last round applied; gives what it cost in descriptors and memory."""
    early = None
    i = applied = 0
    for i in range(RELOADS):
        begin = time.time()
        if i % 5 == 4:
            refused(agent, setup, i, sorted({re.search("job_name: (.*)", j).group(1) for j in setup.jobs(applied)}))
        else:
            applied = i
            setup.write(setup.text(i))
            if i % 5 == 3:
                by_signal(agent)
            else:
                status, answer = post(agent, "/-/reload")
                h.check(status == 200 and answer == "", "reload %d: %s %s" % (i, status, answer))
        if i == RELOADS // 3:
            early = descriptors(agent), anonymous_kib(agent)
        if h.failed():
            break
        time.sleep(max(0.0, 0.15 - (time.time() - begin)))
    setup.write(setup.text(1))
    h.check(post(agent, "/-/reload")[0] == 200, "the last reload")
    h.check(agent.metrics()["prometheus_config_last_reload_successful"] == 1, "and it is a success")
    return early, (descriptors(agent), anonymous_kib(agent))


def recorded(path):
    """{(name, job): [(time, bits), ...]} of a record file."""
    out = collections.defaultdict(list)
    with open(path) as f:
        for line in f:
            t, bits, labels = line.split(" ", 2)
            name = re.search('__name__="([^"]*)"', labels).group(1)
            out[name, re.search('job="([^"]*)"', labels).group(1)].append((int(t), bits))
    return out


def number(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def turns(samples):
    """Which turn of its grid each sample has: the earliest place in the interval is the grid's, others are late."""
    phases = sorted(t % INTERVAL_MS for t, _ in samples)
    # The widest free arc of the circle ends where the grid begins.
    gaps = [((phases[(k + 1) % len(phases)] - p) % INTERVAL_MS, phases[(k + 1) % len(phases)])
            for k, p in enumerate(phases)]
    start = max(gaps)[1] if len(set(phases)) > 1 else phases[0]
    return [(t - start) // INTERVAL_MS for t, _ in samples], max((t - start) % INTERVAL_MS for t, _ in samples)


def check_unchanged(series, name):
    for metric in ("fetches", "constant", "up", NEW_SERIES):
        samples = series[metric, name]
        h.check(len(samples) > 20, "%s of %s: %d samples" % (metric, name, len(samples)))
        at, late_ms = turns(samples)
        h.check(at == list(range(at[0], at[0] + len(at))),
                "%s of %s has one sample each turn: %s" % (metric, name, [t - at[0] for t in at]))
        h.check(late_ms < 400, "%s of %s is at most %d ms off its grid" % (metric, name, late_ms))
        h.check(all(bits != STALE for _, bits in samples), "%s of %s is never stale" % (metric, name))
    values = [number(bits) for _, bits in series["fetches", name]]
    h.check(values == [values[0] + k for k in range(len(values))], "%s: each fetch is one sample: %s" % (name, values))
    h.check(all(number(bits) == 1 for _, bits in series["up", name]), "%s is always up" % name)
    h.check(all(number(bits) == 0 for _, bits in series[NEW_SERIES, name][1:]), "%s has no new series" % name)


def check_changed(series):
    for metric in ("kept", "sometimes", "up"):
        h.check(all(bits != STALE for _, bits in series[metric, "limit"]), "a new limit is no end of %s" % metric)
    h.check(all(number(bits) == 0 for _, bits in series[NEW_SERIES, "limit"][1:]), "a new limit: no new series")
    values = [number(bits) for _, bits in series["fetches", "slow_limit"]]
    h.check(values == [values[0] + k for k in range(len(values))], "no change cuts off a scrape: %s" % values)
    h.check(len(values) > 0.95 * len(series["fetches", "slow"]), "and no turn is lost: %d, %d"
            % (len(values), len(series["fetches", "slow"])))
    stale = sum(bits == STALE for _, bits in series["sometimes", "rules"])
    h.check(stale >= 5, "a series that new rules drop ends each time: %d" % stale)
    h.check(series["sometimes", "rules"][-1][1] != STALE, "and comes back")
    for metric in ("kept", "up"):
        h.check(all(bits != STALE for _, bits in series[metric, "rules"]), "new rules do not end %s" % metric)


def check_failures(directory, series):
    """One line for each scrape that found nobody; all of one target."""
    with open(directory.file("failures.log")) as f:
        lines = [json.loads(line) for line in f]
    h.check({(x["level"], x["job_name"], x["target"].split("/")[-1]) for x in lines} == {("ERROR", "down", "page")},
            "lines of the failure log: %s" % lines[:2])
    h.check(len(lines) == len(series["up", "down"]), "one for each failed scrape: %d, %d"
            % (len(lines), len(series["up", "down"])))
    at, _ = turns(series["up", "down"])
    h.check(at == list(range(at[0], at[0] + len(at))), "the job that is down has one sample each turn: %s" % at)


def many_reloads():
    pages = {"/steady": Counting(), "/slow": Counting(0.2), "/files": Counting(), "/slow_limit": Counting(0.1),
             "/page": PAGE}
    with h.Dir() as d, h.Pages(pages) as server:
        record = os.path.join(d.path, "record.txt")
        with h.Receiver(d, "--record=" + record) as good, h.Receiver(d) as behind:
            behind.switch(rate_500=1)
            d.file("targets.json", '[{"targets": ["%s"]}]' % server.address)
            setup = Setup(d, server, [good, behind])
            # Freed memory goes back at once where a sanitizer would hold on to it.
            env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
            with h.Agent(d, setup.text(0), "--web.enable-lifecycle", env=env) as agent:
                agent.wait_ready()
                h.wait_for(lambda: len(agent.targets()["activeTargets"]) == 8, 10, "all targets are there")
                early, late = reload_often(agent, setup)
                if early:
                    print("descriptors %d -> %d, anonymous memory %d -> %d KiB" % (early[0], late[0], early[1], late[1]))
                    h.check(late[0] <= early[0] + 3, "descriptors: %d -> %d" % (early[0], late[0]))
                    h.check(late[1] <= early[1] * 1.15 + 4096, "memory: %d -> %d KiB" % (early[1], late[1]))
                time.sleep(1)
                check_backlog(agent, good, behind)
                h.check(agent.stop() == 0, "exit 0")
            for receiver in (good, behind):
                stats = receiver.stats()
                h.check(stats["out_of_order"] == 0 and stats["duplicates"] == 0 and stats["conflicts"] == 0
                        and stats["answered_400"] == 0, "nothing is refused or doubled: %s" % stats)
            h.check(good.stats()["samples"] == behind.stats()["samples"], "both have the same: %d, %d"
                    % (good.stats()["samples"], behind.stats()["samples"]))
            h.get("http://127.0.0.1:%d/flush" % good.port, data=b"")
            series = recorded(record)
        for name in ("steady", "slow", "files"):
            check_unchanged(series, name)
        check_changed(series)
        check_failures(d, series)
        h.check(not [s for s in series if s[1] == "never"], "a refused job has no samples")


def check_backlog(agent, good, behind):
    """One destination took nothing all the time; what waited for it survived every reload."""
    ledger = {d["url"]: d for d in agent.ledger()["destinations"]}
    waiting = ledger[behind.url]
    h.check(waiting["sent"] == 0 and waiting["dropped"] == 0 and waiting["queued"] > 1000,
            "the backlog is whole: %s" % waiting)
    h.check(waiting["baseSequence"] == ledger[good.url]["baseSequence"], "both began together")
    behind.switch(rate_500=0)
    h.wait_for(lambda: all(x["queued"] < 100 for x in agent.ledger()["destinations"]), 15, "it catches up")


def by_itself_and_by_http():
    pages = {"/page": PAGE}
    with h.Dir() as d, h.Pages(pages) as server, h.Receiver(d) as receiver:
        setup = Setup(d, server, [receiver])

        def text(*jobs):
            return ("global: {scrape_interval: 1s}\nscrape_configs:\n%sremote_write:\n%s"
                    % ("".join(job(j, server.address, "/page") for j in jobs), receiver.config()))

        with h.Agent(d, text("a"), "--config.auto-reload", "--config.auto-reload-interval=1s",
                     "--enable-feature=exemplar-storage,nonsense") as agent:
            agent.wait_ready()
            h.check("option=nonsense" in agent.log(), "an unknown feature is warned of")
            h.check(post(agent, "/-/reload")[0] == 403, "no reload by HTTP without the flag")
            h.check(post(agent, "/-/quit")[0] == 403, "no end by HTTP without the flag")
            setup.write(text("a"))
            time.sleep(1.5)
            h.check("configuration reloaded" not in agent.log(), "the same bytes are no change")
            setup.write(text("a", "b"))
            h.wait_for(lambda: pools(agent) == ["a", "b"], 5, "a changed file is loaded")
            setup.write("scrape_configs: [")
            h.wait_for(lambda: agent.metrics()["prometheus_config_last_reload_successful"] == 0, 5, "a bad one is told")
            h.check(pools(agent) == ["a", "b"], "and changes nothing")
            setup.write(text("c"))
            h.wait_for(lambda: pools(agent) == ["c"], 5, "the next good one is loaded")
            h.check(agent.stop() == 0, "exit 0")
        with h.Agent(d, text("a"), "--web.enable-lifecycle", name="quits") as agent:
            agent.wait_ready()
            h.check(post(agent, "/-/quit") == (200, "Requesting termination... Goodbye!"), "quit is answered")
            h.wait_for(lambda: not agent.running(), 10, "it ends")
            h.check(agent.popen.wait(5) == 0, "exit 0 after /-/quit")


def flags():
    def run(*argv):
        r = subprocess.run([h.AMPAGENT] + list(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           universal_newlines=True, timeout=20)
        return r.returncode, r.stdout

    for argv, code, text in (
            (["--version"], 0, "ampagent, version "),
            (["--agent", "--version"], 0, "ampagent, version "),
            (["--query.timeout=2m"], 3, "--query.timeout: belongs to Prometheus's server mode"),
            (["--no-agent"], 3, "server mode"),
            (["--enable-feature=type-and-unit-labels"], 2, "type-and-unit-labels is not built"),
            (["--web.route-prefix=/x"], 2, "a prefix"),
            (["--web.external-url=http://h/x"], 2, "--web.route-prefix=/"),
            (["--web.external-url=h"], 2, "not an absolute URL"),
            (["--nonsense"], 2, "unknown flag --nonsense")):
        got = run(*argv)
        h.check(got[0] == code and text in got[1], "%s: %s" % (argv, got))


flags()
by_itself_and_by_http()
many_reloads()
h.finish()
