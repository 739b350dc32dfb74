/* The reader must say the same of a document in one piece and cut at every byte, and what it takes
 * must be text that the writer's quoting brings back. */
#include <ampagent/base/json.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int note(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct buf *out = cls;
	buf_char(out, (char)('a' + event));
	return json_quote(out, text);
}

static int read_in(struct sv text, size_t step, struct buf *events)
{
	_cleanup_(json_reader_deinit) struct json_reader r;
	json_reader_init(&r, note, events, 256);
	for (; text.len > 0; text = sv_from(text, step)) {
		struct err err = ERR_NULL;
		int e = json_feed(&r, sv_make(text.ptr, step < text.len ? step : text.len), &err);
		if (e != 0) {
			if (err.line < 1 || err.col < 1)
				abort();
			return e;
		}
	}
	return json_finish(&r, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv text = {(const char *)data, size};
	_cleanup_(buf_deinit) struct buf whole = BUF_NULL;
	_cleanup_(buf_deinit) struct buf cut = BUF_NULL;
	buf_init(&whole, 1 << 24);
	buf_init(&cut, 1 << 24);
	int a = read_in(text, size ? size : 1, &whole);
	int b = read_in(text, 1, &cut);
	if (a != b || !sv_eq(buf_view(&whole), buf_view(&cut)))
		abort();
	return 0;
}
