/* Who the keys are, asked of STS. The write does not need that: where STS has no way in, as in a
 * private subnet, only a warning is due. */
#include "advice.h"
#include "walk.h"

/* STS has looked at the keys and does not take them. Without an error's name somebody else spoke.
 */
static bool keys_refused(const struct walk *w)
{
	return w->identity_verdict == AWS_CALL_EXPIRED ||
	       (w->identity_verdict == AWS_CALL_REFUSED && w->identity_named);
}

void step_identity_judge(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_IDENTITY);
	struct finding *write = walk_finding(w, DOCTOR_WRITE);
	if (!w->identity_answered || f->verdict != VERDICT_PENDING ||
	    write->verdict == VERDICT_PENDING)
		return;
	bool written = !walk_blocked(w, DOCTOR_WRITE);
	f->verdict = keys_refused(w) && !written ? VERDICT_FAIL : VERDICT_WARN;
	advice_identity(&f->advice, w->identity_verdict, buf_view(&f->evidence), written);
	walk_decided(w, DOCTOR_IDENTITY);
}

/* The evidence stands; whether it is a failure, the write tells. */
static void fail(struct walk *w, enum aws_verdict verdict, const char *why)
{
	report_say(walk_finding(w, DOCTOR_IDENTITY), VERDICT_PENDING, "%s", why);
	w->identity_answered = true;
	w->identity_verdict = verdict;
	step_identity_judge(w);
}

static void on_identity(void *cls, const struct aws_identity *identity, const struct aws_answer *a)
{
	struct walk *w = cls;
	struct finding *f = walk_finding(w, DOCTOR_IDENTITY);
	w->identity = NULL;
	loop_timer_cancel(&w->identity_late);
	w->identity_named = a->code.len > 0;
	if (!identity) {
		fail(w, a->verdict, a->why.msg);
		return;
	}
	report_say(f, VERDICT_OK, "%.*s, account %.*s", SV_ARG(identity->arn),
		   SV_ARG(identity->account));
	snprintf(w->account, sizeof w->account, "%.*s", SV_ARG(identity->account));
	walk_decided(w, DOCTOR_IDENTITY);
}

static void on_late(void *cls)
{
	struct walk *w = cls;
	char text[ADVICE_SPAN_MAX + 64], span[ADVICE_SPAN_MAX];
	aws_call_cancel(w->identity);
	w->identity = NULL;
	snprintf(text, sizeof text, "STS gives no answer within %s",
		 advice_span(span, w->env->timeout_ms));
	fail(w, AWS_CALL_UNREACHABLE, text);
}

void step_identity_start(struct walk *w)
{
	struct err err = ERR_NULL;
	if (!w->opt->has_sigv4) {
		walk_skip(w, DOCTOR_IDENTITY, "requests to this destination are not signed");
		return;
	}
	if (walk_blocked(w, DOCTOR_CREDENTIALS)) {
		walk_skip(w, DOCTOR_IDENTITY, "there are no credentials");
		return;
	}
	if (w->region.len == 0) {
		walk_skip(w, DOCTOR_IDENTITY, "no region is known");
		return;
	}
	/* STS of where this runs, as for the credentials. */
	struct sv region = w->settings.region.len > 0 ? w->settings.region : w->region;
	w->identity_late = (struct loop_timer){.fire = on_late, .cls = w};
	if (aws_sts_identity_start(w->env->session, w->credentials, &w->settings, region,
				   w->opt->sigv4.use_fips_sts_endpoint, on_identity, w,
				   &w->identity, &err) != 0)
		fail(w, AWS_CALL_NO_KEYS, err.msg[0] ? err.msg : "out of memory");
	else
		loop_timer_in(w->env->loop, &w->identity_late, w->env->timeout_ms);
}

void step_identity_stop(struct walk *w)
{
	loop_timer_cancel(&w->identity_late);
	if (w->identity)
		aws_call_cancel(w->identity);
}
