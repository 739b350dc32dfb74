"""One reload of every kind, done by the agent and by real Prometheus agents at once: which series end, at which
time, and which go on must be the same. What is meant to differ is said by name."""
import collections
import os
import signal
import subprocess
import time

import harness as h
from recorder import STALE, Recorder

INTERVAL_S = 1
US = "ampagent"
PAGE = b"kept 1\ngone 2\n"
DROP = "  metric_relabel_configs: [{source_labels: [__name__], regex: gone, action: drop}]\n"

# Job: what its block has before and after the reload.
JOBS = {
    "same": ("", ""),
    "limit": ("", "  sample_limit: 50\n"),
    "client": ("", "  basic_auth: {username: u, password: p}\n"),
    "rules": ("", DROP),
    "rules_back": (DROP, ""),
    "honor": ("", "  honor_labels: true\n"),
    "labels": ("", "  relabel_configs: [{target_label: added, replacement: x}]\n"),
    "path": ("", "  metrics_path: /other\n"),
    "new": (None, ""),
    "removed": ("", None),
}
# Prometheus leaves the series of a job that is gone as they are; here they end.
MEANT = {"removed"}
# The new target has another phase. Where its first sample falls just before the time of the old one's markers,
# Prometheus writes both, and the series goes on behind its end; here the markers are not written.
ANOTHER_PHASE = {"path"}
# On a busy machine Prometheus was seen to write markers at the old target's last sample as well; those of its end
# follow a turn later in either case.
TWICE = {"labels"}


def config(after, server, url):
    text = "global: {scrape_interval: %ds, scrape_timeout: 900ms}\nscrape_configs:\n" % INTERVAL_S
    for name, blocks in JOBS.items():
        block = blocks[after]
        if block is not None:
            text += "- job_name: %s\n  static_configs: [{targets: ['%s']}]\n%s" % (name, server.address, block)
    return text + "remote_write:\n- url: %s\n  queue_config: {batch_send_deadline: 200ms}\n" % url


def find_peers():
    peers = [("prometheus-2", [h.peer("prometheus"), "--enable-feature=agent"])]
    newer = subprocess.run([os.path.join(h.ROOT, "tests", "lib", "peers.sh"), "prometheus3"],
                           stdout=subprocess.PIPE, universal_newlines=True)
    if newer.returncode == 0:
        peers.append(("prometheus-3", [newer.stdout.strip(), "--agent"]))
    else:
        print("left out: a Prometheus 3 cannot be had")
    return [(US, [h.AMPAGENT])] + peers


def by_job(recorder, sender):
    """{job: {other labels: [(time, stale)]}}."""
    out = collections.defaultdict(dict)
    for labels, samples in recorder.of(sender).items():
        text = {k.decode(): v.decode() for k, v in labels}
        job = text.pop("job")
        out[job][tuple(sorted(text.items()))] = [(t, bits == STALE) for t, bits in samples]
    return out


def summary(samples):
    """What became of a series: its markers, each by how many turns (in quarters) after the sample before it, and
    its end."""
    markers = []
    for before, (t, stale) in zip(samples, samples[1:]):
        if stale:
            markers.append(round((t - before[0]) * 4 / 1000.0 / INTERVAL_S) / 4)
    return tuple(markers), "ended" if samples[-1][1] else "goes on"


def compare(peer, ours, theirs):
    for job in JOBS:
        if job in MEANT:
            continue
        h.check(set(ours[job]) == set(theirs[job]), "%s: the series of %s: %s, not %s"
                % (peer, job, sorted(set(ours[job]) - set(theirs[job])), sorted(set(theirs[job]) - set(ours[job]))))
        for labels in set(ours[job]) & set(theirs[job]):
            got, want = summary(ours[job][labels]), summary(theirs[job][labels])
            if job in ANOTHER_PHASE and want == ((0.0,), "goes on"):
                print("%s: %s of %s has the old target's marker behind the new one's sample" % (peer, labels, job))
                want = ((), "goes on")
            elif job in TWICE and want == ((0.0, 1.0), "ended"):
                print("%s: %s of %s has markers twice" % (peer, labels, job))
                want = ((1.0,), "ended")
            h.check(got == want, "%s: %s of %s: %s, not %s" % (peer, labels, job, got, want))
    for labels, samples in ours["removed"].items():
        h.check(summary(samples) == ((1.0,), "ended"), "a removed job ends here: %s" % (summary(samples),))
    for labels, samples in theirs["removed"].items():
        h.check(summary(samples) == ((), "goes on"), "%s leaves a removed job as it is: %s" % (peer, summary(samples)))



def main():
    with h.Dir() as d, h.Pages({"/metrics": PAGE, "/other": PAGE}) as server, Recorder() as recorder:
        running = []
        for name, argv in find_peers():
            path = d.file(name + ".yml", config(0, server, recorder.url(name)))
            own = [] if name == US else ["--scrape.discovery-reload-interval=1s"]
            running.append(h.Process(name, argv + own + [
                "--config.file=" + path, "--web.listen-address=127.0.0.1:%d" % h.free_port(),
                "--storage.agent.path=" + os.path.join(d.path, name + "-data")], d))
        try:
            before = sum(b[0] is not None for b in JOBS.values())
            for p in running:
                h.wait_for(lambda: sum(len(s) >= 3 for j in by_job(recorder, p.name).values()
                                       for (labels, s) in j.items() if ("__name__", "up") in labels) == before,
                           30, "%s scrapes every job" % p.name)
            for p in running:
                d.file(p.name + ".yml", config(1, server, recorder.url(p.name)))
                p.popen.send_signal(signal.SIGHUP)
            # Prometheus's discovery is told within five seconds at the latest; markers follow two turns later.
            time.sleep(5 + 5 * INTERVAL_S)
        finally:
            for p in running:
                p.stop()
        h.check(not recorder.errors, "every request can be read: %s" % recorder.errors[:3])
        ours = by_job(recorder, US)
        for p in running:
            if p.name != US:
                compare(p.name, ours, by_job(recorder, p.name))


main()
h.finish()
