/* http: accepts on many ports, reads requests into one buffer a connection, answers in order.
 *
 * A connection reads while it has no answer under way: a peer that sends several requests at once
 * is answered one after the other.
 */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FIRST_BUFFER = 8192, HEAD_MAX = 65536, EVENTS = 256 };

/* Both start with it: what an event belongs to. */
struct watched {
	int fd;
	bool is_listener;
};

struct listener {
	struct watched w;
	uint32_t index;
};

struct connection {
	struct watched w;
	struct connection *next, **link; /* all of the server's; link points at what points here */
	uint32_t port_index;
	char *in;
	size_t in_len, in_cap;
	bool continued; /* "100 Continue" was sent for this request */
	bool close_after;
	char head[256];
	struct http_answer answer;
	size_t sent; /* of head and body */
	size_t head_len;
	bool answering;
	bool wants_write;
};

struct server {
	const struct http_options *opt;
	int epoll;
	struct listener *listeners;
	struct connection *connections;
};

static void answer_release(struct connection *c)
{
	if (c->answering && c->answer.done)
		c->answer.done(c->answer.done_cls);
	c->answering = false;
}

static void connection_free(struct connection *c)
{
	answer_release(c);
	if (c->next)
		c->next->link = c->link;
	if (c->link)
		*c->link = c->next;
	close(c->w.fd);
	free(c->in);
	free(c);
}

static void watch_write(struct server *s, struct connection *c, bool on)
{
	if (c->wants_write == on)
		return;
	c->wants_write = on;
	struct epoll_event ev = {.events = on ? EPOLLOUT : EPOLLIN, .data.ptr = c};
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->w.fd, &ev);
}

/* ---- requests ---- */

/* The value of a header line, or NULL. head ends with a blank line. */
static const char *header(const char *head, const char *end, const char *name, size_t *len)
{
	size_t name_len = strlen(name);
	for (const char *p = head; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			return NULL;
		if ((size_t)(eol - p) > name_len && p[name_len] == ':' &&
		    strncasecmp(p, name, name_len) == 0) {
			p += name_len + 1;
			while (p < eol && *p == ' ')
				p++;
			*len = (size_t)(eol - p) - (eol > p && eol[-1] == '\r');
			return p;
		}
		p = eol + 1;
	}
	return NULL;
}

static bool header_has(const char *head, const char *end, const char *name, const char *word)
{
	size_t len;
	const char *v = header(head, end, name, &len);
	return v && memmem(v, len, word, strlen(word));
}

static size_t content_length(const char *head, const char *end)
{
	size_t len, n = 0;
	const char *v = header(head, end, "content-length", &len);
	for (size_t i = 0; v && i < len && v[i] >= '0' && v[i] <= '9'; i++)
		n = n * 10 + (size_t)(v[i] - '0');
	return n;
}

/* Splits the request line. */
static bool request_line(const char *p, const char *end, struct http_request *req)
{
	const char *blank = memchr(p, ' ', (size_t)(end - p));
	if (!blank)
		return false;
	const char *path = blank + 1;
	const char *blank2 = memchr(path, ' ', (size_t)(end - path));
	if (!blank2)
		return false;
	req->method = p;
	req->method_len = (size_t)(blank - p);
	req->path = path;
	req->path_len = (size_t)(blank2 - path);
	return true;
}

/* Whether a whole request lies at the front of the buffer; *used says how long it is. -1 = broken.
 */
static int parse(struct server *s, struct connection *c, struct http_request *req, size_t *used)
{
	const char *blank = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	if (!blank)
		return c->in_len > HEAD_MAX ? -1 : 0;
	const char *end = blank + 2;
	size_t head = (size_t)(blank - c->in) + 4, body = content_length(c->in, end);
	if (!request_line(c->in, end, req) || body > s->opt->body_max)
		return -1;
	if (!c->continued && c->in_len < head + body &&
	    header_has(c->in, end, "expect", "100-continue")) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
		if (send(c->w.fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0)
			return -1;
		c->continued = true;
	}
	*used = head + body;
	if (c->in_len < *used)
		return 0;
	req->accepts_gzip = header_has(c->in, end, "accept-encoding", "gzip");
	c->close_after = header_has(c->in, end, "connection", "close");
	req->body = c->in + head;
	req->body_len = body;
	req->port_index = c->port_index;
	return 1;
}

/* ---- answers ---- */

static const char *reason(int status)
{
	return status == 200   ? "OK"
	       : status == 204 ? "No Content"
	       : status < 400  ? "Unnamed"
	       : status < 500  ? "Refused"
			       : "Failed";
}

static void answer_begin(struct connection *c)
{
	const struct http_answer *a = &c->answer;
	c->answering = true;
	c->sent = 0;
	c->head_len = (size_t)snprintf(
		c->head, sizeof c->head, "HTTP/1.1 %d %s\r\n%s%s%s%sContent-Length: %zu\r\n\r\n",
		a->status, reason(a->status), a->type ? "Content-Type: " : "",
		a->type ? a->type : "", a->type ? "\r\n" : "",
		a->gzip ? "Content-Encoding: gzip\r\n" : "", a->body_len);
}

/* 1 when all is sent, 0 when the socket is full, -1 when it is broken. */
static int answer_send(struct connection *c)
{
	size_t total = c->head_len + c->answer.body_len;
	while (c->sent < total) {
		size_t in_body = c->sent > c->head_len ? c->sent - c->head_len : 0;
		struct iovec iov[2];
		int n = 0;
		if (c->sent < c->head_len)
			iov[n++] = (struct iovec){c->head + c->sent, c->head_len - c->sent};
		if (c->answer.body_len > in_body) {
			union {
				const char *in;
				void *out;
			} body = {.in = c->answer.body + in_body};
			iov[n++] = (struct iovec){body.out, c->answer.body_len - in_body};
		}
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)n};
		ssize_t done = sendmsg(c->w.fd, &msg, MSG_NOSIGNAL);
		if (done < 0)
			return errno == EAGAIN ? 0 : errno == EINTR ? 0 : -1;
		c->sent += (size_t)done;
	}
	return 1;
}

/* Answers what is there; returns false when the connection is to go. */
static bool serve_ready(struct server *s, struct connection *c)
{
	for (;;) {
		if (c->answering) {
			int sent = answer_send(c);
			if (sent < 0)
				return false;
			if (sent == 0) {
				watch_write(s, c, true);
				return true;
			}
			answer_release(c);
			if (c->close_after)
				return false;
		}
		struct http_request req = {0};
		size_t used = 0;
		int ready = parse(s, c, &req, &used);
		if (ready <= 0) {
			watch_write(s, c, false);
			return ready == 0;
		}
		c->answer = (struct http_answer){.status = 200};
		s->opt->handler(s->opt->cls, &req, &c->answer);
		if (c->answer.status == 0)
			return false;
		answer_begin(c);
		c->continued = false;
		memmove(c->in, c->in + used, c->in_len - used);
		c->in_len -= used;
	}
}

static bool read_some(struct server *s, struct connection *c)
{
	for (;;) {
		if (c->in_len == c->in_cap) {
			size_t cap = c->in_cap ? c->in_cap * 2 : FIRST_BUFFER;
			char *in = cap > 2 * (s->opt->body_max + HEAD_MAX) ? NULL
									   : realloc(c->in, cap);
			if (!in)
				return false;
			c->in = in;
			c->in_cap = cap;
		}
		ssize_t n = recv(c->w.fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
		if (n == 0)
			return false;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->in_len += (size_t)n;
		if (c->in_len < c->in_cap)
			return true;
	}
}

static void on_connection(struct server *s, struct connection *c, uint32_t events)
{
	bool keep = !(events & EPOLLERR);
	if (keep && (events & (EPOLLIN | EPOLLHUP)) && !c->wants_write)
		keep = read_some(s, c);
	if (!keep || !serve_ready(s, c))
		connection_free(c);
}

static void on_listener(struct server *s, struct listener *l)
{
	for (;;) {
		int fd = accept4(l->w.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct connection *c = calloc(1, sizeof *c);
		if (!c) {
			close(fd);
			return;
		}
		c->w.fd = fd;
		c->port_index = l->index;
		c->next = s->connections;
		c->link = &s->connections;
		if (c->next)
			c->next->link = &c->next;
		s->connections = c;
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
			connection_free(c);
	}
}

/* ---- start ---- */

static int listen_on(struct server *s, uint32_t index, uint16_t port)
{
	struct listener *l = &s->listeners[index];
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t size = sizeof addr;
	int one = 1;
	*l = (struct listener){
		.w = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		      .is_listener = true},
		.index = index};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
	if (l->w.fd < 0 || inet_pton(AF_INET, s->opt->bind, &addr.sin_addr) != 1 ||
	    setsockopt(l->w.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(l->w.fd, (struct sockaddr *)&addr, sizeof addr) != 0 ||
	    listen(l->w.fd, 128) != 0 ||
	    getsockname(l->w.fd, (struct sockaddr *)&addr, &size) != 0 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, l->w.fd, &ev) != 0) {
		fprintf(stderr, "cannot listen on %s:%u: %s\n", s->opt->bind, port,
			strerror(errno));
		return 1;
	}
	if (index == 0)
		printf("listening on %s:%u\n", s->opt->bind, ntohs(addr.sin_port));
	return 0;
}

static int signals_open(int epoll)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	return fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0 ? -1 : fd;
}

static void raise_fd_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void run(struct server *s)
{
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(s->epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct watched *w = events[i].data.ptr;
			if (!w)
				return;
			if (w->is_listener)
				on_listener(s, (struct listener *)w);
			else
				on_connection(s, (struct connection *)w, events[i].events);
		}
	}
}

int http_serve(const struct http_options *opt)
{
	struct server s = {.opt = opt, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	raise_fd_limit();
	s.listeners = calloc(opt->n_ports, sizeof *s.listeners);
	int signals = s.listeners && s.epoll >= 0 ? signals_open(s.epoll) : -1;
	int failed = signals < 0;
	for (uint32_t i = 0; i < opt->n_ports && !failed; i++)
		failed = listen_on(&s, i, (uint16_t)(opt->port ? opt->port + i : 0));
	fflush(stdout);
	if (!failed)
		run(&s);
	while (s.connections)
		connection_free(s.connections);
	free(s.listeners);
	if (s.epoll >= 0)
		close(s.epoll);
	return failed;
}
