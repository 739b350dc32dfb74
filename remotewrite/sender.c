/* Sending over HTTP: every attempt is signed anew, with the time it is made at; the payload's hash
 * is made once a request. */
#include "sender.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <ampagent/base/text.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	SENDER_ARENA_BYTES = 16 * 1024 * 1024, /* certificates may stand in the file */
	HEADERS_MAX = 64,
	/* AWS allows five minutes. A small difference is the answer's Date being whole seconds. */
	SKEW_MATTERS_S = 60,
};

struct flight {
	struct sender *sender;
	struct http_transfer *transfer;
	struct buf body; /* of the answer */
	int64_t wall_ms;
	send_done done;
	void *cls;
};

void sender_unref(struct sender *s)
{
	if (--s->refs > 0)
		return;
	http_client_free(s->client);
	aws_credentials_free(s->credentials);
	sigv4_cache_wipe(&s->cache);
	if (s->opt.write_relabel)
		relabel_unref(s->opt.write_relabel);
	arena_wipe(&s->arena); /* the options hold secrets */
	free(s);
}

/* ---- making one ---- */

static void put_lower(struct buf *out, struct sv s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_char(out,
			 s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] + 32) : s.ptr[i]);
}

/* The Host header as the client will send it: no default port, literals in brackets. */
static void put_host(struct buf *out, const struct url_parts *u)
{
	bool literal = sv_find(u->host, ':') < u->host.len && u->host.ptr[0] != '[';
	if (literal)
		buf_char(out, '[');
	put_lower(out, u->host);
	if (literal)
		buf_char(out, ']');
	bool tls = sv_eq_nocase(u->scheme, SV("https"));
	if (u->port.len > 0 && !sv_eq(u->port, tls ? SV("443") : SV("80"))) {
		buf_char(out, ':');
		buf_sv(out, u->port);
	}
}

static struct sv keep(struct sender *s, struct buf *b)
{
	struct sv v = buf_failed(b) ? SV_NULL : arena_dup(&s->arena, buf_view(b));
	buf_reset(b);
	return v;
}

/* The URL with its path in the form that is signed. */
static int make_url(struct sender *s, struct err *err)
{
	struct url_parts u;
	if (url_split(s->opt.url, &u))
		return err_set(err, 1, "url is not an absolute URL");
	if (!sv_eq_nocase(u.scheme, SV("http")) && !sv_eq_nocase(u.scheme, SV("https")))
		return err_set(err, 1, "url: unsupported scheme \"%.*s\"", SV_ARG(u.scheme));
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, KiB(64));
	put_host(&b, &u);
	s->host = keep(s, &b);
	if (sigv4_clean_path(&b, u.path))
		return err_set(err, 1, "url is too long");
	if (b.len == 0)
		buf_char(&b, '/');
	s->path = keep(s, &b);
	s->query = arena_dup(&s->arena, u.query);
	put_lower(&b, u.scheme);
	buf_sv(&b, SV("://"));
	/* Signed requests carry no other credentials. */
	if (u.userinfo.len > 0 && !s->opt.has_sigv4) {
		buf_sv(&b, u.userinfo);
		buf_char(&b, '@');
	}
	buf_sv(&b, s->host);
	buf_sv(&b, s->path);
	if (u.query.len > 0) {
		buf_char(&b, '?');
		buf_sv(&b, s->query);
	}
	s->url = keep(s, &b);
	if (!s->host.ptr || !s->path.ptr || !s->url.ptr)
		return err_set(err, 1, "url is too long");
	return 0;
}

static int make_signer(struct sender *s, struct err *err)
{
	if (!s->opt.has_sigv4)
		return 0;
	/* A redirect would carry the signature to another host. */
	s->opt.http.follow_redirects = false;
	s->service = s->opt.sigv4.service_name.len ? s->opt.sigv4.service_name : SV("aps");
	int r = aws_region_find(&s->arena, s->opt.sigv4.region, s->opt.url, NULL, &s->region, err);
	if (r != 0) {
		err_prefix(err, "sigv4");
		return r;
	}
	struct aws_credentials_options opt = {.access_key = s->opt.sigv4.access_key,
					      .secret_key = s->opt.sigv4.secret_key};
	r = aws_credentials_new(&opt, NULL, &s->credentials, err);
	if (r != 0)
		err_prefix(err, "sigv4");
	return r;
}

static int copy_settings(struct sender *s, const struct remotewrite_options *opt,
			 struct labels external, struct sv user_agent)
{
	if (options_copy(&s->arena, opt, &s->opt))
		return ERR_NOMEM;
	struct sv e = arena_dup(&s->arena, sv_make(external.ptr, external.len));
	s->external = (struct labels){e.ptr, external.len};
	s->user_agent = arena_dup(&s->arena, user_agent);
	s->public_url = options_public_url(&s->arena, opt->url);
	return e.ptr && s->user_agent.ptr && s->public_url.ptr ? 0 : ERR_NOMEM;
}

int sender_new(struct http_pool *pool, const struct remotewrite_options *opt,
	       struct labels external, struct sv user_agent, struct sender **out, struct err *err)
{
	_cleanup_(sender_unrefp) struct sender *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(err, ERR_NOMEM, "out of memory");
	s->refs = 1;
	arena_init(&s->arena, SENDER_ARENA_BYTES);
	if (copy_settings(s, opt, external, user_agent))
		return err_set(err, ERR_NOMEM, "out of memory");
	int r = make_url(s, err);
	if (r == 0)
		r = make_signer(s, err);
	if (r == 0)
		r = http_client_new(pool, &s->opt.http, &s->client, err);
	if (r != 0)
		return r;
	*out = take_ptr(s);
	return 0;
}

/* ---- a request ---- */

struct header_list {
	struct http_header v[HEADERS_MAX];
	size_t n;
};

static void add(struct header_list *l, struct sv name, struct sv value)
{
	if (l->n < HEADERS_MAX)
		l->v[l->n++] = (struct http_header){name, value};
}

static int add_signature(struct sender *s, struct send_request *req, struct header_list *l,
			 size_t n_signed, struct sigv4_result *res, struct err *err)
{
	if (!req->hash[0]) {
		uint8_t digest[SHA256_BYTES];
		crypto_sha256(digest, req->body.ptr, req->body.len);
		hex_encode(req->hash, digest, sizeof digest);
	}
	struct aws_keys keys = aws_credentials_get(s->credentials);
	struct sigv4_request sr = {
		.method = SV("POST"),
		.host = s->host,
		.path = s->path,
		.query = s->query,
		.headers = l->v,
		.n_headers = n_signed,
		.payload_hash = sv_of(req->hash),
		.region = s->region,
		.service = s->service,
		.time_s = req->wall_ms / 1000 + s->skew_s,
	};
	if (sigv4_sign(&sr, &keys, &s->cache, res, NULL, NULL))
		return err_set(err, 1, "the request cannot be signed: its headers are too large");
	add(l, SV("X-Amz-Date"), sv_of(res->amz_date));
	if (keys.session_token.len > 0)
		add(l, SV("X-Amz-Security-Token"), keys.session_token);
	add(l, SV("Authorization"), sv_of(res->authorization));
	return 0;
}

static int fill_headers(struct sender *s, struct send_request *req, struct header_list *l,
			struct sigv4_result *res, char attempt[16], struct err *err)
{
	add(l, SV("Content-Encoding"), SV("snappy"));
	bool v2 = req->protocol == REMOTEWRITE_V2;
	add(l, SV("Content-Type"),
	    v2 ? SV("application/x-protobuf;proto=io.prometheus.write.v2.Request")
	       : SV("application/x-protobuf"));
	add(l, SV("X-Prometheus-Remote-Write-Version"), v2 ? SV("2.0.0") : SV("0.1.0"));
	int r = s->credentials ? add_signature(s, req, l, l->n, res, err) : 0;
	if (r != 0)
		return r;
	add(l, SV("User-Agent"), s->user_agent);
	if (req->attempt > 0) {
		snprintf(attempt, 16, "%u", req->attempt);
		add(l, SV("Retry-Attempt"), sv_of(attempt));
	}
	for (size_t i = 0; i < s->opt.n_headers; i++)
		for (size_t k = 0; k < s->opt.headers[i].n_values; k++)
			add(l, s->opt.headers[i].name, s->opt.headers[i].values[k]);
	return 0;
}

static void flight_free(struct flight *f)
{
	buf_deinit(&f->body);
	if (f->sender)
		sender_unref(f->sender);
	free(f);
}
DEFINE_CLEANUP_PTR(struct flight, flight_free)

/* The peer's clock decides whether a signature is fresh: what it is ahead, measured in the middle
 * of the exchange, goes into the next one. */
static void learn_skew(struct flight *f, const struct http_answer *a)
{
	struct sender *s = f->sender;
	int64_t date_s;
	if (!s->credentials || a->result != HTTP_OK || a->date.len == 0 ||
	    clock_parse_http_date(a->date.ptr, a->date.len, &date_s))
		return;
	int64_t skew_s = date_s - (f->wall_ms + a->duration_ns / 2000000) / 1000;
	if (skew_s > -SKEW_MATTERS_S && skew_s < SKEW_MATTERS_S)
		skew_s = 0;
	if (skew_s != 0 && s->skew_s == 0)
		log_warn("This machine's clock differs from the remote write endpoint's: requests "
			 "are signed with the endpoint's time, samples keep this machine's",
			 "url", FMT("%.*s", SV_ARG(s->public_url)), "ahead",
			 FMT("%" PRId64 "s", -skew_s));
	s->skew_s = skew_s;
}

static void on_done(void *cls, const struct http_answer *a)
{
	_cleanup_(flight_freep) struct flight *f = cls;
	http_redact(f->transfer, &f->body);
	f->transfer = NULL;
	learn_skew(f, a);
	f->done(f->cls, a, buf_view(&f->body));
}

static int start(void *cls, struct send_request *req, send_done done, void *done_cls, void **flight,
		 struct err *err)
{
	struct sender *s = cls;
	_cleanup_(flight_freep) struct flight *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, 1, "out of memory");
	buf_init(&f->body, LIMIT_ANSWER_BYTES);
	f->wall_ms = req->wall_ms;
	f->done = done;
	f->cls = done_cls;
	struct header_list headers = {.n = 0};
	struct sigv4_result res;
	char attempt[16];
	if (fill_headers(s, req, &headers, &res, attempt, err))
		return 1;
	struct http_request hr = {
		.method = SV("POST"),
		.url = s->url,
		.headers = headers.v,
		.n_headers = headers.n,
		.body = req->body,
		.timeout_ms = req->timeout_ms,
		.body_max = LIMIT_ANSWER_BYTES,
		.body_out = &f->body,
		.no_auth = s->credentials != NULL,
		.any_address = s->opt.round_robin_dns,
	};
	if (http_start(s->client, &hr, on_done, f, &f->transfer, err))
		return 1;
	f->sender = s;
	s->refs++;
	*flight = take_ptr(f);
	return 0;
}

static void cancel(void *cls, void *flight)
{
	struct flight *f = flight;
	http_cancel(f->transfer);
	flight_free(f);
}

static bool refresh(void *cls)
{
	struct sender *s = cls;
	if (!s->credentials)
		return false;
	struct aws_keys keys = aws_credentials_get(s->credentials);
	return aws_credentials_rejected(s->credentials, &keys);
}

struct send_seam sender_seam(struct sender *s)
{
	return (struct send_seam){.start = start, .cancel = cancel, .refresh = refresh, .cls = s};
}
