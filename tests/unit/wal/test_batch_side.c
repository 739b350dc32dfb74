/* Histograms, exemplars and start times in batch records: what they cost, that they come back, what
 * is refused, and what the log does with them when it is opened again. */
#include "side.h"

#include "../../../src/wal/batch_side.h"

enum { OUT_MAX = 64 << 20 };

static struct sv payload_of(const struct buf *out)
{
	struct record rec;
	size_t need;
	assert_int_equal(record_get(buf_view(out), &rec, &need), 0);
	return rec.payload;
}

static void encode(struct buf *out, const struct batch *b)
{
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	buf_reset(out);
	assert_int_equal(batch_encode(out, &enc, b, 7), 0);
	assert_true(out->len <= batch_encoded_max(b));
}

static int decode(struct sv payload, struct batch *got, struct batch_head *head)
{
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	uint32_t lost;
	return batch_decode(payload, &dec, got, head, &lost);
}

static void what_is_written_is_read(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	uint64_t seed = 77;
	buf_init(&out, OUT_MAX);
	for (unsigned k = 0; k < 300; k++) {
		_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 1700000000000 + k);
		_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
		struct batch_head head;
		if (k % 3 == 0)
			fx_column(b, 1, 3, k);
		side_random_lists(b, &seed);
		batch_seal(b);
		encode(&out, b);
		/* Without a batch the counts are checked all the same. */
		assert_int_equal(decode(payload_of(&out), NULL, &head), 0);
		assert_int_equal(decode(payload_of(&out), got, &head), 0);
		side_assert_same(b, got);
		assert_int_equal(got->n_samples, b->n_samples);
		assert_int_equal(head.n_samples, b->n_samples);
		assert_int_equal(head.n_histograms, b->n_histograms);
		assert_int_equal(head.n_exemplars, b->n_exemplars);
		assert_int_equal(head.n_starts, b->n_starts);
	}
}

/* The record of a batch without side lists, byte by byte: sequence 7, time 5, owner 1, 2 samples,
 * 1 column of 2 slots, no rows, groups, metadata; frame 1, 2 slots, all present and changed, full;
 * values 1 and 2 against zero. */
static void nothing_costs_nothing(void **state)
{
	static const uint8_t want[] = {7, 10, 1, 2, 1, 2, 0, 0, 0, 2, 1, 1 | 4, 0, 2, 4};
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 5);
	buf_init(&out, OUT_MAX);
	fx_column(b, 1, 2, 1);
	batch_seal(b);
	encode(&out, b);
	struct sv payload = payload_of(&out);
	assert_int_equal(payload.len, sizeof want);
	assert_memory_equal(payload.ptr, want, sizeof want);
}

static void starts_that_are_equal_are_cheap(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 5);
	_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
	struct batch_head head;
	buf_init(&out, OUT_MAX);
	fx_column(b, 1, 1, 1);
	b->starts = arena_calloc(&b->arena, 2000, sizeof *b->starts);
	for (unsigned i = 0; i < 2000; i++)
		b->starts[b->n_starts++] = (struct batch_start){
			1 + i / FRAME_SLOTS, (uint16_t)(i % FRAME_SLOTS), 1700000000000};
	batch_seal(b);
	encode(&out, b);
	assert_true(payload_of(&out).len < 70);
	assert_int_equal(decode(payload_of(&out), got, &head), 0);
	side_assert_same(b, got);
}

static void bounds_are_told_once(void **state)
{
	enum { N = 100, BOUNDS = 12 };
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 5);
	_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
	struct batch_head head;
	buf_init(&out, OUT_MAX);
	for (unsigned k = 0; k < N; k++) {
		struct batch_histogram h = side_simple(&b->arena, 1, (uint16_t)k, 5, 10 + k);
		double *bounds = arena_calloc(&b->arena, BOUNDS, sizeof *bounds);
		for (unsigned i = 0; i < BOUNDS; i++)
			bounds[i] = 0.01 * (double)(1U << i);
		h.h.schema = HISTOGRAM_SCHEMA_CUSTOM;
		h.h.bounds = bounds;
		h.h.n_bounds = BOUNDS;
		side_add_histogram(b, h);
	}
	batch_seal(b);
	encode(&out, b);
	print_message("a small histogram with custom bounds: %.1f bytes\n", (double)out.len / N);
	assert_true(out.len < N * 20);
	assert_int_equal(decode(payload_of(&out), got, &head), 0);
	side_assert_same(b, got);
	/* The reader holds them once too. */
	assert_ptr_equal(got->histograms[0].h.bounds, got->histograms[N - 1].h.bounds);
}

/* Each prefix of a payload, and each with a byte changed, is read within its bytes; what is cut is
 * refused. */
static void damage_is_refused_or_harmless(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 5);
	struct batch_head head;
	uint64_t seed = 5;
	buf_init(&out, OUT_MAX);
	while (b->n_histograms < 3 || b->n_exemplars < 3 || b->n_starts < 3) {
		b->n_histograms = b->n_exemplars = b->n_starts = 0;
		side_random_lists(b, &seed);
	}
	batch_seal(b);
	encode(&out, b);
	struct sv payload = payload_of(&out);
	for (size_t n = 0; n < payload.len; n++) {
		/* Of its own size, so that a sanitizer sees a step beyond. */
		_cleanup_(freep) char *cut = malloc(n + 1);
		_cleanup_(batch_unrefp) struct batch *got = batch_new(1 << 20);
		memcpy(cut, payload.ptr, n);
		assert_int_equal(decode(sv_make(cut, n), got, &head), 1);
		assert_int_equal(decode(sv_make(cut, n), NULL, &head), 1);
	}
	for (size_t n = 0; n < payload.len; n++) {
		_cleanup_(freep) char *copy = malloc(payload.len);
		_cleanup_(batch_unrefp) struct batch *got = batch_new(1 << 20);
		memcpy(copy, payload.ptr, payload.len);
		copy[n] = (char)fx_random(&seed);
		int r = decode(sv_make(copy, payload.len), got, &head);
		assert_in_range(r, 0, 1);
		if (r == 0)
			assert_int_equal(got->n_samples, head.n_samples);
	}
}

/* A section that promises more than its bytes can hold allocates nothing. */
static void promises_are_not_believed(void **state)
{
	static const uint8_t head_bytes[] = {7, 10, 1, 1, 0, 0, 0, 0, 0};
	static const struct {
		uint8_t bytes[24];
		size_t len;
	} sections[] = {
		{{0, 0, 0}, 3},                                   /* an empty section */
		{{0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0}, 10}, /* histograms */
		{{0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0}, 10}, /* exemplars */
		{{0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0}, 10}, /* starts */
		/* positive spans: many */
		{{1, 0, 0, 2, 0, 64, 0, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0, 0}, 16},
		/* bounds as before, and there are none before */
		{{1, 0, 0, 2, 0, 128, 0, 0, 0, 0, 1, 0}, 12},
		/* an exemplar whose labels share with nothing */
		{{0, 1, 0, 2, 0, 0, 0, 5, 5, 0}, 10},
		/* labels that end inside a value */
		{{0, 1, 0, 2, 0, 0, 0, 0, 0, 4, 1, 'a', 9, 'b'}, 14},
		/* a run past the last slot */
		{{0, 0, 2, 2, 255, 1, 0}, 7},
		/* a run of more than was said */
		{{0, 0, 1, 2, 0, 1, 0}, 7},
	};
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
		char payload[sizeof head_bytes + sizeof sections[0].bytes];
		_cleanup_(batch_unrefp) struct batch *got = batch_new(1 << 20);
		struct batch_head head;
		memcpy(payload, head_bytes, sizeof head_bytes);
		/* Histograms are samples, the others are not. */
		payload[3] = (char)(sections[i].bytes[0] != 0);
		memcpy(payload + sizeof head_bytes, sections[i].bytes, sections[i].len);
		struct sv all = sv_make(payload, sizeof head_bytes + sections[i].len);
		assert_int_equal(decode(all, got, &head), 1);
		assert_true(arena_held(&got->arena) < 4096);
	}
}

static void what_is_too_large_for_the_batch_is_refused(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 5);
	_cleanup_(batch_unrefp) struct batch *got = batch_new(2000);
	struct batch_head head;
	buf_init(&out, OUT_MAX);
	for (unsigned k = 0; k < 50; k++)
		side_add_histogram(b, side_simple(&b->arena, 1, (uint16_t)k, 5, k));
	batch_seal(b);
	encode(&out, b);
	assert_int_equal(decode(payload_of(&out), got, &head), 1);
}

static void slots_out_of_range_are_unsound(void **state)
{
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 5);
	struct batch_exemplar e = {.slot = FRAME_SLOTS};
	struct batch_start s = {.slot = FRAME_SLOTS};
	side_add_histogram(b, side_simple(&b->arena, 1, FRAME_SLOTS - 1, 5, 1));
	assert_true(batch_sound(b));
	b->histograms[0].slot = FRAME_SLOTS;
	assert_false(batch_sound(b));
	b->n_histograms = 0;
	b->exemplars = &e;
	b->n_exemplars = 1;
	assert_false(batch_sound(b));
	b->n_exemplars = 0;
	b->starts = &s;
	b->n_starts = 1;
	assert_false(batch_sound(b));
}

/* ---- in the log ---- */

/* Frame 1 has floats, frame 2 histograms only. */
static void put_mixed(struct fixture *fx, unsigned k)
{
	struct batch *b = fx_empty(1, 1000 + k);
	if (k == 0) {
		fx_define_owner(b);
		fx_define(b, 1, 0, 2);
		fx_define(b, 2, 0, 3);
	}
	fx_column(b, 1, 2, k);
	for (uint16_t slot = 0; slot < 3; slot++)
		side_add_histogram(b, side_simple(&b->arena, 2, slot, b->t_ms, 10 + k + slot));
	b->exemplars = arena_calloc(&b->arena, 1, sizeof *b->exemplars);
	b->exemplars[0] = (struct batch_exemplar){2, 1, 999, bits_of_double(0.25),
						  fx_labels(&b->arena, "trace", k)};
	b->n_exemplars = 1;
	fx_put(fx, b);
	assert_int_equal(wal_flush(fx->w, false), 0);
}

static void batches_come_back_from_files(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.tail_bytes = 1;
	fx_open(&fx);
	for (unsigned k = 0; k < 20; k++)
		put_mixed(&fx, k);
	struct wal_cursor *c;
	uint64_t skipped, sequence = 0;
	assert_int_equal(wal_cursor_new(fx.w, wal_tail(fx.w), &c, &skipped), 0);
	for (unsigned k = 0; k < 20; k++) {
		_cleanup_(batch_unrefp) struct batch *b = NULL;
		assert_int_equal(wal_cursor_next(c, &b, &skipped), 0);
		assert_int_equal(skipped, 0);
		assert_true(b->pos.sequence == sequence);
		assert_int_equal(b->n_samples, 5);
		assert_int_equal(b->n_histograms, 3);
		assert_true(b->histograms[2].h.count.u == 12 + k);
		assert_int_equal(b->n_exemplars, 1);
		assert_true(b->bytes > sizeof *b);
		sequence += 5;
		assert_true(b->end.sequence == sequence);
	}
	wal_cursor_free(c);
	struct wal_stats st;
	wal_stats_get(fx.w, &st);
	assert_true(st.samples_written == 100);
	fx_deinit(&fx);
}

/* A record lost takes its histograms with it: they are counted, those after it are there. */
static void damage_is_counted(void **state)
{
	struct fixture fx;
	char path[100];
	fx_init(&fx);
	fx.opt.tail_bytes = 1;
	fx_open(&fx);
	for (unsigned k = 0; k < 5; k++)
		put_mixed(&fx, k);
	struct wal_cursor *c;
	uint64_t skipped, total = 0, got = 0;
	assert_int_equal(wal_cursor_new(fx.w, wal_tail(fx.w), &c, &skipped), 0);
	_cleanup_(batch_unrefp) struct batch *first = NULL;
	assert_int_equal(wal_cursor_next(c, &first, &skipped), 0);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	fseek(f, (long)first->end.offset + RECORD_HEAD_BYTES + 3, SEEK_SET);
	fputc(0x55, f);
	fclose(f);
	wal_cursor_free(c);
	assert_int_equal(wal_cursor_new(fx.w, wal_tail(fx.w), &c, &skipped), 0);
	for (;;) {
		_cleanup_(batch_unrefp) struct batch *b = NULL;
		if (wal_cursor_next(c, &b, &skipped) != 0)
			break;
		total += skipped + b->n_samples;
		got += b->n_histograms;
	}
	wal_cursor_free(c);
	/* One record is gone; the column's later ones cannot be told any more, the histograms can.
	 */
	assert_true(got == 12);
	assert_true(total == 25);
	fx_deinit(&fx);
}

struct found {
	unsigned alive, dead;
	int64_t last_ms;
};

static void note_found(void *cls, struct series_ref ref, struct labels labels, bool alive,
		       int64_t last_t_ms)
{
	struct found *f = cls;
	if (ref.frame != 2)
		return;
	*(alive ? &f->alive : &f->dead) |= 1U << ref.slot;
	f->last_ms = last_t_ms;
}

static struct found find_frame_2(struct fixture *fx)
{
	struct found f = {0};
	_cleanup_(arena_deinit) struct arena a;
	arena_init(&a, 1 << 20);
	assert_int_equal(wal_owner_find(fx->w, fx_labels(&a, "owner", 1), note_found, &f), 1);
	return f;
}

/* Slot 0 ends with a histogram, slot 1 with the staleness marker, slot 2 with a histogram that is
 * one, slot 3 has a time of its own. */
static void histograms_are_alive_after_a_restart(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 1000);
	fx_define_owner(b);
	fx_define(b, 2, 0, 4);
	for (uint16_t slot = 0; slot < 3; slot++)
		side_add_histogram(b, side_simple(&b->arena, 2, slot, 1000, 5));
	side_add_histogram(b, side_simple(&b->arena, 2, 3, 400, 5));
	fx_put(&fx, b);
	fx_reopen(&fx);
	struct found f = find_frame_2(&fx);
	assert_int_equal(f.alive, 7);
	assert_int_equal(f.dead, 8);
	assert_true(f.last_ms == 1000);

	b = fx_empty(1, 2000);
	side_add_histogram(b, side_simple(&b->arena, 2, 0, 2000, 6));
	side_add_histogram(b, side_simple(&b->arena, 2, 2, 2000, 6));
	b->histograms[1].h.sum_bits = VALUE_STALE_BITS;
	struct batch_column *c = fx_column(b, 2, 2, 0);
	c->present[0] = 2;
	c->values[1] = VALUE_STALE_BITS;
	fx_put(&fx, b);
	fx_reopen(&fx);
	f = find_frame_2(&fx);
	assert_int_equal(f.alive, 1);
	assert_int_equal(f.dead, 14);
	assert_true(f.last_ms == 2000);
	fx_deinit(&fx);
}

/* Numbers are not given again when only histograms used them, and a frame of histograms goes. */
static void frames_of_histograms_live_and_go(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(8, 1000);
	side_add_histogram(b, side_simple(&b->arena, 40, 0, 1000, 5));
	fx_put(&fx, b);
	b = fx_empty(8, 1001);
	b->exemplars = arena_calloc(&b->arena, 1, sizeof *b->exemplars);
	b->exemplars[0] = (struct batch_exemplar){50, 1, 999, 0, LABELS_NULL};
	b->n_exemplars = 1;
	fx_put(&fx, b);
	fx_reopen(&fx);
	assert_int_equal(wal_next_frame(fx.w), 51);
	assert_int_equal(wal_next_owner(fx.w), 9);
	b = fx_empty(9, 1002);
	fx_define_owner(b);
	fx_define(b, 60, 0, 1);
	side_add_histogram(b, side_simple(&b->arena, 60, 0, 1002, 5));
	fx_put(&fx, b);
	wal_frame_retire(fx.w, 60);
	assert_int_equal(wal_flush(fx.w, true), 0);
	b = fx_empty(9, 1003);
	side_add_histogram(b, side_simple(&b->arena, 61, 0, 1003, 5));
	fx_put(&fx, b);
	fx_reopen(&fx);
	assert_int_equal(wal_next_frame(fx.w), 62);
	struct wal_stats st;
	wal_stats_get(fx.w, &st);
	assert_true(st.head.sequence == 3);
	fx_deinit(&fx);
}

static void no_slot(void *cls, uint16_t slot, struct labels labels)
{
}

static void fill_segments(struct fixture *fx, unsigned from, uint64_t n)
{
	uint64_t until = wal_head(fx->w).segment + n;
	for (unsigned k = from; wal_head(fx->w).segment < until; k++)
		fx_write(fx, k, 200);
}

/* A retired frame's labels stay until the last segment that has a histogram of it has gone, however
 * long ago they were defined. */
static void definitions_of_histograms_stay(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.segment_bytes = 4096;
	fx_open(&fx);
	put_mixed(&fx, 0);
	fill_segments(&fx, 1, 3);
	wal_hold(fx.w, SV("dest"), wal_head(fx.w));
	put_mixed(&fx, 1);
	wal_frame_retire(fx.w, 2);
	fill_segments(&fx, 1, 3);
	struct wal_stats st;
	wal_stats_get(fx.w, &st);
	assert_true(st.tail.segment > 1);
	assert_int_equal(wal_frame_labels(fx.w, 2, 0, no_slot, NULL), 3);
	wal_hold(fx.w, SV("dest"), wal_head(fx.w));
	fill_segments(&fx, 1, 2);
	assert_int_equal(wal_frame_labels(fx.w, 2, 0, no_slot, NULL), 0);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(nothing_costs_nothing),
		cmocka_unit_test(starts_that_are_equal_are_cheap),
		cmocka_unit_test(bounds_are_told_once),
		cmocka_unit_test(damage_is_refused_or_harmless),
		cmocka_unit_test(promises_are_not_believed),
		cmocka_unit_test(what_is_too_large_for_the_batch_is_refused),
		cmocka_unit_test(slots_out_of_range_are_unsound),
		cmocka_unit_test(batches_come_back_from_files),
		cmocka_unit_test(damage_is_counted),
		cmocka_unit_test(histograms_are_alive_after_a_restart),
		cmocka_unit_test(frames_of_histograms_live_and_go),
		cmocka_unit_test(definitions_of_histograms_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
