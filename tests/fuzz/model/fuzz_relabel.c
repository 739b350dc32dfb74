/* Relabel rules made from the input, compiled and applied. Lines are: the rule's fields separated
 * by \x01, lines by \x02: action number, scheme, source label, separator, regex, target_label,
 * replacement. The regex's plain shape and the engine must agree, and what is finished must be
 * sound. */
#include "../../../src/model/relabel_regex.h"
#include <ampagent/base/text.h>
#include <ampagent/model/relabel.h>

#include <assert.h>

enum { RULES_MAX = 4, SUBJECTS_MAX = 4 };

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
	*source = cut(&line, 1);
	bool named = source->len > 0;
	rule->source_labels = named ? source : NULL;
	rule->n_source_labels = named ? 1 : 0;
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

static void apply(const struct relabel_set *set, const struct sv *values, size_t n)
{
	static const struct sv names[SUBJECTS_MAX] = {
		{"a", 1}, {"__name__", 8}, {"__meta_x", 8}, {"job", 3}};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder b;
	struct labels out;
	arena_init(&arena, MiB(1));
	label_builder_init(&b, &arena);
	for (size_t i = 0; i < n; i++)
		label_builder_set(&b, names[i], values[i]);
	if (relabel_apply(set, &b) && label_builder_finish(&b, &arena, &out) == 0)
		assert(labels_valid(out));
}

/* The values to relabel stand on a first line, separated as the fields are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relabel_rule rules[RULES_MAX];
	struct sv sources[RULES_MAX], values[SUBJECTS_MAX];
	struct err err = ERR_NULL;
	size_t n = 0, n_values = 0, bad;
	if (size > KiB(4))
		return 0;
	struct sv rest = sv_make((const char *)data, size), first = cut(&rest, 2);
	while (n_values < SUBJECTS_MAX && first.len > 0)
		values[n_values++] = cut(&first, 1);
	enum name_scheme scheme = NAMES_UTF8;
	for (; n < RULES_MAX && rest.len > 0; n++) {
		scheme = rule_of(cut(&rest, 2), &sources[n], &rules[n]);
		compare(rules[n].regex, n_values > 0 ? values[0] : SV_NULL);
	}
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	if (relabel_compile(rules, n, scheme, &set, &bad, &err) != 0) {
		assert(err.msg[0] != 0 && bad < n);
		return 0;
	}
	apply(set, values, n_values);
	return 0;
}
