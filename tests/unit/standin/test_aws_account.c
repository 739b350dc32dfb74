#include "check.h"

#include "../../../src/standin/aws_account.h"

#include <stdio.h>
#include <stdlib.h>

#define ARN "arn:aws:ecs:eu-west-1:123456789012:"

static int new_account(void **state)
{
	*state = calloc(1, sizeof(struct aws_account));
	return *state ? 0 : -1;
}

static int free_account(void **state)
{
	aws_account_deinit(*state);
	free(*state);
	return 0;
}

static void apply(struct aws_account *a, const char *document)
{
	struct err err = ERR_NULL;
	if (aws_account_apply(a, sv_of(document), &err) != 0)
		fail_msg("%s", err.msg);
}

static void refuse(struct aws_account *a, const char *document, const char *words)
{
	struct err err = ERR_NULL;
	assert_int_equal(aws_account_apply(a, sv_of(document), &err), 1);
	assert_says(sv_of(err.msg), words);
}

static void expect_document(const struct aws_account *a, const char *want)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 20);
	aws_account_json(a, &out);
	assert_sv(buf_view(&out), want);
}

static void put_task(struct aws_account *a, const char *cluster, int i)
{
	char text[256];
	snprintf(text, sizeof text, "{\"taskArn\":\"" ARN "task/%s/%d\",\"group\":\"g\"}", cluster,
		 i);
	assert_int_equal(aws_account_put(a, AWS_TASKS, sv_of(text), NULL), 0);
}

static struct sv task_arn(const char *cluster, int i)
{
	static char arn[128];
	snprintf(arn, sizeof arn, ARN "task/%s/%d", cluster, i);
	return sv_of(arn);
}

static void texts_are_kept(void **state)
{
	apply(*state, "{\"tasks\":[ {\"odd\" : 1.0, \"taskArn\":\"" ARN "task/c/1\"} ],"
		      "\"instances\":[{\"instanceId\":\"i-1\"}]}");
	expect_document(*state, "{\"clusters\":[],\n\"services\":[],\n\"tasks\":[\n"
				"{\"odd\" : 1.0, \"taskArn\":\"" ARN "task/c/1\"}],\n"
				"\"taskDefinitions\":[],\n\"containerInstances\":[],\n"
				"\"instances\":[\n{\"instanceId\":\"i-1\"}],\n"
				"\"networkInterfaces\":[]}\n");
}

static void what_it_gives_back_it_takes(void **state)
{
	_cleanup_(buf_deinit) struct buf once = BUF_NULL;
	buf_init(&once, 1 << 20);
	put_task(*state, "c", 1);
	put_task(*state, "d", 2);
	aws_account_json(*state, &once);
	buf_char(&once, '\0');
	apply(*state, once.ptr);
	once.len--;
	once.ptr[once.len] = '\0';
	expect_document(*state, once.ptr);
}

static void an_object_is_found_by_id_and_by_name(void **state)
{
	struct aws_account *a = *state;
	put_task(a, "c", 1);
	put_task(a, "d", 1);
	const struct aws_object *o = aws_account_find(a, AWS_TASKS, SV("d"), SV("1"));
	assert_sv(o->id, ARN "task/d/1");
	assert_sv(o->cluster, "d");
	assert_ptr_equal(aws_account_find(a, AWS_TASKS, SV_NULL, task_arn("d", 1)), o);
	assert_null(aws_account_find(a, AWS_TASKS, SV("c"), task_arn("d", 1)));
	assert_null(aws_account_find(a, AWS_TASKS, SV("c"), SV("2")));
	assert_null(aws_account_find(a, AWS_SERVICES, SV("c"), SV("1")));
}

static void the_cluster_is_said_or_in_the_arn(void **state)
{
	apply(*state, "{\"tasks\":[{\"taskArn\":\"" ARN "task/old\",\"clusterArn\":\"" ARN
		      "cluster/blue\"},{\"taskArn\":\"" ARN "task/older\"}]}");
	assert_non_null(aws_account_find(*state, AWS_TASKS, SV("blue"), SV("old")));
	assert_non_null(aws_account_find(*state, AWS_TASKS, SV("default"), SV("older")));
}

static void what_is_put_again_is_replaced_in_its_place(void **state)
{
	struct aws_account *a = *state;
	put_task(a, "c", 1);
	put_task(a, "c", 2);
	uint64_t seq = aws_account_find(a, AWS_TASKS, SV("c"), SV("1"))->seq;
	apply(a, "{\"tasks\":[{\"taskArn\":\"" ARN "task/c/1\",\"group\":\"new\"}]}");
	const struct aws_object *o = aws_account_find(a, AWS_TASKS, SV("c"), SV("1"));
	assert_int_equal(o->seq, seq);
	assert_sv(o->group, "new");
	assert_int_equal(a->kinds[AWS_TASKS].live, 2);
}

/* Walks are not disturbed by what goes and comes meanwhile. */
static void a_walk_goes_on_after_changes(void **state)
{
	struct aws_account *a = *state;
	for (int i = 0; i < 1000; i++)
		put_task(a, "c", i);
	uint64_t seq = 0;
	for (int i = 0; i < 500; i++)
		seq = aws_account_after(a, AWS_TASKS, seq)->seq;
	for (int i = 0; i < 1000; i++)
		if (i % 10 != 0)
			aws_account_remove(a, task_arn("c", i));
	put_task(a, "c", 1000);
	int seen = 0;
	const struct aws_object *o = aws_account_after(a, AWS_TASKS, seq);
	assert_sv(o->name, "500");
	for (; o; o = aws_account_after(a, AWS_TASKS, o->seq))
		seen++;
	assert_int_equal(seen, 51);
	assert_true(a->kinds[AWS_TASKS].n < 500);
	for (int i = 0; i < 1000; i++) {
		bool there = aws_account_find(a, AWS_TASKS, SV("c"), task_arn("c", i)) != NULL;
		assert_true(there == (i % 10 == 0));
	}
}

static void the_newest_revision_is_the_highest(void **state)
{
	apply(*state, "{\"taskDefinitions\":["
		      "{\"taskDefinitionArn\":\"" ARN "task-definition/web:9\"},"
		      "{\"taskDefinitionArn\":\"" ARN "task-definition/web:10\"},"
		      "{\"taskDefinitionArn\":\"" ARN "task-definition/web:2\"},"
		      "{\"taskDefinitionArn\":\"" ARN "task-definition/website:99\"}]}");
	assert_sv(aws_account_newest(*state, SV("web"))->name, "web:10");
	assert_null(aws_account_newest(*state, SV("we")));
	assert_sv(aws_family_of(SV(ARN "task-definition/a-b:17")), "a-b");
}

static void a_bad_document_changes_nothing(void **state)
{
	put_task(*state, "c", 1);
	refuse(*state, "{\"gone\":[\"" ARN "task/c/1\"],\"tasks\":[{\"name\":\"x\"}]}", "taskArn");
	refuse(*state, "{\"gone\":[\"" ARN "task/c/1\"],\"tasks\":{}}", "no array");
	refuse(*state, "{\"gone\":[\"" ARN "task/c/1\"],\"task\":[]}", "\"task\"");
	refuse(*state, "{\"gone\":[\"" ARN "task/c/1\"],", "");
	refuse(*state, "[]", "no object");
	refuse(*state, "{\"tasks\":[{\"taskArn\":\"a\\/b\"}]}", "plain");
	assert_non_null(aws_account_find(*state, AWS_TASKS, SV("c"), SV("1")));
	apply(*state, "{\"gone\":[\"" ARN "task/c/1\",\"unknown\"]}");
	assert_null(aws_account_find(*state, AWS_TASKS, SV("c"), SV("1")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_account, free_account)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_are_kept),
		TEST(what_it_gives_back_it_takes),
		TEST(an_object_is_found_by_id_and_by_name),
		TEST(the_cluster_is_said_or_in_the_arn),
		TEST(what_is_put_again_is_replaced_in_its_place),
		TEST(a_walk_goes_on_after_changes),
		TEST(the_newest_revision_is_the_highest),
		TEST(a_bad_document_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
