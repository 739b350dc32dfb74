/* What arrived: counts, and for each series which of its samples are missing, doubled or late. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct books;

/* interval_ms: distance of two samples of a series; 0 = learned from each series' first two. cheap:
 * only counts. NULL when memory is gone; freed with books_free(). */
struct books *books_new(int64_t interval_ms, bool cheap);
void books_free(struct books *b);
/* Reads a decompressed remote write 1.0 request: 0, or 1 when it is not one (what came before the
 * broken place is counted). */
int books_take(struct books *b, const char *raw, size_t len);

struct books_totals {
	uint64_t samples; /* staleness markers not included */
	uint64_t reports; /* of these: up and scrape_..., which the scraper makes itself */
	uint64_t stale, histograms, exemplars, metadata;
	uint64_t timeseries; /* messages */
	uint64_t series;     /* distinct label sets */
	uint64_t missing;    /* gaps between samples that came, by spacing */
	uint64_t doubled, out_of_order;
	int64_t newest_ms;
};
void books_totals(const struct books *b, struct books_totals *out);
