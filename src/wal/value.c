/* One value given the one before it: a tag byte and what it asks for.
 *
 *   00..7f      whole numbers: the zigzag difference is the tag itself
 *   80..af      whole numbers: zigzag difference - 128, upper bits in the tag, one byte more
 *   b0..b5      whole numbers: zigzag difference in 2..7 bytes
 *   b6..b9      decimals: zigzag varint difference of value * 10^2, 10^3, 10^6, 10^9
 *   ba bb bc    staleness marker; ordinary NaN; the same bits again
 *   c0..ff      c0 + 8 * zero bytes at the top + bytes kept - 1: the XOR of the bits, without its
 *               zero bytes at both ends
 *
 * Whole numbers are doubles that are exact integers below 2^53. Counters and sizes move in small
 * steps, so most of them take one or two bytes where the XOR of the bits takes three to five.
 * Decimals are doubles that are the nearest ones to a whole number over the scale (seconds with
 * 2..9 places): the XOR of two such is noise. The writer uses a form only when reading it back
 * gives the same bits.
 */
#include <ampagent/base/number.h>
#include <ampagent/base/varint.h>

#include "codec.h"

enum {
	TAG_INT_2 = 0x80,
	TAG_INT_N = 0xb0,
	TAG_DECIMAL = 0xb6,
	TAG_STALE = 0xba,
	TAG_NAN = 0xbb,
	TAG_SAME = 0xbc,
	TAG_XOR = 0xc0,
};

enum { N_SCALES = 4, INT_2_SPAN = (TAG_INT_N - TAG_INT_2) << 8 };

static const double scales[N_SCALES] = {1e2, 1e3, 1e6, 1e9};

/* Comparing the bits, not the doubles, keeps -0 out. */
static bool whole_of(uint64_t bits, int64_t *out)
{
	const double limit = 9007199254740992.0; /* 2^53 */
	double d = double_of_bits(bits);
	if (!(d > -limit && d < limit))
		return false;
	*out = (int64_t)d;
	return bits_of_double((double)*out) == bits;
}

/* Below 2^50 the product is off by less than 1/4, so the number found does not depend on how it was
 * rounded. */
static bool decimal_of(uint64_t bits, double scale, int64_t *out)
{
	const double limit = 1125899906842624.0; /* 2^50 */
	double d = double_of_bits(bits) * scale;
	if (!(d > -limit && d < limit))
		return false;
	*out = (int64_t)(d < 0 ? d - 0.5 : d + 0.5);
	return bits_of_double((double)*out / scale) == bits;
}

static unsigned bytes_of(uint64_t v)
{
	return v ? (71 - (unsigned)__builtin_clzll(v)) / 8 : 1;
}

static uint8_t *bytes_put(uint8_t *p, uint64_t v, unsigned n)
{
	u64_put(p, v);
	return p + n;
}

static uint8_t *whole_put(uint8_t *p, uint64_t difference)
{
	if (difference < TAG_INT_2) {
		*p++ = (uint8_t)difference;
		return p;
	}
	if (difference - TAG_INT_2 < INT_2_SPAN) {
		uint64_t v = difference - TAG_INT_2;
		*p++ = (uint8_t)(TAG_INT_2 + (v >> 8));
		*p++ = (uint8_t)v;
		return p;
	}
	unsigned n = bytes_of(difference);
	*p++ = (uint8_t)(TAG_INT_N + n - 2);
	return bytes_put(p, difference, n);
}

static size_t whole_len(uint64_t difference)
{
	if (difference < TAG_INT_2)
		return 1;
	return difference - TAG_INT_2 < INT_2_SPAN ? 2 : 1 + bytes_of(difference);
}

/* Tries the scales; returns p when none gives fewer than max bytes. */
static uint8_t *decimal_put(uint8_t *p, uint64_t prev, uint64_t cur, size_t max)
{
	for (unsigned i = 0; i < N_SCALES; i++) {
		int64_t a, b;
		if (!decimal_of(cur, scales[i], &b) || !decimal_of(prev, scales[i], &a))
			continue;
		uint64_t difference = zigzag(b - a);
		if (1 + varint_len(difference) >= max)
			return p;
		*p++ = (uint8_t)(TAG_DECIMAL + i);
		return varint_put(p, difference);
	}
	return p;
}

uint8_t *value_put(uint8_t *p, uint64_t prev, uint64_t cur)
{
	uint64_t x = prev ^ cur;
	if (x == 0 || cur == VALUE_STALE_BITS || cur == VALUE_NAN_BITS) {
		*p++ = x == 0 ? TAG_SAME : cur == VALUE_STALE_BITS ? TAG_STALE : TAG_NAN;
		return p;
	}
	unsigned top = (unsigned)__builtin_clzll(x) / 8;
	unsigned low = (unsigned)__builtin_ctzll(x) / 8;
	unsigned kept = 8 - top - low;

	int64_t a, b;
	bool whole = whole_of(cur, &b);
	if (whole && whole_of(prev, &a)) {
		uint64_t difference = zigzag(b - a);
		if (whole_len(difference) <= 1 + kept)
			return whole_put(p, difference);
	} else if (kept > 2) {
		uint8_t *end = decimal_put(p, prev, cur, 1 + kept);
		if (end != p)
			return end;
	}
	*p++ = (uint8_t)(TAG_XOR + 8 * top + kept - 1);
	return bytes_put(p, x >> (8 * low), kept);
}

static const uint8_t *bytes_get(const uint8_t *p, const uint8_t *end, unsigned n, uint64_t *out)
{
	if ((size_t)(end - p) < n)
		return NULL;
	uint64_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	*out = v;
	return p + n;
}

static const uint8_t *whole_apply(const uint8_t *p, uint64_t prev, uint64_t difference,
				  uint64_t *cur)
{
	int64_t a;
	if (!p || !whole_of(prev, &a))
		return NULL;
	*cur = bits_of_double((double)(a + unzigzag(difference)));
	return p;
}

static const uint8_t *decimal_get(const uint8_t *p, const uint8_t *end, double scale, uint64_t prev,
				  uint64_t *cur)
{
	int64_t a;
	uint64_t difference;
	if (!decimal_of(prev, scale, &a) || !(p = varint_get(p, end, &difference)))
		return NULL;
	/* Wraps when the bytes lie; never when this file wrote them. */
	int64_t b = (int64_t)((uint64_t)a + (uint64_t)unzigzag(difference));
	*cur = bits_of_double((double)b / scale);
	return p;
}

static const uint8_t *xor_get(const uint8_t *p, const uint8_t *end, unsigned shape, uint64_t prev,
			      uint64_t *cur)
{
	unsigned top = shape / 8, kept = shape % 8 + 1;
	uint64_t x;
	if (top + kept > 8 || !(p = bytes_get(p, end, kept, &x)))
		return NULL;
	*cur = prev ^ x << (8 * (8 - top - kept));
	return p;
}

const uint8_t *value_get(const uint8_t *p, const uint8_t *end, uint64_t prev, uint64_t *cur)
{
	uint64_t v = 0;
	if (p >= end)
		return NULL;
	unsigned tag = *p++;
	if (tag < TAG_INT_2)
		return whole_apply(p, prev, tag, cur);
	if (tag >= TAG_XOR)
		return xor_get(p, end, tag - TAG_XOR, prev, cur);
	if (tag < TAG_INT_N) {
		p = bytes_get(p, end, 1, &v);
		return whole_apply(p, prev, TAG_INT_2 + ((uint64_t)(tag - TAG_INT_2) << 8 | v),
				   cur);
	}
	if (tag < TAG_DECIMAL) {
		p = bytes_get(p, end, tag - TAG_INT_N + 2, &v);
		return whole_apply(p, prev, v, cur);
	}
	if (tag < TAG_DECIMAL + N_SCALES)
		return decimal_get(p, end, scales[tag - TAG_DECIMAL], prev, cur);
	if (tag > TAG_SAME)
		return NULL;
	*cur = tag == TAG_STALE ? VALUE_STALE_BITS : tag == TAG_NAN ? VALUE_NAN_BITS : prev;
	return p;
}
