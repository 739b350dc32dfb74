/* Writing definitions, and getting rid of dead ones.
 *
 * A definition file is only appended to. What the index no longer points to in it is dead; when
 * more than half of a file is, the rest is written again at the end of the newest file, that is
 * synced, and then the old file is removed: killed anywhere in between, both copies are there,
 * which does no harm.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/err.h>
#include <errno.h>

#include "defs.h"

enum {
	/* A frame of a target whose series come one by one is told in many small records; past this
	 * number they are written again as one. */
	EXTENTS_MAX = 16,
	MERGES_MAX = 64,      /* in one write; the rest come with their next slot */
	CARRY_BYTES = 1 << 20 /* carried over in pieces of about this size */
};

static struct def_file *current(const struct defs *d)
{
	return d->n_files > 0 ? d->files[d->n_files - 1] : NULL;
}

int defs_sync(struct defs *d)
{
	if (d->dirty && append_sync(&d->end) != 0)
		return -1;
	d->dirty = false;
	return 0;
}

static int roll(struct defs *d)
{
	uint64_t number = current(d) ? current(d)->number + 1 : 1;
	struct file_header h = {.kind = FILE_DEFS,
				.number = number,
				.created_ms = clock_wall_ms(),
				.next_frame = d->next_frame,
				.next_owner = d->next_owner};
	uint8_t raw[FILE_HEADER_BYTES];
	char name[STORE_NAME_MAX];
	if (defs_sync(d))
		return -1;
	_cleanup_(close_fdp) int fd = store_create(d->store, store_name(name, FILE_DEFS, number));
	file_header_put(raw, &h);
	struct append end = APPEND_NULL;
	append_begin(&end, fd, 0, d->keep);
	if (fd < 0 || append_write(&end, sv_make((const char *)raw, sizeof raw), 0) ||
	    store_sync_names(d->store)) {
		append_deinit(&end);
		return -1;
	}
	struct def_file *file = def_file_new(fd, number, FILE_HEADER_BYTES);
	if (!file) {
		append_deinit(&end);
		errno = ENOMEM;
		return -1;
	}
	fd = -1;
	pthread_mutex_lock(&d->mutex);
	int r = defs_add_file(d, file);
	pthread_mutex_unlock(&d->mutex);
	if (r) {
		append_deinit(&end);
		def_file_unref(file);
		errno = ENOMEM;
		return -1;
	}
	append_deinit(&d->end);
	d->end = end;
	d->dirty = true;
	return 0;
}

void defs_forget_noted(struct defs *d)
{
	buf_shrink(&d->out, CARRY_BYTES);
	d->n_pending = 0;
}

static int append(struct defs *d)
{
	struct def_file *file = current(d);
	if ((!file || file->size >= WAL_DEFS_FILE_BYTES) && roll(d))
		return -1;
	file = current(d);
	d->dirty = true;
	return append_write(&d->end, buf_view(&d->out), file->size);
}

int defs_write_noted(struct defs *d)
{
	if (d->n_pending == 0)
		return 0;
	if (append(d))
		return -1;
	struct def_file *file = current(d);
	int r = 0;
	pthread_mutex_lock(&d->mutex);
	for (size_t i = 0; i < d->n_pending && r == 0; i++) {
		d->pending[i].offset += (uint32_t)file->size;
		r = defs_index(d, file, &d->pending[i]);
		d->pending[i].offset -= (uint32_t)file->size;
	}
	file->size += d->out.len;
	pthread_mutex_unlock(&d->mutex);
	if (r)
		errno = ENOMEM;
	return r ? -1 : 0;
}

/* ---- carrying over ---- */

/* A frame's labels, copied, as definitions. */
struct copy {
	struct arena arena;
	struct batch_def defs[FRAME_SLOTS];
	size_t n;
	bool failed;
};

static void copy_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct copy *c = cls;
	struct sv bytes = arena_dup(&c->arena, sv_make(labels.ptr, labels.len));
	if (!bytes.ptr || c->n != slot) {
		c->failed = true;
		return;
	}
	c->defs[c->n++] =
		(struct batch_def){.slot = slot, .labels = {bytes.ptr, (uint32_t)bytes.len}};
}

int defs_carry_frame(struct defs *d, uint32_t frame)
{
	_cleanup_(freep) struct copy *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_NOMEM;
	pthread_mutex_lock(&d->mutex);
	const struct def_frame *f = defs_find_frame(d, frame);
	uint32_t owner = f ? f->owner : 0;
	uint16_t n_slots = f ? f->n_slots : 0;
	pthread_mutex_unlock(&d->mutex);
	arena_init(&c->arena, WAL_RECORD_BYTES);
	uint16_t n = n_slots ? defs_labels(d, frame, 0, copy_slot, c) : 0;
	int r = 1;
	if (n > 0 && n == n_slots && c->n == n && !c->failed) {
		for (size_t i = 0; i < c->n; i++)
			c->defs[i].frame = frame;
		r = defs_note_frame(d, owner, c->defs, c->n);
	}
	arena_deinit(&c->arena);
	return r;
}

/* Frames among those just written that are in too many pieces. */
static size_t find_scattered(struct defs *d, uint32_t out[MERGES_MAX])
{
	size_t n = 0;
	pthread_mutex_lock(&d->mutex);
	for (size_t i = 0; i < d->n_pending && n < MERGES_MAX; i++) {
		const struct def_frame *f = d->pending[i].type == RECORD_FRAME
						    ? defs_find_frame(d, d->pending[i].frame)
						    : NULL;
		if (f && f->n_extents > EXTENTS_MAX && (n == 0 || out[n - 1] != f->frame))
			out[n++] = f->frame;
	}
	pthread_mutex_unlock(&d->mutex);
	return n;
}

int defs_write(struct defs *d)
{
	uint32_t scattered[MERGES_MAX];
	if (d->n_pending == 0)
		return 0;
	if (defs_write_noted(d))
		return -1;
	size_t n = find_scattered(d, scattered);
	defs_forget_noted(d);
	/* What fails here is made good with the frame's next slot. */
	for (size_t i = 0; i < n; i++)
		defs_carry_frame(d, scattered[i]);
	defs_write_noted(d);
	defs_forget_noted(d);
	return 0;
}

/* ---- getting rid of dead ones ---- */

/* With no values in any segment, a frame is needed only by an owner that goes on using it. */
static void drop_dead(struct defs *d, uint64_t oldest)
{
	for (size_t i = 0; i < d->n_frames; i++) {
		struct def_frame *f = &d->frames[i];
		if (!f->used || f->last_segment >= oldest)
			continue;
		const struct def_owner *o = defs_find_owner(d, f->owner);
		if (f->retired || f->hole || !o || !o->claimed)
			defs_drop_frame(d, f);
	}
	for (size_t i = 0; i < d->n_owners; i++) {
		struct def_owner *o = &d->owners[i];
		if (o->used && o->n_frames == 0 && o->last_segment < oldest)
			defs_drop_owner(d, o);
	}
}

static bool frame_in(const struct def_frame *f, const struct def_file *file)
{
	for (unsigned i = 0; i < f->n_extents; i++)
		if (f->extents[i].file == file)
			return true;
	return false;
}

static int flush_carried(struct defs *d, size_t above)
{
	if (d->out.len <= above)
		return 0;
	if (defs_write_noted(d))
		return -1;
	defs_forget_noted(d);
	return 0;
}

static int carry_owner(struct defs *d, const struct def_owner *o)
{
	struct record rec;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, WAL_RECORD_BYTES);
	return def_file_read(o->file, o->offset, o->bytes, &buf, &rec) ? 1
								       : defs_note_copy(d, &rec);
}

/* Only this thread changes the tables, so it may look at them without the mutex. Owners go first:
 * a frame is never told before its owner. */
static int carry_live(struct defs *d, const struct def_file *file)
{
	for (size_t i = 0; i < d->n_owners; i++)
		if (d->owners[i].used && d->owners[i].file == file &&
		    (carry_owner(d, &d->owners[i]) || flush_carried(d, CARRY_BYTES)))
			return 1;
	for (size_t i = 0; i < d->n_frames; i++)
		if (d->frames[i].used && frame_in(&d->frames[i], file) &&
		    (defs_carry_frame(d, d->frames[i].frame) || flush_carried(d, CARRY_BYTES)))
			return 1;
	for (size_t i = 0; i < d->n_frames; i++)
		if (d->frames[i].used && d->frames[i].retired &&
		    d->frames[i].retired_file == file->number &&
		    (defs_retire(d, d->frames[i].frame) || flush_carried(d, CARRY_BYTES)))
			return 1;
	return flush_carried(d, 0) || defs_sync(d) || file->live > 0;
}

static void remove_file(struct defs *d, size_t at)
{
	char name[STORE_NAME_MAX];
	struct def_file *file = d->files[at];
	store_remove(d->store, store_name(name, FILE_DEFS, file->number));
	pthread_mutex_lock(&d->mutex);
	d->n_files--;
	memmove(&d->files[at], &d->files[at + 1], (d->n_files - at) * sizeof(d->files[0]));
	pthread_mutex_unlock(&d->mutex);
	def_file_unref(file);
}

void defs_next_segment(struct defs *d, uint64_t segment, uint64_t oldest)
{
	pthread_mutex_lock(&d->mutex);
	d->segment = segment;
	drop_dead(d, oldest);
	pthread_mutex_unlock(&d->mutex);
	for (size_t i = 0; i + 1 < d->n_files;) {
		const struct def_file *file = d->files[i];
		uint64_t held = file->size > FILE_HEADER_BYTES ? file->size - FILE_HEADER_BYTES : 0;
		bool dead = file->live == 0 || file->live * 2 < held;
		if (dead && carry_live(d, file) == 0) {
			remove_file(d, i);
			continue;
		}
		/* What could not be carried stays where it is; tried with the next segment. */
		defs_forget_noted(d);
		i++;
	}
}
