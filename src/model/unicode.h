/* Runes as Go sees them: decoding with U+FFFD for what is broken, case, and two classes. */
#pragma once

#include <ampagent/base/sv.h>

enum { RUNE_BAD = 0xfffd, RUNE_MAX_BYTES = 4 };

/* The first rune of s (not empty) and its length; RUNE_BAD and 1 for a byte that is not UTF-8. */
size_t rune_decode(struct sv s, uint32_t *out);
/* Returns the length. */
size_t rune_encode(char dst[RUNE_MAX_BYTES], uint32_t rune);
/* One rune to one rune, as Go's unicode.ToLower and unicode.ToUpper. */
uint32_t rune_to_lower(uint32_t rune);
uint32_t rune_to_upper(uint32_t rune);
/* Letter, decimal digit or '_': what may stand in the name after a '$'. */
bool rune_is_word(uint32_t rune);
/* As Go's strconv.IsPrint. */
bool rune_is_print(uint32_t rune);
