/* The HTTP/1.1 that the bench programs need: one epoll, keep-alive, requests with Content-Length.
 * It shares nothing with the program under test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request {
	const char *method, *path; /* not terminated */
	size_t method_len, path_len;
	bool accepts_gzip;
	const char *body;
	size_t body_len;
	uint32_t port_index; /* which of the listening ports */
};

/* body must stay as it is until done(done_cls) is called, whatever happens to the connection. */
struct http_answer {
	int status;       /* 0 = close the connection without an answer */
	const char *type; /* Content-Type, NULL = none */
	bool gzip;
	const char *body;
	size_t body_len;
	void (*done)(void *cls);
	void *done_cls;
};

typedef void (*http_handler)(void *cls, const struct http_request *req, struct http_answer *answer);

struct http_options {
	const char *bind; /* address, numeric */
	uint16_t port;    /* the first one; 0 = any, allowed with one port only */
	uint32_t n_ports;
	size_t body_max;
	http_handler handler;
	void *cls;
};

/* Serves until SIGINT or SIGTERM. Prints "listening on ADDRESS:PORT" when ready. Returns the exit
 * code. */
int http_serve(const struct http_options *opt);
