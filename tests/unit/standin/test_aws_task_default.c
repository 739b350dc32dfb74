/* The task that is made up, and its statistics. */
#include "check.h"
#include "endpoint.h"

#include "../../../src/standin/aws_slice.h"

#include <stdlib.h>

static void start_aws(void)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	o.region = SV("us-gov-west-1");
	o.account = SV("999999999999");
	start(&o);
}

/* A copy of the answer, which is JSON. */
static char *document(const char *target)
{
	assert_int_equal(get(target), 200);
	assert_string_equal(got.content_type, "application/json");
	assert_int_equal(aws_json_check(buf_view(&got.body), NULL), 0);
	char *copy = sv_dup(buf_view(&got.body));
	assert_non_null(copy);
	return copy;
}

static void it_is_a_task_with_the_agent_and_an_app(void **state)
{
	static const char *const names[] = {"ampagent", "app"};
	start_aws();
	_cleanup_(freep) char *text = document("/v4/x/task");
	struct sv task = sv_of(text), key, one;
	assert_sv(aws_member_text(task, SV("Cluster")),
		  "arn:aws:ecs:us-gov-west-1:999999999999:cluster/ampagent");
	struct aws_slices it = aws_slices_of(aws_member(task, SV("Containers")));
	for (size_t i = 0; i < N_OF(names); i++) {
		assert_true(aws_slice_next(&it, &key, &one));
		assert_sv(aws_member_text(one, SV("Name")), names[i]);
		assert_sv(aws_member_text(one, SV("Type")), "NORMAL");
		struct sv labels = aws_member(one, SV("Labels"));
		assert_sv(aws_member_text(labels, SV("com.amazonaws.ecs.task-arn")),
			  "arn:aws:ecs:us-gov-west-1:999999999999:task/ampagent/"
			  "0123456789abcdef0123456789abcdef");
		assert_sv(aws_member_text(labels, SV("com.amazonaws.ecs.container-name")),
			  names[i]);
		assert_sv(aws_member_text(labels, SV("prometheus.io/port")), i == 1 ? "8080" : "");
	}
	assert_false(aws_slice_next(&it, &key, &one));
}

static uint64_t number_at(struct sv stats, const char *a, const char *b, const char *c)
{
	uint64_t n;
	struct sv value = aws_member(aws_member(stats, sv_of(a)), sv_of(b));
	if (c)
		value = aws_member(value, sv_of(c));
	assert_int_equal(sv_to_u64(value, &n), 0);
	return n;
}

static void statistics_are_of_the_containers_there_are(void **state)
{
	start_aws();
	assert_int_equal(send_body("PUT", "/aws/task",
				   "{\"Containers\":[{\"DockerId\":\"a\",\"Name\":\"n\"},"
				   "{\"Name\":\"no id\"},{\"DockerId\":\"b\"}]}"),
			 200);
	_cleanup_(freep) char *text = document("/v4/x/task/stats");
	struct sv key, one;
	struct aws_slices it = aws_slices_of(sv_of(text));
	static const char *const ids[] = {"a", "b"};
	for (size_t i = 0; i < N_OF(ids); i++) {
		assert_true(aws_slice_next(&it, &key, &one));
		assert_sv(key, ids[i]);
		assert_sv(aws_member_text(one, SV("id")), ids[i]);
		uint64_t now = number_at(one, "cpu_stats", "system_cpu_usage", NULL);
		uint64_t before = number_at(one, "precpu_stats", "system_cpu_usage", NULL);
		assert_true(now >= before);
		assert_true(number_at(one, "memory_stats", "usage", NULL) <
			    number_at(one, "memory_stats", "limit", NULL));
		assert_true(number_at(one, "networks", "eth1", "rx_bytes") > 0);
	}
	assert_false(aws_slice_next(&it, &key, &one));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_a_task_with_the_agent_and_an_app),
		TEST(statistics_are_of_the_containers_there_are),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
