/* sv: a view of bytes that somebody else owns.
 *
 * Passed by value, never NUL-terminated, never frees. A view is valid as long as the memory it
 * points into; a function that keeps bytes copies them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sv {
	const char *ptr;
	size_t len;
};

#define SV_NULL ((struct sv){NULL, 0})
/* A view of a string literal. */
#define SV(lit) ((struct sv){"" lit, sizeof(lit) - 1})
/* printf pair: printf("%.*s", SV_ARG(v)). */
#define SV_ARG(v) (int)(v).len, (v).ptr ? (v).ptr : ""

static inline struct sv sv_of(const char *cstr)
{
	return (struct sv){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct sv sv_make(const char *ptr, size_t len)
{
	return (struct sv){ptr, len};
}

static inline bool sv_eq(struct sv a, struct sv b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte order, shorter first among equal prefixes: the order of Go's string compare. */
static inline int sv_cmp(struct sv a, struct sv b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
	if (c != 0)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool sv_starts_with(struct sv s, struct sv prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool sv_ends_with(struct sv s, struct sv suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline struct sv sv_from(struct sv s, size_t start)
{
	if (start > s.len)
		start = s.len;
	/* Nothing is added to NULL, not even 0. */
	return (struct sv){start ? s.ptr + start : s.ptr, s.len - start};
}

/* Index of the first c, or s.len when there is none. */
static inline size_t sv_find(struct sv s, char c)
{
	const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return p ? (size_t)(p - s.ptr) : s.len;
}

/* Index of the first occurrence of needle, or s.len when there is none. */
size_t sv_find_sv(struct sv s, struct sv needle);
/* Case-blind for ASCII letters only. */
bool sv_eq_nocase(struct sv a, struct sv b);
/* Without leading and trailing ASCII white space (space, \t, \r, \n, \v, \f). */
struct sv sv_trim(struct sv s);
/* Unsigned decimal, digits only, no overflow: 0 and *out, or 1. */
int sv_to_u64(struct sv s, uint64_t *out);
/* Optional '-', digits only, no overflow: 0 and *out, or 1. */
int sv_to_i64(struct sv s, int64_t *out);
/* A malloc'd NUL-terminated copy; NULL when memory is gone. The caller frees it. */
char *sv_dup(struct sv s);
