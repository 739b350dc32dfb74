/* A clock that was set back by far: what an owner knows of times holds nothing up. */
#include "world.h"

#include "../../../scrape/set_back.h"

enum { HOUR_MS = 3600 * 1000 };

static void only_by_far(void **state)
{
	struct world *w = *state;
	assert_false(owner_set_back(w->owner, w->t_ms)); /* never scraped */
	scrape_page(w, "a 1");
	int64_t last = w->owner->last_ms;
	assert_false(owner_set_back(w->owner, last + 1));
	assert_false(owner_set_back(w->owner, last));
	assert_false(owner_set_back(w->owner, last - SET_BACK_MS));
	assert_true(w->owner->last_ms == last);
	assert_true(owner_set_back(w->owner, last - SET_BACK_MS - 1));
	assert_true(w->owner->last_ms < last - SET_BACK_MS - 1);
}

static void scrapes_go_on(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	w->t_ms += HOUR_MS;
	scrape_page(w, "a 3\nb 4\nc 5");
	w->t_ms -= HOUR_MS;
	assert_true(owner_set_back(w->owner, w->t_ms + 1000));
	scrape_page(w, "a 6\nc 7");
	ASSERT_BATCH(w, "__name__=a, 6\n__name__=b, stale\n__name__=c, 7\n");
	assert_false(owner_set_back(w->owner, w->t_ms + 1000));
	assert_int_equal(w->n_defs, 0);
	scrape_page(w, "a 8\nb 9\nc 10");
	ASSERT_BATCH(w, "__name__=a, 8\n__name__=b, 9\n__name__=c, 10\n");
}

/* Series that bring times: those that were ahead are taken anew, the others keep their order. */
static void own_times_too(void **state)
{
	struct world *w = *state;
	char page[128];
	long long t = w->t_ms;
	snprintf(page, sizeof page, "ahead 1 %lld\nright 1 %lld", t + 2 * HOUR_MS, t);
	w->t_ms += 2 * HOUR_MS;
	scrape_page(w, page);
	w->t_ms -= 2 * HOUR_MS;
	snprintf(page, sizeof page, "ahead 2 %lld\nright 2 %lld", t + 500, t);
	assert_true(owner_set_back(w->owner, w->t_ms + 1000));
	uint64_t before = w->result.out_of_order;
	scrape_page(w, page);
	/* "ahead" had moved to just before this scrape, "right" does not repeat itself. */
	assert_int_equal(before, 0);
	assert_int_equal(w->result.out_of_order, 2);
	snprintf(page, sizeof page, "ahead 3 %lld\nright 3 %lld", t + 2500, t + 2500);
	scrape_page(w, page);
	assert_int_equal(w->result.out_of_order, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_by_far),
		TEST(scrapes_go_on),
		TEST(own_times_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
