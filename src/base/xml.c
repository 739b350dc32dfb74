/* XML by expat's events; the only file that sees expat.
 *
 * The text of all open elements lies in one buffer, an inner element's behind that of the outer
 * one, and is cut off when the inner one ends. Text is never longer than what it was written as, so
 * the buffer has the document's size from the start and no growth leaves a copy of a secret.
 */
#include <ampagent/base/xml.h>

#include <ampagent/base/buf.h>

#include <expat.h>
#include <limits.h>

struct xml_reader {
	XML_Parser parser;
	const struct xml_handler *handler;
	struct err *err;
	size_t text_max;
	struct buf text;
	size_t starts[XML_DEPTH_MAX]; /* in text, of the open elements */
	int depth;
	int result; /* what stopped the reader */
};

/* ---- memory that is overwritten before it is freed ---- */

/* Before what is handed out, which stays aligned. */
union wiped_block {
	size_t size;
	max_align_t align;
};

static void *wiped_malloc(size_t size)
{
	union wiped_block *b = size < SIZE_MAX - sizeof *b ? malloc(sizeof *b + size) : NULL;
	if (!b)
		return NULL;
	b->size = size;
	return b + 1;
}

static void wiped_free(void *ptr)
{
	union wiped_block *b = ptr;
	if (!b)
		return;
	b--;
	explicit_bzero(b + 1, b->size);
	free(b);
}

static void *wiped_realloc(void *ptr, size_t size)
{
	void *moved = wiped_malloc(size);
	if (!moved || !ptr)
		return moved;
	size_t had = ((union wiped_block *)ptr - 1)->size;
	memcpy(moved, ptr, had < size ? had : size);
	wiped_free(ptr);
	return moved;
}

static const XML_Memory_Handling_Suite wiped_memory = {wiped_malloc, wiped_realloc, wiped_free};

/* ---- events ---- */

static void stop(struct xml_reader *r, int result)
{
	r->result = result;
	XML_StopParser(r->parser, XML_FALSE);
}

static void refuse(struct xml_reader *r, const char *why)
{
	err_at(r->err, 0, (int)XML_GetCurrentLineNumber(r->parser),
	       (int)XML_GetCurrentColumnNumber(r->parser) + 1, "%s", why);
	stop(r, 1);
}

static struct sv local_name(const char *name)
{
	const char *colon = strrchr(name, ':');
	return sv_of(colon ? colon + 1 : name);
}

static void on_begin(void *cls, const XML_Char *name, const XML_Char **attributes)
{
	struct xml_reader *r = cls;
	if (r->result != 0)
		return;
	if (r->depth == XML_DEPTH_MAX) {
		refuse(r, "elements nest too deep");
		return;
	}
	r->starts[r->depth++] = r->text.len;
	const struct xml_handler *h = r->handler;
	int result = h->begin ? h->begin(h->cls, local_name(name), r->err) : 0;
	if (result != 0)
		stop(r, result);
}

static void on_end(void *cls, const XML_Char *name)
{
	struct xml_reader *r = cls;
	if (r->result != 0)
		return;
	size_t start = r->starts[--r->depth];
	struct sv text = sv_from(buf_view(&r->text), start);
	const struct xml_handler *h = r->handler;
	int result = h->end ? h->end(h->cls, local_name(name), text, r->err) : 0;
	r->text.len = start;
	if (result != 0)
		stop(r, result);
}

static void on_text(void *cls, const XML_Char *text, int len)
{
	struct xml_reader *r = cls;
	if (r->result != 0 || r->depth == 0)
		return;
	size_t has = r->text.len - r->starts[r->depth - 1];
	if ((size_t)len > r->text_max - has)
		refuse(r, "an element's text is too long");
	else if (buf_append(&r->text, text, (size_t)len) != 0)
		stop(r, ERR_NOMEM);
}

static void on_doctype(void *cls, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int has_internal_subset)
{
	struct xml_reader *r = cls;
	if (r->result == 0)
		refuse(r, "a DOCTYPE is not allowed");
}

/* ---- reading ---- */

static void xml_reader_deinit(struct xml_reader *r)
{
	if (r->parser)
		XML_ParserFree(r->parser);
	buf_wipe(&r->text);
}

DEFINE_CLEANUP(struct xml_reader, xml_reader_deinit)

static int parse_failed(struct xml_reader *r)
{
	if (r->result != 0)
		return r->result == ERR_NOMEM ? err_set(r->err, ERR_NOMEM, "no memory") : r->result;
	enum XML_Error code = XML_GetErrorCode(r->parser);
	if (code == XML_ERROR_NO_MEMORY)
		return err_set(r->err, ERR_NOMEM, "no memory");
	return err_at(r->err, 1, (int)XML_GetCurrentLineNumber(r->parser),
		      (int)XML_GetCurrentColumnNumber(r->parser) + 1, "not XML: %s",
		      XML_ErrorString(code));
}

int xml_read(struct sv document, size_t text_max, const struct xml_handler *h, struct err *err)
{
	_cleanup_(xml_reader_deinit) struct xml_reader r = {
		.handler = h, .err = err, .text_max = text_max};
	if (document.len > INT_MAX)
		return err_set(err, 1, "the document is too long");
	/* The encoding is not the document's to choose: text of others would grow. UTF-16 is seen
	 * by its zeros, which nothing else may have. */
	if (sv_find(document, '\0') < document.len)
		return err_at(err, 1, 1, 1, "not XML in UTF-8");
	r.parser = XML_ParserCreate_MM("UTF-8", &wiped_memory, NULL);
	buf_init(&r.text, document.len);
	if (!r.parser || buf_reserve(&r.text, document.len) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_begin, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	const char *ptr = document.len ? document.ptr : "";
	if (XML_Parse(r.parser, ptr, (int)document.len, XML_TRUE) != XML_STATUS_OK)
		return parse_failed(&r);
	return r.result;
}
