/* One inotify descriptor for all directories that file discovery looks at.
 *
 * Directories are watched, not files: files are replaced by renames, and a mounted Kubernetes
 * ConfigMap changes by moving a symbolic link in its directory.
 */
#pragma once

#include <ampagent/base/cleanup.h>
#include <ampagent/base/sv.h>
#include <ampagent/net/loop.h>

struct dir_watch;

/* Who wants to know. Embedded in its owner; zeroed before the first use. */
struct dir_listener {
	void (*changed)(void *cls); /* something happened in one of the directories, or may have */
	void *cls;
	/* private */
	int *wds;
	size_t n;
	struct dir_listener *next;
};

int dir_watch_new(struct loop *loop, struct dir_watch **out, struct err *err);
/* All listeners must be gone. */
void dir_watch_free(struct dir_watch *w);

void dir_watch_join(struct dir_watch *w, struct dir_listener *l);
void dir_watch_leave(struct dir_watch *w, struct dir_listener *l);
/* Replaces the listener's directories. A directory that cannot be watched is left out: 1 then,
 * with the last reason; 0; ERR_NOMEM. Cheap when nothing has changed, and takes up again a
 * directory that was removed and made anew. */
int dir_watch_set(struct dir_watch *w, struct dir_listener *l, const struct sv *dirs, size_t n,
		  struct err *err);

DEFINE_CLEANUP_PTR(struct dir_watch, dir_watch_free)
