/* Batches: one scrape of one target, handed over whole. */
#include <ampagent/model/batch.h>

const char *metric_type_name(enum metric_type t)
{
	static const char *const names[] = {
		[METRIC_UNKNOWN] = "unknown",
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
		[METRIC_GAUGEHISTOGRAM] = "gaugehistogram",
		[METRIC_SUMMARY] = "summary",
		[METRIC_INFO] = "info",
		[METRIC_STATESET] = "stateset",
	};
	return (unsigned)t < sizeof names / sizeof names[0] ? names[t] : names[METRIC_UNKNOWN];
}

struct batch *batch_new(size_t max)
{
	struct batch *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->refs = 1;
	b->bytes = sizeof *b;
	arena_init_in(&b->arena, max, BUDGET_BATCHES);
	return b;
}

struct batch *batch_ref(struct batch *b)
{
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

void batch_unref(struct batch *b)
{
	/* The last holder must see what the others did with the batch before it frees it. */
	if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	arena_deinit(&b->arena);
	free(b);
}

/* Bits at and above n_slots mean nothing: they are cleared so that no reader trips over them. */
static uint16_t column_count_present(struct batch_column *c)
{
	unsigned n = 0;
	for (unsigned w = 0; w < FRAME_SLOTS / 64; w++) {
		unsigned left = c->n_slots > w * 64 ? c->n_slots - w * 64 : 0;
		if (left < 64)
			c->present[w] &= (UINT64_C(1) << left) - 1;
		n += (unsigned)__builtin_popcountll(c->present[w]);
	}
	return (uint16_t)n;
}

void batch_seal(struct batch *b)
{
	size_t n = b->n_rows + b->n_histograms;
	for (size_t i = 0; i < b->n_columns; i++) {
		b->columns[i].n_present = column_count_present(&b->columns[i]);
		n += b->columns[i].n_present;
	}
	b->n_samples = (uint32_t)n;
	b->bytes = sizeof *b + arena_held(&b->arena);
}
