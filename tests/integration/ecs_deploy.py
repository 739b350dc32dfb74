#!/usr/bin/python3
"""Every file of deploy/ecs, parsed and held against what the program accepts.

Task definitions are checked by botocore's model of RegisterTaskDefinition, variables by the program's
own table, configurations by check-config, policies by the calls there are, the image by what the
program links to.
"""
import glob
import json
import os
import re
import subprocess

import extras
import harness as h

try:
    import botocore.session
    import botocore.validate
    import yaml
except ImportError:
    h.skip("the Debian packages python3-botocore and python3-yaml are not installed")

DEPLOY = os.path.join(h.ROOT, "deploy", "ecs")
# What ECS has learnt since Debian's botocore.
YOUNG = {"restartPolicy"}
HEALTH = ["CMD", "/usr/bin/ampagent", "health"]


def text(*path):
    with open(os.path.join(h.ROOT, *path)) as f:
        return f.read()


def run(*argv, **kwargs):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, **kwargs)


def variables():
    """The names that docs/CONFIG.md, as the program prints it, has in its section Environment, and
    those of flags."""
    docs = run(h.AMPAGENT, "docs", "config").stdout
    names = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", docs[docs.index("## Environment"):], re.M))
    flags = re.findall(r"--([a-z0-9.-]+)", run(h.AMPAGENT, "--help").stdout)
    names |= {"AMPAGENT_" + re.sub("[.-]", "_", f).upper() for f in flags}
    h.check("AMPAGENT_REMOTE_WRITE_URL" in names and "AMPAGENT_WEB_LISTEN_ADDRESS" in names,
            "the program tells its variables")
    return names | {"AMPAGENT_CONFIG_CONTENT"}


NAMES = variables()


def check_names(where, content):
    used = set(re.findall(r"\bAMPAGENT_[A-Z0-9_]+\b", content))
    for name in used - NAMES:
        h.check(False, "%s: the program reads no %s" % (where, name))


# --- task definitions ---

def shape():
    session = botocore.session.get_session()
    model = session.get_service_model("ecs")
    return model.operation_model("RegisterTaskDefinition").input_shape


SHAPE = shape()


def check_definition(where, definition):
    known = SHAPE.members["containerDefinitions"].member.members
    for c in definition["containerDefinitions"]:
        for key in YOUNG - set(known):
            c.pop(key, None)
    report = botocore.validate.ParamValidator().validate(definition, SHAPE)
    h.check(not report.has_errors(), "%s: %s" % (where, report.generate_report()))
    agents = [c for c in definition["containerDefinitions"] if c["name"] == "ampagent"]
    h.check(len(agents) == 1, where + ": one container is the agent")
    check_agent(where, agents[0], definition)


def check_agent(where, c, definition):
    health = c["healthCheck"]
    h.check(health["command"] == HEALTH, where + ": the health check is the agent's own")
    h.check(2 <= health["timeout"] < health["interval"], where + ": the health check's times")
    h.check(30 <= c["stopTimeout"] <= 120, where + ": stopTimeout leaves the agent its time")
    h.check("dependsOn" not in c, where + ": the agent stops with the others")
    volumes = {v["name"] for v in definition.get("volumes", [])}
    h.check({m["sourceVolume"] for m in c["mountPoints"]} <= volumes, where + ": its volume is there")
    for variable in c.get("environment", []) + c.get("secrets", []):
        h.check(variable["name"] in NAMES, "%s: the program reads no %s" % (where, variable["name"]))
    environment = {v["name"]: v["value"] for v in c.get("environment", [])}
    if "AMPAGENT_REMOTE_WRITE_URL" in environment:
        check_environment(where, environment)


def check_environment(where, environment):
    """The program takes it, as in a task."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AMPAGENT_", "ECS_"))}
    env.update(environment, ECS_CONTAINER_METADATA_URI_V4="http://127.0.0.1:1/v4/x",
               AWS_EC2_METADATA_DISABLED="true")
    with h.Dir() as d:
        done = run(h.AMPAGENT, "check-config", "--print", env=env, cwd=d.path)
    h.check(done.returncode == 0 and environment["AMPAGENT_REMOTE_WRITE_URL"] in done.stdout
            and "ecs_task_sd_configs" in done.stdout, "%s: check-config: %s" % (where, done.stdout))


def task_definitions():
    files = sorted(glob.glob(os.path.join(DEPLOY, "task-definition-*.json")))
    h.check(len(files) >= 3, "there are task definitions")
    for path in files:
        check_definition(os.path.basename(path), json.loads(text(path)))


# --- CloudFormation and Terraform ---

class Tagged(yaml.SafeLoader):
    """!Sub and !Ref become their text, !GetAtt too."""


Tagged.add_multi_constructor("!", lambda loader, tag, node: loader.construct_scalar(node))


def camel(value):
    """CloudFormation's names as the API has them; keys of maps of the user stay."""
    if isinstance(value, list):
        return [camel(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k[:1].lower() + k[1:]: v if k in ("DockerLabels", "Options") else camel(v) for k, v in value.items()}


def cloudformation():
    where = "cloudformation.yaml"
    content = text(DEPLOY, where)
    template = yaml.load(content, Tagged)
    kinds = {name: r["Type"] for name, r in template["Resources"].items()}
    definition = camel(template["Resources"]["TaskDefinition"]["Properties"])
    for c in definition["containerDefinitions"]:
        for port in c.get("portMappings", []):
            port["containerPort"] = 8080
        for label in c.get("dockerLabels", {}):
            c["dockerLabels"][label] = "8080"
        for v in c.get("environment", []):
            v["value"] = re.sub(r"\$\{AWS::URLSuffix\}", "amazonaws.com", re.sub(
                r"\$\{AWS::Region\}", "eu-west-1", v["value"].replace("${WorkspaceId}", h.WORKSPACE)))
    check_definition(where, definition)
    for name in re.findall(r"!(?:Ref|GetAtt) ([A-Za-z]+)", content) + re.findall(r"\$\{([A-Za-z]+)\}", content):
        h.check(name in template["Parameters"] or name in kinds or name == "AWS", "%s: there is no %s" % (where, name))
    if extras.python_package("cfn-lint", "cfnlint"):
        done = run("python3", "-c", "from cfnlint.runner import main; main()", os.path.join(DEPLOY, where),
                   env=dict(os.environ, PYTHONPATH=os.path.join(extras.PEERS, "python-cfn-lint")))
        h.check(done.returncode == 0, "cfn-lint: " + done.stdout[-2000:])
    else:
        print("skipped: cfn-lint")


def terraform():
    path = os.path.join(DEPLOY, "terraform", "main.tf")
    content = text(path)
    check_names("main.tf", content)
    h.check(", ".join('"%s"' % w for w in HEALTH) in content, "main.tf: the health check is the agent's own")
    for name in re.findall(r"\bvar\.([a-z_]+)", content):
        h.check('variable "%s"' % name in content, "main.tf: there is no variable " + name)
    if not extras.python_package("python-hcl2", "hcl2"):
        print("skipped: python-hcl2")
        return
    import hcl2
    with open(path) as f:
        parsed = hcl2.load(f)
    kinds = [k.strip('"') for r in parsed["resource"] for k in r]
    h.check("aws_ecs_task_definition" in kinds and "aws_iam_role_policy" in kinds, "main.tf: %s" % kinds)


# --- policies ---

def actions_called():
    """The calls of the product's sources: Service:Action."""
    source = "".join(text(p) for p in glob.glob(os.path.join(h.ROOT, "ecs_discovery", "*.[ch]")))
    return set(re.findall(r'"((?:List|Describe)[A-Z][A-Za-z]+)"', source))


def policies():
    session = botocore.session.get_session()
    known = {s: set(session.get_service_model(s).operation_names) for s in ("ecs", "ec2")}
    found = {}
    for path in sorted(glob.glob(os.path.join(DEPLOY, "iam", "*.json"))):
        name, policy = os.path.basename(path), json.loads(text(path))
        h.check(policy["Version"] == "2012-10-17", name + ": its version")
        found[name] = set()
        for s in policy["Statement"]:
            h.check(s["Effect"] == "Allow" and set(s) <= {"Sid", "Effect", "Action", "Resource", "Condition",
                                                          "Principal"}, "%s: %s" % (name, s))
            found[name] |= {s["Action"]} if isinstance(s["Action"], str) else set(s["Action"])
    for name, actions in found.items():
        for action in actions:
            service, operation = action.split(":")
            h.check(action in ("aps:RemoteWrite", "sts:AssumeRole") or operation in known.get(service, ()),
                    "%s: there is no action %s" % (name, action))
    called = actions_called()
    for name, without in (("all-clusters.json", set()), ("cluster-discovery.json", {"ListClusters"})):
        allowed = {a.split(":")[1] for a in found[name]}
        h.check(allowed == called - without, "%s: allowed but not called %s, called but not allowed %s"
                % (name, sorted(allowed - called), sorted(called - without - allowed)))
    h.check(found["remote-write.json"] == {"aps:RemoteWrite"}, "remote-write.json allows one thing")


# --- configuration, image, pages ---

def configurations():
    for path in glob.glob(os.path.join(DEPLOY, "*.yml")):
        done = run(h.AMPAGENT, "check-config", path)
        h.check(done.returncode == 0, "%s: %s" % (path, done.stdout))


def packages_of_libraries():
    """The Debian packages that the program's libraries come from; None where dpkg does not know."""
    linked = re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", h.AMPAGENT).stdout)
    out = set()
    for line in run("ldd", h.AMPAGENT).stdout.splitlines():
        m = re.match(r"\s*(\S+) => (\S+)", line)
        if not m or m.group(1) not in linked or re.search(r"asan|ubsan|tsan", m.group(1)):
            continue
        for path in (m.group(2), os.path.realpath(m.group(2)), m.group(2).replace("/lib/", "/usr/lib/", 1)):
            done = run("dpkg", "-S", path)
            if done.returncode == 0:
                out.add(done.stdout.split(":")[0])
                break
        else:
            return None
    return out


def image():
    content = text(DEPLOY, "Dockerfile")
    build, final = content.split("\nFROM ")[-2:]
    listed = set(re.findall(r"[a-z][a-z0-9.+-]+", re.search(r"recommends \\\n(.*?)\nCOPY", build, re.S).group(1)))
    wanted = set(re.search(r"^BUILD_PACKAGES=\((.*?)\)", text("dev"), re.S | re.M).group(1).split())
    listed.discard("python3")
    missing = wanted - listed - {"python3", "libcmocka-dev", "ca-certificates", "openssl"}
    h.check(not missing and listed <= wanted, "Dockerfile builds with %s; missing %s"
            % (sorted(listed - wanted), sorted(missing)))
    libraries = packages_of_libraries()
    if libraries is None:
        print("skipped: dpkg does not know the libraries")
        return
    there = set(re.findall(r"[a-z][a-z0-9.+-]+", re.search(r"recommends \\\n(.*?)&&", final, re.S).group(1)))
    libraries -= {"libc6", "libgcc-s1", "libstdc++6"}
    h.check(libraries <= there, "Dockerfile: these libraries' packages are missing: %s" % sorted(libraries - there))
    h.check(there <= libraries | {"ca-certificates"}, "Dockerfile: not needed: %s" % sorted(there - libraries))


def pages():
    for page in ("docs/ECS.md", "docs/REPLACE_ADOT.md", "README.md"):
        content = text(page)
        check_names(page, content)
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", content):
            if "://" not in link:
                h.check(os.path.exists(os.path.join(h.ROOT, os.path.dirname(page), link)),
                        "%s: there is no %s" % (page, link))
    shown = json.loads(re.search(r"```json\n(.*?)```", text("docs", "ECS.md"), re.S).group(1))
    fargate = json.loads(text(DEPLOY, "task-definition-fargate.json"))
    h.check(shown in fargate["containerDefinitions"], "docs/ECS.md shows the container of the task definition")
    schema = text("docs", "CONFIG.md")
    keys = set(re.findall(r"^\| `([a-z_0-9]+)` \|", schema, re.M))
    rows = text("docs", "REPLACE_ADOT.md")
    for key in ("name_pattern", "arn_pattern", "container_name_pattern", "metrics_ports", "metrics_path",
                "job_name", "port_label", "metrics_path_label", "job_name_label", "clusters", "region",
                "refresh_interval", "task_metrics", "role_arn", "external_id"):
        h.check(key in keys and key in rows, "the key %s is documented and mapped" % key)


task_definitions()
cloudformation()
terraform()
policies()
configurations()
image()
pages()
h.finish()
