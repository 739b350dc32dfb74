#include "aws_xml.h"

#include "aws_slice.h"
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>

void aws_xml_text(struct buf *out, struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		switch (s.ptr[i]) {
		case '&':
			buf_sv(out, SV("&amp;"));
			break;
		case '<':
			buf_sv(out, SV("&lt;"));
			break;
		case '>':
			buf_sv(out, SV("&gt;"));
			break;
		case '"':
			buf_sv(out, SV("&quot;"));
			break;
		case '\'':
			buf_sv(out, SV("&#39;"));
			break;
		default:
			buf_char(out, s.ptr[i]);
		}
	}
}

static void open_tag(struct buf *out, struct sv name)
{
	buf_char(out, '<');
	buf_sv(out, name);
	buf_char(out, '>');
}

static void close_tag(struct buf *out, struct sv name)
{
	buf_sv(out, SV("</"));
	buf_sv(out, name);
	buf_char(out, '>');
}

void aws_xml_element(struct buf *out, struct sv name, struct sv text)
{
	open_tag(out, name);
	aws_xml_text(out, text);
	close_tag(out, name);
}

static int put_decoded(void *cls, enum json_event event, struct sv text, struct err *err)
{
	aws_xml_text(cls, text);
	return 0;
}

/* A string, a number, true or false. */
static void put_scalar(struct buf *out, struct sv value)
{
	if (value.len == 0 || value.ptr[0] != '"') {
		aws_xml_text(out, value);
		return;
	}
	_cleanup_(json_reader_deinit) struct json_reader reader;
	json_reader_init(&reader, put_decoded, out, MiB(1));
	json_feed(&reader, value, NULL);
	json_finish(&reader, NULL);
}

/* Recursion is as deep as the document, which was checked: LIMIT_JSON_DEPTH. */
void aws_xml_json(struct buf *out, struct sv name, struct sv value)
{
	struct aws_slices it = aws_slices_of(value);
	struct sv key, one;
	bool nested = value.len > 0 && (value.ptr[0] == '{' || value.ptr[0] == '[');
	if (sv_eq(value, SV("null")))
		return;
	open_tag(out, name);
	if (!nested)
		put_scalar(out, value);
	while (nested && aws_slice_next(&it, &key, &one))
		aws_xml_json(out, it.members ? key : SV("item"), one);
	close_tag(out, name);
}
