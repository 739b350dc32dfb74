/* What scraping gives up as memory gets short: metadata, exemplars, new series, and at last the
 * target that takes most.
 *
 * A target is left out (in quarantine) when its page was too large for memory twice in a row, or
 * when it is the largest one and nothing else helped. It gets up = 0 at each turn and its series
 * end; what is known of them is forgotten once the log has their markers. After a pause it is tried
 * again; each try that fails doubles the pause, a good page ends it.
 */
#include "pool.h"

#include <ampagent/base/log.h>
#include <ampagent/base/text.h>

enum {
	LOOK_EVERY_MS = 1000,
	/* Pages in a row that were too large. One may be bad luck: many large ones at once. */
	STRIKES = 2,
	/* The first pause, in intervals, and the longest. */
	PAUSE_INTERVALS = 2,
	PAUSE_MAX_MS = 10 * 60 * 1000,
	/* A target that holds less than this part of the budget is not what is in the way. */
	LARGE_PART = 32,
};

static void look_again(void *cls);

void scrape_memory_begin(struct scrape *s)
{
	s->memory_timer.fire = look_again;
	s->memory_timer.cls = s;
	if (budget_total() > 0)
		loop_timer_in(s->env.loop, &s->memory_timer, LOOK_EVERY_MS);
}

void scrape_memory_end(struct scrape *s)
{
	loop_timer_cancel(&s->memory_timer);
	budget_release(BUDGET_METADATA, s->metadata_charged);
	s->metadata_charged = 0;
}

void scrape_charge_metadata(struct scrape *s)
{
	size_t now = metadata_store_bytes(&s->metadata);
	budget_charge(BUDGET_METADATA, now);
	budget_release(BUDGET_METADATA, s->metadata_charged);
	s->metadata_charged = now;
}

/* ---- levels ---- */

static void shed_metadata(struct scrape *s)
{
	for (size_t i = 0; i < s->n_owners; i++) {
		struct owner *o = s->owners[i];
		o->metadata_shed = o->metadata_shed || o->metadata != NULL;
		metadata_list_release(take_ptr(o->metadata));
	}
	scrape_charge_metadata(s);
}

static void shed_exemplars(struct scrape *s)
{
	for (size_t i = 0; i < s->n_owners; i++) {
		exemplar_memory_clear(&s->owners[i]->exemplars);
		owner_charge(s->owners[i]);
	}
}

static void tell_level(enum budget_level level)
{
	static const char *const shed[] = {
		[BUDGET_CALM] = "nothing",
		[BUDGET_SHED_METADATA] = "metadata",
		[BUDGET_SHED_EXEMPLARS] = "metadata, exemplars",
		[BUDGET_SHED_SERIES] = "metadata, exemplars, new series",
		[BUDGET_SHED_TARGET] = "metadata, exemplars, new series, the largest target",
	};
	const char *used = FMT("%llu", (unsigned long long)budget_used_all());
	const char *total = FMT("%llu", (unsigned long long)budget_total());
	if (level == BUDGET_CALM)
		log_info("memory suffices again", "used_bytes", used, "budget_bytes", total);
	else
		log_warn("memory is short", "left_out", shed[level], "used_bytes", used,
			 "budget_bytes", total);
}

void scrape_look_at_memory(struct scrape *s)
{
	enum budget_level level = budget_level(), before = s->shed;
	if (level == before)
		return;
	s->shed = level;
	tell_level(level);
	if (level >= BUDGET_SHED_METADATA && before < BUDGET_SHED_METADATA)
		shed_metadata(s);
	if (level >= BUDGET_SHED_EXEMPLARS && before < BUDGET_SHED_EXEMPLARS)
		shed_exemplars(s);
}

/* ---- quarantine ---- */

static void enter(struct target *t, const char *why)
{
	struct quarantine *q = &t->quarantine;
	int64_t pause = q->pause_ms ? q->pause_ms * 2 : PAUSE_INTERVALS * t->interval_ms;
	int64_t longest = PAUSE_INTERVALS * t->interval_ms;
	if (longest < PAUSE_MAX_MS)
		longest = PAUSE_MAX_MS;
	q->pause_ms = pause < longest ? pause : longest;
	q->until_ms = loop_now_ms(t->pool->scrape->env.loop) + q->pause_ms;
	q->held = true;
	snprintf(q->why, sizeof q->why, "%s", why);
	char text[DURATION_MAX];
	log_error("a target is left out: memory has no room for it", "scrape_pool",
		  t->pool->opt->job_name.ptr, "target", t->url, "err", why, "again_in",
		  duration_format(text, q->pause_ms));
}

void quarantine_strike(struct target *t, const char *why)
{
	struct quarantine *q = &t->quarantine;
	if (q->strikes < STRIKES)
		q->strikes++;
	if (q->strikes == STRIKES)
		enter(t, why);
}

bool quarantine_holds(struct target *t, struct err *err)
{
	struct quarantine *q = &t->quarantine;
	int64_t left = q->until_ms - loop_now_ms(t->pool->scrape->env.loop);
	if (q->until_ms == 0 || left <= 0)
		return false;
	char text[DURATION_MAX];
	err_set(err, 1, "quarantined: %s; tried again in %s", q->why,
		duration_format(text, (left + 999) / 1000 * 1000));
	return true;
}

bool quarantine_is_in(const struct target *t)
{
	return t->quarantine.until_ms != 0;
}

static void leave(struct target *t)
{
	bool was_in = quarantine_is_in(t);
	t->quarantine = (struct quarantine){0};
	if (was_in)
		log_info("a target that was left out is scraped again", "scrape_pool",
			 t->pool->opt->job_name.ptr, "target", t->url);
}

void quarantine_scraped(struct target *t, const struct page_env *env, bool good)
{
	struct quarantine *q = &t->quarantine;
	if (good && q->strikes > 0)
		leave(t);
	if (q->held) {
		q->held = false;
		page_forget(t->owner, env);
		exemplar_memory_clear(&t->owner->exemplars);
		metadata_list_release(take_ptr(t->owner->metadata));
		scrape_charge_metadata(t->pool->scrape);
	}
	owner_charge(t->owner);
}

/* One at a time: what it held must be free before another is looked for. */
static void quarantine_largest(struct scrape *s)
{
	struct target *largest = NULL;
	for (size_t i = 0; i < s->n_pools; i++) {
		struct pool *p = s->pools[i];
		for (size_t k = 0; k < p->n_targets; k++) {
			struct target *t = p->targets[k];
			if (t->quarantine.held)
				return;
			if (!quarantine_is_in(t) &&
			    (!largest || t->owner->charged > largest->owner->charged))
				largest = t;
		}
	}
	if (!largest || largest->owner->charged < budget_total() / LARGE_PART)
		return;
	largest->quarantine.strikes = STRIKES;
	enter(largest,
	      FMT("its series take most of the memory, %zu bytes", largest->owner->charged));
}

static void look_again(void *cls)
{
	struct scrape *s = cls;
	loop_timer_in(s->env.loop, &s->memory_timer, LOOK_EVERY_MS);
	budget_measure();
	scrape_look_at_memory(s);
	if (s->shed >= BUDGET_SHED_TARGET)
		quarantine_largest(s);
}

/* ---- what is told ---- */

/* A metric of the targets of which something is left out. */
static void emit_targets(const struct scrape *s, enum metric_id id, struct metrics_writer *w)
{
	for (size_t i = 0; i < s->n_pools; i++) {
		for (size_t k = 0; k < s->pools[i]->n_targets; k++) {
			const struct target *t = s->pools[i]->targets[k];
			const struct metric_label labels[] = {
				{"scrape_pool", s->pools[i]->opt->job_name},
				{"target", sv_of(t->url)},
			};
			double v =
				id == M_TARGET_LEFT_OUT ? (double)t->left_out : quarantine_is_in(t);
			if (v > 0)
				metrics_emit(w, id, labels, 2, v);
		}
	}
}

void scrape_memory_collect(struct scrape *s, struct metrics_writer *w)
{
	emit_targets(s, M_TARGET_LEFT_OUT, w);
	emit_targets(s, M_TARGET_QUARANTINED, w);
	metric_set(M_MEMORY_SHED_LEVEL, s->shed);
}
