/* The Prometheus text format 0.0.4 (and what Prometheus 3 reads under text/plain: quoted UTF-8
 * names), as the lexer of prometheus/prometheus model/textparse/promlex.l takes it, quirks
 * included.
 *
 * Pure functions over a page whose last byte, page[len - 1], is '\n' (the caller appends one). Each
 * reads one piece at p and returns the place after it, NULL with the reason in err when the page is
 * broken there. Nothing is allocated.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/number.h>
#include <ampagent/model/batch.h>

enum text_line {
	TEXT_END,     /* nothing more: end of the page, or a NUL where a line may start */
	TEXT_SERIES,  /* p is at the start of a series (leading blanks belong to its name) */
	TEXT_COMMENT, /* p is at '#' */
};

/* Skips blank lines from *p on and says what stands there. *p is moved to it. */
enum text_line text_next(const char **p, const char *end);

enum text_meta_kind {
	TEXT_META_NONE,
	TEXT_META_HELP,
	TEXT_META_TYPE,
	TEXT_META_UNIT, /* OpenMetrics only */
	TEXT_META_END,
};

struct text_meta {
	enum text_meta_kind kind;
	struct sv family;      /* still escaped when it was quoted */
	struct sv help;        /* still escaped */
	struct sv unit;        /* TEXT_META_UNIT */
	enum metric_type type; /* TEXT_META_TYPE */
};

/* A line that begins with '#', read to after its newline. TEXT_META_END: a NUL in a comment ends
 * the page, as it does for Prometheus. */
const char *text_comment(const char *p, const char *end, struct text_meta *out, struct err *err);

/* The series text, name and labels, checked: returns its end (after '}' or the name). */
const char *text_series(const char *p, const char *end, struct err *err);

struct text_sample {
	uint64_t bits;
	bool has_time;
	int64_t t_ms;
};

/* Value, optional time and newline after a series text. */
const char *text_sample(const char *p, const char *end, struct text_sample *out, struct err *err);

/* True when a series text without braces really ends at p: no more name bytes, no brace ahead. */
bool text_name_ends(const char *p);

/* Labels of a series text that text_series() accepted, __name__ first, pushed in order with empty
 * values kept. le and quantile are brought to their canonical form when type says so. Unescaped
 * copies go to the builder's arena. 0 or ERR_NOMEM. */
int text_labels(struct sv series, enum metric_type type, struct label_builder *b);

/* Decodes \\ \" \n (quote) or \\ \n only (HELP); a view of s itself when there is nothing to
 * decode. */
struct sv text_unescape(struct arena *arena, struct sv s, bool quote);
