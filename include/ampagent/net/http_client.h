/* HTTP client: libcurl's multi interface on the loop. Only http_client.c and
 * http_client_options.c see curl.
 *
 * A http_pool holds up to LIMIT_TARGETS_PER_MULTI connections' worth of requests (a curl multi
 * handle walks its connections, so many small pools beat one large one) and one thread uses it.
 * A proxy from the environment only when the options say so; only http and https; no signal; no
 * Expect header. A token that a request needs is fetched first, within the request's time.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/http_options.h>
#include <ampagent/net/descriptors.h>
#include <ampagent/net/loop.h>

/* Once, before threads start: 0 or ERR_FATAL. SIGPIPE is ignored from then on. The system's CA
 * bundle is looked for here (SSL_CERT_FILE names another one). */
int http_client_global_init(void);
void http_client_global_deinit(void);

struct http_pool;

/* max_idle connections are kept; idle ones up to idle_ms. 0 or ERR_NOMEM. */
int http_pool_new(struct loop *loop, unsigned max_idle, int64_t idle_ms, struct http_pool **out);
/* What its connections are for, when descriptors are short; FD_SCRAPE unless said. */
void http_pool_use(struct http_pool *p, enum fd_use use);
/* Cancels what runs, no callbacks. May be called from a done callback. */
void http_pool_free(struct http_pool *p);

/* A client is the settings of one peer: TLS material, auth, redirects; secrets and certificates in
 * files are re-read for each request and a change of a certificate file drops kept connections. */
struct http_client;

/* opt's views (opt itself is copied) must outlive the client. 0, or 1 with the reason. */
int http_client_new(struct http_pool *pool, const struct http_options *opt,
		    struct http_client **out, struct err *err);
/* Its requests must have ended; from the last one's done callback is late enough. */
void http_client_free(struct http_client *c);
/* Appends the proxy that requests to url go through, "scheme://host:port" without credentials, or
 * nothing: straight. 0; 1 with the reason when url is none, or no request may go there. */
int http_client_proxy(const struct http_client *c, struct sv url, struct buf *out, struct err *err);

struct http_header {
	struct sv name;
	struct sv value;
};

struct http_request {
	struct sv method; /* upper case; a body goes with all but GET and HEAD */
	struct sv url;
	const struct http_header *headers; /* copied */
	size_t n_headers;
	struct sv body;     /* must stay valid until done; never copied */
	int64_t timeout_ms; /* connect to last byte of the body */
	size_t body_max;    /* of the answer as received: more fails with HTTP_TOO_LARGE */
	/* Emptied, then the answer's body; valid until done; or NULL. One that is charged to the
	 * memory budget may grow only as far as that is fair: else HTTP_NO_ROOM. */
	struct buf *body_out;
	bool no_auth; /* do not add the client's auth headers (signed requests) */
	/* Each new connection looks the host up anew and tries its addresses in random order. */
	bool any_address;
	/* Connects only to loopback and the addresses that AWS serves credentials from
	 * (169.254.170.2, 169.254.170.23, fd00:ec2::23), whatever the host's name says. */
	bool local_only;
	/* Notes where it connected and whose certificate that was: http_answer.peer. */
	bool want_peer;
};

/* How far a request came before it failed. */
enum http_phase {
	HTTP_PHASE_SETUP,
	HTTP_PHASE_RESOLVE, /* the host (or the proxy) has no address */
	HTTP_PHASE_CONNECT,
	HTTP_PHASE_PROXY, /* the proxy refuses */
	HTTP_PHASE_TLS,   /* handshake or the peer's certificate */
	HTTP_PHASE_EXCHANGE,
};

/* With want_peer. Texts are for people and cut to fit. */
struct http_peer {
	char address[64]; /* "10.0.0.1:443", "[::1]:443"; of the proxy when there is one; "" */
	bool proxied;
	char subject[256],
		issuer[256]; /* of the peer's certificate, told even when it is refused */
	int64_t not_before_s, not_after_s;
	bool untrusted;  /* nobody known has issued it */
	bool other_name; /* it is for another host */
	bool out_of_date;
};

enum http_result {
	HTTP_OK, /* an answer with any status came in whole */
	HTTP_TIMEOUT,
	HTTP_NO_ROOM,   /* memory allows no body this large now */
	HTTP_TOO_LARGE, /* body over body_max, or header over LIMIT_HTTP_HEADER_BYTES */
	HTTP_NETWORK,   /* DNS, connect, TLS, reset ... */
	HTTP_LOCAL,     /* a secret or certificate file could not be read, out of memory */
};

struct http_answer {
	enum http_result result;
	int status;
	const char *error;      /* NULL when result is HTTP_OK */
	struct sv content_type; /* as sent */
	struct sv content_encoding;
	struct sv retry_after;
	struct sv date;
	struct sv request_id;         /* x-amzn-RequestId */
	struct sv error_type;         /* x-amzn-ErrorType */
	struct sv age;                /* a cache spoke */
	struct sv location;           /* of a redirect that was not followed: the whole URL */
	enum http_phase phase;        /* where it ended when result is not HTTP_OK */
	const struct http_peer *peer; /* NULL without want_peer */
	/* X-Prometheus-Remote-Write-Samples-Written and so on */
	struct sv samples_written, histograms_written, exemplars_written;
	int64_t duration_ns;
	uint64_t bytes_received;
};

struct http_transfer;

/* Starts a request. done is called exactly once from the loop, never from inside this call, with an
 * answer that is valid during the call; the transfer is gone after it. 0; 1 when it cannot be
 * started (bad URL, a file is missing), with the reason, and done is not called. */
int http_start(struct http_client *c, const struct http_request *req,
	       void (*done)(void *cls, const struct http_answer *a), void *cls,
	       struct http_transfer **out, struct err *err);
/* Ends it silently: done is not called. From inside its own done it does nothing. */
void http_cancel(struct http_transfer *t);

/* Overwrites by asterisks what of the request's secrets (credentials, http_headers, tokens) is
 * repeated in text: peers explain a refusal by what they were sent. Inside done only. */
void http_redact(const struct http_transfer *t, struct buf *text);

/* "scheme://host[:port]" parts of a URL. */
struct url_parts {
	struct sv scheme, host, port, path, query, userinfo;
};
/* 0, or 1 when it is not an absolute URL. Views into url. */
int url_split(struct sv url, struct url_parts *out);
