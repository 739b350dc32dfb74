/* /api/v1/targets/metadata and /api/v1/metadata. */
#include "pool.h"
#include "selector.h"

static void write_text(struct json_writer *w, const char *key, struct sv value)
{
	json_key(w, sv_of(key));
	json_string(w, value);
}

/* ---- by target ---- */

static void write_of_target(struct json_writer *w, const struct target *t, bool with_name,
			    const struct batch_metadata *m)
{
	json_begin_object(w);
	json_key(w, SV("target"));
	scrape_write_labels(w, t->labels);
	if (with_name)
		write_text(w, "metric", m->family);
	write_text(w, "type", sv_of(metric_type_name(m->type)));
	write_text(w, "help", m->help);
	write_text(w, "unit", m->unit);
	json_end_object(w);
}

/* How many entries were written. */
static size_t write_target(struct json_writer *w, const struct target *t, struct sv metric)
{
	const struct metadata_list *list = t->owner->metadata;
	struct batch_metadata m;
	if (metric.len > 0) {
		if (!metadata_list_find(list, metric, &m))
			return 0;
		write_of_target(w, t, false, &m);
		return 1;
	}
	size_t n = metadata_list_count(list);
	for (size_t i = 0; i < n; i++) {
		m = metadata_list_at(list, i);
		write_of_target(w, t, true, &m);
	}
	return n;
}

int scrape_targets_metadata_json(struct scrape *s, struct json_writer *w,
				 const struct metadata_query *q, struct err *err)
{
	_cleanup_(selector_deinit) struct selector selector;
	_cleanup_(freep) struct pool **pools = scrape_sorted_pools(s);
	selector_init(&selector);
	if (!pools)
		return err_set(err, 1, "out of memory");
	if (q->match_target.len > 0 && selector_parse(q->match_target, &selector, err) != 0) {
		err_prefix(err, "invalid parameter \"match_target\"");
		return 1;
	}
	size_t written = 0;
	json_begin_array(w);
	for (size_t i = 0; i < s->n_pools; i++) {
		for (size_t k = 0; k < pools[i]->n_targets; k++) {
			const struct target *t = pools[i]->targets[k];
			/* As Prometheus: the target that reaches the limit is told whole. */
			if (q->limit >= 0 && written >= (size_t)q->limit)
				break;
			if (selector_matches(&selector, t->labels, &s->scratch))
				written += write_target(w, t, q->metric);
		}
	}
	json_end_array(w);
	return 0;
}

/* ---- by family ---- */

static int entry_cmp(const void *a, const void *b)
{
	const struct batch_metadata *x = a, *y = b;
	int c = sv_cmp(x->family, y->family);
	if (c == 0)
		c = (x->type > y->type) - (x->type < y->type);
	if (c == 0)
		c = sv_cmp(x->help, y->help);
	return c != 0 ? c : sv_cmp(x->unit, y->unit);
}

struct entries {
	struct batch_metadata *v;
	size_t n, cap;
};

static int add_entry(struct entries *e, struct batch_metadata m)
{
	if (e->n == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 256;
		struct batch_metadata *v = realloc(e->v, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		e->v = v;
		e->cap = cap;
	}
	e->v[e->n++] = m;
	return 0;
}

static int list_cmp(const void *a, const void *b)
{
	const struct metadata_list *const *x = a, *const *y = b;
	return (*x > *y) - (*x < *y);
}

/* The lists of all targets, each once; *out is the caller's. */
static int distinct_lists(const struct scrape *s, const struct metadata_list ***out, size_t *n)
{
	size_t targets = 0, at = 0;
	for (size_t i = 0; i < s->n_pools; i++)
		targets += s->pools[i]->n_targets;
	*n = 0;
	*out = malloc((targets + 1) * sizeof **out);
	if (!*out)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->n_pools; i++) {
		for (size_t k = 0; k < s->pools[i]->n_targets; k++)
			(*out)[at++] = s->pools[i]->targets[k]->owner->metadata;
	}
	qsort(*out, at, sizeof **out, list_cmp);
	for (size_t i = 0; i < at; i++) {
		if ((*out)[i] && (*n == 0 || (*out)[*n - 1] != (*out)[i]))
			(*out)[(*n)++] = (*out)[i];
	}
	return 0;
}

/* The entries of all lists, sorted, each once. */
static int gather(const struct scrape *s, struct sv metric, struct entries *e)
{
	_cleanup_(freep) const struct metadata_list **lists = NULL;
	size_t n_lists, n = 0;
	struct batch_metadata m;
	if (distinct_lists(s, &lists, &n_lists) != 0)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_lists; i++) {
		size_t families = metric.len ? 0 : metadata_list_count(lists[i]);
		if (metric.len && metadata_list_find(lists[i], metric, &m) && add_entry(e, m) != 0)
			return ERR_NOMEM;
		for (size_t k = 0; k < families; k++) {
			if (add_entry(e, metadata_list_at(lists[i], k)) != 0)
				return ERR_NOMEM;
		}
	}
	if (e->n)
		qsort(e->v, e->n, sizeof *e->v, entry_cmp);
	for (size_t i = 0; i < e->n; i++) {
		if (n == 0 || entry_cmp(&e->v[n - 1], &e->v[i]) != 0)
			e->v[n++] = e->v[i];
	}
	e->n = n;
	return 0;
}

void scrape_metadata_json(struct scrape *s, struct json_writer *w, const struct metadata_query *q)
{
	struct entries e = {NULL, 0, 0};
	if (gather(s, q->metric, &e) != 0)
		w->out->failed = true;
	size_t families = 0;
	json_begin_object(w);
	for (size_t i = 0; i < e.n && (q->limit < 0 || families < (size_t)q->limit); families++) {
		struct sv family = e.v[i].family;
		int64_t written = 0;
		json_key(w, family);
		json_begin_array(w);
		for (; i < e.n && sv_eq(e.v[i].family, family); i++) {
			if (q->limit_per_metric > 0 && written >= q->limit_per_metric)
				continue;
			json_begin_object(w);
			write_text(w, "type", sv_of(metric_type_name(e.v[i].type)));
			write_text(w, "unit", e.v[i].unit);
			write_text(w, "help", e.v[i].help);
			json_end_object(w);
			written++;
		}
		json_end_array(w);
	}
	json_end_object(w);
	free(e.v);
}
