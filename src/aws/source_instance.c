/* source_instance: the extended list of roles (it tells the account too), where there is none the
 * old one; then the keys of the first role in it. The role is asked for each time: it can be
 * replaced while the instance runs.
 */
#include "json_keys.h"
#include "source.h"

#include <ampagent/aws/imds.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <stdlib.h>

#define EXTENDED "/latest/meta-data/iam/security-credentials-extended/"
#define PLAIN "/latest/meta-data/iam/security-credentials/"
enum { ROLE_MAX = 256 };

struct instance {
	struct aws_fetch base; /* first */
	struct aws_session *session;
	const struct aws_settings *settings;
	const char *list; /* the path asked */
	char role[ROLE_MAX];
	bool finished;
	struct aws_imds *imds;
	source_done done;
	void *cls;
};

static void instance_free(struct instance *f)
{
	aws_imds_cancel(f->imds);
	free(f);
}

static void instance_cancel(struct aws_fetch *base)
{
	struct instance *f = (struct instance *)base;
	if (!f->finished)
		instance_free(f);
}

static void finish(struct instance *f, const struct aws_got *got, const struct err *why)
{
	f->finished = true;
	f->done(f->cls, got, why);
	instance_free(f);
}

/* --- the keys --- */

static void on_keys(void *cls, enum aws_imds_result result, struct sv text, int64_t peer_now_ms,
		    const struct err *why)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct instance *f = cls;
	struct aws_got got;
	struct err own = ERR_NULL;
	f->imds = NULL;
	arena_init(&arena, 2 * LIMIT_SECRET_BYTES);
	if (result == AWS_IMDS_OK) {
		if (json_keys_read(&arena, JSON_KEYS_IMDS, text, &got, &own) == 0) {
			got.peer_now_ms = peer_now_ms;
			finish(f, &got, NULL);
			return;
		}
		err_prefix(&own, "keys of the instance's role %s", f->role);
	} else if (result == AWS_IMDS_NOT_FOUND) {
		err_set(&own, 1,
			"instance metadata names the role %s, but has no keys of it: was it just "
			"taken from the instance?",
			f->role);
	} else {
		own = *why;
	}
	finish(f, NULL, &own);
}

/* --- the role --- */

static void on_list(void *cls, enum aws_imds_result result, struct sv text, int64_t peer_now_ms,
		    const struct err *why);

static int ask(struct instance *f, struct sv role, struct err *err)
{
	_cleanup_(buf_deinit) struct buf path = BUF_NULL;
	buf_init(&path, sizeof EXTENDED + 3 * ROLE_MAX);
	buf_sv(&path, sv_of(f->list));
	url_encode(&path, role, false);
	if (buf_failed(&path))
		return err_set(err, ERR_NOMEM, "no memory");
	return aws_imds_start(f->session, f->settings, buf_view(&path),
			      role.len ? on_keys : on_list, f, &f->imds, err);
}

/* The first line: there is never more than one role, and whatever else follows is not for us. */
static struct sv role_of(struct sv list)
{
	return sv_trim(sv_make(list.ptr, sv_find(list, '\n')));
}

/* What stands there is shown to people, too. */
static bool is_name(struct sv role)
{
	for (size_t i = 0; i < role.len; i++)
		if (role.ptr[i] <= ' ' || role.ptr[i] > '~' || role.ptr[i] == '<')
			return false;
	return true;
}

static void no_role(struct instance *f)
{
	struct err why = ERR_NULL;
	err_set(&why, 1,
		"the instance has no role: attach an instance profile whose role may "
		"aps:RemoteWrite, or give credentials otherwise");
	finish(f, NULL, &why);
}

static void on_list(void *cls, enum aws_imds_result result, struct sv text, int64_t peer_now_ms,
		    const struct err *why)
{
	struct instance *f = cls;
	struct err own = ERR_NULL;
	struct sv role = role_of(text);
	bool extended = strcmp(f->list, EXTENDED) == 0;
	f->imds = NULL;
	if (result != AWS_IMDS_OK && result != AWS_IMDS_NOT_FOUND) {
		finish(f, NULL, why);
		return;
	}
	if (result == AWS_IMDS_NOT_FOUND && !extended) {
		no_role(f);
		return;
	}
	int code;
	if (result == AWS_IMDS_NOT_FOUND) {
		f->list = PLAIN;
		code = ask(f, SV_NULL, &own);
	} else if (role.len == 0) {
		no_role(f);
		return;
	} else if (role.len >= ROLE_MAX) {
		code = err_set(&own, 1, "instance metadata names a role that is too long");
	} else if (!is_name(role)) {
		code = err_set(&own, 1,
			       "instance metadata answers with what is no name of a role: is "
			       "something between here and it?");
	} else {
		memcpy(f->role, role.ptr, role.len);
		code = ask(f, role, &own);
	}
	if (code != 0)
		finish(f, NULL, &own);
}

/* --- start --- */

static bool env_is(const struct aws_session *s, const char *name, const char *value)
{
	const char *have = aws_session_env(s)(name);
	return have && (value ? strcmp(have, value) == 0 : have[0] != '\0');
}

/* Fargate has no instance: asking would only cost time. */
static int check(const struct source_env *env, struct err *err)
{
	if (env->settings->imds_disabled)
		return err_set(err, 1,
			       "the instance's role is not asked for: AWS_EC2_METADATA_DISABLED is "
			       "true, and no other source of credentials is configured");
	if (env_is(env->session, "ECS_CONTAINER_METADATA_URI_V4", NULL) &&
	    env_is(env->session, "AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"))
		return err_set(
			err, 1,
			"this task on Fargate has no task role (there is no "
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI): set taskRoleArn in the task "
			"definition");
	return 0;
}

int source_instance_start(const struct source_env *env, source_done done, void *cls,
			  struct aws_fetch **out, struct err *err)
{
	int code = check(env, err);
	if (code != 0)
		return code;
	struct instance *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->base.cancel = instance_cancel;
	f->session = env->session;
	f->settings = env->settings;
	f->list = EXTENDED;
	f->done = done;
	f->cls = cls;
	code = ask(f, SV_NULL, err);
	if (code != 0) {
		instance_free(f);
		return code;
	}
	*out = &f->base;
	return 0;
}
