/* image: the remote-write label bytes of a frame's series, as one destination sends them.
 *
 * External labels are merged in (the series' own win), write relabeling is applied, labels are
 * sorted and coded as protobuf once. Neighbours of a frame share most of their bytes, so each slot
 * holds only what differs from the slot before: item = varint(shared at the start) varint(shared at
 * the end) varint(own) own bytes. A series then costs some 20 to 40 bytes here instead of some 200,
 * and encoding a sample is three copies out of the series before it.
 *
 * Invariants: items stand for slots 0 .. n_slots - 1 in order; a dropped slot has no item and is
 * not what the next one refers to.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/model/batch.h>
#include <ampagent/model/relabel.h>

struct image_rules {
	struct labels external;
	struct relabel_set *write_relabel; /* NULL = none; not owned */
};

struct image {
	uint32_t frame;
	uint16_t n_slots;
	uint32_t max_len;  /* longest label bytes of a slot */
	uint32_t last_len; /* of the youngest item */
	size_t len, cap;
	uint8_t *bytes;
	uint16_t proven;                     /* slots below it were taken by the peer before */
	int64_t used_ms;                     /* monotonic; when it was last encoded from */
	int64_t period_ms;                   /* between its last turns; 0 = not known */
	uint64_t dropped[FRAME_SLOTS / 64];  /* by write relabeling */
	uint64_t unusable[FRAME_SLOTS / 64]; /* larger than LIMIT_LABELS_BYTES after merging */
};

struct image *image_new(uint32_t frame);
void image_free(struct image *im);
DEFINE_CLEANUP_PTR(struct image, image_free)

/* Working memory for building and expanding, one for a whole thread. */
struct image_scratch {
	struct arena arena;
	struct label_builder builder;
	struct buf last; /* label bytes of the youngest item while adding */
	struct buf cur;
	struct buf expand[2]; /* slots that are passed over when encoding */
	struct buf series;    /* one TimeSeries of 2.0 */
	struct buf message;   /* one message inside a series: a histogram, an exemplar */
};
void image_scratch_init(struct image_scratch *s);
void image_scratch_deinit(struct image_scratch *s);
DEFINE_CLEANUP(struct image_scratch, image_scratch_deinit)

/* Adds slots in order: image_add_begin(), image_add() for n_slots, n_slots + 1, ...,
 * image_add_end(). 0 or ERR_NOMEM; the image stays whole either way. */
int image_add_begin(struct image *im, struct image_scratch *s);
int image_add(struct image *im, struct image_scratch *s, const struct image_rules *rules,
	      struct labels labels);
void image_add_end(struct image *im);

static inline bool image_bit(const uint64_t *bits, unsigned slot)
{
	return bits[slot / 64] >> (slot % 64) & 1;
}

/* Appends the protobuf Label fields (tag 1 of TimeSeries) of a sorted block. 0 or 1 when full. */
int image_put_labels(struct buf *out, struct labels set);

/* One item: reads the header at p. The caller knows that items are whole. */
struct image_item {
	uint32_t prefix, suffix, middle;
	const uint8_t *own;
};
const uint8_t *image_item_next(const uint8_t *p, struct image_item *out);

/* Memory held, for budgets. */
static inline size_t image_bytes(const struct image *im)
{
	return sizeof *im + im->cap;
}
