/* Who is told of what, and that watches go with their last listener. */
#include "../../../ecs_discovery/dir_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { GIVE_UP_MS = 30000 };

struct ear {
	struct dir_listener listener;
	struct loop *loop;
	unsigned heard;
};

static char dirs[2][64];

static int make_dirs(void **state)
{
	for (int i = 0; i < 2; i++) {
		snprintf(dirs[i], sizeof dirs[i], "/tmp/ampagent-watch-XXXXXX");
		if (!mkdtemp(dirs[i]))
			return 1;
	}
	return 0;
}

static int remove_dirs(void **state)
{
	rmdir(dirs[0]);
	rmdir(dirs[1]);
	return 0;
}

static void on_change(void *cls)
{
	struct ear *e = cls;
	e->heard++;
	loop_stop(e->loop);
}

static void give_up(void *cls)
{
	loop_stop(cls);
}

static void join(struct dir_watch *w, struct ear *e, struct loop *loop)
{
	*e = (struct ear){.listener = {.changed = on_change, .cls = e}, .loop = loop};
	dir_watch_join(w, &e->listener);
}

/* A file that comes and goes in the directory. */
static void touch(const char *dir)
{
	char path[128];
	snprintf(path, sizeof path, "%s/f", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	unlink(path);
}

static void run(struct loop *loop)
{
	struct loop_timer t = {.fire = give_up, .cls = loop};
	loop_timer_in(loop, &t, GIVE_UP_MS);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_cancel(&t);
}

static void test_listeners(void **state)
{
	struct loop *loop;
	struct dir_watch *w;
	struct ear a, b;
	struct err err = ERR_NULL;
	struct sv names[] = {sv_of(dirs[0]), sv_of(dirs[1])};
	assert_int_equal(loop_new(&loop, &err), 0);
	assert_int_equal(dir_watch_new(loop, &w, &err), 0);
	join(w, &a, loop);
	join(w, &b, loop);
	assert_int_equal(dir_watch_set(w, &a.listener, names, 1, &err), 0);
	assert_int_equal(dir_watch_set(w, &b.listener, names, 2, &err), 0);
	touch(dirs[0]);
	run(loop);
	assert_true(a.heard > 0 && b.heard > 0);
	a.heard = b.heard = 0;
	touch(dirs[1]);
	run(loop);
	assert_true(a.heard == 0 && b.heard > 0);
	/* b leaves: the shared directory is still watched, the other is not. */
	dir_watch_leave(w, &b.listener);
	b.heard = 0;
	touch(dirs[1]);
	touch(dirs[0]);
	run(loop);
	assert_true(a.heard > 0 && b.heard == 0);
	dir_watch_leave(w, &a.listener);
	dir_watch_free(w);
	loop_free(loop);
}

static void test_missing_directory(void **state)
{
	struct loop *loop;
	struct dir_watch *w;
	struct ear a;
	struct err err = ERR_NULL;
	struct sv names[] = {SV("/nonexistent/dir"), sv_of(dirs[0])};
	assert_int_equal(loop_new(&loop, &err), 0);
	assert_int_equal(dir_watch_new(loop, &w, &err), 0);
	join(w, &a, loop);
	assert_int_equal(dir_watch_set(w, &a.listener, names, 2, &err), 1);
	assert_non_null(strstr(err.msg, "cannot watch /nonexistent/dir: "));
	touch(dirs[0]);
	run(loop);
	assert_true(a.heard > 0);
	/* Removed and made anew: watched again once it is set again. */
	rmdir(dirs[0]);
	run(loop);
	assert_int_equal(mkdir(dirs[0], 0700), 0);
	assert_int_equal(dir_watch_set(w, &a.listener, names + 1, 1, &err), 0);
	a.heard = 0;
	touch(dirs[0]);
	run(loop);
	assert_true(a.heard > 0);
	dir_watch_leave(w, &a.listener);
	dir_watch_free(w);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_listeners, make_dirs, remove_dirs),
		cmocka_unit_test_setup_teardown(test_missing_directory, make_dirs, remove_dirs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
