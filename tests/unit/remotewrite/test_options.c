#include "../../../remotewrite/options.h"

#include "cmocka_all.h"

static struct sv one_value = {"v", 1};
static struct http_header_option header = {.name = {"X-A", 3}, .values = &one_value, .n_values = 1};

static struct sv one_scope = {"scope", 5};
static struct http_pair one_pair = {{"k", 1}, {"v", 1}};

static struct remotewrite_options sample(void)
{
	return (struct remotewrite_options){
		.protocol = REMOTEWRITE_V2,
		.send_exemplars = true,
		.name = SV("n"),
		.url = SV("http://user:pass@host/path"),
		.timeout_ms = 1,
		.headers = &header,
		.n_headers = 1,
		.queue = {1, 2, 3, 4, 5, 6, 7, true, true, 8},
		.metadata = {true, 9, 10},
		.has_sigv4 = true,
		.sigv4 = {SV("r"), SV("a"), SV("s"), SV("aps")},
		.http = {.username = SV("u"),
			 .tls = {.ca = SV("ca"), .key = SV("k")},
			 .has_oauth2 = true,
			 .oauth2 = {.client_id = SV("id"),
				    .scopes = &one_scope,
				    .n_scopes = 1,
				    .endpoint_params = &one_pair,
				    .n_endpoint_params = 1,
				    .claims = &one_pair,
				    .n_claims = 1},
			 .proxy = {.url = SV("http://proxy/"),
				   .connect_headers = &header,
				   .n_connect_headers = 1}},
	};
}

static void test_copy_is_equal_and_own(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct remotewrite_options a = sample(), b;
	arena_init(&arena, 1 << 20);
	assert_int_equal(options_copy(&arena, &a, &b), 0);
	assert_true(options_equal(&a, &b));
	assert_ptr_not_equal(a.url.ptr, b.url.ptr);
	assert_ptr_not_equal(a.http.tls.key.ptr, b.http.tls.key.ptr);
	assert_ptr_not_equal(a.headers, b.headers);
	assert_ptr_not_equal(a.headers[0].values, b.headers[0].values);
	assert_ptr_not_equal(a.http.proxy.connect_headers, b.http.proxy.connect_headers);
	assert_ptr_not_equal(a.http.proxy.url.ptr, b.http.proxy.url.ptr);
	assert_ptr_not_equal(a.http.oauth2.scopes, b.http.oauth2.scopes);
	assert_ptr_not_equal(a.http.oauth2.scopes[0].ptr, b.http.oauth2.scopes[0].ptr);
	assert_ptr_not_equal(a.http.oauth2.claims, b.http.oauth2.claims);
	assert_ptr_not_equal(a.http.oauth2.endpoint_params[0].value.ptr,
			     b.http.oauth2.endpoint_params[0].value.ptr);
	assert_ptr_not_equal(a.http.oauth2.client_id.ptr, b.http.oauth2.client_id.ptr);
}

static void test_every_difference_is_seen(void **state)
{
	enum { N = 48 };
	struct remotewrite_options a = sample(), v[N];
	struct http_header_option other = header;
	size_t n = 0;
	for (size_t i = 0; i < N; i++)
		v[i] = sample();
	v[n++].url = SV("http://other/");
	v[n++].timeout_ms = 2;
	v[n++].queue.capacity = 77;
	v[n++].queue.sample_age_limit_ms = 77;
	v[n++].queue.sample_age_limit_set = true;
	v[n++].queue.retry_on_http_429 = false;
	v[n++].metadata.send_interval_ms = 77;
	v[n++].has_sigv4 = false;
	v[n++].sigv4.secret_key = SV("other");
	v[n++].sigv4.profile = SV("other");
	v[n++].sigv4.role_arn = SV("other");
	v[n++].sigv4.external_id = SV("other");
	v[n++].sigv4.use_fips_sts_endpoint = true;
	v[n++].http.tls.key = SV("other");
	v[n++].http.tls.insecure_skip_verify = true;
	v[n++].http.enable_http2 = true;
	v[n++].n_headers = 0;
	other.name = SV("X-B");
	v[n++].headers = &other;
	v[n++].http.credentials_file = SV("f");
	v[n++].protocol = REMOTEWRITE_V1;
	v[n++].send_exemplars = false;
	v[n++].send_native_histograms = true;
	v[n++].round_robin_dns = true;
	v[n++].failed_request_logging = true;
	v[n++].http.proxy.from_environment = true;
	v[n++].http.proxy.no_proxy = SV("h");
	v[n++].http.proxy.n_connect_headers = 0;
	v[n++].http.has_oauth2 = false;
	v[n++].http.oauth2.client_secret = SV("other");
	v[n++].http.oauth2.n_scopes = 0;
	v[n++].http.oauth2.n_claims = 0;
	v[n++].http.oauth2.n_endpoint_params = 0;
	v[n++].http.oauth2.jwt_bearer = true;
	v[n++].http.oauth2.tls.insecure_skip_verify = true;
	v[n++].http.oauth2.proxy.url = SV("other");
	assert_true(n < N);
	for (size_t i = 0; i < n; i++)
		if (options_equal(&a, &v[i]))
			fail_msg("difference %zu is not seen", i);
	assert_true(options_equal(&a, &v[n]));
}

static int64_t limit_of(const char *url)
{
	struct remotewrite_options o = sample();
	o.queue.sample_age_limit_ms = 0;
	o.queue.sample_age_limit_set = false;
	o.url = sv_of(url);
	return options_age_limit_ms(&o);
}

static void test_age_limit(void **state)
{
#define PATH "/workspaces/ws-1/api/v1/remote_write"
	static const char *const amp[] = {
		"https://aps-workspaces.eu-west-1.amazonaws.com" PATH,
		"https://aps-workspaces.eu-west-1.amazonaws.com:443" PATH,
		"https://aps-workspaces-fips.us-east-1.amazonaws.com" PATH,
		"https://aps-workspaces.eu-west-1.api.aws" PATH,
		"https://aps-workspaces-fips.us-east-2.api.aws" PATH,
		"https://APS-Workspaces.EU-West-1.Amazonaws.com" PATH,
		"http://user:secret@aps-workspaces.eu-west-1.amazonaws.com" PATH,
		"https://vpce-0a1-b2c.aps-workspaces.eu-west-1.vpce.amazonaws.com" PATH,
		"https://vpce-0a1.aps-workspaces-fips.us-east-1.vpce.amazonaws.com" PATH,
	};
	static const char *const others[] = {
		"https://aps-workspaces.eu-west-1.amazonaws.com.example.org" PATH,
		"https://aps-workspaces.amazonaws.com" PATH,
		"https://aps-workspaces.eu-west-1.amazonaws.org" PATH,
		"https://xaps-workspaces.eu-west-1.amazonaws.com" PATH,
		"https://aps-workspaces-x.eu-west-1.amazonaws.com" PATH,
		"https://aps-workspaces.a.b.amazonaws.com" PATH,
		"https://x.aps-workspaces.eu-west-1.vpce.amazonaws.com" PATH,
		"https://monitoring.eu-west-1.amazonaws.com" PATH,
		"https://example.org/aps-workspaces.eu-west-1.amazonaws.com",
		"https://aps-workspaces.eu-west-1.amazonaws.com@example.org" PATH,
		"http://127.0.0.1:9090" PATH,
		"http://[::1]:9090" PATH,
		"",
	};
#undef PATH
	for (size_t i = 0; i < sizeof amp / sizeof amp[0]; i++)
		if (limit_of(amp[i]) != 59 * 60 * 1000)
			fail_msg("%s has no limit", amp[i]);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (limit_of(others[i]) != 0)
			fail_msg("%s has a limit", others[i]);
	struct remotewrite_options o = sample();
	o.url = sv_of(amp[0]);
	o.queue.sample_age_limit_set = true;
	o.queue.sample_age_limit_ms = 0;
	assert_int_equal(options_age_limit_ms(&o), 0);
	o.queue.sample_age_limit_ms = 7200000;
	assert_int_equal(options_age_limit_ms(&o), 7200000);
	o.url = SV("http://127.0.0.1/");
	assert_int_equal(options_age_limit_ms(&o), 7200000);
}

static struct relabel_set *rules(const char *regex)
{
	struct relabel_rule r = relabel_rule_default();
	struct sv source = SV("job");
	struct relabel_set *set = NULL;
	size_t bad;
	r.action = RELABEL_DROP;
	r.source_labels = &source;
	r.n_source_labels = 1;
	r.regex = sv_of(regex);
	r.regex_set = true;
	assert_int_equal(relabel_compile(&r, 1, NAMES_UTF8, &set, &bad, NULL), 0);
	return set;
}

static void test_same_relabel(void **state)
{
	struct relabel_set *a = rules("x"), *b = rules("x"), *c = rules("y");
	assert_true(options_same_relabel(a, b));
	assert_false(options_same_relabel(a, c));
	assert_false(options_same_relabel(a, NULL));
	assert_true(options_same_relabel(NULL, NULL));
	relabel_unref(a);
	relabel_unref(b);
	relabel_unref(c);
}

static void test_public_url_and_key(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct remotewrite_options a = sample();
	arena_init(&arena, 1 << 20);
	assert_true(sv_eq(options_public_url(&arena, a.url), SV("http://host/path")));
	assert_true(sv_eq(options_public_url(&arena, SV("http://h/@")), SV("http://h/@")));
	assert_true(sv_eq(options_key(&arena, &a, 0), SV("http://host/path")));
	assert_true(sv_eq(options_key(&arena, &a, 1), SV("http://host/path (2)")));
	a.name_set = true;
	assert_true(sv_eq(options_key(&arena, &a, 0), SV("n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_is_equal_and_own),
		cmocka_unit_test(test_every_difference_is_seen),
		cmocka_unit_test(test_age_limit),
		cmocka_unit_test(test_same_relabel),
		cmocka_unit_test(test_public_url_and_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
