/* A peer with as many series as it may have: what it has goes on, what is new waits for its time.
 */
#include "sim.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>
#include <stdio.h>

enum { OLD_FRAMES = 2 };

#define LIMIT "user=1_ws: per-user series limit of 5 exceeded, please contact administrator"

static void assert_balanced(struct sim *s)
{
	assert_int_equal((uint64_t)s->d.progress.base + books_total(&s->d.progress.books) +
				 destination_queued(&s->d),
			 s->head.sequence);
}

/* Samples of old and of new series in a request. */
static void count(const struct sim_flight *f, size_t *old, size_t *new)
{
	struct peer_request r;
	if (f->protocol == REMOTEWRITE_V2)
		peer_decode_v2(f->body, false, &r);
	else
		peer_decode(f->body, false, &r);
	*old = *new = 0;
	for (size_t i = 0; i < r.n; i++) {
		unsigned frame;
		assert_int_equal(sscanf(r.v[i].labels, "__name__=\"metric\",frame=\"%u\"", &frame),
				 1);
		if (r.v[i].only_exemplars)
			continue;
		++*(frame < OLD_FRAMES ? old : new);
	}
	peer_free(&r);
}

static struct sim *start(uint64_t seed, enum remotewrite_protocol protocol)
{
	struct sim *s = sim_new(seed);
	s->cfg.queue.max_samples_per_send = 2000;
	s->cfg.protocol = protocol;
	s->cfg.send_exemplars = s->cfg.send_native_histograms = true;
	sim_start(s);
	sim_log(s, 0, OLD_FRAMES, 32, false);
	sim_log(s, 0, OLD_FRAMES, 32, false);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	return s;
}

/* Lets the deadline of partial batches pass. */
static void flush(struct sim *s)
{
	sim_turn(s);
	s->now_ms += 5000;
	sim_turn(s);
}

/* A batch of old series and of new ones of every kind, and its request. */
static void round_of(struct sim *s, size_t *old, size_t *new)
{
	s->histograms = true;
	sim_log(s, 0, OLD_FRAMES + 2, 32, true);
	flush(s);
	assert_int_equal(s->n_flights, 1);
	count(s->flights[0], old, new);
}

static void refuse(struct sim *s)
{
	struct http_answer a = {.result = HTTP_OK, .status = 400};
	s->because = LIMIT;
	sim_answer_as(s, 0, &a, false);
	assert_balanced(s);
}

static uint64_t shed_of(const struct sim *s)
{
	return s->d.progress.books.dropped[DROP_SERIES_LIMIT];
}

static void run(uint64_t seed, enum remotewrite_protocol protocol)
{
	struct sim *s = start(seed, protocol);
	const struct books *books = &s->d.progress.books;
	size_t old, new;
	round_of(s, &old, &new);
	assert_true(old > 0 && new > 0);
	refuse(s);
	assert_int_equal(books->dropped[DROP_ANSWERED_400], old + new);
	/* The old ones go alone, and are known to be stored. */
	for (int i = 0; i < 3; i++) {
		uint64_t shed = shed_of(s), sent = books->sent, queued = s->head.sequence;
		round_of(s, &old, &new);
		queued = s->head.sequence - queued;
		assert_int_equal(new, 0);
		assert_true(old > 0);
		sim_answer(s, 0, 200, true);
		assert_int_equal(books->sent - sent, old);
		assert_int_equal(shed_of(s) - shed, queued - old);
		assert_balanced(s);
	}
	assert_true(s->d.stats.exemplars_dropped[DROP_SERIES_LIMIT] > 0);
	assert_true(s->d.stats.histograms_dropped[DROP_SERIES_LIMIT] == 30);
	/* One tries again, in vain, and the wait doubles. */
	s->now_ms += SHED_FIRST_MS;
	round_of(s, &old, &new);
	assert_true(new > 0);
	refuse(s);
	assert_int_equal(s->d.shed.wait_ms, 2 * SHED_FIRST_MS);
	s->now_ms += 2 * SHED_FIRST_MS - 10000;
	round_of(s, &old, &new);
	assert_int_equal(new, 0);
	sim_answer(s, 0, 200, true);
	/* The next one gets through: all go, and those series are known from now on. */
	s->now_ms += 10000;
	round_of(s, &old, &new);
	assert_true(new > 0);
	sim_answer(s, 0, 200, true);
	assert_int_equal(s->d.shed.wait_ms, 0);
	uint64_t shed = shed_of(s);
	round_of(s, &old, &new);
	assert_true(new > 0);
	refuse(s);
	assert_int_equal(s->d.shed.wait_ms, SHED_FIRST_MS);
	round_of(s, &old, &new);
	assert_true(new > 0);
	sim_answer(s, 0, 200, true);
	/* But for a few that had no sample until now. */
	assert_true(shed_of(s) - shed < 20);
	assert_balanced(s);
	sim_free(s);
}

static void test_scenario(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		run(seed, REMOTEWRITE_V1);
		run(seed, REMOTEWRITE_V2);
	}
}

/* The wait has an end. */
static void test_wait_is_bounded(void **state)
{
	struct sim *s = start(20, REMOTEWRITE_V1);
	size_t old, new;
	for (int i = 0; i < 8; i++) {
		round_of(s, &old, &new);
		assert_true(new > 0);
		refuse(s);
		s->now_ms = s->d.shed.until_ms;
	}
	assert_int_equal(s->d.shed.wait_ms, SHED_MAX_MS);
	sim_free(s);
}

/* Of four shards one probes; the others go on without new series until it is answered. */
static void test_one_probe(void **state)
{
	struct sim *s = sim_new(21);
	s->cfg.queue.max_samples_per_send = 2000;
	s->cfg.queue.min_shards = 4;
	sim_start(s);
	sim_log(s, 0, 30, 32, false);
	flush(s);
	unsigned n = (unsigned)s->n_flights;
	assert_true(n >= 3);
	s->because = LIMIT;
	while (s->n_flights > 0) {
		struct http_answer a = {.result = HTTP_OK, .status = 400};
		sim_answer_as(s, 0, &a, false);
	}
	/* All of them were cut before the first answer: that is one refusal. */
	assert_int_equal(s->d.shed.wait_ms, SHED_FIRST_MS);
	sim_log(s, 0, 30, 32, false);
	flush(s);
	assert_int_equal(s->n_flights, 0);
	assert_balanced(s);
	assert_int_equal(destination_queued(&s->d), 0);
	assert_true(shed_of(s) > 0);
	s->now_ms += SHED_FIRST_MS;
	sim_log(s, 0, 30, 32, false);
	flush(s);
	assert_int_equal(s->n_flights, 1);
	/* While it is tried again after a failure it stays the one. */
	sim_answer(s, 0, 503, false);
	sim_log(s, 0, 30, 32, false);
	flush(s);
	assert_int_equal(s->n_flights, 1);
	sim_answer(s, 0, 200, true);
	assert_int_equal(s->d.shed.wait_ms, 0);
	sim_log(s, 0, 30, 32, false);
	flush(s);
	assert_int_equal(s->n_flights, n);
	assert_balanced(s);
	sim_free(s);
}

/* A sample out of order says nothing about the limit: the others are stored, so their series are
 * known; and it is no end of the shedding. */
static void test_other_refusals(void **state)
{
	static const char order[] = "err: out of order sample. timestamp=1, "
				    "series={__name__=\"metric\"}";
	struct sim *s = start(22, REMOTEWRITE_V1);
	struct http_answer a = {.result = HTTP_OK, .status = 400};
	size_t old, new;
	round_of(s, &old, &new);
	s->because = order;
	sim_answer_as(s, 0, &a, true);
	assert_int_equal(s->d.shed.wait_ms, 0);
	round_of(s, &old, &new);
	refuse(s);
	/* Those of the first round are known. */
	round_of(s, &old, &new);
	assert_true(new > 0);
	sim_answer(s, 0, 200, true);
	/* A new one probes, and something else is wrong with it. */
	s->now_ms = s->d.shed.until_ms;
	sim_log(s, 20, 1, 32, false);
	flush(s);
	s->because = order;
	sim_answer_as(s, 0, &a, true);
	assert_int_equal(s->d.shed.wait_ms, SHED_FIRST_MS);
	assert_int_equal(s->d.shed.until_ms, s->now_ms + SHED_FIRST_MS);
	sim_free(s);
}

/* After a reload that changes labels nothing that exists is shed. */
static void test_rules_change(void **state)
{
	struct sim *s = start(23, REMOTEWRITE_V1);
	size_t old, new;
	round_of(s, &old, &new);
	refuse(s);
	accepted_renew(&s->d.shed.accepted);
	round_of(s, &old, &new);
	assert_true(old > 0);
	assert_int_equal(new, 0);
	sim_free(s);
}

/* A new log knows nothing of what its agent sent before: what the first minutes bring is not shed,
 * what comes after them is. */
static void test_learns(void **state)
{
	struct sim *s = start(24, REMOTEWRITE_V1);
	size_t old, new;
	s->d.shed.learns = true;
	for (int i = 0; i < 3; i++) {
		round_of(s, &old, &new);
		assert_true(new > 0);
		refuse(s);
		assert_int_equal(s->d.shed.wait_ms, 0);
	}
	s->now_ms += SHED_LEARN_MS;
	round_of(s, &old, &new);
	refuse(s);
	assert_int_equal(s->d.shed.wait_ms, SHED_FIRST_MS);
	round_of(s, &old, &new);
	assert_true(new > 0);
	sim_answer(s, 0, 200, true);
	assert_int_equal(shed_of(s), 0);
	/* Another one. */
	s->histograms = false;
	sim_log(s, 60, 1, 32, false);
	flush(s);
	assert_int_equal(s->n_flights, 0);
	assert_int_equal(shed_of(s), s->batches[s->n_batches - 1]->n_samples);
	sim_free(s);
}

static void test_which_logs_are_new(void **state)
{
	struct shed shed;
	for (uint32_t first = 0; first < 3; first++) {
		shed_init(&shed, first);
		assert_int_equal(shed.learns, first == 1);
		shed_deinit(&shed);
	}
}

/* Refusals among all other troubles, at any number of shards, with requests of a few samples: the
 * books add up at every step, and nothing that was shed was sent as well. */
static void run_storm(uint64_t seed)
{
	struct sim *s = sim_new(seed);
	uint64_t shed_before = 0;
	s->cfg.queue.min_shards = 1 + (uint32_t)(seed % 4);
	s->cfg.protocol = seed % 2 ? REMOTEWRITE_V1 : REMOTEWRITE_V2;
	s->cfg.send_native_histograms = seed % 3 == 0;
	s->histograms = true;
	s->because = LIMIT;
	sim_start(s);
	for (int i = 0; i < 1000; i++) {
		static const int statuses[] = {200, 200, 200, 200, 400, 500, 0, 413};
		uint64_t grown = (uint64_t)i / 50;
		if (s->n_batches < 200 && sim_random(s, 4) == 0)
			sim_log(s, (uint32_t)sim_random(s, 4 + grown),
				1 + (uint32_t)sim_random(s, 15), (uint16_t)(1 + sim_random(s, 32)),
				sim_random(s, 3) == 0);
		sim_turn(s);
		s->now_ms += (int64_t)sim_random(s, 6000);
		while (s->n_flights > 0 && sim_random(s, 3) != 0) {
			int status = statuses[sim_random(s, 8)];
			bool stored = status == 200 ||
				      ((status == 0 || status == 400) && sim_random(s, 2));
			sim_answer(s, sim_random(s, s->n_flights), status, stored);
		}
		if (sim_random(s, 60) == 0) {
			s->cfg.queue.min_shards = 1 + (uint32_t)sim_random(s, 4);
			destination_configure(&s->d, &s->cfg, false);
		}
		assert_balanced(s);
		assert_true(shed_of(s) >= shed_before);
		shed_before = shed_of(s);
	}
	sim_settle(s);
	assert_balanced(s);
	const struct books *books = &s->d.progress.books;
	uint64_t arrived = 0;
	for (int f = 0; f < SIM_FRAMES; f++)
		for (int i = 0; i < 32; i++)
			arrived += s->series[f][i].arrived;
	assert_in_range(arrived, books->sent, books->sent + books->dropped[DROP_ANSWERED_400]);
	assert_true(shed_of(s) > 0);
	assert_int_equal(s->order_errors, 0);
	sim_free(s);
}

static void test_storm(void **state)
{
	for (uint64_t seed = 100; seed < 124; seed++)
		run_storm(seed);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),           cmocka_unit_test(test_scenario),
		cmocka_unit_test(test_wait_is_bounded), cmocka_unit_test(test_one_probe),
		cmocka_unit_test(test_other_refusals),  cmocka_unit_test(test_rules_change),
		cmocka_unit_test(test_learns),          cmocka_unit_test(test_which_logs_are_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
