#include "sim.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t sim_random(struct sim *s, uint64_t below)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return s->rng % below;
}

/* ---- log ---- */

static int log_open(void *cls, struct wal_pos from)
{
	struct sim *s = cls;
	s->read = s->tail;
	while (s->read < s->n_batches && s->batches[s->read]->pos.sequence < from.sequence)
		s->read++;
	s->pos = from;
	return 0;
}

static int log_next(void *cls, struct batch **out)
{
	struct sim *s = cls;
	if (s->read < s->tail)
		s->read = s->tail;
	if (s->read == s->n_batches) {
		s->pos = s->head;
		return 1;
	}
	*out = batch_ref(s->batches[s->read++]);
	s->pos = (*out)->end;
	return 0;
}

static struct wal_pos log_pos(void *cls)
{
	return ((struct sim *)cls)->pos;
}

static struct wal_pos log_head(void *cls)
{
	return ((struct sim *)cls)->head;
}

static struct wal_pos log_tail(void *cls)
{
	struct sim *s = cls;
	return s->tail < s->n_batches ? s->batches[s->tail]->pos : s->head;
}

static int log_advance(void *cls, uint64_t sequence)
{
	struct sim *s = cls;
	if (sequence > s->head.sequence) {
		s->head.sequence = sequence;
		s->head.segment++;
	}
	return 0;
}

static void log_hold(void *cls, struct wal_pos pos)
{
	((struct sim *)cls)->hold = pos;
}

static int log_load(void *cls, struct buf *out, struct err *err)
{
	struct sim *s = cls;
	return s->stored ? buf_sv(out, sv_of(s->stored)) : err_set(err, 1, "none");
}

static int log_store(void *cls, struct sv content, struct err *err)
{
	struct sim *s = cls;
	if (s->store_fails)
		return err_set(err, 1, "disk full");
	free(s->stored);
	s->stored = sv_dup(content);
	return 0;
}

static uint16_t log_labels(void *cls, uint32_t frame, uint16_t from,
			   void (*fn)(void *fcls, uint16_t slot, struct labels labels), void *fcls)
{
	for (uint16_t slot = from; slot < 32; slot++) {
		char f[16], sl[16];
		_cleanup_(arena_deinit) struct arena arena;
		arena_init(&arena, 65536);
		struct label_builder b;
		label_builder_init(&b, &arena);
		snprintf(f, sizeof f, "%u", frame);
		snprintf(sl, sizeof sl, "%u", slot);
		label_builder_set(&b, SV("__name__"), SV("metric"));
		label_builder_set(&b, SV("frame"), sv_of(f));
		label_builder_set(&b, SV("slot"), sv_of(sl));
		struct labels out;
		assert_int_equal(label_builder_finish(&b, &arena, &out), 0);
		fn(fcls, slot, out);
	}
	return 32;
}

/* ---- peer ---- */

static int send_start(void *cls, struct send_request *req, send_done done, void *done_cls,
		      void **flight, struct err *err)
{
	struct sim *s = cls;
	if (s->start_fails)
		return err_set(err, 1, "a file is missing");
	struct sim_flight *f = calloc(1, sizeof *f);
	assert_non_null(f);
	assert_true(s->n_flights < SIM_FLIGHTS_MAX);
	*f = (struct sim_flight){s, req->body, done, done_cls, req->attempt};
	s->flights[s->n_flights++] = f;
	s->requests++;
	*flight = f;
	return 0;
}

static struct sim_flight *take_flight(struct sim *s, size_t i)
{
	struct sim_flight *f = s->flights[i];
	s->flights[i] = s->flights[--s->n_flights];
	return f;
}

static void send_cancel(void *cls, void *flight)
{
	struct sim *s = cls;
	for (size_t i = 0; i < s->n_flights; i++)
		if (s->flights[i] == flight) {
			free(take_flight(s, i));
			return;
		}
	fail_msg("cancel of a flight that is not there");
}

static void receive(struct sim *s, struct sv body)
{
	struct peer_request r;
	peer_decode(body, false, &r);
	assert_int_equal(r.not_single, 0);
	for (size_t i = 0; i < r.n; i++) {
		unsigned frame, slot;
		assert_int_equal(sscanf(r.v[i].labels,
					"__name__=\"metric\",frame=\"%u\",slot=\"%u\"", &frame,
					&slot),
				 2);
		struct sim_series *x = &s->series[frame][slot];
		assert_int_equal(r.v[i].bits, (uint64_t)r.v[i].t_ms * 1000 + frame * 32 + slot);
		if (r.v[i].t_ms > x->last_t) {
			x->last_t = r.v[i].t_ms;
			x->arrived++;
		} else {
			x->repeated++;
		}
		s->stored_samples++;
	}
	peer_free(&r);
}

void sim_answer_as(struct sim *s, size_t i, const struct http_answer *a, bool stored)
{
	struct sim_flight *f = take_flight(s, i);
	if (stored)
		receive(s, f->body);
	f->done(f->cls, a, SV("because"));
	free(f);
}

void sim_answer(struct sim *s, size_t i, int status, bool stored)
{
	struct http_answer a = {.result = status ? HTTP_OK : HTTP_TIMEOUT,
				.status = status,
				.error = status ? NULL : "timeout"};
	sim_answer_as(s, i, &a, stored);
}

/* ---- host ---- */

static void host_wake(void *cls)
{
	((struct sim *)cls)->woken = true;
}

static void host_now(void *cls, int64_t *mono_ms, int64_t *wall_ms)
{
	*mono_ms = ((struct sim *)cls)->now_ms;
	*wall_ms = *mono_ms;
}

/* ---- scenario ---- */

struct sim *sim_new(uint64_t seed)
{
	struct sim *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->rng = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	s->head = s->pos = (struct wal_pos){1, 16, 0};
	s->now_ms = 1000;
	workspace_init(&s->ws);
	s->cfg = (struct destination_config){
		.name = SV("test"),
		.url = SV("http://test/"),
		.key = SV("test"),
		.timeout_ms = 30000,
		.queue = {.max_shards = 4,
			  .min_shards = 1,
			  .max_samples_per_send = 50,
			  .batch_send_deadline_ms = 5000,
			  .min_backoff_ms = 30,
			  .max_backoff_ms = 5000},
		.send = {send_start, send_cancel, s},
	};
	return s;
}

void sim_free(struct sim *s)
{
	if (s->d.slots)
		sim_kill(s);
	for (uint32_t i = 0; i < s->n_batches; i++)
		batch_unref(s->batches[i]);
	workspace_deinit(&s->ws);
	free(s->stored);
	free(s);
}

static void fill_column(struct sim *s, struct batch *b, struct batch_column *c, uint32_t frame,
			uint16_t slots)
{
	c->frame = frame;
	c->n_slots = slots;
	c->values = arena_calloc(&b->arena, slots, sizeof *c->values);
	assert_non_null(c->values);
	for (unsigned slot = 0; slot < slots; slot++) {
		c->values[slot] = (uint64_t)b->t_ms * 1000 + frame * 32 + slot;
		if (sim_random(s, 8) != 0)
			c->present[slot / 64] |= UINT64_C(1) << (slot % 64);
	}
}

void sim_log(struct sim *s, uint32_t first, uint32_t n, uint16_t slots, bool rows)
{
	assert_true(s->n_batches < SIM_BATCHES_MAX);
	struct batch *b = batch_new(1 << 20);
	assert_non_null(b);
	b->t_ms = s->n_batches + 1;
	b->columns = arena_calloc(&b->arena, n ? n : 1, sizeof *b->columns);
	b->n_columns = n;
	for (uint32_t i = 0; i < n; i++)
		fill_column(s, b, &b->columns[i], first + i, slots);
	if (rows) {
		b->n_rows = 20;
		b->rows = arena_calloc(&b->arena, b->n_rows, sizeof *b->rows);
		for (uint32_t i = 0; i < b->n_rows; i++) {
			uint32_t frame = 40 + i / 5;
			uint16_t slot = (uint16_t)(i % 5);
			b->rows[i] = (struct batch_row){
				frame, slot, b->t_ms, (uint64_t)b->t_ms * 1000 + frame * 32 + slot};
		}
	}
	batch_seal(b);
	b->pos = s->head;
	s->head.sequence += b->n_samples;
	s->head.offset += 10;
	if (s->head.offset > 1000) {
		s->head.segment++;
		s->head.offset = 16;
	}
	b->end = s->head;
	s->batches[s->n_batches++] = b;
}

void sim_lose(struct sim *s, uint32_t i)
{
	s->tail = i;
}

void sim_start(struct sim *s)
{
	struct log_seam log = {.open = log_open,
			       .next = log_next,
			       .pos = log_pos,
			       .head = log_head,
			       .tail = log_tail,
			       .advance = log_advance,
			       .hold = log_hold,
			       .load = log_load,
			       .store = log_store,
			       .labels = {log_labels, s},
			       .cls = s};
	struct host_seam host = {host_wake, host_now, s};
	struct err err = ERR_NULL;
	assert_int_equal(destination_init(&s->d, &s->cfg, &log, &host, &s->ws, s->rng, &err), 0);
}

void sim_stop(struct sim *s)
{
	destination_deinit(&s->d);
	assert_int_equal(s->n_flights, 0);
}

void sim_kill(struct sim *s)
{
	destination_abandon(&s->d);
	assert_int_equal(s->n_flights, 0);
}

int64_t sim_turn(struct sim *s)
{
	s->woken = false;
	int64_t wake = destination_turn(&s->d, s->now_ms, s->now_ms);
	assert_true(wake >= 0);
	return wake;
}

void sim_settle(struct sim *s)
{
	for (int i = 0; i < 20000; i++) {
		int64_t wake = sim_turn(s);
		if (s->n_flights > 0)
			sim_answer(s, 0, 200, true);
		else if (destination_queued(&s->d) == 0 && !s->d.dirty)
			return;
		else
			s->now_ms = wake > s->now_ms ? wake : s->now_ms;
	}
	fail_msg("never settles: %llu queued", (unsigned long long)destination_queued(&s->d));
}
