/* Histograms and exemplars of 1.0: what is passed over and why, and what a request has room for.
 * That what is sent is right is test_shard.c's. */
#include "../../../remotewrite/encode.h"

#include "../../../remotewrite/images.h"

#include "cmocka_all.h"
#include "make.h"
#include "peer.h"

#include <ampagent/base/err.h>

struct fixture {
	struct images images;
	struct image_rules rules;
	struct image_scratch scratch;
	struct image *im;
	struct buf out;
	struct encode_as as;
	struct extras extras;
	struct encode_job job;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){.rules = {LABELS_NULL, NULL}, .as = {.histograms = true}};
	image_scratch_init(&f->scratch);
	images_init(&f->images, make_labels());
	images_rules(&f->images, &f->rules);
	assert_int_equal(images_get(&f->images, &f->scratch, 1, 32, 0, &f->im), 0);
	buf_init(&f->out, 1 << 20);
	f->im->dropped[0] = 0;
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
	images_deinit(&f->images);
	image_scratch_deinit(&f->scratch);
	buf_deinit(&f->out);
}

static struct batch_histogram histogram(uint16_t slot, int64_t t_ms, int32_t schema)
{
	return (struct batch_histogram){1, slot, t_ms, {.schema = schema}};
}

static void test_passed_over(void **state)
{
	struct fixture f;
	struct encode_result r;
	setup(&f);
	/* The image's own bit, as write relabeling would set it; items stay, so only at the end. */
	f.im->unusable[0] |= UINT64_C(1) << 31;
	struct batch_histogram v[] = {histogram(0, 10, 0),
				      histogram(1, 4, 0),
				      histogram(2, 10, HISTOGRAM_SCHEMA_CUSTOM),
				      histogram(31, 10, 0),
				      histogram(200, 10, 0),
				      histogram(3, 11, 8)};
	f.job.oldest_ms = 5;
	assert_int_equal(encode_histograms(&f.job, v, 6, &r), 0);
	assert_int_equal(r.next, 6);
	assert_int_equal(r.samples, 2);
	assert_int_equal(r.too_old, 1);
	assert_int_equal(r.nhcb, 1);
	assert_int_equal(r.labels_lost, 2);
	struct peer_request p;
	peer_decode(buf_view(&f.out), true, &p);
	assert_int_equal(p.n, 2);
	assert_string_equal(p.v[0].labels, "__name__=\"metric\",place=\"1/0\"");
	assert_string_equal(p.v[1].labels, "__name__=\"metric\",place=\"1/3\"");
	assert_int_equal(p.v[1].h.schema, 8);
	peer_free(&p);
	f.as.histograms = false;
	assert_int_equal(encode_histograms(&f.job, v, 6, &r), 0);
	assert_int_equal(r.not_sent, 5);
	assert_int_equal(r.too_old, 1);
	assert_int_equal(r.samples, 0);
	teardown(&f);
}

static void test_limits(void **state)
{
	enum { N = 600 };
	static union histogram_number buckets[N];
	struct histogram_span span = {0, N};
	struct fixture f;
	struct encode_result r;
	setup(&f);
	struct batch_histogram v[5];
	for (int i = 0; i < 5; i++) {
		v[i] = histogram((uint16_t)i, 10, 0);
		v[i].h.side[0] = (struct histogram_side){&span, 1, buckets, N};
	}
	f.job.slice.max = 2;
	assert_int_equal(encode_histograms(&f.job, v, 5, &r), 0);
	assert_int_equal(r.samples, 2);
	assert_int_equal(r.next, 2);
	size_t two = f.out.len;
	/* One fits whatever the limit is; with two in it a third does not. */
	f.job.slice = (struct encode_slice){0, 1000, 1};
	buf_reset(&f.out);
	assert_int_equal(encode_histograms(&f.job, v, 5, &r), 0);
	assert_int_equal(r.samples, 1);
	f.job.slice = (struct encode_slice){1, 1000, two + 200};
	assert_int_equal(encode_histograms(&f.job, v, 5, &r), 0);
	assert_int_equal(r.samples, 1);
	assert_int_equal(r.next, 2);
	assert_true(f.out.len <= two + 200);
	/* What no request could hold is passed over, not tried for ever. */
	f.scratch.message.max = 100;
	f.job.slice = (struct encode_slice){0, 1000, 1 << 20};
	assert_int_equal(encode_histograms(&f.job, v, 5, &r), 0);
	assert_int_equal(r.too_large, 5);
	assert_int_equal(r.next, 5);
	/* Without memory everything is as it was. */
	buf_deinit(&f.out);
	buf_init(&f.out, 800);
	f.scratch.message.max = 1 << 20;
	assert_int_equal(encode_histograms(&f.job, v, 5, &r), ERR_NOMEM);
	assert_int_equal(f.out.len, 0);
	teardown(&f);
}

static const uint64_t all_slots[FRAME_SLOTS / 64] = {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0),
						     ~UINT64_C(0)};

static void test_exemplars(void **state)
{
	struct fixture f;
	struct batch_exemplar ex[] = {
		{1, 0, 10, 100, LABELS_NULL},  {1, 2, 4, 101, LABELS_NULL},
		{1, 2, 11, 102, LABELS_NULL},  {1, 2, 12, 103, LABELS_NULL},
		{1, 31, 10, 104, LABELS_NULL}, {1, 99, 10, 105, LABELS_NULL},
		{2, 0, 10, 106, LABELS_NULL},
	};
	struct batch b = {.exemplars = ex, .n_exemplars = 7};
	setup(&f);
	f.im->unusable[0] |= UINT64_C(1) << 31;
	f.job.oldest_ms = 5;
	extras_find(&f.extras, &b, 1, 0, true);
	assert_int_equal(encode_exemplars(&f.job, all_slots), 0);
	assert_int_equal(f.extras.counts.sent, 3);
	assert_int_equal(f.extras.counts.too_old, 1);
	assert_int_equal(f.extras.counts.labels_lost, 2);
	struct peer_request p;
	peer_decode(buf_view(&f.out), true, &p);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.not_single, 0);
	assert_string_equal(p.v[1].labels, "__name__=\"metric\",place=\"1/2\"");
	assert_int_equal(p.v[1].n_exemplars, 2);
	assert_int_equal(p.v[1].exemplars[0].bits, 102);
	assert_int_equal(p.v[1].exemplars[1].t_ms, 12);
	peer_free(&p);
	/* They are gone with that. */
	buf_reset(&f.out);
	assert_int_equal(encode_exemplars(&f.job, all_slots), 0);
	assert_int_equal(f.out.len, 0);
	/* A full request has no room, and the books say so. */
	extras_find(&f.extras, &b, 1, 0, true);
	f.job.slice.raw_max = 10;
	assert_int_equal(encode_exemplars(&f.job, all_slots), 0);
	assert_int_equal(f.extras.counts.sent, 0);
	assert_int_equal(f.extras.counts.too_large, 3);
	assert_int_equal(f.out.len, 0);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_exemplars),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
