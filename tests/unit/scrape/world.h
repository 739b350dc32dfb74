/* One owner and the pages it is given; what each batch holds, as text. */
#pragma once

#include "../../../scrape/page.h"

#include <ampagent/base/number.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SLOTS_MAX = 4096 };

struct world {
	struct scrape_options opt;
	enum scrape_protocol format; /* of the pages to come */
	struct scrape_features features;
	struct arena scratch, names;
	struct labels target;
	uint32_t next_frame, next_owner;
	struct owner *owner;
	int64_t t_ms;
	struct labels defined[SLOTS_MAX]; /* by frame * 256 + slot; copies in names */
	unsigned retired;
	struct page_result result;
	struct err err;
	/* The last batch, sorted lines "labels value [@t]" without report series. A histogram's
	 * value is "hist schema/count/sum"; "exemplar ..." and "start ..." lines tell of their
	 * series. */
	struct buf text;
	double report[REPORT_MAX];
	unsigned n_report, n_defs, n_metadata;
	size_t batch_bytes;
};

int setup(void **state);
int teardown(void **state);

struct labels make_labels(struct arena *arena, const char *const *pairs);
struct page_env env_of(struct world *w);
/* The batch as text, and its definitions noted. */
void flatten(struct world *w, const struct batch *b);
/* One scrape of text (NULL: the fetch failed), a second after the last one; the batch is handed
 * over unless refuse. */
int scrape_and(struct world *w, const char *text, bool refuse);
int scrape_page(struct world *w, const char *text);
/* The same for bytes; a newline is appended. */
int scrape_bytes(struct world *w, struct sv page);

#define ASSERT_BATCH(w, expected) assert_string_equal((w)->text.ptr ? (w)->text.ptr : "", expected)

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
