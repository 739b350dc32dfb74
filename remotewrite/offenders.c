/* The table of offenders. */
#include "offenders.h"

#include <ampagent/base/clock.h>
#include <stdio.h>
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

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, sv_of(key));
	json_string(w, sv_of(text));
}

static void put_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
	char text[RFC3339_MAX];
	put_text(w, key, clock_format_rfc3339(text, wall_ms));
}

void offenders_json(const struct offenders *o, struct sv destination, struct json_writer *w)
{
	uint32_t order[OFFENDERS_MAX];
	offenders_order(o, order);
	for (uint32_t i = 0; i < o->n; i++) {
		const struct offender *f = &o->v[order[i]];
		json_begin_object(w);
		json_key(w, SV("destination"));
		json_string(w, destination);
		put_text(w, "cause", cause_name(f->cause));
		put_text(w, "named", f->subject);
		put_text(w, "meaning", cause_words(f->cause));
		put_text(w, "advice", cause_advice(f->cause));
		json_key(w, SV("answers"));
		json_u64(w, f->answers);
		json_key(w, SV("samplesAtMost"));
		json_u64(w, f->samples);
		put_time(w, "first", f->first_ms);
		put_time(w, "last", f->last_ms);
		put_text(w, "lastAnswer", f->text);
		json_end_object(w);
	}
}
