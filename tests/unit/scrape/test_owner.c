/* Owners: what is inherited, from the log and from a target that went. */
#include "world.h"

struct memory {
	struct world *w;
	bool alive;
};

static uint32_t remember(void *cls, struct labels owner,
			 void (*fn)(void *fcls, struct series_ref ref, struct labels labels,
				    bool alive, int64_t last_t_ms),
			 void *fcls)
{
	struct memory *m = cls;
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		if (m->w->defined[i].ptr)
			fn(fcls, (struct series_ref){i / 256, (uint16_t)(i % 256)},
			   m->w->defined[i], m->alive, m->w->t_ms);
	}
	return 1;
}

static void a_restart_goes_on_where_it_was(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	owner_free(w->owner);
	struct memory memory = {w, true};
	const struct owner_lookup lookup = {remember, &memory};
	w->owner = owner_new(w->target, &lookup, &w->next_owner, w->t_ms + 60000);
	assert_true(w->owner->in_log && w->owner->id == 1);
	scrape_page(w, "b 3\nc 4");
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 3\n__name__=c, 4\n");
	assert_int_equal(w->n_defs, 1);
	assert_int_equal(w->n_report, 5);
	/* Too long ago for a marker to matter. */
	owner_free(w->owner);
	w->owner = owner_new(w->target, &lookup, &w->next_owner, w->t_ms + 301000);
	scrape_page(w, "b 3");
	ASSERT_BATCH(w, "__name__=b, 3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restart_goes_on_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
