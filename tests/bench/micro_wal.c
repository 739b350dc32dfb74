/* The log's codec: what a sample costs on its way to disk and back, and how many bytes it takes
 * there. A round is a segment of LOAD_SCRAPES scrapes of one target: a full column each, then
 * changes. */
#include "micro.h"
#include "micro_load.h"

#include "../../src/wal/batch_codec.h"

#include <stdlib.h>

enum { OUT_MAX = 64 << 20, ROUND_SAMPLES = LOAD_SERIES * LOAD_SCRAPES };

static void encode_round(struct buf *out, struct frame_states *states)
{
	const struct micro_load *load = micro_load();
	buf_reset(out);
	frame_states_next_segment(states);
	for (uint64_t k = 0; k < LOAD_SCRAPES; k++)
		if (batch_encode(out, states, load->scrapes[k], k * LOAD_SERIES) != 0)
			abort();
}

static void encode(struct micro_run *run)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	_cleanup_(frame_states_deinit) struct frame_states states = FRAME_STATES_NULL;
	buf_init(&out, OUT_MAX);
	for (uint64_t k = 0; k < run->rounds; k++)
		encode_round(&out, &states);
	run->items_per_round = ROUND_SAMPLES;
	run->made_per_round = out.len;
}

static void decode_round(struct sv in, struct frame_states *states)
{
	frame_states_next_segment(states);
	while (in.len > 0) {
		_cleanup_(batch_unrefp) struct batch *b = batch_new(4 << 20);
		struct record record;
		struct batch_head head;
		size_t need;
		uint32_t lost;
		if (!b || record_get(in, &record, &need) != 0 ||
		    batch_decode(record.payload, states, b, &head, &lost) != 0 || lost)
			abort();
		micro_sink += b->n_samples;
		in = sv_from(in, record.bytes);
	}
}

static void decode(struct micro_run *run)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	_cleanup_(frame_states_deinit) struct frame_states writer = FRAME_STATES_NULL;
	_cleanup_(frame_states_deinit) struct frame_states reader = FRAME_STATES_NULL;
	buf_init(&out, OUT_MAX);
	encode_round(&out, &writer);
	for (uint64_t k = 0; k < run->rounds; k++)
		decode_round(buf_view(&out), &reader);
	run->items_per_round = ROUND_SAMPLES;
}

const struct micro_case micro_wal[] = {
	{"wal encode/sample", encode},
	{"wal check and decode/sample", decode},
	{NULL, NULL},
};
