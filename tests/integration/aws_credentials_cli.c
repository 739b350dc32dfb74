/* Gets credentials as the agent does, in the environment that it is started in, and prints them as
 * JSON for a test in another language: {"access_key", "secret_key", "session_token", "kind",
 * "text", "region"} or {"error"}. Made-up credentials only: they are printed.
 *
 * usage: aws_credentials_cli [NAME=VALUE]...
 * NAME: access_key, secret_key, session_token, profile, role_arn, external_id, role_session_name.
 */
#include <ampagent/aws/credentials.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { GUARD_MS = 60000 };

struct ask {
	struct loop *loop;
	struct aws_credentials *credentials;
	struct aws_waiter waiter;
	struct loop_timer guard;
	struct buf out;
	struct sv region;
};

static void put(struct json_writer *w, const char *name, struct sv value)
{
	json_key(w, sv_of(name));
	json_string(w, value);
}

static void put_error(struct ask *a, const char *why)
{
	struct json_writer w = {.out = &a->out};
	json_begin_object(&w);
	put(&w, "error", sv_of(why));
	json_end_object(&w);
}

static void put_keys(struct ask *a, const struct aws_keys *keys)
{
	struct aws_credentials_status status;
	struct json_writer w = {.out = &a->out};
	aws_credentials_status_get(a->credentials, &status);
	json_begin_object(&w);
	put(&w, "access_key", keys->access_key);
	put(&w, "secret_key", keys->secret_key);
	put(&w, "session_token", keys->session_token);
	put(&w, "kind", sv_of(status.kind));
	put(&w, "text", sv_of(status.source));
	put(&w, "region", a->region);
	json_end_object(&w);
}

static void ready(void *cls, const struct err *why)
{
	struct ask *a = cls;
	struct aws_keys keys;
	uint64_t id;
	if (why)
		put_error(a, why->msg);
	else if (aws_credentials_now(a->credentials, &keys, &id) != 0)
		put_error(a, "told that there are keys, but there are none");
	else
		put_keys(a, &keys);
	loop_stop(a->loop);
}

static void too_long(void *cls)
{
	struct ask *a = cls;
	put_error(a, "no answer within a minute");
	aws_waiter_cancel(&a->waiter);
	loop_stop(a->loop);
}

static int read_options(int argc, char **argv, struct aws_credentials_options *opt)
{
	const struct {
		const char *name;
		struct sv *value;
	} names[] = {
		{"access_key=", &opt->access_key},
		{"secret_key=", &opt->secret_key},
		{"session_token=", &opt->session_token},
		{"profile=", &opt->profile},
		{"role_arn=", &opt->role_arn},
		{"external_id=", &opt->external_id},
		{"role_session_name=", &opt->role_session_name},
	};
	for (int i = 1; i < argc; i++) {
		struct sv arg = sv_of(argv[i]);
		bool known = false;
		for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
			if (!sv_starts_with(arg, sv_of(names[k].name)))
				continue;
			*names[k].value = sv_from(arg, strlen(names[k].name));
			known = true;
		}
		if (!known) {
			fprintf(stderr, "aws_credentials_cli: what is %s?\n", argv[i]);
			return 1;
		}
	}
	return 0;
}

/* Waits for the first keys and prints what comes. */
static int get(struct ask *a, struct aws_session *session,
	       const struct aws_credentials_options *opt)
{
	_cleanup_(aws_settings_deinit) struct aws_settings settings;
	struct err err = ERR_NULL;
	if (aws_settings_load(NULL, opt->profile, &settings, &err) != 0) {
		put_error(a, err.msg);
		return 0;
	}
	a->region = settings.region;
	if (aws_credentials_get(session, opt, &a->credentials, &err) != 0) {
		put_error(a, err.msg);
		return 0;
	}
	a->waiter = (struct aws_waiter){.ready = ready, .cls = a};
	a->guard = (struct loop_timer){.fire = too_long, .cls = a};
	loop_timer_in(a->loop, &a->guard, GUARD_MS);
	aws_credentials_wait(a->credentials, &a->waiter);
	int r = loop_run(a->loop);
	loop_timer_cancel(&a->guard);
	aws_credentials_unref(a->credentials);
	return r;
}

static int run(struct ask *a, const struct aws_credentials_options *opt)
{
	struct http_pool *pool = NULL;
	struct aws_session *session = NULL;
	struct err err = ERR_NULL;
	int r = loop_new(&a->loop, &err);
	if (r == 0)
		r = http_pool_new(a->loop, 4, 1000, &pool);
	if (r == 0) {
		struct aws_session_options so = {
			.loop = a->loop, .pool = pool, .user_agent = SV("aws_credentials_cli")};
		if (aws_session_new(&so, &session, &err) != 0)
			put_error(a, err.msg);
		else
			r = get(a, session, opt);
	}
	aws_session_free(session);
	if (pool)
		http_pool_free(pool);
	if (a->loop)
		loop_free(a->loop);
	return r;
}

int main(int argc, char **argv)
{
	struct aws_credentials_options opt = {.access_key = SV_NULL};
	struct ask a = {.loop = NULL};
	if (read_options(argc, argv, &opt) != 0 || crypto_init() != 0 ||
	    http_client_global_init() != 0)
		return 2;
	buf_init(&a.out, MiB(1));
	int r = run(&a, &opt);
	buf_char(&a.out, '\n');
	if (r == 0)
		fwrite(a.out.ptr, 1, a.out.len, stdout);
	buf_wipe(&a.out);
	http_client_global_deinit();
	crypto_deinit();
	return r == 0 ? 0 : 2;
}
