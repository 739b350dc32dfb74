/* Looks for a secret in all memory of this process that can be written to. The secret is told in
 * disguise, so that the search does not find itself. */
#pragma once

#include <ampagent/base/sv.h>

enum { MEMORY_NEEDLE = 32 }; /* bytes that are looked for */

/* 0, or 1 without memory. Of cmocka's shape. */
int memory_search_begin(void **state);
int memory_search_end(void **state);

/* The first bytes of a secret that is in memory anyway. */
void memory_search_for(const char secret[MEMORY_NEEDLE]);
/* The first bytes of the SHA-256 of text in hex, which are nowhere written down by this. */
void memory_search_for_digest(const char *text);
/* How often it is there. */
size_t memory_search_copies(void);
