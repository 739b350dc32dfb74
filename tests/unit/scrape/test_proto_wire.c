/* Fields, what is skipped and what is refused. */
#include "../../../scrape/proto_wire.h"

#include <ampagent/base/cleanup.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct proto_shape shape = {"M",
					 {[1] = PROTO_WANT_VARINT,
					  [2] = PROTO_WANT_FIXED64,
					  [3] = PROTO_WANT_BYTES,
					  [4] = PROTO_WANT_VARINTS,
					  [5] = PROTO_WANT_FIXED64S}};

/* The bytes in a heap block of their own, so that a read beyond them is seen. Returns the number
 * of known fields, or -2 when broken; the last field goes to f. */
static int count_fields(struct sv bytes, struct proto_field *f)
{
	_cleanup_(freep) char *copy = malloc(bytes.len ? bytes.len : 1);
	memcpy(copy, bytes.ptr, bytes.len);
	struct proto_wire w = proto_wire_of(sv_make(copy, bytes.len));
	struct err err = ERR_NULL;
	struct proto_field next;
	int n = 0, r;
	while ((r = proto_wire_next(&w, &shape, &next, &err)) == 0) {
		*f = next;
		n++;
	}
	if (r == 1)
		return n;
	assert_int_equal(r, 2);
	assert_memory_equal(err.msg, "M: ", 3);
	return -2;
}

static void values_are_read(void **state)
{
	struct proto_field f;
	assert_int_equal(count_fields(SV(""), &f), 0);
	assert_int_equal(count_fields(SV("\x08\x96\x01"), &f), 1);
	assert_int_equal(f.value, 150);
	assert_int_equal(count_fields(SV("\x11\x01\x02\x03\x04\x05\x06\x07\x88"), &f), 1);
	assert_true(f.value == UINT64_C(0x8807060504030201));
	assert_int_equal(count_fields(SV("\x1a\x03"
					 "abc"
					 "\x08\x05"),
				      &f),
			 2);
	assert_int_equal(f.value, 5);
}

static void varints_have_ten_bytes_at_most(void **state)
{
	struct proto_field f;
	assert_int_equal(count_fields(SV("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &f), 1);
	assert_true(f.value == UINT64_MAX);
	/* Bits above 64 fall away. */
	assert_int_equal(count_fields(SV("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e"), &f), 1);
	assert_true(f.value == 0);
	assert_int_equal(count_fields(SV("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), &f),
			 -2);
	/* Longer than need be is fine. */
	assert_int_equal(count_fields(SV("\x88\x80\x00\x85\x00"), &f), 1);
	assert_int_equal(f.value, 5);
	/* A field number keeps 32 bits. */
	assert_int_equal(count_fields(SV("\x88\x80\x80\x80\x80\x01\x07"), &f), 1);
	assert_int_equal(f.number, 1);
}

static void unknown_fields_are_skipped(void **state)
{
	struct proto_field f;
	/* 6: varint, 7: fixed64, 8: bytes, 9: fixed32, then a known one. */
	assert_int_equal(count_fields(SV("\x30\xff\x01"
					 "\x39"
					 "12345678"
					 "\x42\x02"
					 "ab"
					 "\x4d"
					 "1234"
					 "\x08\x01"),
				      &f),
			 1);
	assert_int_equal(f.number, 1);
	/* A number beyond every shape. */
	assert_int_equal(count_fields(SV("\xf8\xff\xff\xff\x3f\x01\x08\x01"), &f), 1);
}

static void groups_are_skipped_whole(void **state)
{
	struct proto_field f;
	assert_int_equal(count_fields(SV("\x33\x08\x01\x34\x08\x02"), &f), 1);
	assert_int_equal(f.value, 2);
	/* Nested, with every type inside; neither field numbers nor the pairing of ends matter. */
	assert_int_equal(count_fields(SV("\x33\x3b\x00\x01"
					 "\x01"
					 "12345678"
					 "\x1a\x01"
					 "x"
					 "\x05"
					 "1234"
					 "\x0c\x0c\x08\x02"),
				      &f),
			 1);
	assert_int_equal(count_fields(SV("\x33\x3b\x3c"), &f), -2);
	assert_int_equal(count_fields(SV("\x33"), &f), -2);
	assert_int_equal(count_fields(SV("\x34"), &f), -2);
	assert_int_equal(count_fields(SV("\x33\x06\x34"), &f), -2);
	/* A known field is not a group. */
	assert_int_equal(count_fields(SV("\x0b\x0c"), &f), -2);
}

static void deep_groups_take_no_stack(void **state)
{
	enum { DEPTH = 1 << 20 };
	_cleanup_(freep) char *bytes = malloc(2 * DEPTH);
	memset(bytes, 0x33, DEPTH);
	memset(bytes + DEPTH, 0x34, DEPTH);
	struct proto_field f;
	assert_int_equal(count_fields(sv_make(bytes, 2 * DEPTH), &f), 0);
	assert_int_equal(count_fields(sv_make(bytes, 2 * DEPTH - 1), &f), -2);
}

static void what_is_broken_is_refused(void **state)
{
	static const struct sv broken[] = {
		SV("\x08"),     /* no value */
		SV("\x08\x80"), /* value cut */
		SV("\x80"),     /* tag cut */
		SV("\x11"
		   "1234567"), /* fixed64 cut */
		SV("\x1a\x04"
		   "abc"),                                          /* bytes cut */
		SV("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* length -1 */
		SV("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),     /* length 2^63 - 1 */
		SV("\x35"
		   "123"),                      /* fixed32 cut */
		SV("\x00\x00"),                 /* number 0 */
		SV("\x80\x80\x80\x80\x40\x00"), /* number -2^31 */
		SV("\x0e\x00"),
		SV("\x0f\x00"),
		SV("\x36\x00"),
		SV("\x37\x00"), /* types 6, 7 */
		SV("\x09"
		   "12345678"), /* field 1 as fixed64 */
		SV("\x10\x01"), /* field 2 as varint */
		SV("\x18\x01"), /* field 3 as varint */
		SV("\x21"
		   "12345678"), /* field 4 as fixed64 */
		SV("\x28\x01"), /* field 5 as varint */
		SV("\x1d"
		   "1234"), /* field 3 as fixed32 */
	};
	struct proto_field f;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		if (count_fields(broken[i], &f) != -2)
			fail_msg("case %zu is accepted", i);
}

/* The last number of a packed field may reach beyond it. */
static void packed_numbers(void **state)
{
	struct proto_wire w = proto_wire_of(SV("\x22\x03\x01\x02\x83\x01\x08\x07"));
	struct proto_field f;
	assert_int_equal(proto_wire_next(&w, &shape, &f, NULL), 0);
	assert_int_equal(f.type, PROTO_BYTES);
	const char *stop = proto_wire_unpack(&w, &f);
	uint64_t v[4] = {0};
	unsigned n = 0;
	while (w.p < stop)
		assert_true(n < 4 && proto_wire_varint(&w, &v[n++]));
	assert_int_equal(n, 3);
	assert_true(v[0] == 1 && v[1] == 2 && v[2] == 131);
	assert_int_equal(proto_wire_next(&w, &shape, &f, NULL), 0);
	assert_true(f.number == 1 && f.value == 7);
	assert_int_equal(proto_wire_next(&w, &shape, &f, NULL), 1);
}

static void random_bytes_stay_inside(void **state)
{
	uint64_t x = 88172645463325252;
	for (int i = 0; i < 20000; i++) {
		char bytes[24];
		size_t n = 0;
		for (; n < sizeof bytes; n++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			bytes[n] = (char)(x & 1 ? x >> 8 & 0x3f : x >> 8);
		}
		struct proto_field f;
		int r = count_fields(sv_make(bytes, x >> 20 & 15), &f);
		assert_true(r == -2 || (r >= 0 && r <= 12));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(varints_have_ten_bytes_at_most),
		cmocka_unit_test(unknown_fields_are_skipped),
		cmocka_unit_test(groups_are_skipped_whole),
		cmocka_unit_test(deep_groups_take_no_stack),
		cmocka_unit_test(what_is_broken_is_refused),
		cmocka_unit_test(packed_numbers),
		cmocka_unit_test(random_bytes_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
