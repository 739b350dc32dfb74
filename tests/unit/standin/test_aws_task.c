/* The task metadata. */
#include "check.h"
#include "endpoint.h"

#define TASK                                                                                       \
	"{\"Containers\": [ {\"Name\":\"pause\",\"Type\":\"CNI_PAUSE\",\"DockerId\":\"p\"},"       \
	"{\"Name\":\"a\",\"Type\":\"NORMAL\", \"DockerId\":\"x\"},"                                \
	"{\"Name\":\"ampagent\",\"DockerId\":\"y\",\"odd\":1.0} ]}"

static void start_aws(void)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	o.region = SV("eu-west-1");
	start(&o);
}

static void put(const char *target, const char *body)
{
	assert_int_equal(send_body("PUT", target, body), 200);
}

static void expect_at(const char *target, const char *want)
{
	assert_int_equal(get(target), 200);
	expect_json(want);
}

static void a_task_knows_its_region(void **state)
{
	start_aws();
	char arn[128];
	assert_int_equal(get("/v4/some-container-id/task"), 200);
	got_member("TaskARN", arn, sizeof arn);
	assert_string_equal(arn, "arn:aws:ecs:eu-west-1:123456789012:task/ampagent/"
				 "0123456789abcdef0123456789abcdef");
	got_member("AvailabilityZone", arn, sizeof arn);
	assert_string_equal(arn, "eu-west-1a");
	assert_int_equal(get("/v4/some-container-id/tasks"), 404);
	assert_int_equal(get("/v4/"), 404);
	assert_int_equal(get("/v4//task"), 404);
	assert_int_equal(post("/v4/x/task"), 404);
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), "\"region_asks\":1");
}

static void documents_come_back_byte_for_byte(void **state)
{
	start_aws();
	put("/aws/task", TASK);
	put("/aws/task/stats", "{\"y\": {\"read\":1}, \"x\":null} ");
	for (int v = 3; v <= 4; v++) {
		char target[64];
		snprintf(target, sizeof target, "/v%d/any-id/task", v);
		expect_at(target, TASK);
		snprintf(target, sizeof target, "/v%d/any-id/task/stats", v);
		expect_at(target, "{\"y\": {\"read\":1}, \"x\":null} ");
		snprintf(target, sizeof target, "/v%d/any-id", v);
		expect_at(target, "{\"Name\":\"ampagent\",\"DockerId\":\"y\",\"odd\":1.0}");
		snprintf(target, sizeof target, "/v%d/any-id/stats", v);
		expect_at(target, "{\"read\":1}");
	}
	put("/aws/task", "");
	assert_int_equal(get("/v4/any-id/task"), 200);
	assert_says(buf_view(&got.body), "\"LaunchType\":\"FARGATE\"");
}

static void without_the_agent_it_is_the_first_normal_container(void **state)
{
	start_aws();
	put("/aws/task", "{\"Containers\":[{\"Name\":\"p\",\"Type\":\"CNI_PAUSE\"},"
			 "{\"Name\":\"a\",\"Type\":\"NORMAL\"},{\"Name\":\"b\"}]}");
	expect_at("/v4/x", "{\"Name\":\"a\",\"Type\":\"NORMAL\"}");
	expect_at("/v4/x/stats", "null");
	put("/aws/task", "{\"Containers\":[]}");
	expect_at("/v4/x", "null");
	expect_at("/v4/x/task/stats", "{}");
}

static void what_is_no_json_is_given_out_too(void **state)
{
	start_aws();
	put("/aws/task", "{\"Containers\":[{\"Name\":");
	expect_at("/v4/x/task", "{\"Containers\":[{\"Name\":");
	expect_at("/v4/x", "{\"Containers\":[{\"Name\":");
	expect_at("/v4/x/task/stats", "{}");
}

static void two_tasks_live_side_by_side(void **state)
{
	start_aws();
	put("/aws/task?id=one", "{\"TaskARN\":\"1\"}");
	put("/aws/task?id=two", "{\"TaskARN\":\"2\"}");
	expect_at("/v4/one/task", "{\"TaskARN\":\"1\"}");
	expect_at("/v3/two/task", "{\"TaskARN\":\"2\"}");
	assert_int_equal(get("/v4/three/task"), 404);
	assert_string_equal(got.content_type, "text/plain; charset=utf-8");
	put("/aws/task", "{\"TaskARN\":\"0\"}");
	assert_int_equal(get("/v4/three/task"), 404);
	put("/aws/task?id=one", "");
	assert_int_equal(get("/v4/one/task"), 404);
	put("/aws/task?id=two", "");
	expect_at("/v4/one/task", "{\"TaskARN\":\"0\"}");
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), "\"unknown\":3");
}

static void faults_are_switches(void **state)
{
	start_aws();
	put("/aws/task", "{\"TaskARN\":\"1\"}");
	switch_to("aws_task_garbage=1");
	expect_at("/v4/x/task", "{\"TaskA");
	switch_to("aws_task_garbage=0&aws_task_down=1");
	assert_int_equal(get("/v4/x/task"), 500);
	expect_json("\"unable to get the metadata of the task\"");
	switch_to("aws_task_down=0&aws_task_hang=1");
	answer_limit_ms = 50;
	assert_int_equal(get("/v4/x/task"), 0);
	answer_limit_ms = 0;
	assert_int_equal(got.result, HTTP_TIMEOUT);
	switch_to("aws_task_hang=0");
	expect_at("/v4/x/task", "{\"TaskARN\":\"1\"}");
}

static void requests_are_limited_and_counted(void **state)
{
	start_aws();
	switch_to("aws_task_rate=0.001&aws_task_burst=3");
	assert_int_equal(get("/v4/x/task"), 200);
	assert_int_equal(get("/v4/x/task/stats"), 200);
	assert_int_equal(get("/v4/x/taskWithTags"), 200);
	assert_int_equal(get("/v4/x"), 429);
	assert_int_equal(get("/v4/x/stats"), 429);
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body),
		    "\"task\":{\"task\":1,\"stats\":1,\"container\":1,\"container_stats\":1,"
		    "\"with_tags\":1,\"throttled\":2,\"unknown\":0}");
	switch_to("aws_task_rate=0");
	assert_int_equal(get("/v4/x/stats"), 200);
}

static void documents_have_an_end(void **state)
{
	start_aws();
	char target[64];
	for (int i = 0; i < 256; i++) {
		snprintf(target, sizeof target, "/aws/task?id=%d", i);
		put(target, "{}");
	}
	assert_int_equal(send_body("PUT", "/aws/task?id=one-more", "{}"), 507);
	assert_int_equal(get("/v4/one-more/task"), 404);
	assert_int_equal(get("/v4/255/task"), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_knows_its_region),
		TEST(documents_come_back_byte_for_byte),
		TEST(without_the_agent_it_is_the_first_normal_container),
		TEST(what_is_no_json_is_given_out_too),
		TEST(two_tasks_live_side_by_side),
		TEST(faults_are_switches),
		TEST(requests_are_limited_and_counted),
		TEST(documents_have_an_end),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
