/* The rules for one family and for one label: what scrape_lint() asks of each. */
#pragma once

#include <ampagent/base/sv.h>
#include <ampagent/model/batch.h>

struct promlint_sink {
	void *userdata;
	/* text lives as long as the call. */
	void (*problem)(void *userdata, struct sv text);
};

/* METRIC_UNKNOWN stands for untyped, which most rules spare. */
void promlint_family(struct sv name, enum metric_type type, bool has_help,
		     const struct promlint_sink *sink);
/* For each label of each metric. le of a histogram and quantile of a summary are none. */
void promlint_label(struct sv label, enum metric_type type, const struct promlint_sink *sink);
