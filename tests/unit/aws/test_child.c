/* Children on the loop: what they are started with, that they are reaped, that their group ends. */
#include "child.h"
#include "source_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct end {
	struct rig *rig;
	unsigned n;
	int status, out, err;
	char text[4096]; /* what it wrote to both */
};

static void on_gone(void *cls, int status)
{
	struct end *e = cls;
	e->n++;
	e->status = status;
	loop_stop(e->rig->loop);
}

static struct aws_child *start(struct end *e, char *const *argv)
{
	struct aws_child *c;
	struct err err = ERR_NULL;
	if (aws_child_start(e->rig->loop, argv, on_gone, e, &e->out, &e->err, &c, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, 0);
	return c;
}

static size_t take(int fd, char *dst, size_t size)
{
	size_t n = 0;
	ssize_t r;
	while (n + 1 < size && (r = read(fd, dst + n, size - 1 - n)) > 0)
		n += (size_t)r;
	dst[n] = '\0';
	close(fd);
	return n;
}

static void end(struct end *e)
{
	rig_turn(e->rig);
	assert_int_equal(e->n, 1);
	size_t n = take(e->out, e->text, sizeof e->text);
	take(e->err, e->text + n, sizeof e->text - n);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void run(struct end *e, const char *script)
{
	char sh[] = "sh", c[] = "-c", *text = strdup(script);
	char *argv[] = {sh, c, text, NULL};
	start(e, argv);
	end(e);
	free(text);
}

static void output_and_status(void **state)
{
	struct end e = {.rig = *state};
	run(&e, "echo out; echo err >&2; exit 7");
	assert_string_equal(e.text, "out\nerr\n");
	assert_true(WIFEXITED(e.status));
	assert_int_equal(WEXITSTATUS(e.status), 7);
	e = (struct end){.rig = *state};
	run(&e, "kill -TERM $$");
	assert_true(WIFSIGNALED(e.status));
	assert_int_equal(WTERMSIG(e.status), SIGTERM);
}

/* Our own process blocks signals, ignores SIGPIPE and holds descriptors without O_CLOEXEC: none of
 * it is the child's. */
static void what_it_is_born_with(void **state)
{
	struct end e = {.rig = *state};
	sigset_t some, before;
	int fd = open("/dev/null", O_RDONLY);
	assert_true(fd > 2);
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGHUP);
	sigprocmask(SIG_BLOCK, &some, &before);
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	setenv("AMPAGENT_TEST_CHILD", "seen", 1);
	/* Signals 32 and 33 are the C library's own. */
	run(&e, "grep ^SigBlk: /proc/self/status; printf '%x\\n' $((0x$(sed -n 's/^SigIgn:.//p' "
		"/proc/self/status) & 0x7fffffff)); ls /proc/self/fd | tr '\\n' ' '; "
		"readlink /proc/self/fd/0; echo $AMPAGENT_TEST_CHILD; "
		"test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leads");
	signal(SIGPIPE, old);
	sigprocmask(SIG_SETMASK, &before, NULL);
	unsetenv("AMPAGENT_TEST_CHILD");
	close(fd);
	assert_string_equal(e.text,
			    "SigBlk:\t0000000000000000\n0\n0 1 2 3 /dev/null\nseen\nleads\n");
}

static void cannot_be_run(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct aws_child *c;
	struct err err = ERR_NULL;
	char name[] = "/nonexistent/keys", dir[] = "/tmp";
	char *argv[] = {name, NULL};
	assert_int_equal(aws_child_start(r->loop, argv, on_gone, &e, &e.out, &e.err, &c, &err), 1);
	assert_string_equal(err.msg, "/nonexistent/keys cannot be run: No such file or directory");
	argv[0] = dir;
	assert_int_equal(aws_child_start(r->loop, argv, on_gone, &e, &e.out, &e.err, &c, &err), 1);
	assert_string_equal(err.msg, "/tmp cannot be run: Permission denied");
	rig_wait(r, 10);
	assert_int_equal(e.n, 0);
}

/* Gone, or dead and only waiting for whoever inherited it. */
static bool is_dead(pid_t pid)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return true;
	const char *got = fgets(text, sizeof text, f);
	fclose(f);
	const char *name_end = got ? strrchr(text, ')') : NULL;
	return !name_end || name_end[2] == 'Z' || name_end[2] == 'X';
}

/* A shell that has started another process, whose pid it tells. */
static struct aws_child *family(struct end *e, pid_t *other)
{
	char sh[] = "sh", c[] = "-c", text[] = "sleep 300 & echo $!; wait";
	char *argv[] = {sh, c, text, NULL};
	struct aws_child *child = start(e, argv);
	char line[32] = "";
	for (int i = 0; i < 2000 && !strchr(line, '\n'); i++) {
		size_t n = strlen(line);
		if (read(e->out, line + n, sizeof line - 1 - n) <= 0)
			rig_wait(e->rig, 5);
	}
	*other = (pid_t)strtol(line, NULL, 10);
	assert_true(*other > 1);
	assert_false(is_dead(*other));
	return child;
}

static void assert_dies(struct rig *r, pid_t pid)
{
	for (int i = 0; i < 2000 && !is_dead(pid); i++)
		rig_wait(r, 5);
	assert_true(is_dead(pid));
}

static void killed_with_its_group(void **state)
{
	struct end e = {.rig = *state};
	pid_t other;
	struct aws_child *c = family(&e, &other);
	aws_child_kill(c);
	end(&e);
	assert_true(WIFSIGNALED(e.status));
	assert_int_equal(WTERMSIG(e.status), SIGKILL);
	assert_dies(e.rig, other);
}

static void abandoned(void **state)
{
	struct end e = {.rig = *state};
	pid_t other;
	struct aws_child *c = family(&e, &other);
	aws_child_abandon(c);
	for (int i = 0; i < 2000 && waitpid(-1, NULL, WNOHANG | WNOWAIT) >= 0; i++)
		rig_wait(e.rig, 5);
	assert_dies(e.rig, other);
	assert_int_equal(e.n, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(e.out);
	close(e.err);
}

/* With descriptors for the pipes alone there is none left for a pidfd: then it is looked after by
 * a timer. */
static void without_a_pidfd(void **state)
{
	struct end e = {.rig = *state};
	int held[64];
	struct rlimit before, few;
	for (size_t i = 0; i < 64; i++)
		held[i] = dup(STDIN_FILENO);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)held[63] + 1;
	for (size_t i = 60; i < 64; i++)
		close(held[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	char sh[] = "sh", c[] = "-c", text[] = "exit 5";
	char *argv[] = {sh, c, text, NULL};
	start(&e, argv);
	/* Where the other ends of the pipes were is room now; the rest is as it was. */
	assert_int_equal(dup(STDIN_FILENO), e.out + 1);
	assert_int_equal(dup(STDIN_FILENO), e.err + 1);
	assert_int_equal(dup(STDIN_FILENO), -1);
	close(e.out + 1);
	close(e.err + 1);
	end(&e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(WEXITSTATUS(e.status), 5);
	for (size_t i = 0; i < 60; i++)
		close(held[i]);
}

/* Whoever ignores SIGCHLD has the kernel reap: the end is seen, its status is not known. */
static void reaped_by_the_kernel(void **state)
{
	struct end e = {.rig = *state};
	void (*old)(int) = signal(SIGCHLD, SIG_IGN);
	run(&e, "echo out; exit 3");
	signal(SIGCHLD, old);
	assert_int_equal(e.status, -1);
	assert_string_equal(e.text, "out\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(output_and_status, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_it_is_born_with, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cannot_be_run, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(killed_with_its_group, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(abandoned, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(without_a_pidfd, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(reaped_by_the_kernel, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
