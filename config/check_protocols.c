/* Formats: their names, lists of them, and what is offered where a file says nothing. */
#include "check.h"

#include <ampagent/base/text.h>

enum { N_PROTOCOLS = PROTO_TEXT_1_0_0 };

/* By enum scrape_protocol; ends with NULL. */
static const char *const names[] = {
	"PrometheusProto",     "OpenMetricsText0.0.1", "OpenMetricsText1.0.0",
	"PrometheusText0.0.4", "PrometheusText1.0.0",  NULL,
};

const char *check_protocol_name(enum scrape_protocol protocol)
{
	return protocol == PROTO_NONE ? NULL : names[protocol - 1];
}

enum scrape_protocol check_protocol_named(struct sv name)
{
	for (int i = 0; names[i]; i++)
		if (sv_eq(name, sv_of(names[i])))
			return (enum scrape_protocol)(i + 1);
	return PROTO_NONE;
}

static int unknown_protocol(struct decode *d, const struct yaml_node *at, const char *key,
			    struct sv name)
{
	const char *near = nearest_word(name, names);
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
		enum scrape_protocol p = check_protocol_named(name);
		if (p == PROTO_NONE)
			return unknown_protocol(d, list->items[i], "scrape_protocols", name);
		if (seen & 1u << p)
			return decode_fail(d, list->items[i],
					   "\"scrape_protocols\": \"%.*s\" is there twice",
					   SV_ARG(name));
		seen |= 1u << p;
		out[(*n_out)++] = p;
	}
	return 0;
}

int check_default_protocols(struct decode *d, bool proto_first, struct raw_shared *shared)
{
	static const enum scrape_protocol order[N_PROTOCOLS] = {
		PROTO_PROMETHEUS_PROTO, PROTO_OPENMETRICS_1_0_0, PROTO_OPENMETRICS_0_0_1,
		PROTO_TEXT_1_0_0,       PROTO_TEXT_0_0_4,
	};
	size_t skip = proto_first ? 0 : 1;
	shared->n_protocols = N_PROTOCOLS - skip;
	shared->protocols = arena_calloc(d->keep, N_PROTOCOLS, sizeof *shared->protocols);
	if (!shared->protocols)
		return err_set(d->err, 1, "%s:1:1: no memory", d->path);
	for (size_t i = 0; i < shared->n_protocols; i++)
		shared->protocols[i] = sv_of(check_protocol_name(order[i + skip]));
	return 0;
}

int check_protocols(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
		    struct scrape_options *out)
{
	struct raw_shared *own = &raw->shared;
	const struct yaml_node *block = raw->node;
	int r = 0;
	if (!own->protocols_set && g->shared.protocols_set) {
		own->protocols = g->shared.protocols;
		own->n_protocols = g->shared.n_protocols;
		block = g->node;
	} else if (!own->protocols_set) {
		r = check_default_protocols(d, own->native_histograms, own);
	}
	if (r == 0)
		r = check_protocol_list(d, block, own, out->protocols, &out->n_protocols);
	if (r != 0 || raw->fallback.len == 0)
		return r;
	out->fallback_protocol = check_protocol_named(raw->fallback);
	if (out->fallback_protocol != PROTO_NONE)
		return 0;
	return unknown_protocol(d, decode_place(raw->node, "fallback_scrape_protocol"),
				"fallback_scrape_protocol", raw->fallback);
}
