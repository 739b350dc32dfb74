/* symbols: a 2.0 request's table of strings, each once; number 0 is the empty one. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/map.h>

struct symbol {
	uint32_t at, len; /* in wire */
};

/* A label as the series encoded last had it: where it ends among the label bytes, and its refs. */
struct symbol_label {
	uint32_t end, name, value;
};

struct symbols {
	struct buf wire; /* the table as fields of the request, in order */
	struct symbol *v;
	uint32_t n, cap;
	struct map index;
	/* encode_v2.c's own: of the series encoded last, and of the one at hand. */
	struct symbol_label labels[2][LIMIT_LABELS_COUNT];
	uint32_t name_key; /* "__name__", once it was needed; 0 = not yet */
	/* The metric whose metadata is known, as refs. */
	struct {
		uint32_t name, type, help, unit; /* name 0: none yet */
	} family;
};

/* Heap-allocated for its size. */
struct symbols *symbols_new(void);
void symbols_free(struct symbols *t);
/* For the next request. */
void symbols_reset(struct symbols *t);
/* The string's number: 0 or ERR_NOMEM. */
int symbols_ref(struct symbols *t, struct sv s, uint32_t *ref);
/* Gives back memory that an unusual request needed. */
void symbols_shrink(struct symbols *t, size_t keep);
