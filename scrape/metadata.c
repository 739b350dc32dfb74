#include "metadata.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/base/hash.h>

struct metadata_blob {
	struct metadata_store *store;
	uint64_t hash;
	uint32_t refs;
	uint32_t place; /* in its set */
	uint32_t len;
	_Alignas(struct metadata_blob *) char bytes[];
};

/* A list's bytes are pointers to its families. */
struct metadata_list {
	struct metadata_blob blob;
};

/* A family's bytes: these, then its name, help and unit. */
struct family_head {
	uint32_t type, family, help, unit; /* lengths but for the type */
};

/* ---- sets ---- */

static uint64_t blob_hash(uint32_t i, void *cls)
{
	const struct metadata_set *s = cls;
	return s->v[i]->hash;
}

static size_t blob_size(const struct metadata_blob *b)
{
	return sizeof *b + b->len;
}

static struct metadata_blob *set_find(const struct metadata_set *s, uint64_t hash, struct sv bytes)
{
	for (struct map_iter it = map_find(&s->index, hash); map_next(&s->index, &it);) {
		struct metadata_blob *b = s->v[it.value];
		if (b->hash == hash && sv_eq(sv_make(b->bytes, b->len), bytes))
			return b;
	}
	return NULL;
}

static int set_add(struct metadata_set *s, struct metadata_blob *b)
{
	if (s->n == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 16;
		struct metadata_blob **v = realloc(s->v, cap * sizeof(*v));
		if (!v)
			return ERR_NOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n] = b;
	if (map_insert(&s->index, b->hash, s->n, blob_hash, s) != 0)
		return ERR_NOMEM;
	b->place = s->n++;
	s->bytes += blob_size(b);
	return 0;
}

static void unindex(struct metadata_set *s, uint32_t place)
{
	for (struct map_iter it = map_find(&s->index, s->v[place]->hash);
	     map_next(&s->index, &it);) {
		if (it.value == place) {
			map_erase(&s->index, &it);
			return;
		}
	}
}

/* The last one moves to its place. */
static void set_remove(struct metadata_set *s, struct metadata_blob *b)
{
	uint32_t last = --s->n;
	s->bytes -= blob_size(b);
	unindex(s, b->place);
	if (b->place != last) {
		unindex(s, last);
		s->v[b->place] = s->v[last];
		s->v[b->place]->place = b->place;
		/* Two cells were freed: the table does not grow, so memory cannot be short. */
		map_insert(&s->index, s->v[b->place]->hash, b->place, blob_hash, s);
	}
	free(b);
}

/* The blob of these bytes, with one reference more. NULL without memory. */
static struct metadata_blob *set_intern(struct metadata_store *store, struct metadata_set *s,
					struct sv bytes, bool *is_new)
{
	uint64_t hash = hash_keyed(bytes.ptr, bytes.len);
	struct metadata_blob *b = set_find(s, hash, bytes);
	*is_new = !b;
	if (b) {
		b->refs++;
		return b;
	}
	b = malloc(sizeof *b + bytes.len);
	if (!b)
		return NULL;
	*b = (struct metadata_blob){
		.store = store, .hash = hash, .refs = 1, .len = (uint32_t)bytes.len};
	if (bytes.len)
		memcpy(b->bytes, bytes.ptr, bytes.len);
	if (set_add(s, b) == 0)
		return b;
	free(b);
	return NULL;
}

static void set_deinit(struct metadata_set *s)
{
	map_deinit(&s->index);
	free(s->v);
	*s = (struct metadata_set){.index = MAP_NULL};
}

void metadata_store_deinit(struct metadata_store *s)
{
	set_deinit(&s->lists);
	set_deinit(&s->families);
}

static size_t set_bytes(const struct metadata_set *s)
{
	size_t cells = s->index.cells ? (size_t)s->index.mask + 1 : 0;
	return s->bytes + s->cap * sizeof *s->v + cells * sizeof *s->index.cells;
}

size_t metadata_store_bytes(const struct metadata_store *s)
{
	return set_bytes(&s->families) + set_bytes(&s->lists);
}

/* ---- families ---- */

static void release_family(struct metadata_blob *b)
{
	if (--b->refs == 0)
		set_remove(&b->store->families, b);
}

static int by_family(const void *a, const void *b)
{
	const struct batch_metadata *const *x = a, *const *y = b;
	int c = sv_cmp((*x)->family, (*y)->family);
	/* In the order of the page among themselves. */
	return c ? c : *x < *y ? -1 : *x > *y;
}

static void overlay(struct batch_metadata *m, const struct batch_metadata *later)
{
	if (later->type != METRIC_UNKNOWN)
		m->type = later->type;
	if (later->help.len)
		m->help = later->help;
	if (later->unit.len)
		m->unit = later->unit;
}

static struct metadata_blob *intern_family(struct metadata_store *s, const struct batch_metadata *m)
{
	const struct family_head head = {
		(uint32_t)m->type,
		(uint32_t)m->family.len,
		(uint32_t)m->help.len,
		(uint32_t)m->unit.len,
	};
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, LIMIT_PAGE_BYTES);
	buf_append(&text, &head, sizeof head);
	buf_sv(&text, m->family);
	buf_sv(&text, m->help);
	buf_sv(&text, m->unit);
	bool is_new;
	return buf_failed(&text) ? NULL : set_intern(s, &s->families, buf_view(&text), &is_new);
}

static struct batch_metadata view_family(const struct metadata_blob *b)
{
	struct family_head head;
	memcpy(&head, b->bytes, sizeof head);
	const char *text = b->bytes + sizeof head;
	return (struct batch_metadata){
		.type = (enum metric_type)head.type,
		.family = sv_make(text, head.family),
		.help = sv_make(text + head.family, head.help),
		.unit = sv_make(text + head.family + head.help, head.unit),
	};
}

/* ---- lists ---- */

static struct metadata_blob **families_of(const struct metadata_list *list)
{
	return (struct metadata_blob **)(uintptr_t)list->blob.bytes;
}

static int intern_list(struct metadata_store *s, struct metadata_blob **v, size_t n,
		       struct metadata_list **out)
{
	bool is_new = false;
	struct metadata_blob *b =
		set_intern(s, &s->lists, sv_make((const char *)v, n * sizeof(*v)), &is_new);
	/* A new list keeps the references that v has. */
	for (size_t i = 0; (!b || !is_new) && i < n; i++)
		release_family(v[i]);
	*out = (struct metadata_list *)b;
	return b ? 0 : ERR_NOMEM;
}

int metadata_list_set(struct metadata_store *s, struct metadata_list **list,
		      const struct batch_metadata *v, size_t n)
{
	_cleanup_(freep) const struct batch_metadata **sorted = malloc((n + 1) * sizeof(*sorted));
	_cleanup_(freep) struct metadata_blob **families = malloc((n + 1) * sizeof(*families));
	if (!sorted || !families)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &v[i];
	qsort(sorted, n, sizeof *sorted, by_family);
	size_t made = 0;
	for (size_t i = 0; i < n;) {
		struct batch_metadata m = *sorted[i++];
		for (; i < n && sv_eq(sorted[i]->family, m.family); i++)
			overlay(&m, sorted[i]);
		families[made] = intern_family(s, &m);
		if (!families[made]) {
			while (made > 0)
				release_family(families[--made]);
			return ERR_NOMEM;
		}
		made++;
	}
	struct metadata_list *made_list = NULL;
	if (made > 0 && intern_list(s, families, made, &made_list) != 0)
		return ERR_NOMEM;
	metadata_list_release(*list);
	*list = made_list;
	return 0;
}

void metadata_list_release(struct metadata_list *list)
{
	if (!list || --list->blob.refs > 0)
		return;
	for (size_t i = 0; i < metadata_list_count(list); i++)
		release_family(families_of(list)[i]);
	set_remove(&list->blob.store->lists, &list->blob);
}

size_t metadata_list_count(const struct metadata_list *list)
{
	return list ? list->blob.len / sizeof(struct metadata_blob *) : 0;
}

struct batch_metadata metadata_list_at(const struct metadata_list *list, size_t i)
{
	return view_family(families_of(list)[i]);
}

bool metadata_list_find(const struct metadata_list *list, struct sv family,
			struct batch_metadata *out)
{
	size_t low = 0, high = metadata_list_count(list);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		*out = metadata_list_at(list, middle);
		int c = sv_cmp(family, out->family);
		if (c == 0)
			return true;
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}
