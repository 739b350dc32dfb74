#!/usr/bin/env python3
"""Discovery by the ECS API against a large account: calls by action for the first round, for one in
which nothing changed, and for one with 50 changes; nothing is throttled; memory; and whatever goes
wrong in between, the last good targets stay.

usage: ecs_scale.py [--tasks N] [--services M] [--only-scale]
"""
import argparse
import json
import os
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from harness import check, get_json, wait_for

RSS_MAX = 30 << 20

CONFIG = """
scrape_configs:
- job_name: ecs
  scrape_interval: 10m
  ecs_sd_configs:
  - region: %(region)s
    endpoint: http://127.0.0.1:%(port)d
    access_key: %(key)s
    secret_key: %(secret)s
    refresh_interval: %(interval)s
%(more)s
  relabel_configs:
  - {source_labels: [__meta_ecs_task_arn], regex: '.*(.{6})', target_label: task}
  - {action: %(action)s, source_labels: [__meta_ecs_launch_type], regex: .+}
"""
SELECTORS = """    docker_labels:
    - {port_label: ECS_PROMETHEUS_EXPORTER_PORT}
"""


def config(receiver, interval, action="drop", more=""):
    return CONFIG % {"region": harness.REGION, "port": receiver.port, "key": harness.ACCESS_KEY,
                     "secret": harness.SECRET_KEY, "interval": interval, "action": action, "more": more}


def agent_of(directory, receiver, interval, name, **kwargs):
    return harness.Agent(directory, config(receiver, interval, **kwargs), name=name,
                         env={"AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:%d" % receiver.port})


def calls(agent):
    """Calls by (action, result)."""
    out = {}
    for series, value in agent.metrics().items():
        if series.startswith("ampagent_ecs_api_calls_total{"):
            labels = dict(p.split("=") for p in series[series.index("{") + 1:-1].replace('"', "").split(","))
            out[labels["action"], labels["result"]] = int(value)
    return out


def difference(after, before):
    return {k: v - before.get(k, 0) for k, v in sorted(after.items()) if v > before.get(k, 0)}


def shown(counts):
    by_action = ", ".join("%s %d%s" % (a, n, "" if r == "ok" else " " + r) for (a, r), n in sorted(counts.items()))
    return "%d calls: %s" % (sum(counts.values()), by_action)


def rounds(agent, what="count"):
    name = {"count": "prometheus_sd_refresh_duration_seconds_count", "failures": "prometheus_sd_refresh_failures_total"}
    return agent.metrics().get('%s{mechanism="ecs",config="ecs"}' % name[what], 0)


def seconds(agent):
    return agent.metrics().get('prometheus_sd_refresh_duration_seconds_sum{mechanism="ecs",config="ecs"}', 0)


def discovered(agent):
    return agent.metrics().get('prometheus_sd_discovered_targets{name="scrape",config="ecs"}', 0)


def rss(agent, peak=False):
    with open("/proc/%d/status" % agent.popen.pid) as f:
        for line in f:
            if line.startswith("VmHWM:" if peak else "VmRSS:"):
                return int(line.split()[1]) << 10
    return 0


def sanitized(agent):
    """Memory of such a build says nothing about the program's."""
    with open("/proc/%d/maps" % agent.popen.pid) as f:
        return "asan" in f.read()


def post(receiver, path, body=b"", method="POST"):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (receiver.port, path), data=body, method=method)
    with harness._opener.open(request, timeout=60) as answer:
        return answer.read()


def fill(receiver, tasks, services, more=""):
    post(receiver, "/aws/ecs/fill?tasks=%d&services=%d%s" % (tasks, services, more))


def account(receiver):
    return get_json("http://127.0.0.1:%d/aws/ecs" % receiver.port, timeout=60)


def change_tasks(receiver, n):
    """n tasks stop and n others of the same services begin, as deployments do."""
    tasks = account(receiver)["tasks"][:n]
    fresh = []
    for i, task in enumerate(tasks):
        text = json.dumps(task)
        old = task["taskArn"].rsplit("/", 1)[1]
        new = dict(json.loads(text.replace(old, "%032x" % (0xabc0000 + i))))
        new["startedAt"] = time.time()
        fresh.append(new)
    body = {"tasks": fresh, "gone": [t["taskArn"] for t in tasks]}
    post(receiver, "/aws/ecs", json.dumps(body).encode(), "PATCH")


def measure(directory, tasks, services, more=""):
    with harness.Receiver(directory, "--aws") as receiver:
        empty = 0
        with agent_of(directory, receiver, "1h", "empty", more=more) as agent:
            agent.wait_ready()
            wait_for(lambda: rounds(agent) == 1, 30, "a round of an empty account")
            empty = rss(agent)
        fill(receiver, tasks, services)
        interval = max(3, tasks // 400)
        with agent_of(directory, receiver, "%ds" % interval, "full", more=more) as agent:
            agent.wait_ready()
            wait_for(lambda: rounds(agent) >= 1, 120, "the first round")
            first = calls(agent)
            print("%d tasks, %d services%s; the first round, %.1f s: %s"
                  % (tasks, services, ", with definitions" if more else "", seconds(agent), shown(first)))
            # Every fourth service's definition has the label.
            expected = tasks if not more else sum(1 for i in range(tasks) if i % services % 4 == 0)
            wait_for(lambda: discovered(agent) == expected, 10, "%d targets" % expected)
            settled, peak = rss(agent), rss(agent, peak=True)
            print("resident memory: %.1f MB with an empty account, %.1f MB with this one (%.1f MB more), at most %.1f MB"
                  % (empty / 1e6, settled / 1e6, (settled - empty) / 1e6, peak / 1e6))
            check(sanitized(agent) or settled - empty <= RSS_MAX, "%.1f MB more resident memory" % ((settled - empty) / 1e6))
            done = rounds(agent)
            wait_for(lambda: rounds(agent) > done, 120, "the next round")
            second = difference(calls(agent), first)
            print("a round without changes: " + shown(second))
            before, done = calls(agent), rounds(agent)
            change_tasks(receiver, 50)
            wait_for(lambda: rounds(agent) > done, 120, "a round with changes")
            third = difference(calls(agent), before)
            print("a round with 50 changes: " + shown(third))
            throttled = sum(n for (_, result), n in calls(agent).items() if result != "ok")
            check(throttled == 0, "%d calls were throttled or failed" % throttled)
            check(rounds(agent, "failures") == 0, "no round failed")
            if tasks > 500:
                check(("DescribeTaskDefinition", "ok") not in third, "definitions are asked for once")
                describe = second.get(("DescribeTasks", "ok"), 0)
                check(describe <= tasks // 1000 + 3, "one tenth is described again: %d calls" % describe)
                changed = third.get(("DescribeTasks", "ok"), 0)
                check(changed <= tasks // 1000 + 4, "and what changed: %d calls" % changed)
            print("resident memory after: %.1f MB" % (rss(agent) / 1e6))


def targets_stay(agent, n, failures, what):
    """A round fails and changes nothing."""
    wait_for(lambda: rounds(agent, "failures") > failures, 60, what + ": the round fails")
    check(discovered(agent) == n, "%s: %d targets and not %d" % (what, discovered(agent), n))


def goes_on(agent, what):
    done, failures = rounds(agent), rounds(agent, "failures")
    wait_for(lambda: rounds(agent) - done > rounds(agent, "failures") - failures, 60, what + ": a whole round again")


def faults(directory):
    """What goes wrong in between; small, so that rounds are quick."""
    n = 250
    with harness.Receiver(directory, "--aws") as receiver:
        fill(receiver, n, 10)
        with agent_of(directory, receiver, "500ms", "faults") as agent:
            agent.wait_ready()
            wait_for(lambda: discovered(agent) == n, 60, "the first round")
            for what, switch, back in [
                    ("server errors", {"aws_api_down": 1}, {"aws_api_down": 0}),
                    ("half answers", {"aws_api_garbage": 1}, {"aws_api_garbage": 0}),
                    ("a denied call", {"aws_api_denied": "DescribeTasks"}, {"aws_api_denied": ""}),
            ]:
                failures = rounds(agent, "failures")
                receiver.switch(**switch)
                targets_stay(agent, n, failures, what)
                receiver.switch(**back)
                goes_on(agent, what)
            # In the middle of a round: the third page of tasks, one of the descriptions.
            for at in (5, 8, 11):
                receiver.switch(aws_api_fail_at=at)
                done = rounds(agent)
                wait_for(lambda: rounds(agent) >= done + 2, 60, "an error at call %d" % at)
                check(discovered(agent) == n, "an error at call %d: %d targets" % (at, discovered(agent)))
            # Throttled for some rounds: slower, and whole in the end.
            receiver.switch(aws_api_rate=1, aws_api_burst=2)
            wait_for(lambda: sum(c for (_, r), c in calls(agent).items() if r == "throttled") > 0, 60,
                     "calls are throttled")
            check(discovered(agent) == n, "throttled: %d targets" % discovered(agent))
            receiver.switch(aws_api_rate=20, aws_api_burst=50)
            goes_on(agent, "throttled")
            # Public addresses are done without.
            failures = rounds(agent, "failures")
            receiver.switch(aws_api_denied="DescribeNetworkInterfaces")
            wait_for(lambda: calls(agent).get(("DescribeNetworkInterfaces", "denied"), 0) >= 2, 60, "a call is denied")
            goes_on(agent, "no public addresses")
            check(rounds(agent, "failures") == failures, "a denied DescribeNetworkInterfaces fails no round")
            log = agent.log()
            check(log.count("targets have no public addresses") == 1, "told once of what may not be asked")
            check("ecs:DescribeTasks is denied" in log and "docs/ECS.md" in log, "the log names the permission")
            check(harness.SECRET_KEY not in log, "no secret in the log")
            # Silence: the round is given up, the targets stay.
            failures = rounds(agent, "failures")
            receiver.switch(aws_api_hang=1)
            targets_stay(agent, n, failures, "silence")
            receiver.switch(aws_api_hang=0)
            goes_on(agent, "silence")
            check(agent.stop() == 0, "the agent ends well")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=600)
    parser.add_argument("--services", type=int, default=24)
    parser.add_argument("--only-scale", action="store_true")
    args = parser.parse_args()
    with harness.Dir() as directory:
        measure(directory, args.tasks, args.services)
        measure(directory, args.tasks, args.services, more=SELECTORS)
        if not args.only_scale:
            faults(directory)
    harness.finish()


if __name__ == "__main__":
    main()
