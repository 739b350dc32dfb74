/* Relabeling against recorded answers of Prometheus itself, and what the recording cannot show. */
#include <ampagent/base/file.h>
#include <ampagent/base/text.h>
#include <ampagent/model/relabel.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { RULES_MAX = 8, SOURCES_MAX = 8 };

static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena, MiB(64));
	return 0;
}

static int teardown(void **state)
{
	arena_deinit(&arena);
	return 0;
}

static bool cut(struct sv *rest, char sep, struct sv *out)
{
	if (rest->len == 0)
		return false;
	size_t at = sv_find(*rest, sep);
	*out = sv_make(rest->ptr, at);
	*rest = sv_from(*rest, at + 1);
	return true;
}

static struct sv decoded(struct sv s)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	assert_int_equal(url_decode(&out, s, false), 0);
	return arena_dup(&arena, buf_view(&out));
}

static struct labels labels_of(struct sv text)
{
	struct label_builder b;
	struct sv pair, name;
	struct labels set;
	label_builder_init(&b, &arena);
	if (sv_eq(text, SV("-")))
		text = SV_NULL;
	while (cut(&text, '&', &pair)) {
		assert_true(cut(&pair, '=', &name));
		label_builder_set(&b, decoded(name), decoded(pair));
	}
	assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
	return set;
}

static void set_field(struct relabel_rule *r, char key, struct sv value)
{
	switch (key) {
	case 'a':
		assert_int_equal(relabel_action_parse(value, &r->action), 0);
		return;
	case 's':
		assert_true(r->n_source_labels < SOURCES_MAX);
		r->source_labels[r->n_source_labels++] = value;
		r->source_labels_set = true;
		return;
	case 'j':
		r->separator = value;
		r->separator_set = true;
		return;
	case 'x':
		r->regex = value;
		r->regex_set = true;
		return;
	case 't':
		r->target_label = value;
		return;
	case 'r':
		r->replacement = value;
		r->replacement_set = true;
		return;
	case 'm':
		assert_int_equal(sv_to_u64(value, &r->modulus), 0);
		return;
	default:
		fail();
	}
}

static size_t rules_of(struct sv text, struct relabel_rule *rules)
{
	struct sv one, pair, key;
	size_t n = 0;
	while (cut(&text, ';', &one)) {
		assert_true(n < RULES_MAX);
		rules[n] = relabel_rule_default();
		rules[n].source_labels = arena_calloc(&arena, SOURCES_MAX, sizeof(struct sv));
		while (cut(&one, '&', &pair)) {
			assert_true(cut(&pair, '=', &key));
			set_field(&rules[n], key.ptr[0], decoded(pair));
		}
		n++;
	}
	return n;
}

/* message is what Prometheus says, "-" where it is the regex library's own wording. */
static bool refusal_is(struct sv verdict, struct sv message, size_t bad, const struct err *err)
{
	char want[32];
	snprintf(want, sizeof want, "refuse:%zu", bad);
	return sv_eq(verdict, sv_of(want)) &&
	       (sv_eq(message, SV("-")) || sv_eq(decoded(message), sv_of(err->msg)));
}

/* One rule after the other comes to the same. */
static bool same_by_single_rules(const struct relabel_set *set, struct labels before,
				 const struct label_builder *whole, bool kept)
{
	struct label_builder b;
	bool keep = true;
	label_builder_init(&b, &arena);
	label_builder_load(&b, before);
	for (size_t i = 0; i < relabel_count(set) && keep; i++)
		keep = relabel_apply_one(set, i, &b);
	bool same = keep == kept && b.n == whole->n;
	for (size_t i = 0; same && i < b.n; i++)
		same = sv_eq(b.v[i].name, whole->v[i].name) &&
		       sv_eq(b.v[i].value, whole->v[i].value);
	return same;
}

static bool replay(struct sv line, struct err *err)
{
	struct relabel_rule rules[RULES_MAX];
	struct sv scheme, before, rule_text, verdict;
	struct label_builder b;
	struct labels got;
	size_t bad = 99;
	assert_true(cut(&line, ' ', &scheme) && cut(&line, ' ', &before) &&
		    cut(&line, ' ', &rule_text) && cut(&line, ' ', &verdict));
	size_t n = rules_of(rule_text, rules);
	enum name_scheme names = sv_eq(scheme, SV("legacy")) ? NAMES_LEGACY : NAMES_UTF8;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	if (relabel_compile(rules, n, names, &set, &bad, err) != 0)
		return refusal_is(verdict, line, bad, err);
	label_builder_init(&b, &arena);
	label_builder_load(&b, labels_of(before));
	bool keep = relabel_apply(set, &b);
	assert_false(b.failed);
	assert_true(same_by_single_rules(set, labels_of(before), &b, keep));
	if (!keep)
		return sv_eq(verdict, SV("drop"));
	/* A label without a name, which labelmap can make, is kept until the set is finished. */
	if (sv_starts_with(line, SV("=")))
		return sv_eq(verdict, SV("keep")) && label_builder_finish(&b, &arena, &got) == 1;
	return sv_eq(verdict, SV("keep")) && label_builder_finish(&b, &arena, &got) == 0 &&
	       labels_eq(got, labels_of(line));
}

static void test_vectors(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct err err = ERR_NULL;
	struct sv line;
	const char *path = getenv("RELABEL_VECTORS");
	size_t n = 0, wrong = 0;
	buf_init(&text, MiB(64));
	assert_int_equal(file_read(path ? path : RELABEL_VECTORS, &text, &err), 0);
	for (struct sv rest = buf_view(&text); cut(&rest, '\n', &line);) {
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		err = ERR_NULL;
		arena_reset(&arena);
		n++;
		if (replay(line, &err))
			continue;
		print_message("differs: %.*s (%s)\n", SV_ARG(line), err.msg);
		wrong++;
	}
	assert_true(n >= 400);
	assert_int_equal(wrong, 0);
}

static void test_actions_have_names(void **state)
{
	for (enum relabel_action a = RELABEL_REPLACE; a <= RELABEL_LABELKEEP; a++) {
		enum relabel_action back;
		assert_int_equal(relabel_action_parse(sv_of(relabel_action_name(a)), &back), 0);
		assert_int_equal(back, a);
	}
	enum relabel_action a = RELABEL_DROP;
	assert_int_equal(relabel_action_parse(SV("KeepEqual"), &a), 0);
	assert_int_equal(a, RELABEL_KEEPEQUAL);
	assert_int_equal(relabel_action_parse(SV("keeps"), &a), 1);
	assert_int_equal(relabel_action_parse(SV(""), &a), 1);
}

static void test_no_rules_keep(void **state)
{
	struct relabel_set *set = (struct relabel_set *)8;
	struct label_builder b;
	label_builder_init(&b, &arena);
	assert_int_equal(relabel_compile(NULL, 0, NAMES_UTF8, &set, NULL, NULL), 0);
	assert_null(set);
	assert_true(relabel_apply(set, &b));
	assert_int_equal(relabel_count(set), 0);
	relabel_unref(set);
}

/* The set keeps nothing of the rules it was given, and lives as long as its last reference. */
static void test_set_owns_its_texts(void **state)
{
	char source[] = "a", regex[] = "(x)(y)", target[] = "t", replacement[] = "$2$1";
	struct sv sources[] = {SV_NULL};
	sources[0] = sv_of(source);
	struct relabel_rule r = relabel_rule_default();
	struct relabel_set *set = NULL;
	r.source_labels = sources;
	r.n_source_labels = 1;
	r.regex = sv_of(regex);
	r.target_label = sv_of(target);
	r.replacement = sv_of(replacement);
	assert_int_equal(relabel_compile(&r, 1, NAMES_UTF8, &set, NULL, NULL), 0);
	source[0] = regex[1] = target[0] = replacement[1] = '?';
	assert_ptr_equal(relabel_ref(set), set);
	relabel_unref(set);
	struct label_builder b;
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("a"), SV("xy"));
	assert_true(relabel_apply(set, &b));
	assert_true(sv_eq(label_builder_get(&b, SV("t")), SV("yx")));
	assert_int_equal(relabel_count(set), 1);
	assert_true(sv_eq(relabel_rule_at(set, 0)->regex, SV("(x)(y)")));
	relabel_unref(set);
}

/* A replacement that doubles its label thirty times must end in a failure, not in gigabytes. */
static void test_growth_is_bounded(void **state)
{
	struct sv source = SV("a");
	struct relabel_rule rules[30];
	struct label_builder b;
	for (size_t i = 0; i < 30; i++) {
		rules[i] = relabel_rule_default();
		rules[i].source_labels = &source;
		rules[i].n_source_labels = 1;
		rules[i].target_label = SV("a");
		rules[i].replacement = SV("$1$1");
	}
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	_cleanup_(arena_deinit) struct arena small = ARENA_NULL;
	assert_int_equal(relabel_compile(rules, 30, NAMES_UTF8, &set, NULL, NULL), 0);
	arena_init(&small, KiB(64));
	label_builder_init(&b, &small);
	label_builder_set(&b, SV("a"), SV("0123456789"));
	assert_true(relabel_apply(set, &b));
	assert_true(b.failed);
}

/* Labels with empty values, as parsers push them, are not there. */
static void test_empty_values_are_absent(void **state)
{
	struct relabel_rule rule = relabel_rule_default();
	struct label_builder b;
	rule.action = RELABEL_LABELMAP;
	rule.regex = SV("x_(.*)");
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, NULL, NULL), 0);
	label_builder_init(&b, &arena);
	label_builder_push(&b, SV("a"), SV("kept"));
	label_builder_push(&b, SV("x_a"), SV(""));
	assert_true(relabel_apply(set, &b));
	assert_true(sv_eq(label_builder_get(&b, SV("a")), SV("kept")));
}

static void test_source_label_names(void **state)
{
	struct err err = ERR_NULL;
	struct sv source = SV("");
	struct relabel_rule r = relabel_rule_default();
	struct relabel_set *set = NULL;
	r.source_labels = &source;
	r.n_source_labels = 1;
	r.target_label = SV("t");
	assert_int_equal(relabel_compile(&r, 1, NAMES_UTF8, &set, NULL, &err), 1);
	assert_string_equal(err.msg, "\"\" is not a valid label name");
	assert_null(set);
}

static void test_regex_check(void **state)
{
	struct err err = ERR_NULL;
	assert_int_equal(relabel_regex_check(SV("a|b.*[c]"), &err), 0);
	assert_int_equal(relabel_regex_check(SV("a[b"), &err), 1);
	assert_non_null(strstr(err.msg, "error parsing regexp: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
		cmocka_unit_test(test_actions_have_names),
		cmocka_unit_test_setup_teardown(test_no_rules_keep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_owns_its_texts, setup, teardown),
		cmocka_unit_test(test_growth_is_bounded),
		cmocka_unit_test_setup_teardown(test_empty_values_are_absent, setup, teardown),
		cmocka_unit_test(test_source_label_names),
		cmocka_unit_test(test_regex_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
