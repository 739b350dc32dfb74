/* The keys: every source in order, then the one that is chosen is really asked. */
#include "advice.h"
#include "walk.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

/* What the sender asks for, so that it and this share one set of keys. */
static void prepare(struct walk *w)
{
	static const struct aws_settings none;
	struct sv given = w->opt->sigv4.region;
	w->region_result =
		aws_region_find(&w->arena, w->settings_there ? &w->settings : &none, given,
				w->opt->url, &w->region, &w->region_from, &w->region_why);
	if (w->region_result != 0)
		w->region = SV_NULL;
	else if (given.len > 0)
		w->region_from = "sigv4.region";
	w->keys_opt = remotewrite_credentials_options(w->opt, w->region);
}

static bool is_set(const struct walk *w, const char *name)
{
	const char *v = walk_getenv(w, name);
	return v && *v;
}

/* ECS and EKS give their variables to the container's first process; a shell in the container may
 * have been started by somebody else. */
static bool first_process_has(void)
{
	static const struct sv names[] = {SV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="),
					  SV("AWS_CONTAINER_CREDENTIALS_FULL_URI="),
					  SV("AWS_WEB_IDENTITY_TOKEN_FILE=")};
	_cleanup_(buf_wipe) struct buf text = BUF_NULL;
	buf_init(&text, MiB(1));
	if (buf_reserve(&text, KiB(256)) != 0 || file_read("/proc/1/environ", &text, NULL) != 0)
		return false;
	struct sv rest = buf_view(&text);
	while (rest.len > 0) {
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			if (sv_starts_with(rest, names[i]))
				return true;
		rest = sv_from(rest, sv_find(rest, '\0') + 1);
	}
	return false;
}

static struct advice_place place_of(const struct walk *w)
{
	const char *runs_in = walk_getenv(w, "AWS_EXECUTION_ENV");
	return (struct advice_place){
		.ecs = is_set(w, "ECS_CONTAINER_METADATA_URI_V4"),
		.fargate = runs_in && sv_eq(sv_of(runs_in), SV("AWS_ECS_FARGATE")),
		.kubernetes = is_set(w, "KUBERNETES_SERVICE_HOST"),
		.task_role = is_set(w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
			     is_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
		.web_identity = is_set(w, "AWS_WEB_IDENTITY_TOKEN_FILE"),
		.first_has = !is_set(w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") &&
			     !is_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI") &&
			     !is_set(w, "AWS_WEB_IDENTITY_TOKEN_FILE") && first_process_has(),
		.imds_off = w->settings_there && w->settings.imds_disabled,
		.proxy = is_set(w, "HTTPS_PROXY") || is_set(w, "https_proxy") ||
			 is_set(w, "HTTP_PROXY") || is_set(w, "http_proxy"),
		.source = sv_of(w->source),
	};
}

static void fail(struct walk *w, const char *why)
{
	struct finding *f = walk_finding(w, DOCTOR_CREDENTIALS);
	struct advice_place place = place_of(w);
	report_say(f, VERDICT_FAIL, "%s", why);
	advice_credentials(&f->advice, sv_of(why), &place);
	walk_decided(w, DOCTOR_CREDENTIALS);
}

static void on_source(void *cls, const char *source, enum aws_source_state state, const char *text)
{
	static const char *const states[] = {
		[AWS_SOURCE_ABSENT] = "-",
		[AWS_SOURCE_CHOSEN] = "chosen",
		[AWS_SOURCE_SHADOWED] = "not used",
		[AWS_SOURCE_BROKEN] = "BROKEN",
	};
	struct walk *w = cls;
	if (state == AWS_SOURCE_CHOSEN || state == AWS_SOURCE_BROKEN)
		snprintf(w->source, sizeof w->source, "%s", source);
	report_detail(walk_finding(w, DOCTOR_CREDENTIALS), "%-14s %-8s %s", source, states[state],
		      text);
}

/* ---- what came ---- */

static void doubt(struct finding *f, const char *advice)
{
	f->verdict = VERDICT_WARN;
	report_advise(f, "%s", advice);
}

/* AKIA: a user's, for good; ASIA: temporary, with a token. */
static void look_at_form(const struct walk *w, struct finding *f, struct sv shown)
{
	bool environment = strcmp(w->source, "environment") == 0;
	bool token = is_set(w, "AWS_SESSION_TOKEN") || is_set(w, "AWS_SECURITY_TOKEN");
	if (sv_find(shown, ' ') < shown.len)
		doubt(f, "The access key's ID has not the form of one (AKIA... or ASIA...): it and "
			 "the secret key may have changed places, or quotation marks have come "
			 "along.");
	else if (environment && sv_starts_with(shown, SV("ASIA")) && !token &&
		 w->keys_opt.role_arn.len == 0)
		doubt(f, "Keys with ASIA... are temporary and need their token: set "
			 "AWS_SESSION_TOKEN too.");
	else if (environment && sv_starts_with(shown, SV("AKIA")) && token)
		doubt(f,
		      "Keys with AKIA... have no token, but AWS_SESSION_TOKEN is set, perhaps of "
		      "keys before: unset it.");
}

static void say_keys(struct walk *w, const struct aws_credentials_status *st)
{
	struct finding *f = walk_finding(w, DOCTOR_CREDENTIALS);
	char span[ADVICE_SPAN_MAX], life[ADVICE_SPAN_MAX + 32] = "";
	int64_t left_ms = st->expires_ms - aws_session_now_ms(w->env->session);
	if (st->expires_ms != 0)
		snprintf(life, sizeof life, left_ms > 0 ? ", good for %s" : ", expired %s ago",
			 advice_span(span, left_ms));
	bool bad = st->expired || st->failing;
	report_say(f, bad ? VERDICT_WARN : VERDICT_OK, "%s: %s%s", st->source, st->access_key,
		   life);
	if (st->failing)
		report_detail(f, "asked again, it fails: %s", st->last_error);
	if (st->expired)
		report_advise(f, "The source gives keys that have expired; the service will "
				 "refuse them. Look at what keeps the source from renewing them.");
	snprintf(w->account, sizeof w->account, "%s", st->account);
	look_at_form(w, f, sv_of(st->access_key));
}

static void on_keys(void *cls, const struct err *why)
{
	struct walk *w = cls;
	struct aws_credentials_status st;
	loop_timer_cancel(&w->credentials_late);
	aws_credentials_status_get(w->credentials, &st);
	if (why) {
		fail(w, why->msg[0] ? why->msg : st.last_error);
		return;
	}
	say_keys(w, &st);
	walk_decided(w, DOCTOR_CREDENTIALS);
}

static void on_late(void *cls)
{
	struct walk *w = cls;
	struct aws_credentials_status st;
	char text[512], span[ADVICE_SPAN_MAX];
	aws_waiter_cancel(&w->waiter);
	aws_credentials_status_get(w->credentials, &st);
	advice_span(span, w->env->timeout_ms);
	if (st.last_error[0])
		snprintf(text, sizeof text, "%s: no keys within %s: %s", st.source, span,
			 st.last_error);
	else
		snprintf(text, sizeof text, "%s: no answer within %s", st.source, span);
	fail(w, text);
}

static void ask(struct walk *w)
{
	struct err err = ERR_NULL;
	aws_credentials_explain(w->env->session, &w->keys_opt, on_source, w);
	if (aws_credentials_get(w->env->session, &w->keys_opt, &w->credentials, &err) != 0) {
		fail(w, err.msg[0] ? err.msg : "out of memory");
		return;
	}
	w->waiter = (struct aws_waiter){.ready = on_keys, .cls = w};
	w->credentials_late = (struct loop_timer){.fire = on_late, .cls = w};
	aws_credentials_wait(w->credentials, &w->waiter);
	loop_timer_in(w->env->loop, &w->credentials_late, w->env->timeout_ms);
}

void step_credentials_start(struct walk *w)
{
	struct err err = ERR_NULL;
	if (!w->opt->has_sigv4) {
		if (walk_is_amp(w))
			report_advise(walk_finding(w, DOCTOR_CREDENTIALS),
				      "AMP takes signed requests only: add sigv4: {} to this "
				      "remote_write block.");
		walk_skip(w, DOCTOR_CREDENTIALS, "requests to this destination are not signed");
		return;
	}
	if (aws_settings_load(w->env->env, w->opt->sigv4.profile, &w->settings, &err) == 0)
		w->settings_there = true;
	prepare(w);
	if (!w->settings_there)
		fail(w, err.msg[0] ? err.msg : "out of memory");
	else if (!w->env->session)
		fail(w, w->env->session_why);
	else
		ask(w);
}

void step_credentials_stop(struct walk *w)
{
	loop_timer_cancel(&w->credentials_late);
	if (w->credentials) {
		aws_waiter_cancel(&w->waiter);
		aws_credentials_unref(w->credentials);
	}
	if (w->settings_there)
		aws_settings_deinit(&w->settings);
}
