/* The labels that a series of a page ends up with: exposed ones and the target's joined, relabeled,
 * checked against the naming scheme and the limits. */
#include "page_reader.h"
#include "text_parser.h"

#include <ampagent/base/text.h>

/* Target labels join the exposed ones (honor_labels false): the target's win, exposed ones of the
 * same name move to exported_<name>, shorter names first. */
static int join_labels(struct reader *r, struct label_builder *b)
{
	size_t n_moved = 0;
	struct label *moved =
		arena_calloc(b->arena, labels_count(r->env->target_labels) + 1, sizeof *moved);
	if (!moved)
		return ERR_NOMEM;
	struct label l;
	for (size_t at = 0; labels_next(r->env->target_labels, &at, &l);) {
		struct sv exposed = label_builder_get(b, l.name);
		if (exposed.len > 0)
			moved[n_moved++] = (struct label){l.name, exposed};
		label_builder_set(b, l.name, l.value);
	}
	for (size_t i = 1; i < n_moved; i++) {
		struct label m = moved[i];
		size_t j = i;
		for (; j > 0 && moved[j - 1].name.len > m.name.len; j--)
			moved[j] = moved[j - 1];
		moved[j] = m;
	}
	for (size_t i = 0; i < n_moved; i++) {
		struct sv name = moved[i].name;
		do {
			char *p = arena_alloc(b->arena, name.len + 9);
			if (!p)
				return ERR_NOMEM;
			memcpy(p, "exported_", 9);
			memcpy(p + 9, name.ptr, name.len);
			name = sv_make(p, name.len + 9);
		} while (label_builder_get(b, name).len > 0);
		label_builder_set(b, name, moved[i].value);
	}
	return 0;
}

static int join_target(struct reader *r, struct label_builder *b)
{
	if (!r->env->opt->honor_labels)
		return join_labels(r, b);
	struct label l;
	for (size_t at = 0; labels_next(r->env->target_labels, &at, &l);) {
		if (!label_builder_has(b, l.name))
			label_builder_set(b, l.name, l.value);
	}
	return 0;
}

static int check_limits(struct reader *r, struct labels set)
{
	const struct scrape_options *opt = r->env->opt;
	if (!opt->label_limit && !opt->label_name_length_limit && !opt->label_value_length_limit)
		return 0;
	r->out->label_limit = true;
	size_t n = labels_count(set);
	if (opt->label_limit && n > opt->label_limit)
		return err_set(r->err, 1, "label_limit exceeded: %zu labels, limit %llu", n,
			       (unsigned long long)opt->label_limit);
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		if (opt->label_name_length_limit && l.name.len > opt->label_name_length_limit)
			return err_set(r->err, 1,
				       "label_name_length_limit exceeded: label \"%.*s\" has %zu "
				       "bytes, limit %llu",
				       (int)(l.name.len < 64 ? l.name.len : 64), l.name.ptr,
				       l.name.len,
				       (unsigned long long)opt->label_name_length_limit);
		if (opt->label_value_length_limit && l.value.len > opt->label_value_length_limit)
			return err_set(r->err, 1,
				       "label_value_length_limit exceeded: value of \"%.*s\" has "
				       "%zu bytes, limit %llu",
				       (int)(l.name.len < 64 ? l.name.len : 64), l.name.ptr,
				       l.value.len,
				       (unsigned long long)opt->label_value_length_limit);
	}
	r->out->label_limit = false;
	return 0;
}

static int check_names(struct reader *r, struct labels set)
{
	bool legacy = r->env->opt->names == NAMES_LEGACY;
	struct label l;
	bool has_name = false;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		bool is_name = sv_eq(l.name, LABEL_NAME);
		has_name = has_name || is_name;
		bool good = utf8_valid(l.value) && (legacy ? label_name_legacy_valid(l.name)
							   : l.name.len > 0 && utf8_valid(l.name));
		if (good && is_name && legacy)
			good = metric_name_legacy_valid(l.value);
		if (!good)
			return err_set(r->err, 1,
				       "invalid metric name or label names: label \"%.*s\"",
				       (int)(l.name.len < 64 ? l.name.len : 64), l.name.ptr);
	}
	if (!has_name)
		return err_set(r->err, 1, "missing metric name (__name__ label)");
	return 0;
}

int exposed_labels(struct reader *r, const struct page_series *series, struct label_builder *b)
{
	if (series->text.ptr)
		return text_labels(series->text, r->type, b);
	label_builder_push(b, LABEL_NAME, series->name);
	for (size_t i = 0; i < series->n_labels; i++)
		label_builder_push(b, series->labels[i].name, series->labels[i].value);
	return b->failed ? ERR_NOMEM : 0;
}

/* Of a name that stands more than once, and once without a value, Prometheus takes nothing. Returns
 * a name that still stands twice; labels are sorted by name. */
static struct sv without_emptied(struct label_builder *b)
{
	struct sv duplicate = SV_NULL;
	for (size_t i = 0, end; i < b->n; i = end) {
		bool emptied = false;
		for (end = i; end < b->n && sv_eq(b->v[end].name, b->v[i].name); end++)
			emptied = emptied || b->v[end].value.len == 0;
		for (size_t k = i; emptied && k < end; k++)
			b->v[k].value = SV("");
		if (!emptied && end - i > 1)
			duplicate = b->v[i].name;
	}
	return duplicate;
}

static int too_many(struct reader *r)
{
	return err_set(r->err, 1, "more than %d labels in one series", LIMIT_LABELS_COUNT);
}

int final_labels(struct reader *r, const struct page_series *series, struct labels *out)
{
	struct label_builder b;
	label_builder_init(&b, r->env->scratch);
	if (exposed_labels(r, series, &b) != 0)
		return b.n < LIMIT_LABELS_COUNT ? ERR_NOMEM : too_many(r);
	for (size_t i = 1; i < b.n; i++) {
		if (b.v[i].name.len == 0)
			return err_set(
				r->err, 1,
				"invalid metric name or label names: a label has an empty name");
	}
	struct sv duplicate = label_builder_duplicate(&b);
	if (duplicate.len > 0)
		duplicate = without_emptied(&b);
	if (join_target(r, &b) != 0)
		return ERR_NOMEM;
	if (!relabel_apply(r->env->opt->metric_relabel, &b))
		return b.failed ? ERR_NOMEM : 2;
	if (b.failed)
		return too_many(r);
	bool any = false;
	for (size_t i = 0; i < b.n; i++)
		any = any || b.v[i].value.len > 0;
	if (!any)
		return 2;
	if (label_builder_finish(&b, r->env->scratch, out) != 0)
		return err_set(r->err, 1, "labels of one series pass %zu bytes",
			       LIMIT_LABELS_BYTES);
	int result = check_names(r, *out);
	if (result == 0)
		result = check_limits(r, *out);
	if (result == 0 && duplicate.len > 0)
		return err_set(r->err, 3, "label name \"%.*s\" is not unique",
			       (int)(duplicate.len < 64 ? duplicate.len : 64), duplicate.ptr);
	return result;
}
