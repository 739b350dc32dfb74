#!/usr/bin/env python3
"""Instructions of parse, log and encode on fixed input, counted by valgrind: no clock, so two machines agree.

usage: instructions.py BENCH_MICRO [BENCH_MICRO_BEFORE]

Each case is run with two numbers of rounds; the difference is what rounds cost, without start and end. With a
second program, built from an earlier state, the change is printed.
"""
import re
import subprocess
import sys

ROUNDS = (20, 60)
CASES = ["scrape: the page alone", "scrape: matched line", "wal encode/sample", "wal check and decode/sample",
         "remote write encode/sample", "remote write image/series"]


def count(program, case, rounds):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, case,
                           str(rounds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or not done.stdout.strip():
        sys.exit("instructions: %s %r failed:\n%s" % (program, case, done.stderr))
    return int(found.group(1)), int(done.stdout.split()[-1])


def per_item(program, case):
    (a, items_a), (b, items_b) = (count(program, case, n) for n in ROUNDS)
    return (b - a) / (items_b - items_a)


def main():
    programs = sys.argv[1:3]
    if not programs:
        sys.exit(__doc__)
    print("%-36s %14s%s" % ("instructions per item", "now", "        before     change" if programs[1:] else ""))
    for case in CASES:
        counts = [per_item(program, case) for program in programs]
        line = "%-36s %14.2f" % (case, counts[0])
        if len(counts) > 1:
            line += " %13.2f  %+8.2f %%" % (counts[1], (counts[0] / counts[1] - 1) * 100)
        print(line, flush=True)


if __name__ == "__main__":
    main()
