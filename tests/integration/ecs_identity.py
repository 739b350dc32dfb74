#!/usr/bin/python3
"""Two tasks of one service side by side: whatever the addresses that both of them scrape, no series is
written by both, none has no task, and none before it is known which task it is of."""
import json
import os
import signal
import sys
import urllib.error
import urllib.request

import harness as h
import namespace

ONE, TWO = "0a" * 16, "0b" * 16
FAR = "192.0.2.7"  # an address of this host that is no task's
STALE = "7ff0000000000002"


class World:
    """Everything outside the tasks: the application that is at the same address in each of them, one
    that is in none, the metadata endpoint, the receiver."""

    def __init__(self):
        self.d = h.Dir()
        self.app = h.Pages({"/metrics": self.page})
        self.far = h.Pages({"/metrics": b"far_total 1\n"}, host=FAR)
        self.record = self.d.file("record")
        self.aws = h.Receiver(self.d, "--aws", "--record=" + self.record)
        self.versions = {}
        self.scrapes = 0
        for task in (ONE, TWO):
            self.tell(task)

    def page(self, _):
        self.scrapes += 1
        return 200, "text/plain", b'# TYPE orders_total counter\norders_total{kind="book"} %d\nup_to 1\n' % self.scrapes

    def tell(self, task, version=1):
        """The task's containers; with another version the application's has been restarted."""
        number = int(task[:2], 16)

        def container(name, n, labels):
            return {"DockerId": "%s-%010d" % (task, n), "Name": name, "Image": name, "Labels": labels,
                    "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Type": "NORMAL",
                    "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.%d" % number]}]}

        document = {
            "Cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/shop",
            "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/shop/" + task, "Family": "checkout",
            "Revision": "7", "ServiceName": "checkout-web", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
            "AvailabilityZone": "eu-west-1a", "LaunchType": "FARGATE",
            "Containers": [container("ampagent", 1, {}),
                           container("app", 10 + version, {"prometheus.io/scrape": "true",
                                                           "prometheus.io/port": str(self.app.port)})]}
        request = urllib.request.Request("http://127.0.0.1:%d/aws/task?id=%s" % (self.aws.port, task),
                                         data=json.dumps(document).encode(), method="PUT")
        with h._opener.open(request, timeout=10):
            pass

    def config(self, ampagent="", external="", jobs=None):
        jobs = jobs or self.local_jobs()
        return ("global: {scrape_interval: 300ms, scrape_timeout: 250ms%s}\nscrape_configs:\n%s\n"
                "remote_write:\n%s%s"
                % (external and ", external_labels: {%s}" % external, "".join(jobs),
                   self.aws.config("  queue_config: {batch_send_deadline: 100ms, min_backoff: 10ms}\n"),
                   ampagent and "ampagent: {%s}\n" % ampagent))

    def local_jobs(self):
        return [self.job("plain", "localhost:%d" % self.app.port), self.job("any", "0.0.0.0:%d" % self.app.port),
                "- job_name: found\n  ecs_task_sd_configs: [{refresh_interval: 5s, task_metrics: on}]\n"]

    @staticmethod
    def job(name, address):
        return "- job_name: %s\n  static_configs: [{targets: ['%s']}]\n" % (name, address)

    def agent(self, task, config, name, port=None):
        env = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:%d/v4/%s" % (self.aws.port, task)}
        return h.Agent(self.d, config, "--web.enable-lifecycle", name=name, env=env, port=port)

    def series(self, job=None):
        """[(labels, item)] of what the receiver has, of one job or all."""
        out = []
        for line in h.get("http://127.0.0.1:%d/series?full=1" % self.aws.port).decode().splitlines():
            item = json.loads(line)
            if job is None or item["labels"].get("job") == job:
                out.append((item["labels"], item))
        return out

    def samples(self, **wanted):
        """How many samples of orders_total with these labels there are."""
        return sum(item["count"] for labels, item in self.series()
                   if labels["__name__"] == "orders_total" and wanted.items() <= labels.items())

    def markers(self):
        """Series that have ever ended, but for those of the task's containers: these end with them."""
        h.get("http://127.0.0.1:%d/flush" % self.aws.port, data=b"")
        with open(self.record) as f:
            lines = [line.split(" ", 2) for line in f]
        return {line[2] for line in lines if line[1] == STALE and 'job="ecs_task"' not in line[2]}

    def close(self):
        for part in (self.app, self.far, self.aws):
            part.__exit__(None, None, None)
        self.d.__exit__(*sys.exc_info())


def text(labels):
    return "{%s}" % ", ".join("%s=%s" % pair for pair in sorted(labels.items()))


def distinct(world, agents):
    """Both tasks scrape the same addresses, and each has its own series."""
    for name in ("plain", "any", "found"):
        for task in (ONE, TWO):
            h.wait_for(lambda: world.samples(job=name, ecs_task_id=task) >= 3, 30,
                       "samples of %s of task %s" % (name, task))
    h.wait_for(lambda: {labels["ecs_task_id"] for labels, _ in world.series("ecs_task")
                        if labels["__name__"] == "ecs_container_running"} == {ONE, TWO}, 30, "metrics of the tasks")
    for name in ("plain", "any", "found"):
        of = {ONE: set(), TWO: set()}
        for labels, _ in world.series(name):
            task = labels.get("ecs_task_id")
            if not h.check(task in of, "a series has its task: " + text(labels)):
                continue
            rest = {k: v for k, v in labels.items() if k not in ("ecs_task_id", "instance")}
            of[task].add(text(rest))
            h.check(labels["instance"] == "%s:%d" % (task, world.app.port), "the instance: " + text(labels))
            wanted = {"ecs_cluster": "shop", "ecs_service": "checkout-web", "ecs_task_family": "checkout",
                      "ecs_task_revision": "7", "ecs_availability_zone": "eu-west-1a", "ecs_launch_type": "FARGATE"}
            h.check(wanted.items() <= labels.items(), "all labels: " + text(labels))
            h.check(labels.get("ecs_container") == ("app" if name == "found" else None),
                    "the container: " + text(labels))
        h.check(of[ONE] == of[TWO] and len(of[ONE]) == 7, "%s: the same series in each task: %s" % (name, of))
    own = {}
    for labels, _ in world.series("ecs_task"):
        own.setdefault(labels.get("ecs_task_id"), set()).add(labels["__name__"])
    h.check(set(own) == {ONE, TWO} and own[ONE] == own[TWO] and "ecs_container_running" in own[ONE],
            "metrics of each task: %s" % own)
    for agent in agents:
        names = {t["labels"]["ecs_task_id"] for t in agent.targets()["activeTargets"] if "ecs_task_id" in t["labels"]}
        h.check(len(names) == 1, "targets show the labels: %s" % names)
        h.check(agent.metrics()["ampagent_targets_waiting"] == 0, "no target waits any more")


def is_stale(item):
    return not isinstance(item["last_value"], (int, float))


def unchanged(world, before, what):
    """No series has come since, and none of a target that is there has ended."""
    now = {text(labels): item for labels, item in world.series()}
    h.check(set(now) == before, "%s: the same series, but for %s" % (what, set(now) ^ before))
    h.check(world.markers() == set(), "%s: no living series has ended: %s" % (what, world.markers()))


def restarts(world, agents, config):
    """The application's container, then the agent: names stay."""
    before = {text(labels) for labels, _ in world.series()}
    world.tell(ONE, version=2)
    asked = 'ampagent_ecs_metadata_requests_total{path="/task",result="ok"}'
    rounds = agents[0].metrics().get(asked, 0)
    h.wait_for(lambda: agents[0].metrics().get(asked, 0) >= rounds + 2, 30, "the agent has asked again")
    count = world.samples(job="found", ecs_task_id=ONE)
    h.wait_for(lambda: world.samples(job="found", ecs_task_id=ONE) >= count + 3, 20, "it is scraped on")
    unchanged(world, before, "a container restarts")
    agents[0].stop()
    agents[0] = world.agent(ONE, config, "one", port=agents[0].port)
    count = world.samples(ecs_task_id=ONE)
    h.wait_for(lambda: world.samples(ecs_task_id=ONE) >= count + 9, 40, "it goes on")
    unchanged(world, before, "the agent restarts")


def two_tasks():
    world = World()
    config = world.config()
    agents = [world.agent(task, config, name) for task, name in ((ONE, "one"), (TWO, "two"))]
    distinct(world, agents)
    restarts(world, agents, config)
    stats = world.aws.stats()
    h.check(stats["conflicts"] == 0 and stats["out_of_order"] == 0 and stats["duplicates"] == 0,
            "nobody writes the other's series: %s" % stats)
    for agent in agents:
        h.check(agent.stop() == 0, "the agent ends well")
    world.close()


def slow_metadata():
    """Of the task nothing is scraped before it is known; of others it is, and as it is."""
    world = World()
    world.aws.switch(aws_task_hang=1)
    # Discovery has told of all targets from the start.
    config = world.config(jobs=world.local_jobs()[:2] + [world.job("far", world.far.address)])
    agent = world.agent(ONE, config, "slow")
    h.wait_for(lambda: world.series("far"), 20, "what is elsewhere is scraped")
    h.wait_for(lambda: "targets of this task wait" in agent.log(), 20, "the log says that targets wait")
    h.check("waiting=2" in agent.log(), "and how many")
    h.check({t["scrapePool"] for t in agent.targets()["activeTargets"]} == {"far"}, "only that is a target")
    h.check(agent.metrics()["ampagent_targets_waiting"] == 2, "two wait")
    notes = [n["text"] for n in h.get_json(agent.base + "/api/v1/notifications")["data"]]
    h.check(any("wait" in n for n in notes), "it is notified: %s" % notes)
    h.check(world.scrapes == 0, "nobody has asked the application")
    world.aws.switch(aws_task_hang=0)
    h.wait_for(lambda: world.samples(ecs_task_id=ONE) >= 6, 40, "then they are scraped")
    bare = [text(labels) for labels, _ in world.series()
            if labels["job"] != "far" and labels.get("ecs_task_id") != ONE]
    h.check(bare == [], "no series without the task was ever written: %s" % bare)
    for labels, _ in world.series("far"):
        h.check(not any(k.startswith("ecs_") for k in labels), "elsewhere nothing is added: " + text(labels))
        h.check(labels["instance"] == world.far.address, "elsewhere the instance stays: " + text(labels))
    h.check(world.markers() == set(), "and nothing ended")
    # So it is after a restart: what the log remembers of them is not given up meanwhile.
    agent.stop()
    world.aws.switch(aws_task_hang=1)
    agent = world.agent(ONE, config, "slow", port=agent.port)
    count, far = world.samples(), len(world.far.requests)
    h.wait_for(lambda: len(world.far.requests) >= far + 12, 40, "some turns later")
    h.check(world.samples() == count, "nothing is scraped in the dark")
    world.aws.switch(aws_task_hang=0)
    h.wait_for(lambda: world.samples() >= count + 6, 40, "they are scraped again")
    h.check(world.markers() == set(), "nothing has ended meanwhile: %s" % world.markers())
    agent.stop()
    world.close()


def reload(agent, world, config):
    """The status and text of a reload."""
    world.d.file(agent.name + ".yml", config)
    try:
        h.get(agent.base + "/-/reload", data=b"", timeout=30)
        return 200, ""
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def strict():
    world = World()
    plain = world.job("plain", "localhost:%d" % world.app.port)
    jobs = [world.job("far", world.far.address), plain]
    strict_config = world.config("identity: strict", jobs=jobs)
    agent = world.agent(ONE, strict_config, "strict")
    code = h.wait_for(lambda: agent.popen.poll() is not None and agent.popen.poll() + 1, 30, "the agent ends")
    h.check(code == 3, "with exit code 2, not %s" % (code and code - 1))
    errors = [line for line in agent.log().splitlines() if "level=ERROR" in line]
    h.check(len(errors) == 1, "one line says why: %s" % errors)
    for part in ("plain", "localhost:%d" % world.app.port, "static_configs", "identity: auto", "strict"):
        h.check(errors and part in errors[0], "it names %s: %s" % (part, errors))
    h.check(world.scrapes == 0, "the application was not scraped")

    # A label of its own, or one that is added to everything, is enough.
    named = plain.replace("']}]", "'], labels: {task: 'x-%s'}}]" % TWO)
    good = world.agent(TWO, world.config("identity: strict", jobs=[named]), "named")
    outer = world.agent(ONE, world.config("identity: strict", external="replica: " + ONE, jobs=[plain]), "outer")
    h.wait_for(lambda: world.samples(task="x-" + TWO) > 2, 30, "a label of its own")
    h.wait_for(lambda: world.samples(replica=ONE) > 2, 30, "an external label")
    for labels, _ in world.series("plain"):
        h.check(not any(k.startswith("ecs_") for k in labels) and labels["instance"].startswith("localhost:"),
                "strict adds nothing: " + text(labels))
    # A reload that would not do leaves things as they are.
    status, why = reload(good, world, world.config("identity: strict", jobs=[plain]))
    h.check(status == 500 and "identity: auto" in why and "plain" in why, "refused: %d %s" % (status, why))
    count = world.samples(task="x-" + TWO)
    h.wait_for(lambda: world.samples(task="x-" + TWO) > count + 2, 20, "it scrapes on")
    h.check(reload(good, world, world.config(jobs=[plain]))[0] == 200, "auto is taken")
    h.wait_for(lambda: world.samples(ecs_task_id=TWO) > 2, 20, "and at once in effect")
    for one in (good, outer):
        h.check(one.stop() == 0, "the agent ends well")
    world.close()


def switched_off():
    """As Prometheus; and back again, with the job as it was."""
    world = World()
    plain = [world.job("plain", "localhost:%d" % world.app.port)]
    agent = world.agent(ONE, world.config("identity: off", jobs=plain), "off")
    h.wait_for(lambda: world.samples() > 2, 30, "samples")
    for labels, _ in world.series():
        h.check(labels["instance"] == "localhost:%d" % world.app.port and set(labels) <=
                {"__name__", "job", "instance", "kind"}, "as Prometheus: " + text(labels))
    h.check(reload(agent, world, world.config("identity_labels: [ecs_service]", jobs=plain))[0] == 200, "reloaded")
    h.wait_for(lambda: world.samples(ecs_service="checkout-web") > 2, 20, "labels come with a reload")
    for labels, _ in world.series():
        if "ecs_service" in labels:
            h.check(labels["instance"] == "%s:%d" % (ONE, world.app.port) and "ecs_task_id" not in labels,
                    "only those that are wanted: " + text(labels))
    h.wait_for(lambda: all(is_stale(i) for l, i in world.series() if "ecs_service" not in l), 20,
               "series of before have ended")
    h.check(len(world.markers()) == 7, "each of them with a marker: %s" % world.markers())
    agent.stop(signal.SIGTERM)
    world.close()


def main():
    why = namespace.enter(namespace.NEW_USERS | namespace.NEW_NETWORK)
    if why:
        h.skip(why)
    namespace.add_addresses("lo", FAR)
    only = sys.argv[1:]
    for test in (two_tasks, slow_metadata, strict, switched_off):
        if not only or test.__name__ in only:
            test()
            print(test.__name__ + " is over")
            sys.stdout.flush()
    h.finish()


if __name__ == "__main__":
    os.environ.pop("ECS_CONTAINER_METADATA_URI", None)
    main()
