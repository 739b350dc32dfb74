/* Framing and file headers. */
#include "fixture.h"

#include "../../../src/wal/codec.h"

static struct sv one_record(struct buf *out, uint8_t type, struct sv payload)
{
	size_t start = record_begin(out, type);
	buf_sv(out, payload);
	record_end(out, start);
	return sv_from(buf_view(out), start);
}

static void record_round_trip(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 1 << 20);
	const struct sv payloads[] = {SV(""), SV("x"), SV("a longer payload \xf5\xfe inside")};
	for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
		struct sv all = one_record(&out, RECORD_FRAME, payloads[i]);
		struct record rec;
		size_t need;
		assert_int_equal(record_get(all, &rec, &need), 0);
		assert_int_equal(rec.type, RECORD_FRAME);
		assert_true(sv_eq(rec.payload, payloads[i]));
		assert_int_equal(rec.bytes, all.len);
	}
}

static void every_cut_is_short(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 1 << 20);
	struct sv all = one_record(&out, RECORD_BATCH, SV("some payload"));
	for (size_t n = 0; n < all.len; n++) {
		struct record rec;
		size_t need = 0;
		assert_int_equal(record_get(sv_make(all.ptr, n), &rec, &need), RECORD_E_SHORT);
		assert_true(need > n && need <= all.len);
	}
}

static void every_flipped_bit_is_found(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 1 << 20);
	struct sv all = one_record(&out, RECORD_BATCH, SV("some payload"));
	for (size_t i = 0; i < all.len * 8; i++) {
		struct record rec;
		size_t need;
		out.ptr[i / 8] ^= (char)(1 << (i % 8));
		assert_int_not_equal(record_get(all, &rec, &need), 0);
		out.ptr[i / 8] ^= (char)(1 << (i % 8));
	}
}

static void header_round_trip(void **state)
{
	struct file_header h = {FILE_SEGMENT, 7, UINT64_C(1) << 40, -5, 100, 200}, got;
	uint8_t raw[FILE_HEADER_BYTES];
	file_header_put(raw, &h);
	assert_int_equal(file_header_get(raw, sizeof raw, FILE_SEGMENT, &got), 0);
	assert_int_equal(got.number, 7);
	assert_int_equal(got.sequence, UINT64_C(1) << 40);
	assert_int_equal(got.created_ms, -5);
	assert_int_equal(got.next_frame, 100);
	assert_int_equal(got.next_owner, 200);
	assert_int_equal(file_header_get(raw, sizeof raw, FILE_DEFS, &got), 1);
	assert_int_equal(file_header_get(raw, sizeof raw - 1, FILE_SEGMENT, &got), 1);
	for (size_t i = 0; i < sizeof raw; i++) {
		raw[i] ^= 0x10;
		assert_int_equal(file_header_get(raw, sizeof raw, FILE_SEGMENT, &got), 1);
		raw[i] ^= 0x10;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_round_trip),
		cmocka_unit_test(every_cut_is_short),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(header_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
