#include "check.h"

#include <ampagent/base/compress.h>

enum { BIG = 500000 };

static char page[BIG];

static void make_page(void)
{
	for (size_t i = 0; i < BIG; i++)
		page[i] = "http_requests_total{code=\"200\"} 1\n"[i * 7 % 34];
}

static void round_trips(void **state)
{
	for (size_t n = 0; n < BIG; n = n * 3 + 1) {
		_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
		_cleanup_(buf_deinit) struct buf back = BUF_NULL;
		buf_init(&packed, 1 << 20);
		buf_init(&back, n ? n : 1);
		assert_int_equal(gzip(&packed, sv_make(page, n)), 0);
		assert_int_equal(gunzip(&back, buf_view(&packed)), 0);
		assert_true(sv_eq(buf_view(&back), sv_make(page, n)));
	}
}

/* The size at the end is that of the last member only, so the first must grow. */
static void reads_several_members(void **state)
{
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&packed, 1 << 20);
	buf_init(&back, BIG + 100);
	gzip(&packed, sv_make(page, BIG));
	gzip(&packed, SV(""));
	gzip(&packed, SV("tail"));
	buf_sv(&back, SV("head"));
	assert_int_equal(gunzip(&back, buf_view(&packed)), 0);
	assert_int_equal(back.len, 4 + BIG + 4);
	assert_memory_equal(back.ptr, "head", 4);
	assert_memory_equal(back.ptr + 4, page, BIG);
	assert_memory_equal(back.ptr + 4 + BIG, "tail", 4);
}

static void has_a_maximum(void **state)
{
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&packed, 1 << 20);
	gzip(&packed, sv_make(page, BIG));
	buf_init(&back, BIG - 1);
	assert_int_equal(gunzip(&back, buf_view(&packed)), 2);
	buf_deinit(&back);
	buf_init(&back, 0);
	assert_int_equal(gunzip(&back, buf_view(&packed)), 2);
	/* A lie about the size changes nothing but is found. */
	memset(packed.ptr + packed.len - 4, 0, 4);
	buf_init(&back, BIG);
	assert_int_equal(gunzip(&back, buf_view(&packed)), 1);
	buf_deinit(&back);
	_cleanup_(buf_deinit) struct buf tight = BUF_NULL;
	buf_init(&tight, 20);
	assert_int_equal(gzip(&tight, sv_make(page, BIG)), 1);
}

static void refuses(void **state)
{
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&packed, 1 << 20);
	buf_init(&back, 1 << 20);
	gzip(&packed, sv_make(page, 5000));
	struct sv whole = buf_view(&packed);
	assert_int_equal(gunzip(&back, SV_NULL), 1);
	assert_int_equal(gunzip(&back, SV("plain text, not gzip at all")), 1);
	for (size_t n = 0; n < whole.len; n++) {
		buf_reset(&back);
		assert_int_equal(gunzip(&back, sv_make(whole.ptr, n)), 1);
	}
	packed.ptr[packed.len / 2] ^= 0x10;
	buf_reset(&back);
	assert_int_equal(gunzip(&back, buf_view(&packed)), 1);
	packed.ptr[packed.len / 2] ^= 0x10;
	buf_sv(&packed, SV("rubbish after the last member"));
	buf_reset(&back);
	assert_int_equal(gunzip(&back, buf_view(&packed)), 1);
}

int main(void)
{
	make_page();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(reads_several_members),
		cmocka_unit_test(has_a_maximum),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
