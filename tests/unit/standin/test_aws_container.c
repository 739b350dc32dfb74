/* Keys for ECS tasks and EKS pods. */
#include "check.h"
#include "endpoint.h"

#include <ampagent/base/file.h>

#include <stdlib.h>
#include <unistd.h>

static char token_file[64];

static void write_token(const char *token)
{
	struct err err = ERR_NULL;
	if (file_replace(token_file, sv_of(token), &err) != 0)
		fail_msg("%s", err.msg);
}

static void start_aws(bool with_token)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	o.region = SV("eu-west-1");
	if (with_token) {
		snprintf(token_file, sizeof token_file, "/tmp/ampagent-standin-%d", getpid());
		write_token("the token\n");
		o.aws_container_token_file = sv_of(token_file);
	}
	start(&o);
}

static int get_as(const char *target, const char *authorization)
{
	struct ask a = {.method = "GET", .target = target};
	if (authorization)
		add_header(&a, SV("Authorization"), sv_of(authorization));
	return ask(&a);
}

static void a_task_gets_keys(void **state)
{
	start_aws(false);
	struct issued k = fetch_keys();
	char role[128];
	assert_string_equal(got.content_type, "application/json");
	got_member("RoleArn", role, sizeof role);
	assert_string_equal(role, "arn:aws:iam::123456789012:role/ampagent-task");
	assert_int_equal(strlen(k.expiration), strlen("2017-05-17T15:09:54Z"));
	assert_int_equal(k.access[0], 'A');
}

static void a_task_needs_an_id(void **state)
{
	static const char *const targets[] = {"/v2/credentials", "/v2/credentials/"};
	start_aws(false);
	for (size_t i = 0; i < N_OF(targets); i++) {
		assert_int_equal(get(targets[i]), 400);
		expect_json("{\"code\":\"NoIdInRequest\",\"message\":\"CredentialsV2Request: No "
			    "Credential ID in the request\",\"HTTPErrorCode\":400}");
	}
}

static void the_token_file_is_read_each_time(void **state)
{
	start_aws(true);
	assert_int_equal(get_as("/v2/credentials/x", NULL), 400);
	expect_json("{\"code\":\"InvalidIdInRequest\",\"message\":\"CredentialsV2Request: "
		    "Credentials not found\",\"HTTPErrorCode\":400}");
	assert_int_equal(get_as("/v2/credentials/x", "the token"), 200);
	assert_int_equal(get_as("/v1/credentials", "the token"), 200);
	assert_int_equal(get_as("/v1/credentials", "the tokem"), 400);
	assert_says(buf_view(&got.body), "InvalidTokenException");
	write_token("another");
	assert_int_equal(get_as("/v1/credentials", "the token"), 400);
	assert_int_equal(get_as("/v1/credentials", "another"), 200);
	assert_int_equal(get_as("/v2/credentials/x", "another"), 200);
	unlink(token_file);
	assert_int_equal(get_as("/v1/credentials", "another"), 400);
}

static void a_pod_gets_keys(void **state)
{
	start_aws(false);
	char account[32];
	assert_int_equal(get_as("/v1/credentials", "any token"), 200);
	struct issued k = got_keys();
	got_member("AccountId", account, sizeof account);
	assert_string_equal(account, "123456789012");
	/* With more digits than anybody needs. */
	assert_int_equal(strlen(k.expiration), strlen("2017-05-17T15:09:54.123456789Z"));
	assert_int_equal(write_issued(&k), 403); /* signed for us-east-1 */
}

static void a_pod_needs_a_token(void **state)
{
	start_aws(false);
	assert_int_equal(get_as("/v1/credentials", NULL), 400);
	assert_sv(buf_view(&got.body), "Service account token cannot be empty\n");
	assert_string_equal(got.content_type, "text/plain; charset=utf-8");
	assert_int_equal(get("/v1/credentials/more"), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_gets_keys),
		TEST(a_task_needs_an_id),
		TEST(the_token_file_is_read_each_time),
		TEST(a_pod_gets_keys),
		TEST(a_pod_needs_a_token),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
