#include "series.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/varint.h>

/* Labels of all series: tens of millions of them, far more than a stand-in should see. */
#define KEYS_MAX_BYTES ((size_t)4 << 30)
/* 64 MiB of remembered samples, shared out as series ask for them. */
#define SEEN_TOTAL_MAX ((size_t)4 << 20)
enum { SEEN_FIRST = 4, SEEN_MAX = 512, KEY_BYTES_MAX = 1 << 20 };

void series_table_init(struct series_table *t, int64_t window_ms, uint64_t limit)
{
	*t = (struct series_table){.window_ms = window_ms, .limit = limit};
	arena_init(&t->keys, KEYS_MAX_BYTES);
}

void series_table_deinit(struct series_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->list[i].seen);
		free(t->list[i].exemplars);
	}
	free(t->list);
	map_deinit(&t->map);
	arena_deinit(&t->keys);
	*t = (struct series_table){0};
}

/* --- finding --- */

static void key_part(struct buf *key, struct sv s)
{
	uint8_t length[VARINT_MAX];
	buf_append(key, length, (size_t)(varint_put(length, s.len) - length));
	buf_sv(key, s);
}

static void key_make(struct buf *key, const struct wire_label *labels, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		key_part(key, labels[i].name);
		key_part(key, labels[i].value);
	}
}

static uint64_t hash_of(uint32_t index, void *cls)
{
	const struct series_table *t = cls;
	return t->list[index].hash;
}

static int list_grow(struct series_table *t)
{
	if (t->n < t->cap)
		return 0;
	size_t cap = t->cap ? t->cap * 2 : 1024;
	struct series *list = reallocarray(t->list, cap, sizeof *list);
	if (!list)
		return 1;
	t->list = list;
	t->cap = cap;
	return 0;
}

static int series_add(struct series_table *t, struct sv key, size_t n_labels, uint64_t hash)
{
	if ((t->limit > 0 && t->n >= t->limit) || t->n >= MAP_VALUE_MAX || list_grow(t) != 0)
		return 1;
	struct sv copy = arena_dup(&t->keys, key);
	if (!copy.ptr)
		return 1;
	t->list[t->n] = (struct series){
		.hash = hash,
		.key = copy.ptr,
		.key_len = (uint32_t)copy.len,
		.n_labels = (uint32_t)n_labels,
	};
	if (map_insert(&t->map, hash, (uint32_t)t->n, hash_of, t) != 0)
		return 1;
	t->n++;
	return 0;
}

static int find_key(const struct series_table *t, struct sv key, uint64_t hash, size_t *index)
{
	for (struct map_iter it = map_find(&t->map, hash); map_next(&t->map, &it);) {
		const struct series *s = &t->list[it.value];
		if (s->hash == hash && sv_eq(sv_make(s->key, s->key_len), key)) {
			*index = it.value;
			return 0;
		}
	}
	return 1;
}

int series_get(struct series_table *t, const struct wire_label *labels, size_t n_labels,
	       size_t *index)
{
	_cleanup_(buf_deinit) struct buf key = BUF_NULL;
	buf_init(&key, KEY_BYTES_MAX);
	key_make(&key, labels, n_labels);
	if (buf_failed(&key))
		return 1;
	uint64_t hash = hash_keyed(key.ptr, key.len);
	if (find_key(t, buf_view(&key), hash, index) == 0)
		return 0;
	*index = t->n;
	return series_add(t, buf_view(&key), n_labels, hash);
}

int series_find(const struct series_table *t, const struct wire_label *labels, size_t n_labels,
		size_t *index)
{
	_cleanup_(buf_deinit) struct buf key = BUF_NULL;
	buf_init(&key, KEY_BYTES_MAX);
	key_make(&key, labels, n_labels);
	return buf_failed(&key) || find_key(t, buf_view(&key), hash_keyed(key.ptr, key.len), index);
}

void series_labels(const struct series *s, struct wire_label *labels)
{
	const uint8_t *p = (const uint8_t *)s->key, *end = p + s->key_len;
	for (uint32_t i = 0; i < s->n_labels; i++) {
		struct sv *parts[] = {&labels[i].name, &labels[i].value};
		for (int k = 0; k < 2; k++) {
			uint64_t len = 0;
			p = varint_get(p, end, &len);
			*parts[k] = sv_make((const char *)p, len);
			p += len;
		}
	}
}

/* --- remembering --- */

static void seen_grow(struct series_table *t, struct series *s)
{
	uint32_t cap = s->seen_cap ? s->seen_cap * 2 : SEEN_FIRST;
	/* Only a ring whose oldest entry is its first can be made longer at its end. */
	if (cap > SEEN_MAX || s->seen_next != 0 ||
	    t->seen_total + cap - s->seen_cap > SEEN_TOTAL_MAX)
		return;
	struct series_seen *seen = reallocarray(s->seen, cap, sizeof *seen);
	if (!seen)
		return;
	t->seen_total += cap - s->seen_cap;
	s->seen_next = s->seen_cap;
	s->seen = seen;
	s->seen_cap = cap;
}

static void seen_add(struct series_table *t, struct series *s, int64_t t_ms, uint64_t value)
{
	if (s->seen_len == s->seen_cap)
		seen_grow(t, s);
	if (s->seen_cap == 0)
		return;
	s->seen[s->seen_next] = (struct series_seen){t_ms, value};
	s->seen_next = (s->seen_next + 1) % s->seen_cap;
	if (s->seen_len < s->seen_cap)
		s->seen_len++;
}

static const struct series_seen *seen_find(const struct series *s, int64_t t_ms)
{
	for (uint32_t i = 0; i < s->seen_len; i++)
		if (s->seen[i].t_ms == t_ms)
			return &s->seen[i];
	return NULL;
}

bool series_remembers(const struct series_table *t, size_t index, int64_t t_ms, uint64_t value)
{
	const struct series_seen *seen = seen_find(&t->list[index], t_ms);
	return seen && seen->value == value;
}

bool series_exemplar(struct series_table *t, size_t index, int64_t t_ms, uint64_t digest)
{
	struct series *s = &t->list[index];
	for (uint32_t i = 0; i < s->exemplars_len; i++)
		if (s->exemplars[i].t_ms == t_ms && s->exemplars[i].value == digest)
			return false;
	if (!s->exemplars && t->seen_total + SERIES_EXEMPLARS <= SEEN_TOTAL_MAX) {
		s->exemplars = calloc(SERIES_EXEMPLARS, sizeof *s->exemplars);
		t->seen_total += s->exemplars ? SERIES_EXEMPLARS : 0;
	}
	if (!s->exemplars)
		return true;
	s->exemplars[s->exemplars_next] = (struct series_seen){t_ms, digest};
	s->exemplars_next = (s->exemplars_next + 1) % SERIES_EXEMPLARS;
	if (s->exemplars_len < SERIES_EXEMPLARS)
		s->exemplars_len++;
	return true;
}

/* --- judging --- */

static void store(struct series_table *t, struct series *s, int64_t t_ms, uint64_t value,
		  bool is_histogram)
{
	seen_add(t, s, t_ms, value);
	if (s->count == 0 || t_ms > s->last_ms) {
		s->last_ms = t_ms;
		s->last_value = value;
		s->last_is_histogram = is_histogram;
	}
	s->count++;
	if (!t->any || t_ms > t->newest_ms)
		t->newest_ms = t_ms;
	t->any = true;
}

enum series_verdict series_append(struct series_table *t, size_t index, int64_t t_ms,
				  uint64_t value, bool is_histogram)
{
	struct series *s = &t->list[index];
	if (s->count == 0 || t_ms > s->last_ms) {
		store(t, s, t_ms, value, is_histogram);
		return SERIES_STORED;
	}
	if (t_ms == s->last_ms) {
		bool same = value == s->last_value && is_histogram == s->last_is_histogram;
		return same ? SERIES_DUPLICATE : SERIES_CONFLICT;
	}
	const struct series_seen *seen = seen_find(s, t_ms);
	bool again = seen && seen->value == value;
	if (t->window_ms <= 0)
		return again ? SERIES_TOO_OLD_AGAIN : SERIES_OUT_OF_ORDER;
	if (t_ms < t->newest_ms - t->window_ms)
		return again ? SERIES_TOO_OLD_AGAIN : SERIES_TOO_OLD;
	if (seen)
		return again ? SERIES_DUPLICATE : SERIES_CONFLICT;
	store(t, s, t_ms, value, is_histogram);
	return SERIES_STORED_LATE;
}
