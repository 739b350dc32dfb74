/* Relabel rules made from the input, compiled and applied. Lines are: the rule's fields separated
 * by \x01, lines by \x02: action number, scheme, source labels joined by commas, separator, regex,
 * target_label, replacement. The regex's plain shape and the engine must agree, and what is
 * finished must be sound. */
#include "../../../src/model/relabel_regex.h"
#include <ampagent/base/text.h>
#include <ampagent/model/relabel.h>

#include <assert.h>

enum { RULES_MAX = 4, SUBJECTS_MAX = 4, SOURCES_MAX = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sv cut(struct sv *rest, char sep)
{
	size_t at = sv_find(*rest, sep);
	struct sv out = sv_make(rest->ptr, at);
	*rest = sv_from(*rest, at < rest->len ? at + 1 : at);
	return out;
}

static void compare(struct sv text, struct sv subject)
{
	struct regex plain, engine;
	struct re2_span a[2] = {{0, 0}}, b[2] = {{0, 0}};
	int r = regex_init(&plain, text, NULL), e = regex_init_engine(&engine, text, NULL);
	assert(r == e);
	if (r == 0 && utf8_valid(subject)) {
		size_t n = plain.groups > 0 ? 2 : 1;
		int found = regex_find(&plain, subject, 0, a, n);
		assert(found == regex_find(&engine, subject, 0, b, n));
		assert(plain.groups == engine.groups);
		for (size_t i = 0; found == 1 && i < n; i++)
			assert(a[i].start == b[i].start && a[i].end == b[i].end);
	}
	regex_deinit(&plain);
	regex_deinit(&engine);
}

static enum name_scheme rule_of(struct sv line, struct sv *source, struct relabel_rule *rule)
{
	struct sv head = cut(&line, 1), scheme = cut(&line, 1);
	*rule = relabel_rule_default();
	rule->action = (enum relabel_action)((head.len > 0 ? (uint8_t)head.ptr[0] : 0) %
					     (RELABEL_LABELKEEP + 1));
	struct sv sources = cut(&line, 1);
	rule->source_labels = source;
	while (rule->n_source_labels < SOURCES_MAX && sources.len > 0)
		source[rule->n_source_labels++] = cut(&sources, ',');
	rule->separator = cut(&line, 1);
	rule->regex = cut(&line, 1);
	rule->target_label = cut(&line, 1);
	rule->replacement = line;
	if (rule->action >= RELABEL_KEEPEQUAL) {
		rule->separator = SV(";");
		if (rule->action != RELABEL_LABELMAP)
			rule->replacement = SV("$1");
	}
	rule->modulus = rule->action == RELABEL_HASHMOD ? 7 : 0;
	return scheme.len > 0 && scheme.ptr[0] == 'l' ? NAMES_LEGACY : NAMES_UTF8;
}

static const struct sv names[SUBJECTS_MAX] = {
	{"a", 1}, {"__name__", 8}, {"__meta_x", 8}, {"job", 3}};

/* Texts stay UTF-8, each name is there once. A labelmap may make a name empty, as in Prometheus:
 * finishing tells. */
static void check_builder(const struct label_builder *b)
{
	for (size_t i = 0; i < b->n; i++) {
		assert(utf8_valid(b->v[i].name));
		assert(utf8_valid(b->v[i].value));
		for (size_t j = 0; j < i; j++)
			assert(!sv_eq(b->v[i].name, b->v[j].name));
	}
}

static bool same(const struct label_builder *a, const struct label_builder *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!sv_eq(label_builder_get(b, a->v[i].name), a->v[i].value))
			return false;
	for (size_t i = 0; i < b->n; i++)
		if (!sv_eq(label_builder_get(a, b->v[i].name), b->v[i].value))
			return false;
	return true;
}

static struct label_builder copy_of(const struct label_builder *b, struct arena *arena)
{
	struct label_builder copy;
	label_builder_init(&copy, arena);
	for (size_t i = 0; i < b->n; i++)
		label_builder_set(&copy, b->v[i].name, b->v[i].value);
	return copy;
}

/* What a rule must leave as it was: verdicts and labels it has no business with. */
static void check_rule(const struct relabel_rule *rule, const struct label_builder *before,
		       const struct label_builder *after)
{
	switch (rule->action) {
	case RELABEL_KEEP:
	case RELABEL_DROP:
	case RELABEL_KEEPEQUAL:
	case RELABEL_DROPEQUAL:
		assert(same(before, after));
		return;
	case RELABEL_LABELDROP:
	case RELABEL_LABELKEEP:
		for (size_t i = 0; i < after->n; i++)
			assert(sv_eq(label_builder_get(before, after->v[i].name),
				     after->v[i].value));
		return;
	case RELABEL_HASHMOD:
		assert(label_builder_get(after, rule->target_label).len == 1);
		return;
	default:
		return;
	}
}

/* A second time these change nothing more, and a verdict stays. */
static bool idempotent(enum relabel_action a)
{
	return a == RELABEL_LABELDROP || a == RELABEL_LABELKEEP || a == RELABEL_KEEP ||
	       a == RELABEL_DROP || a == RELABEL_KEEPEQUAL || a == RELABEL_DROPEQUAL;
}

static bool apply_one(const struct relabel_set *set, size_t i, struct label_builder *b,
		      struct arena *arena)
{
	const struct relabel_rule *rule = relabel_rule_at(set, i);
	struct label_builder before = copy_of(b, arena);
	bool keep = relabel_apply_one(set, i, b);
	if (b->failed || before.failed)
		return false;
	check_builder(b);
	check_rule(rule, &before, b);
	struct label_builder again = copy_of(b, arena);
	if (idempotent(rule->action) && !again.failed) {
		bool second = relabel_apply_one(set, i, &again);
		assert(again.failed || (second == keep && same(b, &again)));
	}
	return keep;
}

/* Rule by rule with checks, then all at once: the same. */
static void apply(const struct relabel_set *set, const struct sv *values, size_t n)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder steps, all;
	struct labels out;
	struct label l;
	bool keep = true;
	arena_init(&arena, MiB(4));
	label_builder_init(&steps, &arena);
	for (size_t i = 0; i < n; i++)
		if (utf8_valid(values[i]))
			label_builder_set(&steps, names[i], values[i]);
	all = copy_of(&steps, &arena);
	for (size_t i = 0; i < relabel_count(set) && keep; i++)
		keep = apply_one(set, i, &steps, &arena);
	bool whole = relabel_apply(set, &all);
	if (steps.failed || all.failed)
		return;
	assert(keep == whole && same(&steps, &all));
	if (!whole || label_builder_finish(&all, &arena, &out) != 0)
		return;
	assert(labels_valid(out));
	for (size_t at = 0; labels_next(out, &at, &l);)
		assert(l.value.len > 0);
}

/* The values to relabel stand on a first line, separated as the fields are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relabel_rule rules[RULES_MAX];
	struct sv sources[RULES_MAX][SOURCES_MAX], values[SUBJECTS_MAX];
	struct err err = ERR_NULL;
	size_t n = 0, n_values = 0, bad;
	if (size > KiB(4))
		return 0;
	struct sv rest = sv_make((const char *)data, size), first = cut(&rest, 2);
	while (n_values < SUBJECTS_MAX && first.len > 0)
		values[n_values++] = cut(&first, 1);
	enum name_scheme scheme = NAMES_UTF8;
	for (; n < RULES_MAX && rest.len > 0; n++) {
		scheme = rule_of(cut(&rest, 2), sources[n], &rules[n]);
		compare(rules[n].regex, n_values > 0 ? values[0] : SV_NULL);
	}
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	if (relabel_compile(rules, n, scheme, &set, &bad, &err) != 0) {
		assert(err.msg[0] != 0 && bad < n);
		return 0;
	}
	/* A configuration file is UTF-8. */
	bool texts = true;
	for (size_t i = 0; i < n; i++)
		texts = texts && utf8_valid(rules[i].separator) && utf8_valid(rules[i].replacement);
	if (texts)
		apply(set, values, n_values);
	return 0;
}
