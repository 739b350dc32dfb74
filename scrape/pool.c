#include "pool.h"

#include <ampagent/base/log.h>

struct pool *pool_new(struct scrape *s, const struct scrape_options *opt)
{
	struct pool *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->scrape = s;
	p->opt = opt;
	p->seed = s->offset_seed;
	arena_init(&p->http_arena, MiB(16));
	return p;
}

static void forget_dropped(struct pool *p)
{
	for (size_t i = 0; i < p->n_dropped_kept; i++)
		free((char *)(uintptr_t)p->dropped[i].discovered.ptr);
	free(p->dropped);
	p->dropped = NULL;
	p->n_dropped_kept = 0;
	p->n_dropped = 0;
}

/* same_series: who comes next finds the same series in the same lines. */
static void stop_target(struct pool *p, struct target *t, bool same_series)
{
	scraper_stop(t);
	if (t->owner)
		scrape_leave_owner(p->scrape, t->owner, t, same_series ? t->page_hash : 0);
	p->scrape->shards[t->http_shard].targets--;
	target_free(t);
}

static void stop_all(struct pool *p, bool same_series)
{
	for (size_t i = 0; i < p->n_targets; i++)
		stop_target(p, p->targets[i], same_series);
	free(p->targets);
	p->targets = NULL;
	p->n_targets = 0;
	for (size_t i = 0; i < p->n_clients; i++) {
		if (p->clients[i])
			http_client_free(p->clients[i]);
	}
	free(p->clients);
	p->clients = NULL;
	p->n_clients = 0;
	arena_wipe(&p->http_arena);
	p->http_copied = false;
	forget_dropped(p);
}

void pool_free(struct pool *p)
{
	stop_all(p, false);
	free(p);
}

void pool_reload(struct pool *p, const struct scrape_options *opt)
{
	metric_add(M_TARGET_SCRAPE_POOL_RELOADS, 1);
	stop_all(p, p->opt->series_digest == opt->series_digest);
	if (p->opt->interval_ms != opt->interval_ms) {
		p->intervals = 0;
		p->interval_sum_s = 0;
	}
	p->opt = opt;
	p->held = false;
}

static void keep_dropped(struct pool *p, struct target *t)
{
	p->n_dropped++;
	if (p->opt->keep_dropped_targets && p->n_dropped_kept >= p->opt->keep_dropped_targets)
		return;
	if ((p->n_dropped_kept & (p->n_dropped_kept - 1)) == 0) {
		size_t cap = p->n_dropped_kept ? p->n_dropped_kept * 2 : 1;
		struct dropped_target *v = realloc(p->dropped, cap * sizeof *v);
		if (!v)
			return;
		p->dropped = v;
	}
	p->dropped[p->n_dropped_kept++] = (struct dropped_target){t->discovered};
	t->discovered = LABELS_NULL;
}

static uint64_t target_hash_at(uint32_t i, void *cls)
{
	struct target *const *v = cls;
	return v[i]->hash;
}

static uint64_t plain_hash_at(uint32_t i, void *cls)
{
	struct target *const *v = cls;
	return v[i]->plain_hash;
}

static struct target *find_target(const struct map *m, struct target **v, uint64_t hash)
{
	for (struct map_iter it = map_find(m, hash); map_next(m, &it);) {
		if (v[it.value]->hash == hash)
			return v[it.value];
	}
	return NULL;
}

struct sync {
	struct pool *pool;
	struct target **v; /* the new list; kept ones move over */
	size_t n, cap;
	struct map old, new_;
	struct map plain; /* the old ones by their plain hashes; made when one waits */
};

static int sync_room(struct sync *y)
{
	if (y->n < y->cap)
		return 0;
	size_t cap = y->cap ? y->cap * 2 : 16;
	struct target **v = realloc(y->v, cap * sizeof *v);
	if (!v)
		return ERR_NOMEM;
	y->v = v;
	y->cap = cap;
	return 0;
}

/* Room is there. */
static int sync_put(struct sync *y, struct target *t)
{
	t->pool = y->pool;
	y->v[y->n] = t;
	return map_insert(&y->new_, t->hash, (uint32_t)y->n++, target_hash_at, y->v);
}

/* Takes the target: into the new list, or away when the same one is there already. */
static int sync_add(struct sync *y, struct target *t)
{
	if (find_target(&y->new_, y->v, t->hash)) {
		target_free(t);
		return 0;
	}
	if (sync_room(y) != 0) {
		target_free(t);
		return ERR_NOMEM;
	}
	struct target *same = find_target(&y->old, y->pool->targets, t->hash);
	if (same) {
		/* The same identity: only what discovery says of it may differ. */
		struct labels discovered = same->discovered;
		same->discovered = t->discovered;
		t->discovered = discovered;
		same->keep = true;
		same->local = t->local;
		target_free(t);
		t = same;
	}
	return sync_put(y, t);
}

static int index_plain(struct sync *y)
{
	struct pool *p = y->pool;
	for (size_t i = 0; i < p->n_targets; i++)
		if (map_insert(&y->plain, p->targets[i]->plain_hash, (uint32_t)i, plain_hash_at,
			       p->targets) != 0)
			return ERR_NOMEM;
	return 0;
}

/* It is held back: those that were made of it before stay as they are. Takes the target. */
static int sync_wait(struct sync *y, struct target *taken)
{
	_cleanup_(target_freep) struct target *t = taken;
	struct pool *p = y->pool;
	if (p->n_waiting++ == 0 && index_plain(y) != 0)
		return ERR_NOMEM;
	for (struct map_iter it = map_find(&y->plain, t->plain_hash); map_next(&y->plain, &it);) {
		struct target *old = p->targets[it.value];
		if (old->plain_hash != t->plain_hash || find_target(&y->new_, y->v, old->hash))
			continue;
		if (sync_room(y) != 0)
			return ERR_NOMEM;
		old->keep = true;
		return sync_put(y, old);
	}
	return 0;
}

static void sync_entry(struct sync *y, const struct target_group *g, size_t i)
{
	struct pool *p = y->pool;
	struct target *t = NULL;
	struct err err = ERR_NULL;
	int r = 0;
	switch (target_make(p->opt, &p->scrape->identity, g->labels, g->targets[i],
			    &p->scrape->scratch, &t, &err)) {
	case TARGET_MADE:
		r = sync_add(y, t);
		break;
	case TARGET_WAITS:
		r = sync_wait(y, t);
		break;
	case TARGET_DROPPED:
		keep_dropped(p, t);
		target_free(t);
		break;
	case TARGET_REFUSED:
		p->n_failed++;
		log_error("a target cannot be made", "scrape_pool", p->opt->job_name.ptr, "err",
			  err.msg);
		break;
	case TARGET_NOMEM:
		p->n_failed++;
		r = ERR_NOMEM;
		break;
	}
	if (r != 0)
		log_error("no memory for a target", "scrape_pool", p->opt->job_name.ptr);
}

/* Gives a new target its owner and its connection and arms it. */
static bool start_target(struct pool *p, struct target *t)
{
	struct err err = ERR_NULL;
	t->client = scrape_take_client(p, t->interval_ms, &t->http_shard, &err);
	if (!t->client) {
		log_error("a target cannot be scraped", "scrape_pool", p->opt->job_name.ptr,
			  "target", t->url, "err", err.msg);
		p->n_failed++;
		return false;
	}
	t->owner = scrape_take_owner(p->scrape, t->labels, t->page_hash);
	if (!t->owner) {
		p->scrape->shards[t->http_shard].targets--;
		log_error("no memory for a target", "scrape_pool", p->opt->job_name.ptr);
		return false;
	}
	scraper_start(t);
	return true;
}

void pool_sync(struct pool *p, const struct target_group *groups, size_t n)
{
	struct sync y = {.pool = p, .old = MAP_NULL, .new_ = MAP_NULL, .plain = MAP_NULL};
	p->syncs++;
	p->n_waiting = 0;
	forget_dropped(p);
	for (size_t i = 0; i < p->n_targets; i++) {
		p->targets[i]->keep = false;
		map_insert(&y.old, p->targets[i]->hash, (uint32_t)i, target_hash_at, p->targets);
	}
	for (size_t g = 0; g < n; g++) {
		for (size_t i = 0; i < groups[g].n_targets; i++)
			sync_entry(&y, &groups[g], i);
	}
	/* Those that go first: a new target may take over the owner of a gone one. */
	for (size_t i = 0; i < p->n_targets; i++) {
		if (!p->targets[i]->keep)
			stop_target(p, p->targets[i], false);
	}
	size_t kept = 0;
	for (size_t i = 0; i < y.n; i++) {
		struct target *t = y.v[i];
		if (t->keep || start_target(p, t))
			y.v[kept++] = t;
		else
			target_free(t);
	}
	free(p->targets);
	p->targets = y.v;
	p->n_targets = kept;
	map_deinit(&y.old);
	map_deinit(&y.new_);
	map_deinit(&y.plain);
	p->over_target_limit = p->opt->target_limit && p->n_targets > p->opt->target_limit;
	if (p->over_target_limit)
		metric_add(M_TARGET_SCRAPE_POOL_EXCEEDED_TARGET_LIMIT, 1);
}
