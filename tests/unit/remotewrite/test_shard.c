#include "../../../remotewrite/shard.h"

#include "../../../remotewrite/metadata.h"
#include "../../../remotewrite/position.h"
#include "../../../remotewrite/symbols.h"

#include "cmocka_all.h"
#include "make.h"
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

struct world {
	struct queue q;
	struct images images;
	struct image_scratch scratch;
	struct image_rules rules;
	struct buf out;
};

static void setup(struct world *w)
{
	*w = (struct world){.rules = {LABELS_NULL, NULL}};
	image_scratch_init(&w->scratch);
	images_init(&w->images, make_labels());
	images_rules(&w->images, &w->rules);
	buf_init(&w->out, 16 << 20);
}

static void teardown(struct world *w)
{
	queue_deinit(&w->q);
	images_deinit(&w->images);
	image_scratch_deinit(&w->scratch);
	buf_deinit(&w->out);
}

static void push(struct world *w, struct shape shape)
{
	struct batch *b = make_batch(&shape);
	struct queue_entry e = {.batch = b, .pos = b->pos, .end = b->end.sequence};
	assert_int_equal(queue_push(&w->q, &e), 0);
}

static void push_lost(struct world *w, uint64_t n, bool overlap)
{
	struct queue_entry e = {
		.pos = {1, 0, 1000}, .end = 1000 + n, .overlap = overlap, .reason = DROP_DAMAGED};
	assert_int_equal(queue_push(&w->q, &e), 0);
}

static const struct shape shapes[] = {
	{.t_ms = 10, .first = 0, .n_columns = 7, .slots = 32, .absent = 3},
	{.t_ms = 20, .first = 3, .n_columns = 1, .slots = 1, .absent = 8},
	{.t_ms = 30, .first = 0, .n_columns = 0, .n_rows = 23},
	{.t_ms = 40, .first = 9, .n_columns = 20, .slots = 5, .absent = 0, .n_rows = 12},
	{.t_ms = 50, .first = 0, .n_columns = 0, .n_histograms = 17},
	{.t_ms = 60, .first = 2, .n_columns = 3, .slots = 9, .n_rows = 8, .n_histograms = 11},
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void test_items_are_shared_out(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++)
		push(&w, shapes[i]);
	push_lost(&w, 99, false);
	for (uint32_t n = 1; n <= 9; n++) {
		for (uint64_t no = 0; no < w.q.n; no++) {
			const struct queue_entry *e = queue_at(&w.q, no);
			uint64_t sum = 0;
			for (uint32_t i = 0; i < n; i++)
				sum += shard_entry_items(e, n, i);
			assert_int_equal(sum, e->batch ? e->batch->n_samples : 1);
		}
		assert_int_equal(shard_entry_items(queue_at(&w.q, SHAPES), n, 0), 1);
	}
	teardown(&w);
}

static struct built build(struct world *w, const struct shard_walk *walk, struct cursor from,
			  uint32_t max)
{
	struct build_limits limits = {max, 8 << 20, INT64_MIN, UINT64_MAX, {.histograms = true}};
	struct built res;
	buf_reset(&w->out);
	assert_int_equal(
		shard_build(walk, from, &limits, &w->images, &w->scratch, 0, &w->out, &res), 0);
	return res;
}

/* Cut in any size: each shard passes all of its own and no more, and each place that it stops at is
 * found again from what is stored of it: the entry and the number of own items. */
static void test_cut_and_find_again(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++)
		push(&w, shapes[i]);
	uint64_t all = 0;
	for (size_t i = 0; i < SHAPES; i++)
		all += queue_at(&w.q, i)->batch->n_samples;
	for (uint32_t n = 1; n <= 5; n++) {
		for (uint32_t max = 1; max < 60; max += 1 + max / 3) {
			uint64_t sent = 0;
			for (uint32_t i = 0; i < n; i++) {
				struct shard_walk walk = {.queue = &w.q, .n = n, .index = i};
				struct cursor c = {0};
				while (c.no < queue_end(&w.q)) {
					struct built r = build(&w, &walk, c, max);
					assert_true(r.books.sent <= max);
					assert_int_equal(r.items, r.books.sent);
					sent += r.books.sent;
					c = r.end;
					if (c.no == queue_end(&w.q))
						break;
					assert_int_equal(r.books.sent, max);
					struct cursor at = shard_cursor_at(&w.q, n, i, c.no, c.own);
					struct built a = build(&w, &walk, at, max);
					struct built b = build(&w, &walk, c, max);
					assert_int_equal(a.items, b.items);
					assert_int_equal(a.end.no, b.end.no);
					assert_int_equal(a.end.own, b.end.own);
				}
			}
			assert_int_equal(sent, all);
		}
	}
	teardown(&w);
}

static void test_skip_idle(void **state)
{
	struct world w;
	setup(&w);
	push(&w, shapes[1]); /* one sample of frame 3 */
	push(&w, shapes[1]);
	uint32_t owner = frame_shard(3, 4);
	for (uint32_t i = 0; i < 4; i++) {
		struct shard_walk walk = {.queue = &w.q, .n = 4, .index = i};
		struct cursor c = {0};
		shard_skip_idle(&walk, &c);
		assert_int_equal(c.no, i == owner ? 0 : 2);
		c = (struct cursor){.no = 0, .item = 0, .slot = 1, .own = 1};
		shard_skip_idle(&walk, &c);
		assert_int_equal(c.no, i == owner ? 1 : 2);
	}
	teardown(&w);
}

static void test_lost(void **state)
{
	struct world w;
	setup(&w);
	push_lost(&w, 7, false);
	push_lost(&w, 5, true);
	struct cursor former[2] = {{.no = 1}, {.no = 0}};
	struct shard_walk walk = {.queue = &w.q, .n = 3, .index = 0};
	struct built r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.items, 2);
	assert_int_equal(r.books.dropped[DROP_DAMAGED], 7);
	assert_int_equal(r.beyond, 7);
	walk.index = 1;
	r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.items, 0);
	assert_int_equal(books_total(&r.books), 0);
	assert_int_equal(r.end.no, 2);
	/* A former shard 0 that had passed it has booked it. */
	walk = (struct shard_walk){&w.q, 3, 0, former, 2};
	r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.items, 2);
	assert_int_equal(books_total(&r.books), 0);
	former[0].no = 0;
	former[1].no = 1;
	r = build(&w, &walk, (struct cursor){0}, 10);
	assert_int_equal(r.books.dropped[DROP_DAMAGED], 7);
	teardown(&w);
}

/* What lies before the former shards' places is passed without booking, to the sample. */
static void test_former(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < SHAPES; i++)
		push(&w, shapes[i]);
	uint64_t all = 0;
	for (size_t i = 0; i < SHAPES; i++)
		all += queue_at(&w.q, i)->batch->n_samples;
	for (uint32_t step = 0; step < 40; step++) {
		struct cursor former[2];
		uint64_t done = 0;
		for (uint32_t i = 0; i < 2; i++) {
			struct shard_walk walk = {.queue = &w.q, .n = 2, .index = i};
			struct built r = build(&w, &walk, (struct cursor){0}, 1 + step * (3 + i));
			former[i] = r.end;
			done += r.books.sent;
		}
		uint64_t sent = 0, items = 0;
		for (uint32_t i = 0; i < 5; i++) {
			struct shard_walk walk = {&w.q, 5, i, former, 2};
			struct built r = build(&w, &walk, (struct cursor){0}, 100000);
			sent += r.books.sent;
			items += r.items;
		}
		assert_int_equal(items, all);
		assert_int_equal(sent, all - done);
	}
	teardown(&w);
}

static void test_limits(void **state)
{
	struct world w;
	setup(&w);
	for (size_t i = 0; i < 4; i++) {
		struct shape s = shapes[i];
		s.sequence = 100 * i;
		push(&w, s);
	}
	struct shard_walk walk = {.queue = &w.q, .n = 1};
	struct build_limits limits = {100000, 8 << 20, 35, 300};
	struct built r;
	/* Times from 35 on: some rows of the third batch. The fourth begins at 300. */
	assert_int_equal(shard_build(&walk, (struct cursor){0}, &limits, &w.images, &w.scratch, 0,
				     &w.out, &r),
			 0);
	assert_int_equal(r.end.no, 3);
	assert_int_equal(r.books.sent, 23 - 5);
	assert_int_equal(r.books.dropped[DROP_TOO_OLD],
			 queue_at(&w.q, 0)->batch->n_samples + 1 + 5);
	assert_int_equal(r.oldest_ms, 35);
	assert_int_equal(r.newest_ms, 30 + 22);
	/* By bytes: at least one sample, whatever the limit. */
	limits = (struct build_limits){100000, 1, INT64_MIN, UINT64_MAX};
	buf_reset(&w.out);
	assert_int_equal(shard_build(&walk, (struct cursor){0}, &limits, &w.images, &w.scratch, 0,
				     &w.out, &r),
			 0);
	assert_int_equal(r.books.sent, 1);
	teardown(&w);
}

/* ---- everything, at random ---- */

enum { BATCHES = 6 };

/* What is logged, how it is sent, and what of it has arrived. */
struct trial {
	struct world w;
	struct make_item *items[BATCHES];
	size_t n_items[BATCHES];
	uint64_t rng;
	struct encode_as as;
	bool drops; /* write relabeling drops slots that end in 5 */
	/* Of one shard's way: the item that has to come next. */
	uint32_t n_shards, shard;
	size_t batch, item;
	uint64_t not_sent;
	uint64_t exemplars, exemplars_left_out;
};

static struct relabel_set *drop_rules(void)
{
	struct relabel_rule rule = relabel_rule_default();
	struct sv place = SV("place");
	struct relabel_set *set = NULL;
	size_t bad;
	struct err err = ERR_NULL;
	rule.action = RELABEL_DROP;
	rule.source_labels = &place;
	rule.n_source_labels = 1;
	rule.regex = SV(".*/1?5");
	rule.regex_set = true;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, &bad, &err), 0);
	return set;
}

static void trial_setup(struct trial *t, uint64_t seed)
{
	*t = (struct trial){.rng = seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
	setup(&t->w);
	t->drops = make_random(&t->rng, 2);
	if (t->drops)
		t->w.rules.write_relabel = drop_rules();
	images_rules(&t->w.images, &t->w.rules);
	t->as = (struct encode_as){.protocol = seed % 2 ? REMOTEWRITE_V2 : REMOTEWRITE_V1,
				   .exemplars = make_random(&t->rng, 4),
				   .histograms = make_random(&t->rng, 4)};
	if (t->as.protocol == REMOTEWRITE_V2)
		t->as.symbols = symbols_new();
	uint64_t sequence = 0;
	for (int i = 0; i < BATCHES; i++) {
		struct batch *b = make_random_batch(&t->rng, sequence, 1000 * (i + 1));
		struct queue_entry e = {.batch = b, .pos = b->pos, .end = b->end.sequence};
		t->n_items[i] = make_items(b, &t->items[i]);
		sequence = b->end.sequence;
		assert_int_equal(queue_push(&t->w.q, &e), 0);
	}
}

static void trial_teardown(struct trial *t)
{
	for (int i = 0; i < BATCHES; i++)
		free(t->items[i]);
	symbols_free(t->as.symbols);
	relabel_unref(t->w.rules.write_relabel);
	teardown(&t->w);
}

static bool is_sent(const struct trial *t, const struct make_item *x)
{
	if (t->drops && (x->slot == 5 || x->slot == 15))
		return false;
	if (!x->h)
		return true;
	return t->as.histograms &&
	       (t->as.protocol == REMOTEWRITE_V2 || x->h->schema != HISTOGRAM_SCHEMA_CUSTOM);
}

/* The shard's next item that is sent; what is passed over is counted. NULL at the end. */
static const struct make_item *next_item(struct trial *t)
{
	for (; t->batch < BATCHES; t->batch++, t->item = 0) {
		while (t->item < t->n_items[t->batch]) {
			const struct make_item *x = &t->items[t->batch][t->item++];
			if (frame_shard(x->frame, t->n_shards) != t->shard)
				continue;
			if (is_sent(t, x))
				return x;
			t->not_sent++;
		}
	}
	return NULL;
}

static void check_exemplars(struct trial *t, const struct make_item *x, const struct peer_sample *s)
{
	char text[512];
	/* Without room some are left out, never reordered. */
	uint32_t at = 0;
	for (size_t i = 0; i < s->n_exemplars; i++, at++) {
		for (; at < x->n_exemplars && (x->exemplars[at].bits != s->exemplars[i].bits ||
					       x->exemplars[at].t_ms != s->exemplars[i].t_ms);
		     at++)
			;
		assert_true(at < x->n_exemplars);
		peer_labels_text(text, x->exemplars[at].labels);
		assert_string_equal(s->exemplars[i].labels, text);
	}
	t->exemplars += s->n_exemplars;
}

static void check_item(struct trial *t, const struct make_item *x, const struct peer_sample *s)
{
	char labels[64];
	assert_non_null(x);
	snprintf(labels, sizeof labels, "__name__=\"metric\",place=\"%u/%u\"", x->frame, x->slot);
	assert_string_equal(s->labels, labels);
	assert_int_equal(s->t_ms, x->t_ms);
	assert_int_equal(s->is_histogram, x->h != NULL);
	bool v2 = t->as.protocol == REMOTEWRITE_V2;
	if (x->h) {
		struct histogram want = *x->h;
		want.start_ms = v2 ? want.start_ms : 0;
		assert_true(histogram_eq(&want, &s->h));
	} else {
		assert_int_equal(s->bits, x->bits);
		assert_int_equal(s->start_ms, v2 ? x->start_ms : 0);
	}
	if (v2)
		check_exemplars(t, x, s);
}

/* 1.0: a series of exemplars belongs to a sample of the same request. */
static void check_series_of_exemplars(struct trial *t, const struct peer_sample *s,
				      const struct make_item **sent, size_t n)
{
	char labels[64];
	for (size_t i = 0; i < n; i++) {
		snprintf(labels, sizeof labels, "__name__=\"metric\",place=\"%u/%u\"",
			 sent[i]->frame, sent[i]->slot);
		if (sent[i]->n_exemplars == 0 || strcmp(s->labels, labels) != 0 ||
		    sent[i]->exemplars[0].t_ms < s->exemplars[0].t_ms ||
		    sent[i]->exemplars[0].t_ms - 3 > s->exemplars[0].t_ms)
			continue;
		check_exemplars(t, sent[i], s);
		return;
	}
	fail_msg("exemplars of %s without its sample", s->labels);
}

static void check_request(struct trial *t, const struct built *r)
{
	struct peer_request p;
	if (t->as.protocol == REMOTEWRITE_V2)
		peer_decode_v2(buf_view(&t->w.out), true, &p);
	else
		peer_decode(buf_view(&t->w.out), true, &p);
	assert_int_equal(p.not_single, 0);
	const struct make_item **sent = calloc(p.n + 1, sizeof *sent);
	assert_non_null(sent);
	size_t n = 0, histograms = 0;
	uint64_t exemplars = t->exemplars;
	for (size_t i = 0; i < p.n; i++) {
		if (p.v[i].only_exemplars)
			continue;
		sent[n] = next_item(t);
		check_item(t, sent[n++], &p.v[i]);
		histograms += p.v[i].is_histogram;
	}
	for (size_t i = 0; i < p.n; i++)
		if (p.v[i].only_exemplars)
			check_series_of_exemplars(t, &p.v[i], sent, n);
	assert_int_equal(n, r->books.sent);
	assert_int_equal(histograms, r->histograms.sent);
	assert_int_equal(t->exemplars - exemplars, r->exemplars.sent);
	t->exemplars_left_out += r->exemplars.dropped[DROP_TOO_LARGE];
	free(sent);
	peer_free(&p);
}

static void run_shard(struct trial *t, uint64_t raw_max)
{
	struct shard_walk walk = {.queue = &t->w.q, .n = t->n_shards, .index = t->shard};
	struct cursor c = {0};
	uint64_t dropped = 0;
	t->batch = t->item = t->not_sent = 0;
	while (c.no < queue_end(&t->w.q)) {
		struct build_limits limits = {1 + (uint32_t)make_random(&t->rng, 60), raw_max,
					      INT64_MIN, UINT64_MAX, t->as};
		struct built r;
		buf_reset(&t->w.out);
		assert_int_equal(shard_build(&walk, c, &limits, &t->w.images, &t->w.scratch, 0,
					     &t->w.out, &r),
				 0);
		assert_true(r.books.sent <= limits.max_samples);
		assert_true(r.books.sent <= 1 || t->w.out.len <= raw_max + raw_max / 2);
		assert_true(r.items == books_total(&r.books));
		assert_true(r.items > 0 || r.end.no > c.no);
		dropped += books_dropped(&r.books);
		if (r.books.sent > 0)
			check_request(t, &r);
		/* The place is found again from what is stored of it. */
		c = r.end.no < queue_end(&t->w.q)
			    ? shard_cursor_at(&t->w.q, t->n_shards, t->shard, r.end.no, r.end.own)
			    : r.end;
	}
	assert_null(next_item(t));
	assert_int_equal(t->not_sent, dropped);
}

static uint64_t exemplars_to_go(const struct trial *t)
{
	uint64_t n = 0;
	for (int i = 0; i < BATCHES && t->as.exemplars; i++)
		for (size_t k = 0; k < t->n_items[i]; k++)
			n += is_sent(t, &t->items[i][k]) ? t->items[i][k].n_exemplars : 0;
	return n;
}

/* Batches that hold everything, any number of shards, cut anywhere: each item arrives once and in
 * order, by both protocols, and exemplars arrive with theirs. */
static void test_everything(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct trial t;
		trial_setup(&t, seed);
		uint64_t raw_max = seed % 3 ? 8 << 20 : 3000 + make_random(&t.rng, 9000);
		t.n_shards = 1 + (uint32_t)make_random(&t.rng, 5);
		for (t.shard = 0; t.shard < t.n_shards; t.shard++)
			run_shard(&t, raw_max);
		assert_int_equal(t.exemplars + t.exemplars_left_out, exemplars_to_go(&t));
		assert_true(t.exemplars_left_out == 0 || raw_max < 8 << 20);
		trial_teardown(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_are_shared_out),
		cmocka_unit_test(test_cut_and_find_again),
		cmocka_unit_test(test_skip_idle),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_former),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
