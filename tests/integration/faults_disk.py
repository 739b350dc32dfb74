"""The disk is full, becomes read-only, cannot be used at all, or its directory is taken away.

What must hold is in docs/FAILURES.md, "The disk". Disks are made in a mount namespace of the test's own.
"""
import itertools
import os
import random
import shutil
import signal

import harness as h
import namespace

TARGETS = 8
SOON = "--storage.remote.flush-deadline=1s"
missing = namespace.enter(namespace.NEW_MOUNTS)


def config(pages, write, n=1):
    jobs = "".join("- {job_name: j%d, static_configs: [{targets: ['%s']}]}\n" % (i, pages.address) for i in range(n))
    return ("global: {scrape_interval: 100ms, scrape_timeout: 90ms}\n"
            "scrape_configs:\n%sremote_write:\n%s" % (jobs, write))


QUEUE = "  queue_config: {batch_send_deadline: 100ms, min_backoff: 50ms, max_backoff: 200ms}\n"


def destination(agent):
    return agent.ledger()["destinations"][0]


def balanced(agent, what):
    ledger = agent.ledger()
    d = ledger["destinations"][0]
    h.check(ledger["headSequence"] == d["sent"] + d["dropped"] + d["queued"], "%s: %s" % (what, ledger))
    return ledger


def metric(agent, name):
    return agent.metrics().get(name, 0)


def value(agent, name):
    return lambda: metric(agent, name)


def grows(fn, what, limit_s=20, by=1):
    start = fn()
    return h.wait_for(lambda: fn() >= start + by, limit_s, what)


def stored(receiver):
    return lambda: receiver.stats()["samples"]


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass


def disk_full(d):
    disk = d.file("small")
    os.mkdir(disk)
    if missing or namespace.run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk) != 0:
        print("skipped: a small disk: %s" % (missing or "no tmpfs"))
        return
    with h.Pages({"/metrics": b"a 1\nb 2\n"}) as pages, h.Receiver(d) as receiver:
        with h.Agent(d, config(pages, receiver.config(QUEUE), TARGETS), storage=disk, name="full") as agent:
            agent.wait_ready()
            h.wait_for(lambda: receiver.stats()["samples"] > 100, 15, "samples arrive")
            filler = os.path.join(disk, "filler")
            fill(filler)
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 1, 15, "a full disk is noticed")
            h.check(agent.running() and h.get(agent.base + "/-/healthy"), "the agent is there and answers")
            told = [line for line in agent.log().splitlines() if "log cannot be written" in line]
            h.check(len(told) == 1 and "level=ERROR" in told[0] and "No space left on device" in told[0],
                    "told once: %s" % told)
            # What waits fills up, then scrapes are refused and counted.
            grows(value(agent, "ampagent_scrape_batches_refused_total"), "scrapes are refused", by=5)
            grows(value(agent, 'ampagent_ledger_refused_scrapes_total{reason="queue"}'), "and counted", by=5)
            h.wait_for(agent.drained, 15, "what was written is delivered")
            arrived = receiver.stats()["samples"]
            h.check(balanced(agent, "full")["headSequence"] == arrived, "no more and no less: %d" % arrived)
            os.unlink(filler)
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 0, 20, "space: written again")
            grows(stored(receiver), "samples arrive again", by=500)
            h.wait_for(agent.drained, 15, "all is delivered")
            h.check(destination(agent)["dropped"] == 0, "nothing is dropped: %s" % destination(agent))
            stats = receiver.stats()
            h.check(stats["out_of_order"] == 0 and stats["duplicates"] == 0, "in order, once: %s" % stats)
            h.check(agent.stop() == 0, "exit 0")
    namespace.run("umount", disk)


def changing_pages(n, variants=16):
    """A page of n values that are others each time."""
    pages = ["\n".join("v{n=\"%d\"} %.17g" % (i, random.random()) for i in range(n)).encode() + b"\n"
             for _ in range(variants)]
    turn = itertools.count()
    return lambda _: (200, "text/plain", pages[next(turn) % variants])


def filled_by_the_log(d):
    """An outage lets the log fill its disk, within its own bound: the end of the outage makes room."""
    disk = d.file("tight")
    os.mkdir(disk)
    if missing or namespace.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk) != 0:
        print("skipped: a tight disk: %s" % (missing or "no tmpfs"))
        return
    with h.Pages({"/metrics": changing_pages(500)}) as pages, h.Receiver(d, "--rate-500=1") as receiver:
        # An eighth is a segment.
        text = config(pages, receiver.config(QUEUE), TARGETS) + "ampagent: {wal: {max_bytes: 1600KB}}\n"
        with h.Agent(d, text, SOON, storage=disk, name="tight") as agent:
            agent.wait_ready()
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 1, 40, "the log fills the disk")
            h.check(metric(agent, "ampagent_wal_segments") > 2, "in several segments")
            now = destination(agent)
            h.check(now["sent"] == 0 and now["dropped"] == 0, "all is kept: %s" % now)
            receiver.switch(rate_500=0)
            h.wait_for(lambda: receiver.stats()["samples"] >= now["queued"], 40, "what waited is delivered")
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 0, 20, "which makes room")
            grows(stored(receiver), "samples arrive", by=5000)
            h.check(destination(agent)["dropped"] == 0, "nothing is dropped: %s" % destination(agent))
            stats = receiver.stats()
            h.check(stats["out_of_order"] == 0 and stats["conflicts"] == 0, "in order: %s" % stats)
            balanced(agent, "tight")
            agent.stop()
    namespace.run("umount", disk)


def limited_files(d):
    """A limit of file sizes is met as a full disk is, not as a signal."""
    with h.Pages({"/metrics": b"a 1\nb 2\n"}) as pages, h.Receiver(d) as receiver:
        with h.Agent(d, config(pages, receiver.config(QUEUE), TARGETS), SOON, name="limited",
                     prefix=("prlimit", "--fsize=20000")) as agent:
            agent.wait_ready()
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 1, 30, "the limit is noticed")
            h.check("File too large" in agent.log(), "and told")
            h.wait_for(agent.drained, 15, "what was written is delivered")
            balanced(agent, "limited")
            agent.stop()
            h.check("samples lost" in agent.log(), "what could not be written is told at the end")


def read_only(d):
    """A file system that met an error lets itself be read only, as ext4 does by default."""
    image, disk = d.file("image"), d.file("mended")
    os.mkdir(disk)
    with open(image, "wb") as f:
        f.truncate(16 << 20)
    if missing or namespace.run("mkfs.ext4", "-q", "-O", "^has_journal", image) != 0 \
            or namespace.run("mount", "-o", "loop", image, disk) != 0:
        print("skipped: a disk that becomes read-only: %s" % (missing or "no ext4 on a loop device"))
        return
    with h.Pages({"/metrics": b"a 1\nb 2\n"}) as pages, h.Receiver(d) as receiver:
        text = config(pages, receiver.config(QUEUE), TARGETS)
        with h.Agent(d, text, SOON, storage=disk, name="mended") as agent:
            agent.wait_ready()
            h.wait_for(lambda: receiver.stats()["samples"] > 100, 15, "samples arrive")
            namespace.run("mount", "-o", "remount,abort", disk)
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 1, 15, "a read-only disk is noticed")
            h.check("Read-only file system" in agent.log(), "and told")
            h.wait_for(lambda: destination(agent)["queued"] == 0, 15, "what was written is delivered")
            h.check(agent.running() and h.get(agent.base + "/-/healthy"), "the agent is there and answers")
            balanced(agent, "read-only")
            agent.stop()
            h.check("samples lost" in agent.log(), "what could not be written is told at the end")
        # Started on the read-only disk: in memory, and delivery works.
        with h.Agent(d, text, storage=disk, name="again") as agent:
            agent.wait_ready()
            h.check(metric(agent, "ampagent_wal_memory_only") == 1, "in memory only")
            h.check("samples are kept in memory only" in agent.log(), "and told")
            grows(stored(receiver), "samples arrive", by=100)
            h.check(agent.stop() == 0, "exit 0")
    namespace.run("umount", disk)
    with h.Pages({"/metrics": b"a 1\nb 2\n"}) as pages, h.Receiver(d) as receiver:
        if namespace.run("mount", "-o", "loop", image, disk) != 0:
            return
        with h.Agent(d, config(pages, receiver.config(QUEUE)), storage=disk, name="repaired") as agent:
            agent.wait_ready()
            h.check(metric(agent, "ampagent_wal_memory_only") == 0, "writable again: in files")
            grows(stored(receiver), "samples arrive", by=20)
            h.check(agent.stop() == 0, "exit 0")
    namespace.run("umount", disk)


def taken_away(d):
    """The directory is deleted under the running agent: delivery goes on, the next start begins anew."""
    with h.Pages({"/metrics": b"a 1\nb 2\n"}) as pages, h.Receiver(d) as receiver:
        # A segment is written to for a quarter of max_age.
        text = config(pages, receiver.config(QUEUE)) + "ampagent: {wal: {max_age: 16s}}\n"
        storage = d.file("taken")
        with h.Agent(d, text, SOON, storage=storage, name="taken") as agent:
            agent.wait_ready()
            h.wait_for(lambda: receiver.stats()["samples"] > 50, 15, "samples arrive")
            shutil.rmtree(storage)
            grows(stored(receiver), "samples still arrive", by=50)
            h.wait_for(lambda: "position cannot be stored" in agent.log(), 15, "it is told")
            balanced(agent, "taken away")
            h.wait_for(lambda: metric(agent, "ampagent_wal_failed") == 1, 20, "its next file cannot be made")
            h.check("No such file or directory" in agent.log(), "which is told")
            agent.stop(signal.SIGTERM)
        with h.Agent(d, text, storage=storage, name="taken") as agent:
            agent.wait_ready()
            grows(stored(receiver), "anew: samples arrive", by=50)
            h.check(receiver.stats()["out_of_order"] == 0, "in order: %s" % receiver.stats())
            h.check(agent.stop() == 0, "exit 0")


with h.Dir() as d:
    for test in (disk_full, filled_by_the_log, limited_files, read_only, taken_away):
        test(d)
h.finish()
