/* text: encodings of bytes as text, and the nearest word. */
#include "utf8.h"

#include <ampagent/base/text.h>

/* ---- UTF-8 ---- */

size_t utf8_char(struct sv s, uint32_t *code)
{
	uint8_t first = (uint8_t)s.ptr[0];
	size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || s.len < n)
		return 0;
	uint32_t c = n == 1 ? first : first & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		uint8_t next = (uint8_t)s.ptr[i];
		if ((next & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (next & 0x3f);
	}
	if (c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return n;
}

/* Nearly all text is ASCII: eight bytes are looked at together. */
bool utf8_valid(struct sv s)
{
	while (s.len > 0) {
		uint64_t word;
		while (s.len >= sizeof word) {
			memcpy(&word, s.ptr, sizeof word);
			if (word & UINT64_C(0x8080808080808080))
				break;
			s = sv_from(s, sizeof word);
		}
		if (s.len == 0)
			return true;
		uint32_t code;
		size_t n = utf8_char(s, &code);
		if (n == 0)
			return false;
		s = sv_from(s, n);
	}
	return true;
}

/* ---- base64, hex ---- */

int base64_encode(struct buf *out, struct sv in)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	if (in.len > SIZE_MAX / 4 || buf_reserve(out, (in.len + 2) / 3 * 4) != 0) {
		out->failed = true;
		return 1;
	}
	if (in.len == 0)
		return 0;
	const uint8_t *p = (const uint8_t *)in.ptr;
	char *dst = out->ptr + out->len;
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);
		*dst++ = alphabet[v >> 18];
		*dst++ = alphabet[v >> 12 & 63];
		*dst++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
		*dst++ = left > 2 ? alphabet[v & 63] : '=';
	}
	out->len += (in.len + 2) / 3 * 4;
	return 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four; padding is known from its place. Returns bytes made, 0 when it is wrong. */
static size_t base64_group(const char *p, bool last, uint8_t out[3])
{
	size_t pad = !last || p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
	uint32_t v = 0;
	for (size_t i = 0; i < 4; i++) {
		int digit = i < 4 - pad ? base64_value(p[i]) : 0;
		if (digit < 0)
			return 0;
		v = v << 6 | (uint32_t)digit;
	}
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return 3 - pad;
}

int base64_decode(struct buf *out, struct sv in)
{
	if (in.len % 4 != 0)
		return 1;
	for (size_t i = 0; i < in.len; i += 4) {
		uint8_t bytes[3];
		size_t n = base64_group(in.ptr + i, i + 4 == in.len, bytes);
		if (n == 0 || buf_append(out, bytes, n) != 0)
			return 1;
	}
	return 0;
}

void hex_encode(char *dst, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*dst++ = digits[bytes[i] >> 4];
		*dst++ = digits[bytes[i] & 15];
	}
	*dst = '\0';
}

/* ---- URL ---- */

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void percent(struct buf *out, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t byte = (uint8_t)c;
	char text[3] = {'%', digits[byte >> 4], digits[byte & 15]};
	buf_append(out, text, sizeof text);
}

int url_encode(struct buf *out, struct sv in, bool keep_slash)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		if (is_unreserved(c) || (keep_slash && c == '/'))
			buf_char(out, c);
		else
			percent(out, c);
	}
	return buf_failed(out);
}

int url_query_escape(struct buf *out, struct sv in)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		if (is_unreserved(c))
			buf_char(out, c);
		else if (c == ' ')
			buf_char(out, '+');
		else
			percent(out, c);
	}
	return buf_failed(out);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char l = (char)(c | 0x20);
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

int url_decode(struct buf *out, struct sv in, bool plus_is_space)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		if (c == '%') {
			int high = i + 2 < in.len ? hex_value(in.ptr[i + 1]) : -1;
			int low = i + 2 < in.len ? hex_value(in.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return 1;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		buf_char(out, c);
	}
	return buf_failed(out);
}

/* ---- "did you mean" ---- */

enum { WORD_MAX = 64 };

/* Levenshtein distance, one row at a time. */
static size_t edit_distance(struct sv a, struct sv b)
{
	size_t row[WORD_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
			size_t edge = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < edge ? change : edge;
		}
	}
	return row[b.len];
}

const char *nearest_word(struct sv word, const char *const *words)
{
	if (word.len > WORD_MAX)
		return NULL;
	size_t limit = word.len / 3 > 1 ? word.len / 3 : 1;
	const char *best = NULL;
	for (; *words; words++) {
		struct sv candidate = sv_of(*words);
		if (candidate.len > WORD_MAX)
			continue;
		size_t d = edit_distance(word, candidate);
		if (d <= limit && (!best || d < limit)) {
			best = *words;
			limit = d;
		}
	}
	return best;
}
