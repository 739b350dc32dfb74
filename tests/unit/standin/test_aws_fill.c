/* Made-up accounts. That they hang together, an outside client checks besides. */
#include "check.h"
#include "endpoint.h"

#include "../../../src/standin/aws_account.h"

#include <stdlib.h>

static int fill(const char *what)
{
	char target[192];
	snprintf(target, sizeof target, "/aws/ecs/fill?%s", what);
	return post(target);
}

static void read_back(struct aws_account *a)
{
	struct err err = ERR_NULL;
	assert_int_equal(get("/aws/ecs"), 200);
	if (aws_account_apply(a, buf_view(&got.body), &err) != 0)
		fail_msg("%s", err.msg);
}

static void expect_sizes(const char *what, const size_t want[AWS_KINDS_])
{
	struct aws_account a = {.next_seq = 0};
	assert_int_equal(fill(what), 200);
	read_back(&a);
	for (int i = 0; i < AWS_KINDS_; i++)
		if (a.kinds[i].live != want[i])
			fail_msg("%s: %zu %.*s", what, a.kinds[i].live,
				 SV_ARG(aws_kind_name((enum aws_kind)i)));
	aws_account_deinit(&a);
}

static void it_has_what_was_asked_for(void **state)
{
	start_api();
	expect_sizes("tasks=50&services=7", (size_t[]){1, 7, 50, 7, 0, 0, 50});
	expect_sizes("tasks=50&services=7&launch=EC2", (size_t[]){1, 7, 50, 7, 3, 3, 50});
	expect_sizes("tasks=50&services=7&instances=5&network=bridge",
		     (size_t[]){1, 7, 50, 7, 5, 5, 0});
	expect_sizes("tasks=50&services=7&network=host", (size_t[]){1, 7, 50, 7, 50, 50, 0});
	expect_sizes("tasks=0&services=1&network=host", (size_t[]){1, 1, 0, 1, 1, 1, 0});
}

static struct aws_object *first(struct aws_account *a, enum aws_kind kind)
{
	return &a->kinds[kind].list[0];
}

static void the_same_seed_makes_the_same(void **state)
{
	struct aws_account a = {.next_seq = 0}, b = {.next_seq = 0}, c = {.next_seq = 0};
	start_api();
	assert_int_equal(fill("tasks=3&services=1&cluster=x"), 200);
	read_back(&a);
	assert_int_equal(fill("tasks=9&services=2&cluster=x&seed=0"), 200);
	read_back(&b);
	assert_int_equal(fill("tasks=3&services=1&cluster=x&seed=1"), 200);
	read_back(&c);
	assert_true(sv_eq(first(&a, AWS_TASKS)->id, first(&b, AWS_TASKS)->id));
	assert_false(sv_eq(first(&a, AWS_TASKS)->id, first(&c, AWS_TASKS)->id));
	assert_int_equal(first(&a, AWS_TASKS)->name.len, 32);
	assert_sv(first(&a, AWS_TASKS)->cluster, "x");
	aws_account_deinit(&a);
	aws_account_deinit(&b);
	aws_account_deinit(&c);
}

static void it_takes_the_place_of_what_was(void **state)
{
	struct aws_account a = {.next_seq = 0};
	start_api();
	assert_int_equal(send_body("PUT", "/aws/ecs", "{\"instances\":[{\"instanceId\":\"i-1\"}]}"),
			 200);
	assert_int_equal(fill("tasks=1"), 200);
	read_back(&a);
	assert_int_equal(a.kinds[AWS_INSTANCES].live, 0);
	aws_account_deinit(&a);
}

static void what_cannot_be_is_refused(void **state)
{
	static const char *const asks[] = {"tasks=x",
					   "tasks=1000000",
					   "tasks=1&services=0",
					   "launch=LAMBDA",
					   "tasks=1&network=nat",
					   "tasks=1&cluster=a%2Fb",
					   "tasks=1&seed=-1",
					   "tasks=2&instances=1&network=host",
					   "tasks=16385&instances=1&network=bridge"};
	start_api();
	for (size_t i = 0; i < N_OF(asks); i++) {
		if (fill(asks[i]) != 400)
			fail_msg("%s: %d", asks[i], got.status);
		assert_says(buf_view(&got.body), "wanted: tasks=N");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_has_what_was_asked_for),
		TEST(the_same_seed_makes_the_same),
		TEST(it_takes_the_place_of_what_was),
		TEST(what_cannot_be_is_refused),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
