/* OpenMetrics text 0.0.1 and 1.0.0, as lenient and as strict as the lexer and parser of
 * prometheus/prometheus model/textparse/openmetricslex.l, openmetricsparse.go.
 *
 * Pure functions over a page whose last byte, page[len - 1], is '\n' (the caller appends one, so a
 * page may end with one or two). Each reads one piece at p and returns the place after it, NULL
 * with the reason in err when the page is broken there. Nothing is allocated.
 */
#pragma once

#include "text_parser.h"

/* A line that begins with '#', read to after its newline: TEXT_META_HELP, TYPE, UNIT, or
 * TEXT_META_END for "# EOF" with nothing but the end after it. Nothing else may begin with '#'.
 * help is still escaped (as a quoted string: \\ \" \n). */
const char *openmetrics_comment(const char *p, const char *end, struct text_meta *out,
				struct err *err);

/* The series text, name and labels, checked: returns its end (after '}' or the name). What it
 * accepts is a subset of what text_series() does, so text_labels() reads it. */
const char *openmetrics_series(const char *p, const char *end, struct err *err);

struct openmetrics_exemplar {
	bool present;
	struct sv labels; /* the raw text between '{' and '}' inclusive */
	uint64_t bits;
	bool has_time;
	int64_t t_ms;
	/* What follows the value is no token: the page is broken there, but Prometheus has taken
	 * the sample before it finds out. */
	bool broken_behind;
};

/* Value, optional time (seconds, cut to milliseconds), optional exemplar and newline after a series
 * text. */
const char *openmetrics_sample(const char *p, const char *end, struct text_sample *out,
			       struct openmetrics_exemplar *exemplar, struct err *err);

/* True when a series text without braces really ends at p. */
bool openmetrics_name_ends(const char *p);

/* Reads an accepted series text or exemplar from the inside: p stands after '{', or where the last
 * call returned. NULL at its end. Names and values as they stand, without quotes; the metric name
 * has a value of NULL. */
const char *openmetrics_item(const char *p, const char *end, struct label *out);

/* Seconds to milliseconds, cut. */
int64_t openmetrics_ms(double seconds);

/* An exemplar's labels pushed in order as they stand, empty values kept. 0 or ERR_NOMEM. */
int openmetrics_exemplar_labels(struct sv raw, struct label_builder *b);

/* Start times: the value of the `_created` line that follows a series in its family with the same
 * labels (le and quantile aside), for counters, histograms and summaries. The finder remembers what
 * it saw ahead, so a page is looked through about once. */
struct openmetrics_starts {
	const char *looked_to; /* how far ahead lines were read */
	uint64_t labels_hash;  /* of the last answer */
	int64_t start_ms;
	bool valid;
};

/* line: the series' own line; next: the line after it. 0 = not known. */
int64_t openmetrics_start_ms(struct openmetrics_starts *s, struct sv series, const char *next,
			     const char *end, struct sv family, enum metric_type type);
/* Whether a series of this family is the line that tells a start time and no sample of its own,
 * where start times are wanted. */
bool openmetrics_is_created(struct sv series, struct sv family, enum metric_type type);
