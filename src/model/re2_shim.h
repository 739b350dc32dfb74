/* The C face of RE2. Nothing else sees the library; no exception leaves it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct re2_shim;

/* A group's place in the text; start is RE2_SHIM_NONE when it took no part in the match. */
struct re2_span {
	size_t start, end;
};
#define RE2_SHIM_NONE ((size_t)-1)

/* Compiles UTF-8 text with Perl-like syntax: 0; 1 with RE2's message; -1 without memory. */
int re2_shim_compile(const char *text, size_t len, struct re2_shim **out, char *msg,
		     size_t msg_size);
void re2_shim_free(struct re2_shim *re);
/* Capturing groups, the whole match not counted. */
size_t re2_shim_groups(const struct re2_shim *re);
/* The number of a named group, or 0. */
size_t re2_shim_group(const struct re2_shim *re, const char *name, size_t len);
/* The leftmost match at or after from, with the places of the whole match and the first n - 1
 * groups. Thread-safe. 1 found, 0 not found, -1 without memory. */
int re2_shim_find(const struct re2_shim *re, const char *text, size_t len, size_t from,
		  struct re2_span *spans, size_t n);

#ifdef __cplusplus
}
#endif
