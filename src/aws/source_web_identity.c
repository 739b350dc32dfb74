/* AssumeRoleWithWebIdentity: a token that somebody (kubelet, for IRSA) keeps fresh in a file,
 * exchanged for keys of a role. Not signed: the token is the proof. The file is read each time.
 */
#include "sts_call.h"
#include "sts_xml.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

enum { TOKEN_MIN = 4, TOKEN_MAX = 20000, FILE_MAX = 2 * TOKEN_MAX };
#define KEYS_BYTES KiB(256)

struct web_fetch {
	struct aws_fetch base; /* first */
	struct sts_question question;
	source_done done;
	void *cls;
	char session_name[STS_SESSION_NAME_MAX + 1];
	struct buf file, form;
	struct sv token; /* in file */
	bool again;      /* the file was read twice */
	bool finishing;
};

static void web_fetch_free(struct web_fetch *f)
{
	sts_question_cancel(&f->question);
	buf_wipe(&f->file);
	buf_wipe(&f->form);
	free(f);
}

DEFINE_CLEANUP_PTR(struct web_fetch, web_fetch_free)

static void web_fetch_cancel(struct aws_fetch *base)
{
	struct web_fetch *f = (struct web_fetch *)base;
	if (!f->finishing)
		web_fetch_free(f);
}

static void finish(struct web_fetch *f, const struct aws_got *got, const struct err *why)
{
	f->finishing = true;
	f->done(f->cls, got, why);
	web_fetch_free(f);
}

/* ---- the token ---- */

static int read_token(const struct aws_plan *plan, struct buf *file, struct sv *token,
		      struct err *err)
{
	_cleanup_(freep) char *path = sv_dup(plan->web.token_file);
	buf_init(file, FILE_MAX);
	if (!path || buf_reserve(file, FILE_MAX) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	if (file_read_at_once(path, file, err) != 0) {
		err_prefix(err, "the web identity token cannot be read");
		return 1;
	}
	*token = sv_trim(buf_view(file));
	if (token->len < TOKEN_MIN || token->len > TOKEN_MAX)
		return err_set(err, 1,
			       "%s holds no web identity token: %zu bytes, STS takes %d to %d",
			       path, token->len, TOKEN_MIN, TOKEN_MAX);
	return 0;
}

/* ---- asking ---- */

static int start_question(struct web_fetch *f, struct err *err)
{
	const struct aws_plan *plan = f->question.env.plan;
	const struct sts_field fields[] = {{"RoleArn", plan->web.role_arn},
					   {"RoleSessionName", sv_of(f->session_name)},
					   {"WebIdentityToken", f->token}};
	if (sts_form(&f->form, "AssumeRoleWithWebIdentity", fields,
		     sizeof fields / sizeof fields[0]) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	f->question.form = buf_view(&f->form);
	f->question.hidden = f->token;
	return sts_question_start(&f->question, err);
}

/* A token that expired while it was on its way: the file may have a new one by now. */
static bool try_again(struct web_fetch *f)
{
	_cleanup_(buf_wipe) struct buf file = BUF_NULL;
	struct sv token;
	if (f->again || read_token(f->question.env.plan, &file, &token, NULL) != 0 ||
	    sv_eq(token, f->token))
		return false;
	buf_wipe(&f->file);
	buf_wipe(&f->form);
	f->file = file;
	file = BUF_NULL;
	f->token = token;
	f->again = true;
	return start_question(f, NULL) == 0;
}

static bool token_expired(struct sv code)
{
	return sv_eq(code, SV("ExpiredTokenException")) || sv_eq(code, SV("ExpiredToken"));
}

static const char *advice_of(struct sv code)
{
	static const struct {
		struct sv code;
		const char *advice;
	} table[] = {
		{SV("InvalidIdentityToken"),
		 "the role's account needs an IAM OIDC identity provider for the issuer of the "
		 "token, with the token's audience (sts.amazonaws.com for EKS)"},
		{SV("IDPCommunicationError"),
		 "STS cannot reach the issuer of the token: its keys must be public"},
		{SV("IDPRejectedClaim"), "the issuer does not stand by the token, or revoked it"},
		{SV("AccessDenied"),
		 "the role's trust policy must allow sts:AssumeRoleWithWebIdentity to this "
		 "identity provider, with conditions that the token's subject and audience meet"},
		{SV("RegionDisabledException"),
		 "STS is not activated in this region: activate it or set AWS_REGION to another"},
	};
	if (token_expired(code))
		return "the token in the file has expired: whoever writes the file has stopped "
		       "doing so, or this machine got it late";
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (sv_eq(code, table[i].code))
			return table[i].advice;
	return NULL;
}

static void fail(struct web_fetch *f, struct sv code, const struct err *why)
{
	struct sv arn = f->question.env.plan->web.role_arn;
	const char *advice = advice_of(code);
	struct err err = ERR_NULL;
	err_set(&err, 1, "%.*s by web identity: %s%s%s", SV_ARG(arn), why->msg, advice ? "; " : "",
		advice ? advice : "");
	finish(f, NULL, &err);
}

static void on_answer(void *cls, const struct aws_answer *a, const struct err *why)
{
	struct web_fetch *f = cls;
	_cleanup_(arena_wipe) struct arena arena;
	struct aws_got got;
	struct err err = ERR_NULL;
	arena_init(&arena, KEYS_BYTES);
	if (!a || a->verdict != AWS_CALL_OK) {
		if (!a || !token_expired(a->code) || !try_again(f))
			fail(f, a ? a->code : SV_NULL, why);
		return;
	}
	if (sts_keys_read(&arena, a->body, &got, &err) != 0) {
		fail(f, SV_NULL, &err);
		return;
	}
	got.peer_now_ms = a->peer_now_ms;
	finish(f, &got, NULL);
}

int source_web_identity_start(const struct source_env *env, source_done done, void *cls,
			      struct aws_fetch **out, struct err *err)
{
	_cleanup_(web_fetch_freep) struct web_fetch *f = calloc(1, sizeof *f);
	struct sv name = env->plan->web.session_name;
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->base.cancel = web_fetch_cancel;
	f->done = done;
	f->cls = cls;
	f->question = (struct sts_question){.env = *env, .done = on_answer, .cls = f};
	if (name.len > 0) {
		if (sts_session_name_check(name, err) != 0)
			return 1;
		memcpy(f->session_name, name.ptr, name.len);
	} else {
		sts_session_name_make(f->session_name,
				      loop_wall_ms(aws_session_loop(env->session)));
	}
	int r = read_token(env->plan, &f->file, &f->token, err);
	if (r == 0)
		r = start_question(f, err);
	if (r != 0)
		return r;
	*out = &take_ptr(f)->base;
	return 0;
}
