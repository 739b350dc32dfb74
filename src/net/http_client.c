/* libcurl on the loop, by curl_multi_socket_action().
 *
 * One pool is one multi handle: its sockets are watchers of the loop, its timeout a timer. A
 * transfer takes an easy handle from the pool's small free list, so that a waiting target costs its
 * idle connection and nothing else.
 *
 * Choices that are not obvious:
 *  - CAPATH is NULL: with a directory set, curl parses the whole bundle for every connection.
 *  - The DNS cache never expires by itself (the expiry walks it for each transfer); a host whose
 *    answer is older than DNS_MAX_AGE_MS is thrown out by a "-host:port" entry before its request.
 *  - QUICK_EXIT: cancelling must not wait for a resolver thread.
 *  - Redirects are followed here: curl would send http_headers to any host.
 *  - The body is counted here: curl's own limit trusts Content-Length.
 *  - server_name: the URL names it, so that SNI, verification and connection reuse all go by it;
 *    CONNECT_TO leads to the real host, which also stays in the Host header.
 *  - After a certificate file changed, nothing older than the change is used: neither connections
 *    (MAXLIFETIME_CONN) nor the parsed CA bundle (CA_CACHE_TIMEOUT). Both count in seconds, so
 *    for the first ones connections are fresh and the bundle is parsed.
 *
 * States of a transfer: in the multi -> done message -> finish(): easy handle back in the free
 * list -> done callback (the pool may be freed in it, then `dead` defers that) -> gone.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/net/http_client.h>

#include "http_fields.h"
#include "http_hop.h"
#include "http_material.h"
#include "http_redirect.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>

enum {
	IDLE_EASIES = 16,
	DNS_SLOTS = 512,
	DNS_MAX_AGE_MS = 60000,
	RECEIVE_BUFFER_BYTES = 16384,
	METHOD_MAX = 16,
};
/* Headers of a request: a session token and a few secrets fit many times. */
#define REQUEST_LINES_BYTES KiB(256)

struct sock {
	struct loop_fd watch;
	struct http_pool *pool;
	struct sock *next, *prev;
};

/* A direct-mapped table: a host that lost its slot to another one counts as never seen, which
 * only means that it is resolved anew. */
struct dns_slot {
	uint64_t hash;
	int64_t at_ms;
};

struct http_pool {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct sock *socks;
	struct http_transfer *transfers;
	CURL *idle[IDLE_EASIES];
	size_t n_idle;
	int64_t idle_ms;
	bool draining; /* done callbacks are running */
	bool dead;     /* freed by one of them */
	struct dns_slot dns[DNS_SLOTS];
};

struct http_client {
	struct http_pool *pool;
	struct http_options opt;
	struct material_tls tls;
};

struct http_transfer {
	struct http_client *client;
	struct http_transfer *next, *prev;
	CURL *easy;
	void (*done)(void *cls, const struct http_answer *a);
	void *cls;
	bool finishing;

	char *first_url; /* what credentials are meant for */
	struct http_hop hop;
	char method[METHOD_MAX];
	struct sv body;
	unsigned n_requests;
	bool stripped;               /* a hop left the first host: no credentials any more */
	struct curl_slist *headers;  /* sensitive ones first */
	struct curl_slist *harmless; /* where the others begin */
	struct curl_slist *with_host, *resolve, *connect_to;
	int64_t start_ns, deadline_ms, timeout_ms;

	struct buf *body_out;
	size_t body_max;
	size_t received;
	enum { FAULT_NONE, FAULT_BODY, FAULT_HEADERS, FAULT_MEMORY } fault;
	struct http_fields fields;
	char error[CURL_ERROR_SIZE];
};

static char system_ca[256]; /* "" = leave curl's default */

int http_client_global_init(void)
{
	static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
					      "/etc/pki/tls/certs/ca-bundle.crt",
					      "/etc/ssl/cert.pem"};
	/* curl is told to leave signals alone, so a TLS write to a closed socket would raise it. */
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_FATAL;
	const char *from_env = getenv("SSL_CERT_FILE");
	const char *found = from_env && from_env[0] ? from_env : NULL;
	for (size_t i = 0; !found && i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		if (access(bundles[i], R_OK) == 0)
			found = bundles[i];
	}
	system_ca[0] = '\0';
	if (found && strlen(found) < sizeof(system_ca))
		memcpy(system_ca, found, strlen(found) + 1);
	return 0;
}

void http_client_global_deinit(void)
{
	curl_global_cleanup();
}

/* --- pool --- */

static void drain(struct http_pool *p);

static void act(struct http_pool *p, curl_socket_t fd, int mask)
{
	int running;
	curl_multi_socket_action(p->multi, fd, mask, &running);
	drain(p);
}

static void on_socket(void *cls, uint32_t events)
{
	struct sock *s = cls;
	/* What is wrong with a socket is said by its next read or write. */
	if (events & (EPOLLERR | EPOLLHUP))
		events |= s->watch.events;
	act(s->pool, s->watch.fd,
	    (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *cls)
{
	act(cls, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *cls)
{
	struct http_pool *p = cls;
	if (timeout_ms < 0)
		loop_timer_cancel(&p->timer);
	else
		loop_timer_in(p->loop, &p->timer, timeout_ms);
	return 0;
}

static void sock_free(struct sock *s)
{
	loop_fd_remove(&s->watch);
	if (s->prev)
		s->prev->next = s->next;
	else
		s->pool->socks = s->next;
	if (s->next)
		s->next->prev = s->prev;
	free(s);
}

static struct sock *sock_new(struct http_pool *p, curl_socket_t fd, uint32_t events)
{
	struct sock *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->pool = p;
	s->watch = (struct loop_fd){.fd = fd, .events = events, .ready = on_socket, .cls = s};
	if (loop_fd_add(p->loop, &s->watch, NULL) != 0) {
		free(s);
		return NULL;
	}
	s->next = p->socks;
	if (s->next)
		s->next->prev = s;
	p->socks = s;
	return s;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *cls, void *socket_cls)
{
	struct http_pool *p = cls;
	struct sock *s = socket_cls;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			sock_free(s);
		curl_multi_assign(p->multi, fd, NULL);
		return 0;
	}
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (s) {
		loop_fd_events(&s->watch, events);
		return 0;
	}
	s = sock_new(p, fd, events);
	if (!s)
		return -1; /* curl fails the transfer */
	curl_multi_assign(p->multi, fd, s);
	return 0;
}

int http_pool_new(struct loop *loop, unsigned max_idle, int64_t idle_ms, struct http_pool **out)
{
	struct http_pool *p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	p->loop = loop;
	p->idle_ms = idle_ms;
	p->timer = (struct loop_timer){.fire = on_timer, .cls = p};
	p->multi = curl_multi_init();
	if (!p->multi) {
		free(p);
		return ERR_NOMEM;
	}
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	/* The default follows the number of handles in flight and would drop idle connections. */
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)(max_idle ? max_idle : 1));
	*out = p;
	return 0;
}

static void transfer_free(struct http_transfer *t);

static void pool_destroy(struct http_pool *p)
{
	while (p->transfers)
		transfer_free(p->transfers);
	while (p->n_idle > 0)
		curl_easy_cleanup(p->idle[--p->n_idle]);
	curl_multi_cleanup(p->multi);
	while (p->socks)
		sock_free(p->socks);
	loop_timer_cancel(&p->timer);
	free(p);
}

void http_pool_free(struct http_pool *p)
{
	if (!p)
		return;
	if (!p->draining) {
		pool_destroy(p);
		return;
	}
	p->dead = true;
	while (p->transfers)
		transfer_free(p->transfers);
}

static CURL *easy_take(struct http_pool *p)
{
	return p->n_idle > 0 ? p->idle[--p->n_idle] : curl_easy_init();
}

static void easy_give(struct http_pool *p, CURL *easy)
{
	curl_multi_remove_handle(p->multi, easy);
	if (p->n_idle == IDLE_EASIES) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	p->idle[p->n_idle++] = easy;
}

/* --- client --- */

int http_client_new(struct http_pool *pool, const struct http_options *opt,
		    struct http_client **out, struct err *err)
{
	const struct tls_options *tls = &opt->tls;
	if (tls->max_version != TLS_ANY && tls->max_version < tls->min_version)
		return err_set(err, 1, "tls_config: max_version is below min_version");
	struct http_client *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ERR_NOMEM, "no memory");
	c->pool = pool;
	c->opt = *opt;
	if (material_tls_init(&c->tls, tls) != 0) {
		free(c);
		return err_set(err, ERR_NOMEM, "no memory");
	}
	*out = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	material_tls_deinit(&c->tls);
	free(c);
}

/* --- the answer as it arrives --- */

static size_t on_body(char *ptr, size_t size, size_t n, void *cls)
{
	struct http_transfer *t = cls;
	size_t len = size * n;
	if (len > t->body_max - t->received) {
		t->fault = FAULT_BODY;
		return 0;
	}
	t->received += len;
	if (t->body_out && buf_append(t->body_out, ptr, len) != 0) {
		t->fault = len > t->body_out->max - t->body_out->len ? FAULT_BODY : FAULT_MEMORY;
		return 0;
	}
	return len;
}

static size_t on_header(char *ptr, size_t size, size_t n, void *cls)
{
	struct http_transfer *t = cls;
	if (http_fields_line(&t->fields, sv_make(ptr, size * n)) == 0)
		return size * n;
	t->fault = FAULT_HEADERS;
	return 0;
}

/* --- one request of a transfer --- */

static int slist_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *s = curl_slist_append(*list, line);
	if (!s)
		return 1;
	*list = s;
	return 0;
}

static void slist_wipe(struct curl_slist *list)
{
	for (struct curl_slist *s = list; s; s = s->next)
		crypto_wipe(s->data, strlen(s->data));
	curl_slist_free_all(list);
}

static void hop_deinit(struct http_transfer *t)
{
	if (t->with_host)
		t->with_host->next = NULL; /* the rest belongs to headers */
	curl_slist_free_all(take_ptr(t->with_host));
	curl_slist_free_all(take_ptr(t->resolve));
	curl_slist_free_all(take_ptr(t->connect_to));
	http_hop_deinit(&t->hop);
}

/* True when the host was last thrown out long enough ago, or never. */
static bool dns_too_old(struct http_pool *p, const char *host)
{
	uint64_t hash = hash_keyed(host, strlen(host));
	struct dns_slot *slot = &p->dns[hash % DNS_SLOTS];
	int64_t now = loop_now_ms(p->loop);
	if (slot->hash == hash && now - slot->at_ms < DNS_MAX_AGE_MS)
		return false;
	*slot = (struct dns_slot){hash, now};
	return true;
}

/* Points the transfer at url, whose bytes must not be the present hop's. 0, or 1. */
static int hop_init(struct http_transfer *t, struct sv url, struct err *err)
{
	hop_deinit(t);
	if (http_hop_init(&t->hop, url, t->client->opt.tls.server_name, err) != 0)
		return 1;
	struct http_hop *h = &t->hop;
	if ((h->host_line && slist_add(&t->with_host, h->host_line) != 0) ||
	    (h->connect_to && slist_add(&t->connect_to, h->connect_to) != 0))
		return err_set(err, 1, "no memory");
	if (h->resolve && dns_too_old(t->client->pool, h->resolve) &&
	    slist_add(&t->resolve, h->resolve) != 0)
		return err_set(err, 1, "no memory");
	return 0;
}

static long tls_versions(const struct tls_options *o)
{
	static const long min[] = {CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_0,
				   CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2,
				   CURL_SSLVERSION_TLSv1_3};
	static const long max[] = {CURL_SSLVERSION_MAX_DEFAULT, CURL_SSLVERSION_MAX_TLSv1_0,
				   CURL_SSLVERSION_MAX_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_2,
				   CURL_SSLVERSION_MAX_TLSv1_3};
	long lowest = min[o->min_version];
	/* An old maximum alone lowers the default minimum with it. */
	if (o->min_version == TLS_ANY && o->max_version != TLS_ANY && o->max_version < TLS_12)
		lowest = min[o->max_version];
	return lowest | max[o->max_version];
}

static CURLcode set_blob(CURL *e, CURLoption option, struct sv pem)
{
	/* The option's views outlive the client and so its requests. */
	struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
	return curl_easy_setopt(e, option, &blob);
}

static CURLcode set_ca(CURL *e, const struct http_client *c)
{
	const char *path = c->tls.files[MATERIAL_CA].path;
	if (c->opt.tls.ca.len) {
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		return set_blob(e, CURLOPT_CAINFO_BLOB, c->opt.tls.ca);
	}
	if (!path && system_ca[0])
		path = system_ca;
	if (!path)
		return CURLE_OK;
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	return curl_easy_setopt(e, CURLOPT_CAINFO, path);
}

/* Nothing made before the last change of a certificate file may serve. */
static void set_age_limits(CURL *e, const struct http_client *c)
{
	if (c->tls.changed_ms == 0)
		return;
	long age_s = (long)((loop_now_ms(c->pool->loop) - c->tls.changed_ms) / 1000);
	if (age_s < 2)
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	else
		curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, age_s - 1);
#if LIBCURL_VERSION_NUM >= 0x075700
	enum { DAY_S = 86400 };
	curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, age_s < DAY_S ? age_s : (long)DAY_S);
#endif
}

static CURLcode set_tls(CURL *e, const struct http_client *c)
{
	const struct tls_options *o = &c->opt.tls;
	CURLcode rc = curl_easy_setopt(e, CURLOPT_SSLVERSION, tls_versions(o));
	if (o->insecure_skip_verify) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (rc == CURLE_OK)
		rc = set_ca(e, c);
	if (rc == CURLE_OK && o->cert.len)
		rc = set_blob(e, CURLOPT_SSLCERT_BLOB, o->cert);
	else if (rc == CURLE_OK && c->tls.files[MATERIAL_CERT].path)
		rc = curl_easy_setopt(e, CURLOPT_SSLCERT, c->tls.files[MATERIAL_CERT].path);
	if (rc == CURLE_OK && o->key.len)
		rc = set_blob(e, CURLOPT_SSLKEY_BLOB, o->key);
	else if (rc == CURLE_OK && c->tls.files[MATERIAL_KEY].path)
		rc = curl_easy_setopt(e, CURLOPT_SSLKEY, c->tls.files[MATERIAL_KEY].path);
	set_age_limits(e, c);
	return rc;
}

static void set_fixed(struct http_transfer *t)
{
	CURL *e = t->easy;
	int64_t idle_s = (t->client->pool->idle_ms + 999) / 1000;
	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)(idle_s > 0 ? idle_s : 1));
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
}

static CURLcode set_method(struct http_transfer *t)
{
	CURL *e = t->easy;
	struct sv method = sv_of(t->method);
	if (sv_eq(method, SV("HEAD")))
		return curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	if (sv_eq(method, SV("GET")))
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	/* Fields, not a read callback: curl can send them again when a kept connection was dead. */
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->body.len ? t->body.ptr : "");
	if (sv_eq(method, SV("POST")))
		return CURLE_OK;
	return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, t->method);
}

static void set_where(struct http_transfer *t)
{
	struct curl_slist *lines = t->stripped ? t->harmless : t->headers;
	if (t->with_host) {
		t->with_host->next = lines;
		lines = t->with_host;
	}
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, lines);
	curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve);
	curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO, t->connect_to);
}

/* Sends the request of the present hop. 0, or 1 with the reason. */
static int send_hop(struct http_transfer *t, int64_t timeout_ms, struct err *err)
{
	struct http_pool *p = t->client->pool;
	t->easy = easy_take(p);
	if (!t->easy)
		return err_set(err, 1, "no memory");
	set_fixed(t);
	set_where(t);
	CURLcode rc = curl_easy_setopt(t->easy, CURLOPT_URL, t->hop.url);
	if (rc == CURLE_OK)
		rc = set_method(t);
	if (rc == CURLE_OK)
		rc = set_tls(t->easy, t->client);
	if (rc != CURLE_OK)
		return err_set(err, 1, "cannot set up the request: %s", curl_easy_strerror(rc));
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)(timeout_ms > 0 ? timeout_ms : 1));
	t->n_requests++;
	CURLMcode mc = curl_multi_add_handle(p->multi, t->easy);
	return mc == CURLM_OK ? 0 : err_set(err, 1, "curl: %s", curl_multi_strerror(mc));
}

/* --- start and end --- */

/* Everything but the easy handle, which belongs to the pool: the pool may be gone. */
static void transfer_release(struct http_transfer *t)
{
	hop_deinit(t);
	slist_wipe(t->headers);
	http_fields_deinit(&t->fields);
	free(t->first_url);
	free(t);
}

static void unlink_transfer(struct http_transfer *t)
{
	struct http_pool *p = t->client->pool;
	if (t->prev)
		t->prev->next = t->next;
	else if (p->transfers == t)
		p->transfers = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

static void transfer_free(struct http_transfer *t)
{
	unlink_transfer(t);
	if (t->easy)
		easy_give(t->client->pool, t->easy);
	transfer_release(t);
}

DEFINE_CLEANUP_PTR(struct http_transfer, transfer_free)

static int add_lines(struct http_transfer *t, struct sv lines)
{
	while (lines.len > 0) {
		size_t len = strlen(lines.ptr);
		if (slist_add(&t->headers, lines.ptr) != 0)
			return 1;
		lines = sv_from(lines, len + 1);
	}
	return 0;
}

DEFINE_CLEANUP(struct buf, buf_wipe)

/* What must not reach another host comes first, so that the rest is a list of its own. */
static int make_headers(struct http_transfer *t, const struct http_request *req, struct err *err)
{
	_cleanup_(buf_wipe) struct buf secret = BUF_NULL, plain = BUF_NULL;
	buf_init(&secret, REQUEST_LINES_BYTES);
	buf_init(&plain, REQUEST_LINES_BYTES);
	if (material_client_lines(&secret, &t->client->opt, !req->no_auth, err) != 0)
		return 1;
	for (size_t i = 0; i < req->n_headers; i++) {
		const struct http_header *h = &req->headers[i];
		struct buf *to = material_is_sensitive(h->name) ? &secret : &plain;
		if (material_line(to, h->name, h->value, err) != 0)
			return 1;
	}
	/* No header that curl makes up by itself. */
	if (add_lines(t, buf_view(&secret)) != 0)
		return err_set(err, 1, "no memory");
	struct curl_slist *last = t->headers;
	while (last && last->next)
		last = last->next;
	if (add_lines(t, buf_view(&plain)) != 0 || slist_add(&t->headers, "Expect:") != 0 ||
	    slist_add(&t->headers, "Accept:") != 0 || slist_add(&t->headers, "Content-Type:") != 0)
		return err_set(err, 1, "no memory");
	t->harmless = last ? last->next : t->headers;
	return 0;
}

int http_start(struct http_client *c, const struct http_request *req,
	       void (*done)(void *cls, const struct http_answer *a), void *cls,
	       struct http_transfer **out, struct err *err)
{
	struct http_pool *p = c->pool;
	if (req->method.len == 0 || req->method.len >= METHOD_MAX)
		return err_set(err, 1, "unsupported method \"%.*s\"", SV_ARG(req->method));
	if (material_tls_check(&c->tls, loop_now_ms(p->loop), loop_wall_ms(p->loop), err) != 0)
		return 1;
	_cleanup_(transfer_freep) struct http_transfer *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, 1, "no memory");
	t->client = c;
	t->done = done;
	t->cls = cls;
	t->body = req->body;
	t->body_out = req->body_out;
	t->body_max = req->body_max;
	t->timeout_ms = req->timeout_ms;
	t->start_ns = clock_mono_ns();
	t->deadline_ms = t->start_ns / 1000000 + req->timeout_ms;
	memcpy(t->method, req->method.ptr, req->method.len);
	http_fields_init(&t->fields);
	if (t->body_out)
		buf_reset(t->body_out);
	t->first_url = sv_dup(req->url);
	if (!t->first_url)
		return err_set(err, 1, "no memory");
	if (hop_init(t, sv_of(t->first_url), err) != 0 || make_headers(t, req, err) != 0 ||
	    send_hop(t, req->timeout_ms, err) != 0)
		return 1;
	t->next = p->transfers;
	if (t->next)
		t->next->prev = t;
	p->transfers = t;
	if (out)
		*out = t;
	t = NULL;
	return 0;
}

void http_cancel(struct http_transfer *t)
{
	if (t && !t->finishing)
		transfer_free(t);
}

/* Goes on to `location`: 0, or 1 with the reason. */
static int follow(struct http_transfer *t, int status, const char *location, struct err *err)
{
	if (t->n_requests >= REDIRECT_MAX_REQUESTS)
		return err_set(err, 1, "stopped after %d redirects", REDIRECT_MAX_REQUESTS);
	struct url_parts first;
	if (url_split(sv_of(t->first_url), &first) != 0 || hop_init(t, sv_of(location), err) != 0)
		return 1;
	t->stripped = t->stripped || !redirect_keeps_credentials(&first, &t->hop.parts);
	bool keep_body;
	struct sv method = redirect_method(status, sv_of(t->method), &keep_body);
	if (method.ptr != t->method)
		memcpy(t->method, method.ptr, method.len + 1);
	if (!keep_body)
		t->body = SV_NULL;
	t->received = 0;
	t->error[0] = '\0';
	http_fields_reset(&t->fields);
	if (t->body_out)
		buf_reset(t->body_out);
	return send_hop(t, t->deadline_ms - clock_mono_ms(), err);
}

static enum http_result result_of(const struct http_transfer *t, CURLcode rc)
{
	if (rc == CURLE_OK)
		return HTTP_OK;
	if (t->fault != FAULT_NONE)
		return t->fault == FAULT_MEMORY ? HTTP_LOCAL : HTTP_TOO_LARGE;
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_LOCAL;
	default:
		return HTTP_NETWORK;
	}
}

static void describe(const struct http_transfer *t, CURLcode rc, struct err *why)
{
	switch (t->fault) {
	case FAULT_BODY:
		err_set(why, 0, "the answer's body is larger than %zu bytes", t->body_max);
		return;
	case FAULT_HEADERS:
		err_set(why, 0, "the answer's header is larger than %zu bytes",
			LIMIT_HTTP_HEADER_BYTES);
		return;
	case FAULT_MEMORY:
		err_set(why, 0, "no memory");
		return;
	case FAULT_NONE:
		break;
	}
	if (rc == CURLE_OPERATION_TIMEDOUT)
		err_set(why, 0, "timeout of %lld ms exceeded", (long long)t->timeout_ms);
	else
		err_set(why, 0, "%s", t->error[0] ? t->error : curl_easy_strerror(rc));
}

static void report(struct http_transfer *t, enum http_result result, int status,
		   const struct err *why)
{
	const struct http_fields *f = &t->fields;
	struct http_answer a = {
		.result = result,
		.status = status,
		.error = result == HTTP_OK ? NULL : why->msg,
		.content_type = http_fields_get(f, FIELD_CONTENT_TYPE),
		.content_encoding = http_fields_get(f, FIELD_CONTENT_ENCODING),
		.retry_after = http_fields_get(f, FIELD_RETRY_AFTER),
		.date = http_fields_get(f, FIELD_DATE),
		.request_id = http_fields_get(f, FIELD_REQUEST_ID),
		.error_type = http_fields_get(f, FIELD_ERROR_TYPE),
		.duration_ns = clock_mono_ns() - t->start_ns,
		.bytes_received = t->received,
	};
	t->done(t->cls, &a);
}

/* Takes t out of everything the callback could reach, then reports. */
static void finish(struct http_transfer *t, CURLcode rc)
{
	_cleanup_(freep) char *location = NULL;
	struct err why = ERR_NULL;
	long status = 0;
	char *redirect = NULL;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &redirect);
	bool follows = rc == CURLE_OK && redirect && t->client->opt.follow_redirects &&
		       redirect_status((int)status);
	if (follows)
		location = sv_dup(sv_of(redirect));
	enum http_result result = result_of(t, rc);
	describe(t, rc, &why);
	easy_give(t->client->pool, take_ptr(t->easy));
	if (follows && location && follow(t, (int)status, location, &why) == 0)
		return;
	if (follows)
		result = HTTP_NETWORK;
	if (t->easy)
		easy_give(t->client->pool, take_ptr(t->easy));
	unlink_transfer(t);
	t->finishing = true;
	report(t, result, (int)status, &why);
	transfer_release(t);
}

/* Done messages are read only here, never inside a curl callback. */
static void drain(struct http_pool *p)
{
	int left;
	CURLMsg *m;
	p->draining = true;
	while (!p->dead && (m = curl_multi_info_read(p->multi, &left))) {
		struct http_transfer *t = NULL;
		CURLcode rc = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, rc);
	}
	p->draining = false;
	if (p->dead)
		pool_destroy(p);
}
