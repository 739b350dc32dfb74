#include "report.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>
#include <ampagent/net/http_client.h>

#include <stdarg.h>

enum {
	NAME_WIDTH = 12,
	VERDICT_WIDTH = 8,
	INDENT = 2 + NAME_WIDTH + VERDICT_WIDTH,
	LINE_MAX_BYTES = 4096,
};

static const char *const step_names[DOCTOR_STEPS_] = {"config",   "url",   "credentials", "region",
						      "identity", "dns",   "tcp",         "tls",
						      "clock",    "write", "canary"};

const char *doctor_step_name(enum doctor_step step)
{
	return step_names[step];
}

const char *report_verdict_name(enum verdict v)
{
	static const char *const names[] = {"pending", "ok", "warn", "FAIL", "skipped"};
	return names[v];
}

void report_init(struct report *r)
{
	*r = (struct report){.name = SV_NULL};
	for (int i = 0; i < DOCTOR_STEPS_; i++) {
		buf_init(&r->steps[i].evidence, KiB(16));
		buf_init(&r->steps[i].details, KiB(64));
		buf_init(&r->steps[i].advice, KiB(64));
	}
}

void report_deinit(struct report *r)
{
	for (int i = 0; i < DOCTOR_STEPS_; i++) {
		buf_deinit(&r->steps[i].evidence);
		buf_deinit(&r->steps[i].details);
		buf_deinit(&r->steps[i].advice);
	}
}

/* ---- texts ---- */

/* How much of s, up to max bytes, ends with a whole character. */
static struct sv cut(struct sv s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return sv_make(s.ptr, max);
}

static void put_clean(struct buf *out, struct sv s, bool keep_lines)
{
	bool text = utf8_valid(s);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '\n' && keep_lines)
			buf_char(out, '\n');
		else
			buf_char(out, c < 0x20 || c == 0x7f ? ' '
				      : c >= 0x80 && !text  ? '?'
							    : (char)c);
	}
}

void report_clean(struct buf *out, struct sv text, size_t max)
{
	text = sv_trim(text);
	struct sv shown = cut(text, max);
	put_clean(out, shown, false);
	if (shown.len < text.len)
		buf_sv(out, SV(" ..."));
}

void report_public_url(struct buf *out, struct sv url)
{
	struct url_parts u;
	if (url_split(url, &u) != 0) {
		/* Whatever stands before an @ may be a password. */
		const char *at = url.len ? memrchr(url.ptr, '@', url.len) : NULL;
		url = at ? sv_from(url, (size_t)(at - url.ptr) + 1) : url;
		size_t end = sv_find(url, '?');
		report_clean(out, sv_make(url.ptr, end), 256);
		if (end < url.len)
			buf_sv(out, SV("?..."));
		return;
	}
	bool v6 = sv_find(u.host, ':') < u.host.len && u.host.ptr[0] != '[';
	put_clean(out, u.scheme, false);
	buf_sv(out, SV("://"));
	buf_sv(out, v6 ? SV("[") : SV(""));
	put_clean(out, u.host, false);
	buf_sv(out, v6 ? SV("]") : SV(""));
	if (u.port.len > 0) {
		buf_char(out, ':');
		put_clean(out, u.port, false);
	}
	put_clean(out, cut(u.path, 512), false);
	if (u.query.len > 0)
		buf_sv(out, SV("?..."));
}

__attribute__((format(printf, 3, 0))) static void put_line(struct buf *out, bool lines,
							   const char *fmt, va_list args)
{
	char text[LINE_MAX_BYTES];
	int n = vsnprintf(text, sizeof text, fmt, args);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	if (lines && out->len > 0)
		buf_char(out, '\n');
	put_clean(out, cut(sv_make(text, len), len), lines);
}

void report_say(struct finding *f, enum verdict verdict, const char *fmt, ...)
{
	va_list args;
	f->verdict = verdict;
	buf_reset(&f->evidence);
	va_start(args, fmt);
	put_line(&f->evidence, false, fmt, args);
	va_end(args);
}

void report_detail(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	put_line(&f->details, true, fmt, args);
	va_end(args);
}

void report_advise(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	put_line(&f->advice, true, fmt, args);
	va_end(args);
}

static void tidy(struct buf *b)
{
	bool text = utf8_valid(buf_view(b));
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->ptr[i];
		if ((c < 0x20 && c != '\n') || c == 0x7f)
			b->ptr[i] = ' ';
		else if (c >= 0x80 && !text)
			b->ptr[i] = '?';
	}
}

void report_tidy(struct finding *f)
{
	tidy(&f->evidence);
	tidy(&f->details);
	tidy(&f->advice);
}

enum doctor_step report_failed(const struct report *r)
{
	for (int i = 0; i < DOCTOR_STEPS_; i++)
		if (r->steps[i].verdict == VERDICT_FAIL)
			return (enum doctor_step)i;
	return DOCTOR_STEPS_;
}

/* ---- for people ---- */

void report_print_destination(FILE *out, const struct report *r)
{
	fprintf(out, "\n%.*s%s%.*s\n", SV_ARG(r->name), r->name.len > 0 ? ": " : "",
		SV_ARG(r->url));
}

/* Each line of text below the evidence, the first one behind mark. */
static void print_lines(FILE *out, const struct buf *lines, const char *mark)
{
	struct sv rest = buf_view(lines);
	while (rest.len > 0) {
		size_t end = sv_find(rest, '\n');
		fprintf(out, "%*s%s%.*s\n", INDENT, "", mark, (int)end, rest.ptr);
		rest = sv_from(rest, end + 1);
		mark = "   ";
	}
}

void report_print_step(FILE *out, enum doctor_step step, const struct finding *f)
{
	fprintf(out, "  %-*s%-*s%.*s\n", NAME_WIDTH, doctor_step_name(step), VERDICT_WIDTH,
		report_verdict_name(f->verdict), SV_ARG(buf_view(&f->evidence)));
	print_lines(out, &f->details, "   ");
	print_lines(out, &f->advice, "-> ");
}

void report_print_result(FILE *out, const struct report *r, enum doctor_step failed, bool warned,
			 int exit_code)
{
	if (failed == DOCTOR_STEPS_)
		fprintf(out, "\nhealthy%s\n", warned ? ", with warnings" : "");
	else
		fprintf(out, "\nbroken at step %s%s%.*s (exit code %d)\n", doctor_step_name(failed),
			r->name.len > 0 ? " of " : "", SV_ARG(r->name), exit_code);
}

/* ---- for programs ---- */

static void json_text(struct json_writer *w, struct sv key, const struct buf *text)
{
	json_key(w, key);
	json_string(w, buf_view(text));
}

static void json_lines(struct json_writer *w, struct sv key, const struct buf *lines)
{
	json_key(w, key);
	json_begin_array(w);
	struct sv rest = buf_view(lines);
	while (rest.len > 0) {
		size_t end = sv_find(rest, '\n');
		json_string(w, sv_make(rest.ptr, end));
		rest = sv_from(rest, end + 1);
	}
	json_end_array(w);
}

static void json_step(struct json_writer *w, enum doctor_step step, const struct finding *f)
{
	/* In small letters here: programs compare. */
	struct sv verdict =
		f->verdict == VERDICT_FAIL ? SV("fail") : sv_of(report_verdict_name(f->verdict));
	json_begin_object(w);
	json_key(w, SV("step"));
	json_string(w, sv_of(doctor_step_name(step)));
	json_key(w, SV("verdict"));
	json_string(w, verdict);
	json_text(w, SV("evidence"), &f->evidence);
	json_lines(w, SV("details"), &f->details);
	json_text(w, SV("advice"), &f->advice);
	json_key(w, SV("ms"));
	json_i64(w, f->ms);
	json_end_object(w);
}

void report_json(struct json_writer *w, const struct report *reports, size_t n, int exit_code)
{
	json_begin_object(w);
	json_key(w, SV("exit_code"));
	json_i64(w, exit_code);
	json_key(w, SV("failed_step"));
	if (exit_code >= DOCTOR_EXIT_STEP)
		json_string(w, sv_of(doctor_step_name(
				       (enum doctor_step)(exit_code - DOCTOR_EXIT_STEP))));
	else
		json_null(w);
	json_key(w, SV("destinations"));
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(w);
		json_key(w, SV("name"));
		json_string(w, reports[i].name);
		json_key(w, SV("url"));
		json_string(w, reports[i].url);
		json_key(w, SV("steps"));
		json_begin_array(w);
		for (int k = 0; k < DOCTOR_STEPS_; k++)
			json_step(w, (enum doctor_step)k, &reports[i].steps[k]);
		json_end_array(w);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}
