/* The images of one destination, by frame; those not used for a while are freed. */
#pragma once

#include "image.h"

#include <ampagent/base/map.h>

/* An image that missed three of its usual turns is freed, between these bounds: series that churn
 * must not leave their labels behind, and one that is scraped seldom is cheaper kept than made
 * anew. */
#define IMAGE_IDLE_MIN_MS 30000
#define IMAGE_IDLE_MS 600000

/* Where labels come from: wal_frame_labels(). */
struct label_source {
	uint16_t (*labels)(void *cls, uint32_t frame, uint16_t from,
			   void (*fn)(void *fcls, uint16_t slot, struct labels labels), void *fcls);
	void *cls;
};

struct images {
	struct label_source source;
	struct image_rules rules; /* borrowed */
	struct image **v;
	uint32_t n, cap;
	struct map index; /* frame to place in v */
	size_t bytes;
};

void images_init(struct images *t, struct label_source source);
void images_deinit(struct images *t);
/* New rules: all images are made again when next used. rules are borrowed until the next call. */
void images_rules(struct images *t, const struct image_rules *rules);
/* The image of a frame with at least n_slots slots, or with as many as the log knows. 0 or
 * ERR_NOMEM. */
int images_get(struct images *t, struct image_scratch *s, uint32_t frame, uint16_t n_slots,
	       int64_t now_ms, struct image **out);
/* What images of one set of rules may take: of the memory budget, if there is one. */
size_t images_max(void);
/* Frees what was not used for long; above images_max() also what was not used lately. */
void images_sweep(struct images *t, int64_t now_ms);
