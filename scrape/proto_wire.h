/* Protobuf's wire format, read within bounds: as lenient and as strict as the decoders that
 * Prometheus is built with (gogo/protobuf's generated ones). Nothing is allocated, nothing recurs.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

enum proto_type {
	PROTO_VARINT = 0,
	PROTO_FIXED64 = 1,
	PROTO_BYTES = 2,
	PROTO_GROUP = 3,
	PROTO_GROUP_END = 4,
	PROTO_FIXED32 = 5,
};

/* What a message's field is on the wire. */
enum proto_want {
	PROTO_SKIP, /* not known */
	PROTO_WANT_VARINT,
	PROTO_WANT_FIXED64,
	PROTO_WANT_BYTES,
	PROTO_WANT_VARINTS, /* repeated: one by one or packed */
	PROTO_WANT_FIXED64S,
};

enum { PROTO_FIELDS_MAX = 17 };

struct proto_shape {
	const char *name;
	uint8_t want[PROTO_FIELDS_MAX]; /* by field number */
};

struct proto_wire {
	const char *p, *end;
};

struct proto_field {
	int32_t number;
	enum proto_type type;
	uint64_t value;  /* varint or fixed64 */
	struct sv bytes; /* PROTO_BYTES */
};

static inline struct proto_wire proto_wire_of(struct sv message)
{
	return (struct proto_wire){message.ptr, message.ptr + message.len};
}

/* The next field that the shape knows; others are skipped. 0; 1 at the end; 2 when the message is
 * broken there, with the reason. */
int proto_wire_next(struct proto_wire *w, const struct proto_shape *shape, struct proto_field *f,
		    struct err *err);
/* A varint of up to ten bytes; bits above 64 are lost. False when it is cut short or longer. */
bool proto_wire_varint(struct proto_wire *w, uint64_t *out);
bool proto_wire_fixed64(struct proto_wire *w, uint64_t *out);

/* Goes back to the first number of a packed field and returns where they end: read on while w->p is
 * before that. The last number may reach beyond it, and what follows is then read behind it. */
static inline const char *proto_wire_unpack(struct proto_wire *w, const struct proto_field *f)
{
	w->p = f->bytes.ptr;
	return f->bytes.ptr + f->bytes.len;
}
