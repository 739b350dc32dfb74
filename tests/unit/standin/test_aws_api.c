/* What the ECS and EC2 APIs share: who may call, how often, pages, the account. */
#include "check.h"
#include "endpoint.h"

#include "../../../src/standin/aws_api.h"

#define ARN "arn:aws:ecs:eu-west-1:123456789012:"
#define EC2 "&Version=2016-11-15"

static void expect_type(const char *type)
{
	char text[64];
	assert_int_equal(got.status, 400);
	assert_string_equal(got.content_type, "application/x-amz-json-1.1");
	got_member("__type", text, sizeof text);
	assert_string_equal(text, type);
}

static void expect_code(int status, const char *code)
{
	char text[64];
	assert_int_equal(got.status, status);
	got_element("Code", text, sizeof text);
	assert_string_equal(text, code);
}

static void post_ecs_as(const struct signer *by)
{
	struct ask a = {.method = "POST", .target = "/", .body = SV("{}")};
	add_header(&a, SV("Content-Type"), SV("application/x-amz-json-1.1"));
	add_header(&a, SV("X-Amz-Target"), SV("AmazonEC2ContainerServiceV20141113.ListClusters"));
	if (by)
		sign(&a, by);
	ask(&a);
}

static void calls_are_signed(void **state)
{
	static const struct {
		struct signer by;
		const char *ecs, *ec2;
		int status;
	} cases[] = {
		{{.secret = "wrong", .region = "eu-west-1"},
		 "InvalidSignatureException",
		 "SignatureDoesNotMatch",
		 403},
		{{.secret = "secret", .region = "eu-west-2"},
		 "InvalidSignatureException",
		 "SignatureDoesNotMatch",
		 403},
		{{.secret = "secret", .region = "eu-west-1", .access = "AKIDOTHER"},
		 "UnrecognizedClientException",
		 "AuthFailure",
		 401},
	};
	start_api();
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct signer by = cases[i].by;
		by.service = "ecs";
		post_ecs_as(&by);
		expect_type(cases[i].ecs);
		by.service = "ec2";
		post_form("Action=DescribeInstances" EC2, &by);
		expect_code(cases[i].status, cases[i].ec2);
	}
	post_ecs_as(NULL);
	expect_type("MissingAuthenticationTokenException");
	struct signer sts = {.secret = "secret", .region = "eu-west-1", .service = "sts"};
	post_ecs_as(&sts);
	expect_type("InvalidSignatureException");
}

static void issued_keys_may_call_while_they_live(void **state)
{
	start_api();
	struct issued k = fetch_keys();
	struct signer by = signer_of(&k);
	by.region = "eu-west-1";
	by.service = "ecs";
	post_ecs_as(&by);
	assert_int_equal(got.status, 200);
	switch_to("clock_ahead_s=3601");
	by.shift_s = 3601;
	post_ecs_as(&by);
	expect_type("ExpiredTokenException");
}

static void other_actions_are_unknown(void **state)
{
	start_api();
	post_ecs("StopTask", "{}");
	expect_type("UnknownOperationException");
	post_ecs("DescribeInstances", "{}");
	expect_type("UnknownOperationException");
	post_ec2("Action=DescribeVolumes" EC2);
	expect_code(400, "InvalidAction");
	post_ec2("Action=DescribeTasks" EC2);
	expect_code(400, "InvalidAction");
	/* Everything else is STS's. */
	post_ec2("Action=RunInstances" EC2);
	assert_says(buf_view(&got.body), "sts.amazonaws.com");
}

static void each_family_has_its_limit(void **state)
{
	start_api();
	switch_to("aws_api_rate=0.001&aws_api_burst=2");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_int_equal(post_ecs("DescribeClusters", "{}"), 200);
	post_ecs("ListClusters", "{}");
	expect_type("ThrottlingException");
	assert_says(buf_view(&got.body), "\"message\":\"Rate exceeded\"");
	post_ecs("ListTasks", "{}");
	expect_type("ClusterNotFoundException");
	for (int i = 0; i < 2; i++)
		assert_int_equal(post_ec2("Action=DescribeInstances" EC2), 200);
	post_ec2("Action=DescribeInstances" EC2);
	expect_code(503, "RequestLimitExceeded");
	assert_int_equal(post_ec2("Action=DescribeAvailabilityZones" EC2), 200);
	/* Who may not call uses nothing up. */
	struct signer other = {.secret = "wrong", .region = "eu-west-1", .service = "ecs"};
	switch_to("aws_api_burst=4");
	for (int i = 0; i < 5; i++)
		post_ecs_as(&other);
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), "\"api\":{\"ListClusters\":8,\"DescribeClusters\":1,"
					 "\"ListTasks\":1,\"DescribeInstances\":3,"
					 "\"DescribeAvailabilityZones\":1},\"throttled\":2");
}

static void actions_can_be_denied(void **state)
{
	start_api();
	switch_to("aws_api_denied=DescribeClusters,DescribeInstances");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	post_ecs("DescribeClusters", "{}");
	expect_type("AccessDeniedException");
	assert_says(buf_view(&got.body),
		    "User: arn:aws:iam::123456789012:user/ampagent is not authorized to perform: "
		    "ecs:DescribeClusters on resource: *");
	post_ec2("Action=DescribeInstances" EC2);
	expect_code(403, "UnauthorizedOperation");
	switch_to("aws_api_denied=*");
	post_ecs("ListClusters", "{}");
	expect_type("AccessDeniedException");
	switch_to("aws_api_denied=");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_int_equal(post("/switch?aws_api_denied=a%20b"), 400);
}

static void calls_can_fail(void **state)
{
	start_api();
	switch_to("aws_api_fail_at=2");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_int_equal(post_ecs("ListClusters", "{}"), 500);
	assert_says(buf_view(&got.body), "ServerException");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	switch_to("aws_api_down=1");
	post_ec2("Action=DescribeInstances" EC2);
	expect_code(500, "InternalError");
	switch_to("aws_api_down=0&aws_api_garbage=1");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_sv(buf_view(&got.body), "{\"cluster");
	switch_to("aws_api_garbage=0&aws_api_hang=1");
	answer_limit_ms = 50;
	post_ecs("ListClusters", "{}");
	answer_limit_ms = 0;
	assert_int_equal(got.result, HTTP_TIMEOUT);
	assert_int_equal(post_ecs("StopTask", "{}"), 400);
}

static void sources_of_keys_can_be_down_alone(void **state)
{
	start_api();
	switch_to("aws_down=1");
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_int_equal(post_ec2("Action=DescribeInstances" EC2), 200);
}

static void tokens_are_for_their_question(void **state)
{
	struct aws_api a = {.unknown = 0}, other = {.unknown = 0};
	_cleanup_(buf_deinit) struct buf token = BUF_NULL;
	uint64_t seq = 0;
	buf_init(&token, 1024);
	aws_api_init(&a);
	aws_api_init(&other);
	aws_page_token(&a, SV("question"), 12345, &token);
	assert_int_equal(aws_page_open(&a, SV("question"), buf_view(&token), &seq), 0);
	assert_int_equal(seq, 12345);
	assert_int_equal(aws_page_open(&a, SV("questiom"), buf_view(&token), &seq), 1);
	assert_int_equal(aws_page_open(&other, SV("question"), buf_view(&token), &seq), 1);
	assert_int_equal(aws_page_open(&a, SV("question"), SV(""), &seq), 1);
	assert_true(sv_find_sv(buf_view(&token), SV("3039")) == token.len);
	for (size_t i = 0; i < token.len; i++) {
		char was = token.ptr[i];
		token.ptr[i] = was == '0' ? '1' : '0';
		assert_int_equal(aws_page_open(&a, SV("question"), buf_view(&token), &seq), 1);
		token.ptr[i] = was;
	}
}

static void the_account_is_put_and_patched(void **state)
{
	start_api();
	assert_int_equal(send_body("PUT", "/aws/ecs",
				   "{\"clusters\":[{\"clusterArn\":\"" ARN "cluster/a\"},"
				   "{\"clusterArn\":\"" ARN "cluster/b\"}]}"),
			 200);
	assert_int_equal(send_body("PATCH", "/aws/ecs",
				   "{\"gone\":[\"" ARN "cluster/a\"],"
				   "\"clusters\":[{\"clusterArn\":\"" ARN "cluster/c\"}]}"),
			 200);
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_sv(buf_view(&got.body),
		  "{\"clusterArns\":[\"" ARN "cluster/b\",\"" ARN "cluster/c\"]}");
	assert_int_equal(send_body("PUT", "/aws/ecs", "{\"clusters\":[{}]}"), 400);
	assert_says(buf_view(&got.body), "one of clusters has no plain clusterArn");
	assert_int_equal(send_body("PATCH", "/aws/ecs", "no JSON"), 400);
	assert_int_equal(get("/aws/ecs"), 200);
	assert_says(buf_view(&got.body), "cluster/b");
	assert_int_equal(send_body("PUT", "/aws/ecs", ""), 200);
	assert_int_equal(post_ecs("ListClusters", "{}"), 200);
	assert_sv(buf_view(&got.body), "{\"clusterArns\":[]}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_are_signed),
		TEST(issued_keys_may_call_while_they_live),
		TEST(other_actions_are_unknown),
		TEST(each_family_has_its_limit),
		TEST(actions_can_be_denied),
		TEST(calls_can_fail),
		TEST(sources_of_keys_can_be_down_alone),
		TEST(tokens_are_for_their_question),
		TEST(the_account_is_put_and_patched),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
