/* The index of definitions.
 *
 * Invariants, under the mutex: a frame's extents lie in order and cover [0, n_slots) without a
 * hole; a file's `live` is the sum of the bytes of the extents and owners that point into it; files
 * are in order of number and every extent's file is among them.
 *
 * A definition may be met twice (carried over by a run that was killed before it removed the old
 * file): the same slots again change nothing, a record of all slots takes the place of the pieces.
 */
#include <ampagent/base/clock.h>
#include <errno.h>

#include "defs.h"

static uint64_t number_hash(uint32_t n)
{
	return hash_keyed(&n, sizeof n);
}

static uint64_t rehash_frame(uint32_t value, void *cls)
{
	return number_hash(((struct defs *)cls)->frames[value].frame);
}

static uint64_t rehash_owner(uint32_t value, void *cls)
{
	return number_hash(((struct defs *)cls)->owners[value].owner);
}

static uint64_t rehash_label(uint32_t value, void *cls)
{
	return ((struct defs *)cls)->owners[value].hash;
}

void defs_init(struct defs *d, struct store *store)
{
	*d = (struct defs){.store = store, .next_frame = 1, .next_owner = 1, .end = APPEND_NULL};
	pthread_mutex_init(&d->mutex, NULL);
	/* All that a batch can define, beside what waits already. */
	buf_init(&d->out, 2 * LIMIT_PAGE_BYTES);
}

void defs_deinit(struct defs *d)
{
	for (size_t i = 0; i < d->n_frames; i++)
		free(d->frames[i].extents);
	for (size_t i = 0; i < d->n_files; i++)
		def_file_unref(d->files[i]);
	free(d->frames);
	free(d->owners);
	free(d->files);
	free(d->pending);
	buf_deinit(&d->out);
	append_deinit(&d->end);
	map_deinit(&d->frame_map);
	map_deinit(&d->owner_map);
	map_deinit(&d->label_map);
	pthread_mutex_destroy(&d->mutex);
	*d = (struct defs){0};
}

/* ---- files ---- */

struct def_file *def_file_new(int fd, uint64_t number, uint64_t size)
{
	struct def_file *f = calloc(1, sizeof *f);
	if (f)
		*f = (struct def_file){.refs = 1, .fd = fd, .number = number, .size = size};
	return f;
}

struct def_file *def_file_ref(struct def_file *f)
{
	__atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
	return f;
}

void def_file_unref(struct def_file *f)
{
	if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	close(f->fd);
	free(f);
}

int defs_add_file(struct defs *d, struct def_file *f)
{
	if (d->n_files == d->cap_files) {
		size_t cap = d->cap_files ? d->cap_files * 2 : 4;
		struct def_file **v = reallocarray(d->files, cap, sizeof(*v));
		if (!v)
			return ERR_NOMEM;
		d->files = v;
		d->cap_files = cap;
	}
	d->files[d->n_files++] = f;
	return 0;
}

int def_file_read(const struct def_file *f, uint32_t offset, uint32_t bytes, struct buf *buf,
		  struct record *rec)
{
	size_t need;
	buf_reset(buf);
	if (buf_reserve(buf, bytes))
		return ERR_NOMEM;
	if (read_at(f->fd, buf->ptr, bytes, offset) != (ssize_t)bytes)
		return 1;
	return record_get(sv_make(buf->ptr, bytes), rec, &need) == 0 ? 0 : 1;
}

/* ---- tables ---- */

struct def_frame *defs_find_frame(const struct defs *d, uint32_t frame)
{
	for (struct map_iter it = map_find(&d->frame_map, number_hash(frame));
	     map_next(&d->frame_map, &it);)
		if (d->frames[it.value].frame == frame)
			return &d->frames[it.value];
	return NULL;
}

struct def_owner *defs_find_owner(const struct defs *d, uint32_t owner)
{
	for (struct map_iter it = map_find(&d->owner_map, number_hash(owner));
	     map_next(&d->owner_map, &it);)
		if (d->owners[it.value].owner == owner)
			return &d->owners[it.value];
	return NULL;
}

static void map_drop(struct map *m, uint64_t hash, uint32_t value)
{
	for (struct map_iter it = map_find(m, hash); map_next(m, &it);)
		if (it.value == value) {
			map_erase(m, &it);
			return;
		}
}

/* A free place of the table: one given back, or a new one at the end. */
static size_t free_frame(const struct defs *d)
{
	size_t i = d->n_frames;
	if (d->live_frames < d->n_frames)
		for (i = 0; d->frames[i].used; i++)
			;
	return i;
}

static struct def_frame *frame_add(struct defs *d, uint32_t frame, uint32_t owner)
{
	size_t at = free_frame(d);
	if (at == d->cap_frames) {
		size_t cap = d->cap_frames ? d->cap_frames * 2 : 16;
		struct def_frame *v = reallocarray(d->frames, cap, sizeof *v);
		if (!v)
			return NULL;
		d->frames = v;
		d->cap_frames = cap;
	}
	d->frames[at] = (struct def_frame){.frame = frame, .owner = owner};
	if (map_insert(&d->frame_map, number_hash(frame), (uint32_t)at, rehash_frame, d))
		return NULL;
	d->frames[at].used = true;
	d->n_frames += at == d->n_frames;
	d->live_frames++;
	struct def_owner *o = defs_find_owner(d, owner);
	if (o)
		o->n_frames++;
	return &d->frames[at];
}

static size_t free_owner(const struct defs *d)
{
	size_t i = d->n_owners;
	if (d->live_owners < d->n_owners)
		for (i = 0; d->owners[i].used; i++)
			;
	return i;
}

static struct def_owner *owner_add(struct defs *d, uint32_t owner, uint64_t hash)
{
	size_t at = free_owner(d);
	if (at == d->cap_owners) {
		size_t cap = d->cap_owners ? d->cap_owners * 2 : 16;
		struct def_owner *v = reallocarray(d->owners, cap, sizeof *v);
		if (!v)
			return NULL;
		d->owners = v;
		d->cap_owners = cap;
	}
	d->owners[at] = (struct def_owner){.owner = owner, .hash = hash};
	if (map_insert(&d->owner_map, number_hash(owner), (uint32_t)at, rehash_owner, d))
		return NULL;
	if (map_insert(&d->label_map, hash, (uint32_t)at, rehash_label, d)) {
		map_drop(&d->owner_map, number_hash(owner), (uint32_t)at);
		return NULL;
	}
	d->owners[at].used = true;
	d->n_owners += at == d->n_owners;
	d->live_owners++;
	return &d->owners[at];
}

static void drop_extents(struct def_frame *f)
{
	for (unsigned i = 0; i < f->n_extents; i++)
		f->extents[i].file->live -= f->extents[i].bytes;
	f->n_extents = 0;
}

void defs_drop_frame(struct defs *d, struct def_frame *f)
{
	struct def_owner *o = defs_find_owner(d, f->owner);
	if (o)
		o->n_frames--;
	drop_extents(f);
	free(f->extents);
	map_drop(&d->frame_map, number_hash(f->frame), (uint32_t)(f - d->frames));
	*f = (struct def_frame){0};
	d->live_frames--;
}

void defs_drop_owner(struct defs *d, struct def_owner *o)
{
	uint32_t at = (uint32_t)(o - d->owners);
	o->file->live -= o->bytes;
	map_drop(&d->owner_map, number_hash(o->owner), at);
	map_drop(&d->label_map, o->hash, at);
	*o = (struct def_owner){0};
	d->live_owners--;
}

/* ---- indexing ---- */

static int index_owner(struct defs *d, struct def_file *file, const struct def_pending *p)
{
	struct def_owner *o = defs_find_owner(d, p->owner);
	if (!o) {
		o = owner_add(d, p->owner, p->hash);
		if (!o)
			return ERR_NOMEM;
	} else {
		o->file->live -= o->bytes;
	}
	o->file = file;
	o->offset = p->offset;
	o->bytes = p->bytes;
	o->claimed = true;
	o->last_segment = d->segment;
	file->live += p->bytes;
	if (p->owner >= d->next_owner)
		d->next_owner = p->owner + 1;
	return 0;
}

static int extent_add(struct def_frame *f, struct def_file *file, const struct def_pending *p)
{
	if (f->n_extents == f->cap_extents) {
		unsigned cap = f->cap_extents ? f->cap_extents * 2U : 1;
		struct def_extent *v = reallocarray(f->extents, cap, sizeof *v);
		if (!v)
			return ERR_NOMEM;
		f->extents = v;
		f->cap_extents = (uint16_t)cap;
	}
	f->extents[f->n_extents++] = (struct def_extent){file, p->offset, p->bytes, p->first, p->n};
	file->live += p->bytes;
	return 0;
}

static int index_frame(struct defs *d, struct def_file *file, const struct def_pending *p)
{
	struct def_frame *f = defs_find_frame(d, p->frame);
	unsigned end = p->first + p->n;
	if (p->frame >= d->next_frame)
		d->next_frame = p->frame + 1;
	if (!f && !(f = frame_add(d, p->frame, p->owner)))
		return ERR_NOMEM;
	if (f->last_segment < d->segment)
		f->last_segment = d->segment;
	if (p->first > f->n_slots) {
		f->hole = true;
		return 0;
	}
	if (p->first == 0 && end >= f->n_slots) {
		drop_extents(f);
		f->hole = false;
	} else if (end <= f->n_slots || f->hole) {
		return 0;
	}
	if (extent_add(f, file, p))
		return ERR_NOMEM;
	f->n_slots = (uint16_t)end;
	return 0;
}

int defs_index(struct defs *d, struct def_file *file, const struct def_pending *p)
{
	if (p->type == RECORD_OWNER)
		return index_owner(d, file, p);
	if (p->type == RECORD_FRAME)
		return index_frame(d, file, p);
	struct def_frame *f = defs_find_frame(d, p->frame);
	if (f) {
		f->retired = true;
		f->retired_file = file->number;
	}
	return 0;
}

void defs_mark_retired(struct defs *d, uint32_t frame)
{
	pthread_mutex_lock(&d->mutex);
	struct def_frame *f = defs_find_frame(d, frame);
	if (f)
		f->retired = true;
	pthread_mutex_unlock(&d->mutex);
}

/* ---- looking ---- */

/* The extents of a frame that hold slots from `from` on, each with a reference to its file. */
static size_t extents_take(struct defs *d, uint32_t frame, uint16_t from, struct def_extent **out)
{
	size_t n = 0;
	*out = NULL;
	pthread_mutex_lock(&d->mutex);
	struct def_frame *f = defs_find_frame(d, frame);
	if (f && f->n_extents > 0)
		*out = reallocarray(NULL, f->n_extents, sizeof **out);
	for (unsigned i = 0; *out && i < f->n_extents; i++)
		if (f->extents[i].first + f->extents[i].n > from) {
			(*out)[n] = f->extents[i];
			def_file_ref((*out)[n++].file);
		}
	pthread_mutex_unlock(&d->mutex);
	return n;
}

static uint16_t slots_of(struct defs *d, uint32_t frame)
{
	pthread_mutex_lock(&d->mutex);
	const struct def_frame *f = defs_find_frame(d, frame);
	uint16_t n = f ? f->n_slots : 0;
	pthread_mutex_unlock(&d->mutex);
	return n;
}

uint16_t defs_labels(struct defs *d, uint32_t frame, uint16_t from, defs_slot_fn *fn, void *cls)
{
	uint16_t next = from;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, WAL_RECORD_BYTES);
	_cleanup_(freep) struct def_extent *v = NULL;
	size_t n = extents_take(d, frame, from, &v);
	bool broken = false;
	for (size_t i = 0; i < n; i++) {
		struct record rec;
		broken = broken ||
			 def_file_read(v[i].file, v[i].offset, v[i].bytes, &buf, &rec) != 0 ||
			 def_record_slots(&rec, next, fn, cls) != 0;
		if (!broken)
			next = (uint16_t)(v[i].first + v[i].n);
		def_file_unref(v[i].file);
	}
	return n > 0 ? next : slots_of(d, frame);
}

/* Whether the owner at this place of its file has these labels. */
static bool owner_is(struct def_file *file, uint32_t offset, uint32_t bytes, struct labels labels)
{
	struct record rec;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, WAL_RECORD_BYTES);
	return def_file_read(file, offset, bytes, &buf, &rec) == 0 &&
	       labels_eq(def_record_labels(&rec), labels);
}

uint32_t defs_owner_find(struct defs *d, struct labels labels)
{
	uint64_t hash = hash_stable(labels.ptr, labels.len);
	uint32_t found = 0;
	pthread_mutex_lock(&d->mutex);
	for (struct map_iter it = map_find(&d->label_map, hash);
	     found == 0 && map_next(&d->label_map, &it);) {
		struct def_owner *o = &d->owners[it.value];
		if (o->hash != hash || !owner_is(o->file, o->offset, o->bytes, labels))
			continue;
		o->claimed = true;
		found = o->owner;
	}
	pthread_mutex_unlock(&d->mutex);
	return found;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

void defs_leave(struct defs *d, uint32_t frame)
{
	pthread_mutex_lock(&d->mutex);
	struct def_frame *f = defs_find_frame(d, frame);
	if (f)
		f->leaves = true;
	pthread_mutex_unlock(&d->mutex);
}

size_t defs_owner_frames(struct defs *d, uint32_t owner, uint32_t **out)
{
	size_t n = 0;
	pthread_mutex_lock(&d->mutex);
	const struct def_owner *o = defs_find_owner(d, owner);
	*out = o && o->n_frames > 0 ? reallocarray(NULL, o->n_frames, sizeof **out) : NULL;
	for (size_t i = 0; *out && i < d->n_frames; i++) {
		const struct def_frame *f = &d->frames[i];
		if (f->used && f->owner == owner && !f->hole && !f->leaves && !f->retired &&
		    n < o->n_frames)
			(*out)[n++] = f->frame;
	}
	pthread_mutex_unlock(&d->mutex);
	if (n > 1)
		qsort(*out, n, sizeof **out, compare_u32);
	return n;
}

void defs_touch(struct defs *d, uint32_t frame, uint32_t owner)
{
	pthread_mutex_lock(&d->mutex);
	struct def_frame *f = defs_find_frame(d, frame);
	struct def_owner *o = defs_find_owner(d, owner);
	if (f)
		f->last_segment = d->segment;
	if (o)
		o->last_segment = d->segment;
	pthread_mutex_unlock(&d->mutex);
}

void defs_stats_get(struct defs *d, struct defs_stats *out)
{
	pthread_mutex_lock(&d->mutex);
	*out = (struct defs_stats){
		.frames = d->live_frames,
		.owners = d->live_owners,
		.files = d->n_files,
		.memory_bytes = d->cap_frames * sizeof *d->frames +
				d->live_frames * sizeof(struct def_extent) +
				d->cap_owners * sizeof *d->owners,
	};
	for (size_t i = 0; i < d->n_files; i++)
		out->bytes += d->files[i]->size;
	pthread_mutex_unlock(&d->mutex);
}
