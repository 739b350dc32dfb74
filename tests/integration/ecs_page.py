#!/usr/bin/python3
"""The page docs/ECS.md, followed as a newcomer would: every command as printed, in an empty directory,
in a network of its own, since the page names its ports."""
import os
import re
import shutil
import subprocess
import time

import harness as h
import namespace

if not shutil.which("curl"):
    h.skip("the Debian package curl is not installed")

why = namespace.enter(namespace.NEW_USERS | namespace.NEW_NETWORK)
if why:
    h.skip(why)

LIMIT_S = 100
TASK = "0123456789abcdef0123456789abcdef"


def commands():
    """The page's blocks, each announced, so that what they print can be told apart."""
    with open(os.path.join(h.ROOT, "docs", "ECS.md")) as f:
        blocks = re.findall(r"^```sh\n(.*?)^```", f.read(), re.S | re.M)
    return blocks


def script(blocks):
    out = []
    for i, block in enumerate(blocks):
        out.append('echo "--- %d"\n%s\necho "--- %d: $?"\n' % (i, block, i))
    return "".join(out)


def follow(directory, blocks):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AMPAGENT_", "ECS_"))}
    bin_dir = os.path.join(directory.path, "bin")
    home = os.path.join(directory.path, "try")
    os.mkdir(bin_dir)
    os.mkdir(home)
    os.symlink(h.AMPAGENT, os.path.join(bin_dir, "ampagent"))
    env.update(PATH=bin_dir + os.pathsep + env["PATH"], HOME=home)
    shell = subprocess.Popen(["bash", "-c", script(blocks)], cwd=home, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                             start_new_session=True)
    try:
        return shell.communicate(timeout=LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        h.check(False, "the page is done within %d s" % LIMIT_S)
        os.killpg(shell.pid, 9)
        return shell.communicate()[0]


def part(printed, blocks, word):
    """What the block printed that has this command in it."""
    i = next(i for i, b in enumerate(blocks) if word in b)
    m = re.search(r"^--- %d\n(.*?)--- %d: (\d+)$" % (i, i), printed, re.S | re.M)
    if not h.check(m is not None, "the block with %s was run" % word):
        return "", 1
    return m.group(1), int(m.group(2))


with h.Dir() as d:
    blocks = commands()
    h.check(len(blocks) >= 8, "the page has its commands")
    start = time.monotonic()
    printed = follow(d, blocks)
    print("followed in %.1f s" % (time.monotonic() - start))
    if os.environ.get("SHOW"):
        print(printed)
    for i in range(len(blocks) - 1):
        h.check("--- %d: 0\n" % i in printed, "block %d succeeds: %s" % (i, blocks[i].splitlines()[0]))
    told, _ = part(printed, blocks, "ampagent doctor")
    h.check(" FAIL" not in told, "the doctor finds the way free: " + told)
    told, _ = part(printed, blocks, "--print")
    h.check("ecs_task_sd_configs" in told and "remote_write" in told, "the configuration is shown: " + told)
    told, _ = part(printed, blocks, "match=orders_total")
    for word in ("orders_total", TASK, 'ecs_task_family', 'checkout', 'ecs_container', '"health":"up"'):
        h.check(word in told, "what arrived has %s: %s" % (word, told[:3000]))
    told, _ = part(printed, blocks, "tail -n 1")
    h.check("everything is delivered" in told, "the agent ends in order: " + told)
    if h.failed():
        print(printed[-6000:])
h.finish()
