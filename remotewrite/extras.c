/* Both lists are sorted by frame and slot, so everything is found by halving; a batch without them
 * costs two comparisons. */
#include "extras.h"

#include <string.h>

static bool before(uint32_t frame, uint16_t slot, uint32_t at_frame, uint16_t at_slot)
{
	return at_frame != frame ? at_frame < frame : at_slot < slot;
}

/* The first exemplar at or after {frame, slot}. */
static size_t exemplar_from(const struct batch_exemplar *v, size_t n, uint32_t frame, uint16_t slot)
{
	size_t lo = 0;
	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		if (before(frame, slot, v[mid].frame, v[mid].slot))
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

static size_t start_from(const struct batch_start *v, size_t n, uint32_t frame, uint16_t slot)
{
	size_t lo = 0;
	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		if (before(frame, slot, v[mid].frame, v[mid].slot))
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

static void take(struct extras *x, uint16_t slot)
{
	if (slot < FRAME_SLOTS)
		x->carry[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/* What columns, rows and histograms before the item carry. */
static void take_earlier(struct extras *x, const struct batch *b, uint32_t frame, uint32_t item)
{
	if (item < b->n_columns)
		return;
	for (size_t i = 0; i < b->n_columns; i++)
		for (unsigned w = 0; b->columns[i].frame == frame && w < FRAME_SLOTS / 64; w++)
			x->carry[w] &= ~b->columns[i].present[w];
	uint32_t rest = item - (uint32_t)b->n_columns;
	for (uint32_t i = 0; i < rest && i < b->n_rows; i++)
		if (b->rows[i].frame == frame)
			take(x, b->rows[i].slot);
	for (size_t i = b->n_rows; i < rest; i++)
		if (b->histograms[i - b->n_rows].frame == frame)
			take(x, b->histograms[i - b->n_rows].slot);
}

void extras_find(struct extras *x, const struct batch *b, uint32_t frame, uint32_t item,
		 bool exemplars)
{
	x->n_exemplars = x->n_starts = 0;
	x->counts = (struct exemplar_counts){0};
	if (b->n_starts > 0) {
		size_t from = start_from(b->starts, b->n_starts, frame, 0);
		size_t to = from;
		while (to < b->n_starts && b->starts[to].frame == frame)
			to++;
		x->starts = b->starts + from;
		x->n_starts = (uint32_t)(to - from);
	}
	if (b->n_exemplars == 0 || !exemplars)
		return;
	size_t from = exemplar_from(b->exemplars, b->n_exemplars, frame, 0);
	size_t to = from;
	while (to < b->n_exemplars && b->exemplars[to].frame == frame)
		to++;
	x->exemplars = b->exemplars + from;
	x->n_exemplars = (uint32_t)(to - from);
	if (x->n_exemplars == 0)
		return;
	memset(x->carry, 0xff, sizeof x->carry);
	take_earlier(x, b, frame, item);
}

int64_t extras_start(const struct extras *x, uint16_t slot)
{
	if (x->n_starts == 0)
		return 0;
	size_t i = start_from(x->starts, x->n_starts, x->starts[0].frame, slot);
	return i < x->n_starts && x->starts[i].slot == slot ? x->starts[i].start_ms : 0;
}

const struct batch_exemplar *extras_exemplars(const struct extras *x, uint16_t slot, uint32_t *n)
{
	*n = 0;
	if (x->n_exemplars == 0 || slot >= FRAME_SLOTS || !(x->carry[slot / 64] >> (slot % 64) & 1))
		return NULL;
	size_t i = exemplar_from(x->exemplars, x->n_exemplars, x->exemplars[0].frame, slot);
	while (i + *n < x->n_exemplars && x->exemplars[i + *n].slot == slot)
		++*n;
	return *n > 0 ? x->exemplars + i : NULL;
}

void extras_carried(struct extras *x, uint16_t slot)
{
	take(x, slot);
}
