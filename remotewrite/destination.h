/* destination: one remote_write block at work: reads the log, keeps its shards sending, stores its
 * place.
 *
 * A machine driven from outside: destination_turn() does everything that can be done now and says
 * when it wants to be called again; answers come in through the send seam's callback. It has no
 * clock, no socket and no file: the log and sending are function tables, so that tests run it
 * whole.
 */
#pragma once

#include "age.h"
#include "answer.h"
#include "epochs.h"
#include "metadata.h"
#include "offenders.h"
#include "pace.h"
#include "progress.h"
#include "reshard.h"
#include "shed.h"

#include <ampagent/remotewrite_options.h>

/* ---- seams ---- */

struct log_seam {
	/* 0 or negative; reading begins at from, or the nearest place that is still there. */
	int (*open)(void *cls, struct wal_pos from);
	/* As wal_cursor_next(): 0, 1 or negative. */
	int (*next)(void *cls, struct batch **out);
	struct wal_pos (*pos)(void *cls);
	struct wal_pos (*head)(void *cls);
	struct wal_pos (*tail)(void *cls);
	/* Moves the head's sequence up to at least this: 0, or 1 when it is too late for that. */
	int (*advance)(void *cls, uint64_t sequence);
	void (*hold)(void *cls, struct wal_pos pos);
	/* The position file: 0; 1 when there is none or it cannot be stored, 2 when it cannot be
	 * read, with the reason. */
	int (*load)(void *cls, struct buf *out, struct err *err);
	int (*store)(void *cls, struct sv content, struct err *err);
	/* Frames below it are there already; NULL = none is. */
	uint32_t (*next_frame)(void *cls);
	struct label_source labels;
	void *cls;
};

struct send_request {
	enum remotewrite_protocol protocol;
	struct sv body; /* stays until done or cancelled */
	/* Hex SHA-256 of body once known, else ""; HASH_HEX bytes; stays as body does. */
	char *hash;
	unsigned attempt; /* 0 = first */
	int64_t wall_ms;
	int64_t timeout_ms;
};
enum { HASH_HEX = 65 };

typedef void (*send_done)(void *cls, const struct http_answer *answer, struct sv body);

struct send_seam {
	/* done is called once, later, never from inside; 1 with the reason: it is not. */
	int (*start)(void *cls, struct send_request *req, send_done done, void *done_cls,
		     void **flight, struct err *err);
	void (*cancel)(void *cls, void *flight);
	void *cls;
	/* The peer does not know the keys, or they have expired: true when others are there now.
	 * NULL = there are never others. */
	bool (*refresh)(void *cls);
	/* Whether other keys are there than those that refresh() was last called for. NULL = never.
	 */
	bool (*other_keys)(void *cls);
	/* From inside done: what the time that the request was signed with was ahead of this
	 * machine's clock. NULL = it was this machine's. */
	int64_t (*signed_ahead_ms)(void *cls);
};

/* Who runs the destination. */
struct host_seam {
	void (*wake)(void *cls); /* a turn is wanted soon */
	void (*now)(void *cls, int64_t *mono_ms, int64_t *wall_ms);
	void *cls;
};

/* A request with room for one more sample of any size, and for snappy's worst case. */
#define WORKSPACE_BYTES (2 * SEND_RAW_BYTES)

/* What all destinations of a thread share. */
struct workspace {
	struct buf raw;    /* a request before compression */
	struct buf packed; /* and after it */
	struct image_scratch scratch;
	struct metadata_table metadata;
	struct symbols *symbols; /* made when a destination of 2.0 first needs it */
};
void workspace_init(struct workspace *w);
void workspace_deinit(struct workspace *w);

/* ---- settings ---- */

/* Views and pointers stay valid until the next destination_configure(). */
struct destination_config {
	struct sv name, url; /* url without user info: for people */
	struct sv key;       /* names the position file */
	int64_t timeout_ms;
	struct queue_options queue;
	struct metadata_options metadata;
	enum remotewrite_protocol protocol;
	bool send_exemplars, send_native_histograms;
	bool failed_request_logging;
	struct image_rules rules;
	struct rules_owner rules_owner; /* keeps them for samples that were scraped under them */
	struct send_seam send;
};

/* ---- state ---- */

enum slot_state {
	SLOT_IDLE,    /* no request; not before retry_at */
	SLOT_FLYING,  /* body is on its way; flight is set */
	SLOT_WAITING, /* body waits for retry_at */
};

struct destination;

struct slot {
	struct destination *d;
	uint32_t index;
	enum slot_state state;
	bool metadata;
	enum remotewrite_protocol protocol; /* of body */
	bool maybe_repeated;                /* what is below start_head may have been sent before */
	struct buf body;
	char hash[HASH_HEX];
	struct built built;
	size_t raw_bytes;
	unsigned attempt;
	bool probe;                      /* the first one with new series after a while without */
	bool clock_corrected, refreshed; /* for this request, which an answer asked for */
	int64_t keys_look_at;            /* keys were refused: when to look for others; 0 = never */
	int64_t backoff_ms;
	int64_t retry_at; /* monotonic */
	void *flight;
	struct send_seam seam; /* that the flight was started with */
	int64_t busy_ms;       /* with a request under way, in this window of resharding */
	double kept;           /* share of items that write relabeling keeps, of late */
	uint32_t split_max;    /* samples in a part of a request that was too large; 0 = off */
	uint64_t hurry;        /* items of it that still go in such parts, at once */
	uint32_t n_entries;    /* of a metadata request */
};

/* Why the peer throttles. */
enum throttle {
	THROTTLE_INGESTION, /* too many samples a second */
	THROTTLE_REQUESTS,  /* too many requests a second */
	THROTTLES_,
};

enum { LATENCY_BUCKETS = 15, STATUS_CODES = 16 };
extern const double destination_latency_bounds[LATENCY_BUCKETS];

/* By kind: attempts, those that failed for good, those that were sent again. */
struct sent_stats {
	uint64_t sent, failed, retried;
};

struct destination_stats {
	struct sent_stats samples; /* histograms left out */
	struct sent_stats histograms, exemplars;
	/* Of this process; for samples the books tell. */
	uint64_t histograms_dropped[DROP_REASONS_], exemplars_dropped[DROP_REASONS_];
	uint64_t requests, failed_requests, splits;
	uint64_t bytes;
	uint64_t metadata, metadata_failed, metadata_bytes;
	uint64_t position_failures;
	uint64_t throttled[THROTTLES_]; /* answers */
	uint64_t refused[CAUSES_];      /* answers that said no */
	uint64_t latency[LATENCY_BUCKETS + 1];
	double latency_sum_s;
	struct {
		int code; /* 0: no answer */
		uint64_t n;
	} codes[STATUS_CODES];
	int64_t highest_read_ms, highest_sent_ms;
};

struct destination {
	struct log_seam log;
	struct workspace *ws;
	struct host_seam host;
	struct destination_config cfg;
	struct progress progress;
	struct epochs epochs;
	struct slot *slots; /* one a shard */
	struct slot metadata_slot;
	uint32_t metadata_next, metadata_to;
	int64_t metadata_at;
	bool fresh;   /* there was no position file */
	bool started; /* the first turn has been */
	bool draining;
	bool eager;           /* nothing was sent yet */
	bool fell_back;       /* the peer does not speak 2.0 */
	uint32_t want_shards; /* != progress.n: waits for requests in flight */
	struct reshard reshard;
	int64_t busy_ms, busy_at; /* of all shards: time with a request under way; as of then */
	struct pace pace;
	uint64_t paced_sent;            /* of the books' sent, what pace knows of */
	uint32_t turn_first;            /* whose turn comes first */
	size_t raw_max, compressed_max; /* learned from 413 */
	int64_t shrunk_at;
	uint64_t start_head; /* below it an earlier process may have sent what it never noted */
	/* What is below it may be sent: the stored position says so. See reserve(). */
	uint64_t reach;
	bool dirty; /* positions moved since they were stored */
	int64_t stored_at;
	uint64_t stored_segment;
	int64_t swept_at;
	uint64_t random;
	int64_t now_ms, wall_ms;
	struct age_clock age;
	struct destination_stats stats;
	struct offenders offenders;
	struct shed shed;
	/* trouble.c */
	bool failing, told;
	int64_t failing_since, store_logged_at;
	int64_t retry_logged_at[CAUSES_], drop_logged_at[CAUSES_];
	bool has_error;
	char last_error[256];
};

/* Loads the position file (or begins at the log's head), opens the log. 0; 1 with the reason.
 * Negative: fatal. */
int destination_init(struct destination *d, const struct destination_config *cfg,
		     const struct log_seam *log, const struct host_seam *host, struct workspace *ws,
		     uint64_t random, struct err *err);
/* Cancels what flies, stores the position. */
void destination_deinit(struct destination *d);
/* Forgets everything without storing: what kill -9 does. For tests and removed destinations. */
void destination_abandon(struct destination *d);
/* New settings from the next request on. rules_changed: the new rules are for what the log takes
 * from now on. */
void destination_configure(struct destination *d, const struct destination_config *cfg,
			   bool rules_changed);
/* Does what can be done; returns the monotonic time of the next turn it needs, or negative: fatal.
 */
int64_t destination_turn(struct destination *d, int64_t now_ms, int64_t wall_ms);
void destination_drain(struct destination *d);
/* What requests are made in now. */
enum remotewrite_protocol destination_protocol(const struct destination *d);
/* Requests in flight have to end first, so that the number of shards may change. */
bool destination_quiesces(const struct destination *d);
uint64_t destination_queued(const struct destination *d);
/* Items read and not done. */
uint64_t destination_pending(const struct destination *d);
unsigned destination_flying(const struct destination *d);

/* How many samples a request holds at most now, and how long one that is not full waits. */
uint64_t destination_max_samples(struct destination *d);
int64_t destination_deadline_ms(struct destination *d);
/* To be called when time has gone on, before requests begin or end. */
void destination_note_time(struct destination *d);
/* A request came back throttled; it goes again after its own wait, what follows may have to be
 * paced or made larger. */
void destination_throttled(struct destination *d, enum throttle kind);

/* ---- slot.c: requests ---- */

void slot_init(struct slot *s, struct destination *d, uint32_t index);
void slot_deinit(struct slot *s);
/* Cuts, sends, sends again. *wake is lowered to when it wants a turn. True when something moved
 * without a request (so reading may go on); negative: fatal. */
int slot_turn(struct slot *s, int64_t *wake);
/* Metadata goes beside the samples, never before or instead of them. */
void metadata_turn(struct destination *d, int64_t *wake);

/* ---- trouble.c: what is said, and how often ---- */

void trouble_retry(struct destination *d, const struct answer *a, const char *text,
		   int64_t wait_ms);
void trouble_drop(struct destination *d, const struct answer *a, const char *text,
		  enum drop_reason reason, uint64_t n);
void trouble_split(struct destination *d, const struct answer *a, const char *text);
void trouble_over(struct destination *d);
void trouble_fell_back(struct destination *d, const char *text);
/* failed_request_logging: which request it was. */
void trouble_request(const struct slot *s, const char *text);
void trouble_store(struct destination *d, const char *text);
