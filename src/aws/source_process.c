/* source_process: what the command writes to its output are keys and is never shown; what it
 * writes to its error output explains a failure. It is over when the command ends: what it left
 * running may hold the pipes open.
 */
#include "source_process.h"

#include "child.h"
#include "command_words.h"
#include "json_keys.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>

/* DYING_MS: for a command that does not even end when it is killed. */
enum { DEADLINE_MS = 60000, DYING_MS = 5000, COMMAND_MAX = 65536, STDERR_MAX = 1000 };
enum { NAME_MAX_SHOWN = 128, SAID_MAX = 560 };

struct process {
	struct aws_fetch base; /* first */
	struct loop *loop;
	struct aws_child *child;
	struct loop_fd out, err; /* fd -1: at its end */
	struct loop_timer deadline;
	int64_t deadline_ms;
	struct buf keys;
	char said[STDERR_MAX];
	size_t said_len;
	char name[NAME_MAX_SHOWN];
	const char *killed; /* why; NULL: it was not */
	bool finished;
	source_done done;
	void *cls;
};

static void close_pipe(struct loop_fd *w)
{
	loop_fd_remove(w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void process_free(struct process *f)
{
	close_pipe(&f->out);
	close_pipe(&f->err);
	loop_timer_cancel(&f->deadline);
	if (f->child)
		aws_child_abandon(f->child);
	buf_wipe(&f->keys);
	crypto_wipe(f->said, sizeof f->said);
	free(f);
}

DEFINE_CLEANUP_PTR(struct process, process_free)

static void process_cancel(struct aws_fetch *base)
{
	struct process *f = (struct process *)base;
	if (!f->finished)
		process_free(f);
}

static void finish(struct process *f, const struct aws_got *got, const struct err *why)
{
	f->finished = true;
	f->done(f->cls, got, why);
	process_free(f);
}

static void give_up(struct process *f, const char *why)
{
	if (f->killed)
		return;
	f->killed = why;
	/* What came last may be too much when the command has ended already. */
	if (!f->child)
		return;
	aws_child_kill(f->child);
	loop_timer_in(f->loop, &f->deadline, DYING_MS);
}

/* --- what it writes --- */

/* As much as is there; 1 at the end. */
static int drain(int fd, char *dst, size_t room, size_t *n)
{
	*n = 0;
	while (*n < room) {
		ssize_t r = read(fd, dst + *n, room - *n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EAGAIN ? 0 : 1;
		if (r == 0)
			return 1;
		*n += (size_t)r;
	}
	return 0;
}

static void read_keys(struct process *f)
{
	char extra;
	size_t n;
	int end = drain(f->out.fd, f->keys.ptr + f->keys.len, f->keys.max - f->keys.len, &n);
	f->keys.len += n;
	if (!end && f->keys.len == f->keys.max) {
		end = drain(f->out.fd, &extra, 1, &n);
		if (n > 0) {
			give_up(f, "it wrote more than keys need");
			end = 1;
		}
		crypto_wipe(&extra, 1);
	}
	if (end)
		close_pipe(&f->out);
}

/* The first bytes are kept, the rest is read so that the command does not wait. */
static void read_said(struct process *f)
{
	char rest[4096];
	size_t n;
	int end = drain(f->err.fd, f->said + f->said_len, sizeof f->said - f->said_len, &n);
	f->said_len += n;
	if (!end && f->said_len == sizeof f->said)
		end = drain(f->err.fd, rest, sizeof rest, &n);
	if (end)
		close_pipe(&f->err);
}

static void on_out(void *cls, uint32_t events)
{
	read_keys(cls);
}

static void on_err(void *cls, uint32_t events)
{
	read_said(cls);
}

/* --- how it ends --- */

static void explain(const struct process *f, int status, struct err *why)
{
	char said[SAID_MAX];
	aws_said(said, sizeof said, SV_NULL, sv_make(f->said, f->said_len), SV_NULL);
	const char *colon = said[0] ? ": " : "";
	if (f->killed)
		err_set(why, 1, "credential_process %s was killed: %s%s%s", f->name, f->killed,
			colon, said);
	else if (WIFSIGNALED(status))
		err_set(why, 1, "credential_process %s was ended by signal %d%s%s", f->name,
			WTERMSIG(status), colon, said);
	else
		err_set(why, 1, "credential_process %s failed with code %d%s%s", f->name,
			WEXITSTATUS(status), colon, said);
}

static void on_gone(void *cls, int status)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct process *f = cls;
	struct aws_got got;
	struct err why = ERR_NULL;
	f->child = NULL;
	if (f->out.fd >= 0)
		read_keys(f);
	if (f->err.fd >= 0)
		read_said(f);
	if (f->killed || (status != 0 && status != -1)) {
		explain(f, status, &why);
		finish(f, NULL, &why);
		return;
	}
	arena_init(&arena, 2 * LIMIT_SECRET_BYTES);
	if (json_keys_read(&arena, JSON_KEYS_PROCESS, buf_view(&f->keys), &got, &why) == 0) {
		finish(f, &got, NULL);
		return;
	}
	err_prefix(&why, "credential_process %s", f->name);
	finish(f, NULL, &why);
}

static void on_deadline(void *cls)
{
	struct process *f = cls;
	struct err why = ERR_NULL;
	if (!f->killed) {
		give_up(f, "it took too long");
		return;
	}
	explain(f, 0, &why);
	finish(f, NULL, &why);
}

/* --- start --- */

static int watch(struct process *f, struct err *err)
{
	f->out.events = f->err.events = EPOLLIN;
	f->out.ready = on_out;
	f->err.ready = on_err;
	f->out.cls = f->err.cls = f;
	f->deadline.fire = on_deadline;
	f->deadline.cls = f;
	if (loop_fd_add(f->loop, &f->out, err) != 0 || loop_fd_add(f->loop, &f->err, err) != 0)
		return 1;
	loop_timer_in(f->loop, &f->deadline, f->deadline_ms);
	return 0;
}

static int run(struct process *f, struct sv command, struct err *err)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL; /* arguments may be secrets */
	char **argv;
	arena_init(&arena, COMMAND_MAX);
	int code = aws_command_words(&arena, command, &argv, err);
	if (code != 0)
		return code;
	snprintf(f->name, sizeof f->name, "%s", argv[0]);
	code = aws_child_start(f->loop, argv, on_gone, f, &f->out.fd, &f->err.fd, &f->child, err);
	if (code > 0 && (argv[0][0] == '~' || strchr(argv[0], '$')))
		err_prefix(err, "there is no shell that expands ~ and $");
	return code != 0 ? code : watch(f, err);
}

int source_process_start(const struct source_env *env, source_done done, void *cls,
			 struct aws_fetch **out, struct err *err)
{
	return source_process_start_for(env, DEADLINE_MS, done, cls, out, err);
}

int source_process_start_for(const struct source_env *env, int64_t deadline_ms, source_done done,
			     void *cls, struct aws_fetch **out, struct err *err)
{
	_cleanup_(process_freep) struct process *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->base.cancel = process_cancel;
	f->loop = aws_session_loop(env->session);
	f->out.fd = f->err.fd = -1;
	f->deadline_ms = deadline_ms;
	f->done = done;
	f->cls = cls;
	buf_init(&f->keys, LIMIT_SECRET_BYTES);
	if (buf_reserve(&f->keys, LIMIT_SECRET_BYTES) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	int code = run(f, env->plan->command, err);
	if (code > 0)
		err_prefix(err, "credential_process");
	if (code != 0)
		return code;
	struct process *made = take_ptr(f);
	*out = &made->base;
	return 0;
}
