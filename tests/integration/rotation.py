"""An hour's life of temporary credentials in a minute: keys that live three seconds, from each source, under load.

usage: rotation.py [--rotations N] [--sources NAME,...]

Each source has an agent and an AWS of its own (the stand-in), all at the same time. No request may be refused for an
expired key but the first, no two fetches may overlap, nothing may be lost, and of keys that were replaced nothing is
left in the agent's memory, which is read as a debugger does: by root, or by us as the agent's parent. Then the source
is down for longer than the keys live: sending goes on with what there is, and says so; then it is there again.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

import harness as h
import memory_scan

LIFE_S = 3
ROLE = "arn:aws:iam::123456789012:role/writer"
START_URL = "https://example.awsapps.com/start"
PAGE = "".join("m%d{a=\"%d\"} 1\n" % (i, i) for i in range(100)).encode()
FILE_TOKEN = "eyJhbGciOiJub25lIn0.made-up-token-%06d.c2lnbmF0dXJl"
# With as little to load as can be: it starts anew for each fetch, beside everything else.
PROCESS = """import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
s.sendall(b"GET /v2/credentials/task HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
text = b""
while True:
    piece = s.recv(65536)
    if not piece:
        break
    text += piece
head, body = text.split(b"\\r\\n\\r\\n", 1)
if b" 200 " not in head.split(b"\\r\\n")[0]:
    sys.exit("no keys")
print('{"Version": 1, ' + body.decode().strip()[1:].replace('"Token"', '"SessionToken"'))
"""


def profile(d, text):
    return {"AWS_PROFILE": "w", "AWS_CONFIG_FILE": d.file("config", text)}


def ecs(d, base):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/v2/credentials/task"}


def pod(d, base):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": d.file("pod-token", FILE_TOKEN % 0)}


def instance(d, base):
    return {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": base}


def web_identity(d, base):
    return {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": d.file("web-token", FILE_TOKEN % 0),
            "AWS_ENDPOINT_URL_STS": base}


def role(d, base):
    env = profile(d, "[profile w]\nrole_arn = %s\nsource_profile = base\n"
                     "[profile base]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
                  % (ROLE, h.ACCESS_KEY, h.SECRET_KEY))
    return dict(env, AWS_ENDPOINT_URL_STS=base)


def sso(d, base):
    cache = os.path.join(d.path, ".aws", "sso", "cache")
    os.makedirs(cache)
    with open(os.path.join(cache, hashlib.sha1(START_URL.encode()).hexdigest() + ".json"), "w") as f:
        json.dump({"accessToken": "made-up-sso-token", "expiresAt": "2099-01-01T00:00:00Z", "startUrl": START_URL}, f)
    env = profile(d, "[profile w]\nsso_start_url = %s\nsso_region = %s\nsso_account_id = 123456789012\n"
                     "sso_role_name = writer\n" % (START_URL, h.REGION))
    return dict(env, HOME=d.path, AWS_ENDPOINT_URL_SSO=base)


def process(d, base):
    script = d.file("give.py", PROCESS)
    return profile(d, "[profile w]\ncredential_process = %s -I -S %s %s\n"
                   % (sys.executable, script, base.rsplit(":", 1)[1]))


# name: (environment, kind in the metric, flags of the stand-in)
SOURCES = {
    "ecs": (ecs, "container", lambda d: []),
    "pod": (pod, "container", lambda d: ["--aws-container-token-file=" + os.path.join(d.path, "pod-token")]),
    "instance": (instance, "instance", lambda d: []),
    "web_identity": (web_identity, "web_identity",
                     lambda d: ["--aws-web-token-file=" + os.path.join(d.path, "web-token")]),
    "role": (role, "profile", lambda d: []),
    "sso": (sso, "sso", lambda d: ["--aws-sso-token=made-up-sso-token"]),
    "process": (process, "process", lambda d: []),
}


class One:
    """A source with its agent."""

    def __init__(self, name, pages):
        make_env, self.kind, flags = SOURCES[name]
        self.name, self.unreadable, self.token, self.old_tokens = name, None, 0, []
        self.d = h.Dir()
        port = h.free_port()
        env = dict(make_env(self.d, "http://127.0.0.1:%d" % port), AWS_REGION=h.REGION)
        # With a latency, requests for keys that come at once are seen to do so.
        self.aws = h.Receiver(self.d, "--aws", "--aws-key-lifetime=%ds" % LIFE_S, "--aws-latency=20ms",
                              *flags(self.d), port=port)
        text = ("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n"
                "scrape_configs: [{job_name: j, static_configs: [{targets: ['%s']}]}]\n"
                "remote_write:\n- url: %s\n  name: d\n  sigv4: {}\n"
                "  queue_config: {batch_send_deadline: 50ms, min_backoff: 50ms, max_backoff: 500ms}\n"
                % (pages.address, self.aws.url))
        self.agent = h.Agent(self.d, text, "--log.level=debug", env=env)
        self.agent.wait_ready()

    def end(self):
        for part in (self.agent, self.aws, self.d):
            part.__exit__(None, None, None)

    def check(self, condition, what):
        return h.check(condition, "%s: %s" % (self.name, what))

    def wait(self, condition, limit_s, what):
        return h.wait_for(condition, limit_s, "%s: %s" % (self.name, what))

    def counts(self):
        return self.aws.stats()["aws"]

    def metric(self, name):
        return sum(v for k, v in self.agent.metrics().items() if k.startswith(name + "{"))

    def keys(self):
        return h.get_json("http://127.0.0.1:%d/aws/keys" % self.aws.port)

    def enough(self, n):
        """Whether there were n rotations; meanwhile tokens in files become others, as a kubelet makes them."""
        issued = self.counts()["issued"]
        if issued >= self.tokens_at + 3:
            self.tokens_at = issued
            for name in ("pod-token", "web-token"):
                if os.path.exists(self.d.file(name)):
                    self.d.file(name, FILE_TOKEN % issued)
                    self.old_tokens.append(FILE_TOKEN % self.token)
                    self.token = issued
        return issued > n

    def rotate(self, n):
        self.tokens_at = 0
        self.wait(lambda: self.enough(n), 60 + n * 6, "%d rotations" % n)
        counts, keys = self.counts(), self.keys()
        self.check(counts["refused_unknown"] == 0 and counts["bad_requests"] == 0, "all was understood: %s" % counts)
        self.check(all(k["writes"] > 0 for k in keys[:n]), "each was used: %s" % [k["writes"] for k in keys])
        self.check(counts["refused_expired"] <= 1, "no request is refused for an expired key: %s" % counts)
        self.check(counts["at_once"] == 1, "one fetch at a time: %s" % counts)
        self.check(self.metric("ampagent_aws_credentials_fetches_total") >= n, "fetches are counted")
        info = [k for k in self.agent.metrics() if k.startswith("ampagent_aws_credentials_info{")]
        self.check(len(info) == 1 and 'source="%s"' % self.kind in info[0], "which source: %s" % info)
        log = self.agent.log()
        self.check(log.count("AWS credentials found") == 1 and "kind=" + self.kind in log, "the source is told once")
        self.check(log.count("AWS credentials were renewed") >= n / 2, "renewals are told at debug level")
        expires = self.metric("ampagent_aws_credentials_expiry_timestamp_seconds")
        self.check(abs(expires - time.time()) < 2 * LIFE_S + 5, "when they expire: %s" % expires)

    def memory(self):
        """Neither secret keys nor session tokens of before are found in the agent's memory, nor what stood in files."""
        current = self.agent.ledger()["destinations"][0]["signing"]["accessKey"]
        keys = self.keys()
        at = [k["AccessKeyId"] for k in keys].index(current)
        self.check(at >= 2, "keys were replaced: %d" % at)
        old = {k[part].encode(): part for k in keys[:at] for part in ("SecretAccessKey", "Token")}
        old.update((token.encode(), "token of a file") for token in self.old_tokens[:-1])
        now = [k["SecretAccessKey"].encode() for k in keys[at:]]  # one is in use; what is shown lags a little
        found, n = memory_scan.find(self.agent.popen.pid, list(old) + now)
        # Else it looked at the wrong places.
        self.check(any(t in found for t in now) or len(self.keys()) > len(keys), "keys in use are found: %d bytes" % n)
        left = {part: [where for t, where in found.items() if old.get(t) == part] for part in set(old.values())}
        self.check(not any(left.values()), "of %d replaced: %s" % (at, str(left)[:1000]))

    def down(self):
        """The source is down for longer than its keys live, which the service goes on taking."""
        self.aws.switch(aws_down=1, aws_grace_ms=600000)
        self.wait(lambda: "still signing with them" in self.agent.log(), 40, "that they have expired is told")
        signing = self.agent.ledger()["destinations"][0]["signing"]
        self.check(signing["failing"] and signing["expired"] and signing["lastError"], "the ledger says so: %s" % signing)
        before = self.aws.stats()["samples"]
        self.wait(lambda: self.aws.stats()["samples"] >= before + 10 * 100, 30, "sending goes on")
        self.check(self.metric("ampagent_aws_credentials_fetch_failures_total") >= 1, "failures are counted")
        issued = self.counts()["issued"]
        self.aws.switch(aws_down=0)
        self.wait(lambda: self.counts()["issued"] > issued, 60, "keys come again")
        self.wait(lambda: "AWS credentials are renewed again" in self.agent.log(), 30, "that is told")

    def nothing_lost(self):
        keys = self.keys()
        shown = self.agent.log() + h.get(self.agent.base + "/metrics").decode() + json.dumps(self.agent.ledger())
        for key in keys:
            if key["SecretAccessKey"] in shown or key["Token"] in shown:
                self.check(False, "a secret is shown")
                break
        self.check(self.agent.stop() == 0, "exit 0")
        self.check(self.aws.stats()["out_of_order"] == 0, "in order")
        lines = [line for line in self.agent.log().splitlines() if "samples" in line and "dropped" in line.lower()]
        destination = self.agent_books
        self.check(destination["dropped"] == 0, "nothing is dropped: %s, %s" % (destination, lines))
        run = subprocess.run([h.AMPAGENT, "wal", "verify", "--json", self.d.file("ampagent-data")],
                             stdout=subprocess.PIPE, universal_newlines=True)
        files, stored = json.loads(run.stdout), self.aws.stats()["samples"]
        self.check(files["findings"] == [] and files["destinations"][0]["sent"] == files["headSequence"] == stored,
                   "all that was logged is stored, once: %s, %d" % (run.stdout[:1000], stored))

    def all_of_it(self, n):
        try:
            self.rotate(n)
            try:
                self.memory()
            except memory_scan.Unreadable as e:
                self.unreadable = e
            self.down()
            ledger = self.agent.ledger()
            self.agent_books = ledger["destinations"][0]
            self.check(self.agent_books["balanced"] and ledger["headSequence"] == sum(
                self.agent_books[k] for k in ("sent", "queued", "dropped")), "the books balance: %s" % ledger)
            self.check(self.aws.stats()["answers"].get("403", 0) <= 1, "refused: %s" % self.aws.stats()["answers"])
            self.nothing_lost()
        except Exception as e:  # a thread's end is not the test's
            self.check(False, "%s: %s" % (type(e).__name__, e))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rotations", type=int, default=20)
    parser.add_argument("--sources", default=",".join(SOURCES))
    args = parser.parse_args()
    with h.Pages({"/metrics": PAGE}) as pages:
        every = [One(name, pages) for name in args.sources.split(",")]
        threads = [threading.Thread(target=one.all_of_it, args=(args.rotations,)) for one in every]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in every:
            one.end()
    unreadable = [one.unreadable for one in every if one.unreadable]
    if unreadable and not h.failed():
        h.skip("all but memory was looked at, which cannot be read: %s" % unreadable[0])
    h.finish()


main()
