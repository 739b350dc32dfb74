/* Batch payloads: whatever the bytes, reading stays inside them, and what is read can be written
 * and read again with the same result. The first byte says how many payloads the rest is cut into,
 * so that later ones meet the state that earlier ones left. */
#include <ampagent/base/number.h>
#include <stdlib.h>

#include "../../../src/wal/batch_codec.h"

enum { BATCH_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_histogram_side(const struct histogram_side *a, const struct histogram_side *b)
{
	if (a->n_spans != b->n_spans || a->n_buckets != b->n_buckets)
		abort();
	for (uint32_t i = 0; i < a->n_spans; i++)
		if (a->spans[i].offset != b->spans[i].offset ||
		    a->spans[i].length != b->spans[i].length)
			abort();
	for (uint32_t i = 0; i < a->n_buckets; i++)
		if (a->buckets[i].u != b->buckets[i].u)
			abort();
}

static void check_histogram(const struct batch_histogram *a, const struct batch_histogram *b)
{
	const struct histogram *x = &a->h, *y = &b->h;
	if (a->frame != b->frame || a->slot != b->slot || a->t_ms != b->t_ms ||
	    x->schema != y->schema || x->is_float != y->is_float || x->reset != y->reset ||
	    x->start_ms != y->start_ms || x->sum_bits != y->sum_bits ||
	    bits_of_double(x->zero_threshold) != bits_of_double(y->zero_threshold) ||
	    x->zero_count.u != y->zero_count.u || x->count.u != y->count.u ||
	    x->n_bounds != y->n_bounds)
		abort();
	for (uint32_t i = 0; i < x->n_bounds; i++)
		if (bits_of_double(x->bounds[i]) != bits_of_double(y->bounds[i]))
			abort();
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		check_histogram_side(&x->side[i], &y->side[i]);
}

static void check_side_lists(const struct batch *a, const struct batch *b)
{
	if (a->n_histograms != b->n_histograms || a->n_exemplars != b->n_exemplars ||
	    a->n_starts != b->n_starts)
		abort();
	for (size_t i = 0; i < a->n_histograms; i++)
		check_histogram(&a->histograms[i], &b->histograms[i]);
	for (size_t i = 0; i < a->n_exemplars; i++) {
		const struct batch_exemplar *x = &a->exemplars[i], *y = &b->exemplars[i];
		if (x->frame != y->frame || x->slot != y->slot || x->t_ms != y->t_ms ||
		    x->bits != y->bits || !labels_eq(x->labels, y->labels))
			abort();
	}
	for (size_t i = 0; i < a->n_starts; i++)
		if (a->starts[i].frame != b->starts[i].frame ||
		    a->starts[i].slot != b->starts[i].slot ||
		    a->starts[i].start_ms != b->starts[i].start_ms)
			abort();
}

static void check_again(const struct batch *b, struct buf *out)
{
	_cleanup_(frame_states_deinit) struct frame_states enc = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states dec = FRAME_STATES_NULL;
	_cleanup_(batch_unrefp) struct batch *got = batch_new(BATCH_MAX);
	struct batch_head head;
	struct record rec;
	uint32_t lost;
	size_t need;
	if (!got || !batch_sound(b))
		abort();
	buf_reset(out);
	if (batch_encode(out, &enc, b, 5))
		return;
	if (out->len > batch_encoded_max(b))
		abort();
	if (record_get(buf_view(out), &rec, &need) ||
	    batch_decode(rec.payload, &dec, got, &head, &lost))
		abort();
	if (lost || got->n_samples != b->n_samples || got->n_columns != b->n_columns ||
	    got->n_rows != b->n_rows || got->n_metadata != b->n_metadata)
		abort();
	for (size_t i = 0; i < b->n_columns; i++)
		for (unsigned s = 0; s < b->columns[i].n_slots; s++)
			if (b->columns[i].present[s / 64] >> (s % 64) & 1 &&
			    b->columns[i].values[s] != got->columns[i].values[s])
				abort();
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].bits != got->rows[i].bits || b->rows[i].t_ms != got->rows[i].t_ms)
			abort();
	check_side_lists(b, got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(frame_states_deinit) struct frame_states states = FRAME_STATES_NULL;
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, BATCH_MAX);
	if (size == 0)
		return 0;
	size_t pieces = 1 + data[0] % 4, at = 1;
	for (size_t i = 0; i < pieces; i++) {
		size_t n = i + 1 == pieces ? size - at : (size - at) / (pieces - i);
		_cleanup_(batch_unrefp) struct batch *b = batch_new(BATCH_MAX);
		struct batch_head head;
		uint32_t lost;
		struct sv payload = sv_make((const char *)data + at, n);
		if (b && batch_decode(payload, &states, b, &head, &lost) == 0) {
			/* Histograms need no state, so nothing of them is ever lost. */
			if (b->n_samples + lost != head.n_samples ||
			    b->n_histograms != head.n_histograms)
				abort();
			check_again(b, &out);
		}
		at += n;
	}
	return 0;
}
