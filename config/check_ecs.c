/* ecs_sd_configs and aws_sd_configs: which roles there are, and selectors. */
#include "check.h"

#include <ampagent/model/pattern.h>

enum { PORT_DEFAULT = 80, CONCURRENCY_DEFAULT = 20, REFRESH_DEFAULT_MS = 60 * 1000 };

static int check_pattern(struct decode *d, const struct yaml_node *at, const char *key,
			 struct sv text)
{
	_cleanup_(pattern_freep) struct pattern *p = NULL;
	struct err why = ERR_NULL;
	int r = text.len > 0 ? pattern_new(text, &p, &why) : 0;
	if (r < 0)
		return decode_fail_memory(d, at);
	return r > 0 ? decode_fail(d, decode_place(at, key), "\"%s\": %s", key, why.msg) : 0;
}

static int check_ports(struct decode *d, const struct raw_ecs_selector *raw)
{
	const struct yaml_node *list = decode_place(raw->node, "metrics_ports");
	if (raw->sel.n_ports == 0)
		return decode_fail(d, list, "\"metrics_ports\": at least one port is needed");
	for (size_t i = 0; i < raw->sel.n_ports; i++)
		for (size_t k = 0; k < i; k++)
			if (raw->sel.ports[i] == raw->sel.ports[k])
				return decode_fail(d, list->items[i],
						   "\"metrics_ports\": %u is there twice",
						   (unsigned)raw->sel.ports[i]);
	return 0;
}

/* key is the one of name_pattern. */
static int check_named(struct decode *d, const struct raw_ecs_selector *raw, const char *key)
{
	if (raw->sel.name_pattern.len == 0)
		return decode_fail(d, decode_place(raw->node, key), "\"%s\" is empty", key);
	int r = check_pattern(d, raw->node, key, raw->sel.name_pattern);
	if (r == 0)
		r = check_pattern(d, raw->node, "container_name_pattern",
				  raw->sel.container_pattern);
	return r == 0 ? check_ports(d, raw) : r;
}

static int check_selector(struct decode *d, const struct raw_ecs_selector *raw,
			  enum ecs_selector_kind kind)
{
	if (kind == ECS_BY_SERVICE)
		return check_named(d, raw, "name_pattern");
	if (kind == ECS_BY_DEFINITION)
		return check_named(d, raw, "arn_pattern");
	if (raw->sel.port_label.len == 0)
		return decode_fail(d, decode_place(raw->node, "port_label"),
				   "\"port_label\" is empty");
	return 0;
}

static int add_selectors(struct decode *d, const struct raw_ecs_selector *raw, size_t n,
			 enum ecs_selector_kind kind, struct ecs_sd_options *out)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct ecs_selector *sel = &out->selectors[out->n_selectors++];
		*sel = raw[i].sel;
		sel->kind = kind;
		r = check_selector(d, &raw[i], kind);
	}
	return r;
}

static int check_selectors(struct decode *d, const struct raw_ecs_sd *raw,
			   struct ecs_sd_options *out)
{
	size_t n = raw->n_services + raw->n_definitions + raw->n_docker_labels;
	out->n_selectors = 0;
	out->selectors = arena_calloc(d->keep, n + 1, sizeof *out->selectors);
	if (!out->selectors)
		return decode_fail_memory(d, raw->node);
	int r = add_selectors(d, raw->services, raw->n_services, ECS_BY_SERVICE, out);
	if (r == 0)
		r = add_selectors(d, raw->definitions, raw->n_definitions, ECS_BY_DEFINITION, out);
	if (r == 0)
		r = add_selectors(d, raw->docker_labels, raw->n_docker_labels, ECS_BY_DOCKER_LABEL,
				  out);
	return r;
}

/* Half a pair of keys is none, as in Prometheus. */
static int check_keys(struct decode *d, const struct raw_ecs_sd *raw, struct ecs_sd_options *out)
{
	bool id = raw->opt.client.access_key.len > 0, secret = raw->opt.client.secret_key.len > 0;
	if (id == secret)
		return 0;
	out->client.access_key = out->client.secret_key = SV_NULL;
	const char *has = id ? "access_key" : "secret_key",
		   *lacks = id ? "secret_key" : "access_key";
	return decode_warn(d, decode_place(raw->node, has), NULL,
			   "\"%s\" is not used without \"%s\"", has, lacks);
}

int check_ecs_sd(struct decode *d, struct raw_ecs_sd *raw, struct ecs_sd_options *out)
{
	*out = raw->opt;
	out->request_concurrency = raw->request_concurrency > 0 ? (uint64_t)raw->request_concurrency
								: CONCURRENCY_DEFAULT;
	int r = check_http(d, raw->node, &raw->http);
	if (r == 0)
		r = check_keys(d, raw, out);
	if (r == 0)
		r = check_selectors(d, raw, out);
	out->http = raw->http.opt;
	return r;
}

int check_aws_sd(struct decode *d, struct raw_ecs_sd *raw, struct ecs_sd_options *out)
{
	const struct yaml_node *at = decode_place(raw->node, "role");
	const char *role = schema_aws_roles[raw->role];
	if (!*role)
		return decode_fail(d, at, "aws_sd_configs: a role is needed");
	if (strcmp(role, "ecs") != 0)
		return decode_fail(d, at,
				   "\"role\": \"%s\" is not built yet: take it out of the file to "
				   "go without",
				   role);
	int r = check_ecs_sd(d, raw, out);
	if (out->port == 0)
		out->port = PORT_DEFAULT;
	if (out->refresh_interval_ms == 0)
		out->refresh_interval_ms = REFRESH_DEFAULT_MS;
	return r;
}
