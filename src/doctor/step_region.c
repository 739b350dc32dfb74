/* The region of the signature, and whether host, partition and FIPS agree with it. */
#include "advice.h"
#include "walk.h"

static bool ends_with_nocase(struct sv s, struct sv end)
{
	return s.len >= end.len && sv_eq_nocase(sv_from(s, s.len - end.len), end);
}

/* The partition's own names are all that its regions have. */
static bool in_partition(struct sv host, const struct aws_partition *p)
{
	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	return ends_with_nocase(host, sv_of(p->suffix)) ||
	       (p->dualstack_suffix && ends_with_nocase(host, sv_of(p->dualstack_suffix)));
}

static void look_at_fips(struct walk *w, struct finding *f)
{
	if (!w->settings_there || !w->settings.use_fips || !walk_is_amp(w) || w->amp.fips)
		return;
	f->verdict = VERDICT_WARN;
	if (aws_amp_has_fips(w->region))
		report_advise(f,
			      "FIPS endpoints are asked for (AWS_USE_FIPS_ENDPOINT), but the URL "
			      "is used as it is written: write aps-workspaces-fips.%.*s... if "
			      "writes shall use FIPS.",
			      SV_ARG(w->region));
	else
		report_advise(f,
			      "FIPS endpoints are asked for (AWS_USE_FIPS_ENDPOINT), but AMP has "
			      "none in %.*s.",
			      SV_ARG(w->region));
}

static void look_at_keys(struct walk *w, struct finding *f)
{
	if (!w->settings_there || w->settings.region.len == 0)
		return;
	const char *here = aws_partition_of(w->settings.region)->id;
	const char *there = aws_partition_of(w->region)->id;
	if (sv_eq(sv_of(here), sv_of(there)))
		return;
	f->verdict = VERDICT_WARN;
	report_advise(
		f,
		"%s says %.*s, in partition %s; the workspace is in partition %s. Keys of one "
		"partition are unknown in another.",
		w->settings.region_from ? w->settings.region_from : "The configuration",
		SV_ARG(w->settings.region), here, there);
}

static void look_at_form(struct walk *w, struct finding *f)
{
	if (aws_region_like(w->region))
		return;
	f->verdict = VERDICT_WARN;
	report_advise(f, "AWS has no such region: they are like eu-west-1, without the letter of "
			 "an availability zone. Signatures for it are refused.");
}

static void judge(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_REGION);
	const struct aws_partition *p = aws_partition_of(w->region);
	if (walk_is_amp(w) && !sv_eq_nocase(w->amp.region, w->region)) {
		report_say(f, VERDICT_FAIL, "%.*s (%s), but the URL's host is in %.*s",
			   SV_ARG(w->region), w->region_from, SV_ARG(w->amp.region));
		report_advise(f,
			      "Signatures must name the workspace's region: AMP refuses others. "
			      "Take region out of sigv4 (the URL names it), or correct the URL.");
	} else if (walk_is_amp(w) && !in_partition(w->url.host, p)) {
		report_say(f, VERDICT_FAIL,
			   "%.*s is in partition %s, but the host does not end "
			   "with .%s",
			   SV_ARG(w->region), p->id, p->suffix);
		report_advise(f, "Write the host with the ending .%s.", p->suffix);
	} else {
		report_say(f, VERDICT_OK, "%.*s, from %s%s%s", SV_ARG(w->region), w->region_from,
			   sv_eq(sv_of(p->id), SV("aws")) ? "" : "; partition ",
			   sv_eq(sv_of(p->id), SV("aws")) ? "" : p->id);
		look_at_form(w, f);
		look_at_keys(w, f);
		look_at_fips(w, f);
	}
	walk_decided(w, DOCTOR_REGION);
}

static void none(struct walk *w, const char *why)
{
	struct finding *f = walk_finding(w, DOCTOR_REGION);
	report_say(f, VERDICT_FAIL, "no region is known: %s", why);
	report_advise(f, "Set sigv4.region to the workspace's region, use the workspace's own host "
			 "name (aps-workspaces.REGION.amazonaws.com), or set AWS_REGION.");
	walk_decided(w, DOCTOR_REGION);
}

static void on_region(void *cls, struct sv region, const char *from, const struct err *why)
{
	struct walk *w = cls;
	w->region_fetch = NULL;
	loop_timer_cancel(&w->region_late);
	w->region = region.len > 0 ? arena_dup(&w->arena, region) : SV_NULL;
	w->region_from = from;
	if (w->region.len > 0)
		judge(w);
	else
		none(w, why ? why->msg : "out of memory");
}

static void on_late(void *cls)
{
	struct walk *w = cls;
	char text[ADVICE_SPAN_MAX + 64], span[ADVICE_SPAN_MAX];
	aws_region_cancel(w->region_fetch);
	w->region_fetch = NULL;
	snprintf(text, sizeof text, "the metadata service gives no answer within %s",
		 advice_span(span, w->env->timeout_ms));
	none(w, text);
}

static void ask(struct walk *w)
{
	struct err err = ERR_NULL;
	w->region_late = (struct loop_timer){.fire = on_late, .cls = w};
	if (aws_region_start(w->env->session, &w->settings, on_region, w, &w->region_fetch, &err) !=
	    0)
		none(w, err.msg[0] ? err.msg : "out of memory");
	else
		loop_timer_in(w->env->loop, &w->region_late, w->env->timeout_ms);
}

void step_region_start(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_REGION);
	if (!w->opt->has_sigv4) {
		walk_skip(w, DOCTOR_REGION, "requests to this destination are not signed");
	} else if (w->region_result == 0) {
		judge(w);
	} else if (w->region_result != 2) {
		report_say(f, VERDICT_FAIL, "%s",
			   w->region_why.msg[0] ? w->region_why.msg : "out of memory");
		report_advise(f, "A region's name is like eu-west-1.");
		walk_decided(w, DOCTOR_REGION);
	} else if (!w->settings_there || !w->env->session) {
		walk_skip(w, DOCTOR_REGION, "what could name it cannot be read");
	} else {
		ask(w);
	}
}

void step_region_stop(struct walk *w)
{
	loop_timer_cancel(&w->region_late);
	if (w->region_fetch)
		aws_region_cancel(w->region_fetch);
}
