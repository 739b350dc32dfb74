"""`ampagent health` as a container's health check runs it: with the agent's environment and nothing else. Alive, ready,
gone, standing still, stopping, somebody else's port; an endpoint that is down is no illness. In a network of its own,
as the default ports are part of it."""
import os
import signal
import socket
import statistics
import subprocess
import time

import harness as h
import namespace

LONG_S = 40
CONFIG = "scrape_configs: [{job_name: none}]\nremote_write: [{url: 'http://127.0.0.1:9/push'}]\n"
ECS = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1/v4/x"}


def health(env, *flags):
    """Exit code and the line; nothing of the caller's environment is there, no shell, no PATH."""
    done = subprocess.run([h.AMPAGENT, "health"] + list(flags), env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, universal_newlines=True)
    return done.returncode, done.stdout


def expect(got, code, say, what):
    h.check(got[0] == code and say in got[1] and got[1].count("\n") == 1, "%s: %s" % (what, got))


class Agent(h.Process):
    def __init__(self, directory, env, *flags, name="agent"):
        directory.file("prometheus.yml", CONFIG)
        super().__init__(name, [h.AMPAGENT, "--storage.agent.path=" + os.path.join(directory.path, name + "-data")]
                         + list(flags), directory, env)

    def wait_healthy(self, env, *flags):
        h.wait_for(lambda: health(env, *flags)[0] == 0, LONG_S, "it becomes healthy")


def where_it_listens():
    """With the same environment, or the same flag, it is found where the agent listens."""
    cases = [
        # environment of both, flags of both, where
        ({}, [], "0.0.0.0:9090"),
        (ECS, [], "127.0.0.1:19090"),
        ({"AMPAGENT_WEB_LISTEN_ADDRESS": "127.0.0.1:7001"}, [], "127.0.0.1:7001"),
        (dict(ECS, AMPAGENT_WEB_LISTEN_ADDRESS=":7002"), [], ":7002"),
        ({"AMPAGENT_WEB_LISTEN_ADDRESS": "127.0.0.1:1"}, ["--web.listen-address=localhost:7003"], "localhost:7003"),
        ({}, ["--web.listen-address=[::1]:7004"], "[::1]:7004"),
        ({}, ["--web.listen-address", "[::]:7005"], "[::]:7005"),
    ]
    with h.Dir() as d:
        for number, (env, flags, where) in enumerate(cases):
            expect(health(env, *flags), 1, "unhealthy: %s: nobody listens there\n" % where, "before it is there")
            with Agent(d, env, *flags, name="agent-%d" % number) as agent:
                agent.wait_healthy(env, *flags)
                expect(health(env, *flags), 0, "healthy: %s\n" % where, "where it listens")
                expect(health(env, "--ready", *flags), 0, "ready: %s\n" % where, "ready")
                h.check(agent.stop() == 0, "exit 0")
        h.check(health({}, "--nonsense")[0] == 2, "a wrong flag is no illness")


def what_is_an_illness():
    """A loop that stands still is one. An endpoint that cannot be reached, targets that are down and the end's drain
    are none: a restart would not help, and what is kept would be sent later."""
    with h.Dir() as d, h.Pages({"/metrics": b"a 1\n"}) as pages:
        dead = socket.socket()
        dead.bind(("127.0.0.1", 0))
        dead.listen(50)
        d.file("agent.yml", "global: {scrape_interval: 1s}\n"
               "scrape_configs: [{job_name: j, static_configs: [{targets: ['%s', '127.0.0.1:1']}]}]\n"
               "remote_write: [{url: 'http://127.0.0.1:%d/push'}]\n" % (pages.address, dead.getsockname()[1]))
        env = {"AMPAGENT_WEB_LISTEN_ADDRESS": "127.0.0.1:7010", "AMPAGENT_CONFIG_FILE": d.file("agent.yml")}
        with Agent(d, env, "--storage.remote.flush-deadline=6s") as agent:
            agent.wait_healthy(env)
            h.wait_for(lambda: h.get_json("http://127.0.0.1:7010/api/v1/ledger")["data"]["headSequence"] >= 10, LONG_S,
                       "samples wait for a dead endpoint")
            expect(health(env), 0, "healthy", "a dead endpoint, a target that is down")
            expect(health(env, "--ready"), 0, "ready", "the same when asked for readiness")
            before = agent.log()
            took = []
            for _ in range(15):
                begun = time.perf_counter()
                health(env)
                took.append(time.perf_counter() - begun)
            print("a check takes %.0f ms (median of %d)" % (statistics.median(took) * 1000, len(took)))
            h.check(agent.log() == before or "health" not in agent.log()[len(before):], "checks leave no line in the log")
            agent.popen.send_signal(signal.SIGSTOP)
            expect(health(env, "--timeout=300ms"), 1, "timed out: no answer within 300ms", "it stands still")
            agent.popen.send_signal(signal.SIGCONT)
            agent.wait_healthy(env)
            agent.popen.send_signal(signal.SIGTERM)
            h.wait_for(lambda: health(env, "--ready")[0] == 1, LONG_S, "it stops")
            expect(health(env, "--ready"), 1, "answered 503", "no more ready while it stops")
            expect(health(env), 0, "healthy", "but alive")
            h.check(agent.popen.wait(LONG_S) == 0, "exit 0")
        expect(health(env), 1, "nobody listens there", "after the end")


def somebody_else():
    """Another program has the port: a wrong address must not look healthy."""
    with h.Pages({"/-/healthy": b"Prometheus Server is Healthy.\n"}) as other:
        expect(health({"AMPAGENT_WEB_LISTEN_ADDRESS": other.address}), 1, "who listens there is not ampagent", "another's 200")
        expect(health({}, "--ready", "--web.listen-address=" + other.address), 1, "answered 404: no such page", "404")


if __name__ == "__main__":
    why = namespace.enter(namespace.NEW_USERS | namespace.NEW_NETWORK)
    if why:
        h.skip(why)
    where_it_listens()
    what_is_an_illness()
    somebody_else()
    h.finish()
