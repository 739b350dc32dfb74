/* Position files as the log reads them. */
#include "../../../remotewrite/position.h"

#include <ampagent/remotewrite.h>

#include "cmocka_all.h"

static int summarise(const char *text, struct wal_position_books *out, struct err *err)
{
	return remotewrite_position_reader.read(sv_of(text), out, err);
}

static void test_numbers(void **state)
{
	struct wal_position_books b;
	struct err err = ERR_NULL;
	assert_int_equal(summarise("{\"version\":1,\"destination\":\"d\",\"base\":-7,\"sent\":30,"
				   "\"dropped\":{\"too_old\":4,\"answered_400\":2,\"later\":5},"
				   "\"clean\":true,\"shards\":[[3,48,31,0],[2,99,28,6]],"
				   "\"former\":[[2,70,20,1]]}",
				   &b, &err),
			 0);
	assert_int_equal(b.base, -7);
	assert_int_equal(b.sent, 30);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.places[0].pos.segment, 3);
	assert_int_equal(b.places[1].pos.offset, 99);
	assert_int_equal(b.places[1].pos.sequence, 28);
	assert_int_equal(b.places[1].own, 6);
	assert_int_equal(b.n_former, 1);
	assert_int_equal(b.former[0].own, 1);
	/* By name; what is not known counts as well, or the books would not add up. */
	uint64_t dropped = 0;
	bool too_old = false;
	for (size_t i = 0; i < b.n_dropped; i++) {
		dropped += b.dropped[i].samples;
		too_old |= strcmp(b.dropped[i].reason, "too_old") == 0 && b.dropped[i].samples == 4;
	}
	assert_int_equal(b.n_dropped, 3);
	assert_int_equal(dropped, 11);
	assert_true(too_old);
	wal_position_books_deinit(&b);
	assert_null(b.places);
}

static void test_what_is_written_is_read(void **state)
{
	_cleanup_(position_deinit) struct position p = POSITION_NULL;
	_cleanup_(buf_deinit) struct buf text;
	struct wal_position_books b;
	struct err err = ERR_NULL;
	buf_init(&text, POSITION_BYTES);
	assert_int_equal(position_start(&p, (struct wal_pos){4, 48, 99}, 3), 0);
	p.books.sent = 8;
	p.unsettled = 12;
	for (int i = 0; i < DROP_REASONS_; i++)
		p.books.dropped[i] = (uint64_t)i + 1;
	assert_int_equal(position_write(&text, &p, SV("d")), 0);
	assert_int_equal(remotewrite_position_reader.read(buf_view(&text), &b, &err), 0);
	assert_int_equal(b.base, 99);
	assert_int_equal(b.unsettled, 12);
	assert_int_equal(b.n_dropped, DROP_REASONS_);
	for (int i = 0; i < DROP_REASONS_; i++) {
		assert_int_equal(b.dropped[i].samples, i + 1);
		assert_string_equal(b.dropped[i].reason, drop_reason_name((enum drop_reason)i));
	}
	assert_int_equal(b.n, 3);
	assert_int_equal(b.n_former, 0);
	wal_position_books_deinit(&b);
}

static void test_rubbish(void **state)
{
	struct wal_position_books b;
	struct err err = ERR_NULL;
	assert_int_equal(summarise("", &b, &err), 1);
	assert_int_equal(summarise("{\"version\":2,\"shards\":[[1,1,1,1]]}", &b, &err), 1);
	assert_true(strlen(err.msg) > 0);
	assert_int_equal(summarise("{\"version\":1,\"shards\":[]}", &b, &err), 1);
}

/* Frames are told apart as the shards that wrote the file did. */
static void test_shards(void **state)
{
	for (uint32_t frame = 0; frame < 1000; frame++)
		for (uint32_t n = 1; n < 9; n++)
			assert_int_equal(remotewrite_position_reader.shard(frame, n),
					 frame_shard(frame, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_shards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
