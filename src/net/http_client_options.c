/* What curl is told for one call.
 *
 * Choices that are not obvious:
 *  - CAPATH is NULL: with a directory set, curl parses the whole bundle for every connection.
 *  - The DNS cache never expires by itself (the expiry walks it for each call); a host whose
 *    answer is older than HTTP_DNS_MAX_AGE_MS is thrown out by a "-host:port" entry before its
 *    request.
 *  - QUICK_EXIT: cancelling must not wait for a resolver thread.
 *  - Redirects are not followed here: curl would send http_headers to any host.
 *  - After a certificate file changed, nothing older than the change is used: neither connections
 *    (MAXLIFETIME_CONN) nor the parsed CA bundle (CA_CACHE_TIMEOUT). Both count in seconds, so
 *    for the first ones connections are fresh and the bundle is parsed. TLS sessions are never
 *    resumed, because a resumed one is not verified again.
 *  - A call to local addresses only, and one that is to tell its peer, never takes a kept
 *    connection: the former's would be one that was made without looking at the address, the
 *    latter's shows no certificate. A local call's connection is not kept either.
 */
#include "http_client_options.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/crypto_tls.h>

#include <curl/curl.h>

enum { RECEIVE_BUFFER_BYTES = 16384 };

static char system_ca[4096]; /* "" = leave curl's default */
static bool is_openssl;      /* the library below curl: then its contexts are known here */

void http_client_options_init(void)
{
	const char *found = material_system_ca();
	snprintf(system_ca, sizeof(system_ca), "%s", found ? found : "");
	is_openssl = sv_starts_with(sv_of(curl_version_info(CURLVERSION_NOW)->ssl_version),
				    SV("OpenSSL/3"));
}

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

/* The call may be gone when a kept connection ends; its share of the note is not. */
static CURLcode on_tls_context(CURL *easy, void *context, void *cls)
{
	struct http_call *call = cls;
	call->tls_begun++;
	crypto_tls_cleanse(context);
	if (call->note && crypto_tls_watch(context, call->note) != 0)
		return CURLE_OUT_OF_MEMORY;
	return CURLE_OK;
}

static void set_hooks(CURL *e, struct http_call *call)
{
	if (is_openssl) {
		curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
		curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, call);
	}
	if (call->peer || call->local_only)
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	if (call->local_only)
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
}

static CURLcode set_options(CURL *e, struct http_call *call)
{
	set_fixed(e, call);
	set_hooks(e, call);
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

int http_client_options_set(struct http_call *call)
{
	if (call->peer && !call->note && !(call->note = crypto_tls_note_new()))
		return CURLE_OUT_OF_MEMORY;
	return make_lists(call) == 0 ? set_options(call->easy, call) : CURLE_OUT_OF_MEMORY;
}

void http_client_options_drop(struct http_call *call)
{
	slist_wipe(take_ptr(call->headers));
	slist_wipe(take_ptr(call->proxy_headers));
	curl_slist_free_all(take_ptr(call->resolve));
	curl_slist_free_all(take_ptr(call->connect_to));
	crypto_tls_note_unref(take_ptr(call->note));
}
