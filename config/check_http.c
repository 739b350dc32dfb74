/* Authentication, TLS and headers of a client: what excludes what, after Prometheus's
 * common/config. */
#include "check.h"

#include <ampagent/base/text.h>

/* Headers that the client, the protocols or a signature set. */
static const char *const reserved[] = {
	"authorization",
	"host",
	"content-encoding",
	"content-length",
	"content-type",
	"user-agent",
	"connection",
	"keep-alive",
	"proxy-authenticate",
	"proxy-authorization",
	"www-authenticate",
	"accept-encoding",
	"x-prometheus-remote-write-version",
	"x-prometheus-remote-read-version",
	"x-prometheus-scrape-timeout-seconds",
	"x-amz-date",
	"x-amz-security-token",
	"x-amz-content-sha256",
	NULL,
};

static bool is_token(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.len > 0;
}

int check_header_token(struct decode *d, const struct yaml_node *at, const char *what,
		       struct sv name)
{
	return is_token(name) ? 0 : decode_fail(d, at, "\"%s\": not a header name", what);
}

int check_header_name(struct decode *d, const struct yaml_node *at, const char *what,
		      struct sv name)
{
	int r = check_header_token(d, at, what, name);
	if (r != 0)
		return r;
	for (size_t i = 0; reserved[i]; i++)
		if (sv_eq_nocase(name, sv_of(reserved[i])))
			return decode_fail(d, at, "\"%s\": setting header \"%.*s\" is not allowed",
					   what, SV_ARG(name));
	return 0;
}

int check_header_value(struct decode *d, const struct yaml_node *at, const char *what,
		       struct sv name, struct sv value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return decode_fail(d, at,
					   "\"%s\": the value of header \"%.*s\" has a control "
					   "character",
					   what, SV_ARG(name));
	}
	return 0;
}

static int check_headers(struct decode *d, const struct yaml_node *node, const struct raw_http *raw)
{
	const struct yaml_node *map = yaml_get(node, SV("http_headers"));
	for (size_t i = 0; i < raw->opt.n_headers; i++) {
		const struct http_header_option *h = &raw->opt.headers[i];
		const struct yaml_node *at = map->pairs[i].key;
		int r = check_header_name(d, at, "http_headers", h->name);
		for (size_t k = 0; r == 0 && k < h->n_values; k++)
			r = check_header_value(d, at, "http_headers", h->name, h->values[k]);
		for (size_t k = 0; r == 0 && k < h->n_secrets; k++)
			r = check_header_value(d, at, "http_headers", h->name, h->secrets[k]);
		if (r != 0)
			return r;
	}
	return 0;
}

int check_one_source(struct decode *d, const struct yaml_node *block, const char *key,
		     struct sv value, struct sv file)
{
	if (value.len == 0 || file.len == 0)
		return 0;
	return decode_fail(d, decode_place(block, key), "at most one of \"%s\" and \"%s_file\"",
			   key, key);
}

static int check_basic_auth(struct decode *d, const struct yaml_node *node,
			    const struct http_options *opt)
{
	const struct yaml_node *block = yaml_get(node, SV("basic_auth"));
	int r = check_one_source(d, block, "username", opt->username, opt->username_file);
	return r != 0 ? r
		      : check_one_source(d, block, "password", opt->password, opt->password_file);
}

static int check_authorization(struct decode *d, const struct yaml_node *node,
			       struct http_options *opt)
{
	const struct yaml_node *block = yaml_get(node, SV("authorization"));
	opt->auth_type = sv_trim(opt->auth_type);
	if (sv_eq_nocase(opt->auth_type, SV("basic")))
		return decode_fail(d, decode_place(block, "type"),
				   "authorization type cannot be \"basic\": use basic_auth");
	int r = check_header_value(d, block, "authorization", SV("Authorization"), opt->auth_type);
	return r != 0 ? r
		      : check_one_source(d, block, "credentials", opt->credentials,
					 opt->credentials_file);
}

/* bearer_token and bearer_token_file are older names of authorization's keys. */
static int fold_bearer(struct decode *d, const struct yaml_node *node, struct raw_http *raw)
{
	if (raw->bearer_token.len == 0 && raw->bearer_token_file.len == 0)
		return 0;
	int r = check_one_source(d, node, "bearer_token", raw->bearer_token,
				 raw->bearer_token_file);
	if (r != 0)
		return r;
	const char *key = raw->bearer_token.len ? "bearer_token" : "bearer_token_file";
	if (raw->opt.has_basic_auth || raw->opt.has_authorization || raw->opt.has_oauth2)
		return decode_fail(d, decode_place(node, key),
				   "at most one of basic_auth, authorization, oauth2, bearer_token "
				   "and bearer_token_file");
	raw->opt.has_authorization = true;
	raw->opt.credentials = raw->bearer_token;
	raw->opt.credentials_file = raw->bearer_token_file;
	raw->bearer_token = raw->bearer_token_file = SV_NULL;
	return 0;
}

int check_tls(struct decode *d, const struct yaml_node *node, const struct tls_options *tls)
{
	const struct yaml_node *block = yaml_get(node, SV("tls_config"));
	int r = check_one_source(d, block, "ca", tls->ca, tls->ca_file);
	if (r == 0)
		r = check_one_source(d, block, "cert", tls->cert, tls->cert_file);
	if (r == 0)
		r = check_one_source(d, block, "key", tls->key, tls->key_file);
	if (r != 0)
		return r;
	bool cert = tls->cert.len || tls->cert_file.len, key = tls->key.len || tls->key_file.len;
	if (cert != key) {
		const char *has = cert ? "cert" : "key", *file = cert ? "cert_file" : "key_file";
		const char *needs = cert ? "key" : "cert";
		bool from_file = cert ? tls->cert_file.len > 0 : tls->key_file.len > 0;
		return decode_fail(d, decode_place(block, from_file ? file : has),
				   "tls_config: a client certificate and its key must be given "
				   "together: \"%s\" or \"%s_file\" is missing",
				   needs, needs);
	}
	if (tls->min_version != TLS_ANY && tls->max_version != TLS_ANY &&
	    tls->max_version < tls->min_version)
		return decode_fail(d, decode_place(block, "max_version"),
				   "tls_config: max_version is below min_version");
	return 0;
}

/* One way to authenticate. */
static int check_exclusive(struct decode *d, const struct yaml_node *node,
			   const struct http_options *opt)
{
	if (opt->has_basic_auth + opt->has_authorization + opt->has_oauth2 < 2)
		return 0;
	return decode_fail(d, decode_place(node, opt->has_oauth2 ? "oauth2" : "authorization"),
			   "at most one of basic_auth, authorization and oauth2");
}

int check_http(struct decode *d, const struct yaml_node *node, struct raw_http *raw)
{
	struct http_options *opt = &raw->opt;
	int r = check_basic_auth(d, node, opt);
	if (r == 0)
		r = check_authorization(d, node, opt);
	if (r == 0)
		r = fold_bearer(d, node, raw);
	if (r == 0)
		r = check_exclusive(d, node, opt);
	if (r == 0 && opt->has_oauth2)
		r = check_oauth2(d, node, raw);
	if (r == 0)
		r = check_tls(d, node, &opt->tls);
	if (r == 0)
		r = check_proxy(d, node, &opt->proxy, raw->proxy_url_set);
	if (r == 0)
		r = check_headers(d, node, raw);
	if (opt->auth_type.len == 0)
		opt->auth_type = SV("Bearer");
	return r;
}
