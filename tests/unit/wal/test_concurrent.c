/* One producer, the writer, two readers and somebody who looks, all at once. */
#include "fixture.h"

#include <pthread.h>

enum { SLOTS = 64, BATCHES = 3000, DEFINED_EVERY = 100 };

struct reader {
	struct fixture *fx;
	const char *key;
	unsigned pause; /* batches between breathers: a slow one falls out of the tail */
	uint64_t samples, skipped;
	bool wrong;
};

/* Frame 1 + k / DEFINED_EVERY is the one of batch k, and defined with its first. */
static void ignore(void *cls, uint16_t slot, struct labels labels)
{
	(*(unsigned *)cls)++;
}

static void check(struct reader *r, const struct batch *b, uint64_t skipped)
{
	unsigned k = (unsigned)(b->t_ms - 1000), labels = 0;
	const struct batch_column *c = &b->columns[0];
	r->wrong |= b->pos.sequence != (uint64_t)k * SLOTS || b->n_samples != SLOTS ||
		    b->n_columns != 1 || c->frame != 1 + k / DEFINED_EVERY;
	r->wrong |= r->samples + r->skipped + skipped != b->pos.sequence;
	for (unsigned i = 0; i < SLOTS; i++)
		r->wrong |= c->values[i] != bits_of_double(k + i);
	if (k % 10 == 0 && wal_frame_labels(r->fx->w, c->frame, 0, ignore, &labels) == SLOTS)
		r->wrong |= labels != SLOTS;
	else if (k % 10 == 0)
		r->wrong |= skipped == 0 && r->skipped == 0;
}

static void *read_all(void *cls)
{
	struct reader *r = cls;
	struct wal_cursor *c;
	uint64_t skipped;
	if (wal_cursor_new(r->fx->w, (struct wal_pos){1, 48, 0}, &c, &skipped))
		return NULL;
	r->skipped = skipped;
	for (unsigned n = 0; r->samples + r->skipped < (uint64_t)BATCHES * SLOTS;) {
		struct batch *b;
		int e = wal_cursor_next(c, &b, &skipped);
		if (e == 0) {
			check(r, b, skipped);
			r->samples += b->n_samples;
			r->skipped += skipped;
			batch_unref(b);
			wal_hold(r->fx->w, sv_of(r->key), wal_cursor_pos(c));
		}
		if (e < 0)
			break;
		if (e == 1 || ++n % r->pause == 0)
			usleep(500);
	}
	wal_cursor_free(c);
	return NULL;
}

static void *look_around(void *cls)
{
	struct fixture *fx = cls;
	struct wal_stats st = {0};
	while (st.head.sequence < (uint64_t)BATCHES * SLOTS) {
		wal_stats_get(fx->w, &st);
		wal_position_store(fx->w, SV("x"), SV("content"), NULL);
		usleep(1000);
	}
	return NULL;
}

static void produce(struct fixture *fx)
{
	struct batch_sink sink = wal_sink(fx->w);
	for (unsigned k = 0; k < BATCHES; k++) {
		struct batch *b = fx_empty(1, 1000 + k);
		uint32_t frame = 1 + k / DEFINED_EVERY;
		if (k == 0)
			fx_define_owner(b);
		if (k % DEFINED_EVERY == 0)
			fx_define(b, frame, 0, SLOTS);
		fx_column(b, frame, SLOTS, k);
		batch_seal(b);
		while (sink.put(sink.cls, b) != 0)
			usleep(200);
		if (k % DEFINED_EVERY == 5 && frame > 3)
			wal_frame_retire(fx->w, frame - 3);
	}
}

static void run(bool memory, uint64_t max_bytes, bool may_skip)
{
	struct fixture fx;
	pthread_t threads[3];
	fx_init(&fx);
	fx.opt.memory = memory;
	fx.opt.segment_bytes = 8000;
	fx.opt.tail_bytes = 20000;
	fx.opt.max_bytes = max_bytes;
	fx.opt.sync_interval_ms = 5;
	fx_open(&fx);
	struct reader fast = {&fx, "fast", UINT32_MAX, 0, 0, false};
	struct reader slow = {&fx, "slow", 200, 0, 0, false};
	wal_hold(fx.w, sv_of(fast.key), wal_head(fx.w));
	wal_hold(fx.w, sv_of(slow.key), wal_head(fx.w));
	pthread_create(&threads[0], NULL, read_all, &fast);
	pthread_create(&threads[1], NULL, read_all, &slow);
	pthread_create(&threads[2], NULL, look_around, &fx);
	produce(&fx);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_false(fast.wrong);
	assert_false(slow.wrong);
	assert_int_equal(fast.samples + fast.skipped, (uint64_t)BATCHES * SLOTS);
	assert_int_equal(slow.samples + slow.skipped, (uint64_t)BATCHES * SLOTS);
	if (!may_skip)
		assert_int_equal(fast.skipped + slow.skipped, 0);
	fx_deinit(&fx);
}

static void in_files(void **state)
{
	run(false, 1 << 30, false);
}

static void in_memory(void **state)
{
	run(true, 1 << 30, false);
}

static void while_segments_are_deleted(void **state)
{
	run(false, 60000, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_files),
		cmocka_unit_test(in_memory),
		cmocka_unit_test(while_segments_are_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
