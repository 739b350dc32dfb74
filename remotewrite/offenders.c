/* The table of offenders. */
#include "offenders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct offender *find(struct offenders *o, const struct answer *a)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (o->v[i].cause == a->cause && strcmp(o->v[i].subject, a->subject) == 0)
			return &o->v[i];
	return NULL;
}

static struct offender *make_room(struct offenders *o)
{
	if (o->n < OFFENDERS_MAX)
		return &o->v[o->n++];
	struct offender *least = &o->v[0];
	for (uint32_t i = 1; i < o->n; i++)
		if (o->v[i].weight < least->weight)
			least = &o->v[i];
	return least;
}

void offenders_note(struct offenders *o, const struct answer *a, uint64_t samples, int64_t wall_ms,
		    const char *text)
{
	struct offender *f = find(o, a);
	if (!f) {
		f = make_room(o);
		*f = (struct offender){.cause = a->cause, .weight = f->weight, .first_ms = wall_ms};
		snprintf(f->subject, sizeof f->subject, "%s", a->subject);
	}
	f->weight++;
	f->answers++;
	f->samples += samples;
	f->last_ms = wall_ms;
	snprintf(f->text, sizeof f->text, "%s", text);
	o->version++;
}

void offenders_order(const struct offenders *o, uint32_t order[OFFENDERS_MAX])
{
	for (uint32_t i = 0; i < o->n; i++) {
		uint32_t at = i;
		for (; at > 0 && o->v[order[at - 1]].answers < o->v[i].answers; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}
