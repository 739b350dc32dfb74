/* Questions: how they are put, page by page, a few at a time, and what ends them. */
#include "../../../ecs_discovery/ecs_api.h"
#include "../../../ecs_discovery/ecs_way.h"
#include "ecs_world.h"

#include <ampagent/base/limits.h>

struct asking {
	struct world *w;
	struct ecs_way way;
	struct ecs_api *api;
	unsigned found, pages, denials, over;
	const char *next;  /* token of each page's next one */
	unsigned last;     /* the page that has none */
	const char *unfit; /* what answers are not good for */
	bool without;      /* does without what is denied */
	char why[ERR_MSG_MAX];
};

static int on_answer(void *cls, const struct ecs_question *q, struct sv body, struct sv *next_token,
		     struct err *err)
{
	struct asking *a = cls;
	a->pages++;
	if (a->unfit)
		return err_set(err, 1, "%s", a->unfit);
	if (a->next && a->pages < a->last)
		*next_token = sv_of(a->next);
	return 0;
}

static bool on_denied(void *cls, const struct ecs_question *q, const struct err *why)
{
	struct asking *a = cls;
	a->denials++;
	return a->without;
}

static void on_over(void *cls, const struct err *why)
{
	struct asking *a = cls;
	a->over++;
	snprintf(a->why, sizeof a->why, "%s", why ? why->msg : "");
}

static void on_found(void *cls, const struct err *why)
{
	struct asking *a = cls;
	if (why)
		fail_msg("%s", why->msg);
	a->found++;
}

static void begin(struct asking *a, struct world *w)
{
	*a = (struct asking){.w = w};
	ecs_way_init(&a->way, w->session, w->pool, &w->opt);
	ecs_way_find(&a->way, on_found, a);
	world_until(w, &a->found, 1);
	const struct ecs_api_user user = {on_answer, on_denied, on_over, a};
	assert_int_equal(ecs_api_new(&a->way.peer, &user, &a->api), 0);
}

static void end(struct asking *a)
{
	ecs_api_free(a->api);
	ecs_way_deinit(&a->way);
}

static void ask(struct asking *a, enum ecs_action action, const struct sv *ids, size_t n)
{
	struct ecs_question q = {action, n ? SV("cluster/c") : SV_NULL, ids, n};
	if (action == ECS_LIST_TASKS || action == ECS_LIST_SERVICES)
		q.cluster = SV("cluster/c");
	if (action == ECS_DESCRIBE_CLUSTERS || action == ECS_DESCRIBE_TASK_DEFINITION)
		q.cluster = SV_NULL;
	assert_int_equal(ecs_api_ask(a->api, &q), 0);
}

static void wait_over(struct asking *a)
{
	world_until(a->w, &a->over, a->over + 1);
}

static void test_requests(void **state)
{
	static const struct sv two[] = {{"a&b", 3}, {"\"c\"", 3}};
	static const struct {
		enum ecs_action action;
		size_t n;
		const char *body;
	} cases[] = {
		{ECS_LIST_CLUSTERS, 0, "{\"maxResults\":100}"},
		{ECS_DESCRIBE_CLUSTERS, 2,
		 "{\"clusters\":[\"a&b\",\"\\\"c\\\"\"],\"include\":[\"TAGS\"]}"},
		{ECS_LIST_SERVICES, 0, "{\"cluster\":\"cluster/c\",\"maxResults\":100}"},
		{ECS_DESCRIBE_SERVICES, 1,
		 "{\"cluster\":\"cluster/c\",\"services\":[\"a&b\"],\"include\":[\"TAGS\"]}"},
		{ECS_LIST_TASKS, 0, "{\"cluster\":\"cluster/c\",\"maxResults\":100}"},
		{ECS_DESCRIBE_TASKS, 1,
		 "{\"cluster\":\"cluster/c\",\"tasks\":[\"a&b\"],\"include\":[\"TAGS\"]}"},
		{ECS_DESCRIBE_TASK_DEFINITION, 1, "{\"taskDefinition\":\"a&b\"}"},
		{ECS_DESCRIBE_CONTAINER_INSTANCES, 1,
		 "{\"cluster\":\"cluster/c\",\"containerInstances\":[\"a&b\"]}"},
		{ECS_EC2_INSTANCES, 2,
		 "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000&Filter.1.Name="
		 "instance-id&Filter.1.Value.1=a%26b&Filter.1.Value.2=%22c%22"},
		{ECS_EC2_INTERFACES, 1,
		 "Action=DescribeNetworkInterfaces&Version=2016-11-15&MaxResults=1000&"
		 "Filter.1.Name=network-interface-id&Filter.1.Value.1=a%26b"},
	};
	struct asking a;
	struct world *w = *state;
	char want[128];
	begin(&a, w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum ecs_action action = cases[i].action;
		bool ec2 = action >= ECS_EC2_INSTANCES;
		ask(&a, action, two, cases[i].n);
		wait_over(&a);
		assert_string_equal(a.why, "");
		assert_string_equal(w->last_body[action], cases[i].body);
		snprintf(want, sizeof want, "AmazonEC2ContainerServiceV20141113.%s",
			 ecs_action_name(action));
		assert_string_equal(w->last_target, ec2 ? "" : want);
		assert_string_equal(w->last_type,
				    ec2 ? "application/x-www-form-urlencoded; charset=utf-8"
					: "application/x-amz-json-1.1");
		snprintf(want, sizeof want, "/eu-west-1/%s/aws4_request", ec2 ? "ec2" : "ecs");
		assert_non_null(strstr(w->last_authorization, want));
	}
	assert_int_equal(a.over, 10);
	end(&a);
}

static void test_pages(void **state)
{
	struct asking a;
	struct world *w = *state;
	const struct sv id = SV("i-1");
	world_fill(w, 10, 1);
	begin(&a, w);
	a.next = "a \"b\"&";
	a.last = 2;
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_string_equal(a.why, "");
	assert_int_equal(w->calls[ECS_LIST_TASKS], 2);
	assert_string_equal(
		w->last_body[ECS_LIST_TASKS],
		"{\"cluster\":\"cluster/c\",\"maxResults\":100,\"nextToken\":\"a \\\"b\\\"&\"}");
	a.pages = 0;
	ask(&a, ECS_EC2_INSTANCES, &id, 1);
	wait_over(&a);
	assert_non_null(strstr(w->last_body[ECS_EC2_INSTANCES],
			       "&Filter.1.Value.1=i-1&NextToken=a%20%22b%22%26"));
	/* The same page for ever. */
	a.pages = 0;
	a.last = 100;
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_string_equal(a.why,
			    "ListTasks in eu-west-1: the answer cannot be used: the list has "
			    "no end: a page names itself as the next one");
	assert_int_equal(a.pages, 2);
	end(&a);
}

static void test_some_at_a_time(void **state)
{
	struct asking a;
	struct world *w = *state;
	w->opt.request_concurrency = 4;
	begin(&a, w);
	w->silent = true;
	for (int i = 0; i < 9; i++)
		ask(&a, ECS_LIST_TASKS, NULL, 0);
	world_until(w, &w->all, 4);
	world_wait(w, 20);
	assert_int_equal(w->all, 4);
	w->silent = false;
	for (size_t i = 0; i < 4; i++)
		http_answer_now(w->kept[i], 200, SV("x/y"), SV("{}"), NULL, 0);
	wait_over(&a);
	assert_int_equal(w->all, 9);
	assert_int_equal(a.pages, 9);
	end(&a);
	w->opt.request_concurrency = 1000;
	begin(&a, w);
	assert_int_equal(a.way.peer.at_once, LIMIT_ECS_CALLS_AT_ONCE);
	end(&a);
}

static void test_throttled(void **state)
{
	struct asking a;
	struct world *w = *state;
	begin(&a, w);
	world_fault(w, ECS_LIST_TASKS, 1, WORLD_THROTTLED);
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_string_equal(a.why, "");
	assert_int_equal(w->calls[ECS_LIST_TASKS], 2);
	assert_true(ecs_pace_rate(a.way.peer.pace) < LIMIT_ECS_CALLS_PER_S);
	/* Not for ever. */
	world_fault(w, ECS_LIST_TASKS, WORLD_ALWAYS, WORLD_THROTTLED);
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_non_null(strstr(a.why, "ThrottlingException: Rate exceeded"));
	assert_int_equal(w->calls[ECS_LIST_TASKS], 12);
	end(&a);
}

static void test_denied(void **state)
{
	struct asking a;
	struct world *w = *state;
	begin(&a, w);
	world_fault(w, ECS_LIST_TASKS, WORLD_ALWAYS, WORLD_DENIED);
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_int_equal(a.denials, 1);
	assert_int_equal(w->calls[ECS_LIST_TASKS], 1);
	assert_true(sv_starts_with(sv_of(a.why), SV("ecs:ListTasks is denied, docs/ECS.md has the "
						    "policy: ListTasks in eu-west-1: ecs at ")));
	assert_non_null(strstr(a.why, "AccessDeniedException: User x is not authorized"));
	a.without = true;
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	ask(&a, ECS_LIST_SERVICES, NULL, 0);
	wait_over(&a);
	assert_string_equal(a.why, "");
	assert_int_equal(a.denials, 2);
	end(&a);
}

/* One failure ends all of them, once. */
static void test_failure_ends_the_rest(void **state)
{
	struct asking a;
	struct world *w = *state;
	begin(&a, w);
	a.unfit = "no good";
	for (int i = 0; i < 30; i++)
		ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_string_equal(a.why, "ListTasks in eu-west-1: the answer cannot be used: no good");
	world_wait(w, 20);
	assert_int_equal(a.over, 1);
	assert_int_equal(a.pages, 1);
	assert_true(w->all < 30);
	a.unfit = NULL;
	ask(&a, ECS_LIST_TASKS, NULL, 0);
	wait_over(&a);
	assert_string_equal(a.why, "");
	end(&a);
}

static void test_counts(void **state)
{
	struct asking a;
	struct world *w = *state;
	struct buf out;
	buf_init(&out, MiB(1));
	begin(&a, w);
	ask(&a, ECS_DESCRIBE_CONTAINER_INSTANCES, &(struct sv){"x", 1}, 1);
	wait_over(&a);
	struct metrics_writer m = {.out = &out};
	ecs_api_collect(&m);
	buf_char(&out, 0);
	assert_non_null(strstr(out.ptr, "\nampagent_ecs_api_calls_total{action="
					"\"DescribeContainerInstances\",result=\"ok\"} "));
	assert_null(strstr(out.ptr, "} 0\n"));
	buf_deinit(&out);
	end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_requests),  TEST(test_pages),  TEST(test_some_at_a_time),
		TEST(test_throttled), TEST(test_denied), TEST(test_failure_ends_the_rest),
		TEST(test_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
