/* A plain request to the host's root, without keys: whose certificate answers, and what time it is
 * there. */
#include "advice.h"
#include "walk.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>

enum { EXPIRY_WARN_S = 14 * 24 * 3600 };
#define CLOCK_FAIL_MS (5 * 60 * 1000)

static void put_date(char dst[RFC3339_MAX], int64_t s)
{
	clock_format_rfc3339(dst, s * 1000);
	dst[10] = '\0'; /* the day */
}

/* "CN = x, O = y" as one finds it, without what is too long. */
static void say_certificate(struct finding *f, enum verdict v, const struct http_peer *p,
			    const char *before)
{
	char until[RFC3339_MAX];
	put_date(until, p->not_after_s);
	report_say(f, v, "%s%s, issued by %s, until %s", before, p->subject,
		   p->issuer[0] ? p->issuer : "nobody that is told", until);
}

static struct advice_tls about(const struct walk *w, const struct http_answer *a)
{
	return (struct advice_tls){
		.phase = a->phase,
		.peer = a->peer,
		.error = a->error ? a->error : "",
		.late = a->result == HTTP_TIMEOUT,
		.host = {.amp = walk_is_amp(w),
			 .proxied = w->proxied,
			 .host = w->url.host,
			 .region = w->amp.region},
		.own_ca = w->opt->http.tls.ca.len > 0 || w->opt->http.tls.ca_file.len > 0 ||
			  (w->settings_there && w->settings.ca_bundle.len > 0),
		.now_s = loop_wall_ms(w->env->loop) / 1000,
	};
}

static void tls_good(struct walk *w, const struct http_answer *a)
{
	struct finding *f = walk_finding(w, DOCTOR_TLS);
	const struct http_peer *p = a->peer;
	if (!p || !p->subject[0]) {
		report_say(f, VERDICT_OK, "encrypted");
		return;
	}
	say_certificate(f, VERDICT_OK, p, "");
	if (w->opt->http.tls.insecure_skip_verify) {
		f->verdict = VERDICT_WARN;
		report_advise(f, "tls_config.insecure_skip_verify: anybody may answer in the "
				 "endpoint's name. Take it out.");
	}
	if (p->not_after_s - loop_wall_ms(w->env->loop) / 1000 < EXPIRY_WARN_S) {
		f->verdict = VERDICT_WARN;
		report_advise(f, "The certificate expires soon: renew it.");
	}
	if (walk_is_amp(w) && !advice_issuer_known(sv_of(p->issuer))) {
		f->verdict = VERDICT_WARN;
		report_advise(f, "AMP's certificates are issued by Amazon: something on the way "
				 "opens the encryption (TLS interception). It is trusted here; if "
				 "nobody meant that, find out who it is.");
	}
}

static void tls_bad(struct walk *w, const struct http_answer *a)
{
	struct finding *f = walk_finding(w, DOCTOR_TLS);
	struct advice_tls t = about(w, a);
	char before[512];
	snprintf(before, sizeof before, "%s: ", t.error);
	if (a->phase == HTTP_PHASE_TLS && a->peer && a->peer->subject[0])
		say_certificate(f, VERDICT_FAIL, a->peer, before);
	else
		report_say(f, VERDICT_FAIL, "%s", t.error);
	advice_tls(&f->advice, &t);
}

static void on_answer(void *cls, const struct http_answer *a)
{
	struct walk *w = cls;
	w->transfer = NULL;
	aws_clock_learn(&w->clock, a, loop_now_ms(w->env->loop));
	bool came = a->status > 0 || a->phase == HTTP_PHASE_EXCHANGE;
	if (!w->tls)
		report_say(walk_finding(w, DOCTOR_TLS), VERDICT_SKIPPED,
			   "http: nothing is encrypted");
	else if (came)
		tls_good(w, a);
	else
		tls_bad(w, a);
	walk_decided(w, DOCTOR_TLS);
}

static int ask(struct walk *w, struct err *err)
{
	_cleanup_(buf_deinit) struct buf root = BUF_NULL;
	bool v6 = sv_find(w->url.host, ':') < w->url.host.len;
	buf_init(&root, KiB(4));
	buf_printf(&root, v6 ? "%s://[%.*s]:%u/" : "%s://%.*s:%u/", w->tls ? "https" : "http",
		   SV_ARG(w->url.host), walk_port(w));
	if (buf_failed(&root))
		return err_set(err, 1, "the URL is too long");
	struct http_request req = {
		.method = SV("GET"),
		.url = buf_view(&root),
		.timeout_ms = w->env->timeout_ms,
		.body_max = KiB(64),
		.body_out = &w->page,
		.no_auth = true,
		.want_peer = true,
	};
	return http_start(w->client, &req, on_answer, w, &w->transfer, err);
}

void step_tls_start(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_TLS);
	struct err err = ERR_NULL;
	if (walk_blocked(w, DOCTOR_TCP)) {
		walk_skip(w, DOCTOR_TLS, "there is no connection");
		return;
	}
	int r = 1;
	if (w->client)
		r = ask(w, &err);
	else
		err_set(&err, 1, "%s", w->client_why);
	if (r == 0)
		return;
	report_say(f, VERDICT_FAIL, "%s", err.msg[0] ? err.msg : "out of memory");
	report_advise(f, "Check the files and texts of tls_config (and AWS_CA_BUNDLE).");
	walk_decided(w, DOCTOR_TLS);
}

void step_tls_stop(struct walk *w)
{
	if (w->transfer)
		http_cancel(w->transfer);
	w->transfer = NULL;
}

/* ---- clock ---- */

void step_clock_start(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_CLOCK);
	int64_t mono_ms = loop_now_ms(w->env->loop), wall_ms = loop_wall_ms(w->env->loop);
	char span[ADVICE_SPAN_MAX];
	if (!w->clock.known && !w->skew_told) {
		walk_skip(w, DOCTOR_CLOCK, "the endpoint has not told its time");
		return;
	}
	/* By the answer to a write, which signatures go by; a gateway may answer the other request.
	 */
	int64_t ahead_ms =
		w->skew_told ? -w->skew_ms : -aws_clock_skew_ms(&w->clock, mono_ms, wall_ms);
	int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
	enum verdict v = off_ms > CLOCK_FAIL_MS       ? VERDICT_FAIL
			 : off_ms > AWS_CLOCK_WARN_MS ? VERDICT_WARN
						      : VERDICT_OK;
	report_say(f, v, "this machine's clock is %s %s the endpoint's", advice_span(span, off_ms),
		   ahead_ms < 0 ? "behind" : "ahead of");
	if (off_ms < 2000)
		report_say(f, v, "agrees with the endpoint's");
	if (v != VERDICT_OK)
		advice_clock(&f->advice, ahead_ms);
	walk_decided(w, DOCTOR_CLOCK);
}
