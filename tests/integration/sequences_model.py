"""A sequence: one scrape job, what its targets answer, scrape after scrape, and how each scraper is told of it."""
import copy
import json

from sequences_server import Answer, TEXT

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTO = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

# What a Prometheus before 3.8 is told by a flag of the process instead of an option of the job.
FEATURES = {"plain": {}, "native": {"scrape_native_histograms": True}, "extra": {"extra_scrape_metrics": True},
            "custom": {"scrape_native_histograms": True}, "zero": {"scrape_native_histograms": True}}
FLAGS = {"plain": [], "native": ["--enable-feature=native-histograms"],
         "extra": ["--enable-feature=extra-scrape-metrics"], "custom": ["--enable-feature=native-histograms"],
         "zero": ["--enable-feature=created-timestamp-zero-ingestion,native-histograms"]}
# Worlds for which the agent has a process of its own: with the flag, or with another remote write.
OWN = {"zero": ["--enable-feature=created-timestamp-zero-ingestion"], "custom": []}
# Remote write 1.0 has no place for custom bucket bounds.
VERSION_2 = ("custom",)


def text(*lines, **how):
    """A page of lines, each ended."""
    return Answer(b"".join(line + b"\n" for line in lines), **how)


def om(*lines, **how):
    """An OpenMetrics page, its EOF included."""
    return Answer(b"".join(line + b"\n" for line in lines) + b"# EOF\n", **dict({"kind": OPENMETRICS}, **how))


class Sequence:
    """answers: those of the one target, or a list for each of several. labels: more labels of each target. world: see
    FEATURES. silent: its targets are never asked. allow: the name of a difference that it is there to show, for any
    that it has."""

    def __init__(self, family, name, answers, options=None, world="plain", labels=None, last=None, silent=False,
                 allow=None):
        self.family, self.name, self.world, self.silent = family, name, world, silent
        several = bool(answers) and isinstance(answers[0], (list, tuple))
        self.targets = [list(one) for one in (answers if several else [answers])]
        self.options, self.allow = dict(options or {}), allow
        self.labels = labels or [{} for _ in self.targets]
        self.last = last or Answer(b"")
        self.id = None

    def numbered(self, k):
        """Gives it its name, which pages may contain; the answers may be shared with other sequences."""
        self.id = "seq%04d" % k

        def own(answer):
            if callable(answer.body) or b"%SEQ%" not in answer.body:
                return answer
            answer = copy.copy(answer)
            answer.body = answer.body.replace(b"%SEQ%", self.id.encode())
            return answer
        self.targets = [[own(answer) for answer in answers] for answers in self.targets]
        self.last = own(self.last)
        return self

    def title(self):
        return "%s: %s, %s" % (self.id, self.family, self.name)

    def script(self):
        return {(self.id, str(k)): (answers, self.last) for k, answers in enumerate(self.targets)}

    def answer(self, target, i):
        answers = self.targets[int(target)]
        return answers[i] if i < len(answers) else self.last

    def job(self, address, interval_s, knows_options):
        """The scrape config. knows_options: of a scraper that has an option for what others have a flag for."""
        groups = []
        for k, more in enumerate(self.labels):
            labels = {"seq": self.id, "__metrics_path__": "/%s/%d" % (self.id, k)}
            if len(self.targets) > 1:
                labels["tgt"] = str(k)
            labels.update(more)
            groups.append({"targets": [address], "labels": {n: v for n, v in labels.items() if v is not None}})
        out = {"job_name": self.id, "scrape_interval": "%ds" % interval_s, "static_configs": groups}
        if knows_options:
            out.update(FEATURES[self.world])
        out.update(self.options)
        return json.loads(json.dumps(out).replace("%SEQ%", self.id).replace("%ADDRESS%", address))


def config(sequences, address, interval_s, url, knows_options):
    """A configuration file; JSON is YAML."""
    write = {"url": url, "send_exemplars": True, "send_native_histograms": True,
             "queue_config": {"batch_send_deadline": "200ms"}, "metadata_config": {"send_interval": "1s"}}
    if sequences[0].world in VERSION_2:
        write["protobuf_message"] = "io.prometheus.write.v2.Request"
    return json.dumps({
        "global": {"scrape_interval": "%ds" % interval_s, "scrape_timeout": "%ds" % interval_s},
        "scrape_configs": [s.job(address, interval_s, knows_options) for s in sequences],
        "remote_write": [write]}, indent=1)
