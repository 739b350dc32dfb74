/* AssumeRole: keys of a role, asked for with other keys. */
#include "sts_call.h"
#include "sts_xml.h"

#include <ampagent/base/limits.h>

enum { DURATION_S = 900 };
#define KEYS_BYTES KiB(256)

struct role_fetch {
	struct aws_fetch base; /* first */
	struct sts_question question;
	source_done done;
	void *cls;
	struct arena arena; /* of the keys and the role's name; wiped */
	struct aws_keys keys;
	struct sv arn;
	struct buf form;
	bool has_external_id;
	bool finishing;
};

static void role_fetch_free(struct role_fetch *f)
{
	sts_question_cancel(&f->question);
	arena_wipe(&f->arena);
	buf_wipe(&f->form);
	free(f);
}

DEFINE_CLEANUP_PTR(struct role_fetch, role_fetch_free)

static void role_fetch_cancel(struct aws_fetch *base)
{
	struct role_fetch *f = (struct role_fetch *)base;
	if (!f->finishing)
		role_fetch_free(f);
}

static void finish(struct role_fetch *f, const struct aws_got *got, const struct err *why)
{
	f->finishing = true;
	f->done(f->cls, got, why);
	role_fetch_free(f);
}

static const char *advice_of(const struct role_fetch *f, struct sv code)
{
	if (sv_eq(code, SV("AccessDenied")))
		return f->has_external_id
			       ? "the role's trust policy must name this caller and the external "
				 "id, and the caller needs sts:AssumeRole on the role"
			       : "the role's trust policy must name this caller (does it ask for "
				 "an external id?), and the caller needs sts:AssumeRole on the "
				 "role";
	if (sv_eq(code, SV("RegionDisabledException")))
		return "STS is not activated in this region: activate it or set AWS_REGION to "
		       "another";
	if (sv_eq(code, SV("SignatureDoesNotMatch")))
		return "the secret key does not belong to the access key";
	if (sv_eq(code, SV("InvalidClientTokenId")))
		return "the keys that it is asked for with are not, or no longer, valid";
	return NULL;
}

static void fail(struct role_fetch *f, struct sv code, const struct err *why)
{
	const char *advice = advice_of(f, code);
	struct err err = ERR_NULL;
	err_set(&err, 1, "role %.*s: %s%s%s", SV_ARG(f->arn), why->msg, advice ? "; " : "",
		advice ? advice : "");
	finish(f, NULL, &err);
}

static void on_answer(void *cls, const struct aws_answer *a, const struct err *why)
{
	struct role_fetch *f = cls;
	_cleanup_(arena_wipe) struct arena arena;
	struct aws_got got;
	struct err err = ERR_NULL;
	arena_init(&arena, KEYS_BYTES);
	if (!a || a->verdict != AWS_CALL_OK) {
		fail(f, a ? a->code : SV_NULL, why);
	} else if (sts_keys_read(&arena, a->body, &got, &err) != 0) {
		fail(f, SV_NULL, &err);
	} else {
		got.peer_now_ms = a->peer_now_ms;
		finish(f, &got, NULL);
	}
}

static int copy(struct role_fetch *f, const struct aws_role *role, const struct aws_keys *keys)
{
	f->keys.access_key = arena_dup(&f->arena, keys->access_key);
	f->keys.secret_key = arena_dup(&f->arena, keys->secret_key);
	f->keys.session_token = arena_dup(&f->arena, keys->session_token);
	f->arn = arena_dup(&f->arena, role->arn);
	f->has_external_id = role->external_id.len > 0;
	return f->keys.access_key.ptr && f->keys.secret_key.ptr && f->keys.session_token.ptr &&
			       f->arn.ptr
		       ? 0
		       : ERR_NOMEM;
}

static int make_form(struct role_fetch *f, const struct aws_role *role, int64_t wall_ms,
		     struct err *err)
{
	char made[STS_SESSION_NAME_MAX + 1], duration[24];
	struct sv name = role->session_name;
	if (name.len > 0 && sts_session_name_check(name, err) != 0)
		return 1;
	sts_session_name_make(made, wall_ms);
	snprintf(duration, sizeof duration, "%lld",
		 (long long)(role->duration_s > 0 ? role->duration_s : DURATION_S));
	const struct sts_field fields[] = {{"RoleArn", role->arn},
					   {"RoleSessionName", name.len ? name : sv_of(made)},
					   {"DurationSeconds", sv_of(duration)},
					   {"ExternalId", role->external_id}};
	if (sts_form(&f->form, "AssumeRole", fields, sizeof fields / sizeof fields[0]) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	return 0;
}

int source_role_start(const struct source_env *env, const struct aws_role *role,
		      const struct aws_keys *keys, source_done done, void *cls,
		      struct aws_fetch **out, struct err *err)
{
	_cleanup_(role_fetch_freep) struct role_fetch *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->base.cancel = role_fetch_cancel;
	f->done = done;
	f->cls = cls;
	arena_init(&f->arena, KEYS_BYTES);
	if (copy(f, role, keys) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	int r = make_form(f, role, loop_wall_ms(aws_session_loop(env->session)), err);
	if (r != 0)
		return r;
	f->question = (struct sts_question){.env = *env,
					    .form = buf_view(&f->form),
					    .keys = &f->keys,
					    .done = on_answer,
					    .cls = f};
	r = sts_question_start(&f->question, err);
	if (r != 0)
		return r;
	*out = &take_ptr(f)->base;
	return 0;
}
