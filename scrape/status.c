/* What the room tells of itself: /api/v1/targets, metrics, a summary. */
#include "pool.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>

void scrape_write_labels(struct json_writer *w, struct labels set)
{
	json_begin_object(w);
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		size_t at_sign = sv_find(l.value, '@');
		json_key(w, l.name);
		/* A user name and password before the host are nobody's business. */
		if (sv_eq(l.name, SV("__address__")) && at_sign < l.value.len)
			json_string(w, SV("<secret>"));
		else
			json_string(w, l.value);
	}
	json_end_object(w);
}

static void write_duration(struct json_writer *w, struct sv key, int64_t ms)
{
	char text[DURATION_MAX];
	json_key(w, key);
	json_string(w, sv_of(duration_format(text, ms)));
}

static void write_string(struct json_writer *w, struct sv key, struct sv value)
{
	json_key(w, key);
	json_string(w, value);
}

/* A host that is this machine to whoever is on it. */
static bool is_local_host(struct sv host)
{
	return sv_eq(host, SV("127.0.0.1")) || sv_eq(host, SV("localhost")) ||
	       sv_eq(host, SV("::1"));
}

/* "host:port", "[::1]:port" or without a port. */
static void split_host(struct sv text, struct sv *host, struct sv *port)
{
	size_t bracket = sv_starts_with(text, SV("[")) ? sv_find(text, ']') : 0;
	struct sv rest = sv_from(text, bracket);
	size_t colon = bracket + sv_find(rest, ':');
	*port = sv_from(text, colon + 1);
	*host = sv_make(text.ptr, colon);
	if (bracket)
		*host = sv_make(text.ptr + 1, bracket - 1);
}

/* The URL as seen from other machines: a local host becomes the one that this agent is reached by;
 * its own port, all of that address. */
static void write_global_url(struct json_writer *w, const struct scrape_env *env, struct sv url)
{
	size_t begin = sv_find_sv(url, SV("://")) + 3;
	struct sv address = sv_from(url, begin), host, port, public_host, public_port;
	struct sv rest = sv_from(address, strcspn(address.ptr, "/?"));
	address.len -= rest.len;
	split_host(address, &host, &port);
	json_key(w, SV("globalUrl"));
	if (!is_local_host(host) || env->public_host.len == 0) {
		json_string(w, url);
		return;
	}
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, url.len + env->public_host.len + env->public_scheme.len + 8);
	split_host(env->public_host, &public_host, &public_port);
	if (port.len > 0 && sv_eq(port, env->own_port)) {
		buf_printf(&text, "%.*s://%.*s", SV_ARG(env->public_scheme),
			   SV_ARG(env->public_host));
	} else {
		bool six = sv_find(public_host, ':') < public_host.len;
		buf_append(&text, url.ptr, begin);
		buf_printf(&text, six ? "[%.*s]" : "%.*s", SV_ARG(public_host));
		if (port.len > 0)
			buf_printf(&text, ":%.*s", SV_ARG(port));
	}
	buf_sv(&text, rest);
	json_string(w, buf_view(&text));
}

static void write_target(struct json_writer *w, const struct target *t)
{
	static const char *const health[] = {"unknown", "up", "down"};
	char time[RFC3339_MAX] = "0001-01-01T00:00:00Z";
	if (t->last_scrape_ms)
		clock_format_rfc3339(time, t->last_scrape_ms);
	json_begin_object(w);
	json_key(w, SV("discoveredLabels"));
	scrape_write_labels(w, t->discovered);
	json_key(w, SV("labels"));
	scrape_write_labels(w, t->labels);
	write_string(w, SV("scrapePool"), t->pool->opt->job_name);
	write_string(w, SV("scrapeUrl"), sv_of(t->url));
	write_global_url(w, &t->pool->scrape->env, sv_of(t->url));
	write_string(w, SV("lastError"), sv_of(t->last_error));
	write_string(w, SV("lastScrape"), sv_of(time));
	json_key(w, SV("lastScrapeDuration"));
	json_double(w, t->last_duration_s);
	write_string(w, SV("health"), sv_of(health[t->health]));
	/* Prometheus does not know this one, so it is there only when it says something. */
	if (t->left_out > 0) {
		json_key(w, SV("samplesLeftOut"));
		json_u64(w, t->left_out);
	}
	write_duration(w, SV("scrapeInterval"), t->interval_ms);
	write_duration(w, SV("scrapeTimeout"), t->timeout_ms);
	json_end_object(w);
}

static int pool_cmp(const void *a, const void *b)
{
	const struct pool *const *x = a, *const *y = b;
	return sv_cmp((*x)->opt->job_name, (*y)->opt->job_name);
}

static void write_dropped(struct json_writer *w, const struct pool *p)
{
	for (size_t i = 0; i < p->n_dropped_kept; i++) {
		json_begin_object(w);
		json_key(w, SV("discoveredLabels"));
		scrape_write_labels(w, p->dropped[i].discovered);
		write_string(w, SV("scrapePool"), p->opt->job_name);
		json_end_object(w);
	}
}

struct pool **scrape_sorted_pools(const struct scrape *s)
{
	struct pool **pools = malloc((s->n_pools + 1) * sizeof *pools);
	if (!pools)
		return NULL;
	for (size_t i = 0; i < s->n_pools; i++)
		pools[i] = s->pools[i];
	qsort(pools, s->n_pools, sizeof *pools, pool_cmp);
	return pools;
}

void scrape_pools_json(struct scrape *s, struct json_writer *w)
{
	_cleanup_(freep) struct pool **pools = scrape_sorted_pools(s);
	json_begin_object(w);
	json_key(w, SV("scrapePools"));
	json_begin_array(w);
	for (size_t i = 0; pools && i < s->n_pools; i++)
		json_string(w, pools[i]->opt->job_name);
	json_end_array(w);
	json_end_object(w);
}

void scrape_targets_json(struct scrape *s, struct json_writer *w, struct sv state, struct sv pool)
{
	bool any = state.len == 0 || sv_eq_nocase(state, SV("any"));
	bool active = any || sv_eq_nocase(state, SV("active"));
	bool dropped = any || sv_eq_nocase(state, SV("dropped"));
	_cleanup_(freep) struct pool **pools = scrape_sorted_pools(s);
	size_t n = pools ? s->n_pools : 0;
	json_begin_object(w);
	json_key(w, SV("activeTargets"));
	json_begin_array(w);
	for (size_t i = 0; active && i < n; i++) {
		if (pool.len > 0 && !sv_eq(pool, pools[i]->opt->job_name))
			continue;
		for (size_t k = 0; k < pools[i]->n_targets; k++)
			write_target(w, pools[i]->targets[k]);
	}
	json_end_array(w);
	json_key(w, SV("droppedTargets"));
	json_begin_array(w);
	for (size_t i = 0; dropped && i < n; i++) {
		if (pool.len == 0 || sv_eq(pool, pools[i]->opt->job_name))
			write_dropped(w, pools[i]);
	}
	json_end_array(w);
	json_key(w, SV("droppedTargetCounts"));
	if (!dropped) {
		json_null(w);
		json_end_object(w);
		return;
	}
	/* Of all pools, whichever is asked for. */
	json_begin_object(w);
	for (size_t i = 0; i < n; i++) {
		json_key(w, pools[i]->opt->job_name);
		json_u64(w, pools[i]->n_dropped);
	}
	json_end_object(w);
	json_end_object(w);
}

struct scrape_summary scrape_summary(const struct scrape *s)
{
	struct scrape_summary sum = {.pools = s->n_pools, .samples = s->samples_put};
	for (size_t i = 0; i < s->n_pools; i++) {
		sum.targets += s->pools[i]->n_targets;
		sum.targets_waiting += s->pools[i]->n_waiting;
		for (size_t k = 0; k < s->pools[i]->n_targets; k++)
			sum.targets_up += s->pools[i]->targets[k]->health == TARGET_UP;
	}
	return sum;
}

static void emit_job(struct metrics_writer *w, enum metric_id id, const struct pool *p, double v)
{
	struct metric_label label = {"scrape_job", p->opt->job_name};
	metrics_emit(w, id, &label, 1, v);
}

static uint64_t pool_series(const struct pool *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct frame_list *l = &p->targets[i]->owner->frames;
		for (uint32_t f = 0; f < l->n; f++)
			n += l->v[f].n;
	}
	return n;
}

/* Series that the next scrape would mark stale were they gone, and the report series. */
static uint64_t active_series(const struct scrape *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n_owners; i++) {
		const struct frame_list *l = &s->owners[i]->frames;
		for (uint32_t f = 0; f < l->n; f++) {
			for (unsigned w = 0; w < FRAME_WORDS; w++)
				n += (uint64_t)__builtin_popcountll(l->v[f].seen_before[w]);
		}
		for (int r = 0; r < REPORT_MAX; r++)
			n += s->owners[i]->report[r] != SLOT_NONE;
	}
	return n;
}

static void emit_reason(struct metrics_writer *w, enum metric_id id, const char *reason, uint64_t v)
{
	struct metric_label label = {"reason", sv_of(reason)};
	metrics_emit(w, id, &label, 1, (double)v);
}

static void emit_intervals(struct scrape *s, struct metrics_writer *w)
{
	/* One summary an interval, over all pools that have it. */
	for (size_t i = 0; i < s->n_pools; i++) {
		int64_t interval = s->pools[i]->opt->interval_ms;
		bool first = true;
		uint64_t n = 0;
		double sum = 0;
		for (size_t k = 0; k < s->n_pools; k++) {
			if (s->pools[k]->opt->interval_ms != interval)
				continue;
			first = first && k >= i;
			n += s->pools[k]->intervals;
			sum += s->pools[k]->interval_sum_s;
		}
		if (!first)
			continue;
		char text[DURATION_MAX];
		struct metric_label label = {"interval", sv_of(duration_format(text, interval))};
		metrics_emit_suffix(w, M_TARGET_INTERVAL_LENGTH, "_sum", &label, 1, sum);
		metrics_emit_suffix(w, M_TARGET_INTERVAL_LENGTH, "_count", &label, 1, (double)n);
	}
}

void scrape_collect(struct scrape *s, struct metrics_writer *w)
{
	emit_intervals(s, w);
	for (size_t i = 0; i < s->n_pools; i++)
		emit_job(w, M_TARGET_SCRAPE_POOL_SYNC, s->pools[i], (double)s->pools[i]->syncs);
	for (size_t i = 0; i < s->n_pools; i++)
		emit_job(w, M_TARGET_SCRAPE_POOL_TARGETS, s->pools[i],
			 (double)s->pools[i]->n_targets);
	for (size_t i = 0; i < s->n_pools; i++)
		emit_job(w, M_TARGET_SCRAPE_POOL_TARGET_LIMIT, s->pools[i],
			 (double)s->pools[i]->opt->target_limit);
	for (size_t i = 0; i < s->n_pools; i++)
		emit_job(w, M_SCRAPE_SERIES, s->pools[i], (double)pool_series(s->pools[i]));
	for (size_t i = 0; i < s->n_pools; i++)
		emit_job(w, M_TARGET_SYNC_FAILED, s->pools[i], (double)s->pools[i]->n_failed);
	const struct metric_label floats = {"type", SV("float")};
	metrics_emit(w, M_AGENT_SAMPLES_APPENDED, &floats, 1, (double)s->samples_put);
	metric_set(M_AGENT_ACTIVE_SERIES, (double)active_series(s));
	emit_reason(w, M_SCRAPE_SAMPLES_REFUSED, "log_queue_full", s->refused_queue);
	emit_reason(w, M_SCRAPE_SAMPLES_REFUSED, "clock_set_back", s->refused_clock);
	emit_reason(w, M_SCRAPE_SAMPLES_REFUSED, "new_series_no_memory", s->refused_new_series);
	emit_reason(w, M_SCRAPES_SKIPPED, "still_running", s->skipped_overlap);
	emit_reason(w, M_SCRAPES_SKIPPED, "quarantined", s->skipped_quarantine);
	scrape_memory_collect(s, w);
	metric_set(M_TARGETS_WAITING, (double)scrape_summary(s).targets_waiting);
	metric_set(M_SCRAPE_PAGES_IN_FLIGHT, (double)s->in_flight);
}
