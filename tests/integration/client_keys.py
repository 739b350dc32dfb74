"""The HTTP client keys of scrapes, by the agent and by a real Prometheus at once: through proxies, with OAuth 2.0
tokens, client certificates, headers and passwords that change while they run. Each has servers of its own; what the
servers saw must be the same. What is meant to differ is said by name.

Meant to differ: the User-Agent of CONNECT (Go names its library there, the agent nothing), the Referer that Go adds to
redirects, and http_headers on a redirect to another host (Prometheus sends them along, the agent does not). A Prometheus
before 3.14 adds http_headers anew to those of the scrape before, and keeps the first password.
"""
import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.parse

import harness as h

INTERVAL_S = 1
US = "ampagent"
MATTER = ("Host", "Authorization", "Proxy-Authorization", "Proxy-Connection", "X-Connect", "X-Own", "Content-Type")
TEXT = "text/plain; version=0.0.4"


# ---- certificates ----

def openssl(d, *args):
    subprocess.run(["openssl"] + list(args), cwd=d.path, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_files(d):
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl(d, *new, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("server", "client", "another"):
        openssl(d, *new, "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", name + ".key",
                "-out", name + ".pem")
    openssl(d, "genrsa", "-out", "jwt.key", "2048")
    openssl(d, "rsa", "-in", "jwt.key", "-pubout", "-out", "jwt.pub")


def context(d, client_ca=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(d.file("server.pem"), d.file("server.key"))
    if client_ca:
        c.load_verify_locations(d.file(client_ca))
        c.verify_mode = ssl.CERT_REQUIRED
    return c


# ---- servers ----

class Events:
    """What the servers of one scraper saw, each kind once, in the order of coming; all token fetches."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kinds = {}
        self.names = {}

    def note(self, server, method, target, headers, more=""):
        kept = [(k, v) for k, v in headers.items() if k.title() in MATTER]
        kind = json.dumps([method, target, sorted(kept), more])
        for port, name in self.names.items():
            kind = kind.replace(":%d" % port, ":" + name)
        with self.lock:
            kinds = self.kinds.setdefault(server, [])
            kinds.append(kind)

    def seen(self, server):
        with self.lock:
            return list(self.kinds.get(server, []))

    def distinct(self, server):
        return list(dict.fromkeys(self.seen(server)))


class Proxy:
    """CONNECT and requests in absolute form; names below .test are the one target behind it."""

    def __init__(self, events, behind):
        self.events, self.behind = events, behind
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = "127.0.0.1:%d" % self.port
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.guarded, args=(peer,), daemon=True).start()

    def guarded(self, peer):
        with peer:
            try:
                while self.serve(peer):
                    pass
            except (OSError, ValueError):
                pass

    def onward(self, address):
        host, port = address.rsplit(":", 1) if ":" in address else (address, "80")
        return socket.create_connection(("127.0.0.1", self.behind if host.endswith(".test") else int(port)), 10)

    def serve(self, peer):
        """One request; True when the connection may bring another one."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = peer.recv(65536)
            if not more:
                return False
            head += more
        first, *lines = head.split(b"\r\n\r\n")[0].decode().split("\r\n")
        method, target, version = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        self.events.note("proxy", method, target, headers)
        if method == "CONNECT":
            with self.onward(target) as server:
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                other = threading.Thread(target=self.copy, args=(server, peer), daemon=True)
                other.start()
                self.copy(peer, server)
                other.join(10)
            return False
        url = urllib.parse.urlsplit(target)
        own = "".join("%s: %s\r\n" % (k, v) for k, v in headers.items() if not k.lower().startswith("proxy-"))
        with self.onward(url.netloc) as server:
            server.sendall(("%s %s %s\r\n%sConnection: close\r\n\r\n" % (method, url.path, version, own)).encode())
            self.copy(server, peer, end=False)
        return False

    @staticmethod
    def copy(source, to, end=True):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                to.sendall(data)
            if end:
                to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class World:
    """All servers of one scraper."""

    def __init__(self, d, name):
        self.d, self.name, self.events = d, name, Events()
        self.target = h.Pages({"/" + path: self.page for path in
                               ("plain", "env", "direct", "proxied", "oauth", "form", "jwt", "headers", "basic",
                                "typed")})
        self.target.pages["/leave"] = self.leave
        self.target.pages["/left"] = self.page
        self.secure = h.Pages({"/tunnel": self.page}, tls=context(d))
        self.mutual_server = h.Pages({"/mutual": self.mutual}, tls=context(d, client_ca="ca.pem"))
        self.tokens = h.Pages({"/" + path: self.token for path in ("oauth", "form", "jwt")})
        self.proxy = Proxy(self.events, self.target.port)
        self.n_tokens = 0
        self.events.names = {self.target.port: "target", self.secure.port: "secure", self.tokens.port: "tokens",
                             self.mutual_server.port: "mutual", self.proxy.port: "proxy"}

    def page(self, request):
        path = request.path
        self.events.note(path, request.command, path, request.headers)
        return 200, TEXT, b"up_and_well 1\n"

    def leave(self, request):
        self.events.note("/leave", request.command, request.path, request.headers)
        return 302, TEXT, b"", {"Location": "http://localhost:%d/left" % self.target.port}

    def mutual(self, request):
        cert = request.connection.getpeercert() or {}
        name = dict(x[0] for x in cert.get("subject", ())).get("commonName")
        self.events.note("/mutual", request.command, request.path, request.headers, "as %s" % name)
        return 200, TEXT, b"up_and_well 1\n"

    def token(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        assertion = form.pop("assertion", None)
        if assertion:
            self.assertion = assertion
        self.events.note("token" + request.path, request.command, request.path, request.headers,
                         sorted(form.items()) + [["assertion", assertion is not None]])
        if request.path == "/form" and "client_secret" not in form:
            return 401, "application/json", b'{"error":"invalid_client"}'
        life = 2 if request.path == "/form" else 3600
        answer = {"access_token": "token-for" + request.path.replace("/", "-"), "token_type": "bearer",
                  "expires_in": life}
        return 200, "application/json; charset=utf-8", json.dumps(answer).encode()

    def file(self, name, content):
        return self.d.file("%s-%s" % (self.name, name), content)

    def config(self, remote):
        proxy = "http://u:w%%40@%s" % self.proxy.address

        def job(name, target, path=None, **settings):
            settings.update(job_name=name, metrics_path=path or "/" + name, static_configs=[{"targets": [target]}])
            return settings

        def oauth2(path, **settings):
            settings.update(client_id="me & you", token_url="http://%s%s" % (self.tokens.address, path))
            return settings
        tls = {"ca_file": "ca.pem"}
        jobs = [
            job("plain", self.target.address, proxy_url=proxy, proxy_connect_header={"X-Connect": ["c1"]}),
            job("tunnel", self.secure.address, scheme="https", tls_config=tls, proxy_url=proxy,
                proxy_connect_header={"X-Connect": ["c1"]}, authorization={"credentials": "for-the-target"}),
            job("direct", self.target.address, proxy_url=proxy, no_proxy="x.test"),
            job("proxied", "a.proxied.test:8080", proxy_url=proxy, no_proxy="b.proxied.test,proxied.test:80"),
            job("env", "env.test:80", proxy_from_environment=True),
            job("oauth", self.target.address, oauth2=oauth2(
                "/oauth", client_secret_file="%s-secret" % self.name, scopes=["s/1", "s 2"],
                endpoint_params={"resource": "a=b&c"})),
            job("form", self.target.address, oauth2=oauth2("/form", client_secret="word")),
            job("headers", self.target.address, http_headers={
                "X-Own": {"values": ["v"], "secrets": ["s"], "files": ["%s-header" % self.name]}}),
            job("basic", self.target.address, basic_auth={"username": "u", "password_file": "%s-password" % self.name}),
            job("typed", self.target.address, authorization={"type": "Own-Type", "credentials": "c d"}),
            job("leave", "127.0.0.1:%d" % self.target.port, authorization={"credentials": "home-only"}),
            job("mutual", self.mutual_server.address, scheme="https", tls_config=dict(
                tls, cert_file="%s-client.pem" % self.name, key_file="%s-client.key" % self.name)),
        ]
        if self.name == US:
            jobs.append(job("jwt", self.target.address, oauth2=oauth2(
                "/jwt", grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", client_certificate_key_file="jwt.key",
                client_certificate_key_id="k1", signature_algorithm="RS384", audience="aud", scopes=["s"],
                claims={"zone": ["a", 1]})))
        return json.dumps({"global": {"scrape_interval": "%ds" % INTERVAL_S, "scrape_timeout": "900ms"},
                           "scrape_configs": jobs, "remote_write": [{"url": remote}]})

    def client(self, name):
        shutil.copy(self.d.file(name + ".key"), self.d.file("%s-client.key.new" % self.name))
        shutil.copy(self.d.file(name + ".pem"), self.d.file("%s-client.pem.new" % self.name))
        for kind in ("key", "pem"):
            path = self.d.file("%s-client.%s" % (self.name, kind))
            os.replace(path + ".new", path)

    def before(self):
        self.file("header", "f1\n")
        self.file("password", " p1 \n")
        self.file("secret", "word one\n")
        self.client("client")

    def after(self):
        self.file("header", "f2\n")
        self.file("password", "p2")
        self.file("secret", "word two")
        self.client("another")

    def env(self):
        dead = "http://127.0.0.1:1"
        return {"HTTP_PROXY": "http://%s" % self.proxy.address, "https_proxy": dead, "NO_PROXY": "other.test"}


SERVERS = ("/plain", "/tunnel", "/direct", "/proxied", "/env", "/oauth", "/form", "/headers", "/basic", "/typed",
           "/leave", "/left", "/mutual")


def find_peer():
    found = subprocess.run([os.path.join(h.ROOT, "tests", "lib", "peers.sh"), "prometheus3"], stdout=subprocess.PIPE,
                           universal_newlines=True)
    return found.stdout.strip() if found.returncode == 0 else None


def is_old(program):
    text = subprocess.run([program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True).stdout
    return tuple(int(n) for n in text.split("version ")[1].split("+")[0].split(" ")[0].split(".")[:2]) < (3, 14)


def start(world, program, d, remote):
    config = world.config(remote)
    world.before()
    if world.name == US:
        return h.Agent(d, config, name=world.name, env=world.env())
    port = h.free_port()
    path = d.file(world.name + ".yml", config)
    return h.Process(world.name, [program, "--agent", "--config.file=" + path,
                                  "--storage.agent.path=" + d.file(world.name + "-data"),
                                  "--web.listen-address=127.0.0.1:%d" % port], d, world.env())


def missing(world, at_least):
    return [name for name in SERVERS if len(world.events.seen(name)) < at_least.get(name, 0) + 3]


def wait_for_scrapes(worlds):
    """Three more of each job."""
    counts = {world: {name: len(world.events.seen(name)) for name in SERVERS} for world in worlds}
    for world in worlds:
        if not h.wait_for(lambda: not missing(world, counts[world]), 20, "scrapes by " + world.name):
            print("none of: %s" % " ".join(missing(world, counts[world])))


def check_jwt(world, d):
    """The signature, by the openssl program, and what was signed."""
    def decode(part):
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if not h.wait_for(lambda: world.events.seen("/jwt"), 10, "a scrape with a token of a signed assertion"):
        return
    signed, signature = world.assertion.rsplit(".", 1)
    header, claims = [json.loads(decode(part)) for part in signed.split(".")]
    h.check(header == {"alg": "RS384", "kid": "k1", "typ": "JWT"}, "assertion header %r" % header)
    h.check(claims.pop("exp") - claims.pop("iat") == 600 and len(claims.pop("jti")) == 36, "assertion times and id")
    h.check(claims == {"aud": "aud", "iss": "me & you", "sub": "me & you", "scope": "s", "zone": ["a", 1]},
            "assertion claims %r" % claims)
    d.file("signed", signed)
    with open(d.file("signature"), "wb") as f:
        f.write(decode(signature))
    run = subprocess.run(["openssl", "dgst", "-sha384", "-verify", "jwt.pub", "-signature", "signature", "signed"],
                         cwd=d.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    h.check(run.returncode == 0, "the assertion's signature is that of the key")
    h.check(len(world.events.seen("token/jwt")) == 1, "one fetch by assertion")
    h.check("token-for-jwt" in world.events.distinct("/jwt")[0], "the token of the assertion is used")


def check_own(world):
    """What can be said without a peer."""
    seen = world.events
    h.check(len(seen.seen("token/oauth")) == 2, "one fetch for each secret, not %d" % len(seen.seen("token/oauth")))
    fetches, scrapes = len(seen.seen("token/form")), len(seen.seen("/form"))
    h.check(scrapes <= fetches <= scrapes + 3, "%d fetches of short tokens for %d scrapes" % (fetches, scrapes))
    h.check("Basic" in seen.seen("token/form")[0] and all(
        "Basic" not in s for s in seen.seen("token/form")[1:]), "Basic was tried once, then the form")
    names = [json.loads(s)[3] for s in seen.distinct("/mutual")]
    h.check(names == ["as client", "as another"], "client certificates: %r" % names)
    h.check(all("home-only" not in s for s in seen.seen("/left")), "credentials stay at home")
    h.check(all("for-the-target" not in s for s in seen.seen("proxy")), "the proxy does not see credentials")
    for name in ("/headers", "/basic"):
        h.check(len(seen.distinct(name)) == 2, "%s: before and after, not %r" % (name, seen.distinct(name)))
    log = world.process.log()
    for secret in ("w@", "word one", "word two", "token-for", "c1", "home-only"):
        h.check(secret not in log, "\"%s\" in the log" % secret)


def compare(ours, theirs, old):
    for name in SERVERS + ("token/oauth", "token/form"):
        a, b = ours.events.distinct(name), theirs.events.distinct(name)
        if old and name in ("/headers", "/basic"):
            a, b = a[:1], b[:1]
        h.check(a == b, "%s:\n  %s\nnot as with Prometheus:\n  %s" % (name, "\n  ".join(a), "\n  ".join(b)))
    # Jobs start at times of their own.
    a, b = sorted(ours.events.distinct("proxy")), sorted(theirs.events.distinct("proxy"))
    h.check(a == b, "proxy:\n  %s\nnot as with Prometheus:\n  %s" % ("\n  ".join(a), "\n  ".join(b)))


def main():
    if shutil.which("openssl") is None:
        h.skip("there is no openssl program")
    with h.Dir() as d:
        make_files(d)
        peer = find_peer()
        if not peer:
            print("left out: a Prometheus 3 cannot be had")
        worlds = [World(d, name) for name in ([US, "prometheus-3"] if peer else [US])]
        with h.Pages({"/write": lambda request: (204, None, b"")}) as remote:
            url = "http://%s/write" % remote.address
            for world in worlds:
                world.process = start(world, peer, d, url)
            wait_for_scrapes(worlds)
            for world in worlds:
                world.after()
            wait_for_scrapes(worlds)
            check_jwt(worlds[0], d)
            for world in worlds:
                world.process.stop()
            check_own(worlds[0])
            if peer:
                compare(*worlds, is_old(peer))
    h.finish()


if __name__ == "__main__":
    main()
