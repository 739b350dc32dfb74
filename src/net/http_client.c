/* libcurl on the loop, by curl_multi_socket_action(). What curl is told for a call stands in
 * http_client_options.c, which is the only other file that sees curl; what a transfer is made of,
 * in http_transfer.c.
 *
 * One pool is one multi handle: its sockets are watchers of the loop, its timeout a timer. A call
 * takes an easy handle from the pool's free list: a waiting target costs its idle connection only.
 *
 * Choices that are not obvious:
 *  - The body is counted here: curl's own limit trusts Content-Length.
 *  - An answer whose header breaks off is a whole answer to curl; here it is not.
 *  - curl's memory is wiped when it is freed: answers with keys pass its buffers, requests with
 *    tokens are put together in them.
 *
 * A call is in the multi (easy is set) until drain() reads its done message, gives the easy handle
 * back and calls done, which may start calls, stop others, or free the pool (`dead` defers that).
 */
#include <ampagent/base/crypto_tls.h>
#include <ampagent/net/http_client.h>

#include "http_client_options.h"
#include "http_memory.h"

#include <curl/curl.h>
#include <signal.h>
#include <sys/epoll.h>

_Static_assert(sizeof(((struct http_call *)0)->error) >= CURL_ERROR_SIZE, "curl's error fits");

int http_client_global_init(void)
{
	/* curl is told to leave signals alone, so a TLS write to a closed socket would raise it. */
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, http_memory_free, http_memory_realloc,
				 http_memory_strdup, calloc) != CURLE_OK)
		return ERR_FATAL;
	http_client_options_init();
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
	struct http_call *call = NULL;
	if ((what & CURL_POLL_IN) && curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call) == CURLE_OK &&
	    call)
		call->connected = true; /* until then it waits for room to write only */
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
	if (p->n_idle == HTTP_IDLE_EASIES) {
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
	if (http_socket_allowed(call, &addr->addr) != 0)
		return CURL_SOCKET_BAD;
	call->connected = false; /* a resolver's socket was read before */
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

static void set_callbacks(CURL *e, struct http_call *call)
{
	curl_easy_setopt(e, CURLOPT_PRIVATE, call);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
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
	http_client_options_drop(call);
}

int http_call_start(struct http_call *call, struct err *err)
{
	struct http_pool *p = call->pool;
	call->easy = easy_take(p);
	if (!call->easy)
		return err_set(err, 1, "no memory");
	call->fault = FAULT_NONE;
	call->connected = false;
	call->tls_begun = 0;
	call->error[0] = '\0';
	call->received = 0;
	http_fields_reset(&call->fields);
	http_call_park(call);
	CURLcode rc = (CURLcode)http_client_options_set(call);
	set_callbacks(call->easy, call);
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

static bool has_come(const struct http_call *call, CURLINFO what)
{
	curl_off_t us = 0;
	return curl_easy_getinfo(call->easy, what, &us) == CURLE_OK && us > 0;
}

/* Where it was when it was given up, by what had been done by then. curl notes the time of a
 * connection when all is done that comes before the request, so that alone would not tell. */
static enum http_phase phase_by_time(const struct http_call *call, CURLcode rc)
{
	const struct http_proxy_server *proxy = call->proxy;
	bool https = call->hop->https;
	bool tls_proxy = proxy && proxy->kind == HTTP_PROXY_HTTPS;
	bool socks = proxy && proxy->kind == HTTP_PROXY_SOCKS5;

	if (has_come(call, CURLINFO_PRETRANSFER_TIME_T))
		return HTTP_PHASE_EXCHANGE;
	if (!has_come(call, CURLINFO_NAMELOOKUP_TIME_T))
		return HTTP_PHASE_RESOLVE;
	/* What is no time-out is told apart by its code where nobody was connected to; and whoever
	 * answers at once is not waited for. */
	if (rc == CURLE_OPERATION_TIMEDOUT && !call->connected && call->tls_begun == 0)
		return HTTP_PHASE_CONNECT;
	if (https && call->tls_begun > (tls_proxy ? 1 : 0))
		return HTTP_PHASE_TLS;
	if (proxy && (https || tls_proxy || socks))
		return HTTP_PHASE_PROXY;
	return https ? HTTP_PHASE_TLS : HTTP_PHASE_EXCHANGE;
}

static enum http_phase phase_of(const struct http_call *call, CURLcode rc)
{
	switch (rc) {
	case CURLE_SSL_CERTPROBLEM: /* files of this side */
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_FAILED_INIT:
		return HTTP_PHASE_SETUP;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return HTTP_PHASE_RESOLVE;
	case CURLE_COULDNT_CONNECT:
		return HTTP_PHASE_CONNECT;
	case CURLE_PROXY:
		return HTTP_PHASE_PROXY;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
		return HTTP_PHASE_TLS;
	default:
		return phase_by_time(call, rc);
	}
}

static void note_peer(struct http_call *call, CURLcode rc)
{
	const struct crypto_tls_peer *seen = crypto_tls_note_peer(call->note);
	struct http_peer *p = call->peer;
	const char *ip = NULL;
	long port = 0;
	if (curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK && ip && *ip &&
	    curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_PORT, &port) == CURLE_OK)
		snprintf(p->address, sizeof(p->address), strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld",
			 ip, port);
	p->proxied = call->proxy != NULL;
	memcpy(p->subject, seen->subject, sizeof(p->subject));
	memcpy(p->issuer, seen->issuer, sizeof(p->issuer));
	p->not_before_s = seen->not_before_s;
	p->not_after_s = seen->not_after_s;
	p->untrusted = seen->untrusted;
	p->out_of_date = seen->out_of_date;
	/* The name is compared after the chain was found good. */
	p->other_name = rc == CURLE_PEER_FAILED_VERIFICATION && seen->seen && !seen->refused;
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
	call->phase = call->result == HTTP_OK ? HTTP_PHASE_EXCHANGE : phase_of(call, rc);
	if (call->result != HTTP_OK)
		describe(call, rc);
	if (call->peer)
		note_peer(call, rc);
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
