#include "cors.h"

/* A rule of relabeling has the same regular expressions, tied to both ends. */
int cors_compile(struct sv regex, struct relabel_set **out, struct err *err)
{
	struct sv source = SV("origin");
	struct relabel_rule rule = relabel_rule_default();
	rule.action = RELABEL_KEEP;
	rule.source_labels = &source;
	rule.n_source_labels = 1;
	rule.regex = regex;
	rule.regex_set = true;
	size_t bad;
	if (relabel_compile(&rule, 1, NAMES_UTF8, out, &bad, err) == 0)
		return 0;
	err_prefix(err, "--web.cors.origin");
	return 1;
}

bool cors_allows(const struct relabel_set *cors, struct sv origin)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct label_builder b;
	if (!cors)
		return false;
	arena_init(&arena, LIMIT_LABELS_BYTES);
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("origin"), origin);
	return relabel_apply(cors, &b) && !b.failed;
}
