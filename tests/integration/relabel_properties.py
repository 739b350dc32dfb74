"""A thousand jobs with random labels and relabel rules, given to the agent and to real Prometheus agents: each
target must come out with the same labels, or be dropped by both. Rules of metrics go through the same engine.

usage: relabel_properties.py [SEED [JOBS]]
"""
import json
import os
import random
import subprocess
import sys

import harness as h

JOBS = 1000

NAMES = ["a", "b", "c", "env", "team", "__meta_x", "__meta_label_app", "__meta_label_a_b", "__tmp_1", "instance",
         "x_1", "UP", "_p"]
VALUES = ["", "a", "b", "ab", "abc", "a-b_c", "foo:9100", "10.0.0.1:80", "prod", "Prod", "PROD eu", "a;b", ";", "1",
          "0", "x" * 40, "a\nb", "é", "ÄÖ ß", "İI ı", "日本", "ſK", "a$1b", "$", "\\", "\"", "aaa", "12:34:56"]
UNITS = ["a", "b", ".", "\\d", "\\w", "[a-c]", "[^:]", "\\.", "foo", "prod", "x", "(?:ab|a)", "\\S", "é", "[[:alpha:]]",
         ";", "-", "_", ":", "\\pL", "[\\d.]"]
REPEATS = ["", "", "", "*", "+", "?", "{1,3}", "*?", "+?", "??"]
TEMPLATES = ["$1", "${1}", "$0", "x", "", "$1-$2", "${2}${1}", "$1x", "${1}x", "$$", "$$1", "a$", "${", "$3", "$name",
             "${name}", "pre_$1", "é$1"]
TARGET_TEMPLATES = ["t", "a", "b", "env", "__tmp_2", "instance", "${1}", "l_$1", "l_${2}", "__meta_y", "job"]


def regex(r):
    kind = r.random()
    if kind < 0.15:
        return r.choice(["", ".*", ".+", "(.*)", "(.+)", "a|b", "prod|foo", "(a)(b)?", "a.*", ".*b"])
    parts = []
    for _ in range(r.randint(1, 4)):
        part = "".join(r.choice(UNITS) + r.choice(REPEATS) for _ in range(r.randint(1, 2)))
        shape = r.random()
        if shape < 0.35:
            part = "(%s)" % part
        elif shape < 0.45:
            part = "(?P<name>%s)" % part
            if any("?P<name>" in p for p in parts):
                part = part.replace("?P<name>", "")
        elif shape < 0.55:
            part = "(%s|%s)" % (part, r.choice(UNITS))
        parts.append(part)
    return ("(?i)" if r.random() < 0.1 else "") + "".join(parts)


def rule(r):
    action = r.choice(["replace"] * 5 + ["keep", "drop", "keepequal", "dropequal", "hashmod", "lowercase", "uppercase",
                                         "labelmap", "labeldrop", "labelkeep"])
    out = {"action": r.choice([action, action, action.upper(), action.capitalize()])}
    sources = [r.choice(NAMES + ["__address__", "job", "nothing"]) for _ in range(r.randint(1, 3))]
    if action in ("replace", "keep", "drop", "hashmod", "lowercase", "uppercase"):
        out["source_labels"] = sources
        if r.random() < 0.3:
            out["separator"] = r.choice(["", ";", "-", "::", "$1"])
    if action in ("replace", "keep", "drop", "labeldrop"):
        if r.random() < 0.85:
            out["regex"] = regex(r)
    if action == "keep" and r.random() < 0.6:
        out["regex"] = ".*" + r.choice(["", "a?", "(b|.*)"])
    if action == "labelkeep":
        out["regex"] = r.choice(["__.*__|job|a|b", "__.*|job|[a-e].*"])
    if action == "labeldrop" and "regex" not in out:
        out["regex"] = r.choice(["a", "b|c", "__meta_.*", "x_.*"])
    if action == "replace":
        out["target_label"] = r.choice(TARGET_TEMPLATES)
        if r.random() < 0.8:
            out["replacement"] = r.choice(TEMPLATES)
    if action == "hashmod":
        out["target_label"], out["modulus"] = r.choice(["a", "__tmp_2", "h"]), r.choice([1, 2, 7, 1000, 2 ** 40])
    if action in ("lowercase", "uppercase"):
        out["target_label"] = r.choice(["a", "t", "env"])
    if action == "labelmap":
        # Not all labels: the newest Prometheus gives targets more of its own, as we do.
        out["regex"] = r.choice(["__meta_label_(.+)", "__meta_(.*)", "(a|b)", "(.)", "(?:__meta_)?([a-z]).*_x"])
        out["replacement"] = r.choice(["$1", "m_$1", "m_${1}_x", "fixed"])
    if action in ("keepequal", "dropequal"):
        out["source_labels"], out["target_label"] = sources, r.choice(NAMES)
    return out


def jobs(seed, count):
    r = random.Random(seed)
    out = []
    for i in range(count):
        labels = {r.choice(NAMES): r.choice(VALUES) for _ in range(r.randint(1, 6))}
        out.append({"job_name": "j%d" % i, "scrape_interval": "1d", "scrape_timeout": "1s",
                    "static_configs": [{"targets": ["127.0.0.1:1"], "labels": labels}],
                    "relabel_configs": [rule(r) for _ in range(r.randint(1, 4))]})
    return out


def outcome(base):
    """{job: labels of its target, or None where it was dropped}. One that could not be made is in neither list."""
    data = h.get_json(base + "/api/v1/targets", timeout=60)["data"]
    out = {t["scrapePool"]: t["labels"] for t in data["activeTargets"]}
    # 2.42 does not say whose a dropped target was.
    for t in data["droppedTargets"]:
        if "scrapePool" in t:
            out[t["scrapePool"]] = None
    return out


def settled(base, limit_s=60):
    """The outcome once it stands still: Prometheus takes targets up a few seconds after it started."""
    last = [None, 0]

    def same():
        now = outcome(base)
        last[1] = last[1] + 1 if now == last[0] else 0
        last[0] = now
        return len(now) > 0 and last[1] >= 20
    h.wait_for(same, limit_s, "the targets of %s stand still" % base)
    return last[0]


def peers():
    yield "prometheus 2.42", [h.peer("prometheus"), "--enable-feature=agent"]
    newer = subprocess.run([os.path.join(h.ROOT, "tests", "lib", "peers.sh"), "prometheus3"], stdout=subprocess.PIPE,
                           universal_newlines=True)
    if newer.returncode == 0:
        yield "prometheus 3", [newer.stdout.strip(), "--agent"]
    else:
        print("left out: a Prometheus 3 cannot be had")


def valid_label_name(name):
    return all(c.isascii() and (c.isalnum() or c == "_") for c in name) and not name[:1].isdigit()


def explained(peer, job, ours):
    """Where 2.42 is meant to differ: its names are of the old alphabet, and its dot does not match a newline."""
    if peer != "prometheus 2.42":
        return None
    if isinstance(ours, dict) and any(not valid_label_name(n) for n in ours):
        return "names of any UTF-8"
    if "\n" in "".join(job["static_configs"][0]["labels"].values()):
        return "a dot matches a newline"
    return None


def compare(name, made, ours, theirs):
    unexplained, counts = 0, {}
    for i, job in enumerate(made):
        key = "j%d" % i
        a, b = ours.get(key, "not made"), theirs.get(key, "not made")
        if a == b or (name == "prometheus 2.42" and not isinstance(a, dict) and not isinstance(b, dict)):
            continue
        why = explained(name, job, a)
        if why:
            counts[why] = counts.get(why, 0) + 1
            continue
        unexplained += 1
        if unexplained <= 5:
            print("job %s\n  labels %s\n  rules %s\n  ours   %s\n  theirs %s" % (
                key, json.dumps(job["static_configs"][0]["labels"]), json.dumps(job["relabel_configs"]), a, b))
    made_by = sum(isinstance(v, dict) for v in theirs.values())
    print("%s: %d jobs, %d targets, %d dropped or not made; %d unexplained" % (
        name, len(made), made_by, len(made) - made_by, unexplained))
    for why, n in counts.items():
        print("  %4d: %s" % (n, why))
    h.check(unexplained == 0, "%s: every target comes out the same" % name)
    h.check(len(made) // 3 < made_by < len(made) * 0.95, "rules keep some and drop some")


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 20261121
    made = jobs(seed, int(sys.argv[2]) if len(sys.argv) > 2 else JOBS)
    print("seed %d" % seed)
    # JSON is YAML; only a Prometheus 3 takes UTF-8 names by default.
    config = json.dumps({"scrape_configs": made}, ensure_ascii=True)
    with h.Dir() as d, h.Agent(d, config) as agent:
        agent.wait_ready(30)
        ours = settled(agent.base)
        for name, argv in peers():
            port = h.free_port()
            flags = ["--config.file=" + agent.log_path.replace("ampagent.log", "ampagent.yml"),
                     "--web.listen-address=127.0.0.1:%d" % port,
                     "--storage.agent.path=" + d.file(name.replace(" ", "-") + "-data")]
            with h.Process(name.replace(" ", "-"), argv + flags, d) as process:
                base = "http://127.0.0.1:%d" % port
                if h.wait_for(lambda: h.get(base + "/-/ready"), 30, name + " is ready"):
                    compare(name, made, ours, settled(base))
                else:
                    print(process.log()[-3000:])
    h.finish()


if __name__ == "__main__":
    main()
