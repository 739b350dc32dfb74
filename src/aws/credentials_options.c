/* All the texts of the options in a table, so that none is forgotten by one of the two. */
#include "credentials_options.h"
#include "credentials_fetch.h"

#include <stddef.h>

#define TEXT(name) offsetof(struct aws_credentials_options, name)
static const size_t texts[] = {
	TEXT(access_key), TEXT(secret_key),  TEXT(session_token),     TEXT(profile),
	TEXT(role_arn),   TEXT(external_id), TEXT(role_session_name), TEXT(region),
};
enum { N_TEXTS = sizeof texts / sizeof texts[0] };
_Static_assert(sizeof(struct aws_credentials_options) ==
		       N_TEXTS * sizeof(struct sv) + sizeof(size_t),
	       "a member that the table does not know");

static const struct sv *text_of(const struct aws_credentials_options *o, size_t i)
{
	return (const struct sv *)(const void *)((const char *)o + texts[i]);
}

int credentials_options_copy(struct credentials_options *o,
			     const struct aws_credentials_options *opt, struct err *err)
{
	arena_init(&o->arena, CREDENTIALS_ARENA_BYTES);
	o->view = *opt;
	for (size_t i = 0; i < N_TEXTS; i++) {
		struct sv *text = (struct sv *)(void *)((char *)&o->view + texts[i]);
		*text = text->len ? arena_dup(&o->arena, *text) : SV_NULL;
		if (text_of(opt, i)->len && !text->ptr)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

void credentials_options_deinit(struct credentials_options *o)
{
	arena_wipe(&o->arena);
}

bool credentials_options_equal(const struct aws_credentials_options *a,
			       const struct aws_credentials_options *b)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		if (!sv_eq(*text_of(a, i), *text_of(b, i)))
			return false;
	return a->use_fips_sts == b->use_fips_sts;
}
