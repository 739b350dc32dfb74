/* The rules of gopkg.in/yaml.v2's resolve step: a plain scalar is null, a boolean, an integer or a
 * float when it has the form of one, else text. The first byte decides what is looked at.
 */
#include "yaml_scalar.h"

#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

#include <math.h>

enum { NUMBER_TEXT_MAX = 512 }; /* longer digits strings are text */

struct word {
	const char *text;
	enum yaml_kind kind;
	bool boolean;
	double number;
};

static const struct word words[] = {
	{"y", YAML_BOOL, true},
	{"Y", YAML_BOOL, true},
	{"yes", YAML_BOOL, true},
	{"Yes", YAML_BOOL, true},
	{"YES", YAML_BOOL, true},
	{"true", YAML_BOOL, true},
	{"True", YAML_BOOL, true},
	{"TRUE", YAML_BOOL, true},
	{"on", YAML_BOOL, true},
	{"On", YAML_BOOL, true},
	{"ON", YAML_BOOL, true},
	{"n", YAML_BOOL, false},
	{"N", YAML_BOOL, false},
	{"no", YAML_BOOL, false},
	{"No", YAML_BOOL, false},
	{"NO", YAML_BOOL, false},
	{"false", YAML_BOOL, false},
	{"False", YAML_BOOL, false},
	{"FALSE", YAML_BOOL, false},
	{"off", YAML_BOOL, false},
	{"Off", YAML_BOOL, false},
	{"OFF", YAML_BOOL, false},
	{"", YAML_NULL},
	{"~", YAML_NULL},
	{"null", YAML_NULL},
	{"Null", YAML_NULL},
	{"NULL", YAML_NULL},
	{".nan", YAML_FLOAT, false, NAN},
	{".NaN", YAML_FLOAT, false, NAN},
	{".NAN", YAML_FLOAT, false, NAN},
	{".inf", YAML_FLOAT, false, INFINITY},
	{".Inf", YAML_FLOAT, false, INFINITY},
	{".INF", YAML_FLOAT, false, INFINITY},
	{"+.inf", YAML_FLOAT, false, INFINITY},
	{"+.Inf", YAML_FLOAT, false, INFINITY},
	{"+.INF", YAML_FLOAT, false, INFINITY},
	{"-.inf", YAML_FLOAT, false, -INFINITY},
	{"-.Inf", YAML_FLOAT, false, -INFINITY},
	{"-.INF", YAML_FLOAT, false, -INFINITY},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The base that a prefix names, and how many bytes the prefix has. A leading zero alone means
 * octal and is a digit itself. */
static unsigned number_base(struct sv s, size_t *skip)
{
	*skip = 0;
	if (s.len < 2 || s.ptr[0] != '0')
		return 10;
	*skip = 2;
	switch (s.ptr[1]) {
	case 'x':
	case 'X':
		return 16;
	case 'o':
	case 'O':
		return 8;
	case 'b':
	case 'B':
		return 2;
	default:
		*skip = 1;
		return 8;
	}
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* An integer that fits int64 or uint64: true and node's fields. */
static bool read_integer(struct sv s, struct yaml_node *node)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
		s = sv_from(s, 1);
	size_t skip;
	unsigned base = number_base(s, &skip);
	s = sv_from(s, skip);
	if (s.len == 0)
		return false;

	uint64_t value = 0;
	for (size_t i = 0; i < s.len; i++) {
		int digit = digit_value(s.ptr[i]);
		if (digit >= (int)base || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	if (negative && value > (uint64_t)INT64_MAX + 1)
		return false;
	node->kind = YAML_INT;
	node->integer = value;
	node->negative = negative && value != 0;
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool has_float_form(struct sv s)
{
	size_t i = 0, before = 0, after = 0;
	if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
		i++;
	for (; i < s.len && is_digit(s.ptr[i]); i++)
		before++;
	if (i < s.len && s.ptr[i] == '.')
		for (i++; i < s.len && is_digit(s.ptr[i]); i++)
			after++;
	if (before + after == 0)
		return false;
	if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
		size_t start;
		i++;
		if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
			i++;
		for (start = i; i < s.len && is_digit(s.ptr[i]); i++)
			;
		if (i == start)
			return false;
	}
	return i == s.len;
}

static bool read_float(struct sv s, struct yaml_node *node)
{
	uint64_t bits;
	if (!has_float_form(s) || number_parse(s, &bits) != 0)
		return false;
	node->kind = YAML_FLOAT;
	node->number = double_of_bits(bits);
	return true;
}

/* Underscores between digits say nothing. */
static bool read_number(struct yaml_node *node)
{
	char plain[NUMBER_TEXT_MAX];
	size_t n = 0;
	if (node->text.len > sizeof plain)
		return false;
	for (size_t i = 0; i < node->text.len; i++)
		if (node->text.ptr[i] != '_')
			plain[n++] = node->text.ptr[i];
	return read_integer(sv_make(plain, n), node) || read_float(sv_make(plain, n), node);
}

static void resolve_plain(struct yaml_node *node)
{
	node->kind = YAML_STRING;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (!sv_eq(node->text, sv_of(words[i].text)))
			continue;
		node->kind = words[i].kind;
		node->boolean = words[i].boolean;
		node->number = words[i].number;
		return;
	}
	char first = node->text.ptr[0];
	if (first == '.')
		(void)read_float(node->text, node);
	else if (is_digit(first) || first == '-' || first == '+')
		(void)read_number(node);
}

/* Base64 with line breaks, as Go's decoder takes it. */
static int decode_binary(struct arena *arena, struct yaml_node *node, struct err *err)
{
	_cleanup_(buf_deinit) struct buf joined = BUF_NULL, bytes = BUF_NULL;
	buf_init(&joined, node->text.len);
	buf_init(&bytes, node->text.len);
	for (size_t i = 0; i < node->text.len; i++)
		if (node->text.ptr[i] != '\n' && node->text.ptr[i] != '\r')
			buf_char(&joined, node->text.ptr[i]);
	if (buf_failed(&joined))
		return ERR_NOMEM;
	if (base64_decode(&bytes, buf_view(&joined)) != 0)
		return err_at(err, 1, node->line, node->col, "!!binary value is not valid base64");
	node->kind = YAML_STRING;
	node->text = arena_dup(arena, buf_view(&bytes));
	return node->text.ptr ? 0 : ERR_NOMEM;
}

/* The kind a core tag asks for; YAML_STRING for text, dates and tags that mean nothing here. */
static enum yaml_kind tag_kind(struct sv tag)
{
	if (sv_eq(tag, SV(YAML_TAG_PREFIX "bool")))
		return YAML_BOOL;
	if (sv_eq(tag, SV(YAML_TAG_PREFIX "int")))
		return YAML_INT;
	if (sv_eq(tag, SV(YAML_TAG_PREFIX "float")))
		return YAML_FLOAT;
	if (sv_eq(tag, SV(YAML_TAG_PREFIX "null")))
		return YAML_NULL;
	return YAML_STRING;
}

int yaml_scalar_resolve(struct arena *arena, struct yaml_node *node, struct sv tag, bool plain,
			struct err *err)
{
	if (tag.len == 0) {
		if (plain)
			resolve_plain(node);
		else
			node->kind = YAML_STRING;
		return 0;
	}
	if (sv_eq(tag, SV(YAML_TAG_PREFIX "binary")))
		return decode_binary(arena, node, err);

	enum yaml_kind wanted = tag_kind(tag);
	if (wanted == YAML_STRING) {
		node->kind = YAML_STRING;
		return 0;
	}
	resolve_plain(node);
	if (node->kind == YAML_INT && wanted == YAML_FLOAT) {
		node->kind = YAML_FLOAT;
		node->number = node->negative ? -(double)node->integer : (double)node->integer;
	}
	if (node->kind != wanted)
		return err_at(err, 1, node->line, node->col, "value is %s, not %s as its tag says",
			      yaml_kind_name(node->kind), yaml_kind_name(wanted));
	return 0;
}
