#!/usr/bin/python3
"""A sidecar where ECS runs it: 169.254.170.2 is there, in a network of the test's own, and is the stand-in. The
environment is what ECS puts there and the one variable of the sidecar; a proxy that is not there is in it too, and
nothing may go through it. The task is discovered, its applications and its own metrics are scraped, and what is sent
is signed by keys of the task's role, in the task's region, while these keys come and go."""
import json
import os
import time
import urllib.request

import harness as h
import namespace

HERE = "ap-southeast-2"
ACCOUNT = "210987654321"
METADATA = "169.254.170.2"
BRIDGE = "172.17.0.9"
NOWHERE = "http://127.0.0.1:9"
LONG_S = 60
AGENT = "http://127.0.0.1:19090"
WRITE = "http://127.0.0.1/workspaces/%s/api/v1/remote_write" % h.WORKSPACE

missing = namespace.enter(namespace.NEW_NETWORK | (namespace.NEW_USERS if os.geteuid() != 0 else 0))
if missing:
    h.skip(missing)
namespace.add_addresses("lo", METADATA, BRIDGE)


class Aws(h.Process):
    """The stand-in at port 80 of every address. Keys work on after their time: that a busy machine is late is no
    concern of this test."""

    def __init__(self, directory, name):
        super().__init__("aws-" + name, [h.AMPAGENT, "receive", "--aws", "--region=" + HERE, "--account=" + ACCOUNT,
                                         "--workspace=" + h.WORKSPACE, "--aws-key-lifetime=3s",
                                         "--web.listen-address=0.0.0.0:80"], directory)
        h.wait_for(lambda: self.stats() is not None, 20, "AWS answers")
        self.switch("aws_grace_ms=60000")

    def switch(self, what):
        h.get("http://127.0.0.1/switch?" + what, data=b"")

    def stats(self):
        return h.get_json("http://127.0.0.1/stats")

    def keys(self):
        return h.get_json("http://127.0.0.1/aws/keys")

    def series(self, name):
        return [json.loads(line) for line in h.get("http://127.0.0.1/series?match=" + name).decode().splitlines()]

    def put(self, path, document):
        request = urllib.request.Request("http://127.0.0.1" + path, method="PUT", data=json.dumps(document).encode())
        with h._opener.open(request, timeout=20) as answer:
            h.check(answer.status == 200, "PUT " + path)


class Sidecar(h.Process):
    """Only what is given here, of the variables that AWS or ECS set."""

    def __init__(self, d, name, **environment):
        env = dict({k: None for k in os.environ if k.startswith(("AWS_", "ECS_", "AMPAGENT_"))}, HOME=d.path,
                   AWS_EC2_METADATA_DISABLED=None, AWS_CONFIG_FILE=None, AWS_SHARED_CREDENTIALS_FILE=None,
                   http_proxy=NOWHERE, HTTP_PROXY=NOWHERE, https_proxy=NOWHERE, HTTPS_PROXY=NOWHERE,
                   all_proxy=NOWHERE, ALL_PROXY=NOWHERE, no_proxy=None, NO_PROXY=None)
        # Told here, as the host is none of AMP's.
        env.update(AMPAGENT=None, AMPAGENT_SIGV4="true", AMPAGENT_REMOTE_WRITE_URL=WRITE,
                   AMPAGENT_SCRAPE_INTERVAL="1s", AMPAGENT_STORAGE_AGENT_PATH=os.path.join(d.path, name + "-data"))
        env.update(environment)
        super().__init__(name, [h.AMPAGENT], d, env)

    def urls(self):
        return sorted(t["scrapeUrl"] for t in h.get_json(AGENT + "/api/v1/targets")["data"]["activeTargets"])


def ecs_environment(name, task_id):
    """As the agents of ECS write it: the ids of the endpoint and of the keys say nothing to anybody else."""
    return {"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE" if name == "fargate" else "AWS_ECS_EC2",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/aa0c9b72-7a5a-4b5d-9f2e-6a1a2f4d3c11",
            "ECS_AGENT_URI": "http://%s/api/%s" % (METADATA, task_id),
            "ECS_CONTAINER_METADATA_URI": "http://%s/v3/%s" % (METADATA, task_id),
            "ECS_CONTAINER_METADATA_URI_V4": "http://%s/v4/%s" % (METADATA, task_id)}


def container(name, number, labels, networks, **more):
    task_id = more.pop("task_id")
    arn = "arn:aws:ecs:%s:%s:" % (HERE, ACCOUNT)
    return dict({"DockerId": "%s-%d" % (task_id, number), "Name": name, "DockerName": name, "Image": name + ":1",
                 "ImageID": "sha256:" + "%x" % number * 64, "Type": "NORMAL", "DesiredStatus": "RUNNING",
                 "KnownStatus": "RUNNING", "Limits": {"CPU": 2, "Memory": 256},
                 "CreatedAt": "2026-01-02T03:04:05.123456789Z", "StartedAt": "2026-01-02T03:04:06.123456789Z",
                 "Networks": networks, "ContainerARN": arn + "container/blue/%s/%d" % (task_id, number),
                 "Labels": dict(labels, **{"com.amazonaws.ecs.cluster": arn + "cluster/blue",
                                           "com.amazonaws.ecs.container-name": name,
                                           "com.amazonaws.ecs.task-arn": arn + "task/blue/" + task_id,
                                           "com.amazonaws.ecs.task-definition-family": "shop",
                                           "com.amazonaws.ecs.task-definition-version": "7"})}, **more)


def task(task_id, launch, containers):
    arn = "arn:aws:ecs:%s:%s:" % (HERE, ACCOUNT)
    return {"Cluster": arn + "cluster/blue", "TaskARN": arn + "task/blue/" + task_id, "Family": "shop",
            "Revision": "7", "ServiceName": "shop-service", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
            "Limits": {"CPU": 0.25, "Memory": 512}, "PullStartedAt": "2026-01-02T03:04:01.5Z",
            "AvailabilityZone": HERE + "b", "LaunchType": launch, "Containers": containers}


def labelled(page):
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(page.port)}


def signed_by_the_task(aws, name):
    """Keys of the task's role, of several generations; no request was refused."""
    h.wait_for(lambda: sum(k["writes"] > 0 for k in aws.keys()) >= 2, LONG_S, "%s: keys rotate" % name)
    stats = aws.stats()
    h.check({k["source"] for k in aws.keys()} == {"ecs"}, "%s: keys of the task's role alone" % name)
    h.check(stats["answered_403"] == 0, "%s: no write was refused: %s" % (name, stats["answers"]))
    h.check(stats["aws"]["at_once"] <= 1, "%s: one request for keys at a time" % name)
    h.check(stats["aws"]["metadata_tokens"] == 0, "%s: the instance is not asked" % name)


def asked_little(aws, name, since_s):
    """A request for the task a round of discovery, one for its statistics a scrape; never the one that calls the API
    of ECS each time."""
    asked = aws.stats()["aws"]["task"]
    h.check(asked["task"] <= 4 + since_s / 5 and asked["stats"] <= 2 + since_s, "%s: %s in %d s" % (name, asked, since_s))
    h.check(asked["with_tags"] == 0 and asked["throttled"] == 0, "%s: %s" % (name, asked))


def from_this_task(aws, name, task_id, metric, launch):
    h.wait_for(lambda: len(aws.series(metric)) == 1, LONG_S, "%s: %s arrives" % (name, metric))
    labels = aws.series(metric)[0]["labels"]
    wanted = {"job": "shop", "ecs_task_id": task_id, "ecs_cluster": "blue", "ecs_task_family": "shop",
              "ecs_service": "shop-service", "ecs_launch_type": launch, "ecs_availability_zone": HERE + "b"}
    h.check(wanted.items() <= labels.items(), "%s: labels of %s: %s" % (name, metric, labels))
    return labels


def fargate(d):
    """One network for all containers of the task."""
    task_id = "0123456789abcdef0123456789abcdef"
    networks = [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.2.106"], "IPv4SubnetCIDRBlock": "10.0.2.0/24",
                 "MACAddress": "0e:9e:32:c7:48:85", "PrivateDNSName": "ip-10-0-2-106.ec2.internal"}]
    with h.Pages({"/metrics": b"shop_up_and_down 1\n"}) as app, Aws(d, "fargate") as aws:
        aws.put("/aws/task?id=%s-527074092" % task_id, task(task_id, "FARGATE", [
            container("ampagent", 527074092, {}, networks, task_id=task_id),
            container("app", 1520358132, labelled(app), networks, task_id=task_id)]))
        began = time.monotonic()
        with Sidecar(d, "fargate", **ecs_environment("fargate", task_id + "-527074092")) as agent:
            labels = from_this_task(aws, "fargate", task_id, "shop_up_and_down", "FARGATE")
            h.check(labels["instance"] == "%s:%d" % (task_id, app.port), "no loopback address: %s" % labels)
            h.check(labels.get("ecs_container") == "app", "the container: %s" % labels)
            h.check(agent.urls() == sorted([AGENT + "/ecs/metrics", "http://%s/metrics" % app.address]),
                    "targets: %s" % agent.urls())
            for metric in ("ecs_task_memory_limit_bytes", "ecs_container_cpu_usage_seconds_total"):
                h.wait_for(lambda: aws.series(metric), LONG_S, "fargate: %s" % metric)
            signed_by_the_task(aws, "fargate")
            own = [s for s in aws.series("up") if s["labels"]["job"] != "shop"]
            h.check(len(own) == 1 and own[0]["last_value"] == 1, "the task's own metrics: %s" % own)
            asked_little(aws, "fargate", time.monotonic() - began)
            app.pages["/metrics"] = b"shop_up_and_down 2\n"
            h.check(agent.stop() == 0, "fargate: exit 0")
            h.check(aws.series("shop_up_and_down")[0]["last_value"] == 2, "fargate: the last value arrives")
            h.check("level=ERROR" not in agent.log(), agent.log())


def bridge(d):
    """Each container has an address of its own; the endpoint is that of version 3."""
    task_id = "fedcba9876543210fedcba9876543210"

    def networks(address):
        return [{"NetworkMode": "bridge", "IPv4Addresses": [address]}]
    with h.Pages({"/metrics": b"shop_up_and_down 1\n"}, host=BRIDGE) as app, Aws(d, "bridge") as aws:
        aws.put("/aws/task", task(task_id, "EC2", [
            container("ampagent", 1, {}, networks("172.17.0.8"), task_id=task_id),
            container("app", 2, labelled(app), networks(BRIDGE), task_id=task_id,
                      Ports=[{"ContainerPort": app.port, "Protocol": "tcp", "HostPort": 32768 + n, "HostIp": ip}
                             for n, ip in enumerate(("0.0.0.0", "::"))])]))
        environment = dict(ecs_environment("ec2", "some-id"), ECS_CONTAINER_METADATA_URI_V4=None)
        with Sidecar(d, "bridge", **environment) as agent:
            labels = from_this_task(aws, "bridge", task_id, "shop_up_and_down", "EC2")
            h.check(BRIDGE not in labels["instance"] and task_id in labels["instance"], "bridge: %s" % labels)
            h.check("http://%s/metrics" % app.address in agent.urls(), "bridge: targets %s" % agent.urls())
            signed_by_the_task(aws, "bridge")
            # A bad while of the endpoint: what was known stays.
            aws.switch("aws_task_down=1&aws_down=1")
            time.sleep(3)
            h.check("http://%s/metrics" % app.address in agent.urls(), "bridge: the last good targets stay")
            aws.switch("aws_task_down=0&aws_down=0")
            app.pages["/metrics"] = b"shop_up_and_down 3\n"
            h.wait_for(lambda: aws.series("shop_up_and_down")[0]["last_value"] == 3, LONG_S, "bridge: it goes on")
            h.check(agent.stop() == 0, "bridge: exit 0")


with h.Dir() as d:
    fargate(d)
with h.Dir() as d:
    bridge(d)
h.finish()
