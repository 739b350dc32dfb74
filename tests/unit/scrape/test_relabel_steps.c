/* What each rule does to labels, as the API tells it. */
#include "farm.h"

static char *steps(struct farm *f, const char *labels, struct err *err)
{
	struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	struct json_writer w = {.out = &out};
	if (scrape_relabel_steps_json(f->scrape, &w, SV("j"), sv_of(labels), err) != 0)
		assert_int_equal(out.len, 0);
	return buf_take(&out);
}

static void expect(struct farm *f, const char *labels, const char *expected)
{
	struct err err = ERR_NULL;
	_cleanup_(freep) char *json = steps(f, labels, &err);
	assert_string_equal(err.msg, "");
	assert_string_equal(json, expected);
}

static void rules(struct farm *f, const struct relabel_rule *v, size_t n)
{
	size_t bad;
	struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(v, n, NAMES_UTF8, &set, &bad, NULL), 0);
	f->opt[0].relabel = set;
}

static void without_rules(void **state)
{
	expect(*state, "{\"a\":\"1\"}", "{\"steps\":[]}");
}

#define DROP                                                                                       \
	"{\"source_labels\":[\"drop\",\"x\"],\"separator\":\";\",\"regex\":\"yes;.*\","            \
	"\"replacement\":\"$1\",\"action\":\"drop\"}"
#define MODULUS                                                                                    \
	"{\"source_labels\":[\"a\"],\"separator\":\";\",\"regex\":\"(.*)\",\"modulus\":4,"         \
	"\"target_label\":\"h\",\"replacement\":\"$1\",\"action\":\"hashmod\"}"
#define LABELDROP                                                                                  \
	"{\"separator\":\";\",\"regex\":\"drop\",\"replacement\":\"$1\",\"action\":\"labeldrop\"}"

static void each_rule_and_what_it_leaves(void **state)
{
	struct farm *f = *state;
	struct sv sources[] = {SV("drop"), SV("x"), SV("a")};
	struct relabel_rule v[3] = {relabel_rule_default(), relabel_rule_default(),
				    relabel_rule_default()};
	v[0].action = RELABEL_DROP;
	v[0].source_labels = sources;
	v[0].n_source_labels = 2;
	v[0].regex = SV("yes;.*");
	v[1].action = RELABEL_HASHMOD;
	v[1].source_labels = &sources[2];
	v[1].n_source_labels = 1;
	v[1].modulus = 4;
	v[1].target_label = SV("h");
	v[2].action = RELABEL_LABELDROP;
	v[2].regex = SV("drop");
	rules(f, v, 3);
	_cleanup_(relabel_unrefp) struct relabel_set *set = f->opt[0].relabel;
	expect(f, "{\"drop\":\"no\",\"a\":\"h:1\"}",
	       "{\"steps\":[{\"rule\":" DROP ",\"output\":{\"a\":\"h:1\",\"drop\":\"no\"},"
	       "\"keep\":true},{\"rule\":" MODULUS ",\"output\":{\"a\":\"h:1\",\"drop\":\"no\","
	       "\"h\":\"3\"},\"keep\":true},{\"rule\":" LABELDROP
	       ",\"output\":{\"a\":\"h:1\",\"h\":\"3\"},\"keep\":true}]}");
	expect(f, "{\"drop\":\"yes\"}",
	       "{\"steps\":[{\"rule\":" DROP ",\"output\":{},\"keep\":false},{\"rule\":" MODULUS
	       ",\"output\":{},\"keep\":false},{\"rule\":" LABELDROP
	       ",\"output\":{},\"keep\":false}]}");
	/* No label, an empty one, and null are the same; of a name given twice the last counts. */
	static const char *const none[] = {"null", "{}", " {\"b\":\"\"} ", "{\"b\":null}",
					   "{\"b\":\"1\",\"b\":\"\"}"};
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		expect(f, none[i],
		       "{\"steps\":[{\"rule\":" DROP
		       ",\"output\":{},\"keep\":true},{\"rule\":" MODULUS
		       ",\"output\":{\"h\":\"2\"},\"keep\":true},{\"rule\":" LABELDROP
		       ",\"output\":{\"h\":\"2\"},\"keep\":true}]}");
	f->opt[0].relabel = NULL;
}

/* Names that are mapped keep the order in which labels were set, whatever is printed between. */
static void a_label_without_a_name(void **state)
{
	struct farm *f = *state;
	struct relabel_rule v[2] = {relabel_rule_default(), relabel_rule_default()};
	v[0].action = RELABEL_LABELMAP;
	v[0].regex = SV("x_(.*)");
	v[1].action = RELABEL_LABELMAP;
	v[1].regex = SV("(?:b|a)");
	v[1].replacement = SV("last");
	rules(f, v, 2);
	_cleanup_(relabel_unrefp) struct relabel_set *set = f->opt[0].relabel;
	struct err err = ERR_NULL;
	_cleanup_(freep) char *json = steps(f, "{\"x_\":\"1\",\"b\":\"2\",\"a\":\"3\"}", &err);
	assert_non_null(
		strstr(json, "\"output\":{\"\":\"1\",\"a\":\"3\",\"b\":\"2\",\"x_\":\"1\"}"));
	assert_non_null(strstr(json, "\"b\":\"2\",\"last\":\"3\",\"x_\":\"1\"},\"keep\":true}]}"));
	f->opt[0].relabel = NULL;
}

/* Each rule doubles what is there. */
static void labels_that_become_too_large(void **state)
{
	enum { RULES = 40 };
	struct farm *f = *state;
	struct sv sources[] = {SV("a"), SV("a")};
	struct relabel_rule v[RULES];
	for (size_t i = 0; i < RULES; i++) {
		v[i] = relabel_rule_default();
		v[i].source_labels = sources;
		v[i].n_source_labels = 2;
		v[i].target_label = SV("a");
	}
	rules(f, v, RULES);
	_cleanup_(relabel_unrefp) struct relabel_set *set = f->opt[0].relabel;
	struct buf out = BUF_NULL;
	buf_init(&out, MiB(64));
	struct json_writer w = {.out = &out};
	struct err err = ERR_NULL;
	assert_int_equal(
		scrape_relabel_steps_json(f->scrape, &w, SV("j"), SV("{\"a\":\"1\"}"), &err), 1);
	assert_string_equal(err.msg, "the labels become too large");
	buf_deinit(&out);
	f->opt[0].relabel = NULL;
}

static void what_is_refused(void **state)
{
	static const char *const bad[] = {"nojs",       "{\"a\":1}",   "[\"a\"]", "\"a\"",
					  "{\"a\":{}}", "1",           "{",       "{\"a\":[]}",
					  "{} x",       "{\"a\":true}"};
	struct farm *f = *state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err err = ERR_NULL;
		_cleanup_(freep) char *json = steps(f, bad[i], &err);
		if (strncmp(err.msg, "error parsing labels: ", 22) != 0)
			fail_msg("%s: %s", bad[i], err.msg);
	}
	struct err err = ERR_NULL;
	struct json_writer w = {.out = NULL};
	assert_int_equal(scrape_relabel_steps_json(f->scrape, &w, SV("a\"b"), SV("{}"), &err), 1);
	assert_string_equal(err.msg,
			    "error retrieving scrape config: scrape pool \"a\\\"b\" not found");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(without_rules),          FARM_TEST(each_rule_and_what_it_leaves),
		FARM_TEST(a_label_without_a_name), FARM_TEST(labels_that_become_too_large),
		FARM_TEST(what_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
