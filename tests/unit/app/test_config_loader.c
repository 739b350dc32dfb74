/* Configurations loaded by a thread of their own. */
#include "config_loader.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD_MS = 20000 };

struct fixture {
	struct loop *loop;
	struct config_loader *loader;
	char path[64];
	struct config_source source;
	unsigned done;
	bool in_call;
	int result;
	struct config *config;
	struct err err;
	struct loop_timer guard;
};

static void too_long(void *cls)
{
	loop_stop(((struct fixture *)cls)->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err err = ERR_NULL;
	snprintf(f->path, sizeof f->path, "/tmp/ampagent-loader-XXXXXX");
	close(mkstemp(f->path));
	f->source = (struct config_source){.is_file = true, .path = f->path};
	assert_int_equal(loop_new(&f->loop, &err), 0);
	f->guard = (struct loop_timer){.fire = too_long, .cls = f};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	loop_timer_cancel(&f->guard);
	loop_free(f->loop);
	unlink(f->path);
	config_unref(f->config);
	free(f);
	return 0;
}

static void done(void *cls, int result, struct config *c, struct err *err)
{
	struct fixture *f = cls;
	f->done++;
	f->result = result;
	f->config = c;
	f->err = *err;
	config_loader_free(take_ptr(f->loader));
	assert_false(f->in_call);
	loop_stop(f->loop);
}

static void load(struct fixture *f, const char *text, const struct config_features *features)
{
	struct err err = ERR_NULL;
	assert_int_equal(file_replace(f->path, sv_of(text), &err), 0);
	f->in_call = true;
	if (config_loader_new(f->loop, &f->source, features, done, f, &f->loader, &err) != 0)
		fail_msg("%s", err.msg);
	f->in_call = false;
}

static void a_good_file(void **state)
{
	struct fixture *f = *state;
	const struct config_features features = {.extra_scrape_metrics = true};
	load(f, "scrape_configs: [{job_name: x}]\n", &features);
	loop_timer_in(f->loop, &f->guard, GUARD_MS);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->result, 0);
	assert_int_equal(f->config->n_scrapes, 1);
	assert_true(sv_eq(f->config->scrapes[0].job_name, SV("x")));
	assert_true(f->config->scrapes[0].extra_scrape_metrics);
}

static void a_bad_file(void **state)
{
	struct fixture *f = *state;
	const struct config_features features = {0};
	load(f, "scrape_configs: [{job_name: x}]\nnonsense: 1\n", &features);
	loop_timer_in(f->loop, &f->guard, GUARD_MS);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->result, 1);
	assert_null(f->config);
	assert_non_null(strstr(f->err.msg, ":2:1:"));
}

/* The agent ends in the middle: the thread is waited for, what it made is freed. */
static void nobody_waits(void **state)
{
	struct fixture *f = *state;
	const struct config_features features = {0};
	load(f, "scrape_configs: [{job_name: x}]\n", &features);
	config_loader_free(take_ptr(f->loader));
	assert_int_equal(f->done, 0);
	config_loader_free(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(a_good_file), TEST(a_bad_file), TEST(nobody_waits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
