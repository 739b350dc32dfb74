/* The text form of a label set. Prometheus hashes this text to spread scrapes over time, so the
 * quoting follows Go's strconv.Quote to the byte. */
#include "unicode.h"
#include <ampagent/model/labels.h>

/* The letter after the backslash for what has one, else 0. */
static char short_escape(uint32_t rune)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
	const char *p = rune != 0 && rune < 0x80 ? strchr(from, (int)rune) : NULL;
	return p ? to[p - from] : 0;
}

static void quote_rune(struct buf *out, struct sv bytes, uint32_t rune)
{
	char letter = short_escape(rune);
	if (letter)
		buf_printf(out, "\\%c", letter);
	else if (bytes.len == 1 && rune == RUNE_BAD)
		buf_printf(out, "\\x%02x", (unsigned)(uint8_t)bytes.ptr[0]);
	else if (rune_is_print(rune))
		buf_sv(out, bytes);
	else if (rune < ' ' || rune == 0x7f)
		buf_printf(out, "\\x%02x", (unsigned)rune);
	else if (rune < 0x10000)
		buf_printf(out, "\\u%04x", (unsigned)rune);
	else
		buf_printf(out, "\\U%08x", (unsigned)rune);
}

int go_quote(struct buf *out, struct sv s)
{
	buf_char(out, '"');
	while (s.len > 0) {
		uint32_t rune;
		size_t n = rune_decode(s, &rune);
		quote_rune(out, sv_make(s.ptr, n), rune);
		s = sv_from(s, n);
	}
	buf_char(out, '"');
	return buf_failed(out) ? 1 : 0;
}

int labels_print(struct buf *out, struct labels set)
{
	struct label l;
	const char *between = "";
	buf_char(out, '{');
	for (size_t at = 0; labels_next(set, &at, &l);) {
		buf_sv(out, sv_of(between));
		between = ", ";
		if (label_name_legacy_valid(l.name))
			buf_sv(out, l.name);
		else
			go_quote(out, l.name);
		buf_char(out, '=');
		go_quote(out, l.value);
	}
	buf_char(out, '}');
	return buf_failed(out) ? 1 : 0;
}
