/* What the calls of STS share. */
#pragma once

#include "source.h"

#include <ampagent/aws/call.h>
#include <ampagent/base/buf.h>

struct sts_field {
	const char *name;
	struct sv value; /* "": left out */
};
/* The form of an action, written into out, which is initialized here and has all its room before
 * the first byte, as values may be secrets. 0, or ERR_NOMEM. */
int sts_form(struct buf *out, const char *action, const struct sts_field *fields, size_t n);

/* 2 to 64 of letters, digits and _+=,.@- : 0, or 1 with the reason. */
int sts_session_name_check(struct sv name, struct err *err);
enum { STS_SESSION_NAME_MAX = 64 };
/* "ampagent-SECONDS". */
void sts_session_name_make(char dst[STS_SESSION_NAME_MAX + 1], int64_t wall_ms);

/* One question to STS at the plan's region, which is asked for first when the plan has none.
 * Embedded in its owner; zero when nothing is under way. */
struct sts_question {
	struct source_env env;
	struct sv form;              /* valid until done, as the next two */
	const struct aws_keys *keys; /* NULL: not signed */
	struct sv hidden;            /* in the form, never to be repeated; or "" */
	/* Once, from the loop; a is NULL when STS could not be asked. Then it is zero again. */
	void (*done)(void *cls, const struct aws_answer *a, const struct err *why);
	void *cls;
	struct aws_region_fetch *region;
	struct aws_call *call;
};
/* Set the first six before. 0; 1 with the reason and done is not called; ERR_NOMEM. */
int sts_question_start(struct sts_question *q, struct err *err);
void sts_question_cancel(struct sts_question *q);
