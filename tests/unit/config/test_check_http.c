/* check_http: what excludes what; the old bearer keys; headers. */
#include "parse.h"

#define JOB "scrape_configs:\n- job_name: a\n  "
#define WRITE "remote_write:\n- url: http://x\n  "

static const struct refusal refusals[] = {
	{JOB "basic_auth: {username: a, username_file: b}\n", 3, 26,
	 "at most one of \"username\" and \"username_file\""},
	{JOB "basic_auth: {password: a, password_file: b}\n", 3, 26, "at most one of"},
	{JOB "authorization: {credentials: a, credentials_file: b}\n", 3, 32, "at most one of"},
	{JOB "authorization: {type: ' Basic '}\n", 3, 25, "use basic_auth"},
	{JOB "authorization: {type: basic}\n", 3, 25, "use basic_auth"},
	{JOB "authorization: {type: \"A\\nB\"}\n", 3, 18, "control character"},
	{JOB "basic_auth: {}\n  authorization: {}\n", 4, 18,
	 "at most one of basic_auth, authorization and oauth2"},
	{JOB "bearer_token: a\n  bearer_token_file: b\n", 3, 17,
	 "at most one of \"bearer_token\" and \"bearer_token_file\""},
	{JOB "bearer_token: a\n  basic_auth: {username: x}\n", 3, 17, "at most one of basic_auth"},
	{JOB "bearer_token_file: a\n  authorization: {credentials: x}\n", 3, 22,
	 "at most one of basic_auth"},
	{JOB "tls_config: {ca: a, ca_file: b}\n", 3, 20, "\"ca\" and \"ca_file\""},
	{JOB "tls_config: {cert: a, cert_file: b, key: c}\n", 3, 22, "\"cert\" and"},
	{JOB "tls_config: {key: a, key_file: b, cert: c}\n", 3, 21, "\"key\" and"},
	{JOB "tls_config: {cert_file: a}\n", 3, 27, "must be given together"},
	{JOB "tls_config: {key: a}\n", 3, 21, "must be given together"},
	{JOB "tls_config: {min_version: TLS13, max_version: TLS12}\n", 3, 49,
	 "max_version is below min_version"},
	{JOB "http_headers: {Authorization: {values: [a]}}\n", 3, 18,
	 "setting header \"Authorization\" is not allowed"},
	{JOB "http_headers:\n    X-A: {}\n    X-AMZ-DATE: {values: [a]}\n", 5, 5, "not allowed"},
	{JOB "http_headers: {x-prometheus-scrape-timeout-seconds: {}}\n", 3, 18, "not allowed"},
	{JOB "http_headers: {'a b': {}}\n", 3, 18, "not a header name"},
	{JOB "http_headers: {'': {}}\n", 3, 18, "not a header name"},
	{JOB "http_headers: {a: {values: [\"x\\r\\ny\"]}}\n", 3, 18, "control character"},
	{WRITE "http_headers: {host: {}}\n", 3, 18, "not allowed"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static void test_defaults(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("scrape_configs: [{job_name: a}]\nremote_write: [{url: http://x}]\n");
	const struct http_options *s = &c->scrapes[0].http, *w = &c->writes[0].http;
	assert_false(s->has_basic_auth);
	assert_false(s->has_authorization);
	assert_sv_equal(s->auth_type, "Bearer");
	assert_true(s->follow_redirects);
	assert_true(s->enable_http2);
	assert_true(w->follow_redirects);
	assert_false(w->enable_http2);
	assert_int_equal(s->n_headers, 0);
	assert_int_equal(s->tls.min_version, TLS_ANY);
}

static void test_basic_auth(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "basic_auth: {username: u, password_file: p}\n");
	const struct http_options *h = &c->scrapes[0].http;
	assert_true(h->has_basic_auth);
	assert_sv_equal(h->username, "u");
	assert_sv_equal(h->password_file, "/etc/app/p");
}

static void test_authorization(void **state)
{
	static const struct {
		const char *yaml, *type, *credentials, *file;
	} cases[] = {
		{"authorization: {credentials: c}\n", "Bearer", "c", ""},
		{"authorization: {type: ' Token ', credentials_file: f}\n", "Token", "",
		 "/etc/app/f"},
		{"authorization: {type: ~}\n", "Bearer", "", ""},
		{"authorization: {}\n", "Bearer", "", ""},
		{"bearer_token: c\n", "Bearer", "c", ""},
		{"bearer_token_file: /f\n", "Bearer", "", "/f"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char yaml[200];
		snprintf(yaml, sizeof yaml, JOB "%s", cases[i].yaml);
		_cleanup_(config_unrefp) struct config *c = parse_good(yaml);
		const struct http_options *h = &c->scrapes[0].http;
		assert_true(h->has_authorization);
		assert_sv_equal(h->auth_type, cases[i].type);
		assert_sv_equal(h->credentials, cases[i].credentials);
		assert_sv_equal(h->credentials_file, cases[i].file);
	}
}

static void test_tls(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "tls_config: {ca: pem, cert: c, key_file: /k, server_name: s,\n"
			       "    insecure_skip_verify: on, min_version: TLS12, max_version: "
			       "TLS13}\n");
	const struct tls_options *t = &c->scrapes[0].http.tls;
	assert_sv_equal(t->ca, "pem");
	assert_sv_equal(t->cert, "c");
	assert_sv_equal(t->key_file, "/k");
	assert_sv_equal(t->server_name, "s");
	assert_true(t->insecure_skip_verify);
	assert_int_equal(t->min_version, TLS_12);
	assert_int_equal(t->max_version, TLS_13);
}

static void test_headers(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "http_headers:\n"
			       "    X-Scope: {values: [a, b], secrets: [c], files: [f]}\n"
			       "    X-Empty:\n");
	const struct http_options *h = &c->scrapes[0].http;
	assert_int_equal(h->n_headers, 2);
	assert_sv_equal(h->headers[0].name, "X-Scope");
	assert_int_equal(h->headers[0].n_values, 2);
	assert_sv_equal(h->headers[0].values[1], "b");
	assert_sv_equal(h->headers[0].secrets[0], "c");
	assert_sv_equal(h->headers[0].files[0], "/etc/app/f");
	assert_sv_equal(h->headers[1].name, "X-Empty");
	assert_int_equal(h->headers[1].n_values, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),   cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_basic_auth), cmocka_unit_test(test_authorization),
		cmocka_unit_test(test_tls),        cmocka_unit_test(test_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
