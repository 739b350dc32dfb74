#include "sim.h"

#include "../../../remotewrite/judge.h"
#include "cmocka_all.h"

#include <ampagent/base/log.h>

struct wait_case {
	int status;
	const char *retry_after;
	int64_t least, most; /* of the wait */
};

static void test_waits(void **state)
{
	static const struct wait_case cases[] = {
		{500, "", 30, 38},      {0, "", 30, 38},
		{429, "", 30, 38},      {429, "7", 7000, 7000},
		{503, "2", 2000, 2000}, {503, "0", 30, 38},
		{503, "soon", 30, 38},  {429, "100000", RETRY_AFTER_MAX_MS, RETRY_AFTER_MAX_MS},
		{403, "", 1000, 1250},  {403, "9", 9000, 9000},
		{404, "", 5000, 6250},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct wait_case *c = &cases[i];
		struct sim *s = sim_new(20 + i);
		sim_start(s);
		sim_log(s, 0, 1, 8, false);
		sim_turn(s);
		struct http_answer a = {.result = c->status ? HTTP_OK : HTTP_TIMEOUT,
					.status = c->status,
					.retry_after = sv_of(c->retry_after)};
		sim_answer_as(s, 0, &a, false);
		const struct slot *slot = &s->d.slots[0];
		assert_int_equal(slot->state, SLOT_WAITING);
		assert_in_range(slot->retry_at - s->now_ms, c->least, c->most);
		s->now_ms = slot->retry_at - 1;
		sim_turn(s);
		assert_int_equal(s->n_flights, 0);
		s->now_ms++;
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		assert_int_equal(s->flights[0]->attempt, 1);
		sim_answer(s, 0, 200, true);
		assert_int_equal(slot->backoff_ms, 0);
		sim_free(s);
	}
}

/* Draining does not knock at a failing peer's door any faster, but goes on. */
static void test_drain_while_retrying(void **state)
{
	struct sim *s = sim_new(40);
	sim_start(s);
	for (int i = 0; i < 5; i++)
		sim_log(s, 0, 2, 32, false);
	sim_turn(s);
	sim_answer(s, 0, 503, false);
	destination_drain(&s->d);
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	sim_settle(s);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	sim_free(s);
}

/* Settings that changed may be the repair. */
static void test_configure_tries_at_once(void **state)
{
	struct sim *s = sim_new(41);
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	struct http_answer a = {.result = HTTP_OK, .status = 403, .retry_after = SV("200")};
	sim_answer_as(s, 0, &a, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	destination_configure(&s->d, &s->cfg, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	sim_free(s);
}

static bool keys_came;

static bool other_keys(void *cls)
{
	return keys_came;
}

static void refuse_keys(struct sim *s, const char *retry_after)
{
	struct http_answer a = {.result = HTTP_OK,
				.status = 403,
				.error_type = SV("ExpiredTokenException"),
				.retry_after = sv_of(retry_after)};
	sim_answer_as(s, 0, &a, false);
}

/* However long the wait for refused keys has become: others end it, once. */
static void test_other_keys(void **state)
{
	struct sim *s = sim_new(44);
	keys_came = false;
	s->cfg.send.other_keys = other_keys;
	sim_start(s);
	const struct slot *slot = &s->d.slots[0];
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	for (int i = 0; i < 5; i++) {
		refuse_keys(s, "");
		s->now_ms = slot->retry_at;
		sim_turn(s);
	}
	refuse_keys(s, "");
	assert_true(slot->retry_at - s->now_ms > 20000);
	keys_came = true;
	assert_int_equal(sim_turn(s), s->now_ms + KEYS_LOOK_MS);
	assert_int_equal(s->n_flights, 0);
	s->now_ms += KEYS_LOOK_MS;
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	/* They are refused too. */
	keys_came = false;
	refuse_keys(s, "");
	s->now_ms += KEYS_LOOK_MS;
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->now_ms = slot->retry_at;
	sim_turn(s);
	/* What the peer asks for is kept to, and an overload has nothing to do with keys. */
	keys_came = true;
	refuse_keys(s, "90");
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->now_ms = slot->retry_at;
	sim_turn(s);
	sim_answer(s, 0, 503, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	s->now_ms = slot->retry_at;
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	sim_free(s);
}

static void test_start_fails(void **state)
{
	struct sim *s = sim_new(42);
	sim_start(s);
	s->start_fails = true;
	sim_log(s, 0, 1, 8, false);
	int64_t wake = sim_turn(s);
	assert_int_equal(s->d.slots[0].state, SLOT_WAITING);
	assert_true(wake <= s->now_ms + 40);
	assert_string_equal(s->d.last_error, "a file is missing");
	s->now_ms = wake;
	s->start_fails = false;
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	sim_free(s);
}

/* When reading ahead has to stop, the shard it stops for does not wait for a full request. */
static void test_read_ahead_full(void **state)
{
	struct sim *s = sim_new(43);
	s->cfg.queue.max_samples_per_send = 100000000;
	s->cfg.queue.batch_send_deadline_ms = 600000;
	sim_start(s);
	sim_log(s, 0, 1, 8, false);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	int n = 0;
	while (s->n_flights == 0 && n < 3000) {
		n++;
		sim_log(s, 0, 40, 32, false);
		sim_turn(s);
	}
	assert_int_equal(s->n_flights, 1);
	assert_true(n > 10);
	assert_in_range(s->d.progress.queue.bytes, SEND_READ_AHEAD_BYTES,
			SEND_READ_AHEAD_BYTES + s->batches[0]->bytes + 1000000);
	/* And no more is read until it has moved. */
	uint64_t read = queue_end(&s->d.progress.queue);
	sim_log(s, 0, 40, 32, false);
	sim_turn(s);
	assert_int_equal(queue_end(&s->d.progress.queue), read);
	sim_free(s);
}

/* ---- metadata ---- */

static void log_metadata(struct sim *s, uint32_t n)
{
	struct batch *b = batch_new(1 << 20);
	assert_non_null(b);
	b->metadata = arena_calloc(&b->arena, n, sizeof *b->metadata);
	b->n_metadata = n;
	for (uint32_t i = 0; i < n; i++) {
		char name[] = {'m', (char)('a' + i), 0};
		b->metadata[i] = (struct batch_metadata){
			METRIC_COUNTER, arena_dup(&b->arena, sv_of(name)), SV("help"), SV("")};
	}
	batch_seal(b);
	b->pos = b->end = s->head;
	s->batches[s->n_batches++] = b;
}

static struct sim *metadata_start(uint64_t seed)
{
	struct sim *s = sim_new(seed);
	s->cfg.metadata = (struct metadata_options){true, 60000, 2};
	sim_start(s);
	log_metadata(s, 4);
	sim_turn(s);
	s->now_ms += 60000;
	return s;
}

static void test_metadata_is_tried_again(void **state)
{
	struct sim *s = metadata_start(44);
	int64_t wait = 30;
	for (unsigned i = 0; i < 5; i++) {
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		assert_int_equal(s->flights[0]->attempt, i);
		sim_answer(s, 0, i % 2 ? 503 : 500, false);
		int64_t wake = sim_turn(s), at = s->d.metadata_slot.retry_at;
		assert_int_equal(s->n_flights, 0);
		assert_in_range(at - s->now_ms, wait, wait + wait / 4);
		assert_true(wake <= at);
		/* Samples do not wait for it. */
		sim_log(s, 0, 3, 32, false);
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		sim_answer(s, 0, 200, true);
		sim_turn(s);
		while (s->n_flights > 0) {
			sim_answer(s, 0, 200, true);
			sim_turn(s);
		}
		s->now_ms = at;
		wait *= 2;
	}
	/* The first two entries, then the others at once. */
	for (int i = 0; i < 2; i++) {
		sim_turn(s);
		assert_int_equal(s->n_flights, 1);
		sim_answer(s, 0, 200, false);
	}
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	assert_int_equal(s->d.stats.metadata, 4);
	assert_int_equal(s->d.stats.metadata_failed, 0);
	sim_free(s);
}

/* Refused for good: told again at the next interval. */
static void test_metadata_refused(void **state)
{
	struct sim *s = metadata_start(45);
	sim_turn(s);
	sim_answer(s, 0, 400, false);
	sim_turn(s);
	sim_answer(s, 0, 200, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	assert_int_equal(s->d.stats.metadata, 2);
	assert_int_equal(s->d.stats.metadata_failed, 2);
	s->now_ms += 60000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	sim_free(s);
}

/* A round that never ends gives way to the next; draining sends none. */
static void test_metadata_gives_way(void **state)
{
	struct sim *s = metadata_start(46);
	sim_turn(s);
	struct http_answer a = {.result = HTTP_OK, .status = 503, .retry_after = SV("100")};
	sim_answer_as(s, 0, &a, false);
	s->now_ms += 60000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	assert_int_equal(s->d.stats.metadata_failed, 4);
	s->now_ms += 40000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	sim_answer(s, 0, 503, false);
	destination_drain(&s->d);
	s->now_ms += 60000;
	sim_turn(s);
	assert_int_equal(s->n_flights, 0);
	sim_free(s);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_drain_while_retrying),
		cmocka_unit_test(test_configure_tries_at_once),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_start_fails),
		cmocka_unit_test(test_read_ahead_full),
		cmocka_unit_test(test_metadata_is_tried_again),
		cmocka_unit_test(test_metadata_refused),
		cmocka_unit_test(test_metadata_gives_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
