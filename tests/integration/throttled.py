"""A destination that takes so many bytes a second, after an outage: paced, not hammered; nothing is lost.

The peer refuses with AMP's words what goes beyond its bucket. A sender that came back as fast as it
could would be refused for most of what it sends; here only a small part of the requests is.
"""
import random
import threading
import time

import harness as h

SERIES, INTERVAL_MS = 1000, 200
WAITING = 60000           # samples, when the outage ends
LIMIT, BURST = 220e3, 220e3  # bytes a second: about twice what comes in
REFUSED_MOST = 0.2        # of the requests


class Peer(h.Pages):
    def __init__(self):
        self.lock = threading.Lock()
        self.away, self.tokens, self.at = True, BURST, time.monotonic()
        self.taken, self.refused = 0, 0
        super().__init__({"/write": self.take})

    def take(self, request):
        with self.lock:
            if self.away:
                return 503, "text/plain", b"away\n"
            now = time.monotonic()
            self.tokens = min(BURST, self.tokens + (now - self.at) * LIMIT)
            self.at = now
            if self.tokens < len(request.body):
                self.refused += 1
                return (429, "text/plain", b"ingestion rate limit (5000) exceeded while adding "
                        b"2000 samples and 0 metadata\n")
            self.tokens -= len(request.body)
            self.taken += 1
            return 200, "text/plain", b""


def page(_):
    return (200, "text/plain; version=0.0.4",
            "".join("noise{n=\"%d\"} %r\n" % (i, random.random()) for i in range(SERIES)).encode())


def config(pages, peer):
    return ("global: {scrape_interval: %dms, scrape_timeout: %dms}\n"
            "scrape_configs:\n- job_name: noise\n  static_configs: [{targets: ['%s']}]\n"
            "remote_write:\n- url: http://%s/write\n  name: slow\n  metadata_config: {send: false}\n"
            "  queue_config: {max_samples_per_send: 500, batch_send_deadline: 500ms, min_shards: 4,"
            " max_backoff: 1s}\n" % (INTERVAL_MS, INTERVAL_MS, pages.address, peer.address))


def destination(agent):
    return agent.ledger()["destinations"][0]


def pace(agent):
    return sum(v for k, v in agent.metrics().items()
               if k.startswith("ampagent_remote_write_pace_samples_per_second{"))


with h.Dir() as d, h.Pages({"/metrics": page}) as pages, Peer() as peer, \
        h.Agent(d, config(pages, peer)) as agent:
    agent.wait_ready()
    h.wait_for(lambda: destination(agent)["queued"] >= WAITING, 60, "an outage's samples wait")
    peer.away = False
    h.wait_for(lambda: pace(agent) > 0, 30, "what is sent is paced")
    h.wait_for(lambda: destination(agent)["queued"] < 5 * SERIES, 90, "it catches up all the same")
    pages.pages.clear()
    h.wait_for(agent.drained, 30, "all is delivered")
    books = destination(agent)
    h.check(books["dropped"] == 0, "nothing was lost: %s" % books)
    h.check(peer.refused > 0, "the peer had to refuse something")
    h.check(peer.refused <= REFUSED_MOST * (peer.taken + peer.refused),
            "few requests are refused: %d of %d" % (peer.refused, peer.taken + peer.refused))
    print("%d requests taken, %d refused" % (peer.taken, peer.refused))
h.finish()
