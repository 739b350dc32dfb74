/* check_oauth2: OAuth 2.0 and proxies, of a job and of a token request. */
#include "parse.h"

#define JOB "scrape_configs:\n- job_name: a\n  "
#define JWT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define NEEDED "client_id: c, token_url: http://t"

static const struct refusal refusals[] = {
	{JOB "oauth2: {}\n", 3, 11, "\"client_id\" must be set"},
	{JOB "oauth2: {client_id: c}\n", 3, 11, "\"token_url\" must be set"},
	{JOB "oauth2: {" NEEDED ", client_secret: s, client_secret_file: f}\n", 3, 62,
	 "at most one of \"client_secret\" and \"client_secret_file\""},
	{JOB "oauth2: {" NEEDED ", client_certificate_key: s, client_certificate_key_file: f,\n"
	     "    grant_type: '" JWT "'}\n",
	 3, 71, "at most one of \"client_certificate_key\""},
	{JOB "oauth2: {" NEEDED ", grant_type: '" JWT "', signature_algorithm: ES256}\n", 3, 127,
	 "one of RS256, RS384 and RS512"},
	{JOB "oauth2: {" NEEDED ", client_secret_ref: x}\n", 3, 47,
	 "cannot use secret ref without manager"},
	{JOB "oauth2: {" NEEDED ", tls_config: {cert: x}}\n", 3, 66, "\"key\" or \"key_file\""},
	{JOB "oauth2: {" NEEDED ", no_proxy: x}\n", 3, 57, "\"no_proxy\" needs \"proxy_url\""},
	{JOB "oauth2: {" NEEDED "}\n  basic_auth: {}\n", 3, 11, "at most one of"},
	{JOB "oauth2: {" NEEDED "}\n  bearer_token: x\n", 4, 17, "at most one of"},
	{JOB "oauth2: {" NEEDED ", claims: [a]}\n", 3, 55, "expected map, found a list"},
	/* proxies */
	{JOB "proxy_url: 'http://a b'\n", 3, 14, "\"proxy_url\": invalid character in host name"},
	{JOB "proxy_url: http://a\n  proxy_from_environment: true\n", 3, 14, "exclude each other"},
	{JOB "no_proxy: a\n  proxy_from_environment: true\n", 3, 13, "exclude each other"},
	{JOB "no_proxy: a\n", 3, 13, "\"no_proxy\" needs \"proxy_url\""},
	{JOB "proxy_connect_header: {X: [a]}\n", 3, 25, "needs \"proxy_url\" or"},
	{JOB "proxy_url: http://a\n  proxy_connect_header: {'a b': [a]}\n", 4, 26,
	 "not a header name"},
	{JOB "proxy_url: http://a\n  proxy_connect_header: {a: [\"b\\nc\"]}\n", 4, 26,
	 "control character"},
	{JOB "proxy_url: http://a\n  proxy_connect_header: {a: b}\n", 4, 29,
	 "expected list of strings"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static void test_client_credentials(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "oauth2: {" NEEDED ", client_secret_file: s, scopes: [x, y],\n"
			       "    endpoint_params: {p: q}, tls_config: {server_name: n},\n"
			       "    proxy_url: 'http://p', no_proxy: localhost}\n");
	const struct oauth2_options *o = &c->scrapes[0].http.oauth2;
	assert_true(c->scrapes[0].http.has_oauth2);
	assert_false(o->jwt_bearer);
	assert_sv_equal(o->client_id, "c");
	assert_sv_equal(o->client_secret_file, "/etc/app/s");
	assert_sv_equal(o->token_url, "http://t");
	assert_int_equal(o->n_scopes, 2);
	assert_sv_equal(o->scopes[1], "y");
	assert_int_equal(o->n_endpoint_params, 1);
	assert_sv_equal(o->endpoint_params[0].name, "p");
	assert_sv_equal(o->endpoint_params[0].value, "q");
	assert_sv_equal(o->tls.server_name, "n");
	assert_sv_equal(o->proxy.url, "http://p");
	assert_sv_equal(o->proxy.no_proxy, "localhost");
	assert_int_equal(c->n_warnings, 0);
}

/* Claims keep their types: their values are JSON. */
static void test_jwt(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(
		"remote_write:\n- url: http://x\n  oauth2:\n    client_id: c\n    token_url: t\n"
		"    grant_type: " JWT "\n    client_certificate_key_file: k.pem\n"
		"    client_certificate_key_id: id\n    iss: i\n    audience: a\n"
		"    claims: {s: x, n: -5, f: 1.5, b: yes, z: ~, l: [1, a], m: {k: v}}\n");
	static const char *const want[] = {"\"x\"", "-5",        "1.5",          "true",
					   "null",  "[1,\"a\"]", "{\"k\":\"v\"}"};
	const struct oauth2_options *o = &c->writes[0].http.oauth2;
	assert_true(o->jwt_bearer);
	assert_sv_equal(o->signature_algorithm, "RS256");
	assert_sv_equal(o->certificate_key_file, "/etc/app/k.pem");
	assert_sv_equal(o->certificate_key_id, "id");
	assert_sv_equal(o->iss, "i");
	assert_sv_equal(o->audience, "a");
	assert_int_equal(o->n_claims, LEN(want));
	for (size_t i = 0; i < LEN(want); i++)
		assert_sv_equal(o->claims[i].value, want[i]);
}

static void test_other_grant(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "oauth2: {" NEEDED ", grant_type: password}\n");
	assert_false(c->scrapes[0].http.oauth2.jwt_bearer);
	assert_int_equal(c->n_warnings, 1);
	assert_true(sv_starts_with(c->warnings[0].text, SV("\"grant_type\"")));
}

static void test_proxy(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "proxy_from_environment: true\n"
			       "  proxy_connect_header: {X-A: [s, t], X-B: }\n"
			       "- {job_name: b, proxy_url: '', no_proxy: x}\n");
	const struct proxy_options *p = &c->scrapes[0].http.proxy;
	assert_true(p->from_environment);
	assert_int_equal(p->n_connect_headers, 2);
	assert_sv_equal(p->connect_headers[0].name, "X-A");
	assert_sv_equal(p->connect_headers[0].secrets[1], "t");
	assert_int_equal(p->connect_headers[1].n_secrets, 0);
	assert_int_equal(c->n_warnings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_client_credentials),
		cmocka_unit_test(test_jwt),      cmocka_unit_test(test_other_grant),
		cmocka_unit_test(test_proxy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
