/* Variables read and checked, for a configuration without a file. Whatever is wrong is told with
 * the variable's name.
 */
#include "environment_wish.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/base/cleanup.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>
#include <ampagent/model/identity.h>
#include <ampagent/net/http_client.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { URL_BYTES = 8192, SHOWN_BYTES = 100 };

#define CREDENTIALS_TEXT                                                                           \
	"user and password do not belong into the environment; a configuration has basic_auth"

#define DEFAULT_INTERVAL "20s"
enum { DEFAULT_INTERVAL_MS = 20000 };

/* ---- reading ---- */

/* What is copied into a variable often has a line's end behind it. */
static struct sv value(const struct wish *w, const char *name)
{
	return sv_trim(sv_of(w->env(name)));
}

static bool is_set(const struct wish *w, const char *name)
{
	return value(w, name).len > 0;
}

static int bad(const struct wish *w, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int bad(const struct wish *w, const char *name, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return err_set(w->err, 1, "%s: %s", name, text);
}

/* What of a value stands in a message. */
static struct sv shown(struct sv v)
{
	size_t n = 0;
	while (n < v.len && n < SHOWN_BYTES && v.ptr[n] >= ' ' && v.ptr[n] < 0x7f)
		n++;
	return sv_make(v.ptr, n);
}

static int read_bool(const struct wish *w, const char *name, bool *out)
{
	struct sv v = value(w, name);
	if (v.len == 0)
		return 0;
	if (!sv_eq(v, SV("true")) && !sv_eq(v, SV("false")))
		return bad(w, name, "\"%.*s\" is not true or false", SV_ARG(shown(v)));
	*out = sv_eq(v, SV("true"));
	return 0;
}

static int read_word(const struct wish *w, const char *name, const char *const *words,
		     struct sv *out)
{
	char all[128] = "";
	struct sv v = value(w, name);
	if (v.len == 0)
		return 0;
	for (size_t i = 0, n = 0; words[i]; i++) {
		if (sv_eq(v, sv_of(words[i]))) {
			*out = v;
			return 0;
		}
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", words[i]);
	}
	return bad(w, name, "\"%.*s\" is none of: %s", SV_ARG(shown(v)), all);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* The next item of a list apart by commas or blanks; empty at the end. */
static struct sv next_item(struct sv *rest)
{
	size_t at = 0, end;
	while (at < rest->len && (is_blank(rest->ptr[at]) || rest->ptr[at] == ','))
		at++;
	for (end = at; end < rest->len && !is_blank(rest->ptr[end]) && rest->ptr[end] != ',';)
		end++;
	struct sv item = sv_make(rest->ptr + at, end - at);
	*rest = sv_from(*rest, end);
	return item;
}

static int read_list(const struct wish *w, const char *name, struct wish_list *out)
{
	struct sv rest = value(w, name);
	while (rest.len > 0) {
		struct sv item = next_item(&rest);
		if (item.len == 0)
			break;
		if (out->n == WISH_ITEMS_MAX)
			return bad(w, name, "more than %d entries", WISH_ITEMS_MAX);
		out->v[out->n++] = item;
	}
	return 0;
}

static bool is_port(struct sv v)
{
	uint64_t n;
	return v.len <= 5 && sv_to_u64(v, &n) == 0 && n >= 1 && n <= 65535;
}

static int read_ports(const struct wish *w, const char *name, struct wish_list *out)
{
	int r = read_list(w, name, out);
	for (size_t i = 0; r == 0 && i < out->n; i++)
		if (!is_port(out->v[i]))
			r = bad(w, name, "\"%.*s\" is no port, a number from 1 to 65535",
				SV_ARG(shown(out->v[i])));
	return r;
}

static int check_text(const struct wish *w, const char *name)
{
	return utf8_valid(value(w, name)) ? 0 : bad(w, name, "is not UTF-8");
}

/* ---- the destination ---- */

static int region_of_workspace(const struct wish *w, struct sv *out)
{
	static const char *const names[] = {"AMPAGENT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		*out = value(w, names[i]);
		if (out->len == 0)
			continue;
		if (!aws_region_valid(*out))
			return bad(w, names[i], "\"%.*s\" is no region's name",
				   SV_ARG(shown(*out)));
		return 0;
	}
	return bad(w, "AMPAGENT_WORKSPACE_ID",
		   "the region is missing: set AMPAGENT_REGION (AWS_REGION and AWS_DEFAULT_REGION "
		   "do, too), or the whole URL as AMPAGENT_REMOTE_WRITE_URL");
}

static int make_url(struct wish *w)
{
	struct sv id = value(w, "AMPAGENT_WORKSPACE_ID"), region;
	w->url_name = "AMPAGENT_WORKSPACE_ID";
	if (region_of_workspace(w, &region) != 0)
		return 1;
	buf_printf(&w->url, "https://aps-workspaces.%.*s.%s/workspaces/%.*s/api/v1/remote_write",
		   SV_ARG(region), aws_partition_of(region)->suffix, SV_ARG(id));
	return 0;
}

/* A stranger's host may have paths of its own. */
static bool is_fatal(enum aws_url_fault fault, bool is_amp)
{
	return fault != AWS_URL_GOOD && (is_amp || fault == AWS_URL_NOT_ABSOLUTE ||
					 fault == AWS_URL_SPACE || fault == AWS_URL_CONTROL_PLANE ||
					 fault == AWS_URL_NOT_TLS || fault == AWS_URL_HOST);
}

static int read_url(struct wish *w)
{
	struct sv ours = value(w, "AMPAGENT_REMOTE_WRITE_URL");
	struct sv given = ours.len > 0 ? ours : value(w, "AWS_PROMETHEUS_ENDPOINT");
	w->url_name = ours.len > 0 ? "AMPAGENT_REMOTE_WRITE_URL" : "AWS_PROMETHEUS_ENDPOINT";
	struct sv id = value(w, "AMPAGENT_WORKSPACE_ID");
	if (given.len > 0)
		buf_sv(&w->url, given);
	else if (make_url(w) != 0)
		return 1;
	if (buf_failed(&w->url))
		return bad(w, w->url_name, "longer than %d bytes", URL_BYTES);
	if (given.len > 0 && id.len > 0 && !sv_eq(aws_amp_workspace(given), id))
		return bad(w, "AMPAGENT_WORKSPACE_ID",
			   "names another workspace than %s; set one of them", w->url_name);
	if (check_text(w, w->url_name) != 0)
		return 1;
	struct url_parts url = {.host = SV_NULL};
	enum aws_url_fault fault = aws_amp_url_check(buf_view(&w->url));
	if (fault != AWS_URL_SPACE && url_split(buf_view(&w->url), &url) != 0)
		fault = AWS_URL_NOT_ABSOLUTE;
	bool is_amp = aws_amp_host_parse(url.host).form != AWS_AMP_NOT;
	if (is_fatal(fault, is_amp))
		return bad(w, w->url_name, "%s", aws_url_fault_text(fault));
	if (url.userinfo.ptr)
		return bad(w, w->url_name, CREDENTIALS_TEXT);
	w->sign = is_amp;
	return 0;
}

static int read_destination(struct wish *w)
{
	w->region = value(w, "AMPAGENT_REGION");
	w->role_arn = value(w, "AMPAGENT_ROLE_ARN");
	w->external_id = value(w, "AMPAGENT_EXTERNAL_ID");
	int r = read_url(w);
	if (r == 0)
		r = read_bool(w, "AMPAGENT_SIGV4", &w->sign);
	if (r != 0)
		return r;
	if (w->region.len > 0 && !aws_region_valid(w->region))
		return bad(w, "AMPAGENT_REGION", "\"%.*s\" is no region's name",
			   SV_ARG(shown(w->region)));
	if (w->role_arn.len > 0 && aws_arn_get(w->role_arn, AWS_ARN_ACCOUNT).len == 0)
		return bad(
			w, "AMPAGENT_ROLE_ARN",
			"\"%.*s\" is no ARN of a role, as in arn:aws:iam::123456789012:role/name",
			SV_ARG(shown(w->role_arn)));
	if (w->external_id.len > 0 && w->role_arn.len == 0)
		return bad(w, "AMPAGENT_EXTERNAL_ID", "means nothing without AMPAGENT_ROLE_ARN");
	if (w->role_arn.len > 0 && !w->sign)
		return bad(w, "AMPAGENT_ROLE_ARN",
			   "requests are not signed, as %s is not one of AMP's; "
			   "AMPAGENT_SIGV4=true signs them",
			   w->url_name);
	r = check_text(w, "AMPAGENT_ROLE_ARN");
	return r != 0 ? r : check_text(w, "AMPAGENT_EXTERNAL_ID");
}

/* ---- targets ---- */

static bool is_host_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '.' || c == '_';
}

static bool is_address_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
	       c == ':' || c == '.';
}

/* Of "host:port" or "[address]:port"; 0 when there is no port. */
static size_t host_len(struct sv address)
{
	size_t n = 0;
	if (address.len > 0 && address.ptr[0] == '[') {
		for (n = 1; n < address.len && is_address_byte(address.ptr[n]);)
			n++;
		if (n == 1 || n == address.len || address.ptr[n++] != ']')
			return 0;
	} else {
		while (n < address.len && is_host_byte(address.ptr[n]))
			n++;
	}
	return n < address.len && address.ptr[n] == ':' && is_port(sv_from(address, n + 1)) ? n : 0;
}

static int take_target(struct wish *w, struct sv item)
{
	struct wish_target t = {.scheme = SV_NULL};
	struct sv rest = item;
	if (sv_starts_with(item, SV("http://")) || sv_starts_with(item, SV("https://"))) {
		t.scheme = sv_make(item.ptr, sv_find(item, ':'));
		rest = sv_from(item, t.scheme.len + 3);
	}
	size_t slash = sv_find(rest, '/');
	t.address = sv_make(rest.ptr, slash);
	t.path = sv_from(rest, slash);
	if (sv_find(t.address, '@') < t.address.len)
		return bad(w, w->targets_name, CREDENTIALS_TEXT);
	if (host_len(t.address) == 0)
		return bad(w, w->targets_name,
			   "\"%.*s\": write host:port or host:port/path, with a port from 1 to "
			   "65535",
			   SV_ARG(shown(item)));
	/* They are not shown: some are keys. */
	if (sv_find(t.path, '?') < t.path.len || sv_find(t.path, '#') < t.path.len)
		return bad(w, w->targets_name,
			   "\"%.*s\": parameters are for a file (params), or for "
			   "AMPAGENT_CONFIG_CONTENT",
			   SV_ARG(shown(t.address)));
	if (w->n_targets == WISH_TARGETS_MAX)
		return bad(w, w->targets_name, "more than %d targets", WISH_TARGETS_MAX);
	w->targets[w->n_targets++] = t;
	return 0;
}

static int read_targets(struct wish *w)
{
	w->targets_name = is_set(w, "AMPAGENT_TARGETS") ? "AMPAGENT_TARGETS"
							: "AWS_PROMETHEUS_SCRAPING_ENDPOINT";
	struct sv rest = value(w, w->targets_name);
	int r = check_text(w, w->targets_name);
	while (r == 0 && rest.len > 0) {
		struct sv item = next_item(&rest);
		if (item.len > 0)
			r = take_target(w, item);
	}
	w->job = value(w, "AMPAGENT_JOB_NAME");
	return r != 0 ? r : check_text(w, "AMPAGENT_JOB_NAME");
}

static int read_duration(const struct wish *w, const char *name, struct sv *out, int64_t *ms)
{
	struct sv v = value(w, name);
	if (v.len == 0)
		return 0;
	if (duration_parse(v, ms) != 0 || *ms <= 0)
		return bad(w, name, "\"%.*s\" is no duration above 0, such as 15s or 1m",
			   SV_ARG(shown(v)));
	*out = v;
	return 0;
}

static int read_times(struct wish *w)
{
	int64_t interval_ms = DEFAULT_INTERVAL_MS, timeout_ms = 0;
	w->interval = SV(DEFAULT_INTERVAL);
	int r = read_duration(w, "AMPAGENT_SCRAPE_INTERVAL", &w->interval, &interval_ms);
	if (r == 0)
		r = read_duration(w, "AMPAGENT_SCRAPE_TIMEOUT", &w->timeout, &timeout_ms);
	if (r == 0 && timeout_ms > interval_ms)
		r = bad(w, "AMPAGENT_SCRAPE_TIMEOUT", "%.*s is longer than the interval, %.*s",
			SV_ARG(w->timeout), SV_ARG(w->interval));
	return r;
}

/* ---- labels ---- */

static bool is_label_name(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.len > 0 && !sv_starts_with(s, SV("__"));
}

static int take_label(struct wish *w, struct sv item)
{
	static const char name[] = "AMPAGENT_EXTERNAL_LABELS";
	size_t eq = sv_find(item, '=');
	struct sv label = sv_trim(sv_make(item.ptr, eq));
	if (eq == item.len)
		return bad(w, name, "\"%.*s\": write name=value,name=value", SV_ARG(shown(item)));
	if (!is_label_name(label))
		return bad(w, name, "\"%.*s\" is no label's name", SV_ARG(shown(label)));
	for (size_t i = 0; i < w->label_names.n; i++)
		if (sv_eq(w->label_names.v[i], label))
			return bad(w, name, "\"%.*s\" is there twice", SV_ARG(shown(label)));
	if (w->label_names.n == WISH_ITEMS_MAX)
		return bad(w, name, "more than %d labels", WISH_ITEMS_MAX);
	w->label_names.v[w->label_names.n++] = label;
	w->label_values.v[w->label_values.n++] = sv_trim(sv_from(item, eq + 1));
	return 0;
}

static int read_labels(struct wish *w)
{
	struct sv rest = value(w, "AMPAGENT_EXTERNAL_LABELS");
	int r = check_text(w, "AMPAGENT_EXTERNAL_LABELS");
	while (r == 0 && rest.len > 0) {
		size_t comma = sv_find(rest, ',');
		struct sv item = sv_trim(sv_make(rest.ptr, comma));
		if (item.len > 0)
			r = take_label(w, item);
		rest = sv_from(rest, comma + 1);
	}
	return r;
}

static int read_identity(struct wish *w)
{
	static const char *const modes[] = {"auto", "strict", "off", NULL};
	static const char name[] = "AMPAGENT_IDENTITY_LABELS";
	int r = read_word(w, "AMPAGENT_IDENTITY", modes, &w->identity);
	if (r == 0)
		r = read_list(w, name, &w->identity_labels);
	for (size_t i = 0; r == 0 && i < w->identity_labels.n; i++) {
		struct sv label = w->identity_labels.v[i];
		const char *const *known = identity_label_names;
		while (*known && !sv_eq(sv_of(*known), label))
			known++;
		const char *near = *known ? NULL : nearest_word(label, identity_label_names);
		if (!*known)
			r = bad(w, name, "\"%.*s\" is no label of an identity%s%s%s",
				SV_ARG(shown(label)), near ? ", did you mean " : "",
				near ? near : "", near ? "?" : "");
	}
	return r;
}

/* ---- ECS ---- */

static int read_ecs(struct wish *w)
{
	static const char *const names[] = {"on", "adot", "off", NULL};
	w->discovery = w->in_ecs;
	w->task_metrics = w->in_ecs ? SV("on") : SV("off");
	int r = read_bool(w, "AMPAGENT_ECS_DISCOVERY", &w->discovery);
	if (r == 0)
		r = read_word(w, "AMPAGENT_TASK_METRICS", names, &w->task_metrics);
	if (r == 0)
		r = read_ports(w, "AMPAGENT_ECS_PORTS", &w->ports);
	if (r == 0)
		r = read_ports(w, "AMPAGENT_ECS_PROBE_PORTS", &w->probe_ports);
	if (r != 0)
		return r;
	if (!w->in_ecs) {
		if (w->discovery)
			return bad(w, "AMPAGENT_ECS_DISCOVERY",
				   "this is no ECS task: ECS_CONTAINER_METADATA_URI_V4 is not set");
		/* The variables of a task definition may be tried elsewhere. */
		w->task_metrics = SV("off");
		return 0;
	}
	if (!w->discovery && (w->ports.n > 0 || w->probe_ports.n > 0))
		return bad(w, w->ports.n > 0 ? "AMPAGENT_ECS_PORTS" : "AMPAGENT_ECS_PROBE_PORTS",
			   "means nothing with AMPAGENT_ECS_DISCOVERY=false");
	return 0;
}

/* Where the agent listens may be given by a flag, so only what is needed here is asked for. */
static int read_self(struct wish *w)
{
	int r = read_bool(w, "AMPAGENT_SELF_METRICS", &w->self_metrics);
	if (r != 0 || !w->self_metrics)
		return r;
	struct sv a = w->listen;
	if (host_len(a) == 0 && !(sv_starts_with(a, SV(":")) && is_port(sv_from(a, 1))))
		return bad(w, "AMPAGENT_SELF_METRICS",
			   "the listen address must be host:port, with a port that is not 0");
	return 0;
}

static int read_all(struct wish *w)
{
	int r = read_destination(w);
	if (r == 0)
		r = read_targets(w);
	if (r == 0)
		r = read_times(w);
	if (r == 0)
		r = read_labels(w);
	if (r == 0)
		r = read_identity(w);
	if (r == 0)
		r = read_ecs(w);
	if (r == 0)
		r = read_self(w);
	if (r == 0 && w->n_targets == 0 && !w->discovery && !w->self_metrics &&
	    sv_eq(w->task_metrics, SV("off")))
		r = err_set(w->err, 1,
			    "there is nothing to scrape: set AMPAGENT_TARGETS (host:port), or give "
			    "a file by --config.file");
	return r;
}

int environment_config(environment_get *env, bool in_ecs, struct sv listen, struct buf *out,
		       struct err *err)
{
	_cleanup_(freep) struct wish *w = calloc(1, sizeof *w);
	if (!w)
		return err_set(err, ERR_NOMEM, "out of memory");
	*w = (struct wish){.env = env, .in_ecs = in_ecs, .listen = listen, .err = err};
	if (listen.len == 0)
		w->listen = value(w, "AMPAGENT_WEB_LISTEN_ADDRESS");
	if (w->listen.len == 0)
		w->listen = sv_of(environment_listen(environment_place(env)));
	buf_init(&w->url, URL_BYTES);
	int r = read_all(w);
	if (r == 0 && wish_text(w, out) != 0)
		r = err_set(err, 1, "the configuration that the environment makes is too long");
	buf_deinit(&w->url);
	return r;
}
