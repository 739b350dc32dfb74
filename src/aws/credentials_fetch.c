/* States of a fetch: base source (or the plan's own keys, a turn later), then role 0, 1, ... Each
 * step's keys are copied to the arena before the next one begins. `running` is the step under way;
 * it is NULL once its callback began. */
#include "credentials_fetch.h"

#include <ampagent/base/cleanup.h>
#include <stdlib.h>

static const int64_t DEADLINE_MS = 90000;

struct credentials_fetch {
	struct source_env env;
	source_done done;
	void *cls;
	struct aws_settings settings;
	struct arena arena;
	struct aws_plan plan;
	struct aws_fetch *running;
	struct loop_timer turn, deadline;
	int64_t deadline_ms;
	size_t next_role;
	struct aws_got got; /* in arena */
	bool finished;
};

static void fetch_free(struct credentials_fetch *f)
{
	if (!f)
		return;
	if (f->running)
		f->running->cancel(f->running);
	loop_timer_cancel(&f->turn);
	loop_timer_cancel(&f->deadline);
	aws_settings_deinit(&f->settings);
	arena_wipe(&f->arena);
	free(f);
}

DEFINE_CLEANUP_PTR(struct credentials_fetch, fetch_free)

void credentials_fetch_cancel(struct credentials_fetch *f)
{
	if (f && !f->finished)
		fetch_free(f);
}

static void finish(struct credentials_fetch *f, const struct aws_got *got, const struct err *why)
{
	f->finished = true;
	f->done(f->cls, got, why);
	fetch_free(f);
}

static int keep_part(struct arena *arena, struct sv *part)
{
	if (!part->len)
		return 0;
	*part = arena_dup(arena, *part);
	return part->ptr ? 0 : 1;
}

static int keep(struct credentials_fetch *f, const struct aws_got *got)
{
	f->got = *got;
	struct aws_keys *k = &f->got.keys;
	int r = keep_part(&f->arena, &k->access_key);
	r |= keep_part(&f->arena, &k->secret_key);
	r |= keep_part(&f->arena, &k->session_token);
	return r | keep_part(&f->arena, &f->got.account);
}

static void on_step(void *cls, const struct aws_got *got, const struct err *why);

/* The next role, or the end. */
static void go_on(struct credentials_fetch *f)
{
	struct err err = ERR_NULL;
	if (f->next_role == f->plan.n_roles) {
		finish(f, &f->got, NULL);
		return;
	}
	const struct aws_role *role = &f->plan.roles[f->next_role++];
	int r = source_role_start(&f->env, role, &f->got.keys, on_step, f, &f->running, &err);
	if (r == 0)
		return;
	if (r < 0)
		loop_fail(aws_session_loop(f->env.session), r);
	f->running = NULL;
	finish(f, NULL, &err);
}

static void on_step(void *cls, const struct aws_got *got, const struct err *why)
{
	struct credentials_fetch *f = cls;
	struct err err = ERR_NULL;
	f->running = NULL;
	if (!got) {
		finish(f, NULL, why);
	} else if (keep(f, got) != 0) {
		err_set(&err, ERR_NOMEM, "out of memory");
		finish(f, NULL, &err);
	} else {
		go_on(f);
	}
}

static void on_turn(void *cls)
{
	struct credentials_fetch *f = cls;
	f->got = (struct aws_got){.keys = f->plan.keys};
	go_on(f);
}

static void on_deadline(void *cls)
{
	struct credentials_fetch *f = cls;
	struct err err = ERR_NULL;
	err_set(&err, 1, "no keys within %g seconds from %s", (double)f->deadline_ms / 1000,
		f->plan.text);
	struct aws_fetch *running = take_ptr(f->running);
	if (running)
		running->cancel(running);
	finish(f, NULL, &err);
}

static int base_start(struct credentials_fetch *f, struct err *err)
{
	static int (*const starts[])(const struct source_env *env, source_done done, void *cls,
				     struct aws_fetch **out, struct err *err) = {
		[AWS_WEB_IDENTITY] = source_web_identity_start,
		[AWS_PROCESS] = source_process_start,
		[AWS_SSO] = source_sso_start,
		[AWS_CONTAINER] = source_container_start,
		[AWS_INSTANCE] = source_instance_start,
	};
	struct loop *loop = aws_session_loop(f->env.session);
	loop_timer_in(loop, &f->deadline, f->deadline_ms);
	if (credentials_plan_static(&f->plan)) {
		loop_timer_in(loop, &f->turn, 0);
		return 0;
	}
	int r = starts[f->plan.source](&f->env, on_step, f, &f->running, err);
	if (r != 0)
		f->running = NULL;
	return r;
}

static int make_plan(struct credentials_fetch *f, const struct credentials_fetch_request *req,
		     struct err *err)
{
	aws_getenv *env = aws_session_env(req->session);
	int r = aws_settings_load(env, req->options->profile, &f->settings, err);
	if (r == 0)
		r = chain_plan(&f->arena, env, &f->settings, req->options, &f->plan, err);
	if (r == 0 && f->plan.source != req->source)
		r = err_set(err, 1,
			    "the source of the keys was %s, and its configuration is gone: now it "
			    "would be %s; restart to take that one",
			    req->kind, f->plan.text);
	return r;
}

int credentials_fetch_start(const struct credentials_fetch_request *req, source_done done,
			    void *cls, struct credentials_fetch **out, struct err *err)
{
	_cleanup_(fetch_freep) struct credentials_fetch *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "out of memory");
	arena_init(&f->arena, CREDENTIALS_ARENA_BYTES);
	f->env = (struct source_env){req->session, &f->settings, &f->plan};
	f->deadline_ms = req->deadline_ms ? req->deadline_ms : DEADLINE_MS;
	f->done = done;
	f->cls = cls;
	f->turn = (struct loop_timer){.fire = on_turn, .cls = f};
	f->deadline = (struct loop_timer){.fire = on_deadline, .cls = f};
	int r = make_plan(f, req, err);
	if (r == 0)
		r = base_start(f, err);
	if (r != 0)
		return r;
	*out = take_ptr(f);
	return 0;
}
