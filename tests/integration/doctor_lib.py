"""What the tests of `ampagent doctor` share: a set-up, what the doctor says of it, what it must say."""
import json
import os
import subprocess
import time

import harness as h

STEPS = ["config", "url", "credentials", "region", "identity", "dns", "tcp", "tls", "clock", "write", "canary"]
CODES = {name: 10 + i for i, name in enumerate(STEPS)}
VERDICTS = {"ok", "warn", "fail", "skipped"}
PATH = "/workspaces/%s/api/v1/remote_write" % h.WORKSPACE
AMP = "https://aps-workspaces.eu-west-1.amazonaws.com"
DEAD = "http://127.0.0.1:1"
# None of these may ever be shown.
SECRETS = [h.SECRET_KEY, "made-up-wrong-secret", "made-up-session-token", "made-up-sso-token", "made-up-web-token",
           "made-up-container-token", "made-up-password"]


class Doctor:
    """Runs it in a directory; env is what the environment has besides nothing of AWS."""

    def __init__(self, directory, **env):
        self.dir = directory
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and "_proxy" not in k.lower()}
        # Nobody asks the real metadata service, and no file of the user is read.
        self.env.update(AWS_EC2_METADATA_DISABLED="true", HOME=directory.path)
        self.env.update(env)
        self.count = 0
        self.broken = 0

    def run(self, args, env, user=None, shift=None):
        full = dict(self.env)
        full.update(env)
        full = {k: v for k, v in full.items() if v is not None}
        started = time.monotonic()
        run = subprocess.run([h.AMPAGENT, "doctor"] + args, cwd=self.dir.path, env=full, user=user, timeout=60,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             universal_newlines=True)
        return run, time.monotonic() - started

    def file(self, config):
        self.count += 1
        return self.dir.file("doctor-%d.yml" % self.count, config)

    def ask(self, name, config=None, url=None, flags=(), env=None, user=None, timeout="5s", human=True):
        """The answer as JSON, with .code; what people are told must say the same."""
        args = ["--timeout=" + timeout] + list(flags)
        args += ["--url=" + url] if url else []
        args += ["--config.file=" + (self.file(config) if config is not None else "missing.yml")] if not url else []
        run, took = self.run(args + ["--json"], env or {}, user)
        try:
            answer = json.loads(run.stdout)
        except ValueError:
            h.check(False, "%s: no JSON, exit code %d: %s%s" % (name, run.returncode, run.stdout, run.stderr))
            return None
        answer["code"], answer["took"], answer["text"] = run.returncode, took, run.stdout
        self.look(name, answer, run.stdout + run.stderr)
        if human:
            told, _ = self.run(args, env or {}, user)
            self.compare(name, answer, told)
        return answer

    def look(self, name, answer, output):
        h.check(answer["exit_code"] == answer["code"], "%s: exit code %d, told: %s"
                % (name, answer["code"], answer["exit_code"]))
        for d in answer["destinations"]:
            h.check([s["step"] for s in d["steps"]] == STEPS, "%s: steps %s" % (name, d["steps"]))
            for s in d["steps"]:
                h.check(s["verdict"] in VERDICTS and s["evidence"], "%s: %s" % (name, s))
                h.check(s["verdict"] != "fail" or s["advice"], "%s: no advice: %s" % (name, s))
        self.secrets(name, output)

    def compare(self, name, answer, told):
        """One line a step, the same verdicts, the same exit code."""
        h.check(told.returncode == answer["code"], "%s: exit codes %d and %d" % (name, told.returncode, answer["code"]))
        lines = [line.split() for line in told.stdout.splitlines() if line[:2] == "  " and line[2:3] not in ("", " ")]
        seen = [(line[0], line[1].lower()) for line in lines if len(line) > 1]
        want = []
        for i, d in enumerate(answer["destinations"]):
            steps = [(s["step"], s["verdict"]) for s in d["steps"]]
            want += steps[:1] if not d["url"] else steps[1 if i else 0:]
        h.check(seen == want, "%s: lines %s, not %s" % (name, seen, want))
        last = told.stdout.strip().splitlines()[-1] if told.stdout.strip() else ""
        h.check(("healthy" in last) == (answer["code"] == 0), "%s: last line %r" % (name, last))
        self.secrets(name, told.stdout + told.stderr)

    def secrets(self, name, text):
        for secret in SECRETS:
            h.check(secret not in text, "%s: shows the secret %s: %s" % (name, secret, text))

    def broken_at(self, name, step, words=(), **how):
        """The doctor names the step, ends with its code, and says what to do in these words."""
        answer = self.ask(name, **how)
        if answer is None:
            return None
        self.broken += 1
        h.check(answer["code"] == CODES[step] and answer["failed_step"] == step,
                "%s: exit code %d (%s), not %s: %s"
                % (name, answer["code"], answer["failed_step"], step, short(answer)))
        found = [s for d in answer["destinations"] for s in d["steps"] if s["step"] == step and s["verdict"] == "fail"]
        text = " ".join("\n".join([s["evidence"]] + s["details"] + [s["advice"]]) for s in found)
        for word in words:
            h.check(word.lower() in text.lower(), "%s: nothing of %r in: %s" % (name, word, text))
        return answer

    def healthy(self, name, warned=(), **how):
        """Exit code 0 and warnings at these steps only."""
        answer = self.ask(name, **how)
        if answer is None:
            return None
        print("healthy: %-45s %5.2f s" % (name, answer["took"]))
        verdicts = {s["step"] for d in answer["destinations"] for s in d["steps"] if s["verdict"] == "warn"}
        h.check(answer["code"] == 0 and verdicts == set(warned),
                "%s: exit code %d: %s" % (name, answer["code"], short(answer)))
        return answer


def short(answer):
    return "".join("\n    %-11s %-7s %s" % (s["step"], s["verdict"], " | ".join(filter(None, (
        s["evidence"], s["advice"])))) for d in answer["destinations"] for s in d["steps"])


def step(answer, name, destination=0):
    return [s for s in answer["destinations"][destination]["steps"] if s["step"] == name][0]


def write(url, more="", sigv4="{region: %s}" % h.REGION):
    """A configuration with one destination."""
    return "remote_write:\n- url: '%s'\n%s%s" % (url, "  sigv4: %s\n" % sigv4 if sigv4 else "", more)
