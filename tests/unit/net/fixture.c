#include "fixture.h"

#include <ampagent/base/limits.h>

#include <string.h>

static void note_header(void *cls, struct sv name, struct sv value)
{
	struct fixture *f = cls;
	size_t n = strlen(f->last);
	snprintf(f->last + n, sizeof(f->last) - n, "%.*s: %.*s\n", SV_ARG(name), SV_ARG(value));
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct fixture *f = cls;
	snprintf(f->last, sizeof(f->last), "%.*s %.*s\n", SV_ARG(req->method),
		 SV_ARG(req->raw_path));
	http_exchange_headers(req->exchange, note_header, f);
	note_header(f, SV("body"), req->body);
	if (sv_eq(req->path, SV("/never"))) {
		f->kept = req->exchange;
	} else if (sv_eq(req->path, SV("/big"))) {
		static char big[100000];
		memset(big, 'b', sizeof(big));
		http_answer_now(req->exchange, 200, SV("text/plain"), sv_make(big, sizeof(big)),
				NULL, 0);
	} else if (sv_eq(req->path, SV("/moved"))) {
		struct http_header h[] = {{SV("Location"), SV("https://elsewhere.test/x")},
					  {SV("Age"), SV("31")}};
		http_answer_now(req->exchange, 307, SV("text/plain"), SV("there"), h, 2);
	} else {
		struct http_header h[] = {{SV("Retry-After"), SV("7")},
					  {SV("x-amzn-RequestId"), SV("id-1")},
					  {SV("X-Amzn-ErrorType"), SV("Throttling")}};
		http_answer_now(req->exchange, 200, SV("text/plain; version=0.0.4"), SV("page"), h,
				3);
	}
}

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_NULL;
	assert_int_equal(loop_new(&f->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = MiB(4),
					.max_connections = 64,
					.read_timeout_ms = 10000,
					.handler = on_request,
					.cls = f};
	assert_int_equal(http_server_new(f->loop, &o, &f->server, &err), 0);
	assert_int_equal(http_pool_new(f->loop, 100, 60000, &f->pool), 0);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/", http_server_port(f->server));
	reply_init(&f->reply, f->loop, MiB(1));
	*state = f;
	return 0;
}

int teardown(void **state)
{
	struct fixture *f = *state;
	http_pool_free(f->pool);
	http_server_free(f->server);
	loop_free(f->loop);
	reply_deinit(&f->reply);
	free(f);
	return 0;
}

struct http_request get_path(struct fixture *f, const char *path)
{
	static char url[128];
	snprintf(url, sizeof(url), "%s%s", f->url, path);
	return rig_get(url);
}

void assert_sent(const struct fixture *f, const char *line)
{
	if (!strstr(f->last, line))
		fail_msg("\"%s\" is not in:\n%s", line, f->last);
}

void assert_not_sent(const struct fixture *f, const char *text)
{
	if (strstr(f->last, text))
		fail_msg("\"%s\" is in:\n%s", text, f->last);
}
