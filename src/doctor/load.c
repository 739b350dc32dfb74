#include "load.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/base/limits.h>

enum { WARNINGS_SHOWN = 20 };

/* ---- a file ---- */

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* is_text: it came from the environment. */
static void advise_load(struct finding *f, bool is_text, struct sv why)
{
	if (sv_find_sv(why, SV("there is no configuration")) < why.len)
		report_advise(f, "Run it where the agent runs, with its environment; or name the "
				 "file (--config.file) or a URL (--url).");
	else if (is_text)
		report_advise(f,
			      "Correct the variable; the agent refuses to start with it. "
			      "`ampagent check-config --print` shows what the environment makes.");
	else if (sv_find_sv(why, SV("Permission denied")) < why.len)
		report_advise(f, "This user may not read the file: run as the agent's user, or "
				 "let it read the file (owner, mode).");
	else if (sv_find_sv(why, SV("cannot start any token")) < why.len)
		report_advise(f, "Look for a tab: YAML is indented with blanks only. The agent "
				 "refuses to start with this file.");
	else
		report_advise(f, "Correct the file; the agent refuses to start with it. Another "
				 "file: --config.file; a URL without a file: --url.");
}

static int load_file(const struct doctor_options *opt, struct finding *f, struct config **out)
{
	struct err err = ERR_NULL;
	int r = opt->load ? opt->load(opt->load_cls, out, &err)
			  : config_load(opt->config_path, NULL, out, &err);
	if (r != 0) {
		report_say(f, VERDICT_FAIL, "%s", err.msg[0] ? err.msg : "out of memory");
		advise_load(f, opt->load != NULL, sv_of(err.msg));
		return 1;
	}
	const struct config *c = *out;
	if (c->n_writes == 0) {
		report_say(f, VERDICT_FAIL, "%s: no remote_write block", opt->config_path);
		report_advise(f, "Nothing is sent anywhere: add remote_write with the workspace's "
				 "URL and sigv4: {}.");
		return 1;
	}
	report_say(f, c->n_warnings > 0 ? VERDICT_WARN : VERDICT_OK,
		   "%s: %zu destination%s, %zu scrape job%s", opt->config_path, c->n_writes,
		   plural(c->n_writes), c->n_scrapes, plural(c->n_scrapes));
	for (size_t i = 0; i < c->n_warnings && i < WARNINGS_SHOWN; i++)
		report_detail(f, "%.*s:%d: %.*s", SV_ARG(c->warnings[i].path), c->warnings[i].line,
			      SV_ARG(c->warnings[i].text));
	if (c->n_warnings > WARNINGS_SHOWN)
		report_detail(f, "and %zu more", c->n_warnings - WARNINGS_SHOWN);
	return 0;
}

/* ---- a URL ---- */

static void put_key(struct buf *text, const char *key, struct sv value)
{
	if (value.len == 0)
		return;
	buf_printf(text, "%s: ", key);
	json_quote(text, value);
	buf_char(text, '\n');
}

static int write_text(const struct doctor_options *opt, struct buf *text)
{
	buf_printf(text, "remote_write:\n- ");
	put_key(text, "url", opt->url);
	if (opt->sign)
		buf_printf(text, "  sigv4:\n    service_name: aps\n");
	put_key(text, "    region", opt->region);
	put_key(text, "    profile", opt->profile);
	return buf_failed(text);
}

static int load_url(const struct doctor_options *opt, struct report *report, struct config **out)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct finding *url = &report->steps[DOCTOR_URL];
	struct err err = ERR_NULL;
	buf_init(&text, KiB(64));
	report_say(&report->steps[DOCTOR_CONFIG], VERDICT_SKIPPED, "no file: --url is checked");
	if (write_text(opt, &text) != 0)
		err_set(&err, 1, "the URL is too long");
	else if (config_parse(buf_view(&text), "--url", NULL, NULL, out, &err) == 0)
		return 0;
	enum aws_url_fault fault = aws_amp_url_check(opt->url);
	report_say(url, VERDICT_FAIL, "%s", err.msg[0] ? err.msg : "out of memory");
	if (fault != AWS_URL_GOOD)
		report_advise(url, "%s", aws_url_fault_text(fault));
	return 1;
}

int doctor_load(const struct doctor_options *opt, struct report *report, struct config **out)
{
	if (opt->url.len > 0)
		return load_url(opt, report, out);
	return load_file(opt, &report->steps[DOCTOR_CONFIG], out);
}
