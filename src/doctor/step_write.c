/* A write, sent as the agent sends: empty, or with one sample when asked for. */
#include "advice.h"
#include "walk.h"

#include <ampagent/base/limits.h>

enum { BODY_SHOWN = 400 };

static struct advice_write about(const struct walk *w, const struct remotewrite_probe_result *r)
{
	return (struct advice_write){
		.cause = sv_of(r->cause),
		.status = r->status,
		.body = r->body,
		.error_type = r->error_type,
		.result = r->http_result,
		.is_signed = w->opt->has_sigv4,
		.amp = walk_is_amp(w),
		.canary = w->probing == DOCTOR_CANARY,
		.host = w->url.host,
		.partition = sv_of(aws_partition_of(w->region)->id),
		.region = w->region,
		.account = sv_of(w->account),
		.workspace = aws_amp_workspace(w->opt->url),
	};
}

static void say_good(struct walk *w, const struct remotewrite_probe_result *r)
{
	struct finding *f = walk_finding(w, w->probing);
	report_say(f, VERDICT_OK, "%s, answered %d",
		   w->probing == DOCTOR_CANARY
			   ? "one sample of ampagent_doctor_canary is stored, and billed"
			   : "an empty request is accepted",
		   r->status);
	if (r->clock_corrected)
		report_detail(f, "signed anew by the endpoint's clock after a refusal");
	if (r->refreshed)
		report_detail(f, "signed anew with other keys after a refusal");
	if (r->status == 202) {
		f->verdict = VERDICT_WARN;
		report_advise(f, "202: another replica (label __replica__) is the elected one for "
				 "this cluster; what this agent sends is not stored meanwhile.");
	}
}

static void say_bad(struct walk *w, const struct remotewrite_probe_result *r)
{
	struct finding *f = walk_finding(w, w->probing);
	struct advice_write a = about(w, r);
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, KiB(8));
	report_clean(&text, sv_of(r->why.msg[0] ? r->why.msg : "no answer"), KiB(1));
	if (r->status > 0 && r->accepted) {
		buf_reset(&text);
		buf_printf(&text, "answered %d with a page for people: ", r->status);
		report_clean(&text, r->body, BODY_SHOWN);
	}
	report_say(f, VERDICT_FAIL, "%.*s", SV_ARG(buf_view(&text)));
	if (r->location.len > 0) {
		/* What follows the path may be a log-in's secret. */
		struct sv to = r->location;
		to.len = sv_find(to, '?');
		buf_reset(&text);
		report_public_url(&text, to);
		report_detail(f, "it points to %.*s", SV_ARG(buf_view(&text)));
	}
	advice_write(&f->advice, &a);
}

static void on_result(void *cls, const struct remotewrite_probe_result *r)
{
	struct walk *w = cls;
	w->probe = NULL;
	if (r->signing.clock_known && !w->skew_told) {
		w->skew_told = true;
		w->skew_ms = r->signing.skew_ms;
	}
	if (r->accepted && !advice_is_html(r->body))
		say_good(w, r);
	else
		say_bad(w, r);
	walk_decided(w, w->probing);
}

static void try_write(struct walk *w, enum doctor_step step)
{
	struct err err = ERR_NULL;
	w->probing = step;
	w->probe_opt = *w->opt;
	if (w->probe_opt.timeout_ms > w->env->timeout_ms)
		w->probe_opt.timeout_ms = w->env->timeout_ms;
	if (remotewrite_probe_start(w->env->session, w->env->pool, &w->probe_opt, w->external,
				    step == DOCTOR_CANARY, on_result, w, &w->probe, &err) == 0)
		return;
	struct finding *f = walk_finding(w, step);
	report_say(f, VERDICT_FAIL, "nothing can be sent: %s",
		   err.msg[0] ? err.msg : "out of memory");
	report_advise(f,
		      step == DOCTOR_CANARY
			      ? "Let write_relabel_configs keep ampagent_doctor_canary, or leave "
				"out --canary."
			      : "The agent would refuse to start with this block: correct it.");
	walk_decided(w, step);
}

/* Why no write can be tried, or NULL. */
static const char *obstacle(struct walk *w)
{
	if (walk_finding(w, DOCTOR_URL)->verdict == VERDICT_FAIL)
		return "the URL is wrong";
	if (!w->env->session)
		return w->env->session_why;
	if (w->opt->has_sigv4 && walk_blocked(w, DOCTOR_CREDENTIALS))
		return "there are no credentials";
	if (w->opt->has_sigv4 && w->region.len == 0)
		return "no region is known";
	if (walk_blocked(w, DOCTOR_TCP))
		return "there is no connection";
	if (walk_finding(w, DOCTOR_TLS)->verdict == VERDICT_FAIL)
		return "TLS fails";
	return NULL;
}

void step_write_start(struct walk *w)
{
	const char *why = obstacle(w);
	if (why)
		walk_skip(w, DOCTOR_WRITE, "%s", why);
	else
		try_write(w, DOCTOR_WRITE);
}

void step_canary_start(struct walk *w)
{
	if (!w->env->canary)
		walk_skip(w, DOCTOR_CANARY,
			  "not asked for (--canary sends one sample, which AMP "
			  "bills)");
	else if (walk_blocked(w, DOCTOR_WRITE))
		walk_skip(w, DOCTOR_CANARY, "writing fails already");
	else
		try_write(w, DOCTOR_CANARY);
}

void step_write_stop(struct walk *w)
{
	if (w->probe)
		remotewrite_probe_cancel(w->probe);
	w->probe = NULL;
}
