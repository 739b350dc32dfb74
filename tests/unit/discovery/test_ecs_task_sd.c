/* ecs_task_sd: what follows a task that a metadata endpoint tells of. */
#include "../../../ecs_discovery/ecs_task_sd.h"
#include "../ecs/ecs_rig.h"
#include "../logged.h"
#include "ecs_task_dump.h"

enum { ROUND_MS = 50 };

#define TASK(containers)                                                                           \
	"{\"TaskARN\":\"arn:aws:ecs:eu-west-1:111122223333:task/shop/0123456789abcdef\","          \
	"\"Cluster\":\"shop\",\"Family\":\"f\",\"Revision\":\"1\",\"Containers\":[" containers     \
	"]}"
#define BOX(name, id, labels)                                                                      \
	"{\"DockerId\":\"" id "\",\"Name\":\"" name "\",\"Type\":\"NORMAL\","                      \
	"\"KnownStatus\":\"RUNNING\",\"Networks\":[{\"NetworkMode\":\"awsvpc\","                   \
	"\"IPv4Addresses\":[\"10.0.0.5\"]}],\"Labels\":{" labels "}}"
#define APP(id) BOX("app", id, "\"prometheus.io/port\":\"8080\"")
#define DB BOX("db", "db-1", "\"prometheus.io/port\":\"9187\"")
#define APP_TARGET "app|127.0.0.1:8080||||docker_label|8080\n"
#define DB_TARGET "db|127.0.0.1:9187||||docker_label|9187\n"

static const struct ecs_task_sd_options by_labels = {.refresh_interval_ms = 15000,
						     .docker_labels = true};

struct setting {
	struct ecs_rig *rig;
	struct ecs_watch *watch;
	struct discovery_env env;
	struct provider *p;
	unsigned changes;
};

static void on_change(void *cls)
{
	((struct setting *)cls)->changes++;
}

static void make_provider(struct setting *s, const struct ecs_task_sd_options *opt)
{
	assert_int_equal(ecs_task_provider_new(&s->env, opt, &s->p), 0);
	s->p->changed = on_change;
	s->p->cls = s;
}

static void begin(struct setting *s, struct ecs_rig *rig, const char *task)
{
	struct err err = ERR_NULL;
	*s = (struct setting){.rig = rig};
	ecs_rig_answers(&rig->task, 200, task);
	assert_int_equal(ecs_watch_new(rig->session, ROUND_MS, &s->watch, &err), 0);
	s->env = (struct discovery_env){.loop = rig->loop,
					.pool = rig->pool,
					.ecs = s->watch,
					.own_address = "127.0.0.1:19090"};
}

static void end(struct setting *s)
{
	provider_free(s->p);
	ecs_watch_free(s->watch);
}

/* Two more rounds: the first one may be under way. */
static void two_rounds(struct setting *s)
{
	ecs_rig_until(s->rig, &s->rig->task.asked, s->rig->task.asked + 3);
}

static void expect(const struct setting *s, const char *want)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(freep) struct target_group *v = NULL;
	size_t n = s->p->ops->count(s->p);
	v = calloc(n + 1, sizeof *v);
	s->p->ops->list(s->p, v);
	buf_init(&text, MiB(1));
	dump_targets(&text, v, n);
	buf_char(&text, 0);
	assert_string_equal(text.ptr, want);
}

static void test_no_task(void **state)
{
	struct setting s = {.rig = *state};
	s.env = (struct discovery_env){.loop = s.rig->loop, .own_address = ""};
	make_provider(&s, &by_labels);
	expect(&s, "");
	assert_false(s.p->ops->complete(s.p));
	assert_true(ecs_task_provider_take(s.p, &by_labels));
	provider_free(s.p);
}

static void test_follows(void **state)
{
	struct setting s;
	begin(&s, *state, TASK(APP("one")));
	make_provider(&s, &by_labels);
	expect(&s, "");
	assert_false(s.p->ops->complete(s.p));
	ecs_rig_until(s.rig, &s.changes, 1);
	expect(&s, APP_TARGET);
	assert_true(s.p->ops->complete(s.p));
	/* What says the same says it once. */
	two_rounds(&s);
	assert_int_equal(s.changes, 1);
	ecs_rig_answers(&s.rig->task, 200, TASK(DB "," APP("one")));
	ecs_rig_until(s.rig, &s.changes, 2);
	expect(&s, APP_TARGET DB_TARGET);
	/* The same target of another container. */
	ecs_rig_answers(&s.rig->task, 200, TASK(DB "," APP("two")));
	ecs_rig_until(s.rig, &s.changes, 3);
	expect(&s, APP_TARGET DB_TARGET);
	ecs_rig_answers(&s.rig->task, 200, TASK(DB));
	ecs_rig_until(s.rig, &s.changes, 4);
	expect(&s, DB_TARGET);
	end(&s);
}

static void test_errors_change_nothing(void **state)
{
	static const struct {
		int status;
		const char *body;
	} wrong[] = {{500, "down"}, {429, "slow"}, {200, "{\"Containers\":[]"},
		     {200, ""},     {200, "[]"},   {404, ""},
		     {RIG_DROP, ""}};
	struct setting s;
	begin(&s, *state, TASK(APP("one")));
	make_provider(&s, &by_labels);
	ecs_rig_until(s.rig, &s.changes, 1);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ecs_rig_answers(&s.rig->task, wrong[i].status, wrong[i].body);
		two_rounds(&s);
		assert_int_equal(s.changes, 1);
		expect(&s, APP_TARGET);
		assert_true(s.p->ops->complete(s.p));
	}
	ecs_rig_answers(&s.rig->task, 200, TASK(""));
	ecs_rig_until(s.rig, &s.changes, 2);
	expect(&s, "");
	assert_true(s.p->ops->complete(s.p));
	end(&s);
}

/* A new job does not wait for the next round. */
static void test_known_already(void **state)
{
	struct setting s;
	begin(&s, *state, TASK(APP("one")));
	ecs_rig_until(s.rig, &s.rig->task.asked, 2);
	make_provider(&s, &by_labels);
	expect(&s, APP_TARGET);
	assert_true(s.p->ops->complete(s.p));
	two_rounds(&s);
	assert_int_equal(s.changes, 0);
	end(&s);
}

static void test_take(void **state)
{
	uint64_t a[] = {80, 81}, b[] = {80, 81}, c[] = {80, 82};
	const struct ecs_task_sd_options first = {.refresh_interval_ms = 15000,
						  .docker_labels = true,
						  .ports = a,
						  .n_ports = 2,
						  .probe_ports = a,
						  .n_probe_ports = 1};
	struct ecs_task_sd_options other = first;
	struct setting s;
	begin(&s, *state, TASK(BOX("app", "one", "")));
	make_provider(&s, &first);
	other.ports = other.probe_ports = b;
	assert_true(ecs_task_provider_take(s.p, &other));
	/* From now on those are the options. */
	memset(a, 0, sizeof a);
	ecs_rig_until(s.rig, &s.changes, 1);
	expect(&s, "|127.0.0.1:80||||ports|80\n|127.0.0.1:81||||ports|81\n");
	struct ecs_task_sd_options wrong[6];
	for (size_t i = 0; i < 6; i++)
		wrong[i] = other;
	wrong[0].ports = c;
	wrong[1].n_ports = 1;
	wrong[2].probe_ports = c + 1;
	wrong[3].n_probe_ports = 0;
	wrong[4].docker_labels = false;
	wrong[5].task_metrics = ECS_TASK_METRICS_ON;
	for (size_t i = 0; i < 6; i++)
		assert_false(ecs_task_provider_take(s.p, &wrong[i]));
	/* The interval is not the provider's. */
	other.refresh_interval_ms = 20000;
	assert_true(ecs_task_provider_take(s.p, &other));
	end(&s);
}

/* ---- probing ---- */

/* A server whose page is there or not. */
static void on_request(void *cls, const struct http_server_request *req)
{
	const bool *there = cls;
	http_answer_now(req->exchange, *there && sv_eq(req->raw_path, SV("/metrics")) ? 200 : 404,
			SV("text/plain"), SV("up 1\n"), NULL, 0);
}

static struct http_server *neighbour(struct ecs_rig *rig, bool *there)
{
	struct err err = ERR_NULL;
	struct http_server *server;
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = KiB(1),
					.max_connections = 64,
					.read_timeout_ms = 10000,
					.handler = on_request,
					.cls = there};
	if (http_server_new(rig->loop, &o, &server, &err) != 0)
		fail_msg("%s", err.msg);
	return server;
}

static void test_probes(void **state)
{
	bool there = true;
	char want[100];
	struct setting s;
	begin(&s, *state, TASK(BOX("app", "one", "")));
	struct http_server *server = neighbour(s.rig, &there);
	int port = http_server_port(server);
	uint64_t ports[] = {(uint64_t)port};
	const struct ecs_task_sd_options opt = {
		.docker_labels = true, .probe_ports = ports, .n_probe_ports = 1};
	snprintf(want, sizeof want, "|127.0.0.1:%d|/metrics|http||probe|%d\n", port, port);
	make_provider(&s, &opt);
	/* The first list has the answers in it. */
	ecs_rig_until(s.rig, &s.changes, 1);
	expect(&s, want);
	/* Silence is no change while the containers are the same. */
	there = false;
	two_rounds(&s);
	expect(&s, want);
	ecs_rig_answers(&s.rig->task, 200, TASK(BOX("app", "two", "")));
	ecs_rig_until(s.rig, &s.changes, 2);
	expect(&s, "");
	/* It is tried again until it answers. */
	there = true;
	ecs_rig_until(s.rig, &s.changes, 3);
	expect(&s, want);
	/* Another container behind it, which answers too: nothing comes and goes. */
	ecs_rig_answers(&s.rig->task, 200, TASK(BOX("app", "three", "")));
	two_rounds(&s);
	assert_int_equal(s.changes, 3);
	expect(&s, want);
	provider_free(s.p);
	/* With a task that is known already the list waits for answers as well. */
	make_provider(&s, &opt);
	assert_false(s.p->ops->complete(s.p));
	ecs_rig_until(s.rig, &s.changes, 4);
	expect(&s, want);
	assert_true(s.p->ops->complete(s.p));
	http_server_free(server);
	end(&s);
}

/* A server that never answers keeps every round of probing busy for its second. */
struct silent {
	struct http_exchange *kept[64];
	unsigned asked;
};

static void on_silence(void *cls, const struct http_server_request *req)
{
	struct silent *s = cls;
	s->kept[s->asked++ % 64] = req->exchange;
}

struct looking {
	struct setting *setting;
	unsigned without;
};

static void on_change_look(void *cls)
{
	struct looking *l = cls;
	l->setting->changes++;
	l->without += l->setting->p->ops->count(l->setting->p) == 0;
}

/* A container is replaced while its neighbours are asked: the port goes on answering and stays. */
static void test_replaced_while_probing(void **state)
{
	bool there = true;
	struct silent silent = {.asked = 0};
	struct setting s;
	struct looking look = {.setting = &s};
	struct err err = ERR_NULL;
	begin(&s, *state, TASK(BOX("app", "one", "")));
	struct http_server *server = neighbour(s.rig, &there), *slow;
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = KiB(1),
					.max_connections = 64,
					.read_timeout_ms = 10000,
					.handler = on_silence,
					.cls = &silent};
	assert_int_equal(http_server_new(s.rig->loop, &o, &slow, &err), 0);
	uint64_t ports[] = {(uint64_t)http_server_port(server), (uint64_t)http_server_port(slow)};
	const struct ecs_task_sd_options opt = {
		.docker_labels = true, .probe_ports = ports, .n_probe_ports = 2};
	make_provider(&s, &opt);
	s.p->changed = on_change_look;
	s.p->cls = &look;
	ecs_rig_until(s.rig, &s.changes, 1);
	ecs_rig_until(s.rig, &silent.asked, 2);
	ecs_rig_answers(&s.rig->task, 200, TASK(BOX("app", "two", "")));
	ecs_rig_until(s.rig, &silent.asked, 5);
	assert_int_equal(look.without, 0);
	assert_int_equal(s.p->ops->count(s.p), 1);
	provider_free(take_ptr(s.p));
	http_server_free(slow);
	http_server_free(server);
	end(&s);
}

/* ---- the log ---- */

static void rounds_with_faults(void *cls)
{
	struct setting *s = cls;
	make_provider(s, &by_labels);
	ecs_rig_until(s->rig, &s->changes, 1);
	two_rounds(s);
	ecs_rig_answers(&s->rig->task, 200,
			TASK(BOX("app", "two", "\"prometheus.io/port\":\"x\"") "," DB));
	ecs_rig_until(s->rig, &s->changes, 2);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;
	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static void test_faults_are_told_once(void **state)
{
	char text[8192];
	struct setting s;
	begin(&s, *state, TASK(BOX("app", "one", "\"prometheus.io/port\":\"x\"")));
	logged(rounds_with_faults, &s, text, sizeof text);
	assert_int_equal(count_of(text, "is no port"), 1);
	assert_int_equal(count_of(text, "several are set apart by commas)"), 1);
	assert_int_equal(count_of(text, "prometheus.io/port"), 1);
	expect(&s, DB_TARGET);
	end(&s);
}

/* ---- through the manager ---- */

struct seen {
	struct buf text;
	unsigned updates;
};

static void on_update(void *cls, struct sv job, const struct target_group *groups, size_t n)
{
	struct seen *s = cls;
	s->updates++;
	buf_reset(&s->text);
	dump_targets(&s->text, groups, n);
	buf_char(&s->text, 0);
}

/* What the endpoint said last lives on over a reload, even if it says nothing now. */
static void test_reload(void **state)
{
	struct setting s;
	struct seen seen = {.updates = 0};
	struct err err = ERR_NULL;
	_cleanup_(discovery_freep) struct discovery *d = NULL;
	struct ecs_task_sd_options first = by_labels, second = by_labels, third = by_labels;
	struct discovery_options opt = {
		.job_name = SV("j"), .ecs_task_sds = &first, .n_ecs_task_sds = 1};
	buf_init(&seen.text, MiB(1));
	begin(&s, *state, TASK(APP("one")));
	s.env.sink = (struct target_sink){.update = on_update, .cls = &seen};
	assert_int_equal(discovery_new(&s.env, &d, &err), 0);
	assert_int_equal(discovery_apply(d, &opt, 1), 0);
	assert_int_equal(seen.updates, 1);
	assert_false(discovery_complete(d));
	ecs_rig_until(s.rig, &seen.updates, 2);
	assert_string_equal(seen.text.ptr, APP_TARGET);
	assert_true(discovery_complete(d));
	ecs_rig_answers(&s.rig->task, 500, "");
	second.refresh_interval_ms = 20000;
	opt.ecs_task_sds = &second;
	assert_int_equal(discovery_apply(d, &opt, 1), 0);
	memset(&first, 0, sizeof first);
	assert_int_equal(seen.updates, 3);
	assert_string_equal(seen.text.ptr, APP_TARGET);
	assert_true(discovery_complete(d));
	third.task_metrics = ECS_TASK_METRICS_ON;
	opt.ecs_task_sds = &third;
	assert_int_equal(discovery_apply(d, &opt, 1), 0);
	assert_string_equal(seen.text.ptr, APP_TARGET
			    "|127.0.0.1:19090|/ecs/metrics|http|ecs_task|task_metrics|\n");
	discovery_free(take_ptr(d));
	s.p = NULL;
	buf_deinit(&seen.text);
	end(&s);
}

/* The shortest interval of all jobs is the watch's, from the apply on. */
static void test_interval(void **state)
{
	struct setting s;
	struct seen seen = {.updates = 0};
	struct err err = ERR_NULL;
	_cleanup_(discovery_freep) struct discovery *d = NULL;
	struct ecs_task_sd_options slow[2] = {by_labels, by_labels}, fast = by_labels;
	struct discovery_options jobs[] = {
		{.job_name = SV("a"), .ecs_task_sds = slow, .n_ecs_task_sds = 2},
		{.job_name = SV("b"), .ecs_task_sds = &fast, .n_ecs_task_sds = 1},
	};
	fast.refresh_interval_ms = 20;
	buf_init(&seen.text, MiB(1));
	begin(&s, *state, TASK(APP("one")));
	s.env.sink = (struct target_sink){.update = on_update, .cls = &seen};
	assert_int_equal(discovery_new(&s.env, &d, &err), 0);
	assert_int_equal(discovery_apply(d, jobs, 1), 0);
	ecs_rig_until(s.rig, &seen.updates, 2);
	ecs_rig_wait(s.rig, 5 * ROUND_MS);
	assert_int_equal(s.rig->task.asked, 1);
	assert_int_equal(discovery_apply(d, jobs, 2), 0);
	ecs_rig_until(s.rig, &s.rig->task.asked, 4);
	discovery_free(take_ptr(d));
	buf_deinit(&seen.text);
	end(&s);
}

#define IN_RIG(test) cmocka_unit_test_setup_teardown(test, ecs_rig_setup, ecs_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_RIG(test_no_task),
		IN_RIG(test_follows),
		IN_RIG(test_errors_change_nothing),
		IN_RIG(test_known_already),
		IN_RIG(test_take),
		IN_RIG(test_probes),
		IN_RIG(test_replaced_while_probing),
		IN_RIG(test_faults_are_told_once),
		IN_RIG(test_reload),
		IN_RIG(test_interval),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
