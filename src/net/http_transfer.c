/* Clients and transfers: what a request carries, where redirects may take it, what is reported. The
 * wire is http_call.h's.
 *
 * A transfer is a chain of calls, one a redirect. Header lines are in two parts: what must not
 * reach another host than the first one (credentials, http_headers, signatures), and the rest. Once
 * a hop leaves that host the first part stays away for good.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>
#include <ampagent/net/http_client.h>

#include "http_call.h"
#include "http_oauth2.h"
#include "http_redirect.h"
#include "http_transfer.h"

enum { METHOD_MAX = 16 };
/* Headers of a request: a session token and a few secrets fit many times. */
#define REQUEST_LINES_BYTES KiB(256)
/* Room for usual secrets of the options. */
#define SECRET_LINES_START KiB(4)
/* A shorter text is no secret worth the name, and stands in many texts by chance. */
enum { REDACT_MIN_BYTES = 8 };

struct http_client {
	struct http_pool *pool;
	struct http_options opt;
	struct material_tls tls;
	struct http_proxy proxy;
	struct http_oauth2 *oauth2; /* NULL: no token is needed */
};

struct http_transfer {
	struct http_call call; /* first: a call is its transfer */
	struct http_client *client;
	void (*done)(void *cls, const struct http_answer *a);
	void *cls;
	bool finishing;

	char *first_url; /* what credentials are meant for */
	struct http_hop hop;
	char method[METHOD_MAX];
	struct buf secret_lines, token_line, plain_lines;
	struct http_oauth2_wait wait; /* for a token */
	struct loop_timer patience;   /* while it waits */
	struct http_transfer **note;  /* set to NULL when this is gone */
	unsigned n_calls;
	bool stripped;
	int64_t start_ns, timeout_ms;
};

static int client_init(struct http_client *c, struct err *err)
{
	const struct http_options *opt = &c->opt;
	if (material_tls_init(&c->tls, &opt->tls) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	if (http_proxy_init(&c->proxy, &opt->proxy, err) != 0)
		return 1;
	return opt->has_oauth2 ? http_oauth2_new(c->pool, &opt->oauth2, &c->oauth2, err) : 0;
}

int http_client_new(struct http_pool *pool, const struct http_options *opt,
		    struct http_client **out, struct err *err)
{
	const struct tls_options *tls = &opt->tls;
	if (tls->max_version != TLS_ANY && tls->max_version < tls->min_version)
		return err_set(err, 1, "tls_config: max_version is below min_version");
	struct http_client *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ERR_NOMEM, "no memory");
	c->pool = pool;
	c->opt = *opt;
	int r = client_init(c, err);
	if (r != 0) {
		http_client_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	http_oauth2_free(c->oauth2);
	http_proxy_deinit(&c->proxy);
	material_tls_deinit(&c->tls);
	free(c);
}

int http_client_proxy(const struct http_client *c, struct sv url, struct buf *out, struct err *err)
{
	struct url_parts to;
	const struct http_proxy_server *proxy;
	if (url_split(url, &to) != 0)
		return err_set(err, 1, "not an absolute URL");
	if (http_proxy_pick(&c->proxy, &to, &proxy, err) != 0)
		return 1;
	if (proxy && buf_sv(out, sv_of(proxy->url)) != 0)
		return err_set(err, 1, "the proxy's URL is too long");
	return 0;
}

static void transfer_free(struct http_transfer *t)
{
	http_call_stop(&t->call);
	http_oauth2_leave(&t->wait);
	loop_timer_cancel(&t->patience);
	if (t->note)
		*t->note = NULL;
	http_fields_deinit(&t->call.fields);
	free(t->call.location);
	free(t->call.peer);
	http_hop_deinit(&t->hop);
	buf_wipe(&t->secret_lines);
	buf_wipe(&t->token_line);
	buf_deinit(&t->plain_lines);
	free(t->first_url);
	free(t);
}

DEFINE_CLEANUP_PTR(struct http_transfer, transfer_free)

/* One allocation, so that no freed copy stays behind while the lines grow. */
static int reserve_secret_lines(struct http_transfer *t, const struct http_request *req)
{
	const struct http_options *opt = &t->client->opt;
	size_t room = 0;
	if (opt->has_basic_auth || opt->has_authorization || opt->n_headers)
		room = SECRET_LINES_START;
	for (size_t i = 0; i < req->n_headers; i++) {
		const struct http_header *h = &req->headers[i];
		if (material_is_sensitive(h->name))
			room += h->name.len + sizeof ": " + h->value.len;
	}
	return buf_reserve(&t->secret_lines, room);
}

static int make_lines(struct http_transfer *t, const struct http_request *req, struct err *err)
{
	const struct http_options *opt = &t->client->opt;
	buf_init(&t->secret_lines, REQUEST_LINES_BYTES);
	buf_init(&t->token_line, REQUEST_LINES_BYTES);
	buf_init(&t->plain_lines, REQUEST_LINES_BYTES);
	if (reserve_secret_lines(t, req) != 0)
		return err_set(err, 1, "no memory for the request's headers");
	if (material_client_lines(&t->secret_lines, opt, !req->no_auth, err) != 0)
		return 1;
	for (size_t i = 0; i < req->n_headers; i++) {
		const struct http_header *h = &req->headers[i];
		struct buf *to =
			material_is_sensitive(h->name) ? &t->secret_lines : &t->plain_lines;
		if (material_line(to, h->name, h->value, err) != 0)
			return 1;
	}
	return 0;
}

static int64_t elapsed_ms(const struct http_transfer *t)
{
	return (clock_mono_ns() - t->start_ns) / 1000000;
}

/* Sends the request to url: 0, or 1 with the reason. */
static int send_to(struct http_transfer *t, struct sv url, struct err *err)
{
	struct url_parts first;
	http_hop_deinit(&t->hop);
	if (http_hop_init(&t->hop, url, t->client->opt.tls.server_name, err) != 0)
		return 1;
	if (!t->call.local_only &&
	    http_proxy_pick(&t->client->proxy, &t->hop.parts, &t->call.proxy, err) != 0)
		return 1;
	url_split(sv_of(t->first_url), &first);
	t->stripped = t->stripped || !redirect_keeps_credentials(&first, &t->hop.parts);
	t->call.hop = &t->hop;
	t->call.lines[0] = t->stripped ? SV_NULL : buf_view(&t->secret_lines);
	t->call.lines[1] = t->stripped ? SV_NULL : buf_view(&t->token_line);
	t->call.lines[2] = buf_view(&t->plain_lines);
	t->call.timeout_ms = t->timeout_ms - elapsed_ms(t);
	if (t->call.body_out)
		buf_reset(t->call.body_out);
	t->n_calls++;
	return http_call_start(&t->call, err);
}

/* 0 when the chain goes on, or 1 with the reason. */
static int follow(struct http_transfer *t, struct err *err)
{
	if (t->n_calls >= REDIRECT_MAX_REQUESTS)
		return err_set(err, 1, "stopped after %d redirects", REDIRECT_MAX_REQUESTS);
	bool keep_body;
	struct sv method = redirect_method(t->call.status, sv_of(t->method), &keep_body);
	if (method.ptr != t->method)
		memcpy(t->method, method.ptr, method.len + 1);
	if (!keep_body)
		t->call.body = SV_NULL;
	_cleanup_(freep) char *location = take_ptr(t->call.location);
	return send_to(t, sv_of(location), err);
}

static void report(struct http_transfer *t)
{
	const struct http_call *call = &t->call;
	const struct http_fields *f = &call->fields;
	struct http_answer a = {
		.result = call->result,
		.status = call->status,
		.error = call->result == HTTP_OK ? NULL : call->why.msg,
		.content_type = http_fields_get(f, FIELD_CONTENT_TYPE),
		.content_encoding = http_fields_get(f, FIELD_CONTENT_ENCODING),
		.retry_after = http_fields_get(f, FIELD_RETRY_AFTER),
		.date = http_fields_get(f, FIELD_DATE),
		.request_id = http_fields_get(f, FIELD_REQUEST_ID),
		.error_type = http_fields_get(f, FIELD_ERROR_TYPE),
		.age = http_fields_get(f, FIELD_AGE),
		.location = sv_of(call->location),
		.phase = call->phase,
		.peer = call->peer,
		.samples_written = http_fields_get(f, FIELD_SAMPLES_WRITTEN),
		.histograms_written = http_fields_get(f, FIELD_HISTOGRAMS_WRITTEN),
		.exemplars_written = http_fields_get(f, FIELD_EXEMPLARS_WRITTEN),
		.duration_ns = clock_mono_ns() - t->start_ns,
		.bytes_received = call->received,
	};
	t->done(t->cls, &a);
}

static void end(struct http_transfer *t)
{
	if (t->call.result == HTTP_TIMEOUT)
		err_set(&t->call.why, 0, "timeout of %lld ms exceeded", (long long)t->timeout_ms);
	t->finishing = true;
	report(t);
	transfer_free(t);
}

static void on_done(struct http_call *call)
{
	struct http_transfer *t = (struct http_transfer *)call;
	if (call->result == HTTP_OK && call->location && t->client->opt.follow_redirects &&
	    redirect_status(call->status)) {
		if (follow(t, &call->why) == 0)
			return;
		call->result = HTTP_NETWORK;
	}
	end(t);
}

/* --- waiting for a token --- */

static int send_with(struct http_transfer *t, struct sv token_line, struct err *err)
{
	if (buf_reserve(&t->token_line, token_line.len) != 0)
		return err_set(err, 1, "no memory for the request's headers");
	buf_sv(&t->token_line, token_line);
	return send_to(t, sv_of(t->first_url), err);
}

static void on_token(void *cls, enum http_result result, struct sv line, const struct err *why)
{
	struct http_transfer *t = cls;
	http_call_stop(&t->call);
	loop_timer_cancel(&t->patience);
	if (result == HTTP_OK) {
		if (send_with(t, line, &t->call.why) == 0)
			return;
		result = HTTP_LOCAL;
	} else {
		t->call.why = *why;
	}
	t->call.result = result;
	end(t);
}

static void out_of_patience(void *cls)
{
	struct http_transfer *t = cls;
	http_call_stop(&t->call);
	http_oauth2_leave(&t->wait);
	t->call.result = HTTP_TIMEOUT;
	end(t);
}

static struct sv user_agent(const struct http_request *req)
{
	for (size_t i = 0; i < req->n_headers; i++) {
		if (sv_eq_nocase(req->headers[i].name, SV("User-Agent")))
			return req->headers[i].value;
	}
	return SV_NULL;
}

/* Sends the request, or has it wait for a token first: 0, or 1 with the reason. */
static int begin(struct http_transfer *t, const struct http_request *req, struct err *err)
{
	struct sv line;
	if (!t->client->oauth2 || req->no_auth)
		return send_to(t, sv_of(t->first_url), err);
	t->wait.ready = on_token;
	t->wait.cls = t;
	int r = http_oauth2_get(t->client->oauth2, user_agent(req), &t->wait, &line, err);
	if (r != OAUTH2_WAITS)
		return r == 0 ? send_with(t, line, err) : r;
	http_call_park(&t->call);
	t->patience = (struct loop_timer){.fire = out_of_patience, .cls = t};
	loop_timer_in(http_pool_loop(t->call.pool), &t->patience, t->timeout_ms);
	return 0;
}

static void on_gone(struct http_call *call)
{
	transfer_free((struct http_transfer *)call);
}

int http_start(struct http_client *c, const struct http_request *req,
	       void (*done)(void *cls, const struct http_answer *a), void *cls,
	       struct http_transfer **out, struct err *err)
{
	struct loop *loop = http_pool_loop(c->pool);
	if (req->method.len == 0 || req->method.len >= METHOD_MAX)
		return err_set(err, 1, "unsupported method \"%.*s\"", SV_ARG(req->method));
	if (material_tls_check(&c->tls, loop_now_ms(loop), loop_wall_ms(loop), err) != 0)
		return 1;
	_cleanup_(transfer_freep) struct http_transfer *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, 1, "no memory");
	http_fields_init(&t->call.fields);
	t->client = c;
	t->done = done;
	t->cls = cls;
	t->start_ns = clock_mono_ns();
	t->timeout_ms = req->timeout_ms;
	memcpy(t->method, req->method.ptr, req->method.len);
	t->call.pool = c->pool;
	t->call.tls = &c->opt.tls;
	t->call.files = &c->tls;
	t->call.method = t->method;
	t->call.body = req->body;
	t->call.body_out = req->body_out;
	t->call.out_max = req->body_out ? req->body_out->max : 0;
	t->call.body_max = req->body_max;
	t->call.any_address = req->any_address;
	t->call.local_only = req->local_only;
	if (req->want_peer && !(t->call.peer = calloc(1, sizeof(*t->call.peer))))
		return err_set(err, 1, "no memory");
	t->call.done = on_done;
	t->call.gone = on_gone;
	t->first_url = sv_dup(req->url);
	if (!t->first_url)
		return err_set(err, 1, "no memory");
	if (make_lines(t, req, err) != 0 || begin(t, req, err) != 0)
		return 1;
	if (out)
		*out = t;
	t = NULL;
	return 0;
}

void http_cancel(struct http_transfer *t)
{
	if (t && !t->finishing)
		transfer_free(t);
}

static void hide(struct buf *text, struct sv secret)
{
	if (secret.len < REDACT_MIN_BYTES)
		return;
	for (size_t at = 0;;) {
		struct sv rest = sv_from(buf_view(text), at);
		size_t found = sv_find_sv(rest, secret);
		if (found == rest.len)
			return;
		memset(text->ptr + at + found, '*', secret.len);
		at += found + secret.len;
	}
}

static void hide_lines(struct buf *text, struct sv lines)
{
	while (lines.len > 0) {
		struct sv line = sv_of(lines.ptr);
		struct sv value = sv_trim(sv_from(line, sv_find(line, ':') + 1));
		/* "Basic x": also without its first word. */
		hide(text, sv_from(value, sv_find(value, ' ') + 1));
		hide(text, value);
		lines = sv_from(lines, line.len + 1);
	}
}

void http_redact(const struct http_transfer *t, struct buf *text)
{
	hide_lines(text, buf_view(&t->secret_lines));
	hide_lines(text, buf_view(&t->token_line));
	if (t->call.proxy)
		hide_lines(text, buf_view(&t->call.proxy->connect_lines));
}

void http_transfer_note(struct http_transfer *t, struct http_transfer **note)
{
	t->note = note;
}
