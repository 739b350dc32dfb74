/* buf: bytes that grow up to a maximum given at the start.
 *
 * An append past the maximum, or without memory, marks the buffer failed, leaves what was there
 * and returns 1; later appends fail too. A writer may therefore append many pieces and check
 * once with buf_failed(). Values of the maxima stand in base/limits.h.
 */
#pragma once

#include <ampagent/base/budget.h>
#include <ampagent/base/cleanup.h>
#include <ampagent/base/sv.h>

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
	uint8_t part; /* enum budget_part that its memory is charged to */
};

#define BUF_NULL ((struct buf){NULL, 0, 0, 0, false, 0})

static inline void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){NULL, 0, 0, max, false, 0};
}

/* As buf_init; what it holds is charged. */
static inline void buf_init_in(struct buf *b, size_t max, enum budget_part part)
{
	*b = (struct buf){NULL, 0, 0, max, false, (uint8_t)part};
}

void buf_deinit(struct buf *b);
/* Room for n more bytes: 0, or 1 and failed. */
int buf_reserve(struct buf *b, size_t n);
int buf_append(struct buf *b, const void *ptr, size_t n);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline int buf_sv(struct buf *b, struct sv s)
{
	return buf_append(b, s.ptr, s.len);
}

static inline int buf_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

static inline struct sv buf_view(const struct buf *b)
{
	return (struct sv){b->ptr, b->len};
}

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

/* Empties it and clears the failure; keeps the memory. */
static inline void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Frees the memory when more than keep bytes are allocated; empties it either way. */
void buf_shrink(struct buf *b, size_t keep);
/* Hands the bytes over, NUL-terminated (the NUL is not counted); the buffer is empty after.
 * NULL when failed or memory is gone. The caller frees the result. */
char *buf_take(struct buf *b);
/* Overwrites the bytes before freeing them: for secrets. A buffer that had to grow has left copies
 * behind: reserve the room first. */
void buf_wipe(struct buf *b);

DEFINE_CLEANUP(struct buf, buf_deinit)
DEFINE_CLEANUP(struct buf, buf_wipe)
