/* epochs: which rules (external labels, write relabeling) samples of the log are encoded by.
 *
 * A reload that changes a destination's rules holds from one place of the log on: what was scraped
 * before keeps the labels that it was scraped for, however late it is sent. Each epoch has images
 * of its own; the oldest goes when everything before its end is done.
 */
#pragma once

#include "images.h"

/* Reloads whose ends are still queued. One more joins the two oldest. */
enum { EPOCHS_MAX = 16 };

/* What keeps an epoch's rules alive; ref may be NULL: the caller does. */
struct rules_owner {
	void (*ref)(void *cls);
	void (*unref)(void *cls);
	void *cls;
};

struct epoch {
	struct images images;
	struct rules_owner owner;
	uint64_t until; /* sequence of the first sample of the next; UINT64_MAX = the present one */
};

struct epochs {
	struct epoch v[EPOCHS_MAX]; /* oldest first; the last is the present one */
	unsigned n;
};

void epochs_init(struct epochs *e, struct label_source source, const struct image_rules *rules,
		 const struct rules_owner *owner);
void epochs_deinit(struct epochs *e);
/* Other rules for samples from the sequence `at` on; at or below `done` nothing is left to encode
 * by the old ones. True when epochs had to be joined: samples of the oldest get the rules of the
 * one after it. */
bool epochs_change(struct epochs *e, const struct image_rules *rules,
		   const struct rules_owner *owner, uint64_t at, uint64_t done);
/* The present rules are the same but are kept elsewhere now. */
void epochs_renew(struct epochs *e, const struct image_rules *rules,
		  const struct rules_owner *owner);
/* The images for a sample; *until: the sequence at which they end. */
struct images *epochs_at(struct epochs *e, uint64_t sequence, uint64_t *until);
/* Samples below the sequence are done: their epochs go. */
void epochs_forget(struct epochs *e, uint64_t sequence);
void epochs_sweep(struct epochs *e, int64_t now_ms);
/* Some have more images than memory allows: sweep. */
bool epochs_overfull(const struct epochs *e);
/* Memory of all images. */
size_t epochs_bytes(const struct epochs *e);
