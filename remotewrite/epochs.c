/* Epochs of rules, few at a time: all functions walk them. */
#include "epochs.h"

static void take_owner(struct epoch *p, const struct rules_owner *owner)
{
	if (owner->ref)
		owner->ref(owner->cls);
	if (p->owner.unref)
		p->owner.unref(p->owner.cls);
	p->owner = *owner;
}

static void epoch_deinit(struct epoch *p)
{
	images_deinit(&p->images);
	if (p->owner.unref)
		p->owner.unref(p->owner.cls);
}

static struct epoch *present(struct epochs *e)
{
	return &e->v[e->n - 1];
}

static void begin(struct epochs *e, struct label_source source, const struct image_rules *rules,
		  const struct rules_owner *owner)
{
	struct epoch *p = &e->v[e->n++];
	*p = (struct epoch){.until = UINT64_MAX};
	take_owner(p, owner);
	images_init(&p->images, source);
	images_rules(&p->images, rules);
}

void epochs_init(struct epochs *e, struct label_source source, const struct image_rules *rules,
		 const struct rules_owner *owner)
{
	e->n = 0;
	begin(e, source, rules, owner);
}

void epochs_deinit(struct epochs *e)
{
	for (unsigned i = 0; i < e->n; i++)
		epoch_deinit(&e->v[i]);
	e->n = 0;
}

static void remove_first(struct epochs *e)
{
	epoch_deinit(&e->v[0]);
	e->n--;
	memmove(&e->v[0], &e->v[1], e->n * sizeof e->v[0]);
}

bool epochs_change(struct epochs *e, const struct image_rules *rules,
		   const struct rules_owner *owner, uint64_t at, uint64_t done)
{
	epochs_forget(e, done);
	/* Nothing was scraped by the present rules, or all of it is sent. */
	uint64_t begun = e->n > 1 ? e->v[e->n - 2].until : 0;
	if (at <= done || at == begun) {
		struct epoch *p = present(e);
		take_owner(p, owner);
		images_rules(&p->images, rules);
		return false;
	}
	bool joined = e->n == EPOCHS_MAX;
	if (joined)
		remove_first(e);
	present(e)->until = at;
	begin(e, present(e)->images.source, rules, owner);
	return joined;
}

void epochs_renew(struct epochs *e, const struct image_rules *rules,
		  const struct rules_owner *owner)
{
	take_owner(present(e), owner);
	present(e)->images.rules = *rules;
}

struct images *epochs_at(struct epochs *e, uint64_t sequence, uint64_t *until)
{
	unsigned i = 0;
	while (i + 1 < e->n && sequence >= e->v[i].until)
		i++;
	*until = e->v[i].until;
	return &e->v[i].images;
}

void epochs_forget(struct epochs *e, uint64_t sequence)
{
	while (e->n > 1 && e->v[0].until <= sequence)
		remove_first(e);
}

void epochs_sweep(struct epochs *e, int64_t now_ms)
{
	for (unsigned i = 0; i < e->n; i++)
		images_sweep(&e->v[i].images, now_ms);
}

bool epochs_overfull(const struct epochs *e)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->v[i].images.bytes > images_max())
			return true;
	return false;
}

size_t epochs_bytes(const struct epochs *e)
{
	size_t n = 0;
	for (unsigned i = 0; i < e->n; i++)
		n += e->v[i].images.bytes;
	return n;
}
