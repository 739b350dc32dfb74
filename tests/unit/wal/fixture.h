/* What the log's tests share: a directory that goes away, batches of one target, a seeded
 * generator.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/number.h>
#include <ampagent/wal.h>

#include <ftw.h>
#include <inttypes.h>
#include <sys/stat.h>

struct fixture {
	char dir[64];
	struct wal_options opt;
	struct wal *w;
};

static inline int fx_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void fx_remove(const char *dir)
{
	nftw(dir, fx_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fx_init(struct fixture *fx)
{
	*fx = (struct fixture){.dir = "/tmp/ampagent-wal-XXXXXX"};
	assert_non_null(mkdtemp(fx->dir));
	fx->opt = (struct wal_options){
		.dir = sv_of(fx->dir), .max_bytes = 1 << 30, .sync_interval_ms = 60000};
}

static inline void fx_open(struct fixture *fx)
{
	struct err err = ERR_NULL;
	int r = wal_open(&fx->opt, &fx->w, &err);
	if (r)
		print_error("wal_open: %d %s\n", r, err.msg);
	assert_int_equal(r, 0);
}

static inline void fx_close(struct fixture *fx)
{
	wal_close(fx->w);
	fx->w = NULL;
}

static inline void fx_reopen(struct fixture *fx)
{
	fx_close(fx);
	fx_open(fx);
}

static inline void fx_deinit(struct fixture *fx)
{
	wal_close(fx->w);
	fx_remove(fx->dir);
}

static inline void fx_path(const struct fixture *fx, char *dst, size_t size, const char *name)
{
	snprintf(dst, size, "%s/ampagent/%s", fx->dir, name);
}

/* {__name__="<name>", i="<i>"} */
static inline struct labels fx_labels(struct arena *a, const char *name, unsigned i)
{
	struct label_builder b;
	struct labels out = LABELS_NULL;
	char text[16];
	snprintf(text, sizeof text, "%u", i);
	label_builder_init(&b, a);
	label_builder_set(&b, SV("__name__"), arena_dup(a, sv_of(name)));
	label_builder_set(&b, SV("i"), arena_dup(a, sv_of(text)));
	assert_int_equal(label_builder_finish(&b, a, &out), 0);
	return out;
}

static inline struct batch *fx_empty(uint32_t owner, int64_t t_ms)
{
	struct batch *b = batch_new(64 << 20);
	assert_non_null(b);
	b->owner = owner;
	b->t_ms = t_ms;
	return b;
}

static inline void fx_define_owner(struct batch *b)
{
	b->new_owner = arena_calloc(&b->arena, 1, sizeof *b->new_owner);
	b->new_owner->owner = b->owner;
	b->new_owner->labels = fx_labels(&b->arena, "owner", b->owner);
}

/* Slots [first, first + n) of a frame, named "f<frame>". */
static inline void fx_define(struct batch *b, uint32_t frame, unsigned first, unsigned n)
{
	char name[16];
	snprintf(name, sizeof name, "f%u", frame);
	struct batch_def *v = arena_calloc(&b->arena, b->n_defs + n, sizeof *v);
	if (b->n_defs > 0)
		memcpy(v, b->defs, b->n_defs * sizeof *v);
	for (unsigned i = 0; i < n; i++)
		v[b->n_defs + i] = (struct batch_def){frame, (uint16_t)(first + i),
						      fx_labels(&b->arena, name, first + i)};
	b->defs = v;
	b->n_defs += n;
}

/* A column with all slots present and value base + slot. */
static inline struct batch_column *fx_column(struct batch *b, uint32_t frame, unsigned n_slots,
					     double base)
{
	struct batch_column *v = arena_calloc(&b->arena, b->n_columns + 1, sizeof *v);
	if (b->n_columns > 0)
		memcpy(v, b->columns, b->n_columns * sizeof *v);
	struct batch_column *c = &v[b->n_columns++];
	b->columns = v;
	c->frame = frame;
	c->n_slots = (uint16_t)n_slots;
	c->values = arena_calloc(&b->arena, n_slots, sizeof *c->values);
	for (unsigned i = 0; i < n_slots; i++) {
		c->present[i / 64] |= UINT64_C(1) << (i % 64);
		c->values[i] = bits_of_double(base + i);
	}
	return c;
}

static inline void fx_put(struct fixture *fx, struct batch *b)
{
	struct batch_sink sink = wal_sink(fx->w);
	batch_seal(b);
	assert_int_equal(sink.put(sink.cls, b), 0);
}

/* Batch number k of owner 1, frame 1, n slots, value k + slot; the first defines. Written at once.
 */
static inline void fx_write(struct fixture *fx, unsigned k, unsigned n_slots)
{
	struct batch *b = fx_empty(1, 1000 + k);
	if (k == 0) {
		fx_define_owner(b);
		fx_define(b, 1, 0, n_slots);
	}
	fx_column(b, 1, n_slots, k);
	fx_put(fx, b);
	assert_int_equal(wal_flush(fx->w, false), 0);
}

/* xorshift64*: the same numbers on every machine. */
static inline uint64_t fx_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}
