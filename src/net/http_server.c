/* libmicrohttpd in external epoll mode: its epoll fd is a watcher of the loop, its timeout a timer.
 *
 * Life of a connection: started (a server_conn with a deadline timer) -> requests -> closed.
 * Life of an exchange, which is one request:
 *
 *   READING    from the request line to the last byte of the body; the deadline runs
 *   HANDLING   the handler was called and has not answered; when it returned without an answer the
 *              connection is suspended, so that the library does not poll it
 *   ANSWERED   a response is there; if the connection is suspended it is resumed and the library
 *              calls on_request() again, which queues it
 *   DROPPED    as ANSWERED, but on_request() closes the connection
 *
 * A slow reader suspends the connection in READING as well.
 *
 * The library reports the end of each request (on_completed), and only there is the exchange freed.
 * A suspended connection is not polled, so it cannot end before it is answered: an exchange is
 * valid as long as the answer is owed, even when the peer has left.
 *
 * Connections are accepted here, not by the library: it would try again and again when descriptors
 * are used up, and at its limit it would leave new ones waiting for old ones that do nothing. Here
 * the one whose last request is longest ago goes.
 *
 * The library's own timeout counts idle time only, which one byte a second keeps alive: the
 * deadline shuts the socket down, and the library then sees the end of the stream.
 *
 * Refusals before the body are written straight to the socket: nothing else is under way on it, and
 * the library would otherwise first read a body whose end the sender decides.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>
#include <ampagent/net/descriptors.h>
#include <ampagent/net/http_server.h>

#include "http_accept.h"
#include "http_guard.h"
#include "listen.h"

#include <assert.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	CONNECTION_MEMORY_BYTES = 32 << 10, /* request line and headers */
	IDLE_MS = 5 * 60 * 1000,            /* between requests, and to take an answer */
	DRAIN_BYTES = 256 << 10,            /* read off before a refused connection is closed */
	CONNECTIONS_MORE = 64,              /* that are on their way out */
};

struct server_conn {
	struct http_server *server;
	struct server_conn *next, *prev; /* by their last request, the longest ago first */
	int fd;
	struct loop_timer deadline;
};

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct http_accept accept;
	struct loop_fd watch;
	struct loop_timer timer;
	struct http_server_options opt;
	struct http_exchange *exchanges;
	struct server_conn *oldest, *newest;
	unsigned n_conns, max_conns;
	int port;
	int64_t read_pause_ms;
};

enum state { READING, HANDLING, ANSWERED, DROPPED };

struct http_exchange {
	struct http_server *server;
	struct http_exchange *next, *prev;
	struct MHD_Connection *conn;
	struct server_conn *peer;
	enum state state;
	bool begun; /* the header was checked */
	bool suspended;
	struct buf target; /* path?query as sent */
	struct buf path;   /* decoded */
	struct buf body;
	uint64_t received;
	struct MHD_Response *response;
	int status;
	enum http_break how; /* in DROPPED */
	struct loop_timer later;
};

/* --- the library on the loop --- */

static void schedule(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	if (MHD_get_timeout(s->daemon, &timeout_ms) == MHD_YES)
		loop_timer_in(s->loop, &s->timer, (int64_t)timeout_ms);
	else
		loop_timer_cancel(&s->timer);
}

static void run(struct http_server *s)
{
	MHD_run(s->daemon);
	schedule(s);
}

static void on_ready(void *cls, uint32_t events)
{
	run(cls);
}

static void on_timer(void *cls)
{
	run(cls);
}

/* --- connections --- */

static void conn_take_out(struct server_conn *c)
{
	struct http_server *s = c->server;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->oldest = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		s->newest = c->prev;
	s->n_conns--;
}

static void conn_put_last(struct server_conn *c)
{
	struct http_server *s = c->server;
	c->prev = s->newest;
	c->next = NULL;
	if (c->prev)
		c->prev->next = c;
	else
		s->oldest = c;
	s->newest = c;
	s->n_conns++;
}

static void on_deadline(void *cls)
{
	struct server_conn *c = cls;
	shutdown(c->fd, SHUT_RDWR);
}

static void conn_deadline(struct server_conn *c, int64_t ms)
{
	if (c)
		loop_timer_in(c->server->loop, &c->deadline, ms);
}

static void on_connection(void *cls, struct MHD_Connection *conn, void **socket_context,
			  enum MHD_ConnectionNotificationCode toe)
{
	struct http_server *s = cls;
	if (toe == MHD_CONNECTION_NOTIFY_CLOSED) {
		struct server_conn *c = *socket_context;
		if (c) {
			loop_timer_cancel(&c->deadline);
			conn_take_out(c);
		}
		free(c);
		*socket_context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct server_conn *c = calloc(1, sizeof(*c));
	if (!c || !info) {
		/* Without a deadline it must not live. */
		if (info)
			shutdown(info->connect_fd, SHUT_RDWR);
		free(c);
		return;
	}
	c->server = s;
	c->fd = info->connect_fd;
	c->deadline = (struct loop_timer){.fire = on_deadline, .cls = c};
	*socket_context = c;
	conn_put_last(c);
	conn_deadline(c, s->opt.read_timeout_ms);
}

/* Ends the connection whose last request is longest ago. One that is answered later stays, shut
 * down, until its answer is there. */
static void make_room(struct http_server *s)
{
	struct server_conn *c = s->oldest;
	if (!c)
		return;
	conn_take_out(c);
	conn_put_last(c); /* it is not asked twice */
	shutdown(c->fd, SHUT_RDWR);
	MHD_run(s->daemon);
}

static void on_accepted(void *cls, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct http_server *s = cls;
	bool keep = descriptors_may_keep(fd, FD_WEB);
	if (!keep || s->n_conns >= s->max_conns)
		make_room(s);
	if (!keep)
		fd = descriptors_move(fd, FD_WEB);
	if (fd >= 0)
		MHD_add_connection(s->daemon, fd, peer, len); /* closes what it does not take */
	run(s);
}

/* --- exchanges --- */

static void exchange_free(struct http_exchange *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		x->server->exchanges = x->next;
	if (x->next)
		x->next->prev = x->prev;
	loop_timer_cancel(&x->later);
	if (x->response)
		MHD_destroy_response(x->response);
	buf_deinit(&x->target);
	buf_deinit(&x->path);
	buf_deinit(&x->body);
	free(x);
}

static void on_later(void *cls);

/* The request line is there: the exchange begins. What is returned is con_cls from now on. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct http_server *s = cls;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_exchange *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->server = s;
	x->conn = conn;
	x->peer = info ? info->socket_context : NULL;
	x->later = (struct loop_timer){.fire = on_later, .cls = x};
	buf_init(&x->target, CONNECTION_MEMORY_BYTES);
	buf_init(&x->path, CONNECTION_MEMORY_BYTES);
	buf_init(&x->body, s->opt.body_max);
	buf_sv(&x->target, sv_of(uri));
	x->next = s->exchanges;
	if (x->next)
		x->next->prev = x;
	s->exchanges = x;
	if (x->peer) {
		conn_take_out(x->peer);
		conn_put_last(x->peer);
	}
	conn_deadline(x->peer, s->opt.read_timeout_ms);
	return x;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
			 enum MHD_RequestTerminationCode toe)
{
	struct http_exchange *x = *con_cls;
	if (!x)
		return;
	conn_deadline(x->peer, IDLE_MS);
	exchange_free(x);
	*con_cls = NULL;
}

static enum MHD_Result guard_header(void *cls, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	http_guard_header(cls, sv_of(name), sv_of(value));
	return MHD_YES;
}

static enum MHD_Result refuse(struct http_exchange *x, int status)
{
	const char *reason = status == 413   ? "Content Too Large"
			     : status == 505 ? "HTTP Version Not Supported"
			     : status == 503 ? "Service Unavailable"
					     : "Bad Request";
	if (x->peer) {
		char text[160], waste[4096];
		int n = snprintf(text, sizeof(text),
				 "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
				 status, reason);
		ssize_t r = send(x->peer->fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
		shutdown(x->peer->fd, SHUT_WR);
		/* Bytes left unread would turn the close into a reset that may overtake the answer.
		 */
		for (int left = DRAIN_BYTES; r > 0 && left > 0; left -= (int)r)
			r = recv(x->peer->fd, waste, sizeof(waste), MSG_DONTWAIT);
	}
	return MHD_NO;
}

/* "/path?query", or a whole URL as a proxy would be asked */
static int split_target(struct http_exchange *x, struct http_server_request *req)
{
	struct sv target = buf_view(&x->target);
	struct url_parts u;
	if (!sv_starts_with(target, SV("/")) && url_split(target, &u) == 0) {
		req->raw_path = u.path.len ? u.path : SV("/");
		req->query = u.query;
	} else {
		size_t question = sv_find(target, '?');
		req->raw_path = sv_make(target.ptr, question);
		req->query = sv_from(target, question + 1);
	}
	if (buf_failed(&x->target) || url_decode(&x->path, req->raw_path, false) != 0)
		return 1;
	req->path = buf_view(&x->path);
	return 0;
}

static enum MHD_Result begin(struct http_exchange *x, const char *version)
{
	struct http_guard g = HTTP_GUARD_NULL;
	x->begun = true;
	MHD_get_connection_values(x->conn, MHD_HEADER_KIND, guard_header, &g);
	int status = http_guard_verdict(&g, sv_of(version), x->server->opt.body_max);
	return status == 0 ? MHD_YES : refuse(x, status);
}

static void suspend(struct http_exchange *x)
{
	x->suspended = true;
	MHD_suspend_connection(x->conn);
}

static enum MHD_Result take_body(struct http_exchange *x, const char *data, size_t *len)
{
	if (x->state == DROPPED)
		return MHD_NO;
	x->received += *len;
	if (x->received > x->server->opt.body_max)
		return refuse(x, 413);
	if (buf_append(&x->body, data, *len) != 0)
		return refuse(x, 503);
	*len = 0;
	if (x->server->read_pause_ms > 0) {
		loop_timer_in(x->server->loop, &x->later, x->server->read_pause_ms);
		suspend(x);
	}
	return MHD_YES;
}

/* Dissolves the association of the socket: the kernel resets the connection, or, while it takes the
 * socket for one under repair, says nothing. */
static void break_off(const struct http_exchange *x)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	static const int on = 1;
	if (!x->peer || x->how == HTTP_BREAK_CLOSE)
		return;
	if (x->how == HTTP_BREAK_VANISH)
		setsockopt(x->peer->fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
	connect(x->peer->fd, &nobody, sizeof nobody);
}

static enum MHD_Result deliver(struct http_exchange *x)
{
	if (x->state == DROPPED) {
		break_off(x);
		return MHD_NO;
	}
	conn_deadline(x->peer, IDLE_MS);
	return MHD_queue_response(x->conn, (unsigned)x->status, x->response);
}

static enum MHD_Result handle(struct http_exchange *x, const char *method)
{
	struct http_server *s = x->server;
	struct http_server_request req = {
		.method = sv_of(method), .body = buf_view(&x->body), .exchange = x};
	if (split_target(x, &req) != 0)
		return refuse(x, 400);
	if (x->peer)
		loop_timer_cancel(&x->peer->deadline);
	x->state = HANDLING;
	s->opt.handler(s->opt.cls, &req);
	if (x->state != HANDLING && !loop_timer_armed(&x->later))
		return deliver(x);
	suspend(x);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **con_cls)
{
	struct http_exchange *x = *con_cls;
	if (!x) /* no memory at the request line */
		return MHD_NO;
	if (!x->begun)
		return begin(x, version);
	if (*len > 0)
		return take_body(x, data, len);
	if (x->state == READING)
		return handle(x, method);
	return deliver(x);
}

static void wake(struct http_exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->conn);
	/* Not from here: the caller may be in the middle of something. */
	loop_timer_in(x->server->loop, &x->server->timer, 0);
}

static void on_later(void *cls)
{
	wake(cls);
}

struct sv http_exchange_header(struct http_exchange *x, const char *name)
{
	return sv_of(MHD_lookup_connection_value(x->conn, MHD_HEADER_KIND, name));
}

struct each {
	void (*fn)(void *cls, struct sv name, struct sv value);
	void *cls;
};

static enum MHD_Result each_header(void *cls, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	const struct each *e = cls;
	e->fn(e->cls, sv_of(name), sv_of(value));
	return MHD_YES;
}

void http_exchange_headers(struct http_exchange *x,
			   void (*fn)(void *cls, struct sv name, struct sv value), void *cls)
{
	struct each e = {fn, cls};
	MHD_get_connection_values(x->conn, MHD_HEADER_KIND, each_header, &e);
}

static void add_header(struct MHD_Response *r, struct sv name, struct sv value)
{
	_cleanup_(freep) char *n = sv_dup(name);
	_cleanup_(freep) char *v = sv_dup(value);
	if (n && v)
		MHD_add_response_header(r, n, v);
}

/* Makes the response; without memory the exchange is dropped. */
static void answer(struct http_exchange *x, int status, struct sv content_type, struct sv body,
		   const struct http_header *headers, size_t n_headers)
{
	assert(x->state == HANDLING);
	x->status = status;
	x->state = DROPPED;
	x->response = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr,
						      MHD_RESPMEM_MUST_COPY);
	if (!x->response)
		return;
	if (content_type.len)
		add_header(x->response, SV("Content-Type"), content_type);
	for (size_t i = 0; i < n_headers; i++)
		add_header(x->response, headers[i].name, headers[i].value);
	x->state = ANSWERED;
}

void http_answer_now(struct http_exchange *x, int status, struct sv content_type, struct sv body,
		     const struct http_header *headers, size_t n_headers)
{
	answer(x, status, content_type, body, headers, n_headers);
	wake(x);
}

void http_answer_later(struct http_exchange *x, int64_t delay_ms, int status,
		       struct sv content_type, struct sv body, const struct http_header *headers,
		       size_t n_headers)
{
	answer(x, status, content_type, body, headers, n_headers);
	loop_timer_in(x->server->loop, &x->later, delay_ms);
}

void http_answer_drop(struct http_exchange *x)
{
	assert(x->state == HANDLING);
	x->state = DROPPED;
	wake(x);
}

void http_answer_broken(struct http_exchange *x, struct sv bytes, int64_t delay_ms,
			enum http_break how)
{
	assert(x->state == HANDLING);
	x->state = DROPPED;
	x->how = how;
	if (x->peer && bytes.len > 0 &&
	    send(x->peer->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		x->how = HTTP_BREAK_CLOSE; /* it has left */
	if (delay_ms > 0)
		loop_timer_in(x->server->loop, &x->later, delay_ms);
	else
		wake(x);
}

void http_server_read_slowly(struct http_server *s, int64_t pause_ms)
{
	s->read_pause_ms = pause_ms;
}

/* --- the server --- */

int http_server_port(const struct http_server *s)
{
	return s->port;
}

int http_server_new(struct loop *loop, const struct http_server_options *opt,
		    struct http_server **out, struct err *err)
{
	int fd;
	_cleanup_(freep) struct http_server *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ERR_NOMEM, "no memory");
	s->loop = loop;
	s->opt = *opt;
	s->timer = (struct loop_timer){.fire = on_timer, .cls = s};
	int r = listen_open(opt->listen, &fd, &s->port, err);
	if (r != 0)
		return r;
	s->max_conns = opt->max_connections ? opt->max_connections : LIMIT_SERVER_CONNECTIONS;
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_request, s, MHD_OPTION_CONNECTION_LIMIT, s->max_conns + CONNECTIONS_MORE,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_URI_LOG_CALLBACK,
		on_request_line, s, MHD_OPTION_END);
	if (!s->daemon) {
		close(fd);
		return err_set(err, 1, "cannot start the HTTP server on \"%.*s\"",
			       SV_ARG(opt->listen));
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	s->watch = (struct loop_fd){.events = EPOLLIN, .ready = on_ready, .cls = s};
	s->watch.fd = info ? info->epoll_fd : -1;
	r = loop_fd_add(loop, &s->watch, err);
	if (r == 0)
		r = http_accept_init(&s->accept, loop, fd, on_accepted, s, err);
	else
		close(fd);
	if (r != 0) {
		loop_fd_remove(&s->watch);
		MHD_stop_daemon(s->daemon);
		return r;
	}
	*out = take_ptr(s);
	return 0;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	http_accept_deinit(&s->accept);
	/* The library refuses to stop with suspended connections. */
	for (struct http_exchange *x = s->exchanges; x; x = x->next) {
		if (!x->suspended)
			continue;
		loop_timer_cancel(&x->later);
		x->state = DROPPED;
		wake(x);
	}
	MHD_run(s->daemon);
	loop_fd_remove(&s->watch);
	MHD_stop_daemon(s->daemon);
	loop_timer_cancel(&s->timer);
	free(s);
}
