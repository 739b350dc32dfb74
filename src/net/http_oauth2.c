/* The client credentials grant sends the secret as HTTP Basic first; an endpoint that refuses it so
 * is asked again with the secret in the form, and what worked is kept. This is what Go's oauth2
 * does, which Prometheus uses.
 *
 * The fetch is a transfer of an own client (the token endpoint's TLS and proxy settings). It goes
 * on when all that waited have gone, up to FETCH_MS: the next request may find its token. A secret
 * that changed makes the token of the old one void.
 */
#include "http_oauth2.h"

#include "http_call.h"
#include "http_jwt.h"
#include "http_material.h"
#include "http_oauth2_answer.h"
#include "http_transfer.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <stdlib.h>

enum { FETCH_MS = 30000, EARLY_MS = 10000, OWN_PARAMS = 5, USER_AGENT_BYTES = 256 };
#define FORM_BYTES KiB(512)
#define ANSWER_BYTES MiB(1)

enum style { STYLE_UNKNOWN, STYLE_HEADER, STYLE_FORM };

struct http_oauth2 {
	struct http_pool *pool;
	struct oauth2_options opt;
	struct http_client *client; /* of the token endpoint */
	bool has_secret;
	uint8_t secret_digest[SHA256_BYTES];
	enum style style;
	struct http_transfer *fetch; /* NULL: none runs */
	bool tries_header;           /* the form is still to be tried */
	struct buf secret;           /* while a fetch runs */
	struct buf form, body;
	char user_agent[USER_AGENT_BYTES];
	struct buf line; /* "Authorization: type token", ended by NUL; empty: no token */
	int64_t expires_ms;
	struct http_oauth2_wait *waiting;
};

int http_oauth2_new(struct http_pool *pool, const struct oauth2_options *opt,
		    struct http_oauth2 **out, struct err *err)
{
	struct http_options own = {.tls = opt->tls, .proxy = opt->proxy, .follow_redirects = true};
	struct http_oauth2 *o = calloc(1, sizeof(*o));
	if (!o)
		return err_set(err, ERR_NOMEM, "no memory");
	o->pool = pool;
	o->opt = *opt;
	buf_init(&o->secret, LIMIT_SECRET_BYTES);
	buf_init(&o->form, FORM_BYTES);
	buf_init(&o->body, ANSWER_BYTES);
	buf_init(&o->line, 2 * LIMIT_SECRET_BYTES);
	int r = http_client_new(pool, &own, &o->client, err);
	if (r != 0) {
		free(o);
		return r;
	}
	*out = o;
	return 0;
}

static void forget_fetch(struct http_oauth2 *o)
{
	if (o->fetch)
		http_cancel(o->fetch); /* clears o->fetch */
	buf_wipe(&o->secret);
	buf_wipe(&o->form);
	buf_wipe(&o->body);
	buf_init(&o->secret, LIMIT_SECRET_BYTES);
	buf_init(&o->form, FORM_BYTES);
	buf_init(&o->body, ANSWER_BYTES);
}

static void forget_token(struct http_oauth2 *o)
{
	buf_wipe(&o->line);
	buf_init(&o->line, 2 * LIMIT_SECRET_BYTES);
}

void http_oauth2_free(struct http_oauth2 *o)
{
	if (!o)
		return;
	forget_fetch(o);
	forget_token(o);
	http_client_free(o->client);
	crypto_wipe(o->secret_digest, sizeof(o->secret_digest));
	free(o);
}

void http_oauth2_leave(struct http_oauth2_wait *w)
{
	if (!w->link)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->link = NULL;
}

static void enter(struct http_oauth2 *o, struct http_oauth2_wait *w)
{
	struct http_oauth2_wait **end = &o->waiting;
	while (*end)
		end = &(*end)->next;
	w->next = NULL;
	w->link = end;
	*end = w;
}

/* Each is told, in the order of coming. Any of them may free all the others, and this source. */
static void tell(struct http_oauth2 *o, enum http_result result, struct sv line,
		 const struct err *why)
{
	struct http_oauth2_wait *head = o->waiting;
	o->waiting = NULL;
	if (head)
		head->link = &head;
	while (head) {
		struct http_oauth2_wait *w = head;
		http_oauth2_leave(w);
		w->ready(w->cls, result, line, why);
	}
}

/* --- the request --- */

static int by_name(const void *a, const void *b)
{
	return sv_cmp(((const struct http_pair *)a)->name, ((const struct http_pair *)b)->name);
}

static int put_pairs(struct buf *out, struct http_pair *pairs, size_t n)
{
	qsort(pairs, n, sizeof(*pairs), by_name);
	for (size_t i = 0; i < n; i++) {
		buf_sv(out, i ? SV("&") : SV_NULL);
		url_query_escape(out, pairs[i].name);
		buf_char(out, '=');
		url_query_escape(out, pairs[i].value);
	}
	return buf_failed(out);
}

/* One parameter of a name. */
static void put(struct http_pair *pairs, size_t *n, struct sv name, struct sv value)
{
	size_t i = 0;
	while (i < *n && !sv_eq(pairs[i].name, name))
		i++;
	pairs[i] = (struct http_pair){name, value};
	*n += i == *n;
}

/* 0, or 1 with the reason: only grant_type may be said anew. */
static int put_endpoint_params(const struct oauth2_options *opt, struct http_pair *pairs, size_t *n,
			       struct err *err)
{
	size_t own = *n;
	for (size_t i = 0; i < opt->n_endpoint_params; i++) {
		const struct http_pair *p = &opt->endpoint_params[i];
		for (size_t k = 0; k < own; k++) {
			if (sv_eq(pairs[k].name, p->name) && !sv_eq(p->name, SV("grant_type")))
				return err_set(err, 1,
					       "oauth2: cannot overwrite parameter \"%.*s\"",
					       SV_ARG(p->name));
		}
		put(pairs, n, p->name, p->value);
	}
	return 0;
}

static void join_scopes(const struct oauth2_options *opt, struct buf *out)
{
	buf_init(out, FORM_BYTES);
	for (size_t i = 0; i < opt->n_scopes; i++) {
		buf_sv(out, i ? SV(" ") : SV_NULL);
		buf_sv(out, opt->scopes[i]);
	}
}

static int make_form(struct http_oauth2 *o, enum style style, struct err *err)
{
	const struct oauth2_options *opt = &o->opt;
	_cleanup_(freep) struct http_pair *pairs =
		calloc(OWN_PARAMS + opt->n_endpoint_params, sizeof(*pairs));
	_cleanup_(buf_deinit) struct buf scope = BUF_NULL;
	_cleanup_(buf_wipe) struct buf assertion = BUF_NULL;
	size_t n = 0;
	join_scopes(opt, &scope);
	buf_init(&assertion, FORM_BYTES);
	if (!pairs || buf_failed(&scope))
		return err_set(err, 1, "oauth2: no memory");
	if (opt->jwt_bearer) {
		int64_t now_s = loop_wall_ms(http_pool_loop(o->pool)) / 1000;
		struct err why = ERR_NULL;
		if (http_jwt_make(&assertion, opt, buf_view(&o->secret), now_s, &why) != 0)
			return err_set(err, 1, "oauth2: %s", why.msg);
		put(pairs, &n, SV("grant_type"), SV("urn:ietf:params:oauth:grant-type:jwt-bearer"));
		put(pairs, &n, SV("assertion"), buf_view(&assertion));
	} else {
		put(pairs, &n, SV("grant_type"), SV("client_credentials"));
	}
	if (opt->jwt_bearer ? scope.len > 0 : opt->n_scopes > 0)
		put(pairs, &n, SV("scope"), buf_view(&scope));
	if (put_endpoint_params(opt, pairs, &n, err) != 0)
		return 1;
	if (style == STYLE_FORM && opt->client_id.len)
		put(pairs, &n, SV("client_id"), opt->client_id);
	if (style == STYLE_FORM && o->secret.len)
		put(pairs, &n, SV("client_secret"), buf_view(&o->secret));
	buf_reset(&o->form);
	if (buf_reserve(&o->form, KiB(4) + 3 * (o->secret.len + assertion.len)) != 0 ||
	    put_pairs(&o->form, pairs, n) != 0)
		return err_set(err, 1, "oauth2: the parameters are too large");
	return 0;
}

/* As HTTP Basic, each part escaped as in a form (RFC 6749, 2.3.1). */
static int make_basic(struct http_oauth2 *o, struct buf *value)
{
	_cleanup_(buf_wipe) struct buf plain = BUF_NULL;
	size_t room = 3 * (o->opt.client_id.len + o->secret.len) + 1;
	buf_init(&plain, FORM_BYTES);
	buf_init(value, FORM_BYTES);
	buf_reserve(&plain, room);
	buf_reserve(value, sizeof "Basic " + 2 * room + 4);
	url_query_escape(&plain, o->opt.client_id);
	buf_char(&plain, ':');
	url_query_escape(&plain, buf_view(&o->secret));
	buf_sv(value, SV("Basic "));
	return buf_failed(&plain) || base64_encode(value, buf_view(&plain)) != 0;
}

static void on_answer(void *cls, const struct http_answer *a);

/* 0, or 1 with the reason. */
static int fetch(struct http_oauth2 *o, enum style style, struct err *err)
{
	_cleanup_(buf_wipe) struct buf basic = BUF_NULL;
	struct http_header headers[3] = {
		{SV("Content-Type"), SV("application/x-www-form-urlencoded")}};
	size_t n = 1;
	struct err why = ERR_NULL;
	if (make_form(o, style, err) != 0)
		return 1;
	if (style == STYLE_HEADER) {
		if (make_basic(o, &basic) != 0)
			return err_set(err, 1, "oauth2: the client's secret is too long");
		headers[n++] = (struct http_header){SV("Authorization"), buf_view(&basic)};
	}
	if (o->user_agent[0])
		headers[n++] = (struct http_header){SV("User-Agent"), sv_of(o->user_agent)};
	struct http_request req = {
		.method = SV("POST"),
		.url = o->opt.token_url,
		.headers = headers,
		.n_headers = n,
		.body = buf_view(&o->form),
		.timeout_ms = FETCH_MS,
		.body_max = ANSWER_BYTES,
		.body_out = &o->body,
	};
	buf_reserve(&o->body, LIMIT_SECRET_BYTES);
	if (http_start(o->client, &req, on_answer, o, &o->fetch, &why) != 0) {
		o->fetch = NULL;
		return err_set(err, 1, "oauth2: cannot fetch a token: %s", why.msg);
	}
	http_transfer_note(o->fetch, &o->fetch);
	return 0;
}

/* --- the answer --- */

/* The names of well-known types are written as they are registered. */
static struct sv type_name(struct sv type)
{
	static const char *const names[] = {"Bearer", "MAC", "Basic"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (sv_eq_nocase(type, sv_of(names[i])))
			return sv_of(names[i]);
	}
	return type.len ? type : SV("Bearer");
}

static int keep_token(struct http_oauth2 *o, const struct http_oauth2_answer *a, struct err *err)
{
	_cleanup_(buf_wipe) struct buf value = BUF_NULL;
	struct sv type = type_name(buf_view(&a->type));
	bool expires = o->opt.jwt_bearer ? a->expires_s > 0 : a->expires_s != 0;
	int64_t now_ms = loop_now_ms(http_pool_loop(o->pool));
	buf_init(&value, 2 * LIMIT_SECRET_BYTES);
	buf_reserve(&value, type.len + 1 + a->token.len);
	buf_sv(&value, type);
	buf_char(&value, ' ');
	buf_sv(&value, buf_view(&a->token));
	forget_token(o);
	if (buf_failed(&value) ||
	    buf_reserve(&o->line, sizeof "Authorization: " + value.len + 1) != 0)
		return err_set(err, 1, "no memory");
	o->expires_ms = expires ? now_ms + a->expires_s * 1000 : INT64_MAX;
	if (material_line(&o->line, SV("Authorization"), buf_view(&value), err) == 0)
		return 0;
	forget_token(o);
	return 1;
}

static enum http_result take_answer(struct http_oauth2 *o, const struct http_answer *a,
				    struct err *err)
{
	struct http_oauth2_answer parsed;
	struct err why = ERR_NULL;
	if (a->result != HTTP_OK) {
		err_set(err, 0, "oauth2: cannot fetch a token: %s", a->error);
		return a->result == HTTP_LOCAL ? HTTP_LOCAL : HTTP_NETWORK;
	}
	http_oauth2_answer_init(&parsed);
	int r = http_oauth2_answer_parse(&parsed, a->status, a->content_type, buf_view(&o->body),
					 !o->opt.jwt_bearer, &why);
	r = r == 0 ? keep_token(o, &parsed, &why) : r;
	http_oauth2_answer_deinit(&parsed);
	if (r == 0)
		return HTTP_OK;
	err_set(err, 0, "oauth2: cannot fetch a token: %s", why.msg);
	return HTTP_NETWORK;
}

static void on_answer(void *cls, const struct http_answer *a)
{
	struct http_oauth2 *o = cls;
	struct err err = ERR_NULL;
	http_transfer_note(o->fetch, NULL);
	o->fetch = NULL;
	enum http_result result = take_answer(o, a, &err);
	if (result != HTTP_OK && o->tries_header) {
		o->tries_header = false;
		if (fetch(o, STYLE_FORM, &err) == 0)
			return;
		result = HTTP_LOCAL;
	} else if (result == HTTP_OK && o->style == STYLE_UNKNOWN) {
		o->style = o->tries_header ? STYLE_HEADER : STYLE_FORM;
	}
	forget_fetch(o);
	/* A copy: whoever is told may free this source. */
	_cleanup_(buf_wipe) struct buf line = BUF_NULL;
	buf_init(&line, o->line.len);
	if (result == HTTP_OK && buf_append(&line, o->line.ptr, o->line.len) != 0) {
		result = HTTP_LOCAL;
		err_set(&err, 0, "no memory");
	}
	tell(o, result, buf_view(&line), &err);
}

/* Reads the secret; one that changed voids what was made of the old one. 0, or 1 with the reason.
 */
static int look_at_secret(struct http_oauth2 *o, struct buf *text, struct sv *secret,
			  struct err *err)
{
	const struct oauth2_options *opt = &o->opt;
	uint8_t digest[SHA256_BYTES];
	struct sv value = opt->jwt_bearer ? opt->certificate_key : opt->client_secret;
	struct sv file = opt->jwt_bearer ? opt->certificate_key_file : opt->client_secret_file;
	if (material_secret(text, value, file, secret, err) != 0)
		return 1;
	crypto_sha256(digest, secret->ptr, secret->len);
	if (!o->has_secret || memcmp(digest, o->secret_digest, sizeof(digest)) != 0) {
		forget_token(o);
		o->style = STYLE_UNKNOWN;
		o->has_secret = true;
		memcpy(o->secret_digest, digest, sizeof(digest));
	}
	return 0;
}

static int begin_fetch(struct http_oauth2 *o, struct sv secret, struct sv user_agent,
		       struct err *err)
{
	enum style style = o->style == STYLE_UNKNOWN ? STYLE_HEADER : o->style;
	o->tries_header = !o->opt.jwt_bearer && o->style == STYLE_UNKNOWN;
	snprintf(o->user_agent, sizeof(o->user_agent), "%.*s", SV_ARG(user_agent));
	buf_reset(&o->secret);
	if (buf_reserve(&o->secret, secret.len) != 0 || buf_sv(&o->secret, secret) != 0)
		return err_set(err, 1, "oauth2: no memory");
	int r = fetch(o, o->opt.jwt_bearer ? STYLE_UNKNOWN : style, err);
	if (r != 0)
		forget_fetch(o);
	return r;
}

int http_oauth2_get(struct http_oauth2 *o, struct sv user_agent, struct http_oauth2_wait *w,
		    struct sv *line, struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL;
	struct sv secret;
	/* A secret that changes meanwhile is seen by the first request after the fetch. */
	if (!o->fetch) {
		int64_t now_ms = loop_now_ms(http_pool_loop(o->pool));
		if (look_at_secret(o, &text, &secret, err) != 0)
			return 1;
		*line = buf_view(&o->line);
		if (line->len && (o->expires_ms == INT64_MAX || now_ms <= o->expires_ms - EARLY_MS))
			return 0;
		if (begin_fetch(o, secret, user_agent, err) != 0)
			return 1;
	}
	enter(o, w);
	return OAUTH2_WAITS;
}
