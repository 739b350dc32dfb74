/* Pages as node_exporter, kube-state-metrics, cAdvisor and an application with histograms write
 * them: about 130 bytes a line, names and values of their kinds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text that all targets share: lines without their values. */
struct template;

struct template_options {
	uint32_t series;
	uint32_t change_percent; /* of the values, each scrape */
	uint32_t churn_percent;  /* of the series, each scrape */
	uint64_t seed;
};

/* NULL when memory is gone. The caller frees it with template_free(). */
struct template *template_new(const struct template_options *opt);
void template_free(struct template *t);
/* Upper bound of one page's bytes. */
size_t template_page_max(const struct template *t);

/* The values of one target, scrape after scrape. */
struct values;
struct values *values_new(const struct template *t, uint32_t target);
void values_free(struct values *v);
/* Moves on by one scrape: the deterministic share of values changes. */
void values_step(struct values *v, const struct template *t);
/* Writes the page as it is now into dst (template_page_max() bytes); returns its length. */
size_t page_write(char *dst, const struct template *t, const struct values *v);
