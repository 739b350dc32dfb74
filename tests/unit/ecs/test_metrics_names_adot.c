/* ADOT's names beside what the real receiver and exporter made of the same answers: the .received
 * files are what awsecscontainermetricsreceiver and prometheusremotewrite v0.164.1 sent. Every
 * difference is one of those that docs/ECS_METRICS.md tells of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>
#include <ampagent/ecs/metrics.h>

#include <math.h>

enum { V2 = 1, AWSVPC = 2, PAUSE = 4, NO_LIMIT = 8, ANEW = 16 };

static const struct {
	const char *stats, *task;
	unsigned has;
} cases[] = {
	{"ec2_awsvpc", "ec2_awsvpc", V2 | AWSVPC | PAUSE},
	{"ec2_bridge", "ec2_bridge", 0},
	{"ec2_host", "ec2_host", V2},
	{"fargate_v1", "fargate", AWSVPC | NO_LIMIT},
	{"fargate_v2", "fargate_clock", V2 | AWSVPC},
	{"restarted", "restarted", V2 | AWSVPC | ANEW},
	{"stopped", "stopped", AWSVPC | NO_LIMIT},
};

/* What may differ: series that begin so. */
static const struct {
	struct sv series;
	unsigned where; /* in cases that have one of these; 0 = in all */
} differences[] = {
	/* Told by each container of the host, and summed there. */
	{SV("ecs_task_cpu_cores_Count"), 0},
	{SV("ecs_task_cpu_onlines_Count"), 0},
	{SV("ecs_task_cpu_usage_system_Nanoseconds"), 0},
	/* Milliseconds here, nanoseconds there. */
	{SV("container_duration_Seconds"), 0},
	/* Members that version 2 calls otherwise or has not. */
	{SV("container_cpu_cores_Count"), V2},
	{SV("container_memory_utilized_MiB"), V2},
	{SV("ecs_task_memory_utilized_MiB"), V2},
	{SV("container_storage_"), V2},
	{SV("ecs_task_storage_"), V2},
	/* One network, summed over who tells of it. */
	{SV("ecs_task_network_"), AWSVPC},
	/* Limits that are none. */
	{SV("container_memory_usage_limit_Bytes"), NO_LIMIT},
	{SV("ecs_task_memory_usage_limit_Bytes"), NO_LIMIT},
	/* The pause container is not the user's. */
	{SV("ecs_task_cpu_"), PAUSE},
	{SV("ecs_task_memory_"), PAUSE},
	/* The look before the first was in the year 1. */
	{SV("container_cpu_usage_vcpu_vCPU{container_name=\"cart\"}"), ANEW},
	{SV("container_cpu_utilized_None{container_name=\"cart\"}"), ANEW},
	{SV("ecs_task_cpu_usage_vcpu_vCPU"), ANEW},
	{SV("ecs_task_cpu_utilized_None"), ANEW},
};

static void load(struct buf *b, const char *kind, const char *name, const char *ending)
{
	char path[512];
	struct err err = ERR_NULL;
	snprintf(path, sizeof path, "%s/%s/%s%s", ECS_DATA, kind, name, ending);
	buf_init(b, MiB(4));
	if (file_read(path, b, &err) != 0)
		fail_msg("%s", err.msg);
}

static void make_page(size_t i, struct buf *page)
{
	_cleanup_(buf_deinit) struct buf task_json, json;
	_cleanup_(ecs_task_deinit) struct ecs_task task = {0};
	struct err err = ERR_NULL;
	load(&task_json, "task", cases[i].task, ".json");
	load(&json, "stats", cases[i].stats, ".json");
	buf_init(page, MiB(1));
	if (ecs_task_read(buf_view(&task_json), &task, &err) != 0 ||
	    ecs_metrics_page(&task, buf_view(&json), ECS_NAMES_ADOT, page, &err) != 0)
		fail_msg("%s: %s", cases[i].stats, err.msg);
}

static double value_of(struct sv line, struct sv *series)
{
	uint64_t bits = 0;
	size_t n = line.len;
	while (n > 0 && line.ptr[n - 1] != ' ')
		n--;
	*series = sv_make(line.ptr, n ? n - 1 : 0);
	assert_int_equal(number_parse(sv_from(line, n), &bits), 0);
	return double_of_bits(bits);
}

/* NaN = the page has no such series. */
static double find(struct sv page, struct sv series)
{
	while (page.len > 0) {
		struct sv line = sv_make(page.ptr, sv_find(page, '\n')), it;
		page = sv_from(page, line.len + 1);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		double v = value_of(line, &it);
		if (sv_eq(it, series))
			return v;
	}
	return NAN;
}

static bool may_differ(size_t i, struct sv series)
{
	for (size_t k = 0; k < sizeof differences / sizeof differences[0]; k++)
		if (sv_starts_with(series, differences[k].series) &&
		    (differences[k].where == 0 || differences[k].where & cases[i].has))
			return true;
	return false;
}

static bool of_pause(struct sv series)
{
	return sv_ends_with(series, SV("{container_name=\"~internal~ecs~pause\"}"));
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

/* How many are the same. */
static size_t compare(size_t i, struct sv received, struct sv page)
{
	size_t same = 0;
	while (received.len > 0) {
		struct sv line = sv_make(received.ptr, sv_find(received, '\n')), series;
		received = sv_from(received, line.len + 1);
		double theirs = value_of(line, &series), ours = find(page, series);
		/* Nothing is told of it: a zero there. */
		if ((isnan(ours) && (theirs == 0 || of_pause(series))) || may_differ(i, series))
			continue;
		if (!near(theirs, ours))
			fail_msg("%s: %.*s is %g, not %g", cases[i].stats, SV_ARG(series), ours,
				 theirs);
		same++;
	}
	return same;
}

/* Nothing has a name that they have not. */
static void no_more(size_t i, struct sv received, struct sv page)
{
	while (page.len > 0) {
		struct sv line = sv_make(page.ptr, sv_find(page, '\n')), series;
		page = sv_from(page, line.len + 1);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		value_of(line, &series);
		struct sv family = sv_make(series.ptr, sv_find(series, '{'));
		if (isnan(find(received, series)) && !sv_ends_with(family, SV("_Megabytes")) &&
		    !sv_starts_with(family, SV("container_cpu_reserved_")) &&
		    !sv_starts_with(family, SV("container_memory_reserved_")))
			fail_msg("%s: they have no %.*s", cases[i].stats, SV_ARG(series));
	}
}

static void as_received(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(buf_deinit) struct buf page, received;
		make_page(i, &page);
		load(&received, "stats", cases[i].stats, ".received");
		size_t same = compare(i, buf_view(&received), buf_view(&page));
		if (same < 20)
			fail_msg("%s: only %zu are the same", cases[i].stats, same);
		no_more(i, buf_view(&received), buf_view(&page));
	}
}

/* What differs is right: in one network nobody received what all are said to. */
static void one_network(void **state)
{
	static const struct sv rx = SV("ecs_task_network_io_usage_rx_bytes_Bytes");
	_cleanup_(buf_deinit) struct buf page, received;
	make_page(3, &page);
	load(&received, "stats", "fargate_v1", ".received");
	double ours = find(buf_view(&page), rx), theirs = find(buf_view(&received), rx);
	assert_true(ours == 7657321 && theirs == 7654321 + 7655821 + 7657321);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_received),
		cmocka_unit_test(one_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
