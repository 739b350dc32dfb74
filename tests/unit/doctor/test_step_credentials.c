/* Every source told, the chosen one asked. */
#include "rig.h"

static const struct finding *ask(struct rig *r, const char *more)
{
	rig_walk(r, RIG_PATH, more);
	rig_take(r, DOCTOR_URL);
	return rig_take(r, DOCTOR_CREDENTIALS);
}

static size_t count(const struct finding *f, const char *word)
{
	size_t n = 0;
	struct sv rest = buf_view(&f->details);
	for (;;) {
		size_t at = sv_find_sv(rest, sv_of(word));
		if (at == rest.len)
			return n;
		rest = sv_from(rest, at + strlen(word));
		n++;
	}
}

static void given(void **state)
{
	struct rig *r = *state;
	const struct finding *f = ask(r, RIG_SIGNED);
	rig_expect(f, VERDICT_OK, "environment: " RIG_KEY, "");
	assert_int_equal(count(f, "chosen"), 1);
	assert_int_equal(count(f, "\n"), 5);
	assert_int_equal(count(f, RIG_SECRET), 0);
	f = ask(r, "  sigv4: {region: eu-west-1, access_key: AKIAOTHER, secret_key: x}\n");
	rig_expect(f, VERDICT_OK, "AKIAOTHER", "");
	assert_int_equal(count(f, "not used"), 1); /* the environment's */
	rig_expect(ask(r, ""), VERDICT_SKIPPED, "not signed", "");
}

static void fetched(void **state)
{
	struct rig *r = *state;
	char url[128];
	snprintf(url, sizeof url, "%s/v2/credentials/task", r->base);
	rig_setenv("AWS_ACCESS_KEY_ID", NULL);
	rig_setenv("AWS_SECRET_ACCESS_KEY", NULL);
	rig_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	rig_expect(ask(r, RIG_SIGNED), VERDICT_OK, "good for 60 min", "");
	assert_true(r->walk->keys_opt.region.len > 0);
}

static void broken(void **state)
{
	struct rig *r = *state;
	rig_setenv("AWS_SECRET_ACCESS_KEY", NULL);
	rig_expect(ask(r, RIG_SIGNED), VERDICT_FAIL, "AWS_SECRET_ACCESS_KEY is not", "both parts");
	rig_setenv("AWS_ACCESS_KEY_ID", NULL);
	rig_expect(ask(r, RIG_SIGNED), VERDICT_FAIL, "no AWS credentials", "instance profile");
	rig_setenv("ECS_CONTAINER_METADATA_URI_V4", "http://127.0.0.1:1/v4");
	rig_expect(ask(r, RIG_SIGNED), VERDICT_FAIL, "no AWS credentials", "taskRoleArn");
	rig_setenv("AWS_PROFILE", "prod");
	rig_expect(ask(r, RIG_SIGNED), VERDICT_FAIL, "\"prod\"", "AWS_PROFILE");
	rig_setenv("AWS_PROFILE", NULL);
	rig_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
	rig_expect(ask(r, RIG_SIGNED), VERDICT_FAIL, "127.0.0.1:1", "ecs-tasks.amazonaws.com");
}

static void no_session(void **state)
{
	struct rig *r = *state;
	r->env.session = NULL;
	r->env.session_why = "AWS_CA_BUNDLE names a file that cannot be read: x";
	rig_expect(ask(r, RIG_SIGNED), VERDICT_FAIL, "AWS_CA_BUNDLE", "PEM");
}

/* A source that says nothing is waited for as long as was asked for. */
static void no_answer(void **state)
{
	struct rig *r = *state;
	rig_setenv("AWS_ACCESS_KEY_ID", NULL);
	rig_setenv("AWS_SECRET_ACCESS_KEY", NULL);
	rig_setenv("AWS_EC2_METADATA_DISABLED", NULL);
	rig_setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
	r->env.timeout_ms = 1;
	const struct finding *f = ask(r, RIG_SIGNED);
	assert_int_equal(f->verdict, VERDICT_FAIL);
	assert_true(f->advice.len > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(given, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(fetched, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(broken, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_session, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_answer, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
