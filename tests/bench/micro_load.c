/* The pages are known to be plain: no escapes, no timestamps. */
#include "micro_load.h"

#include "page.h"

#include <ampagent/base/number.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena memory;

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "micro: no memory\n");
		exit(1);
	}
	return p;
}

/* name{a="b",c="d"}, with the labels every scrape adds. */
static struct labels read_labels(const char *text, const char *end)
{
	struct label_builder b;
	struct labels out = LABELS_NULL;
	label_builder_init(&b, &memory);
	const char *p = memchr(text, '{', (size_t)(end - text));
	const char *name_end = p ? p : end;
	label_builder_set(&b, LABEL_NAME,
			  arena_dup(&memory, sv_make(text, (size_t)(name_end - text))));
	label_builder_set(&b, SV("instance"), SV("127.0.0.1:20002"));
	label_builder_set(&b, SV("job"), SV("bench"));
	while (p && p < end && *p != '}') {
		const char *name = p + 1;
		const char *value = strstr(name, "=\"") + 2;
		p = strchr(value, '"') + 1;
		label_builder_set(&b, arena_dup(&memory, sv_make(name, (size_t)(value - 2 - name))),
				  arena_dup(&memory, sv_make(value, (size_t)(p - 1 - value))));
	}
	if (label_builder_finish(&b, &memory, &out) != 0)
		must(NULL);
	return out;
}

/* Fills values, and labels unless it is NULL. */
static void read_page(const char *page, uint64_t *values, struct labels *labels)
{
	uint32_t i = 0;
	for (const char *end; (end = strchr(page, '\n')) != NULL; page = end + 1) {
		if (*page == '#')
			continue;
		const char *blank = memrchr(page, ' ', (size_t)(end - page));
		number_parse(sv_make(blank + 1, (size_t)(end - blank - 1)), &values[i]);
		if (labels)
			labels[i] = read_labels(page, blank);
		i++;
	}
}

static struct batch *make_batch(const uint64_t *values, int64_t t_ms)
{
	struct batch *b = must(batch_new(4 << 20));
	b->owner = 1;
	b->t_ms = t_ms;
	b->columns = must(arena_calloc(&b->arena, LOAD_FRAMES, sizeof *b->columns));
	b->n_columns = LOAD_FRAMES;
	for (uint32_t f = 0; f < LOAD_FRAMES; f++) {
		struct batch_column *c = &b->columns[f];
		uint32_t left = LOAD_SERIES - f * FRAME_SLOTS;
		c->frame = f + 1;
		c->n_slots = c->n_present = (uint16_t)(left < FRAME_SLOTS ? left : FRAME_SLOTS);
		c->values = must(arena_calloc(&b->arena, c->n_slots, sizeof *c->values));
		memcpy(c->values, values + f * FRAME_SLOTS, c->n_slots * sizeof *c->values);
		for (uint32_t i = 0; i < c->n_slots; i++)
			c->present[i / 64] |= UINT64_C(1) << (i % 64);
	}
	batch_seal(b);
	return b;
}

const struct micro_load *micro_load(void)
{
	static struct micro_load load;
	if (load.scrapes[0])
		return &load;
	arena_init(&memory, 64 << 20);
	struct template_options opt = {.series = LOAD_SERIES, .change_percent = 30, .seed = 1};
	struct template *t = must(template_new(&opt));
	struct values *v = must(values_new(t, 0));
	char *page = must(malloc(template_page_max(t) + 1));
	uint64_t *values = must(calloc(LOAD_SERIES, sizeof *values));
	for (uint32_t k = 0; k < LOAD_SCRAPES; k++) {
		page[page_write(page, t, v)] = '\0';
		read_page(page, values, k == 0 ? load.labels : NULL);
		load.scrapes[k] = make_batch(values, INT64_C(1700000000000) + k * 5000);
		values_step(v, t);
	}
	free(values);
	free(page);
	values_free(v);
	template_free(t);
	return &load;
}
