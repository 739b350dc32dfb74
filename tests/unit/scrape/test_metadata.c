/* Metadata kept for targets: equal families and equal lists are there once. */
#include "../../../scrape/metadata.h"

#include <ampagent/base/err.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void set(struct metadata_store *s, struct metadata_list **list,
		const struct batch_metadata *v, size_t n)
{
	assert_int_equal(metadata_list_set(s, list, v, n), 0);
}

static void a_list_is_sorted_and_found_in(void **state)
{
	struct metadata_store s = METADATA_STORE_NULL;
	struct metadata_list *list = NULL;
	const struct batch_metadata v[] = {
		{METRIC_GAUGE, SV("g"), SV("a gauge"), SV("bytes")},
		{METRIC_COUNTER, SV("c"), SV("a \"counter\"\n"), SV("")},
		{METRIC_UNKNOWN, SV("cc"), SV(""), SV("")},
	};
	struct batch_metadata m;
	assert_false(metadata_list_find(list, SV("c"), &m));
	assert_int_equal(metadata_list_count(list), 0);
	set(&s, &list, v, 3);
	assert_int_equal(metadata_list_count(list), 3);
	static const char *const order[] = {"c", "cc", "g"};
	for (size_t i = 0; i < 3; i++) {
		m = metadata_list_at(list, i);
		assert_true(sv_eq(m.family, sv_of(order[i])));
		assert_true(metadata_list_find(list, sv_of(order[i]), &m));
		assert_true(sv_eq(m.family, sv_of(order[i])));
	}
	assert_true(m.type == METRIC_GAUGE && sv_eq(m.help, SV("a gauge")) &&
		    sv_eq(m.unit, SV("bytes")));
	assert_false(metadata_list_find(list, SV("b"), &m));
	assert_false(metadata_list_find(list, SV("h"), &m));
	metadata_list_release(list);
	assert_int_equal(s.families.n + s.lists.n, 0);
	metadata_store_deinit(&s);
}

static void a_family_in_several_places(void **state)
{
	struct metadata_store s = METADATA_STORE_NULL;
	struct metadata_list *list = NULL;
	const struct batch_metadata v[] = {
		{METRIC_COUNTER, SV("a"), SV("old"), SV("")},
		{METRIC_GAUGE, SV("b"), SV(""), SV("")},
		{METRIC_UNKNOWN, SV("a"), SV("new"), SV("")},
		{METRIC_UNKNOWN, SV("a"), SV(""), SV("seconds")},
	};
	struct batch_metadata m;
	set(&s, &list, v, 4);
	assert_int_equal(metadata_list_count(list), 2);
	assert_true(metadata_list_find(list, SV("a"), &m));
	assert_true(m.type == METRIC_COUNTER && sv_eq(m.help, SV("new")) &&
		    sv_eq(m.unit, SV("seconds")));
	metadata_list_release(list);
	metadata_store_deinit(&s);
}

static void what_is_shared_and_when_it_goes(void **state)
{
	struct metadata_store s = METADATA_STORE_NULL;
	struct metadata_list *x = NULL, *y = NULL, *z = NULL;
	const struct batch_metadata v[] = {
		{METRIC_GAUGE, SV("a"), SV("help"), SV("")},
		{METRIC_GAUGE, SV("b"), SV("help"), SV("")},
		{METRIC_GAUGE, SV("b"), SV("other help"), SV("")},
	};
	const struct batch_metadata reversed[] = {v[1], v[0]};
	set(&s, &x, v, 2);
	set(&s, &y, reversed, 2);
	assert_ptr_equal(x, y);
	assert_int_equal(s.families.n, 2);
	assert_int_equal(s.lists.n, 1);
	const struct batch_metadata changed[] = {v[0], v[2]};
	set(&s, &z, changed, 2);
	assert_int_equal(s.families.n, 3);
	assert_int_equal(s.lists.n, 2);
	/* The same again changes nothing; another list lets go of the old one. */
	set(&s, &z, changed, 2);
	assert_int_equal(s.families.n, 3);
	set(&s, &x, changed, 2);
	assert_ptr_equal(x, z);
	assert_int_equal(s.lists.n, 2);
	set(&s, &y, changed, 2);
	assert_int_equal(s.lists.n, 1);
	assert_int_equal(s.families.n, 2);
	set(&s, &y, v, 0);
	assert_null(y);
	metadata_list_release(x);
	assert_int_equal(s.families.n, 2);
	metadata_list_release(z);
	assert_int_equal(s.families.n + s.lists.n, 0);
	assert_int_equal(s.families.bytes + s.lists.bytes, 0);
	metadata_store_deinit(&s);
}

enum { MANY = 500 };

/* Every list has one family of its own, all share one. */
static void many_come_and_go(void **state)
{
	struct metadata_store s = METADATA_STORE_NULL;
	static struct metadata_list *lists[MANY];
	char name[16];
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "f%d", i);
		const struct batch_metadata v[] = {{METRIC_INFO, SV("shared"), SV("h"), SV("")},
						   {METRIC_SUMMARY, sv_of(name), SV("h"), SV("")}};
		lists[i] = NULL;
		set(&s, &lists[i], v, 2);
	}
	assert_int_equal(s.families.n, MANY + 1);
	for (int i = 0; i < MANY; i += 2)
		metadata_list_release(lists[i]);
	assert_int_equal(s.families.n, MANY / 2 + 1);
	for (int i = 1; i < MANY; i += 2) {
		struct batch_metadata m;
		snprintf(name, sizeof name, "f%d", i);
		assert_true(metadata_list_find(lists[i], sv_of(name), &m));
		assert_true(m.type == METRIC_SUMMARY);
		metadata_list_release(lists[i]);
	}
	assert_int_equal(s.families.n, 0);
	metadata_store_deinit(&s);
}

/* Twenty targets whose pages have the same hundred families hold what one does. */
static void memory_does_not_grow_with_targets(void **state)
{
	enum { TARGETS = 20, FAMILIES = 100 };
	struct metadata_store s = METADATA_STORE_NULL;
	struct metadata_list *lists[TARGETS] = {NULL};
	struct batch_metadata v[FAMILIES];
	char names[FAMILIES][40];
	size_t one = 0, text = 0;
	for (int i = 0; i < FAMILIES; i++) {
		snprintf(names[i], sizeof names[i], "example_of_a_family_%d_bytes_total", i);
		v[i] = (struct batch_metadata){METRIC_COUNTER, sv_of(names[i]),
					       SV("What is counted, in one sentence of a page."),
					       SV("")};
		text += v[i].family.len + v[i].help.len;
	}
	for (int t = 0; t < TARGETS; t++) {
		set(&s, &lists[t], v, FAMILIES);
		one = t == 0 ? metadata_store_bytes(&s) : one;
	}
	print_message("%zu bytes held for %d targets, of them %zu of text\n",
		      metadata_store_bytes(&s), (int)TARGETS, text);
	assert_int_equal(metadata_store_bytes(&s), one);
	assert_true(one < text + FAMILIES * 96);
	for (int t = 0; t < TARGETS; t++)
		metadata_list_release(lists[t]);
	metadata_store_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_sorted_and_found_in),
		cmocka_unit_test(a_family_in_several_places),
		cmocka_unit_test(what_is_shared_and_when_it_goes),
		cmocka_unit_test(many_come_and_go),
		cmocka_unit_test(memory_does_not_grow_with_targets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
