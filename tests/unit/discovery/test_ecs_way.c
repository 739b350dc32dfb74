/* Where the API is found, and with whose keys. */
#include "../../../ecs_discovery/ecs_way.h"
#include "ecs_world.h"

#include <ampagent/base/limits.h>

struct search {
	struct world *w;
	struct ecs_way way;
	unsigned n;
	char why[ERR_MSG_MAX];
};

static void on_found(void *cls, const struct err *why)
{
	struct search *s = cls;
	s->n++;
	snprintf(s->why, sizeof s->why, "%s", why ? why->msg : "");
}

static void find(struct search *s)
{
	ecs_way_find(&s->way, on_found, s);
	world_until(s->w, &s->n, s->n + (s->n == 0));
}

static void begin(struct search *s, struct world *w)
{
	*s = (struct search){.w = w};
	ecs_way_init(&s->way, w->session, w->pool, &w->opt);
	find(s);
}

#define assert_text(v, text) assert_true(sv_eq(v, sv_of(text)))

static void assert_why(const struct search *s, const char *text)
{
	if (!strstr(s->why, text))
		fail_msg("\"%s\" does not say \"%s\"", s->why, text);
}

static void test_endpoints(void **state)
{
	struct search s;
	struct world *w = *state;
	begin(&s, w);
	assert_string_equal(s.why, "");
	assert_text(s.way.peer.ecs_url, w->url);
	assert_text(s.way.peer.ec2_url, w->url);
	assert_null(s.way.peer.client);
	ecs_way_deinit(&s.way);
	/* endpoint is that of ECS alone. */
	world_env("AWS_ENDPOINT_URL_EC2", NULL);
	w->opt.client.endpoint = SV("http://127.0.0.1:1/");
	begin(&s, w);
	assert_text(s.way.peer.ecs_url, "http://127.0.0.1:1");
	assert_text(s.way.peer.ec2_url, "https://ec2.eu-west-1.amazonaws.com");
	ecs_way_deinit(&s.way);
	w->opt.client.endpoint = SV_NULL;
	w->opt.client.region = SV("cn-north-1");
	begin(&s, w);
	assert_text(s.way.peer.ecs_url, "https://ecs.cn-north-1.amazonaws.com.cn");
	assert_text(s.way.peer.region, "cn-north-1");
	ecs_way_deinit(&s.way);
}

static void test_region(void **state)
{
	struct search s;
	struct world *w = *state;
	w->opt.client.region = SV_NULL;
	begin(&s, w);
	assert_why(&s, "no region: set region or AWS_REGION; ");
	ecs_way_deinit(&s.way);
	world_env("AWS_REGION", "us-east-2");
	begin(&s, w);
	assert_string_equal(s.why, "");
	assert_text(s.way.peer.region, "us-east-2");
	ecs_way_deinit(&s.way);
	w->opt.client.region = SV("not a region");
	begin(&s, w);
	assert_why(&s, "not an AWS region name: \"not a region\"");
	ecs_way_deinit(&s.way);
}

static void test_keys(void **state)
{
	struct search s;
	struct world *w = *state;
	w->opt.client.access_key = w->opt.client.secret_key = SV_NULL;
	begin(&s, w);
	assert_true(s.why[0] != '\0');
	ecs_way_deinit(&s.way);
	w->opt.client.profile = SV("nobody");
	begin(&s, w);
	assert_why(&s, "nobody");
	ecs_way_deinit(&s.way);
	w->opt.client.profile = SV_NULL;
	world_env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
	world_env("AWS_SECRET_ACCESS_KEY", "made-up-secret");
	begin(&s, w);
	assert_string_equal(s.why, "");
	ecs_way_deinit(&s.way);
}

/* Those who ask in one region share a pace. */
static void test_shared_pace(void **state)
{
	struct search a, b;
	struct world *w = *state;
	begin(&a, w);
	begin(&b, w);
	assert_ptr_equal(a.way.peer.pace, b.way.peer.pace);
	ecs_way_deinit(&a.way);
	assert_true(ecs_pace_rate(b.way.peer.pace) > 0);
	ecs_way_deinit(&b.way);
}

static void test_client_of_its_own(void **state)
{
	struct search s;
	struct world *w = *state;
	struct buf proxy;
	buf_init(&proxy, KiB(1));
	w->opt.http.proxy.url = SV("http://127.0.0.1:3128");
	begin(&s, w);
	assert_string_equal(s.why, "");
	struct http_client *first = s.way.peer.client;
	assert_non_null(first);
	assert_int_equal(http_client_proxy(first, SV("http://example.com/"), &proxy, NULL), 0);
	assert_text(buf_view(&proxy), "http://127.0.0.1:3128");
	/* Nothing is looked for twice. */
	find(&s);
	assert_ptr_equal(s.way.peer.client, first);
	/* Options that go take the client along, and keep the rest. */
	struct aws_credentials *keys = s.way.peer.credentials;
	struct ecs_sd_options other = w->opt;
	ecs_way_options(&s.way, &other);
	find(&s);
	assert_ptr_equal(s.way.peer.credentials, keys);
	assert_non_null(s.way.peer.client);
	ecs_way_deinit(&s.way);
	w->opt.http.proxy.url = SV_NULL;
	w->opt.http.tls.ca_file = SV("/nowhere/ca.pem");
	begin(&s, w);
	assert_string_equal(s.why, "");
	assert_non_null(s.way.peer.client);
	ecs_way_deinit(&s.way);
	buf_deinit(&proxy);
}

/* Each reload makes the client anew, and must not cost memory for good. */
static void test_many_reloads(void **state)
{
	struct search s;
	struct world *w = *state;
	world_env("AWS_CA_BUNDLE", "/nowhere/a/bundle/of/certificates.pem");
	w->opt.http.tls.server_name = SV("ecs.example.com");
	begin(&s, w);
	for (int i = 0; i < 3000; i++) {
		ecs_way_options(&s.way, &w->opt);
		find(&s);
		assert_string_equal(s.why, "");
		assert_non_null(s.way.peer.client);
	}
	ecs_way_deinit(&s.way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_endpoints),
		TEST(test_region),
		TEST(test_keys),
		TEST(test_shared_pace),
		TEST(test_client_of_its_own),
		TEST(test_many_reloads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
