#include "../../../remotewrite/shard.h"

#include "../../../remotewrite/position.h"

#include "cmocka_all.h"
#include "make.h"

struct world {
	struct queue q;
	struct images images;
	struct image_scratch scratch;
	struct image_rules rules;
	struct buf out;
};

static void setup(struct world *w)
{
	*w = (struct world){.rules = {LABELS_NULL, NULL}};
	image_scratch_init(&w->scratch);
	images_init(&w->images, make_labels());
	images_rules(&w->images, &w->rules);
	buf_init(&w->out, 16 << 20);
}

static void teardown(struct world *w)
{
	queue_deinit(&w->q);
	images_deinit(&w->images);
	image_scratch_deinit(&w->scratch);
	buf_deinit(&w->out);
}

static void push(struct world *w, struct shape shape)
{
	struct batch *b = make_batch(&shape);
	struct queue_entry e = {.batch = b, .pos = b->pos, .end = b->end.sequence};
	assert_int_equal(queue_push(&w->q, &e), 0);
}

static void push_lost(struct world *w, uint64_t n, bool overlap)
{
	struct queue_entry e = {
		.pos = {1, 0, 1000}, .end = 1000 + n, .overlap = overlap, .reason = DROP_DAMAGED};
	assert_int_equal(queue_push(&w->q, &e), 0);
}

static const struct shape shapes[] = {
	{.t_ms = 10, .first = 0, .n_columns = 7, .slots = 32, .absent = 3},
	{.t_ms = 20, .first = 3, .n_columns = 1, .slots = 1, .absent = 8},
	{.t_ms = 30, .first = 0, .n_columns = 0, .n_rows = 23},
	{.t_ms = 40, .first = 9, .n_columns = 20, .slots = 5, .absent = 0, .n_rows = 12},
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void test_items_are_shared_out(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++)
		push(&w, shapes[i]);
	push_lost(&w, 99, false);
	for (uint32_t n = 1; n <= 9; n++) {
		for (uint64_t no = 0; no < w.q.n; no++) {
			const struct queue_entry *e = queue_at(&w.q, no);
			uint64_t sum = 0;
			for (uint32_t i = 0; i < n; i++)
				sum += shard_entry_items(e, n, i);
			assert_int_equal(sum, e->batch ? e->batch->n_samples : 1);
		}
		assert_int_equal(shard_entry_items(queue_at(&w.q, SHAPES), n, 0), 1);
	}
	teardown(&w);
}

static struct built build(struct world *w, const struct shard_walk *walk, struct cursor from,
			  uint32_t max)
{
	struct build_limits limits = {max, 8 << 20, INT64_MIN, UINT64_MAX};
	struct built res;
	buf_reset(&w->out);
	assert_int_equal(
		shard_build(walk, from, &limits, &w->images, &w->scratch, 0, &w->out, &res), 0);
	return res;
}

/* Cut in any size: each shard passes all of its own and no more, and each place that it stops at is
 * found again from what is stored of it: the entry and the number of own items. */
static void test_cut_and_find_again(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++)
		push(&w, shapes[i]);
	uint64_t all = 0;
	for (size_t i = 0; i < SHAPES; i++)
		all += queue_at(&w.q, i)->batch->n_samples;
	for (uint32_t n = 1; n <= 5; n++) {
		for (uint32_t max = 1; max < 60; max += 1 + max / 3) {
			uint64_t sent = 0;
			for (uint32_t i = 0; i < n; i++) {
				struct shard_walk walk = {.queue = &w.q, .n = n, .index = i};
				struct cursor c = {0};
				while (c.no < queue_end(&w.q)) {
					struct built r = build(&w, &walk, c, max);
					assert_true(r.books.sent <= max);
					assert_int_equal(r.items, r.books.sent);
					sent += r.books.sent;
					c = r.end;
					if (c.no == queue_end(&w.q))
						break;
					assert_int_equal(r.books.sent, max);
					struct cursor at = shard_cursor_at(&w.q, n, i, c.no, c.own);
					struct built a = build(&w, &walk, at, max);
					struct built b = build(&w, &walk, c, max);
					assert_int_equal(a.items, b.items);
					assert_int_equal(a.end.no, b.end.no);
					assert_int_equal(a.end.own, b.end.own);
				}
			}
			assert_int_equal(sent, all);
		}
	}
	teardown(&w);
}

static void test_skip_idle(void **state)
{
	struct world w;
	setup(&w);
	push(&w, shapes[1]); /* one sample of frame 3 */
	push(&w, shapes[1]);
	uint32_t owner = frame_shard(3, 4);
	for (uint32_t i = 0; i < 4; i++) {
		struct shard_walk walk = {.queue = &w.q, .n = 4, .index = i};
		struct cursor c = {0};
		shard_skip_idle(&walk, &c);
		assert_int_equal(c.no, i == owner ? 0 : 2);
		c = (struct cursor){.no = 0, .item = 0, .slot = 1, .own = 1};
		shard_skip_idle(&walk, &c);
		assert_int_equal(c.no, i == owner ? 1 : 2);
	}
	teardown(&w);
}

static void test_lost(void **state)
{
	struct world w;
	setup(&w);
	push_lost(&w, 7, false);
	push_lost(&w, 5, true);
	struct cursor former[2] = {{.no = 1}, {.no = 0}};
	struct shard_walk walk = {.queue = &w.q, .n = 3, .index = 0};
	struct built r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.items, 2);
	assert_int_equal(r.books.dropped[DROP_DAMAGED], 7);
	assert_int_equal(r.beyond, 7);
	walk.index = 1;
	r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.items, 0);
	assert_int_equal(books_total(&r.books), 0);
	assert_int_equal(r.end.no, 2);
	/* A former shard 0 that had passed it has booked it. */
	walk = (struct shard_walk){&w.q, 3, 0, former, 2};
	r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.items, 2);
	assert_int_equal(books_total(&r.books), 0);
	former[0].no = 0;
	former[1].no = 1;
	r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.books.dropped[DROP_DAMAGED], 7);
	teardown(&w);
}

/* What lies before the former shards' places is passed without booking, to the sample. */
static void test_former(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++)
		push(&w, shapes[i]);
	uint64_t all = 0;
	for (size_t i = 0; i < SHAPES; i++)
		all += queue_at(&w.q, i)->batch->n_samples;
	for (uint32_t step = 0; step < 40; step++) {
		struct cursor former[2];
		uint64_t done = 0;
		for (uint32_t i = 0; i < 2; i++) {
			struct shard_walk walk = {.queue = &w.q, .n = 2, .index = i};
			struct built r = build(&w, &walk, (struct cursor){0}, 1 + step * (3 + i));
			former[i] = r.end;
			done += r.books.sent;
		}
		uint64_t sent = 0, items = 0;
		for (uint32_t i = 0; i < 5; i++) {
			struct shard_walk walk = {&w.q, 5, i, former, 2};
			struct built r = build(&w, &walk, (struct cursor){0}, 100000);
			sent += r.books.sent;
			items += r.items;
		}
		assert_int_equal(items, all);
		assert_int_equal(sent, all - done);
	}
	teardown(&w);
}

static void test_limits(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++) {
		struct shape s = shapes[i];
		s.sequence = 100 * i;
		push(&w, s);
	}
	struct shard_walk walk = {.queue = &w.q, .n = 1};
	struct build_limits limits = {100000, 8 << 20, 35, 300};
	struct built r;
	/* Times from 35 on: some rows of the third batch. The fourth begins at 300. */
	assert_int_equal(shard_build(&walk, (struct cursor){0}, &limits, &w.images, &w.scratch, 0,
				     &w.out, &r),
			 0);
	assert_int_equal(r.end.no, 3);
	assert_int_equal(r.books.sent, 23 - 5);
	assert_int_equal(r.books.dropped[DROP_TOO_OLD],
			 queue_at(&w.q, 0)->batch->n_samples + 1 + 5);
	assert_int_equal(r.oldest_ms, 35);
	assert_int_equal(r.newest_ms, 30 + 22);
	/* By bytes: at least one sample, whatever the limit. */
	limits = (struct build_limits){100000, 1, INT64_MIN, UINT64_MAX};
	buf_reset(&w.out);
	assert_int_equal(shard_build(&walk, (struct cursor){0}, &limits, &w.images, &w.scratch, 0,
				     &w.out, &r),
			 0);
	assert_int_equal(r.books.sent, 1);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_are_shared_out),
		cmocka_unit_test(test_cut_and_find_again),
		cmocka_unit_test(test_skip_idle),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_former),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
