/* Strings as YAML scalars, plain where that reads back as the same string. */
#include "shown.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that YAML 1.1 takes for something else. */
static bool is_word(struct sv s)
{
	static const char *const words[] = {"y",   "n",    "yes",   "no",   "on",
					    "off", "true", "false", "null", NULL};
	for (size_t i = 0; words[i]; i++)
		if (sv_eq_nocase(s, sv_of(words[i])))
			return true;
	return false;
}

/* Plain without a doubt: most strings. */
static bool is_simple(struct sv s)
{
	if (s.len == 0 || !(is_alnum(s.ptr[0]) || s.ptr[0] == '/' || s.ptr[0] == '_') ||
	    (s.ptr[0] >= '0' && s.ptr[0] <= '9') || s.ptr[s.len - 1] == ':')
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_alnum(s.ptr[i]) && !strchr("_-./:$()+", s.ptr[i]))
			return false;
	return sv_find(s, '\0') == s.len && !is_word(s);
}

enum meaning { MEANS_ITSELF, MEANS_VALUE, MEANS_MARKUP };

/* What s is when nothing is put around it: read it and see. */
static enum meaning plain_meaning(struct sv s)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct yaml_node *root = NULL;
	buf_init(&text, s.len + 4);
	arena_init(&arena, KiB(64) + 8 * s.len);
	buf_sv(&text, SV("- "));
	buf_sv(&text, s);
	buf_char(&text, '\n');
	if (buf_failed(&text) || yaml_parse(&arena, buf_view(&text), &root, NULL) != 0 || !root ||
	    root->kind != YAML_SEQ || root->n != 1)
		return MEANS_MARKUP;
	const struct yaml_node *item = root->items[0];
	if (item->kind == YAML_SEQ || item->kind == YAML_MAP || item->quoted ||
	    !sv_eq(item->text, s))
		return MEANS_MARKUP;
	return item->kind == YAML_STRING ? MEANS_ITSELF : MEANS_VALUE;
}

/* Length and value of the rune that valid UTF-8 begins with. */
static size_t rune_at(struct sv s, uint32_t *rune)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	*rune = n == 1 ? c : c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*rune = *rune << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	return n;
}

/* Characters that a YAML reader refuses, or takes for the end of a line. */
static bool is_special(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune < 0xa0) || rune == 0x2028 || rune == 0x2029 ||
	       rune == 0xfeff || (rune >= 0xfffe && rune <= 0xffff);
}

static bool has_special(struct sv s)
{
	uint32_t rune;
	for (; s.len > 0; s = sv_from(s, rune_at(s, &rune)))
		if (rune_at(s, &rune), is_special(rune))
			return true;
	return false;
}

static void double_quoted(struct buf *out, struct sv s)
{
	buf_char(out, '"');
	while (s.len > 0) {
		uint32_t rune;
		size_t n = rune_at(s, &rune);
		if (rune == '\n')
			buf_sv(out, SV("\\n"));
		else if (rune == '\t')
			buf_sv(out, SV("\\t"));
		else if (is_special(rune))
			buf_printf(out, "\\u%04x", (unsigned)rune);
		else if (rune == '"' || rune == '\\')
			buf_printf(out, "\\%c", (char)rune);
		else
			buf_append(out, s.ptr, n);
		s = sv_from(s, n);
	}
	buf_char(out, '"');
}

void shown_quoted(struct buf *out, struct sv s)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\'')
			buf_char(out, '\'');
		buf_char(out, s.ptr[i]);
	}
	buf_char(out, '\'');
}

static size_t digits(struct sv s)
{
	size_t n = 0;
	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* Dates, and numbers to the base of 60 such as 1:20: text for us, but not for every reader. */
static bool is_time(struct sv s)
{
	size_t n = digits(s);
	if (n == 4 && s.len > 5 && s.ptr[4] == '-')
		return digits(sv_from(s, 5)) > 0;
	while (n > 0 && n < s.len && s.ptr[n] == ':') {
		s = sv_from(s, n + 1);
		n = digits(s);
		if (n == 0 || n > 2 || (n == 2 && s.ptr[0] > '5'))
			return false;
		if (n == s.len)
			return true;
	}
	return false;
}

void shown_scalar(struct buf *out, struct sv s)
{
	if (is_simple(s)) {
		buf_sv(out, s);
		return;
	}
	if (!utf8_valid(s)) {
		buf_sv(out, SV("!!binary "));
		base64_encode(out, s);
		return;
	}
	if (s.len == 0 || has_special(s) || is_time(s)) {
		double_quoted(out, s);
		return;
	}
	switch (plain_meaning(s)) {
	case MEANS_ITSELF:
		buf_sv(out, s);
		break;
	case MEANS_VALUE:
		double_quoted(out, s);
		break;
	case MEANS_MARKUP:
		shown_quoted(out, s);
		break;
	}
}

static struct sv password_of(struct sv url)
{
	size_t start = sv_find_sv(url, SV("://"));
	if (start == url.len)
		return SV_NULL;
	struct sv authority = sv_from(url, start + 3);
	/* Host and port end at the first of these. */
	for (const char *ends = "/?#"; *ends; ends++)
		authority.len = sv_find(authority, *ends);
	size_t at = sv_find(authority, '@'), colon = sv_find(authority, ':');
	if (at == authority.len || colon > at)
		return SV_NULL;
	return sv_make(authority.ptr + colon + 1, at - colon - 1);
}

struct sv shown_url_masked(struct sv url, struct buf *buf)
{
	struct sv password = password_of(url);
	if (!password.ptr)
		return url;
	buf_init(buf, url.len + sizeof "xxxxx");
	buf_sv(buf, sv_make(url.ptr, (size_t)(password.ptr - url.ptr)));
	buf_sv(buf, SV("xxxxx"));
	buf_sv(buf, sv_from(url, (size_t)(password.ptr + password.len - url.ptr)));
	return buf_view(buf);
}

void shown_url(struct buf *out, struct sv url)
{
	_cleanup_(buf_deinit) struct buf masked = BUF_NULL;
	shown_scalar(out, shown_url_masked(url, &masked));
}
