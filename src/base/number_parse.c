/* number_parse: text to double, exact.
 *
 * Four ways, each for what the one before cannot do:
 *   1. up to 19 digits that make an integer below 2^53, times or over a power of ten up to 10^22:
 *      both are doubles, so one operation rounds once (Clinger);
 *   2. up to 19 digits with any exponent: one or two 64 x 64 multiplications by a 128-bit power of
 *      five (Eisel and Lemire; that 128 bits are always enough is shown by Mushtak and Lemire);
 *   3. more digits: way 2 for the first 19 cut off and rounded up; when both give the same double,
 *      that is it;
 *   4. else strtod, on a text cut to the digits that can matter.
 */
#include "pow5_table.h"

#include <ampagent/base/number.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DIGITS_MAX = 19,    /* decimal digits that always fit 64 bits */
	CLINGER_POWER = 22, /* largest power of ten that is a double */
	FRACTION_BITS = 52,
	EXPONENT_BIAS = 1023,
	EXPONENT_INFINITE = 0x7ff,
	/* More significant digits than any double or midpoint of two has (767 and 768). */
	DIGITS_THAT_MATTER = 800,
};

/* Digits of an exponent after this are not read: no text is long enough to bring the value back
 * from zero or infinity. */
#define EXPONENT_CUT INT64_C(1000000000000000)
#define MANTISSA_EXACT (UINT64_C(1) << 53)
#define BITS_INFINITE ((uint64_t)EXPONENT_INFINITE << FRACTION_BITS)

struct decimal {
	const char *digits; /* where the digits (and one '.') stand */
	const char *digits_end;
	uint64_t mantissa; /* of the first DIGITS_MAX significant digits */
	int64_t exponent;  /* value = mantissa * 10^exponent */
	int64_t written;   /* the exponent as written */
	bool cut;          /* there are more digits than mantissa holds */
};

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

/* ---- digits, eight at a time ---- */

static uint64_t load8(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}

/* Every byte has high half 3, and still has after adding 6: '0' to '9'. */
static bool are_8_digits(uint64_t v)
{
	return ((v & UINT64_C(0xf0f0f0f0f0f0f0f0)) |
		(((v + UINT64_C(0x0606060606060606)) & UINT64_C(0xf0f0f0f0f0f0f0f0)) >> 4)) ==
	       UINT64_C(0x3333333333333333);
}

/* Pairs of digits, then pairs of pairs, then the two halves. */
static uint32_t value_of_8(uint64_t v)
{
	v -= UINT64_C(0x3030303030303030);
	v = v * 10 + (v >> 8);
	const uint64_t mask = UINT64_C(0x000000ff000000ff);
	const uint64_t low = UINT64_C(0x000f424000000064);  /* 100 + (1000000 << 32) */
	const uint64_t high = UINT64_C(0x0000271000000001); /* 1 + (10000 << 32) */
	return (uint32_t)(((v & mask) * low + ((v >> 16) & mask) * high) >> 32);
}

static const char *scan_digits(const char *p, const char *end, uint64_t *value)
{
	uint64_t v = *value;
	while (end - p >= 8) {
		uint64_t eight = load8(p);
		if (!are_8_digits(eight))
			break;
		v = v * 100000000 + value_of_8(eight);
		p += 8;
	}
	for (; p < end && is_digit(*p); p++)
		v = v * 10 + (uint64_t)(*p - '0');
	*value = v;
	return p;
}

/* ---- the shape of a number ---- */

/* Reads "e+12" up to end: 0, or 1 when it is not that. */
static int scan_exponent(const char *p, const char *end, int64_t *exponent)
{
	bool negative = false;
	if (p == end || (*p | 0x20) != 'e')
		return 1;
	p++;
	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	if (p == end)
		return 1;
	int64_t v = 0;
	for (; p < end; p++) {
		if (!is_digit(*p))
			return 1;
		if (v < EXPONENT_CUT)
			v = v * 10 + (*p - '0');
	}
	*exponent = negative ? -v : v;
	return 0;
}

/* The digits did not fit: takes the first DIGITS_MAX significant ones again, one by one. */
static void rescan_cut(struct decimal *d, size_t fraction)
{
	bool point = false;
	size_t taken = 0;
	int64_t dropped = 0, after_point = 0;
	d->mantissa = 0;
	for (const char *p = d->digits; p < d->digits_end; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if (taken == 0 && *p == '0') {
			after_point += point;
			continue;
		}
		if (taken < DIGITS_MAX) {
			d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
			taken++;
			after_point += point;
			continue;
		}
		d->cut |= *p != '0';
		dropped += !point;
	}
	/* Digits before the point that were not taken scale up, taken ones after it scale down. */
	d->exponent = d->written + (fraction > 0 ? dropped - after_point : dropped);
}

/* Splits the text after its sign: 0, or 1 when it is not digits, point, exponent. */
static int scan_decimal(const char *p, const char *end, struct decimal *d)
{
	*d = (struct decimal){.digits = p};
	const char *q = scan_digits(p, end, &d->mantissa);
	size_t n = (size_t)(q - p), fraction = 0;
	if (q < end && *q == '.') {
		const char *f = q + 1;
		q = scan_digits(f, end, &d->mantissa);
		fraction = (size_t)(q - f);
		n += fraction;
	}
	d->digits_end = q;
	if (n == 0 || (q < end && scan_exponent(q, end, &d->written) != 0))
		return 1;
	d->exponent = d->written - (int64_t)fraction;
	if (n > DIGITS_MAX)
		rescan_cut(d, fraction);
	return 0;
}

/* ---- Eisel and Lemire ---- */

/* floor(log2(10^q)) + 63: the binary exponent of the table's entry. */
static int32_t binary_exponent(int32_t q)
{
	return ((217706 * q) >> 16) + 63;
}

/* The upper 128 bits, precise enough to round from, of w * 5^q. w has its top bit set. */
static void multiply(uint64_t w, int32_t q, uint64_t *high, uint64_t *low)
{
	const uint64_t *power = pow5_table[q - POW5_SMALLEST];
	unsigned __int128 first = (unsigned __int128)w * power[0];
	*high = (uint64_t)(first >> 64);
	*low = (uint64_t)first;
	/* Only when the bits below the rounding place are all set can the second word matter. */
	if ((*high & 0x1ff) == 0x1ff) {
		uint64_t second = (uint64_t)(((unsigned __int128)w * power[1]) >> 64);
		*low += second;
		*high += second > *low;
	}
}

/* A double below the normal range: the fraction without its implicit bit. */
static uint64_t round_denormal(uint64_t mantissa, int32_t exponent)
{
	int32_t shift = 1 - exponent;
	if (shift >= 64)
		return 0;
	mantissa >>= shift;
	mantissa += mantissa & 1;
	/* Rounded up to 2^52 it is the smallest normal double, and its bits say so. */
	return mantissa >> 1;
}

/* Bits of w * 10^q, rounded to nearest, ties to even; infinity on overflow. */
static uint64_t round_decimal(uint64_t w, int64_t q64)
{
	if (w == 0 || q64 < POW5_SMALLEST)
		return 0;
	if (q64 > POW5_LARGEST)
		return BITS_INFINITE;
	int32_t q = (int32_t)q64;
	int zeros = __builtin_clzll(w);
	uint64_t high, low;
	multiply(w << zeros, q, &high, &low);

	/* Keep 54 bits: 53 and one to round by. */
	int top = (int)(high >> 63);
	int shift = top + 64 - FRACTION_BITS - 3;
	uint64_t mantissa = high >> shift;
	int32_t exponent = binary_exponent(q) + top - zeros + EXPONENT_BIAS;
	if (exponent <= 0)
		return round_denormal(mantissa, exponent);

	/* A tie can only be where 5^q is exact in 64 bits; then even wins. */
	if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == high)
		mantissa &= ~UINT64_C(1);
	mantissa += mantissa & 1;
	mantissa >>= 1;
	if (mantissa >= MANTISSA_EXACT) {
		mantissa = UINT64_C(1) << FRACTION_BITS;
		exponent++;
	}
	if (exponent >= EXPONENT_INFINITE)
		return BITS_INFINITE;
	return (mantissa & ~(UINT64_C(1) << FRACTION_BITS)) | (uint64_t)exponent << FRACTION_BITS;
}

/* ---- the sliver left ---- */

/* Writes the digits that matter as an integer with an exponent, and lets the C library decide. A
 * last "1" stands for everything that was left out. */
static uint64_t by_strtod(const struct decimal *d)
{
	char text[DIGITS_THAT_MATTER + 32];
	size_t n = 0;
	bool point = false, rest = false;
	int64_t exponent = d->written;
	for (const char *p = d->digits; p < d->digits_end; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		exponent -= point;
		if (n == 0 && *p == '0')
			continue;
		if (n < DIGITS_THAT_MATTER) {
			text[n++] = *p;
			continue;
		}
		rest |= *p != '0';
		exponent++;
	}
	if (rest) {
		text[n++] = '1';
		exponent--;
	}
	snprintf(text + n, sizeof text - n, "e%lld", (long long)exponent);
	return bits_of_double(strtod(text, NULL));
}

static uint64_t bits_of_decimal(const struct decimal *d)
{
	static const double powers[CLINGER_POWER + 1] = {
		1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	if (!d->cut && d->mantissa <= MANTISSA_EXACT && d->exponent >= -CLINGER_POWER &&
	    d->exponent <= CLINGER_POWER) {
		double v = (double)d->mantissa;
		return bits_of_double(d->exponent < 0 ? v / powers[-d->exponent]
						      : v * powers[d->exponent]);
	}
	uint64_t bits = round_decimal(d->mantissa, d->exponent);
	if (d->cut && bits != round_decimal(d->mantissa + 1, d->exponent))
		return by_strtod(d);
	return bits;
}

/* ---- words ---- */

static int parse_word(struct sv word, bool has_sign, uint64_t *bits)
{
	if (sv_eq_nocase(word, SV("inf")) || sv_eq_nocase(word, SV("infinity"))) {
		*bits = BITS_INFINITE;
		return 0;
	}
	if (has_sign || !sv_eq_nocase(word, SV("nan")))
		return 1;
	*bits = VALUE_NAN_BITS;
	return 0;
}

int number_parse(struct sv s, uint64_t *bits)
{
	if (s.len == 0)
		return 1;
	const char *p = s.ptr, *end = s.ptr + s.len;
	bool has_sign = *p == '-' || *p == '+';
	uint64_t sign = *p == '-' ? UINT64_C(1) << 63 : 0;
	p += has_sign;

	uint64_t magnitude;
	if (p < end && (is_digit(*p) || *p == '.')) {
		struct decimal d;
		if (scan_decimal(p, end, &d) != 0)
			return 1;
		magnitude = bits_of_decimal(&d);
		if (magnitude == BITS_INFINITE)
			return 1;
	} else if (parse_word(sv_make(p, (size_t)(end - p)), has_sign, &magnitude) != 0) {
		return 1;
	}
	*bits = magnitude | sign;
	return 0;
}

/* ---- what Go takes beside ---- */

/* Underscores stand between digits, or between a base's prefix and a digit (strconv's
 * underscoreOK). */
static bool underscores_placed(struct sv s)
{
	size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
	bool hex = s.len >= i + 2 && s.ptr[i] == '0' && (s.ptr[i + 1] | 0x20) == 'x';
	char before = '^'; /* '0' a digit or prefix, '_', '!' anything else */
	if (hex) {
		i += 2;
		before = '0';
	}
	for (; i < s.len; i++) {
		char c = s.ptr[i];
		bool digit = is_digit(c) || (hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f');
		if (c == '_' ? before != '0' : !digit && before == '_')
			return false;
		before = digit ? '0' : c == '_' ? '_' : '!';
	}
	return before != '_';
}

int number_parse_go(struct sv s, uint64_t *bits)
{
	if (number_parse(s, bits) == 0)
		return 0;
	char text[128], *end;
	size_t n = 0;
	bool hex = false, power = false;
	if (s.len >= sizeof text || !underscores_placed(s))
		return 1;
	for (size_t i = 0; i < s.len; i++) {
		hex = hex || (s.ptr[i] | 0x20) == 'x';
		power = power || (s.ptr[i] | 0x20) == 'p';
		if (s.ptr[i] != '_')
			text[n++] = s.ptr[i];
	}
	text[n] = '\0';
	if (!hex)
		return n == s.len ? 1 : number_parse(sv_make(text, n), bits);
	const char *digits = text + (text[0] == '-' || text[0] == '+');
	if (!power || digits[0] != '0' || (digits[1] | 0x20) != 'x')
		return 1;
	double v = strtod(text, &end);
	if (*end != '\0' || bits_of_double(v < 0 ? -v : v) == BITS_INFINITE)
		return 1;
	*bits = bits_of_double(v);
	return 0;
}
