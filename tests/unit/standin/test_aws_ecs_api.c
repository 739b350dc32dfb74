/* The ECS API. */
#include "check.h"
#include "endpoint.h"

#define ARN "arn:aws:ecs:eu-west-1:123456789012:"
#define CLUSTER "{\"clusterArn\":\"" ARN "cluster/c\",\"clusterName\":\"c\"}"

static void put_account(const char *more)
{
	_cleanup_(buf_deinit) struct buf document = BUF_NULL;
	buf_init(&document, 1 << 20);
	buf_printf(&document, "{\"clusters\":[" CLUSTER "]%s%s}", more[0] ? "," : "", more);
	buf_char(&document, '\0');
	start_api();
	assert_int_equal(send_body("PUT", "/aws/ecs", document.ptr), 200);
}

static void expect_answer(const char *action, const char *json, const char *want)
{
	assert_int_equal(post_ecs(action, json), 200);
	assert_string_equal(got.content_type, "application/x-amz-json-1.1");
	assert_true(got.request_id[0] != '\0');
	assert_sv(buf_view(&got.body), want);
}

static void expect_error(const char *action, const char *json, const char *want)
{
	assert_int_equal(post_ecs(action, json), 400);
	assert_sv(buf_view(&got.body), want);
}

static void an_error_has_a_type_and_a_message(void **state)
{
	put_account("");
	expect_error("ListTasks", "{\"cluster\":\"x\"}",
		     "{\"__type\":\"ClusterNotFoundException\",\"message\":\"Cluster not "
		     "found.\"}");
	expect_error("ListTasks", "{\"cluster\":\"" ARN "cluster/x\"}",
		     "{\"__type\":\"ClusterNotFoundException\",\"message\":\"Cluster not "
		     "found.\"}");
	expect_answer("ListTasks", "{\"cluster\":\"" ARN "cluster/c\"}", "{\"taskArns\":[]}");
}

static void what_cannot_be_read_is_refused(void **state)
{
	static const char *const bodies[] = {"",
					     "{",
					     "{\"cluster\":1}",
					     "{\"cluster\":[\"c\"]}",
					     "{\"tasks\":\"t\"}",
					     "{\"maxResults\":\"1\"}",
					     "{\"maxResults\":-1}",
					     "{\"maxResults\":1.5}"};
	put_account("");
	for (size_t i = 0; i < N_OF(bodies); i++)
		expect_error("DescribeTasks", bodies[i], "{\"__type\":\"SerializationException\"}");
	/* What it does not know does not matter. */
	expect_answer("ListTasks",
		      "{\"cluster\":\"c\",\"new\":{\"cluster\":\"x\",\"n\":[1,{\"tasks\":2}]},"
		      "\"family\":null}",
		      "{\"taskArns\":[]}");
}

static void names_may_be_escaped(void **state)
{
	put_account("");
	expect_answer("DescribeClusters", "{\"clusters\":[\"\\u0063\"]}",
		      "{\"clusters\":[" CLUSTER "],\"failures\":[]}");
}

static void objects_come_back_byte_for_byte(void **state)
{
	put_account("\"tasks\":[{ \"odd\" : 1.0,\"taskArn\":\"" ARN "task/c/1\" ,\"tags\":[ ]}]");
	expect_answer("DescribeTasks",
		      "{\"cluster\":\"c\",\"tasks\":[\"1\"],\"include\":[\"TAGS\"]}",
		      "{\"tasks\":[{ \"odd\" : 1.0,\"taskArn\":\"" ARN
		      "task/c/1\" ,\"tags\":[ ]}],\"failures\":[]}");
	expect_answer("DescribeTasks", "{\"cluster\":\"c\",\"tasks\":[\"1\",\"2\"]}",
		      "{\"tasks\":[{\"odd\":1.0,\"taskArn\":\"" ARN
		      "task/c/1\"}],\"failures\":[{\"arn\":\"" ARN
		      "task/c/2\",\"reason\":\"MISSING\"}]}");
}

static void services_come_in_tens(void **state)
{
	_cleanup_(buf_deinit) struct buf services = BUF_NULL;
	char token[128], body[256];
	buf_init(&services, 1 << 20);
	buf_sv(&services, SV("\"services\":["));
	for (int i = 0; i < 11; i++)
		buf_printf(&services, "%s{\"serviceArn\":\"" ARN "service/c/s%d\"}",
			   i > 0 ? "," : "", i);
	buf_char(&services, ']');
	buf_char(&services, '\0');
	put_account(services.ptr);
	assert_int_equal(post_ecs("ListServices", "{\"cluster\":\"c\"}"), 200);
	assert_says(buf_view(&got.body), "service/c/s9\"],\"nextToken\":");
	got_member("nextToken", token, sizeof token);
	snprintf(body, sizeof body, "{\"cluster\":\"c\",\"nextToken\":\"%s\"}", token);
	expect_answer("ListServices", body, "{\"serviceArns\":[\"" ARN "service/c/s10\"]}");
	expect_error("ListTasks", body,
		     "{\"__type\":\"InvalidParameterException\",\"message\":\"Invalid token\"}");
	assert_int_equal(post_ecs("ListServices", "{\"cluster\":\"c\",\"maxResults\":11}"), 200);
	assert_says(buf_view(&got.body), "s10\"]}");
	expect_error("ListServices", "{\"cluster\":\"c\",\"maxResults\":101}",
		     "{\"__type\":\"InvalidParameterException\",\"message\":\"maxResults must be "
		     "between 1 and 100.\"}");
}

static void a_page_does_not_promise_another_that_is_empty(void **state)
{
	put_account("\"tasks\":[{\"taskArn\":\"" ARN "task/c/1\"},{\"taskArn\":\"" ARN
		    "task/c/2\",\"desiredStatus\":\"STOPPED\"}]");
	expect_answer("ListTasks", "{\"cluster\":\"c\",\"maxResults\":1}",
		      "{\"taskArns\":[\"" ARN "task/c/1\"]}");
	expect_answer("ListTasks", "{\"cluster\":\"c\",\"desiredStatus\":\"STOPPED\"}",
		      "{\"taskArns\":[\"" ARN "task/c/2\"]}");
}

static void a_definition_has_its_tags_beside_it(void **state)
{
	put_account("\"taskDefinitions\":[{\"taskDefinitionArn\":\"" ARN
		    "task-definition/w:2\",\"tags\":[{\"key\":\"k\"}]}]");
	expect_answer("DescribeTaskDefinition", "{\"taskDefinition\":\"w\"}",
		      "{\"taskDefinition\":{\"taskDefinitionArn\":\"" ARN
		      "task-definition/w:2\"}}");
	expect_answer("DescribeTaskDefinition",
		      "{\"taskDefinition\":\"w:2\",\"include\":[\"TAGS\"]}",
		      "{\"taskDefinition\":{\"taskDefinitionArn\":\"" ARN
		      "task-definition/w:2\"},\"tags\":[{\"key\":\"k\"}]}");
	expect_error("DescribeTaskDefinition", "{\"taskDefinition\":\"w:3\"}",
		     "{\"__type\":\"ClientException\",\"message\":\"Unable to describe task "
		     "definition.\"}");
	expect_error("DescribeTaskDefinition", "{}",
		     "{\"__type\":\"ClientException\",\"message\":\"Task definition cannot be "
		     "empty.\"}");
}

static void too_many_are_refused(void **state)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	put_account("");
	buf_init(&body, 1 << 20);
	buf_sv(&body, SV("{\"cluster\":\"c\",\"containerInstances\":[\"0\""));
	for (int i = 0; i < 100; i++)
		buf_printf(&body, ",\"%d\"", i);
	buf_sv(&body, SV("]}"));
	buf_char(&body, '\0');
	expect_error("DescribeContainerInstances", body.ptr,
		     "{\"__type\":\"InvalidParameterException\",\"message\":\"Container instances "
		     "cannot have more than 100 elements.\"}");
	expect_error("DescribeServices", "{\"cluster\":\"c\"}",
		     "{\"__type\":\"InvalidParameterException\",\"message\":\"Services cannot be "
		     "empty.\"}");
}

static void another_content_is_no_operation(void **state)
{
	put_account("");
	static const struct signer by = {
		.secret = "secret", .region = "eu-west-1", .service = "ecs"};
	struct ask a = {.method = "POST", .target = "/", .body = SV("{}")};
	add_header(&a, SV("Content-Type"), SV("application/json"));
	add_header(&a, SV("X-Amz-Target"), SV("AmazonEC2ContainerServiceV20141113.ListClusters"));
	sign(&a, &by);
	assert_int_equal(ask(&a), 400);
	assert_sv(buf_view(&got.body), "{\"__type\":\"UnknownOperationException\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_has_a_type_and_a_message),
		TEST(what_cannot_be_read_is_refused),
		TEST(names_may_be_escaped),
		TEST(objects_come_back_byte_for_byte),
		TEST(services_come_in_tens),
		TEST(a_page_does_not_promise_another_that_is_empty),
		TEST(a_definition_has_its_tags_beside_it),
		TEST(too_many_are_refused),
		TEST(another_content_is_no_operation),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
