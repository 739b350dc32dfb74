/* Label blocks and the builder. */
#include <ampagent/base/limits.h>
#include <ampagent/model/labels.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena, MiB(16));
	return 0;
}

static int teardown(void **state)
{
	arena_deinit(&arena);
	return 0;
}

/* The builder as text, in its order: a=1,b=2 */
static const char *text_of(const struct label_builder *b)
{
	static char text[4096];
	size_t n = 0;
	text[0] = 0;
	for (size_t i = 0; i < b->n; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s=%.*s", i > 0 ? "," : "",
				      SV_ARG(b->v[i].name), SV_ARG(b->v[i].value));
	return text;
}

static void test_block(void **state)
{
	struct label_builder b;
	struct labels set, again;
	label_builder_init(&b, &arena);
	label_builder_push(&b, SV("b"), SV("2"));
	label_builder_push(&b, SV("empty"), SV(""));
	label_builder_push(&b, SV("a"), SV("1"));
	label_builder_push(&b, SV("ab"), SV("12"));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
	assert_int_equal(set.len, 14);
	assert_memory_equal(set.ptr,
			    "\1a\1"
			    "1"
			    "\2ab\2"
			    "12"
			    "\1b\1"
			    "2",
			    13);
	assert_true(labels_valid(set));
	assert_int_equal(labels_count(set), 3);
	assert_true(sv_eq(labels_get(set, SV("ab")), SV("12")));
	assert_null(labels_get(set, SV("empty")).ptr);
	assert_null(labels_get(set, SV("")).ptr);
	label_builder_reset(&b);
	label_builder_load(&b, set);
	assert_int_equal(label_builder_finish(&b, &arena, &again), 0);
	assert_true(labels_eq(set, again));
	assert_ptr_not_equal(set.ptr, again.ptr);
	assert_true(labels_hash(set) == labels_hash(again));
	assert_false(labels_eq(set, LABELS_NULL));
	assert_true(labels_eq(LABELS_NULL, LABELS_NULL));
}

static void test_empty_set(void **state)
{
	struct label_builder b;
	struct labels set = {"x", 1};
	label_builder_init(&b, &arena);
	label_builder_push(&b, SV("a"), SV(""));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
	assert_int_equal(set.len, 0);
	assert_true(labels_valid(set));
	assert_int_equal(labels_count(set), 0);
}

static void test_long_value(void **state)
{
	char value[300];
	struct label_builder b;
	struct labels set;
	memset(value, 'v', sizeof value);
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("a"), sv_make(value, sizeof value));
	label_builder_set(&b, SV("b"), SV("x"));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
	assert_int_equal(set.len, 1 + 1 + 2 + 300 + 4);
	assert_int_equal(labels_get(set, SV("a")).len, 300);
	assert_true(sv_eq(labels_get(set, SV("b")), SV("x")));
}

static void test_broken_blocks(void **state)
{
	static const struct sv broken[] = {
		{"\1", 1},
		{"\1a", 2},
		{"\1a\1", 3},
		{"\1a\2x", 4},
		{"\0\1x", 3},
		{"\1a\0", 3},
		{"\1b\1x\1a\1y", 8},
		{"\1a\1x\1a\1y", 8},
		{"\1a\1x\1", 5},
		{"\xff\xff\xff\xff\xff", 5},
		{"\xff\xff\xff\xff\x7f"
		 "a",
		 6},
	};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct labels set = {broken[i].ptr, (uint32_t)broken[i].len};
		assert_false(labels_valid(set));
		labels_count(set);
		labels_get(set, SV("zz"));
	}
}

static void test_setting(void **state)
{
	struct label_builder b;
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("b"), SV("1"));
	label_builder_set(&b, SV("a"), SV("2"));
	label_builder_set(&b, SV("c"), SV(""));
	assert_string_equal(text_of(&b), "b=1,a=2");
	label_builder_set(&b, SV("b"), SV("3"));
	assert_string_equal(text_of(&b), "b=3,a=2");
	assert_true(label_builder_has(&b, SV("a")));
	assert_false(label_builder_has(&b, SV("c")));
	assert_true(sv_eq(label_builder_get(&b, SV("b")), SV("3")));
	assert_null(label_builder_get(&b, SV("c")).ptr);
	label_builder_set(&b, SV("b"), SV(""));
	label_builder_del(&b, SV("nope"));
	assert_string_equal(text_of(&b), "a=2");
	label_builder_del(&b, SV("a"));
	assert_int_equal(b.n, 0);
}

/* A base label moves to the end when it is first overwritten, and stays there. */
static void test_base_labels_move_once(void **state)
{
	struct label_builder b;
	label_builder_init(&b, &arena);
	label_builder_push(&b, SV("a"), SV("1"));
	label_builder_push(&b, SV("b"), SV("2"));
	label_builder_set(&b, SV("n"), SV("3"));
	label_builder_set(&b, SV("a"), SV("4"));
	assert_string_equal(text_of(&b), "b=2,n=3,a=4");
	label_builder_set(&b, SV("n"), SV("5"));
	label_builder_set(&b, SV("a"), SV("6"));
	assert_string_equal(text_of(&b), "b=2,n=5,a=6");
	assert_int_equal(b.n_base, 1);
	label_builder_del(&b, SV("b"));
	assert_int_equal(b.n_base, 0);
}

static void test_duplicates(void **state)
{
	struct label_builder b;
	label_builder_init(&b, &arena);
	label_builder_push(&b, SV("b"), SV("1"));
	label_builder_push(&b, SV("a"), SV("2"));
	assert_null(label_builder_duplicate(&b).ptr);
	label_builder_push(&b, SV("b"), SV("3"));
	assert_true(sv_eq(label_builder_duplicate(&b), SV("b")));
	assert_string_equal(text_of(&b), "a=2,b=1,b=3");
}

/* Enough labels for the merging sort, in an order made by a fixed generator, some names twice. */
static void test_sorting_is_stable(void **state)
{
	static const size_t sizes[] = {2, 39, 40, 41, 79, 80, 81, 500, LIMIT_LABELS_COUNT};
	uint32_t seed = 7;
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		struct label_builder b;
		arena_reset(&arena);
		label_builder_init(&b, &arena);
		for (size_t i = 0; i < sizes[k]; i++) {
			char name[16], value[16];
			seed = seed * 1664525 + 1013904223;
			snprintf(name, sizeof name, "n%u", (seed >> 8) % (unsigned)sizes[k]);
			snprintf(value, sizeof value, "%06zu", i);
			label_builder_push(&b, arena_dup(&arena, sv_of(name)),
					   arena_dup(&arena, sv_of(value)));
		}
		assert_false(b.failed);
		label_builder_sort(&b);
		assert_int_equal(b.n, sizes[k]);
		for (size_t i = 1; i < b.n; i++) {
			int c = sv_cmp(b.v[i - 1].name, b.v[i].name);
			assert_true(c < 0 ||
				    (c == 0 && sv_cmp(b.v[i - 1].value, b.v[i].value) < 0));
		}
	}
}

static void test_limits(void **state)
{
	struct label_builder b;
	struct labels set;
	char names[LIMIT_LABELS_COUNT + 1][8];
	label_builder_init(&b, &arena);
	for (size_t i = 0; i <= LIMIT_LABELS_COUNT; i++) {
		assert_false(b.failed);
		snprintf(names[i], sizeof names[i], "n%zu", i);
		label_builder_push(&b, sv_of(names[i]), SV("x"));
	}
	assert_true(b.failed);
	assert_int_equal(label_builder_finish(&b, &arena, &set), 1);
	_cleanup_(freep) char *large = calloc(1, LIMIT_LABELS_BYTES);
	memset(large, 'x', LIMIT_LABELS_BYTES);
	label_builder_reset(&b);
	label_builder_set(&b, SV("a"), sv_make(large, LIMIT_LABELS_BYTES - 5));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
	assert_int_equal(set.len, LIMIT_LABELS_BYTES);
	label_builder_set(&b, SV("a"), sv_make(large, LIMIT_LABELS_BYTES - 4));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 1);
	label_builder_reset(&b);
	label_builder_push(&b, SV(""), SV("x"));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 1);
}

static void test_no_memory(void **state)
{
	_cleanup_(arena_deinit) struct arena none = ARENA_NULL;
	struct label_builder b;
	arena_init(&none, 16);
	label_builder_init(&b, &none);
	label_builder_set(&b, SV("a"), SV("b"));
	assert_true(b.failed);
	assert_int_equal(b.n, 0);
}

static void test_names(void **state)
{
	static const struct {
		struct sv s;
		bool metric, label;
	} names[] = {
		{SV("a"), true, true},    {SV("_"), true, true},      {SV("a1"), true, true},
		{SV("1a"), false, false}, {SV(""), false, false},     {SV("a:b"), true, false},
		{SV(":"), true, false},   {SV("a-b"), false, false},  {SV("é"), false, false},
		{SV("Zz_9"), true, true}, {SV("a\0b"), false, false},
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(metric_name_legacy_valid(names[i].s), names[i].metric);
		assert_int_equal(label_name_legacy_valid(names[i].s), names[i].label);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_block),      TEST(test_empty_set),
		TEST(test_long_value), TEST(test_broken_blocks),
		TEST(test_setting),    TEST(test_base_labels_move_once),
		TEST(test_duplicates), TEST(test_sorting_is_stable),
		TEST(test_limits),     TEST(test_no_memory),
		TEST(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
