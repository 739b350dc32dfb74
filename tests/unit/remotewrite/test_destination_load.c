/* Whole destinations under load: more and fewer shards, peers that throttle, and the order of each
 * series through all of it.
 */
#include "sim.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>

static void assert_balanced(struct sim *s)
{
	assert_int_equal((uint64_t)s->d.progress.base + books_total(&s->d.progress.books) +
				 destination_queued(&s->d),
			 s->head.sequence);
}

static uint64_t arrived(const struct sim *s)
{
	uint64_t n = 0;
	for (int f = 0; f < SIM_FRAMES; f++)
		for (int i = 0; i < 32; i++)
			n += s->series[f][i].arrived;
	return n;
}

/* ---- a peer that takes time, and so many samples and requests a second ---- */

struct load_peer {
	struct sim *s;
	int64_t latency_ms;
	double samples, requests; /* a second; 0 = any number */
	double sample_tokens, request_tokens;
	int64_t at_ms;
	uint64_t refused;
};

static bool takes(struct load_peer *p, size_t i)
{
	struct peer_request r;
	peer_decode(p->s->flights[i]->body, false, &r);
	double n = (double)r.n;
	peer_free(&r);
	if (p->requests > 0 && p->request_tokens < 1) {
		p->s->because = "{\"message\":\"Rate exceeded\"}";
		return false;
	}
	if (p->samples > 0 && p->sample_tokens < n) {
		p->s->because = "ingestion rate limit (x) exceeded while adding samples";
		return false;
	}
	p->request_tokens -= 1;
	p->sample_tokens -= n;
	return true;
}

static double filled(double tokens, double rate, int64_t ms)
{
	tokens += rate * (double)ms / 1000;
	return tokens < 2 * rate ? tokens : 2 * rate;
}

/* Answers what is due and gives the destination its turn, up to a time. */
static void play(struct load_peer *p, int64_t until_ms)
{
	struct sim *s = p->s;
	int64_t wake = 0;
	while (s->now_ms < until_ms) {
		p->sample_tokens = filled(p->sample_tokens, p->samples, s->now_ms - p->at_ms);
		p->request_tokens = filled(p->request_tokens, p->requests, s->now_ms - p->at_ms);
		p->at_ms = s->now_ms;
		for (size_t i = 0; i < s->n_flights;) {
			if (s->flights[i]->started_ms + p->latency_ms > s->now_ms) {
				i++;
				continue;
			}
			bool taken = takes(p, i);
			p->refused += !taken;
			sim_answer(s, i, taken ? 200 : 429, taken);
		}
		if (s->woken || wake <= s->now_ms)
			wake = sim_turn(s);
		s->now_ms += 5;
	}
}

/* ---- shards ---- */

/* Up while much waits, down again when it is gone; all there and in order. */
static void test_shards_come_and_go(void **state)
{
	struct sim *s = sim_new(1);
	struct load_peer p = {.s = s, .latency_ms = 100};
	s->cfg.queue.max_shards = 16;
	s->cfg.queue.max_samples_per_send = 200;
	sim_start(s);
	for (int i = 0; i < 300; i++)
		sim_log(s, 0, 20, 32, false);
	uint32_t most = 1;
	for (int i = 0; i < 70 && destination_queued(&s->d) > 0; i++) {
		play(&p, s->now_ms + 1000);
		most = s->d.progress.n > most ? s->d.progress.n : most;
	}
	/* One shard would take 84 s. */
	assert_int_equal(destination_queued(&s->d), 0);
	assert_in_range(most, 2, 16);
	for (int i = 0; i < 300; i++) {
		sim_log(s, 0, 1, 32, false);
		play(&p, s->now_ms + 1000);
		assert_balanced(s);
	}
	assert_int_equal(s->d.progress.n, 1);
	sim_settle(s);
	assert_int_equal(arrived(s), s->head.sequence);
	assert_int_equal(s->stored_samples, s->head.sequence);
	sim_free(s);
}

static void test_growth(void **state)
{
	struct sim *s = sim_new(8);
	sim_start(s);
	for (int i = 0; i < 400; i++)
		sim_log(s, 0, 40, 32, false);
	uint32_t most = 0;
	for (int i = 0; i < 4000 && most < 4; i++) {
		sim_turn(s);
		if (s->d.progress.n > most) {
			assert_true(s->d.progress.n == most * 2 || most == 0);
			most = s->d.progress.n;
		}
		s->now_ms += 50;
		while (s->n_flights > 0)
			sim_answer(s, 0, 200, true);
	}
	assert_int_equal(most, 4);
	sim_settle(s);
	assert_int_equal(s->d.progress.n, 4);
	assert_int_equal(arrived(s), s->head.sequence);
	assert_balanced(s);
	/* A restart begins with few again. */
	sim_stop(s);
	sim_start(s);
	sim_log(s, 0, 40, 32, false);
	sim_settle(s);
	assert_int_equal(s->d.progress.n, 1);
	assert_int_equal(arrived(s), s->head.sequence);
	sim_free(s);
}

/* A sample must not reach the peer from two shards, so all answers come first. */
static void test_shards_wait_for_flights(void **state)
{
	struct sim *s = sim_new(13);
	s->cfg.queue.min_shards = 2;
	sim_start(s);
	for (int i = 0; i < 10; i++)
		sim_log(s, 0, 40, 32, true);
	sim_turn(s);
	assert_int_equal(s->n_flights, 2);
	s->cfg.queue.min_shards = 4;
	destination_configure(&s->d, &s->cfg, false);
	void *flights[2] = {s->flights[0], s->flights[1]};
	for (int i = 0; i < 3; i++) {
		s->now_ms += 6000;
		sim_turn(s);
		assert_int_equal(s->d.progress.n, 2);
		assert_int_equal(s->n_flights, 2);
		assert_ptr_equal(s->flights[0], flights[0]);
		assert_ptr_equal(s->flights[1], flights[1]);
	}
	/* No new one is started meanwhile. */
	sim_answer(s, 0, 200, true);
	sim_turn(s);
	assert_int_equal(s->d.progress.n, 2);
	assert_int_equal(s->n_flights, 1);
	sim_answer(s, 0, 200, true);
	sim_turn(s);
	assert_int_equal(s->d.progress.n, 4);
	assert_int_equal(s->n_flights, 4);
	sim_settle(s);
	assert_int_equal(arrived(s), s->head.sequence);
	assert_balanced(s);
	sim_free(s);
}

/* A request that waits to be sent again does not hold up the others' change, and what it asked for
 * is kept to. */
static void test_shards_change_past_a_wait(void **state)
{
	struct sim *s = sim_new(14);
	s->cfg.queue.min_shards = 2;
	sim_start(s);
	for (int i = 0; i < 10; i++)
		sim_log(s, 0, 40, 32, true);
	sim_turn(s);
	assert_int_equal(s->n_flights, 2);
	s->cfg.queue.min_shards = 4;
	destination_configure(&s->d, &s->cfg, false);
	struct http_answer slow = {.result = HTTP_OK, .status = 503, .retry_after = SV("20")};
	sim_answer_as(s, 0, &slow, false);
	sim_answer(s, 0, 200, true);
	sim_turn(s);
	assert_int_equal(s->d.progress.n, 4);
	assert_int_equal(s->n_flights, 0);
	s->now_ms += 19999;
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->now_ms += 1;
	sim_turn(s);
	assert_int_equal(s->n_flights, 4);
	sim_settle(s);
	assert_int_equal(arrived(s), s->head.sequence);
	assert_balanced(s);
	sim_free(s);
}

/* While it fails nothing is known, so nothing is changed. */
static void test_shards_stay_while_it_fails(void **state)
{
	struct sim *s = sim_new(2);
	s->cfg.queue.min_shards = 2;
	s->cfg.queue.max_shards = 16;
	sim_start(s);
	for (int i = 0; i < 200; i++) {
		sim_log(s, 0, 20, 32, false);
		sim_turn(s);
		while (s->n_flights > 0)
			sim_answer(s, 0, 503, false);
		s->now_ms += 1000;
		assert_int_equal(s->d.progress.n, 2);
		assert_int_equal(s->d.want_shards, 2);
	}
	sim_free(s);
}

/* ---- throttling ---- */

static void test_ingestion_rate(void **state)
{
	struct sim *s = sim_new(3);
	struct load_peer p = {.s = s, .latency_ms = 20, .samples = 2000};
	s->cfg.queue.min_shards = 4;
	s->cfg.queue.max_samples_per_send = 200;
	sim_start(s);
	for (int i = 0; i < 320; i++)
		sim_log(s, 0, 20, 32, false);
	play(&p, s->now_ms + 30000);
	uint64_t before = s->d.progress.books.sent, refused = p.refused;
	play(&p, s->now_ms + 40000);
	double rate = (double)(s->d.progress.books.sent - before) / 40;
	assert_true(rate >= 0.9 * p.samples && rate <= 1.1 * p.samples);
	assert_true(p.refused - refused <= 16);
	/* All shards get their part. */
	for (uint32_t i = 0; i < 4; i++)
		assert_true(s->d.progress.shards[i].done.no + 40 > s->d.progress.queue.first);
	p.samples = 0;
	sim_settle(s);
	assert_int_equal(arrived(s), s->head.sequence);
	assert_balanced(s);
	sim_free(s);
}

/* Fewer and larger requests carry as much. */
static void test_request_rate(void **state)
{
	struct sim *s = sim_new(4);
	struct load_peer p = {.s = s, .latency_ms = 20, .requests = 1};
	s->cfg.queue.min_shards = 4;
	s->cfg.queue.max_samples_per_send = 200;
	sim_start(s);
	/* 1,120 samples a second: 5.6 requests as they are configured. */
	for (int i = 0; i < 120; i++) {
		sim_log(s, 0, 20, 32, false);
		play(&p, s->now_ms + 500);
	}
	assert_true(s->d.stats.throttled[THROTTLE_REQUESTS] > 0);
	assert_int_equal(s->d.stats.throttled[THROTTLE_INGESTION], 0);
	assert_int_equal(destination_max_samples(&s->d), 1600);
	uint64_t before = s->requests, sent = s->d.progress.books.sent;
	for (int i = 0; i < 120; i++) {
		sim_log(s, 0, 20, 32, false);
		play(&p, s->now_ms + 500);
	}
	double a_request =
		(double)(s->d.progress.books.sent - sent) / (double)(s->requests - before);
	assert_true(a_request > 800);
	/* A request that is too large is still cut smaller. */
	while (s->n_flights == 0) {
		sim_log(s, 0, 20, 32, false);
		s->now_ms += 100;
		sim_turn(s);
	}
	uint64_t splits = s->d.stats.splits;
	sim_answer(s, 0, 413, false);
	assert_int_equal(s->d.stats.splits, splits + 1);
	/* In time they are as configured. */
	p.requests = 0;
	play(&p, s->now_ms + 400000);
	assert_int_equal(destination_max_samples(&s->d), 200);
	sim_settle(s);
	assert_int_equal(arrived(s), s->head.sequence);
	sim_free(s);
}

/* ---- order ---- */

static void other_shards(struct sim *s)
{
	s->cfg.queue.min_shards = 1 + sim_random(s, 8);
	s->cfg.queue.max_shards = s->cfg.queue.min_shards + sim_random(s, 8);
}

static void some_answers(struct sim *s, bool throttles)
{
	static const int statuses[] = {200, 200, 200, 200, 500, 0, 413, 429};
	static const char *const why[] = {"ingestion rate limit", "Rate exceeded", "no"};
	while (s->n_flights > 0 && sim_random(s, 3) != 0) {
		int status = statuses[sim_random(s, throttles ? 8 : 7)];
		bool stored = status == 200 || (status == 0 && sim_random(s, 2));
		s->because = why[sim_random(s, 3)];
		sim_answer(s, sim_random(s, s->n_flights), status, stored);
	}
}

/* The peer stores a sample only when it is newer than all of its series before, as AMP does: what
 * was overtaken would be missing at the end. */
static void run_order(uint64_t seed, uint32_t more_and_fewer[2])
{
	struct sim *s = sim_new(seed);
	bool throttles = seed % 2;
	other_shards(s);
	sim_start(s);
	for (int i = 0; i < 1500; i++) {
		if (s->n_batches < 300 && sim_random(s, 2) == 0)
			sim_log(s, (uint32_t)sim_random(s, 8), 1 + (uint32_t)sim_random(s, 20),
				(uint16_t)(1 + sim_random(s, 32)), sim_random(s, 3) == 0);
		if (sim_random(s, 15) == 0)
			s->moved[sim_random(s, 28)] = true;
		uint32_t n = s->d.progress.n;
		sim_turn(s);
		more_and_fewer[0] += s->d.progress.n > n;
		more_and_fewer[1] += s->d.progress.n < n;
		s->now_ms += (int64_t)sim_random(s, 800);
		some_answers(s, throttles);
		assert_balanced(s);
		if (sim_random(s, 12) == 0) {
			other_shards(s);
			destination_configure(&s->d, &s->cfg, false);
		}
		if (sim_random(s, 100) == 0) {
			sim_random(s, 2) ? sim_kill(s) : sim_stop(s);
			sim_start(s);
		}
	}
	sim_settle(s);
	assert_balanced(s);
	uint64_t dropped = books_dropped(&s->d.progress.books);
	assert_int_equal(dropped, s->d.progress.books.dropped[DROP_TOO_LARGE]);
	/* What was taken for an attempt that got no answer may be dropped as too large later. */
	assert_true(arrived(s) <= s->head.sequence && arrived(s) + dropped >= s->head.sequence);
	assert_int_equal(s->d.progress.books.sent + dropped, s->head.sequence);
	sim_free(s);
}

static void test_order(void **state)
{
	uint32_t more_and_fewer[2] = {0};
	for (uint64_t seed = 500; seed < 516; seed++)
		run_order(seed, more_and_fewer);
	assert_true(more_and_fewer[0] > 20 && more_and_fewer[1] > 20);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shards_come_and_go),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_shards_wait_for_flights),
		cmocka_unit_test(test_shards_change_past_a_wait),
		cmocka_unit_test(test_shards_stay_while_it_fails),
		cmocka_unit_test(test_ingestion_rate),
		cmocka_unit_test(test_request_rate),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
