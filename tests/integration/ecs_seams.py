#!/usr/bin/env python3
"""A metadata endpoint that tells less than before, and of another task: the series of a task stay its own.

Real series at the receiver: nothing new may begin. Besides, several pages of one program in one variable,
whose series would be one without a label of their own.
"""
import json
import urllib.request

import harness as h

ID, OTHER = "1f2e3d4c5b6a79880123456789abcdef", "0" * 32

CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
- job_name: found
  ecs_task_sd_configs: [{refresh_interval: 5s}]
- job_name: static
  static_configs: [{targets: ["%s"]}]
remote_write:
%s"""


def task(port, task_id=ID, **more):
    container = {"DockerId": task_id + "-2", "Name": "app", "Labels": {"prometheus.io/port": str(port)},
                 "KnownStatus": "RUNNING", "Type": "NORMAL",
                 "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.2.106"]}]}
    return dict({"TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/shop/" + task_id, "Containers": [container]}, **more)


def put(receiver, document):
    request = urllib.request.Request("http://127.0.0.1:%d/aws/task" % receiver.port, method="PUT",
                                     data=json.dumps(document).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def series(receiver, name):
    lines = h.get("http://127.0.0.1:%d/series?match=%s" % (receiver.port, name)).decode().splitlines()
    return sorted(json.dumps(json.loads(line)["labels"], sort_keys=True) for line in lines)


def asked(agent, result):
    return agent.metrics()['ampagent_ecs_metadata_requests_total{path="/task",result="%s"}' % result]


def one_task():
    with h.Dir() as d, h.Pages({"/metrics": b"m 1\n"}) as app, h.Receiver(d, "--aws") as receiver:
        full = {"Cluster": "shop", "Family": "cart", "Revision": "7", "ServiceName": "cart", "LaunchType": "FARGATE",
                "AvailabilityZone": "eu-west-1a"}
        put(receiver, task(app.port, **full))
        env = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:%d/v4/x" % receiver.port}
        with h.Agent(d, CONFIG % (app.address, receiver.config()), env=env) as agent:
            h.wait_for(lambda: len(series(receiver, "m")) == 2, 30, "both targets' series arrive")
            before = series(receiver, "m") + series(receiver, "up")
            h.check(all('"ecs_service": "cart"' in s and ID in s for s in before), "they have the labels: %s" % before)
            good = asked(agent, "ok")
            put(receiver, task(app.port, Cluster="shop"))
            h.wait_for(lambda: asked(agent, "ok") >= good + 2, 30, "it tells less")
            put(receiver, task(app.port, OTHER, **full))
            h.wait_for(lambda: asked(agent, "unusable") >= 2, 30, "it tells of another task")
            log = agent.log()
            h.check(log.count("another task than before") == 1 and OTHER in log, "which is said once: " + log)
            good = asked(agent, "ok")
            put(receiver, task(app.port, **full))
            h.wait_for(lambda: asked(agent, "ok") >= good + 1, 30, "and is as it was")
            h.check(agent.stop() == 0, "exit 0")
        after = series(receiver, "m") + series(receiver, "up")
        h.check(after == before, "no series is new: %s, not %s" % (after, before))
        h.check(receiver.stats()["stale_markers"] == 0, "and none has ended")


def several_pages():
    with h.Dir() as d, h.Pages({"/metrics": b"m 1\n", "/b": b"m 2\n"}) as app, h.Receiver(d) as receiver:
        env = {"AMPAGENT_REMOTE_WRITE_URL": receiver.url, "AMPAGENT_SIGV4": "true", "AMPAGENT_REGION": h.REGION,
               "AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY,
               "AMPAGENT_TARGETS": "%s, %s/b, http://%s/metrics" % ((app.address,) * 3),
               "AMPAGENT_SCRAPE_INTERVAL": "1s", "AMPAGENT_WEB_LISTEN_ADDRESS": "127.0.0.1:%d" % h.free_port()}
        with h.Process("agent", [h.AMPAGENT], d, env=env) as agent:
            h.wait_for(lambda: receiver.stats()["samples"] >= 40, 30, "samples arrive")
            h.check(agent.stop() == 0, "exit 0")
        names = [json.loads(s).get("metrics_path", "") for s in series(receiver, "m")]
        h.check(sorted(names) == ["", "/b"], "two pages, two series: %s" % names)
        h.check(receiver.stats()["answered_400"] == 0 and "ERROR" not in agent.log(), "nothing is refused: " + agent.log())


one_task()
several_pages()
h.finish()
