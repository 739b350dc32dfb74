/* json_read: a state machine over pieces of a document.
 *
 * A token that lies whole in one piece and has no escapes is given to the handler where it stands;
 * any other is gathered in scratch. States change in the step_* functions only; each of them takes
 * at least one byte or moves to a state that will.
 */
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

enum state {
	VALUE,       /* a value must come */
	FIRST_VALUE, /* after '[': a value or ']' */
	FIRST_KEY,   /* after '{': a key or '}' */
	NEXT_KEY,    /* after ',' in an object */
	COLON,
	AFTER_VALUE, /* ',' or the closing bracket */
	STRING,
	ESCAPE, /* after '\\' */
	HEX,    /* inside \uXXXX */
	NUMBER,
	WORD, /* inside true, false, null */
	DONE,
	STOPPED,
};

_Static_assert(sizeof((struct json_reader *)0)->stack == LIMIT_JSON_DEPTH, "one byte a level");

void json_reader_init(struct json_reader *r, json_handler handler, void *cls, size_t string_max)
{
	*r = (struct json_reader){.handler = handler, .cls = cls, .line = 1, .col = 1};
	r->state = VALUE;
	buf_init(&r->scratch, string_max);
}

/* What was read may have been a secret. */
void json_reader_deinit(struct json_reader *r)
{
	buf_wipe(&r->scratch);
}

/* The piece being read. */
struct piece {
	const char *p, *end;
	const char *line_start; /* may lie before the piece: only its distance is used */
	int line_shift;         /* columns that came before the piece in this line */
	struct err *err;
};

static int fail(struct json_reader *r, const struct piece *in, const char *what)
{
	int col = (int)(in->p - in->line_start) + in->line_shift;
	return err_at(in->err, 1, r->line, col, "JSON: %s", what);
}

static int emit(struct json_reader *r, struct piece *in, enum json_event event, struct sv text)
{
	return r->handler(r->cls, event, text, in->err);
}

static void value_done(struct json_reader *r)
{
	r->state = r->depth > 0 ? AFTER_VALUE : DONE;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct json_reader *r, struct piece *in)
{
	for (; in->p < in->end && is_blank(*in->p); in->p++)
		if (*in->p == '\n') {
			r->line++;
			in->line_start = in->p + 1;
			in->line_shift = 1;
		}
}

/* ---- brackets ---- */

static int open_bracket(struct json_reader *r, struct piece *in)
{
	char c = *in->p;
	if (r->depth == LIMIT_JSON_DEPTH)
		return fail(r, in, "nested too deeply");
	in->p++;
	r->stack[r->depth++] = (uint8_t)c;
	r->state = c == '{' ? FIRST_KEY : FIRST_VALUE;
	return emit(r, in, c == '{' ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN, SV_NULL);
}

static int close_bracket(struct json_reader *r, struct piece *in)
{
	in->p++;
	uint8_t open = r->stack[--r->depth];
	value_done(r);
	return emit(r, in, open == '{' ? JSON_OBJECT_END : JSON_ARRAY_END, SV_NULL);
}

static int step_after_value(struct json_reader *r, struct piece *in)
{
	bool object = r->stack[r->depth - 1] == '{';
	if (*in->p == ',') {
		in->p++;
		r->state = object ? NEXT_KEY : VALUE;
		return 0;
	}
	if (*in->p == (object ? '}' : ']'))
		return close_bracket(r, in);
	return fail(r, in, object ? "expected ',' or '}'" : "expected ',' or ']'");
}

static int step_colon(struct json_reader *r, struct piece *in)
{
	if (*in->p != ':')
		return fail(r, in, "expected ':'");
	in->p++;
	r->state = VALUE;
	return 0;
}

/* ---- strings ---- */

static void string_begin(struct json_reader *r, struct piece *in, bool is_key)
{
	in->p++;
	buf_reset(&r->scratch);
	r->is_key = is_key;
	r->wants_low = false;
	r->state = STRING;
}

static int string_end(struct json_reader *r, struct piece *in, struct sv text)
{
	if (!utf8_valid(text))
		return fail(r, in, "string is not UTF-8");
	in->p++;
	if (r->is_key)
		r->state = COLON;
	else
		value_done(r);
	return emit(r, in, r->is_key ? JSON_KEY : JSON_STRING, text);
}

static int gather(struct json_reader *r, struct piece *in, const char *from)
{
	size_t n = (size_t)(in->p - from);
	if (buf_append(&r->scratch, from, n) != 0)
		return fail(r, in, "string or number is too long");
	return 0;
}

/* Up to the quote, a backslash or the end of the piece. */
static int step_string(struct json_reader *r, struct piece *in)
{
	const char *from = in->p;
	while (in->p < in->end && *in->p != '"' && *in->p != '\\' && (uint8_t)*in->p >= 0x20)
		in->p++;
	if (r->wants_low && (in->p > from || (in->p < in->end && *in->p != '\\')))
		return fail(r, in, "surrogate without its pair");
	if (in->p < in->end && (uint8_t)*in->p < 0x20)
		return fail(r, in, "control character in a string");

	bool ends = in->p < in->end && *in->p == '"';
	size_t n = (size_t)(in->p - from);
	if (ends && r->scratch.len == 0 && n <= r->scratch.max)
		return string_end(r, in, sv_make(from, n));
	int e = gather(r, in, from);
	if (e != 0)
		return e;
	if (ends)
		return string_end(r, in, buf_view(&r->scratch));
	if (in->p < in->end) {
		in->p++;
		r->state = ESCAPE;
	}
	return 0;
}

static int step_escape(struct json_reader *r, struct piece *in)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	char c = *in->p;
	if (c == 'u') {
		r->hex_left = 4;
		r->code = 0;
		r->state = HEX;
		in->p++;
		return 0;
	}
	const char *at = memchr(names, c, sizeof names - 1);
	if (!at || r->wants_low)
		return fail(r, in, at ? "surrogate without its pair" : "unknown escape");
	in->p++;
	r->state = STRING;
	if (buf_char(&r->scratch, values[at - names]) != 0)
		return fail(r, in, "string or number is too long");
	return 0;
}

static int append_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80)
		return buf_char(out, (char)c);
	char text[4];
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--) {
		text[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	text[0] = (char)((0xf00 >> n) | c);
	return buf_append(out, text, n);
}

/* A whole \uXXXX was read: a character, or half of one. */
static int escape_code(struct json_reader *r, struct piece *in)
{
	uint32_t c = r->code;
	bool is_low = c >= 0xdc00 && c <= 0xdfff;
	r->state = STRING;
	if (is_low != r->wants_low)
		return fail(r, in, "surrogate without its pair");
	if (c >= 0xd800 && c <= 0xdbff) {
		r->high = c;
		r->wants_low = true;
		return 0;
	}
	if (is_low)
		c = 0x10000 + ((r->high - 0xd800) << 10) + (c - 0xdc00);
	r->wants_low = false;
	if (append_utf8(&r->scratch, c) != 0)
		return fail(r, in, "string or number is too long");
	return 0;
}

static int step_hex(struct json_reader *r, struct piece *in)
{
	char c = *in->p, lower = (char)(c | 0x20);
	uint32_t digit;
	if (c >= '0' && c <= '9')
		digit = (uint32_t)(c - '0');
	else if (lower >= 'a' && lower <= 'f')
		digit = (uint32_t)(lower - 'a') + 10;
	else
		return fail(r, in, "expected four hex digits");
	in->p++;
	r->code = r->code << 4 | digit;
	return --r->hex_left > 0 ? 0 : escape_code(r, in);
}

/* ---- numbers and words ---- */

static size_t count_digits(struct sv s)
{
	size_t n = 0;
	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_number(struct sv s)
{
	if (s.len > 0 && s.ptr[0] == '-')
		s = sv_from(s, 1);
	size_t n = count_digits(s);
	if (n == 0 || (n > 1 && s.ptr[0] == '0'))
		return false;
	s = sv_from(s, n);
	if (s.len > 0 && s.ptr[0] == '.') {
		n = count_digits(sv_from(s, 1));
		if (n == 0)
			return false;
		s = sv_from(s, 1 + n);
	}
	if (s.len > 0 && (s.ptr[0] | 0x20) == 'e') {
		s = sv_from(s, 1);
		if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-'))
			s = sv_from(s, 1);
		n = count_digits(s);
		s = sv_from(s, n);
		return n > 0 && s.len == 0;
	}
	return s.len == 0;
}

static int number_end(struct json_reader *r, struct piece *in, struct sv text)
{
	if (!is_number(text))
		return fail(r, in, "malformed number");
	value_done(r);
	return emit(r, in, JSON_NUMBER, text);
}

static int step_number(struct json_reader *r, struct piece *in)
{
	const char *from = in->p;
	while (in->p < in->end && ((*in->p >= '0' && *in->p <= '9') || *in->p == '-' ||
				   *in->p == '+' || *in->p == '.' || (*in->p | 0x20) == 'e'))
		in->p++;
	size_t n = (size_t)(in->p - from);
	bool ends = in->p < in->end;
	if (ends && r->scratch.len == 0 && n <= r->scratch.max)
		return number_end(r, in, sv_make(from, n));
	int e = gather(r, in, from);
	if (e != 0 || !ends)
		return e;
	return number_end(r, in, buf_view(&r->scratch));
}

static int word_begin(struct json_reader *r, struct piece *in)
{
	static const struct {
		const char *text;
		enum json_event event;
	} words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (*in->p == words[i].text[0]) {
			r->word = words[i].text + 1;
			r->word_event = words[i].event;
			r->state = WORD;
			in->p++;
			return 0;
		}
	return fail(r, in, "expected a value");
}

static int step_word(struct json_reader *r, struct piece *in)
{
	if (*in->p != *r->word)
		return fail(r, in, "expected true, false or null");
	in->p++;
	r->word++;
	if (*r->word != '\0')
		return 0;
	value_done(r);
	return emit(r, in, r->word_event, SV_NULL);
}

/* ---- the machine ---- */

static int step_value(struct json_reader *r, struct piece *in)
{
	char c = *in->p;
	if (c == ']' && r->state == FIRST_VALUE)
		return close_bracket(r, in);
	if (c == '{' || c == '[')
		return open_bracket(r, in);
	if (c == '"') {
		string_begin(r, in, false);
		return 0;
	}
	if (c == '-' || (c >= '0' && c <= '9')) {
		buf_reset(&r->scratch);
		r->state = NUMBER;
		return 0;
	}
	return word_begin(r, in);
}

static int step_key(struct json_reader *r, struct piece *in)
{
	if (*in->p == '}' && r->state == FIRST_KEY)
		return close_bracket(r, in);
	if (*in->p != '"')
		return fail(r, in, "expected a key");
	string_begin(r, in, true);
	return 0;
}

static int step(struct json_reader *r, struct piece *in)
{
	switch ((enum state)r->state) {
	case STRING:
		return step_string(r, in);
	case ESCAPE:
		return step_escape(r, in);
	case HEX:
		return step_hex(r, in);
	case NUMBER:
		return step_number(r, in);
	case WORD:
		return step_word(r, in);
	default:
		break;
	}
	skip_blanks(r, in);
	if (in->p == in->end)
		return 0;
	switch ((enum state)r->state) {
	case VALUE:
	case FIRST_VALUE:
		return step_value(r, in);
	case FIRST_KEY:
	case NEXT_KEY:
		return step_key(r, in);
	case COLON:
		return step_colon(r, in);
	case AFTER_VALUE:
		return step_after_value(r, in);
	default:
		return fail(r, in, "text after the end of the document");
	}
}

static int stop(struct json_reader *r, int result)
{
	if (result != 0) {
		r->state = STOPPED;
		r->result = result;
	}
	return result;
}

int json_feed(struct json_reader *r, struct sv piece, struct err *err)
{
	if (r->state == STOPPED)
		return r->result;
	if (piece.len == 0)
		return 0;
	struct piece in = {.p = piece.ptr,
			   .end = piece.ptr + piece.len,
			   .line_start = piece.ptr,
			   .line_shift = r->col,
			   .err = err};
	int e = 0;
	while (e == 0 && in.p < in.end)
		e = step(r, &in);
	r->col = (int)(in.p - in.line_start) + in.line_shift;
	return stop(r, e);
}

int json_finish(struct json_reader *r, struct err *err)
{
	struct piece in = {.line_shift = r->col, .err = err};
	if (r->state == STOPPED)
		return r->result;
	/* Only a number at the top has no end of its own. */
	if (r->state == NUMBER && r->depth == 0) {
		int e = stop(r, number_end(r, &in, buf_view(&r->scratch)));
		if (e != 0)
			return e;
	}
	if (r->state != DONE)
		return stop(r, fail(r, &in, "unexpected end of input"));
	return 0;
}
