/* The effective configuration as YAML, from the structs that the checks have filled in.
 *
 * It differs from what Prometheus shows in this: runtime, storage, tracing and otlp, which are
 * without effect, are left out and the block ampagent is added; a "$" in an external label is
 * doubled, as it would be expanded again; retry_on_http_429 is shown when it is in the file, as its
 * default is another, and service_name is always shown; text of several lines is quoted and long
 * text not folded; a size has one unit, the largest that leaves a whole number; claims are shown as
 * JSON; an empty regex is ""; zero is shown where the default is not zero.
 */
#include "shown.h"

#include "schema.h"

#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SCALAR_TEXT_MAX = NUMBER_MAX + DURATION_MAX, /* either fits */
	SIMPLE_KEY_MAX = 1000, /* a longer key needs YAML's other form; libyaml's limit is 1024 */
};

struct shown {
	struct buf *out;
	int depth;
	bool dash; /* the next line begins an element of a list */
};

static void begin_line(struct shown *s)
{
	for (int i = s->dash ? 1 : 0; i < s->depth; i++)
		buf_sv(s->out, SV("  "));
	if (s->dash)
		buf_sv(s->out, SV("- "));
	s->dash = false;
}

static void show_key(struct shown *s, struct sv key)
{
	begin_line(s);
	size_t start = s->out->len;
	shown_scalar(s->out, key);
	if (s->out->len - start > SIMPLE_KEY_MAX && !buf_failed(s->out)) {
		s->out->len = start;
		buf_sv(s->out, SV("? "));
		shown_scalar(s->out, key);
		buf_char(s->out, '\n');
		begin_line(s);
	}
	buf_char(s->out, ':');
}

static void show_value(struct shown *s, struct sv text)
{
	buf_char(s->out, ' ');
	shown_scalar(s->out, text);
	buf_char(s->out, '\n');
}

/* ---- what is zero, as Go sees it ---- */

static bool is_zero(const struct schema_entry *e, const char *value);

static bool is_kept(const struct schema_entry *e)
{
	return e->status <= SCHEMA_NO_EFFECT && e->offset != SCHEMA_NOWHERE;
}

static bool block_is_zero(const struct schema_block *block, const char *value)
{
	for (const struct schema_entry *e = block->entries; e->key; e++)
		if (is_kept(e) && !is_zero(e, value))
			return false;
	return !block->inlined || block_is_zero(block->inlined, value + block->inlined_offset);
}

static bool is_zero(const struct schema_entry *e, const char *value)
{
	const void *field = value + e->offset;
	switch (e->kind) {
	case SCHEMA_BOOL:
		return !*(const bool *)field;
	case SCHEMA_DURATION:
	case SCHEMA_SIZE:
	case SCHEMA_UINT:
	case SCHEMA_INT:
		return *(const uint64_t *)field == 0;
	case SCHEMA_FLOAT:
		return fpclassify(*(const double *)field) == FP_ZERO;
	case SCHEMA_WORD:
		/* The action of a relabel rule is always there: its word 0 is no empty one. */
		return *(const int *)field == 0;
	case SCHEMA_BLOCK:
		if (e->has_given)
			return !*(const bool *)(value + e->given);
		return block_is_zero(e->block, field);
	case SCHEMA_STRINGS:
	case SCHEMA_SECRETS:
	case SCHEMA_PATHS:
	case SCHEMA_PORTS:
	case SCHEMA_MAP:
	case SCHEMA_LISTS:
	case SCHEMA_SECRET_LISTS:
	case SCHEMA_JSON_MAP:
	case SCHEMA_BLOCKS:
	case SCHEMA_NAMED_BLOCKS:
		return *(const size_t *)(const void *)(value + e->count) == 0;
	default:
		return ((const struct sv *)field)->len == 0;
	}
}

/* ---- scalars and their lists ---- */

/* The largest unit that leaves a whole number. */
static void size_text(char *text, size_t room, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t i = 0;
	while (bytes > 0 && bytes % 1024 == 0 && i + 1 < sizeof units / sizeof *units) {
		bytes /= 1024;
		i++;
	}
	snprintf(text, room, "%" PRIu64 "%s", bytes, units[i]);
}

static void show_float(struct shown *s, double v)
{
	char text[NUMBER_MAX];
	if (isinf(v)) {
		buf_sv(s->out, v > 0 ? SV(" .inf\n") : SV(" -.inf\n"));
	} else if (isnan(v)) {
		buf_sv(s->out, SV(" .nan\n"));
	} else {
		number_format(text, v);
		buf_printf(s->out, " %s\n", text);
	}
}

static void show_scalar(struct shown *s, const struct schema_entry *e, const void *field)
{
	char text[SCALAR_TEXT_MAX];
	switch (e->kind) {
	case SCHEMA_BOOL:
		buf_printf(s->out, " %s\n", *(const bool *)field ? "true" : "false");
		return;
	case SCHEMA_DURATION:
		buf_printf(s->out, " %s\n", duration_format(text, *(const int64_t *)field));
		return;
	case SCHEMA_SIZE:
		size_text(text, sizeof text, *(const uint64_t *)field);
		buf_printf(s->out, " %s\n", text);
		return;
	case SCHEMA_UINT:
		buf_printf(s->out, " %" PRIu64 "\n", *(const uint64_t *)field);
		return;
	case SCHEMA_INT:
		buf_printf(s->out, " %" PRId64 "\n", *(const int64_t *)field);
		return;
	case SCHEMA_FLOAT:
		show_float(s, *(const double *)field);
		return;
	case SCHEMA_WORD:
		show_value(s, sv_of(e->words[*(const int *)field]));
		return;
	case SCHEMA_SECRET:
		buf_sv(s->out, SV(" <secret>\n"));
		return;
	case SCHEMA_URL:
		buf_char(s->out, ' ');
		shown_url(s->out, *(const struct sv *)field);
		buf_char(s->out, '\n');
		return;
	default:
		show_value(s, *(const struct sv *)field);
	}
}

static void show_strings(struct shown *s, const struct sv *v, size_t n, bool secret)
{
	if (n == 0) {
		buf_sv(s->out, SV(" []\n"));
		return;
	}
	buf_char(s->out, '\n');
	s->depth++;
	for (size_t i = 0; i < n; i++) {
		s->dash = true;
		begin_line(s);
		if (secret)
			buf_sv(s->out, SV("<secret>"));
		else
			shown_scalar(s->out, v[i]);
		buf_char(s->out, '\n');
	}
	s->depth--;
}

static void show_ports(struct shown *s, const uint64_t *v, size_t n)
{
	buf_sv(s->out, n == 0 ? SV(" []\n") : SV("\n"));
	s->depth++;
	for (size_t i = 0; i < n; i++) {
		s->dash = true;
		begin_line(s);
		buf_printf(s->out, "%" PRIu64 "\n", v[i]);
	}
	s->depth--;
}

/* On one line, as Prometheus writes source_labels. */
static void show_flow(struct shown *s, const struct sv *v, size_t n)
{
	buf_sv(s->out, SV(" ["));
	for (size_t i = 0; i < n; i++) {
		size_t start = s->out->len;
		shown_scalar(s->out, v[i]);
		struct sv one = sv_make(s->out->ptr + start, s->out->len - start);
		/* Here these would end the element; elsewhere they are plain. */
		bool quote = false;
		for (size_t k = 0; !buf_failed(s->out) && sv_eq(one, v[i]) && k < one.len; k++)
			quote = quote || strchr(",[]{}?:", one.ptr[k]);
		if (quote) {
			s->out->len = start;
			shown_quoted(s->out, v[i]);
		}
		if (i + 1 < n)
			buf_sv(s->out, SV(", "));
	}
	buf_sv(s->out, SV("]\n"));
}

/* ---- maps, by name ---- */

static int by_name(const void *a, const void *b)
{
	const struct sv *const *x = a, *const *y = b;
	return sv_cmp(**x, **y);
}

/* The elements of an array in the order of the names they begin with; NULL without memory. */
static const struct sv **sorted(struct shown *s, const void *v, size_t n, size_t size)
{
	const struct sv **order = calloc(n + 1, sizeof(struct sv *));
	if (!order) {
		s->out->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = (const struct sv *)(const void *)((const char *)v + i * size);
	qsort(order, n, sizeof *order, by_name);
	return order;
}

/* JSON as YAML reads it: what JSON leaves as it is, YAML may refuse. */
static void show_json(struct shown *s, struct sv json)
{
	buf_char(s->out, ' ');
	for (size_t i = 0; i < json.len; i++) {
		if ((unsigned char)json.ptr[i] == 0x7f)
			buf_sv(s->out, SV("\\u007f"));
		else
			buf_char(s->out, json.ptr[i]);
	}
	buf_char(s->out, '\n');
}

static void show_block(struct shown *s, const struct schema_block *block, const char *value);

static size_t element_size(const struct schema_entry *e)
{
	switch (e->kind) {
	case SCHEMA_MAP:
		return sizeof(struct raw_pair);
	case SCHEMA_LISTS:
		return sizeof(struct scrape_param);
	case SCHEMA_SECRET_LISTS:
		return sizeof(struct http_header_option);
	case SCHEMA_JSON_MAP:
		return sizeof(struct http_pair);
	default:
		return e->block->size;
	}
}

/* A value in which variables would be expanded again. */
static void show_expanded(struct shown *s, struct sv text)
{
	_cleanup_(buf_deinit) struct buf doubled = BUF_NULL;
	buf_init(&doubled, 2 * text.len + 1);
	for (size_t i = 0; i < text.len; i++)
		buf_append(&doubled, text.ptr[i] == '$' ? "$$" : text.ptr + i,
			   text.ptr[i] == '$' ? 2 : 1);
	show_value(s, buf_view(&doubled));
}

/* The value of one element of a map, after its name. */
static void show_element(struct shown *s, const struct schema_entry *e, const struct sv *name)
{
	const void *element = name;
	switch (e->kind) {
	case SCHEMA_MAP:
		if (strcmp(e->key, "external_labels") == 0)
			show_expanded(s, ((const struct raw_pair *)element)->value);
		else
			show_value(s, ((const struct raw_pair *)element)->value);
		break;
	case SCHEMA_LISTS:
		show_strings(s, ((const struct scrape_param *)element)->values,
			     ((const struct scrape_param *)element)->n_values, false);
		break;
	case SCHEMA_SECRET_LISTS:
		show_strings(s, ((const struct http_header_option *)element)->secrets,
			     ((const struct http_header_option *)element)->n_secrets, true);
		break;
	case SCHEMA_JSON_MAP:
		show_json(s, ((const struct http_pair *)element)->value);
		break;
	default:
		show_block(s, e->block, element);
	}
}

static void show_map(struct shown *s, const struct schema_entry *e, const void *v, size_t n)
{
	_cleanup_(freep) const struct sv **order = sorted(s, v, n, element_size(e));
	buf_char(s->out, '\n');
	s->depth++;
	for (size_t i = 0; order && i < n; i++) {
		show_key(s, *order[i]);
		show_element(s, e, order[i]);
	}
	s->depth--;
}

/* ---- blocks ---- */

static void show_block_keys(struct shown *s, const struct schema_block *block, const char *value);

/* Elements of a list of blocks. */
static void show_blocks(struct shown *s, const struct schema_entry *e, const char *v, size_t n)
{
	buf_char(s->out, '\n');
	for (size_t i = 0; i < n; i++) {
		s->depth++;
		s->dash = true;
		size_t before = s->out->len;
		const struct schema_block *block = e->block;
		show_block_keys(s, block, v + i * block->size);
		if (s->out->len == before) {
			begin_line(s);
			buf_sv(s->out, SV("{}\n"));
		}
		s->dash = false;
		s->depth--;
	}
}

static void show_entry(struct shown *s, const struct schema_entry *e, const char *value)
{
	const void *field = value + e->offset;
	size_t n = e->count ? *(const size_t *)(const void *)(value + e->count) : 0;
	show_key(s, sv_of(e->key));
	switch (e->kind) {
	case SCHEMA_STRINGS:
	case SCHEMA_SECRETS:
	case SCHEMA_PATHS:
		if (strcmp(e->key, "source_labels") == 0)
			show_flow(s, *(struct sv *const *)field, n);
		else
			show_strings(s, *(struct sv *const *)field, n, e->kind == SCHEMA_SECRETS);
		return;
	case SCHEMA_PORTS:
		show_ports(s, *(uint64_t *const *)field, n);
		return;
	case SCHEMA_MAP:
	case SCHEMA_LISTS:
	case SCHEMA_SECRET_LISTS:
	case SCHEMA_JSON_MAP:
	case SCHEMA_NAMED_BLOCKS:
		show_map(s, e, *(void *const *)field, n);
		return;
	case SCHEMA_BLOCKS:
		show_blocks(s, e, *(void *const *)field, n);
		return;
	case SCHEMA_BLOCK:
		show_block(s, e->block, field);
		return;
	default:
		show_scalar(s, e, field);
	}
}

/* A default that is not zero makes zero worth showing. */
static bool has_default(const struct schema_entry *e)
{
	return e->fallback && strcmp(e->fallback, "false") != 0 && strcmp(e->fallback, "0") != 0 &&
	       strcmp(e->fallback, "0s") != 0;
}

/* rule is the mark before the key in the order, or 0. */
static void consider(struct shown *s, const struct schema_entry *e, const char *value, char rule)
{
	if (!is_kept(e) || (rule == '?' && !*(const bool *)(value + e->given)))
		return;
	if (rule != 0 || has_default(e) || !is_zero(e, value))
		show_entry(s, e, value);
}

static const struct schema_entry *find(const struct schema_block *block, const char *key,
				       const char **value)
{
	for (const struct schema_entry *e = block->entries; e->key; e++)
		if (strcmp(e->key, key) == 0)
			return e;
	if (!block->inlined)
		return NULL;
	*value += block->inlined_offset;
	return find(block->inlined, key, value);
}

static bool is_ordered(const char *const *order, const char *key)
{
	for (; order && *order; order++)
		if (strcmp(*order + strspn(*order, "!?"), key) == 0)
			return true;
	return false;
}

static void show_block_keys(struct shown *s, const struct schema_block *block, const char *value)
{
	const char *const *order = shown_order(block);
	for (const char *const *key = order; key && *key; key++) {
		const char *v = value;
		size_t mark = strspn(*key, "!?");
		const struct schema_entry *e = find(block, *key + mark, &v);
		if (e)
			consider(s, e, v, mark ? **key : 0);
	}
	for (const struct schema_block *b = block; b; b = b->inlined) {
		for (const struct schema_entry *e = b->entries; e->key; e++)
			if (e->status == SCHEMA_BUILT && !is_ordered(order, e->key))
				consider(s, e, value, 0);
		value += b->inlined_offset;
	}
}

/* A mapping behind its key. */
static void show_block(struct shown *s, const struct schema_block *block, const char *value)
{
	buf_char(s->out, '\n');
	size_t before = s->out->len;
	s->depth++;
	show_block_keys(s, block, value);
	s->depth--;
	if (s->out->len == before && !buf_failed(s->out)) {
		s->out->len--;
		buf_sv(s->out, SV(" {}\n"));
	}
}

void shown_config(struct buf *out, const struct raw_config *raw)
{
	struct shown s = {.out = out};
	show_block_keys(&s, &schema_file, (const char *)raw);
}
