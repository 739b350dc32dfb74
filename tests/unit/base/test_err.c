#include "check.h"

#include <ampagent/base/err.h>

#include <string.h>

static void carries_a_message(void **state)
{
	struct err err = ERR_NULL;
	assert_int_equal(err_at(&err, 3, 7, 9, "bad %s", "key"), 3);
	assert_int_equal(err.line, 7);
	assert_int_equal(err.col, 9);
	assert_string_equal(err.msg, "bad key");
	err_prefix(&err, "file %d", 1);
	assert_string_equal(err.msg, "file 1: bad key");
	assert_int_equal(err.line, 7);
	assert_int_equal(err_set(&err, ERR_NOMEM, "again"), ERR_NOMEM);
	assert_int_equal(err.line, 0);
	assert_string_equal(err.msg, "again");
}

static void null_is_allowed(void **state)
{
	assert_int_equal(err_set(NULL, 1, "x"), 1);
	assert_int_equal(err_at(NULL, 2, 1, 1, "x"), 2);
	err_prefix(NULL, "x");
}

static void long_messages_are_cut(void **state)
{
	struct err err = ERR_NULL;
	char text[2 * ERR_MSG_MAX];
	memset(text, 'm', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&err, 1, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	err_prefix(&err, "where");
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_memory_equal(err.msg, "where: mmm", 10);
	memset(text, 'p', sizeof text - 1);
	err_prefix(&err, "%s", text);
	assert_true(strlen(err.msg) < ERR_MSG_MAX);
	assert_int_equal(err.msg[0], 'p');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_a_message),
		cmocka_unit_test(null_is_allowed),
		cmocka_unit_test(long_messages_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
