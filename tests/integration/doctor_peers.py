"""`ampagent doctor` against peers that are broken: names, connections, certificates, clocks, answers; and against
healthy ones, some of which go by the service's own names, for which the test has a network and a hosts file of its own.
"""
import json
import shutil
import socket
import ssl
import subprocess
import threading

import doctor_lib as lib
import harness as h
import namespace

missing = namespace.enter(namespace.NEW_MOUNTS | namespace.NEW_NETWORK)
KEYS = {"AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY}
HOST = "aps-workspaces.eu-west-1.amazonaws.com"
VPCE = "vpce-0a1b2c3d4e5f60718-abcdefgh.aps-workspaces.eu-west-1.vpce.amazonaws.com"
PRIVATE, HOLE, HOLE_MASK = "10.9.9.1", "10.99.0.254", "255.255.255.0"
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Corporate network</body></html>\n"


# ---- certificates ----

def openssl(d, *args):
    subprocess.run(["openssl"] + list(args), cwd=d.path, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(d, name, subject):
    openssl(d, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60",
            "-subj", subject, "-keyout", name + ".key", "-out", name + ".pem")


def make_cert(d, ca, name, alternative, days="60"):
    d.file(name + ".ext", "subjectAltName=%s\n" % alternative)
    openssl(d, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr")
    openssl(d, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
            "-days", days, "-extfile", name + ".ext", "-out", name + ".pem")


def make_certificates(d):
    names = "DNS:%s,DNS:%s" % (HOST, VPCE)
    make_ca(d, "ca", "/O=Example/CN=Example CA")
    make_ca(d, "corp", "/O=Corp IT/CN=Corp Inspection CA")
    make_ca(d, "amazon", "/C=US/O=Amazon/CN=Amazon RSA 2048 M02")
    make_cert(d, "ca", "good", "IP:127.0.0.1")
    make_cert(d, "ca", "soon", "IP:127.0.0.1", "3")
    make_cert(d, "ca", "expired", "IP:127.0.0.1", "-1")
    make_cert(d, "ca", "other", "DNS:other.test")
    make_cert(d, "corp", "intercepted", names)
    make_cert(d, "amazon", "amp", names)


# ---- peers ----

def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except (OSError, ValueError):
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Listener:
    """Takes connections in threads of their own; serve(socket) does the rest."""

    def __init__(self, serve, host="127.0.0.1", port=0):
        self.serve = serve
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host, port))
        self.sock.listen(16)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        try:
            self.serve(s)
        except (OSError, ValueError):
            pass
        s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
        self.sock.close()


def tls_front(d, name, to_port, wants=None, **kwargs):
    """Speaks TLS by the certificate and passes all on to a port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(d.file(name + ".pem"), d.file(name + ".key"))
    if wants:
        # By TLS 1.3 the refusal comes behind the handshake.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants)

    def serve(s):
        with context.wrap_socket(s, server_side=True) as t, socket.create_connection(("127.0.0.1", to_port)) as b:
            back = threading.Thread(target=pump, args=(b, t), daemon=True)
            back.start()
            pump(t, b)
            back.join(10)
    return Listener(serve, **kwargs)


def proxy(allow=True):
    """A proxy for CONNECT, to whatever is asked for on loopback."""
    def serve(s):
        head = b""
        while b"\r\n\r\n" not in head:
            more = s.recv(4096)
            if not more:
                return
            head += more
        if not allow or not head.startswith(b"CONNECT "):
            s.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        port = int(head.split()[1].rsplit(b":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as b:
            s.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(b, s), daemon=True)
            back.start()
            pump(s, b)
            back.join(10)
    return Listener(serve)


# ---- names and connections ----

def dns_cases(doc, base):
    doc.broken_at("no such host", "dns", ["nowhere.invalid", "name server"], env=KEYS,
                  config=lib.write("https://nowhere.invalid" + lib.PATH))
    doc.broken_at("no such proxy", "dns", ["proxy", "proxy_url"], env=KEYS,
                  config=lib.write("https://nowhere.invalid" + lib.PATH, "  proxy_url: http://gate.invalid:8080\n"))


def tcp_cases(doc, base):
    doc.broken_at("a closed port", "tcp", ["refused", "port"], env=KEYS,
                  config=lib.write("https://127.0.0.1:1" + lib.PATH))
    answer = doc.broken_at("a proxy that does not run", "tcp", ["proxy", "HTTPS_PROXY"], env=KEYS,
                           config=lib.write("https://nowhere.invalid" + lib.PATH,
                                            "  proxy_url: http://me:made-up-password@127.0.0.1:1\n"))
    if answer:
        h.check(lib.step(answer, "dns")["verdict"] == "ok", "the proxy's name: %s" % lib.step(answer, "dns"))
    doc.broken_at("a proxy that is not used", "dns", ["proxy_from_environment"], config=lib.write(
        "https://nowhere.invalid" + lib.PATH), env=dict(KEYS, HTTPS_PROXY=lib.DEAD))
    if missing:
        print("left out: an address behind which nobody is, names of the service: " + missing)
        return
    hole = namespace.Hole("hole0", HOLE, HOLE_MASK)
    doc.broken_at("an address behind which nobody is", "tcp", ["security group", "NAT", "VPC endpoint"], env=KEYS,
                  config=lib.write("https://10.99.0.7" + lib.PATH), timeout="1s")
    doc.broken_at("no way to an address", "tcp", ["route"], env=KEYS,
                  config=lib.write("https://192.0.2.1" + lib.PATH), timeout="1s")
    del hole


# ---- TLS ----

def tls_cases(doc, d, standin):
    trust = "  tls_config: {ca_file: '%s'}\n" % d.file("ca.pem")

    def front(name, what, words, cert, more=trust, env=None):
        with tls_front(d, cert, standin.port) as f:
            doc.broken_at(name, "tls", words, env=dict(KEYS, **(env or {})), human=what,
                          config=lib.write("https://127.0.0.1:%d%s" % (f.port, lib.PATH), more))

    front("an expired certificate", True, ["expired", "renew"], "expired")
    front("a certificate for another host", True, ["another host", "server_name"], "other")
    front("an unknown authority", True, ["AWS_CA_BUNDLE", "ca_file"], "good", more="")
    front("another authority than the one named", True, ["ca_file"], "good",
          more="  tls_config: {ca_file: '%s'}\n" % d.file("corp.pem"))
    front("no file of authorities", True, ["tls_config"], "good", more="  tls_config: {ca_file: /no/such.pem}\n")
    doc.broken_at("no TLS at the port", "tls", ["no TLS", "port"], env=KEYS,
                  config=lib.write("https://127.0.0.1:%d%s" % (standin.port, lib.PATH)))
    with tls_front(d, "good", standin.port, wants=d.file("ca.pem")) as f:
        doc.broken_at("a client's certificate is wanted", "tls", ["cert_file"], env=KEYS,
                      config=lib.write("https://127.0.0.1:%d%s" % (f.port, lib.PATH), trust))
    with Listener(lambda s: s.close()) as closes:
        doc.broken_at("a port that closes at once", "tls", ["port"], env=KEYS,
                      config=lib.write("https://127.0.0.1:%d%s" % (closes.port, lib.PATH)))
    silent = threading.Event()
    with Listener(lambda s: silent.wait(20)) as says_nothing:
        doc.broken_at("a handshake without an answer", "tls", ["handshake", "MTU"], env=KEYS, timeout="1s",
                      config=lib.write("https://127.0.0.1:%d%s" % (says_nothing.port, lib.PATH)))
    silent.set()
    with proxy(allow=False) as p:
        doc.broken_at("a proxy that refuses", "tls", ["proxy", "CONNECT"], env=KEYS, config=lib.write(
            "https://127.0.0.1:9" + lib.PATH, "  proxy_url: http://127.0.0.1:%d\n" % p.port))
    with tls_front(d, "good", standin.port) as f, proxy() as p:
        config = lib.write("https://127.0.0.1:%d%s" % (f.port, lib.PATH), trust)
        answer = doc.healthy("TLS by an authority of one's own", config=config, env=KEYS)
        if answer:
            h.check("Example CA" in lib.step(answer, "tls")["evidence"], lib.step(answer, "tls"))
        doc.healthy("TLS by AWS_CA_BUNDLE", env=dict(KEYS, AWS_CA_BUNDLE=d.file("ca.pem")),
                    config=lib.write("https://127.0.0.1:%d%s" % (f.port, lib.PATH)))
        answer = doc.healthy("TLS through a proxy", env=KEYS,
                             config=config + "  proxy_url: http://127.0.0.1:%d\n" % p.port)
        if answer:
            h.check("proxy" in lib.step(answer, "dns")["evidence"], lib.step(answer, "dns"))
        doc.healthy("nobody checks the certificate", ["tls"], env=KEYS, config=lib.write(
            "https://127.0.0.1:%d%s" % (f.port, lib.PATH), "  tls_config: {insecure_skip_verify: true}\n"))
    with tls_front(d, "soon", standin.port) as f:
        doc.healthy("a certificate near its end", ["tls"], env=KEYS,
                    config=lib.write("https://127.0.0.1:%d%s" % (f.port, lib.PATH), trust))


def hosts(d, address):
    d.file("hosts", "127.0.0.1 localhost\n%s %s\n%s %s\n" % (address, HOST, address, VPCE))
    namespace.run("umount", "/etc/hosts")
    return namespace.run("mount", "--bind", d.file("hosts"), "/etc/hosts") == 0


def amp_cases(doc, d, standin):
    """By the service's own names: only in a network of the test's own."""
    if missing or not hosts(d, "127.0.0.1"):
        print("left out: names of the service")
        return
    config = lib.write("https://%s%s" % (HOST, lib.PATH), sigv4="{}")
    trusts_corp, trusts_amazon = dict(KEYS, AWS_CA_BUNDLE=d.file("corp.pem")), dict(
        KEYS, AWS_CA_BUNDLE=d.file("amazon.pem"))
    with tls_front(d, "intercepted", standin.port, port=443):
        doc.broken_at("interception", "tls", ["interception", "Amazon", "AWS_CA_BUNDLE", "Corp Inspection CA"],
                      config=config, env=KEYS)
        answer = doc.healthy("interception that is trusted", ["dns", "tls"], config=config, env=trusts_corp)
        if answer:
            h.check("interception" in lib.step(answer, "tls")["advice"], lib.step(answer, "tls"))
    with tls_front(d, "amp", standin.port, port=443):
        doc.broken_at("no authorities in the image", "tls", ["ca-certificates"], config=config, env=KEYS)
        doc.healthy("AMP's host on this machine", ["dns"], config=config, env=trusts_amazon)
        answer = doc.broken_at("AMP without a signature", "write", ["sigv4: {}"], env=dict(
            trusts_amazon, SSL_CERT_FILE=d.file("amazon.pem")), config=lib.write(
            "https://%s%s" % (HOST, lib.PATH), sigv4=None))
        if answer:
            h.check("sigv4: {}" in lib.step(answer, "credentials")["advice"], lib.step(answer, "credentials"))
        doc.healthy("keys of another partition's region", ["dns", "region", "identity"], config=config,
                    env=dict(trusts_amazon, AWS_REGION="us-gov-west-1", AWS_ENDPOINT_URL_STS=lib.DEAD))
        # A configured endpoint of STS and FIPS exclude each other.
        answer = doc.healthy("FIPS for the other services", ["dns", "region", "identity"], config=config,
                             env=dict(trusts_amazon, AWS_USE_FIPS_ENDPOINT="true"))
        if answer:
            h.check("FIPS" in lib.step(answer, "region")["advice"], lib.step(answer, "region"))
    namespace.set_address("lo:1", PRIVATE, "255.255.255.255")
    if not hosts(d, PRIVATE):
        return
    with tls_front(d, "amp", standin.port, host=PRIVATE, port=443):
        for name, host in (("private DNS of a VPC endpoint", HOST), ("a VPC endpoint", VPCE)):
            answer = doc.healthy(name, env=trusts_amazon,
                                 config=lib.write("https://%s%s" % (host, lib.PATH), sigv4="{}"))
            if answer:
                h.check("VPC endpoint" in lib.step(answer, "dns")["evidence"], lib.step(answer, "dns"))


# ---- clock ----

def clock_cases(doc, standin):
    config = lib.write(standin.url)
    for name, switch, words in (("11 minutes ahead", {"clock_behind_s": 660}, ["ahead", "too new"]),
                                ("two hours behind", {"clock_ahead_s": 7200}, ["behind", "too old"]),
                                ("six minutes ahead", {"clock_behind_s": 360}, ["ahead", "NTP"])):
        standin.switch(**switch)
        answer = doc.broken_at("the clock is " + name, "clock", words + ["set this machine's clock"], config=config,
                               env=KEYS)
        standin.switch(**{k: 0 for k in switch})
        if answer:
            h.check(lib.step(answer, "write")["verdict"] == "ok", "%s: writing: %s"
                    % (name, lib.step(answer, "write")))
    standin.switch(clock_ahead_s=90)
    doc.healthy("the clock is 90 seconds behind", ["clock"], config=config, env=KEYS)
    standin.switch(clock_ahead_s=0)


# ---- answers ----

def policy_of(advice):
    """The JSON in an advice."""
    return json.loads(advice[advice.index("{"):advice.rindex("}") + 1])


def denied(doc, standin, config):
    standin.switch(aws_denied=1)
    answer = doc.broken_at("denied", "write", ["not authorized", "aps:RemoteWrite", "Attach this policy", "ampagent"],
                           config=config, env=KEYS)
    if answer:
        policy = policy_of(lib.step(answer, "write")["advice"])
        statement = policy["Statement"][0]
        h.check(statement["Action"] == "aps:RemoteWrite" and statement["Effect"] == "Allow"
                and statement["Resource"].startswith("arn:aws:aps:eu-west-1:")
                and statement["Resource"].endswith(":workspace/" + h.WORKSPACE), "policy: %s" % policy)
    standin.switch(aws_mute=1)
    answer = doc.broken_at("denied without a word", "write", ["403", "aps:RemoteWrite"], config=config, env=KEYS)
    if answer:
        resource = policy_of(lib.step(answer, "write")["advice"])["Statement"][0]["Resource"]
        h.check(resource.startswith("arn:aws:aps:eu-west-1:") and resource.endswith(":workspace/" + h.WORKSPACE)
                and "ACCOUNT" not in resource, "resource: %s" % resource)
    standin.switch(aws_denied=0, aws_mute=0)


def write_cases(doc, d, standin, base):
    config = lib.write(standin.url)
    denied(doc, standin, config)
    for name, switch, words in (
            ("no such workspace", {"rate_404": 1}, ["workspace", "region", "aws amp list-workspaces"]),
            ("throttled", {"rate_429": 1}, ["429", "nothing is lost"]),
            ("a fault of the endpoint", {"rate_500": 1}, ["nothing is lost", "Health Dashboard"]),
            ("a redirect", {"aws_redirect": 1}, ["307", "redirect", "it points to http"]),
            ("expired keys", {"rate_403": 1}, ["expired", "role"]),
            ("too large", {"rate_413": 1}, ["413", "client_max_body_size"]),
            ("no answer", {"rate_hang": 1}, ["no answer in time", "MTU"]),
            ("the connection ends", {"rate_reset": 1}, ["without an answer", "proxy"])):
        standin.switch(**switch)
        doc.broken_at("write: " + name, "write", words, config=config, env=KEYS,
                      timeout="1s" if "rate_hang" in switch else "5s")
        standin.switch(**{k: 0 for k in switch})
    with h.Receiver(d, "--workspace=ws-11111111-0000-4000-8000-000000000000") as other:
        doc.broken_at("write: another workspace is there", "write", ["list-workspaces", h.WORKSPACE],
                      config=lib.write(other.url), env=KEYS)
        doc.broken_at("write: a wrong secret key, and no STS", "write", ["secret key"], config=lib.write(other.url),
                      env=dict(KEYS, AWS_SECRET_ACCESS_KEY="made-up-wrong-secret", AWS_ENDPOINT_URL_STS=lib.DEAD))
        doc.broken_at("write: not signed", "write", ["sigv4: {}"], config=lib.write(other.url, sigv4=None))
    path = lib.PATH
    pages = {"the proxy's page with 200": (200, "text/html", HTML), "the proxy's page with 403": (403, "text/html", HTML),
             "a page with 503": (503, "text/html", HTML)}
    for name, page in pages.items():
        with h.Pages({path: lambda r, page=page: page}) as p:
            doc.broken_at("write: " + name, "write", ["page for people", "proxy"], env=KEYS,
                          config=lib.write("http://%s%s" % (p.address, path)))
    odd = {"a limit of size, told by a page": (413, "text/html", b"<html>413</html>", ["client_max_body_size"]),
           "a firewall's words": (403, "text/plain", b"Request blocked.", ["WAF", "aps:RemoteWrite"]),
           "a gateway that wants a log-in": (401, "application/json", b'{"message":"Unauthorized"}', ["gateway"]),
           "http at a port of https": (400, "text/plain", b"Client sent an HTTP request to an HTTPS server.\n",
                                       ["https://"]),
           "no writes there": (405, "text/plain", b"no", ["path and host"])}
    for name, (status, kind, body, words) in odd.items():
        with h.Pages({path: lambda r, a=(status, kind, body): a}) as p:
            doc.broken_at("write: " + name, "write", words, env=KEYS,
                          config=lib.write("http://%s%s" % (p.address, path)))
    with h.Pages({path: lambda r: (401, "text/plain", b"who are you")}) as p:
        doc.broken_at("write: a password is wanted", "write", ["basic_auth"],
                      config=lib.write("http://%s%s" % (p.address, path), sigv4=None))
    tokens(doc, standin, base)


def tokens(doc, standin, base):
    """The service repeats what was signed; a session token in it is not shown."""
    h.get(base + "/v2/credentials/task")
    key = h.get_json(base + "/aws/keys")[-1]
    lib.SECRETS.extend([key["Token"], key["SecretAccessKey"]])
    doc.broken_at("a token with another's secret key", "identity", ["secret key"], config=lib.write(standin.url), env={
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": "made-up-wrong-secret",
        "AWS_SESSION_TOKEN": key["Token"]})


def canary_cases(doc, d):
    label = "global: {external_labels: {agent: %s}}\n"
    with h.Receiver(d, "--series-limit=1", "--aws") as limited:
        env = dict(KEYS, AWS_ENDPOINT_URL_STS="http://127.0.0.1:%d" % limited.port)
        answer = doc.healthy("a canary", config=label % "one" + lib.write(limited.url), env=env, flags=["--canary"],
                             human=False)
        if answer:
            h.check("ampagent_doctor_canary" in lib.step(answer, "canary")["evidence"], lib.step(answer, "canary"))
        h.check(limited.stats()["samples"] == 1, "stored: %s" % limited.stats())
        doc.broken_at("a series too many", "canary", ["active series", "quota"], env=env, flags=["--canary"],
                      config=label % "two" + lib.write(limited.url))
        doc.healthy("an empty write at the limit", config=label % "two" + lib.write(limited.url), env=env)
        h.check(limited.stats()["samples"] == 1, "a sample without being asked for: %s" % limited.stats())
        drop = "  write_relabel_configs: [{source_labels: [__name__], regex: 'ampagent_.*', action: drop}]\n"
        doc.broken_at("a canary that is dropped", "canary", ["write_relabel_configs"], env=env, flags=["--canary"],
                      config=lib.write(limited.url, drop))


def main():
    if shutil.which("openssl") is None:
        h.skip("there is no openssl program")
    with h.Dir() as d:
        make_certificates(d)
        with h.Receiver(d, "--aws", "--workspace=" + h.WORKSPACE) as standin:
            base = "http://127.0.0.1:%d" % standin.port
            doc = lib.Doctor(d, AWS_ENDPOINT_URL_STS=base)
            dns_cases(doc, base)
            tcp_cases(doc, base)
            tls_cases(doc, d, standin)
            clock_cases(doc, standin)
            write_cases(doc, d, standin, base)
            canary_cases(doc, d)
            amp_cases(doc, d, standin)
            with h.Receiver(d, "--no-accept-v2") as old:
                doc.healthy("remote write 2.0 at a receiver of 1.0", env=KEYS, config=lib.write(
                    old.url, "  protobuf_message: io.prometheus.write.v2.Request\n"))
            doc.healthy("a receiver that wants no signature", config=lib.write(
                "http://%s/api/v1/push" % open_receiver(d).address, sigv4=None))
            print("broken set-ups: %d" % doc.broken)
    h.finish()


def open_receiver(d):
    return h.Pages({"/api/v1/push": lambda r: (204, None, b"")})


if __name__ == "__main__":
    main()
