"""Two destinations, one of which answers nothing: the other gets everything, and the log keeps its bound.

What the dead one could not be sent before the log was full is counted as lost to the log's bound,
to the sample; the one that lives is sent all of it meanwhile, a few scrapes behind at most.
"""
import os
import random
import signal
import time

import harness as h

SERIES, MAX_BYTES = 6000, 1 << 20
SCRAPES = 160    # more than the log and what is read ahead of it hold
BEHIND_MAX = 40  # scrapes, on a machine that is busy with other things


def noise():
    return "".join("noise{n=\"%d\"} %r\n" % (i, random.random()) for i in range(SERIES)).encode()


NOISE = [noise() for _ in range(16)]


def page(_):
    return 200, "text/plain; version=0.0.4", random.choice(NOISE)


def config(pages, alive, dead):
    queue = "  name: %s\n  queue_config: {batch_send_deadline: 100ms, max_shards: 4, max_backoff: 500ms}\n"
    return ("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n"
            "scrape_configs:\n- job_name: noise\n  static_configs: [{targets: ['%s']}]\n"
            "remote_write:\n%s%sampagent: {wal: {max_bytes: %dKB}}\n"
            % (pages.address, alive.config(queue % "alive"), dead.config("  remote_timeout: 1s\n" + queue % "dead"),
               MAX_BYTES >> 10))


def log_bytes(path):
    total = 0
    for root, _, names in os.walk(path):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(root, name)) if name.startswith(("seg-", "def-")) else 0
            except FileNotFoundError:
                pass
    return total


def by_name(ledger):
    return {d["name"]: d for d in ledger["destinations"]}


def balanced(ledger):
    return all(d["baseSequence"] + d["sent"] + d["queued"] + d["dropped"] == ledger["headSequence"]
               for d in ledger["destinations"])


def while_one_is_dead(agent, storage):
    """Until so much came that the log cannot hold it; the most that waited for the living one, and
    the most bytes of the log."""
    worst, largest = 0, 0
    end = time.time() + 60
    while time.time() < end:
        ledger = agent.ledger()
        both = by_name(ledger)
        h.check(balanced(ledger), "the books of both agree: %s" % ledger)
        worst = max(worst, both["alive"]["queued"])
        largest = max(largest, log_bytes(storage))
        if ledger["headSequence"] > SCRAPES * SERIES:
            break
        time.sleep(0.1)
    return worst, largest


with h.Dir() as d, h.Pages({"/metrics": page}) as pages, h.Receiver(d) as alive, h.Receiver(d) as dead:
    storage = d.path + "/data"
    dead.popen.send_signal(signal.SIGSTOP)
    try:
        with h.Agent(d, config(pages, alive, dead), storage=storage) as agent:
            agent.wait_ready()
            worst, largest = while_one_is_dead(agent, storage)
            h.check(worst <= BEHIND_MAX * SERIES,
                    "the living one is never far behind: %d samples waited" % worst)
            h.check(largest <= 1.5 * MAX_BYTES, "the log keeps its bound: %d bytes" % largest)
            # What it wanted was deleted; it learns so when it reads on, once it answers again.
            dead.popen.send_signal(signal.SIGCONT)
            pages.pages.clear()
            h.wait_for(agent.drained, 60, "both have all that was kept for them")
            ledger = agent.ledger()
            both = by_name(ledger)
            h.check(both["alive"]["dropped"] == 0, "the living one lost nothing: %s" % both["alive"])
            lost = both["dead"]["droppedBy"].get("log_bound", 0)
            h.check(lost > 0 and lost == both["dead"]["dropped"],
                    "the dead one lost what the log's bound took, and nothing else: %s" % both["dead"])
            h.check(balanced(ledger), "the books balance at the end: %s" % ledger)
            head = ledger["headSequence"]
            h.check(alive.stats()["samples"] == both["alive"]["sent"] == head - both["alive"]["baseSequence"],
                    "the living one stored every sample: %s" % alive.stats())
            h.check(dead.stats()["samples"] == both["dead"]["sent"] == head - lost - both["dead"]["baseSequence"],
                    "the dead one stored every sample that was not lost: %s" % dead.stats())
    finally:
        dead.popen.send_signal(signal.SIGCONT)
h.finish()
