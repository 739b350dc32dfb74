/* Forms, names and the way to STS. */
#include "sts_call.h"

#include "call_private.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/imds.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#define FORM_BYTES KiB(128)
#define URL_BYTES KiB(4)

/* ---- forms ---- */

int sts_form(struct buf *out, const char *action, const struct sts_field *fields, size_t n)
{
	size_t room = strlen("Action=&Version=2011-06-15") + strlen(action);
	for (size_t i = 0; i < n; i++)
		room += strlen("&=") + strlen(fields[i].name) + 3 * fields[i].value.len;
	buf_init(out, FORM_BYTES);
	buf_reserve(out, room);
	buf_printf(out, "Action=%s&Version=2011-06-15", action);
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].value.len)
			continue;
		buf_printf(out, "&%s=", fields[i].name);
		url_encode(out, fields[i].value, false);
	}
	return buf_failed(out) ? ERR_NOMEM : 0;
}

static bool session_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_+=,.@-", c));
}

int sts_session_name_check(struct sv name, struct err *err)
{
	bool valid = name.len >= 2 && name.len <= STS_SESSION_NAME_MAX;
	for (size_t i = 0; valid && i < name.len; i++)
		valid = session_name_byte(name.ptr[i]);
	if (valid)
		return 0;
	return err_set(err, 1,
		       "the role session name \"%.*s\" is not valid: STS wants 2 to 64 of letters, "
		       "digits and _+=,.@-",
		       (int)(name.len < 80 ? name.len : 80), name.ptr ? name.ptr : "");
}

void sts_session_name_make(char dst[STS_SESSION_NAME_MAX + 1], int64_t wall_ms)
{
	snprintf(dst, STS_SESSION_NAME_MAX + 1, "ampagent-%lld", (long long)(wall_ms / 1000));
}

/* ---- a question ---- */

static void finish(struct sts_question *q, const struct aws_answer *a, const struct err *why)
{
	q->call = NULL;
	q->region = NULL;
	q->done(q->cls, a, why);
}

static void on_answer(void *cls, const struct aws_answer *a)
{
	finish(cls, a, &a->why);
}

static int ask(struct sts_question *q, struct sv region, struct err *err)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	struct sv signing_region;
	buf_init(&url, URL_BYTES);
	int r = aws_endpoint_url(q->env.settings, SV("sts"), region, q->env.plan->sts_fips, &url,
				 &signing_region, err);
	if (r != 0)
		return r;
	struct aws_request req = {.service = SV("sts"),
				  .region = signing_region,
				  .url = buf_view(&url),
				  .content_type = SV("application/x-www-form-urlencoded"),
				  .body = q->form,
				  .keys = q->keys,
				  .secret = true};
	r = aws_call_start(q->env.session, &req, on_answer, q, &q->call, err);
	if (r == 0 && q->hidden.len > 0 && aws_call_hide(q->call, q->hidden) != 0) {
		aws_call_cancel(take_ptr(q->call));
		r = err_set(err, ERR_NOMEM, "no memory");
	}
	return r;
}

static void on_region(void *cls, struct sv region, const char *from, const struct err *why)
{
	struct sts_question *q = cls;
	struct err err = ERR_NULL;
	q->region = NULL;
	if (!region.len)
		err_set(&err, 1, "no region to ask STS in: set AWS_REGION; %s", why->msg);
	else if (ask(q, region, &err) == 0)
		return;
	finish(q, NULL, &err);
}

int sts_question_start(struct sts_question *q, struct err *err)
{
	struct sv region = q->env.plan->sts_region;
	if (region.len > 0 || q->env.settings->sts_global)
		return ask(q, region, err);
	return aws_region_start(q->env.session, q->env.settings, on_region, q, &q->region, err);
}

void sts_question_cancel(struct sts_question *q)
{
	if (q->region)
		aws_region_cancel(take_ptr(q->region));
	if (q->call)
		aws_call_cancel(take_ptr(q->call));
}
