#include "../../../remotewrite/symbols.h"

#include "cmocka_all.h"
#include "remote.pb-c.h"

#include <stdio.h>

static uint32_t ref(struct symbols *t, struct sv s)
{
	uint32_t r = UINT32_MAX;
	assert_int_equal(symbols_ref(t, s, &r), 0);
	return r;
}

static void test_each_once(void **state)
{
	struct symbols *t = symbols_new();
	assert_non_null(t);
	symbols_reset(t);
	assert_int_equal(ref(t, SV("a")), 1);
	assert_int_equal(ref(t, SV("")), 0);
	assert_int_equal(ref(t, SV("b")), 2);
	assert_int_equal(ref(t, SV("a")), 1);
	assert_int_equal(ref(t, sv_make("a\0", 2)), 3);
	symbols_reset(t);
	assert_int_equal(ref(t, SV("")), 0);
	assert_int_equal(ref(t, SV("b")), 1);
	symbols_free(t);
}

static void name(char dst[32], unsigned i)
{
	snprintf(dst, 32, "%.*s%u", (int)(i % 20), "xxxxxxxxxxxxxxxxxxxx", i / 3);
}

static void check_table(const struct symbols *t, const uint32_t *refs, unsigned n)
{
	Standin__Request *m =
		standin__request__unpack(NULL, t->wire.len, (const uint8_t *)t->wire.ptr);
	assert_non_null(m);
	assert_int_equal(m->n_symbols, t->n);
	assert_int_equal(m->symbols[0].len, 0);
	for (unsigned i = 0; i < n; i++) {
		char text[32];
		name(text, i);
		assert_int_equal(m->symbols[refs[i]].len, strlen(text));
		assert_memory_equal(m->symbols[refs[i]].data, text, strlen(text));
	}
	standin__request__free_unpacked(m, NULL);
}

/* The table is valid protobuf, and every number leads to its string, however often it grew. */
static void test_wire(void **state)
{
	enum { N = 20000 };
	static uint32_t refs[N];
	struct symbols *t = symbols_new();
	for (int round = 0; round < 3; round++) {
		symbols_reset(t);
		for (unsigned i = 0; i < N; i++) {
			char text[32];
			name(text, i);
			refs[i] = ref(t, sv_of(text));
			assert_int_equal(ref(t, sv_of(text)), refs[i]);
		}
		check_table(t, refs, N);
		if (round == 1)
			symbols_shrink(t, 1024);
	}
	symbols_free(t);
}

static void test_full(void **state)
{
	struct symbols *t = symbols_new();
	uint32_t r;
	t->wire.max = 100;
	assert_int_equal(ref(t, SV("short")), 1);
	char text[200];
	memset(text, 'x', sizeof text);
	assert_true(symbols_ref(t, sv_make(text, sizeof text), &r) < 0);
	symbols_reset(t);
	assert_int_equal(ref(t, SV("again")), 1);
	symbols_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
