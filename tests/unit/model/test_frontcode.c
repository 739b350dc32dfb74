/* Front coding: what comes back, what is refused, what it saves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/model/frontcode.h>

static size_t check(struct sv prev, struct sv cur)
{
	_cleanup_(buf_deinit) struct buf out;
	char dst[256];
	size_t len = 0;
	buf_init(&out, 4096);
	assert_int_equal(frontcode_put(&out, prev, cur), 0);
	const uint8_t *p = (const uint8_t *)out.ptr, *end = p + out.len;
	assert_ptr_equal(frontcode_get(p, end, prev, dst, sizeof dst, &len), end);
	assert_true(sv_eq(sv_make(dst, len), cur));
	/* Cut anywhere, or with too little room, it is refused. */
	for (size_t n = 0; n < out.len; n++)
		assert_null(frontcode_get(p, p + n, prev, dst, sizeof dst, &len));
	if (cur.len > 0)
		assert_null(frontcode_get(p, end, prev, dst, cur.len - 1, &len));
	return out.len;
}

static void strings_come_back(void **state)
{
	static const struct {
		const char *prev, *cur;
		size_t max;
	} cases[] = {
		{"", "", 3},
		{"", "abc", 6},
		{"abc", "", 3},
		{"abc", "abc", 3},
		{"abc", "abd", 4},
		{"xbc", "abc", 4},
		{"aaaa", "aaaaaa", 5},
		{"aaaaaa", "aaaa", 3},
		{"abcabc", "abc", 3},
		{"http_requests_total{code=200}", "http_requests_total{code=404}", 6},
		{"prefix_that_is_long_1_suffix_that_is_long",
		 "prefix_that_is_long_22_suffix_that_is_long", 5},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(check(sv_of(cases[i].prev), sv_of(cases[i].cur)) <= cases[i].max);
}

/* All pairs of short strings over two letters: prefixes and suffixes that could overlap. */
static void overlaps_come_back(void **state)
{
	char a[8], b[8];
	for (unsigned i = 1; i < 128; i++)
		for (unsigned k = 1; k < 128; k++) {
			size_t na = 0, nb = 0;
			for (unsigned v = i; v > 1; v >>= 1)
				a[na++] = v & 1 ? 'x' : 'y';
			for (unsigned v = k; v > 1; v >>= 1)
				b[nb++] = v & 1 ? 'x' : 'y';
			check(sv_make(a, na), sv_make(b, nb));
		}
}

static void a_full_buffer_is_told(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 5);
	assert_int_equal(frontcode_put(&out, SV_NULL, SV("ab")), 0);
	assert_int_equal(frontcode_put(&out, SV("ab"), SV("cd")), 1);
}

static void lies_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t n;
	} cases[] = {
		{{4, 0, 0}, 3},      /* prefix longer than what was before */
		{{0, 4, 0}, 3},      /* suffix too */
		{{2, 2, 0}, 3},      /* together */
		{{0, 0, 9, 'x'}, 4}, /* middle longer than the input */
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0}, 8}, /* huge */
	};
	char dst[64];
	size_t len;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_null(frontcode_get(cases[i].bytes, cases[i].bytes + cases[i].n, SV("abc"),
					  dst, sizeof dst, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_come_back),
		cmocka_unit_test(overlaps_come_back),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(lies_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
