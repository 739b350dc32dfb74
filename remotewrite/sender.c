/* Sending over HTTP: every attempt is signed anew, with the time it is made at; the payload's hash
 * is made once a request. */
#include "sender.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/text.h>
#include <stdio.h>

enum {
	SENDER_ARENA_BYTES = 16 * 1024 * 1024, /* certificates may stand in the file */
	HEADERS_MAX = 64,
};

struct flight {
	struct sender *sender;
	struct http_transfer *transfer; /* NULL: it waits */
	struct flight **prev, *next;    /* of those that wait; prev NULL: it does not */
	struct loop_timer deadline;
	struct send_request req;
	int64_t asked_ms; /* monotonic: what req.wall_ms is of the wall clock */
	uint64_t keys_id; /* that it was signed with */
	int64_t ahead_ms; /* the time that it was signed with, of this machine's clock */
	struct buf body;  /* of the answer */
	send_done done;
	void *cls;
};

static void on_done(void *cls, const struct http_answer *a);
static void on_deadline(void *cls);
static void take_waiting(struct flight *f);

static struct loop *loop_of(const struct sender *s)
{
	return aws_session_loop(s->signing.session);
}

static void flight_free(struct flight *f)
{
	take_waiting(f);
	buf_deinit(&f->body);
	sender_unref(f->sender);
	free(f);
}
DEFINE_CLEANUP_PTR(struct flight, flight_free)

void sender_unref(struct sender *s)
{
	if (--s->refs > 0)
		return;
	http_client_free(s->client);
	signing_deinit(&s->signing);
	if (s->opt.write_relabel)
		relabel_unref(s->opt.write_relabel);
	arena_wipe(&s->arena); /* the options hold secrets */
	free(s);
}

/* ---- making one ---- */

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
	bool tls = sv_eq_nocase(u.scheme, SV("https"));
	if (!tls && !sv_eq_nocase(u.scheme, SV("http")))
		return err_set(err, 1, "url: unsupported scheme \"%.*s\"", SV_ARG(u.scheme));
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, KiB(64));
	sigv4_put_host(&b, &u);
	s->host = keep(s, &b);
	if (sigv4_clean_path(&b, u.path))
		return err_set(err, 1, "url is too long");
	if (b.len == 0)
		buf_char(&b, '/');
	/* Prometheus signs and asks for a path without a slash at its end; AMP knows no other. */
	if (s->opt.has_sigv4 && b.len > 1 && b.ptr[b.len - 1] == '/')
		b.len--;
	s->path = keep(s, &b);
	s->query = arena_dup(&s->arena, u.query);
	buf_sv(&b, tls ? SV("https") : SV("http"));
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

static void on_came(void *cls, enum signing_lack lack, const struct err *why);

static int make_signer(struct sender *s, struct aws_session *aws, struct err *err)
{
	struct tls_options *tls = &s->opt.http.tls;
	struct sv ca_file = SV_NULL;
	if (!s->opt.has_sigv4)
		return 0;
	/* A redirect would carry the signature to another host. */
	s->opt.http.follow_redirects = false;
	int r = signing_init(&s->signing, aws, &s->opt, s->host, &s->arena, &ca_file, err);
	if (r != 0) {
		err_prefix(err, "sigv4");
		return r;
	}
	s->signing.came = on_came;
	s->signing.cls = s;
	if (tls->ca.len == 0 && tls->ca_file.len == 0)
		tls->ca_file = ca_file;
	return 0;
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

int sender_new(struct http_pool *pool, struct aws_session *aws,
	       const struct remotewrite_options *opt, struct labels external, struct sv user_agent,
	       struct sender **out, struct err *err)
{
	_cleanup_(sender_unrefp) struct sender *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(err, ERR_NOMEM, "out of memory");
	s->refs = 1;
	s->waiting_end = &s->waiting;
	arena_init(&s->arena, SENDER_ARENA_BYTES);
	if (copy_settings(s, opt, external, user_agent))
		return err_set(err, ERR_NOMEM, "out of memory");
	int r = make_url(s, err);
	if (r == 0)
		r = make_signer(s, aws, err);
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

static int add_signature(struct flight *f, const struct aws_keys *keys, struct header_list *l,
			 struct sigv4_result *res, struct err *err)
{
	struct sender *s = f->sender;
	struct send_request *req = &f->req;
	if (!req->hash[0]) {
		uint8_t digest[SHA256_BYTES];
		crypto_sha256(digest, req->body.ptr, req->body.len);
		hex_encode(req->hash, digest, sizeof digest);
	}
	struct sigv4_request sr = {
		.method = SV("POST"),
		.host = s->host,
		.path = s->path,
		.query = s->query,
		.headers = l->v,
		.n_headers = l->n,
		.payload_hash = sv_of(req->hash),
	};
	int64_t waited_ms = loop_now_ms(loop_of(s)) - f->asked_ms;
	if (signing_sign(&s->signing, &sr, keys, req->wall_ms + waited_ms, &f->ahead_ms, res))
		return err_set(err, 1, "the request cannot be signed: its headers are too large");
	add(l, SV("X-Amz-Date"), sv_of(res->amz_date));
	if (keys->session_token.len > 0)
		add(l, SV("X-Amz-Security-Token"), keys->session_token);
	add(l, SV("Authorization"), sv_of(res->authorization));
	return 0;
}

/* keys: NULL when it is not signed. */
static int fill_headers(struct flight *f, const struct aws_keys *keys, struct header_list *l,
			struct sigv4_result *res, char attempt[16], struct err *err)
{
	struct sender *s = f->sender;
	const struct send_request *req = &f->req;
	add(l, SV("Content-Encoding"), SV("snappy"));
	bool v2 = req->protocol == REMOTEWRITE_V2;
	add(l, SV("Content-Type"),
	    v2 ? SV("application/x-protobuf;proto=io.prometheus.write.v2.Request")
	       : SV("application/x-protobuf"));
	add(l, SV("X-Prometheus-Remote-Write-Version"), v2 ? SV("2.0.0") : SV("0.1.0"));
	int r = keys ? add_signature(f, keys, l, res, err) : 0;
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

static int launch(struct flight *f, const struct aws_keys *keys, struct err *err)
{
	struct sender *s = f->sender;
	struct header_list headers = {.n = 0};
	struct sigv4_result res;
	char attempt[16];
	if (fill_headers(f, keys, &headers, &res, attempt, err))
		return 1;
	struct http_request hr = {
		.method = SV("POST"),
		.url = s->url,
		.headers = headers.v,
		.n_headers = headers.n,
		.body = f->req.body,
		.timeout_ms = f->req.timeout_ms,
		.body_max = LIMIT_ANSWER_BYTES,
		.body_out = &f->body,
		.no_auth = keys != NULL,
		.any_address = s->opt.round_robin_dns,
		.want_peer = s->want_peer,
	};
	if (http_start(s->client, &hr, on_done, f, &f->transfer, err))
		return 1;
	s->flying++;
	return 0;
}

/* ---- those that wait ---- */

static void put_waiting(struct flight *f, int64_t for_ms)
{
	struct sender *s = f->sender;
	f->prev = s->waiting_end;
	f->next = NULL;
	*f->prev = f;
	s->waiting_end = &f->next;
	f->deadline = (struct loop_timer){.fire = on_deadline, .cls = f};
	loop_timer_in(loop_of(s), &f->deadline, for_ms);
}

static void take_waiting(struct flight *f)
{
	if (!f->prev)
		return;
	loop_timer_cancel(&f->deadline);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	else if (f->sender->waiting_end == &f->next)
		f->sender->waiting_end = f->prev;
	f->prev = NULL;
}

/* Ends one that was never sent. */
static void give_up(struct flight *flight, enum http_result result, struct sv what,
		    const char *error)
{
	_cleanup_(flight_freep) struct flight *f = flight;
	take_waiting(f);
	struct http_answer a = {.result = result, .error = error, .error_type = what};
	f->done(f->cls, &a, SV_NULL);
}

static void lack_text(struct err *out, enum signing_lack lack, const char *why)
{
	err_set(out, 1, "%s: %s",
		lack == SIGNING_NO_KEYS ? "no AWS credentials"
					: "the AWS region to sign for is not known",
		why);
}

static struct sv lack_name(enum signing_lack lack)
{
	return lack == SIGNING_NO_KEYS ? SV(ANSWER_NO_CREDENTIALS) : SV(ANSWER_NO_REGION);
}

/* Until the peer's time is known, or it has at least answered, one at a time. */
static bool must_queue(const struct sender *s)
{
	return !s->answered && !s->signing.clock->known && s->flying > 0;
}

/* All who wait end; those that come while they are told do not. */
static void give_up_all(struct sender *s, struct sv what, const char *error)
{
	struct flight *v = s->waiting;
	if (!v)
		return;
	v->prev = &v;
	s->waiting = NULL;
	s->waiting_end = &s->waiting;
	while (v)
		give_up(v, HTTP_LOCAL, what, error);
}

static void give_up_lacking(struct sender *s, enum signing_lack lack, const char *why)
{
	struct err err = ERR_NULL;
	lack_text(&err, lack, why);
	give_up_all(s, lack_name(lack), err.msg);
}

/* Starts what can be started, and asks for what is missing. May end flights. */
static void pump(struct sender *sender)
{
	_cleanup_(sender_unrefp) struct sender *s = sender;
	s->refs++;
	while (s->waiting && !must_queue(s)) {
		struct aws_keys keys;
		struct err err = ERR_NULL;
		struct flight *f = s->waiting;
		enum signing_lack lack = signing_keys(&s->signing, &keys, &f->keys_id);
		if (lack != SIGNING_READY) {
			if (signing_wait(&s->signing, lack, &err))
				give_up_lacking(s, lack, err.msg);
			return;
		}
		take_waiting(f);
		if (launch(f, &keys, &err))
			give_up(f, HTTP_LOCAL, SV_NULL, err.msg);
	}
}

static void on_came(void *cls, enum signing_lack lack, const struct err *why)
{
	struct sender *s = cls;
	if (why)
		give_up_lacking(s, lack, why->msg);
	else
		pump(s);
}

static void on_deadline(void *cls)
{
	struct flight *f = cls;
	struct sender *s = f->sender;
	struct aws_keys keys;
	struct err err = ERR_NULL;
	enum signing_lack lack = signing_keys(&s->signing, &keys, &f->keys_id);
	if (lack == SIGNING_READY) {
		give_up(f, HTTP_TIMEOUT, SV_NULL,
			"another request waits for the endpoint's first answer");
		return;
	}
	struct aws_credentials_status st;
	aws_credentials_status_get(s->signing.credentials, &st);
	const char *why = lack == SIGNING_NO_REGION ? s->signing.region_why.msg
			  : st.failing              ? st.last_error
						    : "";
	lack_text(&err, lack, why[0] ? why : "nobody told in time");
	give_up(f, HTTP_LOCAL, lack_name(lack), err.msg);
}

/* ---- the seam ---- */

static void on_done(void *cls, const struct http_answer *a)
{
	_cleanup_(flight_freep) struct flight *f = cls;
	struct sender *s = f->sender;
	http_redact(f->transfer, &f->body);
	f->transfer = NULL;
	s->flying--;
	if (signing_on(&s->signing)) {
		s->answered |= a->status > 0;
		s->answered_id = f->keys_id;
		s->answered_ahead_ms = f->ahead_ms;
		aws_clock_learn(s->signing.clock, a, loop_now_ms(loop_of(s)));
	}
	f->done(f->cls, a, buf_view(&f->body));
	if (s->waiting)
		pump(s);
}

/* At once when it can be signed and nobody is before it. */
static int start_signed(struct flight *f, struct err *err)
{
	struct sender *s = f->sender;
	struct aws_keys keys;
	struct err why;
	f->asked_ms = loop_now_ms(loop_of(s));
	enum signing_lack lack = signing_keys(&s->signing, &keys, &f->keys_id);
	if (lack == SIGNING_READY && !s->waiting && !must_queue(s))
		return launch(f, &keys, err);
	bool hopeless = lack != SIGNING_READY && signing_wait(&s->signing, lack, &why);
	put_waiting(f, hopeless ? 0 : f->req.timeout_ms);
	return 0;
}

static int start(void *cls, struct send_request *req, send_done done, void *done_cls, void **flight,
		 struct err *err)
{
	struct sender *s = cls;
	_cleanup_(flight_freep) struct flight *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, 1, "out of memory");
	buf_init(&f->body, LIMIT_ANSWER_BYTES);
	f->req = *req;
	f->done = done;
	f->cls = done_cls;
	f->sender = s;
	s->refs++;
	int r = signing_on(&s->signing) ? start_signed(f, err) : launch(f, NULL, err);
	if (r != 0)
		return 1;
	*flight = take_ptr(f);
	return 0;
}

static void cancel(void *cls, void *flight)
{
	struct flight *f = flight;
	if (f->transfer) {
		http_cancel(f->transfer);
		f->sender->flying--;
	}
	flight_free(f);
}

static bool refresh(void *cls)
{
	struct sender *s = cls;
	s->refused_id = s->answered_id;
	return signing_on(&s->signing) &&
	       aws_credentials_rejected(s->signing.credentials, s->answered_id);
}

static bool other_keys(void *cls)
{
	struct sender *s = cls;
	struct aws_keys keys;
	uint64_t id;
	return signing_on(&s->signing) && s->refused_id != 0 &&
	       signing_keys(&s->signing, &keys, &id) == SIGNING_READY && id != s->refused_id;
}

static int64_t signed_ahead_ms(void *cls)
{
	const struct sender *s = cls;
	return s->answered_ahead_ms;
}

struct send_seam sender_seam(struct sender *s)
{
	return (struct send_seam){.start = start,
				  .cancel = cancel,
				  .refresh = refresh,
				  .other_keys = other_keys,
				  .signed_ahead_ms = signed_ahead_ms,
				  .cls = s};
}

void sender_retire(struct sender *s)
{
	give_up_all(s, SV_NULL, "the settings were changed while it waited: it is sent again");
}
