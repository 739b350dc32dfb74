/* The dialect of the AWS SDKs' shared files: pure.
 *
 *   [type name]      heading, or [name] alone; a name of two words may stand in quotes
 *   key = value      or key: value; keys are told in lower case; quotes around a value go
 *   # comment        also ";"; behind a value a blank or tab stands before it
 *     more           indented: goes on with the value, after a line end
 *   sts =            without a value: what follows indented is
 *     key = value    told as "sts.key"; comments behind it belong to the value
 *
 * An indented "key = value" that follows no empty value is a key like any other. The same heading
 * again goes on with its section; the same key again replaces. What else stands there is an error,
 * so that nobody's keys are overlooked. Source: AWS SDKs and Tools Reference Guide, "Format of the
 * config and credentials files"; where it is silent, what the SDK for Go does.
 */
#pragma once

#include <ampagent/aws/settings.h>

struct aws_ini_section {
	struct sv type; /* "" for [name] */
	struct sv name;
	int line;
	struct aws_pair *pairs;
	size_t n_pairs, cap_pairs;
};

struct aws_ini {
	struct aws_ini_section *sections;
	size_t n_sections, cap_sections;
};

/* Everything told is copied into arena. 0; 1 with the line and what is wrong with it, which shows
 * nothing of it; ERR_NOMEM. */
int aws_ini_parse(struct arena *arena, struct sv text, struct aws_ini *out, struct err *err);
