/* scrape_check_target: what can be scraped, what is dropped, what is refused and why. */
#include "target_parts.h"

#include <ampagent/base/arena.h>
#include <ampagent/base/limits.h>

static int check(const struct scrape_options *opt, const char *address, const char *path,
		 struct err *err)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder b;
	struct labels entry, group;
	arena_init(&arena, MiB(1));
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("__address__"), sv_of(address));
	assert_int_equal(label_builder_finish(&b, &arena, &entry), 0);
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("__scrape_interval__"), sv_of(path));
	assert_int_equal(label_builder_finish(&b, &arena, &group), 0);
	*err = ERR_NULL;
	return scrape_check_target(opt, NULL, group, entry, err);
}

/* With an identity: whether the task may have it; one that waits may. */
static void test_identity(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	const struct scrape_options opt = options();
	const struct sv unique = SV("t1");
	struct identity id = {.mode = IDENTITY_STRICT, .unique = &unique, .n_unique = 1};
	struct label_builder b;
	struct labels entry;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(1));
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("__address__"), SV("localhost:80"));
	assert_int_equal(label_builder_finish(&b, &arena, &entry), 0);
	assert_int_equal(scrape_check_target(&opt, &id, LABELS_NULL, entry, &err), 0);
	id.known = true;
	assert_int_equal(scrape_check_target(&opt, &id, LABELS_NULL, entry, &err), 1);
	assert_non_null(strstr(err.msg, "localhost:80"));
	id.mode = IDENTITY_AUTO;
	id.task_id = unique;
	assert_int_equal(scrape_check_target(&opt, &id, LABELS_NULL, entry, &err), 0);
}

static void test_targets(void **state)
{
	const struct scrape_options opt = options();
	struct err err;
	assert_int_equal(check(&opt, "a:1", "15s", &err), 0);
	assert_int_equal(check(&opt, "http://a/b", "15s", &err), 1);
	assert_non_null(strstr(err.msg, "http://a/b"));
	assert_int_equal(check(&opt, "", "15s", &err), 1);
	assert_true(err.msg[0] != '\0');
	assert_int_equal(check(&opt, "a:1", "often", &err), 1);
	assert_int_equal(check(&opt, "a:1", "5s", &err), 1); /* below the timeout */
}

/* What is dropped needs no address. */
static void test_dropped(void **state)
{
	struct scrape_options opt = options();
	struct sv source = SV("__address__");
	struct relabel_rule rule = relabel_rule_default();
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	struct err err;
	size_t bad;
	rule.action = RELABEL_DROP;
	rule.source_labels = &source;
	rule.n_source_labels = 1;
	rule.regex = SV("http.*");
	rule.regex_set = true;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, &bad, &err), 0);
	opt.relabel = set;
	assert_int_equal(check(&opt, "http://a/b", "15s", &err), 0);
	assert_int_equal(check(&opt, "a/b", "15s", &err), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_identity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
