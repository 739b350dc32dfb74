/* Checking a log directory: all files are opened first, so that what is read is one moment of it
 * although another process may write, and then read from beginning to end.
 */
#include <ampagent/base/err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "verify.h"

enum { SNAPSHOT_TRIES = 20, POSITION_FILE_MAX = 1 << 20 };

struct finding *verify_note(struct verify *v, const struct finding_at *at, const char *fmt, ...)
{
	if (at->note)
		v->n_notes++;
	else
		v->n_disagree++;
	if (v->n_findings == FINDINGS_MAX)
		return NULL;
	if (v->n_findings == v->cap_findings) {
		/* All at once: pointers to findings stay good. */
		v->findings = calloc(FINDINGS_MAX, sizeof *v->findings);
		v->cap_findings = v->findings ? FINDINGS_MAX : 0;
		v->no_memory = v->no_memory || !v->findings;
		if (!v->findings)
			return NULL;
	}
	struct finding *f = &v->findings[v->n_findings++];
	*f = (struct finding){.note = at->note,
			      .what = at->what,
			      .offset = at->offset,
			      .bytes = at->bytes,
			      .samples = at->samples};
	snprintf(f->file, sizeof f->file, "%s", at->file ? at->file : "");
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return f;
}

/* ---- the moment ---- */

static int add_file(struct verify_files *list, const char *name, uint64_t number)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 32;
		struct verify_file *f = reallocarray(list->v, cap, sizeof *f);
		if (!f)
			return ERR_NOMEM;
		list->v = f;
		list->cap = cap;
	}
	struct verify_file *f = &list->v[list->n++];
	*f = (struct verify_file){.number = number, .fd = -1};
	snprintf(f->name, sizeof f->name, "%s", name);
	return 0;
}

static int add_position(struct verify *v, const char *name)
{
	if (v->n_positions == v->cap_positions) {
		size_t cap = v->cap_positions ? v->cap_positions * 2 : 8;
		struct verify_position *p = reallocarray(v->positions, cap, sizeof *p);
		if (!p)
			return ERR_NOMEM;
		v->positions = p;
		v->cap_positions = cap;
	}
	struct verify_position *p = &v->positions[v->n_positions++];
	*p = (struct verify_position){0};
	buf_init(&p->content, POSITION_FILE_MAX);
	snprintf(p->file, sizeof p->file, "%s", name);
	return 0;
}

static void see_name(void *cls, const char *name)
{
	struct verify *v = cls;
	uint64_t number;
	int r = 0;
	if (store_number(name, FILE_SEGMENT, &number) == 0)
		r = add_file(&v->segments, name, number);
	else if (store_number(name, FILE_DEFS, &number) == 0)
		r = add_file(&v->defs, name, number);
	else if (sv_starts_with(sv_of(name), SV("pos-")) && !sv_ends_with(sv_of(name), SV(".tmp")))
		r = add_position(v, name);
	v->no_memory = v->no_memory || r != 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct verify_file *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int compare_positions(const void *a, const void *b)
{
	return strcmp(((const struct verify_position *)a)->file,
		      ((const struct verify_position *)b)->file);
}

/* The one before counts only where the newer one is not there. */
static void choose_positions(struct verify *v)
{
	size_t n = 0;
	if (v->n_positions > 1)
		qsort(v->positions, v->n_positions, sizeof v->positions[0], compare_positions);
	for (size_t i = 0; i < v->n_positions; i++) {
		struct verify_position *p = &v->positions[i];
		struct sv newer = sv_of(n > 0 ? v->positions[n - 1].file : "");
		struct sv name = sv_of(p->file);
		if (newer.len > 0 && sv_starts_with(name, newer) &&
		    sv_eq(sv_from(name, newer.len), SV(".old")))
			verify_position_deinit(p);
		else
			v->positions[n++] = *p;
	}
	v->n_positions = n;
}

/* 0; 1 with errno. */
static int open_files(struct verify *v, struct verify_files *list)
{
	struct stat st;
	if (list->n > 1)
		qsort(list->v, list->n, sizeof list->v[0], compare_files);
	for (size_t i = 0; i < list->n; i++) {
		struct verify_file *f = &list->v[i];
		f->fd = store_open(&v->store, f->name);
		if (f->fd < 0 || fstat(f->fd, &st) != 0)
			return 1;
		f->size = (uint64_t)st.st_size;
	}
	return 0;
}

/* 0; 1 with errno; ERR_NOMEM. */
static int read_whole(struct verify *v, const char *name, struct buf *out)
{
	_cleanup_(close_fdp) int fd = store_open(&v->store, name);
	if (fd < 0)
		return 1;
	buf_reset(out);
	if (buf_reserve(out, POSITION_FILE_MAX))
		return ERR_NOMEM;
	ssize_t n = read_at(fd, out->ptr, POSITION_FILE_MAX, 0);
	if (n < 0)
		return 1;
	out->len = (size_t)n;
	return 0;
}

/* Whether the positions are still what they were before the other files were opened. */
static bool positions_stand(struct verify *v)
{
	for (size_t i = 0; i < v->n_positions; i++) {
		_cleanup_(buf_deinit) struct buf now;
		buf_init(&now, POSITION_FILE_MAX);
		if (read_whole(v, v->positions[i].file, &now) != 0 ||
		    !sv_eq(buf_view(&now), buf_view(&v->positions[i].content)))
			return false;
	}
	return true;
}

static void forget_files(struct verify_files *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].fd >= 0)
			close(list->v[i].fd);
	free(list->v);
	*list = (struct verify_files){0};
}

static void forget_snapshot(struct verify *v)
{
	forget_files(&v->segments);
	forget_files(&v->defs);
	for (size_t i = 0; i < v->n_positions; i++)
		verify_position_deinit(&v->positions[i]);
	free(v->positions);
	v->positions = NULL;
	v->n_positions = v->cap_positions = 0;
}

/* Positions are read first and definitions opened last: so a position is never ahead of the
 * segments, nor these of the definitions. 0; 1 when something moved meanwhile; 2 with errno;
 * ERR_NOMEM. */
static int take_snapshot(struct verify *v)
{
	if (store_each(&v->store, see_name, v))
		return 2;
	choose_positions(v);
	int r = v->no_memory ? ERR_NOMEM : 0;
	for (size_t i = 0; i < v->n_positions && r == 0; i++)
		r = read_whole(v, v->positions[i].file, &v->positions[i].content);
	if (r == 0)
		r = open_files(v, &v->segments);
	if (r == 0)
		r = open_files(v, &v->defs);
	if (r > 0)
		return errno == ENOENT ? 1 : 2;
	return r || positions_stand(v) ? r : 1;
}

/* The last try counts whatever moved: then positions may look as if they needed what has gone. */
static int snapshot(struct verify *v, const char *dir, struct err *err)
{
	int r = 1;
	for (int i = 0; i < SNAPSHOT_TRIES && r == 1; i++) {
		forget_snapshot(v);
		r = take_snapshot(v);
	}
	if (r < 0)
		return err_set(err, WAL_VERIFY_UNREADABLE, "%s: out of memory", dir);
	if (r == 0)
		return 0;
	return err_set(err, WAL_VERIFY_UNREADABLE, "%s: %s", dir,
		       r == 1 ? "the files change faster than they can be opened"
			      : strerror(errno));
}

/* ---- all of it ---- */

static int check_all(struct verify *v)
{
	int r = 0;
	for (size_t i = 0; i < v->n_positions && r == 0; i++)
		r = verify_position_read(v, &v->positions[i]);
	if (r == 0)
		r = verify_read_defs(v);
	if (r == 0)
		r = verify_read_segments(v);
	if (r == 0)
		verify_books(v);
	return v->no_memory ? ERR_NOMEM : r;
}

static void verify_deinit(struct verify *v)
{
	forget_snapshot(v);
	free(v->findings);
	map_deinit(&v->frame_map);
	free(v->frames);
	free(v->gaps);
	store_deinit(&v->store);
}

int wal_verify(const char *dir, const struct wal_position_reader *positions, bool json, FILE *out,
	       struct err *err)
{
	struct verify v = {.reader = positions, .store = STORE_NULL, .frame_map = MAP_NULL};
	int r = store_open_look(&v.store, dir, err) ? WAL_VERIFY_UNREADABLE : 0;
	if (r == 0)
		r = snapshot(&v, dir, err);
	if (r == 0 && check_all(&v) != 0)
		r = err_set(err, WAL_VERIFY_UNREADABLE, "%s: out of memory", dir);
	if (r == 0 && (json ? verify_print_json(&v, out) : verify_print_text(&v, out)) != 0)
		r = err_set(err, WAL_VERIFY_UNREADABLE, "%s: out of memory", dir);
	if (r == 0 && v.n_disagree > 0)
		r = WAL_VERIFY_DISAGREES;
	verify_deinit(&v);
	return r;
}
