/* IMDSv2. */
#include "check.h"
#include "endpoint.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define EXTENDED "/latest/meta-data/iam/security-credentials-extended/"

static char token[128];

static void start_aws(void)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	o.region = SV("eu-west-1");
	o.aws_region = SV("ap-southeast-7");
	o.aws_role = SV("the-role");
	start(&o);
}

static int put_token(const char *ttl, const char *forwarded)
{
	struct ask a = {.method = "PUT", .target = "/latest/api/token"};
	if (ttl)
		add_header(&a, SV("X-aws-ec2-metadata-token-ttl-seconds"), sv_of(ttl));
	if (forwarded)
		add_header(&a, SV("X-Forwarded-For"), sv_of(forwarded));
	int status = ask(&a);
	if (status == 200)
		snprintf(token, sizeof token, "%.*s", SV_ARG(buf_view(&got.body)));
	return status;
}

static int get_with(const char *target, const char *with)
{
	struct ask a = {.method = "GET", .target = target};
	add_header(&a, SV("x-aws-ec2-metadata-token"), sv_of(with));
	return ask(&a);
}

static void a_token_is_put_for_a_time(void **state)
{
	static const struct {
		const char *ttl;
		int status;
	} cases[] = {{"21600", 200}, {"1", 200},  {"0", 400}, {"21601", 400},
		     {"-1", 400},    {"1s", 400}, {"", 400},  {NULL, 400}};
	start_aws();
	for (size_t i = 0; i < N_OF(cases); i++)
		assert_int_equal(put_token(cases[i].ttl, NULL), cases[i].status);
	assert_int_equal(put_token("60", NULL), 200);
	assert_int_equal(strlen(token), 56);
	assert_int_equal(get("/latest/api/token"), 405);
	assert_int_equal(put_token("60", "10.0.0.1"), 403);
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), "\"metadata_tokens\":3");
}

static void nothing_without_a_token(void **state)
{
	static const char *const targets[] = {ROLES,
					      ROLES "the-role",
					      EXTENDED,
					      "/latest/meta-data/placement/region",
					      "/latest/dynamic/instance-identity/document",
					      "/latest/meta-data/",
					      "/latest/"};
	start_aws();
	assert_int_equal(put_token("60", NULL), 200);
	for (size_t i = 0; i < N_OF(targets); i++) {
		assert_int_equal(get(targets[i]), 401);
		assert_says(buf_view(&got.body), "<h1>401 - Unauthorized</h1>");
		assert_int_equal(get_with(targets[i], "made up"), 401);
		assert_int_equal(get_with(targets[i], ""), 401);
		assert_true(get_with(targets[i], token) != 401);
	}
}

static void tokens_die(void **state)
{
	start_aws();
	switch_to("aws_token_ms=1");
	assert_int_equal(put_token("21600", NULL), 200);
	for (int i = 0; i < 100 && get_with(ROLES, token) == 200; i++)
		;
	assert_int_equal(got.status, 401);
	switch_to("aws_token_ms=0");
	assert_int_equal(get_with(ROLES, token), 401);
	assert_int_equal(put_token("21600", NULL), 200);
	assert_int_equal(get_with(ROLES, token), 200);
}

static void the_role_has_keys(void **state)
{
	static const struct {
		const char *list, *keys;
		bool extended;
	} cases[] = {{ROLES, ROLES "the-role", false}, {EXTENDED, EXTENDED "the-role", true}};
	start_aws();
	assert_int_equal(put_token("60", NULL), 200);
	for (size_t i = 0; i < N_OF(cases); i++) {
		char word[64];
		assert_int_equal(get_with(cases[i].list, token), 200);
		assert_sv(buf_view(&got.body), "the-role");
		assert_int_equal(get_with(cases[i].keys, token), 200);
		got_member("Code", word, sizeof word);
		assert_string_equal(word, "Success");
		got_member("Type", word, sizeof word);
		assert_string_equal(word, "AWS-HMAC");
		bool account = sv_find_sv(buf_view(&got.body),
					  SV("\"AccountId\":\"123456789012\"")) < got.body.len;
		assert_int_equal(account, cases[i].extended);
		struct issued k = got_keys();
		assert_int_equal(strlen(k.expiration), strlen("2017-05-17T15:09:54Z"));
	}
	assert_int_equal(get_with(ROLES "another-role", token), 404);
	assert_int_equal(get_with(ROLES "the-role/more", token), 404);
}

static void switches_of_the_instance(void **state)
{
	char word[64];
	start_aws();
	assert_int_equal(put_token("60", NULL), 200);
	switch_to("aws_no_extended=1");
	assert_int_equal(get_with(EXTENDED, token), 404);
	assert_int_equal(get_with(EXTENDED "the-role", token), 404);
	assert_int_equal(get_with(ROLES, token), 200);
	switch_to("aws_no_role=1");
	assert_int_equal(get_with(ROLES, token), 404);
	assert_int_equal(get_with("/latest/meta-data/placement/region", token), 200);
	switch_to("aws_no_role=0&aws_role_failed=1");
	assert_int_equal(get_with(ROLES "the-role", token), 200);
	got_member("Code", word, sizeof word);
	assert_string_equal(word, "AssumeRoleUnauthorizedAccess");
	assert_says(buf_view(&got.body), "\"Message\":\"EC2 cannot assume the role the-role.");
	switch_to("aws_imds_off=1");
	assert_int_equal(put_token("60", NULL), 403);
	assert_int_equal(get_with(ROLES, token), 403);
	switch_to("aws_imds_off=0&aws_hop_limit=1");
	answer_limit_ms = 150;
	put_token("60", NULL);
	answer_limit_ms = 0;
	assert_int_equal(got.result, HTTP_TIMEOUT);
}

static void where_the_instance_is(void **state)
{
	char word[64];
	start_aws();
	assert_int_equal(put_token("60", NULL), 200);
	assert_int_equal(get_with("/latest/meta-data/placement/region", token), 200);
	assert_sv(buf_view(&got.body), "ap-southeast-7");
	assert_int_equal(get_with("/latest/dynamic/instance-identity/document", token), 200);
	got_member("region", word, sizeof word);
	assert_string_equal(word, "ap-southeast-7");
	got_member("availabilityZone", word, sizeof word);
	assert_string_equal(word, "ap-southeast-7a");
	assert_int_equal(get_with("/latest/meta-data/no-such-thing", token), 404);
	struct ask a = {.method = "POST", .target = "/latest/meta-data/placement/region"};
	assert_int_equal(ask(&a), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_put_for_a_time),
		TEST(nothing_without_a_token),
		TEST(tokens_die),
		TEST(the_role_has_keys),
		TEST(switches_of_the_instance),
		TEST(where_the_instance_is),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
