/* Whole destinations against a simulated log, peer and clock. */
#include "sim.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>

static void assert_balanced(struct sim *s)
{
	assert_int_equal((uint64_t)s->d.progress.base + books_total(&s->d.progress.books) +
				 destination_queued(&s->d),
			 s->head.sequence);
}

/* Every logged sample of the series arrived, in order: nothing lost, nothing overtaken. */
static void assert_all_arrived(struct sim *s)
{
	uint64_t arrived = 0, repeated = 0;
	for (int f = 0; f < 64; f++) {
		for (int i = 0; i < 32; i++) {
			arrived += s->series[f][i].arrived;
			repeated += s->series[f][i].repeated;
		}
	}
	assert_int_equal(arrived, s->head.sequence);
	assert_int_equal(arrived + repeated, s->stored_samples);
}

static void test_delivers(void **state)
{
	struct sim *s = sim_new(1);
	sim_start(s);
	sim_log(s, 0, 3, 32, true);
	sim_settle(s);
	assert_balanced(s);
	assert_all_arrived(s);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	sim_free(s);
}

/* The first flush goes at once, later ones wait for the deadline and then take everything. */
static void test_deadline(void **state)
{
	struct sim *s = sim_new(2);
	s->cfg.queue.max_samples_per_send = 2000;
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	sim_answer(s, 0, 200, true);
	sim_log(s, 0, 1, 8, false);
	int64_t wake = sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->now_ms += 3000;
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	assert_true(wake <= 1000 + 5000);
	s->now_ms = 1000 + 5000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	sim_answer(s, 0, 200, true);
	assert_int_equal(destination_queued(&s->d), 0);
	assert_int_equal(s->requests, 2);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	destination_drain(&s->d);
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	sim_free(s);
}

static void test_cut_by_samples(void **state)
{
	struct sim *s = sim_new(3);
	s->cfg.queue.max_samples_per_send = 7;
	sim_start(s);
	sim_log(s, 0, 4, 32, true);
	sim_settle(s);
	assert_all_arrived(s);
	assert_int_equal(s->requests, (s->head.sequence + 6) / 7);
	sim_free(s);
}

static void test_backoff(void **state)
{
	struct sim *s = sim_new(4);
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	int64_t low = 30;
	for (int i = 0; i < 12; i++) {
		assert_int_equal(s->n_flights, 1);
		assert_int_equal(s->flights[0]->attempt, i);
		sim_answer(s, 0, i % 2 ? 500 : 0, false);
		assert_true(s->woken);
		int64_t at = sim_turn(s);
		assert_int_equal(s->n_flights, 0);
		assert_true(at >= s->now_ms + low && at <= s->now_ms + low + low / 4);
		s->now_ms = at;
		sim_turn(s);
		low = low * 2 < 5000 ? low * 2 : 5000;
	}
	sim_answer(s, 0, 200, true);
	assert_int_equal(destination_queued(&s->d), 0);
	assert_int_equal(s->d.stats.failed_requests, 12);
	sim_free(s);
}

static void test_split_and_too_large(void **state)
{
	struct sim *s = sim_new(5);
	sim_start(s);
	sim_log(s, 0, 1, 32, false);
	sim_turn(s);
	uint64_t before = s->requests;
	/* Everything above a single sample is refused, and then that one too. */
	for (int i = 0; i < 1000 && destination_queued(&s->d) > 0; i++) {
		if (s->n_flights == 0) {
			sim_turn(s);
			continue;
		}
		struct peer_request r;
		peer_decode(s->flights[0]->body, false, &r);
		size_t n = r.n;
		peer_free(&r);
		sim_answer(s, 0, n > 1 || i % 3 == 0 ? 413 : 200, false);
	}
	assert_int_equal(destination_queued(&s->d), 0);
	assert_true(s->requests > before + 3);
	assert_true(s->d.progress.books.dropped[DROP_TOO_LARGE] > 0);
	assert_balanced(s);
	sim_free(s);
}

struct drop_case {
	int status;
	enum drop_reason reason;
};

static void test_drop_reasons(void **state)
{
	static const struct drop_case cases[] = {
		{400, DROP_ANSWERED_400},    {422, DROP_ANSWERED_4XX}, {199, DROP_ANSWERED_OTHER},
		{202, DROP_HA_DEDUPLICATED}, {429, DROP_ANSWERED_429},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sim *s = sim_new(6);
		s->cfg.queue.retry_on_http_429_set = true;
		sim_start(s);
		sim_log(s, 0, 1, 8, false);
		sim_turn(s);
		sim_answer(s, 0, cases[i].status, false);
		assert_int_equal(s->d.progress.books.dropped[cases[i].reason], s->head.sequence);
		assert_balanced(s);
		sim_free(s);
	}
}

static void test_too_old(void **state)
{
	struct sim *s = sim_new(7);
	s->cfg.queue.sample_age_limit_ms = 1000;
	s->now_ms = 1000 + 2;
	sim_start(s);
	for (int i = 0; i < 4; i++)
		sim_log(s, 0, 1, 8, true);
	uint64_t old = s->batches[0]->n_samples;
	sim_turn(s);
	sim_answer(s, 0, 500, false);
	assert_int_equal(s->d.progress.books.dropped[DROP_TOO_OLD], 0);
	/* While it waits, the rest grows too old as well. */
	s->now_ms += 60000;
	for (int i = 0; i < 10 && destination_queued(&s->d) > 0; i++)
		sim_turn(s);
	assert_int_equal(s->d.progress.books.dropped[DROP_TOO_OLD], s->head.sequence);
	assert_true(old < s->head.sequence);
	assert_int_equal(s->stored_samples, 0);
	sim_free(s);
}

/* The file says "clean" only while nothing can have been sent after it. */
static void test_clean_is_true(void **state)
{
	struct sim *s = sim_new(15);
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_settle(s);
	sim_stop(s);
	assert_non_null(strstr(s->stored, "\"clean\":true"));
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	assert_non_null(strstr(s->stored, "\"clean\":false"));
	sim_answer(s, 0, 0, true);
	sim_stop(s);
	assert_non_null(strstr(s->stored, "\"clean\":false"));
	sim_free(s);
}

/* An orderly stop leaves nothing to repeat, wherever it happens. */
static void test_stop_repeats_nothing(void **state)
{
	struct sim *s = sim_new(9);
	s->cfg.queue.min_shards = 4;
	for (int i = 0; i < 60; i++) {
		sim_start(s);
		if (i < 50)
			sim_log(s, (uint32_t)(i % 3), 10, 32, i % 4 == 0);
		uint64_t n = sim_random(s, 8);
		for (uint64_t k = 0; k < n; k++) {
			sim_turn(s);
			if (s->n_flights > 0)
				sim_answer(s, sim_random(s, s->n_flights), 200, true);
		}
		assert_balanced(s);
		sim_stop(s);
	}
	sim_start(s);
	sim_settle(s);
	assert_all_arrived(s);
	assert_int_equal(s->stored_samples, s->head.sequence);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	sim_free(s);
}

/* Random failures, kills and growth: nothing is lost, order holds, the books add up. */
static void run_storm(uint64_t seed, uint32_t min_shards, bool kills)
{
	struct sim *s = sim_new(seed);
	s->cfg.queue.min_shards = min_shards;
	sim_start(s);
	for (int i = 0; i < 1500; i++) {
		if (s->n_batches < 120 && sim_random(s, 4) == 0)
			sim_log(s, (uint32_t)sim_random(s, 8), 1 + (uint32_t)sim_random(s, 20),
				(uint16_t)(1 + sim_random(s, 32)), sim_random(s, 3) == 0);
		sim_turn(s);
		s->now_ms += (int64_t)sim_random(s, 400);
		while (s->n_flights > 0 && sim_random(s, 3) != 0) {
			static const int statuses[] = {200, 200, 200, 500, 0, 429, 403, 413};
			int status = statuses[sim_random(s, 8)];
			bool stored = status == 200 || (status == 0 && sim_random(s, 2));
			sim_answer(s, sim_random(s, s->n_flights), status, stored);
		}
		assert_balanced(s);
		if (kills && sim_random(s, 40) == 0) {
			sim_kill(s);
			s->cfg.queue.min_shards = 1 + (uint32_t)sim_random(s, 4);
			sim_start(s);
			assert_balanced(s);
		}
	}
	sim_settle(s);
	assert_balanced(s);
	assert_int_equal(s->d.progress.books.dropped[DROP_LOG_BOUND], 0);
	assert_int_equal(s->d.progress.books.dropped[DROP_DAMAGED], 0);
	uint64_t dropped = books_dropped(&s->d.progress.books);
	assert_int_equal(dropped, s->d.progress.books.dropped[DROP_TOO_LARGE]);
	if (dropped == 0)
		assert_all_arrived(s);
	assert_int_equal(s->d.progress.books.sent + dropped, s->head.sequence);
	sim_free(s);
}

static void test_storm(void **state)
{
	for (uint64_t seed = 100; seed < 120; seed++)
		run_storm(seed, 1 + (uint32_t)(seed % 4), false);
}

static void test_storm_with_kills(void **state)
{
	for (uint64_t seed = 200; seed < 230; seed++)
		run_storm(seed, 1 + (uint32_t)(seed % 4), true);
}

/* What the log lost is booked once, whatever the shards had done of it before. */
static void run_loss(uint64_t seed)
{
	struct sim *s = sim_new(seed);
	s->cfg.queue.min_shards = 1 + (uint32_t)(seed % 4);
	sim_start(s);
	for (int i = 0; i < 40; i++)
		sim_log(s, 0, 12, 32, i % 3 == 0);
	for (int i = 0; i < 20; i++) {
		sim_turn(s);
		s->now_ms += 500;
		if (s->n_flights > 0)
			sim_answer(s, sim_random(s, s->n_flights), 200, true);
	}
	sim_kill(s);
	sim_lose(s, (uint32_t)sim_random(s, 40));
	sim_start(s);
	for (int i = 0; i < 10; i++) {
		sim_turn(s);
		s->now_ms += 500;
		if (s->n_flights > 0)
			sim_answer(s, sim_random(s, s->n_flights), 200, true);
		if (i == 5) {
			sim_kill(s);
			sim_start(s);
		}
	}
	sim_settle(s);
	assert_balanced(s);
	uint64_t arrived = 0;
	for (int f = 0; f < 64; f++)
		for (int i = 0; i < 32; i++)
			arrived += s->series[f][i].arrived;
	/* Sent before a kill and lost before it was stored counts as lost: only that way round. */
	assert_true(arrived >= s->d.progress.books.sent);
	assert_int_equal(s->d.progress.books.sent + s->d.progress.books.dropped[DROP_LOG_BOUND],
			 s->head.sequence);
	sim_free(s);
}

static void test_log_loss(void **state)
{
	for (uint64_t seed = 300; seed < 340; seed++)
		run_loss(seed);
}

/* Power loss: the log's newest part is gone although it was sent. */
static void test_log_behind_position(void **state)
{
	for (uint32_t shards = 1; shards <= 4; shards++) {
		struct sim *s = sim_new(50 + shards);
		s->cfg.queue.min_shards = shards;
		sim_start(s);
		for (int i = 0; i < 10; i++)
			sim_log(s, 0, 6, 32, false);
		for (int i = 0; i < 12; i++) {
			sim_turn(s);
			s->now_ms += 1100;
			if (s->n_flights > 0)
				sim_answer(s, 0, 200, true);
		}
		sim_kill(s);
		while (s->n_batches > 3)
			batch_unref(s->batches[--s->n_batches]);
		s->head = s->batches[s->n_batches - 1]->end;
		sim_start(s);
		sim_log(s, 0, 6, 32, false);
		sim_settle(s);
		assert_balanced(s);
		sim_free(s);
	}
}

static void test_repeated_400(void **state)
{
	struct sim *s = sim_new(10);
	sim_start(s);
	sim_log(s, 0, 1, 32, false);
	sim_turn(s);
	sim_kill(s);
	sim_start(s);
	sim_log(s, 0, 1, 32, false);
	uint64_t first = s->batches[0]->n_samples;
	sim_turn(s);
	sim_answer(s, 0, 400, false);
	assert_int_equal(s->d.progress.books.dropped[DROP_REPEATED],
			 s->head.sequence - s->batches[1]->n_samples);
	assert_int_equal(s->d.progress.books.dropped[DROP_REPEATED], first);
	destination_drain(&s->d);
	sim_turn(s);
	sim_answer(s, 0, 400, false);
	assert_int_equal(s->d.progress.books.dropped[DROP_ANSWERED_400], s->batches[1]->n_samples);
	assert_balanced(s);
	sim_free(s);
}

/* What the process before cannot have sent is not taken for a repetition, however much waits. */
static void test_repeated_400_only_within_reach(void **state)
{
	struct sim *s = sim_new(15);
	s->cfg.queue.max_samples_per_send = 10;
	sim_start(s);
	sim_log(s, 0, 6, 32, false);
	sim_turn(s);
	uint64_t reach = s->d.reach;
	assert_true(reach > s->head.sequence);
	sim_kill(s);
	for (int i = 0; i < 60; i++)
		sim_log(s, 0, 6, 32, false);
	assert_true(s->head.sequence > 2 * reach);
	sim_start(s);
	while (destination_queued(&s->d) > 0) {
		sim_turn(s);
		s->now_ms += 1000;
		while (s->n_flights > 0)
			sim_answer(s, 0, 400, false);
	}
	uint64_t repeated = s->d.progress.books.dropped[DROP_REPEATED];
	assert_true(repeated >= s->batches[0]->n_samples);
	assert_true(repeated < reach + s->batches[0]->n_samples * 2);
	assert_int_equal(s->d.progress.books.dropped[DROP_ANSWERED_400],
			 s->head.sequence - repeated);
	assert_balanced(s);
	sim_free(s);
}

/* What one request brings again may be the newest of its series, and is taken; what the next one
 * brings may be older than what an earlier run sent. */
static void test_repeated_400_after_200(void **state)
{
	struct sim *s = sim_new(12);
	sim_start(s);
	sim_log(s, 1, 1, 32, false);
	sim_log(s, 0, 1, 32, false);
	sim_log(s, 0, 1, 32, false);
	s->cfg.queue.max_samples_per_send = s->batches[0]->n_samples;
	sim_turn(s);
	sim_kill(s);
	sim_start(s);
	sim_log(s, 1, 1, 32, false);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	uint64_t left = s->batches[1]->n_samples + s->batches[2]->n_samples;
	destination_drain(&s->d);
	for (int i = 0; i < 9 && s->d.progress.books.dropped[DROP_REPEATED] < left; i++) {
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		sim_answer(s, 0, 400, false);
	}
	assert_int_equal(s->d.progress.books.sent, s->batches[0]->n_samples);
	assert_int_equal(s->d.progress.books.dropped[DROP_REPEATED], left);
	assert_int_equal(s->d.progress.books.dropped[DROP_ANSWERED_400], 0);
	sim_turn(s);
	sim_answer(s, 0, 400, false);
	assert_true(s->d.progress.books.dropped[DROP_ANSWERED_400] > 0);
	assert_balanced(s);
	sim_free(s);
}

static void test_store_failure(void **state)
{
	struct sim *s = sim_new(11);
	s->store_fails = true;
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	sim_turn(s);
	s->now_ms += 2000;
	sim_turn(s);
	assert_null(s->stored);
	assert_true(s->d.stats.position_failures > 0);
	s->store_fails = false;
	s->now_ms += 2000;
	sim_turn(s);
	assert_non_null(s->stored);
	sim_free(s);
}

/* What became of the samples in the log is not known then. */
static void test_an_unreadable_position(void **state)
{
	struct sim *s = sim_new(13);
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_log(s, 0, 2, 8, false);
	uint64_t logged = s->head.sequence;
	sim_kill(s);
	free(s->stored);
	s->stored = sv_dup(SV("{\"version\":1,"));
	sim_start(s);
	assert_int_equal(s->d.progress.books.dropped[DROP_DAMAGED], logged);
	assert_int_equal(s->d.progress.books.sent, 0);
	assert_false(s->d.fresh);
	assert_balanced(s);
	sim_log(s, 0, 3, 8, false);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	sim_turn(s);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence - logged);
	assert_int_equal(s->d.progress.books.dropped[DROP_DAMAGED], logged);
	assert_balanced(s);
	sim_free(s);
}

static void test_metadata(void **state)
{
	struct sim *s = sim_new(12);
	s->cfg.metadata = (struct metadata_options){true, 60000, 2};
	sim_start(s);
	struct batch *b = batch_new(65536);
	b->metadata = arena_calloc(&b->arena, 5, sizeof *b->metadata);
	b->n_metadata = 5;
	for (int i = 0; i < 5; i++)
		b->metadata[i] = (struct batch_metadata){
			METRIC_COUNTER, i % 2 ? SV("a_total") : SV("b_total"), SV("help"),
			i > 2 ? SV("seconds") : SV("")};
	batch_seal(b);
	b->pos = b->end = s->head;
	s->batches[s->n_batches++] = b;
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->now_ms += 60000;
	for (int i = 0; i < 2; i++) {
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		struct peer_request r;
		peer_decode(s->flights[0]->body, false, &r);
		assert_int_equal(r.n_metadata, 2);
		assert_int_equal(r.n, 0);
		peer_free(&r);
		sim_answer(s, 0, 200, false);
	}
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	assert_int_equal(s->d.stats.metadata, 4);
	sim_free(s);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivers),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cut_by_samples),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_split_and_too_large),
		cmocka_unit_test(test_drop_reasons),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_clean_is_true),
		cmocka_unit_test(test_stop_repeats_nothing),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_storm_with_kills),
		cmocka_unit_test(test_log_loss),
		cmocka_unit_test(test_log_behind_position),
		cmocka_unit_test(test_repeated_400),
		cmocka_unit_test(test_repeated_400_only_within_reach),
		cmocka_unit_test(test_repeated_400_after_200),
		cmocka_unit_test(test_store_failure),
		cmocka_unit_test(test_an_unreadable_position),
		cmocka_unit_test(test_metadata),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
