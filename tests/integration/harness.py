"""What the integration tests share: programs on loopback, pages to scrape, answers to read.

Python's standard library only. Every process is started here and ended by its pid; every wait has a
limit. A test is a script that ends with harness.finish(); exit 77 means skipped, with the reason.
"""
import http.server
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AMPAGENT = os.path.abspath(os.environ.get("AMPAGENT", os.path.join(ROOT, "build", "src", "ampagent")))
WORKSPACE = "ws-00000000-0000-4000-8000-000000000000"
ACCESS_KEY, SECRET_KEY, REGION = "AKIATESTTESTTESTTEST", "made-up-secret-of-the-tests", "eu-west-1"

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_failures = []


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def check(condition, what):
    """Notes a failed expectation and goes on."""
    if not condition:
        print("FAILED: " + what)
        _failures.append(what)
    return condition


def failed():
    return len(_failures) > 0


def finish():
    if _failures:
        print("%d expectations failed" % len(_failures))
        sys.exit(1)
    print("ok")
    sys.exit(0)


def peer(name):
    """Path of a peer program, unpacked when needed; skips the test when it cannot be had."""
    run = subprocess.run([os.path.join(ROOT, "tests", "lib", "peers.sh"), name],
                         stdout=subprocess.PIPE, universal_newlines=True)
    if run.returncode != 0:
        skip("%s cannot be had" % name)
    return run.stdout.strip()


_given_ports = set()
_random = random.SystemRandom()


def free_port():
    """A port nobody listens on now, not given before; below those that connections get by themselves."""
    while True:
        port = _random.randrange(20000, 32000)
        if port in _given_ports:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


def get(url, data=None, timeout=10):
    request = urllib.request.Request(url, data=data)
    with _opener.open(request, timeout=timeout) as answer:
        return answer.read()


def get_json(url, **kwargs):
    return json.loads(get(url, **kwargs).decode())


def wait_for(condition, limit_s, what):
    """Polls until condition() is true (exceptions count as false); fails the test at the limit."""
    end = time.time() + limit_s
    while time.time() < end:
        try:
            value = condition()
            if value:
                return value
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            pass
        time.sleep(0.05)
    check(False, "%s (waited %g s)" % (what, limit_s))
    return None


class Dir:
    """A temporary directory; kept when the test failed."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="ampagent-test-")

    def file(self, name, content=None):
        path = os.path.join(self.path, name)
        if content is not None:
            with open(path + ".new", "w") as f:
                f.write(content)
            os.replace(path + ".new", path)
        return path

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if _failures or kind not in (None, SystemExit):
            print("files are in " + self.path)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Process:
    def __init__(self, name, argv, directory, env=None):
        self.name = name
        self.log_path = os.path.join(directory.path, name + ".log")
        full_env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        # Whose machine this is does not matter: no instance's role, no files of the user. None unsets.
        nowhere = os.path.join(directory.path, "no-such-file")
        full_env.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=nowhere, AWS_SHARED_CREDENTIALS_FILE=nowhere)
        full_env.update(env or {})
        full_env = {k: v for k, v in full_env.items() if v is not None}
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                          env=full_env, cwd=directory.path)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def running(self):
        return self.popen.poll() is None

    def stop(self, sig=signal.SIGTERM, limit_s=30):
        """Ends it and returns the exit code (negative: the signal that ended it)."""
        if self.running():
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            check(False, "%s did not end within %g s" % (self.name, limit_s))
            self.popen.kill()
            return self.popen.wait()

    def kill(self):
        return self.stop(signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running():
            self.stop()


class Receiver(Process):
    """The stand-in endpoint, in a process of its own."""

    def __init__(self, directory, *flags, signed=True, port=None):
        self.port = port or free_port()
        argv = [AMPAGENT, "receive", "--web.listen-address=127.0.0.1:%d" % self.port]
        if signed:
            argv += ["--access-key=" + ACCESS_KEY, "--secret-key=" + SECRET_KEY, "--region=" + REGION]
        super().__init__("receive-%d" % self.port, argv + list(flags), directory)
        self.url = "http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write" % (self.port, WORKSPACE)
        wait_for(lambda: self.stats() is not None, 10, "the receiver answers")

    def stats(self):
        return get_json("http://127.0.0.1:%d/stats" % self.port)

    def switch(self, **what):
        return get("http://127.0.0.1:%d/switch?%s" % (self.port, urllib.parse.urlencode(what)), data=b"")

    def config(self, extra=""):
        """Its remote_write block, indented for a list."""
        return ("- url: %s\n  sigv4: {region: %s, access_key: %s, secret_key: %s}\n%s"
                % (self.url, REGION, ACCESS_KEY, SECRET_KEY, extra))


class Agent(Process):
    def __init__(self, directory, config, *flags, port=None, name="ampagent", env=None, storage=None, prefix=()):
        self.port = port or free_port()
        path = directory.file(name + ".yml", config)
        super().__init__(name, list(prefix) + [AMPAGENT, "--config.file=" + path,
                                "--web.listen-address=127.0.0.1:%d" % self.port,
                                "--storage.agent.path="
                                + (storage or os.path.join(directory.path, name + "-data"))]
                         + list(flags), directory, env)
        self.base = "http://127.0.0.1:%d" % self.port

    def wait_ready(self, limit_s=10):
        return wait_for(lambda: get(self.base + "/-/ready"), limit_s, "the agent is ready")

    def ledger(self):
        return get_json(self.base + "/api/v1/ledger")["data"]

    def targets(self):
        return get_json(self.base + "/api/v1/targets")["data"]

    def metrics(self):
        """Samples of /metrics by their series text."""
        out = {}
        for line in get(self.base + "/metrics").decode().splitlines():
            if line and not line.startswith("#"):
                series, value = line.rsplit(" ", 1)
                out[series] = float(value)
        return out

    def drained(self):
        """True when every logged sample is sent or dropped, and there were some."""
        ledger = self.ledger()
        return ledger["headSequence"] > 0 and all(d["queued"] == 0 for d in ledger["destinations"])


class Pages:
    """A server of pages for scraping: pages[path] is bytes, or a function that gives
    (status, content type, body) for the request's headers. tls is an ssl.SSLContext. What is
    posted is answered the same way; the function finds it in the request's .body."""

    def __init__(self, pages=None, content_type="text/plain; version=0.0.4", host="127.0.0.1", tls=None, port=0):
        self.pages = dict(pages or {})
        self.content_type = content_type
        self.requests = []  # (path, headers) of each
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path
                outer.requests.append((path, dict(self.headers)))
                page = outer.pages.get(path.split("?")[0])
                status, kind, body, extra = 200, outer.content_type, page, {}
                if page is None:
                    status, body = 404, b"no such page\n"
                elif callable(page):
                    answer = page(self)
                    if answer is None:
                        return
                    status, kind, body = answer[:3]
                    extra = answer[3] if len(answer) > 3 else {}
                self.send_response(status)
                if kind is not None:
                    self.send_header("Content-Type", kind)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.do_GET()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # many targets come at once

            def handle_error(self, *_):
                pass  # a scraper that gives up is what some tests want

        self.server = Server((host, port), Handler)
        if tls:
            # The handshake is part of the first read, in the request's own thread.
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.address = "%s:%d" % (host, self.port)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
