/* Keys of the instance's role, as its metadata gives them, and each way to fail. */
#include "source_rig.h"

#include <stdio.h>
#include <string.h>

#define PUT_TOKEN "PUT /latest/api/token"
#define EXTENDED "GET /latest/meta-data/iam/security-credentials-extended/"
#define PLAIN "GET /latest/meta-data/iam/security-credentials/"
#define KEYS                                                                                       \
	"{\"Code\":\"Success\",\"LastUpdated\":\"2026-11-21T10:10:32Z\",\"Type\":\"AWS-HMAC\","    \
	"\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"secret1\",\"Token\":\"token1\","          \
	"\"Expiration\":\"2026-11-21T16:10:32Z\",\"AccountId\":\"123456789012\"}"

static void extended(void **state)
{
	struct rig *r = *state;
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, EXTENDED, 200, "web-role");
	rig_answers(r, EXTENDED "web-role", 200, KEYS);
	rig_dates(r, "Sat, 21 Nov 2026 15:10:32 GMT");
	rig_fetch(r, source_instance_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
	assert_int_equal(r->expires_ms, 1795277432000);
	assert_int_equal(r->peer_now_ms, 1795273832500);
	assert_string_equal(r->account, "123456789012");
	/* The role is asked for anew, the token is not. */
	rig_answers(r, EXTENDED, 200, "other+role@x,=.\nand another\n");
	rig_answers(r, EXTENDED "other%2Brole%40x%2C%3D.", 200, KEYS);
	rig_fetch(r, source_instance_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
	assert_int_equal(rig_count(r, PUT_TOKEN), 1);
	assert_int_equal(rig_count(r, EXTENDED), 2);
}

static void plain(void **state)
{
	struct rig *r = *state;
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, EXTENDED, 404, "<html>");
	rig_answers(r, PLAIN, 200, "web-role\n");
	rig_answers(r, PLAIN "web-role", 200, KEYS);
	rig_fetch(r, source_instance_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
}

static void no_role(void **state)
{
	struct rig *r = *state;
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, EXTENDED, 404, "");
	rig_answers(r, PLAIN, 404, "");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "the instance has no role: attach an instance profile");
	rig_answers(r, EXTENDED, 200, "\n");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "the instance has no role");
	rig_answers(r, EXTENDED, 200, "gone-role");
	rig_answers(r, EXTENDED "gone-role", 404, "");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "names the role gone-role, but has no keys of it");
	static char long_name[300];
	memset(long_name, 'r', sizeof long_name - 1);
	rig_answers(r, EXTENDED, 200, long_name);
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "a role that is too long");
}

/* As a page for people, which some gateway gives for whatever it is asked. */
static void no_name_of_a_role(void **state)
{
	struct rig *r = *state;
	static const char *const lists[] = {"<html>\n<b>Log in</b></html>", "a role", "a\x1b[31m",
					    "r\xc3\xb4le"};
	rig_answers(r, PUT_TOKEN, 200, "T");
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		rig_answers(r, EXTENDED, 200, lists[i]);
		rig_fetch(r, source_instance_start);
		rig_assert_why(r, "answers with what is no name of a role: is something between");
	}
}

static void bad_keys(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *body, *why;
	} cases[] = {
		{"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume the "
		 "role\",\"LastUpdated\":\"2026-11-21T10:10:32Z\"}",
		 "keys of the instance's role web: the answer is an error: "
		 "AssumeRoleUnauthorizedAccess: EC2 cannot assume the role"},
		{"<html>", "keys of the instance's role web: the answer cannot be read"},
		{"{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}",
		 "the answer has no Expiration"},
	};
	rig_answers(r, PUT_TOKEN, 200, "T");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rig_answers(r, EXTENDED, 200, "web");
		rig_answers(r, EXTENDED "web", 200, cases[i].body);
		rig_fetch(r, source_instance_start);
		rig_assert_why(r, cases[i].why);
	}
}

static void what_metadata_says(void **state)
{
	struct rig *r = *state;
	rig_answers(r, PUT_TOKEN, 403, "");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "metadata is turned off for this instance");
	r->settings.imds_timeout_ms = 100;
	rig_answers(r, PUT_TOKEN, RIG_SILENT, "");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "hop limit is 1");
	r->settings.imds_timeout_ms = 5000;
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, EXTENDED, 200, "web");
	rig_answers(r, EXTENDED "web", 500, "oops");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "status 500: oops");
	rig_answers(r, EXTENDED, 404, "");
	rig_answers(r, PLAIN, 400, "");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "status 400");
	r->settings.imds_endpoint = SV("ftp://127.0.0.1");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "instance metadata at ftp://127.0.0.1");
}

static void not_asked(void **state)
{
	struct rig *r = *state;
	r->settings.imds_disabled = true;
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "AWS_EC2_METADATA_DISABLED is true");
	r->settings.imds_disabled = false;
	rig_env("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x");
	rig_env("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE");
	rig_fetch(r, source_instance_start);
	rig_assert_why(r, "this task on Fargate has no task role");
	assert_string_equal(r->asked, "");
	/* A task on an instance may use the instance's role. */
	rig_env("AWS_EXECUTION_ENV", "AWS_ECS_EC2");
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, EXTENDED, 200, "web");
	rig_answers(r, EXTENDED "web", 200, KEYS);
	rig_fetch(r, source_instance_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
}

static void cancelled(void **state)
{
	struct rig *r = *state;
	static const char *const silent[] = {PUT_TOKEN, EXTENDED, EXTENDED "web"};
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	rig_answers(r, PUT_TOKEN, RIG_SILENT, "");
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, EXTENDED, RIG_SILENT, "");
	rig_answers(r, EXTENDED, 200, "web");
	rig_answers(r, EXTENDED "web", RIG_SILENT, "");
	for (size_t i = 0; i < 3; i++) {
		unsigned before = rig_count(r, silent[i]);
		assert_int_equal(source_instance_start(&r->env, rig_done, r, &f, &err), 0);
		rig_until(r, silent[i], before + 1);
		f->cancel(f);
	}
	rig_wait(r, 20);
	assert_int_equal(r->ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(extended, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(plain, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_role, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_name_of_a_role, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bad_keys, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_metadata_says, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(not_asked, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancelled, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
