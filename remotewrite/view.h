/* view: what other threads see of a destination, copied once a turn. */
#pragma once

#include "destination.h"

#include <ampagent/remotewrite.h>

struct view {
	char name[64];
	char url[256];
	int64_t base;
	bool balanced; /* the books and what waits are what was read */
	struct books books;
	struct destination_stats stats;
	uint64_t pending;
	uint32_t shards, want_shards;
	uint64_t min_shards, max_shards, capacity, max_samples_per_send;
	unsigned flying;
	double pace; /* samples a second at most; 0 = as fast as it goes */
	int64_t age_limit_ms;
	int64_t backoff_ms; /* longest of the shards now */
	int64_t oldest_ms;  /* wall time of the oldest sample not delivered; 0 = none read */
	size_t images_bytes;
	bool has_error;
	char last_error[256];
	struct remotewrite_signing signing;
};

/* Its signing is another's to fill in. */
void view_fill(struct view *v, const struct destination *d);
/* Copied only when there is something new in it. */
void view_offenders(struct offenders *to, const struct destination *d);
uint64_t view_queued(const struct view *v, uint64_t head);
void view_status(const struct view *v, uint64_t head, struct remotewrite_status *out);
/* Family by family over all destinations. */
void view_collect(const struct view *v, size_t n, uint64_t head, int64_t wall_ms,
		  struct metrics_writer *w);
