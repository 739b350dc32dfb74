#include "sim.h"

#include "cmocka_all.h"

#include <limits.h>
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
	frame %= SIM_FRAMES;
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
	*f = (struct sim_flight){s,        req->protocol, req->body, done,
				 done_cls, req->attempt,  s->now_ms};
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

static void decode(const struct sim_flight *f, struct peer_request *r)
{
	if (f->protocol == REMOTEWRITE_V2)
		peer_decode_v2(f->body, false, r);
	else
		peer_decode(f->body, false, r);
}

static void check_era(struct sim *s, const struct peer_sample *v, unsigned *era)
{
	unsigned told = 0;
	const char *at = strstr(v->labels, "zera=\"");
	if (at)
		sscanf(at, "zera=\"%u\"", &told);
	s->wrong_eras += told != s->era_of[v->t_ms];
	if (*era != UINT_MAX && *era != told)
		s->mixed_eras++;
	*era = told;
}

static void receive(struct sim *s, const struct sim_flight *f)
{
	unsigned era = UINT_MAX;
	struct peer_request r;
	decode(f, &r);
	assert_int_equal(r.not_single, 0);
	for (size_t i = 0; i < r.n; i++) {
		unsigned frame, slot;
		s->stored_exemplars += r.v[i].n_exemplars;
		if (r.v[i].only_exemplars)
			continue;
		if (r.v[i].is_histogram) {
			r.v[i].bits = r.v[i].h.count.u;
			s->stored_histograms++;
		}
		check_era(s, &r.v[i], &era);
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
		receive(s, f);
	f->done(f->cls, a, sv_of(s->because ? s->because : "because"));
	free(f);
}

static void say_written(const struct sim_flight *f, char text[3][24], struct http_answer *a)
{
	struct peer_request r;
	size_t histograms = 0, exemplars = 0;
	decode(f, &r);
	for (size_t i = 0; i < r.n; i++) {
		histograms += r.v[i].is_histogram;
		exemplars += r.v[i].n_exemplars;
	}
	snprintf(text[0], 24, "%zu", r.n - histograms);
	snprintf(text[1], 24, "%zu", histograms);
	snprintf(text[2], 24, "%zu", exemplars);
	a->samples_written = sv_of(text[0]);
	a->histograms_written = sv_of(text[1]);
	a->exemplars_written = sv_of(text[2]);
	peer_free(&r);
}

void sim_answer(struct sim *s, size_t i, int status, bool stored)
{
	const struct sim_flight *f = s->flights[i];
	char text[3][24];
	struct http_answer a = {.result = status ? HTTP_OK : HTTP_TIMEOUT,
				.status = status,
				.error = status ? NULL : "timeout"};
	if (status == 200 && f->protocol == REMOTEWRITE_V2 && s->old_receiver) {
		a.status = s->old_receiver;
		stored = false;
	} else if (status == 200 && f->protocol == REMOTEWRITE_V2) {
		say_written(f, text, &a);
	}
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
		c->values[slot] = (uint64_t)b->t_ms * 1000 + frame % SIM_FRAMES * 32 + slot;
		if (sim_random(s, 8) != 0)
			c->present[slot / 64] |= UINT64_C(1) << (slot % 64);
	}
}

/* Ten histograms, and two exemplars of the first column's first sample and of one histogram each.
 */
static void fill_histograms(struct batch *b)
{
	b->n_histograms = 10;
	b->histograms = arena_calloc(&b->arena, 10, sizeof *b->histograms);
	for (uint32_t i = 0; i < 10; i++) {
		uint32_t frame = 50 + i / 5;
		uint16_t slot = (uint16_t)(i % 5);
		struct histogram h = {.count.u = (uint64_t)b->t_ms * 1000 + frame * 32 + slot};
		b->histograms[i] = (struct batch_histogram){frame, slot, b->t_ms, h};
	}
	b->exemplars = arena_calloc(&b->arena, 4, sizeof *b->exemplars);
	for (uint16_t slot = 0; b->n_columns > 0 && slot < b->columns[0].n_slots; slot++) {
		if (!image_bit(b->columns[0].present, slot) || b->n_exemplars > 0)
			continue;
		for (; b->n_exemplars < 2; b->n_exemplars++)
			b->exemplars[b->n_exemplars] = (struct batch_exemplar){
				b->columns[0].frame, slot, b->t_ms, 7, LABELS_NULL};
	}
	for (int i = 0; i < 2; i++)
		b->exemplars[b->n_exemplars++] =
			(struct batch_exemplar){51, 3, b->t_ms, 8, LABELS_NULL};
}

void sim_log(struct sim *s, uint32_t first, uint32_t n, uint16_t slots, bool rows)
{
	assert_true(s->n_batches < SIM_BATCHES_MAX);
	struct batch *b = batch_new(1 << 20);
	assert_non_null(b);
	b->t_ms = s->n_batches + 1;
	s->era_of[b->t_ms] = (unsigned char)s->era;
	b->columns = arena_calloc(&b->arena, n ? n : 1, sizeof *b->columns);
	b->n_columns = n;
	for (uint32_t i = 0; i < n; i++) {
		bool moved = s->moved[(first + i) % SIM_FRAMES];
		fill_column(s, b, &b->columns[i], first + i + (moved ? SIM_FRAMES : 0), slots);
	}
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
	if (s->histograms)
		fill_histograms(b);
	batch_seal(b);
	b->pos = s->head;
	s->head.sequence += b->n_samples;
	s->head.offset += 10;
	if (s->head.offset > 4000) {
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
