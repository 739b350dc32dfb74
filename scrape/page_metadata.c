/* The metadata of a page: gathered from all of it whenever some of it is new. */
#include "openmetrics_parser.h"
#include "page_reader.h"
#include "proto_parser.h"

struct gather {
	struct batch_metadata *v;
	size_t n, cap;
	struct arena *arena;
};

/* The entry of a family; HELP, TYPE and UNIT of a family stand together, so the last few are looked
 * at only. NULL without memory. */
static struct batch_metadata *entry_of(struct gather *g, struct sv family)
{
	for (size_t i = g->n; i > 0 && g->n - i < 4; i--) {
		if (sv_eq(g->v[i - 1].family, family))
			return &g->v[i - 1];
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 64;
		struct batch_metadata *v = arena_calloc(g->arena, cap, sizeof *v);
		if (!v)
			return NULL;
		for (size_t i = 0; i < g->n; i++)
			v[i] = g->v[i];
		g->v = v;
		g->cap = cap;
	}
	struct batch_metadata *m = &g->v[g->n];
	*m = (struct batch_metadata){.family = arena_dup(g->arena, family)};
	if (!m->family.ptr)
		return NULL;
	g->n++;
	return m;
}

static int take_meta(struct gather *g, const struct text_meta *meta, bool openmetrics)
{
	struct batch_metadata *m = entry_of(g, text_unescape(g->arena, meta->family, true));
	if (!m)
		return ERR_NOMEM;
	if (meta->kind == TEXT_META_TYPE)
		m->type = meta->type;
	else if (meta->kind == TEXT_META_UNIT)
		m->unit = arena_dup(g->arena, meta->unit);
	else
		m->help = arena_dup(g->arena, text_unescape(g->arena, meta->help, openmetrics));
	return 0;
}

/* The line of a series ends at the first newline outside of quotes. */
static const char *pass_series(const char *p, const char *end, bool openmetrics)
{
	const char *from = openmetrics ? p : text_series(p, end, NULL);
	const char *newline = from ? memchr(from, '\n', (size_t)(end - from)) : NULL;
	return newline ? newline + 1 : end;
}

static int gather_lines(struct gather *g, struct sv page, bool openmetrics)
{
	const char *end = page.ptr + page.len;
	for (const char *p = page.ptr; p < end;) {
		enum text_line what =
			openmetrics ? (*p == '#' ? TEXT_COMMENT : TEXT_SERIES) : text_next(&p, end);
		if (what == TEXT_END)
			break;
		if (what == TEXT_SERIES) {
			p = pass_series(p, end, openmetrics);
			continue;
		}
		struct text_meta meta = {.kind = TEXT_META_NONE};
		p = openmetrics ? openmetrics_comment(p, end, &meta, NULL)
				: text_comment(p, end, &meta, NULL);
		if (!p || meta.kind == TEXT_META_END)
			break;
		if (meta.kind != TEXT_META_NONE && take_meta(g, &meta, openmetrics) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

static int gather_proto(struct gather *g, struct sv page)
{
	const struct proto_options options = {.native = true};
	_cleanup_(proto_reader_freep) struct proto_reader *reader = proto_reader_new(page, options);
	if (!reader)
		return ERR_NOMEM;
	struct proto_entry e;
	for (;;) {
		int result = proto_next(reader, &e, NULL);
		if (result != 0)
			return result < 0 ? result : 0;
		if (e.kind != PROTO_ENTRY_FAMILY)
			continue;
		struct batch_metadata *m = entry_of(g, e.family);
		if (!m)
			return ERR_NOMEM;
		m->type = e.type;
		m->help = arena_dup(g->arena, e.help);
		m->unit = arena_dup(g->arena, e.unit);
	}
}

int page_metadata(const struct page_env *env, struct sv page, struct batch *batch)
{
	struct gather g = {.arena = &batch->arena};
	bool proto = env->format == PROTO_PROMETHEUS_PROTO;
	bool openmetrics =
		env->format == PROTO_OPENMETRICS_0_0_1 || env->format == PROTO_OPENMETRICS_1_0_0;
	if (page.len == 0)
		return 0;
	int result = proto ? gather_proto(&g, sv_make(page.ptr, page.len - 1))
			   : gather_lines(&g, page, openmetrics);
	if (result != 0)
		return result;
	batch->metadata = g.v;
	batch->n_metadata = g.n;
	return 0;
}
