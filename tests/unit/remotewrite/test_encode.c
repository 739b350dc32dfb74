/* Images and the encoder against protobuf-c and against a plain list of label sets. */
#include "../../../remotewrite/encode.h"

#include "cmocka_all.h"
#include "peer.h"

#include <ampagent/base/compress.h>
#include <ampagent/base/number.h>
#include <stdio.h>

struct fixture {
	struct arena arena;
	struct image_scratch scratch;
	struct image *image;
	struct labels series[FRAME_SLOTS];
	struct labels want[FRAME_SLOTS]; /* after external labels and relabeling */
	bool dropped[FRAME_SLOTS];
	uint64_t rng;
};

static uint64_t rnd(struct fixture *f, uint64_t below)
{
	f->rng ^= f->rng << 13;
	f->rng ^= f->rng >> 7;
	f->rng ^= f->rng << 17;
	return f->rng % below;
}

static struct labels make_set(struct fixture *f, unsigned i, bool merged)
{
	struct label_builder b;
	char text[300];
	label_builder_init(&b, &f->arena);
	uint64_t rng = f->rng = 77 + i;
	snprintf(text, sizeof text, "metric_%u", i / 9);
	label_builder_set(&b, SV("__name__"), arena_dup(&f->arena, sv_of(text)));
	snprintf(text, sizeof text, "%.*s%u", (int)rnd(f, 200),
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaa",
		 i);
	label_builder_set(&b, SV("le"), arena_dup(&f->arena, sv_of(text)));
	if (i % 5 == 0)
		label_builder_set(&b, SV("cluster"), SV("own"));
	else if (merged)
		label_builder_set(&b, SV("cluster"), SV("external"));
	if (merged)
		label_builder_set(&b, SV("zone"), SV("z"));
	f->rng = rng;
	struct labels out;
	assert_int_equal(label_builder_finish(&b, &f->arena, &out), 0);
	return out;
}

static void setup(struct fixture *f, unsigned n)
{
	*f = (struct fixture){.rng = 1};
	arena_init(&f->arena, 16 << 20);
	image_scratch_init(&f->scratch);
	for (unsigned i = 0; i < n; i++) {
		f->series[i] = make_set(f, i, false);
		f->want[i] = make_set(f, i, true);
		f->dropped[i] = i % 7 == 3;
	}
}

static void teardown(struct fixture *f)
{
	image_free(f->image);
	image_scratch_deinit(&f->scratch);
	arena_deinit(&f->arena);
}

/* External labels as the series lack them; every le ending in 3, 10, 17 ... is dropped. */
static struct image_rules rules_of(struct fixture *f)
{
	struct label_builder b;
	label_builder_init(&b, &f->arena);
	label_builder_set(&b, SV("cluster"), SV("external"));
	label_builder_set(&b, SV("zone"), SV("z"));
	struct image_rules r = {LABELS_NULL, NULL};
	assert_int_equal(label_builder_finish(&b, &f->arena, &r.external), 0);
	struct relabel_rule rule = relabel_rule_default();
	char regex[4096];
	size_t at = 0;
	for (unsigned i = 3; i < FRAME_SLOTS; i += 7)
		at += (size_t)snprintf(regex + at, sizeof regex - at, "%sa*%u", at ? "|" : "", i);
	struct sv le = SV("le");
	rule.action = RELABEL_DROP;
	rule.source_labels = &le;
	rule.n_source_labels = 1;
	rule.regex = sv_make(regex, at);
	rule.regex_set = true;
	size_t bad;
	struct err err = ERR_NULL;
	if (relabel_compile(&rule, 1, NAMES_UTF8, &r.write_relabel, &bad, &err) != 0)
		fail_msg("%s", err.msg);
	return r;
}

/* Slots are added in pieces, as a growing frame does. */
static void build_image(struct fixture *f, unsigned n, const struct image_rules *rules)
{
	f->image = image_new(1);
	assert_non_null(f->image);
	for (unsigned i = 0; i < n;) {
		unsigned to = i + 1 + (unsigned)rnd(f, 40);
		assert_int_equal(image_add_begin(f->image, &f->scratch), 0);
		for (; i < to && i < n; i++)
			assert_int_equal(image_add(f->image, &f->scratch, rules, f->series[i]), 0);
		image_add_end(f->image);
	}
	assert_int_equal(f->image->n_slots, n);
}

struct expected {
	unsigned slot[FRAME_SLOTS];
	unsigned n;
};

static void check(struct fixture *f, struct buf *out, const struct batch_column *col, int64_t t_ms,
		  const struct expected *want)
{
	struct peer_request r;
	peer_decode(buf_view(out), true, &r);
	assert_int_equal(r.n, want->n);
	assert_int_equal(r.not_single, 0);
	for (unsigned i = 0; i < want->n; i++) {
		char text[512];
		peer_labels_text(text, f->want[want->slot[i]]);
		assert_string_equal(r.v[i].labels, text);
		assert_int_equal(r.v[i].bits, col->values[want->slot[i]]);
		assert_int_equal(r.v[i].t_ms, t_ms);
	}
	peer_free(&r);
}

static void random_column(struct fixture *f, struct batch_column *col, unsigned n, uint64_t *values)
{
	static const uint64_t special[] = {0,
					   UINT64_C(0x8000000000000000),
					   VALUE_NAN_BITS,
					   VALUE_STALE_BITS,
					   UINT64_C(0x7ff0000000000000),
					   1};
	*col = (struct batch_column){.frame = 1, .n_slots = (uint16_t)n, .values = values};
	for (unsigned i = 0; i < n; i++) {
		values[i] = rnd(f, 2) ? special[rnd(f, 6)] : f->rng;
		if (rnd(f, 4))
			col->present[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

static void test_columns(void **state)
{
	static const int64_t times[] = {0, 1, 1790000000123, -1, INT64_MAX, INT64_MIN};
	struct fixture f;
	uint64_t values[FRAME_SLOTS];
	setup(&f, FRAME_SLOTS);
	struct image_rules rules = rules_of(&f);
	build_image(&f, FRAME_SLOTS, &rules);
	for (int round = 0; round < 60; round++) {
		struct batch_column col;
		struct expected want = {.n = 0};
		random_column(&f, &col, 1 + (unsigned)rnd(&f, FRAME_SLOTS), values);
		uint32_t dropped = 0;
		for (unsigned i = 0; i < col.n_slots; i++) {
			if (!image_bit(col.present, i))
				continue;
			if (f.dropped[i])
				dropped++;
			else
				want.slot[want.n++] = i;
		}
		/* In random pieces, by samples and by bytes. */
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, 1 << 20);
		struct encode_result sum = {0};
		while (sum.next < col.n_slots) {
			struct encode_result r;
			_cleanup_(buf_deinit) struct buf piece = BUF_NULL;
			buf_init(&piece, 1 << 20);
			struct encode_slice s = {sum.next, 1 + (uint32_t)rnd(&f, 100),
						 rnd(&f, 3) ? 1 << 20 : 500 + rnd(&f, 3000)};
			assert_int_equal(encode_column(&piece, f.image, &f.scratch, &col,
						       times[round % 6], &s, &r),
					 0);
			assert_true(r.samples <= s.max);
			assert_true(r.samples <= 1 || piece.len <= s.raw_max);
			assert_true(r.next > sum.next || r.samples + r.dropped > 0);
			buf_sv(&out, buf_view(&piece));
			sum.next = r.next;
			sum.samples += r.samples;
			sum.dropped += r.dropped;
			sum.labels_lost += r.labels_lost;
		}
		assert_int_equal(sum.samples, want.n);
		assert_int_equal(sum.dropped, dropped);
		assert_int_equal(sum.labels_lost, 0);
		check(&f, &out, &col, times[round % 6], &want);
	}
	relabel_unref(rules.write_relabel);
	teardown(&f);
}

/* Slots beyond what the log knew of the frame. */
static void test_labels_lost(void **state)
{
	struct fixture f;
	uint64_t values[FRAME_SLOTS] = {0};
	setup(&f, 10);
	struct image_rules rules = rules_of(&f);
	build_image(&f, 10, &rules);
	struct batch_column col = {.frame = 1, .n_slots = 12, .values = values};
	col.present[0] = 0xfff;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 20);
	struct encode_result r;
	struct encode_slice s = {0, 1000, 1 << 20};
	assert_int_equal(encode_column(&out, f.image, &f.scratch, &col, 5, &s, &r), 0);
	assert_int_equal(r.labels_lost, 2);
	assert_int_equal(r.dropped, 1);
	assert_int_equal(r.samples, 9);
	assert_int_equal(r.next, 12);
	relabel_unref(rules.write_relabel);
	teardown(&f);
}

static void test_rows(void **state)
{
	struct fixture f;
	setup(&f, 100);
	struct image_rules rules = rules_of(&f);
	build_image(&f, 100, &rules);
	struct batch_row rows[300];
	for (int i = 0; i < 300; i++)
		rows[i] = (struct batch_row){1, (uint16_t)(i < 100 ? (uint64_t)i : rnd(&f, 100)), i,
					     f.rng};
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 20);
	struct encode_result r;
	uint32_t next = 0, samples = 0, dropped = 0, old = 0;
	while (next < 300) {
		struct encode_slice s = {next, 1 + (uint32_t)rnd(&f, 50), 1 << 20};
		assert_int_equal(encode_rows(&out, f.image, &f.scratch, rows, 300, 20, &s, &r), 0);
		next = r.next;
		samples += r.samples;
		dropped += r.dropped;
		old += r.too_old;
	}
	assert_int_equal(old, 20);
	assert_int_equal(samples + dropped + old, 300);
	struct peer_request p;
	peer_decode(buf_view(&out), true, &p);
	assert_int_equal(p.n, samples);
	size_t at = 0;
	for (int i = 20; i < 300; i++) {
		char text[512];
		if (f.dropped[rows[i].slot])
			continue;
		peer_labels_text(text, f.want[rows[i].slot]);
		assert_string_equal(p.v[at].labels, text);
		assert_int_equal(p.v[at].t_ms, i);
		assert_int_equal(p.v[at].bits, rows[i].bits);
		at++;
	}
	peer_free(&p);
	relabel_unref(rules.write_relabel);
	teardown(&f);
}

static void test_output_full(void **state)
{
	struct fixture f;
	uint64_t values[FRAME_SLOTS] = {0};
	setup(&f, 50);
	struct image_rules rules = {LABELS_NULL, NULL};
	build_image(&f, 50, &rules);
	struct batch_column col = {.frame = 1, .n_slots = 50, .values = values};
	col.present[0] = (UINT64_C(1) << 50) - 1;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1000);
	struct encode_result r;
	struct encode_slice s = {0, 1000, 1 << 20};
	assert_int_equal(encode_column(&out, f.image, &f.scratch, &col, 5, &s, &r), ERR_NOMEM);
	assert_int_equal(out.len, 0);
	teardown(&f);
}

static void test_image_is_small(void **state)
{
	struct fixture f;
	setup(&f, FRAME_SLOTS);
	struct image_rules rules = {LABELS_NULL, NULL};
	f.image = image_new(1);
	image_add_begin(f.image, &f.scratch);
	for (unsigned i = 0; i < FRAME_SLOTS; i++) {
		struct label_builder b;
		char le[16];
		label_builder_init(&b, &f.arena);
		snprintf(le, sizeof le, "%u", i);
		label_builder_set(&b, SV("__name__"), SV("http_request_duration_seconds_bucket"));
		label_builder_set(&b, SV("cluster"), SV("production-eu-west-1"));
		label_builder_set(&b, SV("instance"), SV("10.0.123.45:9100"));
		label_builder_set(&b, SV("job"), SV("node-exporter"));
		label_builder_set(&b, SV("le"), arena_dup(&f.arena, sv_of(le)));
		label_builder_set(&b, SV("namespace"), SV("monitoring"));
		label_builder_set(&b, SV("pod"), SV("node-exporter-7d4b9c6f5-x2x9z"));
		struct labels set;
		assert_int_equal(label_builder_finish(&b, &f.arena, &set), 0);
		assert_int_equal(image_add(f.image, &f.scratch, &rules, set), 0);
	}
	image_add_end(f.image);
	assert_true(image_bytes(f.image) / FRAME_SLOTS < 20);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),        cmocka_unit_test(test_labels_lost),
		cmocka_unit_test(test_rows),           cmocka_unit_test(test_output_full),
		cmocka_unit_test(test_image_is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
