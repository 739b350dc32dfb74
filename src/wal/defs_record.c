/* The records of definition files. docs/WAL_FORMAT.md has the layout. */
#include <ampagent/base/err.h>
#include <ampagent/base/varint.h>
#include <ampagent/model/frontcode.h>

#include "defs.h"

static const uint8_t *get_u32(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
	uint64_t v;
	p = p ? varint_get(p, end, &v) : NULL;
	if (!p || v > UINT32_MAX)
		return NULL;
	*out = (uint32_t)v;
	return p;
}

static const uint8_t *get_owner(const uint8_t *p, const uint8_t *end, struct def_pending *out)
{
	p = get_u32(p, end, &out->owner);
	struct labels l = {(const char *)p, p ? (uint32_t)(end - p) : 0};
	if (!p || !labels_valid(l))
		return NULL;
	out->hash = hash_stable(l.ptr, l.len);
	return end;
}

static const uint8_t *get_frame(const uint8_t *p, const uint8_t *end, struct def_pending *out)
{
	uint32_t first, n;
	p = get_u32(p, end, &out->frame);
	p = get_u32(p, end, &out->owner);
	p = get_u32(p, end, &first);
	p = get_u32(p, end, &n);
	if (!p || first >= FRAME_SLOTS || n == 0 || n > FRAME_SLOTS - first)
		return NULL;
	out->first = (uint16_t)first;
	out->n = (uint16_t)n;
	return p;
}

/* Where the record's own part begins: after its numbers; NULL when it is broken. */
static const uint8_t *record_parse(const struct record *rec, struct def_pending *out)
{
	const uint8_t *p = (const uint8_t *)rec->payload.ptr, *end = p + rec->payload.len;
	*out = (struct def_pending){.type = rec->type};
	switch (rec->type) {
	case RECORD_OWNER:
		return get_owner(p, end, out);
	case RECORD_FRAME:
		return get_frame(p, end, out);
	case RECORD_RETIRED:
		return get_u32(p, end, &out->frame);
	default:
		return NULL;
	}
}

int def_record_get(const struct record *rec, struct def_pending *out)
{
	return record_parse(rec, out) ? 0 : 1;
}

struct labels def_record_labels(const struct record *rec)
{
	const uint8_t *p = (const uint8_t *)rec->payload.ptr, *end = p + rec->payload.len;
	uint32_t owner;
	p = get_u32(p, end, &owner);
	return p ? (struct labels){(const char *)p, (uint32_t)(end - p)} : LABELS_NULL;
}

int def_record_slots(const struct record *rec, uint16_t from, defs_slot_fn *fn, void *cls)
{
	struct def_pending r;
	const uint8_t *p = record_parse(rec, &r);
	const uint8_t *end = (const uint8_t *)rec->payload.ptr + rec->payload.len;
	if (!p || rec->type != RECORD_FRAME)
		return 1;
	/* Two strings by turns: the one being made and the one before. */
	_cleanup_(freep) char *strings = malloc(2 * LIMIT_LABELS_BYTES);
	if (!strings)
		return ERR_NOMEM;
	struct labels prev = LABELS_NULL;
	for (unsigned i = 0; i < r.n; i++) {
		char *dst = strings + (i % 2) * LIMIT_LABELS_BYTES;
		size_t len;
		p = frontcode_get(p, end, sv_make(prev.ptr, prev.len), dst, LIMIT_LABELS_BYTES,
				  &len);
		if (!p)
			return 1;
		prev = (struct labels){dst, (uint32_t)len};
		if (!labels_valid(prev))
			return 1;
		if (r.first + i >= from)
			fn(cls, (uint16_t)(r.first + i), prev);
	}
	return p == end ? 0 : 1;
}

/* ---- noting ---- */

static int pending_room(struct defs *d)
{
	if (d->n_pending < d->cap_pending)
		return 0;
	size_t cap = d->cap_pending ? d->cap_pending * 2 : 16;
	struct def_pending *v = reallocarray(d->pending, cap, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	d->pending = v;
	d->cap_pending = cap;
	return 0;
}

static int note(struct defs *d, size_t start, struct def_pending p)
{
	record_end(&d->out, start);
	if (buf_failed(&d->out) || pending_room(d)) {
		d->out.len = start;
		d->out.failed = false;
		return ERR_NOMEM;
	}
	p.offset = (uint32_t)start;
	p.bytes = (uint32_t)(d->out.len - start);
	d->pending[d->n_pending++] = p;
	return 0;
}

static int note_owner(struct defs *d, const struct batch_owner *o)
{
	size_t start = record_begin(&d->out, RECORD_OWNER);
	buf_varint(&d->out, o->owner);
	buf_append(&d->out, o->labels.ptr, o->labels.len);
	return note(d, start,
		    (struct def_pending){.type = RECORD_OWNER,
					 .owner = o->owner,
					 .hash = hash_stable(o->labels.ptr, o->labels.len)});
}

int defs_note_frame(struct defs *d, uint32_t owner, const struct batch_def *v, size_t n)
{
	size_t start = record_begin(&d->out, RECORD_FRAME);
	buf_varint(&d->out, v->frame);
	buf_varint(&d->out, owner);
	buf_varint(&d->out, v->slot);
	buf_varint(&d->out, n);
	struct sv prev = SV_NULL;
	for (size_t i = 0; i < n; i++) {
		struct sv cur = sv_make(v[i].labels.ptr, v[i].labels.len);
		frontcode_put(&d->out, prev, cur);
		prev = cur;
	}
	return note(d, start,
		    (struct def_pending){.type = RECORD_FRAME,
					 .frame = v->frame,
					 .owner = owner,
					 .first = v->slot,
					 .n = (uint16_t)n});
}

int defs_retire(struct defs *d, uint32_t frame)
{
	size_t start = record_begin(&d->out, RECORD_RETIRED);
	buf_varint(&d->out, frame);
	return note(d, start, (struct def_pending){.type = RECORD_RETIRED, .frame = frame});
}

int defs_note_copy(struct defs *d, const struct record *rec)
{
	struct def_pending p;
	if (def_record_get(rec, &p))
		return 1;
	size_t start = record_begin(&d->out, rec->type);
	buf_sv(&d->out, rec->payload);
	return note(d, start, p);
}

/* How many definitions from v on are of one frame with ascending slots. */
static size_t run_len(const struct batch_def *v, size_t n)
{
	size_t i = 1;
	while (i < n && v[i].frame == v->frame && v[i].slot == v->slot + i)
		i++;
	return i;
}

int defs_add(struct defs *d, const struct batch *b)
{
	size_t len = d->out.len, n_pending = d->n_pending;
	int r = b->new_owner ? note_owner(d, b->new_owner) : 0;
	for (size_t i = 0, n; i < b->n_defs && r == 0; i += n) {
		n = run_len(&b->defs[i], b->n_defs - i);
		r = defs_note_frame(d, b->owner, &b->defs[i], n);
	}
	if (r) {
		d->out.len = len;
		d->n_pending = n_pending;
	}
	return r;
}
