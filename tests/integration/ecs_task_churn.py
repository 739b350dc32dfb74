#!/usr/bin/env python3
"""Containers of ECS tasks come, go, restart and change; each task's agent follows.

A dozen agents, each a sidecar of a task of its own; stand-ins play their metadata endpoints. After
each step every agent's targets are those of a model that is written here anew, within two rounds.
While an endpoint answers 500, 429, garbage or nothing, the last targets stay. The containers'
applications are HTTP servers on loopback addresses.

--steps N, --agents N, --seed N: for longer runs and for seeing one again.
"""
import argparse
import json
import random
import sys
import time
import urllib.request

import harness
from harness import Agent, Dir, Pages, Receiver, check, free_port, get_json, wait_for

REFRESH_S = 5
HANG_S = 5  # the agent waits no longer for the endpoint

# Of aws_task_* switches: what an endpoint does, and how it is again as before. There is a stand-in for
# each.
FAULTS = [
    ({"aws_task_down": 1}, {"aws_task_down": 0}),
    ({"aws_task_garbage": 1}, {"aws_task_garbage": 0}),
    ({"aws_task_rate": 0.0001, "aws_task_burst": 1}, {"aws_task_rate": 0, "aws_task_burst": 60}),
    ({"aws_task_hang": 1}, {"aws_task_hang": 0}),
]

CONFIG = """
scrape_configs:
- job_name: task
  scrape_interval: 5s
  ecs_task_sd_configs:
  - refresh_interval: %(refresh)ds
    task_metrics: "%(metrics)s"
    ports: [%(ports)s]
    probe_ports: [%(probes)s]
  relabel_configs:
  - action: labelmap
    regex: __meta_ecs_(.+)
    replacement: ecs_$1
ampagent:
  identity: "off"
"""


class Application:
    """A container's program on a port of its own, with or without a page."""

    def __init__(self, host):
        self.pages = Pages({"/metrics": self.page, "/stats": b"other 1\n"}, host=host)
        self.port = self.pages.port
        self.ready = True

    def page(self, _):
        return (200, "text/plain; version=0.0.4", b"up_and_running 1\n") if self.ready else (404, "text/plain", b"")

    def stop(self):
        self.pages.server.shutdown()
        self.pages.server.server_close()


class Task:
    """One task: the document that is put, and the targets that it must have."""

    def __init__(self, number, rng):
        self.number, self.rng = number, rng
        self.bridge = number % 3 == 2
        self.id = "%032x" % rng.getrandbits(128)
        self.arn = "arn:aws:ecs:eu-west-1:111122223333:task/shop/" + self.id
        self.applications = [Application("127.0.0.%d" % (i + 2) if self.bridge else "127.0.0.1") for i in range(6)]
        # Ports that no label names: of the fifth and sixth application, and one that nobody serves.
        self.ports = [self.applications[3].port]
        self.probes = [self.applications[4].port, self.applications[5].port, free_port()]
        self.metrics = ["off", "on", "adot"][number % 4 % 3]
        self.serial = 0
        self.containers = [self.container("ampagent", None), self.container("app", 0)]
        self.remembered = {}

    def container(self, name, application):
        self.serial += 1
        c = {"Name": name, "DockerId": "%s-%04d" % (self.id, self.serial), "Type": "NORMAL", "KnownStatus": "RUNNING",
             "DesiredStatus": "RUNNING", "Image": "example/%s:1" % name, "Labels": {"tier.of/it": "front"},
             "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.%d" % (self.number + 1)]}]}
        if self.bridge:
            ip = "127.0.0.1" if application is None else "127.0.0.%d" % (application + 2)
            c["Networks"] = [{"NetworkMode": "bridge", "IPv4Addresses": [ip]}]
        if application is not None:
            c["Labels"]["prometheus.io/port"] = str(self.applications[application].port)
        return c

    # -- what happens to it --

    def others(self):
        return [c for c in self.containers if c["Name"] != "ampagent"]

    def some(self):
        return self.rng.choice(self.others()) if self.others() else None

    def start(self):
        free = [i for i in range(1, 5) if not any(c["Name"] == "extra%d" % i for c in self.containers)]
        if free:
            i = self.rng.choice(free)
            self.containers.insert(self.rng.randrange(len(self.containers) + 1), self.container("extra%d" % i, i))

    def vanish(self):
        if self.some():
            self.containers.remove(self.some())

    def stop(self):
        if self.some():
            self.some()["KnownStatus"] = "STOPPED"

    def restart(self):
        c = self.some()
        if c:
            self.serial += 1
            c["DockerId"], c["KnownStatus"] = "%s-%04d" % (self.id, self.serial), "RUNNING"

    def health(self):
        if self.some():
            self.some()["Health"] = {"status": self.rng.choice(["UNKNOWN", "HEALTHY", "UNHEALTHY"])}

    def relabel(self):
        c = self.some()
        if c:
            labels = c["Labels"]
            name, values = self.rng.choice([
                ("tier.of/it", ["front", "back", ""]),
                ("prometheus.io/job", ["shop", "kasse", ""]),
                ("prometheus.io/path", ["/metrics", "/stats", "stats", ""]),
                ("ECS_PROMETHEUS_METRICS_PATH", ["/stats", ""]),
                ("ECS_PROMETHEUS_JOB_NAME", ["of-cloudwatch", ""]),
                ("prometheus.io/scrape", ["true", "false", "False", "perhaps", ""]),
                ("prometheus.io/scheme", ["http", "https", "gopher", ""])])
            labels[name] = self.rng.choice(values)

    def port(self):
        c = self.some()
        if c:
            ports = [a.port for a in self.applications]
            value = self.rng.choice([str(self.rng.choice(ports)), "%d, %d" % tuple(self.rng.sample(ports, 2)),
                                     "none", "70000", ""])
            name = self.rng.choice(["prometheus.io/port", "ECS_PROMETHEUS_EXPORTER_PORT"])
            c["Labels"].pop("ECS_PROMETHEUS_EXPORTER_PORT", None)
            c["Labels"][name] = value

    def ready(self):
        """Applications without a label begin to answer, or end it."""
        a = self.rng.choice(self.applications[4:])
        a.ready = not a.ready

    def empty(self):
        self.containers = []

    def refill(self):
        if not self.containers:
            self.containers = [self.container("ampagent", None), self.container("app", 0)]

    def noise(self):
        self.containers = [c for c in self.containers if c["Type"] == "NORMAL"]
        self.containers.append(dict(self.container("~internal~ecs~pause", 2), Type="CNI_PAUSE"))
        self.rng.shuffle(self.containers)

    def step(self):
        if not self.containers:
            self.refill()
            return
        ways = [self.start] * 4 + [self.vanish, self.stop, self.restart, self.restart, self.health, self.relabel,
                                   self.relabel, self.relabel, self.port, self.port, self.ready, self.noise]
        for way in self.rng.sample(ways, 3):
            way()
        if self.rng.random() < 0.08:
            self.empty()

    def document(self):
        return {"Cluster": "shop", "TaskARN": self.arn, "Family": "family%d" % self.number, "Revision": "3",
                "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "LaunchType": "EC2", "ServiceName": "svc",
                "AvailabilityZone": "eu-west-1b", "Containers": self.containers}

    # -- what must be found --

    def task_labels(self):
        return {"ecs_cluster": "shop", "ecs_cluster_arn": "arn:aws:ecs:eu-west-1:111122223333:cluster/shop",
                "ecs_service": "svc", "ecs_task_arn": self.arn, "ecs_task_id": self.id,
                "ecs_task_group": "service:svc", "ecs_task_definition_family": "family%d" % self.number,
                "ecs_task_definition_revision": "3", "ecs_task_definition":
                "arn:aws:ecs:eu-west-1:111122223333:task-definition/family%d:3" % self.number,
                "ecs_region": "eu-west-1", "ecs_availability_zone": "eu-west-1b", "ecs_launch_type": "EC2",
                "ecs_desired_status": "RUNNING", "ecs_last_status": "RUNNING"}

    def expected(self, agent_port):
        """{(URL, labels)} of all targets."""
        found = set()

        def add(address, labels, path="", scheme="", job="task", query=""):
            labels = {k: v for k, v in dict(labels, job=job, instance=address).items() if v != ""}
            found.add(("%s://%s%s%s" % (scheme or "http", address, path or "/metrics", query),
                       tuple(sorted(labels.items()))))

        network = {"ecs_network_mode": "bridge" if self.bridge else "awsvpc"}
        running = sorted((c for c in self.containers if c["Type"] == "NORMAL" and c["KnownStatus"] == "RUNNING"),
                         key=lambda c: c["Name"])
        everybody = tuple(sorted(c["DockerId"] for c in running))
        used, pages = set(), set()
        switch = {c["Name"]: c["Labels"].get("prometheus.io/scrape", "").lower() for c in running}
        if not self.bridge:
            for c in running:
                if switch[c["Name"]] == "false":
                    used |= {("127.0.0.1", p) for p in self.named_ports(c) or []}
        barred = set(used)
        for c in running:
            labels, ip = c["Labels"], c["Networks"][0]["IPv4Addresses"][0]
            host = ip if self.bridge else "127.0.0.1"
            mine = dict(self.task_labels(), **network)
            mine.update(ecs_ip_address=ip, ecs_container_name=c["Name"], ecs_container_id=c["DockerId"],
                        ecs_container_image=c["Image"], ecs_health_status=c.get("Health", {}).get("status", ""))
            for name, value in labels.items():
                mine["ecs_container_label_" + "".join(x if x.isalnum() else "_" for x in name)] = value
            if switch[c["Name"]] == "false":
                continue
            path = labels.get("prometheus.io/path") or labels.get("ECS_PROMETHEUS_METRICS_PATH") or ""
            path = path if path.startswith("/") or path == "" else "/" + path
            scheme = labels.get("prometheus.io/scheme", "")
            job = labels.get("prometheus.io/job") or labels.get("ECS_PROMETHEUS_JOB_NAME") or "task"
            good = switch[c["Name"]] in ("", "true") and scheme in ("", "http", "https")
            for port in (self.named_ports(c) or []) if good else []:
                if (host, port) in barred or (host, port, path or "/metrics") in pages:
                    continue
                used.add((host, port))
                pages.add((host, port, path or "/metrics"))
                add("%s:%d" % (host, port), dict(mine, ecs_container_port=str(port), ecs_source="docker_label"),
                    path, scheme, job)
            if self.bridge and ip != "127.0.0.1":
                self.expected_ports(add, mine, host, used, c["DockerId"], path)
        alone = [c for c in running if switch[c["Name"]] != "false"]
        if not self.bridge and alone:
            mine = dict(self.task_labels(), **network)
            mine["ecs_ip_address"] = alone[0]["Networks"][0]["IPv4Addresses"][0]
            self.expected_ports(add, mine, "127.0.0.1", used, everybody, "")
        if self.metrics != "off":
            add("127.0.0.1:%d" % agent_port, dict(self.task_labels(), ecs_source="task_metrics"), "/ecs/metrics",
                job="ecs_task", query="?names=adot" if self.metrics == "adot" else "")
        return found

    @staticmethod
    def named_ports(c):
        """The ports of its labels; None when they are no ports."""
        text = c["Labels"].get("prometheus.io/port") or c["Labels"].get("ECS_PROMETHEUS_EXPORTER_PORT") or ""
        try:
            ports = [int(p) for p in text.split(",")] if text else []
        except ValueError:
            return None
        return ports if all(0 < p < 65536 for p in ports) else None

    def expected_ports(self, add, labels, host, used, who, path):
        for port in self.ports:
            if (host, port) not in used:
                used.add((host, port))
                add("%s:%d" % (host, port), dict(labels, ecs_container_port=str(port), ecs_source="ports"))
        for port in self.probes:
            if (host, port) in used:
                continue
            used.add((host, port))
            key = (host, port, path or "/metrics")
            if self.answers(*key):
                self.remembered[key] = who
            if self.remembered.get(key) == who:
                add("%s:%d" % (host, port), dict(labels, ecs_container_port=str(port), ecs_source="probe"), path)

    def answers(self, host, port, path):
        for a in self.applications:
            if a.port == port and a.pages.address.startswith(host + ":"):
                return path == "/stats" or (path == "/metrics" and a.ready)
        return False


def put_document(receiver, name, text):
    """The task that the endpoint of that name tells of from now on."""
    request = urllib.request.Request("http://127.0.0.1:%d/aws/task?id=%s" % (receiver.port, name),
                                     data=text.encode(), method="PUT")
    harness._opener.open(request, timeout=10).read()


class Sidecar:
    def __init__(self, directory, receiver, task):
        self.task, self.receiver = task, receiver
        self.put()
        config = CONFIG % {"refresh": REFRESH_S, "metrics": task.metrics, "ports": ", ".join(map(str, task.ports)),
                           "probes": ", ".join(map(str, task.probes))}
        self.agent = Agent(directory, config, name="agent%d" % task.number, env={
            "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:%d/v4/task%d" % (receiver.port, task.number)})

    def put(self, body=None):
        put_document(self.receiver, "task%d" % self.task.number,
                     json.dumps(self.task.document()) if body is None else body)

    def targets(self):
        return {(t["scrapeUrl"], tuple(sorted(t["labels"].items()))) for t in self.agent.targets()["activeTargets"]}

    def rounds(self):
        """Good rounds and others so far."""
        counts = {}
        for series, value in self.agent.metrics().items():
            if series.startswith("ampagent_ecs_metadata_requests_total{") and 'path="/task"' in series:
                good = 'result="ok"' in series
                counts[good] = counts.get(good, 0) + value
        return counts.get(True, 0), counts.get(False, 0)


class Steady:
    """A task whose container is restarted again and again: its series go on as if nothing had been."""

    def __init__(self, directory, receiver):
        self.receiver, self.application, self.serial = receiver, Application("127.0.0.1"), 0
        self.restart()
        config = ("scrape_configs:\n- job_name: steady\n  scrape_interval: 1s\n"
                  "  ecs_task_sd_configs: [{refresh_interval: %ds}]\nremote_write:\n%s"
                  % (REFRESH_S, receiver.config("  queue_config: {batch_send_deadline: 1s}\n")))
        self.agent = Agent(directory, config, name="steady", env={
            "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:%d/v4/steady" % receiver.port})

    def put(self, status):
        container = {"Name": "app", "DockerId": "steady-%d" % self.serial, "Type": "NORMAL", "KnownStatus": status,
                     "Labels": {"prometheus.io/port": str(self.application.port)},
                     "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.9"]}]}
        document = {"Cluster": "shop", "Family": "steady", "Revision": "1", "Containers": [container],
                    "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/shop/" + "5" * 32}
        put_document(self.receiver, "steady", json.dumps(document))

    def restart(self):
        self.serial += 1
        self.put("RUNNING")

    def noticed(self):
        found = self.agent.targets()["activeTargets"]
        return [t["discoveredLabels"]["__meta_ecs_container_id"] for t in found] == ["steady-%d" % self.serial]

    def finish(self):
        wait_for(self.noticed, 60, "the last restart is noticed")
        wait_for(lambda: self.receiver.stats()["samples"] > 0, 60, "samples of the steady task arrive")
        check(self.receiver.stats()["stale_markers"] == 0, "a restart ends no series")
        self.put("STOPPED")
        wait_for(lambda: self.receiver.stats()["stale_markers"] > 0, 60, "a stop ends them")


def follow(sidecars, what, limit_s=60):
    """Waits until every agent's targets are those of its model, and looks at how many rounds it took."""
    before = [s.rounds()[0] for s in sidecars]
    left = dict(enumerate(s.task.expected(s.agent.port) for s in sidecars))
    end = time.time() + limit_s
    while left and time.time() < end:
        for i in list(left):
            if sidecars[i].targets() == left[i]:
                del left[i]
                # One round may have been under way.
                took = sidecars[i].rounds()[0] - before[i]
                check(took <= 3, "%s: agent %d follows within two rounds (%d)" % (what, i, took))
        time.sleep(0.05)
    for i, want in left.items():
        have = sidecars[i].targets()
        check(False, "%s: agent %d\n  lacks %s\n  has in addition %s\n  task %s" % (
            what, i, sorted(want - have), sorted(have - want), json.dumps(sidecars[i].task.document())))
    return not left


def endure(receivers, sidecars):
    """The tasks change while their endpoints do not say so, each for another reason."""
    kept = [s.targets() for s in sidecars]
    before = [s.rounds()[1] for s in sidecars]
    for receiver, (fault, _) in zip(receivers, FAULTS):
        receiver.switch(**fault)
    for s in sidecars:
        s.task.step()
        s.put()
    for i, s in enumerate(sidecars):
        fault = FAULTS[receivers.index(s.receiver)][0]
        wait_for(lambda s=s, i=i: s.rounds()[1] > before[i], 60, "%s: agent %d notices" % (fault, i))
        # A round may have brought the change just before the endpoint failed.
        check(s.targets() == kept[i] or s.targets() == s.task.expected(s.agent.port),
              "%s: the last targets of agent %d stay" % (fault, i))
    for receiver, (_, healed) in zip(receivers, FAULTS):
        receiver.switch(**healed)
    return follow(sidecars, "after faults")


def garbage(sidecars):
    """Documents that are no task: each agent gets another one."""
    kept = [s.targets() for s in sidecars]
    before = [s.rounds()[1] for s in sidecars]
    texts = ["{", "[]", "null", "{\"Containers\": []}", "{\"TaskARN\": 5}", "x" * 5000, "\"text\"", "{}"]
    for i, s in enumerate(sidecars):
        s.put(texts[i % len(texts)])
    for i, s in enumerate(sidecars):
        wait_for(lambda s=s, i=i: s.rounds()[1] > before[i], 60, "agent %d notices garbage" % i)
        check(s.targets() == kept[i], "garbage changes nothing for agent %d" % i)
        s.put()
    return follow(sidecars, "after garbage")


def look_at_log(sidecar):
    log = sidecar.agent.log()
    texts = [line.split("msg=", 1)[1] for line in log.splitlines() if "not a target" in line]
    check(len(texts) == len(set(texts)), "what is wrong with labels is told once: %s" % texts)
    check("level=ERROR" not in log, "no errors in the log of agent %d" % sidecar.task.number)


def run(options, directory):
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    print("seed %d" % seed)
    receivers, sidecars, steady = [], [], None
    try:
        for _ in FAULTS:
            receivers.append(Receiver(directory, "--aws", "--aws-task-rate=0"))
        for i in range(options.agents):
            task = Task(i, random.Random(seed * 1000 + i))
            sidecars.append(Sidecar(directory, receivers[i % len(receivers)], task))
        steady = Steady(directory, receivers[0])
        for s in sidecars:
            s.agent.wait_ready(60)
        good = follow(sidecars, "start")
        for step in range(options.steps):
            for s in sidecars:
                s.task.step()
                s.put()
            steady.restart()
            good = good and follow(sidecars, "step %d" % step)
        steady.finish()
        good = good and garbage(sidecars)
        good = good and endure(receivers, sidecars)
        for s in sidecars:
            check(s.agent.stop() == 0, "agent %d ends well" % s.task.number)
            look_at_log(s)
    finally:
        for process in [s.agent for s in sidecars + [steady] if s] + receivers:
            process.__exit__()
        for a in [a for s in sidecars for a in s.task.applications] + ([steady.application] if steady else []):
            a.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--agents", type=int, default=12)
    parser.add_argument("--seed", type=int)
    with Dir() as directory:
        run(parser.parse_args(), directory)
        harness.finish()


if __name__ == "__main__":
    sys.exit(main())
