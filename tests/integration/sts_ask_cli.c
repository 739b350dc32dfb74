/* Asks STS as a test in another language says, by the agent's own code.
 *
 * Standard input is a row of netstrings ("5:hello,"), ten for each question:
 *   AssumeRole, AssumeRoleWithWebIdentity or GetCallerIdentity; access key, secret key, session
 *   token; region; endpoint; role, its session name, external id, duration in seconds
 * For AssumeRoleWithWebIdentity the session token is the path of the token's file. For each of them
 * standard output gets four netstrings: "ok" or the reason; then access key, secret key and session
 * token, or account, ARN and user id. One session serves all.
 */
#include "source.h"

#include <ampagent/aws/sts.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX MiB(64)

struct question {
	struct sv action, access_key, secret_key, session_token, region, endpoint;
	struct aws_role role;
};

static struct loop *loop;
static struct aws_session *session;

static void die(const char *why)
{
	fprintf(stderr, "sts_ask_cli: %s\n", why);
	exit(2);
}

/* ---- netstrings ---- */

static struct sv next_string(struct sv *in)
{
	uint64_t len;
	size_t colon = sv_find(*in, ':');
	if (colon == in->len || sv_to_u64(sv_make(in->ptr, colon), &len) != 0)
		die("a length and ':' were expected");
	*in = sv_from(*in, colon + 1);
	if (len >= in->len || in->ptr[len] != ',')
		die("a string is cut short");
	struct sv s = sv_make(in->ptr, (size_t)len);
	*in = sv_from(*in, (size_t)len + 1);
	return s;
}

static void put_string(struct sv s)
{
	printf("%zu:", s.len);
	fwrite(s.ptr ? s.ptr : "", 1, s.len, stdout);
	putchar(',');
}

static void put_answer(struct sv first, struct sv a, struct sv b, struct sv c)
{
	put_string(first);
	put_string(a);
	put_string(b);
	put_string(c);
	loop_stop(loop);
}

/* ---- asking ---- */

static void on_keys(void *cls, const struct aws_got *got, const struct err *why)
{
	if (got)
		put_answer(SV("ok"), got->keys.access_key, got->keys.secret_key,
			   got->keys.session_token);
	else
		put_answer(sv_of(why->msg), SV_NULL, SV_NULL, SV_NULL);
}

static void on_identity(void *cls, const struct aws_identity *i, const struct aws_answer *a)
{
	if (i)
		put_answer(SV("ok"), i->account, i->arn, i->user_id);
	else
		put_answer(sv_of(a->why.msg), SV_NULL, SV_NULL, SV_NULL);
}

static int ask_identity(const struct question *q, const struct aws_settings *settings,
			struct err *err)
{
	const struct aws_credentials_options opt = {.access_key = q->access_key,
						    .secret_key = q->secret_key,
						    .session_token = q->session_token};
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = NULL;
	struct aws_call *call;
	int r = aws_credentials_get(session, &opt, &c, err);
	return r != 0 ? r
		      : aws_sts_identity_start(session, c, settings, q->region, false, on_identity,
					       NULL, &call, err);
}

static void ask(const struct question *q)
{
	const struct aws_settings settings = {.endpoint_url_sts = q->endpoint};
	const struct aws_plan plan = {.sts_region = q->region,
				      .web = {.role_arn = q->role.arn,
					      .token_file = q->session_token,
					      .session_name = q->role.session_name}};
	const struct source_env env = {session, &settings, &plan};
	const struct aws_keys keys = {q->access_key, q->secret_key, q->session_token};
	struct aws_fetch *fetch;
	struct err err = ERR_NULL;
	int r;
	if (sv_eq(q->action, SV("AssumeRole")))
		r = source_role_start(&env, &q->role, &keys, on_keys, NULL, &fetch, &err);
	else if (sv_eq(q->action, SV("AssumeRoleWithWebIdentity")))
		r = source_web_identity_start(&env, on_keys, NULL, &fetch, &err);
	else
		r = ask_identity(q, &settings, &err);
	if (r != 0)
		put_answer(sv_of(err.msg), SV_NULL, SV_NULL, SV_NULL);
	if (loop_run(loop) != 0)
		die("the loop failed");
}

static void read_question(struct sv *in, struct question *q)
{
	q->action = next_string(in);
	q->access_key = next_string(in);
	q->secret_key = next_string(in);
	q->session_token = next_string(in);
	q->region = next_string(in);
	q->endpoint = next_string(in);
	q->role = (struct aws_role){.arn = next_string(in)};
	q->role.session_name = next_string(in);
	q->role.external_id = next_string(in);
	if (sv_to_i64(next_string(in), &q->role.duration_s) != 0)
		die("a duration was expected");
}

int main(void)
{
	_cleanup_(buf_deinit) struct buf input = BUF_NULL;
	struct http_pool *pool;
	struct err err = ERR_NULL;
	char chunk[65536];
	size_t n;

	if (crypto_init() != 0 || http_client_global_init() != 0 || loop_new(&loop, &err) != 0 ||
	    http_pool_new(loop, 4, 10000, &pool) != 0)
		die("cannot start");
	const struct aws_session_options opt = {loop, pool, NULL, SV("sts_ask_cli")};
	if (aws_session_new(&opt, &session, &err) != 0)
		die(err.msg);
	buf_init(&input, INPUT_MAX);
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		if (buf_append(&input, chunk, n) != 0)
			die("the input is too long");
	for (struct sv in = buf_view(&input); in.len > 0;) {
		struct question q;
		read_question(&in, &q);
		ask(&q);
	}
	aws_session_free(session);
	http_pool_free(pool);
	loop_free(loop);
	http_client_global_deinit();
	crypto_deinit();
	return 0;
}
