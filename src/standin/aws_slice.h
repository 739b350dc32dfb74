/* Views into a JSON document that stays as it was written: what is scripted for the stand-in is
 * given out byte for byte, so it is cut, not read and written again. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

/* Whether text is JSON: 0, or 1 with the place in err. The others take only what is. */
int aws_json_check(struct sv text, struct err *err);

struct aws_slices {
	struct sv rest;
	bool members;
};

/* The members of an object or the elements of an array; none of anything else. */
struct aws_slices aws_slices_of(struct sv value);
/* key is what stands between its quotes, empty in an array; false at the end. */
bool aws_slice_next(struct aws_slices *it, struct sv *key, struct sv *value);
/* The member's value as written; SV_NULL when there is none. */
struct sv aws_member(struct sv object, struct sv name);
/* What stands between a string's quotes, escapes left as they are; empty when it is none. */
struct sv aws_text(struct sv value);
struct sv aws_member_text(struct sv object, struct sv name);
/* The object without that member. */
void aws_put_without(struct buf *out, struct sv object, struct sv name);
