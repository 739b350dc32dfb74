"""One measured run: simulator, sink and one agent, each a process of its own.

The agent has the last processor for itself, everything else runs on the first. CPU, memory and disk
are what the kernel has booked for the agent's process.
"""
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

WARM_UP_S = 10      # after the second scrape of every target was delivered
DRAIN_LIMIT_S = 40  # for what was served to arrive
START_LIMIT_S = 60

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_processors = sorted(os.sched_getaffinity(0))
LOAD_CPU, AGENT_CPU = _processors[0], _processors[-1]


def get(url, data=None):
    with _opener.open(urllib.request.Request(url, data=data), timeout=10) as answer:
        return answer.read()


def free_ports(n):
    """The first of n ports in a row that nobody listens on, below those the kernel gives out."""
    for base in range(20000 + os.getpid() % 2000, 32000 - n, n):
        sockets = []
        try:
            for port in range(base, base + n):
                sockets.append(socket.socket())
                sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockets[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            pass
        finally:
            for s in sockets:
                s.close()
    raise SystemExit("bench: no %d free ports in a row" % n)


class Process:
    def __init__(self, argv, cpu, directory, wait_line=False):
        self.log = os.path.join(directory, os.path.basename(argv[0]) + ".log")
        with open(self.log, "wb") as log:
            self.start_s = time.time()
            self.popen = subprocess.Popen(
                ["taskset", "-c", str(cpu)] + argv, cwd=directory, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if wait_line else log, stderr=log)
        if wait_line and not self.popen.stdout.readline().startswith(b"listening"):
            raise SystemExit("bench: %s did not start: %s" % (argv[0], open(self.log).read()))

    def stop(self, sig=signal.SIGTERM, limit_s=90):
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
        try:
            self.popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()

    def read(self, name):
        with open("/proc/%d/%s" % (self.popen.pid, name)) as f:
            return f.read()

    def cpu_s(self):
        """stat counts in ticks but holds ended threads too; schedstat counts nanoseconds."""
        fields = self.read("stat").rsplit(")", 1)[1].split()
        ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        ns = sum(int(self.read("task/%s/schedstat" % t).split()[0])
                 for t in os.listdir("/proc/%d/task" % self.popen.pid))
        return max(ticks, ns / 1e9)

    def disk_bytes(self):
        return int(self.read("io").split("\nwrite_bytes: ")[1].split("\n")[0])

    def memory(self):
        """In MB, by name."""
        found = {}
        for line in (self.read("status") + self.read("smaps_rollup")).splitlines():
            fields = line.split()
            if fields[0] in ("VmRSS:", "VmHWM:", "RssAnon:", "Pss:"):
                found[fields[0][:-1]] = int(fields[1]) * 1024 / 1e6
        return found


def processor_busy_s(cpu):
    with open("/proc/stat") as f:
        fields = f.read().split("cpu%d " % cpu)[1].split("\n")[0].split()
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")


class Scene:
    """Simulator, sink and agent, started; all are ended and their files removed on exit."""

    def __init__(self, agent, load, build_dir):
        # Beside the build, not in /tmp, which may be memory and would cost no disk writes.
        self.directory = tempfile.mkdtemp(prefix="run-", dir=build_dir)
        self.load = load
        base = free_ports(load.targets + 2)
        load.sink_port, self.agent_port, load.base_port = base, base + 1, base + 2
        self.sink_url = "http://127.0.0.1:%d" % load.sink_port
        self.pages_url = "http://127.0.0.1:%d" % load.base_port
        self.processes = []
        try:
            self.start(agent, build_dir)
        except BaseException:
            self.__exit__(SystemExit)
            raise

    def start(self, agent, build_dir):
        load, programs = self.load, os.path.join(build_dir, "tests", "bench")
        simulator = [os.path.join(programs, "bench_simulator"), "--targets", str(load.targets),
                     "--series", str(load.series), "--base-port", str(load.base_port),
                     "--churn", str(load.churn)] + (["--gzip"] if load.gzip else [])
        sink = [os.path.join(programs, "bench_sink"), "--port", str(load.sink_port),
                "--interval", str(load.interval_ms)]
        for argv in (simulator, sink):
            self.processes.append(Process(argv, LOAD_CPU, self.directory, wait_line=True))
        self.agent = Process(agent.command(load, self.directory, self.agent_port), AGENT_CPU,
                             self.directory)
        self.processes.append(self.agent)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            process.stop(signal.SIGKILL)
        if kind in (None, SystemExit, KeyboardInterrupt):
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            print("bench: files are in " + self.directory)

    def books(self):
        return json.loads(get(self.sink_url + "/stats").decode())

    def served(self):
        return json.loads(get(self.pages_url + "/stats").decode())

    def page_samples(self):
        books = self.books()
        return books["samples"] - books["reports"] - books["doubled"]

    def wait(self, condition, limit_s, what, step_s=0.1):
        end = time.time() + limit_s
        while time.time() < end:
            if condition():
                return
            if self.agent.popen.poll() is not None:
                raise RuntimeError("the agent ended; its log: %s" % open(self.agent.log).read()[-2000:])
            time.sleep(step_s)
        if what:
            raise RuntimeError("%s (waited %d s)" % (what, limit_s))

    def wait_scrapes(self, n):
        want = n * self.load.targets * self.load.series
        self.wait(lambda: self.page_samples() >= want,
                  START_LIMIT_S + n * self.load.interval_ms / 1000, "%d scrapes of all targets" % n)

    def drain(self):
        """No more pages are served; waits for those that were. Returns how many samples were."""
        get(self.pages_url + "/refuse", data=b"")
        samples = self.served()["samples"]
        self.wait(lambda: self.page_samples() >= samples, DRAIN_LIMIT_S, None)
        return samples


def observe(scene, seconds):
    """The window: differences of counters, medians of each second's memory."""
    agent, memory = scene.agent, []
    books, served, start = scene.books(), scene.served(), time.time()
    cpu, disk = agent.cpu_s(), agent.disk_bytes()
    busy, load_cpu = processor_busy_s(AGENT_CPU), [p.cpu_s() for p in scene.processes[:2]]
    while time.time() < start + seconds:
        memory.append(agent.memory())
        time.sleep(max(0, min(1, start + seconds - time.time())))
    after, served_after, elapsed = scene.books(), scene.served(), time.time() - start
    used = agent.cpu_s() - cpu
    pages = max(1, served_after["samples"] - served["samples"])
    samples = after["samples"] - books["samples"]
    if samples == 0:
        raise RuntimeError("nothing was delivered in the window")
    result = {name: statistics.median(m[name] for m in memory) for name in memory[0]}
    result.update({
        "samples_s": samples / elapsed,
        "cpu_percent": 100 * used / elapsed,
        "cpu_million": used / samples * 1e6,
        "page": (served_after["bytes"] - served["bytes"]) / pages,
        "wire": (after["wire_bytes"] - books["wire_bytes"]) / samples,
        "disk": (agent.disk_bytes() - disk) / samples,
        "request": samples / max(1, after["requests"] - books["requests"]),
        "other_percent": 100 * (processor_busy_s(AGENT_CPU) - busy - used) / elapsed,
        "load_percent": 100 * sum(p.cpu_s() - c for p, c in zip(scene.processes, load_cpu)) / elapsed,
    })
    result["VmHWM"] = agent.memory()["VmHWM"]
    return result


def measure(agent, load, seconds, warm_up_s, build_dir):
    """Warm-up, window, drain, end of the agent, books."""
    with Scene(agent, load, build_dir) as scene:
        scene.wait_scrapes(2)
        time.sleep(warm_up_s)
        result = observe(scene, seconds)
        served = scene.drain()
        scene.agent.stop()
        books = scene.books()
        result["first_s"] = books["first_ms"] / 1000 - scene.agent.start_s
        result["lost"] = served - scene.page_samples()
        for name in ("doubled", "out_of_order", "failed", "broken"):
            result[name] = books[name]
        return result


def first_sample(agent, load, build_dir):
    """Seconds from process start to the first page asked for and to the first sample delivered."""
    with Scene(agent, load, build_dir) as scene:
        scene.wait(lambda: scene.books()["first_ms"], START_LIMIT_S, "a first sample", 0.02)
        page = scene.served()["first_ms"] / 1000 - scene.agent.start_s
        return page, scene.books()["first_ms"] / 1000 - scene.agent.start_s
