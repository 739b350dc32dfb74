/* Classic histograms into native ones with custom buckets. Buckets are kept sorted by bound and
 * checked against their neighbours when they come, since the first count of a bound wins and counts
 * that are not numbers compare with nothing. */
#include "nhcb.h"

#include <math.h>

#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>

/* Empty buckets in a row that cost less than a new span does. */
enum { KEPT_EMPTY = 2 };

void nhcb_deinit(struct nhcb *n)
{
	free(n->buckets);
	*n = (struct nhcb){0};
}

void nhcb_reset(struct nhcb *n)
{
	*n = (struct nhcb){.buckets = n->buckets, .cap = n->cap};
}

static int reserve(struct nhcb *n)
{
	if (n->n < n->cap)
		return 0;
	uint32_t cap = n->cap ? n->cap * 2 : 16;
	struct nhcb_bucket *buckets = realloc(n->buckets, cap * sizeof *buckets);
	if (!buckets)
		return ERR_NOMEM;
	n->buckets = buckets;
	n->cap = cap;
	return 0;
}

/* The first bucket whose bound is not below; most often there is none. */
static uint32_t find(const struct nhcb *n, double bound)
{
	uint32_t lo = 0, hi = n->n;
	if (n->n > 0 && n->buckets[n->n - 1].bound < bound)
		return n->n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (n->buckets[mid].bound < bound)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int nhcb_add_bucket(struct nhcb *n, double bound, double count)
{
	if (n->broken)
		return 0;
	if (isnan(bound) || count < 0) {
		n->broken = true;
		return 0;
	}
	uint32_t at = find(n, bound);
	if (at < n->n && n->buckets[at].bound == bound)
		return 0;
	if ((at > 0 && count < n->buckets[at - 1].count) ||
	    (at < n->n && count > n->buckets[at].count) || n->n == LIMIT_NHCB_BUCKETS) {
		n->broken = true;
		return 0;
	}
	if (reserve(n))
		return ERR_NOMEM;
	memmove(n->buckets + at + 1, n->buckets + at, (n->n - at) * sizeof *n->buckets);
	n->buckets[at] = (struct nhcb_bucket){bound, count};
	n->n++;
	return 0;
}

int nhcb_add_count(struct nhcb *n, double count)
{
	if (n->broken)
		return 0;
	if (count < 0) {
		n->broken = true;
		return 0;
	}
	n->count = count;
	n->has_count = true;
	return 0;
}

int nhcb_add_sum(struct nhcb *n, double sum)
{
	if (!n->broken)
		n->sum = sum;
	return 0;
}

/* The last bucket holds everything: where it is missing, it has the count. */
static int complete(struct nhcb *n)
{
	if (!n->has_count && n->n > 0)
		n->count = n->buckets[n->n - 1].count;
	n->has_count = true;
	if (n->n > 0 && n->buckets[n->n - 1].bound == INFINITY)
		return 0;
	if (reserve(n))
		return ERR_NOMEM;
	n->buckets[n->n++] = (struct nhcb_bucket){INFINITY, n->count};
	return 0;
}

/* Below 2^63, so that both signs of an integer can hold it. */
static bool is_whole(double d)
{
	return d < 0x1p63 && d == trunc(d);
}

static bool all_whole(const struct nhcb *n)
{
	for (uint32_t i = 0; i < n->n; i++)
		if (!is_whole(n->buckets[i].count))
			return false;
	return is_whole(n->count);
}

/* Bucket i's own count, which is below zero where the count contradicts the buckets. */
static int64_t whole_count(const struct nhcb *n, uint32_t i)
{
	int64_t before = i > 0 ? (int64_t)n->buckets[i - 1].count : 0;
	return (int64_t)n->buckets[i].count - before;
}

static double float_count(const struct nhcb *n, uint32_t i)
{
	return n->buckets[i].count - (i > 0 ? n->buckets[i - 1].count : 0);
}

/* How many buckets from i on are empty, and do not stay. */
static uint32_t empty_run(const struct nhcb *n, uint32_t i, bool is_float, bool at_start)
{
	uint32_t end = i;
	while (end < n->n && (is_float ? float_count(n, end) == 0 : whole_count(n, end) == 0))
		end++;
	bool stays = !is_float && !at_start && end < n->n && end - i <= KEPT_EMPTY;
	return stays ? 0 : end - i;
}

struct draft {
	struct histogram_span *spans;
	union histogram_number *buckets;
	uint32_t n_spans, n_buckets;
};

static void fill(const struct nhcb *n, bool is_float, struct draft *d)
{
	int64_t written = 0;
	int32_t gap = 0;
	uint32_t i = 0;
	while (i < n->n) {
		uint32_t empty = empty_run(n, i, is_float, d->n_spans == 0);
		if (empty > 0) {
			gap += (int32_t)empty;
			i += empty;
			continue;
		}
		if (gap > 0 || d->n_spans == 0)
			d->spans[d->n_spans++] = (struct histogram_span){gap, 0};
		gap = 0;
		d->spans[d->n_spans - 1].length++;
		union histogram_number *b = &d->buckets[d->n_buckets++];
		if (is_float) {
			b->f = float_count(n, i++);
		} else {
			int64_t count = whole_count(n, i++);
			/* Wraps for counts that are lies. */
			b->delta = (int64_t)((uint64_t)count - (uint64_t)written);
			written = count;
		}
	}
}

int nhcb_convert(struct nhcb *n, struct arena *arena, struct histogram *out)
{
	if (n->broken)
		return 1;
	if (complete(n))
		return ERR_NOMEM;
	bool is_float = !all_whole(n);
	if (n->count != n->buckets[n->n - 1].count)
		return 1;
	struct draft d = {
		.spans = arena_alloc(arena, n->n * sizeof *d.spans),
		.buckets = arena_alloc(arena, n->n * sizeof *d.buckets),
	};
	double *bounds = arena_alloc(arena, n->n * sizeof *bounds);
	if (!d.spans || !d.buckets || !bounds)
		return ERR_NOMEM;
	fill(n, is_float, &d);
	for (uint32_t i = 0; i + 1 < n->n; i++)
		bounds[i] = n->buckets[i].bound;
	*out = (struct histogram){
		.schema = HISTOGRAM_SCHEMA_CUSTOM,
		.is_float = is_float,
		.sum_bits = bits_of_double(n->sum),
		.side[HISTOGRAM_POSITIVE] = {d.spans, d.n_spans, d.buckets, d.n_buckets},
		.bounds = bounds,
		.n_bounds = n->n - 1,
	};
	if (is_float)
		out->count.f = n->count;
	else
		out->count.u = (uint64_t)n->count;
	return 0;
}
