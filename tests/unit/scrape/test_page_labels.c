/* Final labels of a series: joined, relabeled, checked. */
#include "world.h"

static void label_limits_refuse_all(void **state)
{
	struct world *w = *state;
	w->opt.label_limit = 3;
	assert_int_equal(scrape_page(w, "a 1"), 0);
	assert_int_equal(scrape_page(w, "a 1\nb{c=\"d\"} 1"), 1);
	assert_true(w->result.label_limit);
	w->opt.label_limit = 0;
	w->opt.label_value_length_limit = 3;
	assert_int_equal(scrape_page(w, "b{c=\"def\"} 1"), 0);
	assert_int_equal(scrape_page(w, "b{c=\"defg\"} 1"), 1);
	w->opt.label_value_length_limit = 0;
	w->opt.label_name_length_limit = 8;
	assert_int_equal(scrape_page(w, "b{cdefghij=\"d\"} 1"), 0);
	assert_int_equal(scrape_page(w, "b{cdefghijk=\"d\"} 1"), 1);
}

static void labels_that_clash_are_exported(void **state)
{
	struct world *w = *state;
	w->target = make_labels(&w->names,
				(const char *const[]){"exported_foo", "4", "foo", "3", NULL});
	scrape_page(w, "a{foo=\"1\",exported_foo=\"2\"} 1");
	assert_non_null(strstr(w->text.ptr, "exported_exported_exported_foo=2,exported_exported_"
					    "foo=1,exported_foo=4,foo=3, 1"));
	w->opt.honor_labels = true;
	scrape_page(w, "b{foo=\"1\",exported_foo=\"\"} 1");
	/* An exposed empty label keeps the target's out. */
	assert_non_null(strstr(w->text.ptr, "__name__=b,foo=1, 1"));
}

/* What is said to be empty once is taken away, however often it stands. */
static void an_empty_label_takes_its_like_along(void **state)
{
	struct world *w = *state;
	assert_int_equal(
		scrape_page(w, "a{x=\"1\",x=\"\"} 1\nb{x=\"\",y=\"2\",x=\"1\",x=\"3\"} 2\n"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b,y=2, 2\n");
	assert_int_equal(scrape_page(w, "a{x=\"\",x=\"\",y=\"1\",y=\"2\"} 1"), 1);
	w->opt.sample_limit = 1;
	assert_int_equal(scrape_page(w, "a 1\nb 1\nc{__name__=\"\"} 1\nd 1"), 1);
	assert_int_equal(w->result.scraped, 3);
}

static void many_labels_may_clash(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	struct label_builder b;
	buf_init(&page, KiB(64));
	label_builder_init(&b, &w->names);
	buf_printf(&page, "a{");
	for (int i = 0; i < 100; i++) {
		char name[16];
		snprintf(name, sizeof name, "l%d", i);
		label_builder_set(&b, sv_make(arena_strdup(&w->names, sv_of(name)), strlen(name)),
				  SV("t"));
		buf_printf(&page, "l%d=\"e\",", i);
	}
	assert_int_equal(label_builder_finish(&b, &w->names, &w->target), 0);
	buf_printf(&page, "} 1");
	_cleanup_(freep) char *text = buf_take(&page);
	scrape_page(w, text);
	assert_non_null(strstr(w->text.ptr, "exported_l0=e,"));
	assert_non_null(strstr(w->text.ptr, "exported_l99=e,"));
}

static void bad_names_refuse_the_page(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "a{__name__=\"x\"} 1"), 1);
	assert_int_equal(scrape_page(w, "m{le=\"600\",le=\"700\"} 1"), 1);
	assert_int_equal(scrape_page(w, "{\"\"} 1"), 1);
	assert_int_equal(scrape_page(w, "{\"m\",\"\"=\"x\"} 1"), 1);
	assert_int_equal(scrape_page(w, "{\"m.x\"} 1"), 0);
	w->opt.names = NAMES_LEGACY;
	assert_int_equal(scrape_page(w, "{\"m.y\"} 1"), 1);
}

static void relabeling_drops_and_rewrites(void **state)
{
	struct world *w = *state;
	struct sv name = LABEL_NAME;
	struct relabel_rule rules[2] = {relabel_rule_default(), relabel_rule_default()};
	rules[0].action = RELABEL_DROP;
	rules[0].source_labels = &name;
	rules[0].n_source_labels = 1;
	rules[0].regex = SV("go_.*");
	rules[0].regex_set = true;
	rules[1].action = RELABEL_LABELDROP;
	rules[1].regex = SV("x");
	rules[1].regex_set = true;
	size_t bad;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(rules, 2, NAMES_UTF8, &set, &bad, &w->err), 0);
	w->opt.metric_relabel = set;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scrape_page(w, "go_a 1\na{x=\"1\"} 2\na{x=\"2\"} 3\ngo_b 4"), 0);
		ASSERT_BATCH(w, "__name__=a, 2\n");
		assert_int_equal(w->result.duplicates, 1);
		assert_true(w->report[2] == 4 && w->report[3] == 2);
	}
}

static void too_many_labels_are_told(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, MiB(1));
	buf_printf(&page, "a 1\nb{");
	for (int i = 0; i < LIMIT_LABELS_COUNT; i++)
		buf_printf(&page, "l%d=\"x\",", i);
	buf_printf(&page, "} 1");
	_cleanup_(freep) char *text = buf_take(&page);
	for (int convert = 0; convert < 2; convert++) {
		w->opt.convert_to_nhcb = convert;
		assert_int_equal(scrape_page(w, text), 1);
		assert_string_equal(w->err.msg, "line 2: more than 1024 labels in one series");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(label_limits_refuse_all),
		TEST(labels_that_clash_are_exported),
		TEST(an_empty_label_takes_its_like_along),
		TEST(many_labels_may_clash),
		TEST(bad_names_refuse_the_page),
		TEST(relabeling_drops_and_rewrites),
		TEST(too_many_labels_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
