/* A job: inheritance from global, formats, relabel rules, targets. */
#include "check.h"

#include <ampagent/base/text.h>

enum name_scheme check_scheme(int validation)
{
	return validation == VALIDATION_LEGACY ? NAMES_LEGACY : NAMES_UTF8;
}

int check_relabel(struct decode *d, const struct raw_relabel *rules, size_t n,
		  enum name_scheme scheme, struct relabel_set **out)
{
	*out = NULL;
	if (n == 0)
		return 0;
	struct relabel_rule *plain = arena_alloc(d->temp, n * sizeof *plain);
	if (!plain)
		return decode_fail_memory(d, rules[0].node);
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_NULL;
		plain[i] = rules[i].rule;
		for (size_t k = 0; k < plain[i].n_source_labels; k++)
			if (plain[i].source_labels[k].len == 0 ||
			    !utf8_valid(plain[i].source_labels[k]))
				return decode_fail(d, decode_place(rules[i].node, "source_labels"),
						   "\"source_labels\": not a valid label name");
		if (relabel_regex_check(plain[i].regex, &why) != 0)
			return decode_fail(d, decode_place(rules[i].node, "regex"), "\"regex\": %s",
					   why.msg);
	}
	size_t bad = 0;
	struct err why = ERR_NULL;
	int r = relabel_compile(plain, n, scheme, out, &bad, &why);
	if (r == 0)
		return 0;
	return decode_fail(d, rules[bad < n ? bad : 0].node, "relabel rule: %s",
			   why.msg[0] ? why.msg : "no memory");
}

int check_labels(struct decode *d, const struct raw_pair *pairs, size_t n, enum name_scheme scheme,
		 struct labels *out)
{
	struct label_builder b;
	label_builder_init(&b, d->temp);
	*out = LABELS_NULL;
	for (size_t i = 0; i < n; i++) {
		struct sv name = pairs[i].name;
		bool valid = scheme == NAMES_LEGACY ? label_name_legacy_valid(name)
						    : name.len > 0 && utf8_valid(name);
		if (!valid)
			return decode_fail(d, pairs[i].key, "\"%.*s\" is not a valid label name",
					   SV_ARG(name));
		if (!utf8_valid(pairs[i].value))
			return decode_fail(d, pairs[i].key,
					   "the value of label \"%.*s\" is not valid UTF-8",
					   SV_ARG(name));
		label_builder_push(&b, name, pairs[i].value);
	}
	if (n == 0)
		return 0;
	if (b.failed || label_builder_finish(&b, d->keep, out) != 0)
		return decode_fail(d, pairs[0].key, "too many labels, or too long ones");
	return 0;
}

struct protocol_name {
	const char *name;
	enum scrape_protocol id;
	bool built;
};

static const struct protocol_name protocol_names[] = {
	{"PrometheusProto", PROTO_PROMETHEUS_PROTO, false},
	{"OpenMetricsText0.0.1", PROTO_OPENMETRICS_0_0_1, false},
	{"OpenMetricsText1.0.0", PROTO_OPENMETRICS_1_0_0, false},
	{"PrometheusText0.0.4", PROTO_TEXT_0_0_4, true},
	{"PrometheusText1.0.0", PROTO_TEXT_1_0_0, false},
};

static const struct protocol_name *find_protocol(struct sv name)
{
	for (size_t i = 0; i < sizeof protocol_names / sizeof *protocol_names; i++)
		if (sv_eq(name, sv_of(protocol_names[i].name)))
			return &protocol_names[i];
	return NULL;
}

static int unknown_protocol(struct decode *d, const struct yaml_node *at, const char *key,
			    struct sv name)
{
	const char *words[sizeof protocol_names / sizeof *protocol_names + 1] = {NULL};
	for (size_t i = 0; i < sizeof protocol_names / sizeof *protocol_names; i++)
		words[i] = protocol_names[i].name;
	const char *near = nearest_word(name, words);
	int len = name.len < 60 ? (int)name.len : 60;
	return decode_fail(d, at, "\"%s\": unknown scrape protocol \"%.*s\"%s%s%s", key, len,
			   name.ptr ? name.ptr : "", near ? " (did you mean \"" : "",
			   near ? near : "", near ? "\"?)" : "");
}

int check_protocol_list(struct decode *d, const struct yaml_node *block,
			const struct raw_shared *shared, enum scrape_protocol *out, size_t *n_out)
{
	const struct yaml_node *list = decode_place(block, "scrape_protocols");
	uint32_t seen = 0;
	*n_out = 0;
	if (shared->n_protocols == 0)
		return decode_fail(d, list, "\"scrape_protocols\" cannot be an empty list");
	for (size_t i = 0; i < shared->n_protocols; i++) {
		struct sv name = shared->protocols[i];
		const struct protocol_name *p = find_protocol(name);
		if (!p)
			return unknown_protocol(d, list->items[i], "scrape_protocols", name);
		if (seen & 1u << p->id)
			return decode_fail(d, list->items[i],
					   "\"scrape_protocols\": \"%s\" is there twice", p->name);
		seen |= 1u << p->id;
		if (p->built)
			out[(*n_out)++] = p->id;
	}
	return 0;
}

/* Formats that are not built are left out with a warning as long as one remains. */
static int offer_protocols(struct decode *d, const struct yaml_node *block,
			   const struct raw_shared *shared, struct scrape_options *out)
{
	const struct yaml_node *list = decode_place(block, "scrape_protocols");
	int r = check_protocol_list(d, block, shared, out->protocols, &out->n_protocols);
	if (r != 0)
		return r;
	if (out->n_protocols == 0)
		return decode_fail(d, list,
				   "\"scrape_protocols\": none of these formats is built yet; add "
				   "PrometheusText0.0.4");
	if (out->n_protocols == shared->n_protocols)
		return 0;
	return decode_warn(d, list, protocol_names,
			   "\"scrape_protocols\": formats that are not built yet are not offered; "
			   "only PrometheusText0.0.4 is");
}

static int check_protocols(struct decode *d, const struct raw_global *g,
			   const struct raw_scrape *raw, struct scrape_options *out)
{
	const struct raw_shared *shared = &raw->shared;
	const struct yaml_node *block = raw->node;
	if (!shared->protocols_set) {
		shared = &g->shared;
		block = g->node;
	}
	if (shared->protocols_set) {
		int r = offer_protocols(d, block, shared, out);
		if (r != 0)
			return r;
	} else {
		out->protocols[0] = PROTO_TEXT_0_0_4;
		out->n_protocols = 1;
	}

	if (raw->fallback.len == 0)
		return 0;
	const struct yaml_node *at = decode_place(raw->node, "fallback_scrape_protocol");
	const struct protocol_name *p = find_protocol(raw->fallback);
	if (!p)
		return unknown_protocol(d, at, "fallback_scrape_protocol", raw->fallback);
	if (!p->built)
		return decode_fail(d, at,
				   "\"fallback_scrape_protocol\": \"%s\" is not built yet; only "
				   "PrometheusText0.0.4 is",
				   p->name);
	out->fallback_protocol = p->id;
	return 0;
}

static int check_times(struct decode *d, const struct raw_global *g, const struct raw_scrape *raw,
		       struct scrape_options *out)
{
	out->interval_ms =
		raw->shared.interval_ms ? raw->shared.interval_ms : g->shared.interval_ms;
	out->timeout_ms = raw->shared.timeout_ms;
	if (out->timeout_ms > out->interval_ms)
		return decode_fail(d, decode_place(raw->node, "scrape_timeout"),
				   "scrape timeout is greater than the scrape interval of job "
				   "\"%.*s\"",
				   SV_ARG(raw->opt.job_name));
	if (out->timeout_ms == 0)
		out->timeout_ms = g->shared.timeout_ms > out->interval_ms ? out->interval_ms
									  : g->shared.timeout_ms;
	return 0;
}

static uint64_t own_or(uint64_t own, uint64_t global)
{
	return own ? own : global;
}

/* 0 inherits, so that a job cannot switch a global limit off. */
static void inherit_limits(const struct raw_shared *g, const struct raw_shared *own,
			   struct scrape_options *out)
{
	out->body_size_limit = own_or(own->body_size_limit, g->body_size_limit);
	out->sample_limit = own_or(own->sample_limit, g->sample_limit);
	out->target_limit = own_or(own->target_limit, g->target_limit);
	out->label_limit = own_or(own->label_limit, g->label_limit);
	out->label_name_length_limit =
		own_or(own->label_name_length_limit, g->label_name_length_limit);
	out->label_value_length_limit =
		own_or(own->label_value_length_limit, g->label_value_length_limit);
	out->keep_dropped_targets = own_or(own->keep_dropped_targets, g->keep_dropped_targets);
	out->extra_scrape_metrics =
		own->extra_scrape_metrics_set ? own->extra_scrape_metrics : g->extra_scrape_metrics;
}

/* The name schemes, and whether escaping fits them. */
static int check_schemes(struct decode *d, const struct raw_global *g, const struct raw_scrape *raw,
			 struct scrape_options *out)
{
	int own = raw->shared.validation, escaping = raw->shared.escaping;
	int validation = own ? own : g->shared.validation;
	if (!escaping && !own)
		escaping = g->shared.escaping;
	if (!escaping)
		escaping = validation == VALIDATION_LEGACY ? ESCAPING_UNDERSCORES
							   : ESCAPING_ALLOW_UTF_8;
	out->names = check_scheme(validation);
	if (out->names != NAMES_LEGACY || escaping != ESCAPING_ALLOW_UTF_8)
		return 0;
	const struct yaml_node *at = yaml_get(raw->node, SV("metric_name_escaping_scheme"));
	return decode_fail(d, at ? at : raw->node,
			   "metric_name_escaping_scheme is allow-utf-8 while "
			   "metric_name_validation_scheme is legacy");
}

int check_scrape(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
		 struct scrape_options *out)
{
	*out = raw->opt;
	if (out->job_name.len == 0)
		return decode_fail(d, decode_place(raw->node, "job_name"), "job_name is empty");
	inherit_limits(&g->shared, &raw->shared, out);
	int r = check_times(d, g, raw, out);
	if (r == 0)
		r = check_schemes(d, g, raw, out);
	if (r == 0)
		r = check_protocols(d, g, raw, out);
	if (r == 0)
		r = check_http(d, raw->node, &raw->http);
	if (r == 0)
		r = check_relabel(d, raw->relabel, raw->n_relabel, out->names, &out->relabel);
	if (r == 0)
		r = check_relabel(d, raw->metric_relabel, raw->n_metric_relabel, out->names,
				  &out->metric_relabel);
	out->has_relabel = raw->n_relabel > 0;
	out->http = raw->http.opt;
	return r;
}
