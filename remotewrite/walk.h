/* walk: an image's series in slot order, each expanded from the one before it. */
#pragma once

#include "image.h"

#include <ampagent/base/err.h>
#include <string.h>

/* prev is what the next item refers to: a place in the output, or one of the two scratch buffers
 * when that slot was passed over. */
struct walk {
	const struct image *im;
	struct image_scratch *s;
	const uint8_t *p;
	const char *prev;
	size_t prev_len;
	int scratch; /* which one to expand into next */
};

static inline int walk_init(struct walk *w, const struct image *im, struct image_scratch *s)
{
	*w = (struct walk){.im = im, .s = s, .p = im->bytes};
	for (int i = 0; i < 2; i++) {
		buf_reset(&s->expand[i]);
		if (buf_reserve(&s->expand[i], im->max_len + 1))
			return ERR_NOMEM;
	}
	return 0;
}

static inline char *walk_expand(struct walk *w, const struct image_item *it, char *dst)
{
	memcpy(dst, w->prev, it->prefix);
	memcpy(dst + it->prefix, it->own, it->middle);
	memcpy(dst + it->prefix + it->middle, w->prev + w->prev_len - it->suffix, it->suffix);
	w->prev = dst;
	w->prev_len = it->prefix + it->middle + it->suffix;
	return dst + w->prev_len;
}

/* Expands the next item into a scratch buffer: prev and prev_len are its label bytes. */
static inline void walk_pass(struct walk *w, struct image_item *it)
{
	w->p = image_item_next(w->p, it);
	char *dst = w->s->expand[w->scratch].ptr;
	if (!w->prev)
		w->prev = dst; /* first item: shares nothing */
	walk_expand(w, it, dst);
	w->scratch ^= 1;
}

/* Brings the walk to a slot that has an item; *at is the slot whose item comes next. Slots mostly
 * come in order, so it seldom starts again. */
static inline int walk_to(struct walk *w, unsigned *at, unsigned slot)
{
	struct image_item passed;
	if (slot < *at) {
		if (walk_init(w, w->im, w->s))
			return ERR_NOMEM;
		*at = 0;
	}
	for (; *at < slot; ++*at)
		if (!image_bit(w->im->dropped, *at) && !image_bit(w->im->unusable, *at))
			walk_pass(w, &passed);
	*at = slot + 1;
	return 0;
}

/* Makes room for need bytes in the growing output. Growth may move what prev points at, so that is
 * re-based. 0, or 1 when there is none. */
static inline int walk_room(struct walk *w, struct buf *out, size_t need)
{
	if (out->cap - out->len >= need)
		return 0;
	const char *old = out->ptr;
	bool inside = old && w->prev >= old && w->prev < old + out->cap;
	size_t at = inside ? (size_t)(w->prev - old) : 0;
	/* By half at least: byte-wise growth of a large buffer would copy it again and again. */
	size_t more = need > out->cap / 2 ? need : out->cap / 2;
	if (out->len + more > out->max)
		more = need;
	if (buf_reserve(out, more)) {
		out->failed = false;
		return 1;
	}
	if (inside)
		w->prev = out->ptr + at;
	return 0;
}
