"""Reloads that change what series are called: what waited keeps the labels that it was scraped with, one destination
up, one down all the while, in both protocols; series of changed external labels end with markers."""
import os
import re
import time

import harness as h

STALE = "7ff0000000000002"
REPORT = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
          "scrape_series_added")


def page(_):
    page.n += 1
    return 200, "text/plain", ("fetches %d\nsometimes 1\n" % page.n).encode()


page.n = 0


def text(era, drop, server, writes):
    rules = "  write_relabel_configs: [{source_labels: [__name__], regex: sometimes, action: drop}]\n" if drop else ""
    return ("global: {scrape_interval: 200ms, scrape_timeout: 150ms, external_labels: {era: '%s'}}\n"
            "scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['%s']}]\nremote_write:\n%s"
            % (era, server.address, "".join(
                w + "  queue_config: {batch_send_deadline: 100ms, min_backoff: 10ms, max_backoff: 100ms}\n" + rules
                for w in writes)))


def reload(d, agent, config):
    before = agent.metrics()["prometheus_config_last_reload_success_timestamp_seconds"]
    d.file("ampagent.yml", config)
    h.get(agent.base + "/-/reload", data=b"")
    h.wait_for(lambda: agent.metrics()["prometheus_config_last_reload_success_timestamp_seconds"] > before, 10, "reloaded")


def recorded(path):
    """{(name, era): [(t, bits)]}."""
    out = {}
    with open(path) as f:
        for line in f:
            t, bits, labels = line.rstrip("\n").split(" ", 2)
            name = re.search(r'__name__="([^"]*)"', labels).group(1)
            era = re.search(r'era="([^"]*)"', labels).group(1)
            out.setdefault((name, era), []).append((int(t), bits))
    return out


def some_scrapes(agent, n=4):
    goal = page.n + n
    h.wait_for(lambda: page.n >= goal, 10, "some scrapes")


def check_series(series, who):
    for name in REPORT + ("fetches", "sometimes"):
        old, new = series.get((name, "one"), []), series.get((name, "two"), [])
        h.check(len(old) >= 4 and len(new) >= 4, "%s: %s has both eras: %d, %d" % (who, name, len(old), len(new)))
        h.check([b for _, b in old].count(STALE) == 1 and old[-1][1] == STALE,
                "%s: %s of the first era ends with its one marker" % (who, name))
        h.check(STALE not in [b for _, b in new[:-1]], "%s: %s of the second goes on" % (who, name))
        h.check(max(t for t, _ in old) < min(t for t, _ in new), "%s: one era after the other" % who)
    fetches = series[("fetches", "one")][:-1] + series[("fetches", "two")]
    values = [b for _, b in fetches if b != STALE]
    h.check(len(set(values)) == len(values), "%s: no page twice" % who)
    last = max(t for t, _ in series[("sometimes", "two")])
    h.check(last < max(t for t, _ in series[("fetches", "two")]) - 600,
            "%s: what is dropped from the third configuration on is gone" % who)
    return values


def main():
    with h.Dir() as d, h.Pages({"/metrics": page}) as server:
        records = [os.path.join(d.path, n) for n in ("good.txt", "late.txt")]
        with h.Receiver(d, "--record=" + records[0]) as good, h.Receiver(d, "--record=" + records[1]) as late:
            late.switch(rate_500=1)
            writes = [good.config(), late.config("  protobuf_message: io.prometheus.write.v2.Request\n")]
            with h.Agent(d, text("one", False, server, writes), "--web.enable-lifecycle") as agent:
                agent.wait_ready()
                some_scrapes(agent)
                reload(d, agent, text("two", False, server, writes))
                some_scrapes(agent)
                reload(d, agent, text("two", True, server, writes))
                some_scrapes(agent, 8)
                late.switch(rate_500=0)
                h.wait_for(lambda: all(x["queued"] < 20 for x in agent.ledger()["destinations"]), 20, "it catches up")
                h.check(agent.stop() == 0, "exit 0")
            for r in (good, late):
                stats = r.stats()
                h.check(stats["refused"] == 0 and stats["out_of_order"] == 0 and stats["duplicates"] == 0,
                        "nothing is refused or doubled: %s" % stats)
                h.get("http://127.0.0.1:%d/flush" % r.port, data=b"")
        a, b = (recorded(r) for r in records)
        va, vb = check_series(a, "up"), check_series(b, "down")
        h.check(va == vb, "both have the same pages: %d, %d" % (len(va), len(vb)))
        h.check(a == b, "and the same samples")


main()
h.finish()
