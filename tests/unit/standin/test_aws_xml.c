#include "check.h"

#include "../../../src/standin/aws_xml.h"

static void as_xml(const char *json, const char *want)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4096);
	aws_xml_json(&out, SV("x"), sv_of(json));
	assert_sv(buf_view(&out), want);
}

static void text_is_escaped(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4096);
	aws_xml_element(&out, SV("Message"), SV("a<b>&\"c'"));
	assert_sv(buf_view(&out), "<Message>a&lt;b&gt;&amp;&quot;c&#39;</Message>");
}

static void scalars_are_text(void **state)
{
	as_xml("1.50", "<x>1.50</x>");
	as_xml("true", "<x>true</x>");
	as_xml("\"\"", "<x></x>");
	as_xml("\"a\\n\\u00fc\\\"<\"", "<x>a\n\xc3\xbc&quot;&lt;</x>");
}

static void null_is_left_out(void **state)
{
	as_xml("null", "");
	as_xml("{\"a\":null,\"b\":0}", "<x><b>0</b></x>");
}

static void arrays_have_items(void **state)
{
	as_xml("[]", "<x></x>");
	as_xml("[{\"key\":\"k\",\"value\":\"v\"},\"s\"]",
	       "<x><item><key>k</key><value>v</value></item><item>s</item></x>");
	as_xml("{\"a\":{\"b\":[[1]]}}", "<x><a><b><item><item>1</item></item></b></a></x>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(scalars_are_text),
		cmocka_unit_test(null_is_left_out),
		cmocka_unit_test(arrays_have_items),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
