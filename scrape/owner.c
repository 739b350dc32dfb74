#include "owner.h"

#include <ampagent/base/err.h>

struct restore {
	struct owner *owner;
	int64_t now_ms;
	int result;
	bool full;
};

/* What the log remembers of one target's series may take one n-th of the memory budget. */
enum { RESTORE_PART = 6 };

/* Asked once a frame, that nothing is charged for yet. */
static bool has_room(const struct restore *r, struct series_ref ref)
{
	const struct frame_list *l = &r->owner->frames;
	if (budget_total() == 0 || ref.slot != 0)
		return true;
	size_t held = frame_list_bytes(l);
	return held < budget_bound(SIZE_MAX, RESTORE_PART) && held <= budget_room();
}

static void restore_slot(void *cls, struct series_ref ref, struct labels labels, bool alive,
			 int64_t last_t_ms)
{
	struct restore *r = cls;
	if (!r->full)
		r->full = !has_room(r, ref);
	if (r->result != 0 || r->full)
		return;
	bool owed = alive && r->now_ms - last_t_ms < LOOKBACK_MS;
	r->result = frame_list_restore(&r->owner->frames, ref, labels, owed, last_t_ms);
	if (last_t_ms > r->owner->last_ms)
		r->owner->last_ms = last_t_ms;
}

struct owner *owner_new(struct labels key, const struct owner_lookup *lookup, uint32_t *next_owner,
			int64_t now_ms)
{
	_cleanup_(owner_freep) struct owner *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->lines = LINE_TABLE_NULL;
	o->last_ms = INT64_MIN;
	for (int i = 0; i < REPORT_MAX; i++)
		o->report[i] = SLOT_NONE;
	char *bytes = malloc(key.len ? key.len : 1);
	if (!bytes)
		return NULL;
	if (key.len)
		memcpy(bytes, key.ptr, key.len);
	o->key = (struct labels){bytes, key.len};
	o->key_hash = labels_hash(key);

	struct restore restore = {.owner = o, .now_ms = now_ms};
	if (lookup->find)
		o->id = lookup->find(lookup->cls, key, restore_slot, &restore);
	if (restore.result != 0)
		return NULL;
	o->cut = restore.full;
	owner_charge(o);
	o->in_log = o->id != 0;
	if (!o->in_log)
		o->id = (*next_owner)++;
	return take_ptr(o);
}

static void charge(enum budget_part part, size_t *charged, size_t now)
{
	if (now == *charged)
		return;
	budget_charge(part, now);
	budget_release(part, *charged);
	*charged = now;
}

void owner_charge(struct owner *o)
{
	charge(BUDGET_SERIES, &o->charged,
	       o->key.len + line_table_bytes(&o->lines) + frame_list_bytes(&o->frames));
	charge(BUDGET_EXEMPLARS, &o->charged_exemplars, exemplar_memory_bytes(&o->exemplars));
}

void owner_free(struct owner *o)
{
	budget_release(BUDGET_SERIES, o->charged);
	budget_release(BUDGET_EXEMPLARS, o->charged_exemplars);
	exemplar_memory_clear(&o->exemplars);
	metadata_list_release(o->metadata);
	frame_list_deinit(&o->frames);
	line_table_deinit(&o->lines);
	free((char *)(uintptr_t)o->key.ptr);
	free(o);
}

void owner_resume(struct owner *o)
{
	o->in_use = true;
	o->page_hash = 0;
}

void owner_adopt(struct owner *o)
{
	owner_resume(o);
	line_table_deinit(&o->lines);
	o->gen = 0;
	o->good_gen = 0;
}
