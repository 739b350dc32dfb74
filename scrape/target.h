/* A target: from what discovery says of it to the URL that is scraped and the labels it gives.
 * Source: prometheus scrape/target.go (PopulateLabels, offset, hash).
 */
#pragma once

#include "owner.h"

#include <ampagent/model/identity.h>
#include <ampagent/net/http_client.h>
#include <ampagent/scrape_options.h>

enum target_health { TARGET_UNKNOWN, TARGET_UP, TARGET_DOWN };

struct pool;

/* A target that is left out because memory has no room for it. */
struct quarantine {
	int64_t until_ms; /* monotonic; 0: it is not in quarantine */
	int64_t pause_ms; /* the last pause */
	unsigned strikes; /* pages in a row that were too large */
	bool held;        /* what is known of its series is not forgotten yet */
	char why[128];
};

/* What is said at most once a minute a target, however often it happens. */
enum target_warning {
	WARN_DUPLICATES,
	WARN_OUT_OF_ORDER,
	WARN_OUT_OF_BOUNDS,
	WARN_MEMORY,
	WARN_NEW_SERIES,
	TARGET_WARNINGS,
};

struct target {
	struct pool *pool;
	struct labels discovered; /* before relabeling, defaults filled in; owned */
	struct labels all;        /* after, __ labels kept: the identity; owned */
	struct labels labels;     /* the public ones; owned */
	char *url;
	uint64_t hash;
	uint64_t page_hash;  /* as hash, but without interval and timeout; never 0 */
	uint64_t plain_hash; /* as hash, before labels of the task's identity were added */
	int64_t interval_ms;
	int64_t timeout_ms;
	/* The job's unless the target's own labels say otherwise. */
	bool native_histograms, always_classic_histograms, convert_to_nhcb;
	bool local; /* goes when the agent goes: scraped once more then */
	bool keep;  /* during a sync: still there */

	struct owner *owner;
	struct loop_timer timer;
	struct http_transfer *transfer; /* NULL when none is under way */
	struct buf *body;
	struct http_client *client;
	unsigned http_shard;
	int64_t t_ms; /* timestamp of the scrape under way */
	int64_t start_ns;
	bool missed; /* its turn came while the pool was held */
	bool behind; /* its turn came while the last scrape was under way */
	bool last;   /* the scrape under way, or about to begin, is the one at the agent's stop */

	struct quarantine quarantine;
	uint64_t left_out; /* samples of new series on its last page that memory had no room for */
	enum target_health health;
	char last_error[256];
	int64_t last_scrape_ms; /* 0 = never */
	double last_duration_s;
	int64_t warn_again_ms[TARGET_WARNINGS]; /* monotonic */
};

enum target_verdict { TARGET_MADE, TARGET_DROPPED, TARGET_WAITS, TARGET_REFUSED, TARGET_NOMEM };

/* Makes a target of one entry of a group. scratch is reset. TARGET_MADE: *out is the caller's.
 * TARGET_DROPPED: relabeling drops it; *out has discovered only. TARGET_WAITS: it is the task's own
 * and which task this is is not known yet; *out has no labels and no hash but the plain one.
 * TARGET_REFUSED: err says why. identity NULL = none is asked for. */
enum target_verdict target_make(const struct scrape_options *opt, const struct identity *identity,
				struct labels group, struct labels entry, struct arena *scratch,
				struct target **out, struct err *err);
void target_free(struct target *t);
DEFINE_CLEANUP_PTR(struct target, target_free)

/* Milliseconds until the target's next turn: a fixed phase in its interval, from its hash and the
 * agent's seed, so that it keeps its phase across restarts and targets are spread evenly. */
int64_t target_offset_ms(const struct target *t, uint64_t seed, int64_t wall_ms);

/* ---- HTTP details (content.c) ---- */

/* The Accept header for the formats wanted. */
int scrape_accept_header(const struct scrape_options *opt, struct buf *out);
/* The format of an answer: its media type, else the fallback. 0, or 1 with the reason. */
int scrape_content_format(struct sv content_type, enum scrape_protocol fallback,
			  enum scrape_protocol *out, struct err *err);
