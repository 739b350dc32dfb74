/* Reading records of a file: large ones, damage in the middle, a limit that moves. */
#include "fixture.h"

#include <sys/mman.h>

#include "../../../src/wal/reader.h"
#include "../../../src/wal/store.h"

static void add(struct buf *out, uint8_t fill, size_t n)
{
	size_t start = record_begin(out, RECORD_BATCH);
	for (size_t i = 0; i < n; i++)
		buf_char(out, (char)fill);
	record_end(out, start);
}

static int file_of(const struct buf *b)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write_at(fd, buf_view(b), 0), 0);
	return fd;
}

/* The first bytes of the payloads that are read. */
static void assert_reads(struct reader *r, const char *want)
{
	struct record rec;
	uint64_t at;
	for (; *want; want++) {
		assert_int_equal(reader_next(r, &rec, &at), 0);
		assert_int_equal(rec.payload.ptr[0], *want);
	}
	assert_int_equal(reader_next(r, &rec, &at), 1);
}

static void records_of_any_size(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	buf_init(&b, 16 << 20);
	add(&b, 'a', 1);
	add(&b, 'b', 300 << 10);
	add(&b, 'c', 3 << 20);
	for (int i = 0; i < 1000; i++)
		add(&b, 'd', 700);
	add(&b, 'e', 5);
	reader_init(&r, file_of(&b), 0, b.len);
	char want[1010] = "abc";
	memset(want + 3, 'd', 1000);
	want[1003] = 'e';
	assert_reads(&r, want);
	assert_int_equal(r.skipped, 0);
	assert_int_equal(r.end, b.len);
}

static void damage_is_passed_over(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	buf_init(&b, 16 << 20);
	add(&b, 'a', 100);
	size_t second = b.len;
	add(&b, 'b', 500 << 10);
	size_t third = b.len;
	add(&b, 'c', 100);
	buf_append(&b, "\xf5\xfe\xf5rubbish\xf5\xfe", 12);
	add(&b, 'd', 100);
	b.ptr[second + 4000] ^= 1;
	reader_init(&r, file_of(&b), 0, b.len);
	assert_reads(&r, "acd");
	assert_int_equal(r.skipped, third - second + 12);
}

/* A length that was damaged must not swallow the rest. */
static void a_wrong_length_costs_one_record(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	buf_init(&b, 1 << 20);
	add(&b, 'a', 10);
	size_t second = b.len;
	add(&b, 'b', 10);
	add(&b, 'c', 10);
	for (unsigned byte = 3; byte < 7; byte++) {
		_cleanup_(reader_deinit) struct reader r = READER_NULL;
		b.ptr[second + byte] ^= 0x0f;
		reader_init(&r, file_of(&b), 0, b.len);
		assert_reads(&r, "ac");
		b.ptr[second + byte] ^= 0x0f;
	}
}

static void the_limit_can_be_raised(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	struct record rec;
	uint64_t at;
	buf_init(&b, 1 << 20);
	add(&b, 'a', 10);
	size_t first = b.len;
	add(&b, 'b', 10);
	reader_init(&r, file_of(&b), 0, first);
	assert_reads(&r, "a");
	r.limit = b.len;
	assert_int_equal(reader_next(&r, &rec, &at), 0);
	assert_int_equal(at, first);
	assert_int_equal(rec.payload.ptr[0], 'b');
}

static void a_file_shorter_than_said(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	buf_init(&b, 1 << 20);
	add(&b, 'a', 10);
	reader_init(&r, file_of(&b), 0, b.len + 5000);
	assert_reads(&r, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_any_size),
		cmocka_unit_test(damage_is_passed_over),
		cmocka_unit_test(a_wrong_length_costs_one_record),
		cmocka_unit_test(the_limit_can_be_raised),
		cmocka_unit_test(a_file_shorter_than_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
