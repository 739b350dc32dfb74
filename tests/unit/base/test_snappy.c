#include "check.h"

#include <ampagent/base/compress.h>

static void round_trip(struct sv in)
{
	_cleanup_(buf_deinit) struct buf block = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&block, 1 << 22);
	buf_init(&back, in.len);
	assert_int_equal(snappy_block_compress(&block, in), 0);
	assert_int_equal(snappy_block_decompress(&back, buf_view(&block)), 0);
	assert_true(sv_eq(buf_view(&back), in));
}

static void round_trips(void **state)
{
	static char data[300000];
	uint64_t seed = 5;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = i % 1000 < 700 ? "metric_name"[i % 11] : (char)next_random(&seed);
	for (size_t n = 0; n < sizeof data; n = n * 2 + 1)
		round_trip(sv_make(data, n));
	round_trip(SV_NULL);
}

static void appends(void **state)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, 1000);
	buf_sv(&b, SV("head"));
	assert_int_equal(snappy_block_compress(&b, SV("body")), 0);
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&back, 8);
	buf_sv(&back, SV("head"));
	assert_int_equal(snappy_block_decompress(&back, sv_from(buf_view(&b), 4)), 0);
	assert_sv(buf_view(&back), "headbody");
}

/* The block itself must fit, not the worst case. */
static void compresses_up_to_the_maximum(void **state)
{
	char zeros[1000] = {0};
	_cleanup_(buf_deinit) struct buf roomy = BUF_NULL;
	buf_init(&roomy, 4096);
	assert_int_equal(snappy_block_compress(&roomy, sv_make(zeros, sizeof zeros)), 0);
	_cleanup_(buf_deinit) struct buf tight = BUF_NULL;
	buf_init(&tight, roomy.len);
	assert_int_equal(snappy_block_compress(&tight, sv_make(zeros, sizeof zeros)), 0);
	assert_true(sv_eq(buf_view(&tight), buf_view(&roomy)));
	_cleanup_(buf_deinit) struct buf small = BUF_NULL;
	buf_init(&small, roomy.len - 1);
	assert_int_equal(snappy_block_compress(&small, sv_make(zeros, sizeof zeros)), 1);
	assert_true(buf_failed(&small));
}

static void refuses(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 100);
	assert_int_equal(snappy_block_decompress(&out, SV_NULL), 1);
	assert_int_equal(snappy_block_decompress(&out, SV("\xff\xff\xff\xff\xff")), 1);
	/* Promises 4 bytes, brings 3. */
	assert_int_equal(snappy_block_decompress(&out, SV("\x04\x08xyz")), 1);
	/* Promises 2 GB in 6 bytes. */
	assert_int_equal(snappy_block_decompress(&out, SV("\x80\x80\x80\x80\x08\x00")), 1);
	assert_int_equal(out.len, 0);
	assert_false(buf_failed(&out));
	char text[101];
	memset(text, 'x', sizeof text);
	_cleanup_(buf_deinit) struct buf block = BUF_NULL;
	buf_init(&block, 1000);
	snappy_block_compress(&block, sv_make(text, sizeof text));
	assert_int_equal(snappy_block_decompress(&out, buf_view(&block)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(appends),
		cmocka_unit_test(compresses_up_to_the_maximum),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
