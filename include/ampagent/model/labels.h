/* Label sets.
 *
 * struct labels is one immutable, sorted block of bytes: for each label
 *     varint name length, name, varint value length, value
 * in byte order of the names, names unique, values never empty. Equal sets have equal bytes, so a
 * set is compared and hashed as a block. It views memory that somebody else owns.
 *
 * struct label_builder is the mutable form that relabeling works on.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/buf.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>

struct label {
	struct sv name;
	struct sv value;
};

struct labels {
	const char *ptr;
	uint32_t len;
};

#define LABELS_NULL ((struct labels){NULL, 0})

/* for (size_t at = 0; labels_next(set, &at, &label);) */
bool labels_next(struct labels set, size_t *at, struct label *out);
/* The value, or SV_NULL. */
struct sv labels_get(struct labels set, struct sv name);
size_t labels_count(struct labels set);
/* Checks a block read from a file: order, uniqueness, bounds, non-empty names and values. */
bool labels_valid(struct labels set);

static inline bool labels_eq(struct labels a, struct labels b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline uint64_t labels_hash(struct labels set)
{
	return hash_keyed(set.ptr, set.len);
}

/* Prometheus's text form {a="b", c="d"} with Go-quoted values, for logs, JSON and offsets. */
int labels_print(struct buf *out, struct labels set);
/* A string as Go's strconv.Quote writes it: 0, or 1 when out is full. */
int go_quote(struct buf *out, struct sv s);

/* Names and values are views: what is set must outlive the builder's use, or be made in the
 * builder's arena. Order is by insertion until sorted or finished, except that the first overwrite
 * of a base label moves it to the end: the order labelmap sees in Prometheus. The array lives in
 * the arena as well: init or reset the builder after resetting the arena. */
struct label_builder {
	struct label *v;
	size_t n, cap;
	size_t n_base; /* the first ones: pushed, loaded, or there when sorted */
	struct arena *arena;
	bool failed; /* out of memory, or above LIMIT_LABELS_COUNT */
};

void label_builder_init(struct label_builder *b, struct arena *arena);
void label_builder_reset(struct label_builder *b);
/* The current value, or SV_NULL when the label is not there. */
struct sv label_builder_get(const struct label_builder *b, struct sv name);
bool label_builder_has(const struct label_builder *b, struct sv name);
/* Sets or overwrites; an empty value removes the label. */
void label_builder_set(struct label_builder *b, struct sv name, struct sv value);
/* Adds without looking for an earlier one of that name, empty values included (parsers). */
void label_builder_push(struct label_builder *b, struct sv name, struct sv value);
void label_builder_del(struct label_builder *b, struct sv name);
/* Sorts the builder's own array by name (stable). */
void label_builder_sort(struct label_builder *b);
/* The first name that occurs twice, or SV_NULL; sorts. */
struct sv label_builder_duplicate(struct label_builder *b);
/* Sets every label of the block. */
void label_builder_load(struct label_builder *b, struct labels set);
/* Sorts, drops empty values and writes the block into arena: 0, or 1 when it does not fit
 * (LIMIT_LABELS_BYTES), a name is empty, the builder has failed or memory is gone. Names must be
 * unique. */
int label_builder_finish(struct label_builder *b, struct arena *arena, struct labels *out);

/* [a-zA-Z_:][a-zA-Z0-9_:]* */
bool metric_name_legacy_valid(struct sv s);
/* [a-zA-Z_][a-zA-Z0-9_]* */
bool label_name_legacy_valid(struct sv s);

#define LABEL_NAME SV("__name__")
