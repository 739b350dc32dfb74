#include "disk.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, SECTOR = 512, DIRECTORY = UINT32_MAX };
enum page_state { PAGE_CLEAN, PAGE_DIRTY, PAGE_GIVEN_UP };

struct bytes {
	char *v;
	uint64_t n;
};

struct file {
	struct bytes now, synced; /* both buffers are of n_pages pages, zero beyond n */
	uint8_t *pages;           /* enum page_state */
	uint64_t n_pages;
	uint64_t *sizes; /* it had since it was synced */
	size_t n_sizes, cap_sizes;
};

struct name {
	char *name;
	uint32_t file;
};

struct names {
	struct name *v;
	size_t n, cap;
};

/* A change of names that is not synced. */
struct change {
	enum journal_kind kind;
	char *name, *to;
	uint32_t file;
};

struct disk {
	struct file **files; /* by number */
	size_t n_files;
	struct names now, synced;
	struct change *changes;
	size_t n_changes, cap_changes;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *copy(const char *src, size_t n)
{
	char *out = must(malloc(n + 1));
	memcpy(out, src, n);
	out[n] = '\0';
	return out;
}

/* ---- names ---- */

static struct name *names_find(const struct names *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	return NULL;
}

static void names_set(struct names *t, const char *name, uint32_t file)
{
	struct name *found = names_find(t, name);
	if (found) {
		found->file = file;
		return;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->v = must(reallocarray(t->v, t->cap, sizeof *t->v));
	}
	t->v[t->n++] = (struct name){copy(name, strlen(name)), file};
}

static void names_drop(struct names *t, const char *name)
{
	struct name *found = names_find(t, name);
	if (!found)
		return;
	free(found->name);
	*found = t->v[--t->n];
}

static void names_free(struct names *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].name);
	free(t->v);
	*t = (struct names){0};
}

static void names_change(struct names *t, const struct change *c)
{
	const struct name *from;
	switch (c->kind) {
	case JOURNAL_UNLINK:
		names_drop(t, c->name);
		break;
	case JOURNAL_RENAME:
		from = names_find(t, c->name);
		if (from) {
			names_set(t, c->to, from->file);
			names_drop(t, c->name);
		}
		break;
	default:
		names_set(t, c->name, c->file);
	}
}

static bool in_dir(const char *name, const char *dir)
{
	size_t n = strlen(dir);
	const char *last = strrchr(name, '/');
	return last ? (size_t)(last - name) == n && memcmp(name, dir, n) == 0 : n == 0;
}

static void change_free(struct change *c)
{
	free(c->name);
	free(c->to);
}

static void add_change(struct disk *d, struct change c)
{
	names_change(&d->now, &c);
	if (d->n_changes == d->cap_changes) {
		d->cap_changes = d->cap_changes ? d->cap_changes * 2 : 64;
		d->changes = must(reallocarray(d->changes, d->cap_changes, sizeof *d->changes));
	}
	d->changes[d->n_changes++] = c;
}

static void sync_names(struct disk *d, const char *dir)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n_changes; i++) {
		if (in_dir(d->changes[i].name, dir)) {
			names_change(&d->synced, &d->changes[i]);
			change_free(&d->changes[i]);
		} else {
			d->changes[kept++] = d->changes[i];
		}
	}
	d->n_changes = kept;
}

/* ---- bytes ---- */

static struct file *file_at(struct disk *d, uint32_t number)
{
	if (number >= d->n_files) {
		d->files = must(reallocarray(d->files, number + 1, sizeof(*d->files)));
		memset(d->files + d->n_files, 0, (number + 1 - d->n_files) * sizeof(*d->files));
		d->n_files = number + 1;
	}
	if (!d->files[number])
		d->files[number] = must(calloc(1, sizeof *d->files[number]));
	return d->files[number];
}

static void room(struct file *f, uint64_t size)
{
	uint64_t n = (size + PAGE - 1) / PAGE, was = f->n_pages;
	if (n <= was)
		return;
	n = n < 2 * was ? 2 * was : n;
	f->now.v = must(realloc(f->now.v, n * PAGE));
	f->synced.v = must(realloc(f->synced.v, n * PAGE));
	f->pages = must(realloc(f->pages, n));
	memset(f->now.v + was * PAGE, 0, (n - was) * PAGE);
	memset(f->synced.v + was * PAGE, 0, (n - was) * PAGE);
	memset(f->pages + was, PAGE_CLEAN, n - was);
	f->n_pages = n;
}

static void note_size(struct file *f)
{
	if (f->n_sizes == f->cap_sizes) {
		f->cap_sizes = f->cap_sizes ? f->cap_sizes * 2 : 16;
		f->sizes = must(reallocarray(f->sizes, f->cap_sizes, sizeof *f->sizes));
	}
	f->sizes[f->n_sizes++] = f->now.n;
}

static void file_write(struct file *f, uint64_t at, const char *src, uint64_t n)
{
	room(f, at + n);
	memcpy(f->now.v + at, src, n);
	for (uint64_t p = at / PAGE; n > 0 && p <= (at + n - 1) / PAGE; p++)
		f->pages[p] = PAGE_DIRTY;
	if (at + n > f->now.n) {
		f->now.n = at + n;
		note_size(f);
	}
}

static void file_truncate(struct file *f, uint64_t size)
{
	room(f, size);
	if (size < f->now.n)
		memset(f->now.v + size, 0, f->now.n - size);
	if (size % PAGE)
		f->pages[size / PAGE] = PAGE_DIRTY;
	f->now.n = size;
	note_size(f);
}

static void file_sync(struct file *f, bool failed)
{
	for (uint64_t p = 0; p < f->n_pages; p++) {
		if (f->pages[p] != PAGE_DIRTY)
			continue;
		if (!failed)
			memcpy(f->synced.v + p * PAGE, f->now.v + p * PAGE, PAGE);
		f->pages[p] = failed ? PAGE_GIVEN_UP : PAGE_CLEAN;
	}
	if (failed)
		return;
	if (f->now.n < f->synced.n)
		memset(f->synced.v + f->now.n, 0, f->synced.n - f->now.n);
	f->synced.n = f->now.n;
	f->n_sizes = 0;
}

/* ---- the journal ---- */

struct disk *disk_new(void)
{
	return must(calloc(1, sizeof(struct disk)));
}

void disk_free(struct disk *d)
{
	for (size_t i = 0; i < d->n_files; i++)
		if (d->files[i]) {
			free(d->files[i]->now.v);
			free(d->files[i]->synced.v);
			free(d->files[i]->pages);
			free(d->files[i]->sizes);
			free(d->files[i]);
		}
	for (size_t i = 0; i < d->n_changes; i++)
		change_free(&d->changes[i]);
	names_free(&d->now);
	names_free(&d->synced);
	free(d->changes);
	free(d->files);
	free(d);
}

size_t journal_next(const char *at, size_t left, struct journal_head *head)
{
	if (left < sizeof *head)
		return 0;
	memcpy(head, at, sizeof *head);
	return left - sizeof *head < head->bytes ? 0 : sizeof *head + head->bytes;
}

void disk_apply(struct disk *d, const struct journal_head *h, const char *bytes)
{
	char *name = copy(bytes, h->bytes);
	switch ((enum journal_kind)h->kind) {
	case JOURNAL_CREATE:
		file_at(d, h->file);
		add_change(d, (struct change){JOURNAL_CREATE, name, NULL, h->file});
		return;
	case JOURNAL_MKDIR:
		add_change(d, (struct change){JOURNAL_MKDIR, name, NULL, DIRECTORY});
		return;
	case JOURNAL_UNLINK:
		add_change(d, (struct change){JOURNAL_UNLINK, name, NULL, 0});
		return;
	case JOURNAL_RENAME:
		add_change(d, (struct change){JOURNAL_RENAME, copy(name, h->at),
					      copy(name + h->at, h->bytes - h->at), 0});
		break;
	case JOURNAL_WRITE:
		file_write(file_at(d, h->file), h->at, bytes, h->bytes);
		break;
	case JOURNAL_TRUNCATE:
		file_truncate(file_at(d, h->file), h->at);
		break;
	case JOURNAL_SYNC:
		file_sync(file_at(d, h->file), h->at != 0);
		break;
	case JOURNAL_SYNC_NAMES:
		sync_names(d, name);
		break;
	case JOURNAL_MARK:
		break;
	}
	free(name);
}

/* ---- the cut ---- */

/* How much of what was not synced is there. */
enum luck { NOTHING, EVERYTHING, BEGINNING, ANYTHING, LUCKS };

static uint64_t next_random(uint64_t *rng)
{
	*rng ^= *rng >> 12;
	*rng ^= *rng << 25;
	*rng ^= *rng >> 27;
	return *rng * UINT64_C(2685821657736338717) >> 16;
}

static void cut_page(const struct file *f, uint64_t p, enum luck luck, uint64_t *rng, char *out)
{
	const char *now = f->now.v + p * PAGE, *synced = f->synced.v + p * PAGE;
	uint64_t pick = next_random(rng) % 4;
	memcpy(out, synced, PAGE);
	if (f->pages[p] == PAGE_CLEAN || luck == NOTHING)
		return;
	if (f->pages[p] == PAGE_GIVEN_UP && pick != 0)
		return;
	if (luck == EVERYTHING || pick == 0) {
		memcpy(out, now, PAGE);
	} else if (pick == 1) {
		/* Written before the last of it came, or torn. */
		memcpy(out, now, next_random(rng) % PAGE);
	} else if (pick == 2) {
		for (size_t i = 0; i < PAGE; i += SECTOR)
			if (next_random(rng) % 2)
				memcpy(out + i, now + i, SECTOR);
	}
}

static uint64_t cut_size(const struct file *f, enum luck luck, uint64_t *rng)
{
	if (luck == NOTHING || f->n_sizes == 0)
		return f->synced.n;
	if (luck == EVERYTHING)
		return f->now.n;
	uint64_t pick = next_random(rng) % (f->n_sizes + 2);
	if (pick < f->n_sizes)
		return f->sizes[pick];
	if (pick == f->n_sizes)
		return f->synced.n;
	uint64_t low = f->synced.n < f->now.n ? f->synced.n : f->now.n;
	uint64_t high = f->synced.n < f->now.n ? f->now.n : f->synced.n;
	return low + next_random(rng) % (high - low + 1);
}

static void cut_file(const struct file *f, enum luck luck, uint64_t *rng, const char *path)
{
	uint64_t size = cut_size(f, luck, rng);
	uint64_t whole = luck == BEGINNING ? next_random(rng) % (f->n_pages + 1) : UINT64_MAX;
	FILE *out = must(fopen(path, "wb"));
	for (uint64_t p = 0; p * PAGE < size; p++) {
		char page[PAGE];
		uint64_t left = size - p * PAGE;
		cut_page(f, p,
			 luck != BEGINNING ? luck
			 : p < whole       ? EVERYTHING
					   : NOTHING,
			 rng, page);
		if (fwrite(page, 1, left < PAGE ? left : PAGE, out) == 0)
			abort();
	}
	if (fclose(out) != 0)
		abort();
}

static void cut_names(const struct disk *d, uint64_t *rng, struct names *out)
{
	enum luck luck = (enum luck)(next_random(rng) % LUCKS);
	size_t first = d->n_changes ? next_random(rng) % (d->n_changes + 1) : 0;
	for (size_t i = 0; i < d->synced.n; i++)
		names_set(out, d->synced.v[i].name, d->synced.v[i].file);
	for (size_t i = 0; i < d->n_changes; i++)
		if (luck == EVERYTHING || (luck == BEGINNING && i < first) ||
		    (luck == ANYTHING && next_random(rng) % 2))
			names_change(out, &d->changes[i]);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

void disk_cut(struct disk *d, uint64_t seed, const char *dir)
{
	uint64_t rng = seed * 2 + 1;
	struct names names = {0};
	for (int i = 0; i < 8; i++)
		next_random(&rng);
	cut_names(d, &rng, &names);
	/* Directories before what is in them. */
	if (names.n > 1)
		qsort(names.v, names.n, sizeof *names.v, compare_names);
	for (size_t i = 0; i < names.n; i++) {
		char path[4096], parent[4096];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", dir, names.v[i].name);
		snprintf(parent, sizeof parent, "%s", path);
		*strrchr(parent, '/') = '\0';
		if (stat(parent, &st) != 0)
			continue;
		if (names.v[i].file == DIRECTORY)
			mkdir(path, 0755);
		else
			cut_file(d->files[names.v[i].file], (enum luck)(next_random(&rng) % LUCKS),
				 &rng, path);
	}
	names_free(&names);
}

void disk_each(struct disk *d,
	       void (*fn)(void *cls, const char *name, uint64_t size, uint64_t safe), void *cls)
{
	for (size_t i = 0; i < d->now.n; i++) {
		uint32_t number = d->now.v[i].file;
		const struct name *kept = names_find(&d->synced, d->now.v[i].name);
		if (number == DIRECTORY)
			continue;
		const struct file *f = d->files[number];
		uint64_t safe = 0;
		while (kept && kept->file == number && safe < f->synced.n && safe < f->now.n &&
		       f->now.v[safe] == f->synced.v[safe])
			safe++;
		fn(cls, d->now.v[i].name, f->now.n, safe);
	}
}
