/* Pages of protobuf messages. A series is known by the hash of its name and labels. */
#include "page_reader.h"
#include "proto_parser.h"

#include <ampagent/base/hash.h>

/* A family's name, type, help and unit stand in the line table as a comment does, so that a change
 * is noticed. */
static int take_family(struct reader *r, const struct proto_entry *e)
{
	struct line_table *t = &r->o->lines;
	r->type = e->type;
	uint64_t hash = (uint64_t)e->type + 1;
	const struct sv texts[] = {e->family, e->help, e->unit};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		hash = hash * UINT64_C(0x9e3779b97f4a7c15) + hash_keyed(texts[i].ptr, texts[i].len);
	uint32_t line = line_table_find(t, hash, 0);
	if (line == LINE_NONE) {
		if (!reader_may_grow(r, PAGE_LINE_BYTES))
			return 0;
		line = line_table_add(t, hash, 0, LINE_META);
		if (line == LINE_NONE)
			return ERR_NOMEM;
		r->meta_changed = true;
	}
	t->v[line].gen = r->o->gen;
	line_table_chain(t, r->prev, line);
	r->prev = line;
	return 0;
}

static int64_t start_of(const struct reader *r, const struct proto_entry *e)
{
	const struct scrape_features *f = r->env->features;
	return f && (f->start_times || f->start_zero) ? e->start_ms : 0;
}

static int take_entry(struct reader *r, struct proto_entry *e)
{
	bool native = e->kind == PROTO_ENTRY_HISTOGRAM;
	struct page_series series = {
		.name = e->name,
		.labels = e->labels,
		.n_labels = e->n_labels,
		.key = e->key,
		.len = (uint32_t)e->n_labels + 1,
	};
	/* A bare name is what the other formats write too: the series is not new when a target
	 * changes its format. */
	if (e->n_labels == 0) {
		series.key = hash_keyed(e->name.ptr, e->name.len);
		series.len = (uint32_t)e->name.len;
	}
	const struct page_sample sample = {
		.s = {.bits = e->bits, .has_time = e->has_time, .t_ms = e->t_ms},
		.histogram = native ? &e->histogram : NULL,
		.start_ms = start_of(r, e),
	};
	if (native) {
		bool keep = r->env->features && r->env->features->start_times;
		e->histogram.start_ms = keep ? e->start_ms : 0;
	}
	struct page_exemplar *exemplars = NULL;
	if (e->n_exemplars > 0) {
		exemplars = arena_alloc(&r->batch->arena, e->n_exemplars * sizeof *exemplars);
		if (!exemplars)
			return ERR_NOMEM;
	}
	for (size_t i = 0; i < e->n_exemplars; i++)
		exemplars[i] = (struct page_exemplar){
			.labels = e->exemplars[i].labels,
			.n_labels = e->exemplars[i].n_labels,
			.bits = e->exemplars[i].bits,
			.has_time = e->exemplars[i].has_time,
			.t_ms = e->exemplars[i].t_ms,
		};
	return page_series(r, &series, &sample, exemplars, e->n_exemplars);
}

int page_read_proto(struct reader *r, struct sv page)
{
	const struct proto_options options = {
		.native = r->env->native_histograms,
		.classic_beside = r->env->always_classic_histograms,
		.custom_buckets = r->env->convert_to_nhcb,
	};
	_cleanup_(proto_reader_freep) struct proto_reader *reader = proto_reader_new(page, options);
	if (!reader)
		return ERR_NOMEM;
	for (;;) {
		struct proto_entry e;
		int result = proto_next(reader, &e, r->err);
		if (result == 1)
			return 0;
		if (result == 0)
			result = e.kind == PROTO_ENTRY_FAMILY ? take_family(r, &e)
							      : take_entry(r, &e);
		if (result == 0)
			continue;
		if (result > 0 && r->err)
			err_prefix(r->err, "byte %zu", proto_offset(reader));
		return result < 0 ? result : 1;
	}
}
