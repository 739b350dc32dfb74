"""Open files run out, and clients of the agent's own pages do nothing, or never read.

What must hold is in docs/FAILURES.md, "Open files" and "Clients of the agent's own pages".
"""
import socket
import threading

import harness as h

LIMIT, TARGETS, CLIENTS = 64, 70, 300


def config(jobs, write):
    return "global: {scrape_interval: 1s, scrape_timeout: 900ms}\nscrape_configs:\n%sremote_write:\n%s" % (jobs, write)


QUEUE = "  queue_config: {batch_send_deadline: 100ms, min_backoff: 50ms, max_backoff: 200ms}\n"


def balanced(agent, what):
    ledger = agent.ledger()
    for d in ledger["destinations"]:
        h.check(ledger["headSequence"] == d["sent"] + d["dropped"] + d["queued"], "%s: %s" % (what, ledger))
    return ledger


def grows(fn, what, limit_s=20, by=1):
    start = fn()
    return h.wait_for(lambda: fn() >= start + by, limit_s, what)


def stored(receiver):
    return lambda: receiver.stats()["samples"]


def held(go):
    """A page that stays open until it is let go."""
    def page(request):
        go.wait(0.7)
        return 200, "text/plain", b"a 1\n"
    return page


def descriptors(d):
    go = threading.Event()
    paths = ["/t%d" % i for i in range(TARGETS)]
    with h.Pages({path: held(go) for path in paths}) as pages, h.Receiver(d) as receiver:
        groups = ", ".join("{targets: ['%s'], labels: {__metrics_path__: %s, n: '%s'}}" % (pages.address, path, path[2:])
                           for path in paths)
        jobs = "- {job_name: many, static_configs: [%s]}\n" % groups
        with h.Agent(d, config(jobs, receiver.config(QUEUE)), name="few",
                     prefix=("prlimit", "--nofile=%d:%d" % (LIMIT, LIMIT))) as agent:
            agent.wait_ready()
            h.wait_for(lambda: agent.metrics().get("ampagent_descriptors_refused_total", 0) > 20, 20,
                       "connections are given up")
            h.check(agent.metrics()["process_max_fds"] == LIMIT, "the limit is small")
            # One whose phase always meets the same others may wait for long.
            h.wait_for(lambda: len({path for path, _ in pages.requests}) > 0.9 * TARGETS, 40, "the targets take turns")
            failed = [t["lastError"] for t in agent.targets()["activeTargets"] if t["health"] == "down"]
            h.check(any("too many open files (the limit is %d)" % LIMIT in text for text in failed),
                    "what fails says why: %s" % set(failed))
            grows(stored(receiver), "samples arrive", by=50)
            seen = agent.metrics()
            h.check(seen["ampagent_wal_writes_failed_total"] == 0, "the log does not suffer")
            h.check(all(v == 0 for k, v in seen.items() if k.startswith("ampagent_remote_write_position_failures")),
                    "nor do the positions")
            told = [line for line in agent.log().splitlines() if "for a reason on this machine" in line]
            h.check(len(told) == 1 and "too many open files" in told[0], "told once: %s" % told)
            # Idle clients in all the descriptors that are left.
            idle = [socket.create_connection(("127.0.0.1", agent.port), timeout=10) for _ in range(LIMIT)]
            for _ in range(5):
                h.wait_for(lambda: h.get(agent.base + "/-/healthy", timeout=2), 20, "the pages are served all the same")
            grows(stored(receiver), "samples arrive all the same", by=50)
            for s in idle:
                s.close()
            go.set()
            h.wait_for(lambda: all(t["health"] == "up" for t in agent.targets()["activeTargets"]), 30,
                       "quick targets share what there is")
            balanced(agent, "few descriptors")
            h.check(agent.stop() == 0, "exit 0")


def soft_limit(d):
    with h.Pages({"/metrics": b"a 1\n"}) as pages, h.Receiver(d) as receiver:
        jobs = "- {job_name: j, static_configs: [{targets: ['%s']}]}\n" % pages.address
        with h.Agent(d, config(jobs, receiver.config(QUEUE)), name="soft", prefix=("prlimit", "--nofile=64:500")) as agent:
            agent.wait_ready()
            h.check(agent.metrics()["process_max_fds"] == 500, "the soft limit is raised to the hard one")
            h.check(agent.stop() == 0, "exit 0")


def clients(d):
    with h.Pages({"/metrics": b"a 1\n"}) as pages, h.Receiver(d) as receiver:
        jobs = "- {job_name: j, static_configs: [{targets: ['%s']}]}\n" % pages.address
        with h.Agent(d, config(jobs, receiver.config(QUEUE)), name="clients") as agent:
            agent.wait_ready()
            peers, request = [], b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
            for i in range(CLIENTS):
                s = socket.create_connection(("127.0.0.1", agent.port), timeout=10)
                # Some ask and go on holding, some ask much and never read, some say nothing.
                s.setblocking(False)
                try:
                    s.send(request * 40 if i % 20 == 0 else (b"", request)[i % 2])
                except OSError:
                    pass
                peers.append(s)
            for _ in range(5):
                h.wait_for(lambda: h.get(agent.base + "/-/healthy", timeout=5), 20, "the pages are served")
            grows(lambda: len(pages.requests), "scraping goes on", by=3)
            grows(stored(receiver), "samples arrive", by=12)
            h.check(agent.metrics()["process_open_fds"] < CLIENTS, "old connections went")
            balanced(agent, "clients")
            for s in peers:
                s.close()
            h.check(agent.stop() == 0, "exit 0")


with h.Dir() as d:
    for test in (descriptors, soft_limit, clients):
        test(d)
h.finish()
