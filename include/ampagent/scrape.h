/* Scraping: pools (one a job) and targets. Runs on the loop thread given; hands batches to a sink.
 */
#pragma once

#include <ampagent/base/json.h>
#include <ampagent/base/metrics.h>
#include <ampagent/model/batch.h>
#include <ampagent/model/identity.h>
#include <ampagent/model/refused.h>
#include <ampagent/model/target_group.h>
#include <ampagent/net/loop.h>
#include <ampagent/scrape_options.h>

struct scrape;

/* What the log remembers of an owner's frames, asked when a target starts. labels is the owner key.
 * fn is called for each slot in order of frame, slot; alive says that the slot had a (not stale)
 * sample in its frame's last batch, at last_t_ms. Returns the owner number, or 0 when unknown. */
struct owner_lookup {
	uint32_t (*find)(void *cls, struct labels owner,
			 void (*fn)(void *fcls, struct series_ref ref, struct labels labels,
				    bool alive, int64_t last_t_ms),
			 void *fcls);
	void *cls;
	/* Owners that had live series before and that find() was not asked for since; NULL = not
	 * known. The number of the first one above `after`, or 0; when its last batch was and how
	 * long after the one before (0 or nonsense: not known). With fn, which is called for each
	 * frame with live series, it counts as asked for. */
	uint32_t (*left)(void *cls, uint32_t after, int64_t *last_t_ms, int64_t *gap_ms,
			 void (*fn)(void *fcls, uint32_t frame, uint16_t n_slots,
				    const uint64_t *alive),
			 void *fcls);
};

struct scrape_env {
	struct loop *loop;
	struct batch_sink sink;
	struct refused_sink refused; /* note NULL = nobody asks */
	struct owner_lookup owners;
	uint32_t next_frame; /* first free numbers */
	uint32_t next_owner;
	struct sv user_agent;
	/* A scrape that begins at most this late, and 1 % of its interval, has the time of its
	 * turn; 0 = always the time that it is. */
	int64_t timestamp_tolerance_ms;
	/* A frame that will not be used again (its series are gone). */
	void (*frame_retire)(void *cls, uint32_t frame);
	void *frame_retire_cls;
	/* For globalUrl: the scheme and host[:port] that the agent is reached by from elsewhere,
	 * and the port it listens on. Empty = not known. Valid as long as the scraping. */
	struct sv public_scheme, public_host, own_port;
};

/* What batches are to tell beyond values. */
struct scrape_features {
	bool exemplars;
	bool start_times; /* start times of counters and histograms */
	bool start_zero;  /* a sample of value 0 at a new start time */
};

int scrape_new(const struct scrape_env *env, struct scrape **out, struct err *err);
void scrape_free(struct scrape *s);
/* Whether apply can do all that these jobs ask for: 0, or 1 with the reason (a failure log that
 * cannot be opened). Changes nothing. */
int scrape_check(const struct scrape_options *opts, size_t n, struct err *err);
/* Before an apply that is to cut off no scrape: jobs that it would change or end begin none from
 * now on. Returns how many of theirs are under way; turns that they miss are made up for after the
 * apply. */
size_t scrape_hold(struct scrape *s, const struct scrape_options *opts, size_t n);
/* Replaces the set of jobs. A job whose digest is the same goes on untouched: its targets keep
 * their phase, their connections and what they know of their series. One that differs only in what
 * series do not depend on (series_digest) gets new targets that take over what is known of the
 * series, so that no marker is written; any other starts anew, and series that do not come back get
 * end-of-run markers. Targets of changed and new jobs begin with the next groups of discovery.
 *
 * opts and external_labels must stay valid until the next apply or free has returned. 0 or negative
 * (out of memory), then the jobs are gone. */
int scrape_apply(struct scrape *s, const struct scrape_options *opts, size_t n,
		 struct labels external_labels, const struct scrape_features *features);
/* What local targets get from the next groups of discovery on; copied. NULL: nothing. While it is
 * not known which task this is, local targets are held back: neither made nor given up. 0; 1 when
 * it is what they get already; ERR_NOMEM. */
int scrape_set_identity(struct scrape *s, const struct identity *identity);
/* The sink for discovery. */
struct target_sink scrape_target_sink(struct scrape *s);
/* All series end with markers although their targets stay, because other labels are put on them
 * from here on (a reload that changes external labels): begin, then the second until it returns 0;
 * at 1 the log has to take what it was given first. */
void scrape_series_end_begin(struct scrape *s);
int scrape_series_end(struct scrape *s);
/* Discovery has told of all targets: owners that the log remembers and that no target takes within
 * two intervals get end-of-run markers. Once; further calls change nothing. */
void scrape_found_all(struct scrape *s);
/* The agent stops: no turn is begun any more, no groups are taken, no markers written for what goes
 * now. What runs goes on; each local target is scraped once more, at once or when its running
 * scrape has ended, and what fails of a local target from now on is discarded: it has gone first.
 * Last scrapes end before until_ms (loop_now_ms()). */
void scrape_stop(struct scrape *s, int64_t until_ms);
/* Gives up what still runs after that. */
void scrape_cut_off(struct scrape *s);

struct scrape_last {
	size_t good, discarded; /* of local targets */
	size_t cut_off;
};
struct scrape_last scrape_last(const struct scrape *s);
/* Scrapes being fetched now, or waiting for another of their target to end. */
size_t scrape_in_flight(const struct scrape *s);
/* prometheus_target_* with labels. */
void scrape_collect(struct scrape *s, struct metrics_writer *w);
/* The data of /api/v1/targets. pool empty = all. */
void scrape_targets_json(struct scrape *s, struct json_writer *w, struct sv state, struct sv pool);
/* The data of /api/v1/scrape_pools. */
void scrape_pools_json(struct scrape *s, struct json_writer *w);

struct metadata_query {
	struct sv match_target;   /* a series selector, empty = all targets */
	struct sv metric;         /* empty = all families */
	int64_t limit;            /* below 0 = no limit; of targets/metadata: no target after it */
	int64_t limit_per_metric; /* below 1 = no limit */
};
/* The data of /api/v1/targets/metadata: 0, or 1 when match_target is not a selector, with the
 * reason and nothing written. */
int scrape_targets_metadata_json(struct scrape *s, struct json_writer *w,
				 const struct metadata_query *q, struct err *err);
/* The data of /api/v1/metadata. */
void scrape_metadata_json(struct scrape *s, struct json_writer *w, const struct metadata_query *q);
/* The data of /api/v1/targets/relabel_steps: what each rule of the pool does to the labels given.
 * 0, or 1 when there is no such pool, the labels are not a JSON object of strings, or a rule makes
 * them too large: what was written is then worth nothing. */
int scrape_relabel_steps_json(struct scrape *s, struct json_writer *w, struct sv pool,
			      struct sv labels_json, struct err *err);

/* Whether a job could scrape this target of a group: 0, also when relabeling drops it; 1 with the
 * reason. identity NULL = none is asked for. */
int scrape_check_target(const struct scrape_options *opt, const struct identity *identity,
			struct labels group, struct labels entry, struct err *err);

struct scrape_summary {
	size_t pools, targets, targets_up;
	size_t targets_waiting; /* until it is known which task this is */
	uint64_t samples;       /* handed over since start */
};
struct scrape_summary scrape_summary(const struct scrape *s);
