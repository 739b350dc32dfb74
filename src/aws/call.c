/* A call and its attempts. States:
 *
 *   waits for keys   waiter is with the credentials
 *   asks             transfer is set
 *   pauses           pause is armed
 *
 * and from each of them finish() or a cancel ends it. Whatever may be secret lies in the arena,
 * which is wiped, or is the answer, whose room is there before it comes.
 */
#include "call_private.h"
#include "session_private.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

enum {
	ATTEMPTS = 3,
	TIMEOUT_MS = 5000,
	HEADERS_MAX = 8,
	HIDDEN_MAX = 2,
	CLOCK_APART_MS = 4 * 60 * 1000,
	MESSAGE_SHOWN = 360, /* room is left for what the caller adds */
};
#define REQUEST_BYTES MiB(1)
#define SECRET_ANSWER_BYTES KiB(64)
/* Code, message, and what is read of a body to find them. */
#define ANSWER_TEXT_BYTES KiB(256)

struct aws_call {
	struct aws_session *session;
	struct loop *loop;
	void (*done)(void *cls, const struct aws_answer *a);
	void *cls;

	struct arena arena; /* of the request */
	struct aws_request req;
	struct sv host, path, query, url; /* as signed and sent */
	struct aws_keys keys;
	char hash[2 * SHA256_BYTES + 1];
	struct sv hidden[HIDDEN_MAX];
	size_t n_hidden;

	unsigned attempts; /* made */
	unsigned cost;     /* of the last retry */
	bool clock_repaired;
	int64_t signed_ms;
	uint64_t keys_id;
	struct http_transfer *transfer;
	struct aws_waiter waiter;
	struct loop_timer pause;
	struct buf body; /* of the answer */
	struct arena answer_arena;
	bool finishing;
};

static void call_free(struct aws_call *c)
{
	if (!c)
		return;
	http_cancel(c->transfer);
	aws_waiter_cancel(&c->waiter);
	loop_timer_cancel(&c->pause);
	if (c->req.credentials)
		aws_credentials_unref(c->req.credentials);
	buf_wipe(&c->body);
	arena_wipe(&c->answer_arena);
	arena_wipe(&c->arena);
	free(c);
}

DEFINE_CLEANUP_PTR(struct aws_call, call_free)

void aws_call_cancel(struct aws_call *c)
{
	if (c && !c->finishing)
		call_free(c);
}

static void finish(struct aws_call *c, const struct aws_answer *a)
{
	if (a->verdict == AWS_CALL_OK)
		call_budget_give(aws_session_budget(c->session), c->host, c->cost ? c->cost : 1);
	c->finishing = true;
	c->done(c->cls, a);
	call_free(c);
}

/* ---- what went wrong, for people ---- */

/* Control bytes become blanks, a character is not cut in two. */
static void put_clean(struct buf *out, struct sv s, size_t max)
{
	size_t n = s.len < max ? s.len : max;
	while (n < s.len && n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		buf_char(out, (unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f ? ' ' : s.ptr[i]);
	if (n < s.len)
		buf_sv(out, SV("..."));
}

static void __attribute__((format(printf, 3, 4)))
say(struct aws_call *c, struct aws_answer *a, const char *fmt, ...)
{
	struct err text = ERR_NULL;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text.msg, sizeof text.msg, fmt, ap);
	va_end(ap);
	err_set(&a->why, 0, "%.*s at %.*s: %s", SV_ARG(c->req.service), SV_ARG(c->host), text.msg);
}

static void say_redirect(struct aws_call *c, struct aws_answer *a, struct sv location)
{
	struct url_parts u = {0};
	bool known = location.len > 0 && url_split(location, &u) == 0;
	say(c, a,
	    "HTTP %d redirects to %.*s%s; signed requests follow no redirect: is a proxy or "
	    "gateway in between, or the endpoint wrong?",
	    a->status, (int)(known && u.host.len < 255 ? u.host.len : 0), known ? u.host.ptr : "",
	    known ? "" : "an unknown place");
}

/* "CODE: MESSAGE (HTTP 403, request ID)" */
static void say_error(struct aws_call *c, struct aws_answer *a, const struct http_answer *http)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, ERR_MSG_MAX);
	put_clean(&text, a->code.len ? a->code : SV("an error"), 80);
	buf_sv(&text, a->message.len ? SV(": ") : SV_NULL);
	put_clean(&text, a->message, MESSAGE_SHOWN);
	buf_printf(&text, " (HTTP %d", a->status);
	if (!a->code.len && !a->message.len) {
		buf_sv(&text, SV(", no error of AWS, content type "));
		put_clean(&text, http->content_type, 80);
	}
	if (a->request_id.len) {
		buf_sv(&text, SV(", request "));
		put_clean(&text, a->request_id, 64);
	}
	buf_char(&text, ')');
	say(c, a, "%.*s", SV_ARG(buf_view(&text)));
}

static void hide_one(struct buf *text, struct sv secret)
{
	size_t at = 0;
	while (secret.len > 0) {
		at += sv_find_sv(sv_from(buf_view(text), at), secret);
		if (at == text->len)
			return;
		memset(text->ptr + at, '*', secret.len);
		at += secret.len;
	}
}

static void hide(struct aws_call *c, struct buf *text)
{
	http_redact(c->transfer, text);
	for (size_t i = 0; i < c->n_hidden; i++)
		hide_one(text, c->hidden[i]);
}

/* Services quote what they were sent: a wrong signature is answered with the whole canonical
 * request, the session token in it. That part is for programmers of signers anyway. */
static void clean_message(struct aws_call *c, struct aws_answer *a)
{
	struct sv m = a->message;
	m.len = sv_find_sv(m, SV("The Canonical String for this request"));
	m = sv_trim(m);
	struct buf text = {.ptr = arena_strdup(&c->answer_arena, m), .len = m.len};
	if (text.ptr)
		hide(c, &text);
	a->message = sv_make(text.ptr, text.ptr ? m.len : 0);
}

/* ---- an answer ---- */

static bool times_apart(const struct aws_call *c, const struct aws_answer *a)
{
	int64_t d = a->peer_now_ms - c->signed_ms;
	return a->peer_now_ms > 0 && c->signed_ms > 0 &&
	       (d > CLOCK_APART_MS || d < -CLOCK_APART_MS);
}

static void judge_error(struct aws_call *c, const struct http_answer *http, struct aws_answer *a)
{
	struct sv id;
	hide(c, &c->body);
	aws_error_read(&c->answer_arena, buf_view(&c->body), &a->code, &a->message, &id);
	if (!a->code.len)
		a->code = aws_error_code(http->error_type);
	if (id.len)
		a->request_id = id;
	clean_message(c, a);
	a->verdict = aws_verdict_of(a->status, a->code);
	if (aws_code_may_be_clock(a->code) && times_apart(c, a))
		a->verdict = AWS_CALL_CLOCK;
	if (a->status >= 300 && a->status < 400)
		say_redirect(c, a, http->location);
	else
		say_error(c, a, http);
}

static void judge(struct aws_call *c, const struct http_answer *http, struct aws_answer *a)
{
	*a = (struct aws_answer){.http_result = http->result, .request_id = http->request_id};
	if (http->result != HTTP_OK) {
		a->verdict = AWS_CALL_UNREACHABLE;
		say(c, a, "%s", http->error ? http->error : "no answer");
		return;
	}
	a->status = http->status;
	a->body = buf_view(&c->body);
	a->peer_now_ms = aws_clock_told_ms(http);
	if (a->status >= 200 && a->status < 300)
		a->verdict = AWS_CALL_OK;
	else
		judge_error(c, http, a);
}

/* ---- attempts ---- */

static int begin(struct aws_call *c, struct err *err);

/* The next attempt, from the loop. */
static void go_on(void *cls)
{
	struct aws_call *c = cls;
	struct err err = ERR_NULL;
	if (begin(c, &err) == 0)
		return;
	struct aws_answer a = {.verdict = AWS_CALL_UNREACHABLE, .http_result = HTTP_LOCAL};
	say(c, &a, "%s", err.msg);
	finish(c, &a);
}

static void on_keys(void *cls, const struct err *why)
{
	struct aws_call *c = cls;
	if (!why) {
		go_on(c);
		return;
	}
	struct aws_answer a = {.verdict = AWS_CALL_NO_KEYS, .http_result = HTTP_LOCAL};
	say(c, &a, "not asked, there are no credentials: %s", why->msg);
	finish(c, &a);
}

/* True: go_on() was called or will be. */
static bool try_again(struct aws_call *c, const struct aws_answer *a,
		      const struct http_answer *http, bool clock_learned)
{
	/* Told to the credentials even when this call ends here. */
	bool other_keys = a->verdict == AWS_CALL_EXPIRED && c->req.credentials &&
			  aws_credentials_rejected(c->req.credentials, c->keys_id);
	bool other_time = a->verdict == AWS_CALL_CLOCK && clock_learned && !c->clock_repaired;
	if (c->attempts >= c->req.attempts || (a->verdict == AWS_CALL_THROTTLED && c->req.paced))
		return false;
	if (other_keys || other_time) {
		c->clock_repaired = c->clock_repaired || other_time;
		go_on(c);
		return true;
	}
	unsigned cost = call_retry_cost(a->verdict, a->http_result);
	if (cost == 0 || !call_budget_take(aws_session_budget(c->session), c->host, cost))
		return false;
	uint64_t random;
	crypto_random(&random, sizeof random);
	c->cost = cost;
	loop_timer_in(c->loop, &c->pause,
		      call_retry_delay_ms(a->verdict, c->attempts, http->retry_after,
					  loop_wall_ms(c->loop), random));
	return true;
}

static void on_http(void *cls, const struct http_answer *http)
{
	struct aws_call *c = cls;
	struct aws_answer a;
	struct aws_clock *clock = aws_session_clock(c->session, c->host);
	bool learned = clock && http->result == HTTP_OK &&
		       aws_clock_learn(clock, http, loop_now_ms(c->loop));
	judge(c, http, &a);
	c->transfer = NULL;
	if (a.verdict == AWS_CALL_OK || !try_again(c, &a, http, learned))
		finish(c, &a);
}

struct headers {
	struct http_header v[HEADERS_MAX];
	size_t n;
};

static void add(struct headers *h, struct sv name, struct sv value)
{
	if (value.len > 0)
		h->v[h->n++] = (struct http_header){name, value};
}

static int sign(struct aws_call *c, const struct aws_keys *keys, struct headers *h,
		struct sigv4_result *res, struct err *err)
{
	const struct aws_clock *clock = aws_session_clock(c->session, c->host);
	int64_t wall_ms = loop_wall_ms(c->loop);
	c->signed_ms = clock ? aws_clock_now_ms(clock, loop_now_ms(c->loop), wall_ms) : wall_ms;
	struct sigv4_request sr = {.method = c->req.body.len ? SV("POST") : SV("GET"),
				   .host = c->host,
				   .path = c->path,
				   .query = c->query,
				   .headers = h->v,
				   .n_headers = h->n,
				   .payload_hash = sv_of(c->hash),
				   .region = c->req.region,
				   .service = c->req.service,
				   .time_s = c->signed_ms / 1000};
	if (sigv4_sign(&sr, keys, NULL, res, NULL, NULL) != 0)
		return err_set(err, 1, "the request cannot be signed: it is too large");
	add(h, SV("X-Amz-Date"), sv_of(res->amz_date));
	add(h, SV("X-Amz-Security-Token"), keys->session_token);
	add(h, SV("Authorization"), sv_of(res->authorization));
	return 0;
}

/* keys NULL: not signed. */
static int ask(struct aws_call *c, const struct aws_keys *keys, struct err *err)
{
	struct headers h = {.n = 0};
	struct sigv4_result res;
	add(&h, SV("Content-Type"), c->req.content_type);
	add(&h, SV("X-Amz-Target"), c->req.target);
	add(&h, SV("User-Agent"), aws_session_user_agent(c->session));
	if (keys && sign(c, keys, &h, &res, err) != 0)
		return 1;
	struct http_request req = {
		.method = c->req.body.len ? SV("POST") : SV("GET"),
		.url = c->url,
		.headers = h.v,
		.n_headers = h.n,
		.body = c->req.body,
		.timeout_ms = c->req.timeout_ms,
		.body_max = c->req.secret ? SECRET_ANSWER_BYTES : LIMIT_AWS_ANSWER_BYTES,
		.body_out = &c->body,
		.no_auth = true,
	};
	c->attempts++;
	struct http_client *client = c->req.client ? c->req.client : aws_session_api(c->session);
	return http_start(client, &req, on_http, c, &c->transfer, err);
}

static int begin(struct aws_call *c, struct err *err)
{
	arena_wipe(&c->answer_arena);
	if (!c->req.credentials)
		return ask(c, c->req.keys, err);
	struct aws_keys keys;
	if (aws_credentials_now(c->req.credentials, &keys, &c->keys_id) == 0)
		return ask(c, &keys, err);
	c->waiter = (struct aws_waiter){.ready = on_keys, .cls = c};
	aws_credentials_wait(c->req.credentials, &c->waiter);
	return 0;
}

/* ---- the request ---- */

static struct sv keep(struct aws_call *c, struct buf *b)
{
	struct sv v = buf_failed(b) ? SV_NULL : arena_dup(&c->arena, buf_view(b));
	buf_reset(b);
	return v;
}

static int copy_url(struct aws_call *c, struct sv url, struct err *err)
{
	struct url_parts u;
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	bool known = url_split(url, &u) == 0 && u.userinfo.len == 0;
	bool tls = known && sv_eq_nocase(u.scheme, SV("https"));
	if (!tls && !(known && sv_eq_nocase(u.scheme, SV("http"))))
		return err_set(err, 1, "the endpoint is not a URL that can be asked");
	buf_init(&b, KiB(64));
	sigv4_put_host(&b, &u);
	c->host = keep(c, &b);
	sigv4_clean_path(&b, u.path);
	c->path = keep(c, &b);
	c->query = arena_dup(&c->arena, u.query);
	buf_sv(&b, tls ? SV("https") : SV("http"));
	buf_sv(&b, SV("://"));
	buf_sv(&b, c->host);
	buf_sv(&b, c->path);
	buf_sv(&b, c->query.len ? SV("?") : SV_NULL);
	buf_sv(&b, c->query);
	c->url = keep(c, &b);
	return c->host.ptr && c->path.ptr && c->url.ptr ? 0
							: err_set(err, 1, "the URL is too long");
}

static int copy_request(struct aws_call *c, const struct aws_request *req, struct err *err)
{
	c->req = *req;
	c->req.credentials = req->credentials ? aws_credentials_ref(req->credentials) : NULL;
	struct sv *views[] = {&c->req.service,     &c->req.region,        &c->req.content_type,
			      &c->req.target,      &c->req.body,          &c->keys.access_key,
			      &c->keys.secret_key, &c->keys.session_token};
	if (req->keys) {
		c->keys = *req->keys;
		c->req.keys = &c->keys;
	}
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
		*views[i] = arena_dup(&c->arena, *views[i]);
		if (!views[i]->ptr)
			return err_set(err, 1, "the request is too large");
	}
	c->req.attempts = req->attempts ? req->attempts : ATTEMPTS;
	c->req.timeout_ms = req->timeout_ms ? req->timeout_ms : TIMEOUT_MS;
	c->pause = (struct loop_timer){.fire = go_on, .cls = c};
	uint8_t digest[SHA256_BYTES];
	crypto_sha256(digest, req->body.ptr, req->body.len);
	hex_encode(c->hash, digest, sizeof digest);
	buf_init(&c->body, req->secret ? SECRET_ANSWER_BYTES : LIMIT_AWS_ANSWER_BYTES);
	if (req->secret && buf_reserve(&c->body, SECRET_ANSWER_BYTES) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	return copy_url(c, req->url, err);
}

int aws_call_start(struct aws_session *s, const struct aws_request *req,
		   void (*done)(void *cls, const struct aws_answer *a), void *cls,
		   struct aws_call **out, struct err *err)
{
	_cleanup_(call_freep) struct aws_call *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(err, ERR_NOMEM, "no memory");
	c->session = s;
	c->loop = aws_session_loop(s);
	c->done = done;
	c->cls = cls;
	arena_init(&c->arena, REQUEST_BYTES);
	arena_init(&c->answer_arena, ANSWER_TEXT_BYTES);
	int r = copy_request(c, req, err);
	if (r == 0)
		r = begin(c, err);
	if (r != 0)
		return r;
	*out = take_ptr(c);
	return 0;
}

int aws_call_hide(struct aws_call *c, struct sv secret)
{
	struct sv copy = c->n_hidden < HIDDEN_MAX ? arena_dup(&c->arena, secret) : SV_NULL;
	if (!copy.ptr)
		return ERR_NOMEM;
	c->hidden[c->n_hidden++] = copy;
	return 0;
}

void *aws_call_own(struct aws_call *c, size_t n)
{
	void *own = arena_calloc(&c->arena, 1, n);
	if (own)
		c->cls = own;
	return own;
}
