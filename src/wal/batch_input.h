/* Reading numbers of batch records: each getter returns 0, or BROKEN when the bytes do not hold
 * what is asked for. */
#pragma once

#include <ampagent/base/varint.h>

#include "codec.h"

enum { BROKEN = 1 };

struct input {
	const uint8_t *p, *end;
};

static inline size_t input_left(const struct input *in)
{
	return (size_t)(in->end - in->p);
}

static inline int get_varint(struct input *in, uint64_t max, uint64_t *out)
{
	in->p = in->p ? varint_get(in->p, in->end, out) : NULL;
	return in->p && *out <= max ? 0 : BROKEN;
}

static inline int get_byte(struct input *in, uint8_t *out)
{
	if (in->p >= in->end)
		return BROKEN;
	*out = *in->p++;
	return 0;
}

static inline int get_u32(struct input *in, uint32_t *out)
{
	uint64_t v;
	if (get_varint(in, UINT32_MAX, &v))
		return BROKEN;
	*out = (uint32_t)v;
	return 0;
}

static inline int get_i64(struct input *in, int64_t *out)
{
	uint64_t v;
	if (get_varint(in, UINT64_MAX, &v))
		return BROKEN;
	*out = unzigzag(v);
	return 0;
}

/* Adds a told difference; times wrap, as the writer's differences do. */
static inline int get_step(struct input *in, int64_t *v)
{
	int64_t step;
	if (get_i64(in, &step))
		return BROKEN;
	*v = (int64_t)((uint64_t)*v + (uint64_t)step);
	return 0;
}

static inline int get_frame(struct input *in, uint32_t *frame)
{
	int64_t step;
	if (get_i64(in, &step) || step < -(int64_t)UINT32_MAX || step > (int64_t)UINT32_MAX)
		return BROKEN;
	step += *frame;
	if (step < 0 || step > (int64_t)UINT32_MAX)
		return BROKEN;
	*frame = (uint32_t)step;
	return 0;
}

static inline int get_value(struct input *in, uint64_t prev, uint64_t *out)
{
	const uint8_t *p = value_get(in->p, in->end, prev, out);
	if (!p)
		return BROKEN;
	in->p = p;
	return 0;
}
