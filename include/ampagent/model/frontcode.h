/* Front coding: a byte string told by what it shares with the one before.
 *
 * An item is varint(prefix) varint(suffix) varint(middle length) middle: the first `prefix` and the
 * last `suffix` bytes are the previous string's. Lists of label sets shrink to a fifth.
 */
#pragma once

#include <ampagent/base/buf.h>

/* Appends the item for cur after prev (prev empty for the first): 0 or 1 when out is full. */
int frontcode_put(struct buf *out, struct sv prev, struct sv cur);
/* Reads one item at p: writes the string to dst (which holds max bytes and does not overlap prev)
 * and its length; returns the place after the item, NULL when broken or longer than max. */
const uint8_t *frontcode_get(const uint8_t *p, const uint8_t *end, struct sv prev, char *dst,
			     size_t max, size_t *len);
