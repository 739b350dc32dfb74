/* The schema read the other way: from C structs to text. */
#include "render.h"

#include "decode.h"
#include "raw.h"
#include "shown.h"

#include <ampagent/base/json.h>
#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

#include <inttypes.h>

enum { SCALAR_TEXT_MAX = NUMBER_MAX + DURATION_MAX }; /* either fits */

/* Any scalar field. */
union scalar {
	struct sv text;
	bool boolean;
	uint64_t integer;
	int64_t duration;
	double number;
	int word;
};

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_sv(out, SV("  "));
}

static void start_key(struct buf *out, int depth, struct sv key)
{
	indent(out, depth);
	buf_sv(out, key);
	buf_char(out, ':');
}

static void render_url(struct buf *out, struct sv url)
{
	_cleanup_(buf_deinit) struct buf masked = BUF_NULL;
	json_quote(out, shown_url_masked(url, &masked));
}

static bool is_default(const struct schema_entry *e, const void *field)
{
	union scalar zero;
	memset(&zero, 0, sizeof zero);
	if (e->fallback)
		decode_fallback(e, &zero);
	switch (e->kind) {
	case SCHEMA_BOOL:
		return *(const bool *)field == zero.boolean;
	case SCHEMA_DURATION:
	case SCHEMA_SIZE:
	case SCHEMA_UINT:
		return *(const uint64_t *)field == zero.integer;
	case SCHEMA_FLOAT:
		return bits_of_double(*(const double *)field) == bits_of_double(zero.number);
	case SCHEMA_WORD:
		return *(const int *)field == zero.word;
	default:
		return sv_eq(*(const struct sv *)field, zero.text);
	}
}

static void render_scalar(struct buf *out, const struct schema_entry *e, const void *field)
{
	char text[SCALAR_TEXT_MAX];
	switch (e->kind) {
	case SCHEMA_BOOL:
		buf_printf(out, "%s", *(const bool *)field ? "true" : "false");
		break;
	case SCHEMA_DURATION:
		buf_printf(out, "%s", duration_format(text, *(const int64_t *)field));
		break;
	case SCHEMA_SIZE:
		buf_printf(out, "%" PRIu64 "B", *(const uint64_t *)field);
		break;
	case SCHEMA_UINT:
		buf_printf(out, "%" PRIu64, *(const uint64_t *)field);
		break;
	case SCHEMA_FLOAT:
		number_format(text, *(const double *)field);
		buf_printf(out, "%s", text);
		break;
	case SCHEMA_WORD:
		json_quote(out, sv_of(e->words[*(const int *)field]));
		break;
	case SCHEMA_SECRET:
		buf_sv(out, SV("<secret>"));
		break;
	case SCHEMA_URL:
		render_url(out, *(const struct sv *)field);
		break;
	default:
		json_quote(out, *(const struct sv *)field);
	}
}

static void render_strings(struct buf *out, const struct sv *v, size_t n, bool secret)
{
	buf_sv(out, SV(" ["));
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_sv(out, SV(", "));
		if (secret)
			buf_sv(out, SV("<secret>"));
		else
			json_quote(out, v[i]);
	}
	buf_sv(out, SV("]\n"));
}

static void render_ports(struct buf *out, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%" PRIu64, i == 0 ? " [" : ", ", v[i]);
	buf_sv(out, SV("]\n"));
}

static void render_map(struct buf *out, const struct raw_pair *v, size_t n, int depth)
{
	buf_char(out, '\n');
	for (size_t i = 0; i < n; i++) {
		indent(out, depth);
		json_quote(out, v[i].name);
		buf_sv(out, SV(": "));
		json_quote(out, v[i].value);
		buf_char(out, '\n');
	}
}

static void render_lists(struct buf *out, const struct scrape_param *v, size_t n, int depth)
{
	buf_char(out, '\n');
	for (size_t i = 0; i < n; i++) {
		indent(out, depth);
		json_quote(out, v[i].name);
		buf_char(out, ':');
		render_strings(out, v[i].values, v[i].n_values, false);
	}
}

static void render_at(struct buf *out, const struct schema_block *block, const char *value,
		      int depth);

/* Elements of a list or a mapping of blocks. */
static void render_blocks(struct buf *out, const struct schema_entry *e, const char *v, size_t n,
			  int depth)
{
	buf_char(out, '\n');
	for (size_t i = 0; i < n; i++) {
		const char *item = v + i * e->block->size;
		indent(out, depth);
		if (e->kind == SCHEMA_NAMED_BLOCKS) {
			json_quote(out, *(const struct sv *)(const void *)item);
			buf_sv(out, SV(":\n"));
		} else {
			buf_sv(out, SV("-\n"));
		}
		render_at(out, e->block, item, depth + 1);
	}
}

static void render_array(struct buf *out, const struct schema_entry *e, const char *value,
			 int depth)
{
	const void *v = *(void *const *)(const void *)(value + e->offset);
	size_t n = *(const size_t *)(const void *)(value + e->count);
	if (n == 0)
		return;
	start_key(out, depth, sv_of(e->key));
	if (e->kind == SCHEMA_MAP)
		render_map(out, v, n, depth + 1);
	else if (e->kind == SCHEMA_LISTS)
		render_lists(out, v, n, depth + 1);
	else if (e->kind == SCHEMA_BLOCKS || e->kind == SCHEMA_NAMED_BLOCKS)
		render_blocks(out, e, v, n, depth + 1);
	else if (e->kind == SCHEMA_PORTS)
		render_ports(out, v, n);
	else
		render_strings(out, v, n, e->kind == SCHEMA_SECRETS);
}

/* A block whose presence matters is named even when all in it is default. */
static void render_nested(struct buf *out, const struct schema_entry *e, const char *value,
			  int depth)
{
	bool given = e->has_given && *(const bool *)(value + e->given);
	if (e->has_given && !given)
		return;
	size_t before = out->len;
	start_key(out, depth, sv_of(e->key));
	buf_char(out, '\n');
	size_t named = out->len;
	render_at(out, e->block, value + e->offset, depth + 1);
	if (out->len == named && !given && !buf_failed(out))
		out->len = before;
}

static void render_entry(struct buf *out, const struct schema_entry *e, const char *value,
			 int depth)
{
	switch (e->kind) {
	case SCHEMA_STRINGS:
	case SCHEMA_SECRETS:
	case SCHEMA_PATHS:
	case SCHEMA_PORTS:
	case SCHEMA_MAP:
	case SCHEMA_LISTS:
	case SCHEMA_BLOCKS:
	case SCHEMA_NAMED_BLOCKS:
		render_array(out, e, value, depth);
		return;
	case SCHEMA_BLOCK:
		render_nested(out, e, value, depth);
		return;
	default:
		break;
	}
	if (is_default(e, value + e->offset))
		return;
	start_key(out, depth, sv_of(e->key));
	buf_char(out, ' ');
	render_scalar(out, e, value + e->offset);
	buf_char(out, '\n');
}

static void render_at(struct buf *out, const struct schema_block *block, const char *value,
		      int depth)
{
	for (const struct schema_entry *e = block->entries; e->key; e++)
		if (e->status == SCHEMA_BUILT && e->offset != SCHEMA_NOWHERE)
			render_entry(out, e, value, depth);
	if (block->inlined)
		render_at(out, block->inlined, value + block->inlined_offset, depth);
}

void render_block(struct buf *out, const struct schema_block *block, const void *value)
{
	render_at(out, block, value, 0);
}
