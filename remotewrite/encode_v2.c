/* Label bytes come from the images, as in 1.0, and are looked up in the request's strings. A series
 * shares most labels with the one before it, byte by byte, so that only what differs is looked up.
 */
#include "encode_v2.h"

#include "metadata.h"
#include "symbols.h"
#include "walk.h"

#include <ampagent/base/varint.h>

enum {
	HEAD_MAX = 1 + VARINT_MAX,
	/* Value, time and start of a sample; the metadata's refs. */
	SAMPLE_MAX = 2 + 9 + 2 * (1 + VARINT_MAX),
	METADATA_MAX = 2 + 2 + 2 * 6,
	/* Strings of the family, when they are new. */
	FAMILY_MAX = 2 * (METADATA_HELP_MAX + HEAD_MAX),
};

/* Encoding from one image. */
struct v2 {
	const struct encode_job *j;
	struct walk w;
	/* What the series at hand shares with the one encoded last, in bytes. */
	size_t prefix, suffix;
	size_t last_len;
	unsigned n_labels; /* of the one encoded last */
	unsigned side;     /* which of the two lists it is in */
};

static int v2_init(struct v2 *v, const struct encode_job *j)
{
	*v = (struct v2){.j = j};
	return walk_init(&v->w, j->im, j->s);
}

/* To the next series of the image. */
static void v2_next(struct v2 *v)
{
	struct image_item it;
	walk_pass(&v->w, &it);
	if (it.prefix < v->prefix)
		v->prefix = it.prefix;
	if (it.suffix < v->suffix)
		v->suffix = it.suffix;
}

/* To the series of a slot that has an item; *at is the slot whose item comes next. */
static int v2_to(struct v2 *v, unsigned *at, unsigned slot)
{
	const struct image *im = v->j->im;
	if (slot + 1 == *at)
		return 0;
	if (slot < *at) {
		if (v2_init(v, v->j))
			return ERR_NOMEM;
		*at = 0;
	}
	for (; *at <= slot; ++*at)
		if (!image_bit(im->dropped, *at) && !image_bit(im->unusable, *at))
			v2_next(v);
	return 0;
}

/* ---- labels ---- */

/* The Label message at p, which the image made itself; what follows it. */
static const uint8_t *label_at(const uint8_t *p, const uint8_t *end, struct sv *name,
			       struct sv *value)
{
	uint64_t n = 0;
	p = varint_get(p + 1, end, &n);
	p = varint_get(p + 1, end, &n);
	*name = sv_make((const char *)p, (size_t)n);
	p = varint_get(p + n + 1, end, &n);
	*value = sv_make((const char *)p, (size_t)n);
	return p + n;
}

/* The label of the last series that began `rest` bytes before its end; n_labels when none did. */
static unsigned last_label_at(const struct v2 *v, const struct symbol_label *last, size_t rest)
{
	for (unsigned i = v->n_labels; i > 0; i--) {
		size_t begin = i > 1 ? last[i - 2].end : 0;
		if (v->last_len - begin >= rest)
			return v->last_len - begin == rest ? i - 1 : v->n_labels;
	}
	return v->n_labels;
}

/* The refs of the series at hand: those of labels that lie whole in what is shared with the series
 * before stay. */
static int label_refs(struct v2 *v, const struct symbol_label **out, unsigned *n_out)
{
	struct symbols *t = v->j->as->symbols;
	const struct symbol_label *last = t->labels[v->side];
	struct symbol_label *now = t->labels[!v->side];
	const uint8_t *bytes = (const uint8_t *)v->w.prev;
	size_t len = v->w.prev_len, at = 0;
	unsigned n = 0;
	while (n < v->n_labels && last[n].end <= v->prefix) {
		now[n] = last[n];
		at = now[n++].end;
	}
	while (at < len) {
		unsigned same =
			len - at <= v->suffix ? last_label_at(v, last, len - at) : v->n_labels;
		if (n == LIMIT_LABELS_COUNT)
			return ERR_NOMEM; /* the builder of label sets keeps to it */
		if (same < v->n_labels) {
			now[n] = last[same];
			size_t begin = same > 0 ? last[same - 1].end : 0;
			at += last[same].end - begin;
		} else {
			struct sv name, value;
			at = (size_t)(label_at(bytes + at, bytes + len, &name, &value) - bytes);
			if (symbols_ref(t, name, &now[n].name) ||
			    symbols_ref(t, value, &now[n].value))
				return ERR_NOMEM;
		}
		now[n++].end = (uint32_t)at;
	}
	v->side = !v->side;
	v->n_labels = n;
	v->prefix = v->suffix = v->last_len = len;
	*out = now;
	*n_out = n;
	return 0;
}

static void put_refs(struct buf *out, const struct symbol_label *v, unsigned n)
{
	uint8_t head[HEAD_MAX];
	size_t len = 0;
	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++)
		len += varint_len(v[i].name) + varint_len(v[i].value);
	head[0] = 0x0a; /* labels_refs, of a TimeSeries and of an Exemplar */
	buf_append(out, head, (size_t)(varint_put(head + 1, len) - head));
	if (buf_reserve(out, len))
		return;
	uint8_t *p = (uint8_t *)out->ptr + out->len;
	for (unsigned i = 0; i < n; i++) {
		p = varint_put(p, v[i].name);
		p = varint_put(p, v[i].value);
	}
	out->len += len;
}

/* ---- parts of a series ---- */

static void put_part(struct buf *out, uint8_t tag, struct sv message)
{
	uint8_t head[HEAD_MAX];
	head[0] = tag;
	buf_append(out, head, (size_t)(varint_put(head + 1, message.len) - head));
	buf_sv(out, message);
}

static uint8_t *put_bits(uint8_t *p, uint8_t tag, uint64_t bits)
{
	*p++ = tag;
	memcpy(p, &bits, sizeof bits);
	return p + sizeof bits;
}

static uint8_t *put_number(uint8_t *p, uint8_t tag, uint64_t v)
{
	*p++ = tag;
	return varint_put(p, v);
}

static void put_sample(struct buf *out, uint64_t bits, int64_t t_ms, int64_t start_ms)
{
	uint8_t body[SAMPLE_MAX], *p = put_bits(body, 0x09, bits);
	p = put_number(p, 0x10, (uint64_t)t_ms);
	if (start_ms != 0)
		p = put_number(p, 0x18, (uint64_t)start_ms);
	put_part(out, 0x12, sv_make((char *)body, (size_t)(p - body)));
}

static int exemplar_labels(struct symbols *t, struct labels labels, struct buf *out)
{
	uint8_t head[HEAD_MAX], refs[2 * VARINT_MAX];
	struct label l;
	uint32_t name, value;
	size_t len = 0;
	if (labels.len == 0)
		return 0;
	/* Twice, since the length comes first: the second time all are known. */
	for (size_t at = 0; labels_next(labels, &at, &l);) {
		if (symbols_ref(t, l.name, &name) || symbols_ref(t, l.value, &value))
			return ERR_NOMEM;
		len += varint_len(name) + varint_len(value);
	}
	head[0] = 0x0a;
	buf_append(out, head, (size_t)(varint_put(head + 1, len) - head));
	for (size_t at = 0; labels_next(labels, &at, &l);) {
		if (symbols_ref(t, l.name, &name) || symbols_ref(t, l.value, &value))
			return ERR_NOMEM;
		buf_append(out, refs, (size_t)(varint_put(varint_put(refs, name), value) - refs));
	}
	return 0;
}

static int put_exemplars(const struct encode_job *j, uint16_t slot)
{
	struct exemplar_counts *c = &j->extras->counts;
	struct buf *series = &j->s->series, *message = &j->s->message;
	struct symbols *t = j->as->symbols;
	uint32_t n;
	const struct batch_exemplar *v = extras_exemplars(j->extras, slot, &n);
	if (!v)
		return 0;
	extras_carried(j->extras, slot);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t tail[9 + HEAD_MAX], *p = put_bits(tail, 0x11, v[i].bits);
		if (v[i].t_ms < j->oldest_ms) {
			c->too_old++;
			continue;
		}
		if (!encode_exemplars_fit(j->out->len + t->wire.len + series->len +
						  2 * v[i].labels.len + sizeof tail + HEAD_MAX,
					  j->slice.raw_max)) {
			c->too_large++;
			continue;
		}
		p = put_number(p, 0x18, (uint64_t)v[i].t_ms);
		buf_reset(message);
		if (exemplar_labels(t, v[i].labels, message))
			return ERR_NOMEM;
		buf_append(message, tail, (size_t)(p - tail));
		if (buf_failed(message))
			return ERR_NOMEM;
		put_part(series, 0x22, buf_view(message));
		c->sent++;
	}
	return 0;
}

/* The family's metadata, by the series' name; neighbours mostly have the same. */
static int find_family(const struct encode_job *j, const struct symbol_label *labels, unsigned n)
{
	struct symbols *t = j->as->symbols;
	uint32_t name = 0;
	if (t->name_key == 0 && symbols_ref(t, LABEL_NAME, &t->name_key))
		return ERR_NOMEM;
	for (unsigned i = 0; i < n && name == 0; i++)
		if (labels[i].name == t->name_key)
			name = labels[i].value;
	if (name == t->family.name && name != 0)
		return 0;
	t->family.name = name;
	t->family.type = t->family.help = t->family.unit = 0;
	if (name == 0 || !j->as->metadata)
		return 0;
	struct sv text = sv_make(t->wire.ptr + t->v[name].at, t->v[name].len);
	const struct batch_metadata *m = metadata_table_find(j->as->metadata, text);
	if (!m)
		return 0;
	t->family.type = m->type;
	return symbols_ref(t, m->help, &t->family.help) || symbols_ref(t, m->unit, &t->family.unit)
		       ? ERR_NOMEM
		       : 0;
}

static void put_metadata(struct buf *out, const struct symbols *t)
{
	uint8_t body[METADATA_MAX], *p = body;
	/* Our order of types is the message's. */
	if (t->family.type)
		p = put_number(p, 0x08, t->family.type);
	if (t->family.help)
		p = put_number(p, 0x18, t->family.help);
	if (t->family.unit)
		p = put_number(p, 0x20, t->family.unit);
	if (p > body)
		put_part(out, 0x2a, sv_make((char *)body, (size_t)(p - body)));
}

/* ---- series ---- */

/* Names and values of new labels are in the strings, refs of at most as many bytes in the series.
 */
static bool full(const struct encode_job *j, size_t body)
{
	size_t need = 4 * HEAD_MAX + 2 * (size_t)j->im->max_len + SAMPLE_MAX + METADATA_MAX +
		      FAMILY_MAX + body;
	return j->out->len > 0 && j->out->len + j->as->symbols->wire.len + need > j->slice.raw_max;
}

static int begin_series(struct v2 *v, const struct symbol_label **labels, unsigned *n)
{
	struct buf *series = &v->j->s->series;
	buf_reset(series);
	if (label_refs(v, labels, n))
		return ERR_NOMEM;
	put_refs(series, *labels, *n);
	return 0;
}

static int end_series(const struct v2 *v, uint16_t slot, const struct symbol_label *labels,
		      unsigned n)
{
	const struct encode_job *j = v->j;
	struct buf *series = &j->s->series;
	if (put_exemplars(j, slot) || find_family(j, labels, n))
		return ERR_NOMEM;
	put_metadata(series, j->as->symbols);
	if (buf_failed(series))
		return ERR_NOMEM;
	put_part(j->out, 0x2a, buf_view(series)); /* Request.timeseries */
	return buf_failed(j->out) ? ERR_NOMEM : 0;
}

/* One sample of the series at hand. */
static int series_sample(struct v2 *v, uint16_t slot, uint64_t bits, int64_t t_ms)
{
	const struct symbol_label *labels;
	unsigned n;
	if (begin_series(v, &labels, &n))
		return ERR_NOMEM;
	put_sample(&v->j->s->series, bits, t_ms, extras_start(v->j->extras, slot));
	return end_series(v, slot, labels, n);
}

static int failed(const struct encode_job *j, size_t start)
{
	j->out->len = start;
	j->out->failed = false;
	return ERR_NOMEM;
}

/* Passed over with their series, and counted in count. */
static void pass_exemplars(const struct encode_job *j, uint16_t slot, uint32_t *count)
{
	uint32_t n;
	if (!extras_exemplars(j->extras, slot, &n))
		return;
	extras_carried(j->extras, slot);
	*count += n;
}

/* Whether the series of a slot does not go: it is counted with its exemplars. */
static bool pass_series(const struct encode_job *j, uint16_t slot, struct encode_result *res)
{
	const struct image *im = j->im;
	struct exemplar_counts *c = &j->extras->counts;
	if (slot >= im->n_slots || image_bit(im->unusable, slot)) {
		res->labels_lost++;
		pass_exemplars(j, slot, &c->labels_lost);
		return true;
	}
	if (image_bit(im->dropped, slot)) {
		res->dropped++;
		pass_exemplars(j, slot, &c->dropped);
		return true;
	}
	return false;
}

static bool pass_too_old(const struct encode_job *j, uint16_t slot, int64_t t_ms,
			 struct encode_result *res)
{
	if (t_ms >= j->oldest_ms)
		return false;
	res->too_old++;
	pass_exemplars(j, slot, &j->extras->counts.too_old);
	return true;
}

int encode_v2_column(const struct encode_job *j, const struct batch_column *col, int64_t t_ms,
		     struct encode_result *res)
{
	size_t start = j->out->len;
	struct v2 v;
	*res = (struct encode_result){.next = j->slice.from};
	if (v2_init(&v, j))
		return ERR_NOMEM;
	unsigned at = 0;
	uint32_t slot = j->slice.from;
	for (; slot < col->n_slots; slot++) {
		if (!image_bit(col->present, slot) || pass_series(j, (uint16_t)slot, res))
			continue;
		if (res->samples >= j->slice.max || full(j, 0))
			break;
		if (v2_to(&v, &at, slot) ||
		    series_sample(&v, (uint16_t)slot, col->values[slot], t_ms))
			return failed(j, start);
		res->samples++;
	}
	res->next = slot;
	return 0;
}

int encode_v2_rows(const struct encode_job *j, const struct batch_row *rows, uint32_t n,
		   struct encode_result *res)
{
	size_t start = j->out->len;
	struct v2 v;
	*res = (struct encode_result){.next = j->slice.from};
	if (v2_init(&v, j))
		return ERR_NOMEM;
	unsigned at = 0;
	uint32_t i = j->slice.from;
	for (; i < n; i++) {
		uint16_t slot = rows[i].slot;
		if (pass_too_old(j, slot, rows[i].t_ms, res) || pass_series(j, slot, res))
			continue;
		if (res->samples >= j->slice.max || full(j, 0))
			break;
		if (v2_to(&v, &at, slot) || series_sample(&v, slot, rows[i].bits, rows[i].t_ms))
			return failed(j, start);
		res->samples++;
	}
	res->next = i;
	return 0;
}

/* Whether the histogram is passed over, and counted. */
static bool pass_histogram(const struct encode_job *j, const struct batch_histogram *h,
			   struct encode_result *res)
{
	if (pass_too_old(j, h->slot, h->t_ms, res))
		return true;
	if (j->as->histograms)
		return pass_series(j, h->slot, res);
	res->not_sent++;
	return true;
}

static int series_histogram(struct v2 *v, const struct batch_histogram *h, unsigned *at)
{
	const struct symbol_label *labels;
	unsigned n;
	if (v2_to(v, at, h->slot) || begin_series(v, &labels, &n))
		return ERR_NOMEM;
	put_part(&v->j->s->series, 0x1a, buf_view(&v->j->s->message));
	return end_series(v, h->slot, labels, n);
}

int encode_v2_histograms(const struct encode_job *j, const struct batch_histogram *h, uint32_t n,
			 struct encode_result *res)
{
	size_t start = j->out->len;
	struct v2 v;
	*res = (struct encode_result){.next = j->slice.from};
	if (v2_init(&v, j))
		return ERR_NOMEM;
	unsigned at = 0;
	uint32_t i = j->slice.from;
	for (; i < n; i++) {
		if (pass_histogram(j, &h[i], res))
			continue;
		if (res->samples >= j->slice.max)
			break;
		int r = encode_histogram(&j->s->message, &h[i].h, h[i].t_ms, true);
		if (r > 0) {
			res->too_large++;
			continue;
		}
		if (r == 0 && full(j, j->s->message.len))
			break;
		if (r < 0 || series_histogram(&v, &h[i], &at))
			return failed(j, start);
		res->samples++;
	}
	res->next = i;
	return 0;
}

int encode_v2_finish(struct buf *out, const struct symbols *symbols)
{
	size_t n = symbols->wire.len;
	if (buf_reserve(out, n)) {
		out->failed = false;
		return ERR_NOMEM;
	}
	memmove(out->ptr + n, out->ptr, out->len);
	memcpy(out->ptr, symbols->wire.ptr, n);
	out->len += n;
	return 0;
}
