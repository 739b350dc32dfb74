/* Labels, metadata and limits of 2.0. That samples, histograms, start times and exemplars come
 * through in order is test_shard.c's. */
#include "../../../remotewrite/encode_v2.h"

#include "../../../remotewrite/metadata.h"
#include "../../../remotewrite/symbols.h"

#include "cmocka_all.h"
#include "make.h"
#include "peer.h"

#include <ampagent/base/err.h>
#include <stdio.h>

struct fixture {
	struct arena arena;
	struct image_rules rules;
	struct image_scratch scratch;
	struct image *im;
	struct labels series[FRAME_SLOTS];
	struct buf out;
	struct metadata_table metadata;
	struct encode_as as;
	struct extras extras;
	struct encode_job job;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){.rules = {LABELS_NULL, NULL},
			      .as = {.protocol = REMOTEWRITE_V2, .symbols = symbols_new()}};
	arena_init(&f->arena, 64 << 20);
	image_scratch_init(&f->scratch);
	metadata_table_init(&f->metadata);
	buf_init(&f->out, 1 << 20);
	f->im = image_new(1);
	assert_non_null(f->im);
	assert_int_equal(image_add_begin(f->im, &f->scratch), 0);
	f->as.metadata = &f->metadata;
	f->job = (struct encode_job){.out = &f->out,
				     .im = f->im,
				     .s = &f->scratch,
				     .as = &f->as,
				     .extras = &f->extras,
				     .oldest_ms = INT64_MIN,
				     .slice = {0, 1000, 1 << 20}};
}

static void teardown(struct fixture *f)
{
	image_free(f->im);
	image_scratch_deinit(&f->scratch);
	metadata_table_deinit(&f->metadata);
	symbols_free(f->as.symbols);
	buf_deinit(&f->out);
	arena_deinit(&f->arena);
}

static void add_series(struct fixture *f, struct label_builder *b)
{
	struct labels *set = &f->series[f->im->n_slots];
	assert_int_equal(label_builder_finish(b, &f->arena, set), 0);
	assert_int_equal(image_add(f->im, &f->scratch, &f->rules, *set), 0);
}

/* Few names and letters, so that neighbours share bytes in every way: labels that end alike, that
 * begin alike, that come and go, values that look like other labels. */
static void add_random_series(struct fixture *f, uint64_t *rng)
{
	static const char *const names[] = {"__name__", "a", "aa", "ab", "b", "ba", "le"};
	struct label_builder b;
	label_builder_init(&b, &f->arena);
	for (size_t i = 0; i < 7; i++) {
		char value[16];
		size_t n = 1 + make_random(rng, 6);
		if (i > 0 && make_random(rng, 4) == 0)
			continue;
		for (size_t k = 0; k < n; k++)
			value[k] = make_random(rng, 5) ? 'a' : (char)('a' + make_random(rng, 2));
		label_builder_set(&b, sv_of(names[i]), arena_dup(&f->arena, sv_make(value, n)));
	}
	add_series(f, &b);
}

static void finish(struct fixture *f, struct peer_request *p)
{
	assert_int_equal(encode_v2_finish(&f->out, f->as.symbols), 0);
	peer_decode_v2(buf_view(&f->out), true, p);
	assert_int_equal(p->not_single, 0);
}

static void check_labels(struct fixture *f, const struct batch_row *rows, size_t n)
{
	struct peer_request p;
	finish(f, &p);
	assert_int_equal(p.n, n);
	for (size_t i = 0; i < n; i++) {
		char text[512];
		peer_labels_text(text, f->series[rows[i].slot]);
		assert_string_equal(p.v[i].labels, text);
		assert_int_equal(p.v[i].bits, rows[i].bits);
	}
	peer_free(&p);
}

static void test_labels(void **state)
{
	uint64_t rng = 3;
	for (int round = 0; round < 40; round++) {
		struct fixture f;
		struct batch_row rows[200];
		struct encode_result r;
		struct batch none = {.owner = 1};
		setup(&f);
		for (int i = 0; i < 60; i++)
			add_random_series(&f, &rng);
		image_add_end(f.im);
		extras_find(&f.extras, &none, 1, 0, true);
		uint16_t slot = 0;
		for (int i = 0; i < 200; i++) {
			/* Mostly onwards, sometimes back, sometimes the same again. */
			slot = (uint16_t)(make_random(&rng, 8) ? slot + make_random(&rng, 3)
							       : make_random(&rng, 60));
			slot %= 60;
			rows[i] = (struct batch_row){1, slot, i, make_random(&rng, UINT64_MAX)};
		}
		symbols_reset(f.as.symbols);
		assert_int_equal(encode_v2_rows(&f.job, rows, 200, &r), 0);
		assert_int_equal(r.samples, 200);
		check_labels(&f, rows, 200);
		teardown(&f);
	}
}

/* A value whose end reads like the label that the next series has there. */
static void test_value_like_a_label(void **state)
{
	static const struct batch_row rows[] = {{1, 0, 1, 1}, {1, 1, 2, 2}, {1, 2, 3, 3}};
	struct fixture f;
	struct encode_result r;
	struct batch none = {.owner = 1};
	setup(&f);
	for (int i = 0; i < 3; i++) {
		struct label_builder b;
		label_builder_init(&b, &f.arena);
		if (i == 1) {
			label_builder_set(&b, SV("a"), SV("x"));
			label_builder_set(&b, SV("z"), SV("v"));
		} else {
			label_builder_set(&b, SV("a"), SV("x\x0a\x06\x0a\x01z\x12\x01v"));
		}
		add_series(&f, &b);
	}
	image_add_end(f.im);
	extras_find(&f.extras, &none, 1, 0, true);
	symbols_reset(f.as.symbols);
	assert_int_equal(encode_v2_rows(&f.job, rows, 3, &r), 0);
	assert_int_equal(r.samples, 3);
	check_labels(&f, rows, 3);
	teardown(&f);
}

/* ---- metadata ---- */

static void add_named(struct fixture *f, const char *name, const char *job)
{
	struct label_builder b;
	label_builder_init(&b, &f->arena);
	if (name[0])
		label_builder_set(&b, LABEL_NAME, sv_of(name));
	label_builder_set(&b, SV("Job"), sv_of(job));
	add_series(f, &b);
}

static void add_family(struct fixture *f, enum metric_type type, const char *family,
		       const char *help, const char *unit)
{
	struct batch_metadata m = {type, sv_of(family), sv_of(help), sv_of(unit)};
	struct batch b = {.metadata = &m, .n_metadata = 1};
	metadata_table_add(&f->metadata, &b);
}

struct family_case {
	const char *name;
	int type;
	const char *help, *unit;
};

static const struct family_case families[] = {
	{"requests_total", METRIC_COUNTER, "Requests.", ""},
	{"requests_created", METRIC_COUNTER, "Requests.", ""},
	{"requests_sum", METRIC_UNKNOWN, "", ""},
	{"latency_seconds_bucket", METRIC_HISTOGRAM, "Latency.", "seconds"},
	{"latency_seconds_bucket", METRIC_HISTOGRAM, "Latency.", "seconds"},
	{"latency_seconds_count", METRIC_HISTOGRAM, "Latency.", "seconds"},
	{"latency_seconds_sum", METRIC_HISTOGRAM, "Latency.", "seconds"},
	{"latency_seconds", METRIC_HISTOGRAM, "Latency.", "seconds"},
	{"", METRIC_UNKNOWN, "", ""},
	{"untold", METRIC_UNKNOWN, "", ""},
	{"up", METRIC_GAUGE, "", ""},
	{"build_info", METRIC_INFO, "Build.", ""},
};

enum { FAMILIES = sizeof families / sizeof families[0] };

static void test_metadata(void **state)
{
	struct fixture f;
	struct encode_result r;
	struct batch none = {.owner = 1};
	uint64_t values[FAMILIES] = {0};
	setup(&f);
	add_family(&f, METRIC_COUNTER, "requests", "Requests.", "");
	add_family(&f, METRIC_HISTOGRAM, "latency_seconds", "Latency.", "seconds");
	add_family(&f, METRIC_GAUGE, "up", "", "");
	add_family(&f, METRIC_INFO, "build", "Build.", "");
	for (int i = 0; i < FAMILIES; i++)
		add_named(&f, families[i].name, i % 2 ? "x" : "y");
	image_add_end(f.im);
	struct batch_column col = {.frame = 1, .n_slots = FAMILIES, .values = values};
	col.present[0] = (1 << FAMILIES) - 1;
	extras_find(&f.extras, &none, 1, 0, true);
	symbols_reset(f.as.symbols);
	assert_int_equal(encode_v2_column(&f.job, &col, 7, &r), 0);
	assert_int_equal(r.samples, FAMILIES);
	struct peer_request p;
	finish(&f, &p);
	for (int i = 0; i < FAMILIES; i++) {
		assert_int_equal(p.v[i].type, families[i].type);
		assert_string_equal(p.v[i].help, families[i].help);
		assert_string_equal(p.v[i].unit, families[i].unit);
	}
	peer_free(&p);
	teardown(&f);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
	struct fixture f;
	struct encode_result r;
	struct batch none = {.owner = 1};
	static uint64_t values[FRAME_SLOTS];
	setup(&f);
	char name[600];
	memset(name, 'n', sizeof name);
	for (int i = 0; i < 100; i++) {
		struct label_builder b;
		snprintf(name + 500, 50, "%d", i);
		label_builder_init(&b, &f.arena);
		label_builder_set(&b, LABEL_NAME, arena_dup(&f.arena, sv_of(name)));
		add_series(&f, &b);
	}
	image_add_end(f.im);
	struct batch_column col = {.frame = 1, .n_slots = 101, .values = values};
	col.present[0] = col.present[1] = ~UINT64_C(0);
	extras_find(&f.extras, &none, 1, 0, true);
	/* By samples; a slot that the image does not have is lost. */
	f.job.slice = (struct encode_slice){90, 7, 1 << 20};
	symbols_reset(f.as.symbols);
	assert_int_equal(encode_v2_column(&f.job, &col, 7, &r), 0);
	assert_int_equal(r.samples, 7);
	assert_int_equal(r.next, 97);
	f.job.slice.from = r.next;
	assert_int_equal(encode_v2_column(&f.job, &col, 7, &r), 0);
	assert_int_equal(r.samples, 3);
	assert_int_equal(r.labels_lost, 1);
	assert_int_equal(r.next, 101);
	/* By bytes, the strings among them; one at least. */
	for (size_t max = 1; max < 40000; max += 1 + max / 2) {
		buf_reset(&f.out);
		symbols_reset(f.as.symbols);
		f.job.slice = (struct encode_slice){0, 1000, max};
		assert_int_equal(encode_v2_column(&f.job, &col, 7, &r), 0);
		assert_true(r.samples >= 1);
		assert_true(r.samples == 1 || f.out.len + f.as.symbols->wire.len <= max);
		assert_true(max < 8000 || r.samples >= max / 1200 - 4);
	}
	/* Without room nothing is left behind. */
	buf_deinit(&f.out);
	buf_init(&f.out, 100);
	f.job.slice = (struct encode_slice){0, 1000, 1 << 20};
	symbols_reset(f.as.symbols);
	assert_int_equal(encode_v2_column(&f.job, &col, 7, &r), ERR_NOMEM);
	assert_int_equal(f.out.len, 0);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_value_like_a_label),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
