/* What is given up when memory is short, and a target that is too large for it. */
#include "farm.h"

#include <ampagent/base/limits.h>

enum {
	LIMIT = 32 << 20, /* of which 20 MiB may be charged */
	TURN_MS = 300,    /* a large page must arrive within it */
};

static size_t pressed;

/* Charges or releases, until as much is in use from elsewhere. */
static void press(size_t bytes)
{
	budget_charge(BUDGET_TAIL, bytes);
	budget_release(BUDGET_TAIL, pressed);
	pressed = bytes;
}

static size_t percent(unsigned n)
{
	return budget_total() / 100 * n + 1;
}

static int limited_setup(void **state)
{
	budget_set(LIMIT);
	pressed = 0;
	int r = farm_setup(state);
	struct farm *f = *state;
	for (int i = 0; i < FARM_JOBS; i++)
		f->opt[i].interval_ms = f->opt[i].timeout_ms = TURN_MS;
	farm_apply(f);
	return r;
}

static int limited_teardown(void **state)
{
	press(0);
	int r = farm_teardown(state);
	budget_set(0);
	budget_release(BUDGET_OTHER, budget_used(BUDGET_OTHER));
	assert_int_equal(budget_used_all(), 0);
	return r;
}

static struct target *target_of(struct farm *f, size_t job)
{
	return farm_pool(f, job)->targets[0];
}

/* The next batch of a job that begins from now on. */
static size_t next_of(struct farm *f, size_t job)
{
	for (size_t i = f->n_batches;; i++) {
		farm_wait(f, i + 1);
		if (f->batches[i]->owner == target_of(f, job)->owner->id)
			return i;
	}
}

static bool has(struct farm *f, size_t batch, const char *name)
{
	uint64_t bits;
	return farm_value(f, batch, name, &bits) == 0 && bits != VALUE_STALE_BITS;
}

static size_t put(char *at, size_t room, const char *text)
{
	int n = snprintf(at, room, "%s", text);
	assert_true(n > 0 && (size_t)n < room);
	return (size_t)n;
}

/* s{n="0"} 0 and so on; the caller frees it. */
static char *many_series(int n)
{
	size_t room = (size_t)n * 32;
	char *text = malloc(room), *end = text;
	assert_non_null(text);
	for (int i = 0; i < n; i++) {
		char line[32];
		snprintf(line, sizeof line, "s{n=\"%d\"} %d\n", i, i);
		end += put(end, room - (size_t)(end - text), line);
	}
	return text;
}

static char *large_page(size_t bytes)
{
	char *text = malloc(bytes + 64);
	assert_non_null(text);
	size_t n = 0;
	while (n < bytes)
		n += put(text + n, bytes + 64 - n, "# a comment that takes some room and more\n");
	memcpy(text + n, "big 1\n", sizeof "big 1\n");
	return text;
}

static void metadata_goes_first_and_comes_back(void **state)
{
	struct farm *f = *state;
	f->body = SV("# HELP a Some words.\n# TYPE a gauge\na 1\n");
	farm_sync(f, "j", LABELS(""));
	next_of(f, 0);
	struct owner *o = target_of(f, 0)->owner;
	assert_int_equal(metadata_list_count(o->metadata), 1);
	assert_true(budget_used(BUDGET_METADATA) > 0);
	press(percent(60));
	scrape_look_at_memory(f->scrape);
	assert_int_equal(f->scrape->shed, BUDGET_SHED_METADATA);
	assert_null(o->metadata);
	/* What is new is not kept either, nor put into the log; samples go on. */
	f->body = SV("# HELP a Some words.\n# TYPE a gauge\na 1\n# TYPE b gauge\nb 2\n");
	size_t n = next_of(f, 0);
	n = next_of(f, 0);
	assert_true(farm_number(f, n, "b") == 2);
	assert_null(o->metadata);
	press(0);
	next_of(f, 0);
	n = next_of(f, 0);
	assert_int_equal(f->scrape->shed, BUDGET_CALM);
	assert_int_equal(metadata_list_count(o->metadata), 2);
	assert_true(farm_number(f, n, "a") == 1);
}

static void exemplars_go_next(void **state)
{
	struct farm *f = *state;
	f->scrape->features.exemplars = true;
	f->content_type = "application/openmetrics-text; version=1.0.0";
	f->body = SV("# TYPE c counter\nc_total 1 # {trace=\"x\"} 5\n# EOF\n");
	farm_sync(f, "j", LABELS(""));
	size_t n = next_of(f, 0);
	assert_int_equal(f->batches[n]->n_exemplars, 1);
	assert_true(budget_used(BUDGET_EXEMPLARS) > 0);
	press(percent(70));
	f->body = SV("# TYPE c counter\nc_total 2 # {trace=\"y\"} 6\n# EOF\n");
	next_of(f, 0);
	n = next_of(f, 0);
	assert_int_equal(f->scrape->shed, BUDGET_SHED_EXEMPLARS);
	assert_int_equal(budget_used(BUDGET_EXEMPLARS), 0);
	assert_int_equal(f->batches[n]->n_exemplars, 0);
	assert_true(farm_number(f, n, "c_total") == 2);
	assert_true(farm_number(f, n, "up") == 1);
}

static void new_series_go_then(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	next_of(f, 0);
	press(percent(80));
	f->body = SV("a 3\nb 4\nc 5\nd 6\n");
	next_of(f, 0);
	uint64_t told = f->told[REFUSED_NEW_SERIES].samples;
	size_t n = next_of(f, 0);
	assert_int_equal(f->scrape->shed, BUDGET_SHED_SERIES);
	assert_true(farm_number(f, n, "a") == 3 && farm_number(f, n, "b") == 4);
	assert_false(has(f, n, "c") || has(f, n, "d"));
	assert_true(farm_number(f, n, "up") == 1);
	assert_true(farm_number(f, n, "scrape_samples_post_metric_relabeling") == 4);
	assert_int_equal(f->told[REFUSED_NEW_SERIES].samples, told + 2);
	assert_int_equal(f->told[REFUSED_NEW_SERIES].scrapes, 0);
	assert_true(f->scrape->refused_new_series >= 2);
	/* They are taken as soon as there is room. */
	press(0);
	next_of(f, 0);
	n = next_of(f, 0);
	assert_true(farm_number(f, n, "c") == 5 && farm_number(f, n, "d") == 6);
}

/* One target may not take what the others need, however calm all is. */
static void one_target_has_its_share_of_series(void **state)
{
	struct farm *f = *state;
	enum { MANY = 3000 };
	char *page = many_series(MANY);
	press(percent(59)); /* still calm */
	budget_charge(BUDGET_PAGES, percent(41));
	f->body = sv_of(page);
	farm_sync(f, "j", LABELS(""));
	size_t n = next_of(f, 0);
	assert_int_equal(f->scrape->shed, BUDGET_CALM);
	uint64_t shed = f->told[REFUSED_NEW_SERIES].samples;
	assert_true(shed > 0 && shed < MANY);
	/* And the report. */
	assert_int_equal(f->batches[n]->n_samples + shed, MANY + 5);
	assert_true(farm_number(f, n, "up") == 1);
	f->body = SV("a 1\n");
	n = next_of(f, 0);
	budget_release(BUDGET_PAGES, percent(41));
	next_of(f, 0);
	free(page);
}

static void a_large_page_ends_in_quarantine(void **state)
{
	struct farm *f = *state;
	char *page = large_page(MiB(3));
	farm_sync(f, "j", LABELS(""));
	farm_sync(f, "k", LABELS(""));
	next_of(f, 0);
	press(percent(58));
	budget_charge(BUDGET_PAGES, percent(30));
	f->body = sv_of(page);
	while (!quarantine_is_in(target_of(f, 0)))
		farm_wait(f, f->n_batches + 1);
	struct target *t = target_of(f, 0);
	assert_true(f->told[REFUSED_MEMORY].scrapes >= 2);
	assert_int_equal(t->health, TARGET_DOWN);
	assert_non_null(strstr(t->last_error, "page is larger than memory allows"));
	assert_true(t->quarantine.pause_ms >= 2 * TURN_MS);
	/* Its turns are counted, up is 0, nobody asks it. */
	size_t n = next_of(f, 0);
	assert_true(farm_number(f, n, "up") == 0);
	assert_true(f->told[REFUSED_QUARANTINE].scrapes > 0);
	assert_non_null(strstr(t->last_error, "quarantined: page is larger than memory allows"));
	assert_non_null(strstr(t->last_error, "tried again in "));
	_cleanup_(freep) char *metrics = farm_metrics(f);
	assert_non_null(strstr(metrics, "ampagent_target_quarantined{scrape_pool=\"j\",target="));
	assert_non_null(strstr(metrics, "reason=\"quarantined\""));
	/* What is known of its series is forgotten. */
	assert_false(t->quarantine.held);
	assert_int_equal(t->owner->lines.n, 0);
	/* A longer pause each time. */
	int64_t pause = t->quarantine.pause_ms;
	while (t->quarantine.pause_ms == pause)
		farm_wait(f, f->n_batches + 1);
	assert_int_equal(t->quarantine.pause_ms, 2 * pause);
	/* Small again: it comes back. */
	f->body = SV("a 1\n");
	while (quarantine_is_in(t))
		farm_wait(f, f->n_batches + 1);
	n = next_of(f, 0);
	assert_true(farm_number(f, n, "a") == 1 && farm_number(f, n, "up") == 1);
	assert_int_equal(t->health, TARGET_UP);
	_cleanup_(freep) char *after = farm_metrics(f);
	assert_null(strstr(after, "ampagent_target_quarantined{scrape_pool=\"j\""));
	budget_release(BUDGET_PAGES, percent(30));
	free(page);
}

/* Once may be bad luck. */
static void one_large_page_is_forgiven(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	next_of(f, 0);
	struct target *t = target_of(f, 0);
	quarantine_strike(t, "too large");
	assert_false(quarantine_is_in(t));
	next_of(f, 0);
	quarantine_strike(t, "too large");
	assert_false(quarantine_is_in(t));
	quarantine_strike(t, "too large");
	assert_true(quarantine_is_in(t));
}

/* When nothing else helps. */
static void the_largest_target_goes_last(void **state)
{
	struct farm *f = *state;
	budget_set(4 << 20);
	char *page = many_series(1000);
	f->body = sv_of(page);
	farm_sync(f, "j", LABELS(""));
	next_of(f, 0);
	f->body = SV("a 1\n");
	farm_sync(f, "k", LABELS(""));
	next_of(f, 1);
	size_t before = target_of(f, 0)->owner->charged;
	assert_true(before > budget_total() / 32);
	press(percent(95));
	while (!quarantine_is_in(target_of(f, 0)))
		farm_wait(f, f->n_batches + 1);
	assert_false(quarantine_is_in(target_of(f, 1)));
	assert_non_null(strstr(target_of(f, 0)->quarantine.why, "most of the memory"));
	next_of(f, 0);
	assert_true(target_of(f, 0)->owner->charged < before / 2);
	press(0);
	while (quarantine_is_in(target_of(f, 0)))
		farm_wait(f, f->n_batches + 1);
	free(page);
}

static void without_a_limit_nothing_is_left_out(void **state)
{
	struct farm *f = *state;
	budget_set(0);
	char *page = large_page(MiB(3));
	press(MiB(4096));
	f->body = sv_of(page);
	farm_sync(f, "j", LABELS(""));
	size_t n = next_of(f, 0);
	assert_true(farm_number(f, n, "big") == 1);
	assert_int_equal(f->scrape->shed, BUDGET_CALM);
	f->body = SV("a 1\n");
	next_of(f, 0);
	free(page);
}

#define MEMORY_TEST(fn) cmocka_unit_test_setup_teardown(fn, limited_setup, limited_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MEMORY_TEST(metadata_goes_first_and_comes_back),
		MEMORY_TEST(exemplars_go_next),
		MEMORY_TEST(new_series_go_then),
		MEMORY_TEST(one_target_has_its_share_of_series),
		MEMORY_TEST(a_large_page_ends_in_quarantine),
		MEMORY_TEST(one_large_page_is_forgiven),
		MEMORY_TEST(the_largest_target_goes_last),
		MEMORY_TEST(without_a_limit_nothing_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
