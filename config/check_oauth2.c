/* OAuth 2.0 and proxies: what belongs together and what excludes what, after Prometheus's
 * common/config. */
#include "check.h"

#define JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer"

int check_proxy(struct decode *d, const struct yaml_node *block, const struct proxy_options *p,
		bool url_set)
{
	const char *why = check_url(p->url);
	if (why)
		return decode_fail(d, decode_place(block, "proxy_url"), "\"proxy_url\": %s", why);
	if (p->n_connect_headers > 0 && !p->from_environment && p->url.len == 0)
		return decode_fail(d, decode_place(block, "proxy_connect_header"),
				   "\"proxy_connect_header\" needs \"proxy_url\" or "
				   "\"proxy_from_environment\"");
	if (p->from_environment && p->url.len > 0)
		return decode_fail(d, decode_place(block, "proxy_url"),
				   "\"proxy_from_environment\" and \"proxy_url\" exclude each "
				   "other");
	if (p->from_environment && p->no_proxy.len > 0)
		return decode_fail(d, decode_place(block, "no_proxy"),
				   "\"proxy_from_environment\" and \"no_proxy\" exclude each "
				   "other");
	if (!url_set && p->no_proxy.len > 0)
		return decode_fail(d, decode_place(block, "no_proxy"),
				   "\"no_proxy\" needs \"proxy_url\"");
	const struct yaml_node *map = yaml_get(block, SV("proxy_connect_header"));
	for (size_t i = 0; i < p->n_connect_headers; i++) {
		const struct http_header_option *h = &p->connect_headers[i];
		const struct yaml_node *at = map->pairs[i].key;
		int r = check_header_token(d, at, "proxy_connect_header", h->name);
		for (size_t k = 0; r == 0 && k < h->n_secrets; k++)
			r = check_header_value(d, at, "proxy_connect_header", h->name,
					       h->secrets[k]);
		if (r != 0)
			return r;
	}
	return 0;
}

/* The two grants want different secrets. */
static int check_grant(struct decode *d, const struct yaml_node *block,
		       const struct oauth2_options *o)
{
	static const char *const algorithms[] = {"", "RS256", "RS384", "RS512"};
	if (!o->jwt_bearer)
		return check_one_source(d, block, "client_secret", o->client_secret,
					o->client_secret_file);
	int r = check_one_source(d, block, "client_certificate_key", o->certificate_key,
				 o->certificate_key_file);
	if (r != 0)
		return r;
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
		if (sv_eq(o->signature_algorithm, sv_of(algorithms[i])))
			return 0;
	return decode_fail(d, decode_place(block, "signature_algorithm"),
			   "\"signature_algorithm\": one of RS256, RS384 and RS512");
}

static int take_params(struct decode *d, const struct yaml_node *block,
		       const struct raw_oauth2 *raw, struct oauth2_options *out)
{
	size_t n = raw->n_endpoint_params;
	out->endpoint_params = arena_calloc(d->keep, n ? n : 1, sizeof *out->endpoint_params);
	if (!out->endpoint_params)
		return decode_fail_memory(d, block);
	for (size_t i = 0; i < n; i++)
		out->endpoint_params[i] = (struct http_pair){raw->endpoint_params[i].name,
							     raw->endpoint_params[i].value};
	out->n_endpoint_params = n;
	return 0;
}

int check_oauth2(struct decode *d, const struct yaml_node *node, struct raw_http *raw)
{
	const struct yaml_node *block = yaml_get(node, SV("oauth2"));
	struct oauth2_options *o = &raw->opt.oauth2;
	*o = raw->oauth2.opt;
	o->jwt_bearer = sv_eq(raw->oauth2.grant_type, SV(JWT_BEARER));
	if (o->client_id.len == 0)
		return decode_fail(d, decode_place(block, "client_id"),
				   "oauth2: \"client_id\" must be set");
	if (o->token_url.len == 0)
		return decode_fail(d, decode_place(block, "token_url"),
				   "oauth2: \"token_url\" must be set");
	int r = check_grant(d, block, o);
	if (r == 0)
		r = check_tls(d, block, &o->tls);
	if (r == 0)
		r = check_proxy(d, block, &o->proxy, raw->oauth2.proxy_url_set);
	if (r == 0)
		r = take_params(d, block, &raw->oauth2, o);
	if (r != 0)
		return r;
	if (o->signature_algorithm.len == 0)
		o->signature_algorithm = SV("RS256");
	const struct yaml_node *grant = yaml_get(block, SV("grant_type"));
	if (o->jwt_bearer || !grant || raw->oauth2.grant_type.len == 0 ||
	    sv_eq(raw->oauth2.grant_type, SV("client_credentials")))
		return 0;
	return decode_warn(d, grant, NULL,
			   "\"grant_type\": neither client_credentials nor " JWT_BEARER
			   ": taken as client_credentials");
}
