/* libcurl on the loop, by curl_multi_socket_action(). The only file that sees curl; what a transfer
 * is made of stands in http_transfer.c.
 *
 * One pool is one multi handle: its sockets are watchers of the loop, its timeout a timer. A call
 * takes an easy handle from the pool's free list: a waiting target costs its idle connection only.
 *
 * Choices that are not obvious:
 *  - CAPATH is NULL: with a directory set, curl parses the whole bundle for every connection.
 *  - The DNS cache never expires by itself (the expiry walks it for each call); a host whose
 *    answer is older than DNS_MAX_AGE_MS is thrown out by a "-host:port" entry before its request.
 *  - QUICK_EXIT: cancelling must not wait for a resolver thread.
 *  - Redirects are not followed here: curl would send http_headers to any host.
 *  - The body is counted here: curl's own limit trusts Content-Length.
 *  - An answer whose header breaks off is a whole answer to curl; here it is not.
 *  - After a certificate file changed, nothing older than the change is used: neither connections
 *    (MAXLIFETIME_CONN) nor the parsed CA bundle (CA_CACHE_TIMEOUT). Both count in seconds, so
 *    for the first ones connections are fresh and the bundle is parsed. TLS sessions are never
 *    resumed, because a resumed one is not verified again.
 *
 * A call is in the multi (easy is set) until drain() reads its done message, gives the easy handle
 * back and calls done, which may start calls, stop others, or free the pool (`dead` defers that).
 */
#include <ampagent/base/crypto.h>
#include <ampagent/net/http_client.h>

#include "http_call.h"
#include "http_places.h"
#include "http_sockets.h"

#include <curl/curl.h>
#include <signal.h>
#include <sys/epoll.h>

_Static_assert(sizeof(((struct http_call *)0)->error) >= CURL_ERROR_SIZE, "curl's error fits");

enum {
	IDLE_EASIES = 16,
	RECEIVE_BUFFER_BYTES = 16384,
};

struct http_pool {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct http_sockets socks;
	struct http_call *calls;
	CURL *idle[IDLE_EASIES];
	size_t n_idle;
	int64_t idle_ms;
	enum fd_use use;
	bool draining, dead; /* done callbacks are running; one of them freed the pool */
	struct http_places places;
};

static char system_ca[4096]; /* "" = leave curl's default */

int http_client_global_init(void)
{
	/* curl is told to leave signals alone, so a TLS write to a closed socket would raise it. */
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_FATAL;
	const char *found = material_system_ca();
	snprintf(system_ca, sizeof(system_ca), "%s", found ? found : "");
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

static void on_socket(void *cls, int fd, uint32_t events)
{
	act(cls, fd,
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

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *cls, void *socket_cls)
{
	struct http_pool *p = cls;
	struct http_sock *s = socket_cls;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			http_sockets_drop(s);
		curl_multi_assign(p->multi, fd, NULL);
		return 0;
	}
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	struct http_sock *now = http_sockets_watch(&p->socks, s, fd, events);
	if (!now)
		return -1; /* curl fails the transfer */
	curl_multi_assign(p->multi, fd, now);
	return 0;
}

int http_pool_new(struct loop *loop, unsigned max_idle, int64_t idle_ms, struct http_pool **out)
{
	struct http_pool *p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	p->loop = loop;
	p->idle_ms = idle_ms;
	p->socks = (struct http_sockets){.loop = loop, .ready = on_socket, .cls = p};
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

void http_pool_use(struct http_pool *pool, enum fd_use use)
{
	pool->use = use;
}

struct loop *http_pool_loop(const struct http_pool *pool)
{
	return pool->loop;
}

static void calls_gone(struct http_pool *p)
{
	while (p->calls) {
		struct http_call *call = p->calls;
		http_call_stop(call);
		call->gone(call);
	}
}

static void pool_destroy(struct http_pool *p)
{
	while (p->n_idle > 0)
		curl_easy_cleanup(p->idle[--p->n_idle]);
	curl_multi_cleanup(p->multi);
	http_sockets_clear(&p->socks);
	loop_timer_cancel(&p->timer);
	free(p);
}

void http_pool_free(struct http_pool *p)
{
	if (!p)
		return;
	calls_gone(p);
	if (p->draining)
		p->dead = true;
	else
		pool_destroy(p);
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

/* --- the socket --- */

static curl_socket_t open_socket(void *cls, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct http_call *call = cls;
	bool may_idle = true;
	int fd = http_socket_open(call, call->pool->use, addr->family, addr->socktype,
				  addr->protocol, &may_idle);
	if (!may_idle)
		curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* --- the answer as it arrives --- */

static size_t on_body(char *ptr, size_t size, size_t n, void *cls)
{
	struct http_call *call = cls;
	return http_body_take(call, ptr, size * n) == 0 ? size * n : 0;
}

static size_t on_header(char *ptr, size_t size, size_t n, void *cls)
{
	struct http_call *call = cls;
	if (http_fields_line(&call->fields, sv_make(ptr, size * n)) == 0)
		return size * n;
	call->fault = FAULT_HEADERS;
	return 0;
}

/* --- the request --- */

static int slist_add(void *list, const char *line)
{
	struct curl_slist **head = list;
	struct curl_slist *s = curl_slist_append(*head, line);
	if (!s)
		return 1;
	*head = s;
	return 0;
}

static int slist_add_lines(void *list, struct sv lines)
{
	while (lines.len > 0) {
		size_t len = strlen(lines.ptr);
		if (slist_add(list, lines.ptr) != 0)
			return 1;
		lines = sv_from(lines, len + 1);
	}
	return 0;
}

static void slist_wipe(struct curl_slist *list)
{
	for (struct curl_slist *s = list; s; s = s->next)
		crypto_wipe(s->data, strlen(s->data));
	curl_slist_free_all(list);
}

static bool dns_too_old(struct http_pool *p, const char *host)
{
	return http_places_dns_too_old(&p->places, host, loop_now_ms(p->loop));
}

/* What is only for a proxy: for all of its requests, or for the one that opens a tunnel. An empty
 * "Name:" keeps curl from adding its own. */
static int make_proxy_lists(struct http_call *call)
{
	const struct http_proxy_server *s = call->proxy;
	if (!s)
		return 0;
	struct sv lines = buf_view(call->hop->https ? &s->connect_lines : &s->auth_line);
	if (slist_add_lines(&call->proxy_headers, lines) != 0 ||
	    slist_add(&call->proxy_headers, "Proxy-Connection:") != 0)
		return 1;
	if (dns_too_old(call->pool, s->resolve))
		return slist_add(&call->resolve, s->resolve);
	return 0;
}

static int make_lists(struct http_call *call)
{
	const struct http_hop *h = call->hop;
	if (h->host_line && slist_add(&call->headers, h->host_line) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(call->lines) / sizeof(call->lines[0]); i++) {
		if (slist_add_lines(&call->headers, call->lines[i]) != 0)
			return 1;
	}
	if (slist_add(&call->headers, "Expect:") != 0 ||
	    slist_add(&call->headers, "Accept:") != 0 ||
	    slist_add(&call->headers, "Content-Type:") != 0)
		return 1;
	if (h->connect_to && slist_add(&call->connect_to, h->connect_to) != 0)
		return 1;
	if (h->resolve && (dns_too_old(call->pool, h->resolve) || call->any_address) &&
	    slist_add(&call->resolve, h->resolve) != 0)
		return 1;
	return make_proxy_lists(call);
}

static long tls_versions(const struct tls_options *o)
{
	static const long min[] = {CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_0,
				   CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2,
				   CURL_SSLVERSION_TLSv1_3};
	static const long max[] = {CURL_SSLVERSION_MAX_DEFAULT, CURL_SSLVERSION_MAX_TLSv1_0,
				   CURL_SSLVERSION_MAX_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_2,
				   CURL_SSLVERSION_MAX_TLSv1_3};
	return min[o->min_version] | max[o->max_version];
}

/* The same settings are for the server and for an https proxy. */
struct tls_names {
	CURLoption version, verify_peer, verify_host, ciphers;
	CURLoption ca, ca_blob, ca_path, cert, cert_blob, key, key_blob;
};

static const struct tls_names server_names = {
	CURLOPT_SSLVERSION,      CURLOPT_SSL_VERIFYPEER, CURLOPT_SSL_VERIFYHOST,
	CURLOPT_SSL_CIPHER_LIST, CURLOPT_CAINFO,         CURLOPT_CAINFO_BLOB,
	CURLOPT_CAPATH,          CURLOPT_SSLCERT,        CURLOPT_SSLCERT_BLOB,
	CURLOPT_SSLKEY,          CURLOPT_SSLKEY_BLOB};
static const struct tls_names proxy_names = {
	CURLOPT_PROXY_SSLVERSION,      CURLOPT_PROXY_SSL_VERIFYPEER, CURLOPT_PROXY_SSL_VERIFYHOST,
	CURLOPT_PROXY_SSL_CIPHER_LIST, CURLOPT_PROXY_CAINFO,         CURLOPT_PROXY_CAINFO_BLOB,
	CURLOPT_PROXY_CAPATH,          CURLOPT_PROXY_SSLCERT,        CURLOPT_PROXY_SSLCERT_BLOB,
	CURLOPT_PROXY_SSLKEY,          CURLOPT_PROXY_SSLKEY_BLOB};

static CURLcode set_pem(CURL *e, CURLoption blob, CURLoption file, struct sv pem, const char *path)
{
	/* The option's views outlive the client and so its requests. */
	struct curl_blob text = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
	if (pem.len)
		return curl_easy_setopt(e, blob, &text);
	return path ? curl_easy_setopt(e, file, path) : CURLE_OK;
}

static CURLcode set_ca(CURL *e, const struct http_call *c, const struct tls_names *n)
{
	const char *path = c->files->files[MATERIAL_CA].path;
	if (!path && !c->tls->ca.len && system_ca[0])
		path = system_ca;
	if (path || c->tls->ca.len)
		curl_easy_setopt(e, n->ca_path, NULL);
	return set_pem(e, n->ca_blob, n->ca, c->tls->ca, path);
}

/* Nothing made before the last change of a certificate file may serve. */
static void set_age_limits(CURL *e, const struct http_call *c)
{
	if (c->files->changed_ms == 0)
		return;
	long age_s = (long)((loop_now_ms(c->pool->loop) - c->files->changed_ms) / 1000);
	if (age_s < 2)
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	else
		curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, age_s - 1);
#if LIBCURL_VERSION_NUM >= 0x075700
	enum { DAY_S = 86400 };
	curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, age_s < DAY_S ? age_s : (long)DAY_S);
#endif
}

static CURLcode set_tls(CURL *e, const struct http_call *c, const struct tls_names *n)
{
	const struct tls_options *o = c->tls;
	const struct material_file *files = c->files->files;
	CURLcode rc = curl_easy_setopt(e, n->version, tls_versions(o));
	/* OpenSSL counts the digests of versions before 1.2 as no security at all. */
	if (rc == CURLE_OK && o->min_version != TLS_ANY && o->min_version < TLS_12)
		rc = curl_easy_setopt(e, n->ciphers, "DEFAULT:@SECLEVEL=0");
	if (o->insecure_skip_verify) {
		curl_easy_setopt(e, n->verify_peer, 0L);
		curl_easy_setopt(e, n->verify_host, 0L);
	}
	if (rc == CURLE_OK)
		rc = set_ca(e, c, n);
	if (rc == CURLE_OK)
		rc = set_pem(e, n->cert_blob, n->cert, o->cert, files[MATERIAL_CERT].path);
	if (rc == CURLE_OK)
		rc = set_pem(e, n->key_blob, n->key, o->key, files[MATERIAL_KEY].path);
	return rc;
}

static CURLcode set_proxy(CURL *e, struct http_call *call)
{
	const struct http_proxy_server *s = call->proxy;
	CURLcode rc = curl_easy_setopt(e, CURLOPT_PROXY, s ? s->url : "");
	if (!s || rc != CURLE_OK)
		return rc;
	curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(e, CURLOPT_PROXYHEADER, call->proxy_headers);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (s->kind != HTTP_PROXY_SOCKS5 && call->hop->absolute)
		curl_easy_setopt(e, CURLOPT_REQUEST_TARGET, call->hop->absolute);
	if (s->kind == HTTP_PROXY_SOCKS5 && s->user) {
		curl_easy_setopt(e, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC);
		rc = curl_easy_setopt(e, CURLOPT_PROXYUSERNAME, s->user);
		if (rc == CURLE_OK)
			rc = curl_easy_setopt(e, CURLOPT_PROXYPASSWORD, s->password);
	} else if (s->kind != HTTP_PROXY_SOCKS5 && call->hop->https &&
		   !http_places_tunnel_kept(&call->pool->places, s->url,
					    buf_view(&s->connect_lines))) {
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	}
	if (rc == CURLE_OK && s->kind == HTTP_PROXY_HTTPS)
		rc = set_tls(e, call, &proxy_names);
	return rc;
}

static void set_fixed(CURL *e, struct http_call *call)
{
	int64_t idle_s = (call->pool->idle_ms + 999) / 1000;
	curl_easy_setopt(e, CURLOPT_PRIVATE, call);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)(idle_s > 0 ? idle_s : 1));
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
}

static CURLcode set_method(CURL *e, const struct http_call *call)
{
	struct sv method = sv_of(call->method);
	if (sv_eq(method, SV("HEAD")))
		return curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	if (sv_eq(method, SV("GET")))
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	/* Fields, not a read callback: curl can send them again when a kept connection was dead. */
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body.len ? call->body.ptr : "");
	if (sv_eq(method, SV("POST")))
		return CURLE_OK;
	return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
}

static CURLcode set_options(CURL *e, struct http_call *call)
{
	set_fixed(e, call);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(e, CURLOPT_RESOLVE, call->resolve);
	curl_easy_setopt(e, CURLOPT_CONNECT_TO, call->connect_to);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, call->timeout_ms > 0 ? (long)call->timeout_ms : 1L);
	curl_easy_setopt(e, CURLOPT_DNS_SHUFFLE_ADDRESSES, call->any_address ? 1L : 0L);
	CURLcode rc = curl_easy_setopt(e, CURLOPT_URL, call->hop->url);
	if (rc == CURLE_OK)
		rc = set_method(e, call);
	if (rc == CURLE_OK)
		rc = set_tls(e, call, &server_names);
	if (rc == CURLE_OK)
		rc = set_proxy(e, call);
	set_age_limits(e, call);
	return rc;
}

/* --- start and end --- */

void http_call_park(struct http_call *call)
{
	call->linked = true;
	call->prev = NULL;
	call->next = call->pool->calls;
	if (call->next)
		call->next->prev = call;
	call->pool->calls = call;
}

static void rest(struct http_call *call)
{
	struct http_pool *p = call->pool;
	if (call->prev)
		call->prev->next = call->next;
	else
		p->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	call->next = call->prev = NULL;
	call->linked = false;
	if (call->easy)
		easy_give(p, take_ptr(call->easy));
	slist_wipe(take_ptr(call->headers));
	slist_wipe(take_ptr(call->proxy_headers));
	curl_slist_free_all(take_ptr(call->resolve));
	curl_slist_free_all(take_ptr(call->connect_to));
}

int http_call_start(struct http_call *call, struct err *err)
{
	struct http_pool *p = call->pool;
	call->easy = easy_take(p);
	if (!call->easy)
		return err_set(err, 1, "no memory");
	call->fault = FAULT_NONE;
	call->error[0] = '\0';
	call->received = 0;
	http_fields_reset(&call->fields);
	http_call_park(call);
	CURLcode rc = make_lists(call) == 0 ? set_options(call->easy, call) : CURLE_OUT_OF_MEMORY;
	if (rc == CURLE_OK && curl_multi_add_handle(p->multi, call->easy) != CURLM_OK)
		rc = CURLE_FAILED_INIT;
	if (rc == CURLE_OK)
		return 0;
	rest(call);
	return err_set(err, 1, "cannot set up the request: %s", curl_easy_strerror(rc));
}

void http_call_stop(struct http_call *call)
{
	if (call->linked)
		rest(call);
}

static enum http_result result_of(const struct http_call *call, CURLcode rc)
{
	if (rc == CURLE_OK)
		return call->fields.complete ? HTTP_OK : HTTP_NETWORK;
	if (call->fault != FAULT_NONE)
		return http_fault_result(call);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return HTTP_TIMEOUT;
	bool local = rc == CURLE_OUT_OF_MEMORY || rc == CURLE_SSL_CERTPROBLEM ||
		     rc == CURLE_SSL_CACERT_BADFILE;
	return local ? HTTP_LOCAL : HTTP_NETWORK;
}

static void describe(struct http_call *call, CURLcode rc)
{
	struct err *why = &call->why;
	const char *text = call->error[0] ? call->error : curl_easy_strerror(rc);
	long os_errno = 0;
	if (call->fault != FAULT_NONE) {
		http_fault_text(call);
	} else if (rc == CURLE_OK) {
		err_set(why, 0, "the answer's header breaks off");
	} else if (rc == CURLE_COULDNT_CONNECT &&
		   curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK &&
		   os_errno != 0) {
		err_set(why, 0, "%s: %s", text, strerror((int)os_errno));
	} else {
		err_set(why, 0, "%s", text);
	}
}

static void finish(struct http_call *call, CURLcode rc)
{
	long status = 0;
	char *location = NULL;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &location);
	call->status = (int)status;
	call->result = result_of(call, rc);
	call->why.msg[0] = '\0';
	if (call->result != HTTP_OK)
		describe(call, rc);
	free(call->location);
	call->location = location ? sv_dup(sv_of(location)) : NULL;
	rest(call);
	call->done(call);
}

/* Done messages are read only here, never inside a curl callback. */
static void drain(struct http_pool *p)
{
	int left;
	CURLMsg *m;
	p->draining = true;
	while (!p->dead && (m = curl_multi_info_read(p->multi, &left))) {
		struct http_call *call = NULL;
		CURLcode rc = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call);
		finish(call, rc);
	}
	p->draining = false;
	if (p->dead)
		pool_destroy(p);
}
