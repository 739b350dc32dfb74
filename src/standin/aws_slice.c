#include "aws_slice.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>

static int any_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	return 0;
}

int aws_json_check(struct sv text, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader reader;
	json_reader_init(&reader, any_event, NULL, MiB(1));
	int rc = json_feed(&reader, text, err);
	return rc == 0 ? json_finish(&reader, err) : rc;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct sv skip_blanks(struct sv s)
{
	size_t n = 0;
	while (n < s.len && is_blank(s.ptr[n]))
		n++;
	return sv_from(s, n);
}

/* Of the string that s begins with, quotes included. */
static size_t string_length(struct sv s)
{
	size_t n = 1;
	while (n < s.len && s.ptr[n] != '"')
		n += s.ptr[n] == '\\' ? 2 : 1;
	return n < s.len ? n + 1 : s.len;
}

static size_t nested_length(struct sv s)
{
	size_t depth = 0, n = 0;
	while (n < s.len) {
		char c = s.ptr[n];
		n += c == '"' ? string_length(sv_from(s, n)) : 1;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			break;
	}
	return n;
}

/* Of the value that s begins with. */
static size_t value_length(struct sv s)
{
	if (s.len == 0)
		return 0;
	if (s.ptr[0] == '"')
		return string_length(s);
	if (s.ptr[0] == '{' || s.ptr[0] == '[')
		return nested_length(s);
	size_t n = 0;
	while (n < s.len && !is_blank(s.ptr[n]) && s.ptr[n] != ',' && s.ptr[n] != '}' &&
	       s.ptr[n] != ']')
		n++;
	return n;
}

struct aws_slices aws_slices_of(struct sv value)
{
	struct sv s = sv_trim(value);
	if (s.len < 2 || (s.ptr[0] != '{' && s.ptr[0] != '['))
		return (struct aws_slices){SV_NULL, false};
	return (struct aws_slices){sv_make(s.ptr + 1, s.len - 2), s.ptr[0] == '{'};
}

bool aws_slice_next(struct aws_slices *it, struct sv *key, struct sv *value)
{
	struct sv s = skip_blanks(it->rest);
	if (s.len > 0 && s.ptr[0] == ',')
		s = skip_blanks(sv_from(s, 1));
	it->rest = s;
	*key = SV_NULL;
	if (s.len == 0)
		return false;
	if (it->members) {
		size_t n = string_length(s);
		*key = sv_make(s.ptr + 1, n - 2);
		s = skip_blanks(sv_from(s, n));
		s = skip_blanks(sv_from(s, 1)); /* the colon */
	}
	*value = sv_make(s.ptr, value_length(s));
	it->rest = sv_from(s, value->len);
	return true;
}

struct sv aws_member(struct sv object, struct sv name)
{
	struct aws_slices it = aws_slices_of(object);
	struct sv key, value;
	if (!it.members)
		return SV_NULL;
	while (aws_slice_next(&it, &key, &value))
		if (sv_eq(key, name))
			return value;
	return SV_NULL;
}

struct sv aws_text(struct sv value)
{
	if (value.len < 2 || value.ptr[0] != '"')
		return SV_NULL;
	return sv_make(value.ptr + 1, value.len - 2);
}

struct sv aws_member_text(struct sv object, struct sv name)
{
	return aws_text(aws_member(object, name));
}

void aws_put_without(struct buf *out, struct sv object, struct sv name)
{
	struct aws_slices it = aws_slices_of(object);
	struct sv key, value;
	bool more = false;
	buf_char(out, '{');
	while (aws_slice_next(&it, &key, &value)) {
		if (sv_eq(key, name))
			continue;
		if (more)
			buf_char(out, ',');
		more = true;
		buf_char(out, '"');
		buf_sv(out, key);
		buf_sv(out, SV("\":"));
		buf_sv(out, value);
	}
	buf_char(out, '}');
}
