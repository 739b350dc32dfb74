/* Whole destinations of 2.0, and what both protocols do with histograms and exemplars. */
#include "sim.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>
#include <stdio.h>

static struct sim *start(uint64_t seed, enum remotewrite_protocol protocol)
{
	struct sim *s = sim_new(seed);
	s->histograms = true;
	s->cfg.protocol = protocol;
	s->cfg.send_exemplars = s->cfg.send_native_histograms = true;
	sim_start(s);
	return s;
}

static void assert_balanced(struct sim *s)
{
	assert_int_equal((uint64_t)s->d.progress.base + books_total(&s->d.progress.books) +
				 destination_queued(&s->d),
			 s->head.sequence);
}

static uint64_t arrived(const struct sim *s)
{
	uint64_t n = 0;
	for (int f = 0; f < 64; f++)
		for (int i = 0; i < 32; i++)
			n += s->series[f][i].arrived;
	return n;
}

static uint64_t histograms_of(const struct sim *s)
{
	return s->n_batches * UINT64_C(10);
}

static uint64_t exemplars_of(const struct sim *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->n_batches; i++)
		n += s->batches[i]->n_exemplars;
	return n;
}

static void test_delivers(void **state)
{
	static const enum remotewrite_protocol protocols[] = {REMOTEWRITE_V1, REMOTEWRITE_V2};
	for (int p = 0; p < 2; p++) {
		struct sim *s = start(1, protocols[p]);
		for (int i = 0; i < 5; i++)
			sim_log(s, 0, 3, 32, true);
		sim_turn(s);
		assert_int_equal(s->flights[0]->protocol, protocols[p]);
		sim_settle(s);
		const struct destination_stats *st = &s->d.stats;
		assert_balanced(s);
		assert_int_equal(s->d.progress.books.sent, s->head.sequence);
		assert_int_equal(arrived(s), s->head.sequence);
		assert_int_equal(s->stored_samples, s->head.sequence);
		assert_int_equal(s->stored_histograms, histograms_of(s));
		assert_int_equal(s->stored_exemplars, exemplars_of(s));
		assert_int_equal(st->histograms.sent, histograms_of(s));
		assert_int_equal(st->samples.sent, s->head.sequence - histograms_of(s));
		assert_int_equal(st->exemplars.sent, exemplars_of(s));
		assert_int_equal(st->histograms.failed + st->exemplars.failed, 0);
		sim_free(s);
	}
}

static void test_histograms_not_wanted(void **state)
{
	for (int p = 0; p < 2; p++) {
		struct sim *s = start(2, p ? REMOTEWRITE_V2 : REMOTEWRITE_V1);
		s->cfg.send_exemplars = s->cfg.send_native_histograms = false;
		destination_configure(&s->d, &s->cfg, false);
		sim_log(s, 0, 3, 32, false);
		sim_settle(s);
		const struct books *b = &s->d.progress.books;
		assert_int_equal(b->dropped[DROP_HISTOGRAMS_NOT_SENT], 10);
		assert_int_equal(b->sent, s->head.sequence - 10);
		assert_int_equal(s->d.stats.histograms_dropped[DROP_HISTOGRAMS_NOT_SENT], 10);
		assert_int_equal(s->stored_histograms + s->stored_exemplars, 0);
		assert_balanced(s);
		sim_free(s);
	}
}

static void test_custom_buckets(void **state)
{
	for (int p = 0; p < 2; p++) {
		struct sim *s = start(3, p ? REMOTEWRITE_V2 : REMOTEWRITE_V1);
		sim_log(s, 0, 1, 8, false);
		for (int i = 0; i < 4; i++)
			s->batches[0]->histograms[i].h.schema = HISTOGRAM_SCHEMA_CUSTOM;
		sim_settle(s);
		assert_int_equal(s->d.progress.books.dropped[DROP_NHCB_IN_RW1], p ? 0 : 4);
		assert_int_equal(s->stored_histograms, p ? 10 : 6);
		assert_balanced(s);
		sim_free(s);
	}
}

/* 415, or success without a word of what was written: the same samples go as 1.0, once. */
static void test_falls_back(void **state)
{
	static const int answers[] = {415, 200, 204};
	for (int i = 0; i < 3; i++) {
		struct sim *s = start(4, REMOTEWRITE_V2);
		s->old_receiver = answers[i];
		s->cfg.queue.max_samples_per_send = 2000;
		destination_configure(&s->d, &s->cfg, false);
		sim_log(s, 0, 2, 32, true);
		sim_turn(s);
		assert_int_equal(s->flights[0]->protocol, REMOTEWRITE_V2);
		sim_answer(s, 0, 200, true);
		assert_true(s->d.fell_back);
		assert_int_equal(books_total(&s->d.progress.books), 0);
		/* At once, not when the next request would be due. */
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		assert_int_equal(s->flights[0]->protocol, REMOTEWRITE_V1);
		assert_int_equal(s->flights[0]->attempt, 0);
		sim_settle(s);
		assert_balanced(s);
		assert_int_equal(s->d.progress.books.sent, s->head.sequence);
		assert_int_equal(s->stored_samples, s->head.sequence);
		assert_int_equal(arrived(s), s->head.sequence);
		/* For good, until the settings name another peer or protocol. */
		sim_log(s, 0, 2, 32, true);
		sim_settle(s);
		assert_true(s->d.fell_back);
		destination_configure(&s->d, &s->cfg, false);
		assert_true(s->d.fell_back);
		s->cfg.url = SV("http://other/");
		s->old_receiver = 0;
		destination_configure(&s->d, &s->cfg, false);
		sim_log(s, 0, 2, 32, true);
		destination_drain(&s->d);
		sim_turn(s);
		assert_int_equal(s->flights[0]->protocol, REMOTEWRITE_V2);
		sim_settle(s);
		assert_int_equal(s->d.progress.books.sent, s->head.sequence);
		sim_free(s);
	}
}

/* What waits to be sent again as 2.0 is made anew. */
static void test_waiting_falls_back(void **state)
{
	struct sim *s = sim_new(5);
	s->histograms = true;
	s->cfg.protocol = REMOTEWRITE_V2;
	s->cfg.send_native_histograms = true;
	s->cfg.queue.min_shards = 2;
	sim_start(s);
	for (int i = 0; i < 10; i++)
		sim_log(s, 0, 20, 32, true);
	sim_turn(s);
	assert_int_equal(s->n_flights, 2);
	s->old_receiver = 415;
	sim_answer(s, 0, 500, false);
	sim_answer(s, 0, 200, true);
	assert_true(s->d.fell_back);
	s->now_ms += 100;
	sim_turn(s);
	assert_int_equal(s->n_flights, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(s->flights[i]->protocol, REMOTEWRITE_V1);
	sim_settle(s);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	assert_int_equal(s->stored_samples, s->head.sequence);
	assert_balanced(s);
	sim_free(s);
}

struct partial_case {
	int status;
	const char *samples, *histograms, *exemplars;
	uint64_t sent; /* of 8 samples at most and 10 histograms */
	enum drop_reason reason;
};

/* What the answer says was not written is dropped; a missing field stands for 0. */
static void test_partial(void **state)
{
	static const struct partial_case cases[] = {
		{204, "2", "10", "0", 12, DROP_ANSWERED_PARTIAL},
		{200, "2", "", "", 2, DROP_ANSWERED_PARTIAL},
		{200, "0", "0", "0", 0, DROP_ANSWERED_PARTIAL},
		{200, "99999", "7", "", 0, DROP_ANSWERED_PARTIAL},
		{400, "1", "3", "", 4, DROP_ANSWERED_400},
		{400, "", "", "", 0, DROP_ANSWERED_400},
		{422, "1", "0", "", 1, DROP_ANSWERED_4XX},
	};
	for (int protocol = 0; protocol < 2; protocol++) {
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			const struct partial_case *c = &cases[i];
			struct sim *s = start(6, protocol ? REMOTEWRITE_V2 : REMOTEWRITE_V1);
			sim_log(s, 0, 1, 8, false);
			uint64_t floats = s->head.sequence - 10, sent = c->sent;
			if (sv_eq(sv_of(c->samples), SV("99999")))
				sent = floats + 7;
			sim_turn(s);
			struct http_answer a = {.result = HTTP_OK,
						.status = c->status,
						.samples_written = sv_of(c->samples),
						.histograms_written = sv_of(c->histograms),
						.exemplars_written = sv_of(c->exemplars)};
			sim_answer_as(s, 0, &a, false);
			const struct books *b = &s->d.progress.books;
			assert_int_equal(b->sent, sent);
			assert_int_equal(b->dropped[c->reason], s->head.sequence - sent);
			assert_int_equal(s->d.stats.samples.failed + s->d.stats.histograms.failed,
					 s->head.sequence - sent);
			assert_int_equal(destination_queued(&s->d), 0);
			assert_balanced(s);
			sim_free(s);
		}
	}
}

/* Each series has its metadata in 2.0; the requests of 1.0 come when it falls back. */
static void test_metadata(void **state)
{
	struct sim *s = sim_new(7);
	s->cfg.protocol = REMOTEWRITE_V2;
	s->cfg.metadata = (struct metadata_options){true, 60000, 100};
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	struct batch *b = s->batches[0];
	b->metadata = arena_calloc(&b->arena, 1, sizeof *b->metadata);
	b->n_metadata = 1;
	b->metadata[0] =
		(struct batch_metadata){METRIC_GAUGE, SV("metric"), SV("Help."), SV("bytes")};
	sim_turn(s);
	struct peer_request r;
	peer_decode_v2(s->flights[0]->body, false, &r);
	assert_true(r.n > 0);
	for (size_t i = 0; i < r.n; i++) {
		assert_int_equal(r.v[i].type, METRIC_GAUGE);
		assert_string_equal(r.v[i].help, "Help.");
		assert_string_equal(r.v[i].unit, "bytes");
	}
	peer_free(&r);
	sim_answer(s, 0, 200, true);
	s->now_ms += 60000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->old_receiver = 415;
	sim_log(s, 0, 1, 8, false);
	destination_drain(&s->d);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	s->d.draining = false;
	sim_settle(s);
	s->now_ms += 60000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	peer_decode(s->flights[0]->body, false, &r);
	assert_int_equal(r.n_metadata, 1);
	peer_free(&r);
	sim_free(s);
}

/* Failures, kills, growth, and a peer that turns old on the way. */
static void run_storm(uint64_t seed, bool kills)
{
	struct sim *s = sim_new(seed);
	s->histograms = true;
	s->cfg.protocol = REMOTEWRITE_V2;
	s->cfg.send_exemplars = s->cfg.send_native_histograms = true;
	s->cfg.queue.min_shards = 1 + (uint32_t)(seed % 4);
	sim_start(s);
	for (int i = 0; i < 1000; i++) {
		if (s->n_batches < 80 && sim_random(s, 4) == 0)
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
		if (sim_random(s, 100) == 0)
			s->old_receiver = s->old_receiver ? 0 : sim_random(s, 2) ? 415 : 204;
		if (kills && sim_random(s, 60) == 0) {
			sim_kill(s);
			s->cfg.queue.min_shards = 1 + (uint32_t)sim_random(s, 4);
			sim_start(s);
			assert_balanced(s);
		}
	}
	sim_settle(s);
	assert_balanced(s);
	uint64_t dropped = books_dropped(&s->d.progress.books);
	assert_int_equal(dropped, s->d.progress.books.dropped[DROP_TOO_LARGE]);
	assert_int_equal(s->d.progress.books.sent + dropped, s->head.sequence);
	if (dropped == 0)
		assert_int_equal(arrived(s), s->head.sequence);
	sim_free(s);
}

static void test_storm(void **state)
{
	for (uint64_t seed = 100; seed < 108; seed++)
		run_storm(seed, seed % 2);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivers),
		cmocka_unit_test(test_histograms_not_wanted),
		cmocka_unit_test(test_custom_buckets),
		cmocka_unit_test(test_falls_back),
		cmocka_unit_test(test_waiting_falls_back),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
