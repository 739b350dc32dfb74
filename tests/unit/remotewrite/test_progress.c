/* What a stored position says is checked against a plain model: each logged sample is done or not
 * by the places alone, and the books hold exactly those that are. */
#include "../../../remotewrite/progress.h"

#include "cmocka_all.h"
#include "make.h"

enum { BATCHES = 40 };

struct model {
	struct progress p;
	struct batch *batches[BATCHES]; /* NULL: lost */
	uint64_t at[BATCHES + 1];       /* sequence where each begins */
	uint32_t read;                  /* how many were given to p */
	struct images images;
	struct image_scratch scratch;
	struct image_rules rules;
	struct buf out;
	uint64_t rng;
};

static uint64_t rnd(struct model *m, uint64_t below)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return m->rng % below;
}

static void setup(struct model *m, uint64_t seed, unsigned lost_of_8)
{
	*m = (struct model){.rules = {LABELS_NULL, NULL},
			    .rng = seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
	image_scratch_init(&m->scratch);
	images_init(&m->images, make_labels());
	images_rules(&m->images, &m->rules);
	buf_init(&m->out, 16 << 20);
	for (uint32_t i = 0; i < BATCHES; i++) {
		struct shape s = {.sequence = m->at[i],
				  .t_ms = i + 1,
				  .first = (uint32_t)rnd(m, 9),
				  .n_columns = (uint32_t)rnd(m, 9),
				  .slots = (uint16_t)(1 + rnd(m, 32)),
				  .absent = (uint16_t)rnd(m, 9),
				  .n_rows = (uint32_t)rnd(m, 3) * 7,
				  .n_histograms = (uint32_t)rnd(m, 3) * 6};
		m->batches[i] = make_batch(&s);
		m->at[i + 1] = m->batches[i]->end.sequence;
		if (i > 0 && rnd(m, 8) < lost_of_8) {
			batch_unref(m->batches[i]);
			m->batches[i] = NULL;
		}
	}
}

static void teardown(struct model *m)
{
	progress_deinit(&m->p);
	for (uint32_t i = 0; i < BATCHES; i++)
		batch_unref(m->batches[i]);
	images_deinit(&m->images);
	image_scratch_deinit(&m->scratch);
	buf_deinit(&m->out);
}

static void start(struct model *m, const struct position *pos)
{
	assert_int_equal(progress_init(&m->p, pos), 0);
	m->read = 0;
	while (m->read < BATCHES && m->at[m->read] < m->p.end.sequence)
		m->read++;
}

/* The next that is there; what is missing before it is told by the sequence. */
static bool read_one(struct model *m)
{
	while (m->read < BATCHES && !m->batches[m->read])
		m->read++;
	if (m->read == BATCHES)
		return false;
	struct batch *b = batch_ref(m->batches[m->read++]);
	assert_int_equal(progress_add(&m->p, b, DROP_DAMAGED, 0), 0);
	return true;
}

static void read_end(struct model *m)
{
	uint64_t end = m->at[BATCHES];
	struct wal_pos pos = {1, 16 + end, end};
	assert_int_equal(progress_read_to(&m->p, pos, DROP_DAMAGED, 0), 0);
}

/* The next request of a shard, answered. */
static void answer(struct model *m, uint32_t index, uint32_t max)
{
	struct shard_walk walk = progress_walk(&m->p, index);
	struct build_limits limits = {
		max, 8 << 20, INT64_MIN, UINT64_MAX, {.histograms = rnd(m, 2)}};
	struct built built;
	int64_t loaded;
	uint64_t waiting = progress_waiting(&m->p, index, &loaded);
	if (waiting == 0)
		return;
	buf_reset(&m->out);
	assert_int_equal(shard_build(&walk, m->p.shards[index].done, &limits, &m->images,
				     &m->scratch, 0, &m->out, &built),
			 0);
	/* The slowest shard never waits for others, so all come to the end. */
	assert_true((built.items > 0 || built.fenced) && built.items <= waiting);
	progress_commit(&m->p, index, &built, &built.books);
}

static uint64_t shard_done(const struct batch *b, const struct shard_place *v, uint32_t n,
			   uint32_t frame, uint64_t *own)
{
	const struct shard_place *at = &v[frame_shard(frame, n)];
	uint64_t mine = own[frame_shard(frame, n)]++;
	if (at->pos.sequence != b->pos.sequence)
		return at->pos.sequence > b->pos.sequence;
	return mine < at->own;
}

/* Samples of a batch that are done by the places. */
static uint64_t done_of(const struct batch *b, const struct position *pos)
{
	uint64_t own[8] = {0}, former[8] = {0}, n = 0;
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		for (unsigned slot = 0; slot < c->n_slots; slot++) {
			if (!image_bit(c->present, slot))
				continue;
			bool done = shard_done(b, pos->shards, pos->n, c->frame, own);
			if (pos->n_former)
				done |= shard_done(b, pos->former, pos->n_former, c->frame, former);
			n += done;
		}
	}
	for (size_t i = 0; i < b->n_rows; i++) {
		bool done = shard_done(b, pos->shards, pos->n, b->rows[i].frame, own);
		if (pos->n_former)
			done |= shard_done(b, pos->former, pos->n_former, b->rows[i].frame, former);
		n += done;
	}
	for (size_t i = 0; i < b->n_histograms; i++) {
		uint32_t frame = b->histograms[i].frame;
		bool done = shard_done(b, pos->shards, pos->n, frame, own);
		if (pos->n_former)
			done |= shard_done(b, pos->former, pos->n_former, frame, former);
		n += done;
	}
	return n;
}

/* A stretch that is lost belongs to shard 0. */
static bool lost_done(const struct position *pos, uint64_t from)
{
	return pos->shards[0].pos.sequence > from ||
	       (pos->n_former && pos->former[0].pos.sequence > from);
}

static uint64_t done_by(const struct model *m, const struct position *pos)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < BATCHES; i++) {
		if (m->batches[i])
			n += done_of(m->batches[i], pos);
		else if (lost_done(pos, m->at[i]))
			n += m->at[i + 1] - m->at[i];
	}
	return n;
}

static void check(struct model *m, struct position *out)
{
	struct wal_pos head = {1, 0, m->at[BATCHES]};
	assert_int_equal(progress_position(&m->p, out), 0);
	assert_true(progress_balanced(&m->p));
	assert_int_equal((uint64_t)out->base + books_total(&out->books) +
				 progress_queued(&m->p, head),
			 m->at[BATCHES]);
	/* Until an overlap is settled, what was lost in it is not booked. */
	if (!m->p.settling)
		assert_int_equal(books_total(&out->books), done_by(m, out));
	else
		assert_true(books_total(&out->books) <= done_by(m, out));
}

static bool all_done(const struct model *m)
{
	return books_total(&m->p.books) == m->at[BATCHES];
}

static void run(uint64_t seed, unsigned lost_of_8, bool restarts)
{
	struct model m;
	struct position pos = POSITION_NULL;
	setup(&m, seed, lost_of_8);
	assert_int_equal(position_start(&pos, (struct wal_pos){1, 16, 0}, 1 + seed % 4), 0);
	start(&m, &pos);
	for (int step = 0; step < 20000 && !all_done(&m); step++) {
		if (rnd(&m, 3) == 0 && !read_one(&m))
			read_end(&m);
		answer(&m, (uint32_t)rnd(&m, m.p.n), 1 + (uint32_t)rnd(&m, 40));
		if (rnd(&m, 10) == 0 && progress_may_reshard(&m.p))
			assert_int_equal(progress_reshard(&m.p, 1 + (uint32_t)rnd(&m, 8)), 0);
		position_deinit(&pos);
		check(&m, &pos);
		if (restarts && rnd(&m, 30) == 0) {
			progress_deinit(&m.p);
			start(&m, &pos);
		}
	}
	assert_true(all_done(&m));
	uint64_t lost = 0;
	for (uint32_t i = 0; i < BATCHES; i++)
		lost += m.batches[i] ? 0 : m.at[i + 1] - m.at[i];
	uint64_t booked = m.p.books.dropped[DROP_DAMAGED] + m.p.books.dropped[DROP_LOG_BOUND];
	assert_int_equal(booked, lost);
	/* After a change of shards some still have to pass what the former ones did. */
	for (int i = 0; i < 1000 && m.p.queue.n > 0; i++)
		answer(&m, (uint32_t)i % m.p.n, 1000);
	assert_int_equal(m.p.queue.n, 0);
	assert_true(all_done(&m));
	position_deinit(&pos);
	teardown(&m);
}

static void test_books_and_places(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++)
		run(seed, 0, false);
}

static void test_losses_are_booked_once(void **state)
{
	for (uint64_t seed = 100; seed < 160; seed++)
		run(seed, 2, false);
}

static void test_restarts(void **state)
{
	for (uint64_t seed = 200; seed < 240; seed++)
		run(seed, 0, true);
}

static void test_restarts_with_losses(void **state)
{
	for (uint64_t seed = 300; seed < 360; seed++)
		run(seed, 2, true);
}

/* The log's bound: what is below a place in it is gone after a start. */
static void lose_oldest(struct model *m)
{
	uint32_t to = (uint32_t)rnd(m, BATCHES);
	for (uint32_t i = 0; i < to && i + 1 < BATCHES; i++) {
		batch_unref(m->batches[i]);
		m->batches[i] = NULL;
	}
}

/* The books leave what the places do not have done, as far as files can tell. */
static void check_places(const struct model *m, const struct position *pos)
{
	uint64_t low = position_lowest(pos).sequence, counted = 0, less = pos->unsettled;
	uint32_t first = 0;
	while (!m->batches[first])
		first++;
	for (uint32_t i = first; i < BATCHES; i++)
		counted += m->at[i + 1] - m->at[i] - done_of(m->batches[i], pos);
	less += m->at[first] > low ? m->at[first] - low : 0;
	uint64_t queued = m->at[BATCHES] - books_total(&pos->books);
	assert_in_range(queued, counted, counted + less);
}

/* Starts follow each other before what was lost could be passed. No sample is booked twice,
 * whatever was done of a batch before it was gone. */
static void run_bounded(uint64_t seed)
{
	struct model m;
	struct position pos = POSITION_NULL;
	setup(&m, seed, 0);
	assert_int_equal(position_start(&pos, (struct wal_pos){1, 16, 0}, 1 + seed % 3), 0);
	start(&m, &pos);
	for (int step = 0; step < 20000 && !all_done(&m); step++) {
		if (rnd(&m, 3) == 0 && !read_one(&m))
			read_end(&m);
		if (rnd(&m, 4) == 0)
			answer(&m, (uint32_t)rnd(&m, m.p.n), 1 + (uint32_t)rnd(&m, 40));
		if (rnd(&m, 10) == 0 && progress_may_reshard(&m.p))
			assert_int_equal(progress_reshard(&m.p, 1 + (uint32_t)rnd(&m, 4)), 0);
		position_deinit(&pos);
		assert_int_equal(progress_position(&m.p, &pos), 0);
		assert_int_equal(pos.base, 0);
		check_places(&m, &pos);
		assert_true(progress_balanced(&m.p));
		if (rnd(&m, 20) == 0) {
			progress_deinit(&m.p);
			if (rnd(&m, 3) == 0)
				lose_oldest(&m);
			start(&m, &pos);
		}
	}
	assert_true(all_done(&m));
	position_deinit(&pos);
	teardown(&m);
}

static void test_restarts_while_the_log_loses_its_oldest(void **state)
{
	for (uint64_t seed = 400; seed < 600; seed++)
		run_bounded(seed);
}

/* A count that parts from the places is seen, whichever way. */
static void test_imbalance_is_seen(void **state)
{
	struct model m;
	struct position pos = POSITION_NULL;
	setup(&m, 9, 2);
	assert_int_equal(position_start(&pos, (struct wal_pos){1, 16, 0}, 3), 0);
	start(&m, &pos);
	for (int i = 0; i < 20; i++)
		read_one(&m);
	for (uint32_t i = 0; i < 3; i++)
		answer(&m, i, 10);
	assert_false(m.p.settling);
	assert_true(progress_balanced(&m.p));
	m.p.books.sent++;
	assert_false(progress_balanced(&m.p));
	m.p.books.sent -= 2;
	assert_false(progress_balanced(&m.p));
	m.p.books.sent++;
	m.p.shards[1].waiting++;
	assert_false(progress_balanced(&m.p));
	m.p.shards[1].waiting--;
	assert_true(progress_balanced(&m.p));
	position_deinit(&pos);
	teardown(&m);
}

static void test_hold_is_lowest(void **state)
{
	struct model m;
	struct position pos = POSITION_NULL;
	setup(&m, 7, 0);
	assert_int_equal(position_start(&pos, (struct wal_pos){1, 16, 0}, 4), 0);
	start(&m, &pos);
	while (read_one(&m))
		;
	read_end(&m);
	for (int i = 0; i < 300; i++) {
		answer(&m, (uint32_t)rnd(&m, 4), 25);
		position_deinit(&pos);
		assert_int_equal(progress_position(&m.p, &pos), 0);
		assert_int_equal(progress_hold(&m.p).sequence, position_lowest(&pos).sequence);
	}
	position_deinit(&pos);
	teardown(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_books_and_places),
		cmocka_unit_test(test_losses_are_booked_once),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_restarts_with_losses),
		cmocka_unit_test(test_restarts_while_the_log_loses_its_oldest),
		cmocka_unit_test(test_imbalance_is_seen),
		cmocka_unit_test(test_hold_is_lowest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
