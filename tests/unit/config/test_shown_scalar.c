/* shown_scalar: strings as YAML that reads back, in Prometheus's choice of quotes. */
#include "parse.h"

#include "shown.h"

#include <ampagent/base/limits.h>

static const struct {
	const char *text, *yaml;
} cases[] = {
	{"a", "a"},
	{"", "\"\""},
	{"a b", "a b"},
	{"y", "\"y\""},
	{"No", "\"No\""},
	{"nope", "nope"},
	{"true", "\"true\""},
	{"null", "\"null\""},
	{"~", "\"~\""},
	{"1", "\"1\""},
	{"0x1f", "\"0x1f\""},
	{"1.5e3", "\"1.5e3\""},
	{".inf", "\".inf\""},
	{"1_000", "\"1_000\""},
	{"10.0.0.1:80", "10.0.0.1:80"},
	{"host:80", "host:80"},
	{"2020-01-01", "\"2020-01-01\""},
	{"2020-x", "2020-x"},
	{"1:20", "\"1:20\""},
	{"190:20:30", "\"190:20:30\""},
	{"1:80", "1:80"},
	{"1:2x", "1:2x"},
	{"host:", "'host:'"},
	{"a: b", "'a: b'"},
	{"a #b", "'a #b'"},
	{"#b", "'#b'"},
	{"it's", "it's"},
	{"'it's", "'''it''s'"},
	{"- a", "'- a'"},
	{"-a", "-a"},
	{"[a]", "'[a]'"},
	{"{a}", "'{a}'"},
	{"*a", "'*a'"},
	{"&a", "'&a'"},
	{"!a", "'!a'"},
	{"%a", "'%a'"},
	{"@a", "'@a'"},
	{"a ", "'a '"},
	{" a", "' a'"},
	{"$1", "$1"},
	{";", ";"},
	{"(.*)", "(.*)"},
	{"__meta_(.+)", "__meta_(.+)"},
	{"/a/b.yml", "/a/b.yml"},
	{"a\nb", "\"a\\nb\""},
	{"a\tb", "\"a\\tb\""},
	{"\"", "'\"'"},
	{"a\"\x01\\", "\"a\\\"\\u0001\\\\\""},
	{"\xc3\xa9", "\xc3\xa9"},
	{"a\xc2\x85", "\"a\\u0085\""},
	{"\xef\xbb\xbf"
	 "a",
	 "\"\\ufeffa\""},
	{"\xff\xfe", "!!binary //4="},
};

static void test_scalars(void **state)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct yaml_node *root;
		struct err err = ERR_NULL;
		buf_init(&out, KiB(4));
		arena_init(&arena, MiB(1));
		shown_scalar(&out, sv_of(cases[i].text));
		if (!sv_eq(buf_view(&out), sv_of(cases[i].yaml)))
			fail_msg("\"%s\" gives %.*s, not %s", cases[i].text, SV_ARG(buf_view(&out)),
				 cases[i].yaml);
		if (yaml_parse(&arena, buf_view(&out), &root, &err) != 0)
			fail_msg("%s: %s", cases[i].yaml, err.msg);
		assert_int_equal(root->kind, YAML_STRING);
		assert_sv_equal(root->text, cases[i].text);
	}
}

static void test_urls(void **state)
{
	static const struct {
		const char *url, *yaml;
	} urls[] = {
		{"http://user:pass@h/x", "http://user:xxxxx@h/x"},
		{"http://user@h/x", "http://user@h/x"},
		{"http://h/x:y@z", "http://h/x:y@z"},
		{"http://h:80/x", "http://h:80/x"},
		{"http://h:80?x@y", "http://h:80?x@y"},
		{"http://h:80#x@y", "http://h:80#x@y"},
		{"http://u:p@h?x@y", "http://u:xxxxx@h?x@y"},
		{"h:p@x", "h:p@x"},
		{"", "\"\""},
	};
	for (size_t i = 0; i < LEN(urls); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, KiB(4));
		shown_url(&out, sv_of(urls[i].url));
		assert_sv_equal(buf_view(&out), urls[i].yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
