/* A copy of HTTP settings shares nothing with what it was made of. */
#include "../../../scrape/client_options.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/err.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Every string of the settings: all views stand as {ptr, len} pairs in memory that is filled here,
 * so a field that is forgotten by the copy still points into `source`. */
static char source[4096];
static size_t source_len;

static struct sv text(const char *s)
{
	size_t n = strlen(s);
	char *p = source + source_len;
	memcpy(p, s, n);
	source_len += n;
	return sv_make(p, n);
}

static bool inside(const void *p)
{
	uintptr_t at = (uintptr_t)p;
	return at >= (uintptr_t)source && at < (uintptr_t)source + sizeof source;
}

/* No word of the struct points into the source. */
static void assert_apart(const void *object, size_t size)
{
	for (size_t at = 0; at + sizeof(void *) <= size; at += sizeof(void *)) {
		void *word;
		memcpy(&word, (const char *)object + at, sizeof word);
		if (inside(word))
			fail_msg("the word at %zu is not copied", at);
	}
}

static struct tls_options tls(void)
{
	return (struct tls_options){
		.ca = text("ca"),
		.ca_file = text("ca.pem"),
		.cert = text("cert"),
		.cert_file = text("cert.pem"),
		.key = text("key"),
		.key_file = text("key.pem"),
		.server_name = text("name"),
		.insecure_skip_verify = true,
		.min_version = TLS_12,
	};
}

static void everything_is_copied(void **state)
{
	struct sv list[2];
	struct http_header_option headers[2];
	struct http_pair pairs[2];
	/* The arrays lie in the source as well. */
	struct sv *lists = (struct sv *)(void *)(source + 1024);
	struct http_header_option *header = (struct http_header_option *)(void *)(source + 2048);
	struct http_pair *pair = (struct http_pair *)(void *)(source + 3072);
	list[0] = text("one");
	list[1] = text("two");
	memcpy(lists, list, sizeof list);
	headers[0] = (struct http_header_option){
		text("X-A"), lists, 2, lists, 1, lists, 1,
	};
	headers[1] = (struct http_header_option){.name = text("X-B")};
	memcpy(header, headers, sizeof headers);
	pairs[0] = (struct http_pair){text("a"), text("b")};
	pairs[1] = (struct http_pair){text("c"), text("d")};
	memcpy(pair, pairs, sizeof pairs);
	const struct proxy_options proxy = {text("http://p"), text("localhost"), true, header, 2};
	const struct http_options from = {
		.has_basic_auth = true,
		.username = text("user"),
		.username_file = text("user.txt"),
		.password = text("password"),
		.password_file = text("password.txt"),
		.has_authorization = true,
		.auth_type = text("Bearer"),
		.credentials = text("token"),
		.credentials_file = text("token.txt"),
		.tls = tls(),
		.follow_redirects = true,
		.headers = header,
		.n_headers = 2,
		.has_oauth2 = true,
		.oauth2 = {.client_id = text("id"),
			   .client_secret = text("secret"),
			   .client_secret_file = text("secret.txt"),
			   .token_url = text("https://t"),
			   .scopes = lists,
			   .n_scopes = 2,
			   .endpoint_params = pair,
			   .n_endpoint_params = 2,
			   .jwt_bearer = true,
			   .certificate_key = text("k"),
			   .certificate_key_file = text("k.pem"),
			   .certificate_key_id = text("kid"),
			   .signature_algorithm = text("RS256"),
			   .iss = text("iss"),
			   .audience = text("aud"),
			   .claims = pair,
			   .n_claims = 2,
			   .tls = tls(),
			   .proxy = proxy},
		.proxy = proxy,
	};
	_cleanup_(arena_wipe) struct arena arena;
	struct http_options to;
	arena_init(&arena, 1 << 20);
	assert_int_equal(client_options_copy(&arena, &from, &to), 0);
	assert_apart(&to, sizeof to);
	assert_apart(to.headers, 2 * sizeof *to.headers);
	assert_apart(to.headers[0].values, 2 * sizeof(struct sv));
	assert_apart(to.headers[0].secrets, sizeof(struct sv));
	assert_apart(to.headers[0].files, sizeof(struct sv));
	assert_apart(to.proxy.connect_headers, 2 * sizeof *to.headers);
	assert_apart(to.oauth2.scopes, 2 * sizeof(struct sv));
	assert_apart(to.oauth2.claims, 2 * sizeof(struct http_pair));
	assert_apart(to.oauth2.endpoint_params, 2 * sizeof(struct http_pair));
	memset(source, 'x', sizeof source);
	assert_true(sv_eq(to.password, SV("password")));
	assert_true(sv_eq(to.tls.server_name, SV("name")));
	assert_true(sv_eq(to.headers[0].values[1], SV("two")));
	assert_true(sv_eq(to.headers[1].name, SV("X-B")));
	assert_true(sv_eq(to.oauth2.claims[1].value, SV("d")));
	assert_true(sv_eq(to.oauth2.proxy.no_proxy, SV("localhost")));
	assert_true(to.oauth2.jwt_bearer && to.tls.insecure_skip_verify);
	/* Without room nothing is half copied in secret. */
	struct arena small;
	arena_init(&small, 16);
	assert_int_equal(client_options_copy(&small, &to, &to), ERR_NOMEM);
	arena_deinit(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(everything_is_copied)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
