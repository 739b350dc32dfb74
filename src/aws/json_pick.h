/* Members of a JSON object, by name. */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>

struct aws_json_member {
	const char *name; /* case counts */
	bool number;      /* wanted; else a string */
	bool there;
	struct sv value; /* text of the last of that name; empty when missing or null */
};

/* Fills members from the object, or from the object that its member `inside` is (NULL: itself);
 * other members are passed over. Values are copied into arena, which the caller wipes; nothing else
 * keeps a copy. 0; 1 with the reason, which repeats none of the values: not a JSON object, one of
 * the members is of another type, more than the arena holds; ERR_NOMEM. */
int aws_json_pick(struct arena *arena, struct sv text, const char *inside,
		  struct aws_json_member *members, size_t n, struct err *err);
