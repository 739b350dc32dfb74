#include "selector.h"

#include <ampagent/base/text.h>

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_STRING,
	TOKEN_OP,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
};

struct token {
	enum token_kind kind;
	struct sv text;   /* as written */
	struct sv string; /* a string's value */
	enum selector_op op;
	size_t at;
};

struct lexer {
	struct sv in;
	size_t at;
	bool braces; /* inside of them */
	struct arena *arena;
	struct err *err;
};

static int fail(const struct lexer *l, size_t at, const char *what)
{
	return err_at(l->err, 1, 1, (int)at + 1, "1:%zu: parse error: %s", at + 1, what);
}

static char peek(const struct lexer *l)
{
	return l->at < l->in.len ? l->in.ptr[l->at] : '\0';
}

static void skip_blanks(struct lexer *l)
{
	while (l->at < l->in.len) {
		char c = l->in.ptr[l->at];
		if (c == '#')
			l->at += sv_find(sv_from(l->in, l->at), '\n');
		else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			l->at++;
		else
			break;
	}
	if (l->at > l->in.len)
		l->at = l->in.len;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(const struct lexer *l, char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || (c == ':' && !l->braces);
}

/* ---- strings, with Go's escapes ---- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* The number of n digits to a base, or -1. */
static int64_t take_number(struct lexer *l, int n, int base)
{
	int64_t v = 0;
	for (int i = 0; i < n; i++) {
		int d = digit_of(peek(l));
		if (d >= base)
			return -1;
		v = v * base + d;
		l->at++;
	}
	return v;
}

static void put_rune(struct buf *out, uint32_t rune)
{
	if (rune < 0x80) {
		buf_char(out, (char)rune);
		return;
	}
	int more = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
	static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
	buf_char(out, (char)(first[more] | rune >> (6 * more)));
	while (more-- > 0)
		buf_char(out, (char)(0x80 | (rune >> (6 * more) & 0x3f)));
}

/* What follows a backslash. */
static int take_escape(struct lexer *l, char quote, struct buf *out)
{
	static const char plain[] = "abfnrtv\\";
	static const char means[] = "\a\b\f\n\r\t\v\\";
	size_t from = l->at;
	char c = peek(l);
	const char *known = c ? strchr(plain, c) : NULL;
	if (known || (c && c == quote)) {
		l->at++;
		return buf_char(out, known ? means[known - plain] : quote);
	}
	int64_t v = -1;
	bool byte = c == 'x' || (c >= '0' && c <= '7');
	if (c >= '0' && c <= '7') {
		v = take_number(l, 3, 8);
	} else if (c == 'x' || c == 'u' || c == 'U') {
		l->at++;
		v = take_number(l, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
	}
	if (v < 0 || (byte && v > 255) || (!byte && (v > 0x10ffff || (v >= 0xd800 && v < 0xe000))))
		return fail(l, from, "unknown escape sequence in a string");
	if (byte)
		buf_char(out, (char)v);
	else
		put_rune(out, (uint32_t)v);
	return 0;
}

static int take_string(struct lexer *l, struct token *t)
{
	char quote = l->in.ptr[l->at++];
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, l->in.len + 8);
	for (;;) {
		char c = peek(l);
		if (l->at >= l->in.len || (c == '\n' && quote != '`'))
			return fail(l, t->at, "unterminated quoted string");
		l->at++;
		if (c == quote)
			break;
		if (c == '\\' && quote != '`') {
			int r = take_escape(l, quote, &text);
			if (r != 0)
				return r;
		} else {
			buf_char(&text, c);
		}
	}
	t->kind = TOKEN_STRING;
	t->string = arena_dup(l->arena, buf_view(&text));
	return buf_failed(&text) || !t->string.ptr ? ERR_NOMEM : 0;
}

/* ---- tokens ---- */

static int take_operator(struct lexer *l, struct token *t)
{
	char first = l->in.ptr[l->at++];
	char second = peek(l);
	t->kind = TOKEN_OP;
	if (first == '=')
		t->op = second == '~' ? SELECTOR_MATCH : SELECTOR_EQUAL;
	else if (second == '~' || second == '=')
		t->op = second == '~' ? SELECTOR_NO_MATCH : SELECTOR_NOT_EQUAL;
	else
		return fail(l, l->at, "unexpected character after '!' inside braces");
	l->at += t->op != SELECTOR_EQUAL;
	return 0;
}

static int next_token(struct lexer *l, struct token *t)
{
	skip_blanks(l);
	*t = (struct token){.kind = TOKEN_END, .at = l->at};
	if (l->at >= l->in.len)
		return 0;
	char c = peek(l);
	int r = 0;
	if (is_letter(c) || (c == ':' && !l->braces)) {
		t->kind = TOKEN_NAME;
		while (l->at < l->in.len && is_name_char(l, peek(l)))
			l->at++;
	} else if (c == '"' || c == '\'' || c == '`') {
		r = take_string(l, t);
	} else if (l->braces && (c == '=' || c == '!')) {
		r = take_operator(l, t);
	} else if (c == '{' && !l->braces) {
		t->kind = TOKEN_OPEN;
		l->at++;
	} else if (l->braces && (c == '}' || c == ',')) {
		t->kind = c == '}' ? TOKEN_CLOSE : TOKEN_COMMA;
		l->at++;
	} else {
		return fail(l, l->at, "unexpected character");
	}
	t->text = sv_make(l->in.ptr + t->at, l->at - t->at);
	return r;
}

/* ---- the grammar ---- */

/* Words that are no names of metrics. */
static bool is_reserved(struct sv word)
{
	static const char *const words[] = {"on",   "ignoring", "group_left", "group_right",
					    "bool", "atan2",    "inf",        "nan"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (sv_eq_nocase(word, sv_of(words[i])))
			return true;
	}
	return false;
}

static int compile(struct selector_matcher *m, struct err *err)
{
	struct relabel_rule rule = relabel_rule_default();
	rule.action = RELABEL_KEEP;
	rule.source_labels = &m->name;
	rule.n_source_labels = 1;
	rule.regex = m->value;
	rule.regex_set = true;
	size_t bad;
	return relabel_compile(&rule, 1, NAMES_UTF8, &m->regex, &bad, err);
}

static int add(struct selector *s, const struct lexer *l, size_t at, struct selector_matcher m)
{
	if (s->n == SELECTOR_MATCHERS_MAX)
		return fail(l, at, "too many matchers");
	if (m.op == SELECTOR_MATCH || m.op == SELECTOR_NO_MATCH) {
		struct err why = ERR_NULL;
		int r = compile(&m, &why);
		if (r != 0)
			return r > 0 ? fail(l, at, why.msg) : r;
	}
	s->v[s->n++] = m;
	return 0;
}

static int add_name(struct selector *s, const struct lexer *l, size_t at, struct sv name)
{
	return add(s, l, at, (struct selector_matcher){.name = LABEL_NAME, .value = name});
}

/* One matcher, *t being its first token and, after, the one behind it. */
static int parse_matcher(struct selector *s, struct lexer *l, struct token *t)
{
	struct token name = *t, value;
	if (name.kind != TOKEN_NAME && name.kind != TOKEN_STRING)
		return fail(l, t->at,
			    t->kind == TOKEN_END
				    ? "unexpected end of input inside braces"
				    : "expected a label name or \"}\" in label matching");
	int r = next_token(l, t);
	if (r != 0)
		return r;
	if (name.kind == TOKEN_STRING && (t->kind == TOKEN_COMMA || t->kind == TOKEN_CLOSE))
		return add_name(s, l, name.at, name.string);
	if (t->kind != TOKEN_OP)
		return fail(l, t->at,
			    t->kind == TOKEN_END ? "unexpected end of input inside braces"
						 : "expected a label matching operator");
	r = next_token(l, &value);
	if (r != 0)
		return r;
	if (value.kind != TOKEN_STRING)
		return fail(l, value.at,
			    value.kind == TOKEN_END ? "unexpected end of input inside braces"
						    : "expected a string in label matching");
	const struct selector_matcher m = {
		.name = name.kind == TOKEN_STRING ? name.string : arena_dup(l->arena, name.text),
		.op = t->op,
		.value = value.string,
	};
	r = m.name.ptr ? add(s, l, name.at, m) : ERR_NOMEM;
	return r != 0 ? r : next_token(l, t);
}

static int parse_braces(struct selector *s, struct lexer *l, struct token *t)
{
	l->braces = true;
	int r = next_token(l, t);
	while (r == 0 && t->kind != TOKEN_CLOSE) {
		r = parse_matcher(s, l, t);
		if (r == 0 && t->kind == TOKEN_COMMA)
			r = next_token(l, t);
		else if (r == 0 && t->kind != TOKEN_CLOSE)
			r = fail(l, t->at,
				 t->kind == TOKEN_END ? "unexpected end of input inside braces"
						      : "expected \",\" or \"}\"");
	}
	l->braces = false;
	return r != 0 ? r : next_token(l, t);
}

static int parse(struct selector *s, struct lexer *l)
{
	struct token t;
	int r = next_token(l, &t);
	if (r != 0)
		return r;
	bool any = t.kind == TOKEN_NAME || t.kind == TOKEN_OPEN;
	if (t.kind == TOKEN_NAME) {
		struct sv name = arena_dup(l->arena, t.text);
		if (!name.ptr)
			return ERR_NOMEM;
		r = is_reserved(name) ? fail(l, t.at, "unexpected keyword")
				      : add_name(s, l, t.at, name);
		if (r == 0)
			r = next_token(l, &t);
	}
	if (r == 0 && t.kind == TOKEN_OPEN)
		r = parse_braces(s, l, &t);
	if (r != 0)
		return r;
	if (!any || t.kind != TOKEN_END)
		return fail(l, t.at,
			    t.kind == TOKEN_END ? "unexpected end of input" : "unexpected input");
	return 0;
}

int selector_parse(struct sv text, struct selector *out, struct err *err)
{
	struct lexer l = {.in = text, .arena = &out->arena, .err = err};
	int r = parse(out, &l);
	if (r != 0) {
		selector_deinit(out);
		selector_init(out);
	}
	return r;
}

void selector_init(struct selector *s)
{
	s->n = 0;
	arena_init(&s->arena, LIMIT_LABELS_BYTES);
}

void selector_deinit(struct selector *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].regex)
			relabel_unref(s->v[i].regex);
	}
	arena_deinit(&s->arena);
	s->n = 0;
}

static bool matches(const struct selector_matcher *m, struct labels set, struct arena *scratch)
{
	if (!m->regex) {
		bool same = sv_eq(labels_get(set, m->name), m->value);
		return same == (m->op == SELECTOR_EQUAL);
	}
	struct label_builder b;
	arena_reset(scratch);
	label_builder_init(&b, scratch);
	label_builder_load(&b, set);
	bool kept = relabel_apply(m->regex, &b);
	return !b.failed && kept == (m->op == SELECTOR_MATCH);
}

bool selector_matches(const struct selector *s, struct labels set, struct arena *scratch)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!matches(&s->v[i], set, scratch))
			return false;
	}
	return true;
}
