/* Series selectors, name{label="value", ...}, as PromQL has them: which label sets they match.
 * Source: prometheus promql/parser (ParseMetricSelector); behaviour of 3.x.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/model/relabel.h>

enum selector_op { SELECTOR_EQUAL, SELECTOR_NOT_EQUAL, SELECTOR_MATCH, SELECTOR_NO_MATCH };

struct selector_matcher {
	struct sv name;
	enum selector_op op;
	struct sv value;
	struct relabel_set *regex; /* keeps what the value of name matches */
};

enum { SELECTOR_MATCHERS_MAX = 64 };

struct selector {
	struct selector_matcher v[SELECTOR_MATCHERS_MAX];
	size_t n;
	struct arena arena; /* names and values */
};

/* 0; 1 with place and reason (out is empty then); ERR_NOMEM. */
int selector_parse(struct sv text, struct selector *out, struct err *err);
/* Matches every set until it was parsed. */
void selector_init(struct selector *s);
void selector_deinit(struct selector *s);
/* scratch is reset. */
bool selector_matches(const struct selector *s, struct labels set, struct arena *scratch);

DEFINE_CLEANUP(struct selector, selector_deinit)
