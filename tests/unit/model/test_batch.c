/* Batches: counts, references, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/model/batch.h>

static void seal_counts(void **state)
{
	_cleanup_(batch_unrefp) struct batch *b = batch_new(1 << 20);
	b->columns = arena_calloc(&b->arena, 2, sizeof *b->columns);
	b->n_columns = 2;
	b->columns[0].n_slots = 70;
	b->columns[0].present[0] = 5;
	b->columns[0].present[1] = UINT64_MAX; /* 6 of them are slots */
	b->columns[1].n_slots = FRAME_SLOTS;
	b->columns[1].present[3] = UINT64_C(1) << 63;
	b->rows = arena_calloc(&b->arena, 3, sizeof *b->rows);
	b->n_rows = 3;
	batch_seal(b);
	assert_int_equal(b->columns[0].n_present, 8);
	assert_int_equal(b->columns[0].present[1], 63);
	assert_int_equal(b->columns[1].n_present, 1);
	assert_int_equal(b->n_samples, 12);
	assert_int_equal(b->bytes, sizeof *b + arena_held(&b->arena));
}

static void an_empty_batch_has_nothing(void **state)
{
	_cleanup_(batch_unrefp) struct batch *b = batch_new(1 << 20);
	batch_seal(b);
	assert_int_equal(b->n_samples, 0);
	assert_int_equal(b->bytes, sizeof *b);
	assert_null(b->new_owner);
}

/* A use after the last reference is the sanitizer's to find. */
static void references_keep_it(void **state)
{
	struct batch *b = batch_new(1 << 20);
	assert_ptr_equal(batch_ref(b), b);
	assert_int_equal(b->refs, 2);
	batch_unref(b);
	assert_int_equal(b->refs, 1);
	batch_unref(b);
	batch_unref(NULL);
}

static void memory_is_bounded(void **state)
{
	_cleanup_(batch_unrefp) struct batch *b = batch_new(1000);
	assert_non_null(arena_alloc(&b->arena, 900));
	assert_null(arena_alloc(&b->arena, 200));
}

static void types_have_names(void **state)
{
	assert_string_equal(metric_type_name(METRIC_UNKNOWN), "unknown");
	assert_string_equal(metric_type_name(METRIC_GAUGEHISTOGRAM), "gaugehistogram");
	assert_string_equal(metric_type_name(METRIC_STATESET), "stateset");
	assert_string_equal(metric_type_name((enum metric_type)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seal_counts),        cmocka_unit_test(an_empty_batch_has_nothing),
		cmocka_unit_test(references_keep_it), cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(types_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
