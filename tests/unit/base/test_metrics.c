#include "check.h"

#include <ampagent/base/metrics.h>

#include <pthread.h>

static bool contains(struct sv text, const char *part)
{
	return sv_find_sv(text, sv_of(part)) < text.len;
}

static void *add_many(void *cls)
{
	for (int i = 0; i < 10000; i++)
		metric_add(M_SCRAPES, 2);
	return NULL;
}

static void cells_add_up(void **state)
{
	pthread_t threads[3];
	for (size_t i = 0; i < N_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
	for (size_t i = 0; i < N_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(metric_get(M_SCRAPES) == 60000);
	metric_set(M_READY, -0.5);
	assert_true(metric_get(M_READY) == -0.5);
	metric_add(M_READY, 2);
	assert_true(metric_get(M_READY) == 1.5);
	metric_set(M_SCRAPES, 3);
	assert_true(metric_get(M_SCRAPES) == 3);
}

static void writes_families(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 16);
	struct metrics_writer w = {.out = &out};
	struct metric_label labels[] = {{"remote_name", SV("a\"b\\c\nd")}, {"url", SV("http://x")}};
	metrics_emit(&w, M_RW_SHARDS, labels, 2, 3);
	labels[0].value = SV("e");
	metrics_emit(&w, M_RW_SHARDS, labels, 2, 1e6);
	assert_sv(buf_view(&out),
		  "# HELP prometheus_remote_storage_shards Number of shards used for parallel "
		  "sending.\n# TYPE prometheus_remote_storage_shards gauge\n"
		  "prometheus_remote_storage_shards{remote_name=\"a\\\"b\\\\c\\nd\",url=\"http://"
		  "x\"} 3\n"
		  "prometheus_remote_storage_shards{remote_name=\"e\",url=\"http://x\"} 1e+06\n");
	buf_reset(&out);
	struct metric_label le = {"le", SV("+Inf")};
	metrics_emit_suffix(&w, M_WAL_FSYNC_SECONDS, "_bucket", &le, 1, 4);
	metrics_emit_suffix(&w, M_WAL_FSYNC_SECONDS, "_sum", NULL, 0, 0.25);
	metrics_emit_suffix(&w, M_WAL_FSYNC_SECONDS, "_count", NULL, 0, 4);
	assert_true(contains(buf_view(&out),
			     " histogram\n"
			     "ampagent_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 4\n"
			     "ampagent_wal_fsync_duration_seconds_sum 0.25\n"
			     "ampagent_wal_fsync_duration_seconds_count 4\n"));
}

static void cells_come_once_and_after_collectors(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 16);
	struct metrics_writer w = {.out = &out};
	metric_set(M_WAL_BYTES, 1);
	metric_set(M_READY, 1);
	metrics_emit(&w, M_WAL_BYTES, NULL, 0, 2);
	metrics_emit_cells(&w);
	metrics_emit_cells(&w);
	struct sv text = buf_view(&out);
	assert_true(contains(text, "\nampagent_wal_bytes 2\n"));
	assert_false(contains(text, "\nampagent_wal_bytes 1\n"));
	size_t at = sv_find_sv(text, SV("\nprometheus_ready 1\n"));
	assert_true(at < text.len);
	struct sv after = sv_from(text, at + 1);
	assert_int_equal(sv_find_sv(after, SV("\nprometheus_ready 1\n")), after.len);
	/* What has labels, or is not a plain number, has no cell. */
	assert_false(contains(text, "prometheus_remote_storage_shards"));
	assert_false(contains(text, "fsync_duration"));
	assert_false(contains(text, "process_"));
}

static void the_table_is_sound(void **state)
{
	static const struct {
		enum metric_kind kind;
		const char *name, *labels, *help;
	} table[] = {
#define X(id, kind, name, labels, help) {kind, name, labels, help},
		METRICS_TABLE(X)
#undef X
	};
	for (size_t i = 0; i < N_OF(table); i++) {
		struct sv name = sv_of(table[i].name), help = sv_of(table[i].help);
		assert_true(help.len > 0 && sv_ends_with(help, SV(".")));
		assert_int_equal(sv_find(help, '\n'), help.len);
		assert_int_equal(sv_find(help, '|'), help.len);
		for (size_t k = 0; k < name.len; k++)
			assert_true((name.ptr[k] >= 'a' && name.ptr[k] <= 'z') ||
				    name.ptr[k] == '_');
		if (table[i].kind == METRIC_KIND_COUNTER)
			assert_true(sv_ends_with(name, SV("_total")));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(table[k].name, table[i].name);
	}
}

static void prints_docs(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 16);
	assert_int_equal(metrics_print_docs(&out), 0);
	assert_true(contains(buf_view(&out),
			     "\n| `prometheus_sd_discovered_targets` | gauge | name,config | "));
	_cleanup_(buf_deinit) struct buf small = BUF_NULL;
	buf_init(&small, 1000);
	assert_int_equal(metrics_print_docs(&small), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_add_up),
		cmocka_unit_test(writes_families),
		cmocka_unit_test(cells_come_once_and_after_collectors),
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(prints_docs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
