/* The server over raw sockets: what is answered, what is refused, what is closed. */
#include "rig.h"

#include <ampagent/base/clock.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
	struct loop *loop;
	struct http_server *server;
	int handled;
	struct http_exchange *kept;
	char seen[8][256];
	struct loop_timer timer;
};

static void count_header(void *cls, struct sv name, struct sv value)
{
	*(int *)cls += 1;
}

static void answer_kept(void *cls)
{
	struct fixture *f = cls;
	http_answer_now(take_ptr(f->kept), 200, SV("text/plain"), SV("kept"), NULL, 0);
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct fixture *f = cls;
	struct http_exchange *x = req->exchange;
	if (f->handled < 8)
		snprintf(f->seen[f->handled], 256, "%.*s|%.*s|%.*s|%.*s|%.*s", SV_ARG(req->method),
			 SV_ARG(req->path), SV_ARG(req->raw_path), SV_ARG(req->query),
			 SV_ARG(req->body));
	f->handled++;
	if (sv_eq(req->path, SV("/later"))) {
		http_answer_later(x, 30, 202, SV("text/plain"), SV("later"), NULL, 0);
	} else if (sv_eq(req->path, SV("/keep"))) {
		f->kept = x;
		f->timer = (struct loop_timer){.fire = answer_kept, .cls = f};
		loop_timer_in(f->loop, &f->timer, 20);
	} else if (sv_eq(req->path, SV("/never"))) {
		f->kept = x;
		loop_stop(f->loop);
	} else if (sv_eq(req->path, SV("/drop"))) {
		http_answer_drop(x);
	} else if (sv_eq(req->path, SV("/part"))) {
		http_answer_broken(x, SV("HTTP/1.1 200 O"), 20, HTTP_BREAK_CLOSE);
	} else if (sv_eq(req->path, SV("/reset"))) {
		http_answer_broken(x, SV_NULL, 0, HTTP_BREAK_RESET);
	} else if (sv_eq(req->path, SV("/headers"))) {
		int n = 0;
		char text[64];
		struct sv v = http_exchange_header(x, "x-ONE");
		http_exchange_headers(x, count_header, &n);
		snprintf(text, sizeof(text), "%d %.*s", n, SV_ARG(v));
		assert_null(http_exchange_header(x, "absent").ptr);
		struct http_header h[] = {{SV("X-A"), SV("1")}, {SV("X-B"), SV("2")}};
		http_answer_now(x, 201, SV("text/x"), sv_of(text), h, 2);
	} else {
		http_answer_now(x, 200, SV("text/plain"), SV("hello"), NULL, 0);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_NULL;
	assert_int_equal(loop_new(&f->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = 1000,
					.max_connections = 8,
					.read_timeout_ms = 300,
					.handler = on_request,
					.cls = f};
	assert_int_equal(http_server_new(f->loop, &o, &f->server, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_server_free(f->server);
	loop_free(f->loop);
	free(f);
	return 0;
}

static char *talk(struct fixture *f, const char *text)
{
	return raw_talk(f->loop, http_server_port(f->server), text, NULL);
}

#define CLOSE "Connection: close\r\n\r\n"

static void answers(void **state)
{
	static const struct {
		const char *request, *status, *tail, *seen;
	} cases[] = {
		{"GET /a%20b?q=1&r=%2f HTTP/1.1\r\nHost: x\r\n" CLOSE, "HTTP/1.1 200", "hello",
		 "GET|/a b|/a%20b|q=1&r=%2f|"},
		{"GET http://h:1/p?x HTTP/1.1\r\nHost: h\r\n" CLOSE, "HTTP/1.1 200", "hello",
		 "GET|/p|/p|x|"},
		{"HEAD /a HTTP/1.1\r\nHost: x\r\n" CLOSE, "HTTP/1.1 200", "\r\n\r\n",
		 "HEAD|/a|/a||"},
		{"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n" CLOSE "body",
		 "HTTP/1.1 200", "hello", "POST|/p|/p||body"},
		{"PUT /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" CLOSE
		 "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
		 "HTTP/1.1 200", "hello", "PUT|/p|/p||abcde"},
		{"DELETE /p HTTP/1.1\r\nHost: x\r\n" CLOSE, "HTTP/1.1 200", "hello",
		 "DELETE|/p|/p||"},
		{"GET /a HTTP/1.0\r\n\r\n", "HTTP/1.", "hello", "GET|/a|/a||"},
		{"GET /later HTTP/1.1\r\nHost: x\r\n" CLOSE, "HTTP/1.1 202", "later",
		 "GET|/later|/later||"},
		{"GET /keep HTTP/1.1\r\nHost: x\r\n" CLOSE, "HTTP/1.1 200", "kept",
		 "GET|/keep|/keep||"},
		{"GET /headers HTTP/1.1\r\nHost: x\r\nX-One: eins\r\n" CLOSE, "HTTP/1.1 201",
		 "\r\n\r\n3 eins", "GET|/headers|/headers||"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->handled = 0;
		char *got = talk(f, cases[i].request);
		if (strncmp(got, cases[i].status, strlen(cases[i].status)) != 0)
			fail_msg("case %zu: got %s", i, got);
		assert_true(sv_ends_with(sv_of(got), sv_of(cases[i].tail)));
		assert_int_equal(f->handled, 1);
		assert_string_equal(f->seen[0], cases[i].seen);
		free(got);
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nGET "
		 "/evil HTTP/1.1\r\nHost: x\r\n\r\n",
		 400},
		{"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\nGET /evil "
		 "HTTP/1.1\r\nHost: x\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n0\r\n\r\n",
		 400},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\nGET /evil "
		 "HTTP/1.1\r\nHost: x\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nbody", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: "
		 "100-continue\r\n\r\n",
		 413},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char start[32];
		snprintf(start, sizeof(start), "HTTP/1.1 %d", cases[i].status);
		char *got = talk(f, cases[i].request);
		if (strncmp(got, start, strlen(start)) != 0)
			fail_msg("case %zu: got %s", i, got);
		if (strstr(got, " 200 ") || strstr(got, " 100 "))
			fail_msg("case %zu: got %s", i, got);
		assert_int_equal(f->handled, 0);
		free(got);
	}
}

static void chunked_body_over_the_maximum(void **state)
{
	struct fixture *f = *state;
	char request[1600], chunk[1024];
	memset(chunk, 'x', sizeof(chunk));
	int n = snprintf(request, sizeof(request),
			 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
	snprintf(request + n, sizeof(request) - (size_t)n, "%.1001s\r\n0\r\n\r\n", chunk);
	char *got = talk(f, request);
	assert_int_equal(strncmp(got, "HTTP/1.1 413", 12), 0);
	assert_int_equal(f->handled, 0);
	free(got);
}

static void body_of_exactly_the_maximum(void **state)
{
	struct fixture *f = *state;
	char request[1600], body[1001];
	memset(body, 'x', 1000);
	body[1000] = '\0';
	snprintf(request, sizeof(request),
		 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" CLOSE "%s", body);
	char *got = talk(f, request);
	assert_int_equal(strncmp(got, "HTTP/1.1 200", 12), 0);
	free(got);
}

static void drop_sends_nothing(void **state)
{
	struct fixture *f = *state;
	char *got = talk(f, "GET /drop HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(got, "");
	assert_int_equal(f->handled, 1);
	free(got);
}

static void part_of_an_answer(void **state)
{
	struct fixture *f = *state;
	char *got = talk(f, "GET /part HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(got, "HTTP/1.1 200 O");
	free(got);
}

struct broken {
	struct fixture *f;
	const char *path;
	int error;
};

static void *ask_for_break(void *cls)
{
	struct broken *b = cls;
	char request[64], byte;
	int fd = raw_connect(http_server_port(b->f->server));
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", b->path);
	peer_write(fd, request);
	b->error = recv(fd, &byte, 1, 0) < 0 ? errno : 0;
	close(fd);
	loop_stop(b->f->loop);
	return NULL;
}

static void a_reset(void **state)
{
	struct broken b = {.f = *state, .path = "/reset"};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, ask_for_break, &b), 0);
	rig_run(b.f->loop);
	pthread_join(thread, NULL);
	assert_int_equal(b.error, ECONNRESET);
}

static void a_slow_reader_reads_all(void **state)
{
	struct fixture *f = *state;
	http_server_read_slowly(f->server, 30);
	int64_t begin_ms = clock_mono_ms();
	char *got = talk(f, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n" CLOSE "body");
	assert_int_equal(strncmp(got, "HTTP/1.1 200", 12), 0);
	assert_string_equal(f->seen[0], "POST|/p|/p||body");
	assert_true(clock_mono_ms() - begin_ms >= 30);
	free(got);
}

static void freed_in_the_middle_of_slow_reading(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(http_server_port(f->server));
	http_server_read_slowly(f->server, 100000);
	peer_write(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
	free(talk(f, "GET / HTTP/1.1\r\nHost: x\r\n" CLOSE));
	close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	char *got = talk(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
			    "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
			    "GET /keep HTTP/1.1\r\nHost: x\r\n" CLOSE);
	assert_int_equal(f->handled, 3);
	assert_string_equal(f->seen[1], "POST|/1|/1||abc");
	char *later = strstr(got, "later"), *hello = strstr(got, "hello"),
	     *kept = strstr(got, "kept");
	assert_true(later && hello && kept && later < hello && hello < kept);
	free(got);
}

/* One byte now and then must not keep a connection: the peer writes until it is shut out. */
static void *drip(void *cls)
{
	struct fixture *f = cls;
	int fd = raw_connect(http_server_port(f->server));
	peer_write(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	while (send(fd, "a", 1, MSG_NOSIGNAL) == 1)
		usleep(20000);
	close(fd);
	loop_stop(f->loop);
	return NULL;
}

static void slow_header_is_cut_off(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, drip, f), 0);
	rig_run(f->loop);
	pthread_join(thread, NULL);
	assert_int_equal(f->handled, 0);
}

static void slow_body_is_cut_off(void **state)
{
	struct fixture *f = *state;
	char *got = talk(f, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
	assert_null(strstr(got, " 200 "));
	assert_int_equal(f->handled, 0);
	free(got);
}

static void silent_connection_is_cut_off(void **state)
{
	char *got = talk(*state, "");
	assert_string_equal(got, "");
	free(got);
}

static void header_larger_than_the_memory_limit(void **state)
{
	struct fixture *f = *state;
	size_t size = 64 << 10;
	char *request = malloc(size + 64);
	int n = snprintf(request, 64, "GET / HTTP/1.1\r\nHost: x\r\nX-Big: ");
	memset(request + n, 'b', size);
	request[(size_t)n + size] = '\0';
	char *got = talk(f, request);
	assert_null(strstr(got, " 200 "));
	assert_int_equal(f->handled, 0);
	free(got);
	free(request);
}

/* The peer leaves while its answer is owed: the exchange must live until it is answered. */
static void answer_after_the_peer_left(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(http_server_port(f->server));
	struct linger hard = {1, 0};
	peer_write(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_run(f->loop); /* until the handler has it */
	assert_non_null(f->kept);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	char *got = talk(f, "GET / HTTP/1.1\r\nHost: x\r\n" CLOSE);
	free(got);
	http_answer_now(take_ptr(f->kept), 200, SV_NULL, SV("too late"), NULL, 0);
	got = talk(f, "GET / HTTP/1.1\r\nHost: x\r\n" CLOSE);
	assert_non_null(strstr(got, "hello"));
	free(got);
}

static void freed_with_an_answer_owed(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(http_server_port(f->server));
	peer_write(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_run(f->loop);
	assert_non_null(f->kept);
	close(fd);
}

static void suspended_ones_do_not_hold_up_others(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(http_server_port(f->server));
	peer_write(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_run(f->loop);
	struct http_exchange *x = take_ptr(f->kept);
	for (int i = 0; i < 5; i++) {
		char *got = talk(f, "GET /later HTTP/1.1\r\nHost: x\r\n" CLOSE);
		assert_non_null(strstr(got, "later"));
		free(got);
	}
	http_answer_drop(x);
	close(fd);
}

/* How an idle connection stands: 'e' ended, 'o' open, after what it was answered. */
static char state_of(int fd)
{
	char waste[4096];
	ssize_t n;
	while ((n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT)) > 0)
		;
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 'o' : 'e';
}

static void idle_ones_make_room(void **state)
{
	struct fixture *f = *state;
	static const char get[] = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
	int port = http_server_port(f->server), fds[8];
	for (int i = 0; i < 8; i++) {
		fds[i] = raw_connect(port);
		assert_true(send(fds[i], get, sizeof(get) - 1, 0) > 0);
	}
	for (int i = 0; i < 3; i++) {
		char *answer = raw_talk(f->loop, port, get, "hello");
		assert_non_null(strstr(answer, "hello"));
		free(answer);
	}
	/* The connections of raw_talk() have left, so only the first of them needed room. */
	int ended = 0;
	for (int i = 0; i < 8; i++)
		ended += state_of(fds[i]) == 'e';
	assert_int_equal(state_of(fds[0]), 'e');
	assert_int_equal(state_of(fds[7]), 'o');
	assert_true(ended >= 1 && ended <= 3);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

static void listen_errors(void **state)
{
	struct fixture *f = *state;
	struct http_server_options o = {.body_max = 10, .handler = on_request, .cls = f};
	char taken[32];
	struct http_server *s;
	struct err err = ERR_NULL;
	snprintf(taken, sizeof(taken), "127.0.0.1:%d", http_server_port(f->server));
	o.listen = sv_of(taken);
	assert_int_equal(http_server_new(f->loop, &o, &s, &err), 1);
	assert_non_null(strstr(err.msg, "Address already in use"));
	assert_non_null(strstr(err.msg, taken));
}

int main(void)
{
	http_client_global_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(chunked_body_over_the_maximum, setup, teardown),
		cmocka_unit_test_setup_teardown(body_of_exactly_the_maximum, setup, teardown),
		cmocka_unit_test_setup_teardown(drop_sends_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(part_of_an_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_reader_reads_all, setup, teardown),
		cmocka_unit_test_setup_teardown(freed_in_the_middle_of_slow_reading, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(slow_header_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_body_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_connection_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(header_larger_than_the_memory_limit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answer_after_the_peer_left, setup, teardown),
		cmocka_unit_test_setup_teardown(freed_with_an_answer_owed, setup, teardown),
		cmocka_unit_test_setup_teardown(suspended_ones_do_not_hold_up_others, setup,
						teardown),
		cmocka_unit_test_setup_teardown(idle_ones_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(listen_errors, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
