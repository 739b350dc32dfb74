/* From discovery's labels to a target. */
#include "../../../scrape/target.h"

#include "target_parts.h"

static enum target_verdict make_one(const struct scrape_options *opt, const char *const *group,
				    const char *const *entry, struct target **out, struct err *err)
{
	static const char *const none[] = {NULL};
	_cleanup_(arena_deinit) struct arena arena;
	_cleanup_(arena_deinit) struct arena scratch;
	arena_init(&arena, MiB(1));
	arena_init(&scratch, MiB(1));
	struct labels g = make_labels(&arena, group ? group : none);
	struct labels e = make_labels(&arena, entry);
	return target_make(opt, NULL, g, e, &scratch, out, err);
}

static void assert_label(struct labels set, const char *name, const char *value)
{
	struct sv v = labels_get(set, sv_of(name));
	if (!sv_eq(v, sv_of(value)))
		fail_msg("%s is \"%.*s\", not \"%s\"", name, SV_ARG(v), value);
}

static void fills_in_defaults(void **state)
{
	struct scrape_options opt = options();
	_cleanup_(target_freep) struct target *t = NULL;
	assert_int_equal(make_one(&opt, PAIRS("env", "prod", "x", "group"),
				  PAIRS("__address__", "h:1", "x", "own"), &t, NULL),
			 TARGET_MADE);
	assert_string_equal(t->url, "http://h:1/metrics");
	assert_label(t->labels, "job", "j");
	assert_label(t->labels, "instance", "h:1");
	assert_label(t->labels, "env", "prod");
	assert_label(t->labels, "x", "own");
	assert_int_equal(labels_count(t->labels), 4);
	assert_label(t->discovered, "__scrape_interval__", "15s");
	assert_label(t->discovered, "__scrape_timeout__", "10s");
	assert_int_equal(t->interval_ms, 15000);
}

static void no_port_is_added(void **state)
{
	struct scrape_options opt = options();
	_cleanup_(target_freep) struct target *t = NULL;
	assert_int_equal(make_one(&opt, NULL, PAIRS("__address__", "h"), &t, NULL), TARGET_MADE);
	assert_string_equal(t->url, "http://h/metrics");
	assert_label(t->labels, "instance", "h");
}

static void parameters_make_the_query(void **state)
{
	struct scrape_options opt = options();
	struct sv collect[] = {SV("cpu"), SV("mem &")};
	struct sv z[] = {SV("1")};
	struct scrape_param params[] = {{SV("z"), z, 1}, {SV("collect[]"), collect, 2}};
	opt.params = params;
	opt.n_params = 2;
	_cleanup_(target_freep) struct target *t = NULL;
	assert_int_equal(make_one(&opt, NULL,
				  PAIRS("__address__", "h:1", "__param_collect[]", "disk",
					"__param_extra", "e", "__metrics_path__", "a b?c"),
				  &t, NULL),
			 TARGET_MADE);
	assert_string_equal(
		t->url,
		"http://h:1/a%20b%3Fc?collect%5B%5D=disk&collect%5B%5D=mem+%26&extra=e&z=1");
}

static void refuses_what_cannot_be_scraped(void **state)
{
	static const struct {
		const char *pairs[5];
		const char *why;
	} cases[] = {
		{{"x", "y", NULL}, "no address"},
		{{"__address__", "a/b", NULL}, "not a valid hostname"},
		{{"__address__", "u:secret@a", NULL}, "basic_auth"},
		{{"__address__", "a", "__scrape_interval__", "x", NULL}, "not a duration"},
		{{"__address__", "a", "__scrape_interval__", "0s", NULL}, "cannot be 0"},
		{{"__address__", "a", "__scrape_timeout__", "16s", NULL},
		 "greater than scrape interval"},
		{{"__address__", "a", "__scrape_native_histograms__", "maybe", NULL},
		 "not a boolean"},
		{{"__address__", "a", "l", "\xff", NULL}, "not UTF-8"},
	};
	struct scrape_options opt = options();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = ERR_NULL;
		struct target *t = NULL;
		assert_int_equal(make_one(&opt, NULL, cases[i].pairs, &t, &err), TARGET_REFUSED);
		assert_non_null(strstr(err.msg, cases[i].why));
		assert_null(strstr(err.msg, "secret"));
	}
}

static void relabeling_shapes_targets(void **state)
{
	struct scrape_options opt = options();
	struct sv meta = SV("__meta_port");
	struct relabel_rule rules[2] = {relabel_rule_default(), relabel_rule_default()};
	rules[0].action = RELABEL_DROP;
	rules[0].source_labels = &meta;
	rules[0].n_source_labels = 1;
	rules[0].regex = SV("no");
	rules[0].regex_set = true;
	rules[1].source_labels = &meta;
	rules[1].n_source_labels = 1;
	rules[1].target_label = SV("port");
	size_t bad;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(rules, 2, NAMES_UTF8, &set, &bad, NULL), 0);
	opt.relabel = set;
	_cleanup_(target_freep) struct target *t = NULL;
	assert_int_equal(
		make_one(&opt, NULL, PAIRS("__address__", "h:1", "__meta_port", "9"), &t, NULL),
		TARGET_MADE);
	assert_label(t->labels, "port", "9");
	assert_label(t->all, "__meta_port", "");
	_cleanup_(target_freep) struct target *dropped = NULL;
	assert_int_equal(make_one(&opt, NULL, PAIRS("__address__", "h:1", "__meta_port", "no"),
				  &dropped, NULL),
			 TARGET_DROPPED);
	assert_label(dropped->discovered, "__meta_port", "no");
}

/* Loopback addresses are local unless relabeling says otherwise. */
static void which_are_local(void **state)
{
	static const struct {
		const char *address, *said;
		bool local;
	} cases[] = {
		{"localhost:9090", "", true},
		{"LocalHost", "", true},
		{"127.0.0.1:80", "", true},
		{"127.9.8.7", "", true},
		{"[::1]:80", "", true},
		{"[::1]", "", true},
		{"::1", "", true},
		{"[::ffff:127.0.0.1]:80", "", true},
		{"[::ffff:10.0.0.1]:80", "", false},
		{"128.0.0.1:80", "", false},
		{"127.0.0.1.example:80", "", false},
		{"10.0.0.1:127", "", false},
		{"[2001:db8::1]:80", "", false},
		{"[", "", false},
		{"localhost.example:80", "", false},
		{"127.0.0.1:80", "false", false},
		{"10.0.0.1:80", "true", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scrape_options opt = options();
		_cleanup_(target_freep) struct target *t = NULL;
		struct err err = ERR_NULL;
		assert_int_equal(make_one(&opt, NULL,
					  PAIRS("__address__", cases[i].address,
						"__ampagent_local__", cases[i].said),
					  &t, &err),
				 TARGET_MADE);
		if (t->local != cases[i].local)
			fail_msg("%s", cases[i].address);
		assert_int_equal(labels_get(t->labels, SV("__ampagent_local__")).len, 0);
	}
	struct scrape_options opt = options();
	struct target *t = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(make_one(&opt, NULL,
				  PAIRS("__address__", "h:1", "__ampagent_local__", "maybe"), &t,
				  &err),
			 TARGET_REFUSED);
	assert_string_equal(err.msg, "__ampagent_local__ is not a boolean: \"maybe\"");
}

static void identity_is_labels_and_url(void **state)
{
	struct scrape_options opt = options();
	_cleanup_(target_freep) struct target *a = NULL;
	_cleanup_(target_freep) struct target *b = NULL;
	_cleanup_(target_freep) struct target *c = NULL;
	make_one(&opt, NULL, PAIRS("__address__", "h:1", "__tmp_x", "1"), &a, NULL);
	make_one(&opt, NULL, PAIRS("__address__", "h:1", "__tmp_x", "2"), &b, NULL);
	make_one(&opt, NULL, PAIRS("__address__", "h:1", "__tmp_x", "1", "__meta_y", "z"), &c,
		 NULL);
	assert_true(a->hash != b->hash);
	assert_true(a->hash == c->hash);
}

/* The job's word on histograms, unless the target's labels have another. */
static void histograms_by_job_and_target(void **state)
{
	static const struct {
		bool job;
		const char *label;
		bool expected;
	} cases[] = {{false, "", false}, {true, "", true},      {true, "f", false},
		     {false, "1", true}, {false, "True", true}, {true, "FALSE", false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scrape_options opt = options();
		opt.native_histograms = opt.always_classic_histograms = opt.convert_to_nhcb =
			cases[i].job;
		_cleanup_(target_freep) struct target *t = NULL;
		assert_int_equal(
			make_one(&opt, NULL,
				 PAIRS("__address__", "a", "__scrape_native_histograms__",
				       cases[i].label, "__always_scrape_classic_histograms__",
				       cases[i].label, "__convert_classic_histograms_to_nhcb__",
				       cases[i].label),
				 &t, NULL),
			TARGET_MADE);
		assert_true(t->native_histograms == cases[i].expected);
		assert_true(t->always_classic_histograms == cases[i].expected);
		assert_true(t->convert_to_nhcb == cases[i].expected);
	}
	/* Each label is of its own switch. */
	struct scrape_options opt = options();
	_cleanup_(target_freep) struct target *t = NULL;
	make_one(&opt, NULL,
		 PAIRS("__address__", "a", "__always_scrape_classic_histograms__", "true"), &t,
		 NULL);
	assert_true(!t->native_histograms && t->always_classic_histograms && !t->convert_to_nhcb);
	assert_label(t->all, "__scrape_native_histograms__", "false");
}

/* Interval and timeout are no part of what a page is; all else is. */
static void pages_are_the_same_at_any_interval(void **state)
{
	struct scrape_options opt = options(), slow = options();
	slow.interval_ms = 60000;
	slow.timeout_ms = 60000;
	_cleanup_(target_freep) struct target *a = NULL;
	_cleanup_(target_freep) struct target *b = NULL;
	_cleanup_(target_freep) struct target *c = NULL;
	make_one(&opt, NULL, PAIRS("__address__", "a"), &a, NULL);
	make_one(&slow, NULL, PAIRS("__address__", "a"), &b, NULL);
	make_one(&opt, NULL, PAIRS("__address__", "a", "__tmp", "x"), &c, NULL);
	assert_true(a->hash != b->hash && a->page_hash == b->page_hash);
	assert_true(a->page_hash != c->page_hash && a->page_hash != 0);
}

static void the_phase_is_fixed(void **state)
{
	struct scrape_options opt = options();
	_cleanup_(target_freep) struct target *t = NULL;
	make_one(&opt, NULL, PAIRS("__address__", "h:1"), &t, NULL);
	int64_t phase = (1000000 + target_offset_ms(t, 7, 1000000)) % t->interval_ms;
	for (int64_t now = 999000; now < 1040000; now += 137) {
		int64_t wait = target_offset_ms(t, 7, now);
		assert_true(wait > 0 && wait <= t->interval_ms);
		assert_int_equal((now + wait) % t->interval_ms, phase);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_defaults),
		cmocka_unit_test(no_port_is_added),
		cmocka_unit_test(parameters_make_the_query),
		cmocka_unit_test(refuses_what_cannot_be_scraped),
		cmocka_unit_test(relabeling_shapes_targets),
		cmocka_unit_test(which_are_local),
		cmocka_unit_test(identity_is_labels_and_url),
		cmocka_unit_test(histograms_by_job_and_target),
		cmocka_unit_test(pages_are_the_same_at_any_interval),
		cmocka_unit_test(the_phase_is_fixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
