/* Images are built when a column first needs them and extended when it has more slots. */
#include "images.h"

enum {
	SAME_TURN_MS = 1000,
	/* Images may take one n-th of the memory budget. */
	IMAGES_PART = 4,
};

void images_init(struct images *t, struct label_source source)
{
	*t = (struct images){.source = source, .index = MAP_NULL};
}

static void held(struct images *t, size_t more, size_t less)
{
	t->bytes += more - less;
	budget_charge(BUDGET_SERIES, more);
	budget_release(BUDGET_SERIES, less);
}

size_t images_max(void)
{
	return budget_bound(SIZE_MAX, IMAGES_PART);
}

static void clear(struct images *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		image_free(t->v[i]);
	t->n = 0;
	held(t, 0, t->bytes);
	map_clear(&t->index);
}

void images_deinit(struct images *t)
{
	clear(t);
	free(t->v);
	t->v = NULL;
	t->cap = 0;
	map_deinit(&t->index);
}

void images_rules(struct images *t, const struct image_rules *rules)
{
	clear(t);
	t->rules = *rules;
}

static uint64_t frame_hash(uint32_t frame)
{
	uint64_t h = frame * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct images *t = cls;
	return frame_hash(t->v[value]->frame);
}

static struct image *find(struct images *t, uint32_t frame, struct map_iter *it)
{
	*it = map_find(&t->index, frame_hash(frame));
	while (map_next(&t->index, it))
		if (t->v[it->value]->frame == frame)
			return t->v[it->value];
	return NULL;
}

static int insert(struct images *t, uint32_t frame, struct image **out)
{
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 16;
		struct image **v = realloc(t->v, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		t->v = v;
		t->cap = cap;
	}
	_cleanup_(image_freep) struct image *im = image_new(frame);
	if (!im)
		return ERR_NOMEM;
	t->v[t->n] = im;
	if (map_insert(&t->index, frame_hash(frame), t->n, rehash, t))
		return ERR_NOMEM;
	t->n++;
	held(t, image_bytes(im), 0);
	*out = take_ptr(im);
	return 0;
}

struct adding {
	struct images *t;
	struct image *im;
	struct image_scratch *s;
	int result;
};

static void add_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct adding *a = cls;
	if (a->result == 0 && slot == a->im->n_slots && slot < FRAME_SLOTS)
		a->result = image_add(a->im, a->s, &a->t->rules, labels);
}

int images_get(struct images *t, struct image_scratch *s, uint32_t frame, uint16_t n_slots,
	       int64_t now_ms, struct image **out)
{
	struct map_iter it;
	struct image *im = find(t, frame, &it);
	if (!im && insert(t, frame, &im))
		return ERR_NOMEM;
	/* Requests of one turn follow each other closely. */
	if (im->n_slots > 0 && now_ms - im->used_ms > SAME_TURN_MS)
		im->period_ms = now_ms - im->used_ms;
	im->used_ms = now_ms;
	*out = im;
	if (im->n_slots >= n_slots)
		return 0;
	if (image_add_begin(im, s))
		return ERR_NOMEM;
	size_t before = image_bytes(im);
	struct adding a = {t, im, s, 0};
	t->source.labels(t->source.cls, frame, im->n_slots, add_slot, &a);
	image_add_end(im);
	held(t, image_bytes(im), before);
	return a.result;
}

/* The last one takes the freed place. */
static void remove_at(struct images *t, uint32_t i)
{
	struct map_iter it;
	struct image *gone = find(t, t->v[i]->frame, &it);
	map_erase(&t->index, &it);
	held(t, 0, image_bytes(gone));
	uint32_t last = t->n - 1;
	if (i != last) {
		/* The entry is pointed at its new place, which needs no memory. */
		t->v[i] = find(t, t->v[last]->frame, &it);
		t->index.cells[it.cell].value = i;
	}
	t->n = last;
	image_free(gone);
}

static int64_t idle_limit(const struct image *im)
{
	int64_t limit = im->period_ms ? 3 * im->period_ms : IMAGE_IDLE_MS;
	if (limit < IMAGE_IDLE_MIN_MS)
		return IMAGE_IDLE_MIN_MS;
	return limit < IMAGE_IDLE_MS ? limit : IMAGE_IDLE_MS;
}

/* Frees what was last used before that, until there is room. */
static void free_older(struct images *t, int64_t before_ms)
{
	for (uint32_t i = 0; i < t->n && t->bytes > images_max() / 4 * 3;) {
		if (t->v[i]->used_ms < before_ms)
			remove_at(t, i);
		else
			i++;
	}
}

void images_sweep(struct images *t, int64_t now_ms)
{
	for (uint32_t i = 0; i < t->n;) {
		if (now_ms - t->v[i]->used_ms > idle_limit(t->v[i]))
			remove_at(t, i);
		else
			i++;
	}
	/* The oldest first: what was used within half the time stays at first, then a quarter. */
	for (int64_t age_ms = IMAGE_IDLE_MS / 2; t->bytes > images_max() && age_ms > 0; age_ms /= 2)
		free_older(t, now_ms - age_ms);
	if (t->bytes > images_max())
		free_older(t, INT64_MAX);
}
