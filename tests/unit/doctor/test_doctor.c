/* The whole: several destinations at the same time, told in order; exit codes. */
#include <ampagent/base/crypto.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/doctor.h>
#include <ampagent/net/http_client.h>
#include <ampagent/standin.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PATH "/workspaces/ws-00000000-0000-4000-8000-000000000000/api/v1/remote_write"
#define KEY "AKIATESTTESTTESTTEST"
#define SECRET "made-up-secret-of-the-tests"

/* The doctor has a loop of its own, so the stand-in has a thread. */
struct fixture {
	struct loop *loop;
	struct standin *standin;
	pthread_t thread;
	char path[32];
	char told[65536];
};

static char sts[64];

static const char *environment(const char *name)
{
	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
		return KEY;
	if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0)
		return SECRET;
	if (strcmp(name, "AWS_ENDPOINT_URL_STS") == 0)
		return sts;
	if (strcmp(name, "HOME") == 0)
		return "/nonexistent";
	return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

static void *serve(void *cls)
{
	loop_run(((struct fixture *)cls)->loop);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct standin_options opt = standin_options_default();
	opt.listen = SV("127.0.0.1:0");
	opt.access_key = SV(KEY);
	opt.secret_key = SV(SECRET);
	opt.region = SV("eu-west-1");
	opt.aws = true;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&f->loop, NULL), 0);
	assert_int_equal(standin_new(f->loop, &opt, &f->standin, NULL), 0);
	snprintf(sts, sizeof sts, "http://127.0.0.1:%d", standin_port(f->standin));
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	snprintf(f->path, sizeof f->path, "/tmp/test-doctor-XXXXXX");
	int fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	standin_free(f->standin);
	loop_free(f->loop);
	unlink(f->path);
	free(f);
	http_client_global_deinit();
	return 0;
}

static int run(struct fixture *f, struct doctor_options opt, struct err *err)
{
	memset(f->told, 0, sizeof f->told);
	opt.out = fmemopen(f->told, sizeof f->told - 1, "w");
	opt.env = environment;
	opt.timeout_ms = 5000;
	opt.user_agent = SV("test");
	assert_non_null(opt.out);
	int code = doctor_run(&opt, err);
	fclose(opt.out);
	return code;
}

static void write_file(struct fixture *f, const char *const *blocks)
{
	struct buf text;
	buf_init(&text, 65536);
	buf_printf(&text, "remote_write:\n");
	for (; *blocks; blocks++)
		buf_printf(&text, *blocks[0] == '/' ? "- url: %s%s" : "%s%s",
			   *blocks[0] == '/' ? sts : "", *blocks);
	assert_int_equal(file_replace(f->path, buf_view(&text), NULL), 0);
	buf_deinit(&text);
}

#define GOOD(name) PATH "\n  name: " name "\n  sigv4: {region: eu-west-1}\n"
#define CLOSED(name)                                                                               \
	"- url: http://127.0.0.1:1" PATH "\n  name: " name "\n  sigv4: {region: eu-west-1}\n"
#define BEYOND(name) PATH "/x\n  name: " name "\n  sigv4: {region: eu-west-1}\n"

static void codes(void **state)
{
	static const struct {
		const char *blocks[4], *destination;
		int code;
	} cases[] = {
		{{GOOD("a"), NULL}, "", 0},
		{{GOOD("a"), GOOD("b"), GOOD("c"), NULL}, "", 0},
		{{GOOD("a"), CLOSED("b"), BEYOND("c"), NULL}, "", 16},
		{{GOOD("a"), BEYOND("b"), CLOSED("c"), NULL}, "", 11},
		{{CLOSED("a"), GOOD("b"), NULL}, "", 16},
		{{CLOSED("a"), GOOD("b"), NULL}, "b", 0},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = ERR_NULL;
		write_file(f, cases[i].blocks);
		struct doctor_options opt = {.config_path = f->path,
					     .destination = sv_of(cases[i].destination)};
		int code = run(f, opt, &err);
		if (code != cases[i].code)
			fail_msg("%zu: %d: %s", i, code, f->told);
		assert_string_equal(err.msg, "");
	}
}

/* Destinations in the file's order, steps in theirs, whatever was decided first. */
static void order(void **state)
{
	static const char *const blocks[] = {CLOSED("one"), GOOD("two"), NULL};
	static const char *const marks[] = {"  config ",
					    "\none: ",
					    "  url ",
					    "  tcp         FAIL",
					    "  canary ",
					    "\ntwo: ",
					    "  url ",
					    "  tcp         ok",
					    "  write       ok",
					    "  canary ",
					    "broken at step tcp of one (exit code 16)"};
	struct fixture *f = *state;
	write_file(f, blocks);
	assert_int_equal(run(f, (struct doctor_options){.config_path = f->path}, NULL), 16);
	const char *at = f->told;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		const char *found = strstr(at, marks[i]);
		if (!found)
			fail_msg("no \"%s\" behind the ones before: %s", marks[i], f->told);
		at = found + strlen(marks[i]);
	}
	assert_null(strstr(f->told, SECRET));
	assert_null(strstr(at, "  config "));
}

static void as_json(void **state)
{
	static const char *const blocks[] = {GOOD("one"), NULL};
	struct fixture *f = *state;
	write_file(f, blocks);
	assert_int_equal(
		run(f, (struct doctor_options){.config_path = f->path, .json = true}, NULL), 0);
	assert_true(f->told[0] == '{');
	assert_non_null(strstr(f->told, "\"exit_code\":0,\"failed_step\":null"));
	assert_null(strstr(f->told, "pending"));
}

static void without_destinations(void **state)
{
	static const char *const blocks[] = {GOOD("one"), NULL};
	struct fixture *f = *state;
	struct err err = ERR_NULL;
	write_file(f, blocks);
	assert_int_equal(
		run(f, (struct doctor_options){.config_path = f->path, .destination = SV("x")},
		    &err),
		DOCTOR_EXIT_USAGE);
	assert_non_null(strstr(err.msg, "one"));
	assert_int_equal(run(f, (struct doctor_options){.config_path = "/nonexistent.yml"}, NULL),
			 10);
	assert_non_null(strstr(f->told, "broken at step config (exit code 10)"));
	assert_null(strstr(f->told, "  url "));
	assert_int_equal(run(f, (struct doctor_options){.url = SV("nonsense"), .sign = true}, NULL),
			 11);
	assert_non_null(strstr(f->told, "  url         FAIL"));
}

static void names_of_steps(void **state)
{
	assert_string_equal(doctor_step_name(DOCTOR_CONFIG), "config");
	assert_string_equal(doctor_step_name(DOCTOR_CANARY), "canary");
	assert_int_equal(DOCTOR_EXIT_STEP + DOCTOR_CANARY, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),          cmocka_unit_test(order),
		cmocka_unit_test(as_json),        cmocka_unit_test(without_destinations),
		cmocka_unit_test(names_of_steps),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
