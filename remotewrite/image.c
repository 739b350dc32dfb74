/* Building images. Done once a series and rule set, so it may be slow; reading them may not. */
#include "image.h"

#include <ampagent/base/varint.h>

/* Memory for merging and relabeling one label set: the set itself, its copy and what rules make. */
enum { SCRATCH_ARENA_BYTES = 4 * 1024 * 1024 };

/* A label costs its bytes plus two tags and three lengths of at most 3 bytes. */
#define LABEL_BYTES_MAX (LIMIT_LABELS_BYTES + LIMIT_LABELS_COUNT * 12)
/* A larger histogram cannot be sent. */
#define HISTOGRAM_BYTES_MAX SEND_RAW_BYTES
/* With its labels and exemplars. */
#define SERIES_BYTES_MAX (HISTOGRAM_BYTES_MAX + SEND_RAW_BYTES / 2 + LABEL_BYTES_MAX)

struct image *image_new(uint32_t frame)
{
	struct image *im = calloc(1, sizeof *im);
	if (im)
		im->frame = frame;
	return im;
}

void image_free(struct image *im)
{
	if (!im)
		return;
	free(im->bytes);
	free(im);
}

void image_scratch_init(struct image_scratch *s)
{
	arena_init(&s->arena, SCRATCH_ARENA_BYTES);
	label_builder_init(&s->builder, &s->arena);
	buf_init(&s->last, LABEL_BYTES_MAX);
	buf_init(&s->cur, LABEL_BYTES_MAX);
	buf_init(&s->expand[0], LABEL_BYTES_MAX + 64);
	buf_init(&s->expand[1], LABEL_BYTES_MAX + 64);
	buf_init(&s->series, SERIES_BYTES_MAX);
	buf_init(&s->message, HISTOGRAM_BYTES_MAX);
}

void image_scratch_deinit(struct image_scratch *s)
{
	arena_deinit(&s->arena);
	buf_deinit(&s->last);
	buf_deinit(&s->cur);
	buf_deinit(&s->expand[0]);
	buf_deinit(&s->expand[1]);
	buf_deinit(&s->series);
	buf_deinit(&s->message);
}

int image_put_labels(struct buf *out, struct labels set)
{
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		size_t body = 2 + varint_len(l.name.len) + l.name.len + varint_len(l.value.len) +
			      l.value.len;
		uint8_t head[2 + 2 * VARINT_MAX], *p = head;
		*p++ = 0x0a; /* TimeSeries.labels */
		p = varint_put(p, body);
		*p++ = 0x0a; /* Label.name */
		p = varint_put(p, l.name.len);
		buf_append(out, head, (size_t)(p - head));
		buf_sv(out, l.name);
		p = head;
		*p++ = 0x12; /* Label.value */
		p = varint_put(p, l.value.len);
		buf_append(out, head, (size_t)(p - head));
		buf_sv(out, l.value);
	}
	return buf_failed(out) ? 1 : 0;
}

static inline const uint8_t *get_u32(const uint8_t *p, uint32_t *out)
{
	uint32_t v = *p++;
	if (v >= 0x80) {
		v &= 0x7f;
		unsigned shift = 7;
		uint8_t b;
		do {
			b = *p++;
			v |= (uint32_t)(b & 0x7f) << shift;
			shift += 7;
		} while (b >= 0x80);
	}
	*out = v;
	return p;
}

const uint8_t *image_item_next(const uint8_t *p, struct image_item *out)
{
	p = get_u32(p, &out->prefix);
	p = get_u32(p, &out->suffix);
	p = get_u32(p, &out->middle);
	out->own = p;
	return p + out->middle;
}

/* The label bytes of the youngest item, which the next one will refer to. */
int image_add_begin(struct image *im, struct image_scratch *s)
{
	buf_reset(&s->last);
	if (im->max_len > 0 &&
	    (buf_reserve(&s->last, im->max_len) || buf_reserve(&s->cur, im->max_len)))
		return ERR_NOMEM;
	size_t len = 0;
	for (const uint8_t *p = im->bytes, *end = p + im->len; p < end;) {
		struct image_item it;
		p = image_item_next(p, &it);
		size_t cur = it.prefix + it.middle + it.suffix;
		memmove(s->last.ptr + it.prefix + it.middle, s->last.ptr + len - it.suffix,
			it.suffix);
		memcpy(s->last.ptr + it.prefix, it.own, it.middle);
		len = cur;
	}
	s->last.len = len;
	return 0;
}

static size_t shared_prefix(struct sv a, struct sv b)
{
	size_t max = a.len < b.len ? a.len : b.len, n = 0;
	while (n < max && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

static size_t shared_suffix(struct sv a, struct sv b)
{
	size_t max = a.len < b.len ? a.len : b.len, n = 0;
	while (n < max && a.ptr[a.len - 1 - n] == b.ptr[b.len - 1 - n])
		n++;
	return n;
}

static int grow(struct image *im, size_t n)
{
	if (im->cap - im->len >= n)
		return 0;
	size_t cap = im->cap + im->cap / 2 + 1024;
	if (cap < im->len + n)
		cap = im->len + n;
	uint8_t *p = realloc(im->bytes, cap);
	if (!p)
		return ERR_NOMEM;
	im->bytes = p;
	im->cap = cap;
	return 0;
}

static int put_item(struct image *im, struct sv last, struct sv cur)
{
	size_t prefix = shared_prefix(last, cur);
	size_t suffix = shared_suffix(sv_from(last, prefix), sv_from(cur, prefix));
	size_t middle = cur.len - prefix - suffix;
	if (grow(im, 3 * VARINT_MAX + middle))
		return ERR_NOMEM;
	uint8_t *p = im->bytes + im->len;
	p = varint_put(p, prefix);
	p = varint_put(p, suffix);
	p = varint_put(p, middle);
	memcpy(p, cur.ptr + prefix, middle);
	im->len = (size_t)(p + middle - im->bytes);
	im->last_len = (uint32_t)cur.len;
	if (cur.len > im->max_len)
		im->max_len = (uint32_t)cur.len;
	return 0;
}

enum merged { MERGED, MERGED_DROPPED, MERGED_UNUSABLE };

static enum merged merge(struct image_scratch *s, const struct image_rules *rules,
			 struct labels labels, struct labels *out)
{
	struct label_builder *b = &s->builder;
	arena_reset(&s->arena);
	label_builder_init(b, &s->arena);
	label_builder_load(b, labels);
	struct label l;
	for (size_t at = 0; labels_next(rules->external, &at, &l);)
		if (!label_builder_has(b, l.name))
			label_builder_set(b, l.name, l.value);
	bool keep = relabel_apply(rules->write_relabel, b);
	if (b->failed)
		return MERGED_UNUSABLE;
	if (!keep)
		return MERGED_DROPPED;
	if (label_builder_finish(b, &s->arena, out))
		return MERGED_UNUSABLE;
	return out->len == 0 ? MERGED_DROPPED : MERGED;
}

int image_add(struct image *im, struct image_scratch *s, const struct image_rules *rules,
	      struct labels labels)
{
	unsigned slot = im->n_slots;
	struct labels out = LABELS_NULL;
	enum merged m = merge(s, rules, labels, &out);
	buf_reset(&s->cur);
	if (m == MERGED && image_put_labels(&s->cur, out))
		m = MERGED_UNUSABLE;
	if (m == MERGED) {
		int r = put_item(im, buf_view(&s->last), buf_view(&s->cur));
		if (r < 0)
			return r;
		struct buf t = s->last;
		s->last = s->cur;
		s->cur = t;
	} else {
		uint64_t *bits = m == MERGED_DROPPED ? im->dropped : im->unusable;
		bits[slot / 64] |= UINT64_C(1) << (slot % 64);
	}
	im->n_slots++;
	return 0;
}

/* A frame mostly comes whole: what is left of the growth is given back. */
void image_add_end(struct image *im)
{
	if (im->cap - im->len <= 64 || im->len == 0)
		return;
	uint8_t *p = realloc(im->bytes, im->len);
	if (p) {
		im->bytes = p;
		im->cap = im->len;
	}
}
