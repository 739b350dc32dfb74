/* A page being read: what the page*.c files share. */
#pragma once

#include "openmetrics_parser.h"
#include "page.h"

struct pending {
	struct labels labels;
	uint64_t hash;
	uint64_t bits;
	int64_t last_ms; /* of its rows, or of its value; INT64_MIN when it has neither */
	uint32_t ref;    /* once placed */
	bool timed;      /* first seen with a timestamp of its own */
	bool has_value;
	bool has_row;
	bool has_untimed_row; /* at the time of the scrape: a histogram, or after a zero sample */
};

/* A series that has a slot, or is pending. */
struct place {
	uint32_t ref; /* slot, or index of a pending series */
	bool pending;
};

struct row {
	struct place at;
	int64_t t_ms;
	uint64_t bits;
};

struct histogram_row {
	struct place at;
	int64_t t_ms;
	struct histogram h; /* its arrays are in the batch */
};

struct exemplar_row {
	struct place at;
	struct batch_exemplar e; /* frame and slot come last */
};

struct start_row {
	struct place at;
	int64_t start_ms;
};

/* Growing arrays, by element type. */
struct rows {
	size_t n, cap;
	void *v;
};

/* One sample, in whatever format it came. */
struct page_sample {
	struct text_sample s;
	const struct histogram *histogram; /* NULL = a float */
	int64_t start_ms;                  /* since when it counts; 0 = not known or not wanted */
};

/* What a series is on its page: raw text, or a name and labels. */
struct page_series {
	struct sv text;
	struct sv name;
	const struct label *labels;
	size_t n_labels;
	uint64_t key;  /* keyed hash of either */
	uint32_t len;  /* of the text; or how many labels it has */
	uint8_t flags; /* line flags: LINE_TEXT ..., LINE_BRACED */
};

struct page_exemplar {
	const struct label *labels; /* as exposed */
	size_t n_labels;
	uint64_t bits;
	bool has_time;
	int64_t t_ms;
};

struct reader {
	struct owner *o;
	const struct page_env *env;
	struct batch *batch;
	struct page_result *out;
	struct err *err;
	const char *end;
	int64_t now_ms;
	uint32_t prev;    /* the line before */
	uint64_t offered; /* samples that count for sample_limit, kept or not */
	enum metric_type type;
	/* Of the last TYPE, and of the last HELP, TYPE or UNIT; raw, and kept only where they are
	 * asked for (see whole). */
	struct sv family, last_family;
	uint8_t format; /* LINE_TEXT, LINE_OPENMETRICS, or 0 */
	bool whole;     /* lines are read each time: the family or the labels are asked for */
	bool plain;     /* samples need no more than a value put into its slot */
	bool ended;     /* "# EOF" was there */
	/* The conversion asks for a histogram's start time: Prometheus's parser takes no `_created`
	 * line for a sample after that. */
	bool skip_created;
	struct page_nhcb *nhcb; /* NULL = no conversion */
	struct openmetrics_starts starts_ahead;
	bool meta_changed;
	bool replaced;   /* a line without a slot gets one */
	bool taken;      /* the last sample was kept */
	bool accepted;   /* and Prometheus would have: also a second text of one series */
	struct place at; /* and where */
	bool indexed;    /* slot_index and pending_index are made */
	struct map slot_index;
	struct map pending_index;
	struct pending *pending;
	uint32_t n_pending, cap_pending;
	struct rows rows, histograms, exemplars, starts;
	/* What tables grew by on this page, estimated; and what of the budget was asked for that,
	 * SIZE_MAX without a limit. */
	size_t grown, claimed;
};

void page_reader_deinit(struct reader *r);
DEFINE_CLEANUP(struct reader, page_reader_deinit)

static inline bool reader_is_timed(const struct reader *r, const struct text_sample *s)
{
	return s->has_time && r->env->opt->honor_timestamps;
}

static inline int64_t reader_time(const struct reader *r, const struct text_sample *s)
{
	return reader_is_timed(r, s) ? s->t_ms : r->batch->t_ms;
}

/* ---- page_take.c: samples into slots ---- */

/* A sample of a series whose line is known. 0; 1 when the scrape must fail; ERR_NOMEM. */
int page_take_known(struct reader *r, uint32_t line, const struct page_sample *s);
/* A sample of a series met for the first time: parse, relabel, find or open its series, remember
 * the line. Same results. */
int page_take_new(struct reader *r, const struct page_series *series, const struct page_sample *s);
/* Either, by the series' key. */
int page_take(struct reader *r, const struct page_series *series, const struct page_sample *s);

/* ---- page_lines.c, page_proto.c: the formats ---- */

/* 0; 1 and *bad_at (a place on the page); ERR_NOMEM. */
int page_read_lines(struct reader *r, struct sv page, const char **bad_at);
/* 0; 1; ERR_NOMEM. */
int page_read_proto(struct reader *r, struct sv page);

/* ---- page_nhcb.c: classic histograms of pages of lines as native ones ---- */

struct page_nhcb;

struct page_nhcb *page_nhcb_new(bool keep_classic);
void page_nhcb_free(struct page_nhcb *c);
/* A series with its exemplars on its way to page_take(): held back when it is part of a classic
 * histogram. Results of page_take(). */
int page_nhcb_series(struct reader *r, const struct page_series *series,
		     const struct page_sample *s, const struct page_exemplar *exemplars, size_t n);
/* Something other than a series came, or the end: what is held back becomes a histogram. */
int page_nhcb_flush(struct reader *r);

/* A series with exemplars, through the conversion when there is one. Results of page_take(). */
int page_series(struct reader *r, const struct page_series *series, const struct page_sample *s,
		const struct page_exemplar *exemplars, size_t n);

/* ---- page_exemplars.c ---- */

/* Keeps exemplars of the sample just taken. 0 or ERR_NOMEM. */
int page_take_exemplars(struct reader *r, const struct page_exemplar *v, size_t n,
			bool of_histogram, int64_t sample_ms);

/* ---- page_labels.c ---- */

/* The labels of a series as the page has them, the name first, pushed in order. 0 or ERR_NOMEM. */
int exposed_labels(struct reader *r, const struct page_series *series, struct label_builder *b);
/* Final labels of a series, made in the scratch arena: 0; 1 when the scrape must fail (err); 2 when
 * relabeling drops the series; 3 when a label stands twice, which fails the scrape if the sample
 * would be stored (err); ERR_NOMEM. */
int final_labels(struct reader *r, const struct page_series *series, struct labels *out);

/* ---- page_place.c ---- */

/* One more element of `size` bytes at the end of an array; NULL without memory, or when the array
 * would pass LIMIT_PAGE_BYTES. */
void *rows_add(struct rows *rows, size_t size);
/* What a new line takes, its table and index growing by doubling. */
enum { PAGE_LINE_BYTES = 64 };

/* Whether memory allows tables of the page to grow by that much, which is then taken. */
bool reader_may_grow(struct reader *r, size_t bytes);
/* Keeps a sample with a time of its own. 0 or ERR_NOMEM. */
int push_row(struct reader *r, struct row row);
/* Keeps a histogram. 0 or ERR_NOMEM. */
int push_histogram(struct reader *r, struct place at, int64_t t_ms, const struct histogram *h);
/* Keeps a start time. 0 or ERR_NOMEM. */
int push_start(struct reader *r, struct place at, int64_t start_ms);
/* Where a new text's series is already: *ref is a slot (*is_pending false) or a pending series, or
 * SLOT_NONE. 0 or ERR_NOMEM. */
int find_series(struct reader *r, uint64_t hash, uint32_t *ref, bool *is_pending);
/* A series that has no slot yet; the labels are copied into the batch. 0 or ERR_NOMEM. */
int add_pending(struct reader *r, struct labels labels, uint64_t hash, bool timed, uint32_t *out);
/* A page turned out good: pending series get slots, rows, histograms, exemplars and start times
 * their order. 0 or ERR_NOMEM. */
int page_place(struct reader *r);

/* ---- page_metadata.c ---- */

/* Metadata of all families of a good page, into the batch. 0 or ERR_NOMEM. */
int page_metadata(const struct page_env *env, struct sv page, struct batch *batch);
