/* The SSO portal. */
#include "check.h"
#include "endpoint.h"

#define KEYS "/federation/credentials?role_name=Reader&account_id=210987654321"

static void start_aws(struct sv token)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	o.aws_sso_token = token;
	start(&o);
}

static int get_as(const char *target, const char *token)
{
	struct ask a = {.method = "GET", .target = target};
	add_header(&a, SV("x-amz-sso_bearer_token"), sv_of(token));
	return ask(&a);
}

static void who_has_signed_in_gets_keys(void **state)
{
	char word[1024];
	start_aws(SV("signed in"));
	assert_int_equal(get_as(KEYS, "signed in"), 200);
	assert_string_equal(got.content_type, "application/json");
	assert_says(buf_view(&got.body), "{\"roleCredentials\":{\"accessKeyId\":\"ASIA");
	got_member("secretAccessKey", word, sizeof word);
	assert_int_equal(strlen(word), 40);
	got_member("sessionToken", word, sizeof word);
	assert_says(buf_view(&got.body), "\",\"expiration\":1"); /* a number */
	assert_int_equal(get("/aws/keys"), 200);
	got_member("principal", word, sizeof word);
	assert_string_equal(word, "arn:aws:sts::210987654321:assumed-role/"
				  "AWSReservedSSO_Reader_0123456789abcdef/someone");
}

static void refusals(void **state)
{
	start_aws(SV("signed in"));
	assert_int_equal(get_as(KEYS, "signed out"), 401);
	assert_string_equal(got.error_type, "UnauthorizedException");
	expect_json("{\"message\":\"Session token not found or invalid\",\"__type\":"
		    "\"com.amazonaws.switchboard.portal#UnauthorizedException\"}");
	assert_int_equal(get(KEYS), 401);
	assert_int_equal(get_as("/federation/credentials?role_name=Reader", "signed in"), 400);
	assert_string_equal(got.error_type, "InvalidRequestException");
	assert_int_equal(get_as("/federation/credentials", "signed in"), 400);
}

static void any_token_when_none_is_named(void **state)
{
	start_aws(SV(""));
	assert_int_equal(get_as(KEYS, "whatever"), 200);
	assert_int_equal(get(KEYS), 401);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_signed_in_gets_keys),
		TEST(refusals),
		TEST(any_token_when_none_is_named),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
