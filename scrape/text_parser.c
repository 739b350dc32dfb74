/* A hand-written form of Prometheus's text lexer: one function a token group, in page order. */
#include "text_parser.h"

#include <ampagent/base/text.h>

#define IS_ALPHA 1u
#define IS_DIGIT 2u
#define IS_COLON 4u

static const uint8_t char_class[256] = {
	['a' ... 'z'] = IS_ALPHA, ['A' ... 'Z'] = IS_ALPHA, ['_'] = IS_ALPHA,
	['0' ... '9'] = IS_DIGIT, [':'] = IS_COLON,
};

static bool is_class(char c, unsigned classes)
{
	return (char_class[(unsigned char)c] & classes) != 0;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static const char *skip_class(const char *p, unsigned classes)
{
	while (is_class(*p, classes))
		p++;
	return p;
}

/* Prometheus's lexer reads over the NULs behind each byte of a label value and of a comment. */
static const char *skip_nuls(const char *p)
{
	while (*p == '\0')
		p++;
	return p;
}

static const char *skip_blanks_and_nuls(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p = skip_nuls(p + 1);
	return p;
}

enum text_line text_next(const char **p, const char *end)
{
	const char *at = *p;
	for (;;) {
		if (at >= end)
			return TEXT_END;
		const char *token = skip_blanks(at);
		if (*token == '\n') {
			at = token + 1;
			continue;
		}
		if (*token == '\0')
			return TEXT_END;
		*p = *token == '#' ? token : at;
		return *token == '#' ? TEXT_COMMENT : TEXT_SERIES;
	}
}

/* A quoted string at p: returns the place after the closing quote. Newlines may stand inside, but
 * not right after a backslash. */
static const char *quoted_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			p = skip_nuls(p + 1);
			if (*p == '\n')
				return NULL;
		}
	}
	return NULL;
}

/* NULs behind the closing quote of a label value belong to it. */
static const char *value_end(const char *p, const char *end)
{
	p = quoted_end(p, end);
	return p ? skip_nuls(p) : NULL;
}

/* A quoted name, which may not hold a NUL (a label value may). */
static const char *quoted_name_end(const char *p, const char *end)
{
	const char *name_end = quoted_end(p, end);
	return name_end && !memchr(p, '\0', (size_t)(name_end - p)) ? name_end : NULL;
}

/* The place after a keyword and its blanks, NULL when it is not there. */
static const char *after_keyword(const char *p, const char *word)
{
	for (; *word; word++) {
		if (*p != *word)
			return NULL;
		p = skip_nuls(p + 1);
	}
	return *p == ' ' || *p == '\t' ? skip_blanks_and_nuls(p) : NULL;
}

static int meta_type(struct sv text, enum metric_type *out)
{
	static const struct {
		struct sv name;
		enum metric_type type;
	} types[] = {
		{SV("counter"), METRIC_COUNTER},     {SV("gauge"), METRIC_GAUGE},
		{SV("histogram"), METRIC_HISTOGRAM}, {SV("summary"), METRIC_SUMMARY},
		{SV("untyped"), METRIC_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (sv_eq(types[i].name, text)) {
			*out = types[i].type;
			return 0;
		}
	}
	return 1;
}

/* HELP and TYPE after their keyword: family name, then one byte that is skipped, then the text. */
static const char *meta_rest(const char *p, const char *end, struct text_meta *out, struct err *err)
{
	const char *name = p;
	if (*p == '"') {
		p = quoted_name_end(p, end);
		if (!p) {
			err_set(err, 1, "metric name in a comment has no closing quote, or a NUL");
			return NULL;
		}
		out->family = sv_make(name + 1, (size_t)(p - name) - 2);
	} else {
		if (is_class(*p, IS_ALPHA | IS_COLON))
			p = skip_class(p, IS_ALPHA | IS_COLON | IS_DIGIT);
		out->family = sv_make(name, (size_t)(p - name));
	}
	if (p == name || *p == '\0') {
		err_set(err, 1, "expected a metric name after %s",
			out->kind == TEXT_META_HELP ? "HELP" : "TYPE");
		return NULL;
	}
	const char *newline = memchr(p, '\n', (size_t)(end - p));
	bool empty = skip_blanks_and_nuls(p) == newline;
	struct sv text = empty ? SV("") : sv_make(p + 1, (size_t)(newline - p) - 1);
	if (out->kind == TEXT_META_TYPE && meta_type(text, &out->type) != 0) {
		err_set(err, 1, "invalid metric type \"%.*s\"",
			(int)(text.len < 64 ? text.len : 64), text.ptr);
		return NULL;
	}
	if (out->kind == TEXT_META_HELP && !utf8_valid(text)) {
		err_set(err, 1, "help text is not valid UTF-8");
		return NULL;
	}
	out->help = text;
	return newline + 1;
}

const char *text_comment(const char *p, const char *end, struct text_meta *out, struct err *err)
{
	*out = (struct text_meta){.kind = TEXT_META_NONE};
	const char *word = skip_blanks(p + 1);
	const char *help = word > p + 1 ? after_keyword(word, "HELP") : NULL;
	const char *type = word > p + 1 ? after_keyword(word, "TYPE") : NULL;
	if (help || type) {
		out->kind = help ? TEXT_META_HELP : TEXT_META_TYPE;
		return meta_rest(help ? help : type, end, out, err);
	}

	/* A NUL is looked for only where Prometheus's lexer has not yet passed the blanks. */
	const char *newline = memchr(p, '\n', (size_t)(end - p));
	bool ends = word == p + 1 ? memchr(p, '\0', (size_t)(newline - p)) != NULL : *word == '\0';
	if (ends) {
		out->kind = TEXT_META_END;
		return end;
	}
	return newline + 1;
}

static const char *series_error(struct err *err, const char *what)
{
	err_set(err, 1, "%s", what);
	return NULL;
}

/* One label, or the quoted metric name, from its first byte to before a comma or brace. */
static const char *label_item(const char *p, const char *end, bool *has_name, struct err *err)
{
	bool quoted = *p == '"';
	const char *start = p;
	if (quoted)
		p = quoted_name_end(p, end);
	else if (is_class(*p, IS_ALPHA))
		p = skip_class(p, IS_ALPHA | IS_DIGIT);
	if (!p || p == start)
		return series_error(err, "expected a label name");
	p = skip_blanks(p);
	if (*p == ',' || *p == '}') {
		if (!quoted)
			return series_error(err, "expected '=' after a label name");
		if (*has_name)
			return series_error(err, "metric name already set");
		*has_name = true;
		return p;
	}
	if (*p != '=')
		return series_error(err, "expected '=' after a label name");
	p = skip_blanks_and_nuls(p + 1);
	start = p;
	p = *p == '"' ? value_end(p, end) : NULL;
	if (!p)
		return series_error(err, "expected a quoted label value");
	if (!utf8_valid(sv_make(start, (size_t)(p - start))))
		return series_error(err, "label value is not valid UTF-8");
	return skip_blanks(p);
}

const char *text_series(const char *p, const char *end, struct err *err)
{
	p = skip_blanks(p);
	bool has_name = is_class(*p, IS_ALPHA | IS_COLON);
	const char *name_end = p;
	if (has_name) {
		name_end = skip_class(p, IS_ALPHA | IS_COLON | IS_DIGIT);
		p = skip_blanks(name_end);
		if (*p != '{')
			return name_end;
	} else if (*p != '{') {
		return series_error(err, "expected a metric name, a comment or a blank line");
	}
	p = skip_blanks(p + 1);
	while (*p != '}') {
		p = label_item(p, end, &has_name, err);
		if (!p)
			return NULL;
		/* A comma is optional between labels (Prometheus's lexer forgives it) and may
		 * trail. */
		if (*p == ',')
			p = skip_blanks(p + 1);
	}
	if (!has_name)
		return series_error(err, "metric name not set");
	return p + 1;
}

bool text_name_ends(const char *p)
{
	return !is_class(*p, IS_ALPHA | IS_COLON | IS_DIGIT) && *skip_blanks(p) != '{';
}

const char *text_sample(const char *p, const char *end, struct text_sample *out, struct err *err)
{
	p = skip_blanks(p);
	const char *start = p;
	while (*p != ' ' && *p != '\t' && *p != '\n' && *p != '{')
		p++;
	if (p == start)
		return series_error(err, "expected a value after the metric");
	if (number_parse(sv_make(start, (size_t)(p - start)), &out->bits) != 0) {
		err_set(err, 1, "invalid value \"%.*s\"", (int)(p - start < 64 ? p - start : 64),
			start);
		return NULL;
	}
	out->has_time = false;
	if (*p == '\n')
		return p + 1;
	p = skip_blanks(p);
	if (*p == '\n')
		return p + 1;
	start = p;
	p = skip_class(p, IS_DIGIT);
	if (p == start)
		return series_error(err, "expected a timestamp or a new line");
	if (sv_to_i64(sv_make(start, (size_t)(p - start)), &out->t_ms) != 0)
		return series_error(err, "timestamp out of range");
	out->has_time = true;
	p = skip_blanks(p);
	if (*p != '\n')
		return series_error(err, "expected a new line after the timestamp");
	return p + 1;
}

struct sv text_unescape(struct arena *arena, struct sv s, bool quote)
{
	if (sv_find(s, '\\') == s.len)
		return s;
	char *dst = arena_alloc(arena, s.len);
	if (!dst)
		return SV_NULL;
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		char next = i + 1 < s.len ? s.ptr[i + 1] : '\0';
		if (s.ptr[i] == '\\' && (next == '\\' || next == 'n' || (quote && next == '"'))) {
			dst[n++] = next == 'n' ? '\n' : next;
			i++;
		} else {
			dst[n++] = s.ptr[i];
		}
	}
	return sv_make(dst, n);
}

static struct sv canonical_bound(struct arena *arena, struct sv value)
{
	uint64_t bits;
	if (number_parse_go(value, &bits) != 0)
		return value;
	char text[NUMBER_MAX];
	size_t n = number_format_openmetrics(text, double_of_bits(bits));
	return arena_dup(arena, sv_make(text, n));
}

/* The label value at p without quotes; where it ends. */
static const char *value_token(const char *p, const char *end, struct sv *text)
{
	const char *start = p;
	p = value_end(p, end);
	*text = sv_make(start + 1, (size_t)(p - start) - 2);
	return skip_blanks(p);
}

/* The same for a name, quoted or bare. */
static const char *name_token(const char *p, const char *end, struct sv *text)
{
	const char *start = p;
	if (*p == '"') {
		p = quoted_end(p, end);
		*text = sv_make(start + 1, (size_t)(p - start) - 2);
	} else {
		p = skip_class(p, IS_ALPHA | IS_DIGIT);
		*text = sv_make(start, (size_t)(p - start));
	}
	return skip_blanks(p);
}

int text_labels(struct sv series, enum metric_type type, struct label_builder *b)
{
	const char *end = series.ptr + series.len;
	const char *p = skip_blanks(series.ptr);
	size_t name_slot = b->n;
	label_builder_push(b, LABEL_NAME, SV(""));
	struct sv name = SV("");
	if (*p != '{') {
		const char *name_end = p;
		while (name_end < end && is_class(*name_end, IS_ALPHA | IS_COLON | IS_DIGIT))
			name_end++;
		/* Leading blanks are part of the name, as they are for Prometheus. */
		name = sv_make(series.ptr, (size_t)(name_end - series.ptr));
		p = name_end < end ? skip_blanks(name_end) : end;
	}
	for (p = p < end ? skip_blanks(p + 1) : end; p < end && *p != '}';) {
		struct sv label, value;
		p = name_token(p, end, &label);
		label = text_unescape(b->arena, label, true);
		if (*p == '=') {
			p = value_token(skip_blanks_and_nuls(p + 1), end, &value);
			value = text_unescape(b->arena, value, true);
			if ((type == METRIC_HISTOGRAM && sv_eq(label, SV("le"))) ||
			    (type == METRIC_SUMMARY && sv_eq(label, SV("quantile"))))
				value = canonical_bound(b->arena, value);
			label_builder_push(b, label, value);
		} else {
			name = label;
		}
		if (*p == ',')
			p = skip_blanks(p + 1);
	}
	if (b->failed)
		return ERR_NOMEM;
	b->v[name_slot].value = name;
	return 0;
}
