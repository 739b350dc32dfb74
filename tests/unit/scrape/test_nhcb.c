/* Classic histograms as native ones: tables by hand, then generated ones turned back. */
#include "../../../scrape/nhcb.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>

/* Parts as "bound=count", "count=n" and "sum=n", in the order they are added. */
static void add(struct nhcb *n, const char *parts)
{
	char *end;
	nhcb_reset(n);
	for (const char *p = parts; *p; p = end) {
		if (strncmp(p, "count=", 6) == 0) {
			assert_int_equal(nhcb_add_count(n, strtod(p + 6, &end)), 0);
		} else if (strncmp(p, "sum=", 4) == 0) {
			assert_int_equal(nhcb_add_sum(n, strtod(p + 4, &end)), 0);
		} else {
			double bound = strtod(p, &end);
			assert_int_equal(*end, '=');
			assert_int_equal(nhcb_add_bucket(n, bound, strtod(end + 1, &end)), 0);
		}
		end += *end == ' ';
	}
}

/* before, then the number. */
static size_t put(char *dst, size_t max, const char *before, double v)
{
	char number[NUMBER_MAX];
	number_format(number, v);
	return (size_t)snprintf(dst, max, "%s%s", before, number);
}

/* "int 7 sum 2.5 spans 0:1 bounds 1 2 buckets 3 4": buckets as counts, not differences. */
static const char *text_of(const struct histogram *h)
{
	static char text[2048];
	const struct histogram_side *s = &h->side[HISTOGRAM_POSITIVE];
	size_t n = 0, max = sizeof text;
	int64_t count = 0;
	double total = h->is_float ? h->count.f : (double)h->count.u;
	n += put(text + n, max - n, h->is_float ? "float " : "int ", total);
	n += put(text + n, max - n, " sum ", double_of_bits(h->sum_bits));
	n += (size_t)snprintf(text + n, max - n, " spans");
	for (uint32_t i = 0; i < s->n_spans; i++)
		n += (size_t)snprintf(text + n, max - n, " %d:%u", s->spans[i].offset,
				      s->spans[i].length);
	n += (size_t)snprintf(text + n, max - n, " bounds");
	for (uint32_t i = 0; i < h->n_bounds; i++)
		n += put(text + n, max - n, " ", h->bounds[i]);
	n += (size_t)snprintf(text + n, max - n, " buckets");
	for (uint32_t i = 0; i < s->n_buckets; i++) {
		count += h->is_float ? 0 : s->buckets[i].delta;
		n += put(text + n, max - n, " ", h->is_float ? s->buckets[i].f : (double)count);
	}
	assert_true(n < max);
	assert_int_equal(h->schema, HISTOGRAM_SCHEMA_CUSTOM);
	assert_int_equal(h->side[HISTOGRAM_NEGATIVE].n_spans, 0);
	assert_int_equal(h->side[HISTOGRAM_NEGATIVE].n_buckets, 0);
	return text;
}

static const struct {
	const char *parts, *text; /* NULL = no histogram */
} cases[] = {
	{"", "int 0 sum 0 spans bounds buckets"},
	{"sum=3", "int 0 sum 3 spans bounds buckets"},
	{"count=3", "int 3 sum 0 spans 0:1 bounds buckets 3"},
	{"count=3.5", "float 3.5 sum 0 spans 0:1 bounds buckets 3.5"},
	{"1=2 2=5 inf=9 count=9 sum=2.5", "int 9 sum 2.5 spans 0:3 bounds 1 2 buckets 2 3 4"},
	/* Without +Inf the count is what it holds, without a count the last bucket is. */
	{"1=2 2=5 count=9", "int 9 sum 0 spans 0:3 bounds 1 2 buckets 2 3 4"},
	{"1=2 2=5", "int 5 sum 0 spans 0:2 bounds 1 2 buckets 2 3"},
	{"1=2 inf=5", "int 5 sum 0 spans 0:2 bounds 1 buckets 2 3"},
	{"-inf=1 0=2 inf=4", "int 4 sum 0 spans 0:3 bounds -Inf 0 buckets 1 1 2"},
	/* Any order; what comes twice counts once. */
	{"inf=9 count=9 2=5 1=2 sum=1", "int 9 sum 1 spans 0:3 bounds 1 2 buckets 2 3 4"},
	{"1=2 3=5 2=4 inf=5", "int 5 sum 0 spans 0:3 bounds 1 2 3 buckets 2 2 1"},
	{"1=2 1=7 2=5 1=1 inf=5", "int 5 sum 0 spans 0:2 bounds 1 2 buckets 2 3"},
	{"1=2 count=1 count=2 sum=1 sum=5", "int 2 sum 5 spans 0:1 bounds 1 buckets 2"},
	/* Empty buckets: up to two in a row stay between others. */
	{"1=0 2=3 3=3 inf=4", "int 4 sum 0 spans 1:3 bounds 1 2 3 buckets 3 0 1"},
	{"1=1 2=1 3=1 4=2 inf=2", "int 2 sum 0 spans 0:4 bounds 1 2 3 4 buckets 1 0 0 1"},
	{"1=1 2=1 3=1 4=1 5=2 inf=2", "int 2 sum 0 spans 0:1 3:1 bounds 1 2 3 4 5 buckets 1 1"},
	{"1=1.5 2=1.5 3=2.5 inf=2.5", "float 2.5 sum 0 spans 0:1 1:1 bounds 1 2 3 buckets 1.5 1"},
	/* One part that is not whole makes all of them floats. */
	{"1=1 2=2.5 inf=3", "float 3 sum 0 spans 0:3 bounds 1 2 buckets 1 1.5 0.5"},
	{"1=1 inf=1e19", "float 1e+19 sum 0 spans 0:2 bounds 1 buckets 1 1e+19"},
	{"1=1 inf=inf", "float +Inf sum 0 spans 0:2 bounds 1 buckets 1 +Inf"},
	{"inf=9223372036854775808",
	 "float 9.223372036854776e+18 sum 0 spans 0:1 bounds buckets 9.223372036854776e+18"},
	{"inf=9007199254740992", "int 9.007199254740992e+15 sum 0 spans 0:1 bounds buckets "
				 "9.007199254740992e+15"},
	{"1=nan 2=3 inf=3", "float 3 sum 0 spans 0:2 bounds 1 2 buckets NaN NaN"},
	{"1=3 sum=nan", "int 3 sum NaN spans 0:1 bounds 1 buckets 3"},
	/* Contradictions. */
	{"1=3 2=2", NULL},
	{"2=3 1=4", NULL},
	{"1=3 3=5 2=2", NULL},
	{"1=3 3=5 2=6", NULL},
	{"1=-1", NULL},
	{"nan=1", NULL},
	{"count=-1", NULL},
	{"1=2 inf=3 count=4", NULL},
	{"1=2 inf=3 count=2", NULL},
	{"1=2 inf=3.5 count=3", NULL},
	{"1=nan", NULL},
	{"count=nan", NULL},
	{"1=2 inf=3 count=-4 count=3", NULL},
	{"1=3 2=2 sum=1 1=2", NULL},
};

static void test_convert(void **state)
{
	_cleanup_(nhcb_deinit) struct nhcb n = {0};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(arena_deinit) struct arena arena;
		struct histogram h;
		arena_init(&arena, 1 << 16);
		add(&n, cases[i].parts);
		assert_int_equal(nhcb_convert(&n, &arena, &h), cases[i].text == NULL);
		if (!cases[i].text)
			continue;
		assert_string_equal(text_of(&h), cases[i].text);
		assert_int_equal(histogram_check(&h, NULL), 0);
	}
}

/* Without +Inf, a count below the last bucket is nobody's contradiction here. */
static void test_a_count_below_the_buckets(void **state)
{
	_cleanup_(nhcb_deinit) struct nhcb n = {0};
	_cleanup_(arena_deinit) struct arena arena;
	struct histogram h;
	arena_init(&arena, 1 << 16);
	add(&n, "1=5 count=3");
	assert_int_equal(nhcb_convert(&n, &arena, &h), 0);
	assert_string_equal(text_of(&h), "int 3 sum 0 spans 0:2 bounds 1 buckets 5 -2");
	assert_int_equal(histogram_check(&h, NULL), 1);
	add(&n, "1=5.5 count=3");
	assert_int_equal(nhcb_convert(&n, &arena, &h), 0);
	assert_string_equal(text_of(&h), "float 3 sum 0 spans 0:2 bounds 1 buckets 5.5 -2.5");
	assert_int_equal(histogram_check(&h, NULL), 1);
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 32;
}

/* In any order the same comes out, and it adds up to what went in. */
static void test_generated_ones_come_back(void **state)
{
	_cleanup_(nhcb_deinit) struct nhcb n = {0}, shuffled = {0};
	uint64_t seed = 99;
	for (int round = 0; round < 2000; round++) {
		_cleanup_(arena_deinit) struct arena arena;
		struct histogram a, b;
		double counts[40];
		uint32_t order[40], len = 1 + (uint32_t)(random_next(&seed) % 40);
		double unit = round % 2 ? 1 : 0.25, count = 0;
		arena_init(&arena, 1 << 16);
		nhcb_reset(&n);
		nhcb_reset(&shuffled);
		for (uint32_t i = 0; i < len; i++) {
			if (random_next(&seed) % 2)
				count += unit * (double)(random_next(&seed) % 10);
			counts[i] = count;
			assert_int_equal(nhcb_add_bucket(&n, i, count), 0);
			uint32_t at = (uint32_t)(random_next(&seed) % (i + 1));
			order[i] = order[at];
			order[at] = i;
		}
		for (uint32_t i = 0; i < len; i++)
			assert_int_equal(nhcb_add_bucket(&shuffled, order[i], counts[order[i]]), 0);
		assert_int_equal(nhcb_convert(&n, &arena, &a), 0);
		assert_int_equal(nhcb_convert(&shuffled, &arena, &b), 0);
		assert_true(histogram_eq(&a, &b));
		assert_int_equal(histogram_check(&a, NULL), 0);
		assert_int_equal(a.n_bounds, len);
		double sum = 0, at[41] = {0};
		uint32_t bucket = 0;
		int64_t whole = 0;
		const struct histogram_side *s = &a.side[HISTOGRAM_POSITIVE];
		for (uint32_t i = 0, k = 0; i < s->n_spans; i++) {
			bucket += (uint32_t)s->spans[i].offset;
			for (uint32_t j = 0; j < s->spans[i].length; j++, k++) {
				whole += a.is_float ? 0 : s->buckets[k].delta;
				at[bucket++] = a.is_float ? s->buckets[k].f : (double)whole;
			}
		}
		for (uint32_t i = 0; i < len; i++) {
			sum += at[i];
			assert_true(sum == counts[i]);
		}
		assert_true(at[len] == 0);
	}
}

static void test_more_than_the_limit(void **state)
{
	_cleanup_(nhcb_deinit) struct nhcb n = {0};
	for (uint32_t i = 0; i < LIMIT_NHCB_BUCKETS; i++)
		assert_int_equal(nhcb_add_bucket(&n, i, i), 0);
	assert_false(n.broken);
	assert_int_equal(nhcb_add_bucket(&n, 0, 0), 0);
	assert_false(n.broken);
	assert_int_equal(nhcb_add_bucket(&n, LIMIT_NHCB_BUCKETS, LIMIT_NHCB_BUCKETS), 0);
	assert_true(n.broken);
	assert_int_equal(n.n, LIMIT_NHCB_BUCKETS);
	nhcb_reset(&n);
	assert_false(n.broken);
}

static void test_without_memory(void **state)
{
	_cleanup_(nhcb_deinit) struct nhcb n = {0};
	struct histogram h;
	for (size_t max = 0; max < 64; max += 16) {
		_cleanup_(arena_deinit) struct arena arena;
		arena_init(&arena, max);
		add(&n, "1=2 inf=5");
		assert_int_equal(nhcb_convert(&n, &arena, &h), max < 48 ? ERR_NOMEM : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_a_count_below_the_buckets),
		cmocka_unit_test(test_generated_ones_come_back),
		cmocka_unit_test(test_more_than_the_limit),
		cmocka_unit_test(test_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
