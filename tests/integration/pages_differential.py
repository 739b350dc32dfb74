"""Pages of every kind, valid and broken, scraped by the agent and by real Prometheus agents at once.

All write to one recorder; what each delivered for a page must be the same samples with the same bits, the same
reports, the same staleness markers. What is meant to differ is counted by name (pages_compare.py).
"""
import collections
import os
import re
import subprocess
import sys
import threading
import time

import harness as h
import page_generator
from pages_compare import Comparison, collect
from recorder import Recorder

INTERVAL_S = 7
SCRAPES = page_generator.SCRAPES
US = "ampagent"


class Peer:
    def __init__(self, name, argv, v2, pages):
        self.name, self.argv, self.v2 = name, argv, v2
        self.asked = [k for k, page in enumerate(pages) if v2 or not bare_name_in_braces(page)]


def bare_name_in_braces(page):
    """{A} and a{b}: 3.5 takes the bare name for a quoted one and may crash; it is not asked about them."""
    string = re.compile(rb'"(?:\\.|[^"\\])*"', re.S)
    return any(re.search(rb"\w[ \t]*[},]", string.sub(b'""', text)) for text in page.variants)


def find_peers(pages):
    peers = [Peer("prometheus 2.42", [h.peer("prometheus"), "--enable-feature=agent"], True, pages)]
    newer = subprocess.run([os.path.join(h.ROOT, "tests", "lib", "peers.sh"), "prometheus3"],
                           stdout=subprocess.PIPE, universal_newlines=True)
    if newer.returncode == 0:
        peers.append(Peer("prometheus 3", [newer.stdout.strip(), "--agent"], False, pages))
    else:
        print("left out: a Prometheus 3 cannot be had")
    return peers


class Served:
    """Each sender gets a page's variants in turn, then empty pages."""

    def __init__(self, server, pages):
        self.server, self.pages = server, pages
        self.counts = collections.Counter()
        self.lock = threading.Lock()

    def to(self, sender, asked):
        for k in asked:
            self.server.pages["/%s/%d" % (sender, k)] = lambda _, key=(sender, k): self.answer(key)

    def answer(self, key):
        with self.lock:
            n = self.counts[key]
            self.counts[key] += 1
        page = self.pages[key[1]]
        return 200, page.content_type, page.variants[n] if n < SCRAPES else b""

    def done(self, sender, asked):
        return all(self.counts[sender, k] > SCRAPES for k in asked)


def config(server, sender, asked, url):
    targets = "".join("  - {targets: ['%s'], labels: {page: '%d', __metrics_path__: '/%s/%d'}}\n"
                      % (server.address, k, sender, k) for k in asked)
    return ("global: {scrape_interval: %ds, scrape_timeout: %ds}\n"
            "scrape_configs:\n- job_name: pages\n  static_configs:\n%s"
            "remote_write:\n- url: %s\n  queue_config: {batch_send_deadline: 200ms}\n"
            % (INTERVAL_S, INTERVAL_S, targets, url))


def start(directory, server, recorder, served, name, argv, asked):
    sender = name.replace(" ", "-")
    served.to(sender, asked)
    text = config(server, sender, asked, recorder.url(sender))
    if argv is None:
        return h.Agent(directory, text, name=sender)
    return h.Process(sender, argv + ["--config.file=" + directory.file(sender + ".yml", text),
                                     "--web.listen-address=127.0.0.1:%d" % h.free_port(),
                                     "--storage.agent.path=" + directory.file(sender + "-data")], directory)


def scrape(pages, peers):
    """{sender: recorded samples}."""
    with h.Dir() as d, h.Pages() as server, Recorder() as recorder:
        served = Served(server, pages)
        senders = [(US, None, range(len(pages)))] + [(p.name, p.argv, p.asked) for p in peers]
        running = [start(d, server, recorder, served, *sender) for sender in senders]
        h.wait_for(lambda: all(served.done(p.name, asked) for p, (_, _, asked) in zip(running, senders))
                   or not all(p.running() for p in running), 80, "every page is scraped by everyone")
        for process in running:
            h.check(process.running(), "%s still runs: %s" % (process.name, process.log()[-2000:]))
            h.check(process.stop() == 0, "%s exits 0" % process.name)
        h.check(not recorder.errors, "every request is well-formed: %s" % recorder.errors[:3])
        return {name: recorder.of(process.name) for (name, _, _), process in zip(senders, running)}


def check_order(samples):
    """Within a series time only goes forward, whatever a page says."""
    for labels, got in samples.items():
        times = [t for t, _ in got]
        h.check(times == sorted(set(times)), "page %s: %s goes back in time: %s"
                % (dict(labels)[b"page"].decode(), text_of(labels), times))


def text_of(labels):
    return "{%s}" % ", ".join("%r=%r" % (n, v[:60]) for n, v in labels if n not in (b"job", b"instance", b"page"))


def show(pages, k, differences):
    page = pages[k]
    print("---- page %d: %s" % (k, page.name))
    for i in sorted({d[0] for d in differences if d[0] != "timed"}):
        print("  scrape %d of %r" % (i, page.variants[i][:1500]))
    for i, labels, ours, theirs in differences[:6]:
        print("  scrape %s %s\n    ours   %s\n    theirs %s" % (i, text_of(labels), [str(x) for x in ours],
                                                             [str(x) for x in theirs]))


def compare(pages, peer, ours, theirs, base_ms):
    explained, n_pages, unexplained = collections.Counter(), collections.Counter(), 0
    for k in peer.asked:
        if not h.check(k in ours and k in theirs, "page %d arrived from both" % k):
            continue
        result = Comparison(pages[k], ours[k], theirs[k], peer.v2, base_ms).run()
        explained += result.explained
        n_pages += collections.Counter({name: 1 for name, n in result.explained.items() if n})
        if result.unexplained:
            unexplained += len(result.unexplained)
            show(pages, k, result.unexplained)
    samples = sum(len(bits) for k in peer.asked for scrape in theirs[k].plain for bits in scrape.values())
    print("%s: %d pages, %d samples" % (peer.name, len(peer.asked), samples))
    for name, count in sorted(explained.items()):
        print("  %4d on %3d pages: %s" % (count, n_pages[name], name))
    print("  %4d unexplained" % unexplained)
    h.check(unexplained == 0, "%s: no difference is unexplained" % peer.name)


def main():
    base_ms = int(time.time() * 1000)
    pages = page_generator.pages(base_ms)
    peers = find_peers(pages)
    got = scrape(pages, peers)
    if all(got.values()):
        scrapes = {name: collect(samples, SCRAPES) for name, samples in got.items()}
        good = sum(s.report(i, b"up") == 1 for s in scrapes[US].values() for i in range(SCRAPES))
        every = SCRAPES * len(pages)
        print("%d pages, %d of %d scrapes good" % (len(pages), good, every))
        h.check(every * 0.2 < good < every * 0.8, "pages are good and bad")
        check_order(got[US])
        for peer in peers:
            compare(pages, peer, scrapes[US], scrapes[peer.name], base_ms)
    h.finish()


if __name__ == "__main__":
    main()
