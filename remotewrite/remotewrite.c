/* The send thread: one loop that runs all destinations.
 *
 * Other threads come in three ways only: apply() hands a new set over and waits until it is taken;
 * drain() and the log's writer post a call; status and metrics read copies under the mutex. All
 * else is the send thread's own.
 */
#include <ampagent/remotewrite.h>

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "log.h"
#include "removed.h"
#include "sender.h"
#include "signing_log.h"
#include "view.h"

enum {
	POOL_IDLE_CONNECTIONS = 256,
	POOL_IDLE_MS = 60000,
	/* After a failure here (memory, log) that no peer caused. */
	FATAL_RETRY_MS = 5000,
};

struct runner {
	struct remotewrite *rw;
	struct destination dest;
	bool running; /* dest is initialized */
	struct rw_log log;
	struct sender *sender;
	struct arena arena; /* key */
	struct sv key;
	struct loop_timer timer;
	size_t index; /* of its view */
};

struct apply_call {
	const struct remotewrite_options *opts;
	size_t n;
	struct labels external;
	struct err *err;
	int result;
	bool done;
};

struct remotewrite {
	struct wal *wal;
	struct arena arena; /* user agent */
	struct sv user_agent;
	struct loop *loop;
	pthread_t thread;
	/* send thread */
	struct http_pool *pool;
	struct aws_session *aws; /* NULL until a destination is signed */
	struct signing_log signing_log;
	struct workspace ws;
	struct runner **runners;
	size_t n;
	bool draining, applied;
	/* shared */
	pthread_mutex_t mutex;
	pthread_cond_t taken;
	struct apply_call *call;
	bool ended; /* the send thread is gone */
	struct view *views;
	struct offenders *offenders; /* one a view */
	size_t n_views;
};

/* ---- running ---- */

static void fill(struct runner *r, struct view *v, struct offenders *offenders)
{
	const struct loop *loop = r->rw->loop;
	view_fill(v, &r->dest);
	signing_status(&r->sender->signing, loop_now_ms(loop), loop_wall_ms(loop), &v->signing);
	view_offenders(offenders, &r->dest);
}

static void publish(struct runner *r)
{
	struct remotewrite *rw = r->rw;
	signing_log_see(&rw->signing_log, &r->sender->signing, r->dest.cfg.url,
			loop_now_ms(rw->loop), loop_wall_ms(rw->loop));
	pthread_mutex_lock(&rw->mutex);
	if (r->index < rw->n_views)
		fill(r, &rw->views[r->index], &rw->offenders[r->index]);
	pthread_mutex_unlock(&rw->mutex);
}

static void turn(void *cls)
{
	struct runner *r = cls;
	struct loop *loop = r->rw->loop;
	int64_t now_ms = loop_now_ms(loop);
	int64_t wake = destination_turn(&r->dest, now_ms, loop_wall_ms(loop));
	if (wake < 0) {
		log_error("Remote write cannot go on for now", "remote_name",
			  FMT("%.*s", SV_ARG(r->dest.cfg.name)), "code", FMT("%" PRId64, wake));
		wake = now_ms + FATAL_RETRY_MS;
	}
	publish(r);
	loop_timer_at(loop, &r->timer, wake);
}

static void host_wake(void *cls)
{
	struct runner *r = cls;
	loop_timer_at(r->rw->loop, &r->timer, 0);
}

static void host_now(void *cls, int64_t *mono_ms, int64_t *wall_ms)
{
	struct runner *r = cls;
	*mono_ms = loop_now_ms(r->rw->loop);
	*wall_ms = loop_wall_ms(r->rw->loop);
}

static void all_turn(void *cls)
{
	struct remotewrite *rw = cls;
	for (size_t i = 0; i < rw->n; i++)
		turn(rw->runners[i]);
}

static void on_written(void *cls)
{
	struct remotewrite *rw = cls;
	loop_post(rw->loop, all_turn, rw);
}

static void on_drain(void *cls)
{
	struct remotewrite *rw = cls;
	rw->draining = true;
	for (size_t i = 0; i < rw->n; i++)
		destination_drain(&rw->runners[i]->dest);
	all_turn(rw);
}

/* ---- a set of destinations ---- */

static void runner_free(struct runner *r)
{
	loop_timer_cancel(&r->timer);
	if (r->running)
		destination_deinit(&r->dest);
	rw_log_deinit(&r->log);
	if (r->sender)
		sender_unref(r->sender);
	arena_deinit(&r->arena);
	free(r);
}
DEFINE_CLEANUP_PTR(struct runner, runner_free)

static void keep_sender(void *cls)
{
	struct sender *s = cls;
	s->refs++;
}

static void let_sender_go(void *cls)
{
	sender_unref(cls);
}

static struct destination_config config_of(const struct runner *r, struct sender *s)
{
	struct destination_config cfg = {
		.name = s->opt.name,
		.url = s->public_url,
		.key = r->key,
		.timeout_ms = s->opt.timeout_ms,
		.queue = s->opt.queue,
		.metadata = s->opt.metadata,
		.protocol = s->opt.protocol,
		.send_exemplars = s->opt.send_exemplars,
		.send_native_histograms = s->opt.send_native_histograms,
		.failed_request_logging = s->opt.failed_request_logging,
		.rules = {s->external, s->opt.write_relabel},
		.rules_owner = {keep_sender, let_sender_go, s},
		.send = sender_seam(s),
	};
	cfg.queue.sample_age_limit_ms = options_age_limit_ms(&s->opt);
	return cfg;
}

static struct runner *find_runner(struct runner **v, size_t n, struct sv key)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] && sv_eq(v[i]->key, key))
			return v[i];
	return NULL;
}

/* Two destinations never share a key, and so never a position file. */
static int choose_key(struct runner *r, const struct remotewrite_options *opt,
		      struct runner **before, size_t n)
{
	for (unsigned nth = 0;; nth++) {
		r->key = options_key(&r->arena, opt, nth);
		if (!r->key.ptr)
			return ERR_NOMEM;
		if (!find_runner(before, n, r->key))
			return 0;
	}
}

/* Made when first needed: who signs nothing has nothing to do with AWS. */
static int need_session(struct remotewrite *rw, const struct remotewrite_options *opt,
			struct err *err)
{
	if (!opt->has_sigv4 || rw->aws)
		return 0;
	struct aws_session_options o = {
		.loop = rw->loop, .pool = rw->pool, .user_agent = rw->user_agent};
	return aws_session_new(&o, &rw->aws, err);
}

/* Number i of a set, after those before it. Everything but the destination itself, which touches
 * the log: so that a set can be checked whole before any of it is taken. */
static int runner_new(struct remotewrite *rw, const struct apply_call *call, struct runner **before,
		      size_t i, struct runner **out)
{
	_cleanup_(runner_freep) struct runner *r = calloc(1, sizeof *r);
	if (!r)
		return err_set(call->err, ERR_NOMEM, "out of memory");
	const struct remotewrite_options *opt = &call->opts[i];
	r->rw = rw;
	r->index = i;
	arena_init(&r->arena, KiB(256));
	r->timer = (struct loop_timer){.fire = turn, .cls = r};
	int code = need_session(rw, opt, call->err);
	if (code == 0)
		code = sender_new(rw->pool, rw->aws, opt, call->external, rw->user_agent,
				  &r->sender, call->err);
	if (code != 0) {
		err_prefix(call->err, "remote_write[%zu]", i);
		return code;
	}
	if (choose_key(r, opt, before, i))
		return err_set(call->err, ERR_NOMEM, "out of memory");
	r->log = (struct rw_log){.wal = rw->wal, .key = r->key, .may_advance = !rw->applied};
	*out = take_ptr(r);
	return 0;
}

static int runner_start(struct runner *r, struct err *err)
{
	struct remotewrite *rw = r->rw;
	struct destination_config cfg = config_of(r, r->sender);
	struct log_seam log = rw_log_seam(&r->log);
	struct host_seam host = {host_wake, host_now, r};
	uint64_t random;
	crypto_random(&random, sizeof random);
	int code = destination_init(&r->dest, &cfg, &log, &host, &rw->ws, random, err);
	if (code != 0)
		return code;
	r->running = true;
	if (rw->draining)
		destination_drain(&r->dest);
	return 0;
}

/* A set that is not taken leaves nothing behind in the log: neither a position file nor a hold. A
 * file of an earlier run stays, and is held, until some set is taken. */
static void drop_runners(struct runner **v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct runner *r = v[i];
		if (r && r->running) {
			bool fresh = r->dest.fresh;
			destination_abandon(&r->dest);
			r->running = false;
			if (fresh)
				wal_position_drop(r->rw->wal, r->key);
		}
		if (r)
			runner_free(r);
	}
	free(v);
}

/* The running destination goes on under the settings of the new one. */
static void take_over(struct runner *old, struct runner *fresh)
{
	struct sender *a = old->sender, *b = fresh->sender;
	bool rules = !options_same_relabel(a->opt.write_relabel, b->opt.write_relabel) ||
		     !labels_eq(a->external, b->external);
	old->index = fresh->index;
	if (!rules && options_equal(&a->opt, &b->opt))
		return;
	old->sender = b;
	fresh->sender = a;
	b->signing.region_told =
		a->signing.region_told && sv_eq(a->signing.region, b->signing.region);
	struct destination_config cfg = config_of(old, b);
	destination_configure(&old->dest, &cfg, rules);
	sender_retire(a);
}

static void remove_runner(struct runner *r)
{
	removed_log(r->key, destination_queued(&r->dest));
	destination_abandon(&r->dest);
	r->running = false;
	wal_position_drop(r->rw->wal, r->key);
	runner_free(r);
}

static bool is_running(void *cls, struct sv key)
{
	struct remotewrite *rw = cls;
	return find_runner(rw->runners, rw->n, key) != NULL;
}

/* ---- apply ---- */

static int make_runners(struct remotewrite *rw, struct apply_call *call, struct runner **v)
{
	for (size_t i = 0; i < call->n; i++) {
		int code = runner_new(rw, call, v, i, &v[i]);
		if (code != 0)
			return code;
	}
	for (size_t i = 0; i < call->n; i++) {
		if (find_runner(rw->runners, rw->n, v[i]->key))
			continue;
		int code = runner_start(v[i], call->err);
		if (code != 0)
			return code;
	}
	return 0;
}

/* Running ones take the place of those made anew for the same key; the rest are gone. */
static void swap_sets(struct remotewrite *rw, struct runner **v, size_t n, struct view *views,
		      struct offenders *offenders)
{
	for (size_t i = 0; i < n; i++) {
		struct runner *old = find_runner(rw->runners, rw->n, v[i]->key);
		if (!old)
			continue;
		take_over(old, v[i]);
		runner_free(v[i]);
		v[i] = old;
		for (size_t k = 0; k < rw->n; k++)
			if (rw->runners[k] == old)
				rw->runners[k] = NULL;
	}
	for (size_t k = 0; k < rw->n; k++)
		if (rw->runners[k])
			remove_runner(rw->runners[k]);
	free(rw->runners);
	rw->runners = v;
	rw->n = n;
	for (size_t i = 0; i < n; i++)
		fill(v[i], &views[i], &offenders[i]);
	pthread_mutex_lock(&rw->mutex);
	free(rw->views);
	free(rw->offenders);
	rw->views = views;
	rw->offenders = offenders;
	rw->n_views = n;
	pthread_mutex_unlock(&rw->mutex);
}

static int apply(struct remotewrite *rw, struct apply_call *call)
{
	struct runner **v = calloc(call->n ? call->n : 1, sizeof(struct runner *));
	struct view *views = calloc(call->n ? call->n : 1, sizeof *views);
	struct offenders *offenders = calloc(call->n ? call->n : 1, sizeof *offenders);
	int code = v && views && offenders ? make_runners(rw, call, v)
					   : err_set(call->err, ERR_NOMEM, "out of memory");
	if (code != 0) {
		if (v)
			drop_runners(v, call->n);
		free(views);
		free(offenders);
		return code;
	}
	swap_sets(rw, v, call->n, views, offenders);
	removed_drop_positions(rw->wal, is_running, rw);
	rw->applied = true;
	signing_log_begin(&rw->signing_log);
	all_turn(rw);
	signing_log_end(&rw->signing_log);
	return 0;
}

static void on_apply(void *cls)
{
	struct remotewrite *rw = cls;
	pthread_mutex_lock(&rw->mutex);
	struct apply_call *call = rw->call;
	rw->call = NULL;
	pthread_mutex_unlock(&rw->mutex);
	if (!call)
		return;
	int code = apply(rw, call);
	pthread_mutex_lock(&rw->mutex);
	call->result = code;
	call->done = true;
	pthread_cond_broadcast(&rw->taken);
	pthread_mutex_unlock(&rw->mutex);
}

int remotewrite_apply(struct remotewrite *rw, const struct remotewrite_options *opts, size_t n,
		      struct labels external_labels, struct err *err)
{
	struct apply_call call = {.opts = opts, .n = n, .external = external_labels, .err = err};
	pthread_mutex_lock(&rw->mutex);
	rw->call = &call;
	pthread_mutex_unlock(&rw->mutex);
	if (loop_post(rw->loop, on_apply, rw)) {
		pthread_mutex_lock(&rw->mutex);
		rw->call = NULL;
		pthread_mutex_unlock(&rw->mutex);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	pthread_mutex_lock(&rw->mutex);
	while (!call.done && !rw->ended)
		pthread_cond_wait(&rw->taken, &rw->mutex);
	bool done = call.done;
	rw->call = NULL;
	pthread_mutex_unlock(&rw->mutex);
	return done ? call.result : err_set(err, 1, "the send thread has ended");
}

void remotewrite_drain(struct remotewrite *rw)
{
	loop_post(rw->loop, on_drain, rw);
}

/* ---- looking ---- */

size_t remotewrite_status_get(struct remotewrite *rw, struct remotewrite_status *out, size_t max)
{
	pthread_mutex_lock(&rw->mutex);
	/* After the books, which must not be ahead of it. */
	uint64_t head = wal_head(rw->wal).sequence;
	size_t n = rw->n_views;
	for (size_t i = 0; i < n && i < max; i++)
		view_status(&rw->views[i], head, &out[i]);
	pthread_mutex_unlock(&rw->mutex);
	return n;
}

void remotewrite_collect(struct remotewrite *rw, struct metrics_writer *w)
{
	pthread_mutex_lock(&rw->mutex);
	/* After the books, which must not be ahead of it. */
	uint64_t head = wal_head(rw->wal).sequence;
	size_t n = rw->n_views;
	_cleanup_(freep) struct view *copy = n > 0 ? malloc(n * sizeof *copy) : NULL;
	if (copy)
		memcpy(copy, rw->views, n * sizeof *copy);
	pthread_mutex_unlock(&rw->mutex);
	if (copy)
		view_collect(copy, n, head, clock_wall_ms(), w);
}

void remotewrite_offenders_json(struct remotewrite *rw, struct json_writer *w)
{
	pthread_mutex_lock(&rw->mutex);
	size_t n = rw->n_views;
	_cleanup_(freep) struct view *views = n > 0 ? malloc(n * sizeof *views) : NULL;
	_cleanup_(freep) struct offenders *offenders = n > 0 ? malloc(n * sizeof *offenders) : NULL;
	if (views && offenders) {
		memcpy(views, rw->views, n * sizeof *views);
		memcpy(offenders, rw->offenders, n * sizeof *offenders);
	}
	pthread_mutex_unlock(&rw->mutex);
	json_begin_array(w);
	for (size_t i = 0; views && offenders && i < n; i++)
		offenders_json(&offenders[i], sv_of(views[i].name), w);
	json_end_array(w);
}

/* ---- beginning and end ---- */

static void *run(void *cls)
{
	struct remotewrite *rw = cls;
	pthread_setname_np(pthread_self(), "send");
	int r = loop_run(rw->loop);
	if (r < 0)
		log_error("The send thread ended", "code", FMT("%d", r));
	pthread_mutex_lock(&rw->mutex);
	rw->ended = true;
	pthread_cond_broadcast(&rw->taken);
	pthread_mutex_unlock(&rw->mutex);
	return NULL;
}

static void deinit(struct remotewrite *rw)
{
	for (size_t i = 0; i < rw->n; i++)
		runner_free(rw->runners[i]);
	free(rw->runners);
	free(rw->views);
	free(rw->offenders);
	workspace_deinit(&rw->ws);
	signing_log_deinit(&rw->signing_log);
	aws_session_free(rw->aws);
	http_pool_free(rw->pool);
	loop_free(rw->loop);
	arena_deinit(&rw->arena);
	pthread_cond_destroy(&rw->taken);
	pthread_mutex_destroy(&rw->mutex);
	free(rw);
}
DEFINE_CLEANUP_PTR(struct remotewrite, deinit)

int remotewrite_new(const struct remotewrite_env *env, struct remotewrite **out, struct err *err)
{
	_cleanup_(deinitp) struct remotewrite *rw = calloc(1, sizeof *rw);
	if (!rw)
		return err_set(err, ERR_NOMEM, "out of memory");
	rw->wal = env->wal;
	pthread_mutex_init(&rw->mutex, NULL);
	pthread_cond_init(&rw->taken, NULL);
	workspace_init(&rw->ws);
	arena_init(&rw->arena, KiB(16));
	rw->user_agent = arena_dup(&rw->arena, env->user_agent);
	if (!rw->user_agent.ptr)
		return err_set(err, ERR_NOMEM, "out of memory");
	int r = loop_new(&rw->loop, err);
	if (r == 0)
		r = http_pool_new(rw->loop, POOL_IDLE_CONNECTIONS, POOL_IDLE_MS, &rw->pool);
	if (r != 0)
		return r;
	http_pool_use(rw->pool, FD_SEND);
	if (pthread_create(&rw->thread, NULL, run, rw))
		return err_set(err, 1, "the send thread cannot be started");
	wal_on_written(rw->wal, on_written, rw);
	*out = take_ptr(rw);
	return 0;
}

void remotewrite_free(struct remotewrite *rw)
{
	if (!rw)
		return;
	wal_on_written(rw->wal, NULL, NULL);
	loop_stop(rw->loop);
	pthread_join(rw->thread, NULL);
	deinit(rw);
}
