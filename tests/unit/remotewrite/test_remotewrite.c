/* The room whole: a log on disk, the send thread, and the stand-in endpoint on a loopback port. */
#include <ampagent/remotewrite.h>

#include "cmocka_all.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <ampagent/net/http_client.h>
#include <ampagent/standin.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#define WORKSPACE "ws-b226cc2a-a446-46a9-933a-ac50479a5568"

enum { SERIES = 100, HISTOGRAMS = 10, WAIT_MS = 20000 };

struct world {
	char dir[64];
	struct wal *wal;
	struct loop *loop;
	pthread_t thread;
	struct standin *standin;
	char url[128];
	struct remotewrite *rw;
	struct remotewrite_options opt;
	int64_t t_ms;
	bool defined;
	bool histograms; /* batches hold some, with exemplars and start times */
	uint64_t logged;
};

static void *run_loop(void *cls)
{
	loop_run(cls);
	return NULL;
}

static void peer_start(struct world *w, const struct standin_options *so)
{
	struct err err = ERR_NULL;
	assert_int_equal(loop_new(&w->loop, &err), 0);
	if (standin_new(w->loop, so, &w->standin, &err) != 0)
		fail_msg("%s", err.msg);
	snprintf(w->url, sizeof w->url,
		 "http://127.0.0.1:%d/workspaces/" WORKSPACE "/api/v1/remote_write",
		 standin_port(w->standin));
	assert_int_equal(pthread_create(&w->thread, NULL, run_loop, w->loop), 0);
}

static struct standin_stats peer_stop(struct world *w)
{
	loop_stop(w->loop);
	pthread_join(w->thread, NULL);
	struct standin_stats st = standin_stats_get(w->standin);
	standin_free(w->standin);
	loop_free(w->loop);
	return st;
}

static struct standin_options peer_options(void)
{
	struct standin_options so = standin_options_default();
	so.listen = SV("127.0.0.1:0");
	so.workspace = SV(WORKSPACE);
	so.access_key = SV("AKIDEXAMPLE");
	so.secret_key = SV("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
	so.region = SV("eu-west-1");
	so.service = SV("aps");
	so.track = true;
	so.seed = 7;
	return so;
}

static void open_log(struct world *w)
{
	struct wal_options opt = {
		.dir = sv_of(w->dir), .max_bytes = 1 << 30, .sync_interval_ms = 1000};
	struct err err = ERR_NULL;
	if (wal_open(&opt, &w->wal, &err) != 0)
		fail_msg("%s", err.msg);
}

static void start(struct world *w)
{
	struct remotewrite_env env = {w->wal, SV("ampagent/test")};
	struct err err = ERR_NULL;
	if (remotewrite_new(&env, &w->rw, &err) != 0 ||
	    remotewrite_apply(w->rw, &w->opt, 1, LABELS_NULL, &err) != 0)
		fail_msg("%s", err.msg);
}

static void setup(struct world *w, const struct standin_options *so)
{
	*w = (struct world){.t_ms = clock_wall_ms() - 600000};
	snprintf(w->dir, sizeof w->dir, "/tmp/rw-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	peer_start(w, so);
	open_log(w);
	w->opt = (struct remotewrite_options){
		.name = SV("test"),
		.url = sv_of(w->url),
		.timeout_ms = 5000,
		.queue = {.capacity = 10000,
			  .max_shards = 4,
			  .min_shards = 1,
			  .max_samples_per_send = 150,
			  .batch_send_deadline_ms = 100,
			  .min_backoff_ms = 1,
			  .max_backoff_ms = 10},
		.has_sigv4 = true,
		.sigv4 = {.region = SV("eu-west-1"),
			  .access_key = SV("AKIDEXAMPLE"),
			  .secret_key = SV("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
			  .service_name = SV("aps")},
	};
}

static int remove_path(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void teardown(struct world *w)
{
	if (w->rw)
		remotewrite_free(w->rw);
	wal_close(w->wal);
	nftw(w->dir, remove_path, 16, FTW_DEPTH | FTW_PHYS);
}

static void define(struct batch *b)
{
	struct label_builder lb;
	b->new_owner = arena_calloc(&b->arena, 1, sizeof *b->new_owner);
	b->new_owner->owner = 1;
	label_builder_init(&lb, &b->arena);
	label_builder_set(&lb, SV("job"), SV("test"));
	assert_int_equal(label_builder_finish(&lb, &b->arena, &b->new_owner->labels), 0);
	b->n_defs = 4 * SERIES + HISTOGRAMS;
	b->defs = arena_calloc(&b->arena, b->n_defs, sizeof *b->defs);
	for (uint32_t i = 0; i < b->n_defs; i++) {
		char text[32];
		label_builder_init(&lb, &b->arena);
		snprintf(text, sizeof text, "%u", i);
		label_builder_set(&lb, SV("__name__"), SV("test_metric"));
		label_builder_set(&lb, SV("series"), arena_dup(&b->arena, sv_of(text)));
		struct batch_def *d = &b->defs[i];
		d->frame = 1 + i / SERIES;
		d->slot = (uint16_t)(i % SERIES);
		assert_int_equal(label_builder_finish(&lb, &b->arena, &d->labels), 0);
	}
}

/* In the fifth frame; every other one has an exemplar, as has one of the first frame's series. */
static void put_histograms(struct batch *b)
{
	static const struct histogram_span span = {-3, 2};
	static const union histogram_number buckets[] = {{.delta = 3}, {.delta = -1}};
	b->histograms = arena_calloc(&b->arena, HISTOGRAMS, sizeof *b->histograms);
	b->exemplars = arena_calloc(&b->arena, HISTOGRAMS, sizeof *b->exemplars);
	b->starts = arena_calloc(&b->arena, 1, sizeof *b->starts);
	b->starts[b->n_starts++] = (struct batch_start){1, 3, b->t_ms - 500};
	b->exemplars[b->n_exemplars++] =
		(struct batch_exemplar){1, 3, b->t_ms - 7, (uint64_t)b->t_ms << 9, LABELS_NULL};
	for (uint16_t i = 0; i < HISTOGRAMS; i++) {
		struct histogram h = {.schema = 2, .count.u = 5, .start_ms = b->t_ms - 900};
		h.side[HISTOGRAM_POSITIVE] = (struct histogram_side){&span, 1, buckets, 2};
		b->histograms[b->n_histograms++] = (struct batch_histogram){5, i, b->t_ms, h};
		if (i % 2)
			b->exemplars[b->n_exemplars++] =
				(struct batch_exemplar){5, i, b->t_ms - 7, 1, LABELS_NULL};
	}
}

static void put(struct world *w)
{
	struct batch *b = batch_new(1 << 20);
	assert_non_null(b);
	b->owner = 1;
	b->t_ms = w->t_ms += 1000;
	if (!w->defined)
		define(b);
	w->defined = true;
	b->columns = arena_calloc(&b->arena, 4, sizeof *b->columns);
	b->n_columns = 4;
	for (uint32_t f = 0; f < 4; f++) {
		struct batch_column *c = &b->columns[f];
		c->frame = 1 + f;
		c->n_slots = SERIES;
		memset(c->present, 0xff, sizeof c->present);
		c->values = arena_calloc(&b->arena, SERIES, sizeof *c->values);
		for (int i = 0; i < SERIES; i++)
			c->values[i] = (uint64_t)b->t_ms << 10;
	}
	if (w->histograms)
		put_histograms(b);
	batch_seal(b);
	w->logged += b->n_samples;
	struct batch_sink sink = wal_sink(w->wal);
	assert_int_equal(sink.put(sink.cls, b), 0);
	assert_int_equal(wal_flush(w->wal, false), 0);
}

static struct remotewrite_status status(struct world *w)
{
	struct remotewrite_status s;
	assert_int_equal(remotewrite_status_get(w->rw, &s, 1), 1);
	return s;
}

static void wait_delivered(struct world *w)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	while (status(w).queued > 0) {
		if (clock_mono_ms() > until)
			fail_msg("not delivered: %s", status(w).last_error);
		poll(NULL, 0, 5);
	}
}

static void test_signed_delivery_and_restart(void **state)
{
	struct world w;
	struct standin_options so = peer_options();
	setup(&w, &so);
	start(&w);
	for (int i = 0; i < 10; i++)
		put(&w);
	remotewrite_drain(w.rw);
	wait_delivered(&w);
	struct remotewrite_status s = status(&w);
	assert_int_equal(s.sent, w.logged);
	assert_int_equal(s.dropped, 0);
	assert_int_equal(s.highest_sent_ms, w.t_ms);
	remotewrite_free(w.rw);
	wal_close(w.wal);
	open_log(&w);
	start(&w);
	for (int i = 0; i < 5; i++)
		put(&w);
	wait_delivered(&w);
	s = status(&w);
	assert_int_equal(s.sent, w.logged);
	struct standin_stats st = peer_stop(&w);
	assert_int_equal(st.samples, w.logged);
	assert_int_equal(st.series, 4 * SERIES);
	assert_int_equal(st.duplicates, 0);
	assert_int_equal(st.bad_signature, 0);
	assert_int_equal(st.bad_labels, 0);
	teardown(&w);
}

static void test_misbehaving_peer(void **state)
{
	struct world w;
	struct standin_options so = peer_options();
	so.rate_500 = so.rate_429 = so.rate_drop = so.rate_403 = 0.1;
	setup(&w, &so);
	w.opt.queue.min_shards = 4;
	start(&w);
	for (int i = 0; i < 15; i++)
		put(&w);
	wait_delivered(&w);
	struct remotewrite_status s = status(&w);
	assert_int_equal(s.sent, w.logged);
	assert_int_equal(s.dropped, 0);
	assert_true(s.failed_requests > 0);
	struct standin_stats st = peer_stop(&w);
	assert_int_equal(st.samples, w.logged);
	assert_int_equal(st.out_of_order, 0);
	assert_int_equal(st.refused, 0);
	teardown(&w);
}

struct protocol_case {
	enum remotewrite_protocol protocol;
	bool accept_v2;
	double rate; /* of failures */
};

/* Histograms, exemplars and start times by each protocol; a peer that does not speak 2.0 gets the
 * same by 1.0. */
static void test_protocols(void **state)
{
	static const struct protocol_case cases[] = {{REMOTEWRITE_V1, true, 0},
						     {REMOTEWRITE_V2, true, 0},
						     {REMOTEWRITE_V2, true, 0.1},
						     {REMOTEWRITE_V2, false, 0},
						     {REMOTEWRITE_V2, false, 0.1}};
	enum { PUTS = 12 };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world w;
		struct standin_options so = peer_options();
		so.accept_v2 = cases[i].accept_v2;
		so.rate_500 = so.rate_429 = so.rate_drop = cases[i].rate;
		setup(&w, &so);
		w.histograms = true;
		w.opt.protocol = cases[i].protocol;
		w.opt.send_exemplars = w.opt.send_native_histograms = true;
		w.opt.queue.min_shards = 3;
		start(&w);
		for (int k = 0; k < PUTS; k++)
			put(&w);
		wait_delivered(&w);
		struct remotewrite_status s = status(&w);
		struct standin_stats st = peer_stop(&w);
		assert_int_equal(s.sent, w.logged);
		assert_int_equal(s.dropped, 0);
		assert_int_equal(st.samples, w.logged);
		assert_int_equal(st.histograms, PUTS * HISTOGRAMS);
		assert_int_equal(st.exemplars, PUTS * (1 + HISTOGRAMS / 2));
		assert_int_equal(st.out_of_order + st.refused, 0);
		/* Answers that get lost make samples come again. */
		assert_true(st.duplicates == 0 || cases[i].rate > 0);
		assert_int_equal(st.bad_protobuf + st.bad_labels + st.bad_signature, 0);
		/* Nobody asks twice, but for requests already on their way. */
		assert_true(cases[i].accept_v2 ? st.answered_other == 0
					       : st.answered_other > 0 && st.answered_other <= 3);
		teardown(&w);
	}
}

/* ---- what the log is told (linked in between) ---- */

static int holds;             /* of "third": told less dropped */
static int cursors_to_refuse; /* counts down; the last one is refused */

int __real_wal_cursor_new(struct wal *w, struct wal_pos from, struct wal_cursor **out,
			  uint64_t *skipped);
int __wrap_wal_cursor_new(struct wal *w, struct wal_pos from, struct wal_cursor **out,
			  uint64_t *skipped);
int __wrap_wal_cursor_new(struct wal *w, struct wal_pos from, struct wal_cursor **out,
			  uint64_t *skipped)
{
	if (cursors_to_refuse > 0 && --cursors_to_refuse == 0)
		return ERR_NOMEM;
	return __real_wal_cursor_new(w, from, out, skipped);
}

void __real_wal_position_drop(struct wal *w, struct sv key);
void __wrap_wal_position_drop(struct wal *w, struct sv key);
void __wrap_wal_position_drop(struct wal *w, struct sv key)
{
	if (sv_eq(key, SV("third")))
		holds--;
	__real_wal_position_drop(w, key);
}

void __real_wal_hold(struct wal *w, struct sv key, struct wal_pos pos);
void __wrap_wal_hold(struct wal *w, struct sv key, struct wal_pos pos);
void __wrap_wal_hold(struct wal *w, struct sv key, struct wal_pos pos)
{
	if (sv_eq(key, SV("third")))
		holds++;
	__real_wal_hold(w, key, pos);
}

static void count_key(void *cls, struct sv key)
{
	++*(unsigned *)cls;
}

/* The third destination has opened the log when the fourth fails: nothing of it stays. */
static void test_failed_apply_leaves_nothing(void **state)
{
	struct world w;
	struct standin_options so = peer_options();
	struct err err = ERR_NULL;
	setup(&w, &so);
	start(&w);
	put(&w);
	wait_delivered(&w);
	struct remotewrite_options three[3] = {w.opt, w.opt, w.opt};
	three[1].name = SV("third");
	three[2].name = SV("fourth");
	three[1].name_set = three[2].name_set = true;
	cursors_to_refuse = 2;
	assert_int_equal(remotewrite_apply(w.rw, three, 3, LABELS_NULL, &err), ERR_NOMEM);
	assert_int_equal(cursors_to_refuse, 0);
	assert_int_equal(holds, 0);
	unsigned keys = 0;
	wal_position_each(w.wal, count_key, &keys);
	assert_int_equal(keys, 1);
	assert_int_equal(remotewrite_status_get(w.rw, NULL, 0), 1);
	put(&w);
	wait_delivered(&w);
	assert_int_equal(status(&w).sent, w.logged);
	peer_stop(&w);
	teardown(&w);
}

/* User info is no part of a position's name, so two of the same URL must be told apart. */
static void test_same_url_twice(void **state)
{
	struct world w;
	struct standin_options so = peer_options();
	struct err err = ERR_NULL;
	char urls[2][160];
	setup(&w, &so);
	for (int i = 0; i < 2; i++)
		snprintf(urls[i], sizeof urls[i], "http://user%d:pw@%s", i,
			 w.url + strlen("http://"));
	struct remotewrite_options two[2] = {w.opt, w.opt};
	two[0].url = sv_of(urls[0]);
	two[1].url = sv_of(urls[1]);
	struct remotewrite_env env = {w.wal, SV("ampagent/test")};
	assert_int_equal(remotewrite_new(&env, &w.rw, &err), 0);
	assert_int_equal(remotewrite_apply(w.rw, two, 2, LABELS_NULL, &err), 0);
	unsigned keys = 0;
	wal_position_each(w.wal, count_key, &keys);
	assert_int_equal(keys, 2);
	peer_stop(&w);
	teardown(&w);
}

static void test_apply(void **state)
{
	struct world w;
	struct standin_options so = peer_options();
	struct err err = ERR_NULL;
	setup(&w, &so);
	start(&w);
	put(&w);
	wait_delivered(&w);
	/* Refused as a whole: nothing changes. */
	struct remotewrite_options two[2] = {w.opt, w.opt};
	two[1].name = SV("bad");
	two[1].url = SV("nonsense");
	assert_int_equal(remotewrite_apply(w.rw, two, 2, LABELS_NULL, &err), 1);
	assert_non_null(strstr(err.msg, "url"));
	assert_int_equal(remotewrite_status_get(w.rw, NULL, 0), 1);
	/* A second destination begins at the head; the first goes on. */
	two[1].name = SV("second");
	two[1].name_set = true;
	two[1].url = w.opt.url;
	assert_int_equal(remotewrite_apply(w.rw, two, 2, LABELS_NULL, &err), 0);
	struct remotewrite_status s[2];
	assert_int_equal(remotewrite_status_get(w.rw, s, 2), 2);
	assert_int_equal(s[0].sent, w.logged);
	assert_int_equal(s[0].head, s[0].base + s[0].sent + s[0].dropped + s[0].queued);
	assert_int_equal(s[1].head, s[0].head);
	assert_int_equal(s[1].sent, 0);
	assert_int_equal(s[1].queued, 0);
	/* Changed settings keep the books, a removed destination goes. */
	two[0].timeout_ms = 7000;
	assert_int_equal(remotewrite_apply(w.rw, two, 1, LABELS_NULL, &err), 0);
	assert_int_equal(remotewrite_status_get(w.rw, s, 2), 1);
	assert_int_equal(s[0].sent, w.logged);
	put(&w);
	wait_delivered(&w);
	assert_int_equal(status(&w).sent, w.logged);
	/* It comes back as a new one. */
	two[0].timeout_ms = 5000;
	assert_int_equal(remotewrite_apply(w.rw, two, 2, LABELS_NULL, &err), 0);
	assert_int_equal(remotewrite_status_get(w.rw, s, 2), 2);
	assert_int_equal(s[1].sent + s[1].queued + s[1].dropped, 0);
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 1 << 20);
	struct metrics_writer mw = {.out = &text};
	remotewrite_collect(w.rw, &mw);
	buf_char(&text, 0);
	assert_non_null(strstr(text.ptr, "ampagent_ledger_samples{remote_name=\"second\""));
	peer_stop(&w);
	/* What waits for one that goes is counted. */
	put(&w);
	assert_int_equal(wal_flush(w.wal, false), 0);
	double before = metric_get(M_RW_REMOVED_SAMPLES);
	assert_int_equal(remotewrite_apply(w.rw, NULL, 0, LABELS_NULL, &err), 0);
	assert_true(metric_get(M_RW_REMOVED_SAMPLES) > before);
	teardown(&w);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed_delivery_and_restart),
		cmocka_unit_test(test_misbehaving_peer),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_failed_apply_leaves_nothing),
		cmocka_unit_test(test_same_url_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
