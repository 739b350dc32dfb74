/* proto_wire: tags, values and what is skipped. */
#include "proto_wire.h"

bool proto_wire_varint(struct proto_wire *w, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
		uint8_t b = (uint8_t)*w->p++;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

static bool wire_take(struct proto_wire *w, uint64_t n, struct sv *out)
{
	if (n > (uint64_t)(w->end - w->p))
		return false;
	*out = sv_make(w->p, (size_t)n);
	w->p += n;
	return true;
}

bool proto_wire_fixed64(struct proto_wire *w, uint64_t *out)
{
	struct sv bytes;
	if (!wire_take(w, 8, &bytes))
		return false;
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)(uint8_t)bytes.ptr[i] << 8 * i;
	*out = v;
	return true;
}

static bool wire_bytes(struct proto_wire *w, struct sv *out)
{
	uint64_t n;
	return proto_wire_varint(w, &n) && wire_take(w, n, out);
}

/* The inside of a group up to its end. Field numbers in it are not looked at, as there. */
static bool wire_skip_group(struct proto_wire *w)
{
	uint64_t depth = 1, v;
	struct sv bytes;
	while (depth > 0) {
		uint64_t tag;
		if (!proto_wire_varint(w, &tag))
			return false;
		bool ok = true;
		switch (tag & 7) {
		case PROTO_VARINT:
			ok = proto_wire_varint(w, &v);
			break;
		case PROTO_FIXED64:
			ok = wire_take(w, 8, &bytes);
			break;
		case PROTO_BYTES:
			ok = wire_bytes(w, &bytes);
			break;
		case PROTO_GROUP:
			depth++;
			break;
		case PROTO_GROUP_END:
			depth--;
			break;
		case PROTO_FIXED32:
			ok = wire_take(w, 4, &bytes);
			break;
		default:
			ok = false;
		}
		if (!ok)
			return false;
	}
	return true;
}

static bool wire_value(struct proto_wire *w, struct proto_field *f)
{
	switch (f->type) {
	case PROTO_VARINT:
		return proto_wire_varint(w, &f->value);
	case PROTO_FIXED64:
		return proto_wire_fixed64(w, &f->value);
	case PROTO_BYTES:
		return wire_bytes(w, &f->bytes);
	case PROTO_GROUP:
		return wire_skip_group(w);
	case PROTO_FIXED32:
		return wire_take(w, 4, &f->bytes);
	case PROTO_GROUP_END:
		break;
	}
	return false;
}

static bool wire_fits(enum proto_want want, enum proto_type type)
{
	switch (want) {
	case PROTO_WANT_VARINT:
		return type == PROTO_VARINT;
	case PROTO_WANT_FIXED64:
		return type == PROTO_FIXED64;
	case PROTO_WANT_BYTES:
		return type == PROTO_BYTES;
	case PROTO_WANT_VARINTS:
		return type == PROTO_VARINT || type == PROTO_BYTES;
	case PROTO_WANT_FIXED64S:
		return type == PROTO_FIXED64 || type == PROTO_BYTES;
	case PROTO_SKIP:
		break;
	}
	return true;
}

int proto_wire_next(struct proto_wire *w, const struct proto_shape *shape, struct proto_field *f,
		    struct err *err)
{
	while (w->p < w->end) {
		uint64_t tag;
		if (!proto_wire_varint(w, &tag))
			return err_set(err, 2, "%s: a tag is cut short", shape->name);
		*f = (struct proto_field){.number = (int32_t)(uint32_t)(tag >> 3), .type = tag & 7};
		if (f->type == PROTO_GROUP_END)
			return err_set(err, 2, "%s: the end of a group without its start",
				       shape->name);
		if (f->number <= 0)
			return err_set(err, 2, "%s: illegal field number %d", shape->name,
				       f->number);
		enum proto_want want = f->number < PROTO_FIELDS_MAX ? shape->want[f->number] : 0;
		if (!wire_fits(want, f->type))
			return err_set(err, 2, "%s: field %d has wire type %d", shape->name,
				       f->number, (int)f->type);
		if (!wire_value(w, f))
			return err_set(err, 2, "%s: field %d is cut short or malformed",
				       shape->name, f->number);
		if (want != PROTO_SKIP)
			return 0;
	}
	return 1;
}
