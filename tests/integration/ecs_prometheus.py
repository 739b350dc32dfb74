#!/usr/bin/env python3
"""ecs_sd_configs and aws_sd_configs: the targets of a scripted account, label by label, beside those of a real
Prometheus that reads the same API.

Each shape of an account is a cluster; one job has them all. A model in ecs_account.py says
what is to come out; where a Prometheus that has ecs_sd_configs (3.8 or newer) can be had, its discovered labels must be
the same sets. $PROMETHEUS3 names one; Debian's 3.5 does not have it, and then that part is left out.
"""
import json
import os
import re
import subprocess
import urllib.request

import ecs_account
import harness as h

REFRESH_S = 5
PORT = 9273


def arns(account):
    return [c["clusterArn"] for c in account.doc["clusters"]]


def jobs_of(account):
    """{job: (clusters, block, port)}; clusters by ARN, as Prometheus ends with a panic where they are names. Few
    jobs, as each asks for itself and the agent leaves most of an account's calls to others."""
    return {"all clusters": (None, "ecs", 80), "several clusters": (arns(account)[:4], "aws", PORT),
            "one cluster": (arns(account)[4:5], "ecs", PORT)}


def config(jobs, endpoint, keys=True, more=""):
    """more: further keys of each block, as lines."""
    text = "global: {scrape_interval: 10m}\nscrape_configs:\n"
    for name, (clusters, kind, port) in jobs.items():
        block = {"region": ecs_account.REGION, "endpoint": endpoint, "refresh_interval": "%ds" % REFRESH_S}
        if keys:
            block.update(access_key=h.ACCESS_KEY, secret_key=h.SECRET_KEY)
        if port != 80:
            block["port"] = port
        if clusters is not None:
            block["clusters"] = clusters
        if kind == "aws":
            block["role"] = "ecs"
        lines = "".join("    %s: %s\n" % (k, json.dumps(v)) for k, v in block.items())
        # Nothing is scraped: only the labels before relabeling count.
        text += "- job_name: %s\n  relabel_configs: [{action: drop, regex: '.*'}]\n  %s_sd_configs:\n  -%s%s" % (
            json.dumps(name), kind, lines[3:], more)
    return text


def discovered(base):
    """{job: sorted targets}, each as text; None when it does not answer."""
    data = h.get_json(base + "/api/v1/targets?state=any", timeout=30)["data"]
    h.check(not data["activeTargets"], "everything is dropped")
    out = {}
    for target in data["droppedTargets"]:
        labels = target["discoveredLabels"]
        out.setdefault(labels["job"], []).append(json.dumps(labels, sort_keys=True))
    return {job: sorted(v) for job, v in out.items()}


def modelled(account, jobs):
    out = {}
    for name, (clusters, _, port) in jobs.items():
        targets = account.targets(arns(account) if clusters is None else clusters, port)
        for labels in targets:
            labels.update({"job": name, "__metrics_path__": "/metrics", "__scheme__": "http",
                           "__scrape_interval__": "10m", "__scrape_timeout__": "10s",
                           "__scrape_native_histograms__": "false", "__always_scrape_classic_histograms__": "false",
                           "__convert_classic_histograms_to_nhcb__": "false"})
        if targets:
            out[name] = sorted(json.dumps(labels, sort_keys=True) for labels in targets)
    return out


def tell_differences(who, jobs, got, expected):
    for name in jobs:
        mine, theirs = set(got.get(name, [])), set(expected.get(name, []))
        if not h.check(mine == theirs and len(got.get(name, [])) == len(expected.get(name, [])),
                       "%s, %s: %d targets, %d expected" % (who, name, len(got.get(name, [])), len(expected.get(name, [])))):
            print("  " + one_difference(mine - theirs, theirs - mine)[:1000])


def one_difference(mine, theirs):
    """Of the first task that is on one side only, or that has other labels."""
    mine, theirs = ({t["__meta_ecs_task_arn"]: t for t in map(json.loads, side)} for side in (mine, theirs))
    for arn in sorted(set(mine) | set(theirs)):
        a, b = mine.get(arn), theirs.get(arn)
        if not a or not b:
            return "%s: only %s" % (arn, "discovered" if a else "expected")
        return "%s: discovered %s, expected %s" % (arn, {k: v for k, v in a.items() if b.get(k) != v},
                                                   {k: v for k, v in b.items() if a.get(k) != v})
    return "the same target twice"


def put(receiver, account, method="PUT"):
    doc = account.doc if isinstance(account, ecs_account.Account) else account
    request = urllib.request.Request("http://127.0.0.1:%d/aws/ecs" % receiver.port, data=json.dumps(doc).encode(),
                                     method=method)
    h._opener.open(request, timeout=20).read()


def reaches(who, base, jobs, expected, limit_s=40):
    """Waits until the discovered targets are those; tells the differences at the limit."""
    last = {}

    def same():
        last["got"] = discovered(base)
        return last["got"] == expected
    for _ in range(int(limit_s / 0.5)):
        try:
            if same():
                return True
        except (OSError, ValueError, KeyError):
            pass
        h.time.sleep(0.5)
    tell_differences(who, jobs, last.get("got", {}), expected)
    return False


def changed(account):
    """Tasks gone, new and relabelled, a cluster without any, a new service."""
    tasks = account.doc["tasks"]
    account.doc["tasks"] = [t for i, t in enumerate(tasks) if i % 3 and not t["clusterArn"].endswith("/host")]
    for i, task in enumerate(account.doc["tasks"]):
        if i % 2:
            task["tags"] = task.get("tags", []) + [{"key": "round", "value": "2"}]
        if i % 5 == 0 and "healthStatus" in task:
            task["healthStatus"] = "HEALTHY"
    account.service("empty", "fresh", tag_list=ecs_account.tags(new="yes"))
    account.task("empty", "service:fresh", [account.eni(public="54.9.0.1")])
    for service in account.doc["services"][:5]:
        service["status"] = "DRAINING"
    return account


def find_prometheus(directory):
    """A Prometheus that knows ecs_sd_configs, or None with the reason told."""
    path = os.environ.get("PROMETHEUS3")
    if not path:
        found = subprocess.run([os.path.join(h.ROOT, "tests", "lib", "peers.sh"), "prometheus3"], stdout=subprocess.PIPE,
                               universal_newlines=True)
        path = found.stdout.strip() if found.returncode == 0 else None
    if not path:
        return None, "a Prometheus 3 cannot be had"
    said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True).stdout
    version = re.search(r"version (\d+)\.(\d+)", said)
    if version and (int(version.group(1)), int(version.group(2))) < (3, 8):
        return None, "Prometheus %s has no ecs_sd_configs (3.8 and newer do)" % version.group(0).split()[1]
    return path, ""


def start_prometheus(path, directory, jobs, endpoint):
    port = h.free_port()
    argv = [path, "--agent", "--config.file=" + directory.file("prometheus.yml", config(jobs, endpoint)),
            "--web.listen-address=127.0.0.1:%d" % port,
            "--storage.agent.path=" + os.path.join(directory.path, "prometheus-data")]
    process = h.Process("prometheus", argv, directory,
                        env={"AWS_ENDPOINT_URL_EC2": endpoint, "AWS_REGION": ecs_account.REGION})
    process.base = "http://127.0.0.1:%d" % port
    return process


def no_more_than_ours(directory, receiver, endpoint):
    """Where Prometheus ends with a panic, or leaves a task out: names of clusters, fields that are missing, tasks
    that have only an IPv6 address."""
    account = ecs_account.Account()
    c = account.cluster("bare")
    account.task(c, None, [account.eni(ipv4="10.9.0.1")], taskDefinitionArn=None, availabilityZone=None,
                 lastStatus=None, launchType=None, healthStatus=None)
    account.task(c, "group-without-a-colon", [account.eni(ipv4="10.9.0.2")])
    six = account.task(c, "family:six", [account.eni(ipv4=None, ipv6="2001:db8::6")])
    account.cluster("other")
    account.task("other", "family:other", [account.eni()])
    put(receiver, account)
    jobs = {"by name": (["bare"], "ecs", PORT), "by ARN": ([ecs_account.ARN + "cluster/bare"], "ecs", PORT)}
    expected = {}
    for name in jobs:
        model = modelled(account, {name: ([ecs_account.ARN + "cluster/bare"], "ecs", PORT)})[name]
        labels = dict(json.loads(next(t for t in model if "10.9.0.2" in t)))
        eni = {d["name"]: d["value"] for d in six["attachments"][0]["details"]}
        labels.update({"__address__": "[2001:db8::6]:%d" % PORT, "__meta_ecs_ip_address": "2001:db8::6",
                       "__meta_ecs_task_arn": six["taskArn"], "__meta_ecs_task_group": "family:six",
                       "__meta_ecs_subnet_id": eni["subnetId"]})
        expected[name] = sorted(model + [json.dumps(labels, sort_keys=True)])
    env = {"AWS_ENDPOINT_URL_EC2": endpoint, "AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY}
    with h.Agent(directory, config(jobs, endpoint, keys=False), name="bare", env=env) as agent:
        agent.wait_ready(30)
        if reaches("ampagent, fields that are missing", agent.base, jobs, expected):
            print("%d targets of fields that are missing" % sum(map(len, expected.values())))


SELECTORS = """
    services:
    - {name_pattern: ^web$, container_name_pattern: app, metrics_ports: [8080, 9001], job_name: from-service}
    task_definitions:
    - {arn_pattern: 'task-definition/(six|web-.*):', metrics_ports: [8080], metrics_path: /by-definition}
    docker_labels: [{}]
"""


def ports_that_are_chosen(directory, receiver, endpoint):
    """Selectors, in each network mode: addresses, paths and jobs, and the containers' labels."""
    account = ecs_account.Account()
    c = account.cluster("modes")
    account.service(c, "web")
    labelled = {"ECS_PROMETHEUS_EXPORTER_PORT": "9404", "ECS_PROMETHEUS_METRICS_PATH": "/labelled", "a.b/c": "d"}
    containers = {"app": ([{"containerPort": 8080, "protocol": "tcp"}, {"containerPort": 8080, "protocol": "udp"},
                           {"containerPortRange": "9000-9003", "protocol": "tcp"}], {}),
                  "java": ([{"containerPort": 9404}], dict(labelled, ECS_PROMETHEUS_JOB_NAME="jmx"))}
    bound = [{"name": "java", "networkBindings": [{"bindIP": "0.0.0.0", "containerPort": 9404, "hostPort": 49200}]},
             {"name": "app", "networkBindings": [
                 {"bindIP": "0.0.0.0", "containerPort": 8080, "hostPort": 32001, "protocol": "udp"},
                 {"bindIP": "0.0.0.0", "containerPort": 8080, "hostPort": 32768, "protocol": "tcp"},
                 {"bindIP": "0.0.0.0", "containerPortRange": "9000-9003", "hostPortRange": "40000-40003"}]}]
    host = account.instance(c, "h", privateIpAddress="10.1.1.1")
    outside = account.instance(c, "outside", instanceId="mi-0123456789abcdef0")
    account.doc["instances"].pop()
    for mode in ("awsvpc", "bridge", "host", ""):
        account.definition("web-" + (mode or "unset"), mode, containers)
    account.definition("six", "awsvpc", {"only": ([{"containerPort": 8080}], labelled)})
    account.definition("quiet", "awsvpc", {"only": ([{"containerPort": 8080}], {})})
    account.task(c, "service:web", [account.eni("10.2.2.2")], definition="web-awsvpc:1")
    account.task(c, "service:web", host=host, definition="web-bridge:1", containers=bound)
    account.task(c, "service:web", host=host, definition="web-host:1")
    account.task(c, "service:web", host=outside, definition="web-unset:1", containers=bound, launchType="EXTERNAL")
    account.task(c, "family:six", [account.eni(None, ipv6="2001:db8::6")], definition="six:1", startedBy="somebody")
    account.task(c, "family:quiet", [account.eni("10.2.2.3")], definition="quiet:1")
    put(receiver, account)
    expected = sorted(
        (address, path, job, container, port)
        for ip, ports in (("10.2.2.2", (8080, 9001, 9404)), ("10.1.1.1", (32768, 40001, 49200)),
                          ("10.1.1.1", (8080, 9001, 9404)))
        for address, path, job, container, port in (
            ("%s:%d" % (ip, ports[0]), "/metrics", "from-service", "app", "8080"),
            ("%s:%d" % (ip, ports[0]), "/by-definition", "chosen", "app", "8080"),
            ("%s:%d" % (ip, ports[1]), "/metrics", "from-service", "app", "9001"),
            ("%s:%d" % (ip, ports[2]), "/labelled", "jmx", "java", "9404")))
    expected += [("[2001:db8::6]:8080", "/by-definition", "chosen", "only", "8080"),
                 ("[2001:db8::6]:9404", "/labelled", "chosen", "only", "9404")]
    text = config({"chosen": (None, "ecs", 80)}, endpoint, more=SELECTORS.lstrip("\n"))
    env = {"AWS_ENDPOINT_URL_EC2": endpoint}
    with h.Agent(directory, text, name="chosen", env=env) as agent:
        agent.wait_ready(30)
        last = {}

        def same():
            last["targets"] = [json.loads(t) for v in discovered(agent.base).values() for t in v]
            last["got"] = sorted((t["__address__"], t["__metrics_path__"], t["job"], t["__meta_ecs_container_name"],
                                  t["__meta_ecs_container_port"]) for t in last["targets"])
            return last["got"] == sorted(expected)
        h.wait_for(same, 30, "the ports that are chosen")
        for only, what in ((set(last["got"]) - set(expected), "discovered"), (set(expected) - set(last["got"]), "expected")):
            h.check(not only, "only %s: %s" % (what, sorted(only)))
        six = [t for t in last["targets"] if t["__address__"] == "[2001:db8::6]:9404"]
        wanted = {"container_label_a_b_c": "d", "container_label_ECS_PROMETHEUS_EXPORTER_PORT": "9404",
                  "task_definition_family": "six", "task_definition_revision": "1", "task_started_by": "somebody",
                  "task_group": "family:six", "network_mode": "awsvpc"}
        for name, value in wanted.items():
            h.check(six and six[0].get("__meta_ecs_" + name) == value, "%s is %s: %s" % (name, value, six))
        left = {k: v for k, v in agent.metrics().items() if k.startswith("ampagent_ecs_sd_left_out")}
        # The task outside of EC2: 8080 at two paths, 9001, and 9404 by its label.
        h.check(left.get('ampagent_ecs_sd_left_out{config="chosen",reason="no_address"}') == 4
                and sum(left.values()) == 4 and len(left) == 4, "what is left out is counted: %s" % left)
        print("%d ports that are chosen" % len(last["got"]))


def main():
    with h.Dir() as d, h.Receiver(d, "--aws", "--aws-api-rate=0") as receiver:
        endpoint = "http://127.0.0.1:%d" % receiver.port
        account = ecs_account.whole()
        jobs = jobs_of(account)
        expected = modelled(account, jobs)
        h.check(len(account.doc["clusters"]) >= 12, "twelve shapes or more")
        put(receiver, account)
        path, why = find_prometheus(d)
        with h.Agent(d, config(jobs, endpoint), env={"AWS_ENDPOINT_URL_EC2": endpoint}) as agent:
            prometheus = start_prometheus(path, d, jobs, endpoint) if path else None
            agent.wait_ready(30)
            if reaches("ampagent", agent.base, jobs, expected):
                print("ampagent: %d targets of %d jobs" % (sum(map(len, expected.values())), len(jobs)))
            if prometheus and not h.wait_for(lambda: not prometheus.running() or h.get(prometheus.base + "/-/ready"), 30,
                                             "Prometheus is ready"):
                prometheus.stop()
            if prometheus and not prometheus.running() and "ecs_sd_configs not found" in prometheus.log():
                prometheus, why = None, "this Prometheus was built without ecs_sd_configs"
            if prometheus and reaches("prometheus", prometheus.base, jobs, expected):
                print("prometheus: the same")
            account = changed(account)
            expected = modelled(account, jobs)
            put(receiver, account)
            if reaches("ampagent, changed", agent.base, jobs, expected):
                print("ampagent: %d targets after the change" % sum(map(len, expected.values())))
            if prometheus:
                if reaches("prometheus, changed", prometheus.base, jobs, expected):
                    print("prometheus: the same")
                prometheus.stop()
        no_more_than_ours(d, receiver, endpoint)
        ports_that_are_chosen(d, receiver, endpoint)
    if not path or why:
        if h.failed():
            h.finish()
        h.skip(why)


main()
h.finish()
