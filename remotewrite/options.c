/* Copying and comparing go through one list of the string fields, so that they cannot part. */
#include "options.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/net/http_client.h>
#include <stddef.h>
#include <stdio.h>

#define FIELD(f) offsetof(struct remotewrite_options, f)

static const size_t strings[] = {
	FIELD(name),
	FIELD(url),
	FIELD(sigv4.region),
	FIELD(sigv4.access_key),
	FIELD(sigv4.secret_key),
	FIELD(sigv4.service_name),
	FIELD(sigv4.profile),
	FIELD(sigv4.role_arn),
	FIELD(sigv4.external_id),
	FIELD(http.username),
	FIELD(http.username_file),
	FIELD(http.password),
	FIELD(http.password_file),
	FIELD(http.auth_type),
	FIELD(http.credentials),
	FIELD(http.credentials_file),
	FIELD(http.tls.ca),
	FIELD(http.tls.ca_file),
	FIELD(http.tls.cert),
	FIELD(http.tls.cert_file),
	FIELD(http.tls.key),
	FIELD(http.tls.key_file),
	FIELD(http.tls.server_name),
	FIELD(http.proxy.url),
	FIELD(http.proxy.no_proxy),
	FIELD(http.oauth2.client_id),
	FIELD(http.oauth2.client_secret),
	FIELD(http.oauth2.client_secret_file),
	FIELD(http.oauth2.token_url),
	FIELD(http.oauth2.certificate_key),
	FIELD(http.oauth2.certificate_key_file),
	FIELD(http.oauth2.certificate_key_id),
	FIELD(http.oauth2.signature_algorithm),
	FIELD(http.oauth2.iss),
	FIELD(http.oauth2.audience),
	FIELD(http.oauth2.tls.ca),
	FIELD(http.oauth2.tls.ca_file),
	FIELD(http.oauth2.tls.cert),
	FIELD(http.oauth2.tls.cert_file),
	FIELD(http.oauth2.tls.key),
	FIELD(http.oauth2.tls.key_file),
	FIELD(http.oauth2.tls.server_name),
	FIELD(http.oauth2.proxy.url),
	FIELD(http.oauth2.proxy.no_proxy),
};

enum { N_STRINGS = sizeof strings / sizeof strings[0], KEY_MAX = 64 * 1024 };

static struct sv *string_at(struct remotewrite_options *o, size_t at)
{
	return (struct sv *)(void *)((char *)o + at);
}

static const struct sv *string_view(const struct remotewrite_options *o, size_t at)
{
	return (const struct sv *)(const void *)((const char *)o + at);
}

static int dup_string(struct arena *arena, struct sv *s)
{
	if (!s->ptr)
		return 0;
	*s = arena_dup(arena, *s);
	return s->ptr ? 0 : ERR_NOMEM;
}

static int dup_list(struct arena *arena, struct sv **v, size_t n)
{
	if (n == 0)
		return 0;
	struct sv *copy = arena_alloc(arena, n * sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = (*v)[i];
		if (dup_string(arena, &copy[i]))
			return ERR_NOMEM;
	}
	*v = copy;
	return 0;
}

static int dup_headers(struct arena *arena, struct http_header_option **v, size_t n)
{
	if (n == 0)
		return 0;
	struct http_header_option *copy = arena_alloc(arena, n * sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = (*v)[i];
		if (dup_string(arena, &copy[i].name) ||
		    dup_list(arena, &copy[i].values, copy[i].n_values) ||
		    dup_list(arena, &copy[i].secrets, copy[i].n_secrets) ||
		    dup_list(arena, &copy[i].files, copy[i].n_files))
			return ERR_NOMEM;
	}
	*v = copy;
	return 0;
}

static int dup_pairs(struct arena *arena, struct http_pair **v, size_t n)
{
	if (n == 0)
		return 0;
	struct http_pair *copy = arena_alloc(arena, n * sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = (*v)[i];
		if (dup_string(arena, &copy[i].name) || dup_string(arena, &copy[i].value))
			return ERR_NOMEM;
	}
	*v = copy;
	return 0;
}

static int dup_http_lists(struct arena *arena, struct http_options *o)
{
	struct oauth2_options *a = &o->oauth2;
	return dup_headers(arena, &o->headers, o->n_headers) ||
			       dup_headers(arena, &o->proxy.connect_headers,
					   o->proxy.n_connect_headers) ||
			       dup_list(arena, &a->scopes, a->n_scopes) ||
			       dup_pairs(arena, &a->endpoint_params, a->n_endpoint_params) ||
			       dup_pairs(arena, &a->claims, a->n_claims) ||
			       dup_headers(arena, &a->proxy.connect_headers,
					   a->proxy.n_connect_headers)
		       ? ERR_NOMEM
		       : 0;
}

int options_copy(struct arena *arena, const struct remotewrite_options *from,
		 struct remotewrite_options *to)
{
	*to = *from;
	to->write_relabel = NULL;
	for (size_t i = 0; i < N_STRINGS; i++)
		if (dup_string(arena, string_at(to, strings[i])))
			return ERR_NOMEM;
	if (dup_headers(arena, &to->headers, to->n_headers) || dup_http_lists(arena, &to->http))
		return ERR_NOMEM;
	to->write_relabel = from->write_relabel ? relabel_ref(from->write_relabel) : NULL;
	return 0;
}

static bool same_list(const struct sv *a, size_t na, const struct sv *b, size_t nb)
{
	for (size_t i = 0; na == nb && i < na; i++)
		if (!sv_eq(a[i], b[i]))
			return false;
	return na == nb;
}

static bool same_headers(const struct http_header_option *a, size_t na,
			 const struct http_header_option *b, size_t nb)
{
	for (size_t i = 0; na == nb && i < na; i++)
		if (!sv_eq(a[i].name, b[i].name) ||
		    !same_list(a[i].values, a[i].n_values, b[i].values, b[i].n_values) ||
		    !same_list(a[i].secrets, a[i].n_secrets, b[i].secrets, b[i].n_secrets) ||
		    !same_list(a[i].files, a[i].n_files, b[i].files, b[i].n_files))
			return false;
	return na == nb;
}

static bool same_queue(const struct queue_options *a, const struct queue_options *b)
{
	return a->capacity == b->capacity && a->max_shards == b->max_shards &&
	       a->min_shards == b->min_shards &&
	       a->max_samples_per_send == b->max_samples_per_send &&
	       a->batch_send_deadline_ms == b->batch_send_deadline_ms &&
	       a->min_backoff_ms == b->min_backoff_ms && a->max_backoff_ms == b->max_backoff_ms &&
	       a->retry_on_http_429 == b->retry_on_http_429 &&
	       a->retry_on_http_429_set == b->retry_on_http_429_set &&
	       a->sample_age_limit_ms == b->sample_age_limit_ms &&
	       a->sample_age_limit_set == b->sample_age_limit_set;
}

static bool same_pairs(const struct http_pair *a, size_t na, const struct http_pair *b, size_t nb)
{
	for (size_t i = 0; na == nb && i < na; i++)
		if (!sv_eq(a[i].name, b[i].name) || !sv_eq(a[i].value, b[i].value))
			return false;
	return na == nb;
}

static bool same_tls(const struct tls_options *a, const struct tls_options *b)
{
	return a->insecure_skip_verify == b->insecure_skip_verify &&
	       a->min_version == b->min_version && a->max_version == b->max_version;
}

static bool same_proxy(const struct proxy_options *a, const struct proxy_options *b)
{
	return a->from_environment == b->from_environment &&
	       same_headers(a->connect_headers, a->n_connect_headers, b->connect_headers,
			    b->n_connect_headers);
}

static bool same_oauth2(const struct oauth2_options *a, const struct oauth2_options *b)
{
	return same_list(a->scopes, a->n_scopes, b->scopes, b->n_scopes) &&
	       same_pairs(a->endpoint_params, a->n_endpoint_params, b->endpoint_params,
			  b->n_endpoint_params) &&
	       a->jwt_bearer == b->jwt_bearer &&
	       same_pairs(a->claims, a->n_claims, b->claims, b->n_claims) &&
	       same_tls(&a->tls, &b->tls) && same_proxy(&a->proxy, &b->proxy);
}

static bool same_http(const struct http_options *a, const struct http_options *b)
{
	return a->has_basic_auth == b->has_basic_auth &&
	       a->has_authorization == b->has_authorization && same_tls(&a->tls, &b->tls) &&
	       a->follow_redirects == b->follow_redirects && a->enable_http2 == b->enable_http2 &&
	       same_headers(a->headers, a->n_headers, b->headers, b->n_headers) &&
	       a->has_oauth2 == b->has_oauth2 && same_oauth2(&a->oauth2, &b->oauth2) &&
	       same_proxy(&a->proxy, &b->proxy);
}

bool options_equal(const struct remotewrite_options *a, const struct remotewrite_options *b)
{
	for (size_t i = 0; i < N_STRINGS; i++)
		if (!sv_eq(*string_view(a, strings[i]), *string_view(b, strings[i])))
			return false;
	return a->name_set == b->name_set && a->timeout_ms == b->timeout_ms &&
	       same_headers(a->headers, a->n_headers, b->headers, b->n_headers) &&
	       same_queue(&a->queue, &b->queue) && a->metadata.send == b->metadata.send &&
	       a->metadata.send_interval_ms == b->metadata.send_interval_ms &&
	       a->metadata.max_samples_per_send == b->metadata.max_samples_per_send &&
	       a->protocol == b->protocol && a->send_exemplars == b->send_exemplars &&
	       a->send_native_histograms == b->send_native_histograms &&
	       a->round_robin_dns == b->round_robin_dns &&
	       a->failed_request_logging == b->failed_request_logging &&
	       a->has_sigv4 == b->has_sigv4 &&
	       a->sigv4.use_fips_sts_endpoint == b->sigv4.use_fips_sts_endpoint &&
	       same_http(&a->http, &b->http);
}

static bool same_rule(const struct relabel_rule *a, const struct relabel_rule *b)
{
	return a->action == b->action && a->modulus == b->modulus &&
	       same_list(a->source_labels, a->n_source_labels, b->source_labels,
			 b->n_source_labels) &&
	       sv_eq(a->separator, b->separator) && sv_eq(a->regex, b->regex) &&
	       sv_eq(a->target_label, b->target_label) && sv_eq(a->replacement, b->replacement) &&
	       a->source_labels_set == b->source_labels_set && a->regex_set == b->regex_set &&
	       a->replacement_set == b->replacement_set && a->separator_set == b->separator_set;
}

bool options_same_relabel(const struct relabel_set *a, const struct relabel_set *b)
{
	if (a == b)
		return true;
	size_t na = a ? relabel_count(a) : 0, nb = b ? relabel_count(b) : 0;
	for (size_t i = 0; na == nb && i < na; i++)
		if (!same_rule(relabel_rule_at(a, i), relabel_rule_at(b, i)))
			return false;
	return na == nb;
}

/* AMP refuses what is older than an hour; a minute is for the way there. */
#define AMP_AGE_LIMIT_MS (59 * 60 * 1000)

int64_t options_age_limit_ms(const struct remotewrite_options *opt)
{
	struct url_parts parts;
	if (opt->queue.sample_age_limit_set)
		return opt->queue.sample_age_limit_ms;
	bool amp = url_split(opt->url, &parts) == 0 && aws_region_from_host(parts.host).len > 0;
	return amp ? AMP_AGE_LIMIT_MS : 0;
}

struct sv options_public_url(struct arena *arena, struct sv url)
{
	struct url_parts parts;
	if (url_split(url, &parts) || parts.userinfo.len == 0)
		return arena_dup(arena, url);
	size_t head = (size_t)(parts.userinfo.ptr - url.ptr);
	struct sv tail = sv_from(url, head + parts.userinfo.len + 1); /* and the '@' */
	char *p = arena_alloc(arena, head + tail.len + 1);
	if (!p)
		return SV_NULL;
	memcpy(p, url.ptr, head);
	memcpy(p + head, tail.ptr, tail.len);
	return sv_make(p, head + tail.len);
}

struct sv options_key(struct arena *arena, const struct remotewrite_options *opt, unsigned nth)
{
	struct sv id = opt->name_set ? opt->name : options_public_url(arena, opt->url);
	if (nth == 0)
		return arena_dup(arena, id);
	_cleanup_(buf_deinit) struct buf key = BUF_NULL;
	buf_init(&key, KEY_MAX);
	buf_sv(&key, id);
	buf_printf(&key, " (%u)", nth + 1);
	return buf_failed(&key) ? SV_NULL : arena_dup(arena, buf_view(&key));
}
