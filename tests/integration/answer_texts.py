"""AMP's answers with their real texts, one destination for each: what is sent again, what is dropped and booked, what
the log, the page's table and the metrics say of it.

Each peer gives its answers once and takes everything after them. Besides, two of the stand-in's own states: a clock
that is ten minutes ahead, and a workspace that is full of series.
"""
import json
import random

import harness as h
from sequences_decode import Delivered

SERIES = 40
QUEUE = {"batch_send_deadline": "200ms", "min_backoff": "20ms", "max_backoff": "200ms", "max_shards": 1}
USER = "user=123456789012_%s: " % h.WORKSPACE
WRAPPED = ("maxFailure (quorum) on a given error family, rpc error: code = Code(400) desc = addr=10.1.41.23:9095 "
           "state=ACTIVE zone=us-east-1a, rpc error: code = Code(400) desc = " + USER)
SAMPLE = "timestamp=2026-08-06T10:11:12.345Z, series={__name__=\"many\", job=\"j\", n=\"1\"}"
FULL = ("per-user series limit of 10000000 exceeded,\nCapacity from 2,000,000 to 10,000,000 is automatically adjusted "
        "based on the last 30 min of usage.\nIf throttled above 10,000,000 or in case of incoming surges, please "
        "contact administrator to raise it.\n(local limit: 0 global limit: 10000000 actual local limit: 92879)")
DENIED = ("User: arn:aws:sts::123456789012:assumed-role/agent/i-1 is not authorized to perform: aps:RemoteWrite on "
          "resource: arn:aws:aps:eu-west-1:123456789012:workspace/%s" % h.WORKSPACE)


def front(message, key="message"):
    return json.dumps({key: message})


# name: (status, x-amzn-ErrorType, body, what becomes of it, cause, what is named)
ROWS = {
    "ingestion-rate": (429, None, "ingestion rate limit (6666.666666666667) exceeded while adding 499 samples and 0 "
                       "metadata", "kept", "ingestion_rate", ""),
    "request-rate": (429, "ThrottlingException", front("Rate exceeded"), "kept", "request_rate", ""),
    "rate-dropped": (429, None, "ingestion rate limit (5) exceeded while adding 499 samples and 0 metadata",
                     "answered_429", "ingestion_rate", ""),
    "too-large": (413, None, front("Request Entity Too Large"), "split", "size", ""),
    "size-in-400": (400, None, "received message larger than max (2097152 vs 1048576)", "split", "size", ""),
    "out-of-order": (400, None, WRAPPED + "err: out of order sample. " + SAMPLE, "answered_400", "out_of_order", "many"),
    "too-old": (400, None, USER + "timestamp too old: 1700000000000 metric: \"many\"", "answered_400", "too_old", "many"),
    "duplicate": (400, None, USER + "err: duplicate sample for timestamp. " + SAMPLE, "answered_400", "duplicate", "many"),
    "labels": (400, None, USER + "series has too many labels (actual: 160, limit: 150) series: 'many{a=\"<b>1</b>\"}'",
               "answered_400", "label_limits", "many"),
    "empty-400": (400, None, "", "answered_400", "not_named", ""),
    "binary-400": (400, None, b"\xff\x00\x01{\"message\":\"", "answered_400", "not_named", ""),
    "metric-limit": (400, None, USER + "per-metric series limit of 5 exceeded for metric many, please contact "
                     "administrator to raise it (local limit: 0 global limit: 5 actual local limit: 1)",
                     "answered_400", "metric_series_limit", "many"),
    "series-limit": (400, None, WRAPPED + FULL, "answered_400", "series_limit", ""),
    "expired-token": (403, "ExpiredTokenException", front("The security token included in the request is expired"),
                      "kept", "credentials", ""),
    "unknown-token": (403, None, front("The security token included in the request is invalid."), "kept",
                      "credentials", ""),
    "old-signature": (403, "InvalidSignatureException", front(
        "Signature expired: 20260806T101112Z is now earlier than 20260806T101613Z (20260806T102113Z - 5 min.)"),
                      "kept", "clock", ""),
    "denied": (403, "AccessDeniedException", front(DENIED, "Message"), "kept", "access_denied", ""),
    "no-workspace": (404, "ResourceNotFoundException", front("Workspace not found", "Message"), "kept", "not_found", ""),
    "no-protocol": (415, None, "application/x-protobuf content type is not accepted", "answered_4xx", "protocol", ""),
    "unavailable": (503, None, "ingester's samples push rate limit reached", "kept", "server_error", ""),
}


def samples_of(body):
    got = Delivered()
    got.take(body, 1)
    h.check(not got.errors, "a request can be read: %s" % got.errors)
    return sum(len(v) for v in got.samples.values())


class Peer(h.Pages):
    """Refuses once, then takes everything."""

    def __init__(self, name, row):
        self.name, self.row = name, row
        self.bodies = []  # in order, the refused one first
        super().__init__({"/write": self.take})

    def take(self, request):
        self.bodies.append(bytes(request.body))
        if len(self.bodies) > 1:
            return 204, None, b""
        status, kind, body = self.row[:3]
        extra = {"x-amzn-RequestId": "id-of-" + self.name}
        if kind:
            extra["x-amzn-ErrorType"] = kind
        return status, "text/plain", body if isinstance(body, bytes) else body.encode(), extra

    def config(self):
        queue = dict(QUEUE)
        if self.row[3] == "answered_429":
            queue["retry_on_http_429"] = False
        return {"name": self.name, "url": "http://%s/write" % self.address, "queue_config": queue,
                "metadata_config": {"send": False}}


def signed(name, receiver):
    return {"name": name, "url": receiver.url, "queue_config": QUEUE, "metadata_config": {"send": False},
            "sigv4": {"region": h.REGION, "access_key": h.ACCESS_KEY, "secret_key": h.SECRET_KEY}}


def page(names):
    return "".join("%s{n=\"%d\"} %d\n" % (name, i, random.getrandbits(20)) for name in names
                   for i in range(SERIES)).encode()


def config(destinations):
    return json.dumps({
        "global": {"scrape_interval": "300ms", "scrape_timeout": "250ms"},
        "scrape_configs": [{"job_name": "j", "file_sd_configs": [{"files": ["targets.json"],
                                                                  "refresh_interval": "1h"}]}],
        "remote_write": destinations}, indent=1)


def books(agent):
    ledger = agent.ledger()
    for e in ledger["destinations"]:
        h.check(ledger["headSequence"] == e["sent"] + e["dropped"] + e["queued"], "the books of %s: %s of %d"
                % (e["name"], e, ledger["headSequence"]))
    return ledger["headSequence"], {e["name"]: e for e in ledger["destinations"]}, ledger["refusals"]


def check_row(agent, peer, head, e, metrics):
    status, _, _, becomes, cause, _ = peer.row
    name, first, rest = peer.name, peer.bodies[0], peer.bodies[1:]
    stored = sum(samples_of(b) for b in rest)
    if becomes == "kept":
        h.check(rest[0] == first and e["dropped"] == 0 and stored == head == e["sent"],
                "%s: the same request comes again, all %d arrive: %s, stored %d" % (name, head, e, stored))
    elif becomes == "split":
        h.check(samples_of(rest[0]) < samples_of(first) and e["dropped"] == 0 and stored == head,
                "%s: in parts, all %d arrive: %s, stored %d" % (name, head, e, stored))
    else:
        lost = samples_of(first)
        h.check(first not in rest and e["droppedBy"] == {becomes: lost},
                "%s: never again, %d dropped as %s: %s" % (name, lost, becomes, e))
        h.check(e["sent"] == stored == head - lost, "%s: the others arrive: %s, stored %d of %d"
                % (name, e, stored, head))
    h.check(metrics.get("ampagent_remote_write_refused_answers_total{remote_name=\"%s\",cause=\"%s\"}"
                        % (name, cause)) == 1, "%s: counted by its cause" % name)


def check_told(agent, peer, refusals):
    """The table of the page and the log name cause, who is named, and the request."""
    _, _, body, becomes, cause, named = peer.row
    mine = [r for r in refusals if r["destination"] == peer.name]
    h.check(len(mine) == 1 and mine[0]["cause"] == cause and mine[0]["named"] == named and mine[0]["answers"] == 1
            and mine[0]["advice"] and mine[0]["meaning"], "%s: in the table: %s" % (peer.name, mine))
    lost = becomes not in ("kept", "split")
    h.check(mine and mine[0]["samplesAtMost"] == (samples_of(peer.bodies[0]) if lost else 0)
            and "HTTP status %d" % peer.row[0] in mine[0]["lastAnswer"], "%s: its samples: %s" % (peer.name, mine))
    lines = [line for line in agent.log().splitlines() if "remote_name=%s " % peer.name in line
             and "id-of-" + peer.name in line]
    h.check(len(lines) == 1, "%s: one line with the request's id: %s" % (peer.name, lines))
    if becomes != "split":
        h.check(lines and "cause=" + cause in lines[0], "%s: the line says why: %s" % (peer.name, lines))
    if cause == "access_denied":
        h.check(lines and "assumed-role/agent/i-1" in lines[0] and h.WORKSPACE in lines[0] and "level=ERROR" in lines[0],
                "who may not do what: %s" % lines)


def check_clock(agent, receiver, head, e):
    stats = receiver.stats()
    h.check(e["sent"] == head == stats["samples"] and stats["answers"].get("403", 0) == 1,
            "signed by the endpoint's clock after one refusal: %s, %s" % (e, stats["answers"]))
    h.check("This machine's clock is " in agent.log(), "and told")


def end_of_scraping(d, agent, receiver):
    d.file("targets.json", "[]")
    h.wait_for(lambda: receiver.stats()["stale_markers"] > SERIES, 10, "the series end")
    h.wait_for(agent.drained, 40, "all is delivered: %s" % agent.ledger()["destinations"])


def texts(d, peers, ahead):
    with h.Agent(d, config([p.config() for p in peers] + [signed("ahead", ahead)]),
                 "--storage.remote.flush-deadline=500ms") as agent:
        agent.wait_ready()
        where = [line for line in agent.log().splitlines() if "retry_on_http_429: false" in line.replace("\\", "")]
        h.check(len(where) == 1 and "level=WARN" in where[0] and "ampagent.yml line=" in where[0],
                "the setting that loses samples is warned of, with its place: %s" % where)
        h.wait_for(lambda: all(len(p.bodies) >= 3 for p in peers), 30, "every peer has refused, and taken the next")
        h.wait_for(lambda: ahead.stats()["samples"] > 0, 10, "signatures are corrected")
        end_of_scraping(d, agent, ahead)
        head, now, refusals = books(agent)
        metrics = agent.metrics()
        for peer in peers:
            check_row(agent, peer, head, now[peer.name], metrics)
            check_told(agent, peer, refusals)
        check_clock(agent, ahead, head, now["ahead"])
        h.check(b"What the endpoint refused" in h.get(agent.base + "/"), "the page has a place for it")
        h.check(agent.stop() == 0, "exit 0")


def check_full(agent, receiver, e, before):
    """A full workspace: what it has is known to be stored, what is new is dropped by name."""
    stats = receiver.stats()
    by = e["droppedBy"]
    most = e["sent"] + by.get("answered_400", 0)
    h.check(by.get("series_limit", 0) > 2 * SERIES and set(by) == {"answered_400", "series_limit"}
            and e["sent"] <= stats["samples"] <= most, "stored %d of %d to %d: %s"
            % (stats["samples"], e["sent"], most, e))
    h.check(stats["answers"]["400"] == 1, "one request finds out: %s" % stats["answers"])
    # The forty of before, in each of the scrapes that came after.
    h.check(e["sent"] - before > 3 * SERIES, "the others go on: %d before, %s" % (before, e))
    h.check("takes no more new series" in agent.log(), "and a person is told")


def full_workspace(d, pages):
    """An agent that has run before, so that it knows which series are new."""
    # The forty, those about the scrape, and a few of the new ones.
    receiver = h.Receiver(d, "--series-limit=%d" % (SERIES + 12))
    what = config([signed("full", receiver)])
    with h.Agent(d, what, name="first", storage=d.file("full-data")) as agent:
        h.wait_for(lambda: receiver.stats()["samples"] > 2 * SERIES, 10, "the first series are stored")
        h.check(agent.stop() == 0, "exit 0")
    h.check("400" not in receiver.stats()["answers"], "they fit")
    with h.Agent(d, what, "--storage.remote.flush-deadline=500ms", name="second", storage=d.file("full-data")) as agent:
        stored = receiver.stats()["samples"]
        h.wait_for(lambda: receiver.stats()["samples"] > stored + SERIES, 10, "they go on")
        before = books(agent)[1]["full"]["sent"]
        pages.pages["/metrics"] = page(["many", "more"])

        def goes_on():
            e = books(agent)[1]["full"]
            return e["droppedBy"].get("series_limit", 0) > 2 * SERIES and e["sent"] > before + 4 * SERIES
        h.wait_for(goes_on, 20, "new series are shed, the others are sent")
        end_of_scraping(d, agent, receiver)
        check_full(agent, receiver, books(agent)[1]["full"], before)
        h.check(agent.stop() == 0, "exit 0")
    receiver.stop()


random.seed(1)
with h.Dir() as d, h.Pages({"/metrics": page(["many"])}) as pages:
    d.file("targets.json", json.dumps([{"targets": [pages.address]}]))
    peers = [Peer(name, row) for name, row in ROWS.items()]
    ahead = h.Receiver(d, "--clock-ahead=10m", "--max-age=0s", "--max-future=0s")
    texts(d, peers, ahead)
    ahead.stop()
    for peer in peers:
        peer.__exit__()
    d.file("targets.json", json.dumps([{"targets": [pages.address]}]))
    full_workspace(d, pages)
h.finish()
