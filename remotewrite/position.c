/* Position files:
 *
 *   {"version":1,"destination":"...","base":0,"sent":0,"dropped":{"too_old":1},"clean":true,
 *    "reach":90000,"unsettled":0,"shards":[[segment,offset,sequence,own],...],"former":[...]}
 *
 * Unknown keys are passed over, so that a later version may add some.
 */
#include "position.h"

#include <ampagent/base/json.h>
#include <stdlib.h>

enum { POSITION_VERSION = 1, PLACE_NUMBERS = 4, POSITION_STRING_MAX = 4096 };

void position_deinit(struct position *p)
{
	free(p->shards);
	free(p->former);
	*p = POSITION_NULL;
}

static void write_places(struct json_writer *w, const struct shard_place *v, uint32_t n)
{
	json_begin_array(w);
	for (uint32_t i = 0; i < n; i++) {
		json_begin_array(w);
		json_u64(w, v[i].pos.segment);
		json_u64(w, v[i].pos.offset);
		json_u64(w, v[i].pos.sequence);
		json_u64(w, v[i].own);
		json_end_array(w);
	}
	json_end_array(w);
}

int position_write(struct buf *out, const struct position *p, struct sv key)
{
	struct json_writer w = {.out = out};
	json_begin_object(&w);
	json_key(&w, SV("version"));
	json_u64(&w, POSITION_VERSION);
	json_key(&w, SV("destination"));
	json_string(&w, key);
	json_key(&w, SV("base"));
	json_i64(&w, p->base);
	json_key(&w, SV("sent"));
	json_u64(&w, p->books.sent);
	json_key(&w, SV("dropped"));
	json_begin_object(&w);
	for (int i = 0; i < DROP_REASONS_; i++) {
		if (p->books.dropped[i] == 0)
			continue;
		json_key(&w, sv_of(drop_reason_name((enum drop_reason)i)));
		json_u64(&w, p->books.dropped[i]);
	}
	json_end_object(&w);
	json_key(&w, SV("clean"));
	json_bool(&w, p->clean);
	if (p->reach != UINT64_MAX) {
		json_key(&w, SV("reach"));
		json_u64(&w, p->reach);
	}
	if (p->unsettled > 0) {
		json_key(&w, SV("unsettled"));
		json_u64(&w, p->unsettled);
	}
	json_key(&w, SV("shards"));
	write_places(&w, p->shards, p->n);
	if (p->n_former > 0) {
		json_key(&w, SV("former"));
		write_places(&w, p->former, p->n_former);
	}
	json_end_object(&w);
	buf_char(out, '\n');
	return buf_failed(out) ? 1 : 0;
}

enum key {
	KEY_OTHER,
	KEY_VERSION,
	KEY_BASE,
	KEY_SENT,
	KEY_DROPPED,
	KEY_CLEAN,
	KEY_REACH,
	KEY_UNSETTLED,
	KEY_SHARDS,
	KEY_FORMER
};

struct parsing {
	struct position *p;
	int depth;    /* of objects and arrays that are open */
	enum key key; /* at the top level */
	int reason;   /* in "dropped"; -1 = a name of another version */
	int number;   /* in a place */
	bool version_seen;
};

static enum key key_of(struct sv s)
{
	static const char *const names[] = {
		[KEY_VERSION] = "version",     [KEY_BASE] = "base",     [KEY_SENT] = "sent",
		[KEY_DROPPED] = "dropped",     [KEY_CLEAN] = "clean",   [KEY_REACH] = "reach",
		[KEY_UNSETTLED] = "unsettled", [KEY_SHARDS] = "shards", [KEY_FORMER] = "former",
	};
	for (int i = KEY_VERSION; i <= KEY_FORMER; i++)
		if (sv_eq(s, sv_of(names[i])))
			return (enum key)i;
	return KEY_OTHER;
}

static int reason_of(struct sv s)
{
	for (int i = 0; i < DROP_REASONS_; i++)
		if (sv_eq(s, sv_of(drop_reason_name((enum drop_reason)i))))
			return i;
	return -1;
}

static int place_add(struct shard_place **v, uint32_t *n, struct err *err)
{
	if (*n == SHARDS_MAX)
		return err_set(err, 1, "more than %d shards", SHARDS_MAX);
	if ((*n & (*n - 1)) == 0) {
		struct shard_place *p = realloc(*v, (*n ? *n * 2 : 1) * sizeof *p);
		if (!p)
			return ERR_NOMEM;
		*v = p;
	}
	(*v)[(*n)++] = (struct shard_place){0};
	return 0;
}

static int place_number(struct parsing *s, struct sv text, struct err *err)
{
	uint64_t v;
	struct position *p = s->p;
	struct shard_place *at =
		s->key == KEY_SHARDS ? &p->shards[p->n - 1] : &p->former[p->n_former - 1];
	uint64_t *fields[PLACE_NUMBERS] = {&at->pos.segment, &at->pos.offset, &at->pos.sequence,
					   &at->own};
	if (s->number >= PLACE_NUMBERS || sv_to_u64(text, &v))
		return err_set(err, 1, "a shard's place is four numbers");
	*fields[s->number++] = v;
	return 0;
}

static int top_number(struct parsing *s, struct sv text, struct err *err)
{
	uint64_t v = 0;
	if (s->key == KEY_BASE)
		return sv_to_i64(text, &s->p->base) ? err_set(err, 1, "base is not a number") : 0;
	if (s->key == KEY_OTHER)
		return 0;
	if (sv_to_u64(text, &v))
		return err_set(err, 1, "a count is not a number");
	if (s->key == KEY_VERSION) {
		if (v != POSITION_VERSION)
			return err_set(err, 1, "unknown version");
		s->version_seen = true;
	}
	if (s->key == KEY_SENT)
		s->p->books.sent = v;
	if (s->key == KEY_REACH)
		s->p->reach = v;
	if (s->key == KEY_UNSETTLED)
		s->p->unsettled = v;
	return 0;
}

static int on_number(struct parsing *s, struct sv text, struct err *err)
{
	uint64_t v;
	if (s->depth == 1)
		return top_number(s, text, err);
	if (s->depth == 2 && s->key == KEY_DROPPED) {
		if (sv_to_u64(text, &v))
			return err_set(err, 1, "a count is not a number");
		/* A reason of another version still counts, or the books would not add up. */
		s->p->books.dropped[s->reason >= 0 ? s->reason : DROP_ANSWERED_OTHER] += v;
		return 0;
	}
	if (s->depth == 3 && (s->key == KEY_SHARDS || s->key == KEY_FORMER))
		return place_number(s, text, err);
	return 0;
}

static int on_open(struct parsing *s, struct err *err)
{
	s->depth++;
	if (s->depth != 3 || (s->key != KEY_SHARDS && s->key != KEY_FORMER))
		return 0;
	s->number = 0;
	return s->key == KEY_SHARDS ? place_add(&s->p->shards, &s->p->n, err)
				    : place_add(&s->p->former, &s->p->n_former, err);
}

static int on_close(struct parsing *s, struct err *err)
{
	if (s->depth == 3 && (s->key == KEY_SHARDS || s->key == KEY_FORMER) &&
	    s->number != PLACE_NUMBERS)
		return err_set(err, 1, "a shard's place is four numbers");
	s->depth--;
	return 0;
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct parsing *s = cls;
	switch (event) {
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		return on_open(s, err);
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		return on_close(s, err);
	case JSON_KEY:
		if (s->depth == 1)
			s->key = key_of(text);
		else if (s->depth == 2 && s->key == KEY_DROPPED)
			s->reason = reason_of(text);
		return 0;
	case JSON_NUMBER:
		return on_number(s, text, err);
	case JSON_TRUE:
	case JSON_FALSE:
		if (s->depth == 1 && s->key == KEY_CLEAN)
			s->p->clean = event == JSON_TRUE;
		return 0;
	case JSON_STRING:
	case JSON_NULL:
		return 0;
	}
	return 0;
}

int position_parse(struct sv text, struct position *out, struct err *err)
{
	_cleanup_(position_deinit) struct position p = POSITION_NULL;
	p.reach = UINT64_MAX;
	struct parsing s = {.p = &p, .reason = -1};
	_cleanup_(json_reader_deinit) struct json_reader reader;
	json_reader_init(&reader, on_event, &s, POSITION_STRING_MAX);
	int r = json_feed(&reader, text, err);
	if (r == 0)
		r = json_finish(&reader, err);
	if (r != 0)
		return r;
	if (!s.version_seen || p.n == 0)
		return err_set(err, 1, "%s is missing", s.version_seen ? "shards" : "version");
	*out = p;
	p = POSITION_NULL;
	return 0;
}

struct wal_pos position_lowest(const struct position *p)
{
	struct wal_pos low = p->shards[0].pos;
	for (uint32_t i = 1; i < p->n; i++)
		if (wal_pos_before(p->shards[i].pos, low))
			low = p->shards[i].pos;
	/* The present shards began at the lowest former place, so that is never below them. */
	return low;
}

int position_start(struct position *p, struct wal_pos pos, uint32_t n)
{
	struct shard_place *v = calloc(n, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	position_deinit(p);
	for (uint32_t i = 0; i < n; i++)
		v[i].pos = pos;
	p->shards = v;
	p->n = n;
	p->base = (int64_t)pos.sequence;
	p->clean = true;
	return 0;
}
