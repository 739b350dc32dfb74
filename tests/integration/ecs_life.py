#!/usr/bin/python3
"""The whole life of a sidecar, twice at the same time: two tasks of one service, nothing configured but
where samples go.

Each agent starts before its application; the application appears, is scraped, its container restarts;
the task role's keys rotate meanwhile; the tasks stop. What must hold: the last values arrive, the books
balance, nobody writes the other's series. The application is instrumented with the client library
prom-client where npm has it; beside it a node_exporter runs as a container of the task.
"""
import json
import re
import shutil
import signal
import struct
import subprocess
import time
import urllib.request

import extras
import harness as h

IDS = ("0a" * 16, "0b" * 16)
KEY_LIFE_S = 5
APP_JS = """
const client = require('prom-client');
const http = require('http');
client.collectDefaultMetrics();
const orders = new client.Counter({name: 'orders_total', help: 'Orders taken.', labelNames: ['kind']});
const server = http.createServer(async (request, response) => {
  if (request.url === '/order') {
    orders.inc({kind: 'book'});
    response.end('thank you\\n');
  } else {
    response.setHeader('Content-Type', client.register.contentType);
    response.end(await client.register.metrics());
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1');
"""
APP_PY = """
import http.server, sys, time
count, born = 0, time.time()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global count
        if self.path == '/order':
            count += 1
        body = ('# TYPE orders_total counter\\norders_total{kind="book"} %d\\n# TYPE process_start_time_seconds gauge\\n'
                'process_start_time_seconds %f\\n' % (count, born)).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain; version=0.0.4')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
"""


# ---- the application ----

def find_application(d):
    """Its command line and environment, without the port."""
    modules = extras.node_package("prom-client", "15")
    if modules:
        return [shutil.which("node"), d.file("app.js", APP_JS)], {"NODE_PATH": modules}
    print("skipped: prom-client; the application is this test's own")
    return ["/usr/bin/python3", d.file("app.py", APP_PY)], {}


class Application(h.Process):
    def __init__(self, d, command, port):
        super().__init__("app", command[0] + [str(port)], d, env=command[1])
        self.base = "http://127.0.0.1:%d" % port
        h.wait_for(lambda: h.get(self.base + "/metrics"), 20, "the application answers")

    def order(self, n):
        for _ in range(n):
            h.get(self.base + "/order")


# ---- the tasks ----

def container(name, number, status="RUNNING", labels=None):
    return {"DockerId": "%032x-%010d" % (number, number), "Name": name, "DockerName": name,
            "Image": "registry.example/%s:1" % name, "Labels": labels or {}, "DesiredStatus": "RUNNING",
            "KnownStatus": status, "Type": "NORMAL", "Limits": {"CPU": 64, "Memory": 64},
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.%d.7" % (number % 200)]}]}


class Task:
    """One task's metadata at the stand-in, and its agent."""

    def __init__(self, d, aws, index, ports):
        self.d, self.aws, self.id = d, aws, IDS[index]
        self.ports = ports
        self.containers = [container("ampagent", 1 + 10 * index)]
        self.number = 2 + 10 * index
        self.tell()
        self.listen = "127.0.0.1:%d" % h.free_port()
        self.env = {
            "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:%d/v4/%s" % (aws.port, self.id),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:%d/v2/credentials/%s" % (aws.port, self.id),
            "AMPAGENT_REMOTE_WRITE_URL": aws.url,
            "AMPAGENT_SIGV4": "true", "AMPAGENT_REGION": h.REGION,
            "AMPAGENT_SCRAPE_INTERVAL": "1s", "AMPAGENT_WEB_LISTEN_ADDRESS": self.listen,
            "AMPAGENT_STORAGE_AGENT_PATH": d.path + "/data-" + str(index),
        }
        self.agent = h.Process("task-%d" % index, [h.AMPAGENT], d, env=self.env)

    def tell(self):
        document = {"Cluster": "shop", "TaskARN": "arn:aws:ecs:%s:111122223333:task/shop/%s" % (h.REGION, self.id),
                    "Family": "checkout", "Revision": "7", "ServiceName": "checkout", "KnownStatus": "RUNNING",
                    "DesiredStatus": "RUNNING", "AvailabilityZone": h.REGION + "a", "LaunchType": "FARGATE",
                    "Containers": self.containers}
        stats = {c["DockerId"]: STATS for c in self.containers if c["KnownStatus"] == "RUNNING"}
        for path, value in (("task", document), ("task/stats", stats)):
            put("http://127.0.0.1:%d/aws/%s?id=%s" % (self.aws.port, path, self.id), value)

    def run_containers(self):
        """New containers of the application and the exporter, as after a restart."""
        self.number += 2
        labels = {"prometheus.io/scrape": "true", "prometheus.io/port": str(self.ports["app"])}
        self.containers = self.containers[:1] + [
            container("app", self.number, labels=labels),
            container("node", self.number + 1, labels={"ECS_PROMETHEUS_EXPORTER_PORT": str(self.ports["node"]),
                                                       "ECS_PROMETHEUS_JOB_NAME": "node"})]
        self.tell()

    def targets(self):
        return {t["labels"].get("ecs_container", "task"): t["health"]
                for t in h.get_json("http://%s/api/v1/targets" % self.listen)["data"]["activeTargets"]}

    def health(self):
        env = dict(self.env, PATH="/usr/bin:/bin")
        return subprocess.run([h.AMPAGENT, "health"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)


STATS = {"cpu_stats": {"cpu_usage": {"total_usage": 5000000000, "usage_in_usermode": 3, "usage_in_kernelmode": 2},
                       "online_cpus": 2}, "memory_stats": {"usage": 50000000, "stats": {"inactive_file": 1000000}},
         "networks": {"eth1": {"rx_bytes": 5, "tx_bytes": 6}}}


def put(url, value):
    request = urllib.request.Request(url, data=json.dumps(value).encode(), method="PUT")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        answer.read()


# ---- what came in ----

LINE = re.compile(r"^(\d+) ([0-9a-f]{16}) \{(.*)\}")
STALE = "7ff0000000000002"


class Record:
    """The samples stored so far, by series."""

    def __init__(self, aws, path):
        h.get("http://127.0.0.1:%d/flush" % aws.port, data=b"")
        self.series = {}
        with open(path) as f:
            for line in f:
                m = LINE.match(line)
                if m:
                    value = struct.unpack(">d", bytes.fromhex(m.group(2)))[0]
                    self.series.setdefault(m.group(3), []).append((int(m.group(1)), m.group(2), value))

    def named(self, name, **labels):
        wanted = ['__name__="%s"' % name] + ['%s="%s"' % l for l in labels.items()]
        return {k: v for k, v in self.series.items() if all(w in k for w in wanted)}

    def last(self, name, **labels):
        """The last value that is no marker, of the one such series."""
        found = self.named(name, **labels)
        if len(found) != 1:
            return None
        values = [v for _, bits, v in list(found.values())[0] if bits != STALE]
        return values[-1] if values else None


def live(d, aws, record, tasks, command, ports):
    for t in tasks:
        h.wait_for(lambda t=t: t.targets() is not None, 20, "the agent is there before the application")
        told = t.health()
        h.check(told.returncode == 0, "the health check: %d %s" % (told.returncode, told.stdout))

    # Containers that nobody listens in yet: no error, only not up.
    for t in tasks:
        t.run_containers()
    for t in tasks:
        h.wait_for(lambda t=t: t.targets().get("app") == "down", 40, "the application is found, and down")
        h.check(t.health().returncode == 0, "an application that is down does not make the agent ill")

    node = h.Process("node_exporter", [h.peer("prometheus-node-exporter"),
                                       "--web.listen-address=127.0.0.1:%d" % ports["node"]], d)
    with node:
        app = Application(d, command, ports["app"])
        for t in tasks:
            h.wait_for(lambda t=t: t.targets() == {"app": "up", "node": "up", "task": "up"}, 40,
                       "all is scraped: the application, node_exporter, the task")
        app.order(7)
        h.wait_for(lambda: all(Record(aws, record).last("orders_total", ecs_task_id=i) == 7 for i in IDS), 40,
                   "seven orders arrive from both tasks")
        h.wait_for(lambda: len(h.get_json("http://127.0.0.1:%d/aws/keys" % aws.port)) >= 6, 60, "the keys rotate")

        # The application's container restarts.
        app.stop()
        for t in tasks:
            h.wait_for(lambda t=t: t.targets().get("app") == "down", 40, "the application is gone")
        app = Application(d, command, ports["app"])
        for t in tasks:
            t.run_containers()
        app.order(3)
        h.wait_for(lambda: all(Record(aws, record).last("orders_total", ecs_task_id=i) == 3 for i in IDS), 60,
                   "the restarted application is scraped")

        # The tasks stop, and what was ordered a moment before is not lost.
        app.order(2)
        start = time.monotonic()
        for t in tasks:
            t.agent.popen.send_signal(signal.SIGTERM)
        for t in tasks:
            h.check(t.agent.popen.wait(30) == 0, "the agent ends in order")
        print("stopped in %.1f s" % (time.monotonic() - start))
        app.stop()


def verify(aws, record, tasks):
    r = Record(aws, record)
    for t in tasks:
        h.check(r.last("orders_total", ecs_task_id=t.id) == 5, "the last value arrives: %s"
                % r.last("orders_total", ecs_task_id=t.id))
        log = t.agent.log()
        h.check("everything is delivered" in log, "the agent says so: " + log[-500:])
        done = subprocess.run([h.AMPAGENT, "wal", "verify", t.env["AMPAGENT_STORAGE_AGENT_PATH"]],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        h.check(done.returncode == 0, "the books balance: " + done.stdout)
    # Every series has its task, and nobody wrote another's.
    without = [k for k in r.series if not any('ecs_task_id="%s"' % i in k for i in IDS)]
    h.check(not without, "series without a task: %s" % without[:3])
    for name, least in (("orders_total", 2), ("node_cpu_seconds_total", 2), ("ecs_container_memory_usage_bytes", 2)):
        h.check(len(r.named(name)) >= least, "%s arrives" % name)
    for series, samples in r.series.items():
        times = [s[0] for s in samples]
        if not h.check(times == sorted(set(times)), "a series in order, each time once: " + series):
            break
    mine, other = (set(re.sub(i + r":\d+", "", k).replace(i, "") for k in r.named("up", ecs_task_id=i)) for i in IDS)
    h.check(mine == other and len(mine) == 3, "the same three targets in both tasks: %s %s" % (mine, other))
    stats = aws.stats()
    print("keys issued: %d; refused for expired keys: %d" % (stats["aws"]["issued"], stats["aws"]["refused_expired"]))
    h.check(stats["aws"]["task"]["with_tags"] == 0, "nobody asks for tags")


with h.Dir() as directory:
    path = directory.file("record")
    application = find_application(directory)
    numbers = {"app": h.free_port(), "node": h.free_port()}
    with h.Receiver(directory, "--aws", "--aws-key-lifetime=%ds" % KEY_LIFE_S, "--record=" + path, "--region=" + h.REGION,
                    signed=False) as receiver:
        receiver.switch(aws_grace_ms=60000)
        both = [Task(directory, receiver, n, numbers) for n in range(2)]
        try:
            live(directory, receiver, path, both, application, numbers)
            verify(receiver, path, both)
        finally:
            for task in both:
                task.agent.stop()
h.finish()
