/* libyaml's events into a tree; the only file that sees libyaml.
 *
 * Children of the collections that are still open wait on one stack; when a collection ends, its
 * children are the top of that stack. Invariants: every level's first child index is at most
 * the stack's length; an anchor points to a node whose collection may still be open (open is set).
 */
#include <ampagent/base/yaml.h>

#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/map.h>

#include "yaml_scalar.h"

#include <yaml.h>

/* A node and what only the builder wants to know of it. */
struct build_node {
	struct yaml_node node;
	size_t weight; /* nodes below and itself, aliases followed */
	int height;    /* levels below and itself, aliases followed */
	bool open;
	bool merge; /* a key << */
};

struct level {
	struct build_node *node;
	size_t first; /* index of its first child in pending */
};

struct anchor {
	struct sv name;
	struct build_node *node;
};

struct builder {
	struct arena *arena;
	struct err *err;
	struct build_node **pending;
	size_t n_pending, cap_pending;
	struct level levels[LIMIT_YAML_DEPTH];
	int depth;
	struct anchor *anchors;
	size_t n_anchors, cap_anchors;
	struct map anchor_map;
	size_t nodes;
	struct build_node *root;
};

static void builder_deinit(struct builder *b)
{
	free(b->pending);
	free(b->anchors);
	map_deinit(&b->anchor_map);
}

DEFINE_CLEANUP(struct builder, builder_deinit)
DEFINE_CLEANUP(yaml_parser_t, yaml_parser_delete)
DEFINE_CLEANUP(yaml_event_t, yaml_event_delete)

const char *yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = {
		[YAML_NULL] = "null",      [YAML_BOOL] = "a boolean",  [YAML_INT] = "an integer",
		[YAML_FLOAT] = "a number", [YAML_STRING] = "a string", [YAML_SEQ] = "a list",
		[YAML_MAP] = "a mapping",
	};
	return names[kind];
}

struct yaml_node *yaml_get(const struct yaml_node *map, struct sv key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (sv_eq(map->pairs[i].key->text, key))
			return map->pairs[i].value;
	return NULL;
}

static int fail_at(struct builder *b, const struct yaml_node *at, const char *msg)
{
	return err_at(b->err, 1, at->line, at->col, "%s", msg);
}

/* Room for one more element of a growing array. */
static int grow(void **array, size_t *cap, size_t n, size_t size)
{
	if (n < *cap)
		return 0;
	size_t wanted = *cap ? *cap * 2 : 64;
	void *bigger = reallocarray(*array, wanted, size);
	if (!bigger)
		return ERR_NOMEM;
	*array = bigger;
	*cap = wanted;
	return 0;
}

/* Counts n more nodes of the expanded document. */
static int count_nodes(struct builder *b, const struct yaml_node *at, size_t n)
{
	if (n > LIMIT_YAML_NODES - b->nodes)
		return fail_at(b, at, "document has too many nodes after aliases are followed");
	b->nodes += n;
	return 0;
}

static int push_child(struct builder *b, struct build_node *child)
{
	if (b->depth == 0) {
		b->root = child;
		return 0;
	}
	if (grow((void **)&b->pending, &b->cap_pending, b->n_pending, sizeof *b->pending) != 0)
		return ERR_NOMEM;
	b->pending[b->n_pending++] = child;
	return 0;
}

static uint64_t anchor_rehash(uint32_t value, void *cls)
{
	const struct builder *b = cls;
	return hash_keyed(b->anchors[value].name.ptr, b->anchors[value].name.len);
}

static struct anchor *find_anchor(struct builder *b, struct sv name)
{
	struct map_iter it = map_find(&b->anchor_map, hash_keyed(name.ptr, name.len));
	while (map_next(&b->anchor_map, &it))
		if (sv_eq(b->anchors[it.value].name, name))
			return &b->anchors[it.value];
	return NULL;
}

/* A name may be given anew: later aliases mean the later node. */
static int set_anchor(struct builder *b, const yaml_char_t *text, struct build_node *node)
{
	if (!text)
		return 0;
	struct sv name = sv_of((const char *)text);
	struct anchor *known = find_anchor(b, name);
	if (known) {
		known->node = node;
		return 0;
	}
	if (grow((void **)&b->anchors, &b->cap_anchors, b->n_anchors, sizeof *b->anchors) != 0)
		return ERR_NOMEM;
	name = arena_dup(b->arena, name);
	if (!name.ptr)
		return ERR_NOMEM;
	b->anchors[b->n_anchors] = (struct anchor){name, node};
	if (map_insert(&b->anchor_map, hash_keyed(name.ptr, name.len), (uint32_t)b->n_anchors,
		       anchor_rehash, b) != 0)
		return ERR_NOMEM;
	b->n_anchors++;
	return 0;
}

static int new_node(struct builder *b, const yaml_event_t *event, enum yaml_kind kind,
		    const yaml_char_t *anchor, struct build_node **out)
{
	struct build_node *n = arena_calloc(b->arena, 1, sizeof *n);
	if (!n)
		return ERR_NOMEM;
	n->node.kind = kind;
	n->node.line = (int)event->start_mark.line + 1;
	n->node.col = (int)event->start_mark.column + 1;
	n->weight = 1;
	n->height = 1;
	int r = count_nodes(b, &n->node, 1);
	if (r == 0)
		r = set_anchor(b, anchor, n);
	*out = n;
	return r;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	struct build_node *n;
	int r = new_node(b, event, YAML_STRING, event->data.scalar.anchor, &n);
	if (r != 0)
		return r;
	n->node.quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	n->node.text = arena_dup(b->arena, sv_make((const char *)event->data.scalar.value,
						   event->data.scalar.length));
	if (!n->node.text.ptr)
		return ERR_NOMEM;
	struct sv tag = sv_of((const char *)event->data.scalar.tag);
	bool plain = event->data.scalar.plain_implicit;
	n->merge =
		sv_eq(n->node.text, SV("<<")) && (plain || sv_eq(tag, SV(YAML_TAG_PREFIX "merge")));
	r = yaml_scalar_resolve(b->arena, &n->node, tag, plain, b->err);
	return r != 0 ? r : push_child(b, n);
}

static int on_alias(struct builder *b, const yaml_event_t *event)
{
	struct sv name = sv_of((const char *)event->data.alias.anchor);
	struct yaml_node here = {.line = (int)event->start_mark.line + 1,
				 .col = (int)event->start_mark.column + 1};
	const struct anchor *a = find_anchor(b, name);
	/* Not named: it may be a password that was to be quoted. */
	if (!a)
		return err_at(b->err, 1, here.line, here.col,
			      "unknown anchor; a value that begins with * must be quoted");
	if (a->node->open)
		return err_at(b->err, 1, here.line, here.col, "anchor \"%.*s\" contains itself",
			      SV_ARG(name));
	if (b->depth + a->node->height > LIMIT_YAML_DEPTH)
		return fail_at(b, &here, "document is nested too deeply");
	int r = count_nodes(b, &here, a->node->weight);
	return r != 0 ? r : push_child(b, a->node);
}

static int on_start(struct builder *b, const yaml_event_t *event, enum yaml_kind kind,
		    const yaml_char_t *anchor)
{
	struct build_node *n;
	int r = new_node(b, event, kind, anchor, &n);
	if (r != 0)
		return r;
	if (b->depth == LIMIT_YAML_DEPTH)
		return fail_at(b, &n->node, "document is nested too deeply");
	n->open = true;
	r = push_child(b, n);
	if (r == 0)
		b->levels[b->depth++] = (struct level){n, b->n_pending};
	return r;
}

/* The pairs of a mapping while they are gathered. */
struct pair_set {
	struct builder *b;
	struct yaml_pair *v;
	bool *written; /* the key stands in the mapping itself, not only in a merge */
	size_t n, cap;
	struct map index;
};

static void pair_set_deinit(struct pair_set *s)
{
	free(s->v);
	free(s->written);
	map_deinit(&s->index);
}

DEFINE_CLEANUP(struct pair_set, pair_set_deinit)

static uint64_t pair_rehash(uint32_t value, void *cls)
{
	const struct pair_set *s = cls;
	return hash_keyed(s->v[value].key->text.ptr, s->v[value].key->text.len);
}

/* Adds or overrides; the same key written twice is refused. */
static int pair_set_put(struct pair_set *s, struct yaml_pair pair, bool written)
{
	struct sv key = pair.key->text;
	uint64_t hash = hash_keyed(key.ptr, key.len);
	for (struct map_iter it = map_find(&s->index, hash); map_next(&s->index, &it);) {
		if (!sv_eq(s->v[it.value].key->text, key))
			continue;
		if (written && s->written[it.value])
			return err_at(s->b->err, 1, pair.key->line, pair.key->col,
				      "key \"%.*s\" is given twice, first at line %d", SV_ARG(key),
				      s->v[it.value].key->line);
		s->v[it.value] = pair;
		s->written[it.value] |= written;
		return 0;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap;
		if (grow((void **)&s->v, &s->cap, s->n, sizeof *s->v) != 0 ||
		    grow((void **)&s->written, &cap, s->n, sizeof *s->written) != 0)
			return ERR_NOMEM;
	}
	s->v[s->n] = pair;
	s->written[s->n] = written;
	if (map_insert(&s->index, hash, (uint32_t)s->n, pair_rehash, s) != 0)
		return ERR_NOMEM;
	s->n++;
	return 0;
}

static int merge_map(struct pair_set *s, const struct yaml_node *at, const struct yaml_node *map)
{
	if (map->kind != YAML_MAP)
		return fail_at(s->b, at, "<< wants a mapping or a list of mappings");
	int r = count_nodes(s->b, at, map->n);
	for (size_t i = 0; r == 0 && i < map->n; i++)
		r = pair_set_put(s, map->pairs[i], false);
	return r;
}

/* Backwards, so that the earlier mapping wins. */
static int merge(struct pair_set *s, const struct yaml_node *key, const struct yaml_node *value)
{
	if (value->kind != YAML_SEQ)
		return merge_map(s, key, value);
	int r = 0;
	for (size_t i = value->n; r == 0 && i > 0; i--)
		r = merge_map(s, key, value->items[i - 1]);
	return r;
}

static int gather_pairs(struct pair_set *s, struct build_node *const *children, size_t n)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i + 1 < n; i += 2) {
		struct build_node *key = children[i];
		struct yaml_node *value = &children[i + 1]->node;
		if (key->merge) {
			r = merge(s, &key->node, value);
			continue;
		}
		if (key->node.kind == YAML_SEQ || key->node.kind == YAML_MAP ||
		    key->node.kind == YAML_NULL)
			return fail_at(s->b, &key->node, "a mapping's key must be a scalar");
		r = pair_set_put(s, (struct yaml_pair){&key->node, value}, true);
	}
	return r;
}

static int close_map(struct builder *b, struct yaml_node *map, struct build_node *const *children,
		     size_t n)
{
	_cleanup_(pair_set_deinit) struct pair_set set = {.b = b, .index = MAP_NULL};
	int r = gather_pairs(&set, children, n);
	if (r != 0 || set.n == 0)
		return r;
	map->pairs = arena_alloc(b->arena, set.n * sizeof *map->pairs);
	if (!map->pairs)
		return ERR_NOMEM;
	memcpy(map->pairs, set.v, set.n * sizeof *map->pairs);
	map->n = set.n;
	return 0;
}

static int close_seq(struct builder *b, struct yaml_node *seq, struct build_node *const *children,
		     size_t n)
{
	if (n == 0)
		return 0;
	seq->items = arena_alloc(b->arena, n * sizeof(struct yaml_node *));
	if (!seq->items)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		seq->items[i] = &children[i]->node;
	seq->n = n;
	return 0;
}

static int on_end(struct builder *b)
{
	struct level level = b->levels[--b->depth];
	struct build_node *node = level.node;
	size_t n = b->n_pending - level.first;
	struct build_node *const *children = n ? b->pending + level.first : NULL;

	for (size_t i = 0; i < n; i++) {
		node->weight += children[i]->weight;
		if (children[i]->height >= node->height)
			node->height = children[i]->height + 1;
	}
	node->open = false;
	b->n_pending = level.first;
	if (node->node.kind == YAML_MAP)
		return close_map(b, &node->node, children, n);
	return close_seq(b, &node->node, children, n);
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, event, YAML_SEQ, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, event, YAML_MAP, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(b);
	default:
		return 0;
	}
}

/* Bytes that libyaml's reader refuses come with an offset instead of a place. */
static int reader_error(const yaml_parser_t *p, struct sv text, struct err *err)
{
	int line = 1, col = 1;
	for (size_t i = 0; i < p->problem_offset && i < text.len; i++) {
		col++;
		if (text.ptr[i] == '\n') {
			line++;
			col = 1;
		}
	}
	return err_at(err, 1, line, col, "%s", p->problem ? p->problem : "unreadable bytes");
}

static int parser_error(const yaml_parser_t *p, struct sv text, struct err *err)
{
	if (p->error == YAML_MEMORY_ERROR)
		return ERR_NOMEM;
	if (p->error == YAML_READER_ERROR)
		return reader_error(p, text, err);
	int line = (int)p->problem_mark.line + 1, col = (int)p->problem_mark.column + 1;
	const char *problem = p->problem ? p->problem : "not valid YAML";
	if (!p->context)
		return err_at(err, 1, line, col, "%s", problem);
	return err_at(err, 1, line, col, "%s (%s that began at line %d, column %d)", problem,
		      p->context, (int)p->context_mark.line + 1, (int)p->context_mark.column + 1);
}

static int read_document(struct builder *b, yaml_parser_t *parser, struct sv text)
{
	for (bool end = false; !end;) {
		_cleanup_(yaml_event_delete) yaml_event_t event = {0};
		if (!yaml_parser_parse(parser, &event))
			return parser_error(parser, text, b->err);
		end = event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
		int r = on_event(b, &event);
		if (r != 0)
			return r;
	}
	return 0;
}

int yaml_parse(struct arena *arena, struct sv text, struct yaml_node **root, struct err *err)
{
	*root = NULL;
	if (text.len > LIMIT_CONFIG_BYTES)
		return err_at(err, 1, 1, 1, "file is larger than %zu bytes", LIMIT_CONFIG_BYTES);
	_cleanup_(yaml_parser_delete) yaml_parser_t parser = {0};
	if (!yaml_parser_initialize(&parser))
		return ERR_NOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.len ? text.ptr : ""),
				     text.len);

	_cleanup_(builder_deinit) struct builder b = {
		.arena = arena, .err = err, .anchor_map = MAP_NULL};
	int r = read_document(&b, &parser, text);
	if (r == 0 && b.root && b.root->node.kind != YAML_NULL)
		*root = &b.root->node;
	return r;
}
