"""The sinks of the torture run: receivers that come and go and answer everything that AMP may answer.

A state is what a sink does for a while. None but those of sink d make it lose what it was sent; what
d does not store, and each sample that any sink refuses for good, is in the sink's record, marked.
"""
import json
import os
import signal

import harness as h
import torture_books

V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"

# By name: the switches. "down": nobody listens; "strict": refuses old samples, repeated ones as
# well; "frozen": connections are taken by the kernel, nothing ever answers.
STATES = {
    "up": {},
    "down": {},
    "strict": {},
    "frozen": {},
    "failing": {"rate_429": 0.1, "rate_500": 0.2, "rate_403": 0.03, "rate_drop": 0.2},
    "throttled": {"rate_429": 0.7},
    "told to wait": {"rate_429": 0.3, "rate_500": 0.1, "retry_after_s": 1},
    "slow": {"latency_ms": 200},
    "reads slowly": {"read_pause_ms": 40},
    "out": {"rate_500": 1},
    "old": {"accept_v2": 0},
    "resets": {"rate_reset": 0.2, "rate_vanish": 0.05, "rate_drop": 0.1},
    "cuts answers": {"rate_truncate": 0.5},
    "hangs": {"rate_hang": 0.3, "hang_ms": 2500},
    "too large": {"rate_413": 0.2, "rate_400_size": 0.2},
    "denies": {"rate_403": 0.3, "rate_403_denied": 0.3},
    "not found": {"rate_404": 0.3},
    "clock ahead": {"clock_ahead_s": 400},
    "clock behind": {"clock_behind_s": 400},
    "partly": {"rate_400": 0.3},
    "refuses many": {"rate_400_many": 0.4},
    "series limit": {"rate_400_limit": 0.5},
    "another replica": {"rate_202": 0.3},
    "all of it": {"rate_400": 0.05, "rate_400_many": 0.05, "rate_400_limit": 0.05, "rate_202": 0.05, "rate_429": 0.1,
                  "rate_500": 0.1, "rate_403": 0.02, "rate_413": 0.05, "rate_400_size": 0.05, "rate_drop": 0.05,
                  "rate_reset": 0.05, "rate_truncate": 0.05, "rate_hang": 0.03, "hang_ms": 2500, "latency_ms": 10},
}
NO_SWITCHES = {name: 0 for switches in STATES.values() for name in switches}
NO_SWITCHES.update(accept_v2=1, hang_ms=2500)

KEEPS = ("up", "up", "down", "failing", "throttled", "told to wait", "slow", "reads slowly", "out", "resets",
         "cuts answers", "hangs", "too large", "denies", "not found", "clock ahead", "clock behind", "frozen")
LOSES = ("partly", "refuses many", "series limit", "another replica", "all of it")
# What each sink may be. Sink a speaks 2.0, is strict at times and knows only 1.0 at others; d loses.
MOODS = {
    "a": KEEPS + ("strict", "old"),
    "b": KEEPS,
    "c": ("up", "up", "slow", "failing", "resets", "hangs", "frozen", "cuts answers"),
    "d": ("up", "failing", "down") + LOSES + LOSES,
}


class Sink:
    """A receiver that may be gone; its record file outlives it. It is ended, never killed: it is
    the agent that must not lose what was answered."""

    def __init__(self, directory, name, message=V2, histograms=True):
        self.dir, self.name, self.message, self.histograms = directory, name, message, histograms
        self.port = h.free_port()
        self.record = os.path.join(directory.path, "record-" + name)
        open(self.record, "w").close()
        self.receiver, self.strict, self.lives = None, False, 0
        self.state, self.were = "down", set()
        self.totals, self.answers, self.faults = {}, {}, {}

    @property
    def loses(self):
        return self.name == "d"

    def up(self, strict=False):
        if self.receiver and self.strict == strict:
            return
        self.down()
        self.strict = strict
        self.receiver = h.Receiver(self.dir, "--record=" + self.record, "--record-refused", "--seed=%d" % self.lives,
                                   "--out-of-order-window=%s" % ("0s" if strict else "2h"),
                                   port=self.port)
        self.lives += 1

    def down(self):
        if not self.receiver:
            return
        start = len(self.receiver.log())
        code = self.receiver.stop()
        h.check(code == 0, "sink %s ends with %d" % (self.name, code))
        lines = [line for line in self.receiver.log()[start:].split("\n") if line.startswith("{")]
        if h.check(len(lines) == 1, "sink %s tells its counts" % self.name):
            self._count(json.loads(lines[0]))
        self.receiver = None

    def _count(self, told):
        for sums, counts in ((self.answers, told.pop("answers")), (self.faults, told.pop("switches")),
                             (self.totals, told)):
            for name, value in counts.items():
                sums[name] = sums.get(name, 0) + value
        h.check(told["too_old"] == 0 or self.strict or self.loses, "sink %s saw %d too old" % (self.name, told["too_old"]))
        h.check(self.loses or told["refused"] == told["too_old"] + told["conflicts"],
                "sink %s refused what was repeated and nothing else: %s" % (self.name, told))
        h.check(told["too_new"] == 0 and told["bad_snappy"] + told["bad_protobuf"] + told["bad_labels"] == 0,
                "sink %s could read what it got: %s" % (self.name, told))
        h.check(not told["record_failed"], "sink %s could write its record" % self.name)

    def be(self, state):
        self.were.add(state)
        if self.state == "frozen":
            self.receiver.popen.send_signal(signal.SIGCONT)
        self.state = state
        if state == "down":
            self.down()
            return
        self.up(strict=state == "strict")
        self.receiver.switch(**dict(NO_SWITCHES, **STATES[state]))
        if state == "frozen":
            self.receiver.popen.send_signal(signal.SIGSTOP)

    def turn(self, rng):
        self.be(rng.choice(MOODS[self.name]))

    def end(self):
        if self.receiver and self.receiver.running():
            self.receiver.popen.send_signal(signal.SIGCONT)
            self.receiver.kill()

    def wants(self, value):
        if self.message == V1:
            return not torture_books.is_custom(value)
        return self.histograms or not torture_books.is_histogram(value)

    def config(self, rng):
        """Another number of shards and size of requests each time."""
        return ("- name: %s\n  url: http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write\n"
                "  sigv4: {region: %s, access_key: %s, secret_key: %s}\n  remote_timeout: 1s\n"
                "  protobuf_message: %s\n  send_native_histograms: %s\n  send_exemplars: %s\n"
                "  queue_config: {batch_send_deadline: 200ms, min_backoff: 20ms, max_backoff: 400ms,"
                " max_samples_per_send: %d, min_shards: %d, max_shards: 8}\n"
                % (self.name, self.port, h.WORKSPACE, h.REGION, h.ACCESS_KEY, h.SECRET_KEY, self.message,
                   self.histograms, self.histograms, rng.choice((100, 1000, 5000)), rng.choice((1, 1, 2, 4))))
