#include "set_back.h"

static void set_frame_back(struct frame *f, int64_t t_ms)
{
	if (f->column_ms >= t_ms)
		f->column_ms = t_ms - 1;
	for (unsigned i = 0; i < f->n; i++) {
		/* A series keeps having times of its own: only their bound moves. */
		if (f->last_ms && f->last_ms[i] >= t_ms)
			f->last_ms[i] = t_ms - 1;
		if (f->sample_ms && f->sample_ms[i] >= t_ms)
			f->sample_ms[i] = t_ms - 1;
	}
}

bool owner_set_back(struct owner *o, int64_t t_ms)
{
	if (o->last_ms == INT64_MIN || o->last_ms - SET_BACK_MS <= t_ms)
		return false;
	for (uint32_t i = 0; i < o->frames.n; i++)
		set_frame_back(&o->frames.v[i], t_ms);
	o->last_ms = t_ms - 1;
	return true;
}
