#include "failure_log.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct failure_log {
	char *path;
	int fd;
	bool failing;
};

static void log_close(struct failure_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l);
}

DEFINE_CLEANUP_PTR(struct failure_log, log_close)

static int log_open(struct sv path, struct failure_log **out, struct err *err)
{
	_cleanup_(log_closep) struct failure_log *l = calloc(1, sizeof *l);
	if (!l)
		return ERR_NOMEM;
	l->fd = -1;
	l->path = sv_dup(path);
	if (!l->path)
		return ERR_NOMEM;
	/* Not to wait for the reader of a pipe: scraping would. */
	l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	if (l->fd < 0)
		return err_set(err, 1, "scrape_failure_log_file %s: %s", l->path, strerror(errno));
	*out = take_ptr(l);
	return 0;
}

struct failure_log *failure_logs_find(const struct failure_logs *l, struct sv path)
{
	for (size_t i = 0; i < l->n; i++) {
		if (sv_eq(sv_of(l->v[i]->path), path))
			return l->v[i];
	}
	return NULL;
}

int failure_logs_open(const struct scrape_options *opts, size_t n, struct failure_logs *out,
		      struct err *err)
{
	int result = 0;
	*out = (struct failure_logs){calloc(n + 1, sizeof(struct failure_log *)), 0};
	if (!out->v)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		struct sv path = opts[i].failure_log_file;
		if (path.len == 0 || failure_logs_find(out, path))
			continue;
		int r = log_open(path, &out->v[out->n], result == 0 ? err : NULL);
		out->n += r == 0;
		if (result == 0)
			result = r;
	}
	return result;
}

void failure_logs_close(struct failure_logs *l)
{
	for (size_t i = 0; i < l->n; i++)
		log_close(l->v[i]);
	free(l->v);
	*l = (struct failure_logs){NULL, 0};
}

static void put_string(struct json_writer *w, struct sv key, struct sv value)
{
	json_key(w, key);
	json_string(w, value);
}

void failure_log_write(struct failure_log *l, const struct failure *f)
{
	if (!l)
		return;
	_cleanup_(buf_deinit) struct buf line = BUF_NULL;
	char time[RFC3339_MAX];
	buf_init(&line, MiB(1));
	struct json_writer w = {.out = &line};
	json_begin_object(&w);
	put_string(&w, SV("time"), sv_of(clock_format_rfc3339(time, f->wall_ms)));
	put_string(&w, SV("level"), SV("ERROR"));
	put_string(&w, SV("source"), f->source);
	put_string(&w, SV("msg"), f->message);
	put_string(&w, SV("job_name"), f->job);
	put_string(&w, SV("target"), f->url);
	json_end_object(&w);
	buf_char(&line, '\n');
	/* One write a line: others may append to the same file. */
	bool ok = !buf_failed(&line) && write(l->fd, line.ptr, line.len) == (ssize_t)line.len;
	if (!ok && !l->failing)
		log_error("failed scrapes cannot be logged", "file", l->path, "err",
			  strerror(errno));
	l->failing = !ok;
}
