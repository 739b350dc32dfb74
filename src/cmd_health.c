/* `ampagent health`: whether the agent of this container is healthy, for a container's check. It
 * looks for the agent where `ampagent run` listens with the same environment. Healthy means that
 * the agent's loop turns and answers: an endpoint that cannot be reached is no reason to restart an
 * agent, which keeps samples and sends them later.
 */
#include "commands.h"
#include "environment.h"
#include "flags.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEALTHY = 0,
	UNHEALTHY = 1,
	WRONG = 2,
	TIMEOUT_MS = 3000,
	TIMEOUT_MAX_MS = 3600 * 1000,
	ANSWER_BYTES = 2048
};

struct health {
	struct sv listen;
	bool ready;
	int64_t timeout_ms, end_ms;
	struct err err;
};

static void addrinfo_freep_cleanup(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

/* "host:port" as --web.listen-address has it; addresses that mean all are reached on loopback. */
static int split(struct health *h, char **host, char **port)
{
	struct sv a = h->listen;
	size_t colon = a.len;
	while (colon > 0 && a.ptr[colon - 1] != ':')
		colon--;
	struct sv name = sv_make(a.ptr, colon ? colon - 1 : 0), number = sv_from(a, colon);
	uint64_t n;
	if (colon == 0 || sv_to_u64(number, &n) != 0 || n == 0 || n > 65535)
		return err_set(&h->err, WRONG, "\"%.*s\" is not of the form host:port", SV_ARG(a));
	if (name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
		name = sv_make(name.ptr + 1, name.len - 2);
	if (name.len == 0 || sv_eq(name, SV("0.0.0.0")))
		name = SV("127.0.0.1");
	else if (sv_eq(name, SV("::")))
		name = SV("::1");
	*host = sv_dup(name);
	*port = sv_dup(number);
	return *host && *port ? 0 : err_set(&h->err, UNHEALTHY, "out of memory");
}

static int timed_out(struct health *h, const char *where)
{
	char text[DURATION_MAX];
	return err_set(&h->err, UNHEALTHY, "timed out: %s within %s", where,
		       duration_format(text, h->timeout_ms));
}

/* Until fd is ready for what, or the time is over. */
static int wait_for(struct health *h, int fd, short what, const char *where)
{
	for (;;) {
		int64_t left = h->end_ms - clock_mono_ms();
		struct pollfd p = {.fd = fd, .events = what};
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r > 0)
			return 0;
		if (r == 0)
			return timed_out(h, where);
		if (errno != EINTR)
			return err_set(&h->err, UNHEALTHY, "poll: %s", strerror(errno));
	}
}

static int connect_to(struct health *h, const struct addrinfo *a, int *out)
{
	_cleanup_(close_fdp) int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(&h->err, UNHEALTHY, "socket: %s", strerror(errno));
	int failure = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
	if (failure == EINPROGRESS) {
		socklen_t len = sizeof failure;
		int r = wait_for(h, fd, POLLOUT, "no connection");
		if (r != 0)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0)
			failure = errno;
	}
	if (failure == ECONNREFUSED)
		return err_set(&h->err, UNHEALTHY, "nobody listens there");
	if (failure != 0)
		return err_set(&h->err, UNHEALTHY, "%s", strerror(failure));
	*out = fd;
	fd = -1;
	return 0;
}

/* The answer up to its end, or as much as is looked at. */
static int talk(struct health *h, int fd, char *answer, size_t size)
{
	char request[128];
	size_t n = (size_t)snprintf(request, sizeof request,
				    "GET /-/%s HTTP/1.1\r\nHost: localhost\r\nConnection: "
				    "close\r\n\r\n",
				    h->ready ? "ready" : "healthy");
	/* Fits the empty buffer of a new connection. */
	if (send(fd, request, n, MSG_NOSIGNAL) != (ssize_t)n)
		return err_set(&h->err, UNHEALTHY, "cannot ask: %s", strerror(errno));
	size_t got = 0;
	while (got < size - 1) {
		int r = wait_for(h, fd, POLLIN, "no answer");
		if (r != 0)
			return r;
		ssize_t k = recv(fd, answer + got, size - 1 - got, 0);
		if (k < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (k < 0)
			return err_set(&h->err, UNHEALTHY, "no answer: %s", strerror(errno));
		if (k == 0)
			break;
		got += (size_t)k;
	}
	answer[got] = '\0';
	return 0;
}

/* The body's first line, without what a terminal would take for commands. */
static struct sv reason_of(struct sv answer)
{
	struct sv body = sv_from(answer, sv_find_sv(answer, SV("\r\n\r\n")) + 4);
	size_t n = 0;
	while (n < body.len && body.ptr[n] >= ' ' && body.ptr[n] < 0x7f)
		n++;
	return sv_make(body.ptr, n);
}

static int judge(struct health *h, struct sv answer)
{
	uint64_t status;
	if (!sv_starts_with(answer, SV("HTTP/1.")) || answer.len < 12 ||
	    sv_to_u64(sv_make(answer.ptr + 9, 3), &status) != 0)
		return err_set(&h->err, UNHEALTHY,
			       answer.len == 0 ? "the connection was closed without an "
						 "answer"
					       : "who listens there does not speak HTTP");
	struct sv text = reason_of(answer);
	if (status != 200)
		return err_set(&h->err, UNHEALTHY, "answered %u%s%.*s", (unsigned)status,
			       text.len > 0 ? ": " : "", SV_ARG(text));
	/* Another program may have the port. */
	if (!sv_starts_with(text, SV("ampagent is ")))
		return err_set(&h->err, UNHEALTHY, "who listens there is not ampagent");
	return 0;
}

static int ask(struct health *h)
{
	_cleanup_(freep) char *host = NULL;
	_cleanup_(freep) char *port = NULL;
	_cleanup_(addrinfo_freep) struct addrinfo *list = NULL;
	_cleanup_(close_fdp) int fd = -1;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char answer[ANSWER_BYTES] = "";
	int r = split(h, &host, &port);
	if (r != 0)
		return r;
	h->end_ms = clock_mono_ms() + h->timeout_ms;
	int failed = getaddrinfo(host, port, &hints, &list);
	if (failed != 0)
		return err_set(&h->err, UNHEALTHY, "%s", gai_strerror(failed));
	r = UNHEALTHY;
	for (const struct addrinfo *a = list; a && r != 0; a = a->ai_next)
		r = connect_to(h, a, &fd);
	if (r == 0)
		r = talk(h, fd, answer, sizeof answer);
	if (r != 0)
		return r;
	return judge(h, sv_of(answer));
}

static int parse(int argc, char **argv, struct health *h)
{
	const struct flag flags[] = {
		{"web.listen-address", FLAG_STRING, &h->listen,
		 "Where the agent listens, if its own flag says so. Without it "
		 "AMPAGENT_WEB_LISTEN_ADDRESS, else the agent's default.",
		 false, 0},
		{"ready", FLAG_BOOL, &h->ready,
		 "Ask whether it is ready (not starting or stopping), not only alive.", false, 0},
		{"timeout", FLAG_DURATION, &h->timeout_ms, "How long it may take to answer.", false,
		 0},
		{0},
	};
	int r = flags_parse(argc, argv, flags, NULL, 0, NULL, &h->err);
	if (r == 0 && (h->timeout_ms <= 0 || h->timeout_ms > TIMEOUT_MAX_MS))
		r = err_set(&h->err, WRONG, "--timeout: must be above 0 and at most 1h");
	if (r == FLAGS_E_HELP)
		flags_usage(stdout,
			    "ampagent health [flags]\n\n"
			    "Asks the agent of this container, for a health check such as\n"
			    "\"healthCheck\": {\"command\": [\"CMD\", \"/usr/bin/ampagent\", "
			    "\"health\"]}.\n"
			    "Exit code 0: healthy, 1: not, with the reason, 2: wrong flags.",
			    flags);
	return r;
}

int cmd_health(int argc, char **argv)
{
	struct health h = {.timeout_ms = TIMEOUT_MS, .err = ERR_NULL};
	h.listen = sv_trim(sv_of(environment_process("AMPAGENT_WEB_LISTEN_ADDRESS")));
	if (h.listen.len == 0)
		h.listen = sv_of(environment_listen(environment_place(environment_process)));
	int r = parse(argc, argv, &h);
	if (r == FLAGS_E_HELP)
		return HEALTHY;
	if (r == 0)
		r = ask(&h);
	if (r == WRONG)
		fprintf(stderr, "ampagent health: %s\nSee ampagent health --help.\n", h.err.msg);
	else if (r != 0)
		printf("unhealthy: %.*s: %s\n", SV_ARG(h.listen), h.err.msg);
	else
		printf("%s: %.*s\n", h.ready ? "ready" : "healthy", SV_ARG(h.listen));
	fflush(stdout);
	return r;
}
