/* Reading the definition files when the log is opened. */
#include <ampagent/base/err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "defs.h"
#include "reader.h"

struct numbers {
	uint64_t *v;
	size_t n, cap;
	bool failed;
};

static void add_number(void *cls, const char *name)
{
	struct numbers *list = cls;
	uint64_t number;
	if (list->failed || store_number(name, FILE_DEFS, &number))
		return;
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 8;
		uint64_t *v = reallocarray(list->v, cap, sizeof *v);
		list->failed = !v;
		if (!v)
			return;
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static int index_records(struct defs *d, struct def_file *file, struct reader *r)
{
	struct record rec;
	uint64_t at;
	int e;
	while ((e = reader_next(r, &rec, &at)) == 0) {
		struct def_pending p;
		if (def_record_get(&rec, &p))
			continue;
		p.offset = (uint32_t)at;
		p.bytes = (uint32_t)rec.bytes;
		if (defs_index(d, file, &p))
			return ERR_NOMEM;
	}
	return e < 0 ? e : 0;
}

static int note_header(struct defs *d, int fd)
{
	uint8_t raw[FILE_HEADER_BYTES];
	struct file_header h;
	ssize_t n = read_at(fd, raw, sizeof raw, 0);
	if (n < 0 || file_header_get(raw, (size_t)n, FILE_DEFS, &h))
		return 1;
	if (h.next_frame > d->next_frame)
		d->next_frame = h.next_frame;
	if (h.next_owner > d->next_owner)
		d->next_owner = h.next_owner;
	return 0;
}

/* The newest file may end in the middle of a record; it is cut there, so that what is added follows
 * a whole one. Elsewhere damage is left, and passed over. */
static int load_file(struct defs *d, struct def_file *file, bool newest)
{
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return ERR_NOMEM;
	bool headless = note_header(d, fd) != 0;
	_cleanup_(reader_deinit) struct reader r;
	reader_init(&r, fd, headless ? 0 : FILE_HEADER_BYTES, file->size);
	int e = index_records(d, file, &r);
	if (e)
		return e;
	d->repaired_bytes += r.skipped;
	if (newest && r.end < file->size && !headless && ftruncate(file->fd, (off_t)r.end) == 0) {
		file->size = r.end;
		d->dirty = true;
	}
	if (newest) {
		append_begin(&d->end, file->fd, file->size, d->keep);
		/* What a killed process left in the page cache is believed from now on. */
		d->dirty |= d->keep && append_sync(&d->end);
	}
	return 0;
}

static int load_number(struct defs *d, uint64_t number, bool newest, struct err *err)
{
	char name[STORE_NAME_MAX];
	store_name(name, FILE_DEFS, number);
	struct stat st;
	_cleanup_(close_fdp) int fd = store_open(d->store, name);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set(err, 1, "%s: %s", name, strerror(errno));
	struct def_file *file = def_file_new(fd, number, (uint64_t)st.st_size);
	if (!file)
		return ERR_NOMEM;
	fd = -1;
	if (defs_add_file(d, file)) {
		def_file_unref(file);
		return ERR_NOMEM;
	}
	return load_file(d, file, newest);
}

/* Owners are not claimed before somebody asks for them. Frames may have been met before their
 * owner, so the counts are made at the end. */
static void settle(struct defs *d)
{
	for (size_t i = 0; i < d->n_owners; i++) {
		d->owners[i].claimed = false;
		d->owners[i].n_frames = 0;
	}
	for (size_t i = 0; i < d->n_frames; i++) {
		struct def_owner *o =
			d->frames[i].used ? defs_find_owner(d, d->frames[i].owner) : NULL;
		if (o)
			o->n_frames++;
	}
}

int defs_load(struct defs *d, uint64_t last_segment, struct err *err)
{
	struct numbers list = {0};
	d->segment = last_segment;
	int r = store_each(d->store, add_number, &list) ? err_set(err, 1, "%s", strerror(errno))
							: 0;
	if (list.failed)
		r = ERR_NOMEM;
	if (list.n > 1)
		qsort(list.v, list.n, sizeof *list.v, compare_numbers);
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = load_number(d, list.v[i], i + 1 == list.n, err);
	free(list.v);
	settle(d);
	return r;
}
