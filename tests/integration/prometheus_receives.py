"""A real Prometheus as the destination: it scrapes the same targets as the agent, with the same rules, and receives
what the agent scraped. Both must end up as the same series with the same values.

The two scrape at moments of their own, so values of live targets are bracketed by the neighbouring ones; pages
that stand still must agree exactly. The Prometheus is 2.42: it leaves le and quantile as written, and it ignores
metadata that is sent to it; both are counted or named below.
"""
import collections
import json
import re
import socket
import time
import urllib.parse

import harness as h
from pages_compare import normalised

INTERVAL_S = 1
SCRAPES_BEFORE, SCRAPES_AFTER = 8, 6
US, THEM = "ampagent", "prometheus"

HAND = """# HELP hand_requests_total Requests, with \\\\ and \\n in the help.
# TYPE hand_requests_total counter
hand_requests_total{path="/a b",quote="\\"",backslash="c:\\\\dir",newline="two\\nlines"} 1027
hand_requests_total{path="/日本語/é/😀"} 3
hand_requests_total{empty="",path="/empty"} 4
# TYPE hand_latency_seconds histogram
hand_latency_seconds_bucket{le="0"} 0
hand_latency_seconds_bucket{le="0.05"} 24054
hand_latency_seconds_bucket{le="1"} 133988
hand_latency_seconds_bucket{le="1000000"} 144320
hand_latency_seconds_bucket{le="+Inf"} 144320
hand_latency_seconds_sum 53423.25
hand_latency_seconds_count 144320
# TYPE hand_rpc_seconds summary
hand_rpc_seconds{quantile="0"} 1e-9
hand_rpc_seconds{quantile="0.5"} 4773
hand_rpc_seconds{quantile="1"} NaN
hand_rpc_seconds_sum 1.7560473e+07
hand_rpc_seconds_count 2693
# TYPE hand_special gauge
hand_special{kind="nan"} NaN
hand_special{kind="inf"} +Inf
hand_special{kind="-inf"} -Inf
hand_special{kind="tiny"} 5e-324
hand_special{kind="huge"} 1.7976931348623157e+308
hand_special{kind="long"} 3.141592653589793238462643383279
hand_special{kind="integer"} 9007199254740993
hand_special{kind="negative"} -0.1
hand_untyped 12.47
"""
HONOR = """exposed_both{job="theirs",instance="their-instance"} 1
exposed_empty{job="",instance="x"} 2
exposed_none 3
"""
CLASHES = """clash{job="theirs",instance="their-instance"} 1
clash{exported_job="kept",job="moved"} 2
clash_none 3
"""
RELABELED = """drop_this{a="1"} 1
keep_this{a="1",path="/api/v1/users"} 2
keep_this{a="2",path="/other"} 3
keep_this{a="Same",b="Same",path="/x"} 4
keep_that{temp_x="gone",a="3"} 5
keep_that{long="0123456789",a="4"} 6
"""
RULES = """  relabel_configs:
  - {source_labels: [__real], target_label: __address__}
  - {source_labels: [__address__, job], separator: '/', regex: '.*:(\\d+)/(.*)', target_label: where, replacement: '${2}-at-$1x'}
  - {regex: '__tmp_(.+)', replacement: 'mapped_$1', action: labelmap}
  - {source_labels: [mapped_zone], target_label: mapped_zone, action: uppercase}
  - {source_labels: [mapped_zone], target_label: shard, modulus: 1000, action: hashmod}
  - {source_labels: [__tmp_zone], regex: 'eu-.*', action: keep}
  - {target_label: instance, replacement: 'fixed:1'}
  - {source_labels: [nothing], regex: '()', target_label: '$1', replacement: x}
  metric_relabel_configs:
  - {source_labels: [__name__], regex: 'drop_.*', action: drop}
  - {source_labels: [path], regex: '/api/(v\\d)/(.*)', target_label: api, replacement: '$2:${1}'}
  - {source_labels: [a, b], separator: '', regex: 'SameSame', target_label: same, replacement: 'yes'}
  - {source_labels: [a], target_label: a_lower, action: lowercase}
  - {source_labels: [path], target_label: path_hash, modulus: 16, action: hashmod}
  - {source_labels: [__name__], regex: 'keep_(that)', target_label: __name__, replacement: 'renamed_$1'}
  - {regex: 'temp_.*', action: labeldrop}
  - {source_labels: [b], regex: '', target_label: no_b, replacement: '1'}
"""


def job(name, via, address, path="/metrics", labels="", more=""):
    return ("- job_name: %s\n  metrics_path: %s\n  static_configs: [{targets: ['%s'], labels: {via: %s%s}}]\n%s"
            % (name, path, address, via, labels, more))


def jobs(via, node, agent, pages, down):
    """The same for both sides, but for the label via."""
    real = ", __real: '%s', __tmp_zone: eu-west-1a" % pages
    return ("global: {scrape_interval: %ds, scrape_timeout: %ds}\nscrape_configs:\n" % (INTERVAL_S, INTERVAL_S)
            + job("node", via, node) + job("agent", via, agent)
            + "".join(job(name, via, pages, "/" + name) for name in
                      ("frozen_node", "frozen_agent", "frozen_hand", "frozen_timed", "frozen_clashes", "drops", "fails", "broken"))
            + job("frozen_honor", via, pages, "/frozen_honor", more="  honor_labels: true\n")
            + job("frozen_untimed", via, pages, "/frozen_timed", more="  honor_timestamps: false\n")
            + job("frozen_relabeled", via, "relabeled-away:1", "/frozen_relabeled", real, RULES)
            + job("frozen_elsewhere", via, "relabeled-away:1", "/frozen_relabeled", real.replace("eu-", "us-"), RULES)
            + job("down", via, down))


class Prometheus(h.Process):
    def __init__(self, directory, config):
        self.port = h.free_port()
        super().__init__("prometheus", [
            h.peer("prometheus"), "--config.file=" + directory.file("prometheus.yml", config),
            "--web.listen-address=127.0.0.1:%d" % self.port, "--web.enable-remote-write-receiver",
            "--storage.tsdb.path=" + directory.file("tsdb"), "--web.console.templates=/nonexistent",
            "--web.console.libraries=/nonexistent"], directory)
        self.base = "http://127.0.0.1:%d" % self.port

    def ask(self, path, **params):
        return h.get_json(self.base + "/api/v1/" + path + "?" + urllib.parse.urlencode(params, doseq=True), timeout=30)["data"]

    def raw(self, via, at, seconds):
        """{labels without via: [(time, value as text)]} of all raw samples."""
        got = self.ask("query", query='{via="%s"}[%ds]' % (via, seconds), time="%.3f" % at)
        return {key_of(s["metric"]): [(float(t), v) for t, v in s["values"]] for s in got["result"]}

    def series(self, via, since, until):
        got = self.ask("series", **{"match[]": '{via="%s"}' % via, "start": since, "end": until})
        return {key_of(labels) for labels in got}

    def now(self, selector, at):
        """{labels: value} at an instant, with via."""
        got = self.ask("query", query=selector, time="%.3f" % at)["result"]
        return {(s["metric"]["via"], key_of(s["metric"])): s["value"][1] for s in got}


def key_of(labels):
    return tuple(sorted((n, v) for n, v in labels.items() if n != "via"))


def as_read_by_3(series):
    """Bounds as 3.x writes them. Returns the series and how many were renamed."""
    out, renamed = {}, 0
    for key, samples in series.items():
        label = {"_bucket": "le"}.get(dict(key)["__name__"][-7:], "quantile")
        new = tuple(sorted((n.decode(), v.decode()) for n, v in
                           normalised([(n.encode(), v.encode()) for n, v in key], [label.encode()])))
        renamed += new != key
        out[new] = samples
    return out, renamed


def text_of(key):
    labels = dict(key)
    return labels.pop("__name__", "") + json.dumps(labels, ensure_ascii=False)


def compare_sets(ours, theirs, settled):
    """Every series of one side is a series of the other. Live targets may show one that came and went."""
    both = 0
    for key in sorted(set(ours) | set(theirs)):
        side = ours.get(key) or theirs.get(key)
        if key in ours and key in theirs:
            both += 1
        elif min(t for t, _ in side) < settled:
            h.check(False, "only %s has %s" % (US if key in ours else THEM, text_of(key)))
    print("%d series on both sides" % both)
    h.check(both > 1000, "there is much to compare")


def compare_frozen(ours, theirs):
    n = 0
    for key in sorted(set(ours) & set(theirs)):
        labels = dict(key)
        if is_frozen(labels) and labels["__name__"] != "scrape_duration_seconds":
            mine, other = ({v for _, v in series[key]} for series in (ours, theirs))
            h.check(mine == other, "%s: %s, not %s" % (text_of(key), sorted(mine), sorted(other)))
            n += 1
    print("%d series of frozen pages have the same values" % n)


def is_frozen(labels):
    return any(n in ("job", "exported_job", "where") and v.startswith("frozen_") or n.startswith("exposed_")
               for n, v in labels.items()) or labels["__name__"].startswith(("exposed_", "clash", "keep_", "renamed_"))


def counters_of(pages):
    """Names of the series that only grow, by their TYPE."""
    out = set()
    for page in pages:
        for line in page.decode().splitlines():
            words = line.split(" ")
            if words[:2] == ["#", "TYPE"] and words[3] == "counter":
                out.add(words[2])
            elif words[:2] == ["#", "TYPE"] and words[3] in ("histogram", "summary"):
                out.update(words[2] + suffix for suffix in ("_bucket", "_sum", "_count"))
    return out


def neighbours(samples, t, slack):
    before = [float(v) for u, v in samples if u <= t - slack]
    after = [float(v) for u, v in samples if u >= t + slack]
    return (before[-1], after[0]) if before and after else None


# Gauges that a scrape itself moves: each side, at its own point of every second, sees a value of its own.
MOMENT = re.compile("in_flight$|_pending$|^ampagent_ledger_samples$|^node_procs_|_connections$")


def compare_live(ours, theirs, counters):
    """Each of our values lies between Prometheus's neighbouring ones."""
    counts = collections.Counter()
    slack = max(float(v) for side in (ours, theirs) for key, got in side.items()
                if dict(key)["__name__"] == "scrape_duration_seconds" for _, v in got)
    for key in sorted(set(ours) & set(theirs)):
        labels = dict(key)
        if labels.get("job") not in ("node", "agent") or labels["__name__"].startswith("scrape_"):
            continue
        mine, other = ours[key], theirs[key]
        values = [float(v) for _, v in other]
        if len({v for _, v in mine}) == len({v for _, v in other}) == 1:
            if mine[0][1] != other[0][1] and MOMENT.search(labels["__name__"]):
                counts["of the very moment"] += 1
                continue
            counts["constant"] += 1
            h.check(mine[0][1] == other[0][1], "%s stands still: %s, not %s" % (text_of(key), mine[0], other[0]))
            continue
        if labels["__name__"] in counters and values != sorted(values):
            counts["counters that went down"] += 1
            continue
        kind = "counter" if labels["__name__"] in counters else "gauge"
        for t, v in mine:
            bounds = neighbours(other, t, slack)
            if not bounds:
                continue
            good = min(bounds) <= float(v) <= max(bounds)
            counts[kind + (" values bracketed" if good else " values outside")] += 1
            if kind == "counter":
                h.check(good, "%s at %.3f: %s is not in %s" % (text_of(key), t, v, bounds))
    print("live: " + ", ".join("%d %s" % (n, name) for name, n in sorted(counts.items())))
    h.check(counts["constant"] > 100 and counts["counter values bracketed"] > 500, "live targets are compared")


def compare_staleness(prometheus, changed, end):
    """What vanished is gone within two intervals on both sides, what stays is there."""
    gone = ['{__name__=~"drops_b.*"}', '{job="fails",__name__!~"up|scrape_.*"}', '{job="down",__name__!~"up|scrape_.*"}']
    stays = ['{job="drops",__name__="drops_a"}', '{job=~"fails|down",__name__=~"up|scrape_.*"}']
    for selector in gone + stays:
        before = prometheus.now(selector, changed - INTERVAL_S)
        sides = collections.Counter(via for via, _ in before)
        h.check(sides[US] == sides[THEM] > 0, "before the change both sides have %s: %s" % (selector, sides))
        at = changed + 2 * INTERVAL_S
        while at < end:
            after = collections.Counter(via for via, _ in prometheus.now(selector, at))
            want = sides if selector in stays else collections.Counter()
            h.check(after == want, "%.1f s after the change %s is %s, not %s"
                    % (at - changed, selector, dict(after), dict(want)))
            at += INTERVAL_S / 2
    ups = prometheus.now('up{job=~"fails|down|broken|drops"}', end)
    for (via, key), value in ups.items():
        h.check(value == ("1" if dict(key)["job"] == "drops" else "0"), "up of %s by %s is %s" % (dict(key)["job"], via, value))
    h.check(len(ups) == 8, "up of four jobs on both sides: %s" % ups)


def check_books(prometheus, agent):
    for line in prometheus.log().splitlines():
        quiet = "level=warn" not in line and "level=error" not in line
        h.check(quiet, "the Prometheus complains: " + line)
    h.check(prometheus.running(), "the Prometheus still runs")
    ledger = agent.ledger()
    for destination in ledger["destinations"]:
        dropped = destination["dropped"]
        total = sum(dropped.values()) if isinstance(dropped, dict) else dropped
        h.check(total == 0, "nothing is dropped: %s" % destination)


class Failing:
    """A page that from some moment on answers 500, or no longer at all."""

    def __init__(self, body, silent):
        self.body, self.silent, self.failing = body, silent, False

    def __call__(self, handler):
        if self.failing and self.silent:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return None
        return (500, "text/plain", b"no") if self.failing else (200, "text/plain", self.body)


def wait_scrapes(prometheus, n, since):
    def enough():
        got = prometheus.ask("query", query="min by (via) (count_over_time(up[%ds]))" % (time.time() - since + 1))["result"]
        return {s["metric"]["via"] for s in got} == {US, THEM} and all(int(s["value"][1]) >= n for s in got)
    h.wait_for(enough, 40, "%d scrapes of every target by both" % n)


def run(d, node):
    agent_port = h.free_port()
    fails = Failing(b"fails_a 1\nfails_b{x=\"1\"} 2\n", False)
    ends = Failing(b"down_a 1\ndown_b 2\n", True)
    now_ms = int(time.time() * 1000)
    with h.Pages() as pages, h.Pages() as down:
        pages.pages.update({
            "/frozen_hand": HAND.encode(), "/frozen_honor": HONOR.encode(), "/frozen_clashes": CLASHES.encode(),
            "/frozen_relabeled": RELABELED.encode(), "/fails": fails, "/broken": b"good 1\nbad x\n",
            "/frozen_timed": b"timed_a 1 %d\ntimed_b{x=\"1\"} 2 %d\nuntimed 3\n" % (now_ms, now_ms - 5000),
            "/drops": b"drops_a 1\ndrops_b 2\ndrops_b_too{x=\"1\"} 3\n",
            "/frozen_node": h.wait_for(lambda: h.get("http://%s/metrics" % node), 10, "node_exporter answers")})
        down.pages["/metrics"] = ends
        address = "127.0.0.1:%d" % agent_port
        started = time.time()

        def rules(via):
            return jobs(via, node, address, pages.address, down.address)

        with Prometheus(d, rules(THEM)) as prometheus:
            if not h.wait_for(lambda: h.get(prometheus.base + "/-/ready"), 20, "the Prometheus is ready"):
                h.finish()
            text = rules(US) + ("remote_write:\n- url: %s/api/v1/write\n  queue_config: {batch_send_deadline: 100ms}\n"
                                % prometheus.base)
            # The page of the agent is frozen before anybody scrapes it.
            with h.Agent(d, "global: {}\n", port=agent_port, name="model") as model:
                model.wait_ready()
                pages.pages["/frozen_agent"] = h.get(model.base + "/metrics")
            with h.Agent(d, text, port=agent_port) as agent:
                agent.wait_ready()
                wait_scrapes(prometheus, SCRAPES_BEFORE, started)
                live = [h.get("http://%s/metrics" % node), h.get(agent.base + "/metrics")]
                changed = time.time()
                pages.pages["/drops"] = b"drops_a 1\n"
                fails.failing = ends.failing = True
                down.server.shutdown()
                down.server.server_close()
                time.sleep(SCRAPES_AFTER * INTERVAL_S)
                end = time.time()
                time.sleep(1.5)  # what was scraped by then has arrived
                examine(prometheus, agent, started, changed, end, counters_of(live))
                h.check(agent.stop() == 0, "the agent exits 0")


def examine(prometheus, agent, started, changed, end, counters):
    span = int(end - started + 10)
    ours = prometheus.raw(US, end, span)
    theirs, renamed = as_read_by_3(prometheus.raw(THEM, end, span))
    print("named: %d series of 2.42 have bounds as written, 3.x and we write them as OpenMetrics does" % renamed)
    print("named: 2.42 ignores metadata that is sent to it; not compared")
    scrapes = min(len(got) for side in (ours, theirs) for key, got in side.items() if ("__name__", "up") in key)
    h.check(scrapes >= 10, "at least 10 scrapes of each target: %d" % scrapes)
    compare_sets(ours, theirs, end - 2.5 * INTERVAL_S)
    listed = prometheus.series(US, started - 10, end)
    h.check(set(ours) <= listed, "the series list has them all")
    compare_frozen(ours, theirs)
    compare_live(ours, theirs, counters)
    compare_staleness(prometheus, changed, end)
    check_books(prometheus, agent)


def main():
    with h.Dir() as d:
        port = h.free_port()
        exporter = h.peer("prometheus-node-exporter")
        h.peer("prometheus")
        with h.Process("node_exporter", [exporter, "--web.listen-address=127.0.0.1:%d" % port], d):
            run(d, "127.0.0.1:%d" % port)
    h.finish()


if __name__ == "__main__":
    main()
