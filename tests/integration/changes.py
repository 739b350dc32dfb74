"""What changes while the agent runs: targets come and go, a disk that cannot be written, a dead destination,
a restart in between."""
import json
import os
import time

import exposition as e
import harness as h

PAGES = {"/metrics": b"a 1\nb 2\nc 3\n"}


def config(receivers, jobs, extra=""):
    return ("global: {scrape_interval: 500ms, scrape_timeout: 400ms}\nscrape_configs:\n%s\nremote_write:\n%s%s"
            % (jobs, "".join(r.config("  queue_config: {batch_send_deadline: 200ms, min_backoff: 10ms,"
                                      " max_backoff: 100ms}\n") for r in receivers), extra))


def stored(receiver, name):
    """{labels without the name: (count, last value)} of one metric."""
    out = {}
    for line in h.get("http://127.0.0.1:%d/series?match=%s" % (receiver.port, name)).decode().splitlines():
        item = json.loads(line)
        labels = item.pop("labels")
        out[tuple(sorted(labels.items()))] = item
    return out


def is_stale(item):
    # JSON has no staleness marker: the receiver writes what it cannot say as a number as a string.
    return not isinstance(item["last_value"], (int, float))


def targets_come_and_go():
    with h.Dir() as d, h.Pages(PAGES) as one, h.Pages(PAGES) as two, h.Receiver(d) as receiver:
        def targets(*addresses):
            d.file("targets.json", json.dumps([{"targets": list(addresses), "labels": {"from": "file"}}]))

        targets(one.address)
        jobs = ("- job_name: files\n  file_sd_configs: [{files: ['targets.json'], refresh_interval: 1h}]\n"
                "  relabel_configs:\n  - {source_labels: [__meta_filepath], target_label: path, regex: '.*/(.*)'}\n")
        with h.Agent(d, config([receiver], jobs)) as agent:
            agent.wait_ready()
            h.wait_for(lambda: len(stored(receiver, "up")) == 1, 10, "the first target is scraped")
            labels = dict(next(iter(stored(receiver, "up"))))
            h.check(labels["from"] == "file" and labels["path"] == "targets.json"
                    and labels["instance"] == one.address, "labels of the file: %s" % labels)
            targets(one.address, two.address)
            h.wait_for(lambda: len(stored(receiver, "up")) == 2, 10, "the second target is scraped")
            d.file("targets.json", "{ broken")
            time.sleep(1)
            h.check(len(agent.targets()["activeTargets"]) == 2, "a broken file keeps the targets")
            h.check("targets.json" in agent.log(), "a broken file is told")
            targets(two.address)
            h.wait_for(lambda: len(agent.targets()["activeTargets"]) == 1, 10, "the first target goes")

            def ended():
                ups = {dict(k)["instance"]: v for k, v in stored(receiver, "up").items()}
                series = {dict(k)["instance"]: v for k, v in stored(receiver, "a").items()}
                return is_stale(ups[one.address]) and is_stale(series[one.address])
            h.wait_for(ended, 10, "end-of-run markers of the gone target")
            ups = {dict(k)["instance"]: v for k, v in stored(receiver, "up").items()}
            h.check(not is_stale(ups[two.address]), "the other one goes on")
            # It comes back before it is forgotten, and after.
            targets(one.address, two.address)
            h.wait_for(lambda: not is_stale({dict(k)["instance"]: v for k, v in
                                             stored(receiver, "a").items()}[one.address]), 10, "it comes back")
        stats = receiver.stats()
        h.check(stats["out_of_order"] == 0 and stats["conflicts"] == 0 and stats["answered_400"] == 0,
                "nothing out of order: %s" % stats)


def a_series_lost_over_a_restart_gets_its_marker():
    with h.Dir() as d, h.Pages(PAGES) as pages, h.Receiver(d) as receiver:
        jobs = "- job_name: j\n  static_configs: [{targets: ['%s']}]\n" % pages.address
        with h.Agent(d, config([receiver], jobs)) as agent:
            h.wait_for(lambda: stored(receiver, "b"), 10, "b arrives")
            agent.kill()
        pages.pages["/metrics"] = b"a 1\nc 3\nd 4\n"
        with h.Agent(d, config([receiver], jobs), port=agent.port):
            h.wait_for(lambda: stored(receiver, "d"), 10, "the page after the restart arrives")
            h.wait_for(lambda: is_stale(next(iter(stored(receiver, "b").values()))), 5, "b gets its marker")
            h.check(not is_stale(next(iter(stored(receiver, "a").values()))), "a goes on")
        stats = receiver.stats()
        h.check(stats["out_of_order"] == 0 and stats["conflicts"] == 0, "in order over the restart: %s" % stats)


def a_histogram_lost_over_a_restart_gets_its_marker():
    """A native one, and one with custom buckets; and a series that was one is a float afterwards."""
    native = e.native(3, {1: 2, 2: 4})
    before = [e.family(name, "histogram", [e.histogram({}, 6, 3.5, native_part=native)]) for name in "abc"]
    after = [before[0], e.family("c", "gauge", [e.gauge({}, 1)]), e.family("d", "gauge", [e.gauge({}, 4)])]
    classic = b'# TYPE %s histogram\n%s_bucket{le="1"} 2\n%s_bucket{le="+Inf"} 3\n%s_sum 4\n%s_count 3\n'
    with h.Dir() as d, h.Pages() as pages, h.Receiver(d) as receiver:
        def serve(families, customs):
            pages.pages["/metrics"] = lambda _: (200, e.CONTENT_TYPE, e.page(*families))
            pages.pages["/custom"] = b"".join(classic.replace(b"%s", name) for name in customs)

        serve(before, [b"n", b"m"])
        jobs = ("- job_name: j\n  scrape_native_histograms: true\n  static_configs: [{targets: ['%s']}]\n"
                "- job_name: k\n  metrics_path: /custom\n  convert_classic_histograms_to_nhcb: true\n"
                "  static_configs: [{targets: ['%s']}]\n" % (pages.address, pages.address))
        text = config([receiver], jobs).replace(
            "  queue_config", "  send_native_histograms: true\n"
            "  protobuf_message: io.prometheus.write.v2.Request\n  queue_config")
        with h.Agent(d, text) as agent:
            h.wait_for(lambda: stored(receiver, "c") and stored(receiver, "m"), 10, "histograms arrive")
            h.wait_for(lambda: receiver.stats()["histograms"] >= 5, 10, "as histograms")
            agent.kill()
        serve(after, [b"n"])
        with h.Agent(d, text, port=agent.port):
            h.wait_for(lambda: stored(receiver, "d"), 10, "the page after the restart arrives")
            for name in "bm":
                h.wait_for(lambda: is_stale(next(iter(stored(receiver, name).values()))), 5, name + " gets its marker")
            for name in "acn":
                h.check(len(stored(receiver, name)) == 1, "one series " + name)
            h.check(next(iter(stored(receiver, "c").values()))["last_value"] == 1, "c is a float now")
        stats = receiver.stats()
        h.check(stats["stale_markers"] == 2, "no other series gets one: %s" % stats)
        h.check(stats["out_of_order"] == 0 and stats["conflicts"] == 0 and stats["answered_400"] == 0,
                "in order over the restart: %s" % stats)


def without_a_disk_memory_serves():
    with h.Dir() as d, h.Pages(PAGES) as pages, h.Receiver(d) as receiver:
        jobs = "- job_name: j\n  static_configs: [{targets: ['%s']}]\n" % pages.address
        d.file("plain", "a file, not a directory")
        with h.Agent(d, config([receiver], jobs), storage=d.path + "/plain/x") as agent:
            h.wait_for(lambda: receiver.stats()["samples"] > 20, 10, "samples arrive without a disk")
            h.check("memory only" in agent.log() and "ERROR" in agent.log(), "it says so loudly")
            h.check(agent.stop() == 0, "exit 0")


def a_dead_destination_holds_up_nobody():
    with h.Dir() as d, h.Pages(PAGES) as pages, h.Receiver(d) as good, h.Receiver(d) as bad:
        # A Prometheus agent's directory at the same place stays as it is.
        wal = os.path.join(d.path, "ampagent-data", "wal")
        os.makedirs(wal)
        with open(os.path.join(wal, "00000000"), "w") as f:
            f.write("not ours")
        bad.switch(rate_500=1)
        jobs = "- job_name: j\n  static_configs: [{targets: ['%s']}]\n" % pages.address
        with h.Agent(d, config([good, bad], jobs), "--storage.remote.flush-deadline=500ms") as agent:
            h.wait_for(lambda: good.stats()["samples"] > 40, 15, "the good one is served")
            ledger = {e["url"]: e for e in agent.ledger()["destinations"]}
            h.check(ledger[bad.url]["queued"] >= 40 and ledger[bad.url]["sent"] == 0, "the bad one's wait: %s" % ledger)
            h.check(ledger[bad.url]["lastError"] != "", "and say why")
            for entry in ledger.values():
                h.check(entry["sent"] + entry["queued"] + entry["dropped"] <= agent.ledger()["headSequence"],
                        "books: %s" % entry)
            bad.switch(rate_500=0)
            h.wait_for(agent.drained, 15, "it catches up")
            h.check(agent.stop() == 0, "exit 0")
        h.check(good.stats()["samples"] == bad.stats()["samples"], "both have the same: %s %s"
                % (good.stats()["samples"], bad.stats()["samples"]))
        h.check(open(os.path.join(wal, "00000000")).read() == "not ours", "Prometheus's files are untouched")


targets_come_and_go()
a_series_lost_over_a_restart_gets_its_marker()
a_histogram_lost_over_a_restart_gets_its_marker()
without_a_disk_memory_serves()
a_dead_destination_holds_up_nobody()
h.finish()
