#include "json_pick.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>

struct picking {
	struct arena *arena;
	const char *inside;
	struct aws_json_member *members, *next; /* next: whose value comes */
	size_t n;
	int depth;
	int at;      /* depth of the object that is read; 0 while it has not begun */
	bool enters; /* the next value is the object to read */
};

static void pick_key(struct picking *p, struct sv key)
{
	p->next = NULL;
	p->enters = p->inside && p->depth == 1 && sv_eq(key, sv_of(p->inside));
	if (p->depth != p->at)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (sv_eq(key, sv_of(p->members[i].name)))
			p->next = &p->members[i];
}

static int pick_value(struct picking *p, enum json_event event, struct sv text, struct err *err)
{
	struct aws_json_member *m = p->next;
	if (!m)
		return 0;
	p->next = NULL;
	m->there = event != JSON_NULL;
	m->value = SV_NULL;
	if (event == JSON_NULL)
		return 0;
	if (event != (m->number ? JSON_NUMBER : JSON_STRING))
		return err_set(err, 1, "%s is not a %s", m->name, m->number ? "number" : "string");
	m->value = arena_dup(p->arena, text);
	return m->value.ptr ? 0 : err_set(err, 1, "%s is too long", m->name);
}

static int pick_open(struct picking *p, enum json_event event, struct err *err)
{
	bool object = event == JSON_OBJECT_BEGIN;
	if (p->depth == 0 && !object)
		return err_set(err, 1, "it is not an object");
	if (p->enters && !object)
		return err_set(err, 1, "%s is not an object", p->inside);
	int code = pick_value(p, event, SV_NULL, err);
	p->depth++;
	if (p->enters || (p->depth == 1 && !p->inside)) {
		p->at = p->depth;
		/* The last object of that name is the one. */
		for (size_t i = 0; i < p->n; i++) {
			p->members[i].there = false;
			p->members[i].value = SV_NULL;
		}
	}
	p->enters = false;
	return code;
}

static int pick_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct picking *p = cls;
	switch (event) {
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		return pick_open(p, event, err);
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		if (p->depth-- == p->at)
			p->at = 0;
		return 0;
	case JSON_KEY:
		pick_key(p, text);
		return 0;
	default:
		if (p->depth == 0)
			return err_set(err, 1, "it is not an object");
		if (p->enters && event != JSON_NULL)
			return err_set(err, 1, "%s is not an object", p->inside);
		p->enters = false;
		return pick_value(p, event, text, err);
	}
}

int aws_json_pick(struct arena *arena, struct sv text, const char *inside,
		  struct aws_json_member *members, size_t n, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader r;
	struct picking p = {.arena = arena, .inside = inside, .members = members, .n = n};
	size_t room = text.len < LIMIT_SECRET_BYTES ? text.len : LIMIT_SECRET_BYTES;
	for (size_t i = 0; i < n; i++) {
		members[i].there = false;
		members[i].value = SV_NULL;
	}
	json_reader_init(&r, pick_event, &p, LIMIT_SECRET_BYTES);
	/* A scratch that grew would leave copies of secrets behind. */
	if (buf_reserve(&r.scratch, room) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	int code = json_feed(&r, text, err);
	return code == 0 ? json_finish(&r, err) : code;
}
