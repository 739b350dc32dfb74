/* Status and metrics of destinations, from copies. */
#include "view.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t longest_backoff(const struct destination *d)
{
	int64_t ms = 0;
	for (uint32_t i = 0; i < d->progress.n; i++)
		if (d->slots[i].backoff_ms > ms)
			ms = d->slots[i].backoff_ms;
	return ms;
}

/* The first entry that is not done; its scrape time stands for its oldest sample. */
static int64_t oldest_waiting(const struct destination *d)
{
	const struct queue *q = &d->progress.queue;
	for (uint64_t no = q->first; no < queue_end(q); no++)
		if (queue_at(q, no)->batch)
			return queue_at(q, no)->batch->t_ms;
	return 0;
}

void view_fill(struct view *v, const struct destination *d)
{
	const struct queue_options *q = &d->cfg.queue;
	*v = (struct view){
		.base = d->progress.base,
		.balanced = progress_balanced(&d->progress),
		.books = d->progress.books,
		.stats = d->stats,
		.pending = destination_pending(d),
		.shards = d->progress.n,
		.want_shards = d->want_shards,
		.min_shards = q->min_shards,
		.max_shards = q->max_shards,
		.capacity = q->capacity,
		.max_samples_per_send = q->max_samples_per_send,
		.flying = destination_flying(d),
		.pace = d->pace.rate,
		.age_limit_ms = q->sample_age_limit_ms,
		.backoff_ms = longest_backoff(d),
		.oldest_ms = oldest_waiting(d),
		.images_bytes = epochs_bytes(&d->epochs),
		.has_error = d->has_error,
	};
	snprintf(v->name, sizeof v->name, "%.*s", SV_ARG(d->cfg.name));
	snprintf(v->url, sizeof v->url, "%.*s", SV_ARG(d->cfg.url));
	memcpy(v->last_error, d->last_error, sizeof v->last_error);
}

void view_offenders(struct offenders *to, const struct destination *d)
{
	if (to->version != d->offenders.version)
		*to = d->offenders;
}

uint64_t view_queued(const struct view *v, uint64_t head)
{
	int64_t n = (int64_t)head - v->base - (int64_t)books_total(&v->books);
	return n > 0 ? (uint64_t)n : 0;
}

void view_status(const struct view *v, uint64_t head, struct remotewrite_status *out)
{
	*out = (struct remotewrite_status){
		.sent = v->books.sent,
		.dropped = books_dropped(&v->books),
		.queued = view_queued(v, head),
		.retried = v->stats.samples.retried + v->stats.histograms.retried,
		.requests = v->stats.requests,
		.failed_requests = v->stats.failed_requests,
		.bytes = v->stats.bytes,
		.highest_sent_ms = v->stats.highest_sent_ms,
		.oldest_ms = v->oldest_ms,
		.has_error = v->has_error,
	};
	out->base = v->base;
	out->head = head;
	out->balanced = v->balanced && v->base + (int64_t)books_total(&v->books) <= (int64_t)head;
	_Static_assert((int)DROP_REASONS_ <= (int)REMOTEWRITE_REASONS_MAX, "the status has room");
	memcpy(out->dropped_by, v->books.dropped, sizeof v->books.dropped);
	memcpy(out->name, v->name, sizeof out->name);
	memcpy(out->url, v->url, sizeof out->url);
	memcpy(out->last_error, v->last_error, sizeof out->last_error);
	out->signing = v->signing;
}

/* ---- metrics ---- */

struct collecting {
	const struct view *v;
	size_t n;
	uint64_t head;
	int64_t wall_ms;
	struct metrics_writer *w;
};

enum { LABELS_MAX = 4 };

static size_t base_labels(const struct view *v, struct metric_label l[LABELS_MAX])
{
	l[0] = (struct metric_label){"remote_name", sv_of(v->name)};
	l[1] = (struct metric_label){"url", sv_of(v->url)};
	return 2;
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

static double lag(const struct collecting *c, const struct view *v)
{
	if (view_queued(v, c->head) == 0 || v->oldest_ms == 0 || v->oldest_ms > c->wall_ms)
		return 0;
	return seconds(c->wall_ms - v->oldest_ms);
}

static double value_of(const struct collecting *c, const struct view *v, enum metric_id id)
{
	const struct destination_stats *s = &v->stats;
	switch ((int)id) {
	case M_RW_SAMPLES:
		return (double)s->samples.sent;
	case M_RW_HISTOGRAMS:
		return (double)s->histograms.sent;
	case M_RW_EXEMPLARS:
		return (double)s->exemplars.sent;
	case M_RW_PLAIN_SAMPLES:
		return (double)(s->samples.sent + s->histograms.sent);
	case M_RW_METADATA:
		return (double)s->metadata;
	case M_RW_SAMPLES_FAILED:
		return (double)s->samples.failed;
	case M_RW_HISTOGRAMS_FAILED:
		return (double)s->histograms.failed;
	case M_RW_EXEMPLARS_FAILED:
		return (double)s->exemplars.failed;
	case M_RW_METADATA_FAILED:
		return (double)s->metadata_failed;
	case M_RW_SAMPLES_RETRIED:
		return (double)s->samples.retried;
	case M_RW_HISTOGRAMS_RETRIED:
		return (double)s->histograms.retried;
	case M_RW_EXEMPLARS_RETRIED:
		return (double)s->exemplars.retried;
	case M_RW_SAMPLES_PENDING:
		return (double)v->pending;
	case M_RW_BYTES:
		return (double)s->bytes;
	case M_RW_METADATA_BYTES:
		return (double)s->metadata_bytes;
	case M_RW_SHARDS:
		return v->shards;
	case M_RW_SHARDS_MAX:
		return (double)v->max_shards;
	case M_RW_SHARDS_MIN:
		return (double)v->min_shards;
	case M_RW_SHARDS_DESIRED:
		return v->want_shards;
	case M_RW_SHARD_CAPACITY:
		return (double)v->capacity;
	case M_RW_MAX_SAMPLES_PER_SEND:
		return (double)v->max_samples_per_send;
	case M_RW_HIGHEST_TIMESTAMP:
		return seconds(s->highest_read_ms);
	case M_RW_HIGHEST_SENT_TIMESTAMP:
		return seconds(s->highest_sent_ms);
	case M_RW_REQUESTS_IN_FLIGHT:
		return v->flying;
	case M_RW_REQUEST_SPLITS:
		return (double)s->splits;
	case M_RW_BACKOFF:
		return seconds(v->backoff_ms);
	case M_RW_LAG:
		return lag(c, v);
	case M_RW_PACE:
		return v->pace;
	case M_RW_AGE_LIMIT:
		return seconds(v->age_limit_ms);
	case M_RW_POSITION_FAILURES:
		return (double)s->position_failures;
	default:
		return 0;
	}
}

static void collect_plain(const struct collecting *c)
{
	static const enum metric_id ids[] = {
		M_RW_SAMPLES,
		M_RW_EXEMPLARS,
		M_RW_HISTOGRAMS,
		M_RW_METADATA,
		M_RW_SAMPLES_FAILED,
		M_RW_EXEMPLARS_FAILED,
		M_RW_HISTOGRAMS_FAILED,
		M_RW_METADATA_FAILED,
		M_RW_SAMPLES_RETRIED,
		M_RW_EXEMPLARS_RETRIED,
		M_RW_HISTOGRAMS_RETRIED,
		M_RW_SAMPLES_PENDING,
		M_RW_BYTES,
		M_RW_METADATA_BYTES,
		M_RW_SHARDS,
		M_RW_SHARDS_MAX,
		M_RW_SHARDS_MIN,
		M_RW_SHARDS_DESIRED,
		M_RW_SHARD_CAPACITY,
		M_RW_MAX_SAMPLES_PER_SEND,
		M_RW_HIGHEST_TIMESTAMP,
		M_RW_REQUESTS_IN_FLIGHT,
		M_RW_HIGHEST_SENT_TIMESTAMP,
		M_RW_REQUEST_SPLITS,
		M_RW_PLAIN_SAMPLES,
		M_RW_BACKOFF,
		M_RW_LAG,
		M_RW_PACE,
		M_RW_AGE_LIMIT,
		M_RW_POSITION_FAILURES,
	};
	for (size_t k = 0; k < sizeof ids / sizeof ids[0]; k++) {
		for (size_t i = 0; i < c->n; i++) {
			struct metric_label l[LABELS_MAX];
			size_t n = base_labels(&c->v[i], l);
			metrics_emit(c->w, ids[k], l, n, value_of(c, &c->v[i], ids[k]));
		}
	}
}

static const uint64_t *dropped_of(const struct view *v, enum metric_id id)
{
	if (id == M_RW_SAMPLES_DROPPED)
		return v->books.dropped;
	return id == M_RW_HISTOGRAMS_DROPPED ? v->stats.histograms_dropped
					     : v->stats.exemplars_dropped;
}

static void collect_dropped(const struct collecting *c, enum metric_id id)
{
	for (size_t i = 0; i < c->n; i++) {
		const uint64_t *dropped = dropped_of(&c->v[i], id);
		struct metric_label l[LABELS_MAX];
		size_t n = base_labels(&c->v[i], l);
		for (int r = 0; r < DROP_REASONS_; r++) {
			l[n] = (struct metric_label){"reason",
						     sv_of(drop_reason_name((enum drop_reason)r))};
			metrics_emit(c->w, id, l, n + 1, (double)dropped[r]);
		}
	}
}

static void collect_requests(const struct collecting *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct destination_stats *s = &c->v[i].stats;
		struct metric_label l[LABELS_MAX];
		size_t n = base_labels(&c->v[i], l);
		for (int k = 0; k < STATUS_CODES && s->codes[k].n > 0; k++) {
			char code[12];
			snprintf(code, sizeof code, "%d", s->codes[k].code);
			l[n] = (struct metric_label){"code", sv_of(code)};
			metrics_emit(c->w, M_RW_REQUESTS, l, n + 1, (double)s->codes[k].n);
		}
	}
}

static void collect_refused(const struct collecting *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct view *v = &c->v[i];
		for (int k = 0; k < CAUSES_; k++) {
			struct metric_label l[2] = {
				{"remote_name", sv_of(v->name)},
				{"cause", sv_of(cause_name((enum answer_cause)k))}};
			if (v->stats.refused[k] > 0)
				metrics_emit(c->w, M_RW_REFUSED, l, 2, (double)v->stats.refused[k]);
		}
	}
}

static void collect_latency(const struct collecting *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct destination_stats *s = &c->v[i].stats;
		struct metric_label l[LABELS_MAX];
		size_t n = base_labels(&c->v[i], l);
		uint64_t below = 0;
		for (int k = 0; k <= LATENCY_BUCKETS; k++) {
			char le[24] = "+Inf";
			if (k < LATENCY_BUCKETS)
				snprintf(le, sizeof le, "%g", destination_latency_bounds[k]);
			below += s->latency[k];
			l[n] = (struct metric_label){"le", sv_of(le)};
			metrics_emit_suffix(c->w, M_RW_BATCH_DURATION, "_bucket", l, n + 1,
					    (double)below);
		}
		metrics_emit_suffix(c->w, M_RW_BATCH_DURATION, "_sum", l, n, s->latency_sum_s);
		metrics_emit_suffix(c->w, M_RW_BATCH_DURATION, "_count", l, n, (double)below);
	}
}

static void collect_ledger(const struct collecting *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct view *v = &c->v[i];
		struct metric_label l[3] = {{"remote_name", sv_of(v->name)},
					    {"state", SV("sent")},
					    {"reason", SV_NULL}};
		metrics_emit(c->w, M_LEDGER_SAMPLES, l, 2, (double)v->books.sent);
		l[1].value = SV("queued");
		metrics_emit(c->w, M_LEDGER_SAMPLES, l, 2, (double)view_queued(v, c->head));
		l[1].value = SV("dropped");
		for (int r = 0; r < DROP_REASONS_; r++) {
			l[2].value = sv_of(drop_reason_name((enum drop_reason)r));
			metrics_emit(c->w, M_LEDGER_SAMPLES, l, 3, (double)v->books.dropped[r]);
		}
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct view *v = &c->v[i];
		struct metric_label l[2] = {{"remote_name", sv_of(v->name)}, {"point", SV("base")}};
		metrics_emit(c->w, M_LEDGER_SEQUENCE, l, 2, (double)v->base);
		l[1].value = SV("acknowledged");
		metrics_emit(c->w, M_LEDGER_SEQUENCE, l, 2,
			     (double)(v->base + (int64_t)books_total(&v->books)));
		l[1].value = SV("head");
		metrics_emit(c->w, M_LEDGER_SEQUENCE, l, 2, (double)c->head);
	}
}

/* ---- signing ---- */

static const enum metric_id aws_ids[] = {
	M_AWS_CREDENTIALS_INFO,           M_AWS_CREDENTIALS_EXPIRY,     M_AWS_CREDENTIALS_FETCHES,
	M_AWS_CREDENTIALS_FETCH_FAILURES, M_AWS_CREDENTIALS_REJECTIONS, M_AWS_CLOCK_SKEW,
};

/* False: there is nothing to tell. */
static bool aws_value(const struct remotewrite_signing *g, enum metric_id id, double *out)
{
	const struct aws_credentials_status *c = &g->credentials;
	switch ((int)id) {
	case M_AWS_CREDENTIALS_INFO:
		*out = 1;
		return c->kind != NULL;
	case M_AWS_CREDENTIALS_EXPIRY:
		*out = seconds(c->expires_ms);
		return c->have && c->expires_ms != 0;
	case M_AWS_CREDENTIALS_FETCHES:
		*out = (double)c->fetches;
		return true;
	case M_AWS_CREDENTIALS_FETCH_FAILURES:
		*out = (double)c->failures;
		return true;
	case M_AWS_CREDENTIALS_REJECTIONS:
		*out = (double)c->rejections;
		return true;
	case M_AWS_CLOCK_SKEW:
		*out = seconds(g->skew_ms);
		return g->clock_known;
	}
	return false;
}

static void collect_signing(const struct collecting *c)
{
	for (size_t k = 0; k < sizeof aws_ids / sizeof aws_ids[0]; k++) {
		for (size_t i = 0; i < c->n; i++) {
			const struct remotewrite_signing *g = &c->v[i].signing;
			struct metric_label l[LABELS_MAX];
			size_t n = base_labels(&c->v[i], l);
			double value;
			if (!g->is_signed || !aws_value(g, aws_ids[k], &value))
				continue;
			if (aws_ids[k] == M_AWS_CREDENTIALS_INFO)
				l[n++] =
					(struct metric_label){"source", sv_of(g->credentials.kind)};
			metrics_emit(c->w, aws_ids[k], l, n, value);
		}
	}
}

void view_collect(const struct view *v, size_t n, uint64_t head, int64_t wall_ms,
		  struct metrics_writer *w)
{
	struct collecting c = {v, n, head, wall_ms, w};
	collect_plain(&c);
	collect_dropped(&c, M_RW_SAMPLES_DROPPED);
	collect_dropped(&c, M_RW_EXEMPLARS_DROPPED);
	collect_dropped(&c, M_RW_HISTOGRAMS_DROPPED);
	collect_requests(&c);
	collect_refused(&c);
	collect_latency(&c);
	collect_signing(&c);
	collect_ledger(&c);
}
