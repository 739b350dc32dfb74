/* Owners and what pools share. */
#include "farm.h"

enum {
	ORPHAN_LOOK_MS = 1500, /* longer than owners without a target are looked at */
	RELOAD_INTERVAL_MS = 250,
};

static void equal_labels_have_owners_of_their_own(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS("__tmp=1", "__tmp=2", "__tmp=3"));
	farm_wait(f, 3);
	assert_int_equal(f->scrape->n_owners, 3);
	struct target **t = farm_pool(f, 0)->targets;
	assert_true(labels_eq(t[0]->labels, t[1]->labels));
	assert_false(labels_eq(t[0]->owner->key, t[1]->owner->key));
	assert_false(labels_eq(t[1]->owner->key, t[2]->owner->key));
	struct owner *second = t[1]->owner;
	/* Who goes leaves a free place, the others stay where they are. */
	farm_sync(f, "j", LABELS("__tmp=1", "__tmp=3", "__tmp=4"));
	assert_int_equal(f->scrape->n_owners, 3);
	assert_ptr_equal(farm_pool(f, 0)->targets[2]->owner, second);
}

static void many_owners_come_and_go(void **state)
{
	struct farm *f = *state;
	struct owner *taken[300];
	struct target t = {.pool = farm_pool(f, 0), .interval_ms = 1, .hash = 1};
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, MiB(1));
	struct labels keys[300];
	for (int i = 0; i < 300; i++) {
		struct label_builder b;
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		label_builder_init(&b, &arena);
		label_builder_set(&b, SV("i"), sv_of(text));
		assert_int_equal(label_builder_finish(&b, &arena, &keys[i]), 0);
		taken[i] = scrape_take_owner(f->scrape, keys[i], 0);
		assert_non_null(taken[i]);
	}
	for (int i = 0; i < 300; i += 3)
		scrape_leave_owner(f->scrape, taken[i], &t, 0);
	assert_int_equal(f->scrape->n_orphans, 100);
	while (f->scrape->n_orphans > 0)
		farm_run(f, 100);
	assert_int_equal(f->scrape->n_owners, 200);
	for (int i = 0; i < 300; i++) {
		if (i % 3 == 0)
			continue;
		scrape_leave_owner(f->scrape, taken[i], &t, 0);
		assert_ptr_equal(scrape_take_owner(f->scrape, keys[i], 0), taken[i]);
	}
	assert_int_equal(f->scrape->n_orphans, 0);
}

static bool is_stale(const struct farm *f, size_t batch, const char *name)
{
	uint64_t bits;
	return farm_value(f, batch, name, &bits) == 0 && bits == VALUE_STALE_BITS;
}

/* A reload as the agent does it: jobs, then what discovery says of "j". The options given may be
 * freed as soon as the next ones are applied. */
static void reload(struct farm *f, const struct scrape_options *opt, const char *const *labels)
{
	assert_int_equal(scrape_apply(f->scrape, opt, 1, LABELS_NULL, &(struct scrape_features){0}),
			 0);
	farm_sync(f, "j", labels);
}

static struct scrape_options *options(const struct farm *f, uint64_t digest, uint64_t series)
{
	struct scrape_options *opt = malloc(sizeof *opt);
	assert_non_null(opt);
	*opt = f->opt[0];
	/* Names are where they will be freed, too. */
	opt->interval_ms = opt->timeout_ms = RELOAD_INTERVAL_MS;
	opt->job_name = sv_of(strdup("j"));
	opt->http.has_basic_auth = true;
	opt->http.username = sv_of(strdup("user"));
	opt->http.password = sv_of(strdup("password"));
	opt->digest = digest;
	opt->series_digest = series;
	return opt;
}

static void free_options(struct scrape_options *opt)
{
	free((char *)(uintptr_t)opt->job_name.ptr);
	free((char *)(uintptr_t)opt->http.username.ptr);
	free((char *)(uintptr_t)opt->http.password.ptr);
	free(opt);
}

static void an_unchanged_job_goes_on(void **state)
{
	struct farm *f = *state;
	struct scrape_options *one = options(f, 1, 1);
	reload(f, one, LABELS(""));
	farm_wait(f, 2);
	struct pool *p = farm_pool(f, 0);
	struct target *t = p->targets[0];
	struct http_client *client = t->client;
	double pools = metric_get(M_TARGET_SCRAPE_POOLS);
	double reloads = metric_get(M_TARGET_SCRAPE_POOL_RELOADS);
	/* In the middle of a scrape, over and over; each time the old options go. */
	for (int i = 0; i < 5; i++) {
		size_t n = f->n_batches;
		while (!t->transfer)
			farm_run(f, 1);
		struct http_transfer *transfer = t->transfer;
		struct scrape_options *same = options(f, 1, 1);
		reload(f, same, LABELS(""));
		free_options(one);
		one = same;
		assert_ptr_equal(farm_pool(f, 0), p);
		assert_ptr_equal(p->targets[0], t);
		assert_ptr_equal(t->client, client);
		assert_ptr_equal(t->transfer, transfer);
		farm_wait(f, n + 1);
		assert_non_null(strstr(f->headers, "Authorization: Basic dXNlcjpwYXNzd29yZA==\n"));
		assert_true(farm_number(f, n, "up") == 1);
		assert_true(farm_number(f, n, "scrape_series_added") == 0);
		assert_int_equal(f->batches[n]->n_samples, 7);
	}
	assert_true(metric_get(M_TARGET_SCRAPE_POOLS) == pools);
	assert_true(metric_get(M_TARGET_SCRAPE_POOL_RELOADS) == reloads);
	scrape_free(take_ptr(f->scrape));
	free_options(one);
}

/* Every sample is on the target's own grid, one an interval, whatever is applied meanwhile. */
static void an_unchanged_job_keeps_its_phase(void **state)
{
	struct farm *f = *state;
	struct scrape_options *one = options(f, 1, 1);
	reload(f, one, LABELS(""));
	farm_wait(f, 2);
	struct target *t = farm_pool(f, 0)->targets[0];
	int64_t at_ms = t->timer.at_ms;
	uint64_t seed = t->pool->seed;
	struct scrape_options *same = options(f, 1, 1);
	struct label_builder b;
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, MiB(1));
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("replica"), SV("2"));
	struct labels external;
	assert_int_equal(label_builder_finish(&b, &arena, &external), 0);
	assert_int_equal(scrape_apply(f->scrape, same, 1, external, &(struct scrape_features){0}),
			 0);
	/* Other external labels: only new jobs have other phases. */
	assert_true(f->scrape->offset_seed != seed);
	assert_true(t->pool->seed == seed);
	assert_true(t->timer.at_ms == at_ms);
	free_options(one);
	scrape_free(take_ptr(f->scrape));
	free_options(same);
}

/* Only the interval, a limit or the client differ: everything known of the series stays. */
static void a_compatible_change_is_no_event(void **state)
{
	struct farm *f = *state;
	struct scrape_options *one = options(f, 1, 1), *two = options(f, 2, 1);
	reload(f, one, LABELS(""));
	farm_wait(f, 2);
	struct owner *o = farm_pool(f, 0)->targets[0]->owner;
	uint32_t lines = o->lines.n;
	two->interval_ms = two->timeout_ms = RELOAD_INTERVAL_MS + 50;
	two->sample_limit = 100;
	size_t n = f->n_batches;
	double reloads = metric_get(M_TARGET_SCRAPE_POOL_RELOADS);
	reload(f, two, LABELS(""));
	free_options(one);
	assert_true(metric_get(M_TARGET_SCRAPE_POOL_RELOADS) == reloads + 1);
	assert_ptr_equal(farm_pool(f, 0)->targets[0]->owner, o);
	assert_int_equal(o->lines.n, lines);
	assert_int_equal(f->scrape->n_orphans, 0);
	farm_wait(f, n + 1);
	assert_true(farm_number(f, n, "scrape_series_added") == 0);
	assert_int_equal(f->batches[n]->n_defs, 0);
	assert_int_equal(f->batches[n]->n_samples, 7);
	/* No marker comes later either. */
	farm_run(f, ORPHAN_LOOK_MS);
	for (size_t i = n; i < f->n_batches; i++)
		assert_true(farm_number(f, i, "a") == 1 && farm_number(f, i, "up") == 1);
	scrape_free(take_ptr(f->scrape));
	free_options(two);
}

static struct relabel_set *drop_metric(const char *name)
{
	struct sv source = LABEL_NAME;
	struct relabel_rule rule = relabel_rule_default();
	rule.action = RELABEL_DROP;
	rule.source_labels = &source;
	rule.n_source_labels = 1;
	rule.regex = sv_of(name);
	rule.regex_set = true;
	size_t bad;
	struct relabel_set *set;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, &bad, NULL), 0);
	return set;
}

/* Lines are read by the new rules; what does not come back ends with its first page. */
static void an_incompatible_change_starts_anew(void **state)
{
	struct farm *f = *state;
	_cleanup_(relabel_unrefp) struct relabel_set *drop = drop_metric("a");
	struct scrape_options *one = options(f, 1, 1), *two = options(f, 2, 2);
	reload(f, one, LABELS(""));
	farm_wait(f, 2);
	two->metric_relabel = drop;
	size_t n = f->n_batches;
	int64_t last_ms = f->batches[n - 1]->t_ms;
	reload(f, two, LABELS(""));
	free_options(one);
	farm_wait(f, n + 2);
	assert_true(is_stale(f, n, "a"));
	assert_true(farm_number(f, n, "b") == 2 && farm_number(f, n, "up") == 1);
	assert_true(farm_number(f, n, "scrape_series_added") == 1);
	/* At the turn that the old target would have had, as an end of run. The last scrape may
	 * have been late, the turn is not. */
	assert_true(f->batches[n]->t_ms > last_ms + RELOAD_INTERVAL_MS / 2);
	uint64_t bits;
	assert_int_equal(farm_value(f, n + 1, "a", &bits), 1);
	assert_true(farm_number(f, n + 1, "b") == 2);
	scrape_free(take_ptr(f->scrape));
	free_options(two);
}

/* An incompatible change whose target does not come back: markers for all, report series too. */
static void a_changed_job_without_its_target_ends(void **state)
{
	struct farm *f = *state;
	struct scrape_options *one = options(f, 1, 1), *two = options(f, 2, 2);
	reload(f, one, LABELS(""));
	farm_wait(f, 2);
	size_t n = f->n_batches;
	reload(f, two, LABELS("other=1"));
	free_options(one);
	while (f->scrape->n_orphans > 0)
		farm_run(f, 50);
	size_t last = n;
	while (last < f->n_batches && !is_stale(f, last, "up"))
		last++;
	assert_true(last < f->n_batches);
	assert_true(is_stale(f, last, "a") && is_stale(f, last, "b"));
	assert_true(f->batches[last]->owner == f->batches[0]->owner);
	scrape_free(take_ptr(f->scrape));
	free_options(two);
}

static void a_removed_job_ends(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	size_t n = f->n_batches;
	assert_int_equal(
		scrape_apply(f->scrape, f->opt + 1, 1, LABELS_NULL, &(struct scrape_features){0}),
		0);
	assert_int_equal(f->scrape->n_pools, 1);
	farm_wait(f, n + 1);
	assert_true(is_stale(f, n, "a") && is_stale(f, n, "up"));
	farm_run(f, 3 * FARM_INTERVAL_MS);
	assert_int_equal(f->n_batches, n + 1);
}

/* The scrape that a change cuts off is made up for at once. */
static void a_cut_off_scrape_is_made_again(void **state)
{
	struct farm *f = *state;
	struct scrape_options *one = options(f, 1, 1), *two = options(f, 2, 1);
	one->interval_ms = two->interval_ms = 2000;
	one->timeout_ms = two->timeout_ms = 2000;
	f->hang = true;
	reload(f, one, LABELS(""));
	while (f->requests == 0)
		farm_run(f, 10);
	assert_int_equal(scrape_in_flight(f->scrape), 1);
	f->hang = false;
	int64_t now = loop_now_ms(f->loop);
	reload(f, two, LABELS(""));
	free_options(one);
	assert_int_equal(scrape_in_flight(f->scrape), 0);
	farm_wait(f, 1);
	assert_true(loop_now_ms(f->loop) - now < 1500);
	assert_true(farm_number(f, 0, "up") == 1);
	scrape_free(take_ptr(f->scrape));
	free_options(two);
}

/* Held jobs end what they have begun and begin nothing; the turn that they miss comes at once. */
static void a_held_job_ends_its_scrapes(void **state)
{
	struct farm *f = *state;
	struct scrape_options *one = options(f, 1, 1), *two = options(f, 2, 1);
	one->interval_ms = one->timeout_ms = two->interval_ms = two->timeout_ms = 1000;
	f->hang = true;
	reload(f, one, LABELS(""));
	assert_int_equal(scrape_hold(f->scrape, one, 1), 0);
	while (f->requests == 0)
		farm_run(f, 10);
	/* Unchanged, it is not waited for. */
	assert_int_equal(scrape_hold(f->scrape, one, 1), 0);
	assert_int_equal(scrape_hold(f->scrape, two, 1), 1);
	assert_int_equal(f->n_batches, 0);
	f->hang = false;
	while (scrape_hold(f->scrape, two, 1) > 0)
		farm_run(f, 10);
	/* It timed out, in its own time and by its own rules. */
	assert_int_equal(f->n_batches, 1);
	assert_true(farm_number(f, 0, "up") == 0);
	farm_run(f, 300);
	assert_int_equal(f->requests, 1);
	reload(f, two, LABELS(""));
	free_options(one);
	int64_t now = loop_now_ms(f->loop);
	farm_wait(f, 2);
	assert_true(loop_now_ms(f->loop) - now < 500);
	assert_true(farm_number(f, 1, "up") == 1);
	farm_wait(f, 3);
	scrape_free(take_ptr(f->scrape));
	free_options(two);
}

static void a_failure_log_must_be_openable(void **state)
{
	struct farm *f = *state;
	struct err err = ERR_NULL;
	assert_int_equal(scrape_check(f->opt, FARM_JOBS, &err), 0);
	f->opt[1].failure_log_file = SV("/nonexistent/failures.log");
	assert_int_equal(scrape_check(f->opt, FARM_JOBS, &err), 1);
	assert_non_null(strstr(err.msg, "/nonexistent/failures.log"));
}

static void unknown_jobs_are_ignored(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "nobody", LABELS(""));
	assert_int_equal(f->scrape->n_owners, 0);
}

static void page_memory_is_kept_small(void **state)
{
	struct farm *f = *state;
	struct buf *bufs[SPARE_BUFS + 2];
	for (size_t i = 0; i < SPARE_BUFS + 2; i++) {
		bufs[i] = scrape_take_buf(f->scrape);
		assert_non_null(bufs[i]);
		assert_int_equal(buf_reserve(bufs[i], KiB(100)), 0);
	}
	for (size_t i = 0; i < SPARE_BUFS + 2; i++)
		scrape_return_buf(f->scrape, bufs[i]);
	assert_int_equal(f->scrape->n_spare, SPARE_BUFS);
	size_t held = 0;
	for (size_t i = 0; i < SPARE_BUFS; i++)
		held += f->scrape->spare[i]->cap;
	assert_true(held >= KiB(100) && held < KiB(200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(equal_labels_have_owners_of_their_own),
		FARM_TEST(many_owners_come_and_go),
		FARM_TEST(an_unchanged_job_goes_on),
		FARM_TEST(an_unchanged_job_keeps_its_phase),
		FARM_TEST(a_compatible_change_is_no_event),
		FARM_TEST(an_incompatible_change_starts_anew),
		FARM_TEST(a_changed_job_without_its_target_ends),
		FARM_TEST(a_removed_job_ends),
		FARM_TEST(a_cut_off_scrape_is_made_again),
		FARM_TEST(a_held_job_ends_its_scrapes),
		FARM_TEST(a_failure_log_must_be_openable),
		FARM_TEST(unknown_jobs_are_ignored),
		FARM_TEST(page_memory_is_kept_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
