/* child: posix_spawn (fork would be unsafe with other threads), pidfd where the kernel has it, else
 * a look now and then.
 *
 * An abandoned child was killed and ends within moments: it is waited for a little, else its
 * watcher stays on the loop until it is gone.
 */
#include "child.h"

#include <ampagent/base/cleanup.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LOOK_MS = 50, ABANDON_TURNS = 40, ABANDON_TURN_MS = 5 };

struct aws_child {
	struct loop *loop;
	pid_t pid;
	int pidfd; /* -1: none */
	struct loop_fd watch;
	struct loop_timer look;
	void (*gone)(void *cls, int status); /* NULL: abandoned */
	void *cls;
};

static void child_free(struct aws_child *c)
{
	loop_fd_remove(&c->watch);
	loop_timer_cancel(&c->look);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c);
}

/* Whether it has ended, and is reaped. */
static bool reap(struct aws_child *c, int *status)
{
	pid_t r;
	do
		r = waitpid(c->pid, status, WNOHANG);
	while (r < 0 && errno == EINTR);
	/* Where SIGCHLD is ignored the kernel reaps it. */
	if (r < 0)
		*status = -1;
	return r != 0;
}

static void look(struct aws_child *c)
{
	int status;
	if (!reap(c, &status)) {
		if (c->pidfd < 0)
			loop_timer_in(c->loop, &c->look, LOOK_MS);
		return;
	}
	void (*gone)(void *, int) = c->gone;
	void *cls = c->cls;
	child_free(c);
	if (gone)
		gone(cls, status);
}

static void on_pidfd(void *cls, uint32_t events)
{
	look(cls);
}

static void on_look(void *cls)
{
	look(cls);
}

static void watch(struct aws_child *c)
{
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->look.fire = on_look;
	c->look.cls = c;
	c->watch = (struct loop_fd){.fd = c->pidfd, .events = EPOLLIN, .ready = on_pidfd, .cls = c};
	if (c->pidfd >= 0 && loop_fd_add(c->loop, &c->watch, NULL) != 0) {
		close(c->pidfd);
		c->pidfd = -1;
	}
	if (c->pidfd < 0)
		loop_timer_in(c->loop, &c->look, LOOK_MS);
}

/* --- start --- */

/* Both ends above the standard descriptors, whether those are open or not. 0 or an errno. */
static int pipe_make(int fds[2])
{
	int made[2];
	if (pipe2(made, O_CLOEXEC) != 0)
		return errno;
	for (int i = 0; i < 2; i++) {
		fds[i] = made[i];
		if (made[i] > STDERR_FILENO)
			continue;
		fds[i] = fcntl(made[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(made[i]);
	}
	if (fds[0] < 0 || fds[1] < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
		return EMFILE;
	return 0;
}

/* 0 or an errno. */
static int spawn_prepared(pid_t *pid, char *const *argv, posix_spawn_file_actions_t *files,
			  posix_spawnattr_t *attr, int out, int err)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int e = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	e = e ? e : posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
	e = e ? e : posix_spawn_file_actions_adddup2(files, err, STDERR_FILENO);
	e = e ? e : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	e = e ? e
	      : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						       POSIX_SPAWN_SETSIGDEF);
	e = e ? e : posix_spawnattr_setsigmask(attr, &none);
	e = e ? e : posix_spawnattr_setsigdefault(attr, &all);
	return e ? e : posix_spawnp(pid, argv[0], files, attr, argv, environ);
}

static int spawn(pid_t *pid, char *const *argv, int out, int err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int e = posix_spawn_file_actions_init(&files);
	if (e != 0)
		return e;
	e = posix_spawnattr_init(&attr);
	if (e == 0) {
		e = spawn_prepared(pid, argv, &files, &attr, out, err);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return e;
}

int aws_child_start(struct loop *loop, char *const *argv, void (*gone)(void *cls, int status),
		    void *cls, int *out_fd, int *err_fd, struct aws_child **out, struct err *err)
{
	_cleanup_(close_fdp) int out_read = -1, out_write = -1, err_read = -1, err_write = -1;
	int fds[2] = {-1, -1};
	struct aws_child *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(err, ERR_NOMEM, "no memory");
	int e = pipe_make(fds);
	out_read = fds[0];
	out_write = fds[1];
	fds[0] = fds[1] = -1;
	e = e ? e : pipe_make(fds);
	err_read = fds[0];
	err_write = fds[1];
	e = e ? e : spawn(&c->pid, argv, out_write, err_write);
	if (e != 0) {
		free(c);
		return err_set(err, 1, "%s cannot be run: %s", argv[0], strerror(e));
	}
	c->loop = loop;
	c->gone = gone;
	c->cls = cls;
	watch(c);
	*out_fd = out_read;
	*err_fd = err_read;
	out_read = err_read = -1;
	*out = c;
	return 0;
}

/* --- end --- */

void aws_child_kill(struct aws_child *c)
{
	kill(-c->pid, SIGKILL);
}

void aws_child_abandon(struct aws_child *c)
{
	int status;
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	c->gone = NULL;
	aws_child_kill(c);
	for (int i = 0; i < ABANDON_TURNS; i++) {
		if (reap(c, &status)) {
			child_free(c);
			return;
		}
		poll(&p, 1, ABANDON_TURN_MS); /* a negative fd only sleeps */
	}
}
