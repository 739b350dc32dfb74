/* Plain shapes first, RE2 for the rest. A shape is taken only when its text can mean nothing else:
 * whatever is not understood here goes to the engine, which also judges the syntax. */
#include "relabel_regex.h"
#include <ampagent/base/text.h>

enum { REGEX_TEXT_MAX = 4 << 20, BINARY_SEARCH_MIN = 9 };

static const char special[] = "\\.+*?()|[]{}^$";

static bool is_special(char c)
{
	return c != 0 && strchr(special, c) != NULL;
}

/* Moves the literal text at the start of *s to re->bytes[*used...]; \. and the like are literal. */
static struct sv take_literal(struct regex *re, size_t *used, struct sv *s)
{
	char *start = re->bytes + *used;
	size_t n = 0;
	while (s->len > 0) {
		size_t skip = 0;
		if (s->ptr[0] == '\\' && s->len > 1 && is_special(s->ptr[1]))
			skip = 1;
		else if (is_special(s->ptr[0]))
			break;
		start[n++] = s->ptr[skip];
		*s = sv_from(*s, skip + 1);
	}
	*used += n;
	return sv_make(start, n);
}

static int word_order(const void *a, const void *b)
{
	const struct sv *x = a, *y = b;
	return sv_cmp(*x, *y);
}

/* a|b|c with or without one pair of parentheses around it. */
static bool plan_set(struct regex *re, struct sv text)
{
	size_t used = 0;
	re->grouped = false;
	if (text.len >= 2 && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')') {
		text = sv_make(text.ptr + 1, text.len - 2);
		re->grouped = !sv_starts_with(text, SV("?:"));
		if (!re->grouped)
			text = sv_from(text, 2);
	}
	re->n_words = 0;
	for (;;) {
		re->words[re->n_words++] = take_literal(re, &used, &text);
		if (text.len == 0)
			break;
		if (text.ptr[0] != '|')
			return false;
		text = sv_from(text, 1);
	}
	qsort(re->words, re->n_words, sizeof *re->words, word_order);
	re->shape = REGEX_SET;
	return true;
}

static bool skip(struct sv *s, struct sv prefix)
{
	if (!sv_starts_with(*s, prefix))
		return false;
	*s = sv_from(*s, prefix.len);
	return true;
}

/* .* .+ (.*) (.+) between two literals. */
static bool plan_wild(struct regex *re, struct sv text)
{
	size_t used = 0;
	re->words[0] = take_literal(re, &used, &text);
	re->grouped = skip(&text, SV("("));
	if (skip(&text, SV(".*")))
		re->wild_min = 0;
	else if (skip(&text, SV(".+")))
		re->wild_min = 1;
	else
		return false;
	if (re->grouped && !skip(&text, SV(")")))
		return false;
	re->words[1] = take_literal(re, &used, &text);
	re->n_words = 2;
	re->shape = REGEX_WILD;
	return text.len == 0;
}

static bool plan_contains(struct regex *re, struct sv text)
{
	size_t used = 0;
	if (!skip(&text, SV(".*")))
		return false;
	re->words[0] = take_literal(re, &used, &text);
	re->n_words = 1;
	re->grouped = false;
	re->shape = REGEX_CONTAINS;
	return re->words[0].len > 0 && sv_eq(text, SV(".*"));
}

static size_t count(struct sv s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}

/* 0 when a plain shape was found, 1 when the engine is needed. */
static int plan(struct regex *re, struct sv text)
{
	re->bytes = malloc(text.len + 1);
	re->words = calloc(count(text, '|') + 2, sizeof *re->words);
	if (!re->bytes || !re->words)
		return ERR_NOMEM;
	if (!plan_set(re, text) && !plan_wild(re, text) && !plan_contains(re, text))
		return 1;
	re->groups = re->grouped ? 1 : 0;
	return 0;
}

/* Copies a character class from its '[' on, as it is; an unclosed one is left to the engine. */
static size_t class_length(struct sv s)
{
	size_t i = 1;
	if (i < s.len && s.ptr[i] == '^')
		i++;
	if (i < s.len && s.ptr[i] == ']')
		i++;
	while (i < s.len && s.ptr[i] != ']') {
		struct sv rest = sv_from(s, i);
		/* [: and :] share no colon: [[:] is a class of two. */
		struct sv name = sv_starts_with(rest, SV("[:")) ? sv_from(rest, 2) : SV_NULL;
		size_t named = sv_find_sv(name, SV(":]"));
		if (named < name.len)
			i += named + 4;
		else
			i += s.ptr[i] == '\\' ? 2 : 1;
	}
	return i < s.len ? i + 1 : s.len;
}

/* What is copied unchanged as one piece: \Q...\E, an escape, a class, one byte. */
static size_t piece_length(struct sv s)
{
	if (sv_starts_with(s, SV("\\Q"))) {
		size_t end = sv_find_sv(s, SV("\\E"));
		return end < s.len ? end + 2 : s.len;
	}
	if (s.ptr[0] == '\\')
		return s.len > 1 ? 2 : 1;
	return s.ptr[0] == '[' ? class_length(s) : 1;
}

/* Go wants ASCII letters, digits and underscores between < and >; RE2 takes any letters. */
static bool group_name_valid(struct sv s)
{
	size_t end = sv_find(s, '>');
	for (size_t i = 0; i < end; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

static size_t digits(struct sv s)
{
	size_t n = 0;
	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* A well-formed {n}, {n,} or {n,m} with a number so long that RE2 would take it as literal text;
 * Go refuses it as it does all above 1000. Both take one with leading zeros as text. */
static bool repeats_too_often(struct sv s)
{
	enum { LONG = 9 };
	if (!sv_starts_with(s, SV("{")))
		return false;
	struct sv first = sv_from(s, 1), second = SV_NULL;
	size_t n = digits(first), m = 0, end = n;
	if (end < first.len && first.ptr[end] == ',') {
		second = sv_from(first, end + 1);
		m = digits(second);
		end += m + 1;
	}
	if (n == 0 || end >= first.len || first.ptr[end] != '}')
		return false;
	if ((n > 1 && first.ptr[0] == '0') || (m > 1 && second.ptr[0] == '0'))
		return false;
	return n >= LONG || m >= LONG;
}

/* The text for the engine. Go also takes (?<name>, which this RE2 does not know; it does not take
 * \C, which RE2 does. */
static int engine_text(struct buf *out, struct sv text, struct err *err)
{
	while (text.len > 0) {
		size_t n = piece_length(text);
		struct sv piece = sv_make(text.ptr, n);
		if (sv_eq(piece, SV("\\C")))
			return err_set(err, 1,
				       "error parsing regexp: invalid escape sequence: \\C");
		if (repeats_too_often(text))
			return err_set(err, 1, "error parsing regexp: invalid repeat count");
		bool short_form = sv_starts_with(text, SV("(?<"));
		if ((short_form || sv_starts_with(text, SV("(?P<"))) &&
		    !group_name_valid(sv_from(text, 3)))
			return err_set(err, 1, "error parsing regexp: invalid named capture");
		if (short_form) {
			buf_sv(out, SV("(?P<"));
			n = 3;
		} else {
			buf_sv(out, piece);
		}
		text = sv_from(text, n);
	}
	return buf_failed(out) ? ERR_NOMEM : 0;
}

static int check_text(struct sv text, struct err *err)
{
	if (text.len > REGEX_TEXT_MAX)
		return err_set(err, 1, "error parsing regexp: expression too large");
	if (!utf8_valid(text))
		return err_set(err, 1, "error parsing regexp: invalid UTF-8");
	return 0;
}

static int init_engine(struct regex *re, struct sv before, struct sv text, struct sv after,
		       struct err *err)
{
	_cleanup_(buf_deinit) struct buf whole = BUF_NULL;
	char msg[512];
	*re = (struct regex){.shape = REGEX_ENGINE};
	int r = check_text(text, err);
	if (r != 0)
		return r;
	buf_init(&whole, 2 * REGEX_TEXT_MAX);
	buf_sv(&whole, before);
	r = engine_text(&whole, text, err);
	if (r != 0)
		return r;
	if (buf_sv(&whole, after) != 0)
		return ERR_NOMEM;
	r = re2_shim_compile(whole.ptr ? whole.ptr : "", whole.len, &re->engine, msg, sizeof msg);
	if (r < 0)
		return ERR_NOMEM;
	if (r > 0)
		return err_set(err, 1, "error parsing regexp: %s", msg);
	re->groups = re2_shim_groups(re->engine);
	return 0;
}

int regex_init_engine(struct regex *re, struct sv text, struct err *err)
{
	return init_engine(re, SV("^(?s:"), text, SV(")$"), err);
}

int regex_init_search(struct regex *re, struct sv text, struct err *err)
{
	return init_engine(re, SV_NULL, text, SV_NULL, err);
}

int regex_init(struct regex *re, struct sv text, struct err *err)
{
	*re = (struct regex){.shape = REGEX_ENGINE};
	int r = check_text(text, err);
	if (r != 0)
		return r;
	r = plan(re, text);
	if (r == 0)
		return 0;
	regex_deinit(re);
	return r < 0 ? r : regex_init_engine(re, text, err);
}

void regex_deinit(struct regex *re)
{
	if (re->engine)
		re2_shim_free(re->engine);
	free(re->words);
	free(re->bytes);
	*re = (struct regex){.shape = REGEX_ENGINE};
}

size_t regex_group(const struct regex *re, struct sv name)
{
	return re->engine ? re2_shim_group(re->engine, name.ptr, name.len) : 0;
}

static bool in_set(const struct regex *re, struct sv s)
{
	if (re->n_words >= BINARY_SEARCH_MIN)
		return bsearch(&s, re->words, re->n_words, sizeof s, word_order) != NULL;
	for (size_t i = 0; i < re->n_words; i++)
		if (sv_eq(re->words[i], s))
			return true;
	return false;
}

static bool wild_matches(const struct regex *re, struct sv s)
{
	struct sv before = re->words[0], after = re->words[1];
	return s.len >= before.len + after.len + re->wild_min && sv_starts_with(s, before) &&
	       sv_ends_with(s, after);
}

static bool plain_matches(const struct regex *re, struct sv s)
{
	if (re->shape == REGEX_SET)
		return in_set(re, s);
	if (re->shape == REGEX_WILD)
		return wild_matches(re, s);
	return sv_find_sv(s, re->words[0]) < s.len;
}

static void plain_spans(const struct regex *re, struct sv s, struct re2_span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		spans[i] = (struct re2_span){RE2_SHIM_NONE, RE2_SHIM_NONE};
	if (n > 0)
		spans[0] = (struct re2_span){0, s.len};
	if (n < 2 || !re->grouped)
		return;
	spans[1] = spans[0];
	if (re->shape == REGEX_WILD)
		spans[1] = (struct re2_span){re->words[0].len, s.len - re->words[1].len};
}

int regex_find(const struct regex *re, struct sv subject, size_t from, struct re2_span *spans,
	       size_t n)
{
	if (re->shape == REGEX_ENGINE)
		return re2_shim_find(re->engine, subject.ptr, subject.len, from, spans, n);
	if (from > 0 || !plain_matches(re, subject))
		return 0;
	plain_spans(re, subject, spans, n);
	return 1;
}
