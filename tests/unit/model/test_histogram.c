/* Native histograms: tables by hand, and properties that hold for whatever is generated. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/number.h>
#include <ampagent/model/histogram.h>

enum { MAX_SPANS = 6, MAX_BUCKETS = 64 };

/* A histogram with arrays of its own. Buckets are counts, made into differences by take(). */
struct held {
	struct histogram h;
	struct histogram_span spans[HISTOGRAM_SIDES][MAX_SPANS];
	union histogram_number buckets[HISTOGRAM_SIDES][MAX_BUCKETS];
};

/* Spans as "offset:length ..." and counts as "1 2 ...". */
static void side_from(struct held *t, int side, const char *spans, const char *counts)
{
	struct histogram_side *s = &t->h.side[side];
	char *end;
	s->n_spans = s->n_buckets = 0;
	for (const char *p = spans; *p; p = end) {
		struct histogram_span *span = &t->spans[side][s->n_spans++];
		assert_true(s->n_spans <= MAX_SPANS);
		span->offset = (int32_t)strtol(p, &end, 10);
		assert_int_equal(*end, ':');
		span->length = (uint32_t)strtoul(end + 1, &end, 10);
		end += *end == ' ';
	}
	uint64_t last = 0;
	for (const char *p = counts; *p; p = end) {
		double count = strtod(p, &end);
		union histogram_number *b = &t->buckets[side][s->n_buckets++];
		assert_true(s->n_buckets <= MAX_BUCKETS);
		if (t->h.is_float) {
			b->f = count;
		} else {
			b->u = (uint64_t)(int64_t)count - last;
			last = (uint64_t)(int64_t)count;
		}
		end += *end == ' ';
	}
	s->spans = t->spans[side];
	s->buckets = t->buckets[side];
}

static void make(struct held *t, bool is_float, int schema, const char *spans, const char *counts)
{
	*t = (struct held){.h = {.schema = schema, .is_float = is_float}};
	side_from(t, HISTOGRAM_NEGATIVE, "", "");
	side_from(t, HISTOGRAM_POSITIVE, spans, counts);
}

static void side_is(const struct histogram *h, int side, const char *spans, const char *counts)
{
	struct held want;
	make(&want, h->is_float, h->schema, "", "");
	side_from(&want, side, spans, counts);
	const struct histogram_side *a = &h->side[side], *b = &want.h.side[side];
	assert_int_equal(a->n_spans, b->n_spans);
	assert_int_equal(a->n_buckets, b->n_buckets);
	for (uint32_t i = 0; i < a->n_spans; i++) {
		assert_int_equal(a->spans[i].offset, b->spans[i].offset);
		assert_int_equal(a->spans[i].length, b->spans[i].length);
	}
	for (uint32_t i = 0; i < a->n_buckets; i++)
		assert_true(a->buckets[i].u == b->buckets[i].u);
}

static const struct {
	const char *spans, *counts, *to_spans, *to_counts;
} compacts[] = {
	{"", "", "", ""},
	{"5:0", "", "", ""},
	{"-3:2 1:1", "4 5 6", "-3:2 1:1", "4 5 6"},
	{"0:2 0:1", "4 5 6", "0:3", "4 5 6"},
	{"2:1 3:0 0:2", "1 2 3", "2:1 3:2", "1 2 3"},
	{"2:0 3:0 1:2", "2 3", "6:2", "2 3"},
	{"0:3", "0 0 0", "", ""},
	{"1:4", "0 1 0 2", "2:1 1:1", "1 2"},
	{"1:2 4:3", "7 0 0 0 8", "1:1 7:1", "7 8"},
	{"1:1 1:2 1:1", "7 0 0 8", "1:1 4:1", "7 8"},
	{"1:2 1:2", "0 1 1 0", "2:1 1:1", "1 1"},
	{"0:1 1:0 -1:1", "1 2", "0:1 0:1", "1 2"},
	/* Offsets wrap around. */
	{"2147483647:2", "0 5", "-2147483648:1", "5"},
};

static void test_compact(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof compacts / sizeof compacts[0]; i++)
		for (int is_float = 0; is_float < 2; is_float++) {
			struct held t;
			make(&t, is_float, 0, compacts[i].spans, compacts[i].counts);
			side_from(&t, HISTOGRAM_NEGATIVE, compacts[i].spans, compacts[i].counts);
			struct held before = t;
			assert_int_equal(histogram_compact(&t.h, &arena), 0);
			for (int s = 0; s < HISTOGRAM_SIDES; s++)
				side_is(&t.h, s, compacts[i].to_spans, compacts[i].to_counts);
			/* The arrays that were there are as they were. */
			assert_memory_equal(t.spans, before.spans, sizeof t.spans);
			assert_memory_equal(t.buckets, before.buckets, sizeof t.buckets);
		}
	struct held t;
	make(&t, true, 0, "0:3", "1 -0 nan");
	assert_int_equal(histogram_compact(&t.h, &arena), 0);
	assert_int_equal(t.h.side[HISTOGRAM_POSITIVE].n_spans, 2);
	assert_true(isnan(t.h.side[HISTOGRAM_POSITIVE].buckets[1].f));
}

static const struct {
	int from, to;
	const char *spans, *counts, *to_spans, *to_counts;
} reductions[] = {
	{0, -1, "0:4", "1 2 3 4", "0:3", "1 5 4"},
	{0, -1, "1:4", "1 2 3 4", "1:2", "3 7"},
	{0, -2, "1:4", "1 2 3 4", "1:1", "10"},
	{8, 4, "-16:1 14:3", "5 1 2 3", "-1:3", "5 3 3"},
	{2, 1, "-4:2 0:1 6:1", "1 2 3 4", "-2:2 3:1", "1 5 4"},
	{2, 1, "1:1 5:1", "1 2", "1:1 2:1", "1 2"},
	{2, 1, "1:1 0:0 0:1", "1 2", "1:1", "3"},
	{8, -4, "-5000:1 10000:1", "1 2", "-1:1 2:1", "1 2"},
	/* Nothing to do, or not possible. */
	{1, 1, "1:2", "1 2", "1:2", "1 2"},
	{HISTOGRAM_SCHEMA_CUSTOM, -60, "1:2", "1 2", "1:2", "1 2"},
	{3, HISTOGRAM_SCHEMA_CUSTOM, "1:2", "1 2", "1:2", "1 2"},
	{3, 2, "1:2 -1:1", "1 2 3", "1:2 -1:1", "1 2 3"},
	{3, 2, "1:3", "1 2", "1:3", "1 2"},
};

static void test_reduce(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof reductions / sizeof reductions[0]; i++)
		for (int is_float = 0; is_float < 2; is_float++) {
			struct held t;
			make(&t, is_float, reductions[i].from, reductions[i].spans,
			     reductions[i].counts);
			struct held before = t;
			assert_int_equal(histogram_reduce(&t.h, reductions[i].to, &arena), 0);
			side_is(&t.h, HISTOGRAM_POSITIVE, reductions[i].to_spans,
				reductions[i].to_counts);
			assert_memory_equal(t.spans, before.spans, sizeof t.spans);
			assert_memory_equal(t.buckets, before.buckets, sizeof t.buckets);
		}
}

/* The first index beyond 32 bits still ends up beside the last one, the next far below it: that one
 * is dropped. A shift of more than all bits leaves the sign. */
static void test_reduce_of_indexes_that_wrap(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct held t;
	arena_init(&arena, 1 << 20);
	make(&t, false, 1, "2147483646:4", "1 2 3 4");
	assert_int_equal(histogram_reduce(&t.h, 0, &arena), 0);
	side_is(&t.h, HISTOGRAM_POSITIVE, "1073741823:2", "1 5");
	make(&t, false, 52, "-7:1 20:1", "1 2");
	assert_int_equal(histogram_reduce(&t.h, -4, &arena), 0);
	side_is(&t.h, HISTOGRAM_POSITIVE, "0:2", "1 2");
}

struct check_case {
	const char *what; /* in the message; NULL = accepted */
	bool is_float;
	int schema;
	double zero, count, sum;
	const char *spans, *counts, *negative_spans, *negative_counts;
};

#define CUSTOM HISTOGRAM_SCHEMA_CUSTOM

static const struct check_case checks[] = {
	{NULL, false, 0, 0, 0, 0, "", "", "", ""},
	{NULL, true, 0, 0, 0, 0, "", "", "", ""},
	{NULL, false, 8, 2, 9, 1, "-3:2", "1 2", "5:1", "4"},
	{NULL, false, -4, 2, 9, 1, "-3:2", "1 2", "5:1", "4"},
	{"schema 9", false, 9, 2, 9, 1, "-3:2", "1 2", "5:1", "4"},
	{"schema -5", true, -5, 2, 9, 1, "-3:2", "1 2", "5:1", "4"},
	{"schema -52", false, -52, 0, 0, 1, "", "", "", ""},
	{"not the count", false, 0, 2, 10, 1, "-3:2", "1 2", "5:1", "4"},
	{"not the count", false, 0, 2, 8, 1, "-3:2", "1 2", "5:1", "4"},
	{NULL, false, 0, 2, 10, NAN, "-3:2", "1 2", "5:1", "4"},
	{"above the count", false, 0, 2, 8, NAN, "-3:2", "1 2", "5:1", "4"},
	{NULL, true, 0, 2, 77, 1, "-3:2", "1 2", "5:1", "4"},
	{NULL, true, 0, 2, NAN, 1, "-3:2", "nan inf", "5:1", "4"},
	{"count -1", true, 0, 2, -1, 1, "-3:2", "1 2", "5:1", "4"},
	{"zero bucket", true, 0, -2, 1, 1, "-3:2", "1 2", "5:1", "4"},
	{"positive side: bucket 2", false, 0, 0, 3, 1, "-3:2", "1 -2", "5:1", "4"},
	{"negative side: bucket 1", true, 0, 0, 3, 1, "-3:2", "1 2", "5:1", "-0.5"},
	{"positive side: spans are for 3", false, 0, 0, 3, 1, "-3:3", "1 2", "", ""},
	{"negative side: spans are for 0", true, 0, 0, 3, 1, "", "", "", "1"},
	{"negative side: span 2", true, 0, 0, 3, 1, "", "", "0:1 -1:1", "1 1"},
	{"positive side: spans", false, 0, 0, 3, 1, "0:4294967295 0:3", "1 2", "", ""},
	{NULL, false, CUSTOM, 0, 3, 1, "0:2", "1 2", "", ""},
	{NULL, true, CUSTOM, 0, 3, 1, "1:1 0:1", "1 2", "", ""},
	{NULL, true, CUSTOM, 0, 3, 1, "0:1 1:2", "1 2 3", "", ""},
	{"too few", true, CUSTOM, 0, 3, 1, "1:1 1:2", "1 2 3", "", ""},
	{"too few", true, CUSTOM, 0, 3, 1, "2147483647:0 2147483647:0", "", "", ""},
	{"custom buckets: span 1", true, CUSTOM, 0, 3, 1, "-1:1", "1", "", ""},
	{"custom buckets: spans", true, CUSTOM, 0, 3, 1, "0:1", "1 1", "", ""},
	{"zero bucket", true, CUSTOM, 1, 3, 1, "0:1", "1", "", ""},
	{"zero bucket", false, CUSTOM, 1, 3, 1, "0:1", "1", "", ""},
	{"negative spans", false, CUSTOM, 0, 3, 1, "0:1", "1", "0:0", ""},
	{"negative buckets", false, CUSTOM, 0, 3, 1, "0:1", "1", "", "0"},
};

static void test_check(void **state)
{
	static const double bounds[] = {-INFINITY, 0, 1};
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		const struct check_case *c = &checks[i];
		struct held t;
		struct err err = ERR_NULL;
		make(&t, c->is_float, c->schema, c->spans, c->counts);
		side_from(&t, HISTOGRAM_NEGATIVE, c->negative_spans, c->negative_counts);
		t.h.sum_bits = bits_of_double(c->sum);
		if (c->is_float) {
			t.h.zero_count.f = c->zero;
			t.h.count.f = c->count;
		} else {
			t.h.zero_count.u = (uint64_t)c->zero;
			t.h.count.u = (uint64_t)c->count;
		}
		if (c->schema == CUSTOM) {
			t.h.bounds = bounds;
			t.h.n_bounds = 3;
		}
		assert_int_equal(histogram_check(&t.h, &err), c->what != NULL);
		if (c->what && !strstr(err.msg, c->what))
			fail_msg("%zu: %s", i, err.msg);
	}
}

static void test_check_of_bounds(void **state)
{
	static const struct {
		int schema;
		uint32_t n;
		double bounds[3], zero_threshold;
		const char *what;
	} cases[] = {
		{CUSTOM, 0, {0}, 0, NULL},
		{CUSTOM, 3, {-1, 0, 1}, 0, NULL},
		{CUSTOM, 3, {-1, 0, 1}, 1e-9, "zero threshold"},
		{CUSTOM, 2, {1, 1}, 0, "bound 2"},
		{CUSTOM, 2, {1, 0}, 0, "bound 2"},
		{CUSTOM, 2, {1, NAN}, 0, "not a number"},
		{CUSTOM, 1, {NAN}, 0, "not a number"},
		{CUSTOM, 2, {1, INFINITY}, 0, "+Inf"},
		{0, 1, {1}, 0, "no custom bounds"},
		{0, 0, {0}, 1, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = ERR_NULL;
		struct histogram h = {.schema = cases[i].schema,
				      .zero_threshold = cases[i].zero_threshold,
				      .bounds = cases[i].bounds,
				      .n_bounds = cases[i].n};
		assert_int_equal(histogram_check(&h, &err), cases[i].what != NULL);
		if (cases[i].what && !strstr(err.msg, cases[i].what))
			fail_msg("%zu: %s", i, err.msg);
	}
}

/* Counts that overflow wrap around in the sum. */
static void test_check_of_counts_that_wrap(void **state)
{
	struct held t;
	make(&t, false, 0, "0:3", "0 0 0");
	t.buckets[HISTOGRAM_POSITIVE][0].delta = INT64_MAX;
	t.h.count.u = (uint64_t)INT64_MAX * 3;
	assert_int_equal(histogram_check(&t.h, NULL), 0);
	t.h.count.u++;
	assert_int_equal(histogram_check(&t.h, NULL), 1);
	t.buckets[HISTOGRAM_POSITIVE][1].delta = 1;
	assert_int_equal(histogram_check(&t.h, NULL), 1);
}

static void test_schema_for_factor(void **state)
{
	static const struct {
		double factor;
		int schema;
	} cases[] = {{0, 8},      {1, 8},      {-3, 8},         {1.0027, 8}, {1.00272, 7},
		     {1.005, 7},  {1.006, 6},  {1.1, 2},        {1.5, 0},    {2, 0},
		     {2.001, -1}, {4, -1},     {4.01, -2},      {16, -2},    {17, -3},
		     {256, -3},   {65536, -4}, {65537, -4},     {1e300, -4}, {INFINITY, -4},
		     {NAN, -4},   {1.19, 1},   {1.189207115, 2}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(histogram_schema_for_factor(cases[i].factor), cases[i].schema);
}

static void test_limit(void **state)
{
	static const struct {
		int schema;
		uint64_t limit;
		int max_schema, result, to_schema;
		const char *to_spans, *to_counts;
	} cases[] = {
		{3, 0, 8, 0, 3, "1:8", "1 2 3 4 5 6 7 8"},
		{3, 8, 8, 0, 3, "1:8", "1 2 3 4 5 6 7 8"},
		{3, 7, 8, 0, 2, "1:4", "3 7 11 15"},
		{3, 3, 8, 0, 1, "1:2", "10 26"},
		{3, 1, 8, 0, 0, "1:1", "36"},
		{3, 0, 1, 0, 1, "1:2", "10 26"},
		{3, 1, 1, 0, 0, "1:1", "36"},
		{3, 0, 5, 0, 3, "1:8", "1 2 3 4 5 6 7 8"},
		{-4, 7, 8, 1, -4, "1:8", "1 2 3 4 5 6 7 8"},
		{-3, 3, 8, 1, -3, "1:8", "1 2 3 4 5 6 7 8"},
		{CUSTOM, 7, 2, 1, CUSTOM, "1:8", "1 2 3 4 5 6 7 8"},
		{CUSTOM, 8, 2, 0, CUSTOM, "1:8", "1 2 3 4 5 6 7 8"},
		/* Schemas to come are lowered by max_schema alone. */
		{9, 7, 8, 1, 9, "1:8", "1 2 3 4 5 6 7 8"},
		{9, 0, 8, 0, 9, "1:8", "1 2 3 4 5 6 7 8"},
		{9, 0, 7, 0, 7, "1:2", "10 26"},
		{53, 0, 7, 0, 53, "1:8", "1 2 3 4 5 6 7 8"},
		{-5, 0, -9, 0, -9, "1:1", "36"},
	};
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct held t;
		make(&t, i & 1, cases[i].schema, "1:8", "1 2 3 4 5 6 7 8");
		struct held before = t;
		assert_int_equal(histogram_limit(&t.h, cases[i].limit, cases[i].max_schema, &arena),
				 cases[i].result);
		assert_int_equal(t.h.schema, cases[i].to_schema);
		side_is(&t.h, HISTOGRAM_POSITIVE, cases[i].to_spans, cases[i].to_counts);
		assert_memory_equal(t.buckets, before.buckets, sizeof t.buckets);
	}
	struct held t;
	make(&t, false, 3, "1:2", "1 2");
	side_from(&t, HISTOGRAM_NEGATIVE, "1:2 2:1", "3 4 5");
	assert_int_equal(histogram_limit(&t.h, 4, 8, &arena), 0);
	side_is(&t.h, HISTOGRAM_POSITIVE, "1:1", "3");
	side_is(&t.h, HISTOGRAM_NEGATIVE, "1:1 1:1", "7 5");
	make(&t, false, 3, "1:2 -1:1", "1 2 3");
	assert_int_equal(histogram_limit(&t.h, 1, 2, &arena), 0);
	assert_int_equal(t.h.schema, 3);
}

static uint64_t random_next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *seed ^ *seed >> 32;
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(random_next(seed) >> 40) % n;
}

/* A histogram that histogram_check() takes. */
static void generate(struct held *t, uint64_t *seed)
{
	bool is_float = random_below(seed, 2);
	uint64_t total = random_below(seed, 4);
	make(t, is_float, (int)random_below(seed, 13) - 4, "", "");
	t->h.zero_count.u = total;
	if (is_float)
		t->h.zero_count.f = (double)total;
	for (int s = 0; s < HISTOGRAM_SIDES; s++) {
		struct histogram_side *side = &t->h.side[s];
		uint64_t last = 0;
		side->n_spans = random_below(seed, MAX_SPANS + 1);
		for (uint32_t i = 0; i < side->n_spans; i++) {
			struct histogram_span *span = &t->spans[s][i];
			span->offset = (int32_t)random_below(seed, 5) - (i == 0 ? 40 : 0);
			span->length = random_below(seed, MAX_BUCKETS / MAX_SPANS);
			for (uint32_t k = 0; k < span->length; k++) {
				union histogram_number *b = &t->buckets[s][side->n_buckets++];
				uint64_t count = random_below(seed, 3) ? random_below(seed, 9) : 0;
				if (is_float)
					b->f = (double)count / 4;
				else
					b->u = count - last;
				last = count;
				total += count;
			}
		}
	}
	if (is_float)
		t->h.count.f = (double)total;
	else
		t->h.count.u = total;
}

/* What is counted at each index, from -63 on. */
static void contents(const struct histogram *h, int side, double *at)
{
	const struct histogram_side *s = &h->side[side];
	int index = 64;
	uint32_t k = 0;
	uint64_t count = 0;
	memset(at, 0, 256 * sizeof *at);
	for (uint32_t i = 0; i < s->n_spans; i++) {
		index += s->spans[i].offset;
		for (uint32_t j = 0; j < s->spans[i].length; j++, index++, k++) {
			count += s->buckets[k].u;
			at[index] += h->is_float ? s->buckets[k].f : (double)count;
		}
	}
}

static void compact_has_the_same_contents(const struct held *t, struct arena *arena)
{
	struct histogram h = t->h;
	double before[256], after[256];
	assert_int_equal(histogram_compact(&h, arena), 0);
	assert_int_equal(histogram_check(&h, NULL), 0);
	for (int s = 0; s < HISTOGRAM_SIDES; s++) {
		uint32_t n = 0;
		contents(&t->h, s, before);
		contents(&h, s, after);
		assert_memory_equal(before, after, sizeof before);
		for (int i = 0; i < 256; i++)
			n += after[i] != 0;
		assert_int_equal(h.side[s].n_buckets, n);
		for (uint32_t i = 1; i < h.side[s].n_spans; i++)
			assert_true(h.side[s].spans[i].offset > 0);
	}
	struct histogram again = h;
	assert_int_equal(histogram_compact(&again, arena), 0);
	assert_true(histogram_eq(&h, &again));
}

static void reduce_keeps_the_counts(const struct held *t, int schema, struct arena *arena)
{
	struct histogram h = t->h;
	double before[256], after[256], want[256];
	assert_int_equal(histogram_reduce(&h, schema, arena), 0);
	assert_int_equal(h.schema, schema);
	assert_int_equal(histogram_check(&h, NULL), 0);
	/* Bucket i's upper bound is 2^(i * 2^-schema): it goes to the first that is not below. */
	int width = 1 << (t->h.schema - schema);
	for (int s = 0; s < HISTOGRAM_SIDES; s++) {
		contents(&t->h, s, before);
		contents(&h, s, after);
		memset(want, 0, sizeof want);
		for (int i = 0; i < 256; i++)
			want[64 + (int)ceil((i - 64) / (double)width)] += before[i];
		assert_memory_equal(want, after, sizeof want);
	}
}

static void test_properties(void **state)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < 3000; i++) {
		_cleanup_(arena_deinit) struct arena arena;
		struct held t;
		struct histogram copy, h;
		arena_init(&arena, 1 << 20);
		generate(&t, &seed);
		assert_int_equal(histogram_check(&t.h, NULL), 0);
		assert_int_equal(histogram_copy(&copy, &t.h, &arena), 0);
		compact_has_the_same_contents(&t, &arena);
		for (int schema = t.h.schema - 1; schema >= HISTOGRAM_SCHEMA_MIN; schema--)
			reduce_keeps_the_counts(&t, schema, &arena);
		h = t.h;
		uint32_t limit = 1 + random_below(&seed, 20);
		int max = (int)random_below(&seed, 13) - 4;
		int r = histogram_limit(&h, limit, max, &arena);
		uint32_t n = h.side[0].n_buckets + h.side[1].n_buckets;
		assert_int_equal(histogram_check(&h, NULL), 0);
		assert_true(r ? n > limit : n <= limit && h.schema <= (max < 8 ? max : 8));
		assert_true(histogram_eq(&copy, &t.h));
	}
}

/* Bytes that mean nothing: the sanitizers watch. */
static void test_hostile_spans(void **state)
{
	struct histogram h;
	struct held t;
	uint64_t seed = 77;
	for (int i = 0; i < 3000; i++) {
		_cleanup_(arena_deinit) struct arena arena;
		arena_init(&arena, 1 << 20);
		generate(&t, &seed);
		for (int s = 0; s < HISTOGRAM_SIDES; s++) {
			struct histogram_side *side = &t.h.side[s];
			for (uint32_t k = 0; k < side->n_spans; k++) {
				if (random_below(&seed, 3) == 0)
					t.spans[s][k].offset = (int32_t)random_next(&seed);
				if (random_below(&seed, 20) == 0)
					t.spans[s][k].length = (uint32_t)random_next(&seed);
			}
			for (uint32_t k = 0; k < side->n_buckets; k++)
				if (random_below(&seed, 8) == 0)
					t.buckets[s][k].u = random_next(&seed);
		}
		t.h.schema = random_below(&seed, 2) ? (int32_t)random_next(&seed) : 20;
		int to = random_below(&seed, 2) ? (int32_t)random_next(&seed) : -4;
		histogram_check(&t.h, NULL);
		h = t.h;
		assert_int_equal(histogram_compact(&h, &arena), 0);
		h = t.h;
		assert_int_equal(histogram_reduce(&h, to, &arena), 0);
		h = t.h;
		assert_true(histogram_limit(&h, random_below(&seed, 20), to, &arena) >= 0);
	}
}

static void test_without_memory(void **state)
{
	static const double bounds[] = {1, 2};
	struct held t;
	make(&t, false, 3, "1:8", "1 0 3 4 5 6 7 8");
	t.h.bounds = bounds;
	t.h.n_bounds = 2;
	for (size_t max = 0; max < 256; max += 16) {
		_cleanup_(arena_deinit) struct arena arena;
		struct histogram h;
		arena_init(&arena, max);
		for (int i = 0; i < 3; i++) {
			h = t.h;
			int r = i == 0   ? histogram_compact(&h, &arena)
				: i == 1 ? histogram_reduce(&h, 1, &arena)
					 : histogram_limit(&h, 2, 8, &arena);
			assert_true(r == (max < 64 + 64 ? ERR_NOMEM : 0));
			assert_true(histogram_eq(&h, &t.h) == (r != 0));
			arena_reset(&arena);
		}
		int r = histogram_copy(&h, &t.h, &arena);
		assert_true(r == (max < 16 + 64 + 16 ? ERR_NOMEM : 0));
	}
}

static void test_eq_sees_every_field(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	static const double bounds[] = {1, 2}, others[] = {1, 3};
	struct held t;
	struct histogram c;
	arena_init(&arena, 1 << 16);
	make(&t, false, 3, "1:3 2:1", "1 2 3 4");
	t.h.bounds = bounds;
	t.h.n_bounds = 2;
	assert_int_equal(histogram_copy(&c, &t.h, &arena), 0);
	assert_true(histogram_eq(&c, &t.h));
	assert_ptr_not_equal(c.bounds, t.h.bounds);
	assert_ptr_not_equal(c.side[1].spans, t.h.side[1].spans);
	assert_ptr_not_equal(c.side[1].buckets, t.h.side[1].buckets);
#define DIFFERS(change)                                                                            \
	do {                                                                                       \
		struct held saved = t;                                                             \
		change;                                                                            \
		assert_false(histogram_eq(&t.h, &c) || histogram_eq(&c, &t.h));                    \
		t = saved;                                                                         \
		assert_true(histogram_eq(&t.h, &c));                                               \
	} while (0)
	DIFFERS(t.h.schema++);
	DIFFERS(t.h.is_float = true);
	DIFFERS(t.h.reset = HISTOGRAM_GAUGE);
	DIFFERS(t.h.start_ms++);
	DIFFERS(t.h.sum_bits ^= 1);
	DIFFERS(t.h.zero_threshold = -0.0);
	DIFFERS(t.h.zero_count.u++);
	DIFFERS(t.h.count.u++);
	DIFFERS(t.h.bounds = others);
	DIFFERS(t.h.n_bounds--);
	DIFFERS(t.h.side[1].n_spans--);
	DIFFERS(t.h.side[1].n_buckets--);
	DIFFERS(t.spans[1][1].offset++);
	DIFFERS(t.spans[1][0].length++);
	DIFFERS(t.buckets[1][3].u++);
	DIFFERS(t.h.side[0] = t.h.side[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_reduce),
		cmocka_unit_test(test_reduce_of_indexes_that_wrap),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_of_bounds),
		cmocka_unit_test(test_check_of_counts_that_wrap),
		cmocka_unit_test(test_schema_for_factor),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_hostile_spans),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_eq_sees_every_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
