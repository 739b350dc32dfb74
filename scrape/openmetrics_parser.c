/* A hand-written form of Prometheus's OpenMetrics lexer and parser. */
#include "openmetrics_parser.h"

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

static const char *skip_class(const char *p, unsigned classes)
{
	while (is_class(*p, classes))
		p++;
	return p;
}

static const char *skip_nuls(const char *p, const char *end)
{
	while (p < end && *p == '\0')
		p++;
	return p;
}

static const char *broken(struct err *err, const char *what)
{
	err_set(err, 1, "%s", what);
	return NULL;
}

enum { MAY_HOLD_NEWLINE = 1, MAY_HOLD_NUL = 2 };

/* A quoted string at p: returns the place after the closing quote. What stands after a backslash is
 * neither a newline nor a NUL. */
static const char *quoted_end(const char *p, const char *end, unsigned may)
{
	for (p++; p < end; p++) {
		switch (*p) {
		case '"':
			return p + 1;
		case '\\':
			p++;
			if (p >= end || *p == '\n' || *p == '\0')
				return NULL;
			break;
		case '\n':
			if (!(may & MAY_HOLD_NEWLINE))
				return NULL;
			break;
		case '\0':
			if (!(may & MAY_HOLD_NUL))
				return NULL;
			break;
		default:
			break;
		}
	}
	return NULL;
}

/* ---- comments ---- */

/* The place after word, or NULL. Prometheus's lexer passes over NULs after each byte of it. */
static const char *after_word(const char *p, const char *end, struct sv word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (p >= end || *p != word.ptr[i])
			return NULL;
		p = skip_nuls(p + 1, end);
	}
	return p;
}

static int type_of(struct sv text, enum metric_type *out)
{
	static const struct {
		struct sv name;
		enum metric_type type;
	} types[] = {
		{SV("counter"), METRIC_COUNTER},     {SV("gauge"), METRIC_GAUGE},
		{SV("histogram"), METRIC_HISTOGRAM}, {SV("gaugehistogram"), METRIC_GAUGEHISTOGRAM},
		{SV("summary"), METRIC_SUMMARY},     {SV("info"), METRIC_INFO},
		{SV("stateset"), METRIC_STATESET},   {SV("unknown"), METRIC_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (sv_eq(types[i].name, text)) {
			*out = types[i].type;
			return 0;
		}
	}
	return 1;
}

static bool is_unit_of(struct sv unit, struct sv family)
{
	return unit.len == 0 || (family.len > unit.len && sv_ends_with(family, unit) &&
				 family.ptr[family.len - unit.len - 1] == '_');
}

/* The text of a metadata line, when its kind takes it. */
static int meta_text(struct text_meta *out, struct sv text, struct err *err)
{
	int shown = (int)(text.len < 64 ? text.len : 64);
	switch (out->kind) {
	case TEXT_META_TYPE:
		if (type_of(text, &out->type) != 0)
			return err_set(err, 1, "invalid metric type \"%.*s\"", shown, text.ptr);
		return 0;
	case TEXT_META_UNIT:
		out->unit = text;
		if (!is_unit_of(text, out->family))
			return err_set(err, 1, "unit \"%.*s\" is not the metric name's suffix",
				       shown, text.ptr);
		return 0;
	default:
		out->help = text;
		return utf8_valid(text) ? 0 : err_set(err, 1, "help text is not valid UTF-8");
	}
}

/* After the keyword: family name, one blank, text. */
static const char *meta_rest(const char *p, const char *end, struct text_meta *out, struct err *err)
{
	const char *name = p;
	if (*p == '"') {
		p = quoted_end(p, end, MAY_HOLD_NEWLINE);
		if (!p)
			return broken(err, "metric name in a comment has no closing quote, "
					   "or a NUL");
		out->family = sv_make(name + 1, (size_t)(p - name) - 2);
	} else {
		if (is_class(*p, IS_ALPHA | IS_COLON))
			p = skip_class(p, IS_ALPHA | IS_COLON | IS_DIGIT);
		if (p == name)
			return broken(err, "expected a metric name after HELP, TYPE or UNIT");
		out->family = sv_make(name, (size_t)(p - name));
	}
	if (*p != ' ')
		return broken(err, "expected a blank after the metric name in a comment");
	p++;
	const char *newline = memchr(p, '\n', (size_t)(end - p));
	/* NULs before the next line count as this line's text, without the last one, as they do for
	 * Prometheus. */
	const char *next = skip_nuls(newline + 1, end);
	return meta_text(out, sv_make(p, (size_t)(next - p) - 1), err) == 0 ? next : NULL;
}

const char *openmetrics_comment(const char *p, const char *end, struct text_meta *out,
				struct err *err)
{
	static const struct {
		struct sv word;
		enum text_meta_kind kind;
	} words[] = {
		{SV("HELP "), TEXT_META_HELP},
		{SV("TYPE "), TEXT_META_TYPE},
		{SV("UNIT "), TEXT_META_UNIT},
	};
	*out = (struct text_meta){.kind = TEXT_META_NONE};
	if (p[1] != ' ')
		return broken(err, "expected a blank after '#'");
	p += 2;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const char *name = after_word(p, end, words[i].word);
		if (name) {
			out->kind = words[i].kind;
			return meta_rest(name, end, out, err);
		}
	}
	p = after_word(p, end, SV("EOF"));
	if (!p)
		return broken(err, "expected HELP, TYPE, UNIT or EOF after \"# \"");
	/* The last newline is the caller's; one more may be the page's own. */
	if (*p == '\n' && p + 1 < end)
		p = skip_nuls(p + 1, end);
	if (*p != '\n' || p + 1 != end)
		return broken(err, "unexpected data after # EOF");
	out->kind = TEXT_META_END;
	return end;
}

/* ---- series ---- */

/* One label, or (where has_name tells whether one was there) the quoted metric name, from its first
 * byte to before a comma or brace. */
static const char *label_item(const char *p, const char *end, bool *has_name, struct err *err)
{
	bool quoted = *p == '"';
	const char *start = p;
	if (quoted)
		p = quoted_end(p, end, has_name ? MAY_HOLD_NEWLINE : 0);
	else if (is_class(*p, IS_ALPHA))
		p = skip_class(p, IS_ALPHA | IS_DIGIT);
	if (!p || p == start)
		return broken(err, "expected a label name");
	if (quoted && has_name && (*p == ',' || *p == '}')) {
		if (*has_name)
			return broken(err, "metric name already set");
		*has_name = true;
		return p;
	}
	if (*p != '=')
		return broken(err, "expected '=' after a label name");
	start = ++p;
	p = *p == '"' ? quoted_end(p, end, has_name ? MAY_HOLD_NUL : 0) : NULL;
	if (!p)
		return broken(err, "expected a quoted label value");
	if (!utf8_valid(sv_make(start, (size_t)(p - start))))
		return broken(err, "label value is not valid UTF-8");
	if (*p != ',' && *p != '}')
		return broken(err, "expected ',' or '}' after a label value");
	return p;
}

/* From '{' to after '}'. */
static const char *label_list(const char *p, const char *end, bool *has_name, struct err *err)
{
	p++;
	while (*p != '}') {
		p = label_item(p, end, has_name, err);
		if (!p)
			return NULL;
		if (*p == ',')
			p++;
	}
	return p + 1;
}

const char *openmetrics_series(const char *p, const char *end, struct err *err)
{
	if (p >= end || (*p == '\n' && p + 1 == end))
		return broken(err, "the page does not end with # EOF");
	bool has_name = is_class(*p, IS_ALPHA | IS_COLON);
	if (has_name) {
		p = skip_class(p, IS_ALPHA | IS_COLON | IS_DIGIT);
		if (*p != '{')
			return p;
	} else if (*p != '{') {
		return broken(err, "expected a metric name or a comment");
	}
	p = label_list(p, end, &has_name, err);
	if (p && !has_name)
		return broken(err, "metric name not set");
	return p;
}

/* A sample needs the blank, so what has none there is as good as not ended. */
bool openmetrics_name_ends(const char *p)
{
	return *p == ' ';
}

const char *openmetrics_item(const char *p, const char *end, struct label *out)
{
	if (p >= end || *p == '}')
		return NULL;
	const char *start = p;
	if (*p == '"') {
		p = quoted_end(p, end, MAY_HOLD_NEWLINE | MAY_HOLD_NUL);
		out->name = sv_make(start + 1, (size_t)(p - start) - 2);
	} else {
		p = skip_class(p, IS_ALPHA | IS_DIGIT);
		out->name = sv_make(start, (size_t)(p - start));
	}
	out->value = SV_NULL;
	if (*p == '=') {
		start = p + 1;
		p = quoted_end(start, end, MAY_HOLD_NUL);
		out->value = sv_make(start + 1, (size_t)(p - start) - 2);
	}
	return *p == ',' ? p + 1 : p;
}

/* ---- samples ---- */

/* " 1.5" */
static const char *number_token(const char *p, uint64_t *bits, const char *what, struct err *err)
{
	if (*p != ' ') {
		err_set(err, 1, "expected a blank and a %s", what);
		return NULL;
	}
	const char *start = ++p;
	while (*p != ' ' && *p != '\n')
		p++;
	if (number_parse(sv_make(start, (size_t)(p - start)), bits) != 0) {
		err_set(err, 1, "invalid %s \"%.*s\"", what, (int)(p - start < 64 ? p - start : 64),
			start);
		return NULL;
	}
	return p;
}

/* What does not fit becomes what Go makes of it on amd64. */
int64_t openmetrics_ms(double seconds)
{
	double ms = seconds * 1000;
	return ms >= -0x1p63 && ms < 0x1p63 ? (int64_t)ms : INT64_MIN;
}

static const char *time_token(const char *p, int64_t *t_ms, struct err *err)
{
	uint64_t bits;
	p = number_token(p, &bits, "timestamp", err);
	if (!p)
		return NULL;
	if ((bits >> 52 & 0x7ff) == 0x7ff)
		return broken(err, "a timestamp is NaN or infinite");
	*t_ms = openmetrics_ms(double_of_bits(bits));
	return p;
}

static const char *end_of_line(const char *p, struct err *err)
{
	return *p == '\n' ? p + 1 : broken(err, "expected a new line");
}

/* From before " # {" to after the newline. */
static const char *exemplar_rest(const char *p, const char *end, struct openmetrics_exemplar *out,
				 struct err *err)
{
	const char *labels = p + 3;
	p = label_list(labels, end, NULL, err);
	if (!p)
		return NULL;
	out->labels = sv_make(labels, (size_t)(p - labels));
	out->has_time = false;
	p = number_token(p, &out->bits, "exemplar value", err);
	if (p && *p == ' ') {
		out->has_time = true;
		p = time_token(p, &out->t_ms, err);
	}
	if (!p)
		return NULL;
	out->present = true;
	return end_of_line(p, err);
}

static bool is_exemplar(const char *p)
{
	return p[0] == ' ' && p[1] == '#' && p[2] == ' ' && p[3] == '{';
}

/* A blank that begins neither a time nor an exemplar. */
static bool is_no_token(const char *p)
{
	return p[1] == ' ' || p[1] == '\n' || (p[1] == '#' && p[2] == ' ');
}

const char *openmetrics_sample(const char *p, const char *end, struct text_sample *out,
			       struct openmetrics_exemplar *exemplar, struct err *err)
{
	exemplar->present = false;
	exemplar->broken_behind = false;
	out->has_time = false;
	p = number_token(p, &out->bits, "value", err);
	if (!p || *p == '\n')
		return p ? p + 1 : NULL;
	if (!is_exemplar(p)) {
		if (is_no_token(p)) {
			exemplar->broken_behind = true;
			err_set(err, 1, "expected a timestamp, an exemplar or a new line");
			return p;
		}
		p = time_token(p, &out->t_ms, err);
		if (!p)
			return NULL;
		out->has_time = true;
	}
	return is_exemplar(p) ? exemplar_rest(p, end, exemplar, err) : end_of_line(p, err);
}

int openmetrics_exemplar_labels(struct sv raw, struct label_builder *b)
{
	/* Prometheus takes them as they stand: escapes are not decoded. */
	const char *end = raw.ptr + raw.len;
	struct label label;
	for (const char *p = raw.ptr + 1; (p = openmetrics_item(p, end, &label)) != NULL;)
		label_builder_push(b, label.name, label.value);
	return b->failed ? ERR_NOMEM : 0;
}
