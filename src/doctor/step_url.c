/* The URL's form, before anything is asked. */
#include "walk.h"

#include <ampagent/aws/sigv4.h>
#include <ampagent/base/limits.h>

/* What a stranger's own gateway may have: an id of its own making, another path. */
static bool is_ours_to_judge(const struct walk *w, enum aws_url_fault fault)
{
	if (fault == AWS_URL_SPACE || fault == AWS_URL_NOT_ABSOLUTE)
		return true;
	if (walk_is_amp(w) || fault == AWS_URL_CONTROL_PLANE || fault == AWS_URL_NOT_TLS ||
	    fault == AWS_URL_HOST)
		return true;
	struct sv service = w->opt->sigv4.service_name;
	return w->opt->has_sigv4 && (service.len == 0 || sv_eq(service, SV("aps"))) &&
	       fault != AWS_URL_WORKSPACE_ID;
}

static const char *form_text(const struct walk *w)
{
	switch (w->amp.form) {
	case AWS_AMP_PUBLIC:
		return w->amp.fips ? "AMP's FIPS host" : "AMP's host";
	case AWS_AMP_DUAL:
		return w->amp.fips ? "AMP's dual-stack FIPS host" : "AMP's dual-stack host";
	case AWS_AMP_VPCE:
		return "a VPC endpoint of AMP";
	default:
		return "not AMP's host: a gateway, or another receiver";
	}
}

static void say_good(struct walk *w, struct finding *f)
{
	struct sv workspace = aws_amp_workspace(w->opt->url);
	if (workspace.len > 0)
		report_say(f, VERDICT_OK, "workspace %.*s, %s", SV_ARG(workspace), form_text(w));
	else
		report_say(f, VERDICT_OK, "%s", form_text(w));
	if (walk_is_amp(w))
		report_detail(f, "region %.*s", SV_ARG(w->amp.region));
}

/* Slashes too many go when the request is signed. */
static bool good_when_sent(const struct walk *w, enum aws_url_fault fault)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	if (!w->opt->has_sigv4 || (fault != AWS_URL_TRAILING_SLASH && fault != AWS_URL_PATH &&
				   fault != AWS_URL_NO_WORKSPACE))
		return false;
	struct sv path = w->url.path, whole = w->opt->url;
	buf_init(&url, KiB(64));
	buf_append(&url, whole.ptr, (size_t)(path.ptr - whole.ptr));
	if (sigv4_clean_path(&url, path) != 0)
		return false;
	while (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	buf_sv(&url, sv_from(whole, (size_t)(path.ptr - whole.ptr) + path.len));
	return !buf_failed(&url) && aws_amp_url_check(buf_view(&url)) == AWS_URL_GOOD;
}

void step_url_start(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_URL);
	enum aws_url_fault fault = aws_amp_url_check(w->opt->url);
	if (url_split(w->opt->url, &w->url) != 0 || fault == AWS_URL_SPACE)
		w->url = (struct url_parts){.host = SV_NULL};
	w->tls = sv_eq_nocase(w->url.scheme, SV("https"));
	if (!w->tls && !sv_eq_nocase(w->url.scheme, SV("http")))
		w->url.host = SV_NULL;
	w->amp = aws_amp_host_parse(w->url.host);
	if (fault == AWS_URL_GOOD) {
		say_good(w, f);
	} else if (good_when_sent(w, fault)) {
		say_good(w, f);
		f->verdict = VERDICT_WARN;
		report_advise(f, "There are slashes too many in the path, or one at its end. They "
				 "are left out when a request is signed, as Prometheus does; write "
				 "the URL without them.");
	} else if (is_ours_to_judge(w, fault)) {
		report_say(f, VERDICT_FAIL, "%.*s", SV_ARG(w->report->url));
		report_advise(f, "%s", aws_url_fault_text(fault));
	} else if (sv_find_sv(w->url.path, SV("/workspaces/")) < w->url.path.len) {
		report_say(f, VERDICT_WARN, "%s, with a path that is almost AMP's", form_text(w));
		report_advise(f, "%s", aws_url_fault_text(fault));
	} else {
		say_good(w, f);
	}
	walk_decided(w, DOCTOR_URL);
}
