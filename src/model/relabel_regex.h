/* A relabel rule's regex, and the $-templates that are filled from its groups.
 *
 * The text is compiled exactly as Prometheus does, "^(?s:" text ")$" as one pattern searched for
 * in the subject. Nearly all real rules are one of a few plain shapes that need no engine; those
 * are told when compiling and matched by comparing bytes.
 *
 * Subjects are valid UTF-8: what scraping and discovery let in is.
 */
#pragma once

#include "re2_shim.h"
#include <ampagent/base/err.h>
#include <ampagent/model/labels.h>

enum regex_shape {
	REGEX_SET,      /* a|b|c, or (a|b|c): the subject is one of words */
	REGEX_WILD,     /* ab.*c with at most one of .* .+ (.*) (.+) */
	REGEX_CONTAINS, /* .*ab.* */
	REGEX_ENGINE,
};

struct regex {
	enum regex_shape shape;
	bool grouped;     /* SET: group 1 is the whole; WILD: group 1 is the wild part */
	size_t wild_min;  /* WILD: shortest wild part */
	struct sv *words; /* SET: sorted; WILD: before, after; CONTAINS: the middle */
	size_t n_words;
	char *bytes; /* what words point to */
	struct re2_shim *engine;
	size_t groups;
};

/* 0; 1 with the reason; ERR_NOMEM. */
int regex_init(struct regex *re, struct sv text, struct err *err);
void regex_deinit(struct regex *re);
/* The number of a named group, or 0. */
size_t regex_group(const struct regex *re, struct sv name);
/* 1 when there is a match at or after from, 0 when not, -1 without memory. spans has n entries,
 * the whole match first. n may be 0. */
int regex_find(const struct regex *re, struct sv subject, size_t from, struct re2_span *spans,
	       size_t n);
/* The engine's form of any text, past the plain shapes: for tests that hold them together. */
int regex_init_engine(struct regex *re, struct sv text, struct err *err);
/* The text as it is, not anchored. 0; 1 with the reason; ERR_NOMEM. */
int regex_init_search(struct regex *re, struct sv text, struct err *err);

/* Go's Expand: parts are literal text or a group of the match. */
struct template_part {
	struct sv literal;
	size_t group; /* when literal.ptr is NULL */
};

struct template
{
	struct template_part *parts;
	size_t n;
	size_t spans; /* groups looked at, the whole match included */
};

/* text must outlive the template. 0 or ERR_NOMEM. */
int template_init(struct template *t, struct sv text, const struct regex *re);
void template_deinit(struct template *t);
/* The filled text; a view of subject or text where one part is all there is, else made in arena.
 * 0, or 1 without memory. */
int template_fill(const struct template *t, struct sv subject, const struct re2_span *spans,
		  struct arena *arena, struct sv *out);
