/* Batches written and read back, with every kind of content, and what is left of them when some are
 * missing. Prints what a sample costs. */
#include "side.h"

#include <ampagent/base/clock.h>

#include "../../../src/wal/batch_codec.h"

enum { FRAMES = 5, OUT_MAX = 64 << 20 };

/* A target that changes: frames grow, slots come and go. */
struct target {
	uint64_t seed;
	uint16_t n_slots[FRAMES];
	uint64_t values[FRAMES][FRAME_SLOTS];
};

static uint64_t next_value(struct target *t, uint64_t v)
{
	uint64_t r = fx_random(&t->seed);
	switch (r % 16) {
	case 0:
		return fx_random(&t->seed);
	case 1:
		return VALUE_STALE_BITS;
	case 2:
		return VALUE_NAN_BITS;
	case 3:
		return UINT64_C(0xfff8000000000000) | (r >> 40);
	case 4:
		return UINT64_C(0x8000000000000000);
	case 5:
		return bits_of_double((double)(r >> 40) / 100);
	case 6:
	case 7:
		return bits_of_double((double)(r >> 44));
	default:
		return v;
	}
}

static void random_column(struct target *t, struct batch *b, unsigned f)
{
	struct batch_column *c = fx_column(b, f * 1000 + 1, t->n_slots[f], 0);
	memset(c->present, 0, sizeof c->present);
	bool all = fx_random(&t->seed) % 2;
	for (unsigned i = 0; i < c->n_slots; i++) {
		bool present = all || fx_random(&t->seed) % 4;
		if (present) {
			c->present[i / 64] |= UINT64_C(1) << (i % 64);
			t->values[f][i] = next_value(t, t->values[f][i]);
		}
		/* An absent slot's value is rubbish: it must not come out anywhere. */
		c->values[i] = present ? t->values[f][i] : fx_random(&t->seed);
	}
}

static void random_rows(struct target *t, struct batch *b)
{
	size_t n = fx_random(&t->seed) % 40;
	b->rows = arena_calloc(&b->arena, n + 1, sizeof *b->rows);
	uint16_t slot = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t r = fx_random(&t->seed);
		slot = r % 8 ? (uint16_t)((slot + 1) % FRAME_SLOTS) : (uint16_t)(r >> 8 & 0xff);
		b->rows[b->n_rows++] = (struct batch_row){
			.frame = 77 + (uint32_t)(i / 10),
			.slot = slot,
			.t_ms = r % 3 ? b->t_ms : (int64_t)fx_random(&t->seed),
			.bits = r % 5 ? bits_of_double((double)(r >> 50)) : fx_random(&t->seed),
		};
	}
}

static struct batch *random_batch(struct target *t, unsigned k)
{
	struct batch *b = fx_empty(k % 3, (int64_t)k * 5000 - 20000);
	for (unsigned f = 0; f < FRAMES; f++) {
		uint64_t r = fx_random(&t->seed);
		if (r % 4 == 0 && t->n_slots[f] < FRAME_SLOTS)
			t->n_slots[f] = (uint16_t)(t->n_slots[f] + 1 +
						   (r >> 8) % (FRAME_SLOTS - t->n_slots[f]));
		if (t->n_slots[f] > 0 && r % 5)
			random_column(t, b, f);
	}
	if (k % 4 == 0)
		random_rows(t, b);
	if (k % 7 == 0) {
		b->metadata = arena_calloc(&b->arena, 2, sizeof *b->metadata);
		b->n_metadata = 2;
		b->metadata[0] =
			(struct batch_metadata){METRIC_COUNTER, SV("a_total"), SV("help"), SV_NULL};
		b->metadata[1] =
			(struct batch_metadata){METRIC_STATESET, SV("b"), SV_NULL, SV("seconds")};
	}
	if (k % 5 == 0)
		side_random_lists(b, &t->seed);
	batch_seal(b);
	return b;
}

static void assert_same(const struct batch *a, const struct batch *b)
{
	assert_int_equal(a->owner, b->owner);
	assert_int_equal(a->t_ms, b->t_ms);
	assert_int_equal(a->n_samples, b->n_samples);
	assert_int_equal(a->n_columns, b->n_columns);
	assert_int_equal(a->n_rows, b->n_rows);
	assert_int_equal(a->n_metadata, b->n_metadata);
	for (size_t i = 0; i < a->n_columns; i++) {
		const struct batch_column *x = &a->columns[i], *y = &b->columns[i];
		assert_int_equal(x->frame, y->frame);
		assert_int_equal(x->n_slots, y->n_slots);
		assert_int_equal(x->n_present, y->n_present);
		assert_memory_equal(x->present, y->present, sizeof x->present);
		for (unsigned s = 0; s < x->n_slots; s++)
			if (x->present[s / 64] >> (s % 64) & 1)
				assert_true(x->values[s] == y->values[s]);
	}
	for (size_t i = 0; i < a->n_rows; i++) {
		assert_int_equal(a->rows[i].frame, b->rows[i].frame);
		assert_int_equal(a->rows[i].slot, b->rows[i].slot);
		assert_int_equal(a->rows[i].t_ms, b->rows[i].t_ms);
		assert_true(a->rows[i].bits == b->rows[i].bits);
	}
	for (size_t i = 0; i < a->n_metadata; i++) {
		assert_int_equal(a->metadata[i].type, b->metadata[i].type);
		assert_true(sv_eq(a->metadata[i].family, b->metadata[i].family));
		assert_true(sv_eq(a->metadata[i].help, b->metadata[i].help));
		assert_true(sv_eq(a->metadata[i].unit, b->metadata[i].unit));
	}
	side_assert_same(a, b);
}

static struct sv payload_of(const struct buf *out, size_t start)
{
	struct record rec;
	size_t need;
	assert_int_equal(record_get(sv_from(buf_view(out), start), &rec, &need), 0);
	return rec.payload;
}

static void what_is_written_is_read(void **state)
{
	_cleanup_(freep) struct target *t = calloc(1, sizeof *t);
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	buf_init(&out, OUT_MAX);
	t->seed = 20261121;
	uint64_t sequence = 0;
	for (unsigned k = 0; k < 400; k++) {
		if (k % 90 == 89) {
			frame_states_next_segment(&enc);
			frame_states_next_segment(&dec);
		}
		_cleanup_(batch_unrefp) struct batch *b = random_batch(t, k);
		_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
		struct batch_head head;
		uint32_t lost;
		buf_reset(&out);
		assert_int_equal(batch_encode(&out, &enc, b, sequence), 0);
		assert_true(out.len <= batch_encoded_max(b));
		assert_int_equal(batch_decode(payload_of(&out, 0), &dec, got, &head, &lost), 0);
		assert_int_equal(lost, 0);
		assert_int_equal(head.sequence, sequence);
		assert_same(b, got);
		sequence += b->n_samples;
	}
}

/* Batches missing from the middle: what is given is right, what is not is counted, and a new
 * segment heals everything. */
static void gaps_are_counted(void **state)
{
	_cleanup_(freep) struct target *t = calloc(1, sizeof *t);
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	buf_init(&out, OUT_MAX);
	t->seed = 3;
	uint64_t lost_total = 0;
	for (unsigned k = 0; k < 300; k++) {
		if (k == 200) {
			frame_states_next_segment(&enc);
			frame_states_next_segment(&dec);
		}
		_cleanup_(batch_unrefp) struct batch *b = random_batch(t, k);
		buf_reset(&out);
		assert_int_equal(batch_encode(&out, &enc, b, 0), 0);
		if (k == 50 || k == 51 || k == 120)
			continue;
		_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
		struct batch_head head;
		uint32_t lost;
		assert_int_equal(batch_decode(payload_of(&out, 0), &dec, got, &head, &lost), 0);
		assert_int_equal(got->n_samples + lost, b->n_samples);
		/* Nothing but floats is told against what is missing. */
		side_assert_same(b, got);
		lost_total += lost;
		if (k < 50 || k >= 200)
			assert_same(b, got);
		for (size_t i = 0, at = 0; i < got->n_columns; i++) {
			while (b->columns[at].frame != got->columns[i].frame)
				at++;
			for (unsigned s = 0; s < got->columns[i].n_slots; s++)
				if (b->columns[at].present[s / 64] >> (s % 64) & 1)
					assert_true(b->columns[at].values[s] ==
						    got->columns[i].values[s]);
		}
	}
	assert_true(lost_total > 0);
}

static void replaying_gives_the_same_state(void **state)
{
	_cleanup_(freep) struct target *t = calloc(1, sizeof *t);
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	buf_init(&out, OUT_MAX);
	t->seed = 5;
	for (unsigned k = 0; k < 50; k++) {
		_cleanup_(batch_unrefp) struct batch *b = random_batch(t, k);
		_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
		struct batch_head head;
		uint32_t lost;
		buf_reset(&out);
		assert_int_equal(batch_encode(&out, &enc, b, 0), 0);
		assert_int_equal(
			batch_decode(payload_of(&out, 0), &dec, k < 49 ? NULL : got, &head, &lost),
			0);
		if (k == 49)
			assert_same(b, got);
	}
}

static void unsound_batches_are_told(void **state)
{
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 1);
	struct batch_column *c = fx_column(b, 1, 4, 0);
	assert_true(batch_sound(b));
	c->n_slots = 0;
	assert_false(batch_sound(b));
	c->n_slots = FRAME_SLOTS + 1;
	assert_false(batch_sound(b));
	c->n_slots = 4;
	b->rows = arena_calloc(&b->arena, 1, sizeof *b->rows);
	b->n_rows = 1;
	b->rows[0].slot = FRAME_SLOTS;
	assert_false(batch_sound(b));
}

static void no_room_changes_nothing(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, 1);
	_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
	fx_column(b, 1, 100, 0);
	batch_seal(b);
	buf_init(&out, 200);
	buf_append(&out, "abc", 3);
	assert_int_equal(batch_encode(&out, &enc, b, 0), ERR_NOMEM);
	assert_int_equal(out.len, 3);
	assert_false(buf_failed(&out));
	buf_deinit(&out);
	buf_init(&out, OUT_MAX);
	struct batch_head head;
	uint32_t lost;
	assert_int_equal(batch_encode(&out, &enc, b, 0), 0);
	assert_int_equal(batch_decode(payload_of(&out, 0), &dec, got, &head, &lost), 0);
	assert_same(b, got);
}

/* A target as perf measurements have it: counters, sizes, seconds, ratios; 30 % change a scrape. */
static void page_step(struct batch *b, uint64_t *values, unsigned n, uint64_t *seed)
{
	for (unsigned f = 0; f * FRAME_SLOTS < n; f++) {
		unsigned slots =
			n - f * FRAME_SLOTS < FRAME_SLOTS ? n - f * FRAME_SLOTS : FRAME_SLOTS;
		for (unsigned i = 0; i < slots; i++) {
			uint64_t *v = &values[f * FRAME_SLOTS + i], r = fx_random(seed);
			double d = double_of_bits(*v);
			if (r % 100 >= 30)
				continue;
			double step = (double)(r >> 48);
			switch (i % 8) {
			case 0:
			case 1:
			case 2:
				d += (double)(1 + (r >> 56)); /* events */
				break;
			case 3:
				d += step * 7; /* bytes */
				break;
			case 4:
				d = 4096.0 * (double)(100000 + (r >> 52)); /* memory */
				break;
			case 5:
				d = (double)((int64_t)(d * 100 + 0.5) + 1 + (int64_t)(r >> 55)) /
				    100;
				break; /* seconds with two places */
			case 6:
				d += step / 1e9; /* a sum of nanoseconds, as it rounds */
				break;
			default:
				d = (double)(r >> 11) / 9007199254740992.0; /* a ratio */
				break;
			}
			*v = bits_of_double(d);
		}
		memcpy(fx_column(b, f + 1, slots, 0)->values, &values[f * FRAME_SLOTS],
		       slots * sizeof *values);
	}
	batch_seal(b);
}

static void size_report(void **state)
{
	enum { SERIES = 5000, SCRAPES = 60 };
	_cleanup_(freep) uint64_t *values = calloc(SERIES, sizeof *values);
	_cleanup_(buf_deinit) struct buf out;
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	buf_init(&out, OUT_MAX);
	uint64_t seed = 11;
	size_t bytes = 0, first = 0, samples = 0;
	int64_t enc_ns = 0, dec_ns = 0, replay_ns = 0;
	for (unsigned k = 0; k <= SCRAPES; k++) {
		_cleanup_(batch_unrefp) struct batch *b = fx_empty(1, k * 5000);
		_cleanup_(batch_unrefp) struct batch *got = batch_new(OUT_MAX);
		struct batch_head head;
		uint32_t lost;
		page_step(b, values, SERIES, &seed);
		buf_reset(&out);
		int64_t t0 = clock_thread_cpu_ns();
		assert_int_equal(batch_encode(&out, &enc, b, 0), 0);
		int64_t t1 = clock_thread_cpu_ns();
		struct sv payload = payload_of(&out, 0);
		int64_t t2 = clock_thread_cpu_ns();
		assert_int_equal(batch_decode(payload, &dec, got, &head, &lost), 0);
		int64_t t3 = clock_thread_cpu_ns();
		assert_same(b, got);
		if (k == 0) {
			first = out.len;
			continue;
		}
		bytes += out.len;
		samples += b->n_samples;
		enc_ns += t1 - t0;
		replay_ns += t2 - t1;
		dec_ns += t3 - t2;
	}
	print_message(
		"5000 series, 30 %% changing: first batch %.2f, then %.3f bytes/sample; encode "
		"with checksum %.1f, check %.1f, decode %.1f ns/sample\n",
		(double)first / SERIES, (double)bytes / (double)samples,
		(double)enc_ns / (double)samples, (double)replay_ns / (double)samples,
		(double)dec_ns / (double)samples);
	assert_true(bytes < samples * 5 / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(gaps_are_counted),
		cmocka_unit_test(replaying_gives_the_same_state),
		cmocka_unit_test(unsound_batches_are_told),
		cmocka_unit_test(no_room_changes_nothing),
		cmocka_unit_test(size_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
