#!/usr/bin/python3
"""Signs random requests with ampagent's signer and with botocore and compares every stage.

usage: sigv4_botocore.py SIGV4_SIGN_CLI [--seed N] [--count N]

Like is compared with like:
 - botocore normalises paths in SigV4Auth and leaves them alone in S3SigV4Auth; the service name
   decides the same here.
 - botocore takes decoded parameters or a wire query that it only sorts. Decoded parameters are given
   to ampagent in any spelling that a client may put on the wire; wire queries in canonical spelling.
 - Headers that ampagent never signs are not shown to botocore, whose own list is shorter.
 - botocore signs a Date header in place of X-Amz-Date: none is made here.
"""

import argparse
import datetime
import hashlib
import random
import subprocess
import sys
from urllib.parse import quote

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("skipped: the Debian package python3-botocore is not installed")
    sys.exit(77)

NEVER_SIGNED = [
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id", "uber-trace-id",
    "sec-websocket-key",
]
WORDS = ["a", "B", "x-y", "up", "é", "\u1234", "☃", "日本", "0", "_", "~", ".", "%", "+", "=", "/",
         "{job=\"x\"}", "[]", ":", ",", ";", "@", "$", "!", "'", "(", ")", "*", "a b", "\U0001f600"]
UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"


class FixedTime(datetime.datetime):
    """The clock that botocore reads."""
    fixed = None

    @classmethod
    def utcnow(cls):
        return cls.fixed


class FixedClock:
    datetime = FixedTime


def words(rng, low, high):
    return "".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def random_path(rng, s3):
    segments = []
    for _ in range(rng.randint(0, 7)):
        kind = rng.randrange(8)
        if kind == 0:
            segments.append(rng.choice([".", "..", "", "..."]))
        elif kind == 1:
            segments.append(rng.choice(["%20", "%2F", "%e1%88%b4", "%E1%88%B4", "a%25b", "%zz", "%"]))
        elif kind == 2 and not s3:
            segments.append(rng.choice(["a b", "é", "\u1234x", "日本 語"]))
        else:
            segments.append("".join(rng.choice(UNRESERVED + "+=:,@$!'()*;&")
                                    for _ in range(rng.randint(1, 12))))
    path = "/" + "/".join(segments) + rng.choice(["", "/"])
    if not s3 and rng.randrange(20) == 0:
        return ""
    return path


def any_spelling(rng, text, plus):
    """One of the many ways to write text in a query; every one decodes to the same."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char == " " and plus:
            out.append("+")
        elif char in UNRESERVED and rng.randrange(6):
            out.append(char)
        elif char in "/:,;@$!'()*[]{}\"" and rng.randrange(2):
            out.append(char)
        else:
            out.append(("%%%02x" if rng.randrange(2) else "%%%02X") % byte)
    return "".join(out)


def random_query(rng):
    """(decoded parameters or None, wire query)"""
    if rng.randrange(4) == 0:
        return None, ""
    names = [words(rng, 1, 3) for _ in range(rng.randint(1, 5))]
    pairs = [(rng.choice(names), words(rng, 0, 4)) for _ in range(rng.randint(1, 8))]
    if rng.randrange(3):
        plus = rng.randrange(2)
        wire = "&".join(any_spelling(rng, k, plus) + "=" + any_spelling(rng, v, plus)
                        for k, v in pairs)
        return pairs, wire
    wire = []
    for k, v in pairs:
        k, v = quote(k, safe="-_.~"), quote(v, safe="-_.~")
        wire.append(k if not v and rng.randrange(2) else k + "=" + v)
    return None, "&".join(wire)


def random_case(rng, name):
    return "".join(c.upper() if rng.randrange(2) else c for c in name)


def random_headers(rng):
    names = ["content-type", "content-encoding", "x-prometheus-remote-write-version", "accept",
             "my-header", "my-header1", "x-amz-target", "x.y", "a", "range"]
    blanks = [" ", "  ", "\t", " \t ", "\r\n ", "\r\n\t "]
    headers = []
    for _ in range(rng.randint(0, 8)):
        parts = [words(rng, 1, 3).strip() for _ in range(rng.randint(0, 4))]
        value = rng.choice(["", " ", "  "]) + rng.choice(blanks).join(parts) + rng.choice(["", " "])
        headers.append((random_case(rng, rng.choice(names)), value))
    if rng.randrange(2):
        headers.append((random_case(rng, rng.choice(NEVER_SIGNED)), "x"))
    if rng.randrange(8) == 0:
        headers.append(("X-Amz-Date", "20000101T000000Z"))
    if rng.randrange(8) == 0:
        headers.append(("Authorization", "left from an earlier try"))
    rng.shuffle(headers)
    return headers


def random_host(rng, region):
    return rng.choice([
        f"aps-workspaces.{region}.amazonaws.com", f"aps-workspaces.{region}.api.aws",
        "localhost:9090", "127.0.0.1:8443", "[::1]:9090", "[fd00:ec2::23]", "example.amazonaws.com",
    ])


def random_secrets(rng):
    return ["".join(rng.choice(UNRESERVED + "/+=") for _ in range(rng.randint(1, 80)))
            for _ in range(3)]


def random_request(rng, secrets):
    service = rng.choice(["aps", "aps", "sts", "ecs", "ec2", "service", "s3"])
    region = rng.choice(["us-east-1", "us-west-2", "eu-central-1", "us-gov-west-1", "ap-southeast-7"])
    params, query = random_query(rng)
    return {
        "access_key": "AK" + "".join(rng.choice("ABCDEFGHIJ234567") for _ in range(14)),
        "secret_key": rng.choice(secrets),
        "token": "".join(rng.choice(UNRESERVED + "/+=") for _ in range(rng.choice([40, 900, 4000])))
                 if rng.randrange(2) else "",
        "service": service,
        "region": region,
        # From 1970 to 2105; half of them on one day, so that the key cache is hit as well.
        "time": rng.choice([rng.randrange(2**32), 1440892800 + rng.randrange(86400)]),
        "method": rng.choice(["GET", "POST", "PUT", "DELETE"]),
        "host": random_host(rng, region),
        "path": random_path(rng, service == "s3"),
        "params": params,
        "query": query,
        "headers": random_headers(rng),
        "body": rng.choice([b"", b"", bytes(rng.randrange(256) for _ in range(rng.randint(1, 300)))]),
    }


def sign_with_botocore(request):
    """(authorization, canonical request, string to sign) as bytes"""
    FixedTime.fixed = FixedTime(1970, 1, 1) + datetime.timedelta(seconds=request["time"])
    url = "https://" + request["host"] + request["path"]
    if request["params"] is None and request["query"]:
        url += "?" + request["query"]
    aws_request = AWSRequest(method=request["method"], url=url, data=request["body"],
                             params=request["params"])
    for name, value in request["headers"]:
        if name.lower() not in NEVER_SIGNED:
            aws_request.headers[name] = value
    aws_request.headers["Host"] = request["host"]
    credentials = Credentials(request["access_key"], request["secret_key"], request["token"] or None)
    signer_class = botocore.auth.SigV4Auth
    if request["service"] == "s3":
        signer_class = botocore.auth.S3SigV4Auth
    signer = signer_class(credentials, request["service"], request["region"])
    signer.add_auth(aws_request)
    authorization = aws_request.headers["Authorization"]
    # What was signed, made again from the request as botocore left it.
    del aws_request.headers["Authorization"]
    canonical = signer.canonical_request(aws_request)
    string_to_sign = signer.string_to_sign(aws_request, canonical)
    return tuple(text.encode() for text in (authorization, canonical, string_to_sign))


def netstring(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"%d:%s," % (len(data), data)


def netstrings(data):
    while data:
        length, data = data.split(b":", 1)
        length = int(length)
        yield data[:length]
        data = data[length + 1:]


def signer_input(request):
    payload_hash = hashlib.sha256(request["body"]).hexdigest()
    headers = list(request["headers"])
    if request["service"] == "s3":
        headers.append(("X-Amz-Content-SHA256", payload_hash))
    fields = [request[k] for k in ("access_key", "secret_key", "token", "region", "service", "time",
                                   "method", "host", "path", "query")]
    fields += [payload_hash, len(headers)]
    for header in headers:
        fields += header
    return b"".join(netstring(field) for field in fields)


def compare(requests, answers):
    stages = ("authorization", "canonical request", "string to sign")
    different = 0
    for number, (request, ours) in enumerate(zip(requests, answers)):
        theirs = sign_with_botocore(request)
        if ours == theirs:
            continue
        different += 1
        if different <= 5:
            print(f"request {number} differs: {request}")
            for stage, a, b in zip(stages, ours, theirs):
                if a != b:
                    print(f"  {stage}\n    ampagent {a!r}\n    botocore {b!r}")
    return different


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("signer")
    parser.add_argument("--seed", type=int, default=20150830)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    botocore.auth.datetime = FixedClock
    rng = random.Random(options.seed)
    secrets = random_secrets(rng)
    requests = [random_request(rng, secrets) for _ in range(options.count)]
    data = b"".join(signer_input(request) for request in requests)
    result = subprocess.run([options.signer], input=data, stdout=subprocess.PIPE, check=True)
    strings = list(netstrings(result.stdout))
    answers = list(zip(strings[0::3], strings[1::3], strings[2::3]))
    if len(answers) != len(requests):
        print(f"{len(answers)} answers to {len(requests)} requests")
        return 1
    different = compare(requests, answers)
    print(f"botocore {botocore.__version__}, seed {options.seed}: "
          f"{len(requests) - different} of {len(requests)} requests signed alike")
    return 1 if different else 0


sys.exit(main())
