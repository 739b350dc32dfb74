#include "../../../remotewrite/position.h"

#include "cmocka_all.h"

static void round_trip(const struct position *p)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(position_deinit) struct position back = POSITION_NULL;
	struct err err = ERR_NULL;
	buf_init(&text, POSITION_BYTES);
	assert_int_equal(position_write(&text, p, SV("a \"name\"")), 0);
	if (position_parse(buf_view(&text), &back, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(back.base, p->base);
	assert_memory_equal(&back.books, &p->books, sizeof back.books);
	assert_int_equal(back.clean, p->clean);
	assert_int_equal(back.reach, p->reach);
	assert_int_equal(back.n, p->n);
	assert_int_equal(back.n_former, p->n_former);
	assert_memory_equal(back.shards, p->shards, p->n * sizeof *p->shards);
	if (p->n_former)
		assert_memory_equal(back.former, p->former, p->n_former * sizeof *p->former);
}

static void test_round_trip(void **state)
{
	static struct shard_place v[SHARDS_MAX], f[SHARDS_MAX];
	for (uint64_t i = 0; i < SHARDS_MAX; i++) {
		v[i] = (struct shard_place){{i, i * 1000, UINT64_MAX - i}, i % 3};
		f[i] = (struct shard_place){{UINT64_MAX, UINT64_MAX, UINT64_MAX}, UINT64_MAX};
	}
	struct position p = {.base = -5, .clean = true, .n = 1, .shards = v};
	round_trip(&p);
	p.books.sent = UINT64_MAX;
	for (int i = 0; i < DROP_REASONS_; i++)
		p.books.dropped[i] = (uint64_t)i;
	p.clean = false;
	p.reach = UINT64_MAX;
	p.n = p.n_former = SHARDS_MAX;
	p.former = f;
	round_trip(&p);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"version\":2,\"shards\":[[1,2,3,0]]}",
		"{\"version\":1}",
		"{\"version\":1,\"shards\":[]}",
		"{\"version\":1,\"shards\":[[1,2,3]]}",
		"{\"version\":1,\"shards\":[[1,2,3,4,5]]}",
		"{\"version\":1,\"shards\":[[1,2,-3,4]]}",
		"{\"version\":1,\"shards\":[[1,2,3,0]],\"sent\":1.5}",
		"{\"version\":1,\"shards\":[[1,2,3,0]]} x",
		"{\"shards\":[[1,2,3,0]]}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct position p = POSITION_NULL;
		struct err err = ERR_NULL;
		if (position_parse(sv_of(texts[i]), &p, &err) != 1)
			fail_msg("accepted: %s", texts[i]);
		assert_true(err.msg[0] != 0);
		assert_null(p.shards);
	}
}

static void test_other_versions_keys(void **state)
{
	_cleanup_(position_deinit) struct position p = POSITION_NULL;
	assert_int_equal(position_parse(SV("{\"version\":1,\"new\":{\"a\":[[1]],\"sent\":4},"
					   "\"dropped\":{\"later\":7,\"too_old\":2},"
					   "\"shards\":[[1,2,3,0]],\"more\":[[1,[2]]]}"),
					&p, NULL),
			 0);
	assert_int_equal(p.books.sent, 0);
	assert_int_equal(p.books.dropped[DROP_TOO_OLD], 2);
	/* Not lost, or the books would not add up. */
	assert_int_equal(books_dropped(&p.books), 9);
}

static void test_lowest_and_start(void **state)
{
	_cleanup_(position_deinit) struct position p = POSITION_NULL;
	assert_int_equal(position_start(&p, (struct wal_pos){3, 7, 11}, 3), 0);
	assert_int_equal(p.base, 11);
	p.shards[0].pos = (struct wal_pos){4, 1, 20};
	p.shards[1].pos = (struct wal_pos){3, 9, 15};
	p.shards[2].pos = (struct wal_pos){3, 100, 17};
	assert_int_equal(position_lowest(&p).sequence, 15);
}

/* The numbers stand in position files: they may never change. */
static void test_frame_shard_is_stable(void **state)
{
	static const uint32_t want[] = {0, 3, 2, 3};
	uint32_t seen[4] = {0};
	for (uint32_t f = 0; f < 4000; f++)
		seen[frame_shard(f, 4)]++;
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 900, 1100);
	for (uint32_t f = 0; f < 4; f++)
		assert_int_equal(frame_shard(f, 4), want[f]);
	assert_int_equal(frame_shard(1000000, 7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_versions_keys),
		cmocka_unit_test(test_lowest_and_start),
		cmocka_unit_test(test_frame_shard_is_stable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
