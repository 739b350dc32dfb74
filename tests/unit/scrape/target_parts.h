/* What targets are made of in tests: labels from pairs of texts, and a job's options. */
#pragma once

#include <ampagent/scrape.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline struct labels make_labels(struct arena *arena, const char *const *pairs)
{
	struct label_builder b;
	struct labels out;
	label_builder_init(&b, arena);
	for (; *pairs; pairs += 2)
		label_builder_set(&b, sv_of(pairs[0]), sv_of(pairs[1]));
	assert_int_equal(label_builder_finish(&b, arena, &out), 0);
	return out;
}

static inline struct scrape_options options(void)
{
	return (struct scrape_options){.job_name = SV("j"),
				       .interval_ms = 15000,
				       .timeout_ms = 10000,
				       .metrics_path = SV("/metrics"),
				       .scheme = SV("http")};
}
