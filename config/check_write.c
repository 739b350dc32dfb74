/* A destination: its URL, authentication, headers, queue, and the name it goes by. */
#include "check.h"
#include "render.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

enum { NAME_HEX_DIGITS = 6 }; /* as many as Prometheus takes */

static int check_address(struct decode *d, const struct raw_write *raw)
{
	const struct yaml_node *at = decode_place(raw->node, "url");
	struct sv url = raw->opt.url;
	if (url.len == 0)
		return decode_fail(d, at, "url for remote_write is empty");
	const char *why = check_url(url);
	if (why)
		return decode_fail(d, at, "\"url\": %s", why);
	if (sv_eq_nocase(sv_make(url.ptr, url.len < 7 ? url.len : 7), SV("http://")) ||
	    sv_eq_nocase(sv_make(url.ptr, url.len < 8 ? url.len : 8), SV("https://")))
		return 0;
	return decode_warn(d, at, NULL,
			   "\"url\": neither http nor https: nothing can be sent there");
}

static int check_auth(struct decode *d, struct raw_write *raw)
{
	const struct http_options *http = &raw->http.opt;
	const struct sigv4_options *sigv4 = &raw->opt.sigv4;
	const struct yaml_node *at = yaml_get(raw->node, SV("sigv4"));
	if (at && !raw->opt.has_sigv4)
		return decode_warn(d, at, NULL,
				   "\"sigv4\" is empty, so requests are not signed; write sigv4: "
				   "{} to sign them with settings from the environment");
	if (!raw->opt.has_sigv4)
		return 0;
	if (http->has_basic_auth || http->has_authorization || http->has_oauth2)
		return decode_fail(d, at,
				   "at most one of basic_auth, authorization, oauth2 and sigv4 in "
				   "remote_write");
	if ((sigv4->access_key.len == 0) != (sigv4->secret_key.len == 0))
		return decode_fail(d, at, "sigv4: access_key and secret_key belong together");
	if (sigv4->external_id.len > 0 && sigv4->role_arn.len == 0)
		return decode_fail(d, decode_place(at, "external_id"),
				   "sigv4: external_id can only be used with role_arn");
	return 0;
}

/* Plain name and value pairs into the form that http_headers have. */
static int check_extra_headers(struct decode *d, const struct raw_write *raw,
			       struct remotewrite_options *out)
{
	size_t n = raw->n_headers;
	struct http_header_option *v = arena_calloc(d->keep, n ? n : 1, sizeof *v);
	struct sv *values = arena_calloc(d->keep, n ? n : 1, sizeof *values);
	if (!v || !values)
		return decode_fail_memory(d, raw->node);
	for (size_t i = 0; i < n; i++) {
		const struct raw_pair *pair = &raw->headers[i];
		if (sv_eq_nocase(pair->name, SV("authorization")))
			return decode_fail(d, pair->key,
					   "\"headers\": authorization is set by basic_auth, "
					   "authorization, oauth2 or sigv4");
		int r = check_header_name(d, pair->key, "headers", pair->name);
		if (r == 0)
			r = check_header_value(d, pair->key, "headers", pair->name, pair->value);
		if (r != 0)
			return r;
		values[i] = pair->value;
		v[i] = (struct http_header_option){
			.name = pair->name, .values = &values[i], .n_values = 1};
	}
	out->headers = v;
	out->n_headers = n;
	return 0;
}

static int check_queue(struct decode *d, const struct raw_write *raw)
{
	const struct queue_options *q = &raw->opt.queue;
	const struct yaml_node *block = decode_place(raw->node, "queue_config");
	if (q->min_shards > q->max_shards)
		return decode_fail(d, decode_place(block, "min_shards"),
				   "remote write queue min_shards is above max_shards");
	if (q->min_backoff_ms > q->max_backoff_ms)
		return decode_fail(d, decode_place(block, "max_backoff"),
				   "remote write queue max_backoff is below min_backoff");
	if (q->retry_on_http_429_set && !q->retry_on_http_429)
		return decode_warn(
			d, decode_place(block, "retry_on_http_429"), NULL,
			"\"retry_on_http_429: false\" drops what is answered 429: AMP "
			"throttles so, and without this line the samples are kept and sent "
			"again");
	return 0;
}

static int check_message(struct decode *d, const struct raw_write *raw,
			 struct remotewrite_options *out)
{
	if (raw->protobuf_message == 0)
		return decode_fail(d, decode_place(raw->node, "protobuf_message"),
				   "\"protobuf_message\" cannot be empty");
	out->protocol = (enum remotewrite_protocol)(raw->protobuf_message - 1);
	const struct yaml_node *metadata = yaml_get(raw->node, SV("metadata_config"));
	if (out->protocol == REMOTEWRITE_V1 || !metadata)
		return 0;
	return decode_warn(d, metadata, NULL,
			   "\"metadata_config\" has no effect with "
			   "io.prometheus.write.v2.Request: each request has the metadata of its "
			   "series");
}

/* A destination without a name goes by the beginning of a digest of its settings. */
static int make_name(struct decode *d, const struct raw_write *raw, struct remotewrite_options *out)
{
	out->name_set = raw->opt.name.len > 0;
	if (out->name_set)
		return 0;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	render_block(&text, &schema_write, raw);
	if (buf_failed(&text))
		return decode_fail_memory(d, raw->node);
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	crypto_sha256(digest, text.ptr, text.len);
	hex_encode(hex, digest, sizeof digest);
	out->name = arena_dup(d->keep, sv_make(hex, NAME_HEX_DIGITS));
	return out->name.ptr ? 0 : decode_fail_memory(d, raw->node);
}

int check_write(struct decode *d, const struct raw_global *g, struct raw_write *raw,
		struct remotewrite_options *out)
{
	*out = raw->opt;
	int r = check_address(d, raw);
	if (r == 0)
		r = make_name(d, raw, out);
	if (r == 0)
		r = check_http(d, raw->node, &raw->http);
	if (r == 0)
		r = check_auth(d, raw);
	if (r == 0)
		r = check_queue(d, raw);
	if (r == 0)
		r = check_message(d, raw, out);
	if (r == 0)
		r = check_extra_headers(d, raw, out);
	if (r != 0)
		return r;
	out->http = raw->http.opt;
	if (out->http.enable_http2)
		r = decode_warn(d, decode_place(raw->node, "enable_http2"), schema_http_write.name,
				"\"enable_http2\" in remote_write has no effect: requests are "
				"HTTP/1.1");
	if (r == 0)
		r = check_relabel(d, raw->relabel, raw->n_relabel,
				  check_scheme(g->shared.validation), &out->write_relabel);
	return r;
}
