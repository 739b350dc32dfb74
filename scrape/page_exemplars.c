/* Exemplars of a sample: checked, and kept when they are new. */
#include "page_reader.h"

#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

/* Longer label sets are refused (OpenMetrics 1.0, exemplars), counted in characters. */
enum { LABELS_RUNES_MAX = 128 };

static size_t runes(struct sv s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

/* The labels sorted, in the batch: 0; 1 when the exemplar is refused; ERR_NOMEM. */
static int labels_of(struct reader *r, const struct page_exemplar *e, struct labels *out)
{
	struct label_builder b;
	size_t n = 0;
	label_builder_init(&b, r->env->scratch);
	for (size_t i = 0; i < e->n_labels; i++) {
		if (e->labels[i].value.len == 0)
			continue;
		n += runes(e->labels[i].name) + runes(e->labels[i].value);
		label_builder_push(&b, e->labels[i].name, e->labels[i].value);
	}
	if (n > LABELS_RUNES_MAX || label_builder_duplicate(&b).len > 0)
		return 1;
	return label_builder_finish(&b, &r->batch->arena, out) == 0 ? 0 : 1;
}

static uint64_t series_of(const struct reader *r)
{
	if (r->at.pending)
		return r->pending[r->at.ref].hash;
	return r->o->frames.v[r->at.ref >> 8].hash[r->at.ref & 255];
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
}

static int take_one(struct reader *r, const struct page_exemplar *e)
{
	struct labels labels;
	int result = labels_of(r, e, &labels);
	if (result != 0)
		return result < 0 ? result : 0;
	/* One without a time of its own is the same exemplar whenever it is scraped. */
	uint64_t hash = mix(mix(labels_hash(labels), e->bits), e->has_time ? (uint64_t)e->t_ms : 1);
	bool same = exemplar_memory_take(&r->o->exemplars, series_of(r), hash);
	/* No NaN is the same as another. */
	double value = double_of_bits(e->bits);
	if (same && value == value)
		return 0;
	struct exemplar_row *row = rows_add(&r->exemplars, sizeof *row);
	if (!row)
		return ERR_NOMEM;
	*row = (struct exemplar_row){
		.at = r->at,
		.e = {.t_ms = e->t_ms, .bits = e->bits, .labels = labels},
	};
	r->out->exemplars++;
	return 0;
}

/* In the order of time, then value: what is told twice in one page is told once. */
static int exemplar_cmp(const void *a, const void *b)
{
	const struct page_exemplar *x = a, *y = b;
	if (x->t_ms != y->t_ms)
		return x->t_ms < y->t_ms ? -1 : 1;
	double dx = double_of_bits(x->bits), dy = double_of_bits(y->bits);
	return dx < dy ? -1 : dx > dy;
}

int page_take_exemplars(struct reader *r, const struct page_exemplar *v, size_t n,
			bool of_histogram, int64_t sample_ms)
{
	if (n == 0 || !r->taken || !r->env->features || !r->env->features->exemplars)
		return 0;
	struct page_exemplar *sorted = arena_alloc(r->env->scratch, n * sizeof *sorted);
	if (!sorted)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		sorted[i] = v[i];
		if (!v[i].has_time)
			sorted[i].t_ms = sample_ms;
	}
	if (n > 1)
		qsort(sorted, n, sizeof *sorted, exemplar_cmp);
	for (size_t i = 0; i < n; i++) {
		/* A native histogram's must have times: repeated ones cannot be told from new ones
		 * else. */
		if (of_histogram && !sorted[i].has_time)
			continue;
		int result = take_one(r, &sorted[i]);
		if (result != 0)
			return result;
	}
	return 0;
}
