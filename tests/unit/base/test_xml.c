/* xml: elements and their text as a line of events, places of what is refused, bounds, memory. */
#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/xml.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

static int on_begin(void *cls, struct sv name, struct err *err)
{
	return buf_printf(cls, "<%.*s", SV_ARG(name));
}

static int on_end(void *cls, struct sv name, struct sv text, struct err *err)
{
	return buf_printf(cls, "[%.*s]%.*s>", SV_ARG(text), SV_ARG(name));
}

static const struct {
	const char *xml, *events;
} good[] = {
	{"<a/>", "<a[]a>"},
	{"<a></a>", "<a[]a>"},
	{"<?xml version=\"1.0\"?>\n<a>x</a>\n", "<a[x]a>"},
	{"\xef\xbb\xbf<a>x</a>", "<a[x]a>"},
	{"<a> x\n</a>", "<a[ x\n]a>"},
	{"<a>x\r\ny</a>", "<a[x\ny]a>"},
	{"<a><b>1</b><b>2</b></a>", "<a<b[1]b><b[2]b>[]a>"},
	/* what is directly inside, on both sides of a child */
	{"<a>x<b>y<c>z</c>y</b>x<b/>x</a>", "<a<b<c[z]c>[yy]b><b[]b>[xxx]a>"},
	{"<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x263a;</a>", "<a[<>&\"'A\xe2\x98\xba]a>"},
	{"<a><![CDATA[<&]]>x<![CDATA[]]></a>", "<a[<&x]a>"},
	{"<a>x<!-- & no -->y<?pi z?></a>", "<a[xy]a>"},
	/* names without what is before the colon; attributes do not count */
	{"<p:a xmlns:p=\"urn:x\" p:k=\"v\"><p:b>1</p:b></p:a>", "<a<b[1]b>[]a>"},
	{"<a xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">x</a>", "<a[x]a>"},
	{"<\xc3\xa4>\xc3\xb6</\xc3\xa4>", "<\xc3\xa4[\xc3\xb6]\xc3\xa4>"},
};

static int read_events(const char *xml, size_t text_max, struct buf *events, struct err *err)
{
	const struct xml_handler h = {on_begin, on_end, events};
	buf_init(events, MiB(1));
	return xml_read(sv_of(xml), text_max, &h, err);
}

static void test_good(void **state)
{
	for (size_t i = 0; i < LEN(good); i++) {
		_cleanup_(buf_deinit) struct buf events = BUF_NULL;
		struct err err = ERR_NULL;
		if (read_events(good[i].xml, 100, &events, &err) != 0)
			fail_msg("%s: %s", good[i].xml, err.msg);
		buf_char(&events, '\0');
		assert_string_equal(events.ptr, good[i].events);
	}
}

static const struct {
	const char *xml;
	int line, col;
	const char *why;
} bad[] = {
	{"", 1, 1, "no element"},
	{" \n ", 2, 2, "no element"},
	{"x", 1, 1, "syntax"},
	{"{\"a\":1}", 1, 1, "not well-formed"},
	{"<a>", 1, 4, "no element"},
	{"<a>\n <b></a>", 2, 7, "mismatched"},
	{"<a/><b/>", 1, 5, "junk after"},
	{"<a>\n&foo;</a>", 2, 1, "undefined entity"},
	{"<a>&#0;</a>", 1, 4, "character number"},
	{"<a>\xff</a>", 1, 4, "not well-formed"},
	{"<a>\x01</a>", 1, 4, "not well-formed"},
	{"<a x='1' x='2'/>", 1, 10, "duplicate attribute"},
	{"<!DOCTYPE a><a/>", 1, 12, "DOCTYPE"},
	{"<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", 2, 13, "DOCTYPE"},
	{"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", 1, 40, "DOCTYPE"},
	{"<a>12345678</a>", 1, 4, "too long"},
	{"<a>1234<b>1234</b>567<b/>8</a>", 1, 26, "too long"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < LEN(bad); i++) {
		_cleanup_(buf_deinit) struct buf events = BUF_NULL;
		struct err err = ERR_NULL;
		assert_int_equal(read_events(bad[i].xml, 7, &events, &err), 1);
		if (err.line != bad[i].line || err.col != bad[i].col ||
		    !strstr(err.msg, bad[i].why))
			fail_msg("%s: %d:%d: %s", bad[i].xml, err.line, err.col, err.msg);
	}
	const struct xml_handler none = {NULL, NULL, NULL};
	assert_int_equal(xml_read(SV("<a>x"), 9, &none, NULL), 1);
}

/* What says that it has another encoding is read as UTF-8, so that text never grows. */
static void test_encodings(void **state)
{
	static const char little[] = "\xff\xfe<\0a\0>\0\x3a\x26<\0/\0a\0>\0";
	static const char big[] = "\0<\0a\0/\0>";
	_cleanup_(buf_deinit) struct buf events = BUF_NULL;
	const struct xml_handler h = {on_begin, on_end, &events};
	struct err err = ERR_NULL;
	assert_int_equal(read_events("<?xml version='1.0' encoding='iso-8859-1'?><a>\xc3\xa4</a>",
				     9, &events, NULL),
			 0);
	assert_int_equal(sv_find_sv(buf_view(&events), SV("\xc3\xa4")), 3);
	assert_int_equal(xml_read(sv_make(little, sizeof little - 1), 9, &h, &err), 1);
	assert_string_equal(err.msg, "not XML in UTF-8");
	assert_int_equal(xml_read(sv_make(big, sizeof big - 1), 9, &h, &err), 1);
	assert_int_equal(err.line, 1);
}

static void nest(struct buf *b, int depth)
{
	buf_init(b, MiB(1));
	for (int i = 0; i < depth; i++)
		buf_sv(b, SV("<a>"));
	for (int i = 0; i < depth; i++)
		buf_sv(b, SV("</a>"));
	buf_char(b, '\0');
}

static void test_depth(void **state)
{
	for (int over = 0; over < 2; over++) {
		_cleanup_(buf_deinit) struct buf xml = BUF_NULL;
		_cleanup_(buf_deinit) struct buf events = BUF_NULL;
		struct err err = ERR_NULL;
		nest(&xml, XML_DEPTH_MAX + over);
		assert_int_equal(read_events(xml.ptr, 9, &events, &err), over);
		assert_int_equal(err.col, over ? 3 * XML_DEPTH_MAX + 1 : 0);
		assert_int_equal(strstr(err.msg, "too deep") != NULL, over);
	}
}

struct stopper {
	int begins, ends, stop_at_begin, stop_at_end;
};

static int stop_begin(void *cls, struct sv name, struct err *err)
{
	struct stopper *s = cls;
	return ++s->begins == s->stop_at_begin ? err_set(err, 7, "enough") : 0;
}

static int stop_end(void *cls, struct sv name, struct sv text, struct err *err)
{
	struct stopper *s = cls;
	return ++s->ends == s->stop_at_end ? err_set(err, -7, "enough") : 0;
}

static void test_handler_stops(void **state)
{
	static const struct {
		int at_begin, at_end, result, begins, ends;
	} cases[] = {{1, 0, 7, 1, 0},  {2, 0, 7, 2, 0},  {3, 0, 7, 3, 1},
		     {0, 1, -7, 2, 1}, {0, 3, -7, 3, 3}, {0, 0, 0, 3, 3}};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct stopper s = {0, 0, cases[i].at_begin, cases[i].at_end};
		struct xml_handler h = {stop_begin, stop_end, &s};
		struct err err = ERR_NULL;
		assert_int_equal(xml_read(SV("<a><b/>x<c/></a>"), 9, &h, &err), cases[i].result);
		assert_string_equal(err.msg, cases[i].result ? "enough" : "");
		assert_int_equal(s.begins, cases[i].begins);
		assert_int_equal(s.ends, cases[i].ends);
	}
	const struct xml_handler none = {NULL, NULL, NULL};
	assert_int_equal(xml_read(SV("<a>x</a>"), 9, &none, NULL), 0);
}

/* ---- what is freed is overwritten ---- */

#define SECRET "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"

static bool watching;
static unsigned blocks_seen, blocks_with_secret;

void __real_free(void *ptr);
void __wrap_free(void *ptr);

void __wrap_free(void *ptr)
{
	if (watching && ptr) {
		size_t n = malloc_usable_size(ptr);
		blocks_seen++;
		if (memmem(ptr, n, SECRET, 16))
			blocks_with_secret++;
	}
	__real_free(ptr);
}

static int nothing(void *cls, struct sv name, struct sv text, struct err *err)
{
	struct sv *last = cls;
	if (sv_eq(text, SV(SECRET)))
		last->len++;
	return 0;
}

static void test_freed_memory_is_wiped(void **state)
{
	/* In text, in a name, in an attribute (which expat keeps), and where it goes wrong. */
	static const char *const documents[] = {
		"<a><s>" SECRET "</s></a>",
		"<a><" SECRET "/></a>",
		"<a k='" SECRET "'>x</a>",
		"<a><s>" SECRET "</s><b></a>",
		"<a><s>&#119;"
		"JalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY</s>" SECRET,
	};
	unsigned texts = 0;
	for (size_t i = 0; i < LEN(documents); i++) {
		struct sv seen = SV_NULL;
		const struct xml_handler h = {NULL, nothing, &seen};
		watching = true;
		xml_read(sv_of(documents[i]), 1000, &h, NULL);
		watching = false;
		texts += (unsigned)seen.len;
	}
	assert_int_equal(texts, 3);
	assert_true(blocks_seen > 10);
	assert_int_equal(blocks_with_secret, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_bad),
		cmocka_unit_test(test_encodings),     cmocka_unit_test(test_depth),
		cmocka_unit_test(test_handler_stops), cmocka_unit_test(test_freed_memory_is_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
