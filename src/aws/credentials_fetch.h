/* One fetch of keys: the settings read anew, the plan made, its source asked, and then each of its
 * roles with what came before. Everything it holds is wiped when it ends.
 */
#pragma once

#include "source.h"

struct credentials_fetch;

struct credentials_fetch_request {
	struct aws_session *session;
	const struct aws_credentials_options *options; /* valid until the fetch ends */
	enum aws_source source; /* a plan of another one is a failure: keys never change hands */
	const char *kind;       /* that source's name */
	int64_t deadline_ms;    /* for all of it; 0 = 90 s */
};

/* done as in source.h; a fetch that takes too long has failed. 0; 1 with the reason and done is
 * not called; ERR_NOMEM. */
int credentials_fetch_start(const struct credentials_fetch_request *req, source_done done,
			    void *cls, struct credentials_fetch **out, struct err *err);
/* NULL is fine. From inside its own done it does nothing. */
void credentials_fetch_cancel(struct credentials_fetch *f);

/* Whether the plan's keys stand in the plan itself. */
static inline bool credentials_plan_static(const struct aws_plan *plan)
{
	return plan->source == AWS_EXPLICIT || plan->source == AWS_ENVIRONMENT ||
	       plan->source == AWS_PROFILE_KEYS;
}
/* Room of a plan and of a set of keys on their way. */
#define CREDENTIALS_ARENA_BYTES ((size_t)1 << 20)
