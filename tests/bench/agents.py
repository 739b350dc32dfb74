"""The agents that are measured: how each is found, configured and started.

All get the same targets, interval, external label and one remote write; everything else is what
they do by default.
"""
import gzip
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKSPACE = "ws-00000000-0000-4000-8000-000000000000"
SIGV4 = "  sigv4: {region: eu-west-1, access_key: AKIAEXAMPLEEXAMPLE00, secret_key: made-up-for-the-bench}\n"


class Load:
    """What an agent is to scrape, and where it delivers to."""

    def __init__(self, targets, series, interval_ms, churn=0, gzip=False, base_port=0, sink_port=0):
        self.targets, self.series, self.interval_ms = targets, series, interval_ms
        self.churn, self.gzip = churn, gzip
        self.base_port, self.sink_port = base_port, sink_port

    def scrape_yaml(self):
        interval = "%dms" % self.interval_ms
        ports = range(self.base_port, self.base_port + self.targets)
        return ("global:\n  scrape_interval: %s\n  scrape_timeout: %s\n"
                "  external_labels: {cluster: bench}\n"
                "scrape_configs:\n- job_name: bench\n  static_configs:\n  - targets: [%s]\n"
                % (interval, interval, ", ".join("'127.0.0.1:%d'" % p for p in ports)))

    def write_yaml(self):
        return ("remote_write:\n- url: http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write\n"
                % (self.sink_port, WORKSPACE))


class Agent:
    """signs: its requests carry a SigV4 signature, which costs a hash of each body."""
    signs = False

    def __init__(self, name, program):
        self.name, self.program = name, program

    def version(self):
        """As the program tells it; Debian's vmagent does not know, but its package does."""
        run = subprocess.run([self.program, "--version"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, universal_newlines=True)
        return run.stdout.split("\n")[0].split(" (branch")[0].strip() or self.package_version()

    def package_version(self):
        share = os.path.join(os.path.dirname(os.path.dirname(self.program)), "share", "doc")
        for package in ("prometheus", "victoria-metrics"):
            path = os.path.join(share, package, "changelog.Debian.gz")
            if os.path.exists(path):
                with gzip.open(path, "rt") as f:
                    return "Debian's " + f.readline().split(";")[0].strip()
        return "version not told"

    def has_flag(self, text):
        run = subprocess.run([self.program, "--help"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, universal_newlines=True)
        return text in run.stdout

    def command(self, load, directory, port):
        raise NotImplementedError


def write(directory, text):
    path = os.path.join(directory, "config.yml")
    with open(path, "w") as f:
        f.write(text)
    return path


class Ampagent(Agent):
    signs = True

    def command(self, load, directory, port):
        config = write(directory, load.scrape_yaml() + load.write_yaml() + SIGV4)
        return [self.program, "--config.file=" + config, "--web.listen-address=127.0.0.1:%d" % port,
                "--storage.agent.path=" + os.path.join(directory, "data")]


class Prometheus(Agent):
    def command(self, load, directory, port):
        config = write(directory, load.scrape_yaml() + load.write_yaml())
        mode = "--agent" if self.has_flag("--agent ") or self.has_flag("--[no-]agent") \
            else "--enable-feature=agent"
        return [self.program, mode, "--config.file=" + config,
                "--web.listen-address=127.0.0.1:%d" % port,
                "--storage.agent.path=" + os.path.join(directory, "data")]


class Vmagent(Agent):
    def command(self, load, directory, port):
        config = write(directory, load.scrape_yaml())
        url = load.write_yaml().split("url: ")[1].strip()
        flags = ["-remoteWrite.forcePromProto"] if self.has_flag("remoteWrite.forcePromProto") else []
        return [self.program, "-promscrape.config=" + config, "-remoteWrite.url=" + url,
                "-remoteWrite.tmpDataPath=" + os.path.join(directory, "data"),
                "-httpListenAddr=127.0.0.1:%d" % port] + flags


RIVALS = {"prometheus": Prometheus, "vmagent": Vmagent}
AUTO = ["prometheus", "vmagent", "prometheus3"]  # the last one from Debian unstable


def find_program(name):
    """On PATH, else from the distribution's package, unpacked by tests/lib/peers.sh; or None."""
    on_path = shutil.which(name)
    if on_path:
        return on_path
    run = subprocess.run([os.path.join(ROOT, "tests", "lib", "peers.sh"), name],
                         stdout=subprocess.PIPE, universal_newlines=True)
    return run.stdout.strip() if run.returncode == 0 else None


def find_rivals(wanted):
    """wanted: "auto", "none", or a list of NAME or NAME=PATH; a NAME begins with the program's."""
    if wanted == "none":
        return []
    found = []
    for word in (AUTO if wanted == "auto" else wanted.split(",")):
        name, _, path = word.partition("=")
        kinds = [kind for kind in RIVALS if name.startswith(kind)]
        if not kinds:
            raise SystemExit("bench: %s is not one of %s" % (name, ", ".join(RIVALS)))
        program = path or find_program(name)
        if program:
            found.append(RIVALS[kinds[0]](name, program))
        else:
            print("bench: skipped: %s cannot be had" % name)
    return found
