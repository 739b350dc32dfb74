/* The health check against peers that answer well, badly, slowly or not at all. */
#include "commands.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Answers one connection. */
struct peer {
	int fd, port;
	const char *answer; /* NULL: none */
	char request[512];
	pthread_t thread;
};

static void *serve(void *cls)
{
	struct peer *p = cls;
	int c = accept(p->fd, NULL, NULL);
	ssize_t n = recv(c, p->request, sizeof p->request - 1, 0);
	p->request[n > 0 ? n : 0] = '\0';
	if (p->answer)
		send(c, p->answer, strlen(p->answer), MSG_NOSIGNAL);
	else /* until the other side has had enough */
		while (recv(c, p->request, 1, 0) > 0)
			;
	close(c);
	return NULL;
}

static void listen_on(struct peer *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(p->fd, 1), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
}

/* The command with words apart by blanks; what it prints goes to out. */
static int run(const char *line, struct buf *out)
{
	char text[256], name[] = "health", *argv[8] = {name}, *rest = NULL;
	int argc = 1;
	snprintf(text, sizeof text, "%s", line);
	for (char *word = text; *word && argc < 8; word = rest) {
		argv[argc++] = word;
		rest = strchrnul(word, ' ');
		if (*rest)
			*rest++ = '\0';
	}
	FILE *file = tmpfile();
	fflush(stdout);
	fflush(stderr);
	int kept[2] = {dup(1), dup(2)};
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	int code = cmd_health(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(kept[0], 1);
	dup2(kept[1], 2);
	close(kept[0]);
	close(kept[1]);
	rewind(file);
	char chunk[1024];
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
		buf_append(out, chunk, n);
	buf_char(out, '\0');
	fclose(file);
	return code;
}

static void assert_run(const char *line, int code, const char *say)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	int got = run(line, &out);
	if (got != code || !strstr(out.ptr, say))
		fail_msg("%s: %d, %s", line, got, out.ptr);
	/* One line. */
	if (code < 2 && say[0])
		assert_true(strchr(out.ptr, '\n') == out.ptr + out.len - 2);
}

#define OK(body) "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" body
#define REFUSAL(body) "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\n" body

static void answers(void **state)
{
	static const struct {
		const char *answer, *flags;
		int code;
		const char *say, *asked;
	} cases[] = {
		{OK("ampagent is Healthy.\n"), "", 0,
		 "healthy: 127.0.0.1:", "GET /-/healthy HTTP/1.1\r\n"},
		{OK("ampagent is Ready.\n"), " --ready", 0,
		 "ready: 127.0.0.1:", "GET /-/ready HTTP/1.1\r\n"},
		{REFUSAL("ampagent is stopping\n"), " --ready", 1,
		 "answered 503: ampagent is stopping", "GET /-/ready "},
		{REFUSAL(""), "", 1, "answered 503\n", "GET "},
		{REFUSAL("a\x1b[2Jb\n"), "", 1, "answered 503: a\n", "GET "},
		{OK("hello\n"), "", 1, "is not ampagent", "GET "},
		{"SSH-2.0-x\r\n", "", 1, "does not speak HTTP", "GET "},
		{"HTTP/1.1 2", "", 1, "does not speak HTTP", "GET "},
		{"", "", 1, "closed without an answer", "GET "},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer p = {.answer = cases[i].answer};
		char line[128];
		listen_on(&p);
		assert_int_equal(pthread_create(&p.thread, NULL, serve, &p), 0);
		snprintf(line, sizeof line, "--web.listen-address=127.0.0.1:%d%s", p.port,
			 cases[i].flags);
		assert_run(line, cases[i].code, cases[i].say);
		pthread_join(p.thread, NULL);
		close(p.fd);
		assert_memory_equal(p.request, cases[i].asked, strlen(cases[i].asked));
	}
}

static void no_answer(void **state)
{
	struct peer p = {.answer = NULL};
	char line[128];
	listen_on(&p);
	assert_int_equal(pthread_create(&p.thread, NULL, serve, &p), 0);
	snprintf(line, sizeof line, "--timeout=50ms --web.listen-address=:%d", p.port);
	assert_run(line, 1, "timed out: no answer within 50ms");
	pthread_join(p.thread, NULL);
	close(p.fd);
	/* Nobody there any more. */
	assert_run(line, 1, "nobody listens there");
}

/* Found as the agent finds it. */
static void by_environment(void **state)
{
	char value[64];
	struct peer p = {.answer = OK("ampagent is Healthy.\n")};
	listen_on(&p);
	assert_int_equal(pthread_create(&p.thread, NULL, serve, &p), 0);
	snprintf(value, sizeof value, "0.0.0.0:%d\n", p.port);
	setenv("AMPAGENT_WEB_LISTEN_ADDRESS", value, 1);
	assert_run("", 0, value);
	pthread_join(p.thread, NULL);
	close(p.fd);
	setenv("AMPAGENT_WEB_LISTEN_ADDRESS", "nonsense", 1);
	assert_run("", 2, "\"nonsense\" is not of the form host:port");
	unsetenv("AMPAGENT_WEB_LISTEN_ADDRESS");
}

static void wrong_flags(void **state)
{
	assert_run("--web.listen-address=1", 2, "is not of the form host:port");
	assert_run("--web.listen-address=a:0", 2, "is not of the form host:port");
	assert_run("--web.listen-address=a:66000", 2, "is not of the form host:port");
	assert_run("--timeout=0", 2, "--timeout: must be above 0");
	/* 25 days in milliseconds are more than poll() takes. */
	assert_run("--timeout=25d", 2, "at most 1h");
	assert_run("--nonsense", 2, "unknown flag --nonsense");
	assert_run("--help", 0, "");
	assert_run("--web.listen-address=[::g]:1", 1, "unhealthy: [::g]:1: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(by_environment),
		cmocka_unit_test(wrong_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
