"""A sidecar without a file: a destination in the environment is enough. What is found and scraped then, whole files in
a variable, ADOT's variables, flags by the environment, what is refused and how, and the stop within ECS' 30 seconds.
In a network of its own, as the default ports of ECS are part of it."""
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.request

import harness as h
import namespace

LONG_S = 40
TASK_ID = "1f2e3d4c5b6a79880123456789abcdef"
DEFAULT = "http://127.0.0.1:19090"


def container(name, number, labels):
    labels = dict(labels, **{"com.amazonaws.ecs.container-name": name})
    return {"DockerId": "%s-%d" % (TASK_ID, number), "Name": name, "DockerName": name, "Image": name + ":1",
            "Labels": labels, "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": 2},
            "Type": "NORMAL", "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.2.106"]}]}


def task(*containers):
    return {"Cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/blue",
            "TaskARN": "arn:aws:ecs:eu-west-1:123456789012:task/blue/" + TASK_ID, "Family": "shop", "Revision": "3",
            "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": 0.25, "Memory": 512},
            "AvailabilityZone": "eu-west-1a", "LaunchType": "FARGATE",
            "Containers": [container("ampagent", 1, {})] + list(containers)}


def put(receiver, path, document):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (receiver.port, path), method="PUT",
                                     data=json.dumps(document).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def task_environment(receiver, **more):
    """What ECS sets in a container, with the stand-in in its place, and the one variable."""
    base = "http://127.0.0.1:%d" % receiver.port
    return dict({"ECS_CONTAINER_METADATA_URI_V4": base + "/v4/x",
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/v2/credentials/x",
                 "AWS_REGION": h.REGION,
                 "AMPAGENT_REMOTE_WRITE_URL": receiver.url,
                 # Only the stand-in needs it: it has none of AMP's names.
                 "AMPAGENT_SIGV4": "true"}, **more)


class Bare(h.Process):
    """The agent with nothing on its command line but what is given."""

    def __init__(self, directory, env, *flags, name="agent", base=DEFAULT):
        super().__init__(name, [h.AMPAGENT] + list(flags), directory, env)
        self.base = base

    def api(self, path):
        return h.get_json(self.base + "/api/v1/" + path)["data"]

    def targets(self):
        return {t["scrapeUrl"]: t for t in self.api("targets")["activeTargets"]}


def run(directory, env, *argv):
    """Exit code and what is printed."""
    process = h.Process("command", [h.AMPAGENT] + list(argv), directory, env)
    os.truncate(process.log_path, 0)
    code = process.popen.wait(30)
    return code, process.log()


def series(receiver, name):
    lines = h.get("http://127.0.0.1:%d/series?match=%s" % (receiver.port, name)).decode().splitlines()
    return [json.loads(line) for line in lines]


def last_line(agent):
    lines = [line for line in agent.log().splitlines() if 'msg="stopped' in line]
    return lines[-1] if lines else ""


def one_variable():
    """The purpose: one container definition and one variable."""
    with h.Dir() as d, h.Pages({"/metrics": b"# TYPE shop_orders counter\nshop_orders_total 7\n"}) as app, \
            h.Receiver(d, "--aws", "--region=" + h.REGION, signed=False) as receiver:
        labelled = container("web", 2, {"prometheus.io/scrape": "true", "prometheus.io/port": str(app.port)})
        put(receiver, "/aws/task", task(labelled, container("cache", 3, {})))
        with Bare(d, task_environment(receiver)) as agent:
            h.wait_for(lambda: h.get(DEFAULT + "/-/ready"), LONG_S, "it is ready on ECS' address")
            h.wait_for(lambda: len(series(receiver, "shop_orders_total")) == 1, LONG_S, "the app's metrics arrive")
            labels = series(receiver, "shop_orders_total")[0]["labels"]
            h.check(labels.get("job") == "shop", "the family is the job: %s" % labels)
            h.check(TASK_ID in labels.get("instance", ""), "the instance tells tasks apart: %s" % labels)
            h.check(set(agent.targets()) == {"http://%s/metrics" % app.address, DEFAULT + "/ecs/metrics"},
                    "what is scraped: %s" % list(agent.targets()))
            h.wait_for(lambda: series(receiver, "up") and len(series(receiver, "up")) == 2, LONG_S, "both are up")
            log = agent.log()
            h.check('msg="configuration loaded" from="the environment"' in log, "it says where from")
            h.check("listen=127.0.0.1:19090" in log and "--web.listen-address or AMPAGENT_WEB_LISTEN_ADDRESS" in log,
                    "it says where it listens")
            h.check("a stop takes at most 25s" in log and "WARN" not in log, "and how long a stop takes:\n" + log)
            flags = agent.api("status/flags")
            h.check(flags["web.listen-address"] == "127.0.0.1:19090" and flags["config.file"] == "", "flags: %s" % flags)
            h.check("ecs_task_sd_configs" in agent.api("status/config")["yaml"], "the configuration is shown")
            code, said = run(d, task_environment(receiver), "health")
            h.check(code == 0 and said == "healthy: 127.0.0.1:19090\n", "health: %d %s" % (code, said))
            # The last value is scraped when it stops.
            app.pages["/metrics"] = b"# TYPE shop_orders counter\nshop_orders_total 8\n"
            h.check(agent.stop() == 0, "exit 0 within ECS' 30 s")
            value = series(receiver, "shop_orders_total")[0]["last_value"]
            h.check(value == 8 and "everything is delivered" in last_line(agent), "the last value: %s" % value)
            h.check(receiver.stats()["answered_403"] == 0, "signed with the task's role")


def targets_come_later():
    """Nobody is up when the agent starts: no error, and the next turn finds them."""
    port = h.free_port()
    with h.Dir() as d, h.Receiver(d, "--aws", "--region=" + h.REGION, signed=False) as receiver:
        receiver.switch(aws_task_down=1)
        env = task_environment(receiver, AMPAGENT_TARGETS="127.0.0.1:%d" % port, AMPAGENT_SCRAPE_INTERVAL="1s")
        with Bare(d, env) as agent:
            h.wait_for(lambda: h.get(DEFAULT + "/-/ready"), LONG_S, "it starts without targets and without metadata")
            with h.Pages({"/metrics": b"late 1\n"}, port=port):
                receiver.switch(aws_task_down=0)
                h.wait_for(lambda: series(receiver, "late"), LONG_S, "the target is scraped as soon as it is there")
                labels = series(receiver, "late")[0]["labels"]
                h.check(labels["job"] == "app" and TASK_ID not in str(labels), "labels: %s" % labels)
                h.check(labels["instance"].endswith(":%d" % port) and "127.0.0.1" not in labels["instance"],
                        "no loopback address as instance: %s" % labels)
            h.check(agent.stop() == 0, "exit 0")
        h.check("level=ERROR" not in agent.log().replace("ecs_watch", ""), "nothing is an error: " + agent.log())


def a_dead_endpoint(d):
    """Begun first, looked at last: a stop with the default deadline and nobody to deliver to."""
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    dead.listen(50)
    pages = h.Pages({"/metrics": b"a 1\n"})
    env = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:%d/v4/x" % h.free_port(),
           "AMPAGENT_REMOTE_WRITE_URL": "http://127.0.0.1:%d/push" % dead.getsockname()[1],
           "AMPAGENT_TARGETS": pages.address, "AMPAGENT_SCRAPE_INTERVAL": "1s", "AMPAGENT_IDENTITY": "off",
           "AMPAGENT_TASK_METRICS": "off", "AMPAGENT_ECS_DISCOVERY": "false",
           "AMPAGENT_STORAGE_AGENT_PATH": os.path.join(d.path, "dead-data"),
           "AMPAGENT_WEB_LISTEN_ADDRESS": "127.0.0.1:18999"}
    agent = Bare(d, env, name="dead", base="http://127.0.0.1:18999")
    h.wait_for(lambda: agent.api("ledger")["headSequence"] >= 5, LONG_S, "samples wait for a dead endpoint")
    code, said = run(d, env, "health")
    h.check(code == 0, "it is healthy all the same: " + said)
    ended = {}

    def wait():
        begun = time.time()
        agent.popen.send_signal(signal.SIGTERM)
        ended.update(code=agent.popen.wait(60), took=time.time() - begun)

    watcher = threading.Thread(target=wait)
    watcher.start()
    agent.keep = dead, pages
    return agent, watcher, ended


def the_dead_endpoint_ended(agent, watcher, ended):
    watcher.join(70)
    h.check(ended.get("code") == 0 and ended["took"] < 30, "it ends within ECS' 30 s: %s" % ended)
    line = last_line(agent)
    h.check("left=" in line and "samples" in line and "flush deadline passed" in line, "what is left is told: " + line)


def a_file_in_a_variable():
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as pages, h.Receiver(d) as receiver:
        d.file("targets.json", '[{"targets": ["%s"]}]' % pages.address)
        content = ("global: {scrape_interval: 1s}\nscrape_configs:\n"
                   "- job_name: inline\n  file_sd_configs: [{files: [targets.json]}]\n"
                   "remote_write:\n" + receiver.config())
        env = {"AMPAGENT_CONFIG_CONTENT": content, "AMPAGENT_TARGETS": "127.0.0.1:1",
               "AMPAGENT_CONFIG_AUTO_RELOAD": "true", "AMPAGENT_CONFIG_AUTO_RELOAD_INTERVAL": "1s",
               "AMPAGENT_LOG_FORMAT": "json", "AMPAGENT_WEB_LISTEN_ADDRESS": "127.0.0.1:18998"}
        with Bare(d, env, "--web.listen-address=127.0.0.1:18997", base="http://127.0.0.1:18997") as agent:
            h.wait_for(lambda: series(receiver, "a"), LONG_S, "the file's targets are scraped")
            h.check(series(receiver, "a")[0]["labels"]["job"] == "inline", "by the job in the variable")
            logged = [json.loads(line) for line in agent.log().splitlines()]
            h.check(any(l["msg"] == "configuration loaded" and l["from"] == "AMPAGENT_CONFIG_CONTENT" for l in logged),
                    "the log, JSON by a variable, says where from")
            h.check(any("AMPAGENT_TARGETS has no effect" in l["msg"] for l in logged), "what does not count is told")
            flags = agent.api("status/flags")
            h.check(flags["log.format"] == "json" and flags["config.auto-reload"] == "true"
                    and flags["web.listen-address"] == "127.0.0.1:18997", "flags in effect: %s" % flags)
            agent.popen.send_signal(signal.SIGHUP)
            h.wait_for(lambda: "stays until the next start" in agent.log() and "configuration reloaded" in agent.log(),
                       LONG_S, "a reload says what it cannot do")
            h.check(agent.stop() == 0, "exit 0")
            h.check("cannot be looked at" not in agent.log(), "auto-reload leaves it alone")
        shown = run(d, {"AMPAGENT_CONFIG_CONTENT": content}, "check-config", "--print")
        h.check(shown[0] == 0 and "job_name: inline" in shown[1] and h.SECRET_KEY not in shown[1],
                "printed without secrets: %s" % (shown,))
        h.check(run(d, {"AMPAGENT_CONFIG_CONTENT": content}, "check-config")[0] == 0, "and checked")
        checked = run(d, {"AMPAGENT_CONFIG_CONTENT": content}, "doctor")
        h.check(checked[0] == 0 and "AMPAGENT_CONFIG_CONTENT: 1 destination" in checked[1], "the doctor: " + checked[1])


def adot_names():
    """The variables of ADOT's default configuration for ECS mean the same here."""
    with h.Dir() as d, h.Pages({"/metrics": b"from_adot 1\n"}) as app, h.Receiver(d, "--aws", "--region=" + h.REGION, signed=False) as receiver:
        put(receiver, "/aws/task", task())
        env = task_environment(receiver, AWS_PROMETHEUS_ENDPOINT=receiver.url, AMPAGENT_REMOTE_WRITE_URL=None,
                               AWS_PROMETHEUS_SCRAPING_ENDPOINT="0.0.0.0:%d" % app.port,
                               AOT_CONFIG_CONTENT="receivers: {}", AMPAGENT_TASK_METRICS="adot")
        with Bare(d, env) as agent:
            h.wait_for(lambda: series(receiver, "from_adot"), LONG_S, "the target of ADOT's variable is scraped")
            labels = series(receiver, "from_adot")[0]["labels"]
            h.check(TASK_ID in labels["instance"], "0.0.0.0 is no instance: %s" % labels)
            h.wait_for(lambda: any("names=adot" in url for url in agent.targets()), LONG_S, "task metrics by ADOT's names")
            log = agent.log()
            h.check("AOT_CONFIG_CONTENT holds a configuration of ADOT's" in log
                    and "AMPAGENT_CONFIG_CONTENT takes a prometheus.yml" in log, "ADOT's configuration: told")


def refusals():
    ecs = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1/v4/x"}
    url = {"AMPAGENT_REMOTE_WRITE_URL": "http://127.0.0.1:9/push"}
    target = {"AMPAGENT_TARGETS": "127.0.0.1:1"}
    cases = [  # environment, what is said
        ({}, "there is no configuration: no --config.file"),
        (dict(ecs, **target), "AMPAGENT_REMOTE_WRITE_URL, AMPAGENT_WORKSPACE_ID or AWS_PROMETHEUS_ENDPOINT"),
        (dict(ecs, AOT_CONFIG_CONTENT="x"), "AOT_CONFIG_CONTENT is ADOT's and not understood"),
        (url, "there is nothing to scrape: set AMPAGENT_TARGETS"),
        (dict(url, AMPAGENT_TARGETS="app"), "AMPAGENT_TARGETS: \\\"app\\\": write host:port"),
        (dict(target, AMPAGENT_WORKSPACE_ID="ws-1"), "AMPAGENT_WORKSPACE_ID: the region is missing"),
        (dict(target, AMPAGENT_WORKSPACE_ID="ws-1", AWS_REGION="eu-west-1"), "AMPAGENT_WORKSPACE_ID: A workspace's ID"),
        (dict(target, AMPAGENT_REMOTE_WRITE_URL="https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/%s/"
              % h.WORKSPACE), "AMPAGENT_REMOTE_WRITE_URL: The URL stops after the workspace"),
        (dict(url, AMPAGENT_TARGETS="a:1", AMPAGENT_ROLE_ARN="x"), "AMPAGENT_ROLE_ARN: "),
        (dict(url, AMPAGENT_ECS_DISCOVERY="true"), "AMPAGENT_ECS_DISCOVERY: this is no ECS task"),
        (dict(ecs, AMPAGENT_ECS_PORTS="x", **url), "AMPAGENT_ECS_PORTS: \\\"x\\\" is no port"),
        ({"AMPAGENT_CONFIG_CONTENT": "global: {}\nnonsense: 1\n"}, "AMPAGENT_CONFIG_CONTENT:2:1: "),
        ({"AMPAGENT_CONFIG_FILE": "missing.yml"}, "cannot open missing.yml"),
    ]
    with h.Dir() as d:
        for env, say in cases:
            code, said = run(d, env)
            h.check(code == 2 and say in said, "%s: %d %s" % (env, code, said))
            plain = say.replace("\\\"", '"')
            code, said = run(d, env, "check-config")
            h.check(code == (2 if "there is no configuration" in said else 1) and plain in said, "check-config, %s: %d %s" % (env, code, said))
            code, said = run(d, env, "doctor")
            h.check(code == 10 and plain in re.sub(r"\s+", " ", said), "doctor, %s: %d %s" % (env, code, said))
        for env, code, say in (
                ({"AMPAGENT_LOG_LEVEL": "loud"}, 2, 'AMPAGENT_LOG_LEVEL: --log.level: "loud" is not'),
                ({"AMPAGENT_MEMORY_LIMIT": "much"}, 2, 'AMPAGENT_MEMORY_LIMIT: --memory.limit: not a size'),
                ({"AMPAGENT_STORAGE_REMOTE_FLUSH_DEADLINE": "x"}, 2,
                 'AMPAGENT_STORAGE_REMOTE_FLUSH_DEADLINE: not a duration: "x"'),
                ({"AMPAGENT_WEB_ENABLE_LIFECYCLE": "1"}, 2, "AMPAGENT_WEB_ENABLE_LIFECYCLE takes true or false"),
                ({"AMPAGENT_QUERY_TIMEOUT": "1m"}, 3, "AMPAGENT_QUERY_TIMEOUT: belongs to Prometheus's server mode")):
            got = run(d, env)
            h.check(got[0] == code and say in got[1], "%s: %s" % (env, got))
        code, said = run(d, dict(url, AMPAGENT_TARGETS="127.0.0.1:1"), "--config.file=missing.yml")
        h.check(code == 2 and "cannot open missing.yml" in said, "a file that is asked for must be there: " + said)
        code, said = run(d, dict(url, AMPAGENT_TARGETS="127.0.0.1:1", AMPAGENT_TARGTES="x"), "--log.level=warn",
                         "--storage.agent.path=/dev/null/x", "--web.listen-address=nonsense")
        h.check(code == 1 and "AMPAGENT_TARGTES: nothing reads this variable; did you mean AMPAGENT_TARGETS?" in said,
                "a name that nobody reads: " + said)
        # Somebody has the port.
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", 19090))
            taken.listen(1)
            code, said = run(d, dict(ecs, **url))
            h.check(code == 1 and "web server on 127.0.0.1:19090 (--web.listen-address or AMPAGENT_WEB_LISTEN_ADDRESS"
                    in said and "Address already in use" in said, "a taken port: %d %s" % (code, said))


def what_is_printed():
    """The text that the environment makes is a file that loads as it is."""
    env = {"AMPAGENT_REMOTE_WRITE_URL": "http://127.0.0.1:9/push", "AMPAGENT_TARGETS": "127.0.0.1:80/a\"b",
           "AMPAGENT_EXTERNAL_LABELS": "team=a $b \"c\",env=é", "AMPAGENT_SELF_METRICS": "true"}
    with h.Dir() as d:
        code, text = run(d, env, "check-config", "--print")
        h.check(code == 0 and 'external_labels:\n    team: "a $$b \\"c\\""  # AMPAGENT_EXTERNAL_LABELS' in text,
                "printed: %d %s" % (code, text))
        d.file("printed.yml", text)
        code, said = run(d, {}, "check-config", "printed.yml")
        h.check(code == 0 and "WARNING" not in said, "it loads: " + said)
        h.check(run(d, env, "check-config", "--print", "printed.yml")[0] == 2, "--print takes no file")


if __name__ == "__main__":
    why = namespace.enter(namespace.NEW_USERS | namespace.NEW_NETWORK)
    if why:
        h.skip(why)
    with h.Dir() as directory:
        dying = a_dead_endpoint(directory)
        one_variable()
        targets_come_later()
        a_file_in_a_variable()
        adot_names()
        refusals()
        what_is_printed()
        the_dead_endpoint_ended(*dying)
    h.finish()
