#!/usr/bin/python3
"""Which credentials are found in many environments, by the agent's code and by botocore: the same
source and the same keys, or both refuse. The cases, and the reasons of those in which the two are
meant to differ, are in credential_cases.py.

usage: credential_chain.py [--seed N] [--count N] [--only TEXT] [--go PROGRAM]

What the stand-in issues is new each time: compared is who was asked for which role, in which order.
--go: a program built on the AWS SDK for Go that prints access_key, secret_key, token or error as
JSON; it is held against what is expected, too.
"""
import argparse
import json
import os
import subprocess
import sys

import credential_cases as cases
import harness as h
import namespace

try:
    import botocore
    import botocore.credentials
    import botocore.session
    import botocore.tokens
except ImportError:
    h.skip("the Debian package python3-botocore is not installed")

CLI = os.environ.get("AWS_CREDENTIALS_CLI", os.path.join(h.ROOT, "build", "tests", "integration", "aws_credentials_cli"))
VERSION = tuple(int(n) for n in botocore.__version__.split(".")[:2])
LINK_LOCAL = ("169.254.170.2", "169.254.170.23", "169.254.169.254")
LIMIT_S = 90
PROCESS = {"Version": 1, "AccessKeyId": "AKPROCESS", "SecretAccessKey": "made-up/process",
           "SessionToken": "made-up-process-token"}
KNOWN = {"Version": 1, "AccessKeyId": h.ACCESS_KEY, "SecretAccessKey": h.SECRET_KEY}


# ---- the world ----

def filled(text, names):
    for name, value in names.items():
        text = text.replace("{%s}" % name, value)
    return text


class StandIn(h.Process):
    def __init__(self, directory, address, port, flags):
        self.base = "http://127.0.0.1:%d" % port
        super().__init__("receive-%d" % port, [
            h.AMPAGENT, "receive", "--aws", "--web.listen-address=" + address, "--region=" + h.REGION,
            "--access-key=" + h.ACCESS_KEY, "--secret-key=" + h.SECRET_KEY] + flags, directory)
        if not h.wait_for(self.keys, 20, "the stand-in answers"):
            print(self.log())
            h.finish()

    def keys(self):
        return h.get(self.base + "/aws/keys")

    def switch(self, name, value):
        h.get("%s/switch?%s=%s" % (self.base, name, value), data=b"")


class World:
    """Stand-ins, and the files that all cases may name."""

    def __init__(self, directory):
        self.directory = directory
        self.link_local = namespace.enter(namespace.NEW_NETWORK) == 0
        self.ipv6 = False
        if self.link_local:
            namespace.add_addresses("lo", *LINK_LOCAL)
            self.ipv6 = self._add_ipv6()
        else:
            print("without the addresses of ECS, EKS and EC2: no network of the test's own")
        self.files()
        flags = ["--aws-web-token-file=" + directory.file("web-token"), "--aws-sso-token=" + cases.SSO_TOKEN]
        self.open = self.stand_in(80 if self.link_local else h.free_port(), flags)
        self.strict = self.stand_in(h.free_port(), flags + ["--aws-container-token-file="
                                                            + directory.file("container-token")])
        self.names = {"dir": directory.path, "base": self.open.base, "strict": self.strict.base,
                      "named": self.open.base.replace("127.0.0.1", "localhost"),
                      "down": "http://127.0.0.1:%d" % h.free_port()}

    @staticmethod
    def _add_ipv6():
        try:
            namespace.add_addresses("lo", "fd00:ec2::23")
            return True
        except OSError as e:
            print("without IPv6: %s" % e)
            return False

    def stand_in(self, port, flags):
        host = "127.0.0.1" if port != 80 else "[::]" if self.ipv6 else "0.0.0.0"
        return StandIn(self.directory, "%s:%d" % (host, port), port, flags)

    def files(self):
        d = self.directory
        d.file("web-token", cases.WEB_TOKEN)
        d.file("other-token", "made-up-other-token")
        d.file("container-token", cases.CONTAINER_TOKEN)
        programs = {"give": "echo '%s'" % json.dumps(PROCESS), "give-known": "echo '%s'" % json.dumps(KNOWN),
                    "fail": "echo '%s'; exit 1" % json.dumps(PROCESS), "no-json": "echo made up",
                    "other-version": "echo '%s'" % json.dumps(dict(PROCESS, Version=2)),
                    "no-secret": "echo '%s'" % json.dumps({"Version": 1, "AccessKeyId": "AKPROCESS"}),
                    "expired": "echo '%s'" % json.dumps(dict(PROCESS, Expiration="2020-01-01T00:00:00Z"))}
        for name, line in programs.items():
            os.chmod(d.file(name, "#!/bin/sh\n%s\n" % line), 0o755)

    def issued(self):
        return json.loads(self.open.keys()) + json.loads(self.strict.keys())

    def environment(self, case):
        """Writes the case's files: the whole environment of a process in it."""
        home = os.path.join(self.directory.path, "home-%d" % case["number"])
        texts = {".aws/config": case["config"], ".aws/credentials": case["credentials"]}
        texts.update(case.get("files") or {})
        env = {"PATH": os.environ["PATH"], "HOME": home, "AWS_REGION": h.REGION, "AWS_DEFAULT_REGION": h.REGION,
               "AWS_ENDPOINT_URL_STS": "{base}", "AWS_ENDPOINT_URL_SSO": "{base}",
               "AWS_METADATA_SERVICE_TIMEOUT": "20", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{base}/"}
        if not case["imds"]:
            env["AWS_EC2_METADATA_DISABLED"] = "true"
        env.update(case["env"])
        names = dict(self.names, home=home)
        for name, text in texts.items():
            if text is not None:
                path = os.path.join(home, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", newline="") as f:
                    f.write(filled(text, names))
        return {name: filled(value, names) for name, value in env.items() if value is not None}


# ---- who gets credentials ----

def ours(case, env):
    argv = [CLI] + ["%s=%s" % item for item in sorted((case.get("options") or {}).items())]
    run = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         universal_newlines=True, timeout=LIMIT_S)
    if not h.check(run.returncode == 0 and not run.stderr, "%s: exit %d: %s" % (case["name"], run.returncode, run.stderr)):
        return {"error": "no answer"}
    return json.loads(run.stdout)


def go_sdk(program, case, env):
    run = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT_S,
                         universal_newlines=True)
    got = json.loads(run.stdout)
    return got if got.get("error") else dict(got, session_token=got["token"])


class Session(botocore.session.Session):
    """With endpoints of the environment, which old ones do not know."""

    def create_client(self, service_name, *args, **kwargs):
        url = os.environ.get("AWS_ENDPOINT_URL_" + service_name.upper())
        if url:
            kwargs["endpoint_url"] = url
        return super().create_client(service_name, *args, **kwargs)


def assumed(session, source, options):
    """A role on top, as botocore's users have it."""
    fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
        session.create_client, source, options["role_arn"],
        extra_args={name: options[key] for name, key in (("ExternalId", "external_id"),
                                                         ("RoleSessionName", "role_session_name")) if key in options})
    return botocore.credentials.DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)


def find_by_botocore(options):
    # It looks for its home when it is loaded.
    for owner in botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider:
        owner._SSO_TOKEN_CACHE_DIR = os.path.expanduser("~/.aws/sso/cache")
    session = Session(profile=options.get("profile"))
    if "access_key" in options:
        session.set_credentials(options["access_key"], options["secret_key"], options.get("session_token"))
    found = session.get_credentials()
    if found is None:
        return {"error": "no credentials"}
    if "role_arn" in options:
        found = assumed(session, found, options)
    frozen = found.get_frozen_credentials()
    return {"access_key": frozen.access_key, "secret_key": frozen.secret_key, "session_token": frozen.token or ""}


def by_botocore(case, env):
    """In a process of its own: environment and caches are the process's."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.environ.clear()
        os.environ.update(env)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        try:
            got = find_by_botocore(case.get("options") or {})
        except Exception as e:  # of any kind: it refuses
            got = {"error": "%s: %s" % (type(e).__name__, e)}
        os.write(write, json.dumps(got).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    os.waitpid(child, 0)
    return json.loads(text)


# ---- what they got ----

def told(key, case):
    """(source, role, session when the case names it[, external id])"""
    role, session = key["principal"].split("/")[-2:]
    named = json.dumps([case["config"], case["env"], case.get("options")])
    entry = (key["source"], role, session if '"%s"' % session in named or "= %s\\n" % session in named else None)
    return entry + ((key["external_id"],) if "external_id" in key else ())


def outcome(world, case, get, *args):
    """What get() came to, as a case expects it, and the text for people."""
    before = {key["AccessKeyId"] for key in world.issued()}
    got = get(*args)
    new = [key for key in world.issued() if key["AccessKeyId"] not in before]
    if got.get("error"):
        return cases.REFUSED, got["error"]
    if not new:
        return cases.keys(got["access_key"], got["secret_key"], got["session_token"]), "keys"
    last = new[-1]
    h.check((got["access_key"], got["secret_key"], got["session_token"])
            == (last["AccessKeyId"], last["SecretAccessKey"], last["Token"]),
            "%s: the keys are those that were issued last" % case["name"])
    return cases.issued(*(told(key, case) for key in new)), "issued"


KINDS = {"pod_identity": "container", "ecs": "container", "imds": "instance", "sso": "sso",
         "web_identity": "web_identity"}


def check_words(case, env, got):
    """Kind and words of what we found; no reason and no words show a secret."""
    text = got.get("error", "") + got.get("text", "")
    for secret in ("made-up/", h.SECRET_KEY, cases.SSO_TOKEN, cases.WEB_TOKEN, cases.CONTAINER_TOKEN,
                   PROCESS["SessionToken"]):
        h.check(secret not in text, "%s: a secret is shown: %s" % (case["name"], text))
    if "error" in got:
        h.check(len(got["error"]) > 10, "%s: no reason" % case["name"])
        return
    asked = case["expect"][1:] if case["expect"][0] == "issued" else ()
    if asked and asked[0][0] in KINDS:
        h.check(got["kind"] == KINDS[asked[0][0]], "%s: kind %s" % (case["name"], got["kind"]))
    for entry in asked:
        if entry[0] == "assume_role":
            h.check("/" + entry[1] in got["text"], "%s: no word of role %s: %s" % (case["name"], entry[1], got["text"]))
    h.check(got["region"] == env["AWS_REGION"], "%s: region %s" % (case["name"], got["region"]))


def run_case(world, case, go):
    env = world.environment(case)
    for name, value in (case.get("switch") or {}).items():
        world.open.switch(name, value)
    kept = {}
    mine, why = outcome(world, case, lambda: kept.setdefault("got", ours(case, env)))
    if h.check(mine == case["expect"], "%s:\n  expected %s\n  got      %s (%s)"
               % (case["name"], case["expect"], mine, why)):
        check_words(case, env, kept["got"])
    if not case.get("apart"):
        theirs, why = outcome(world, case, by_botocore, case, env)
        h.check(theirs == case["expect"], "%s: botocore:\n  expected %s\n  got      %s (%s)"
                % (case["name"], case["expect"], theirs, why))
    if go and not case.get("go_apart") and not case.get("options"):
        theirs, why = outcome(world, case, go_sdk, go, case, env)
        h.check(theirs == case["expect"], "%s: SDK for Go:\n  expected %s\n  got      %s (%s)"
                % (case["name"], case["expect"], theirs, why))
    for name in case.get("switch") or {}:
        world.open.switch(name, 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=70)
    parser.add_argument("--only", default="")
    parser.add_argument("--go")
    args = parser.parse_args()
    with h.Dir() as directory:
        world = World(directory)
        with world.open, world.strict:
            everything = list(cases.generated(args.seed, args.count))
            for group in (cases.of_options(), cases.of_environment(), cases.of_profiles(), cases.of_processes(),
                          cases.of_sso(VERSION >= (1, 31)), cases.of_file_texts(VERSION >= (1, 31)),
                          cases.of_containers(world.link_local, VERSION >= (1, 34), VERSION >= (1, 34), world.ipv6)):
                everything += group
            chosen = [case for case in everything if args.only in case["name"]]
            for number, case in enumerate(chosen):
                case["number"] = number
                run_case(world, case, args.go)
            apart = sum(1 for case in chosen if case.get("apart"))
            h.check(args.only or len(chosen) - apart >= 60, "%d cases are few" % len(chosen))
            print("%d environments, of them %d generated (seed %d); %d in which botocore %s differs by intent"
                  % (len(chosen), args.count, args.seed, apart, botocore.__version__))
        h.finish()


if __name__ == "__main__":
    sys.exit(main())
