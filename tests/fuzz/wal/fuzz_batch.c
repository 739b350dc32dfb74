/* Batch payloads: whatever the bytes, reading stays inside them, and what is read can be written
 * and read again with the same result. The first byte says how many payloads the rest is cut into,
 * so that later ones meet the state that earlier ones left. */
#include <stdlib.h>

#include "../../../src/wal/batch_codec.h"

enum { BATCH_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
		if (b && batch_decode(payload, &states, b, &head, &lost) == 0)
			check_again(b, &out);
		at += n;
	}
	return 0;
}
