"""A real Prometheus 3 as the destination of both protocols at once: what one agent scraped, native histograms,
exemplars and all, has to be the same by 2.0 as by 1.0, and the same as what the Prometheus scrapes itself.

The two destinations of the agent are told apart by the label via. 1.0 has no place for histograms with custom
buckets: those are missing there, and booked.

Then the agent is told to speak 2.0 to a Prometheus 2, which knows 1.0 only and takes requests of 2.0 for empty ones.
"""
import time
import urllib.parse

import exposition as e
import harness as h

SCRAPES = 6
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = """# HELP requests Requests served.
# TYPE requests counter
requests_total{code="200"} %(n)d # {trace_id="abc%(n)d"} 1 %(now).3f
requests_total{code="500",path="/é"} 3
requests_created{code="200"} %(start).3f
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
latency_seconds_bucket{le="0.1"} %(n)d # {trace_id="def%(n)d",span_id="7"} 0.05 %(now).3f
latency_seconds_bucket{le="1.0"} %(n)d
latency_seconds_bucket{le="+Inf"} 100
latency_seconds_count 100
latency_seconds_sum 12.5
# TYPE temperature gauge
temperature{room="a"} NaN
temperature{room="b"} -Inf
# EOF
"""
CLASSIC = b"""# TYPE size_bytes histogram
size_bytes_bucket{le="10"} 3
size_bytes_bucket{le="100"} 8
size_bytes_bucket{le="+Inf"} 9
size_bytes_sum 450
size_bytes_count 9
"""
BOTH = ("v1", "v2")


def native_page(n, now_ms):
    """Integer and float histograms, gauges, with and without exemplars; n moves the counts."""
    example = e.exemplar({"trace_id": "native%d" % n}, 0.25, now_ms)
    return e.page(
        e.family("rpc_seconds", "histogram", [
            e.histogram({"method": "get"}, 12 + n, 3.5, (),
                        e.native(3, {-5: 2, -4: 3, 7: n + 1}, {2: 6}, zero_count=0), [example]),
            e.histogram({"method": "put"}, 4, -1e9, (), e.native(8, {1: 1, 2: 1, 3: 2})),
            e.histogram({"method": "none"}, 0, 0.0, (), e.native(0)),
            e.histogram({"method": "float"}, 2.5 + n, 0.125, (),
                        e.native(1, {0: 1.5 + n, 40: 1.0}, is_float=True)),
        ], help="RPCs.", unit="seconds"),
        e.family("depth", "gauge_histogram", [
            e.histogram({}, 6, 3.0, (), e.native(-4, {1: 4, 3: 1}, zero_count=1, zero_threshold=0.5))]),
        e.family("plain", "gauge", [e.gauge({"a": "b"}, 1.5)]))


class Prometheus(h.Process):
    def __init__(self, directory, config, program="prometheus3"):
        self.port = h.free_port()
        super().__init__(program, [
            h.peer(program), "--config.file=" + directory.file("prometheus.yml", config),
            "--web.listen-address=127.0.0.1:%d" % self.port, "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms,exemplar-storage",
            "--storage.tsdb.path=" + directory.file("tsdb-" + program)], directory)
        self.base = "http://127.0.0.1:%d" % self.port

    def ask(self, path, **params):
        return h.get_json(self.base + "/api/v1/" + path + "?" + urllib.parse.urlencode(params), timeout=30)["data"]

    def raw(self, via):
        """{labels without via: [(time, value or histogram)]} of all raw samples."""
        got = self.ask("query", query='{via="%s",job!=""}[1h]' % via)["result"]
        return {key_of(s["metric"]): [(float(t), str(v)) for t, v in s.get("values", ())]
                + [(float(t), describe(v)) for t, v in s.get("histograms", ())] for s in got}

    def exemplars(self, via):
        now = time.time()
        got = self.ask("query_exemplars", query='{via="%s"}' % via, start=now - 3600, end=now + 60)
        return {key_of(s["seriesLabels"]): sorted((x["timestamp"], x["value"], str(x["labels"])) for x in s["exemplars"])
                for s in got}


def key_of(labels):
    return tuple(sorted((n, v) for n, v in labels.items() if n != "via"))


def describe(histogram):
    return "histogram count %s sum %s buckets %s" % (histogram["count"], histogram["sum"], histogram.get("buckets"))


def is_histogram(samples):
    return any(v.startswith("histogram") for _, v in samples)


def compare_protocols(v1, v2):
    """By 2.0 came what came by 1.0, sample by sample, and the custom buckets too."""
    same = histograms = 0
    for key in sorted(set(v1) | set(v2)):
        labels = dict(key)
        if labels["job"] == "custom" and is_histogram(v2.get(key, ())):
            h.check(not is_histogram(v1.get(key, ())), "%s has no place in 1.0: %s" % (key, v1.get(key)))
            continue
        h.check(v1.get(key) == v2.get(key), "%s: by 1.0 %s, by 2.0 %s" % (key, v1.get(key), v2.get(key)))
        same += len(v1.get(key, ()))
        histograms += is_histogram(v1.get(key, ()))
    print("%d samples are the same by both protocols, in %d series of histograms and others" % (same, histograms))
    h.check(same > 150 and histograms >= 5, "there is much to compare")
    custom = [s for key, s in v2.items() if dict(key)["__name__"] == "size_bytes"]
    h.check(len(custom) == 1 and is_histogram(custom[0]), "custom buckets arrived by 2.0: %s" % custom)


def compare_own(ours, own):
    """The page that stands still: the same series and values as the Prometheus scraped itself."""
    compared = 0
    for key, samples in ours.items():
        labels = dict(key)
        if labels["job"] != "still" or labels["__name__"].startswith("scrape_"):
            continue
        mine = {v for _, v in samples}
        theirs = {v for _, v in own.get(key, ())}
        h.check(mine == theirs, "%s: %s, not %s" % (key, mine, theirs))
        compared += 1
    names = {key for key in own if not dict(key)["__name__"].startswith("scrape_")}
    h.check(names <= set(ours), "series of the page that did not arrive: %s" % (names - set(ours)))
    print("%d series are as the Prometheus scraped them" % compared)
    h.check(compared >= 7, "there are series to compare")


def compare_exemplars(v1, v2):
    h.check(v1 == v2, "exemplars: by 1.0 %s, by 2.0 %s" % (v1, v2))
    texts = str(v2)
    for part in ("abc", "def", "native"):
        h.check(part in texts, "an exemplar %s arrived: %s" % (part, texts))


def jobs(pages, via):
    still = ("- job_name: still\n  metrics_path: /still\n  static_configs: [{targets: ['%s']%s}]\n"
             % (pages.address, ", labels: {via: %s}" % via if via else ""))
    return "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n" + still


def agent_config(pages, url):
    text = jobs(pages, None).replace("  static", "  scrape_native_histograms: true\n  static")
    for name, more in (("native", "scrape_native_histograms: true"), ("text", "honor_timestamps: true"),
                       ("custom", "convert_classic_histograms_to_nhcb: true")):
        text += ("- job_name: %s\n  metrics_path: /%s\n  %s\n  static_configs: [{targets: ['%s']}]\n"
                 % (name, name, more, pages.address))
    text += "remote_write:\n"
    for via, message in zip(BOTH, ("prometheus.WriteRequest", "io.prometheus.write.v2.Request")):
        text += ("- url: %s\n  name: %s\n  protobuf_message: %s\n  send_exemplars: true\n  send_native_histograms: true\n"
                 "  queue_config: {batch_send_deadline: 100ms, max_samples_per_send: 17}\n"
                 "  write_relabel_configs: [{target_label: via, replacement: %s}]\n" % (url, via, message, via))
    return text


def check_books(agent):
    for destination in agent.ledger()["destinations"]:
        dropped = destination["droppedBy"]
        want = {"nhcb_in_rw1_not_supported"} if destination["name"] == "v1" else set()
        h.check(set(dropped) == want, "%s dropped %s" % (destination["name"], dropped))
    metrics = agent.metrics()
    for via in BOTH:
        for kind in ("samples", "histograms", "exemplars"):
            name = "prometheus_remote_storage_%s_total{remote_name=\"%s\"" % (kind, via)
            n = sum(v for k, v in metrics.items() if k.startswith(name))
            h.check(n > 0, "%s were sent by %s" % (kind, via))


def check_peer(prometheus):
    for line in prometheus.log().splitlines():
        h.check("level=ERROR" not in line and "out of order" not in line.lower(), "the Prometheus complains: " + line)
    h.check(prometheus.running(), "the Prometheus still runs")


def run(d):
    counts = {"native": 0, "text": 0}
    started = time.time()

    def native(_):
        counts["native"] += 1
        return 200, e.CONTENT_TYPE, native_page(counts["native"], int(time.time() * 1000))

    def text(_):
        counts["text"] += 1
        return 200, OPENMETRICS, (TEXT % {"n": counts["text"], "now": time.time(), "start": started}).encode()

    with h.Pages() as pages:
        pages.pages.update({"/native": native, "/text": text, "/custom": CLASSIC,
                            "/still": lambda _: (200, e.CONTENT_TYPE, native_page(0, int(started * 1000)))})
        with Prometheus(d, jobs(pages, "own")) as prometheus:
            if not h.wait_for(lambda: h.get(prometheus.base + "/-/ready"), 20, "the Prometheus is ready"):
                return
            with h.Agent(d, agent_config(pages, prometheus.base + "/api/v1/write"), "--enable-feature=exemplar-storage") as agent:
                agent.wait_ready()
                h.wait_for(lambda: min(counts.values()) >= SCRAPES, 30, "%d scrapes" % SCRAPES)
                h.wait_for(agent.drained, 10, "everything is sent")
                check_books(agent)
                h.check("does not speak" not in agent.log(), "2.0 was understood")
            h.wait_for(lambda: prometheus.ask("query", query='count_over_time(up{via="own"}[1h]) > 1')["result"], 30,
                       "the Prometheus scrapes as well")
            v1, v2 = (prometheus.raw(via) for via in BOTH)
            compare_protocols(v1, v2)
            compare_own(v2, prometheus.raw("own"))
            compare_exemplars(*(prometheus.exemplars(via) for via in BOTH))
            check_peer(prometheus)


def run_old(d):
    """Nothing is lost or doubled on the way from one protocol to the other."""
    with h.Pages({"/still": lambda _: (200, e.CONTENT_TYPE, native_page(0, int(time.time() * 1000)))}) as pages, \
            Prometheus(d, "global: {}\n", "prometheus") as prometheus:
        if not h.wait_for(lambda: h.get(prometheus.base + "/-/ready"), 20, "the old Prometheus is ready"):
            return
        text = agent_config(pages, prometheus.base + "/api/v1/write")
        # The one destination that speaks 2.0.
        head, blocks = text.split("remote_write:\n")
        text = head + "remote_write:\n- url:" + blocks.split("- url:")[2]
        with h.Agent(d, text, name="ampagent-old") as agent:
            agent.wait_ready()
            scraped = 'count_over_time(up{via="v2",job="still"}[1h]) > 3'
            h.wait_for(lambda: prometheus.ask("query", query=scraped)["result"], 30, "an old receiver gets samples")
            h.wait_for(agent.drained, 10, "everything is sent to the old receiver")
            ledger = agent.ledger()["destinations"][0]
            log = agent.log()
        told = log.count("The endpoint does not speak remote write 2.0")
        h.check(told == 1, "the fall-back is told once, not %d times" % told)
        h.check(ledger["droppedBy"].keys() <= {"nhcb_in_rw1_not_supported"}, "nothing is dropped: %s" % ledger)
        series = prometheus.raw("v2")
        histograms = [key for key, samples in series.items() if is_histogram(samples)]
        h.check(len(histograms) >= 5, "histograms arrived by 1.0: %s" % histograms)
        stamps = {dict(key)["__name__"]: [t for t, _ in samples] for key, samples in series.items()
                  if dict(key)["job"] == "still"}
        h.check(len(set(map(tuple, stamps.values()))) == 1, "all series have each scrape from the first on: %s" % stamps)
        print("%d samples reached a receiver of 1.0" % ledger["sent"])


h.peer("prometheus")
with h.Dir() as directory:
    run(directory)
    run_old(directory)
    if h.failed():
        h.finish()
h.finish()
