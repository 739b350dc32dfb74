/* Keys that commands print, and each way in which a command can fail. */
#include "source_process.h"
#include "source_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS                                                                                       \
	"{\"Version\":1,\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"sEcReT1\","                \
	"\"SessionToken\":\"token1\",\"Expiration\":\"2026-11-21T16:10:32Z\"}"

static void run(struct rig *r, const char *command)
{
	r->plan.source = AWS_PROCESS;
	r->plan.command = sv_of(command);
	rig_fetch(r, source_process_start);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void keys(void **state)
{
	struct rig *r = *state;
	run(r, "echo '" KEYS "'");
	rig_assert_keys(r, "ASIA1", "sEcReT1", "token1");
	assert_int_equal(r->expires_ms, 1795277432000);
	assert_int_equal(r->peer_now_ms, 0);
	run(r, "sh -c \"echo warning >&2; echo '{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\",';"
	       "sleep 0.05; echo '\\\"SecretAccessKey\\\":\\\"S\\\"}'\"");
	rig_assert_keys(r, "A", "S", "");
	assert_int_equal(r->expires_ms, 0);
}

static void failures(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *command, *why;
	} cases[] = {
		{"sh -c 'echo sEcReT; echo no session >&2; echo log in >&2; exit 3'",
		 "credential_process sh failed with code 3: no session log in"},
		{"false", "credential_process false failed with code 1"},
		{"sh -c 'kill -TERM $$'", "credential_process sh was ended by signal 15"},
		{"sh -c 'echo out of luck >&2; kill -SEGV $$'", "by signal 11: out of luck"},
		{"/nonexistent/keys --secret sEcReT",
		 "credential_process: /nonexistent/keys cannot be run: No such file or directory"},
		{"~/bin/keys",
		 "credential_process: there is no shell that expands ~ and $: ~/bin/keys "
		 "cannot be run"},
		{"$HOME/keys", "there is no shell that expands ~ and $"},
		{"", "credential_process: it has no word"},
		{"keys 'sEcReT", "credential_process: a quote (') is not closed"},
		{"true", "credential_process true: the answer cannot be read: JSON"},
		{"echo sEcReT", "credential_process echo: the answer cannot be read: JSON"},
		{"echo '{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"sEcReT\"}'",
		 "credential_process echo: the output has no Version"},
		{"echo '{\"Version\":1,\"AccessKeyId\":\"A\"}'", "no SecretAccessKey"},
		{"head -c 200000 /dev/zero",
		 "credential_process head was killed: it wrote more than keys need"},
		{"sh -c 'head -c 65536 /dev/zero; exit 1'", "failed with code 1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		run(r, cases[i].command);
		rig_assert_why(r, cases[i].why);
		assert_null(strstr(r->why, "sEc"));
	}
}

/* A talkative command is not held up by a full pipe; only the start of it is told. */
static void much_is_said(void **state)
{
	struct rig *r = *state;
	run(r,
	    "sh -c 'echo first of all >&2; head -c 300000 /dev/zero | tr \"\\0\" x >&2; exit 9'");
	rig_assert_why(r, "failed with code 9: first of all xxx");
	rig_assert_why(r, "xxx...");
	run(r, "sh -c 'head -c 300000 /dev/zero | tr \"\\0\" x >&2; echo \"$0\"' '" KEYS "'");
	rig_assert_keys(r, "ASIA1", "sEcReT1", "token1");
}

/* What goes on in the background may hold the pipes: the command's own end is the end. */
static void left_running(void **state)
{
	struct rig *r = *state;
	char path[] = "/tmp/ampagent-pid-XXXXXX", command[512];
	int fd = mkstemp(path);
	char text[32] = "";
	assert_true(fd >= 0);
	snprintf(command, sizeof command,
		 "sh -c 'sleep 300 & echo $! > \"$1\"; echo \"$0\"' '%s' %s", KEYS, path);
	run(r, command);
	rig_assert_keys(r, "ASIA1", "sEcReT1", "token1");
	assert_true(read(fd, text, sizeof text - 1) > 0);
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	close(fd);
	unlink(path);
}

/* What it left running goes on writing when it has ended already: more than keys need, too. */
static void too_much_at_the_end(void **state)
{
	struct rig *r = *state;
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	r->plan.command = SV("sh -c 'head -c 40000 /dev/zero; sleep 0.3; "
			     "(sleep 0.1; head -c 60000 /dev/zero) &'");
	assert_int_equal(source_process_start(&r->env, rig_done, r, &f, &err), 0);
	/* The first part is read; its end and what comes after it are then there together. */
	rig_wait(r, 150);
	usleep(600000);
	rig_turn(r);
	rig_assert_why(r, "credential_process sh was killed: it wrote more than keys need");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void deadline(void **state)
{
	struct rig *r = *state;
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	r->plan.command = SV("sh -c 'echo asking >&2; sleep 300'");
	/* Long enough for it to say so. */
	assert_int_equal(source_process_start_for(&r->env, 500, rig_done, r, &f, &err), 0);
	rig_turn(r);
	rig_assert_why(r, "credential_process sh was killed: it took too long");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void cancelled(void **state)
{
	struct rig *r = *state;
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	static const int64_t after_ms[] = {0, 20};
	r->plan.command = SV("sleep 300");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(source_process_start(&r->env, rig_done, r, &f, &err), 0);
		if (after_ms[i])
			rig_wait(r, after_ms[i]);
		f->cancel(f);
		for (int k = 0; k < 2000 && waitpid(-1, NULL, WNOHANG | WNOWAIT) >= 0; k++)
			rig_wait(r, 5);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	rig_wait(r, 20);
	assert_int_equal(r->ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(failures, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(much_is_said, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(left_running, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(too_much_at_the_end, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(deadline, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancelled, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
