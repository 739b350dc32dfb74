/* HTTP server: libmicrohttpd in external epoll mode on the loop. The only file that sees it is
 * http_server.c. Refuses request-smuggling shapes (Transfer-Encoding with Content-Length, repeated
 * Content-Length/Host, unknown codings), bounds connections, headers, bodies and the time a request
 * may take to arrive.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/net/http_client.h>
#include <ampagent/net/loop.h>

struct http_server;
struct http_exchange; /* one request and its answer, valid until answered, even when the peer left
		       */

struct http_server_request {
	struct sv method;
	struct sv path;     /* decoded */
	struct sv raw_path; /* as sent, without the query */
	struct sv query;    /* raw */
	struct sv body;
	struct http_exchange *exchange;
};

/* Called on the loop thread with a whole request. Must answer exactly once: now with
 * http_answer_now(), or later. */
typedef void (*http_server_handler)(void *cls, const struct http_server_request *req);

struct http_server_options {
	struct sv listen; /* "host:port", ":port", "[::1]:0" */
	size_t body_max;  /* larger bodies are answered 413 */
	unsigned max_connections;
	int64_t read_timeout_ms; /* from connect or request line to the last byte of a request */
	http_server_handler handler;
	void *cls;
};

int http_server_new(struct loop *loop, const struct http_server_options *opt,
		    struct http_server **out, struct err *err);
/* Drops what is not answered. Not from inside the handler. */
void http_server_free(struct http_server *s);
/* The port it listens on (useful after ":0"). */
int http_server_port(const struct http_server *s);

/* First value of a request header, any letter case; SV_NULL when absent. */
struct sv http_exchange_header(struct http_exchange *x, const char *name);
/* Calls fn for each header as sent. */
void http_exchange_headers(struct http_exchange *x,
			   void (*fn)(void *cls, struct sv name, struct sv value), void *cls);
/* Decoded query parameter (first of that name): 0, or 1 when absent. */
int http_query_get(struct sv query, struct sv name, struct buf *out);

/* Answers; body is copied. headers may be NULL. */
void http_answer_now(struct http_exchange *x, int status, struct sv content_type, struct sv body,
		     const struct http_header *headers, size_t n_headers);
/* Answers after delay_ms. */
void http_answer_later(struct http_exchange *x, int64_t delay_ms, int status,
		       struct sv content_type, struct sv body, const struct http_header *headers,
		       size_t n_headers);
/* Closes the connection without an answer. */
void http_answer_drop(struct http_exchange *x);

/* For a server that is to misbehave. */
enum http_break {
	HTTP_BREAK_CLOSE,  /* an end of the stream, as if that were all */
	HTTP_BREAK_RESET,  /* the peer's connection is reset */
	HTTP_BREAK_VANISH, /* the peer hears nothing any more, as when a machine loses power; where
			      that needs rights that are missing, the connection is reset */
};
/* Sends the first bytes of an answer as they are, perhaps none, and ends the connection after
 * delay_ms. */
void http_answer_broken(struct http_exchange *x, struct sv bytes, int64_t delay_ms,
			enum http_break how);
/* A slow reader: a pause after each piece of a body (up to 32 kB) from now on; 0 = none. */
void http_server_read_slowly(struct http_server *s, int64_t pause_ms);
