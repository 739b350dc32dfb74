/* Remote write: destinations that read the log and deliver it. Owns the send thread. */
#pragma once

#include <ampagent/aws/credentials.h>
#include <ampagent/base/json.h>
#include <ampagent/base/metrics.h>
#include <ampagent/remotewrite_options.h>
#include <ampagent/wal.h>

struct remotewrite;

struct remotewrite_env {
	struct wal *wal;
	struct sv user_agent;
};

/* Starts the send thread. 0 or 1 with the reason. */
int remotewrite_new(const struct remotewrite_env *env, struct remotewrite **out, struct err *err);
/* Stops at once; positions are stored. NULL is fine. */
void remotewrite_free(struct remotewrite *rw);
/* Replaces the set of destinations. A destination is known by its explicit name, else by its URL:
 * unchanged ones keep running, changed ones go on with their books and position under the new
 * settings from the next request on, new ones begin at the log's head, those gone are dropped with
 * their positions (what was queued is logged as dropped). When external_labels or write_relabel
 * change, what the log holds by now is still sent by the old ones, and what it takes later by the
 * new; a restart forgets the old ones.
 * opts and external_labels are copied; write_relabel sets are referenced. The first apply of a
 * process comes before the first batch is put into the log. Blocks until the send thread has taken
 * it. 0; 1 with the reason (bad URL or TLS file, no credentials) or negative, and nothing changed.
 */
int remotewrite_apply(struct remotewrite *rw, const struct remotewrite_options *opts, size_t n,
		      struct labels external_labels, struct err *err);
/* From now on partial batches go at once. */
void remotewrite_drain(struct remotewrite *rw);

enum { REMOTEWRITE_REASONS_MAX = 24 };

/* How a destination's requests are signed. */
struct remotewrite_signing {
	bool is_signed;
	struct aws_credentials_status credentials;
	char region[64];
	char region_from[96]; /* for people, cut to fit; "" = not known yet */
	bool clock_known;
	int64_t skew_ms; /* what the endpoint's clock is ahead of this machine's */
};

struct remotewrite_status {
	char name[64];
	char url[256];                  /* without user info */
	uint64_t sent, dropped, queued; /* samples; dropped over all reasons */
	uint64_t head; /* the log's sequence that queued goes by, the same for all destinations */
	int64_t base;  /* the log's sequence when the destination began: base + the three = its head
			*/
	bool balanced; /* the three, and what waits, counted anew, agree with the places in the log
			*/
	uint64_t dropped_by[REMOTEWRITE_REASONS_MAX]; /* in the order of remotewrite_drop_reasons */
	uint64_t retried, requests, failed_requests, bytes;
	int64_t highest_sent_ms;
	int64_t oldest_ms; /* wall time of the oldest one queued, as far as it was read; 0 = none */
	bool has_error;
	char last_error[256];
	struct remotewrite_signing signing;
};
/* Up to max destinations, in the order of apply; returns how many there are. Any thread: queued is
 * exact as of the last answer. */
size_t remotewrite_status_get(struct remotewrite *rw, struct remotewrite_status *out, size_t max);
void remotewrite_collect(struct remotewrite *rw, struct metrics_writer *w);
/* An array: what the endpoints refused, by cause and the metric that they named, the most frequent
 * of each destination first; what it means and what to do. Any thread. */
void remotewrite_offenders_json(struct remotewrite *rw, struct json_writer *w);
/* Reasons of the ledger, NULL-ended. */
extern const char *const remotewrite_drop_reasons[];
/* How the log reads what destinations keep in their position files. */
extern const struct wal_position_reader remotewrite_position_reader;

/* How credentials are asked for, for a destination that is signed. Views of opt and region. */
struct aws_credentials_options remotewrite_credentials_options(
	const struct remotewrite_options *opt, struct sv region);

/* ---- one request, for the doctor: the agent's own way of sending, without a log ---- */

struct remotewrite_probe_result {
	bool started;  /* false: why says what is wrong before anything is sent */
	bool accepted; /* 2xx */
	int status;    /* 0: no answer */
	const char
		*cause; /* name of what the answer means, as in the metric refused by cause; "" */
	bool clock_corrected, refreshed; /* what it took */
	struct remotewrite_signing signing;
	enum http_result http_result;
	enum http_phase phase;
	const struct http_peer *peer; /* valid during the callback; NULL: it was not reached */
	struct sv error_type, body, request_id;
	struct sv location; /* of a redirect: the whole URL */
	struct err why;
};
struct remotewrite_probe;
/* Sends an empty request to opt's URL as the agent would, once more after a refusal that a clock
 * correction or other keys may repair; canary: one sample ampagent_doctor_canary of now, which is
 * billed, instead. done once from the session's loop, never from inside. 0; 1 with the reason. */
int remotewrite_probe_start(struct aws_session *s, struct http_pool *pool,
			    const struct remotewrite_options *opt, struct labels external_labels,
			    bool canary,
			    void (*done)(void *cls, const struct remotewrite_probe_result *r),
			    void *cls, struct remotewrite_probe **out, struct err *err);
/* Not from inside its own done, where it has ended already. */
void remotewrite_probe_cancel(struct remotewrite_probe *p);
