/* A page becomes a batch: match lines to slots, parse what is new, apply relabeling and limits,
 * find what went stale, add the report series.
 *
 * All or nothing: a broken page, or one over a limit, leaves no sample and no definition; only
 * markers for what it did not get to, and report series with up = 0.
 */
#pragma once

#include "owner.h"

#include <ampagent/base/err.h>
#include <ampagent/scrape_options.h>

struct page_result {
	uint64_t scraped;      /* samples on the page */
	uint64_t post_relabel; /* left after metric relabeling */
	uint64_t series_added;
	uint64_t duplicates, out_of_order, out_of_bounds; /* dropped, the scrape is still good */
	uint64_t matched, parsed; /* lines found by their place or hash / parsed anew */
	uint64_t exemplars;       /* kept */
	uint64_t shed;            /* samples of new series for which there is no memory */
	bool sample_limit, label_limit, bucket_limit; /* why it failed */
};

struct scrape_report {
	bool up;
	double duration_s;
	double body_bytes; /* -1: over the limit */
};

/* Works on one owner's scrape at a time. */
struct page_env {
	const struct scrape_options *opt;
	enum scrape_protocol format;            /* of the page; PROTO_NONE = text */
	const struct scrape_features *features; /* NULL = none */
	/* The target's own say, which is the job's where no label changes it. */
	bool native_histograms, always_classic_histograms, convert_to_nhcb;
	bool no_markers;             /* series that are missing are not marked: the agent stops */
	bool no_metadata;            /* memory is short: it is read later */
	bool no_new_series;          /* memory is short: those that are known go on */
	int64_t timeout_ms;          /* the target's */
	struct labels target_labels; /* public */
	struct arena *scratch;       /* reset by the caller before each page */
	uint32_t *next_frame;
	void (*retire)(void *cls, uint32_t frame);
	void *retire_cls;
};

/* Reads a page (page.ptr[page.len - 1] is '\n', appended in every format) into batch, which is new
 * and has t_ms set. now_ms: wall clock. 0; 1 when the page is refused (err says why, with the
 * line): nothing of it is in the batch then; ERR_NOMEM the same. */
int page_read(struct owner *o, const struct page_env *env, struct sv page, int64_t now_ms,
	      struct batch *batch, struct page_result *out, struct err *err);

/* After page_read(), or without it when there was no page: staleness markers, report series,
 * columns. Seals the batch. 0 or ERR_NOMEM (the batch is then not to be used). */
int page_finish(struct owner *o, const struct page_env *env, const struct page_result *result,
		const struct scrape_report *report, struct batch *batch);

/* Then exactly one of: the batch was handed over / it was not (what it defined is taken back). */
void page_commit(struct owner *o, const struct page_env *env, int64_t t_ms);
void page_rollback(struct owner *o);
/* Between scrapes: forgets what is known of lines and of series that are not owed a marker, so that
 * their memory is free. They are new when they come again. */
void page_forget(struct owner *o, const struct page_env *env);

/* The end-of-run batch: markers for all that was seen last and for the report series. 0 or
 * ERR_NOMEM (taken back already). page_rollback() follows when the batch is refused. */
int page_end_of_run(struct owner *o, struct batch *batch);

/* ---- between page.c and report.c ---- */

/* Notes where the owner stands, once a scrape. */
void owner_mark(struct owner *o);
