#include "../../../remotewrite/causes.h"

#include "cmocka_all.h"

#include <ctype.h>
#include <string.h>

/* Each has a name that can be a metric's label, told from all others, and says what to do. */
static void test_all_have_words(void **state)
{
	for (int i = 0; i < CAUSES_; i++) {
		enum answer_cause c = (enum answer_cause)i;
		assert_non_null(cause_name(c));
		assert_true(strlen(cause_name(c)) > 0);
		for (const char *p = cause_name(c); *p; p++)
			assert_true(islower((unsigned char)*p) || *p == '_');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(cause_name((enum answer_cause)k), cause_name(c));
		if (i == CAUSE_NONE)
			continue;
		assert_true(strlen(cause_words(c)) > 10);
		assert_true(strlen(cause_advice(c)) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_have_words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
