/* Doubles as Go's strconv reads and prints them.
 *
 * Reading accepts what Prometheus's text parser accepts: sign, digits, ".5", "5.", exponents, "inf"
 * "infinity" "nan" in any case (a sign on inf only); no hex, no '_', no blanks. Overflow is
 * refused, underflow gives 0 or a denormal. Exact (round to nearest even) for every input. Every
 * NaN read is the quiet NaN 0x7ff8000000000001, Prometheus's ordinary NaN.
 */
#pragma once

#include <ampagent/base/sv.h>

#define VALUE_NAN_BITS UINT64_C(0x7ff8000000000001)
#define VALUE_STALE_BITS UINT64_C(0x7ff0000000000002)

static inline uint64_t bits_of_double(double d)
{
	uint64_t u;
	memcpy(&u, &d, sizeof u);
	return u;
}

static inline double double_of_bits(uint64_t u)
{
	double d;
	memcpy(&d, &u, sizeof d);
	return d;
}

/* The whole of s is the number: 0 and *bits, or 1. Bits rather than a double, so that no NaN is
 * ever moved through a floating-point register. */
int number_parse(struct sv s, uint64_t *bits);

/* Also what Go's ParseFloat takes beyond that: hexadecimal floats with an exponent, and underscores
 * between digits. */
int number_parse_go(struct sv s, uint64_t *bits);

enum { NUMBER_MAX = 40 };
/* Shortest text that reads back to the same double, Go's 'g' with exponent -1: "1e+06", "0.0001",
 * "1e-05", "+Inf", "-Inf", "NaN". Returns the length; dst holds NUMBER_MAX bytes, terminated. */
size_t number_format(char *dst, double v);
/* The same, but as OpenMetrics wants it in le and quantile: "1.0", "+Inf". */
size_t number_format_openmetrics(char *dst, double v);
