/* Native histograms. Bucket indexes and counts wrap around as unsigned numbers do, which is what
 * Prometheus's integers do: what a hostile message adds up to is refused by histogram_check() in
 * both. */
#include <math.h>

#include <ampagent/base/number.h>
#include <ampagent/model/histogram.h>

/* Schemas that a later version may give a meaning to: a limit may lower them to a known one. */
enum { SCHEMA_MIN_RESERVED = -9, SCHEMA_MAX_RESERVED = 52 };

static int32_t wrap_add(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a + (uint32_t)b);
}

static bool is_exponential(int32_t schema)
{
	return schema >= HISTOGRAM_SCHEMA_MIN && schema <= HISTOGRAM_SCHEMA_MAX;
}

static uint64_t buckets_of_spans(const struct histogram_side *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->n_spans; i++)
		n += s->spans[i].length;
	return n;
}

/* What can be worked on: nothing else is ever changed, and histogram_check() refuses it. */
static bool fits(const struct histogram *h)
{
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		if (buckets_of_spans(&h->side[i]) != h->side[i].n_buckets)
			return false;
	return true;
}

static bool gaps_are_positive(const struct histogram *h)
{
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		for (uint32_t k = 1; k < h->side[i].n_spans; k++)
			if (h->side[i].spans[k].offset < 0)
				return false;
	return true;
}

static int check_spans(const struct histogram_side *s, uint32_t first, struct err *err)
{
	for (uint32_t i = first; i < s->n_spans; i++)
		if (s->spans[i].offset < 0)
			return err_set(err, 1, "span %u has the negative offset %d", i + 1,
				       s->spans[i].offset);
	uint64_t n = buckets_of_spans(s);
	if (n != s->n_buckets)
		return err_set(err, 1, "spans are for %llu buckets, but there are %u",
			       (unsigned long long)n, s->n_buckets);
	return 0;
}

static int check_counts(const struct histogram_side *s, uint64_t *sum, struct err *err)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < s->n_buckets; i++) {
		count += s->buckets[i].u;
		if ((int64_t)count < 0)
			return err_set(err, 1, "bucket %u has the negative count %lld", i + 1,
				       (long long)count);
		*sum += count;
	}
	return 0;
}

static int check_float_counts(const struct histogram_side *s, struct err *err)
{
	for (uint32_t i = 0; i < s->n_buckets; i++)
		if (s->buckets[i].f < 0)
			return err_set(err, 1, "bucket %u has the negative count %g", i + 1,
				       s->buckets[i].f);
	return 0;
}

static int check_bounds(const struct histogram *h, struct err *err)
{
	for (uint32_t i = 0; i < h->n_bounds; i++) {
		if (isnan(h->bounds[i]))
			return err_set(err, 1, "bound %u is not a number", i + 1);
		if (i > 0 && h->bounds[i] <= h->bounds[i - 1])
			return err_set(err, 1, "bound %u is %g, not above the one before, %g",
				       i + 1, h->bounds[i], h->bounds[i - 1]);
	}
	if (h->n_bounds > 0 && isinf(h->bounds[h->n_bounds - 1]) && h->bounds[h->n_bounds - 1] > 0)
		return err_set(err, 1, "the last bound is +Inf, which is not to be told");
	const struct histogram_side *s = &h->side[HISTOGRAM_POSITIVE];
	int r = check_spans(s, 0, err);
	if (r)
		return r;
	uint64_t reach = 0;
	for (uint32_t i = 0; i < s->n_spans; i++)
		reach += (uint64_t)s->spans[i].offset + s->spans[i].length;
	if (reach > (uint64_t)h->n_bounds + 1)
		return err_set(err, 1, "%u bounds are too few for spans that reach bucket %llu",
			       h->n_bounds, (unsigned long long)reach);
	return 0;
}

static int check_custom(const struct histogram *h, struct err *err)
{
	int r = check_bounds(h, err);
	if (!r && (h->is_float ? h->zero_count.f != 0 : h->zero_count.u != 0))
		r = err_set(err, 1, "the zero bucket is not empty");
	else if (!r && h->zero_threshold != 0)
		r = err_set(err, 1, "the zero threshold is not 0");
	else if (!r && h->side[HISTOGRAM_NEGATIVE].n_spans > 0)
		r = err_set(err, 1, "there are negative spans");
	else if (!r && h->side[HISTOGRAM_NEGATIVE].n_buckets > 0)
		r = err_set(err, 1, "there are negative buckets");
	if (r)
		err_prefix(err, "custom buckets");
	return r;
}

static const char *side_name(int side)
{
	return side == HISTOGRAM_POSITIVE ? "positive side" : "negative side";
}

static int check_exponential(const struct histogram *h, struct err *err)
{
	for (int i = HISTOGRAM_SIDES - 1; i >= 0; i--) {
		int r = check_spans(&h->side[i], 1, err);
		if (r) {
			err_prefix(err, "%s", side_name(i));
			return r;
		}
	}
	if (h->is_float && h->zero_count.f < 0)
		return err_set(err, 1, "the zero bucket has the negative count %g",
			       h->zero_count.f);
	if (h->n_bounds > 0)
		return err_set(err, 1, "schema %d has no custom bounds", h->schema);
	return 0;
}

static int check_sum_of_counts(const struct histogram *h, uint64_t in_buckets, struct err *err)
{
	uint64_t sum = in_buckets + h->zero_count.u;
	bool any = isnan(double_of_bits(h->sum_bits));
	if (any ? sum <= h->count.u : sum == h->count.u)
		return 0;
	return err_set(err, 1, "the buckets count %llu, which is %s the count, %llu",
		       (unsigned long long)sum, any ? "above" : "not",
		       (unsigned long long)h->count.u);
}

int histogram_check(const struct histogram *h, struct err *err)
{
	bool custom = h->schema == HISTOGRAM_SCHEMA_CUSTOM;
	if (!custom && !is_exponential(h->schema))
		return err_set(err, 1, "schema %d is neither %d to %d nor %d", h->schema,
			       HISTOGRAM_SCHEMA_MIN, HISTOGRAM_SCHEMA_MAX, HISTOGRAM_SCHEMA_CUSTOM);
	int r = custom ? check_custom(h, err) : check_exponential(h, err);
	if (r)
		return r;
	if (h->is_float && h->count.f < 0)
		return err_set(err, 1, "the count %g is negative", h->count.f);
	uint64_t sum = 0;
	for (int i = 0; i < HISTOGRAM_SIDES; i++) {
		r = h->is_float ? check_float_counts(&h->side[i], err)
				: check_counts(&h->side[i], &sum, err);
		if (r) {
			err_prefix(err, "%s", side_name(i));
			return r;
		}
	}
	return h->is_float ? 0 : check_sum_of_counts(h, sum, err);
}

/* One side's arrays while they are written. Both hold as many as there were buckets. */
struct draft {
	struct histogram_span *spans;
	union histogram_number *buckets;
	uint32_t n_spans, n_buckets;
};

static int draft_init(struct draft *d, uint32_t n, struct arena *arena)
{
	*d = (struct draft){NULL, NULL, 0, 0};
	if (n == 0)
		return 0;
	d->spans = arena_alloc(arena, n * sizeof *d->spans);
	d->buckets = arena_alloc(arena, n * sizeof *d->buckets);
	return d->spans && d->buckets ? 0 : ERR_NOMEM;
}

static struct histogram_side draft_side(const struct draft *d)
{
	return (struct histogram_side){d->spans, d->n_spans, d->buckets, d->n_buckets};
}

static bool is_compact(const struct histogram_side *s, bool is_float)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < s->n_spans; i++)
		if (s->spans[i].offset <= 0 || s->spans[i].length == 0)
			if (i > 0 || s->spans[i].length == 0)
				return false;
	for (uint32_t i = 0; i < s->n_buckets; i++) {
		count += s->buckets[i].u;
		if (is_float ? s->buckets[i].f == 0 : count == 0)
			return false;
	}
	return true;
}

static void compact_side(const struct histogram_side *s, bool is_float, struct draft *d)
{
	uint64_t count = 0, written = 0;
	uint32_t k = 0;
	int32_t gap = 0;
	bool run = false; /* the bucket before is the last one written */
	for (uint32_t i = 0; i < s->n_spans; i++) {
		gap = wrap_add(gap, s->spans[i].offset);
		if (s->spans[i].offset != 0)
			run = false;
		for (uint32_t j = 0; j < s->spans[i].length; j++, k++) {
			count += s->buckets[k].u;
			if (is_float ? s->buckets[k].f == 0 : count == 0) {
				gap = wrap_add(gap, 1);
				run = false;
				continue;
			}
			if (run)
				d->spans[d->n_spans - 1].length++;
			else
				d->spans[d->n_spans++] = (struct histogram_span){gap, 1};
			if (is_float)
				d->buckets[d->n_buckets++] = s->buckets[k];
			else
				d->buckets[d->n_buckets++].u = count - written;
			written = count;
			gap = 0;
			run = true;
		}
	}
}

int histogram_compact(struct histogram *h, struct arena *arena)
{
	struct histogram_side to[HISTOGRAM_SIDES];
	if (!fits(h))
		return 0;
	for (int i = 0; i < HISTOGRAM_SIDES; i++) {
		struct draft d;
		to[i] = h->side[i];
		if (is_compact(&h->side[i], h->is_float))
			continue;
		if (draft_init(&d, h->side[i].n_buckets, arena))
			return ERR_NOMEM;
		compact_side(&h->side[i], h->is_float, &d);
		to[i] = draft_side(&d);
	}
	memcpy(h->side, to, sizeof to);
	return 0;
}

/* Where a bucket lies in a schema that is lower by `by`. */
static int32_t lower_index(int32_t index, uint32_t by)
{
	return wrap_add(wrap_add(index, -1) >> (by > 31 ? 31 : by), 1);
}

/* The buckets of one side, `by` schemas lower. d may be the arrays that s has: nothing is written
 * before it was read. An index that wraps around below the one before is dropped, as Prometheus
 * drops it. */
static void reduce_side(const struct histogram_side *s, bool is_float, uint32_t by, struct draft *d)
{
	uint64_t count = 0, written = 0;
	uint32_t k = 0;
	int32_t index = 0, last = 0;
	d->n_spans = d->n_buckets = 0;
	for (uint32_t i = 0; i < s->n_spans; i++) {
		struct histogram_span span = s->spans[i];
		index = wrap_add(index, span.offset);
		for (uint32_t j = 0; j < span.length; j++, index = wrap_add(index, 1)) {
			union histogram_number b = s->buckets[k++];
			int32_t to = lower_index(index, by), next = wrap_add(last, 1);
			bool first = d->n_spans == 0;
			if (!first && to != last && to < next)
				continue;
			count += b.u;
			if (!first && to == last) {
				union histogram_number *sum = &d->buckets[d->n_buckets - 1];
				if (is_float)
					sum->f += b.f;
				else
					sum->u += count;
				written += count;
				continue;
			}
			if (!first && to == next)
				d->spans[d->n_spans - 1].length++;
			else
				d->spans[d->n_spans++] = (struct histogram_span){
					first ? to : wrap_add(to, -next), 1};
			d->buckets[d->n_buckets++].u = is_float ? b.u : count - written;
			written = count;
			last = to;
		}
	}
}

static bool can_reduce(const struct histogram *h, int schema)
{
	return h->schema != HISTOGRAM_SCHEMA_CUSTOM && schema != HISTOGRAM_SCHEMA_CUSTOM &&
	       schema < h->schema && fits(h) && gaps_are_positive(h);
}

static void reduce_into(struct histogram *h, int schema, struct draft *drafts)
{
	uint32_t by = (uint32_t)h->schema - (uint32_t)schema;
	for (int i = 0; i < HISTOGRAM_SIDES; i++) {
		reduce_side(&h->side[i], h->is_float, by, &drafts[i]);
		h->side[i] = draft_side(&drafts[i]);
	}
	h->schema = schema;
}

static int drafts_init(struct draft *drafts, const struct histogram *h, struct arena *arena)
{
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		if (draft_init(&drafts[i], h->side[i].n_buckets, arena))
			return ERR_NOMEM;
	return 0;
}

int histogram_reduce(struct histogram *h, int schema, struct arena *arena)
{
	struct draft drafts[HISTOGRAM_SIDES];
	if (!can_reduce(h, schema))
		return 0;
	if (drafts_init(drafts, h, arena))
		return ERR_NOMEM;
	reduce_into(h, schema, drafts);
	return 0;
}

int histogram_schema_for_factor(double factor)
{
	/* What a factor of 1 and below stands for: just more than what schema 8 gives. */
	if (factor <= 1)
		factor = 1.00271;
	double schema = floor(-log2(log2(factor)));
	if (schema >= HISTOGRAM_SCHEMA_MAX)
		return HISTOGRAM_SCHEMA_MAX;
	return schema > HISTOGRAM_SCHEMA_MIN ? (int)schema : HISTOGRAM_SCHEMA_MIN;
}

static bool is_above(const struct histogram *h, uint64_t limit)
{
	return limit > 0 && (uint64_t)h->side[HISTOGRAM_NEGATIVE].n_buckets +
					    h->side[HISTOGRAM_POSITIVE].n_buckets >
				    limit;
}

int histogram_limit(struct histogram *h, uint64_t limit, int max_schema, struct arena *arena)
{
	struct histogram to = *h;
	struct draft drafts[HISTOGRAM_SIDES];
	bool drafted = false;
	if (max_schema < HISTOGRAM_SCHEMA_MAX && to.schema > max_schema &&
	    to.schema >= SCHEMA_MIN_RESERVED && to.schema <= SCHEMA_MAX_RESERVED &&
	    can_reduce(&to, max_schema)) {
		if (drafts_init(drafts, h, arena))
			return ERR_NOMEM;
		reduce_into(&to, max_schema, drafts);
		drafted = true;
	}
	while (is_above(&to, limit)) {
		if (!is_exponential(to.schema) || to.schema == HISTOGRAM_SCHEMA_MIN)
			return 1;
		if (!can_reduce(&to, to.schema - 1))
			return 0; /* broken: histogram_check() says why */
		if (!drafted && drafts_init(drafts, h, arena))
			return ERR_NOMEM;
		drafted = true;
		reduce_into(&to, to.schema - 1, drafts);
	}
	*h = to;
	return 0;
}

/* NULL for nothing, so that it differs from memory that is gone. */
static int copy_array(const void **out, const void *from, uint32_t n, size_t size,
		      struct arena *arena)
{
	*out = NULL;
	if (n == 0)
		return 0;
	void *to = arena_alloc(arena, n * size);
	if (!to)
		return ERR_NOMEM;
	memcpy(to, from, n * size);
	*out = to;
	return 0;
}

int histogram_copy(struct histogram *out, const struct histogram *h, struct arena *arena)
{
	struct histogram to = *h;
	const void *p;
	for (int i = 0; i < HISTOGRAM_SIDES; i++) {
		const struct histogram_side *s = &h->side[i];
		if (copy_array(&p, s->spans, s->n_spans, sizeof *s->spans, arena))
			return ERR_NOMEM;
		to.side[i].spans = p;
		if (copy_array(&p, s->buckets, s->n_buckets, sizeof *s->buckets, arena))
			return ERR_NOMEM;
		to.side[i].buckets = p;
	}
	if (copy_array(&p, h->bounds, h->n_bounds, sizeof *h->bounds, arena))
		return ERR_NOMEM;
	to.bounds = p;
	*out = to;
	return 0;
}

static bool side_eq(const struct histogram_side *a, const struct histogram_side *b)
{
	if (a->n_spans != b->n_spans || a->n_buckets != b->n_buckets)
		return false;
	for (uint32_t i = 0; i < a->n_spans; i++)
		if (a->spans[i].offset != b->spans[i].offset ||
		    a->spans[i].length != b->spans[i].length)
			return false;
	for (uint32_t i = 0; i < a->n_buckets; i++)
		if (a->buckets[i].u != b->buckets[i].u)
			return false;
	return true;
}

bool histogram_eq(const struct histogram *a, const struct histogram *b)
{
	if (a->schema != b->schema || a->is_float != b->is_float || a->reset != b->reset ||
	    a->start_ms != b->start_ms || a->sum_bits != b->sum_bits ||
	    bits_of_double(a->zero_threshold) != bits_of_double(b->zero_threshold) ||
	    a->zero_count.u != b->zero_count.u || a->count.u != b->count.u ||
	    a->n_bounds != b->n_bounds)
		return false;
	for (uint32_t i = 0; i < a->n_bounds; i++)
		if (bits_of_double(a->bounds[i]) != bits_of_double(b->bounds[i]))
			return false;
	return side_eq(&a->side[HISTOGRAM_NEGATIVE], &b->side[HISTOGRAM_NEGATIVE]) &&
	       side_eq(&a->side[HISTOGRAM_POSITIVE], &b->side[HISTOGRAM_POSITIVE]);
}
