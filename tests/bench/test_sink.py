#!/usr/bin/env python3
"""The sink's books: what it counts as missing, doubled and out of order."""
import http.client
import json
import struct
import subprocess
import sys

STALE = 0x7FF0000000000002


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def sample(t_ms, bits=0x3FF0000000000000):
    return message(2, b"\x09" + struct.pack("<Q", bits) + b"\x10" + varint(t_ms))


def series(labels, *samples):
    pairs = b"".join(message(1, message(1, k.encode()) + message(2, v.encode())) for k, v in labels)
    return message(1, pairs + b"".join(samples))


def snappy(raw):
    """A block of literals only."""
    out = varint(len(raw))
    for i in range(0, len(raw), 60000):
        part = raw[i:i + 60000]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return out


class Sink:
    def __init__(self, program, *args):
        self.process = subprocess.Popen([program, "--port", "0", *args], stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline().split(":")[1])
        self.http = http.client.HTTPConnection("127.0.0.1", port)

    def post(self, body, path="/api/v1/write", **headers):
        self.http.request("POST", path, body, headers)
        answer = self.http.getresponse()
        answer.read()
        return answer.status

    def stats(self, *names):
        self.http.request("GET", "/stats")
        books = json.loads(self.http.getresponse().read())
        return [books[name] for name in names]

    def stop(self):
        self.process.terminate()
        self.process.stdout.read()
        return self.process.wait()


def check(got, want, what):
    if got != want:
        sys.exit("%s: got %r, want %r" % (what, got, want))


def main():
    a, b = [("__name__", "a")], [("__name__", "b"), ("x", "1")]
    sink = Sink(sys.argv[1], "--lose-every", "9")
    for body in (series(a, sample(1000)) + series(b, sample(1000)),
                 series(a, sample(2000)) + series(b, sample(2000)),
                 series(a, sample(2000)),   # doubled
                 series(a, sample(5000)),   # two missing
                 series(a, sample(3000))):  # one of them, late
        check(sink.post(snappy(body)), 200, "a good request")
    check(sink.stats("samples", "series", "doubled", "missing", "out_of_order"), [7, 2, 1, 1, 1], "books")

    sink.post(snappy(series(b, sample(3000, STALE))))
    sink.post(snappy(series(b, sample(9000))))
    check(sink.stats("stale", "missing", "newest_timestamp_ms"), [1, 1, 9000], "a gap after a marker")

    check(sink.post(b"\xff\xff\xff\xff\xff\xff"), 400, "no snappy")
    try:
        sink.post(snappy(series(b, sample(10000))))
        sys.exit("the ninth request was answered")
    except http.client.RemoteDisconnected:
        sink.http.close()
    check(sink.stats("lost_answers", "broken"), [1, 1], "a lost answer")

    sink.post(b"", "/control?fail=503")
    check(sink.post(snappy(series(b, sample(11000)))), 503, "forced failure")
    sink.post(b"", "/control?fail=0")

    many = b"".join(series([("__name__", "m"), ("i", str(i))], sample(1000)) for i in range(100000))
    check(sink.post(snappy(many), Expect="100-continue"), 200, "a large request")
    check(sink.post(snappy(many)), 200, "the same again")
    check(sink.stats("series", "doubled"), [100002, 100001], "a large request twice")
    for cut in range(1, 60):
        sink.post(snappy(many[:cut]))
    check(sink.post(b"", "/reset"), 200, "reset")
    names = ["up", "scrape_duration_seconds", "upper", "scraper", "go_info", "up_x"]
    sink.post(snappy(b"".join(series([("__name__", name)], sample(1000)) for name in names)))
    check(sink.stats("samples", "reports"), [6, 2], "the scraper's own series")
    sink.post(b"", "/reset")
    check(sink.stats("series", "samples"), [0, 0], "after reset")
    check(sink.stop(), 0, "exit code")

    cheap = Sink(sys.argv[1], "--cheap")
    cheap.post(snappy(many))
    check(cheap.stats("samples", "series"), [100000, 0], "cheap counts")
    check(cheap.stop(), 0, "exit code")


main()
