/* The provider: rounds by its interval, a list that only whole rounds change, what it tells. */
#include "../../../ecs_discovery/ecs_sd.h"
#include "../logged.h"
#include "ecs_world.h"

#include <ampagent/base/limits.h>

struct setting {
	struct world *w;
	struct provider *p;
	unsigned changes;
};

static void on_change(void *cls)
{
	((struct setting *)cls)->changes++;
}

static void begin(struct setting *s, struct world *w)
{
	*s = (struct setting){.w = w};
	w->opt.refresh_interval_ms = 200;
	assert_int_equal(ecs_provider_new(w->session, w->pool, &w->opt, &s->p), 0);
	s->p->changed = on_change;
	s->p->cls = s;
	s->p->job = "shop";
}

static size_t n_targets(const struct setting *s)
{
	struct target_group g[1];
	size_t n = s->p->ops->count(s->p);
	assert_true(n <= 1);
	if (n == 0)
		return 0;
	s->p->ops->list(s->p, g);
	assert_true(sv_eq(g[0].source, SV("eu-west-1")));
	return g[0].n_targets;
}

/* The family's one value, as it is printed. */
static double told(const struct setting *s, const char *series)
{
	struct buf out;
	const struct ecs_provider_of of[] = {{s->p, SV("a job")}};
	struct metrics_writer m = {.out = &out};
	buf_init(&out, MiB(1));
	ecs_providers_collect(of, 1, &m);
	buf_char(&out, 0);
	const char *at = strstr(out.ptr, series);
	double v = at ? strtod(at + strlen(series), NULL) : -1;
	buf_deinit(&out);
	return v;
}

#define FAILURES "\nprometheus_sd_refresh_failures_total{mechanism=\"ecs\",config=\"a job\"} "
#define ROUNDS "\nprometheus_sd_refresh_duration_seconds_count{mechanism=\"ecs\",config=\"a job\"} "

/* Two more rounds: one may be under way. */
static void two_rounds(struct setting *s)
{
	double before = told(s, ROUNDS);
	for (int i = 0; i < 20000 && told(s, ROUNDS) < before + 2; i++)
		world_wait(s->w, 1);
	assert_true(told(s, ROUNDS) >= before + 2);
}

static void test_follows(void **state)
{
	struct setting s;
	struct world *w = *state;
	world_fill(w, 5, 1);
	begin(&s, w);
	assert_int_equal(n_targets(&s), 0);
	assert_false(s.p->ops->complete(s.p));
	world_until(w, &s.changes, 1);
	assert_true(s.p->ops->complete(s.p));
	assert_int_equal(n_targets(&s), 5);
	two_rounds(&s);
	assert_int_equal(s.changes, 1);
	w->n_tasks = 4;
	world_until(w, &s.changes, 2);
	assert_int_equal(n_targets(&s), 4);
	provider_free(s.p);
}

static void fail_twice(void *cls)
{
	struct setting *s = cls;
	world_fault(s->w, ECS_LIST_TASKS, WORLD_ALWAYS, WORLD_DENIED);
	two_rounds(s);
	two_rounds(s);
	world_fault(s->w, ECS_LIST_TASKS, WORLD_ALWAYS, 400,
		    "{\"__type\":\"ClusterNotFoundException\",\"message\":\"no cluster\"}");
	two_rounds(s);
	world_fault(s->w, ECS_LIST_TASKS, 0, 0, NULL);
	two_rounds(s);
}

static unsigned count_of(const char *text, const char *part)
{
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, part)); at++)
		n++;
	return n;
}

static void test_failures(void **state)
{
	struct setting s;
	struct world *w = *state;
	static char log[65536];
	world_fill(w, 5, 1);
	begin(&s, w);
	world_until(w, &s.changes, 1);
	logged(fail_twice, &s, log, sizeof log);
	assert_int_equal(n_targets(&s), 5);
	assert_int_equal(s.changes, 1);
	assert_true(s.p->ops->complete(s.p));
	assert_true(told(&s, FAILURES) >= 4);
	/* A line for each reason, and one for the end. */
	assert_int_equal(count_of(log, "refresh failed, the last targets stay"), 2);
	assert_int_equal(count_of(log, "ecs:ListTasks is denied"), 1);
	assert_int_equal(count_of(log, "ClusterNotFoundException"), 1);
	assert_int_equal(count_of(log, "refreshed again"), 1);
	assert_int_equal(count_of(log, "job=shop"), 3);
	provider_free(s.p);
}

static void test_never_whole(void **state)
{
	struct setting s;
	struct world *w = *state;
	world_fill(w, 5, 1);
	world_fault(w, ECS_DESCRIBE_TASKS, WORLD_ALWAYS, 400, "{}");
	begin(&s, w);
	two_rounds(&s);
	assert_false(s.p->ops->complete(s.p));
	assert_int_equal(n_targets(&s), 0);
	assert_int_equal(s.changes, 0);
	world_fault(w, ECS_DESCRIBE_TASKS, 0, 0, NULL);
	world_until(w, &s.changes, 1);
	assert_int_equal(n_targets(&s), 5);
	provider_free(s.p);
}

static void test_taken_over(void **state)
{
	struct setting s;
	struct world *w = *state;
	struct ecs_sd_options *same = malloc(sizeof *same), other;
	world_fill(w, 5, 1);
	begin(&s, w);
	world_until(w, &s.changes, 1);
	*same = w->opt;
	other = w->opt;
	other.asked_digest++;
	assert_false(ecs_provider_take(s.p, &other));
	assert_true(ecs_provider_take(s.p, same));
	memset(&w->opt, 0x55, sizeof w->opt);
	assert_int_equal(n_targets(&s), 5);
	w->n_tasks = 3;
	world_until(w, &s.changes, 2);
	assert_int_equal(n_targets(&s), 3);
	provider_free(s.p);
	free(same);
}

/* Another port or interval takes no target away, even if nobody answers meanwhile. */
static void test_other_options(void **state)
{
	struct setting s;
	struct world *w = *state;
	struct ecs_selector selector = {.kind = ECS_BY_DOCKER_LABEL, .port_label = SV("P")};
	struct target_group g;
	world_fill(w, 5, 1);
	begin(&s, w);
	world_until(w, &s.changes, 1);
	w->silent = true;
	struct ecs_sd_options other = w->opt, selects = w->opt;
	other.digest++;
	other.port = 4321;
	other.refresh_interval_ms = 100;
	assert_true(ecs_provider_take(s.p, &other));
	assert_true(s.p->ops->complete(s.p));
	assert_int_equal(n_targets(&s), 5);
	s.p->ops->list(s.p, &g);
	for (size_t i = 0; i < g.n_targets; i++)
		assert_true(sv_ends_with(labels_get(g.targets[i], SV("__address__")), SV(":4321")));
	/* Selectors need definitions, which nobody has asked for. */
	selects.digest += 2;
	selects.selectors = &selector;
	selects.n_selectors = 1;
	assert_false(ecs_provider_take(s.p, &selects));
	provider_free(s.p);
}

/* Each round begins an interval after the one before it began, a tenth more or less. */
static void test_interval(void **state)
{
	struct setting s;
	struct world *w = *state;
	begin(&s, w);
	w->opt.refresh_interval_ms = 500;
	world_until(w, &w->calls[ECS_LIST_CLUSTERS], 1);
	int64_t began_ms = loop_now_ms(w->loop);
	world_until(w, &w->calls[ECS_LIST_CLUSTERS], 3);
	/* The request goes out a moment after its round begins. */
	assert_true(loop_now_ms(w->loop) - began_ms >= 2 * 450 - 50);
	provider_free(s.p);
}

/* Families in one piece; one series a job. */
static void test_metrics(void **state)
{
	struct setting s, t;
	struct world *w = *state;
	struct buf out;
	begin(&s, w);
	begin(&t, w);
	two_rounds(&s);
	two_rounds(&t);
	const struct ecs_provider_of of[] = {{s.p, SV("one")}, {t.p, SV("two")}, {t.p, SV("one")}};
	struct metrics_writer m = {.out = &out};
	buf_init(&out, MiB(1));
	ecs_providers_collect(of, 3, &m);
	buf_char(&out, 0);
	assert_int_equal(count_of(out.ptr, "\nprometheus_sd_refresh_failures_total{"), 2);
	assert_int_equal(count_of(out.ptr, "\nprometheus_sd_refresh_duration_seconds_sum{"), 2);
	assert_int_equal(count_of(out.ptr, "# TYPE prometheus_sd_refresh_duration_seconds "), 1);
	assert_int_equal(count_of(out.ptr,
				  "\nprometheus_sd_refresh_duration_histogram_seconds_bucket{"
				  "mechanism=\"ecs\",le=\""),
			 5);
	assert_int_equal(count_of(out.ptr, "mechanism=\"ecs\",le=\"+Inf\"} "), 1);
	buf_reset(&out);
	struct metrics_writer none = {.out = &out};
	ecs_providers_collect(of, 0, &none);
	assert_int_equal(out.len, 0);
	buf_deinit(&out);
	provider_free(s.p);
	provider_free(t.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_follows),    TEST(test_failures),      TEST(test_never_whole),
		TEST(test_taken_over), TEST(test_other_options), TEST(test_interval),
		TEST(test_metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
