/* What file_sd files say, and what is refused in them. */
#include "../../../ecs_discovery/groups.h"
#include "dump.h"

struct accepted {
	enum groups_form form;
	const char *text;
	const char *want;
};

#define J GROUPS_JSON
#define Y GROUPS_YAML
#define FILE_LABEL "__meta_filepath=\"f\""

static const struct accepted accepted[] = {
	{J, "[]", ""},
	{J, "null", ""},
	{J, "[{}]", "f:0 {" FILE_LABEL "} []\n"},
	{J, "[{\"targets\":[\"a:1\",\"b:2\"],\"labels\":{\"job\":\"x\",\"env\":\"p\"}}]",
	 "f:0 {" FILE_LABEL ", env=\"p\", job=\"x\"} [a:1 b:2]\n"},
	{J, "[{\"labels\":{\"a\":\"b\"}},\n{\"targets\":[\"c\"]}]",
	 "f:0 {" FILE_LABEL ", a=\"b\"} []\nf:1 {" FILE_LABEL "} [c]\n"},
	{J, "[{\"TARGETS\":[\"a\"],\"Labels\":null}]", "f:0 {" FILE_LABEL "} [a]\n"},
	{J, "[{\"targets\":[\"a\"],\"targets\":[\"b\"]}]", "f:0 {" FILE_LABEL "} [b]\n"},
	{J, "[{\"targets\":[\"a\"],\"targets\":null}]", "f:0 {" FILE_LABEL "} []\n"},
	{J, "[{\"labels\":{\"a\":\"1\"},\"labels\":{\"b\":\"2\",\"b\":\"3\"}}]",
	 "f:0 {" FILE_LABEL ", b=\"3\"} []\n"},
	{J, "[{\"labels\":{\"a\":\"\",\"b\":null,\"c\":\"x\"}}]",
	 "f:0 {" FILE_LABEL ", c=\"x\"} []\n"},
	{J, "[{\"labels\":{\"__meta_filepath\":\"mine\"}}]", "f:0 {" FILE_LABEL "} []\n"},
	{J, "[{\"labels\":{\"dotted.name\":\"x\"}}]",
	 "f:0 {" FILE_LABEL ", \"dotted.name\"=\"x\"} []\n"},
	{J, "[{\"targets\":[null]}]", "f:0 {" FILE_LABEL "} []\n"},
	{Y, "", ""},
	{Y, "[]", ""},
	{Y, "# nothing\n", ""},
	{Y, "- targets: [a:1, b]\n  labels:\n    job: x\n",
	 "f:0 {" FILE_LABEL ", job=\"x\"} [a:1 b]\n"},
	{Y, "- targets:\n  - 10.0.0.1\n  - 8080\n- labels: {on: yes, n: 010, f: 1.50, e: ~}\n",
	 "f:0 {" FILE_LABEL "} [10.0.0.1 8080]\n"
	 "f:1 {" FILE_LABEL ", f=\"1.50\", n=\"010\", on=\"yes\"} []\n"},
	{Y, "- targets:\n  labels:\n", "f:0 {" FILE_LABEL "} []\n"},
	{Y, "[{\"targets\": [\"a\"]}]", "f:0 {" FILE_LABEL "} [a]\n"},
};

static void test_accepted(void **state)
{
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
		const struct accepted *c = &accepted[i];
		_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
		_cleanup_(buf_deinit) struct buf got = BUF_NULL;
		struct err err = ERR_NULL;
		buf_init(&got, 65536);
		int r = groups_parse(c->form, sv_of(c->text), SV("f"), &list, &err);
		if (r != 0)
			fail_msg("%s: %s", c->text, err.msg);
		dump_groups(&got, list.v, list.n);
		buf_char(&got, 0);
		assert_string_equal(got.ptr, c->want);
	}
}

/* A null in the targets is a target without an address, which scraping reports. */
static void test_null_target_is_there(void **state)
{
	_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
	assert_int_equal(groups_parse(J, SV("[{\"targets\":[null,\"\"]}]"), SV("f"), &list, NULL),
			 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.v[0].n_targets, 2);
	assert_int_equal(list.v[0].targets[0].len, 0);
	assert_int_equal(list.v[0].targets[1].len, 0);
}

struct refused {
	enum groups_form form;
	const char *text;
	int line;
	const char *reason;
};

static const struct refused refused[] = {
	{J, "", 1, "JSON"},
	{J, "{}", 1, "expected a list of target groups"},
	{J, "[1]", 1, "expected a target group, an object"},
	{J, "[\n null]", 2, "nil target group item found"},
	{J, "[{\"targets\":\"a\"}]", 1, "expected a list of targets"},
	{J, "[{\"targets\":[\n\n1]}]", 3, "expected a target, a string"},
	{J, "[{\"targets\":[{}]}]", 1, "expected a target, a string"},
	{J, "[{\"labels\":[]}]", 1, "expected an object of labels"},
	{J, "[{\"labels\":{\"a\":1}}]", 1, "expected a label's value, a string"},
	{J, "[{\"labels\":{\"a\":{}}}]", 1, "expected a label's value, a string"},
	{J, "[{\"labels\":{\"\":\"x\"}}]", 1, "\"\" is not a valid label name"},
	{J, "[{\"target\":[\"a\"]}]", 1, "unknown field \"target\""},
	{J, "[{\"targets\":[\"a\"]}", 1, "JSON"},
	{J, "[{\"targets\":[\"a\"]}] x", 1, "JSON"},
	{J, "[{\"targets\":[\"\xff\"]}]", 1, "JSON"},
	{Y, "{}", 1, "expected a list of target groups"},
	{Y, "- a\n", 1, "expected a target group, a mapping"},
	{Y, "- targets: [a]\n-\n", 2, "nil target group item found"},
	{Y, "- targets: a\n", 1, "expected a list of targets"},
	{Y, "- targets:\n  - [a]\n", 2, "expected a target, a string"},
	{Y, "- labels: [a]\n", 1, "expected a mapping of labels"},
	{Y, "- labels:\n    a: [b]\n", 2, "expected a label's value, a string"},
	{Y, "- labels:\n    \"\": b\n", 2, "\"\" is not a valid label name"},
	{Y, "- target: [a]\n", 1, "unknown field \"target\""},
	{Y, "- Targets: [a]\n", 1, "unknown field \"Targets\""},
	{Y, "- targets: [a]\n  targets: [b]\n", 2, ""},
	{Y, "- targets: [a\n", 2, ""},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const struct refused *c = &refused[i];
		struct group_list list = GROUP_LIST_NULL;
		struct err err = ERR_NULL;
		int r = groups_parse(c->form, sv_of(c->text), SV("f"), &list, &err);
		if (r != 1 || err.line != c->line || !strstr(err.msg, c->reason))
			fail_msg("%s: %d, line %d, %s", c->text, r, err.line, err.msg);
		assert_null(list.v);
	}
}

static void test_limits(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct group_list list = GROUP_LIST_NULL;
	struct err err = ERR_NULL;
	buf_init(&text, MiB(1));
	buf_sv(&text, SV("[{\"labels\":{"));
	for (int i = 0; i <= LIMIT_LABELS_COUNT; i++)
		buf_printf(&text, "%s\"l%d\":\"x\"", i > 0 ? "," : "", i);
	buf_sv(&text, SV("}}]"));
	assert_int_equal(groups_parse(J, buf_view(&text), SV("f"), &list, &err), 1);
	assert_non_null(strstr(err.msg, "more than 1024 labels"));
	buf_reset(&text);
	buf_sv(&text, SV("- targets:\n  - "));
	for (size_t i = 0; i < LIMIT_LABELS_BYTES; i++)
		buf_char(&text, 'a');
	assert_int_equal(groups_parse(Y, buf_view(&text), SV("f"), &list, &err), 1);
	assert_non_null(strstr(err.msg, "a target is longer than 65536 bytes"));
	assert_int_equal(err.line, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_null_target_is_there),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
