#include "walk.h"

#include <ampagent/base/limits.h>

#include <stdarg.h>
#include <stdlib.h>

enum { ARENA_BYTES = 16 * 1024 * 1024 };

#define AFTER(step) (1U << DOCTOR_##step)

static const struct {
	void (*start)(struct walk *w);
	unsigned after; /* steps that are decided before */
} rules[DOCTOR_STEPS_] = {
	[DOCTOR_URL] = {step_url_start, 0},
	[DOCTOR_CREDENTIALS] = {step_credentials_start, AFTER(URL)},
	[DOCTOR_REGION] = {step_region_start, AFTER(URL)},
	[DOCTOR_IDENTITY] = {step_identity_start, AFTER(CREDENTIALS) | AFTER(REGION)},
	[DOCTOR_DNS] = {step_dns_start, AFTER(URL)},
	[DOCTOR_TCP] = {step_tcp_start, AFTER(DNS)},
	[DOCTOR_TLS] = {step_tls_start, AFTER(TCP)},
	[DOCTOR_CLOCK] = {step_clock_start, AFTER(TLS) | AFTER(WRITE)},
	[DOCTOR_WRITE] = {step_write_start, AFTER(CREDENTIALS) | AFTER(REGION) | AFTER(TLS)},
	[DOCTOR_CANARY] = {step_canary_start, AFTER(WRITE)},
};

struct finding *walk_finding(struct walk *w, enum doctor_step step)
{
	return &w->report->steps[step];
}

static bool ready(struct walk *w, enum doctor_step step)
{
	if (!rules[step].start || w->started[step])
		return false;
	for (unsigned i = 0; i < DOCTOR_STEPS_; i++)
		if ((rules[step].after & (1U << i)) &&
		    w->report->steps[i].verdict == VERDICT_PENDING)
			return false;
	return true;
}

/* A step that decides at once lets others begin in the same turn. */
static void on_turn(void *cls)
{
	struct walk *w = cls;
	for (int i = 0; i < DOCTOR_STEPS_; i++) {
		enum doctor_step step = (enum doctor_step)i;
		if (!ready(w, step))
			continue;
		w->started[step] = true;
		w->started_ms[step] = loop_now_ms(w->env->loop);
		rules[step].start(w);
	}
	w->env->decided(w->env->cls);
}

static void take_turn(struct walk *w)
{
	loop_timer_in(w->env->loop, &w->turn, 0);
}

void walk_decided(struct walk *w, enum doctor_step step)
{
	struct finding *f = walk_finding(w, step);
	f->ms = loop_now_ms(w->env->loop) - w->started_ms[step];
	take_turn(w);
	if (step == DOCTOR_WRITE)
		step_identity_judge(w);
}

void walk_skip(struct walk *w, enum doctor_step step, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	report_say(walk_finding(w, step), VERDICT_SKIPPED, "%s", text);
	walk_decided(w, step);
}

bool walk_blocked(struct walk *w, enum doctor_step step)
{
	enum verdict v = walk_finding(w, step)->verdict;
	return v != VERDICT_OK && v != VERDICT_WARN;
}

const char *walk_getenv(const struct walk *w, const char *name)
{
	return w->env->env ? w->env->env(name) : getenv(name);
}

bool walk_is_amp(const struct walk *w)
{
	return w->amp.form != AWS_AMP_NOT;
}

struct walk *walk_new(const struct walk_env *env, const struct remotewrite_options *opt,
		      struct labels external, struct report *report)
{
	struct walk *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->env = env;
	w->opt = opt;
	w->external = external;
	w->report = report;
	arena_init(&w->arena, ARENA_BYTES);
	buf_init(&w->page, KiB(64));
	w->turn = (struct loop_timer){.fire = on_turn, .cls = w};
	return w;
}

void walk_free(struct walk *w)
{
	if (!w)
		return;
	loop_timer_cancel(&w->turn);
	step_write_stop(w);
	step_tls_stop(w);
	step_tcp_stop(w);
	step_dns_stop(w);
	step_identity_stop(w);
	step_region_stop(w);
	step_credentials_stop(w);
	buf_deinit(&w->page);
	arena_wipe(&w->arena);
	free(w);
}

void walk_start(struct walk *w)
{
	take_turn(w);
}
