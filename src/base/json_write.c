/* json_write: commas, quotes and escapes. */
#include "utf8.h"

#include <ampagent/base/json.h>
#include <ampagent/base/number.h>

#include <math.h>

/* What is not UTF-8 becomes the replacement character: the reader at the other end is strict. */
int json_quote(struct buf *out, struct sv s)
{
	buf_char(out, '"');
	while (s.len > 0) {
		size_t plain = 0;
		while (plain < s.len && (uint8_t)s.ptr[plain] >= 0x20 &&
		       (uint8_t)s.ptr[plain] < 0x7f && s.ptr[plain] != '"' && s.ptr[plain] != '\\')
			plain++;
		buf_append(out, s.ptr, plain);
		s = sv_from(s, plain);
		if (s.len == 0)
			break;
		uint32_t code = 0;
		size_t n = utf8_char(s, &code);
		if (n == 0)
			buf_sv(out, SV("\xef\xbf\xbd"));
		else if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (char)code);
		else if (code == '\n')
			buf_sv(out, SV("\\n"));
		else if (code == '\r')
			buf_sv(out, SV("\\r"));
		else if (code == '\t')
			buf_sv(out, SV("\\t"));
		else if (code < 0x20 || code == 0x7f)
			buf_printf(out, "\\u%04x", code);
		else
			buf_append(out, s.ptr, n);
		s = sv_from(s, n ? n : 1);
	}
	return buf_char(out, '"');
}

static void comma(struct json_writer *w)
{
	if (w->need_comma)
		buf_char(w->out, ',');
	w->need_comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
	comma(w);
	buf_char(w->out, bracket);
	w->need_comma = false;
}

static void end(struct json_writer *w, char bracket)
{
	buf_char(w->out, bracket);
	w->need_comma = true;
}

void json_begin_object(struct json_writer *w)
{
	begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
	end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
	begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
	end(w, ']');
}

void json_key(struct json_writer *w, struct sv key)
{
	comma(w);
	json_quote(w->out, key);
	buf_char(w->out, ':');
	w->need_comma = false;
}

void json_string(struct json_writer *w, struct sv s)
{
	comma(w);
	json_quote(w->out, s);
}

void json_u64(struct json_writer *w, uint64_t v)
{
	comma(w);
	buf_printf(w->out, "%llu", (unsigned long long)v);
}

void json_i64(struct json_writer *w, int64_t v)
{
	comma(w);
	buf_printf(w->out, "%lld", (long long)v);
}

void json_double(struct json_writer *w, double v)
{
	char text[NUMBER_MAX];
	size_t n = number_format(text, v);
	comma(w);
	if (isfinite(v))
		buf_append(w->out, text, n);
	else
		json_quote(w->out, sv_make(text, n));
}

void json_bool(struct json_writer *w, bool v)
{
	comma(w);
	buf_sv(w->out, v ? SV("true") : SV("false"));
}

void json_null(struct json_writer *w)
{
	comma(w);
	buf_sv(w->out, SV("null"));
}
