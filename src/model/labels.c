/* Label sets: the sorted block and the builder. Most sets have five to thirty labels, so look-up is
 * a walk, and sorting is by insertion until a set is unusually large. */
#include <ampagent/base/varint.h>
#include <ampagent/model/labels.h>

enum { BUILDER_FIRST_CAP = 32, INSERTION_SORT_MAX = 40 };

/* Reads one length-prefixed string at *at; false when the block ends inside it. */
static inline bool take_string(struct labels set, size_t *at, struct sv *out)
{
	if (*at >= set.len)
		return false;
	uint64_t n = (uint8_t)set.ptr[*at];
	if (n < 0x80) {
		*at += 1;
	} else {
		const uint8_t *base = (const uint8_t *)set.ptr;
		const uint8_t *p = varint_get(base + *at, base + set.len, &n);
		if (!p)
			return false;
		*at = (size_t)(p - base);
	}
	if (n > set.len - *at)
		return false;
	*out = sv_make(set.ptr + *at, (size_t)n);
	*at += (size_t)n;
	return true;
}

bool labels_next(struct labels set, size_t *at, struct label *out)
{
	return take_string(set, at, &out->name) && take_string(set, at, &out->value);
}

struct sv labels_get(struct labels set, struct sv name)
{
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);)
		if (sv_eq(l.name, name))
			return l.value;
	return SV_NULL;
}

size_t labels_count(struct labels set)
{
	struct label l;
	size_t n = 0;
	for (size_t at = 0; labels_next(set, &at, &l);)
		n++;
	return n;
}

bool labels_valid(struct labels set)
{
	struct label l;
	struct sv last = SV_NULL;
	size_t at = 0, count = 0;
	if (set.len > LIMIT_LABELS_BYTES)
		return false;
	while (at < set.len) {
		if (!labels_next(set, &at, &l) || l.name.len == 0 || l.value.len == 0)
			return false;
		if (count++ > 0 && sv_cmp(last, l.name) >= 0)
			return false;
		last = l.name;
	}
	return count <= LIMIT_LABELS_COUNT;
}

void label_builder_init(struct label_builder *b, struct arena *arena)
{
	*b = (struct label_builder){.arena = arena};
}

/* The array goes too: the arena may have been reset since it was made. */
void label_builder_reset(struct label_builder *b)
{
	label_builder_init(b, b->arena);
}

static size_t find(const struct label_builder *b, struct sv name)
{
	for (size_t i = 0; i < b->n; i++)
		if (sv_eq(b->v[i].name, name))
			return i;
	return b->n;
}

struct sv label_builder_get(const struct label_builder *b, struct sv name)
{
	size_t i = find(b, name);
	return i < b->n ? b->v[i].value : SV_NULL;
}

bool label_builder_has(const struct label_builder *b, struct sv name)
{
	return find(b, name) < b->n;
}

static bool grow(struct label_builder *b)
{
	size_t cap = b->cap ? b->cap * 2 : BUILDER_FIRST_CAP;
	if (cap > LIMIT_LABELS_COUNT)
		cap = LIMIT_LABELS_COUNT;
	struct label *v = cap > b->n ? arena_alloc(b->arena, cap * sizeof *v) : NULL;
	if (!v) {
		b->failed = true;
		return false;
	}
	if (b->n)
		memcpy(v, b->v, b->n * sizeof *v);
	b->v = v;
	b->cap = cap;
	return true;
}

static void append(struct label_builder *b, struct sv name, struct sv value)
{
	if (b->n == b->cap && !grow(b))
		return;
	b->v[b->n++] = (struct label){name, value};
}

static void remove_at(struct label_builder *b, size_t i)
{
	b->n--;
	if (i < b->n_base)
		b->n_base--;
	memmove(b->v + i, b->v + i + 1, (b->n - i) * sizeof *b->v);
}

void label_builder_set(struct label_builder *b, struct sv name, struct sv value)
{
	size_t i = find(b, name);
	if (i == b->n) {
		if (value.len > 0)
			append(b, name, value);
		return;
	}
	if (value.len > 0 && i >= b->n_base) {
		b->v[i].value = value;
		return;
	}
	remove_at(b, i);
	if (value.len > 0)
		append(b, name, value);
}

void label_builder_push(struct label_builder *b, struct sv name, struct sv value)
{
	bool base = b->n_base == b->n;
	append(b, name, value);
	if (base)
		b->n_base = b->n;
}

void label_builder_del(struct label_builder *b, struct sv name)
{
	size_t i = find(b, name);
	if (i < b->n)
		remove_at(b, i);
}

static void sort_by_insertion(struct label *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct label l = v[i];
		size_t at = i;
		for (; at > 0 && sv_cmp(v[at - 1].name, l.name) > 0; at--)
			v[at] = v[at - 1];
		if (at < i)
			v[at] = l;
	}
}

static void merge(struct label *dst, const struct label *a, size_t na, const struct label *b,
		  size_t nb)
{
	while (na > 0 && nb > 0) {
		if (sv_cmp(a->name, b->name) <= 0) {
			*dst++ = *a++;
			na--;
		} else {
			*dst++ = *b++;
			nb--;
		}
	}
	memcpy(dst, a, na * sizeof *a);
	memcpy(dst + na, b, nb * sizeof *b);
}

/* A peer may send a thousand labels in falling order with every series: no squares then. */
static void sort_by_merging(struct label *v, size_t n, struct label *spare)
{
	for (size_t i = 0; i < n; i += INSERTION_SORT_MAX)
		sort_by_insertion(v + i, n - i < INSERTION_SORT_MAX ? n - i : INSERTION_SORT_MAX);
	for (size_t run = INSERTION_SORT_MAX; run < n; run *= 2) {
		for (size_t i = 0; i < n; i += 2 * run) {
			size_t na = n - i < run ? n - i : run;
			size_t nb = n - i - na < run ? n - i - na : run;
			merge(spare + i, v + i, na, v + i + na, nb);
		}
		memcpy(v, spare, n * sizeof *v);
	}
}

void label_builder_sort(struct label_builder *b)
{
	b->n_base = b->n;
	struct label *spare = NULL;
	if (b->n > INSERTION_SORT_MAX)
		spare = arena_alloc(b->arena, b->n * sizeof *spare);
	if (spare)
		sort_by_merging(b->v, b->n, spare);
	else
		sort_by_insertion(b->v, b->n);
}

struct sv label_builder_duplicate(struct label_builder *b)
{
	label_builder_sort(b);
	for (size_t i = 1; i < b->n; i++)
		if (sv_eq(b->v[i - 1].name, b->v[i].name))
			return b->v[i].name;
	return SV_NULL;
}

void label_builder_load(struct label_builder *b, struct labels set)
{
	struct label l;
	bool fresh = b->n == 0;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		if (fresh)
			label_builder_push(b, l.name, l.value);
		else
			label_builder_set(b, l.name, l.value);
	}
}

static char *put_string(char *p, struct sv s)
{
	p = (char *)varint_put((uint8_t *)p, s.len);
	memcpy(p, s.ptr, s.len);
	return p + s.len;
}

int label_builder_finish(struct label_builder *b, struct arena *arena, struct labels *out)
{
	if (b->failed)
		return 1;
	label_builder_sort(b);
	size_t bytes = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct label *l = &b->v[i];
		if (l->value.len == 0)
			continue;
		if (l->name.len == 0 || l->name.len > LIMIT_LABELS_BYTES ||
		    l->value.len > LIMIT_LABELS_BYTES)
			return 1;
		bytes += varint_len(l->name.len) + l->name.len;
		bytes += varint_len(l->value.len) + l->value.len;
	}
	*out = LABELS_NULL;
	if (bytes == 0)
		return 0;
	char *p = bytes <= LIMIT_LABELS_BYTES ? arena_alloc(arena, bytes) : NULL;
	if (!p)
		return 1;
	*out = (struct labels){p, (uint32_t)bytes};
	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].value.len == 0)
			continue;
		p = put_string(p, b->v[i].name);
		p = put_string(p, b->v[i].value);
	}
	return 0;
}

static bool name_char(char c, bool first, bool colon)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (colon && c == ':') || (!first && c >= '0' && c <= '9');
}

static bool name_valid(struct sv s, bool colon)
{
	for (size_t i = 0; i < s.len; i++)
		if (!name_char(s.ptr[i], i == 0, colon))
			return false;
	return s.len > 0;
}

bool metric_name_legacy_valid(struct sv s)
{
	return name_valid(s, true);
}

bool label_name_legacy_valid(struct sv s)
{
	return name_valid(s, false);
}
