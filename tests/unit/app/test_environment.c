/* Where the agent runs, what the environment asks for, and the table of variables. */
#include "environment.h"

#include "variables.h"

#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state)
{
	clear_all();
	return 0;
}

static void places(void **state)
{
	assert_int_equal(environment_place(get), PLACE_HOST);
	set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
	assert_int_equal(environment_place(get), PLACE_KUBERNETES);
	set("ECS_CONTAINER_METADATA_URI_V4", " ");
	set("ECS_CONTAINER_METADATA_URI", "");
	assert_int_equal(environment_place(get), PLACE_KUBERNETES);
	set("ECS_CONTAINER_METADATA_URI", "http://169.254.170.2/v3/x");
	assert_int_equal(environment_place(get), PLACE_ECS);
	clear_all();
	set("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x");
	assert_int_equal(environment_place(get), PLACE_ECS);
}

static void listen_addresses(void **state)
{
	assert_string_equal(environment_listen(PLACE_HOST), "0.0.0.0:9090");
	assert_string_equal(environment_listen(PLACE_KUBERNETES), "0.0.0.0:9090");
	assert_string_equal(environment_listen(PLACE_ECS), "127.0.0.1:19090");
}

static void asks(void **state)
{
	static const char *const destinations[] = {
		"AMPAGENT_REMOTE_WRITE_URL", "AWS_PROMETHEUS_ENDPOINT", "AMPAGENT_WORKSPACE_ID"};
	for (size_t i = 0; i < 3; i++) {
		clear_all();
		set("AMPAGENT_TARGETS", "127.0.0.1:80");
		assert_false(environment_asks(get));
		set(destinations[i], " ");
		assert_false(environment_asks(get));
		set(destinations[i], "x");
		assert_true(environment_asks(get));
	}
}

static void process(void **state)
{
	setenv("AMPAGENT_TEST_OF_GETENV", "x", 1);
	assert_string_equal(environment_process("AMPAGENT_TEST_OF_GETENV"), "x");
	unsetenv("AMPAGENT_TEST_OF_GETENV");
	assert_null(environment_process("AMPAGENT_TEST_OF_GETENV"));
}

static void documentation(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	assert_int_equal(environment_print_docs(&out), 0);
	for (const struct environment_variable *v = environment_variables; v->name; v++) {
		char row[96];
		snprintf(row, sizeof row, "\n| `%s` | ", v->name);
		size_t at = sv_find_sv(buf_view(&out), sv_of(row));
		assert_true(at < out.len);
		/* Once, and no cell ends where it should not. */
		struct sv rest = sv_from(buf_view(&out), at + 1);
		assert_int_equal(sv_find_sv(rest, sv_of(row)), rest.len);
		assert_null(strchr(v->help, '|'));
		assert_true(v->help[0] != '\0' && v->help[strlen(v->help) - 1] == '.');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(places, setup), cmocka_unit_test(listen_addresses),
		cmocka_unit_test_setup(asks, setup),   cmocka_unit_test(process),
		cmocka_unit_test(documentation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
