/* /api/v1/targets/relabel_steps: what each relabeling rule of a job does to labels. */
#include "pool.h"

struct labels_reader {
	struct label_builder *b;
	struct sv name;
	int depth;
};

/* {"name": "value", ...}, or null. */
static int take_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct labels_reader *r = cls;
	bool inside = r->depth == 1;
	struct sv copy = arena_dup(r->b->arena, text);
	if (!copy.ptr)
		return err_set(err, 1, "too long");
	switch (event) {
	case JSON_OBJECT_BEGIN:
		if (inside)
			return err_set(err, 1, "a value is not a string");
		r->depth++;
		return 0;
	case JSON_OBJECT_END:
		r->depth--;
		return 0;
	case JSON_KEY:
		r->name = copy;
		return 0;
	case JSON_NULL:
		copy.len = 0;
		break;
	case JSON_STRING:
		if (!inside)
			return err_set(err, 1, "not an object");
		break;
	default:
		return err_set(err, 1, inside ? "a value is not a string" : "not an object");
	}
	if (inside)
		label_builder_set(r->b, r->name, copy);
	return 0;
}

static int read_labels(struct sv json, struct label_builder *b, struct err *err)
{
	struct labels_reader labels = {.b = b};
	_cleanup_(json_reader_deinit) struct json_reader r;
	json_reader_init(&r, take_event, &labels, LIMIT_LABELS_BYTES);
	int result = json_feed(&r, json, err);
	if (result == 0)
		result = json_finish(&r, err);
	if (result == 0 && b->failed)
		result = err_set(err, 1, "too many");
	if (result != 0)
		err_prefix(err, "error parsing labels");
	return result != 0;
}

static struct pool *find_pool(struct scrape *s, struct sv job, struct err *err)
{
	for (size_t i = 0; i < s->n_pools; i++) {
		if (sv_eq(s->pools[i]->opt->job_name, job))
			return s->pools[i];
	}
	_cleanup_(buf_deinit) struct buf name = BUF_NULL;
	buf_init(&name, ERR_MSG_MAX);
	go_quote(&name, job);
	err_set(err, 1, "error retrieving scrape config: scrape pool %.*s not found",
		SV_ARG(buf_view(&name)));
	return NULL;
}

static void write_text(struct json_writer *w, struct sv key, struct sv value)
{
	json_key(w, key);
	json_string(w, value);
}

static void write_rule(struct json_writer *w, const struct relabel_rule *rule)
{
	json_begin_object(w);
	if (rule->n_source_labels) {
		json_key(w, SV("source_labels"));
		json_begin_array(w);
		for (size_t i = 0; i < rule->n_source_labels; i++)
			json_string(w, rule->source_labels[i]);
		json_end_array(w);
	}
	write_text(w, SV("separator"), rule->separator);
	write_text(w, SV("regex"), rule->regex);
	if (rule->modulus) {
		json_key(w, SV("modulus"));
		json_u64(w, rule->modulus);
	}
	if (rule->target_label.len)
		write_text(w, SV("target_label"), rule->target_label);
	write_text(w, SV("replacement"), rule->replacement);
	write_text(w, SV("action"), sv_of(relabel_action_name(rule->action)));
	json_end_object(w);
}

/* The labels so far, one without a name included; the builder's own order, which matters to later
 * rules, stays. */
static void write_output(struct json_writer *w, const struct label_builder *b, bool keep)
{
	struct label_builder sorted = *b;
	sorted.v = arena_alloc(b->arena, b->n * sizeof *b->v);
	sorted.n = keep && sorted.v ? b->n : 0;
	if (sorted.n)
		memcpy(sorted.v, b->v, b->n * sizeof *b->v);
	label_builder_sort(&sorted);
	json_begin_object(w);
	for (size_t i = 0; i < sorted.n; i++) {
		if (sorted.v[i].value.len > 0)
			write_text(w, sorted.v[i].name, sorted.v[i].value);
	}
	json_end_object(w);
}

int scrape_relabel_steps_json(struct scrape *s, struct json_writer *w, struct sv pool,
			      struct sv labels_json, struct err *err)
{
	struct label_builder b;
	arena_reset(&s->scratch);
	label_builder_init(&b, &s->scratch);
	if (read_labels(labels_json, &b, err) != 0)
		return 1;
	const struct pool *p = find_pool(s, pool, err);
	if (!p)
		return 1;
	const struct relabel_set *rules = p->opt->relabel;
	bool keep = true;
	json_begin_object(w);
	json_key(w, SV("steps"));
	json_begin_array(w);
	for (size_t i = 0; i < relabel_count(rules); i++) {
		keep = keep && relabel_apply_one(rules, i, &b);
		json_begin_object(w);
		json_key(w, SV("rule"));
		write_rule(w, relabel_rule_at(rules, i));
		json_key(w, SV("output"));
		write_output(w, &b, keep);
		json_key(w, SV("keep"));
		json_bool(w, keep);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
	return b.failed ? err_set(err, 1, "the labels become too large") : 0;
}
