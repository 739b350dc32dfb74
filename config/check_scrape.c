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

static int check_times(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
		       struct scrape_options *out)
{
	struct raw_shared *own = &raw->shared;
	if (own->interval_ms == 0)
		own->interval_ms = g->shared.interval_ms;
	if (own->timeout_ms > own->interval_ms)
		return decode_fail(d, decode_place(raw->node, "scrape_timeout"),
				   "scrape timeout is greater than the scrape interval of job "
				   "\"%.*s\"",
				   SV_ARG(raw->opt.job_name));
	if (own->timeout_ms == 0)
		own->timeout_ms = g->shared.timeout_ms > own->interval_ms ? own->interval_ms
									  : g->shared.timeout_ms;
	out->interval_ms = own->interval_ms;
	out->timeout_ms = own->timeout_ms;
	return 0;
}

static uint64_t own_or(uint64_t *own, uint64_t global)
{
	if (*own == 0)
		*own = global;
	return *own;
}

/* 0 inherits, so that a job cannot switch a global limit off. */
static void inherit_limits(const struct raw_shared *g, struct raw_shared *own,
			   struct scrape_options *out)
{
	out->body_size_limit = own_or(&own->body_size_limit, g->body_size_limit);
	out->sample_limit = own_or(&own->sample_limit, g->sample_limit);
	out->target_limit = own_or(&own->target_limit, g->target_limit);
	out->label_limit = own_or(&own->label_limit, g->label_limit);
	out->label_name_length_limit =
		own_or(&own->label_name_length_limit, g->label_name_length_limit);
	out->label_value_length_limit =
		own_or(&own->label_value_length_limit, g->label_value_length_limit);
	out->keep_dropped_targets = own_or(&own->keep_dropped_targets, g->keep_dropped_targets);
	if (own->failure_log_file.len == 0)
		own->failure_log_file = g->failure_log_file;
	out->failure_log_file = own->failure_log_file;
}

/* false inherits only where it is not written. */
static bool own_bool(bool *own, bool set, bool global)
{
	if (!set)
		*own = global;
	return *own;
}

static void inherit_bools(const struct raw_shared *g, struct raw_shared *own,
			  struct scrape_options *out)
{
	out->native_histograms =
		own_bool(&own->native_histograms, own->native_histograms_set, g->native_histograms);
	out->always_classic_histograms =
		own_bool(&own->always_classic_histograms, own->always_classic_histograms_set,
			 g->always_classic_histograms);
	out->convert_to_nhcb =
		own_bool(&own->convert_to_nhcb, own->convert_to_nhcb_set, g->convert_to_nhcb);
	out->extra_scrape_metrics = own_bool(
		&own->extra_scrape_metrics, own->extra_scrape_metrics_set, g->extra_scrape_metrics);
}

/* The name schemes, and whether escaping fits them. */
static int check_schemes(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
			 struct scrape_options *out)
{
	int own = raw->shared.validation, escaping = raw->shared.escaping;
	int validation = own ? own : g->shared.validation;
	if (!escaping && !own)
		escaping = g->shared.escaping;
	if (!escaping)
		escaping = validation == VALIDATION_LEGACY ? ESCAPING_UNDERSCORES
							   : ESCAPING_ALLOW_UTF_8;
	raw->shared.validation = validation;
	raw->shared.escaping = escaping;
	out->names = check_scheme(validation);
	out->escaping = (enum escaping_scheme)(escaping - ESCAPING_ALLOW_UTF_8);
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
	inherit_bools(&g->shared, &raw->shared, out);
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
