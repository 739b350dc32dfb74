/* Blocks that an agent has no use for: what Prometheus refuses in them is refused here too. */
#include "check.h"

/* Go sees attributes without blanks at both ends. */
static int check_attributes(struct decode *d, const struct yaml_node *block, const char *key,
			    const struct sv *v, size_t n)
{
	const struct yaml_node *list = decode_place(block, key);
	for (size_t i = 0; i < n; i++) {
		struct sv name = sv_trim(v[i]);
		if (name.len == 0)
			return decode_fail(d, list->items[i], "\"%s\": an attribute is empty", key);
		for (size_t k = 0; k < i; k++)
			if (sv_eq(name, sv_trim(v[k])))
				return decode_fail(d, list->items[i],
						   "\"%s\": an attribute is there twice", key);
	}
	return 0;
}

static int check_otlp(struct decode *d, const struct raw_otlp *o, bool legacy)
{
	static const char promote[] = "promote_resource_attributes";
	static const char ignore[] = "ignore_resource_attributes";
	enum { NO_UTF8_ESCAPING = 3 }; /* this and what follows in the table keep UTF-8 */
	if (o->promote_all && o->n_promote > 0)
		return decode_fail(d, decode_place(o->node, promote),
				   "\"%s\" and \"promote_all_resource_attributes\" exclude each "
				   "other",
				   promote);
	if (!o->promote_all && o->n_ignore > 0)
		return decode_fail(d, decode_place(o->node, ignore),
				   "\"%s\" needs \"promote_all_resource_attributes\"", ignore);
	if (legacy && o->strategy >= NO_UTF8_ESCAPING)
		return decode_fail(d, decode_place(o->node, "translation_strategy"),
				   "\"translation_strategy\": not with the validation scheme "
				   "legacy");
	int r = check_attributes(d, o->node, promote, o->promote, o->n_promote);
	return r != 0 ? r : check_attributes(d, o->node, ignore, o->ignore, o->n_ignore);
}

static int check_tracing(struct decode *d, const struct raw_tracing *t)
{
	if (t->endpoint.len == 0)
		return decode_fail(d, decode_place(t->node, "endpoint"),
				   "tracing: \"endpoint\" must be set");
	for (size_t i = 0; i < t->n_headers; i++) {
		int r = check_header_name(d, t->headers[i].key, "headers", t->headers[i].name);
		if (r != 0)
			return r;
	}
	return check_tls(d, t->node, &t->tls);
}

static int check_storage(struct decode *d, const struct raw_storage *s)
{
	const struct yaml_node *retention =
		yaml_get(yaml_get(s->node, SV("tsdb")), SV("retention"));
	if (s->retention_percentage >= 0 && s->retention_percentage <= 100)
		return 0;
	return decode_fail(d, decode_place(retention, "percentage"),
			   "\"percentage\" must be between 0 and 100");
}

int check_server(struct decode *d, const struct raw_config *raw)
{
	int r = check_storage(d, &raw->storage);
	if (r == 0 && raw->tracing_set)
		r = check_tracing(d, &raw->tracing);
	if (r == 0)
		r = check_otlp(d, &raw->otlp, raw->global.shared.validation == VALIDATION_LEGACY);
	return r;
}
