"""What must hold at the end of a round of the torture run.

  every logged sample is at each sink, floats and histograms bit for bit, and so are exemplars and
  start times; nothing else is, but what was cut off the log;
  only these are missing, and are in the books of dropped samples: at b, and while it spoke 1.0 at a,
  histograms with custom buckets; at c all histograms; at d what d's record says that it refused; at a
  and b what they called too large when it was one sample;
  each series came in time order; sequence numbers have no gap but for what was cut off;
  a series that a target has no more has its staleness marker, over kills and reloads;
  the ledger says so too: sent + dropped + queued is head - base, in metrics, page and position files.
"""
import subprocess
import time

import harness as h
import torture_books
from torture_sinks import V1

# Refused by the peer: what d may be short of.
REFUSED = ("answered_400", "answered_partial", "ha_deduplicated", "series_limit", "repeated", "too_large")


def same_ledger(ledger, told):
    """/api/v1/ledger says what the metrics say."""
    for one in told["destinations"]:
        mine = ledger.get(one["name"], {})
        h.check((one["sent"], one["queued"]) == (mine.get("sent"), mine.get("queued")) and
                {r: n for r, n in one["droppedBy"].items() if n} == {r: n for r, n in mine["dropped"].items() if n},
                "the ledger's page and its metrics are one: %s, %s" % (one, mine))
    h.check(len(told["destinations"]) == len(ledger), "the ledger's page has all destinations")


def verify_log(data, cut):
    """The files by themselves. What was cut off leaves findings, but no account that does not agree."""
    run = subprocess.run([h.AMPAGENT, "wal", "verify", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         timeout=120, universal_newlines=True)
    accounts = [line for line in run.stdout.split("\n") if line.startswith("destination ")]
    h.check(len(accounts) == 4 and all(line.endswith(": agrees") for line in accounts) and (run.returncode == 0 or cut),
            "ampagent wal verify agrees with the books: %s" % run.stdout[-1000:])


class SinkCheck:
    def __init__(self, one, sink, ledger):
        self.one, self.sink, self.ledger, self.books = one, sink, ledger, one.books
        self.dropped = {reason: n for reason, n in ledger["dropped"].items() if n}
        self.record = torture_books.Record(sink.record, one.books)

    def booked(self, *reasons):
        return sum(self.dropped.get(reason, 0) for reason in reasons)

    def meant(self):
        """What this sink was not to get, or did not write; returns how many that are."""
        books, sink = self.books, self.sink
        exact = {"histograms_not_sent": 0 if sink.histograms else books.histograms,
                 "nhcb_in_rw1_not_supported": books.customs if sink.message == V1 else 0}
        for reason, want in exact.items():
            n = self.booked(reason)
            if sink.name == "a":
                h.check(n <= (books.customs + books.unsure if "old" in sink.were else 0), "%s at a: %d" % (reason, n))
            else:
                # New series that are not sent for there are too many may be of that kind.
                least = want - self.booked("series_limit") - books.unsure
                h.check(least <= n <= want + (books.unsure if want else 0), "%s at %s: %d, not %d (+ %d)"
                        % (reason, sink.name, n, want, books.unsure))
        refused = self.booked(*REFUSED)
        if not sink.loses:
            # A strict sink refuses what a killed agent repeats.
            repeated = self.booked("repeated")
            h.check(repeated == 0 or "strict" in sink.were or (books.cuts and sink.totals["conflicts"]),
                    "%d repeated at %s" % (repeated, sink.name))
            # A marker may have the time of a value that was sent and then cut off the log.
            conflicts = self.booked("answered_400") if books.cuts and sink.totals["conflicts"] else 0
            h.check(refused == repeated + self.booked("too_large") + conflicts, "refused by %s: %s" % (sink.name, self.dropped))
        return self.booked(*exact) + refused

    def unstored(self):
        """A full disk takes no position, and has room again only when segments go: what was sent from them since
        then is not known after a kill, and counts as gone. check_missing() sees that it is there all the same."""
        return self.booked("log_bound") if any(what.startswith("disk ") for what in self.one.done) else 0

    def check_ledger(self):
        books, sink, one = self.books, self.sink, self.ledger
        h.check(one["head"] == books.end == books.count + books.gaps,
                "the head of %s is what was logged: %s, %d + %d" % (sink.name, one, books.count, books.gaps))
        meant, nameless = self.meant(), self.booked("labels_lost")
        h.check(nameless <= books.nameless, "labels lost for %s: %d" % (sink.name, nameless))
        unstored = self.unstored()
        rest = sum(self.dropped.values()) - meant - nameless - unstored
        # What was cut off may have been sent, or given its number to another, or be lost.
        h.check(rest <= books.cuts, "nothing else is dropped for %s: %s" % (sink.name, self.dropped))
        h.check(abs(one["sent"] + meant + nameless + unstored - books.count) <= books.cuts,
                "sent to %s: %d and %d meant to be dropped of %d logged" % (sink.name, one["sent"], meant, books.count))
        if books.cuts == 0:
            h.check(one["base"] == 0, "the ledger of %s begins at 0: %s" % (sink.name, one))
        self.check_bounds()

    def check_bounds(self):
        """Stored is what was sent, and some of what was refused."""
        books = self.books
        twice = books.count - books.nameless - len(books.logged)
        stored = sum(key in books.logged for key in self.record.stored)
        most = (self.ledger["sent"] + self.booked(*REFUSED) + self.booked("nhcb_in_rw1_not_supported") +
                self.unstored())
        h.check(self.ledger["sent"] - twice - books.cuts <= stored <= most + books.cuts,
                "stored at %s: %d, sent %d, %d twice in the log, at most %d"
                % (self.sink.name, stored, self.ledger["sent"], twice, most))

    def check_missing(self, missing):
        """Nothing is missing but what the sink could not have or refused, each of it by the record, and
        not more of that than the books say; returns how many others are."""
        absent = [key for key in missing if key not in self.record.stored]
        refused = [key for key in absent if key in self.record.refused]
        if self.sink.name == "a":
            refused = [key for key in refused if not torture_books.is_custom(self.books.logged[key])]
        left = set(absent) - set(refused)
        customs = [key for key in absent if torture_books.is_custom(self.books.logged[key])]
        excused = 0
        # What the others refuse as old they have, from before they were started anew.
        if len(refused) <= self.booked(*(REFUSED if self.sink.loses else ("too_large",))):
            excused += len(refused)
        if self.sink.name == "a" and len(customs) <= self.booked(
                "nhcb_in_rw1_not_supported", "repeated", "too_large"):
            # Repeated by 2.0 after a kill they are late, which is refused while a is strict.
            excused += len(customs)
        elif self.sink.loses and len(left) <= self.booked("series_limit"):
            # New series are not even sent while there are too many.
            excused += len(left)
        if not h.check(len(missing) == excused, "%d logged samples are missing at %s, %d of them excused; dropped: %s"
                       % (len(missing), self.sink.name, excused, self.dropped)):
            self.record.show(self.books, sorted(left) or missing, "is missing at " + self.sink.name)
        return len(missing) - excused

    def check_order(self):
        """What was refused, or left out of 1.0, and is repeated after a kill comes late; returns how many
        samples are late without that."""
        record = self.record
        # What is not in the log is in no order with what is.
        h.check(self.books.memory or self.books.cuts or
                self.sink.totals["out_of_order"] <= len(record.disorder) + record.late_again,
                "what sink %s took for late is late in its record: %d, %d and %d again"
                % (self.sink.name, self.sink.totals["out_of_order"], len(record.disorder), record.late_again))
        late = [key for key in record.disorder if key not in record.refused]
        if self.sink.name == "a" and "old" in self.sink.were:
            late = [key for key in late if not torture_books.is_custom(self.record.stored[key])]
        self.record.show(self.books, late, "came late to " + self.sink.name)
        # What was left out, or not stored for another replica's sake, may be stored when it is repeated after a kill.
        excused = self.booked("ha_deduplicated", "series_limit") if self.sink.loses else 0
        h.check(len(late) <= excused, "%d samples came to %s out of order" % (len(late), self.sink.name))
        return len(late)

    def check_eras(self):
        """No sample has the external label of a configuration that was gone when it was scraped."""
        for era, newest in self.record.last_of_era.items():
            # A target that is gone has its markers at the turn that would have been its next.
            h.check(newest <= self.one.era_until.get(era, 0) + torture_books.TURN_MS, "at %s %s is a label until %d, not %s"
                    % (self.sink.name, era, newest, self.one.era_until.get(era)))

    def check_starts(self):
        """2.0 all the time: each start time that was logged."""
        record, books = self.record, self.books
        lost = [key for key in record.stored
                if record.starts.get(key) != books.starts.get(key) and not books.outside(key) and key not in books.lost]
        h.check(not lost, "%d of %d start times are not at %s" % (len(lost), len(record.starts), self.sink.name))
        h.check(record.starts, "there are start times")

    def row(self):
        """Checks all; a row of the report."""
        books, sink, record, one = self.books, self.sink, self.record, self.ledger
        missing, extra = record.compare(books, sink.name, sink.wants)
        lacking, disorder = self.check_missing(missing), self.check_order()
        self.check_eras()
        if sink.name in "ab":
            record.compare_exemplars(books, sink.name, self.booked("too_large"))
        if sink.name == "c":
            self.check_starts()
        self.check_ledger()
        again = sum(key in books.lost for key in books.logged) + sum(len(v) - 1 for v in books.lost.values())
        # Each as often as it is repeated.
        h.check(sink.totals["conflicts"] == 0 or again > 0, "sink %s saw %d conflicts, %d may be of what was cut off"
                % (sink.name, sink.totals["conflicts"], again))
        return (sink.name, books.count, len(books.logged), len(record.stored), lacking, len(extra), disorder,
                record.again + sink.totals["duplicates"] + sink.totals["resent_late"], len(record.refused),
                len(record.exemplars), one["sent"], sum(self.dropped.values()), one["queued"], one["head"] - one["base"])


def report(one, ledger, seconds):
    books = one.books
    books.check_values()
    books.check_ends()
    books.check_last(time.time() * 1000)
    told = books.ledger
    if told:
        h.check(told["base"] == 0 and (told["passed_over"] == books.gaps or books.cuts),
                "the log's own sums: %s, %d numbers unused" % (told, books.gaps))
    h.check(books.customs > 0 and books.histograms > books.customs and books.exemplars, "there is all of it")
    rows = [("sink", "logged", "distinct", "delivered", "missing", "extra", "disorder", "repeated", "refused",
             "exemplars", "sent", "dropped", "queued", "head-base")]
    rows += [SinkCheck(one, sink, ledger[sink.name]).row() for sink in one.sinks]
    print("\nseed %d: %d lives in %.0f s, ended by %s; %d series, %d histograms, %d of them custom, %d exemplars; %d"
          " samples cut off, %d without labels, %d numbers unused" % (
              one.args.seed, one.starts, seconds, one.ended_by, len(books.series.labels), books.histograms,
              books.customs, len(books.exemplars), books.cuts, books.nameless, books.gaps))
    print("done to it: %s; refused before the log: %s" % (one.done, books.ledger))
    for row in rows:
        print(" ".join("%9s" % cell for cell in row))
    for sink in one.sinks:
        print("%9s dropped %s; answers %s; were %s" % (
            sink.name, {r: n for r, n in ledger[sink.name]["dropped"].items() if n}, sink.answers, sorted(sink.were)))
