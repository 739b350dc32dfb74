/* Rules that change while samples wait. */
#include "sim.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>

#include <stdio.h>

/* ---- epochs alone ---- */

struct counted {
	int refs;
};

static void up(void *cls)
{
	((struct counted *)cls)->refs++;
}

static void down(void *cls)
{
	((struct counted *)cls)->refs--;
}

static uint16_t no_labels(void *cls, uint32_t frame, uint16_t from,
			  void (*fn)(void *fcls, uint16_t slot, struct labels labels), void *fcls)
{
	return 0;
}

static const struct image_rules no_rules;

static void change(struct epochs *e, struct counted *c, uint64_t at, uint64_t done, bool joined)
{
	const struct rules_owner owner = {up, down, c};
	assert_int_equal(epochs_change(e, &no_rules, &owner, at, done), joined);
}

static void test_each_sequence_has_its_epoch(void **state)
{
	struct epochs e;
	struct counted c[4] = {{0}};
	uint64_t until;
	const struct rules_owner first = {up, down, &c[0]};
	epochs_init(&e, (struct label_source){no_labels, NULL}, &no_rules, &first);
	change(&e, &c[1], 100, 10, false);
	change(&e, &c[2], 200, 20, false);
	assert_int_equal(e.n, 3);
	assert_ptr_equal(epochs_at(&e, 99, &until), &e.v[0].images);
	assert_int_equal(until, 100);
	assert_ptr_equal(epochs_at(&e, 100, &until), &e.v[1].images);
	assert_int_equal(until, 200);
	assert_ptr_equal(epochs_at(&e, 5000, &until), &e.v[2].images);
	assert_int_equal(until, UINT64_MAX);
	/* Nothing was scraped between two changes: the first of them never was. */
	change(&e, &c[3], 200, 99, false);
	assert_int_equal(e.n, 3);
	assert_int_equal(c[2].refs, 0);
	epochs_forget(&e, 99);
	assert_int_equal(e.n, 3);
	epochs_forget(&e, 100);
	assert_int_equal(e.n, 2);
	assert_int_equal(c[0].refs, 0);
	epochs_forget(&e, 10000);
	assert_int_equal(e.n, 1);
	assert_int_equal(c[1].refs, 0);
	assert_int_equal(c[3].refs, 1);
	/* All is done: the old rules are needed no more. */
	change(&e, &c[0], 10000, 10000, false);
	assert_int_equal(e.n, 1);
	assert_int_equal(c[3].refs, 0);
	epochs_deinit(&e);
	assert_int_equal(c[0].refs, 0);
}

static void test_too_many_join_the_oldest(void **state)
{
	struct epochs e;
	struct counted c = {0};
	uint64_t until;
	const struct rules_owner owner = {up, down, &c};
	epochs_init(&e, (struct label_source){no_labels, NULL}, &no_rules, &owner);
	for (unsigned i = 1; i < EPOCHS_MAX; i++)
		change(&e, &c, i * 10, 0, false);
	change(&e, &c, 1000, 0, true);
	assert_int_equal(e.n, EPOCHS_MAX);
	assert_int_equal(c.refs, EPOCHS_MAX);
	epochs_at(&e, 0, &until);
	assert_int_equal(until, 20);
	epochs_deinit(&e);
	assert_int_equal(c.refs, 0);
}

/* ---- destinations ---- */

static const char era_blocks[3][8] = {"\4zera\1"
				      "1",
				      "\4zera\1"
				      "2",
				      "\4zera\1"
				      "3"};

static void begin_era(struct sim *s, unsigned era)
{
	s->era = era;
	s->cfg.rules.external = (struct labels){era_blocks[era - 1], 7};
	if (s->d.slots)
		destination_configure(&s->d, &s->cfg, true);
}

static void assert_told_right(struct sim *s)
{
	assert_int_equal(s->wrong_eras, 0);
	assert_int_equal(s->mixed_eras, 0);
	assert_int_equal((uint64_t)s->d.progress.base + books_total(&s->d.progress.books),
			 s->head.sequence);
}

static void test_what_waits_keeps_its_labels(void **state)
{
	struct sim *s = sim_new(1);
	begin_era(s, 1);
	sim_start(s);
	for (int i = 0; i < 5; i++)
		sim_log(s, 0, 6, 32, true);
	begin_era(s, 2);
	for (int i = 0; i < 5; i++)
		sim_log(s, 0, 6, 32, true);
	begin_era(s, 3);
	for (int i = 0; i < 5; i++)
		sim_log(s, 0, 6, 32, true);
	assert_int_equal(s->d.epochs.n, 3);
	sim_settle(s);
	assert_told_right(s);
	assert_int_equal(s->stored_samples, s->head.sequence);
	s->now_ms += 60000;
	sim_turn(s);
	assert_int_equal(s->d.epochs.n, 1);
	sim_free(s);
}

/* Whatever else happens meanwhile. */
static void run_mixed(uint64_t seed)
{
	struct sim *s = sim_new(seed);
	s->cfg.queue.min_shards = 1 + sim_random(s, 3);
	begin_era(s, 1);
	sim_start(s);
	for (int i = 0; i < 300; i++) {
		uint64_t what = sim_random(s, 20);
		if (what < 6)
			sim_log(s, (uint32_t)sim_random(s, 20), 1 + (uint32_t)sim_random(s, 8), 32,
				what < 2);
		else if (what == 6 && s->d.epochs.n < EPOCHS_MAX)
			begin_era(s, 1 + (s->era + 1) % 3);
		else if (what == 7)
			s->d.want_shards = 1 + (uint32_t)sim_random(s, 4);
		sim_turn(s);
		static const int answers[] = {200, 200, 200, 500, 413, 429, 0};
		if (s->n_flights > 0 && what % 2) {
			int status = answers[sim_random(s, 7)];
			sim_answer(s, sim_random(s, s->n_flights), status, status == 200);
		}
		s->now_ms += 200;
	}
	sim_settle(s);
	assert_told_right(s);
	sim_free(s);
}

static void test_mixed(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		run_mixed(seed);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_sequence_has_its_epoch),
		cmocka_unit_test(test_too_many_join_the_oldest),
		cmocka_unit_test(test_what_waits_keeps_its_labels),
		cmocka_unit_test(test_mixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
