/* Scalars and their lists and maps: what may stand for which type follows go-yaml v2.
 *
 * A string takes any scalar as written, null as "". Other types take null as their zero value,
 * which for honor_timestamps and the like is not the default, as in Prometheus. Values are never
 * repeated in messages where they may be secrets.
 */
#include "decode.h"
#include "paths.h"
#include "raw.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

enum { SHOWN_MAX = 60 }; /* bytes of a value in a message */

static struct sv shown(struct sv s)
{
	return s.len > SHOWN_MAX ? sv_make(s.ptr, SHOWN_MAX) : s;
}

static bool is_scalar(const struct yaml_node *node)
{
	return node->kind != YAML_SEQ && node->kind != YAML_MAP;
}

static int wrong_kind(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		      const char *wanted)
{
	return decode_fail(d, node, "\"%s\": expected %s, found %s", e->key, wanted,
			   yaml_kind_name(node->kind));
}

static int decode_text(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		       struct sv *out)
{
	if (!is_scalar(node))
		return wrong_kind(d, e, node, "string");
	*out = SV_NULL;
	if (node->kind == YAML_NULL || node->text.len == 0)
		return 0;
	*out = arena_dup(d->keep, node->text);
	return out->ptr ? 0 : decode_fail_memory(d, node);
}

/* Remembers that the file is read some day. */
static int note_file(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		     struct sv name)
{
	struct decode_file *f = arena_alloc(d->temp, sizeof *f);
	if (!f)
		return decode_fail_memory(d, node);
	*f = (struct decode_file){
		.key = e->key, .name = name, .path = d->path, .line = node->line, .col = node->col};
	*d->last_file = f;
	d->last_file = &f->next;
	return 0;
}

static int decode_path(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		       struct sv *out)
{
	int r = decode_text(d, e, node, out);
	if (r != 0 || out->len == 0)
		return r;
	if (sv_find(*out, '\0') != out->len)
		return decode_fail(d, node, "\"%s\": a file name cannot contain a NUL byte",
				   e->key);
	if (paths_join(d->keep, d->dir, *out, out) != 0)
		return decode_fail_memory(d, node);
	return e->is_read ? note_file(d, e, node, *out) : 0;
}

static int decode_duration(struct decode *d, const struct schema_entry *e,
			   const struct yaml_node *node, int64_t *out)
{
	*out = 0;
	if (!is_scalar(node))
		return wrong_kind(d, e, node, "duration");
	if (node->kind != YAML_NULL && duration_parse(node->text, out) != 0)
		return decode_fail(d, node,
				   "\"%s\": \"%.*s\" is not a duration (units y w d h m s ms in "
				   "this order, such as 1m30s)",
				   e->key, SV_ARG(shown(node->text)));
	if (e->positive && *out == 0)
		return decode_fail(d, node, "\"%s\" must be positive", e->key);
	return 0;
}

static int decode_size(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		       uint64_t *out)
{
	*out = 0;
	if (!is_scalar(node))
		return wrong_kind(d, e, node, "size");
	if (node->kind != YAML_NULL && size_parse(node->text, out) != 0)
		return decode_fail(d, node,
				   "\"%s\": \"%.*s\" is not a size (a number and a unit B, KB, MB, "
				   "GB, TB, PB or EB, such as 10MB)",
				   e->key, SV_ARG(shown(node->text)));
	if (e->positive && *out == 0)
		return decode_fail(d, node, "\"%s\" must be positive", e->key);
	return 0;
}

static int decode_uint(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		       uint64_t *out)
{
	*out = 0;
	if (node->kind == YAML_INT && !node->negative)
		*out = node->integer;
	else if (node->kind == YAML_FLOAT && node->number >= 0 && node->number < 0x1p64)
		*out = (uint64_t)node->number;
	else if (node->kind == YAML_INT || node->kind == YAML_FLOAT)
		return decode_fail(d, node, "\"%s\" must not be negative or above 2^64 - 1",
				   e->key);
	else if (node->kind != YAML_NULL)
		return wrong_kind(d, e, node, "unsigned integer");
	if (e->positive && (*out == 0 || *out > INT64_MAX))
		return decode_fail(d, node, "\"%s\" must be positive and below 2^63", e->key);
	return 0;
}

static int decode_int(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		      int64_t *out)
{
	*out = 0;
	if (node->kind == YAML_INT && node->integer <= INT64_MAX)
		*out = node->negative ? -(int64_t)node->integer : (int64_t)node->integer;
	else if (node->kind == YAML_FLOAT && node->number > -0x1p63 && node->number < 0x1p63)
		*out = (int64_t)node->number;
	else if (node->kind == YAML_INT || node->kind == YAML_FLOAT)
		return decode_fail(d, node, "\"%s\" is outside the range of a number of 64 bits",
				   e->key);
	else if (node->kind != YAML_NULL)
		return wrong_kind(d, e, node, "integer");
	return 0;
}

static int decode_float(struct decode *d, const struct schema_entry *e,
			const struct yaml_node *node, double *out)
{
	*out = 0;
	if (node->kind == YAML_FLOAT)
		*out = node->number;
	else if (node->kind == YAML_INT)
		*out = node->negative ? -(double)node->integer : (double)node->integer;
	else if (node->kind != YAML_NULL)
		return wrong_kind(d, e, node, "number");
	return 0;
}

static int decode_bool(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		       bool *out)
{
	if (node->kind != YAML_BOOL && node->kind != YAML_NULL)
		return wrong_kind(d, e, node, "boolean");
	*out = node->kind == YAML_BOOL && node->boolean;
	return 0;
}

static int unknown_word(struct decode *d, const struct schema_entry *e,
			const struct yaml_node *node)
{
	const char *const *words = e->words[0][0] ? e->words : e->words + 1;
	const char *near = nearest_word(node->text, words);
	if (near)
		return decode_fail(d, node, "\"%s\": unknown value \"%.*s\" (did you mean \"%s\"?)",
				   e->key, SV_ARG(shown(node->text)), near);
	_cleanup_(buf_deinit) struct buf all = BUF_NULL;
	buf_init(&all, ERR_MSG_MAX);
	for (size_t i = 0; words[i]; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", words[i]);
	return decode_fail(d, node, "\"%s\": unknown value \"%.*s\" (one of %.*s)", e->key,
			   SV_ARG(shown(node->text)), SV_ARG(buf_view(&all)));
}

static int decode_word(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		       int *out)
{
	if (!is_scalar(node))
		return wrong_kind(d, e, node, "word");
	struct sv text = node->kind == YAML_NULL ? SV_NULL : node->text;
	for (int i = 0; e->words[i]; i++) {
		struct sv word = sv_of(e->words[i]);
		if (!sv_eq(text, word) && !(e->any_case && sv_eq_nocase(text, word)))
			continue;
		if (text.len == 0 && e->no_empty && node->kind != YAML_NULL)
			break;
		*out = i;
		return 0;
	}
	if (text.len == 0)
		return decode_fail(d, node, "\"%s\" cannot be empty", e->key);
	return unknown_word(d, e, node);
}

int decode_scalar(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		  void *field)
{
	switch (e->kind) {
	case SCHEMA_STRING:
	case SCHEMA_SECRET:
	case SCHEMA_URL:
		return decode_text(d, e, node, field);
	case SCHEMA_PATH:
		return decode_path(d, e, node, field);
	case SCHEMA_BOOL:
		return decode_bool(d, e, node, field);
	case SCHEMA_DURATION:
		return decode_duration(d, e, node, field);
	case SCHEMA_SIZE:
		return decode_size(d, e, node, field);
	case SCHEMA_UINT:
		return decode_uint(d, e, node, field);
	case SCHEMA_INT:
		return decode_int(d, e, node, field);
	case SCHEMA_FLOAT:
		return decode_float(d, e, node, field);
	case SCHEMA_WORD:
		return decode_word(d, e, node, field);
	default:
		return 0; /* SCHEMA_ANY: nothing to look at */
	}
}

int decode_strings(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		   struct sv **out, size_t *n)
{
	*out = NULL;
	*n = 0;
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_SEQ)
		return wrong_kind(d, e, node, "list of strings");
	struct sv *v = arena_calloc(d->keep, node->n ? node->n : 1, sizeof *v);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		int r = e->kind == SCHEMA_PATHS ? decode_path(d, e, node->items[i], &v[i])
						: decode_text(d, e, node->items[i], &v[i]);
		if (r != 0)
			return r;
	}
	*out = v;
	*n = node->n;
	return 0;
}

int decode_ports(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		 uint64_t **out, size_t *n)
{
	*out = NULL;
	*n = 0;
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_SEQ)
		return wrong_kind(d, e, node, "list of ports");
	uint64_t *v = arena_calloc(d->keep, node->n ? node->n : 1, sizeof *v);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];
		if (item->kind != YAML_INT)
			return wrong_kind(d, e, item, "port");
		if (item->negative || item->integer == 0 || item->integer > UINT16_MAX)
			return decode_fail(d, item, "\"%s\": a port is a number from 1 to 65535",
					   e->key);
		v[i] = item->integer;
	}
	*out = v;
	*n = node->n;
	return 0;
}

int decode_map(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
	       void *out, size_t *n)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return wrong_kind(d, e, node, "map of strings");
	struct raw_pair *v = arena_calloc(d->temp, node->n ? node->n : 1, sizeof *v);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		v[i].key = node->pairs[i].key;
		int r = decode_text(d, e, node->pairs[i].key, &v[i].name);
		if (r == 0)
			r = decode_text(d, e, node->pairs[i].value, &v[i].value);
		if (r != 0)
			return r;
	}
	*(struct raw_pair **)out = v;
	*n = node->n;
	return 0;
}

int decode_lists(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		 void *out, size_t *n)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return wrong_kind(d, e, node, "map of lists of strings");
	struct scrape_param *v = arena_calloc(d->keep, node->n ? node->n : 1, sizeof *v);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		int r = decode_text(d, e, node->pairs[i].key, &v[i].name);
		if (r == 0)
			r = decode_strings(d, e, node->pairs[i].value, &v[i].values,
					   &v[i].n_values);
		if (r != 0)
			return r;
	}
	*(struct scrape_param **)out = v;
	*n = node->n;
	return 0;
}

int decode_secret_lists(struct decode *d, const struct schema_entry *e,
			const struct yaml_node *node, void *out, size_t *n)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return wrong_kind(d, e, node, "map of lists of secrets");
	struct http_header_option *v = arena_calloc(d->keep, node->n ? node->n : 1, sizeof *v);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		int r = decode_text(d, e, node->pairs[i].key, &v[i].name);
		if (r == 0)
			r = decode_strings(d, e, node->pairs[i].value, &v[i].secrets,
					   &v[i].n_secrets);
		if (r != 0)
			return r;
	}
	*(struct http_header_option **)out = v;
	*n = node->n;
	return 0;
}

static void write_json(struct json_writer *w, const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_NULL:
		json_null(w);
		break;
	case YAML_BOOL:
		json_bool(w, node->boolean);
		break;
	case YAML_INT:
		if (node->negative)
			json_i64(w, (int64_t)(0 - node->integer));
		else
			json_u64(w, node->integer);
		break;
	case YAML_FLOAT:
		json_double(w, node->number);
		break;
	case YAML_STRING:
		json_string(w, node->text);
		break;
	case YAML_SEQ:
		json_begin_array(w);
		for (size_t i = 0; i < node->n; i++)
			write_json(w, node->items[i]);
		json_end_array(w);
		break;
	case YAML_MAP:
		json_begin_object(w);
		for (size_t i = 0; i < node->n; i++) {
			json_key(w, node->pairs[i].key->text);
			write_json(w, node->pairs[i].value);
		}
		json_end_object(w);
		break;
	}
}

int decode_json_map(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		    void *out, size_t *n)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return wrong_kind(d, e, node, "map");
	struct http_pair *v = arena_calloc(d->keep, node->n ? node->n : 1, sizeof *v);
	if (!v)
		return decode_fail_memory(d, node);
	for (size_t i = 0; i < node->n; i++) {
		_cleanup_(buf_deinit) struct buf text = BUF_NULL;
		buf_init(&text, LIMIT_CONFIG_BYTES);
		struct json_writer w = {&text, false};
		write_json(&w, node->pairs[i].value);
		v[i].name = arena_dup(d->keep, node->pairs[i].key->text);
		v[i].value = arena_dup(d->keep, buf_view(&text));
		if (buf_failed(&text) || !v[i].name.ptr || !v[i].value.ptr)
			return decode_fail_memory(d, node->pairs[i].value);
	}
	*(struct http_pair **)out = v;
	*n = node->n;
	return 0;
}

static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 0;
}

void decode_fallback(const struct schema_entry *e, void *field)
{
	struct sv text = sv_of(e->fallback);
	switch (e->kind) {
	case SCHEMA_BOOL:
		*(bool *)field = sv_eq(text, SV("true"));
		break;
	case SCHEMA_DURATION:
		(void)duration_parse(text, field);
		break;
	case SCHEMA_SIZE:
		(void)size_parse(text, field);
		break;
	case SCHEMA_UINT:
		(void)sv_to_u64(text, field);
		break;
	case SCHEMA_INT:
		(void)sv_to_i64(text, field);
		break;
	case SCHEMA_WORD:
		*(int *)field = word_index(e->words, e->fallback);
		break;
	default:
		*(struct sv *)field = text;
	}
}
