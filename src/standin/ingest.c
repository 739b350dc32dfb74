/* A request is stored series by series and sample by sample; what is wrong with one stops no other.
 * The answer names the first thing that was wrong, as the service does. */
#include "ingest.h"

#include "validate.h"
#include <ampagent/base/clock.h>
#include <ampagent/base/compress.h>
#include <ampagent/base/number.h>
#include <inttypes.h>

/* The structs of a request: some 40 times its smallest wire form. What is larger than this is an
 * attack on the decoder, not a request. */
#define ARENA_MAX_BYTES ((size_t)512 << 20)
/* Kept between requests, so that one large request does not stay in memory for ever. */
#define RAW_KEEP_BYTES ((size_t)8 << 20)

/* One value of one series, float or histogram. */
struct point {
	const struct wire_series *series;
	const struct wire_sample *sample;       /* one of the two */
	const struct wire_histogram *histogram; /* is NULL */
	int64_t t_ms;
	uint64_t value;
	bool stale;
};

int ingest_init(struct ingest *in, const struct standin_options *opt, struct sv user)
{
	*in = (struct ingest){
		.max_age_ms = opt->max_age_s * 1000,
		.max_future_ms = opt->max_future_s * 1000,
		.max_raw_bytes = opt->max_raw_bytes,
		.track = opt->track,
		.record_refused = opt->record_refused,
		.user = sv_dup(user),
		.print = TEXT_SINK_NULL,
		.record = TEXT_SINK_NULL,
	};
	series_table_init(&in->series, opt->ooo_window_s * 1000, opt->series_limit);
	arena_init(&in->arena, ARENA_MAX_BYTES);
	buf_init(&in->raw, in->max_raw_bytes);
	return in->user ? 0 : ERR_NOMEM;
}

void ingest_deinit(struct ingest *in)
{
	text_sink_deinit(&in->print);
	text_sink_deinit(&in->record);
	series_table_deinit(&in->series);
	arena_deinit(&in->arena);
	buf_deinit(&in->raw);
	free(take_ptr(in->user));
}

/* --- decoding --- */

static int refuse_body(struct buf *why, uint64_t *counter, int status, const char *text)
{
	(*counter)++;
	buf_sv(why, sv_of(text));
	return status;
}

int ingest_decode(struct ingest *in, struct sv body, enum wire_version version, struct buf *why)
{
	arena_reset(&in->arena);
	buf_shrink(&in->raw, RAW_KEEP_BYTES);
	in->request = (struct wire_request){0};
	in->written = (struct written){0};
	switch (snappy_block_decompress(&in->raw, body)) {
	case 0:
		break;
	case 2:
		return refuse_body(why, &in->stats.bad_snappy, 413,
				   "received message larger than max");
	default:
		return refuse_body(why, &in->stats.bad_snappy, 400, "snappy: corrupt input");
	}
	switch ((version == WIRE_V2 ? decode_request_v2 : decode_write_request)(
		buf_view(&in->raw), &in->arena, &in->request)) {
	case 0:
		break;
	case DECODE_BAD_SYMBOLS:
		return refuse_body(why, &in->stats.bad_protobuf, 400,
				   "the first symbol must be the empty string");
	case DECODE_TOO_LARGE:
		return refuse_body(why, &in->stats.bad_protobuf, 413,
				   "received message larger than max");
	default:
		return refuse_body(why, &in->stats.bad_protobuf, 400,
				   "proto: illegal wire type or unexpected EOF");
	}
	in->stats.raw_bytes += in->raw.len;
	return 200;
}

size_t ingest_samples(const struct ingest *in)
{
	size_t n = 0;
	for (size_t i = 0; i < in->request.n_series; i++)
		n += in->request.series[i].n_samples + in->request.series[i].n_histograms;
	return n;
}

/* --- refusing --- */

/* The first reason wins: why stays as it is once it holds one. */
static bool begin_reason(const struct ingest *in, struct buf *why)
{
	if (why->len > 0)
		return false;
	buf_printf(why, "user=%s: ", in->user);
	return true;
}

static void record_refused(struct ingest *in, const struct wire_series *s,
			   const struct wire_sample *v, const struct wire_histogram *h)
{
	if (!in->record_refused || in->record.fd < 0)
		return;
	buf_sv(&in->record.pending, SV("x "));
	if (v)
		print_record(&in->record.pending, s, v);
	else
		print_record_histogram(&in->record.pending, s, h);
	text_sink_turn(&in->record);
}

static void record_refused_series(struct ingest *in, const struct wire_series *s)
{
	for (size_t i = 0; i < s->n_samples; i++)
		record_refused(in, s, &s->samples[i], NULL);
	for (size_t i = 0; i < s->n_histograms; i++)
		record_refused(in, s, NULL, &s->histograms[i]);
}

void ingest_refuse_all(struct ingest *in)
{
	for (size_t i = 0; i < in->request.n_series; i++)
		record_refused_series(in, &in->request.series[i]);
}

static void refuse_series(struct ingest *in, const struct wire_series *s, struct sv reason,
			  struct buf *why)
{
	in->stats.refused += s->n_samples + s->n_histograms;
	record_refused_series(in, s);
	if (begin_reason(in, why))
		buf_sv(why, reason);
}

static void refuse_point(struct ingest *in, const struct point *p, const char *reason,
			 struct buf *why)
{
	in->stats.refused++;
	record_refused(in, p->series, p->sample, p->histogram);
	if (!begin_reason(in, why))
		return;
	char time[RFC3339_MAX];
	buf_printf(why, "err: %s. timestamp=%s, series=", reason,
		   clock_format_rfc3339(time, p->t_ms));
	print_labels(why, p->series->labels, p->series->n_labels, ", ");
}

/* Age is told in another form than order: it is checked before the storage is asked. */
static int check_age(struct ingest *in, const struct point *p, int64_t now_ms, struct buf *why)
{
	bool old = in->max_age_ms > 0 && p->t_ms < now_ms - in->max_age_ms;
	bool new = in->max_future_ms > 0 && p->t_ms > now_ms + in->max_future_ms;
	if (!old && !new)
		return 0;
	in->stats.refused++;
	record_refused(in, p->series, p->sample, p->histogram);
	in->stats.too_old += old;
	in->stats.too_new += new;
	if (begin_reason(in, why)) {
		_cleanup_(buf_deinit) struct buf metric = BUF_NULL;
		buf_init(&metric, PRINT_LABELS_MAX);
		print_metric(&metric, p->series);
		buf_printf(why, "timestamp too %s: %" PRId64 " metric: ", old ? "old" : "new",
			   p->t_ms);
		print_quoted_short(why, buf_view(&metric));
	}
	return 1;
}

/* --- storing --- */

static void count_stored(struct ingest *in, const struct point *p)
{
	in->stats.samples++;
	in->stats.stale_markers += p->stale;
	in->stats.histograms += p->histogram != NULL;
	if (in->record.fd >= 0) {
		if (p->sample)
			print_record(&in->record.pending, p->series, p->sample);
		else
			print_record_histogram(&in->record.pending, p->series, p->histogram);
		text_sink_turn(&in->record);
	}
	if (in->print.fd >= 0) {
		if (p->sample)
			print_sample(&in->print.pending, p->series, p->sample);
		else
			print_histogram(&in->print.pending, p->series, p->histogram);
		text_sink_turn(&in->print);
	}
}

static void count_written(struct ingest *in, const struct point *p)
{
	in->written.samples += p->sample != NULL;
	in->written.histograms += p->histogram != NULL;
}

static void store_point(struct ingest *in, size_t index, const struct point *p, struct buf *why)
{
	switch (series_append(&in->series, index, p->t_ms, p->value, p->histogram != NULL)) {
	case SERIES_STORED_LATE:
		in->stats.out_of_order++;
		count_stored(in, p);
		count_written(in, p);
		return;
	case SERIES_STORED:
		count_stored(in, p);
		count_written(in, p);
		return;
	case SERIES_DUPLICATE:
		in->stats.duplicates++;
		count_written(in, p);
		return;
	case SERIES_CONFLICT:
		in->stats.conflicts++;
		refuse_point(in, p, "duplicate sample for timestamp", why);
		return;
	case SERIES_OUT_OF_ORDER:
		in->stats.too_old++;
		refuse_point(in, p, "out of order sample", why);
		return;
	case SERIES_TOO_OLD_AGAIN:
		in->stats.resent_late++;
		__attribute__((fallthrough));
	case SERIES_TOO_OLD:
		in->stats.too_old++;
		refuse_point(in, p,
			     in->series.window_ms > 0 ? "too old sample" : "out of order sample",
			     why);
		return;
	}
}

static void take_point(struct ingest *in, size_t index, const struct point *p, int64_t now_ms,
		       struct buf *why)
{
	if (check_age(in, p, now_ms, why) != 0)
		return;
	if (in->track) {
		store_point(in, index, p, why);
		return;
	}
	count_stored(in, p);
	count_written(in, p);
}

/* An exemplar that is sent again is taken and not stored again, as a sample. One whose series has
 * no sample here cannot be known. */
static void take_exemplar(struct ingest *in, const struct wire_series *s, bool known, size_t index,
			  const struct wire_exemplar *e)
{
	in->written.exemplars++;
	if (known && !series_exemplar(&in->series, index, e->t_ms, e->digest))
		return;
	in->stats.exemplars++;
	if (in->record.fd >= 0) {
		print_record_exemplar(&in->record.pending, s, e);
		text_sink_turn(&in->record);
	}
}

static void take_exemplars(struct ingest *in, const struct wire_series *s)
{
	size_t index = 0;
	if (s->n_exemplars == 0)
		return;
	bool known = in->track && series_find(&in->series, s->labels, s->n_labels, &index) == 0;
	for (size_t i = 0; i < s->n_exemplars; i++)
		take_exemplar(in, s, known, index, &s->exemplars[i]);
}

static void take_histogram(struct ingest *in, size_t index, const struct wire_series *s,
			   const struct wire_histogram *h, int64_t now_ms, struct buf *why)
{
	struct point p = {
		.series = s,
		.histogram = h,
		.t_ms = h->t_ms,
		.value = h->digest,
		.stale = h->sum_bits == VALUE_STALE_BITS,
	};
	_cleanup_(buf_deinit) struct buf reason = BUF_NULL;
	buf_init(&reason, INGEST_TEXT_MAX);
	if (validate_histogram(h, in->request.version, &reason) == 0) {
		take_point(in, index, &p, now_ms, why);
		return;
	}
	buf_char(&reason, '\0');
	refuse_point(in, &p, buf_failed(&reason) ? "invalid native histogram" : reason.ptr, why);
}

/* What 2.0 demands of a series beside its labels: NULL, or what is wrong. */
static const char *fault_of(const struct wire_series *s)
{
	if (s->fault || !s->v2)
		return s->fault;
	if (s->n_samples > 0 && s->n_histograms > 0)
		return "a series must not have both samples and histograms";
	if (s->n_samples == 0 && s->n_histograms == 0)
		return "a series must have samples or histograms";
	return NULL;
}

/* The place of the series in the table: 0, or 1 when it is refused. */
static int admit_series(struct ingest *in, const struct wire_series *s, size_t *index,
			struct buf *why)
{
	_cleanup_(buf_deinit) struct buf reason = BUF_NULL;
	buf_init(&reason, INGEST_TEXT_MAX);
	const char *fault = fault_of(s);
	if (fault)
		buf_sv(&reason, sv_of(fault));
	if (fault || validate_labels(s, &reason) != 0) {
		in->stats.bad_labels++;
		refuse_series(in, s, buf_view(&reason), why);
		return 1;
	}
	/* A series begins with its first sample. */
	bool empty = s->n_samples + s->n_histograms == 0;
	if (empty || !in->track || series_get(&in->series, s->labels, s->n_labels, index) == 0)
		return 0;
	in->stats.over_limit += s->n_samples + s->n_histograms;
	buf_printf(&reason,
		   "per-user series limit of %zu exceeded, please contact administrator to raise "
		   "it",
		   in->series.n);
	refuse_series(in, s, buf_view(&reason), why);
	return 1;
}

static void take_series(struct ingest *in, const struct wire_series *s, int64_t now_ms,
			struct buf *why)
{
	size_t index = 0;
	if (admit_series(in, s, &index, why) != 0)
		return;
	for (size_t i = 0; i < s->n_samples; i++) {
		struct point p = {
			.series = s,
			.sample = &s->samples[i],
			.t_ms = s->samples[i].t_ms,
			.value = s->samples[i].bits,
			.stale = s->samples[i].bits == VALUE_STALE_BITS,
		};
		take_point(in, index, &p, now_ms, why);
	}
	for (size_t i = 0; i < s->n_histograms; i++)
		take_histogram(in, index, s, &s->histograms[i], now_ms, why);
	take_exemplars(in, s);
}

static void refuse_duplicates(struct ingest *in, const struct wire_series *s, struct buf *why)
{
	_cleanup_(buf_deinit) struct buf reason = BUF_NULL;
	char time[RFC3339_MAX];
	int64_t t_ms = s->n_samples > 0      ? s->samples[0].t_ms
		       : s->n_histograms > 0 ? s->histograms[0].t_ms
					     : 0;
	buf_init(&reason, INGEST_TEXT_MAX);
	buf_printf(&reason, "err: duplicate sample for timestamp. timestamp=%s, series=",
		   clock_format_rfc3339(time, t_ms));
	print_labels(&reason, s->labels, s->n_labels, ", ");
	refuse_series(in, s, buf_view(&reason), why);
}

int ingest_store(struct ingest *in, int64_t now_ms, enum ingest_refuse what, struct buf *why)
{
	uint64_t limit = in->series.limit;
	if (what == INGEST_REFUSE_NEW)
		in->series.limit = in->series.n > 0 ? in->series.n : 1;
	for (size_t i = 0; i < in->request.n_series; i++) {
		const struct wire_series *s = &in->request.series[i];
		if (what == INGEST_REFUSE_FIRST && i == 0)
			refuse_series(in, s, SV("err: out of order sample."), why);
		else if (what == INGEST_REFUSE_THIRDS && i % 3 == 0)
			refuse_duplicates(in, s, why);
		else
			take_series(in, s, now_ms, why);
	}
	in->series.limit = limit;
	in->stats.metadata += in->request.n_metadata;
	in->stats.series = in->series.n;
	if (in->print.fd >= 0)
		text_sink_flush(&in->print);
	return why->len > 0 ? 400 : 200;
}
