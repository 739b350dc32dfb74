/* Remote write 1.0 beside plain samples: native histograms and exemplars, each series of them a
 * TimeSeries of its own, as Prometheus sends them. */
#include "encode.h"

#include "walk.h"

#include <ampagent/base/varint.h>

enum { HEAD_MAX = 1 + VARINT_MAX };

/* A TimeSeries of the walk's item: its labels, then tag, the length of the message and the message.
 * 0, or 1 when out has no room. */
static int put_series(struct buf *out, struct walk *w, struct sv head, struct sv tail)
{
	if (walk_room(w, out, HEAD_MAX + w->im->max_len + head.len + tail.len))
		return 1;
	struct image_item it;
	w->p = image_item_next(w->p, &it);
	size_t labels = it.prefix + it.middle + it.suffix;
	uint8_t *p = (uint8_t *)out->ptr + out->len;
	*p++ = 0x0a; /* WriteRequest.timeseries */
	p = varint_put(p, labels + head.len + tail.len);
	if (!w->prev)
		w->prev = (char *)p;
	p = (uint8_t *)walk_expand(w, &it, (char *)p);
	if (head.len > 0)
		memcpy(p, head.ptr, head.len);
	memcpy(p + head.len, tail.ptr, tail.len);
	out->len = (size_t)(p + head.len + tail.len - (uint8_t *)out->ptr);
	return 0;
}

static bool full(const struct encode_job *j, size_t body)
{
	return j->out->len > 0 &&
	       j->out->len + 2 * HEAD_MAX + j->im->max_len + body > j->slice.raw_max;
}

/* Whether the histogram is passed over, and counted. */
static bool pass_over(const struct encode_job *j, const struct batch_histogram *h,
		      struct encode_result *res)
{
	uint32_t *count = NULL;
	if (h->t_ms < j->oldest_ms)
		count = &res->too_old;
	else if (!j->as->histograms)
		count = &res->not_sent;
	else if (h->h.schema == HISTOGRAM_SCHEMA_CUSTOM)
		count = &res->nhcb;
	else if (h->slot >= j->im->n_slots || image_bit(j->im->unusable, h->slot))
		count = &res->labels_lost;
	else if (image_bit(j->im->dropped, h->slot))
		count = &res->dropped;
	if (count)
		++*count;
	return count != NULL;
}

static int histogram_put(const struct encode_job *j, struct walk *w)
{
	uint8_t head[HEAD_MAX];
	struct sv body = buf_view(&j->s->message);
	head[0] = 0x22; /* TimeSeries.histograms */
	size_t n = (size_t)(varint_put(head + 1, body.len) - head);
	return put_series(j->out, w, sv_make((char *)head, n), body);
}

int encode_histograms(const struct encode_job *j, const struct batch_histogram *v, uint32_t n,
		      struct encode_result *res)
{
	*res = (struct encode_result){.next = j->slice.from};
	struct walk w;
	if (walk_init(&w, j->im, j->s))
		return ERR_NOMEM;
	size_t start = j->out->len;
	unsigned at = 0;
	uint32_t i = j->slice.from;
	for (; i < n; i++) {
		if (pass_over(j, &v[i], res))
			continue;
		if (res->samples >= j->slice.max)
			break;
		int r = encode_histogram(&j->s->message, &v[i].h, v[i].t_ms, false);
		if (r > 0) {
			res->too_large++;
			continue;
		}
		if (r == 0 && full(j, j->s->message.len))
			break;
		if (r < 0 || walk_to(&w, &at, v[i].slot) || histogram_put(j, &w)) {
			j->out->len = start;
			return ERR_NOMEM;
		}
		res->samples++;
	}
	res->next = i;
	return 0;
}

/* ---- exemplars ---- */

static int exemplar_put(struct buf *out, const struct batch_exemplar *e, struct buf *labels)
{
	uint8_t head[HEAD_MAX], tail[9 + 1 + VARINT_MAX], *p = tail;
	buf_reset(labels);
	if (image_put_labels(labels, e->labels))
		return 1;
	*p++ = 0x11; /* Exemplar.value */
	memcpy(p, &e->bits, sizeof e->bits);
	p += sizeof e->bits;
	*p++ = 0x18; /* Exemplar.timestamp */
	p = varint_put(p, (uint64_t)e->t_ms);
	size_t n = (size_t)(p - tail);
	head[0] = 0x1a; /* TimeSeries.exemplars */
	buf_append(out, head, (size_t)(varint_put(head + 1, labels->len + n) - head));
	buf_sv(out, buf_view(labels));
	return buf_append(out, tail, n);
}

/* One slot's: all of them in one TimeSeries. */
static int slot_exemplars(const struct encode_job *j, struct walk *w, unsigned *at, uint16_t slot,
			  const struct batch_exemplar *v, uint32_t n)
{
	struct exemplar_counts *c = &j->extras->counts;
	if (slot >= j->im->n_slots || image_bit(j->im->unusable, slot)) {
		c->labels_lost += n;
		return 0;
	}
	if (image_bit(j->im->dropped, slot)) {
		c->dropped += n;
		return 0;
	}
	struct buf *message = &j->s->message;
	uint32_t put = 0;
	buf_reset(message);
	for (uint32_t i = 0; i < n; i++) {
		size_t before = message->len;
		if (v[i].t_ms < j->oldest_ms) {
			c->too_old++;
		} else if (exemplar_put(message, &v[i], &j->s->cur) ||
			   !encode_exemplars_fit(j->out->len + j->im->max_len + message->len,
						 j->slice.raw_max)) {
			message->len = before;
			message->failed = false;
			c->too_large++;
		} else {
			put++;
		}
	}
	c->sent += put;
	if (put == 0)
		return 0;
	if (walk_to(w, at, slot) || put_series(j->out, w, SV_NULL, buf_view(message)))
		return ERR_NOMEM;
	return 0;
}

int encode_exemplars(const struct encode_job *j, const uint64_t slots[FRAME_SLOTS / 64])
{
	struct extras *x = j->extras;
	struct walk w;
	unsigned at = 0;
	size_t start = j->out->len;
	if (walk_init(&w, j->im, j->s))
		return ERR_NOMEM;
	for (uint32_t i = 0; i < x->n_exemplars;) {
		uint16_t slot = x->exemplars[i].slot;
		uint32_t to = i + 1, n;
		while (to < x->n_exemplars && x->exemplars[to].slot == slot)
			to++;
		i = to;
		const struct batch_exemplar *v = extras_exemplars(x, slot, &n);
		if (!v || !image_bit(slots, slot))
			continue;
		extras_carried(x, slot);
		if (slot_exemplars(j, &w, &at, slot, v, n)) {
			j->out->len = start;
			return ERR_NOMEM;
		}
	}
	return 0;
}
