#!/usr/bin/env python3
"""The simulator's load: as many series as asked for, each once, and as much change as asked for."""
import gzip
import http.client
import json
import subprocess
import sys

SERIES = 5000


def lines(page):
    return [line for line in page.decode().splitlines() if not line.startswith("#")]


def series(page):
    return [line.rsplit(" ", 1)[0] for line in lines(page)]


def check(ok, what):
    if not ok:
        sys.exit(what)


def pages(program, *args):
    """Consecutive pages of one target."""
    out = subprocess.run([program, "--series", str(SERIES), "--print", "4", *args], check=True,
                         stdout=subprocess.PIPE).stdout
    heads = out.split(b"# HELP http_request_duration_seconds ")[1:]
    return [b"# HELP http_request_duration_seconds " + part for part in heads]


def check_pages(program):
    steady = pages(program)
    check(steady == pages(program), "two runs differ")
    check(steady != pages(program, "--seed", "2"), "the seed does nothing")
    for page in steady:
        float_texts = [float(line.rsplit(" ", 1)[1]) for line in lines(page)]
        check(len(float_texts) == len(set(series(page))) == SERIES, "series are not each there once")
        zeros = float_texts.count(0) / SERIES
        check(0.12 < zeros < 0.16, "%.3f of the values are zero" % zeros)
        check(115 < len(page) / SERIES < 145, "%d bytes a line" % (len(page) / SERIES))
    for a, b in zip(steady, steady[1:]):
        changed = sum(x != y for x, y in zip(lines(a), lines(b))) / SERIES
        check(0.27 < changed < 0.33, "%.3f of the values changed" % changed)

    churning = pages(program, "--churn", "10")
    for a, b in zip(churning, churning[1:]):
        check(len(set(series(b)) - set(series(a))) == SERIES / 10, "not a tenth was replaced")
        check(len(set(series(b))) == SERIES, "churn makes doubles")


def get(port, path="/metrics", method="GET", status=200, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    check(answer.status == status, "%s %s is answered %d" % (method, path, answer.status))
    return answer.read(), answer.headers


def check_server(program):
    sim = subprocess.Popen([program, "--series", "300", "--base-port", "0", "--gzip"],
                           stdout=subprocess.PIPE, text=True)
    port = int(sim.stdout.readline().split(":")[1])
    plain, headers = get(port)
    check(headers["Content-Type"].startswith("text/plain; version=0.0.4"), "content type")
    check(len(lines(plain)) == 300, "a plain page")
    packed, headers = get(port, **{"Accept-Encoding": "deflate, gzip"})
    check(headers["Content-Encoding"] == "gzip", "content encoding")
    check(len(lines(gzip.decompress(packed))) == 300, "a compressed page")
    stats = json.loads(get(port, "/stats")[0])
    check(stats["pages"] == 2 and stats["samples"] == 600 and stats["first_ms"] > 0, "stats")
    gaps = json.loads(get(port, "/gaps")[0])
    check(len(gaps) == 1 and 0 < gaps[0] < 60e6, "the time between two pages")
    get(port)
    check(json.loads(get(port, "/gaps")[0]) == [], "gaps are told once")
    get(port, "/nothing", method="POST", status=404)
    get(port, "/refuse", method="POST")
    get(port, status=503)
    stats = json.loads(get(port, "/stats")[0])
    check(stats["pages"] == 3 and stats["refused"] == 1, "stats after refusing")
    sim.terminate()
    sim.stdout.read()
    check(sim.wait() == 0, "exit code")


check_pages(sys.argv[1])
check_server(sys.argv[1])
