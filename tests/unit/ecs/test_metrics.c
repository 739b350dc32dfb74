/* Pages: each answer of the endpoint comes out as its .prom and .adot.prom say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/ecs/metrics.h>
#include <ampagent/scrape_lint.h>

static const struct {
	const char *stats, *task;
} cases[] = {
	{"ec2_awsvpc", "ec2_awsvpc"},
	{"ec2_bridge", "ec2_bridge"},
	{"ec2_host", "ec2_host"},
	{"fargate_v1", "fargate"},
	{"fargate_v2", "fargate_clock"},
	{"health", "health"},
	{"huge", "anywhere"},
	{"many_devices", "v3"},
	{"nothing", "fargate"},
	{"null_stats", "fargate"},
	{"restarted", "restarted"},
	{"service_connect", "service_connect"},
	{"stopped", "stopped"},
	{"wrong_types", "odd_labels"},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void load(struct buf *b, const char *kind, const char *name, const char *ending)
{
	char path[512];
	struct err err = ERR_NULL;
	snprintf(path, sizeof path, "%s/%s/%s%s", ECS_DATA, kind, name, ending);
	buf_init(b, MiB(4));
	if (file_read(path, b, &err) != 0)
		fail_msg("%s", err.msg);
}

static void read_task(struct ecs_task *task, const char *name)
{
	_cleanup_(buf_deinit) struct buf json;
	struct err err = ERR_NULL;
	load(&json, "task", name, ".json");
	*task = (struct ecs_task){0};
	if (ecs_task_read(buf_view(&json), task, &err) != 0)
		fail_msg("%s: %s", name, err.msg);
}

static void page_of(size_t i, enum ecs_metric_names names, struct buf *page)
{
	_cleanup_(buf_deinit) struct buf json;
	_cleanup_(ecs_task_deinit) struct ecs_task task;
	struct err err = ERR_NULL;
	load(&json, "stats", cases[i].stats, ".json");
	read_task(&task, cases[i].task);
	buf_init(page, MiB(1));
	if (ecs_metrics_page(&task, buf_view(&json), names, page, &err) != 0)
		fail_msg("%s: %s", cases[i].stats, err.msg);
}

/* The first line that differs, for whoever has to find out why. */
static void assert_same(const char *name, struct sv page, struct sv expected)
{
	for (int line = 1; page.len || expected.len; line++) {
		size_t a = sv_find(page, '\n'), b = sv_find(expected, '\n');
		if (!sv_eq(sv_make(page.ptr, a), sv_make(expected.ptr, b)))
			fail_msg("%s, line %d: \"%.*s\", not \"%.*s\"", name, line, (int)a,
				 page.ptr, (int)b, expected.ptr);
		page = sv_from(page, a + 1);
		expected = sv_from(expected, b + 1);
	}
}

static void as_expected(enum ecs_metric_names names, const char *ending)
{
	for (size_t i = 0; i < CASES; i++) {
		_cleanup_(buf_deinit) struct buf page, expected;
		page_of(i, names, &page);
		load(&expected, "stats", cases[i].stats, ending);
		assert_same(cases[i].stats, buf_view(&page), buf_view(&expected));
	}
}

static void names_of_prometheus(void **state)
{
	as_expected(ECS_NAMES_PROMETHEUS, ".prom");
}

static void names_of_adot(void **state)
{
	as_expected(ECS_NAMES_ADOT, ".adot.prom");
}

static void on_problem(void *userdata, struct sv metric, struct sv text)
{
	fail_msg("%s: %.*s %.*s", cases[*(size_t *)userdata].stats, SV_ARG(metric), SV_ARG(text));
}

static void on_family(void *userdata, struct sv name, uint64_t series)
{
	*(uint64_t *)userdata += series;
}

/* By promtool's rules; ADOT's names break them, but its pages must be whole. */
static void pages_are_clean(void **state)
{
	for (size_t i = 0; i < CASES; i++) {
		_cleanup_(buf_deinit) struct buf page, adot;
		struct err err = ERR_NULL;
		uint64_t series = 0;
		const struct scrape_lint_calls problems = {&i, on_problem, NULL};
		const struct scrape_lint_calls families = {&series, NULL, on_family};
		page_of(i, ECS_NAMES_PROMETHEUS, &page);
		page_of(i, ECS_NAMES_ADOT, &adot);
		if (scrape_lint(buf_view(&page), &problems, &err) != 0 ||
		    scrape_lint(buf_view(&adot), &families, &err) != 0)
			fail_msg("%s: %s", cases[i].stats, err.msg);
		assert_true(series > 0);
	}
}

/* No series twice: two samples of one would be refused. */
static void no_series_twice(void **state)
{
	for (size_t i = 0; i < 2 * CASES; i++) {
		_cleanup_(buf_deinit) struct buf page;
		page_of(i / 2, i % 2 ? ECS_NAMES_ADOT : ECS_NAMES_PROMETHEUS, &page);
		buf_char(&page, '\0');
		for (char *line = page.ptr; *line; line = strchr(line, '\n') + 1) {
			char *end = strchr(line, '\n'), *value = end;
			while (*value != ' ')
				value--;
			for (char *c = end + 1; *line != '#' && *c; c = strchr(c, '\n') + 1)
				assert_int_not_equal(strncmp(c, line, (size_t)(value - line + 1)),
						     0);
		}
	}
}

static const struct sv bad[] = {
	SV(""),
	SV("null"),
	SV("[]"),
	SV("7"),
	SV("{"),
	SV("{\"a\":{\"read\":}}"),
	SV("{} {}"),
	SV("404 page not found\n"),
	SV("{\"a\":\"\\ud800\"}"),
};

static void nothing_of_a_bad_answer(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task task;
	_cleanup_(buf_deinit) struct buf page, large;
	struct err err = ERR_NULL;
	read_task(&task, "fargate");
	buf_init(&page, MiB(1));
	buf_sv(&page, SV("before\n"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err.msg[0] = '\0';
		assert_int_equal(ecs_metrics_page(&task, bad[i], ECS_NAMES_PROMETHEUS, &page, &err),
				 1);
		assert_true(err.msg[0] != '\0');
	}
	buf_init(&large, MiB(8));
	buf_sv(&large, SV("{}"));
	while (large.len <= LIMIT_ECS_TASK_BYTES)
		buf_sv(&large, SV("                                                         "));
	assert_int_equal(
		ecs_metrics_page(&task, buf_view(&large), ECS_NAMES_PROMETHEUS, &page, &err), 1);
	assert_non_null(strstr(err.msg, "larger than"));
	assert_true(sv_eq(buf_view(&page), SV("before\n")));
	assert_int_equal(ecs_metrics_page(&task, SV("{}"), ECS_NAMES_OFF, &page, &err), 0);
	assert_true(sv_eq(buf_view(&page), SV("before\n")));
}

static void a_page_that_does_not_fit(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task task;
	_cleanup_(buf_deinit) struct buf page;
	struct err err = ERR_NULL;
	read_task(&task, "fargate");
	buf_init(&page, 100);
	assert_int_equal(ecs_metrics_page(&task, SV("{}"), ECS_NAMES_PROMETHEUS, &page, &err),
			 ERR_NOMEM);
}

static void label_values_are_escaped(void **state)
{
	struct ecs_container c = {.name = SV("a\"b\\c\nd"),
				  .type = SV("NORMAL"),
				  .image = SV("i"),
				  .cpu_limit = -1,
				  .memory_mib = -1,
				  .restarts = -1};
	const struct ecs_task task = {.containers = &c,
				      .n_containers = 1,
				      .cpu_limit = -1,
				      .memory_mib = -1,
				      .ephemeral_used_mib = -1,
				      .ephemeral_reserved_mib = -1,
				      .clock_error_ms = -1,
				      .clock_synchronized = -1};
	_cleanup_(buf_deinit) struct buf page;
	buf_init(&page, KiB(4));
	assert_int_equal(ecs_metrics_page(&task, SV("{}"), ECS_NAMES_PROMETHEUS, &page, NULL), 0);
	buf_char(&page, '\0');
	assert_string_equal(page.ptr,
			    "# HELP ecs_container_info The image that the container runs.\n"
			    "# TYPE ecs_container_info gauge\n"
			    "ecs_container_info{container=\"a\\\"b\\\\c\\nd\",image=\"i\"} 1\n");
}

/* ---- counters over a task's life ---- */

enum { LIVES = 4, ROUNDS = 200, SERIES_MAX = 512, SERIES_BYTES = 160 };

struct life {
	bool there, told;
	unsigned run;
	uint64_t count;
};

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed >> 40;
}

/* One step: containers end, begin anew, and tell nothing for a while; but the first, the agent's.
 */
static void live(struct life *lives, uint64_t *seed)
{
	for (size_t i = 0; i < LIVES; i++) {
		struct life *l = &lives[i];
		if (i > 0 && next(seed) % 8 == 0) {
			l->there = !l->there;
			l->run += l->there;
			l->count = 0;
		}
		l->told = next(seed) % 5 != 0;
		l->count += next(seed) % 1000;
	}
	lives[0].there = lives[0].told = true;
}

/* In awsvpc mode each tells the one network as it was when it was read: the others' statistics may
 * be some rounds old. */
static void tell(const struct life *lives, uint64_t network, uint64_t *seed, bool awsvpc,
		 struct buf *task, struct buf *stats)
{
	const char *comma = "";
	buf_printf(task, "{\"TaskARN\":\"arn:aws:ecs:eu-west-1:1:task/c/1\",\"Containers\":[");
	buf_char(stats, '{');
	for (size_t i = 0; i < LIVES; i++) {
		const struct life *l = &lives[i];
		uint64_t own = awsvpc ? network - (i ? next(seed) % 3000 : 0) : l->count;
		if (!l->there)
			continue;
		buf_printf(task,
			   "%s{\"DockerId\":\"%zu-%u\",\"Name\":\"c%zu\",\"Type\":\"NORMAL\","
			   "\"KnownStatus\":\"RUNNING\",\"Networks\":[{\"NetworkMode\":\"%s\"}]}",
			   comma, i, l->run, i, awsvpc ? "awsvpc" : "bridge");
		buf_printf(stats, "%s\"%zu-%u\":", comma, i, l->run);
		if (!l->told)
			buf_sv(stats, SV("null"));
		else
			buf_printf(stats,
				   "{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":%llu}},"
				   "\"memory_stats\":{\"usage\":%llu},\"networks\":{\"eth0\":{"
				   "\"rx_bytes\":%llu}}}",
				   (unsigned long long)l->count, (unsigned long long)l->count,
				   (unsigned long long)own);
		comma = ",";
	}
	buf_sv(task, SV("]}"));
	buf_char(stats, '}');
}

struct seen {
	char series[SERIES_BYTES];
	unsigned run; /* of its container */
	double v;
};

static unsigned run_of(const struct life *lives, const char *series)
{
	const char *c = strstr(series, "container=\"c");
	return c ? lives[c[12] - '0'].run : 0;
}

/* How many counters the page has; none is below what it was, but a new run's. */
static size_t compare(struct seen *seen, const struct life *lives, struct buf *page)
{
	size_t n = 0;
	buf_char(page, '\0');
	for (char *line = page->ptr; *line; line = strchr(line, '\n') + 1) {
		char series[SERIES_BYTES];
		double v;
		if (*line == '#' || sscanf(line, "%159[^ ] %lf", series, &v) != 2 ||
		    !strstr(series, "_total"))
			continue;
		struct seen *s = seen;
		while (s->series[0] && strcmp(s->series, series) != 0)
			s++;
		assert_true(s < seen + SERIES_MAX - 1);
		unsigned run = run_of(lives, series);
		if (s->series[0] && s->run == run && v < s->v)
			fail_msg("%s fell from %.17g to %.17g", series, s->v, v);
		snprintf(s->series, sizeof s->series, "%s", series);
		s->v = v;
		s->run = run;
		n++;
	}
	return n;
}

static void counters_never_fall(void **state)
{
	static struct seen seen[SERIES_MAX];
	for (uint64_t start = 1; start <= 8; start++) {
		struct life lives[LIVES] = {0};
		uint64_t seed = start, network = 5000;
		size_t counters = 0;
		memset(seen, 0, sizeof seen);
		for (int round = 0; round < ROUNDS; round++) {
			_cleanup_(buf_deinit) struct buf json, stats, page;
			_cleanup_(ecs_task_deinit) struct ecs_task task = {0};
			buf_init(&json, KiB(64));
			buf_init(&stats, KiB(64));
			buf_init(&page, KiB(64));
			live(lives, &seed);
			network += next(&seed) % 1000;
			tell(lives, network, &seed, start % 2, &json, &stats);
			assert_int_equal(ecs_task_read(buf_view(&json), &task, NULL), 0);
			assert_int_equal(ecs_metrics_page(&task, buf_view(&stats),
							  ECS_NAMES_PROMETHEUS, &page, NULL),
					 0);
			counters += compare(seen, lives, &page);
		}
		assert_true(counters > ROUNDS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_prometheus),
		cmocka_unit_test(names_of_adot),
		cmocka_unit_test(pages_are_clean),
		cmocka_unit_test(no_series_twice),
		cmocka_unit_test(nothing_of_a_bad_answer),
		cmocka_unit_test(a_page_that_does_not_fit),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(counters_never_fall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
