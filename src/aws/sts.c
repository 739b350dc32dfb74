/* GetCallerIdentity: who the keys belong to. Everybody may ask, no permission is needed. */
#include <ampagent/aws/sts.h>

#include "call_private.h"
#include "sts_call.h"
#include "sts_xml.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/base/limits.h>

/* Lives in the call. */
struct identity_call {
	void (*done)(void *cls, const struct aws_identity *identity,
		     const struct aws_answer *answer);
	void *cls;
};

static void on_answer(void *cls, const struct aws_answer *a)
{
	struct identity_call *i = cls;
	_cleanup_(arena_deinit) struct arena arena;
	struct aws_identity identity;
	struct aws_answer answer = *a;
	arena_init(&arena, KiB(64));
	if (a->verdict == AWS_CALL_OK &&
	    sts_identity_read(&arena, a->body, &identity, &answer.why) != 0)
		answer.verdict = AWS_CALL_REFUSED;
	i->done(i->cls, answer.verdict == AWS_CALL_OK ? &identity : NULL, &answer);
}

int aws_sts_identity_start(struct aws_session *s, struct aws_credentials *c,
			   const struct aws_settings *settings, struct sv region, bool fips,
			   void (*done)(void *cls, const struct aws_identity *identity,
					const struct aws_answer *answer),
			   void *cls, struct aws_call **out, struct err *err)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL, form = BUF_NULL;
	struct sv signing_region;
	struct aws_call *call;
	buf_init(&url, KiB(4));
	int r = aws_endpoint_url(settings, SV("sts"), region, fips, &url, &signing_region, err);
	if (r != 0)
		return r;
	if (sts_form(&form, "GetCallerIdentity", NULL, 0) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	struct aws_request req = {.service = SV("sts"),
				  .region = signing_region,
				  .url = buf_view(&url),
				  .content_type = SV("application/x-www-form-urlencoded"),
				  .body = buf_view(&form),
				  .credentials = c};
	r = aws_call_start(s, &req, on_answer, NULL, &call, err);
	if (r != 0)
		return r;
	struct identity_call *i = aws_call_own(call, sizeof *i);
	if (!i) {
		aws_call_cancel(call);
		return err_set(err, ERR_NOMEM, "no memory");
	}
	*i = (struct identity_call){done, cls};
	*out = call;
	return 0;
}
