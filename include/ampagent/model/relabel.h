/* Relabeling: Prometheus's relabel_configs, all actions, with Go's regexp (RE2) and Expand rules.
 * Source: prometheus model/relabel/relabel.go and its tests; behaviour of 3.x.
 *
 * A rule set is compiled once, immutable afterwards and may be used by several threads at once.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/model/labels.h>

enum relabel_action {
	RELABEL_REPLACE,
	RELABEL_KEEP,
	RELABEL_DROP,
	RELABEL_KEEPEQUAL,
	RELABEL_DROPEQUAL,
	RELABEL_HASHMOD,
	RELABEL_LOWERCASE,
	RELABEL_UPPERCASE,
	RELABEL_LABELMAP,
	RELABEL_LABELDROP,
	RELABEL_LABELKEEP,
};

enum name_scheme { NAMES_UTF8, NAMES_LEGACY };

/* One rule as written; defaults by relabel_rule_default(). Views must outlive relabel_compile(). */
struct relabel_rule {
	enum relabel_action action;
	struct sv *source_labels;
	size_t n_source_labels;
	bool source_labels_set; /* given in the file, even if empty */
	struct sv separator;
	struct sv regex;
	bool regex_set; /* given in the file: matters to the replace shortcut and to checks */
	struct sv target_label;
	struct sv replacement;
	bool replacement_set;
	bool separator_set;
	uint64_t modulus;
};

struct relabel_set;

/* separator ";", regex "(.*)", replacement "$1", action replace. */
struct relabel_rule relabel_rule_default(void);
/* In any letter case. 0, or 1 when unknown. */
int relabel_action_parse(struct sv s, enum relabel_action *out);
const char *relabel_action_name(enum relabel_action a);

/* Checks (Prometheus's Validate) and compiles n rules: 0 and *out (owned by the caller; NULL for
 * n = 0), or 1 with the reason and, in *bad_rule, the index of the rule at fault. */
int relabel_compile(const struct relabel_rule *rules, size_t n, enum name_scheme scheme,
		    struct relabel_set **out, size_t *bad_rule, struct err *err);
struct relabel_set *relabel_ref(struct relabel_set *set);
void relabel_unref(struct relabel_set *set);

/* Applies the rules in order; new names and values live in b->arena or in the set. true: keep,
 * false: drop.
 * set may be NULL (keeps). When b->failed is set afterwards memory was short: treat as a failure
 * of the item. */
bool relabel_apply(const struct relabel_set *set, struct label_builder *b);

/* As relabel_apply() for rule i alone. */
bool relabel_apply_one(const struct relabel_set *set, size_t i, struct label_builder *b);

/* For listings: how many rules, and rule i as compiled (views owned by the set). */
size_t relabel_count(const struct relabel_set *set);
const struct relabel_rule *relabel_rule_at(const struct relabel_set *set, size_t i);

/* Checks a regex as relabel_compile() does: 0 or 1. */
int relabel_regex_check(struct sv regex, struct err *err);

static inline void relabel_unrefp_cleanup(struct relabel_set **p)
{
	if (*p)
		relabel_unref(*p);
}
