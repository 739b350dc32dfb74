#include "ask.h"

#include "json_keys.h"
#include <ampagent/base/limits.h>

#include <stdlib.h>

enum { HEADERS_BYTES = KiB(128) };

struct aws_ask {
	struct aws_ask_options opt; /* its views lie in arena */
	struct arena arena;         /* wiped: headers may be secrets */
	struct buf body;
	unsigned made;
	bool finished;
	struct http_transfer *transfer;
	struct loop_timer pause;
	void (*done)(void *cls, const struct http_answer *a, struct sv body);
	void *cls;
};

static void ask_free(struct aws_ask *ask)
{
	if (ask->transfer)
		http_cancel(ask->transfer);
	loop_timer_cancel(&ask->pause);
	buf_wipe(&ask->body);
	arena_wipe(&ask->arena);
	free(ask);
}

DEFINE_CLEANUP_PTR(struct aws_ask, ask_free)

void aws_ask_cancel(struct aws_ask *ask)
{
	if (ask && !ask->finished)
		ask_free(ask);
}

static void ask_finish(struct aws_ask *ask, const struct http_answer *a)
{
	ask->finished = true;
	ask->done(ask->cls, a, a->result == HTTP_OK ? buf_view(&ask->body) : SV_NULL);
	ask_free(ask);
}

static bool passes(const struct http_answer *a)
{
	if (a->result == HTTP_OK)
		return a->status == 429 || a->status >= 500;
	return a->result == HTTP_TIMEOUT || a->result == HTTP_NETWORK;
}

static void on_answer(void *cls, const struct http_answer *a)
{
	struct aws_ask *ask = cls;
	ask->transfer = NULL;
	if (passes(a) && ask->made < ask->opt.attempts)
		loop_timer_in(ask->opt.loop, &ask->pause, ask->opt.pause_ms);
	else
		ask_finish(ask, a);
}

static int ask_once(struct aws_ask *ask, struct err *err)
{
	ask->made++;
	return http_start(ask->opt.client, &ask->opt.req, on_answer, ask, &ask->transfer, err);
}

static void on_pause(void *cls)
{
	struct aws_ask *ask = cls;
	struct err why = ERR_NULL;
	if (ask_once(ask, &why) == 0)
		return;
	struct http_answer a = {.result = HTTP_LOCAL, .error = why.msg};
	ask_finish(ask, &a);
}

static int copy_sv(struct arena *arena, struct sv *s)
{
	*s = arena_dup(arena, *s);
	return s->ptr ? 0 : 1;
}

static int copy_request(struct aws_ask *ask)
{
	struct http_request *req = &ask->opt.req;
	struct http_header *h = arena_calloc(&ask->arena, req->n_headers + 1, sizeof *h);
	if (!h || copy_sv(&ask->arena, &req->method) != 0 || copy_sv(&ask->arena, &req->url) != 0)
		return 1;
	for (size_t i = 0; i < req->n_headers; i++) {
		h[i] = req->headers[i];
		if (copy_sv(&ask->arena, &h[i].name) != 0 || copy_sv(&ask->arena, &h[i].value) != 0)
			return 1;
	}
	req->headers = h;
	/* Room at once: a body that grew would leave copies of keys behind. */
	buf_init(&ask->body, req->body_max);
	req->body = SV_NULL;
	req->body_out = &ask->body;
	return buf_reserve(&ask->body,
			   req->body_max < LIMIT_SECRET_BYTES ? req->body_max : LIMIT_SECRET_BYTES);
}

int aws_ask_start(const struct aws_ask_options *opt,
		  void (*done)(void *cls, const struct http_answer *a, struct sv body), void *cls,
		  struct aws_ask **out, struct err *err)
{
	_cleanup_(ask_freep) struct aws_ask *ask = calloc(1, sizeof *ask);
	if (!ask)
		return err_set(err, ERR_NOMEM, "no memory");
	ask->opt = *opt;
	ask->done = done;
	ask->cls = cls;
	ask->pause.fire = on_pause;
	ask->pause.cls = ask;
	arena_init(&ask->arena, HEADERS_BYTES);
	if (copy_request(ask) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	int code = ask_once(ask, err);
	if (code != 0) {
		ask->transfer = NULL;
		return code;
	}
	*out = take_ptr(ask);
	return 0;
}

void aws_ask_told(char dst[AWS_ASK_TOLD_MAX], const struct http_answer *a, struct sv body,
		  struct sv secret)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct sv code, message;
	char said[AWS_ASK_TOLD_MAX - 32];
	if (a->result != HTTP_OK) {
		aws_said(dst, AWS_ASK_TOLD_MAX, SV_NULL, sv_of(a->error), secret);
		return;
	}
	arena_init(&arena, LIMIT_SECRET_BYTES);
	json_keys_error(&arena, body, &code, &message);
	/* Pages of HTML or XML say no more than the status. */
	if (code.len == 0 && message.len == 0 && !sv_starts_with(sv_trim(body), SV("<")))
		message = body;
	aws_said(said, sizeof said, code, message, secret);
	snprintf(dst, AWS_ASK_TOLD_MAX, "status %d%s%s", a->status, said[0] ? ": " : "", said);
}
