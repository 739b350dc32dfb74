/* Frames of one owner by themselves: slots, marks, times, columns, packing. */
#include "../../../scrape/frames.h"

#include <ampagent/base/number.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bench {
	struct frame_list l;
	struct arena names;
	uint32_t next_id;
	struct batch *batch;
	uint32_t gone[64];
	unsigned n_gone;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	arena_init(&b->names, MiB(64));
	b->next_id = 10;
	b->batch = batch_new(MiB(16));
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	frame_list_deinit(&b->l);
	arena_deinit(&b->names);
	batch_unref(b->batch);
	free(b);
	return 0;
}

static struct labels name(struct bench *b, int i, int pad)
{
	struct label_builder lb;
	char text[32];
	snprintf(text, sizeof text, "m%d", i);
	char *value = arena_alloc(&b->names, (size_t)pad + 1);
	memset(value, 'x', (size_t)pad + 1);
	label_builder_init(&lb, &b->names);
	label_builder_set(&lb, LABEL_NAME, arena_dup(&b->names, sv_of(text)));
	label_builder_set(&lb, SV("pad"), sv_make(value, (size_t)pad));
	struct labels out;
	assert_int_equal(label_builder_finish(&lb, &b->names, &out), 0);
	return out;
}

static uint32_t add(struct bench *b, enum frame_kind kind, int i, int pad)
{
	struct labels set = name(b, i, pad);
	uint32_t ref = frame_list_add(&b->l, kind, set, labels_hash(set), &b->next_id);
	assert_true(ref != SLOT_NONE);
	return ref;
}

static void a_frame_ends_by_slots_or_bytes(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < FRAME_SLOTS; i++)
		assert_int_equal(add(b, FRAME_PLAIN, i, 0), slot_ref(0, (unsigned)i));
	assert_int_equal(add(b, FRAME_PLAIN, 300, 0), slot_ref(1, 0));
	assert_int_equal(add(b, FRAME_TIMED, 301, 0), slot_ref(2, 0));
	assert_int_equal(add(b, FRAME_PLAIN, 302, 0), slot_ref(1, 1));
	/* 40 KB and 40 KB do not go together; a lone series may be any size. */
	assert_int_equal(add(b, FRAME_TIMED, 303, 40000), slot_ref(2, 1));
	assert_int_equal(add(b, FRAME_TIMED, 304, 40000), slot_ref(3, 0));
	assert_int_equal(add(b, FRAME_TIMED, 305, 65000), slot_ref(4, 0));
	assert_int_equal(b->l.v[4].id, 14);
	assert_int_equal(b->next_id, 15);
}

static void found_by_hash(void **state)
{
	struct bench *b = *state;
	_cleanup_(map_deinit) struct map index = MAP_NULL;
	for (int i = 0; i < 600; i++)
		add(b, FRAME_PLAIN, i, 0);
	assert_int_equal(frame_list_index(&b->l, &index), 0);
	for (int i = 0; i < 600; i++)
		assert_int_equal(frame_list_find(&b->l, &index, labels_hash(name(b, i, 0))),
				 slot_ref((uint32_t)i / 256, (unsigned)i % 256));
	assert_int_equal(frame_list_find(&b->l, &index, labels_hash(name(b, 600, 0))), SLOT_NONE);
}

static void a_rollback_takes_all_back(void **state)
{
	struct bench *b = *state;
	uint32_t first = add(b, FRAME_PLAIN, 0, 0);
	add(b, FRAME_TIMED, 1, 0);
	assert_int_equal(frame_list_take_time(&b->l, slot_ref(1, 0), 100), 0);
	frame_list_turn(&b->l, 500);
	struct frame_mark mark = frame_list_mark(&b->l);
	uint32_t raw = b->l.v[0].raw_bytes;
	for (int i = 2; i < 400; i++) {
		uint32_t ref = add(b, i % 2 ? FRAME_PLAIN : FRAME_TIMED, i, 0);
		bit_set(b->l.v[ref >> 8].seen_now, ref & 255);
		assert_int_equal(frame_put(&b->l.v[ref >> 8], ref & 255, (uint64_t)i, b->batch), 0);
		assert_int_equal(frame_list_take_time(&b->l, ref, i), 0);
	}
	assert_int_equal(frame_list_take_time(&b->l, slot_ref(1, 0), 200), 0);
	assert_int_equal(frame_list_take_time(&b->l, slot_ref(1, 0), 300), 0);
	assert_int_equal(frame_list_take_time(&b->l, slot_ref(1, 0), 300), 1);
	frame_list_rollback(&b->l, &mark);
	frame_list_drop_columns(&b->l);
	assert_int_equal(b->l.n, 2);
	assert_int_equal(b->l.v[0].n, 1);
	assert_int_equal(b->l.v[0].raw_bytes, raw);
	assert_true(frame_last_ms(&b->l.v[1], 0) == 100);
	for (int w = 0; w < FRAME_WORDS; w++)
		assert_true(b->l.v[0].seen_now[w] == 0 && b->l.v[1].seen_now[w] == 0);
	/* A slot that is used again has no time from before. */
	uint32_t again = add(b, FRAME_PLAIN, 500, 0);
	assert_int_equal(again, first + 1);
	assert_true(frame_last_ms(&b->l.v[0], 1) == INT64_MIN);
}

static void columns_hold_what_was_put(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 20; i++)
		add(b, FRAME_PLAIN, i, 0);
	add(b, FRAME_REPORT, 20, 0);
	struct frame *f = &b->l.v[0];
	assert_int_equal(frame_put(f, 3, 33, b->batch), 0);
	assert_int_equal(frame_put(f, 3, 34, b->batch), 1);
	/* The column grows with the frame. */
	for (int i = 30; i < 200; i++)
		add(b, FRAME_PLAIN, i, 0);
	f = &b->l.v[0];
	assert_int_equal(frame_put(f, 150, 35, b->batch), 0);
	assert_int_equal(frame_replace(f, 150, 36, b->batch), 0);
	assert_int_equal(frame_list_columns(&b->l, b->batch), 0);
	assert_int_equal(b->batch->n_columns, 1);
	const struct batch_column *c = &b->batch->columns[0];
	assert_int_equal(c->n_slots, 190);
	assert_int_equal(c->n_present, 2);
	assert_true(c->values[3] == 33 && c->values[150] == 36 && c->values[189] == 0);
}

static void markers_once(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 3; i++) {
		add(b, FRAME_PLAIN, i, 0);
		bit_set(b->l.v[0].seen_now, (unsigned)i);
	}
	assert_int_equal(frame_list_take_time(&b->l, 2, 1000), 0);
	frame_list_turn(&b->l, 500);
	bit_set(b->l.v[0].seen_now, 0);
	/* Slot 2 has a sample that is newer than the marker would be. */
	assert_int_equal(frame_list_mark_stale(&b->l, 1000, b->batch), 0);
	assert_int_equal(b->l.n_stale, 1);
	assert_true(b->l.v[0].values[1] == VALUE_STALE_BITS);
	assert_false(bit_get(b->l.v[0].present, 2));
	frame_list_turn(&b->l, 500);
	assert_int_equal(b->l.n_stale, 0);
	assert_true(b->l.v[0].seen_before[0] == 1);
}

static void gone(void *cls, uint32_t id)
{
	struct bench *b = cls;
	b->gone[b->n_gone++] = id;
}

static void packing_moves_what_is_used(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < 8 * FRAME_SLOTS; i++)
		add(b, FRAME_PLAIN, i, 0);
	add(b, FRAME_REPORT, 9000, 0);
	bit_set(b->l.v[2].seen_before, 7); /* owes a marker */
	bool used[9] = {[4] = true};
	uint32_t moved[9];
	frame_list_compact(&b->l, used, moved, gone, b);
	/* 2 owes, 4 is used, 7 is open, 8 is the report's. */
	assert_int_equal(b->l.n, 4);
	assert_int_equal(b->n_gone, 5);
	static const uint32_t expected[] = {SLOT_NONE, SLOT_NONE, 0, SLOT_NONE, 1,
					    SLOT_NONE, SLOT_NONE, 2, 3};
	for (int i = 0; i < 9; i++)
		assert_int_equal(moved[i], expected[i]);
	assert_int_equal(b->gone[0], 10);
	assert_int_equal(b->l.v[1].id, 14);
	/* The open frame was full; the list grows from any size. */
	for (int i = 0; i < 6; i++)
		for (int k = 0; k < FRAME_SLOTS; k++)
			add(b, FRAME_PLAIN, 10000 + i * FRAME_SLOTS + k, 0);
	assert_int_equal(b->l.n, 10);
}

static void restored_slots(void **state)
{
	struct bench *b = *state;
	for (uint16_t i = 0; i < 300; i++)
		assert_int_equal(frame_list_restore(&b->l,
						    (struct series_ref){5 + i / 256u, i % 256},
						    name(b, i, 0), i % 2, 700),
				 0);
	assert_int_equal(b->l.n, 2);
	assert_int_equal(b->l.v[1].id, 6);
	assert_int_equal(b->l.v[1].n, 44);
	assert_false(bit_get(b->l.v[0].seen_before, 0));
	assert_true(bit_get(b->l.v[0].seen_before, 1));
	assert_int_equal(add(b, FRAME_PLAIN, 300, 0), slot_ref(1, 44));
}

/* A frame that was given up may still be told after a kill: what is alive is the series, and when
 * nothing is, what was given last. */
static void restored_twice(void **state)
{
	struct bench *b = *state;
	static const struct {
		bool alive[3];
		uint32_t want;
	} cases[] = {
		{{false, true, false}, 1},
		{{true, false, false}, 0},
		{{false, false, true}, 2},
		{{false, false, false}, 1},
	};
	static const uint32_t ids[] = {5, 9, 6};
	for (uint16_t i = 0; i < 3; i++)
		for (uint16_t k = 0; k < 4; k++)
			assert_int_equal(frame_list_restore(&b->l, (struct series_ref){ids[i], k},
							    name(b, k, 0), cases[k].alive[i], 700),
					 0);
	_cleanup_(map_deinit) struct map index = MAP_NULL;
	assert_int_equal(frame_list_index(&b->l, &index), 0);
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(frame_list_find(&b->l, &index, labels_hash(name(b, (int)k, 0))),
				 slot_ref(cases[k].want, k));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_frame_ends_by_slots_or_bytes),
		TEST(found_by_hash),
		TEST(a_rollback_takes_all_back),
		TEST(columns_hold_what_was_put),
		TEST(markers_once),
		TEST(packing_moves_what_is_used),
		TEST(restored_slots),
		TEST(restored_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
