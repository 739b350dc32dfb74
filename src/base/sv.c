/* sv: the parts of a view that are not worth inlining. */
#include <ampagent/base/sv.h>

#include <stdlib.h>

size_t sv_find_sv(struct sv s, struct sv needle)
{
	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return s.len;
	const char *p = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return p ? (size_t)(p - s.ptr) : s.len;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool sv_eq_nocase(struct sv a, struct sv b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct sv sv_trim(struct sv s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

int sv_to_u64(struct sv s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.len == 0)
		return 1;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';
		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return 1;
	}
	*out = v;
	return 0;
}

int sv_to_i64(struct sv s, int64_t *out)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	uint64_t v;
	if (sv_to_u64(sv_from(s, negative), &v) != 0 || v > (uint64_t)INT64_MAX + negative)
		return 1;
	*out = (int64_t)(negative ? -v : v);
	return 0;
}

char *sv_dup(struct sv s)
{
	char *copy = malloc(s.len + 1);
	if (!copy)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}
