#!/usr/bin/env python3
"""Writes pow5_table.h: 128-bit significands of the powers of five, for number_parse.c.

Entry q holds the 128 most significant bits of 5**q, its top bit set. The rest is cut off, except
for q from -27 to -1, where it is rounded up: there 5**-q fits 64 bits, decimal texts can be exact
ties, and the Eisel-Lemire method tells them by an entry that is never too small.

    python3 src/base/gen_pow5.py > src/base/pow5_table.h
    python3 src/base/gen_pow5.py --check src/base/pow5_table.h
"""
import sys

SMALLEST, LARGEST = -342, 308
ROUNDED_UP_FROM = -27
BITS = 128


def significand(q):
    if q >= 0:
        power = 5**q
        shift = power.bit_length() - BITS
        return power >> shift if shift >= 0 else power << -shift
    divisor = 5**-q
    # The quotient has exactly BITS bits: 2**(b-1) < divisor < 2**b for b = bit_length().
    quotient = (1 << (BITS - 1 + divisor.bit_length())) // divisor
    return quotient + (q >= ROUNDED_UP_FROM)


def header():
    lines = ["/* Made by gen_pow5.py: {high, low} words of 5^q, q from %d to %d. */" % (SMALLEST, LARGEST),
             "#pragma once",
             "",
             "#include <stdint.h>",
             "",
             "enum { POW5_SMALLEST = %d, POW5_LARGEST = %d };" % (SMALLEST, LARGEST),
             "",
             "/* clang-format off */",
             "static const uint64_t pow5_table[POW5_LARGEST - POW5_SMALLEST + 1][2] = {"]
    for q in range(SMALLEST, LARGEST + 1):
        value = significand(q)
        assert value.bit_length() == BITS
        lines.append("\t{UINT64_C(0x%016x), UINT64_C(0x%016x)}," % (value >> 64, value & (1 << 64) - 1))
    lines += ["};", "/* clang-format on */", ""]
    return "\n".join(lines)


def main():
    if sys.argv[1:2] != ["--check"]:
        sys.stdout.write(header())
    elif open(sys.argv[2]).read() != header():
        sys.exit("%s is not what this script makes" % sys.argv[2])


main()
