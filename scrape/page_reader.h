/* A page being read: what page.c, page_labels.c and page_place.c share. */
#pragma once

#include "page.h"

struct pending {
	struct labels labels;
	uint64_t hash;
	uint64_t bits;
	int64_t last_ms; /* of its rows, or of its value; INT64_MIN when it has neither */
	uint32_t ref;    /* once placed */
	bool timed;      /* first seen with a timestamp of its own */
	bool has_value;
	bool has_row;
};

struct row {
	uint32_t ref; /* slot, or index of a pending series */
	bool pending;
	int64_t t_ms;
	uint64_t bits;
};

struct reader {
	struct owner *o;
	const struct page_env *env;
	struct batch *batch;
	struct page_result *out;
	struct err *err;
	const char *end;
	int64_t now_ms;
	uint32_t prev;    /* the line before */
	uint64_t offered; /* samples that count for sample_limit, kept or not */
	enum metric_type type;
	bool meta_changed;
	bool taken;   /* the last sample was kept */
	bool indexed; /* slot_index and pending_index are made */
	struct map slot_index;
	struct map pending_index;
	struct pending *pending;
	uint32_t n_pending, cap_pending;
	struct row *rows;
	size_t n_rows, cap_rows;
};

void page_reader_deinit(struct reader *r);
DEFINE_CLEANUP(struct reader, page_reader_deinit)

/* ---- page_labels.c ---- */

/* Final labels of a series text, made in the scratch arena: 0; 1 when the scrape must fail (err); 2
 * when relabeling drops the series; ERR_NOMEM. */
int final_labels(struct reader *r, struct sv text, struct labels *out);

/* ---- page_place.c ---- */

/* Keeps a sample with a time of its own. 0 or ERR_NOMEM. */
int push_row(struct reader *r, struct row row);
/* Where a new text's series is already: *ref is a slot (*is_pending false) or a pending series, or
 * SLOT_NONE. 0 or ERR_NOMEM. */
int find_series(struct reader *r, uint64_t hash, uint32_t *ref, bool *is_pending);
/* A series that has no slot yet; the labels are copied into the batch. 0 or ERR_NOMEM. */
int add_pending(struct reader *r, struct labels labels, uint64_t hash, bool timed, uint32_t *out);
/* What a good page brought goes into frames and the batch. 0 or ERR_NOMEM. */
int page_place(struct reader *r, struct sv page);
