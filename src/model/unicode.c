/* Look-ups in tables of ranges. ASCII never gets there. */
#include "unicode.h"

struct rune_range {
	uint32_t lo, hi;
};

struct rune_shift {
	uint32_t lo, hi;
	int32_t step; /* 1, or 2 for every second rune */
	int32_t by;
};

#include "unicode_tables.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Length of a sequence by its first byte and the bounds of its second (RFC 3629's table). */
static size_t sequence(uint8_t first, uint8_t *lo, uint8_t *hi)
{
	*lo = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*hi = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t rune_decode(struct sv s, uint32_t *out)
{
	const uint8_t *p = (const uint8_t *)s.ptr;
	if (p[0] < 0x80) {
		*out = p[0];
		return 1;
	}
	uint8_t lo, hi;
	size_t n = sequence(p[0], &lo, &hi);
	*out = RUNE_BAD;
	if (n == 0 || n > s.len || p[1] < lo || p[1] > hi)
		return 1;
	uint32_t rune = p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		rune = rune << 6 | (p[i] & 0x3f);
	}
	*out = rune;
	return n;
}

size_t rune_encode(char dst[RUNE_MAX_BYTES], uint32_t rune)
{
	if (rune < 0x80) {
		dst[0] = (char)rune;
		return 1;
	}
	size_t n = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--) {
		dst[i] = (char)(0x80 | (rune & 0x3f));
		rune >>= 6;
	}
	dst[0] = (char)((0xf00U >> n) | rune);
	return n;
}

static uint32_t shifted(const struct rune_shift *table, size_t n, uint32_t rune)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (rune > table[mid].hi)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == n || rune < table[lo].lo || (rune - table[lo].lo) % (uint32_t)table[lo].step != 0)
		return rune;
	return (uint32_t)((int32_t)rune + table[lo].by);
}

uint32_t rune_to_lower(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= 'A' && rune <= 'Z' ? rune + 32 : rune;
	return shifted(rune_lower_shift, COUNT(rune_lower_shift), rune);
}

uint32_t rune_to_upper(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= 'a' && rune <= 'z' ? rune - 32 : rune;
	return shifted(rune_upper_shift, COUNT(rune_upper_shift), rune);
}

static bool within(const struct rune_range *table, size_t n, uint32_t rune)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (rune > table[mid].hi)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && rune >= table[lo].lo;
}

bool rune_is_word(uint32_t rune)
{
	return within(rune_word, COUNT(rune_word), rune);
}

bool rune_is_print(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= 0x20 && rune < 0x7f;
	return within(rune_print, COUNT(rune_print), rune);
}
