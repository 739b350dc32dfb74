/* One request on the wire and its answer: the seam between what a transfer is (redirects,
 * credentials, reports: http_transfer.c) and the library that carries it (http_client*.c). */
#pragma once

#include "http_fields.h"
#include "http_hop.h"
#include "http_material.h"
#include "http_proxy.h"

#include <sys/socket.h>

struct http_call {
	/* Set by the caller; everything stays valid until done or stop. */
	struct http_pool *pool;
	const struct tls_options *tls;
	const struct material_tls *files;
	const struct http_hop *hop;
	const char *method;
	struct sv body;
	const struct http_proxy_server *proxy; /* NULL: straight */
	struct sv lines[3];                    /* header lines, each ended by NUL */
	int64_t timeout_ms;
	bool any_address, local_only;
	struct http_peer *peer; /* told about, or NULL */
	struct buf *body_out;   /* may be NULL */
	size_t body_max;
	size_t out_max; /* of body_out, as it was given */
	/* Called from the loop when the answer is there or will not come; the call is at rest. */
	void (*done)(struct http_call *call);
	/* Called by http_pool_free() instead of done: frees the owner. */
	void (*gone)(struct http_call *call);

	/* The answer. */
	enum http_result result;
	enum http_phase phase;
	int status;
	char *location; /* where a redirect leads, absolute; malloc'd, or NULL */
	struct http_fields fields;
	size_t received;
	struct err why; /* when result is not HTTP_OK */

	/* http_client*.c's own. */
	struct http_call *next, *prev;
	void *easy;
	void *headers, *proxy_headers, *resolve, *connect_to;
	struct crypto_tls_note *note;
	bool linked;    /* false: at rest */
	bool connected; /* by TCP */
	int tls_begun;  /* handshakes: a proxy's, the server's */
	enum {
		FAULT_NONE,
		FAULT_BODY,
		FAULT_HEADERS,
		FAULT_MEMORY,
		FAULT_ROOM,
		FAULT_DESCRIPTORS,
		FAULT_ADDRESS
	} fault;
	char error[256];
	char refused[64]; /* with FAULT_ADDRESS: which one */
};

/* 0, or 1 with the reason: then done is not called. */
int http_call_start(struct http_call *call, struct err *err);
/* Only notes that the call's owner waits for something else, so that http_pool_free() finds it.
 * http_call_stop() ends that. */
void http_call_park(struct http_call *call);
/* Ends it silently when it runs. */
void http_call_stop(struct http_call *call);
struct loop *http_pool_loop(const struct http_pool *pool);

/* ---- http_body.c ---- */

/* Takes a piece of the body: 0; 1 with the fault noted. */
int http_body_take(struct http_call *call, const char *ptr, size_t len);
/* A socket for the call; -1 with the fault noted when there are too few descriptors. *may_idle:
 * whether its connection may be kept. */
int http_socket_open(struct http_call *call, enum fd_use use, int family, int type, int protocol,
		     bool *may_idle);
/* 0; 1 with the fault noted when the call may not connect there. Notes the address for the peer. */
int http_socket_allowed(struct http_call *call, const struct sockaddr *to);
/* What a fault is to the caller, and its text in call->why. */
enum http_result http_fault_result(const struct http_call *call);
void http_fault_text(struct http_call *call);
