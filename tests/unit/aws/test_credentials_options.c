/* Every member counts, and a copy stands on its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "credentials_options.h"

static struct aws_credentials_options full(void)
{
	return (struct aws_credentials_options){
		.access_key = SV("AKIDX"),
		.secret_key = SV("secret"),
		.session_token = SV("token"),
		.profile = SV("prod"),
		.role_arn = SV("arn:aws:iam::111122223333:role/r"),
		.external_id = SV("ext"),
		.role_session_name = SV("session"),
		.use_fips_sts = true,
		.region = SV("eu-west-1"),
	};
}

static void every_member_counts(void **state)
{
	struct aws_credentials_options a = full(), b = full();
	struct sv *texts[] = {&b.access_key, &b.secret_key,  &b.session_token,     &b.profile,
			      &b.role_arn,   &b.external_id, &b.role_session_name, &b.region};
	assert_true(credentials_options_equal(&a, &b));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct sv was = *texts[i];
		*texts[i] = SV("other");
		assert_false(credentials_options_equal(&a, &b));
		*texts[i] = SV_NULL;
		assert_false(credentials_options_equal(&a, &b));
		*texts[i] = was;
	}
	b.use_fips_sts = false;
	assert_false(credentials_options_equal(&a, &b));
}

static void a_copy_stands_on_its_own(void **state)
{
	struct credentials_options copy;
	char secret[] = "secret";
	struct aws_credentials_options a = full();
	struct err err = ERR_NULL;

	a.secret_key = sv_of(secret);
	assert_int_equal(credentials_options_copy(&copy, &a, &err), 0);
	memset(secret, 'x', sizeof secret - 1);
	struct aws_credentials_options want = full();
	assert_true(credentials_options_equal(&copy.view, &want));
	credentials_options_deinit(&copy);
}

static void an_empty_one(void **state)
{
	struct credentials_options copy;
	struct aws_credentials_options none = {0}, empty = {.profile = SV("")};
	struct err err = ERR_NULL;

	assert_int_equal(credentials_options_copy(&copy, &empty, &err), 0);
	assert_true(credentials_options_equal(&copy.view, &none));
	credentials_options_deinit(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_counts),
		cmocka_unit_test(a_copy_stands_on_its_own),
		cmocka_unit_test(an_empty_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
