/* A hash chained over the fields of options, each string with its length. */
#include "digest.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/number.h>

static void put(uint64_t *h, uint64_t v)
{
	const uint64_t link[] = {*h, v};
	*h = hash_stable(link, sizeof link);
}

static void put_sv(uint64_t *h, struct sv s)
{
	put(h, s.len);
	put(h, hash_stable(s.ptr, s.len));
}

static void put_list(uint64_t *h, const struct sv *v, size_t n)
{
	put(h, n);
	for (size_t i = 0; i < n; i++)
		put_sv(h, v[i]);
}

static void put_ports(uint64_t *h, const uint64_t *v, size_t n)
{
	put(h, n);
	for (size_t i = 0; i < n; i++)
		put(h, v[i]);
}

/* The order of a mapping's keys means nothing: its elements are hashed one by one and summed. */
static void put_headers(uint64_t *h, const struct http_header_option *v, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t one = 0;
		put_sv(&one, v[i].name);
		put_list(&one, v[i].values, v[i].n_values);
		put_list(&one, v[i].secrets, v[i].n_secrets);
		put_list(&one, v[i].files, v[i].n_files);
		sum += one;
	}
	put(h, n);
	put(h, sum);
}

static void put_pairs(uint64_t *h, const struct http_pair *v, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t one = 0;
		put_sv(&one, v[i].name);
		put_sv(&one, v[i].value);
		sum += one;
	}
	put(h, n);
	put(h, sum);
}

static void put_params(uint64_t *h, const struct scrape_param *v, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t one = 0;
		put_sv(&one, v[i].name);
		put_list(&one, v[i].values, v[i].n_values);
		sum += one;
	}
	put(h, n);
	put(h, sum);
}

static void put_tls(uint64_t *h, const struct tls_options *t)
{
	const struct sv texts[] = {t->ca,  t->ca_file,  t->cert,       t->cert_file,
				   t->key, t->key_file, t->server_name};
	put_list(h, texts, sizeof texts / sizeof *texts);
	put(h, t->insecure_skip_verify);
	put(h, t->min_version);
	put(h, t->max_version);
}

static void put_proxy(uint64_t *h, const struct proxy_options *p)
{
	put_sv(h, p->url);
	put_sv(h, p->no_proxy);
	put(h, p->from_environment);
	put_headers(h, p->connect_headers, p->n_connect_headers);
}

static void put_oauth2(uint64_t *h, const struct oauth2_options *o)
{
	const struct sv texts[] = {o->client_id,
				   o->client_secret,
				   o->client_secret_file,
				   o->token_url,
				   o->certificate_key,
				   o->certificate_key_file,
				   o->certificate_key_id,
				   o->signature_algorithm,
				   o->iss,
				   o->audience};
	put_list(h, texts, sizeof texts / sizeof *texts);
	put_list(h, o->scopes, o->n_scopes);
	put_pairs(h, o->endpoint_params, o->n_endpoint_params);
	put(h, o->jwt_bearer);
	put_pairs(h, o->claims, o->n_claims);
	put_tls(h, &o->tls);
	put_proxy(h, &o->proxy);
}

static void put_http(uint64_t *h, const struct http_options *o)
{
	const struct sv texts[] = {o->username,        o->username_file, o->password,
				   o->password_file,   o->auth_type,     o->credentials,
				   o->credentials_file};
	put_list(h, texts, sizeof texts / sizeof *texts);
	put(h, o->has_basic_auth);
	put(h, o->has_authorization);
	put(h, o->has_oauth2);
	put(h, o->follow_redirects);
	put(h, o->enable_http2);
	put_tls(h, &o->tls);
	put_headers(h, o->headers, o->n_headers);
	put_proxy(h, &o->proxy);
	if (o->has_oauth2)
		put_oauth2(h, &o->oauth2);
}

static void put_rules(uint64_t *h, const struct relabel_set *set)
{
	size_t n = set ? relabel_count(set) : 0;
	put(h, n);
	for (size_t i = 0; i < n; i++) {
		const struct relabel_rule *r = relabel_rule_at(set, i);
		put(h, r->action);
		put_list(h, r->source_labels, r->n_source_labels);
		put_sv(h, r->separator);
		put(h, r->regex_set); /* a default regex is a shortcut for replace */
		put_sv(h, r->regex);
		put_sv(h, r->target_label);
		put_sv(h, r->replacement);
		put(h, r->modulus);
	}
}

/* What a target's series depend on. */
static void put_series(uint64_t *h, const struct scrape_options *o)
{
	const struct sv texts[] = {o->job_name, o->metrics_path, o->scheme, o->failure_log_file};
	const uint64_t numbers[] = {
		o->honor_labels,
		o->honor_timestamps,
		o->track_timestamps_staleness,
		o->enable_compression,
		o->extra_scrape_metrics,
		o->native_histograms,
		o->always_classic_histograms,
		o->convert_to_nhcb,
		o->native_histogram_bucket_limit,
		bits_of_double(o->native_histogram_min_bucket_factor),
		o->fallback_protocol,
		o->body_size_limit,
		o->target_limit,
		o->label_limit,
		o->label_name_length_limit,
		o->label_value_length_limit,
		o->keep_dropped_targets,
		o->names,
		o->escaping,
		o->has_relabel,
	};
	put_list(h, texts, sizeof texts / sizeof *texts);
	put(h, hash_stable(numbers, sizeof numbers));
	put_params(h, o->params, o->n_params);
	put(h, o->n_protocols);
	for (size_t i = 0; i < o->n_protocols; i++)
		put(h, o->protocols[i]);
	put_rules(h, o->relabel);
	put_rules(h, o->metric_relabel);
}

void config_digest_scrape(struct scrape_options *opt)
{
	uint64_t h = 0;
	put_series(&h, opt);
	opt->series_digest = h;
	put(&h, (uint64_t)opt->interval_ms);
	put(&h, (uint64_t)opt->timeout_ms);
	put(&h, opt->sample_limit);
	put_http(&h, &opt->http);
	opt->digest = h;
}

static void put_ecs_task(uint64_t *h, const struct ecs_task_sd_options *o)
{
	put(h, (uint64_t)o->refresh_interval_ms);
	put(h, (uint64_t)o->task_metrics);
	put(h, o->docker_labels);
	put_ports(h, o->ports, o->n_ports);
	put_ports(h, o->probe_ports, o->n_probe_ports);
}

static void put_selector(uint64_t *h, const struct ecs_selector *s)
{
	const struct sv texts[] = {s->name_pattern, s->container_pattern, s->port_label,
				   s->path_label,   s->job_label,         s->metrics_path,
				   s->job_name};
	put(h, s->kind);
	put_list(h, texts, sizeof texts / sizeof *texts);
	put_ports(h, s->ports, s->n_ports);
}

static void digest_ecs(struct ecs_sd_options *o)
{
	uint64_t h = 0;
	const struct sv texts[] = {o->client.region,     o->client.endpoint, o->client.access_key,
				   o->client.secret_key, o->client.profile,  o->client.role_arn,
				   o->client.external_id};
	put_list(&h, texts, sizeof texts / sizeof *texts);
	put_list(&h, o->clusters, o->n_clusters);
	put_http(&h, &o->http);
	o->asked_digest = h;
	put(&h, (uint64_t)o->refresh_interval_ms);
	put(&h, (uint64_t)o->port);
	put(&h, o->request_concurrency);
	put(&h, o->n_selectors);
	for (size_t i = 0; i < o->n_selectors; i++)
		put_selector(&h, &o->selectors[i]);
	o->digest = h;
}

void config_digest_discovery(struct discovery_options *opt)
{
	uint64_t h = 0;
	put_sv(&h, opt->job_name);
	put(&h, opt->n_statics);
	for (size_t i = 0; i < opt->n_statics; i++) {
		const struct static_group_options *g = &opt->statics[i];
		put_list(&h, g->targets, g->n_targets);
		put_sv(&h, sv_make(g->labels.ptr, g->labels.len));
	}
	put(&h, opt->n_file_sds);
	for (size_t i = 0; i < opt->n_file_sds; i++) {
		put_list(&h, opt->file_sds[i].files, opt->file_sds[i].n_files);
		put(&h, (uint64_t)opt->file_sds[i].refresh_interval_ms);
	}
	put(&h, opt->n_ecs_task_sds);
	for (size_t i = 0; i < opt->n_ecs_task_sds; i++)
		put_ecs_task(&h, &opt->ecs_task_sds[i]);
	put(&h, opt->n_ecs_sds);
	for (size_t i = 0; i < opt->n_ecs_sds; i++) {
		digest_ecs(&opt->ecs_sds[i]);
		put(&h, opt->ecs_sds[i].digest);
	}
	opt->digest = h;
}
