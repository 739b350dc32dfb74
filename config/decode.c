/* The walk over mappings: each key is looked up in the block's table, strictly. */
#include "decode.h"

#include <ampagent/base/text.h>

#include <stdarg.h>
#include <stdio.h>

int decode_fail(struct decode *d, const struct yaml_node *at, const char *fmt, ...)
{
	char msg[ERR_MSG_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(msg, sizeof msg, fmt, args);
	va_end(args);
	return err_at(d->err, 1, at->line, at->col, "%s:%d:%d: %s", d->path, at->line, at->col,
		      msg);
}

int decode_fail_memory(struct decode *d, const struct yaml_node *at)
{
	return decode_fail(d, at, "no memory for a configuration as large as this");
}

int decode_warn(struct decode *d, const struct yaml_node *at, const void *once, const char *fmt,
		...)
{
	for (size_t i = 0; once && i < d->n_once; i++)
		if (d->once[i] == once)
			return 0;
	char msg[ERR_MSG_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(msg, sizeof msg, fmt, args);
	va_end(args);

	struct decode_warning *w = arena_alloc(d->temp, sizeof *w);
	struct sv text = arena_dup(d->keep, sv_of(msg));
	struct sv path = arena_dup(d->keep, sv_of(d->path));
	if (!w || !text.ptr || !path.ptr)
		return decode_fail_memory(d, at);
	*w = (struct decode_warning){NULL, {at->line, at->col, path, text}};
	*d->last_warning = w;
	d->last_warning = &w->next;
	d->n_warnings++;
	if (once && d->n_once < DECODE_ONCE_MAX)
		d->once[d->n_once++] = once;
	return 0;
}

const struct yaml_node *decode_place(const struct yaml_node *block, const char *key)
{
	const struct yaml_node *value = yaml_get(block, sv_of(key));
	return value ? value : block;
}

void decode_defaults(const struct schema_block *block, void *out)
{
	for (const struct schema_entry *e = block->entries; e->key; e++) {
		if (e->status != SCHEMA_BUILT || e->offset == SCHEMA_NOWHERE)
			continue;
		if (e->kind == SCHEMA_BLOCK)
			decode_defaults(e->block, (char *)out + e->offset);
		else if (e->fallback)
			decode_fallback(e, (char *)out + e->offset);
	}
	if (block->inlined)
		decode_defaults(block->inlined, (char *)out + block->inlined_offset);
}

static const struct schema_entry *find_entry(const struct schema_block *block, struct sv key)
{
	for (const struct schema_entry *e = block->entries; e->key; e++)
		if (sv_eq(sv_of(e->key), key))
			return e;
	return NULL;
}

enum { WORDS_MAX = 160 }; /* more than any block has keys */

static size_t add_words(const char **words, size_t n, const struct schema_block *block)
{
	for (const struct schema_entry *e = block->entries; e->key && n + 1 < WORDS_MAX; e++)
		words[n++] = e->key;
	return n;
}

static int unknown_key(struct decode *d, const struct schema_block *block,
		       const struct yaml_node *key)
{
	const char *words[WORDS_MAX];
	size_t n = add_words(words, 0, block);
	if (block->inlined)
		n = add_words(words, n, block->inlined);
	words[n] = NULL;
	struct sv text = key->text;
	/* "password:x" without a blank is one word, and the second half of it a secret. */
	size_t colon = sv_find(text, ':');
	if (colon < text.len)
		return decode_fail(d, key,
				   "unknown key \"%.*s:...\" in %s: a blank belongs after "
				   "the colon",
				   (int)(colon < 60 ? colon : 60), text.ptr, block->name);
	if (text.len > 60)
		text.len = 60;
	const char *near = nearest_word(text, words);
	if (near)
		return decode_fail(d, key, "unknown key \"%.*s\" in %s (did you mean \"%s\"?)",
				   SV_ARG(text), block->name, near);
	return decode_fail(d, key, "unknown key \"%.*s\" in %s", SV_ARG(text), block->name);
}

/* Empty, zero or false: what a key that is not built may hold. */
static bool is_harmless(const struct schema_entry *e, const struct yaml_node *node)
{
	if (node->kind == YAML_NULL)
		return true;
	if (e->kind == SCHEMA_ANY)
		return node->kind == YAML_SEQ && node->n == 0;
	switch (node->kind) {
	case YAML_BOOL:
		return !node->boolean;
	case YAML_INT:
		return node->integer == 0;
	case YAML_FLOAT:
		return node->number == 0;
	case YAML_STRING:
		return node->text.len == 0;
	default:
		return node->n == 0;
	}
}

static int not_a_list(struct decode *d, const struct schema_entry *e, const struct yaml_node *node)
{
	return decode_fail(d, node, "\"%s\": expected %s, found %s", e->key,
			   schema_kind_text(e->kind), yaml_kind_name(node->kind));
}

/* What a key that is not kept may hold. */
static int check_kind(struct decode *d, const struct schema_entry *e, const struct yaml_node *node)
{
	union {
		struct sv text;
		bool boolean;
		uint64_t integer;
		int64_t duration;
		double number;
		int word;
	} nowhere;
	struct sv *list;
	size_t n;
	if (e->kind == SCHEMA_STRINGS)
		return decode_strings(d, e, node, &list, &n);
	if (e->kind == SCHEMA_BLOCKS)
		return node->kind == YAML_SEQ || node->kind == YAML_NULL ? 0
									 : not_a_list(d, e, node);
	return decode_scalar(d, e, node, &nowhere);
}

/* Keys that are refused when they say something: their type is checked all the same. */
static int check_only(struct decode *d, const struct schema_block *block,
		      const struct schema_entry *e, const struct yaml_pair *pair)
{
	int r = check_kind(d, e, pair->value);
	if (r != 0 || is_harmless(e, pair->value))
		return r;
	switch (e->status) {
	case SCHEMA_SERVER:
		return decode_fail(d, pair->key, "field %s is not allowed in agent mode",
				   block == &schema_file ? e->key : block->name);
	case SCHEMA_REF:
		return decode_fail(d, pair->key, "\"%s\": cannot use secret ref without manager",
				   e->key);
	default:
		return decode_fail(d, pair->key,
				   "\"%s\" in %s is not built yet: take it out of the file to go "
				   "without",
				   e->key, block->name);
	}
}

static int decode_blocks(struct decode *d, const struct schema_entry *e,
			 const struct yaml_node *node, void *out, size_t *n)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_SEQ)
		return not_a_list(d, e, node);
	char *v = arena_calloc(d->temp, node->n ? node->n : 1, e->block->size);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];
		if (item->kind == YAML_NULL)
			return decode_fail(d, item, "empty or null element in \"%s\"", e->key);
		decode_defaults(e->block, v + i * e->block->size);
		int r = decode_block(d, e->block, item, v + i * e->block->size);
		if (r != 0)
			return r;
	}
	*(void **)out = v;
	*n = node->n;
	return 0;
}

/* A mapping of blocks: the key goes into the struct sv that the block's struct begins with. */
static int decode_named_blocks(struct decode *d, const struct schema_entry *e,
			       const struct yaml_node *node, void *out, size_t *n)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return not_a_list(d, e, node);
	char *v = arena_calloc(d->keep, node->n ? node->n : 1, e->block->size);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		char *item = v + i * e->block->size;
		struct sv name = arena_dup(d->keep, node->pairs[i].key->text);
		if (!name.ptr)
			return decode_fail_memory(d, node);
		*(struct sv *)(void *)item = name;
		int r = decode_block(d, e->block, node->pairs[i].value, item);
		if (r != 0)
			return r;
	}
	*(void **)out = v;
	*n = node->n;
	return 0;
}

static int decode_entry(struct decode *d, const struct schema_entry *e,
			const struct yaml_node *node, char *out)
{
	void *field = e->offset == SCHEMA_NOWHERE ? NULL : out + e->offset;
	size_t *count = (size_t *)(void *)(out + e->count);
	if (e->has_given)
		*(bool *)(out + e->given) = node->kind != YAML_NULL || e->kind == SCHEMA_STRING;
	switch (e->kind) {
	case SCHEMA_STRINGS:
	case SCHEMA_SECRETS:
	case SCHEMA_PATHS:
		return decode_strings(d, e, node, field, count);
	case SCHEMA_PORTS:
		return decode_ports(d, e, node, field, count);
	case SCHEMA_MAP:
		return decode_map(d, e, node, field, count);
	case SCHEMA_LISTS:
		return decode_lists(d, e, node, field, count);
	case SCHEMA_SECRET_LISTS:
		return decode_secret_lists(d, e, node, field, count);
	case SCHEMA_JSON_MAP:
		return decode_json_map(d, e, node, field, count);
	case SCHEMA_BLOCK:
		return decode_block(d, e->block, node, field);
	case SCHEMA_BLOCKS:
		return decode_blocks(d, e, node, field, count);
	case SCHEMA_NAMED_BLOCKS:
		return decode_named_blocks(d, e, node, field, count);
	default:
		return decode_scalar(d, e, node, field);
	}
}

static int decode_pair(struct decode *d, const struct schema_block *block,
		       const struct yaml_pair *pair, char *out)
{
	const struct schema_entry *e = find_entry(block, pair->key->text);
	if (!e && block->inlined) {
		e = find_entry(block->inlined, pair->key->text);
		out += block->inlined_offset;
	}
	if (!e)
		return unknown_key(d, block, pair->key);
	if (e->status != SCHEMA_BUILT && e->status != SCHEMA_NO_EFFECT)
		return check_only(d, block, e, pair);
	int r = decode_entry(d, e, pair->value, out);
	if (r != 0 || e->status == SCHEMA_BUILT)
		return r;
	return decode_warn(d, pair->key, e, "\"%s\" in %s has no effect in this agent", e->key,
			   block->name);
}

int decode_block(struct decode *d, const struct schema_block *block, const struct yaml_node *node,
		 void *out)
{
	if (block->node != SCHEMA_NOWHERE)
		*(const struct yaml_node **)(void *)((char *)out + block->node) = node;
	if (!node || node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return decode_fail(d, node, "%s: expected a mapping, found %s", block->name,
				   yaml_kind_name(node->kind));
	int r = 0;
	for (size_t i = 0; r == 0 && i < node->n; i++)
		r = decode_pair(d, block, &node->pairs[i], out);
	return r;
}
