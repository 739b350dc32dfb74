"""TLS, credentials and headers of scrapes and of remote write, and that no secret is ever shown.

Certificates are made by the openssl program in the test's directory. One agent has all jobs and
destinations, at the most talkative log level, in an environment full of proxies that do not exist.
"""
import base64
import http.client
import json
import os
import shutil
import ssl
import subprocess
import urllib.parse

import harness as h

PAGE = {"/metrics": b"a 1\n"}
TEXT = "text/plain; version=0.0.4"
DEAD = "http://127.0.0.1:1"
PROXIES = {name: DEAD for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY",
                                   "ALL_PROXY")}
SESSION_TOKEN = "made-up-session-token-FwoGZXIvYXdzEBY"
# Everything here must stay out of logs, pages and files of the agent.
SECRETS = ["basic-word-1", "basic-word-2", "first-file-word", "second-file-word", "token-from-a-file",
           "bearer-inline-word", "header-secret-word", "header-file-word", "write-basic-word", "write-token-word",
           "url-user-word", "write-header-secret", h.SECRET_KEY, SESSION_TOKEN]


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


# ---- certificates ----

def openssl(d, *args):
    subprocess.run(["openssl"] + list(args), cwd=d.path, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(d, name):
    openssl(d, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem")


def make_cert(d, ca, name, alternative):
    d.file(name + ".ext", "subjectAltName=%s\n" % alternative)
    openssl(d, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr")
    openssl(d, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem")


def make_certificates(d):
    make_ca(d, "ca")
    make_ca(d, "otherca")
    make_cert(d, "ca", "server", "IP:127.0.0.1")
    make_cert(d, "otherca", "rotated", "IP:127.0.0.1")
    make_cert(d, "ca", "named", "DNS:scrape.test")
    make_cert(d, "ca", "client", "DNS:client.test")
    shutil.copy(d.file("ca.pem"), d.file("turning-ca.pem"))


def context(d, name, client_ca=None, highest=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(d.file(name + ".pem"), d.file(name + ".key"))
    if client_ca:
        c.load_verify_locations(d.file(client_ca + ".pem"))
        c.verify_mode = ssl.CERT_REQUIRED
    if highest:
        c.maximum_version = highest
    return c


# ---- servers ----

class Guarded(h.Pages):
    """Pages that only those with the right Authorization see; .wanted may change."""

    def __init__(self, wanted, **kwargs):
        self.wanted = wanted
        super().__init__({"/metrics": self.page}, **kwargs)

    def page(self, request):
        if request.headers.get_all("Authorization") != [self.wanted]:
            return 401, TEXT, b"who are you\n"
        return 200, TEXT, PAGE["/metrics"]


class Writes(h.Pages):
    """A remote write receiver that keeps the headers of all requests."""

    def __init__(self, **kwargs):
        self.seen = []
        super().__init__({"/write": self.take}, **kwargs)

    def take(self, request):
        self.seen.append(request.headers)
        return (204 if request.body else 400), None, b""

    def all_have(self, name, value):
        return len(self.seen) > 0 and all(headers.get_all(name) == [value] for headers in self.seen)


def relay_to(receiver):
    """TLS in front of the stand-in: passes a request on as it came."""
    def page(request):
        onward = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
        onward.putrequest("POST", request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            onward.putheader(name, value)
        onward.endheaders(request.body)
        answer = onward.getresponse()
        return answer.status, TEXT, answer.read()
    return page


def redirect_to(url):
    return lambda request: (302, TEXT, b"", {"Location": url})


# ---- configuration: YAML takes JSON ----

def job(name, target, **settings):
    settings.update(job_name=name, static_configs=[{"targets": [target]}])
    return settings


def tls_jobs(s):
    def of(name, server, **tls):
        return job(name, s[server].address, scheme="https", tls_config=tls)
    return [
        of("good", "server", ca_file="ca.pem"),
        of("wrong-ca", "server", ca_file="otherca.pem"),
        of("system-roots", "server"),
        of("name-mismatch", "named", ca_file="ca.pem"),
        of("server-name", "named", ca_file="ca.pem", server_name="scrape.test"),
        of("skip-verify", "named", insecure_skip_verify=True),
        of("mutual", "mutual", ca_file="ca.pem", cert_file="client.pem", key_file="client.key"),
        of("mutual-without", "mutual", ca_file="ca.pem"),
        of("mutual-without-12", "mutual12", ca_file="ca.pem"),
        of("mutual-no-file", "mutual", ca_file="ca.pem", cert_file="none.pem", key_file="client.key"),
        of("tls12", "old", ca_file="ca.pem", min_version="TLS12"),
        of("tls13", "old", ca_file="ca.pem", min_version="TLS13"),
        of("turning", "turning", ca_file="turning-ca.pem"),
    ]


def credential_jobs(s):
    inline = {"username": "one", "password": "basic-word-1"}
    follow = {"basic_auth": inline, "http_headers": {"X-Own": {"secrets": ["header-secret-word"]}}}
    return [
        job("basic", s["basic"].address, basic_auth=inline),
        job("basic-wrong", s["basic"].address, basic_auth={"username": "one", "password": "basic-word-2"}),
        job("basic-file", s["file"].address, basic_auth={"username": "two", "password_file": "password"}),
        job("no-file", s["file"].address, basic_auth={"username": "two", "password_file": "no-such-file"}),
        job("token", s["token"].address, authorization={"type": "Token", "credentials_file": "token"}),
        job("bearer", s["bearer"].address, authorization={"credentials": "bearer-inline-word"}),
        job("headers", s["headers"].address, http_headers={
            "X-Plain": {"values": ["first", "second"]}, "X-Secret": {"secrets": ["header-secret-word"]},
            "X-File": {"files": ["header"]}}),
        job("params", s["params"].address, params={"module": ["http", "more"], "deep": ["a b&c"]},
            relabel_configs=[{"source_labels": ["job"], "target_label": "__param_target"},
                             {"replacement": "dns", "target_label": "__param_module"}]),
        job("redirect-same", s["from"].address, metrics_path="/same", **follow),
        job("redirect-other", s["from"].address, metrics_path="/other", **follow),
        job("redirect-off", s["from"].address, metrics_path="/same", follow_redirects=False, **follow),
        dict(job("mixed", s["mixed"].address), file_sd_configs=[{"files": ["mixed.json"]}]),
    ]


def destinations(s, receiver):
    queue = {"batch_send_deadline": "200ms", "min_backoff": "10ms", "max_backoff": "100ms"}
    tls = {"ca_file": "ca.pem"}

    def to(name, url, **settings):
        return dict(settings, name=name, url=url, queue_config=queue)
    return [
        to("basic", "https://%s/write" % s["write-basic"].address, tls_config=tls,
           basic_auth={"username": "writer", "password": "write-basic-word"},
           headers={"X-Scope-OrgID": "tenant"}, http_headers={"X-More": {"secrets": ["write-header-secret"]}}),
        to("token", "https://%s/write" % s["write-token"].address, tls_config=tls,
           authorization={"credentials_file": "write-token"}),
        to("in-url", "http://someone:url-user-word@%s/write" % s["write-url"].address),
        to("untrusted", "https://%s/write" % s["write-untrusted"].address),
        to("signed", receiver.url, sigv4={}),
        to("signed-tls", receiver.url.replace("http://127.0.0.1:%d" % receiver.port, "https://" + s["relay"].address),
           tls_config=tls, sigv4={"service_name": "aps"}, write_relabel_configs=[{"target_label": "by", "replacement": "tls"}]),
    ]


def config(s, receiver):
    return json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": tls_jobs(s) + credential_jobs(s),
        "remote_write": destinations(s, receiver)}, indent=1)


def make_servers(d):
    target = h.Pages(PAGE, host="127.0.0.2")
    source = h.Pages(PAGE)
    source.pages["/same"] = redirect_to("/metrics")
    source.pages["/other"] = redirect_to("http://%s/metrics" % target.address)
    return {
        "server": h.Pages(PAGE, tls=context(d, "server")),
        "named": h.Pages(PAGE, tls=context(d, "named")),
        "mutual": h.Pages(PAGE, tls=context(d, "server", client_ca="ca")),
        "mutual12": h.Pages(PAGE, tls=context(d, "server", client_ca="ca", highest=ssl.TLSVersion.TLSv1_2)),
        "old": h.Pages(PAGE, tls=context(d, "server", highest=ssl.TLSVersion.TLSv1_2)),
        "basic": Guarded(basic("one", "basic-word-1")),
        "file": Guarded(basic("two", "first-file-word")),
        "token": Guarded("Token token-from-a-file"),
        "bearer": Guarded("Bearer bearer-inline-word"),
        "headers": h.Pages(PAGE),
        "params": h.Pages(PAGE),
        "from": source,
        "to": target,
        "mixed": h.Pages(PAGE),
        "mixed-file": h.Pages(PAGE),
        "write-basic": Writes(tls=context(d, "server")),
        "write-token": Writes(tls=context(d, "server")),
        "write-url": Writes(),
        "write-untrusted": Writes(tls=context(d, "server")),
    }


# ---- expectations ----

def by_job(agent):
    return {t["scrapePool"]: t for t in agent.targets()["activeTargets"]}


def is_up(agent, name):
    return by_job(agent)[name]["health"] == "up"


def all_known(agent):
    return all(t["health"] != "unknown" for t in agent.targets()["activeTargets"])


DOWN = {  # and what the error names
    "wrong-ca": "certificate",
    "system-roots": "certificate",
    "name-mismatch": "127.0.0.1",
    # TLS 1.3 refuses after the handshake: who hears of it first depends on the kernel.
    "mutual-without": "",
    "mutual-without-12": "alert",
    "mutual-no-file": "none.pem",
    "tls13": "version",
    "basic-wrong": "401",
    "no-file": "no-such-file",
    "redirect-off": "302",
}


def health_is_as_expected(agent):
    for name, t in by_job(agent).items():
        if name in DOWN:
            h.check(t["health"] == "down" and DOWN[name] in t["lastError"],
                    "%s is down for %s: %s %s" % (name, DOWN[name], t["health"], t["lastError"]))
            h.check(t["lastError"] != "", "%s says why it is down" % name)
        else:
            h.check(t["health"] == "up", "%s is up: %s %s" % (name, t["health"], t["lastError"]))


def requests_are_as_expected(agent, s):
    hosts = {headers["Host"] for _, headers in s["named"].requests}
    h.check(hosts == {s["named"].address}, "server_name leaves the Host header alone: %s" % hosts)
    path = s["params"].requests[-1][0]
    h.check(path == "/metrics?deep=a+b%26c&module=dns&module=more&target=params", "parameters: " + path)
    urls = by_job(agent)["params"]["scrapeUrl"]
    h.check(urls.endswith(path), "scrapeUrl: " + urls)
    own = [headers for path, headers in s["from"].requests if path == "/metrics"]
    h.check(own and all(headers.get("Authorization") == basic("one", "basic-word-1") and
                        headers.get("X-Own") == "header-secret-word" for headers in own),
            "a redirect on the same host keeps credentials: %s" % own[-1:])
    other = [headers for _, headers in s["to"].requests]
    h.check(other and not any("Authorization" in headers or "X-Own" in headers for headers in other),
            "a redirect to another host loses them: %s" % other[-1:])
    pools = [t["scrapePool"] for t in agent.targets()["activeTargets"]]
    h.check(pools.count("mixed") == 2, "static and file targets in one job: %s" % pools)


def headers_arrive(s):
    seen = []

    def page(request):
        seen.append(request.headers)
        return 200, TEXT, b"a 1\n"
    s["headers"].pages["/metrics"] = page
    if not h.wait_for(lambda: seen, 5, "a scrape with headers"):
        return
    got = {name: seen[0].get_all(name) for name in ("X-Plain", "X-Secret", "X-File")}
    h.check(got == {"X-Plain": ["first", "second"], "X-Secret": ["header-secret-word"],
                    "X-File": ["header-file-word"]}, "http_headers: %s" % got)


def files_are_read_again(d, agent, s):
    s["file"].wanted = basic("two", "second-file-word")
    h.wait_for(lambda: not is_up(agent, "basic-file"), 5, "the old password is refused")
    d.file("password", "second-file-word\n")
    h.wait_for(lambda: is_up(agent, "basic-file"), 5, "a changed password_file is used")
    d.file("no-such-file", "second-file-word\n")
    h.wait_for(lambda: is_up(agent, "no-file"), 5, "a password_file that appears is used")
    d.file("write-token", "later-write-token\n")
    s["write-token"].seen.clear()
    h.wait_for(lambda: any(headers["Authorization"] == "Bearer later-write-token" for headers in
                           list(s["write-token"].seen)), 10, "remote write uses the changed credentials_file")


def certificates_are_read_again(d, agent, s, turning):
    # The kept connection was verified by the old certificate: it must not be used any more.
    shutil.copy(d.file("otherca.pem"), d.file("turning-ca.pem"))
    h.wait_for(lambda: not is_up(agent, "turning"), 8, "what a changed ca_file does not trust goes down")
    turning.load_cert_chain(d.file("rotated.pem"), d.file("rotated.key"))
    h.wait_for(lambda: is_up(agent, "turning"), 8, "and is up with a certificate that it trusts")


def remote_write_is_as_expected(agent, s, receiver):
    h.wait_for(lambda: len(s["write-basic"].seen) > 2 and len(s["write-token"].seen) > 2
               and len(s["write-url"].seen) > 2, 10, "all receivers get requests")
    h.check(s["write-basic"].all_have("Authorization", basic("writer", "write-basic-word")), "basic_auth")
    h.check(s["write-basic"].all_have("X-Scope-OrgID", "tenant"), "headers")
    h.check(s["write-basic"].all_have("X-More", "write-header-secret"), "http_headers of remote write")
    h.check(s["write-basic"].all_have("Content-Encoding", "snappy"), "Content-Encoding")
    h.check(s["write-token"].all_have("Authorization", "Bearer write-token-word"), "credentials_file")
    h.check(s["write-url"].all_have("Authorization", basic("someone", "url-user-word")), "user of the URL")
    stats = receiver.stats()
    h.check(stats["samples"] > 0 and stats["bad_signature"] == 0, "signed with keys, token and region of the "
            "environment: %s" % stats)
    h.wait_for(lambda: b"tls" in h.get("http://127.0.0.1:%d/series?match=up" % receiver.port), 10,
               "signed requests arrive through TLS")
    h.check(receiver.stats()["bad_signature"] == 0, "and their signatures are good")
    ups = {}
    for line in h.get("http://127.0.0.1:%d/series?match=up" % receiver.port).decode().splitlines():
        item = json.loads(line)
        ups[item["labels"]["job"]] = item["last_value"]
    h.check(ups["good"] == 1 and all(ups[name] == 0 for name in DOWN), "up: %s" % ups)
    ledger = {e["name"]: e for e in agent.ledger()["destinations"]}
    h.check("certificate" in ledger["untrusted"]["lastError"] and ledger["untrusted"]["sent"] == 0
            and not s["write-untrusted"].seen, "nothing goes to a server that is not trusted: %s" % ledger["untrusted"])


def nothing_is_shown(d, agent, log):
    where = {"log": log.encode()}
    for path in ("/", "/targets", "/metrics", "/version", "/api/v1/targets", "/api/v1/ledger"):
        where[path] = h.get(agent.base + path)
    for directory, _, names in os.walk(d.file("ampagent-data")):
        for name in names:
            with open(os.path.join(directory, name), "rb") as f:
                where["file " + name] = f.read()
    h.check(len(where) > 8 and all(k.startswith("file") or v for k, v in where.items()), "places to look at: %s"
            % sorted(where))
    for secret in SECRETS + ["later-write-token"]:
        forms = [secret.encode()]
        # base64 of "user:secret" has the secret at one of three offsets.
        for pad in (b"", b"x", b"xx"):
            forms.append(base64.b64encode(pad + secret.encode())[4:-4])
        for place, content in where.items():
            h.check(not any(form in content for form in forms), "%s holds the secret %s" % (place, secret))


def talk_to(d, agent, s, receiver, turning):
    agent.wait_ready()
    h.wait_for(lambda: all_known(agent), 15, "every target is scraped once")
    health_is_as_expected(agent)
    requests_are_as_expected(agent, s)
    headers_arrive(s)
    remote_write_is_as_expected(agent, s, receiver)
    certificates_are_read_again(d, agent, s, turning)
    files_are_read_again(d, agent, s)
    nothing_is_shown(d, agent, agent.log())


def everything_in_one_agent():
    with h.Dir() as d:
        make_certificates(d)
        for name, content in (("password", "first-file-word\n"), ("token", "  token-from-a-file \n"),
                              ("header", "header-file-word\n"), ("write-token", "write-token-word\n")):
            d.file(name, content)
        turning = context(d, "server")
        s = make_servers(d)
        s["turning"] = h.Pages(PAGE, tls=turning)
        d.file("mixed.json", json.dumps([{"targets": [s["mixed-file"].address]}]))
        env = dict(PROXIES, AWS_ACCESS_KEY_ID=h.ACCESS_KEY, AWS_SECRET_ACCESS_KEY=h.SECRET_KEY,
                   AWS_SESSION_TOKEN=SESSION_TOKEN, AWS_REGION=h.REGION)
        with h.Receiver(d, "--session-token=" + SESSION_TOKEN) as receiver:
            s["relay"] = h.Pages(tls=context(d, "server"))
            s["relay"].pages[urllib.parse.urlsplit(receiver.url).path] = relay_to(receiver)
            with h.Agent(d, config(s, receiver), "--log.level=debug", "--storage.remote.flush-deadline=300ms",
                         env=env) as agent:
                talk_to(d, agent, s, receiver, turning)
            h.check(not any(secret in agent.log() for secret in SECRETS), "the log stays clean to the end")
        for server in s.values():
            server.__exit__()


def a_peer_that_echoes_secrets():
    """Services explain a bad signature by what they were sent: the log must not repeat it."""
    def echo(request):
        text = "canonical request: " + "\n".join("%s:%s" % item for item in request.headers.items())
        return 403, TEXT, text.encode()

    with h.Dir() as d, h.Pages(PAGE) as pages, h.Pages({"/write": echo}) as peer:
        d.file("token", "token-from-a-file\n")
        text = json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [job("j", pages.address)],
            "remote_write": [
                {"name": "signed", "url": "http://%s/write" % peer.address, "sigv4": {"region": h.REGION}},
                {"name": "file", "url": "http://%s/write" % peer.address, "authorization": {"credentials_file": "token"}},
                {"name": "basic", "url": "http://%s/write" % peer.address,
                 "basic_auth": {"username": "u", "password": "write-basic-word"}}]})
        env = {"AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY,
               "AWS_SESSION_TOKEN": SESSION_TOKEN}
        with h.Agent(d, text, "--log.level=debug", "--storage.remote.flush-deadline=100ms", env=env) as agent:
            h.wait_for(lambda: all(e["lastError"] for e in agent.ledger()["destinations"]), 10, "all are refused")
            shown = agent.log() + h.get(agent.base + "/api/v1/ledger").decode()
            for secret in (SESSION_TOKEN, "token-from-a-file", basic("u", "write-basic-word")[6:]):
                h.check(secret not in shown, "an answer's echo of %s is not repeated" % secret)
            h.check("canonical request" in shown, "the rest of the answer is shown")


def a_mistake_beside_a_secret_does_not_show_it():
    job_of, write_of = "scrape_configs: [{job_name: j, %s}]", "remote_write: [{url: 'http://x', %s}]"
    files = [
        job_of % "basic_auth: basic-word-1",
        job_of % "basic_auth: {password:basic-word-1}",
        job_of % "basic_auth: {password: *basic-word-1}",
        job_of % "basic_auth: {password: 'basic-word-1}",
        job_of % "basic_auth: {password: [basic-word-1]}",
        job_of % "basic_auth: {password: !!int basic-word-1}",
        job_of % "basic_auth: {password: basic-word-1, password_file: x}",
        job_of % "authorization: {type: Basic, credentials: basic-word-1}",
        job_of % "http_headers: {X: {secrets: basic-word-1}}",
        job_of % "http_headers: {Authorization: {secrets: [basic-word-1]}}",
        job_of % "tls_config: {key: basic-word-1}",
        write_of % "sigv4: {region: r, secret_key: basic-word-1}",
        write_of % "sigv4: {region: r, access_key: a, secret_key: 'basic-word-1 x'}",
        write_of % "headers: {Authorization: basic-word-1}",
        "remote_write: [{url: 'http://u:basic-word-1@x y/'}]",
        "remote_write: [{url: 'http://u:basic-word-1@x:99999/'}]",
    ]
    with h.Dir() as d:
        for i, text in enumerate(files):
            agent = h.Agent(d, text, name="agent-%d" % i)
            try:
                code = agent.popen.wait(10)
            except subprocess.TimeoutExpired:
                agent.kill()
                code = None
            h.check(code in (1, 2), "refused: %s: %s" % (text, code))
            h.check("basic-word-1" not in agent.log() and "level=ERROR" in agent.log(), "%s: %s" % (text, agent.log()))


def without_keys_it_says_what_it_looked_for():
    cases = [
        ({"AWS_REGION": h.REGION}, ("AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_DISABLED")),
        ({"AWS_REGION": h.REGION, "AWS_ACCESS_KEY_ID": h.ACCESS_KEY}, ("AWS_SECRET_ACCESS_KEY",)),
        ({"AWS_REGION": h.REGION, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY}, ("AWS_ACCESS_KEY_ID",)),
        ({"AWS_REGION": h.REGION, "AWS_PROFILE": "p"}, ("AWS_PROFILE",)),
        ({"AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY}, ("AWS_REGION",)),
        ({"AWS_REGION": h.REGION, "AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY + "\n"},
         ("AWS_SECRET_ACCESS_KEY",)),
    ]
    text = json.dumps({"remote_write": [{"url": "http://127.0.0.1:1/write", "sigv4": {}}]})
    for i, (env, names) in enumerate(cases):
        with h.Dir() as d:
            agent = h.Agent(d, text, name="agent-%d" % i, env=env)
            try:
                code = agent.popen.wait(10)
            except subprocess.TimeoutExpired:
                agent.kill()
                code = None
            h.check(code in (1, 2), "case %d: exit code %s" % (i, code))
            log = agent.log()
            h.check("sigv4" in log and all(name in log for name in names), "case %d names %s: %s" % (i, names, log))
            h.check(h.SECRET_KEY not in log, "case %d shows the key" % i)


if shutil.which("openssl") is None:
    h.skip("there is no openssl program")
everything_in_one_agent()
a_peer_that_echoes_secrets()
a_mistake_beside_a_secret_does_not_show_it()
without_keys_it_says_what_it_looked_for()
h.finish()
