/* Pools (one a job) and what they share. Private to the room.
 *
 * Everything runs on one loop. A target's life: made in a sync, armed for its phase, each turn
 * fetched (scraper.c), its page read (page.c), the batch put. When it goes, its owner waits for a
 * successor or for its end-of-run markers.
 */
#pragma once

#include "failure_log.h"
#include "metadata.h"
#include "page.h"
#include "target.h"

#include <ampagent/scrape.h>

struct dropped_target {
	struct labels discovered; /* owned */
};

struct pool {
	struct scrape *scrape;
	const struct scrape_options *opt; /* in the configuration that was applied last */
	uint64_t seed; /* of its targets' phases; stays when external labels change */
	struct failure_log *failures; /* NULL = not logged */
	struct target **targets;
	size_t n_targets;
	struct dropped_target *dropped; /* up to keep_dropped_targets */
	size_t n_dropped_kept, n_dropped;
	size_t n_failed;              /* entries no target could be made of */
	struct http_client **clients; /* one for each HTTP shard, made when needed */
	size_t n_clients;
	/* What the clients look at: a copy, made with the first of them. */
	struct http_options http;
	struct arena http_arena;
	bool http_copied;
	bool over_target_limit;
	bool held; /* begins no scrape: it is about to be changed */
	uint64_t syncs;
	uint64_t intervals; /* lengths between scrapes */
	double interval_sum_s;
};

struct http_shard {
	struct http_pool *pool;
	unsigned targets;
};

enum { SPARE_BUFS = 16 };

struct scrape {
	struct scrape_env env;
	struct scrape_features features;
	uint32_t next_frame, next_owner;
	uint64_t offset_seed; /* of pools made now */
	struct pool **pools;
	size_t n_pools;
	struct failure_logs failure_logs;
	struct http_shard *shards;
	size_t n_shards;
	struct owner **owners;
	size_t n_owners;
	struct map owner_index; /* by key, to places in owners */
	size_t n_orphans;       /* owners without a target */
	struct loop_timer orphan_timer;
	struct metadata_store metadata; /* of owners' pages */
	struct arena scratch;
	struct buf inflated; /* one page at a time */
	struct buf *spare[SPARE_BUFS];
	size_t n_spare;
	size_t in_flight;
	bool paused;
	uint32_t series_ends; /* common ends of series so far */
	uint64_t samples_put;
	uint64_t refused_queue, refused_clock; /* samples */
	uint64_t skipped_overlap;              /* scrapes */
};

struct pool *pool_new(struct scrape *s, const struct scrape_options *opt);
void pool_free(struct pool *p); /* its targets' owners become orphans */
/* Other options for the same job: all targets go, their owners wait for those that come next. */
void pool_reload(struct pool *p, const struct scrape_options *opt);
/* Makes the pool's targets those of the groups. */
void pool_sync(struct pool *p, const struct target_group *groups, size_t n);

/* ---- scraper.c ---- */
/* Arms the target's timer for its phase; for now when its predecessor's scrape was cut off in this
 * turn. */
void scraper_start(struct target *t);
void scraper_stop(struct target *t);

/* ---- owners (scrape.c) ---- */
/* The owner for a target's public labels, taken into use; with its lines when it was left for a
 * target of this page_hash. NULL without memory. */
struct owner *scrape_take_owner(struct scrape *s, struct labels labels, uint64_t page_hash);
/* The target is gone: markers follow unless somebody takes the owner over. page_hash: whom the
 * lines are kept for, 0 = nobody. */
void scrape_leave_owner(struct scrape *s, struct owner *o, const struct target *t,
			uint64_t page_hash);
struct buf *scrape_take_buf(struct scrape *s);
void scrape_return_buf(struct scrape *s, struct buf *b);
/* The HTTP client for one more target of the pool; *shard is to be given back. NULL: err. */
struct http_client *scrape_take_client(struct pool *p, int64_t interval_ms, unsigned *shard,
				       struct err *err);

/* ---- status.c ---- */
/* As a JSON object; what may be a password in an address is not shown. */
void scrape_write_labels(struct json_writer *w, struct labels set);
/* By name, the caller frees it. NULL without memory. */
struct pool **scrape_sorted_pools(const struct scrape *s);
