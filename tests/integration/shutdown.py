"""The end of a run and the beginning of the next: the last scrape of local targets, the deadline, what stands
still, a second signal, and the markers of targets that never come back (docs/OPERATIONS.md)."""
import concurrent.futures
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import exposition as e
import harness as h

SHIM = os.environ.get("STUCK_SHIM", "")
LONG_S = 40


def config(receiver, jobs, interval="1s", timeout="900ms", url=None):
    write = receiver.config("  name: r\n  queue_config: {batch_send_deadline: 100ms, min_backoff: 20ms, max_backoff: 200ms}\n")
    if url:
        write = write.replace(receiver.url, url)
    return ("global: {scrape_interval: %s, scrape_timeout: %s}\nscrape_configs:\n%s\nremote_write:\n%s"
            % (interval, timeout, jobs, write))


def job(pages, name="j", path="/metrics", extra="", addresses=None):
    return ("- job_name: %s\n  metrics_path: %s\n%s  static_configs: [{targets: [%s]}]\n"
            % (name, path, extra, ", ".join("'%s'" % a for a in (addresses or [pages.address]))))


REMOTE = ("  relabel_configs:\n  - {target_label: __ampagent_local__, replacement: 'false'}\n")


def stored(receiver, name):
    """{(job, instance): (count, last value, last time)} of one metric."""
    out = {}
    for line in h.get("http://127.0.0.1:%d/series?match=%s" % (receiver.port, name)).decode().splitlines():
        item = json.loads(line)
        labels = item["labels"]
        out[labels.get("job"), labels.get("instance")] = (item["count"], item.get("last_value", 0), item["last_ms"])
    return out


def one(receiver, name):
    return next(iter(stored(receiver, name).values()), (0, None, None))


def is_stale(value):
    return value is not None and not isinstance(value, (int, float))


def clean(receiver, what, markers=0):
    stats = receiver.stats()
    h.check(stats["out_of_order"] == 0 and stats["conflicts"] == 0 and stats["answered_400"] == 0
            and stats["stale_markers"] == markers, "%s: %s" % (what, stats))


def status_of(url):
    try:
        h.get(url)
        return 200
    except h.urllib.error.HTTPError as error:
        return error.code


def last_line(agent):
    lines = [l for l in agent.log().splitlines() if 'msg="stopped' in l]
    return lines[-1] if lines else ""


def the_last_scrape_is_delivered():
    with h.Dir() as d, h.Pages({"/metrics": b"# TYPE c counter\nc 1\nd 1\n", "/far": b"# TYPE c counter\nc 1\n"}) as p, \
            h.Receiver(d) as receiver:
        jobs = job(p) + job(p, "far", "/far", REMOTE)
        with h.Agent(d, config(receiver, jobs, "4s", "3s")) as agent:
            h.wait_for(lambda: len(stored(receiver, "c")) == 2, LONG_S, "both are scraped")
            before = one(receiver, "d")[2]
            p.pages = {"/metrics": b"# TYPE c counter\nc 2\n", "/far": b"# TYPE c counter\nc 2\n"}
            far = [path for path, _ in p.requests].count("/far")
            h.check(agent.stop() == 0, "exit 0")
            c = {name[0]: v for name, v in stored(receiver, "c").items()}
            h.check(c["j"][1] == 2 and c["j"][2] > before, "the counter's last value: %s" % c)
            h.check([path for path, _ in p.requests].count("/far") - far <= 1, "the far one is not scraped for it")
            h.check("1 good, 0 of targets" in last_line(agent), "it says so: " + last_line(agent))
            clean(receiver, "no marker for what the last page lacks")
        # By HTTP the same.
        with h.Agent(d, config(receiver, job(p), "60s", "3s"), "--web.enable-lifecycle", name="quit") as agent:
            agent.wait_ready()
            h.get(agent.base + "/-/quit", data=b"")
            h.check(agent.popen.wait(20) == 0 and "1 good" in last_line(agent), "quit: " + last_line(agent))


def an_app_that_went_first_has_not_failed():
    gone = threading.Event()

    def page(handler):
        if not gone.is_set():
            return 200, "text/plain", b"a 1\n"
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
        return None

    with h.Dir() as d, h.Receiver(d) as receiver:
        with h.Pages({"/metrics": page}) as p:
            agent = h.Agent(d, config(receiver, job(p), "3s", "2s"))
            h.wait_for(lambda: one(receiver, "up")[0], LONG_S, "it is scraped")
        gone.set()
        with agent:
            h.check(agent.stop() == 0, "exit 0")
            h.check("1 of targets that had gone" in last_line(agent), "it is said: " + last_line(agent))
        # A turn may have come between: then it was down for the agent, too.
        if one(receiver, "up")[1] == 1:
            clean(receiver, "neither down nor stale")
        # The books know of it, over the restart.
        with h.Agent(d, config(receiver, "- {job_name: none}"), port=agent.port) as agent:
            agent.wait_ready()
            refused = agent.ledger()["refused"]
            h.check(refused["stopped"] == {"scrapes": 1, "samples": 0}, "it is in the books: %s" % refused)


def the_deadline_is_kept():
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\nb 2\n"}) as p:
        # Connections are taken and never answered.
        dead = socket.socket()
        dead.bind(("127.0.0.1", 0))
        dead.listen(50)
        with h.Receiver(d) as receiver:
            url = receiver.url.replace(":%d/" % receiver.port, ":%d/" % dead.getsockname()[1])
            with h.Agent(d, config(receiver, job(p), "200ms", "150ms", url),
                         "--storage.remote.flush-deadline=4s") as agent:
                h.wait_for(lambda: agent.ledger()["headSequence"] >= 35, LONG_S, "samples wait")
                agent.popen.send_signal(signal.SIGTERM)
                begun = time.time()
                h.wait_for(lambda: status_of(agent.base + "/-/ready") == 503, 10, "pages are served, and say no")
                h.check(agent.popen.wait(30) in (0, 4), "it ends")
                h.check(time.time() - begun < 15, "in time")
                line = last_line(agent)
                queued = int((re.findall(r"queued=(\d+)", line) or ["0"])[0])
                h.check(queued >= 35 and "left=" in line and "r: %d samples, the oldest of" % queued in line
                        and "deadline passed" in line, "what was left: " + line)
            dead.close()
            # The next run delivers it: nothing is lost, nothing doubled.
            p.pages["/metrics"] = b"a 1\nb 2\nc 3\n"
            with h.Agent(d, config(receiver, job(p), "200ms", "150ms"), port=agent.port) as agent:
                h.wait_for(lambda: one(receiver, "c")[0] > 0 and agent.drained(), LONG_S, "the rest arrives")
                h.check(agent.stop() == 0, "exit 0")
                total = int(receiver.stats()["samples"])
            h.check(total >= queued + 8 and receiver.stats()["duplicates"] == 0,
                    "all of it, once: %s of %s" % (receiver.stats(), queued))
            clean(receiver, "in order")
            ledger_adds_up(d, receiver)


def keys_that_never_came():
    """Nothing could be signed, and nobody has said why: the last line does."""
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as p, h.Receiver(d) as receiver:
        text = config(receiver, job(p), "200ms", "150ms").replace(
            "access_key: %s, secret_key: %s" % (h.ACCESS_KEY, h.SECRET_KEY), "profile: w")
        aws = d.file("aws", "[profile w]\ncredential_process = /bin/sleep 1000\n")
        with h.Agent(d, text, "--storage.remote.flush-deadline=2s", env={"AWS_CONFIG_FILE": aws}) as agent:
            h.wait_for(lambda: agent.ledger()["headSequence"] > 0, LONG_S, "samples wait")
            h.check(agent.stop() == 0, "it ends")
            line = last_line(agent)
            h.check("nothing came to sign with" in line and "no AWS credentials came from" in line, line)


def ledger_adds_up(d, receiver):
    """What the receiver has is what the log numbered."""
    with h.Agent(d, config(receiver, "- {job_name: none}"), name="ampagent") as agent:
        agent.wait_ready()
        ledger = agent.ledger()
        h.check(ledger["headSequence"] == receiver.stats()["samples"]
                and ledger["destinations"][0]["sent"] == ledger["headSequence"],
                "books: %s %s" % (ledger["headSequence"], receiver.stats()["samples"]))


def a_second_signal_ends_it():
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as p, h.Receiver(d) as receiver:
        receiver.switch(rate_500=1)
        with h.Agent(d, config(receiver, job(p), "200ms", "150ms")) as agent:
            h.wait_for(lambda: agent.ledger()["headSequence"] >= 12, LONG_S, "samples wait")
            agent.popen.send_signal(signal.SIGTERM)
            h.wait_for(lambda: "msg=stopping" in agent.log(), 10, "it heard")
            time.sleep(0.3)
            h.check(agent.running(), "it goes on delivering")
            agent.popen.send_signal(signal.SIGINT)
            h.check(agent.popen.wait(30) in (0, 4), "it ends at once")
            h.check('reason="a second signal"' in last_line(agent), "and says so: " + last_line(agent))
        receiver.switch(rate_500=0)
        with h.Agent(d, config(receiver, job(p), "200ms", "150ms"), port=agent.port) as agent:
            h.wait_for(lambda: one(receiver, "a")[0] >= 3 and agent.drained(), LONG_S, "what was left arrives")
        clean(receiver, "nothing is broken")


def scrapes_under_way_end():
    slow = threading.Event()

    def page(_):
        if slow.is_set():
            time.sleep(1)
        return 200, "text/plain", b"a 2\n" if slow.is_set() else b"a 1\n"

    with h.Dir() as d, h.Pages({"/metrics": page, "/far": page}) as p, h.Receiver(d) as receiver:
        jobs = job(p) + job(p, "far", "/far", REMOTE)
        with h.Agent(d, config(receiver, jobs, "2s", "2s")) as agent:
            h.wait_for(lambda: len(stored(receiver, "a")) == 2, LONG_S, "both are scraped")
            slow.set()
            n = len(p.requests)
            h.wait_for(lambda: [r for r in p.requests[n:] if r[0] == "/far"], LONG_S, "a slow one is under way")
            h.check(agent.stop(limit_s=40) == 0, "exit 0")
        values = {name[0]: v[1] for name, v in stored(receiver, "a").items()}
        h.check(values == {"j": 2, "far": 2}, "both slow pages arrive: %s" % values)
        clean(receiver, "no markers")


def while_it_reloads():
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as p, h.Receiver(d) as receiver:
        with h.Agent(d, config(receiver, job(p), "500ms", "400ms"), "--storage.remote.flush-deadline=10s") as agent:
            h.wait_for(lambda: one(receiver, "a")[0], LONG_S, "it is scraped")
            # Again and again, then one that never ends: nobody writes to that pipe.
            for _ in range(5):
                agent.popen.send_signal(signal.SIGHUP)
            path = os.path.join(d.path, "ampagent.yml")
            os.unlink(path)
            os.mkfifo(path)
            for _ in range(3):
                agent.popen.send_signal(signal.SIGHUP)
                time.sleep(0.1)
            code = agent.stop(limit_s=40)
            h.check(code in (0, 4) and "everything is delivered" in agent.log(), "it ends: %s %s" % (code, last_line(agent)))
            os.unlink(path)
        with h.Agent(d, config(receiver, job(p), "500ms", "400ms"), port=agent.port) as agent:
            had = one(receiver, "a")[0]
            h.wait_for(lambda: one(receiver, "a")[0] > had + 1, LONG_S, "it goes on")
        clean(receiver, "nothing is broken")


def while_it_starts():
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as p, h.Receiver(d) as receiver:
        text = config(receiver, job(p), "200ms", "150ms")
        for i in range(8):
            agent = h.Agent(d, text, name="ampagent")
            time.sleep(random.random() * 0.15)
            h.check(agent.stop(random.choice((signal.SIGTERM, signal.SIGINT))) in (0, -15, -2), "it ends")
        with h.Agent(d, text, name="ampagent") as agent:
            h.wait_for(lambda: one(receiver, "a")[0] > 1 and agent.drained(), LONG_S, "it starts")
        clean(receiver, "nothing is broken")


def a_full_disk():
    # Files end where no more fits; what the agent says of it still does.
    def page(_):
        lines = ["a 1"] + ["b{i=\"%d\"} %r" % (i, random.random()) for i in range(2000)]
        return 200, "text/plain", ("\n".join(lines) + "\n").encode()

    with h.Dir() as d, h.Pages({"/metrics": page}) as p, h.Receiver(d) as receiver:
        with h.Agent(d, config(receiver, job(p), "200ms", "150ms"), "--storage.remote.flush-deadline=2s") as agent:
            h.wait_for(lambda: one(receiver, "a")[0], LONG_S, "it is scraped")
            resource.prlimit(agent.popen.pid, resource.RLIMIT_FSIZE, (200000, 200000))
            h.wait_for(lambda: "log cannot be written" in agent.log(), LONG_S, "nothing can be written")
            h.check(agent.stop(limit_s=30) in (0, 4), "it ends")
            line = last_line(agent)
            h.check("the log cannot be written" in line and "unwritten_batches=" in line, "and says why: " + line)
        # What was in the log before is all there; the next run goes on.
        had = one(receiver, "a")[0]
        with h.Agent(d, config(receiver, job(p), "200ms", "150ms"), port=agent.port) as agent:
            h.wait_for(lambda: one(receiver, "a")[0] > had + 1 and agent.drained(), LONG_S, "it goes on")
        clean(receiver, "nothing is broken")


def a_disk_that_stands_still():
    if not os.path.exists(SHIM):
        print("left out: the library that holds the disk is built by meson: STUCK_SHIM names it")
        return
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as p, h.Receiver(d) as receiver:
        stuck = os.path.join(d.path, "stuck")
        loaded = subprocess.run(["ldd", h.AMPAGENT], stdout=subprocess.PIPE, universal_newlines=True).stdout
        env = {"LD_PRELOAD": " ".join(re.findall(r"=> (\S*lib[at]san\S*)", loaded)[:1] + [SHIM]), "STUCK_DISK": stuck}
        with h.Agent(d, config(receiver, job(p), "200ms", "150ms"), "--storage.remote.flush-deadline=2s",
                     env=env) as agent:
            h.wait_for(lambda: one(receiver, "a")[0] > 2, LONG_S, "it is scraped")
            d.file("stuck", "")
            time.sleep(1)
            h.check(agent.stop(limit_s=30) == 4, "it ends by force")
            h.check("the log cannot be written" in last_line(agent) and "ended by force" in agent.log(),
                    "and says so: " + last_line(agent))
        os.unlink(stuck)
        had = one(receiver, "a")[0]
        with h.Agent(d, config(receiver, job(p), "200ms", "150ms"), port=agent.port) as agent:
            h.wait_for(lambda: one(receiver, "a")[0] > had + 1 and agent.drained(), LONG_S, "it goes on")
        clean(receiver, "nothing is broken")


def in_ecs_the_deadline_fits():
    metadata = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1/v4/x"}
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as p, h.Receiver(d) as receiver:
        for env, flags, want, said in ((metadata, [], "25s", True),
                                       ({"ECS_CONTAINER_METADATA_URI": "http://127.0.0.1:1/v3/x"}, [], "25s", True),
                                       ({"ECS_CONTAINER_METADATA_URI_V4": ""}, [], "1m", False),
                                       (metadata, ["--storage.remote.flush-deadline=90s"], "1m30s", False)):
            with h.Agent(d, config(receiver, job(p)), *flags, env=env) as agent:
                agent.wait_ready()
                flags_shown = h.get_json(agent.base + "/api/v1/status/flags")["data"]
                h.check(flags_shown["storage.remote.flush-deadline"] == want, "%s: %s" % (env, flags_shown))
                h.check(("stopTimeout" in agent.log()) == said, "told at the start: " + agent.log())
                os.unlink(agent.log_path)


def who_never_comes_back_ends():
    """However the run ended; not again after another kill; not who comes back."""
    native = e.page(e.family("n", "histogram", [e.histogram({}, 6, 3.5, native_part=e.native(3, {1: 2, 2: 4}))]),
                    e.family("a", "gauge", [e.gauge({}, 1)]))
    with h.Dir() as d, h.Pages({"/metrics": lambda _: (200, e.CONTENT_TYPE, native)}) as stays, \
            h.Pages({"/metrics": lambda _: (200, e.CONTENT_TYPE, native)}) as goes, h.Receiver(d) as receiver:
        extra = "  scrape_native_histograms: true\n"

        def text(*pages):
            jobs = job(None, extra=extra, addresses=[x.address for x in pages]) if pages else "- {job_name: none}\n"
            return config(receiver, jobs, "500ms", "400ms").replace(
                "  queue_config", "  send_native_histograms: true\n"
                "  protobuf_message: io.prometheus.write.v2.Request\n  queue_config")

        names = ("a", "n", "up", "scrape_duration_seconds")
        for end in ("stop", "kill"):
            had = receiver.stats()["stale_markers"]
            with h.Agent(d, text(stays, goes)) as agent:
                h.wait_for(lambda: all(stored(receiver, "up").get(("j", x.address), (0, "", 0))[1] == 1 for x in (stays, goes))
                           and len(stored(receiver, "n")) == 2, LONG_S, "both are scraped")
                time.sleep(1.2)
                h.wait_for(agent.drained, LONG_S, "all is delivered")
                h.check(agent.stop() == 0 if end == "stop" else agent.kill() == -9, "it ends")
            h.check(receiver.stats()["stale_markers"] == had, "no marker at the end of a run")
            last = {name: stored(receiver, name)["j", goes.address][2] for name in names}
            with h.Agent(d, text(stays), port=agent.port) as agent:
                h.wait_for(lambda: all(is_stale(stored(receiver, name)["j", goes.address][1]) for name in names),
                           LONG_S, "markers of the one that is gone")
                markers = receiver.stats()["stale_markers"]
                for name in names:
                    t = stored(receiver, name)["j", goes.address][2]
                    h.check(last[name] < t <= last[name] + 5000, "their time: %d after %d" % (t, last[name]))
                    h.check(not is_stale(stored(receiver, name)["j", stays.address][1]), "the other one goes on")
                h.check(markers - had == 7, "each series has one: %d" % (markers - had))
                h.check("did not come back have ended" in agent.log(), "it is said")
                h.wait_for(agent.drained, LONG_S, "all is delivered")
                agent.kill()
            with h.Agent(d, text(stays), port=agent.port) as agent:
                agent.wait_ready()
                time.sleep(2.5)
                h.wait_for(agent.drained, LONG_S, "all is delivered")
                h.check(agent.stop() == 0, "exit 0")
            h.check(receiver.stats()["stale_markers"] == markers, "none twice: %s" % receiver.stats())
        stats = receiver.stats()
        h.check(stats["out_of_order"] == 0 and stats["conflicts"] == 0 and stats["answered_400"] == 0, "%s" % stats)


CASES = (the_last_scrape_is_delivered, an_app_that_went_first_has_not_failed, the_deadline_is_kept, keys_that_never_came,
         a_second_signal_ends_it, scrapes_under_way_end, while_it_reloads, while_it_starts, a_full_disk,
         a_disk_that_stands_still, in_ecs_the_deadline_fits, who_never_comes_back_ends)

if __name__ == "__main__":
    wanted = os.environ.get("SHUTDOWN_CASES", "").split()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for case, future in [(c, pool.submit(c)) for c in CASES if not wanted or c.__name__ in wanted]:
            try:
                future.result()
            except Exception as error:  # the other ones go on
                h.check(False, "%s: %r" % (case.__name__, error))
    h.finish()
