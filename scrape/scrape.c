/* The scrape manager: pools, owners and what they share. */
#include "client_options.h"
#include "pool.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>

/* Orphaned owners are looked at this often. */
enum { ORPHAN_TICK_MS = 1000 };

/* Memory for one series' or one target's label work. */
#define SCRATCH_BYTES MiB(16)

static void orphans_due(void *cls);

static uint64_t seed_of(struct labels external_labels)
{
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	uint64_t h = hash_fnv1a(HASH_FNV1A_INIT, host, strlen(host));
	return hash_fnv1a(h, external_labels.ptr, external_labels.len);
}

int scrape_new(const struct scrape_env *env, struct scrape **out, struct err *err)
{
	struct scrape *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(err, ERR_NOMEM, "out of memory");
	s->env = *env;
	s->identity.mode = IDENTITY_OFF;
	s->next_frame = env->next_frame;
	s->next_owner = env->next_owner ? env->next_owner : 1;
	arena_init(&s->scratch, SCRATCH_BYTES);
	buf_init_in(&s->inflated, LIMIT_PAGE_BYTES, BUDGET_PAGES);
	s->orphan_timer.fire = orphans_due;
	s->orphan_timer.cls = s;
	scrape_memory_begin(s);
	*out = s;
	return 0;
}

/* A place may be empty: its pool lives on in the next list. */
static void free_pools(struct scrape *s)
{
	for (size_t i = 0; i < s->n_pools; i++) {
		if (s->pools[i])
			pool_free(s->pools[i]);
	}
	free(s->pools);
	s->pools = NULL;
	s->n_pools = 0;
}

void scrape_free(struct scrape *s)
{
	if (!s)
		return;
	free_pools(s);
	failure_logs_close(&s->failure_logs);
	loop_timer_cancel(&s->orphan_timer);
	scrape_memory_end(s);
	scrape_left_free(s);
	for (size_t i = 0; i < s->n_shards; i++)
		http_pool_free(s->shards[i].pool);
	free(s->shards);
	for (size_t i = 0; i < s->n_owners; i++)
		owner_free(s->owners[i]);
	free(s->owners);
	metadata_store_deinit(&s->metadata);
	map_deinit(&s->owner_index);
	for (size_t i = 0; i < s->n_spare; i++) {
		buf_deinit(s->spare[i]);
		free(s->spare[i]);
	}
	buf_deinit(&s->inflated);
	arena_deinit(&s->scratch);
	arena_deinit(&s->identity_arena);
	free(s);
}

int scrape_set_identity(struct scrape *s, const struct identity *identity)
{
	static const struct identity none = {.mode = IDENTITY_OFF};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity copy;
	if (!identity)
		identity = &none;
	if (identity_eq(identity, &s->identity))
		return 1;
	arena_init(&arena, SCRATCH_BYTES);
	if (identity_copy(&arena, identity, &copy) != 0)
		return ERR_NOMEM;
	arena_deinit(&s->identity_arena);
	s->identity_arena = arena;
	s->identity = copy;
	arena = ARENA_NULL;
	return 0;
}

int scrape_check(const struct scrape_options *opts, size_t n, struct err *err)
{
	struct failure_logs logs;
	int r = failure_logs_open(opts, n, &logs, err);
	failure_logs_close(&logs);
	return r < 0 ? err_set(err, r, "out of memory") : r;
}

static void reopen_failure_logs(struct scrape *s, const struct scrape_options *opts, size_t n)
{
	struct err err = ERR_NULL;
	struct failure_logs old = s->failure_logs;
	int r = failure_logs_open(opts, n, &s->failure_logs, &err);
	if (r != 0)
		log_error("failed scrapes of a job are not logged", "err",
			  r < 0 ? "out of memory" : err.msg);
	failure_logs_close(&old);
}

/* The job's pool out of the old list; most jobs stand where they stood. */
static struct pool *take_pool(struct scrape *s, struct sv job, size_t likely)
{
	if (likely < s->n_pools && s->pools[likely] && sv_eq(s->pools[likely]->opt->job_name, job))
		return take_ptr(s->pools[likely]);
	for (size_t i = 0; i < s->n_pools; i++) {
		if (s->pools[i] && sv_eq(s->pools[i]->opt->job_name, job))
			return take_ptr(s->pools[i]);
	}
	return NULL;
}

/* The job's pool by the new options: the running one as it is or begun anew, else a new one. NULL
 * without memory. */
static struct pool *renew_pool(struct scrape *s, const struct scrape_options *opt, size_t i)
{
	struct pool *p = take_pool(s, opt->job_name, i);
	if (!p) {
		metric_add(M_TARGET_SCRAPE_POOLS, 1);
		p = pool_new(s, opt);
	} else if (p->opt->digest == opt->digest) {
		p->opt = opt;
		p->held = false;
	} else {
		pool_reload(p, opt);
	}
	if (p)
		p->failures = failure_logs_find(&s->failure_logs, opt->failure_log_file);
	return p;
}

/* likely: where the job stands among the options if it has not moved. */
static bool stays(const struct pool *p, const struct scrape_options *opts, size_t n, size_t likely)
{
	if (likely < n && sv_eq(opts[likely].job_name, p->opt->job_name))
		return opts[likely].digest == p->opt->digest;
	for (size_t i = 0; i < n; i++) {
		if (sv_eq(opts[i].job_name, p->opt->job_name))
			return opts[i].digest == p->opt->digest;
	}
	return false;
}

size_t scrape_hold(struct scrape *s, const struct scrape_options *opts, size_t n)
{
	size_t under_way = 0;
	for (size_t i = 0; i < s->n_pools; i++) {
		struct pool *p = s->pools[i];
		p->held = p->held || !stays(p, opts, n, i);
		for (size_t k = 0; p->held && k < p->n_targets; k++)
			under_way += p->targets[k]->transfer != NULL;
	}
	return under_way;
}

int scrape_apply(struct scrape *s, const struct scrape_options *opts, size_t n,
		 struct labels external_labels, const struct scrape_features *features)
{
	struct pool **pools = calloc(n ? n : 1, sizeof(struct pool *));
	size_t made = 0;
	s->features = *features;
	s->offset_seed = seed_of(external_labels);
	reopen_failure_logs(s, opts, n);
	for (; pools && made < n; made++) {
		pools[made] = renew_pool(s, &opts[made], made);
		if (!pools[made])
			break;
	}
	free_pools(s);
	s->pools = pools;
	s->n_pools = made;
	if (pools && made == n)
		return 0;
	free_pools(s);
	return ERR_NOMEM;
}

static void take_groups(void *cls, struct sv job, const struct target_group *groups, size_t n)
{
	struct scrape *s = cls;
	for (size_t i = 0; !s->stopping && i < s->n_pools; i++) {
		if (sv_eq(s->pools[i]->opt->job_name, job)) {
			pool_sync(s->pools[i], groups, n);
			return;
		}
	}
}

struct target_sink scrape_target_sink(struct scrape *s)
{
	return (struct target_sink){take_groups, s};
}

size_t scrape_in_flight(const struct scrape *s)
{
	return s->in_flight + s->last_waiting;
}

/* ---- owners ---- */

static uint64_t hash_at(uint32_t i, void *cls)
{
	const struct scrape *s = cls;
	return s->owners[i]->key_hash;
}

static struct owner *find_owner(const struct scrape *s, struct labels key)
{
	for (struct map_iter it = map_find(&s->owner_index, labels_hash(key));
	     map_next(&s->owner_index, &it);) {
		if (labels_eq(s->owners[it.value]->key, key))
			return s->owners[it.value];
	}
	return NULL;
}

static bool key_in_use(const struct scrape *s, struct labels key)
{
	const struct owner *o = find_owner(s, key);
	return o && o->in_use;
}

/* Two targets may have the same public labels (they differ in a __ label): the second and later
 * ones get a key of their own, made by a label that cannot be public. */
static int make_key(struct scrape *s, struct labels labels, struct labels *key)
{
	arena_reset(&s->scratch);
	*key = labels;
	for (int i = 2; key_in_use(s, *key); i++) {
		struct label_builder b;
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		label_builder_init(&b, &s->scratch);
		label_builder_load(&b, labels);
		label_builder_set(&b, SV("__owner__"), arena_dup(&s->scratch, sv_of(text)));
		if (label_builder_finish(&b, &s->scratch, key) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

static int add_owner(struct scrape *s, struct owner *o)
{
	if ((s->n_owners & (s->n_owners - 1)) == 0) {
		struct owner **v =
			realloc(s->owners, (s->n_owners ? s->n_owners * 2 : 1) * sizeof(*v));
		if (!v)
			return ERR_NOMEM;
		s->owners = v;
	}
	s->owners[s->n_owners] = o;
	if (map_insert(&s->owner_index, o->key_hash, (uint32_t)s->n_owners, hash_at, s) != 0)
		return ERR_NOMEM;
	s->n_owners++;
	return 0;
}

struct owner *scrape_take_owner(struct scrape *s, struct labels labels, uint64_t page_hash)
{
	struct labels key;
	if (make_key(s, labels, &key) != 0)
		return NULL;
	struct owner *old = find_owner(s, key);
	if (old) {
		s->n_orphans--;
		if (page_hash && old->page_hash == page_hash)
			owner_resume(old);
		else
			owner_adopt(old);
		return old;
	}
	_cleanup_(owner_freep) struct owner *o =
		owner_new(key, &s->env.owners, &s->next_owner, loop_wall_ms(s->env.loop));
	if (!o || add_owner(s, o) != 0)
		return NULL;
	if (o->cut)
		log_warn("memory is short: not all series of a target that the log remembers were "
			 "taken over",
			 "series", FMT("%u", o->frames.n * FRAME_SLOTS));
	o->in_use = true;
	return take_ptr(o);
}

static void unindex(struct scrape *s, uint32_t i)
{
	for (struct map_iter it = map_find(&s->owner_index, s->owners[i]->key_hash);
	     map_next(&s->owner_index, &it);) {
		if (it.value == i) {
			map_erase(&s->owner_index, &it);
			return;
		}
	}
}

/* The last one moves to the place of the one that goes. */
static void forget_owner(struct scrape *s, uint32_t i)
{
	struct owner *o = s->owners[i];
	uint32_t last = (uint32_t)--s->n_owners;
	unindex(s, i);
	if (i != last) {
		unindex(s, last);
		s->owners[i] = s->owners[last];
		/* Two cells were freed: the table does not grow, so memory cannot be short. */
		map_insert(&s->owner_index, s->owners[i]->key_hash, i, hash_at, s);
	}
	for (uint32_t f = 0; f < o->frames.n; f++)
		s->env.frame_retire(s->env.frame_retire_cls, o->frames.v[f].id);
	owner_free(o);
}

void scrape_leave_owner(struct scrape *s, struct owner *o, const struct target *t,
			uint64_t page_hash)
{
	/* Markers carry the time of the turn that the target no longer had, and are written a turn
	 * and a tenth later: by then a successor elsewhere would have scraped. */
	int64_t now = loop_wall_ms(s->env.loop);
	o->in_use = false;
	o->page_hash = page_hash;
	o->marker_ms = now + target_offset_ms(t, t->pool->seed, now);
	o->due_ms = o->marker_ms + t->interval_ms + t->interval_ms / 10;
	/* One that was never scraped owes nothing; it goes with the next look. */
	if (o->last_ms == INT64_MIN)
		o->due_ms = now;
	s->n_orphans++;
	if (!loop_timer_armed(&s->orphan_timer))
		loop_timer_in(s->env.loop, &s->orphan_timer, ORPHAN_TICK_MS);
}

/* 0: written or nothing to write; 1: the log takes none now. */
static int write_end_of_run(struct scrape *s, struct owner *o)
{
	if (o->marker_ms <= o->last_ms || o->last_ms == INT64_MIN ||
	    (o->ended && o->last_ms == o->ended_ms))
		return 0;
	_cleanup_(batch_unrefp) struct batch *b = batch_new(LIMIT_PAGE_BYTES);
	if (!b)
		return 1;
	b->t_ms = o->marker_ms;
	if (page_end_of_run(o, b) != 0)
		return 1;
	uint32_t n = b->n_samples;
	if (n == 0)
		return 0;
	if (s->env.sink.put(s->env.sink.cls, b) != 0) {
		page_rollback(o);
		return 1;
	}
	take_ptr(b);
	s->samples_put += n;
	metric_add(M_SCRAPE_SAMPLES, n);
	metric_add(M_SCRAPE_STALE_MARKERS, n);
	return 0;
}

static void orphans_due(void *cls)
{
	struct scrape *s = cls;
	int64_t now = loop_wall_ms(s->env.loop);
	for (uint32_t i = 0; !s->stopping && i < s->n_owners;) {
		struct owner *o = s->owners[i];
		if (o->in_use || o->due_ms > now || write_end_of_run(s, o) != 0) {
			i++;
			continue;
		}
		s->n_orphans--;
		forget_owner(s, i);
	}
	if (s->n_orphans > 0)
		loop_timer_in(s->env.loop, &s->orphan_timer, ORPHAN_TICK_MS);
}

/* ---- buffers and connections ---- */

struct buf *scrape_take_buf(struct scrape *s)
{
	if (s->n_spare > 0)
		return s->spare[--s->n_spare];
	struct buf *b = malloc(sizeof *b);
	if (b)
		buf_init_in(b, LIMIT_PAGE_BYTES + 1, BUDGET_PAGES);
	return b;
}

void scrape_return_buf(struct scrape *s, struct buf *b)
{
	/* One large buffer is kept warm, more would only be memory lying about. */
	buf_shrink(b, s->n_spare == 0 ? budget_bound(MiB(2), 64) : KiB(16));
	b->max = LIMIT_PAGE_BYTES + 1;
	if (s->n_spare < SPARE_BUFS) {
		s->spare[s->n_spare++] = b;
		return;
	}
	buf_deinit(b);
	free(b);
}

static int pick_shard(struct scrape *s, int64_t interval_ms, unsigned *out)
{
	for (unsigned i = 0; i < s->n_shards; i++) {
		if (s->shards[i].targets < LIMIT_TARGETS_PER_MULTI) {
			*out = i;
			return 0;
		}
	}
	struct http_shard *v = realloc(s->shards, (s->n_shards + 1) * sizeof *v);
	if (!v)
		return ERR_NOMEM;
	s->shards = v;
	/* Connections are kept over long intervals too. */
	int64_t idle_ms = interval_ms * 2 > 300000 ? interval_ms * 2 : 300000;
	int r = http_pool_new(s->env.loop, LIMIT_TARGETS_PER_MULTI, idle_ms, &v[s->n_shards].pool);
	if (r != 0)
		return r;
	v[s->n_shards].targets = 0;
	*out = (unsigned)s->n_shards++;
	return 0;
}

/* The client of a shard, made when there is none. */
static int make_client(struct pool *p, unsigned shard, struct err *err)
{
	if (p->clients[shard])
		return 0;
	if (!p->http_copied && client_options_copy(&p->http_arena, &p->opt->http, &p->http) != 0)
		return err_set(err, 1, "out of memory");
	p->http_copied = true;
	return http_client_new(p->scrape->shards[shard].pool, &p->http, &p->clients[shard], err);
}

struct http_client *scrape_take_client(struct pool *p, int64_t interval_ms, unsigned *shard,
				       struct err *err)
{
	struct scrape *s = p->scrape;
	if (pick_shard(s, interval_ms, shard) != 0) {
		err_set(err, 1, "out of memory");
		return NULL;
	}
	if (*shard >= p->n_clients) {
		struct http_client **v = realloc(p->clients, (*shard + 1) * sizeof *v);
		if (!v) {
			err_set(err, 1, "out of memory");
			return NULL;
		}
		memset(v + p->n_clients, 0, (*shard + 1 - p->n_clients) * sizeof *v);
		p->clients = v;
		p->n_clients = *shard + 1;
	}
	if (make_client(p, *shard, err) != 0)
		return NULL;
	s->shards[*shard].targets++;
	return p->clients[*shard];
}
