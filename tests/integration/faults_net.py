"""Targets and endpoints that hang, crawl, never end or vanish; TLS that fails; names that do not resolve.

What must hold is in docs/FAILURES.md, "Targets", "Endpoints", "TLS" and "Names". Everything runs in a network
of its own where that can be had: there packets can be lost and names can go.
"""
import http.client
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

import harness as h
import namespace

missing = namespace.enter(namespace.NEW_MOUNTS | namespace.NEW_NETWORK)
TEXT = "text/plain; version=0.0.4"
QUEUE = "  queue_config: {batch_send_deadline: 100ms, min_backoff: 50ms, max_backoff: 300ms, max_shards: 1}\n"
FAR, FAR_MASK = "10.99.0.1", "255.255.255.255"
HOLE, HOLE_MASK = "10.99.0.254", "255.255.255.0"


def config(jobs, writes):
    return ("global: {scrape_interval: 500ms, scrape_timeout: 400ms}\nscrape_configs:\n%s\nremote_write:\n%s"
            % ("\n".join(jobs), "".join(writes)))


def job(name, address, more=""):
    return "- {job_name: %s, static_configs: [{targets: ['%s']}]%s}" % (name, address, more)


def books(agent, what):
    ledger = agent.ledger()
    for d in ledger["destinations"]:
        h.check(ledger["headSequence"] == d["sent"] + d["dropped"] + d["queued"], "%s: %s" % (what, ledger))
    return {d["name"]: d for d in ledger["destinations"]}


def grows(fn, what, limit_s=20, by=1):
    start = fn()
    return h.wait_for(lambda: fn() >= start + by, limit_s, what)


def stored(receiver):
    return lambda: receiver.stats()["samples"]


def by_job(agent):
    return {t["scrapePool"]: t for t in agent.targets()["activeTargets"]}


def is_up(agent, name):
    # A busy machine may miss a turn: the state that it comes to counts.
    h.wait_for(lambda: by_job(agent)[name]["health"] == "up", 20, "%s is up" % name)


def is_down(agent, name, why):
    if not h.wait_for(lambda: by_job(agent)[name]["health"] == "down" and why in by_job(agent)[name]["lastError"], 20,
                      "%s is down: %s" % (name, why)):
        print(by_job(agent)[name]["lastError"])


class Listener:
    """Accepts and leaves the rest to serve(socket), in a thread each; None: says nothing at all."""

    def __init__(self, serve=None, backlog=64, host="127.0.0.1"):
        self.serve, self.kept, self.open = serve, [], True
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, 0))
        self.socket.listen(backlog)
        self.port = self.socket.getsockname()[1]
        self.address = "%s:%d" % (host, self.port)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while self.open:
            try:
                s = self.socket.accept()[0]
            except OSError:
                return
            self.kept.append(s)
            if self.serve:
                threading.Thread(target=self.answer, args=(s,), daemon=True).start()

    def answer(self, s):
        try:
            s.recv(65536)
            self.serve(self, s)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open = False
        self.socket.close()
        for s in self.kept:
            s.close()


def endless(listener, s):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while listener.open:
        s.sendall(b"# and so on\n" * 1000)


def crawling(listener, s):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n")
    while listener.open:
        s.sendall(b"#")
        time.sleep(0.05)


def targets(d):
    with h.Pages({"/metrics": b"a 1\n"}) as pages, Listener() as mute, Listener(endless) as long, \
            Listener(crawling) as slow, h.Receiver(d) as receiver:
        jobs = [job("good", pages.address), job("mute", mute.address), job("long", long.address),
                job("cut", long.address, ", body_size_limit: 100KB"), job("slow", slow.address)]
        with h.Agent(d, config(jobs, [receiver.config(QUEUE)]), name="targets") as agent:
            agent.wait_ready()
            h.wait_for(lambda: all(t["health"] != "unknown" for t in by_job(agent).values()), 15, "all were tried")
            requests = len(pages.requests)
            grows(lambda: len(pages.requests), "the good one is scraped", by=6)
            is_up(agent, "good")
            for name in ("mute", "long", "slow"):
                is_down(agent, name, "timeout of 400 ms exceeded")
            is_down(agent, "cut", "body size limit exceeded")
            seen = agent.metrics()
            h.check(seen["prometheus_target_scrapes_exceeded_body_size_limit_total"] > 0, "and is counted")
            for why in ("fetch", "body_size"):
                h.check(seen.get('ampagent_ledger_refused_scrapes_total{reason="%s"}' % why, 0) > 0, "the ledger has %s" % why)
            h.wait_for(agent.drained, 15, "all is delivered")
            h.check(len(pages.requests) > requests and len(mute.kept) > 1, "every one is tried again")
            books(agent, "targets")
            h.check(agent.stop() == 0, "exit 0")


def endpoints(d):
    flags = {"good": (), "mute": ("--rate-hang=1",), "slow": ("--read-pause=3s",), "gone": ("--rate-vanish=1",)}
    receivers = {name: h.Receiver(d, *given) for name, given in flags.items()}
    repair = {"mute": {"rate_hang": 0}, "slow": {"read_pause_ms": 0}, "gone": {"rate_vanish": 0}}
    with h.Pages({"/metrics": b"a 1\n"}) as pages:
        writes = [r.config("  name: %s\n  remote_timeout: 700ms\n" % name + QUEUE) for name, r in receivers.items()]
        with h.Agent(d, config([job("j", pages.address)], writes), name="endpoints") as agent:
            agent.wait_ready()
            grows(stored(receivers["good"]), "the good one has its samples", by=40)
            for name in repair:
                h.wait_for(lambda: "timeout of 700 ms exceeded" in books(agent, "in trouble")[name]["lastError"], 20,
                           "%s runs into its timeout" % name)
            for name in repair:
                now = books(agent, "in trouble")[name]
                h.check(now["sent"] == 0 and now["dropped"] == 0 and now["queued"] > 0, "%s: all is kept: %s" % (name, now))
            told = [line for line in agent.log().splitlines() if "Failed to send batch" in line]
            h.check(len(told) >= len(repair), "it is told: %s" % told)
            for name, what in repair.items():
                receivers[name].switch(**what)
            h.wait_for(agent.drained, 30, "all is delivered")
            h.wait_for(lambda: agent.log().count("Remote write works again") >= len(repair), 10, "the end is told")
            h.check(agent.stop() == 0, "exit 0")
        h.check("everything is delivered" in agent.log(), "and so is the rest at the end")
    stats = {name: r.stats() for name, r in receivers.items()}
    for name, s in stats.items():
        h.check(s["samples"] == stats["good"]["samples"] and s["conflicts"] == 0 and s["out_of_order"] == 0,
                "%s: in order, nothing missing: %s" % (name, s))
        receivers[name].stop()


# ---- TLS ----

def openssl(d, *args, env=None):
    subprocess.run(["openssl"] + list(args), cwd=d.path, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))


def make_certificate(d, name, alternative, ca=None, env=None):
    d.file(name + ".ext", "subjectAltName=%s\n" % alternative)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key")
    if not ca:
        openssl(d, "req", "-x509", *key, "-days", "2", "-subj", "/CN=" + name, "-out", name + ".pem")
        return
    openssl(d, "req", "-new", *key, "-subj", "/CN=" + name, "-out", name + ".csr")
    openssl(d, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem", env=env)


def context(d, name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(d.file(name + ".pem"), d.file(name + ".key"))
    return c


def relay_to(receiver):
    """In front of the stand-in: passes a request on as it came."""
    def page(request):
        onward = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
        onward.putrequest("POST", request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            onward.putheader(name, value)
        onward.endheaders(request.body)
        answer = onward.getresponse()
        return answer.status, TEXT, answer.read()
    return page


def certificates(d):
    make_certificate(d, "ca", "")
    make_certificate(d, "other", "")
    make_certificate(d, "good", "IP:127.0.0.1", "ca")
    make_certificate(d, "named", "DNS:elsewhere.test", "ca")
    make_certificate(d, "strange", "IP:127.0.0.1", "other")
    names = {"named": "no alternative certificate subject name", "strange": "certificate", "silent": "timeout"}
    shim = os.environ.get("CLOCK_SHIM", "")
    if os.path.exists(shim):
        with open(d.file("ten-days-ago"), "wb") as f:
            f.write(struct.pack("=q", -10 * 86400 * 1000))
        make_certificate(d, "expired", "IP:127.0.0.1", "ca", {"LD_PRELOAD": shim, "CLOCK_SHIFT": d.file("ten-days-ago")})
        names["expired"] = "certificate has expired"
    return names


def write_to(receiver, port, name):
    return receiver.config("  name: %s\n  remote_timeout: 2s\n  tls_config: {ca_file: ca.pem}\n" % name + QUEUE).replace(
        "http://127.0.0.1:%d" % receiver.port, "https://127.0.0.1:%d" % port)


def tls(d):
    names = certificates(d)
    with h.Pages({"/metrics": b"a 1\n"}) as pages, Listener() as silent, h.Receiver(d) as receiver:
        path = "/workspaces/%s/api/v1/remote_write" % h.WORKSPACE
        scraped = {n: h.Pages({"/metrics": b"b 1\n"}, tls=context(d, n)) for n in names if n != "silent"}
        written = {n: h.Pages({path: relay_to(receiver)}, tls=context(d, n)) for n in names if n != "silent"}
        https = ", scheme: https, tls_config: {ca_file: ca.pem}"
        jobs = [job("good", pages.address), job("silent", silent.address, https)]
        jobs += [job(n, p.address, https) for n, p in scraped.items()]
        writes = [write_to(receiver, p.port, n) for n, p in written.items()] + [write_to(receiver, silent.port, "silent")]
        with h.Agent(d, config(jobs, writes), name="tls") as agent:
            agent.wait_ready()
            h.wait_for(lambda: all(by_job(agent)[n]["health"] == "down" for n in names), 20, "no such target is read")
            for n, why in names.items():
                is_down(agent, n, why)
            is_up(agent, "good")
            for n, why in names.items():
                h.wait_for(lambda: why in books(agent, "tls")[n]["lastError"], 20, "%s is not sent to: %s" % (n, why))
            for n in names:
                now = books(agent, "tls")[n]
                h.check(now["sent"] == 0 and now["dropped"] == 0 and now["queued"] > 0, "%s: all is kept: %s" % (n, now))
            h.check(receiver.stats()["requests"] == 0, "nothing has arrived")
            # A good certificate on the same port: without a restart.
            port = written["named"].port
            written["named"].__exit__()
            written["named"] = Later(path, relay_to(receiver), port, context(d, "good"))
            h.wait_for(lambda: books(agent, "tls")["named"]["queued"] == 0 and receiver.stats()["samples"] > 0, 20,
                       "a good certificate: delivered")
            h.check(books(agent, "tls")["named"]["dropped"] == 0, "nothing was dropped")
            agent.kill()
        for p in list(scraped.values()) + list(written.values()):
            p.__exit__()


class Later(h.Pages):
    """A server on a port that another one had."""

    def __init__(self, path, page, port, context):
        super().__init__({path: page}, port=port, tls=context)


# ---- a network of its own ----

class Names:
    """A name server on loopback: every name of test. is 127.0.0.1, or nothing is said, or it does not exist."""

    def __init__(self):
        self.mode = "silent"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            question, peer = self.socket.recvfrom(512)
            if self.mode != "silent" and len(question) > 16:
                self.socket.sendto(self.answer(question), peer)

    def answer(self, question):
        end = question.index(b"\0", 12) + 5
        kind = struct.unpack("!H", question[end - 4:end - 2])[0]
        known = self.mode == "good"
        found = known and kind == 1
        head = question[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, int(found), 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 0, 4, socket.inet_aton("127.0.0.1")) if found else b""
        return head + question[12:end] + record


def bind_over(d, path, text):
    return namespace.run("mount", "--bind", d.file(os.path.basename(path), text), os.path.realpath(path))


def names(d):
    if missing or bind_over(d, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n") \
            or bind_over(d, "/etc/nsswitch.conf", "hosts: files dns\n"):
        print("skipped: names that do not resolve: %s" % (missing or "no /etc of its own"))
        return
    server = Names()
    with h.Pages({"/metrics": b"a 1\n"}) as pages, h.Pages({"/metrics": b"b 1\n"}) as plain, h.Receiver(d) as receiver:
        jobs = [job("named", "page.test:%d" % pages.port), job("plain", plain.address)]
        write = receiver.config(QUEUE).replace("http://127.0.0.1", "http://write.test")
        with h.Agent(d, config(jobs, [write]), name="names") as agent:
            agent.wait_ready()
            for mode in ("silent", "unknown"):
                server.mode = mode
                grows(lambda: len(plain.requests), "what needs no name is scraped", by=4)
                h.wait_for(lambda: by_job(agent)["named"]["health"] == "down", 15, "a name that does not resolve")
                h.wait_for(lambda: list(books(agent, mode).values())[0]["lastError"] != "", 15, "nor the endpoint's")
            h.wait_for(lambda: "Could not resolve host: page.test" in by_job(agent)["named"]["lastError"], 15,
                       "the target says so")
            h.wait_for(lambda: "Could not resolve host: write.test" in list(books(agent, "unknown").values())[0]["lastError"],
                       15, "the destination says so")
            now = list(books(agent, "unknown").values())[0]
            h.check(now["sent"] == 0 and now["dropped"] == 0 and now["queued"] > 0, "all is kept: %s" % now)
            server.mode = "good"
            h.wait_for(lambda: by_job(agent)["named"]["health"] == "up", 20, "names are back: the target is up")
            h.wait_for(agent.drained, 20, "and all is delivered")
            server.mode = "silent"
            grows(lambda: len(pages.requests), "names gone: kept connections go on", by=4)
            grows(stored(receiver), "and so does delivery", by=20)
            is_up(agent, "named")
            h.check(list(books(agent, "gone again").values())[0]["dropped"] == 0, "nothing was dropped")
            h.check(agent.stop() == 0, "exit 0")


def half_open(d):
    """The peers' machine is gone, without a word: connections stay and carry nothing."""
    try:
        if missing:
            raise OSError(missing)
        hole = namespace.Hole("hole", HOLE, HOLE_MASK)
        namespace.set_address("lo:1", FAR, FAR_MASK)
    except OSError as e:
        print("skipped: half-open connections: %s" % e)
        return
    path = "/workspaces/%s/api/v1/remote_write" % h.WORKSPACE
    with h.Receiver(d) as receiver, h.Pages({"/metrics": b"a 1\n"}) as near, \
            h.Pages({"/metrics": b"b 1\n"}, host=FAR) as far, h.Pages({path: relay_to(receiver)}, host=FAR) as relay:
        write = receiver.config("  remote_timeout: 700ms\n" + QUEUE).replace("127.0.0.1:%d" % receiver.port, relay.address)
        with h.Agent(d, config([job("near", near.address), job("far", far.address)], [write]), name="half") as agent:
            agent.wait_ready()
            grows(stored(receiver), "samples arrive", by=20)
            namespace.set_up("lo:1", False)
            is_down(agent, "far", "timeout")
            h.wait_for(lambda: "timeout of 700 ms" in list(books(agent, "half").values())[0]["lastError"], 15,
                       "the endpoint does not answer")
            before = receiver.stats()["samples"]
            grows(lambda: len(near.requests), "the other target is scraped", by=4)
            is_up(agent, "near")
            h.check(receiver.stats()["samples"] == before, "nothing gets through")
            namespace.set_address("lo:1", FAR, FAR_MASK)
            h.wait_for(lambda: by_job(agent)["far"]["health"] == "up", 20, "back: the target is up")
            h.wait_for(agent.drained, 20, "and all is delivered")
            stats, now = receiver.stats(), list(books(agent, "back").values())[0]
            h.check(now["dropped"] == 0 and stats["conflicts"] == 0 and stats["out_of_order"] == 0,
                    "nothing is missing: %s %s" % (now, stats))
            h.check(agent.stop() == 0, "exit 0")
    os.close(hole.fd)


with h.Dir() as d:
    for test in (targets, endpoints, tls, names, half_open):
        test(d)
h.finish()
