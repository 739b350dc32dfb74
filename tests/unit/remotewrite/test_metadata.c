#include "../../../remotewrite/metadata.h"

#include "cmocka_all.h"
#include "peer.h"

#include <stdio.h>

static void add(struct metadata_table *t, enum metric_type type, const char *family,
		const char *help, const char *unit)
{
	struct batch_metadata m = {type, sv_of(family), sv_of(help), sv_of(unit)};
	struct batch b = {.metadata = &m, .n_metadata = 1};
	metadata_table_add(t, &b);
}

static void test_distinct(void **state)
{
	struct metadata_table t;
	metadata_table_init(&t);
	for (int i = 0; i < 3; i++) {
		add(&t, METRIC_COUNTER, "a", "h", "");
		add(&t, METRIC_GAUGE, "a", "h", "");
		add(&t, METRIC_COUNTER, "a", "h2", "");
		add(&t, METRIC_COUNTER, "a", "h", "s");
		add(&t, METRIC_COUNTER, "b", "h", "");
	}
	assert_int_equal(t.n, 5);
	metadata_table_deinit(&t);
}

struct find_case {
	const char *series, *family; /* NULL: none */
};

/* The same name first, else by an ending that the family's type gives its series. */
static void test_find(void **state)
{
	static const struct find_case cases[] = {
		{"c", "c"},
		{"c_total", "c"},
		{"c_created", "c"},
		{"c_count", NULL},
		{"d_total", "d_total"},
		{"h_bucket", "h"},
		{"h_count", "h"},
		{"h_sum", "h"},
		{"h_created", "h"},
		{"h_total", NULL},
		{"h", "h"},
		{"g_bucket", "g"},
		{"g_gsum", "g"},
		{"g_gcount", "g"},
		{"g_sum", NULL},
		{"s", "s"},
		{"s_sum", "s"},
		{"s_count", "s"},
		{"s_bucket", NULL},
		{"i_info", "i"},
		{"u_total", NULL},
		{"h_sum_total", "h_sum_total"},
		{"_total", NULL},
		{"", NULL},
	};
	struct metadata_table t;
	metadata_table_init(&t);
	assert_null(metadata_table_find(&t, SV("c")));
	add(&t, METRIC_COUNTER, "c", "h", "");
	add(&t, METRIC_COUNTER, "d_total", "h", "");
	add(&t, METRIC_HISTOGRAM, "h", "h", "");
	add(&t, METRIC_GAUGEHISTOGRAM, "g", "h", "");
	add(&t, METRIC_SUMMARY, "s", "h", "");
	add(&t, METRIC_INFO, "i", "h", "");
	add(&t, METRIC_UNKNOWN, "u", "h", "");
	add(&t, METRIC_COUNTER, "h_sum_total", "h", "");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct batch_metadata *m = metadata_table_find(&t, sv_of(cases[i].series));
		if (!m != !cases[i].family || (m && !sv_eq(m->family, sv_of(cases[i].family))))
			fail_msg("%s", cases[i].series);
	}
	metadata_table_deinit(&t);
}

/* Of several texts for one family the youngest is told, however many families there are. */
static void test_find_youngest(void **state)
{
	struct metadata_table t;
	char name[32];
	metadata_table_init(&t);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "family_%d", i);
		add(&t, METRIC_GAUGE, name, "first", "");
	}
	for (int i = 0; i < 3000; i += 7) {
		snprintf(name, sizeof name, "family_%d", i);
		add(&t, METRIC_COUNTER, name, "second", "s");
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "family_%d", i);
		const struct batch_metadata *m = metadata_table_find(&t, sv_of(name));
		assert_non_null(m);
		assert_true(sv_eq(m->help, i % 7 ? SV("first") : SV("second")));
		assert_int_equal(m->type, i % 7 ? METRIC_GAUGE : METRIC_COUNTER);
	}
	metadata_table_deinit(&t);
}

static void test_help_is_cut_between_characters(void **state)
{
	struct metadata_table t;
	char help[1100];
	metadata_table_init(&t);
	memset(help, 'a', sizeof help);
	memcpy(help + METADATA_HELP_MAX - 1, "\xc3\xa9", 2);
	help[1099] = 0;
	add(&t, METRIC_COUNTER, "a", help, "");
	assert_int_equal(t.v[0].help.len, METADATA_HELP_MAX - 1);
	metadata_table_deinit(&t);
}

static void test_bounded_and_in_chunks(void **state)
{
	struct metadata_table t;
	metadata_table_init(&t);
	for (int i = 0; i < METADATA_ENTRIES_MAX + 10; i++) {
		char name[32];
		snprintf(name, sizeof name, "family_%d", i);
		add(&t, METRIC_UNKNOWN, name, "", "");
	}
	assert_int_equal(t.n, METADATA_ENTRIES_MAX);
	assert_int_equal(t.refused, 10);
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 20);
	uint32_t n = metadata_encode(&t, 0, 100, 1 << 20, &out);
	assert_int_equal(n, 100);
	struct peer_request r;
	peer_decode(buf_view(&out), true, &r);
	assert_int_equal(r.n_metadata, 100);
	peer_free(&r);
	buf_reset(&out);
	n = metadata_encode(&t, 100, 20000, 1000, &out);
	assert_true(n > 10 && out.len <= 1000);
	buf_reset(&out);
	assert_int_equal(metadata_encode(&t, 100, 20000, 1, &out), 1);
	metadata_table_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distinct),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_youngest),
		cmocka_unit_test(test_help_is_cut_between_characters),
		cmocka_unit_test(test_bounded_and_in_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
