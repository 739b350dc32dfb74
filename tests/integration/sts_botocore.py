#!/usr/bin/python3
"""Calls of STS that ampagent makes over the wire, against what botocore makes of the same question.

usage: sts_botocore.py STS_ASK_CLI [--seed N] [--count N]

The peer here is a proxy, so that requests go to the host names of real regions. For each request:
 - botocore's SigV4Auth, given the request as it arrived and the time that it names, has to write
   the same Authorization. It sees the headers that ampagent says it signed; those that must be
   signed are looked for besides.
 - botocore's serializer has to make the same form of the same question.
 - AssumeRoleWithWebIdentity must not be signed.
What the peer answers has to come out of the other end. The time of its answers wanders over years
and so does that of the signatures, which follow it.
"""

import argparse
import datetime
import http.server
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from email.utils import formatdate
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

try:
    import botocore.auth
    import botocore.serialize
    import botocore.session
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("skipped: the Debian package python3-botocore is not installed")
    sys.exit(77)

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ACTIONS = ["AssumeRole", "AssumeRole", "GetCallerIdentity", "AssumeRoleWithWebIdentity"]


class FixedTime(datetime.datetime):
    """The clock that botocore reads."""
    fixed = None

    @classmethod
    def utcnow(cls):
        return cls.fixed


class FixedClock:
    datetime = FixedTime


def text(rng, letters, low, high):
    return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))


def all_regions(session):
    found = []
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("sts", partition_name=partition):
            found.append((partition, region))
    return found


def random_question(rng, regions, session, directory, number):
    partition, region = rng.choice(regions)
    resolver = session.get_component("endpoint_resolver")
    host = resolver.construct_endpoint("sts", region, partition)["hostname"]
    if host == "sts.amazonaws.com":
        host = f"sts.{region}.amazonaws.com"
    action = rng.choice(ACTIONS)
    token = ""
    if action == "AssumeRoleWithWebIdentity":
        jwt = text(rng, UNRESERVED + "-_.", 4, 3000) if rng.randrange(4) else \
            text(rng, UNRESERVED + "-_./+= &%\"'<>é", 6, 200).strip() + "end"
        token = os.path.join(directory, f"token-{number}")
        with open(token, "w", encoding="utf-8") as f:
            f.write(rng.choice(["", " ", "\n"]) + jwt + rng.choice(["", "\n", "\r\n"]))
    elif rng.randrange(2):
        token = text(rng, UNRESERVED + "/+=", 20, rng.choice([100, 1500]))
    name = text(rng, UNRESERVED, 1, 20) + rng.choice(["", "/path/" + text(rng, UNRESERVED, 1, 9)])
    return {
        "action": action,
        "access_key": "AK" + text(rng, "ABCDEFGHIJ234567", 14, 18),
        "secret_key": text(rng, UNRESERVED + "/+=", 20, 44),
        "token": token,
        "region": region,
        "endpoint": f"http://{host}" + rng.choice(["", "", "/", ":80", ":8080", "/a/b%20c/"]),
        "role": f"arn:{partition}:iam::{rng.randrange(10**11, 10**12)}:role/{name}",
        "session_name": text(rng, UNRESERVED + "_+=,.@-", 2, 64),
        "external_id": text(rng, UNRESERVED + "_+=,.@:/-", 2, 60) if rng.randrange(2) else "",
        "duration": rng.choice([0, 900, 3600, 43200]),
        "expected": ["x" + text(rng, UNRESERVED + "/+=", 3, 40) for _ in range(3)],
    }


def netstring(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"%d:%s," % (len(data), data)


def netstrings(data):
    while data:
        length, data = data.split(b":", 1)
        yield data[:int(length)]
        data = data[int(length) + 1:]


def answer_to(question):
    a, b, c = (escape(value) for value in question["expected"])
    action = question["action"]
    if action == "GetCallerIdentity":
        inner = f"<Arn>{b}</Arn><UserId>{c}</UserId><Account>{a}</Account>"
    else:
        inner = (f"<Credentials><AccessKeyId>{a}</AccessKeyId><SecretAccessKey>{b}"
                 f"</SecretAccessKey><SessionToken>{c}</SessionToken>"
                 "<Expiration>2040-01-01T00:00:00Z</Expiration></Credentials>")
    return (f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{inner}</{action}Result>'
            f"</{action}Response>").encode()


class Proxy(http.server.BaseHTTPRequestHandler):
    """Plays every host that it is asked for; the questions come one after the other."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        question = self.server.questions[len(self.server.seen)]
        self.server.seen.append((self.path, self.headers, body))
        answer = answer_to(question)
        self.send_response_only(200)
        self.send_header("Date", formatdate(self.server.rng.randrange(2**31), usegmt=True))
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def ask(program, questions, seed):
    """(requests as they arrived, results as ampagent read them)"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.questions, server.seen, server.rng = questions, [], random.Random(seed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fields = ("action", "access_key", "secret_key", "token", "region", "endpoint", "role",
              "session_name", "external_id", "duration")
    data = b"".join(netstring(q[k]) for q in questions for k in fields)
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("AWS_") and not k.lower().endswith("_proxy")}
    env["http_proxy"] = f"http://127.0.0.1:{server.server_address[1]}"
    result = subprocess.run([program], input=data, stdout=subprocess.PIPE, env=env, timeout=90,
                            check=True)
    server.shutdown()
    strings = [s.decode() for s in netstrings(result.stdout)]
    return server.seen, [strings[i:i + 4] for i in range(0, len(strings), 4)]


def form_of_botocore(model, question):
    params = {}
    if question["action"] != "GetCallerIdentity":
        params = {"RoleArn": question["role"], "RoleSessionName": question["session_name"]}
    if question["action"] == "AssumeRole":
        params["DurationSeconds"] = question["duration"] or 900
        if question["external_id"]:
            params["ExternalId"] = question["external_id"]
    if question["action"] == "AssumeRoleWithWebIdentity":
        with open(question["token"], encoding="utf-8") as f:
            params["WebIdentityToken"] = f.read().strip()
    serializer = botocore.serialize.create_serializer("query")
    request = serializer.serialize_to_request(params, model.operation_model(question["action"]))
    return {k: str(v) for k, v in request["body"].items()}


def authorization_of_botocore(question, url, headers, body):
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    needed = {"host", "x-amz-date", "content-type"}
    needed |= {"x-amz-security-token"} if question["token"] else set()
    if not needed <= set(signed):
        return f"a signature over {sorted(needed)}"
    FixedTime.fixed = FixedTime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    request = AWSRequest(method="POST", url=url, data=body)
    for name in signed:
        if name not in ("x-amz-date", "x-amz-security-token"):
            request.headers[name] = headers[name]
    credentials = Credentials(question["access_key"], question["secret_key"],
                              question["token"] or None)
    botocore.auth.SigV4Auth(credentials, "sts", question["region"]).add_auth(request)
    return request.headers["Authorization"]


def differences(model, question, seen, result):
    url, headers, body = seen
    found = []

    def same(what, ours, theirs):
        if ours != theirs:
            found.append(f"{what}\n    ampagent {ours!r}\n    expected {theirs!r}")

    form = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
    same("form", dict(form), form_of_botocore(model, question))
    same("fields", len(form), len(dict(form)))
    same("content type", headers["Content-Type"].split(";")[0],
         "application/x-www-form-urlencoded")
    same("host", headers["Host"], urlsplit(url).netloc)
    same("result", result, ["ok"] + question["expected"])
    if question["action"] == "AssumeRoleWithWebIdentity":
        same("signature", [headers[h] for h in ("Authorization", "X-Amz-Date",
                                                "X-Amz-Security-Token")], [None] * 3)
    else:
        same("session token", headers["X-Amz-Security-Token"], question["token"] or None)
        same("authorization", headers["Authorization"],
             authorization_of_botocore(question, url, headers, body))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=20110615)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    botocore.auth.datetime = FixedClock
    # What newer ones read.
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: FixedTime.fixed
    rng = random.Random(options.seed)
    session = botocore.session.Session()
    regions = all_regions(session)
    model = session.get_service_model("sts")
    begun = time.time()
    with tempfile.TemporaryDirectory() as directory:
        questions = [random_question(rng, regions, session, directory, n)
                     for n in range(options.count)]
        seen, results = ask(options.program, questions, options.seed)
        if not len(seen) == len(results) == len(questions):
            print(f"{len(questions)} questions, {len(seen)} requests, {len(results)} results")
            return 1
        different = signed = 0
        for number, (question, request, result) in enumerate(zip(questions, seen, results)):
            signed += question["action"] != "AssumeRoleWithWebIdentity"
            found = differences(model, question, request, result)
            different += bool(found)
            if found and different <= 5:
                print(f"question {number}: {question}")
                print("\n".join("  " + line for line in found))
    years = {request[1]["X-Amz-Date"][:4] for request in seen if request[1]["X-Amz-Date"]}
    partitions = {question["role"].split(":")[1] for question in questions}
    print(f"botocore {botocore.__version__}, seed {options.seed}: {len(questions) - different} of "
          f"{len(questions)} calls alike, {signed} of them signed, in {len(years)} years and "
          f"{len(partitions)} partitions; {time.time() - begun:.1f} s")
    return 1 if different else 0


sys.exit(main())
