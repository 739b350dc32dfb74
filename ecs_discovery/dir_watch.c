/* The kernel gives equal directories equal watch numbers, so a number is shared by listeners and
 * goes when the last of them drops it. */
#include "dir_watch.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

/* No IN_MODIFY: a writer's close tells enough, and a file is then more likely to be whole. */
static const uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
			       IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct dir_watch {
	struct loop_fd fd;
	struct dir_listener *listeners;
};

static bool has(const struct dir_listener *l, int wd)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->wds[i] == wd)
			return true;
	return false;
}

/* wd < 0: events were lost, so everybody is told. */
static void tell(struct dir_watch *w, int wd)
{
	for (struct dir_listener *l = w->listeners; l; l = l->next)
		if (wd < 0 || has(l, wd))
			l->changed(l->cls);
}

static void ready(void *cls, uint32_t what)
{
	struct dir_watch *w = cls;
	_Alignas(struct inotify_event) char bytes[16384];
	for (;;) {
		ssize_t n = read(w->fd.fd, bytes, sizeof bytes);
		if (n <= 0)
			return;
		for (char *p = bytes; p < bytes + n;) {
			struct inotify_event e;
			memcpy(&e, p, sizeof e);
			tell(w, e.mask & IN_Q_OVERFLOW ? -1 : e.wd);
			p += sizeof e + e.len;
		}
	}
}

int dir_watch_new(struct loop *loop, struct dir_watch **out, struct err *err)
{
	_cleanup_(freep) struct dir_watch *w = calloc(1, sizeof *w);
	_cleanup_(close_fdp) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!w)
		return ERR_NOMEM;
	if (fd < 0)
		return err_set(err, 1, "inotify: %s", strerror(errno));
	w->fd = (struct loop_fd){.fd = fd, .events = EPOLLIN, .ready = ready, .cls = w};
	int r = loop_fd_add(loop, &w->fd, err);
	if (r != 0)
		return r;
	fd = -1;
	*out = take_ptr(w);
	return 0;
}

void dir_watch_free(struct dir_watch *w)
{
	loop_fd_remove(&w->fd);
	close(w->fd.fd);
	free(w);
}

void dir_watch_join(struct dir_watch *w, struct dir_listener *l)
{
	l->next = w->listeners;
	w->listeners = l;
}

/* Stops watching what only these numbers' owner watched; it is out of the list, or has new ones. */
static void release(struct dir_watch *w, const int *wds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool used = false;
		for (struct dir_listener *l = w->listeners; l && !used; l = l->next)
			used = has(l, wds[i]);
		if (!used)
			inotify_rm_watch(w->fd.fd, wds[i]);
	}
}

void dir_watch_leave(struct dir_watch *w, struct dir_listener *l)
{
	for (struct dir_listener **p = &w->listeners; *p; p = &(*p)->next) {
		if (*p == l) {
			*p = l->next;
			break;
		}
	}
	release(w, l->wds, l->n);
	free(l->wds);
	l->wds = NULL;
	l->n = 0;
}

int dir_watch_set(struct dir_watch *w, struct dir_listener *l, const struct sv *dirs, size_t n,
		  struct err *err)
{
	_cleanup_(freep) int *wds = calloc(n + 1, sizeof *wds);
	int r = 0;
	size_t k = 0;
	if (!wds)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *dir = sv_dup(dirs[i]);
		if (!dir)
			return ERR_NOMEM;
		int wd = inotify_add_watch(w->fd.fd, dir, events);
		if (wd >= 0)
			wds[k++] = wd;
		else
			r = err_set(err, 1, "cannot watch %s: %s", dir, strerror(errno));
	}
	int *old = l->wds;
	size_t n_old = l->n;
	l->wds = take_ptr(wds);
	l->n = k;
	release(w, old, n_old);
	free(old);
	return r;
}
