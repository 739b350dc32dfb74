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
	size_t n_waiting;             /* entries held back until the task is known */
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

/* Going through owners that the log remembers and no target has taken (left.c). */
struct left {
	struct loop_timer timer;
	bool begun;
	int64_t from_ms;     /* monotonic: when discovery had told of all targets */
	uint32_t after;      /* owners up to this one have been looked at in this pass */
	int64_t next_ms;     /* when the first of those passed over are due; 0 = none */
	struct batch *batch; /* markers that the log did not take yet */
	uint64_t owners, samples;
};

struct scrape {
	struct scrape_env env;
	struct scrape_features features;
	struct identity identity; /* of targets made now; views into the arena */
	struct arena identity_arena;
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
	struct loop_timer memory_timer;
	enum budget_level shed;               /* what is given up now */
	struct scrape_features features_shed; /* then */
	size_t metadata_charged;              /* of the budget */
	uint64_t refused_new_series;          /* samples */
	uint64_t skipped_quarantine;          /* scrapes */
	/* The agent's stop (last.c), for good: when last scrapes must have ended (monotonic), and
	 * how many have not begun yet. */
	bool stopping;
	int64_t last_until_ms;
	size_t last_waiting;
	struct scrape_last last;
	struct left left;
	uint32_t series_ends; /* common ends of series so far */
	uint64_t samples_put;
	uint64_t refused_queue, refused_clock; /* samples */
	/* Monotonic; lines that speak for all targets. */
	int64_t clock_warn_again_ms, set_back_warn_again_ms, local_warn_again_ms;
	uint64_t skipped_overlap; /* scrapes */
};

struct pool *pool_new(struct scrape *s, const struct scrape_options *opt);
void pool_free(struct pool *p); /* its targets' owners become orphans */
/* Other options for the same job: all targets go, their owners wait for those that come next. */
void pool_reload(struct pool *p, const struct scrape_options *opt);
/* Makes the pool's targets those of the groups. */
void pool_sync(struct pool *p, const struct target_group *groups, size_t n);

/* ---- scraper.c ---- */
/* Notes what will not be in the log. */
void scrape_refuse(struct scrape *s, enum refused why, uint64_t scrapes, uint64_t samples);
/* Arms the target's timer for its phase; for now when its predecessor's scrape was cut off in this
 * turn. */
void scraper_start(struct target *t);
void scraper_stop(struct target *t);
/* Begins a request whose answer is a scrape at t->t_ms: 0, or not 0 with the reason. */
int scraper_request(struct target *t, int64_t timeout_ms, struct err *err);
/* Gives up the scrape under way. */
void scraper_cut_off(struct target *t);

/* ---- last.c ---- */
/* A scrape has ended: whether nothing of it is to be kept, because its target went first. */
bool scrape_last_discards(struct target *t, bool good);
/* The target is free: its last scrape begins, if it has one ahead. */
void scrape_last_follows(struct target *t);

/* ---- left.c ---- */
/* Writes the markers of all of them now, whenever they are due: 0; 1 when the log takes no more. */
int scrape_left_end(struct scrape *s);
void scrape_left_free(struct scrape *s);

/* ---- memory.c ---- */
void scrape_memory_begin(struct scrape *s);
void scrape_memory_end(struct scrape *s);
/* After metadata was kept or released. */
void scrape_charge_metadata(struct scrape *s);
/* Brings s->shed up to date, and gives up what it says. */
void scrape_look_at_memory(struct scrape *s);
/* The target's page is too large for memory: again, and it is left out for a while. */
void quarantine_strike(struct target *t, const char *why);
/* Whether its turn is left out, with the reason. */
bool quarantine_holds(struct target *t, struct err *err);
bool quarantine_is_in(const struct target *t);
/* The log has its scrape: memory of one left out is freed, a good page ends it. */
void quarantine_scraped(struct target *t, const struct page_env *env, bool good);
/* ampagent_target_quarantined. */
void scrape_memory_collect(struct scrape *s, struct metrics_writer *w);

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
