/* global, external labels, and names that must be unique over the file. */
#include "check.h"

#include <ampagent/base/limits.h>

enum { DEFAULT_INTERVAL_MS = 60000, DEFAULT_TIMEOUT_MS = 10000 };

/* One-character names of the shell. */
static bool is_special(char c)
{
	return c && strchr("*#$@!?-0123456789", c);
}

static bool is_name_byte(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The name behind '$' at the start of s, and how many bytes it takes; 0 bytes: no variable there.
 * Rules of Go's os.Expand: ${name}, $name, or one of the shell's special characters or a digit; an
 * empty or unterminated brace is swallowed, which is a name of no bytes. */
static size_t variable_name(struct sv s, struct sv *name)
{
	*name = SV_NULL;
	if (s.len == 0)
		return 0;
	if (s.ptr[0] == '{') {
		size_t end = sv_find(s, '}');
		if (s.len > 2 && s.ptr[2] == '}' && is_special(s.ptr[1])) {
			*name = sv_make(s.ptr + 1, 1);
			return 3;
		}
		if (end == s.len)
			return 1;
		*name = sv_make(s.ptr + 1, end - 1);
		return end + 1;
	}
	if (is_special(s.ptr[0])) {
		*name = sv_make(s.ptr, 1);
		return 1;
	}
	size_t n = 0;
	while (n < s.len && is_name_byte(s.ptr[n]))
		n++;
	*name = sv_make(s.ptr, n);
	return n;
}

/* Appends a variable's value; "$$" is "$". */
static int expand_variable(struct decode *d, const struct raw_pair *label, struct sv name,
			   env_getter env, struct buf *out)
{
	if (name.len == 0)
		return 0;
	if (sv_eq(name, SV("$"))) {
		buf_char(out, '$');
		return 0;
	}
	_cleanup_(freep) char *key = sv_dup(name);
	if (!key)
		return decode_fail_memory(d, label->key);
	const char *value = env(key);
	if (value && *value) {
		buf_sv(out, sv_of(value));
		return 0;
	}
	return decode_warn(d, label->key, NULL,
			   "external label \"%.*s\": environment variable \"%.*s\" is empty or not "
			   "set",
			   SV_ARG(label->name), SV_ARG(name));
}

static int expand(struct decode *d, struct raw_pair *label, env_getter env)
{
	struct sv rest = label->value;
	if (sv_find(rest, '$') == rest.len)
		return 0;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, LIMIT_LABELS_BYTES);
	while (rest.len > 0) {
		size_t dollar = sv_find(rest, '$');
		buf_sv(&out, sv_make(rest.ptr, dollar));
		if (dollar == rest.len)
			break;
		rest = sv_from(rest, dollar + 1);
		struct sv name;
		size_t n = variable_name(rest, &name);
		if (n == 0)
			buf_char(&out, '$');
		rest = sv_from(rest, n);
		int r = expand_variable(d, label, name, env, &out);
		if (r != 0)
			return r;
	}
	if (buf_failed(&out))
		return decode_fail(d, label->key,
				   "external label \"%.*s\" is too long once "
				   "variables are expanded",
				   SV_ARG(label->name));
	label->value = arena_dup(d->temp, buf_view(&out));
	return label->value.ptr ? 0 : decode_fail_memory(d, label->key);
}

/* Prometheus's defaults where the file says nothing. Formats are left open unless a feature wants
 * protobuf first: what they are depends on the job. */
static int fill_global(struct decode *d, struct raw_global *g, const struct config_features *f)
{
	struct raw_shared *s = &g->shared;
	if (s->validation == VALIDATION_UNSET)
		s->validation = VALIDATION_UTF8;
	if (s->escaping == ESCAPING_UNSET && (!g->node || g->node->n == 0))
		s->escaping = ESCAPING_ALLOW_UTF_8;
	if (g->evaluation_interval_ms == 0)
		g->evaluation_interval_ms = DEFAULT_INTERVAL_MS;
	if (!s->native_histograms_set)
		s->native_histograms = f && f->native_histograms;
	if (!s->extra_scrape_metrics_set)
		s->extra_scrape_metrics = f && f->extra_scrape_metrics;
	if (s->protocols_set || !f || (!f->start_zero && !f->start_times))
		return 0;
	s->protocols_set = true;
	return check_default_protocols(d, true, s);
}

int check_global(struct decode *d, struct raw_global *g, const struct config_features *features,
		 env_getter env, struct labels *out)
{
	struct raw_shared *s = &g->shared;
	if (s->interval_ms == 0)
		s->interval_ms = DEFAULT_INTERVAL_MS;
	if (s->timeout_ms > s->interval_ms)
		return decode_fail(d, decode_place(g->node, "scrape_timeout"),
				   "global scrape timeout is greater than the scrape interval");
	if (s->timeout_ms == 0)
		s->timeout_ms =
			s->interval_ms < DEFAULT_TIMEOUT_MS ? s->interval_ms : DEFAULT_TIMEOUT_MS;
	if (s->protocols_set) { /* wrong even where every job has a list of its own */
		enum scrape_protocol built[PROTO_TEXT_1_0_0];
		size_t n;
		int r = check_protocol_list(d, g->node, s, built, &n);
		if (r != 0)
			return r;
	}
	int r = fill_global(d, g, features);
	if (r != 0)
		return r;
	for (size_t i = 0; i < g->n_external_labels; i++) {
		r = expand(d, &g->external_labels[i], env);
		if (r != 0)
			return r;
	}
	return check_labels(d, g->external_labels, g->n_external_labels,
			    check_scheme(s->validation), out);
}
