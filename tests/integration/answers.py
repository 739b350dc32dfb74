"""What a destination may answer, and what becomes of the samples: kept, repeated, split or dropped, and counted.

One agent writes the same samples to one destination for each kind of trouble. All troubles end, the
targets go, and then the books of every destination must agree with what its peer has stored.
"""
import json
import random
import re
import time

import harness as h

SERIES = 40
BIG_BYTES = 2000
QUEUE = {"batch_send_deadline": "200ms", "min_backoff": "20ms", "max_backoff": "200ms"}


def page():
    lines = ["many{n=\"%d\",text=\"%032x\"} %d" % (i, random.getrandbits(128), i) for i in range(SERIES)]
    # Alone it is larger than what the destination "small" takes.
    lines.append("big{text=\"%0*x\"} 1" % (BIG_BYTES, random.getrandbits(4 * BIG_BYTES)))
    return ("\n".join(lines) + "\n").encode()


class Trouble:
    """A destination and how its peer behaves until it is repaired."""

    def __init__(self, d, *flags, settings=None, repair=None, signed=True, **queue):
        self.d, self.flags = d, flags
        self.settings = settings or {}
        self.queue = dict(QUEUE, **queue)
        self.repair_with = repair or {}
        self.receiver = h.Receiver(d, *flags, signed=signed)

    def config(self, name):
        return dict({"name": name, "url": self.receiver.url, "queue_config": self.queue,
                     "sigv4": {"region": h.REGION, "access_key": h.ACCESS_KEY, "secret_key": h.SECRET_KEY}},
                    **self.settings)

    def repair(self):
        if self.repair_with == "restart":
            self.receiver.stop()
            self.receiver = h.Receiver(self.d, port=self.receiver.port)
        elif self.repair_with:
            self.receiver.switch(**self.repair_with)


class Scripted(h.Pages):
    """A peer of remote write that answers what it is told, and remembers when it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.times = []
        super().__init__({"/write": self.take})

    def take(self, request):
        self.times.append(time.monotonic())
        return self.answer(len(self.times))

    def config(self, name):
        return {"name": name, "url": "http://%s/write" % self.address,
                "queue_config": dict(QUEUE, max_shards=1)}


def make_troubles(d):
    return {
        "good": Trouble(d),
        "throttled": Trouble(d, "--rate-429=1", repair={"rate_429": 0}, max_shards=1, min_backoff="200ms",
                             max_backoff="400ms"),
        "throttled-drop": Trouble(d, "--rate-429=0.5", repair={"rate_429": 0}, retry_on_http_429=False),
        "failing": Trouble(d, "--rate-500=1", repair={"rate_500": 0}),
        "losing": Trouble(d, "--rate-drop=0.5", repair={"rate_drop": 0}),
        "forbidden": Trouble(d, "--rate-403=1", repair={"rate_403": 0}, max_shards=1),
        "wrong-key": Trouble(d, "--access-key=" + h.ACCESS_KEY, "--secret-key=not-this-one", "--region=" + h.REGION,
                             signed=False, repair="restart"),
        "wrong-workspace": Trouble(d, "--workspace=ws-of-somebody-else", repair="restart"),
        "small": Trouble(d, "--max-request-bytes=1200"),
        "partial": Trouble(d, "--rate-400=0.5", repair={"rate_400": 0}),
        "slow": Trouble(d, "--latency=2s", settings={"remote_timeout": "1s"}, repair={"latency_ms": 0}),
    }


def make_scripted():
    kind = "text/plain"
    return {
        "elected": Scripted(lambda n: (202, kind, b"replicas did not match")),
        "unprocessable": Scripted(lambda n: (422, kind, b"no")),
        "silent-400": Scripted(lambda n: (400, None, b"")),
        "later": Scripted(lambda n: (503, kind, b"not now", {"Retry-After": "2"}) if n == 1 else (204, None, b"")),
    }


def config(troubles, scripted):
    return json.dumps({
        "global": {"scrape_interval": "300ms", "scrape_timeout": "250ms"},
        "scrape_configs": [{"job_name": "j", "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1h"}]}],
        "remote_write": [t.config(name) for name, t in list(troubles.items()) + list(scripted.items())]}, indent=1)


def books(agent):
    """The destinations of the ledger by name, and what each dropped by reason."""
    ledger = agent.ledger()
    out = {e["name"]: e for e in ledger["destinations"]}
    dropped = {}
    for series, value in agent.metrics().items():
        found = re.match(r'prometheus_remote_storage_samples_dropped_total{remote_name="([^"]*)".*reason="([^"]*)"', series)
        if found and value > 0:
            dropped.setdefault(found.group(1), {})[found.group(2)] = int(value)
    for name, e in out.items():
        h.check(ledger["headSequence"] == e["sent"] + e["dropped"] + e["queued"], "identity of %s: %s of %d"
                % (name, e, ledger["headSequence"]))
        h.check(ledger["headSequence"] == ledger["logged"] == ledger["scraped"], "head, logged, scraped: %s" % ledger)
    return ledger["headSequence"], out, dropped


def errors_seen(agent, seen):
    for e in agent.ledger()["destinations"]:
        seen.setdefault(e["name"], set()).add(e["lastError"])
    return seen


def told(seen, name, *words):
    return all(any(word in text for text in seen.get(name, ())) for word in words)


def wait_for_every_trouble(agent, troubles, scripted):
    seen = {}

    def stats(name):
        return troubles[name].receiver.stats()

    def all_there():
        errors_seen(agent, seen)
        return (told(seen, "throttled", "ingestion rate limit", "Rate exceeded")
                and all(str(code) in stats("failing")["answers"] for code in (500, 502, 503, 504))
                and stats("losing")["dropped"] >= 4 and stats("losing")["duplicates"] > 0
                and stats("forbidden")["requests"] >= 2 and stats("wrong-key")["requests"] >= 2
                and told(seen, "wrong-workspace", "Workspace not found")
                and stats("partial")["answered_400"] >= 4 and told(seen, "slow", "timeout of 1000 ms")
                and stats("throttled-drop")["answered_429"] >= 2
                and len(scripted["later"].times) > 2)
    h.wait_for(all_there, 25, "every trouble shows")
    return seen


def while_in_trouble(agent, troubles, seen, since):
    _, now, dropped = books(agent)
    elapsed = time.monotonic() - since
    for name in ("throttled", "failing", "forbidden", "wrong-key", "wrong-workspace"):
        h.check(now[name]["sent"] == 0 and now[name]["dropped"] == 0 and now[name]["queued"] > 0,
                "all of %s is kept: %s %s" % (name, now[name], dropped.get(name)))
    h.check(now["good"]["sent"] > 0 and now["good"]["dropped"] == 0, "the good one does not suffer: %s" % now["good"])
    # 200 ms, then 400 ms between attempts, up to a quarter more.
    requests = troubles["throttled"].receiver.stats()["requests"]
    h.check(requests <= 3 + elapsed / 0.4, "%d throttled requests in %.1f s" % (requests, elapsed))
    # 1 s, 2 s, 4 s ...
    requests = troubles["forbidden"].receiver.stats()["requests"]
    h.check(requests <= 2 + elapsed / 1.5, "%d forbidden requests in %.1f s" % (requests, elapsed))
    h.check(told(seen, "forbidden", "ExpiredTokenException") and told(seen, "forbidden", "request id"),
            "an expired token is told: %s" % seen["forbidden"])
    h.check(told(seen, "wrong-key", "SignatureDoesNotMatch") or told(seen, "wrong-key", "InvalidSignature"),
            "a wrong key is told: %s" % seen["wrong-key"])
    loud = [line for line in agent.log().splitlines() if "level=ERROR" in line and "is refused" in line]
    for name in ("forbidden", "wrong-key", "wrong-workspace"):
        mine = [line for line in loud if "remote_name=%s " % name in line]
        h.check(mine and "request id" in mine[0], "a loud line about %s: %s" % (name, mine or loud))
        h.check(len(mine) <= 2, "but not for every attempt: %d" % len(mine))


def end_of_scraping(d, agent, troubles):
    d.file("targets.json", "[]")
    good = troubles["good"].receiver
    h.wait_for(lambda: good.stats()["stale_markers"] > SERIES, 10, "the series end")
    h.wait_for(agent.drained, 40, "all is delivered: %s" % agent.ledger()["destinations"])


def after_all(agent, troubles, scripted):
    head, now, dropped = books(agent)
    stats = {name: t.receiver.stats() for name, t in troubles.items()}
    for name, e in now.items():
        h.check(e["queued"] == 0 and sum(dropped.get(name, {}).values()) == e["dropped"],
                "%s: %s by reason %s" % (name, e, dropped.get(name)))
    for name, s in stats.items():
        h.check(s["conflicts"] == 0 and s["out_of_order"] == 0 and s["too_old"] == 0 and s["bad_labels"] == 0,
                "%s: in order, and what comes twice is the same: %s" % (name, s))
    for name in ("good", "throttled", "failing", "losing", "forbidden", "slow"):
        h.check(now[name]["sent"] == head and stats[name]["samples"] == head, "%s: all %d arrive: %s, stored %d"
                % (name, head, now[name], stats[name]["samples"]))
    for name in ("wrong-key", "wrong-workspace"):
        h.check(now[name]["sent"] == head and stats[name]["samples"] == head, "%s: all arrive at the repaired one: %s"
                % (name, now[name]))
    for name in ("good", "throttled", "failing", "forbidden"):
        h.check(stats[name]["duplicates"] == 0, "%s: nothing comes twice: %s" % (name, stats[name]))
    h.check(set(dropped) == {"throttled-drop", "small", "partial", "elected", "unprocessable", "silent-400"},
            "who dropped what: %s" % dropped)
    h.check(set(dropped["throttled-drop"]) == {"answered_429"}
            and stats["throttled-drop"]["samples"] == now["throttled-drop"]["sent"],
            "retry_on_http_429 false: %s %s" % (dropped["throttled-drop"], now["throttled-drop"]))
    big = stats["good"]["samples"] - stats["small"]["samples"]
    h.check(big > 1 and dropped["small"] == {"too_large": big} and stats["small"]["answers"].get("413", 0) > 0
            and stats["small"]["samples"] == now["small"]["sent"], "too large: %s, %d not stored, %s"
            % (dropped["small"], big, stats["small"]["answers"]))
    low, most = now["partial"]["sent"], now["partial"]["sent"] + dropped["partial"].get("answered_400", 0)
    h.check(set(dropped["partial"]) == {"answered_400"} and low < stats["partial"]["samples"] < most
            and stats["partial"]["samples"] == head - stats["partial"]["refused"],
            "partial: %d stored of %d to %d, %d refused" % (stats["partial"]["samples"], low, most,
                                                             stats["partial"]["refused"]))
    h.check(dropped["elected"] == {"ha_deduplicated": head}, "202: %s" % dropped["elected"])
    h.check(dropped["unprocessable"] == {"answered_4xx": head}, "422: %s" % dropped["unprocessable"])
    h.check(dropped["silent-400"] == {"answered_400": head}, "400 without a word: %s" % dropped["silent-400"])
    times = scripted["later"].times
    # The agent's clock has milliseconds.
    h.check(now["later"]["sent"] == head and times[1] - times[0] >= 1.99, "Retry-After is kept to: %.3f s"
            % (times[1] - times[0]))


random.seed(1)
with h.Dir() as d, h.Pages({"/metrics": page()}) as pages:
    d.file("targets.json", json.dumps([{"targets": [pages.address]}]))
    troubles, scripted = make_troubles(d), make_scripted()
    started = time.monotonic()
    with h.Agent(d, config(troubles, scripted), "--storage.remote.flush-deadline=500ms") as agent:
        agent.wait_ready()
        seen = wait_for_every_trouble(agent, troubles, scripted)
        while_in_trouble(agent, troubles, seen, started)
        for trouble in troubles.values():
            trouble.repair()
        end_of_scraping(d, agent, troubles)
        after_all(agent, troubles, scripted)
        h.check(agent.stop() == 0, "exit 0")
    for trouble in troubles.values():
        trouble.receiver.stop()
    for peer in scripted.values():
        peer.__exit__()
h.finish()
