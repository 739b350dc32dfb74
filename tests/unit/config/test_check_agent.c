/* check_agent: which labels tell tasks apart. */
#include "parse.h"

static const struct refusal refusals[] = {
	{"ampagent: {identity: on}\n", 1, 22, "\"identity\": unknown value \"on\""},
	{"ampagent: {identity: stict}\n", 1, 22, "did you mean \"strict\"?"},
	{"ampagent: {identity: ''}\n", 1, 22, "\"identity\" cannot be empty"},
	{"ampagent: {identity_labels: ecs_task_id}\n", 1, 29, "expected list of strings"},
	{"ampagent: {identity_labels: [ecs_cluster, ecs_tsk_id]}\n", 1, 43,
	 "\"identity_labels\": unknown label \"ecs_tsk_id\" (did you mean \"ecs_task_id\"?)"},
	{"ampagent: {identity_labels: [instance]}\n", 1, 30, "unknown label \"instance\""},
	{"ampagent:\n  identity_labels:\n    - ecs_cluster\n    - ecs_cluster\n", 4, 7,
	 "\"ecs_cluster\" is named twice"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

/* What is left open names all labels, and only a list says otherwise. */
static void test_labels(void **state)
{
	static const struct {
		const char *yaml;
		size_t n;
		const char *first, *last;
	} cases[] = {
		{"", 8, "ecs_cluster", "ecs_launch_type"},
		{"ampagent:\n", 8, "ecs_cluster", "ecs_launch_type"},
		{"ampagent: {identity_labels: }\n", 8, "ecs_cluster", "ecs_launch_type"},
		{"ampagent: {identity_labels: []}\n", 0, NULL, NULL},
		{"ampagent: {identity_labels: [ecs_task_id, ecs_service]}\n", 2, "ecs_task_id",
		 "ecs_service"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(cases[i].yaml);
		assert_int_equal(c->agent.n_identity_labels, cases[i].n);
		if (cases[i].n == 0)
			continue;
		assert_sv_equal(c->agent.identity_labels[0], cases[i].first);
		assert_sv_equal(c->agent.identity_labels[cases[i].n - 1], cases[i].last);
	}
}

/* "off" is a boolean to YAML and a word here. */
static void test_modes(void **state)
{
	static const struct {
		const char *yaml;
		enum identity_mode mode;
	} cases[] = {
		{"", IDENTITY_AUTO},
		{"ampagent: {identity: auto}\n", IDENTITY_AUTO},
		{"ampagent: {identity: strict}\n", IDENTITY_STRICT},
		{"ampagent: {identity: off}\n", IDENTITY_OFF},
		{"ampagent: {identity: 'off', wal: {max_age: 5s}}\n", IDENTITY_OFF},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(cases[i].yaml);
		assert_int_equal(c->agent.identity, cases[i].mode);
		assert_int_equal(c->agent.wal_max_bytes, 2048ULL << 20);
	}
}

static void test_shown(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("ampagent: {identity: off, identity_labels: []}\n");
	static const char tail[] = "  identity: \"off\"\n  identity_labels: []\n";
	assert_true(c->shown.len > strlen(tail));
	assert_sv_equal(sv_from(c->shown, c->shown.len - strlen(tail)), tail);
	_cleanup_(config_unrefp) struct config *again = parse_good(c->shown.ptr);
	assert_int_equal(again->agent.identity, IDENTITY_OFF);
	assert_int_equal(again->agent.n_identity_labels, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
