/* The dialect of the shared files, each odd case as the SDK for Go has it; what that one passes
 * over in silence is an error with its line, and no error shows a line's text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ini.h"
#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>

/* "[type name]key=value;..." of all there is, so that a case is one line. */
static void dump(const struct aws_ini *ini, struct buf *out)
{
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct aws_ini_section *s = &ini->sections[i];
		buf_printf(out, "[%.*s|%.*s]", SV_ARG(s->type), SV_ARG(s->name));
		for (size_t k = 0; k < s->n_pairs; k++)
			buf_printf(out, "%.*s=%.*s;", SV_ARG(s->pairs[k].key),
				   SV_ARG(s->pairs[k].value));
	}
}

static void expect(const char *text, const char *want)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	struct aws_ini ini;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(1));
	buf_init(&got, MiB(1));
	assert_int_equal(aws_ini_parse(&arena, sv_of(text), &ini, &err), 0);
	dump(&ini, &got);
	buf_char(&got, '\0');
	assert_string_equal(got.ptr, want);
}

static void test_understood(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"\n  \n# a=b\n;[x]\n\t# y\n", ""},
		{"[default]\na=1\n", "[|default]a=1;"},
		{"[default]\na=1", "[|default]a=1;"},
		{"\xef\xbb\xbf[default]\r\na = 1\r\n\r\nb = 2\r\n", "[|default]a=1;b=2;"},
		/* Headings. */
		{"[profile x]\n[ profile   y ]\n[profile\tz] # c\n  [w];c\n",
		 "[profile|x][profile|y][profile|z][|w]"},
		{"[profile a b]\n[profile \"c d\"]\n[profile 'e f']\n[profile \"g]\n",
		 "[profile|a b][profile|c d][profile|e f][profile|\"g]"},
		{"[sso-session my]\n[services s]\n", "[sso-session|my][services|s]"},
		/* Keys: case goes, the first of '=' and ':' cuts. */
		{"[d]\nAWS_Access_Key_ID : AK\nrole_arn=arn:aws:x\nu:a=b\nv\t=\tw x \n",
		 "[|d]aws_access_key_id=AK;role_arn=arn:aws:x;u=a=b;v=w x;"},
		/* Comments behind values want a blank; quotes around a value go. */
		{"[d]\na=1 # c\nb=1#c\nc=1;c\nd=1\t;c\ne='x y'\nf=\"x\"\ng=\"\nh='x\"\ni= # c\n",
		 "[|d]a=1;b=1#c;c=1;c;d=1;e=x y;f=x;g=\";h='x\";i=;"},
		/* The last one of a key counts, and a section may come in parts. */
		{"[d]\na=1\nb=1\nA=2\n[e]\n[d]\nb=3\n", "[|d]a=2;b=3;[|e]"},
		/* Indented keys of a section, and lines that go on. */
		{"[d]\n  a=1 # c\n  b='2'\n", "[|d]a=1;b=2;"},
		{"[d]\na=1\n  two\n\tthree # kept\r\nb=2\n", "[|d]a=1\ntwo\nthree # kept;b=2;"},
		{"[d]\na=1\n  # not a part\n  two\n", "[|d]a=1\ntwo;"},
		{"[d]\na=x\n  b=y\n  more\n", "[|d]a=x;b=y\nmore;"},
		/* Blocks; a comment behind a value belongs to it there. */
		{"[services s]\nsts =\n  Endpoint_URL = http://h # c\n  x: 'y'\nsso=\n  e = 1\nz = "
		 "2\n",
		 "[services|s]sts=;sts.endpoint_url=http://h # c;sts.x=y;sso=;sso.e=1;z=2;"},
		{"[d]\ns3=\n  a=1\n  a=2\n", "[|d]s3=;s3.a=2;"},
		/* A block that comes again starts anew. */
		{"[d]\ns3=\n  a=1\ns3=\n  b=2\n", "[|d]s3=;s3.b=2;"},
		{"[d]\ns3=\n  a=1\ns3=x\n", "[|d]s3=x;"},
		/* Values with other bytes stay as they are. */
		{"[d]\na=\xc3\xa9=\xff\n", "[|d]a=\xc3\xa9=\xff;"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect(cases[i].text, cases[i].want);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *want;
	} cases[] = {
		{"hidden=1\n[d]\n", 1, "before the first section"},
		{"[d]\n\nhidden\n", 3, "neither a heading nor a key"},
		{"[d]\nhidden # a=b\n", 2, "neither a heading nor a key"},
		{"[d]\n=hidden\n", 2, "key before '=' is missing"},
		{"[d\nhidden=1\n", 1, "']'"},
		{"[d] hidden\n", 1, "']'"},
		{"[hid#den]\n", 1, "']'"},
		{"[]\n", 1, "name is missing"},
		{"[ ]\n", 1, "name is missing"},
		{"[profile \"\"]\n", 1, "name is missing"},
		{"[", 1, "']'"},
		{"[d]\n  hidden\n", 2, "goes on with nothing"},
		{"[d]\na=\n  hidden\n", 3, "key without value"},
		{"[d]\na=\n  =hidden\n", 3, "key before '=' is missing"},
		{"[d]\na=1\n[e]\n  hidden\n", 4, "goes on with nothing"},
	};
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	arena_init(&arena, MiB(1));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_ini ini;
		struct err err = ERR_NULL;
		assert_int_equal(aws_ini_parse(&arena, sv_of(cases[i].text), &ini, &err), 1);
		assert_int_equal(err.line, cases[i].line);
		assert_non_null(strstr(err.msg, cases[i].want));
		assert_null(strstr(err.msg, "hid"));
	}
}

static void test_lines_of_keys(void **state)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_ini ini;
	arena_init(&arena, MiB(1));
	assert_int_equal(aws_ini_parse(&arena, SV("# c\n[d]\na=1\n\nb=\n  c=2\na=3\n"), &ini, NULL),
			 0);
	const struct aws_ini_section *s = &ini.sections[0];
	assert_int_equal(s->line, 2);
	assert_int_equal(s->n_pairs, 3);
	assert_int_equal(s->pairs[0].line, 5);
	assert_int_equal(s->pairs[1].line, 6);
	assert_int_equal(s->pairs[2].line, 7);
}

/* A file in UTF-16 has a zero in each letter. */
static void test_zero_bytes(void **state)
{
	static const char text[] = "[\0d\0]\0\n\0";
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_ini ini;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(1));
	assert_int_equal(aws_ini_parse(&arena, sv_make(text, sizeof text - 1), &ini, &err), 1);
	assert_int_equal(err.line, 1);
	assert_non_null(strstr(err.msg, "zero byte"));
}

static int parse_many(const char *each, size_t n, const char *head, struct err *err)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct aws_ini ini;
	arena_init(&arena, MiB(64));
	buf_init(&text, MiB(16));
	buf_printf(&text, "%s", head);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%zu%s", each, i, each[0] == '[' ? "]\n" : "=1\n");
	assert_false(buf_failed(&text));
	return aws_ini_parse(&arena, buf_view(&text), &ini, err);
}

static void test_bounds(void **state)
{
	struct err err = ERR_NULL;
	assert_int_equal(parse_many("[s", LIMIT_AWS_INI_SECTIONS, "", &err), 0);
	assert_int_equal(parse_many("[s", LIMIT_AWS_INI_SECTIONS + 1, "", &err), 1);
	assert_int_equal(err.line, LIMIT_AWS_INI_SECTIONS + 1);
	assert_int_equal(parse_many("k", LIMIT_AWS_INI_KEYS, "[d]\n", &err), 0);
	assert_int_equal(parse_many("k", LIMIT_AWS_INI_KEYS + 1, "[d]\n", &err), 1);

	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_ini ini;
	buf_init(&text, MiB(16));
	arena_init(&arena, MiB(64));
	buf_printf(&text, "[d]\na=");
	for (size_t i = 0; i < LIMIT_AWS_INI_LINE; i++)
		buf_char(&text, 'x');
	assert_int_equal(aws_ini_parse(&arena, buf_view(&text), &ini, &err), 1);
	assert_int_equal(err.line, 2);
	/* As many lines as a value may have bytes: time and memory stay in proportion. */
	buf_reset(&text);
	buf_printf(&text, "[d]\na=b\n");
	for (size_t i = 0; i < LIMIT_AWS_INI_LINE; i++)
		buf_printf(&text, " c\n");
	assert_int_equal(aws_ini_parse(&arena, buf_view(&text), &ini, &err), 1);
	assert_int_equal(err.line, 2 + LIMIT_AWS_INI_LINE / 2);
	assert_true(arena.used < MiB(2));
}

static void test_no_memory(void **state)
{
	for (size_t max = 16; max < 4096; max += 16) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		struct aws_ini ini;
		struct err err = ERR_NULL;
		arena_init(&arena, max);
		int r = aws_ini_parse(&arena, SV("[a b]\nk=v\n more\n[c]\ns=\n x=y\n"), &ini, &err);
		assert_true(r == 0 || r == ERR_NOMEM);
		if (r == 0)
			return;
	}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lines_of_keys), cmocka_unit_test(test_zero_bytes),
		cmocka_unit_test(test_bounds),        cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
