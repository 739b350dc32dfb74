/* file_sd: which files there are, when to read them, what each gave last. */
#include "file.h"
#include "dir_watch.h"
#include "groups.h"
#include <ampagent/base/clock.h>
#include <ampagent/base/file.h>
#include <ampagent/base/log.h>

#include <glob.h>
#include <sys/stat.h>

/* A change comes as several events; a moment's wait reads it once. */
enum { DEBOUNCE_MS = 100 };

struct sd_file {
	char *path;
	struct group_list groups;
	char *fault;   /* told of last; NULL when the file is good */
	uint64_t hash; /* of the bytes that were parsed last */
	bool parsed;
	double mtime_s; /* of the last good read */
	bool kept;      /* moved to the next generation of the array */
};

struct file_provider {
	struct provider base;
	struct file_sd *sd;
	struct file_provider *next;
	char **globs;
	size_t n_globs;
	int64_t interval_ms;
	struct sd_file *files; /* by path */
	size_t n_files;
	struct dir_listener listener;
	struct loop_timer soon;   /* after a change in a directory */
	struct loop_timer period; /* refresh_interval */
	char *watch_fault;        /* told of last */
};

struct file_sd {
	struct loop *loop;
	struct dir_watch *watch;
	struct file_provider *providers;
	uint64_t scans;
	int64_t scan_ns;
};

/* ---- one file ---- */

static void file_deinit(struct sd_file *f)
{
	group_list_deinit(&f->groups);
	free(f->path);
	free(f->fault);
	*f = (struct sd_file){.path = NULL};
}

/* Logs a fault unless the last one had the same text. */
static void tell_fault(struct sd_file *f, const struct err *err)
{
	char text[ERR_MSG_MAX + 48];
	metric_add(M_SD_FILE_READ_ERRORS, 1);
	snprintf(text, sizeof text, "%d:%d: %s", err->line, err->col, err->msg);
	if (f->fault && strcmp(f->fault, text) == 0)
		return;
	free(f->fault);
	f->fault = strdup(text);
	/* A NULL key ends the line early: not every fault has a place. */
	log_warn("file_sd: file not read, its last targets stay", "file", f->path, "err", err->msg,
		 err->line > 0 ? "line" : NULL, FMT("%d", err->line), "col", FMT("%d", err->col));
}

static void clear_fault(struct sd_file *f)
{
	if (f->fault)
		log_info("file_sd: file is good again", "file", f->path);
	free(take_ptr(f->fault));
}

static enum groups_form form_of(const char *path)
{
	return sv_ends_with(sv_of(path), SV("json")) || sv_ends_with(sv_of(path), SV("JSON"))
		       ? GROUPS_JSON
		       : GROUPS_YAML;
}

static int parse(struct sd_file *f, struct sv text, struct err *err)
{
	struct group_list list = GROUP_LIST_NULL;
	int r = groups_parse(form_of(f->path), text, sv_of(f->path), &list, err);
	if (r != 0)
		return r < 0 ? err_set(err, 1, "no memory") : r;
	group_list_deinit(&f->groups);
	f->groups = list;
	return 0;
}

/* Returns whether the file's groups have changed. Bytes that were parsed before are not parsed
 * again, so that a refresh of unchanged files is cheap and wakes nobody. */
static bool file_refresh(struct sd_file *f)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct err err = ERR_NULL;
	struct stat st = {.st_mtime = 0};
	buf_init(&text, LIMIT_SD_FILE_BYTES);
	if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		err_set(&err, 1, "%s is not a regular file", f->path);
		tell_fault(f, &err);
		return false;
	}
	if (file_read(f->path, &text, &err) != 0) {
		tell_fault(f, &err);
		return false;
	}
	uint64_t hash = hash_stable(text.ptr, text.len);
	bool same = f->parsed && hash == f->hash;
	if (!same && parse(f, buf_view(&text), &err) != 0) {
		tell_fault(f, &err);
		return false;
	}
	clear_fault(f);
	f->hash = hash;
	f->parsed = true;
	f->mtime_s = (double)st.st_mtime;
	return !same;
}

/* ---- the files of a provider ---- */

static int by_path(const void *a, const void *b)
{
	const struct sd_file *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static struct sd_file *find_file(const struct file_provider *p, const char *path)
{
	struct sd_file key = {.path = NULL};
	memcpy(&key.path, &path, sizeof path);
	return p->n_files == 0 ? NULL : bsearch(&key, p->files, p->n_files, sizeof key, by_path);
}

static void files_free(struct sd_file *files, size_t n)
{
	for (size_t i = 0; files && i < n; i++)
		file_deinit(&files[i]);
	free(files);
}

/* The paths that the globs find now, sorted, each once. Go's globs find names with a leading dot
 * too. */
static int find_paths(const struct file_provider *p, struct sd_file **out, size_t *n_out)
{
	glob_t found = {.gl_pathc = 0};
	int flags = GLOB_PERIOD, r = 0;
	for (size_t i = 0; i < p->n_globs && r == 0; i++) {
		r = glob(p->globs[i], flags, NULL, &found);
		r = r == GLOB_NOSPACE ? ERR_NOMEM : 0;
		flags |= GLOB_APPEND;
	}
	struct sd_file *files = calloc(found.gl_pathc + 1, sizeof *files);
	size_t n = 0, kept = 0;
	for (; files && r == 0 && n < found.gl_pathc; n++)
		if (!(files[n].path = strdup(found.gl_pathv[n])))
			r = ERR_NOMEM;
	globfree(&found);
	if (!files || r != 0) {
		files_free(files, n);
		return ERR_NOMEM;
	}
	qsort(files, n, sizeof *files, by_path);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && strcmp(files[kept - 1].path, files[i].path) == 0)
			file_deinit(&files[i]);
		else
			files[kept++] = files[i];
	}
	*out = files;
	*n_out = kept;
	return 0;
}

/* Replaces p->files by those that exist now, with what the known ones gave last. Returns whether
 * one that gave groups is gone. */
static bool take_paths(struct file_provider *p, struct sd_file *files, size_t n)
{
	bool lost = false;
	for (size_t i = 0; i < n; i++) {
		struct sd_file *known = find_file(p, files[i].path);
		if (!known)
			continue;
		char *path = files[i].path;
		files[i] = *known;
		*known = (struct sd_file){.path = path, .kept = true};
	}
	for (size_t i = 0; i < p->n_files; i++)
		if (!p->files[i].kept && p->files[i].groups.n > 0)
			lost = true;
	files_free(p->files, p->n_files);
	p->files = files;
	p->n_files = n;
	return lost;
}

static void watch_dirs(struct file_provider *p)
{
	struct err err = ERR_NULL;
	_cleanup_(freep) struct sv *dirs = calloc(p->n_globs + 1, sizeof *dirs);
	for (size_t i = 0; dirs && i < p->n_globs; i++)
		dirs[i] = path_dir(sv_of(p->globs[i]));
	if (dirs && dir_watch_set(p->sd->watch, &p->listener, dirs, p->n_globs, &err) == 0) {
		free(take_ptr(p->watch_fault));
		return;
	}
	if (p->watch_fault && strcmp(p->watch_fault, err.msg) == 0)
		return;
	free(p->watch_fault);
	p->watch_fault = strdup(err.msg);
	log_warn("file_sd: changes are seen at the refresh interval only", "err", err.msg);
}

/* Watches first, so that no change can fall between reading and watching. */
static bool refresh(struct file_provider *p)
{
	struct sd_file *files = NULL;
	size_t n = 0;
	bool changed = false;
	int64_t start_ns = clock_mono_ns();
	watch_dirs(p);
	if (find_paths(p, &files, &n) == 0) {
		changed = take_paths(p, files, n);
		for (size_t i = 0; i < p->n_files; i++)
			changed |= file_refresh(&p->files[i]);
	}
	p->sd->scans++;
	p->sd->scan_ns += clock_mono_ns() - start_ns;
	loop_timer_in(p->sd->loop, &p->period, p->interval_ms);
	return changed;
}

static void on_timer(void *cls)
{
	struct file_provider *p = cls;
	if (refresh(p) && p->base.changed)
		p->base.changed(p->base.cls);
}

/* Not pushed back by further events: a busy directory is read as well. */
static void on_directory(void *cls)
{
	struct file_provider *p = cls;
	if (!loop_timer_armed(&p->soon))
		loop_timer_in(p->sd->loop, &p->soon, DEBOUNCE_MS);
}

/* ---- the provider ---- */

static const struct file_provider *self_of(const struct provider *p)
{
	return (const struct file_provider *)p;
}

static size_t count(const struct provider *base)
{
	const struct file_provider *p = self_of(base);
	size_t n = 0;
	for (size_t i = 0; i < p->n_files; i++)
		n += p->files[i].groups.n;
	return n;
}

static void list(const struct provider *base, struct target_group *out)
{
	const struct file_provider *p = self_of(base);
	for (size_t i = 0; i < p->n_files; i++) {
		const struct group_list *groups = &p->files[i].groups;
		for (size_t k = 0; k < groups->n; k++)
			*out++ = groups->v[k];
	}
}

/* A file that was never good may name anything. */
static bool complete(const struct provider *base)
{
	const struct file_provider *p = self_of(base);
	for (size_t i = 0; i < p->n_files; i++)
		if (!p->files[i].parsed)
			return false;
	return true;
}

static void free_self(struct provider *base)
{
	struct file_provider *p = (struct file_provider *)base;
	for (struct file_provider **at = &p->sd->providers; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	dir_watch_leave(p->sd->watch, &p->listener);
	loop_timer_cancel(&p->soon);
	loop_timer_cancel(&p->period);
	files_free(p->files, p->n_files);
	for (size_t i = 0; p->globs && i < p->n_globs; i++)
		free(p->globs[i]);
	free(p->globs);
	free(p->watch_fault);
	free(p);
}

static const struct provider_ops ops = {
	.count = count, .list = list, .complete = complete, .free = free_self};

static int copy_globs(struct file_provider *p, const struct file_sd_options *opt)
{
	p->globs = calloc(opt->n_files + 1, sizeof *p->globs);
	if (!p->globs)
		return ERR_NOMEM;
	for (; p->n_globs < opt->n_files; p->n_globs++)
		if (!(p->globs[p->n_globs] = sv_dup(opt->files[p->n_globs])))
			return ERR_NOMEM;
	return 0;
}

int file_provider_new(struct file_sd *sd, const struct file_sd_options *opt, struct provider **out)
{
	struct file_provider *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->base.ops = &ops;
	p->sd = sd;
	p->next = sd->providers;
	sd->providers = p;
	p->interval_ms = opt->refresh_interval_ms;
	p->listener = (struct dir_listener){.changed = on_directory, .cls = p};
	p->soon = (struct loop_timer){.fire = on_timer, .cls = p};
	p->period = (struct loop_timer){.fire = on_timer, .cls = p};
	dir_watch_join(sd->watch, &p->listener);
	if (copy_globs(p, opt) != 0) {
		free_self(&p->base);
		return ERR_NOMEM;
	}
	refresh(p);
	*out = &p->base;
	return 0;
}

bool file_provider_is(const struct provider *base, const struct file_sd_options *opt)
{
	const struct file_provider *p = self_of(base);
	if (base->ops != &ops || p->interval_ms != opt->refresh_interval_ms ||
	    p->n_globs != opt->n_files)
		return false;
	for (size_t i = 0; i < p->n_globs; i++)
		if (!sv_eq(sv_of(p->globs[i]), opt->files[i]))
			return false;
	return true;
}

/* ---- shared ---- */

int file_sd_new(struct loop *loop, struct file_sd **out, struct err *err)
{
	_cleanup_(freep) struct file_sd *sd = calloc(1, sizeof *sd);
	if (!sd)
		return ERR_NOMEM;
	sd->loop = loop;
	int r = dir_watch_new(loop, &sd->watch, err);
	if (r != 0)
		return r;
	*out = take_ptr(sd);
	return 0;
}

void file_sd_free(struct file_sd *sd)
{
	if (!sd)
		return;
	dir_watch_free(sd->watch);
	free(sd);
}

/* Whether a provider further up the list has told of that path. */
static bool told(const struct file_sd *sd, const struct file_provider *until, const char *path)
{
	for (const struct file_provider *p = sd->providers; p != until; p = p->next) {
		const struct sd_file *f = find_file(p, path);
		if (f && f->parsed)
			return true;
	}
	return false;
}

void file_sd_collect(const struct file_sd *sd, struct metrics_writer *w)
{
	metrics_emit_suffix(w, M_SD_FILE_SCAN_DURATION, "_sum", NULL, 0, (double)sd->scan_ns / 1e9);
	metrics_emit_suffix(w, M_SD_FILE_SCAN_DURATION, "_count", NULL, 0, (double)sd->scans);
	for (const struct file_provider *p = sd->providers; p; p = p->next) {
		for (size_t i = 0; i < p->n_files; i++) {
			const struct sd_file *f = &p->files[i];
			struct metric_label path = {"filename", sv_of(f->path)};
			if (f->parsed && !told(sd, p, f->path))
				metrics_emit(w, M_SD_FILE_MTIME, &path, 1, f->mtime_s);
		}
	}
}
