/* What is read must nest, respect the bounds, and read the same when it is written out again as
 * plain elements. */
#include <ampagent/base/buf.h>
#include <ampagent/base/xml.h>

#include <stdlib.h>

enum { TEXT_MAX = 64, ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Events, and a document that gives the same ones. Text comes at an element's end, so it is written
 * there. */
struct copy {
	struct buf events, document;
	int depth;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static int on_begin(void *cls, struct sv name, struct err *err)
{
	struct copy *c = cls;
	require(++c->depth <= XML_DEPTH_MAX);
	buf_char(&c->events, '<');
	buf_sv(&c->events, name);
	/* With a prefix, since what is left without may be no name: "a:", "a:-". */
	buf_sv(&c->document, SV("<x:"));
	buf_sv(&c->document, name);
	buf_char(&c->document, '>');
	return 0;
}

static int on_end(void *cls, struct sv name, struct sv text, struct err *err)
{
	struct copy *c = cls;
	require(c->depth-- > 0);
	require(text.len <= TEXT_MAX);
	buf_char(&c->events, '\0');
	buf_sv(&c->events, text);
	buf_char(&c->events, '>');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (byte < 0x80)
			buf_printf(&c->document, "&#%u;", byte);
		else
			buf_char(&c->document, text.ptr[i]);
	}
	buf_sv(&c->document, SV("</x:"));
	buf_sv(&c->document, name);
	buf_char(&c->document, '>');
	return 0;
}

static int read_copy(struct sv text, struct copy *c, struct err *err)
{
	const struct xml_handler h = {on_begin, on_end, c};
	*c = (struct copy){0};
	buf_init(&c->events, ROOM);
	buf_init(&c->document, ROOM);
	return xml_read(text, TEXT_MAX, &h, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct copy first, second = {0};
	struct err err = ERR_NULL;
	/* A copy of its own: a byte too far is seen. */
	char *text = malloc(size ? size : 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	int r = read_copy(sv_make(text, size), &first, &err);
	require(r == 0 || r == 1);
	require(r == 0 || (err.line > 0 && err.col > 0 && err.msg[0]));
	if (r == 0 && !buf_failed(&first.document)) {
		require(first.depth == 0);
		require(read_copy(buf_view(&first.document), &second, NULL) == 0);
		require(sv_eq(buf_view(&first.events), buf_view(&second.events)));
	}
	buf_deinit(&first.events);
	buf_deinit(&first.document);
	buf_deinit(&second.events);
	buf_deinit(&second.document);
	free(text);
	return 0;
}
