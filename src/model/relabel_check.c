/* Prometheus's Validate, check by check in its order: the first fault is the one reported. */
#include "relabel_check.h"
#include <ampagent/base/text.h>

#define BIT(action) (1U << (action))
#define EQUALS (BIT(RELABEL_KEEPEQUAL) | BIT(RELABEL_DROPEQUAL))
#define CASES (BIT(RELABEL_LOWERCASE) | BIT(RELABEL_UPPERCASE))
#define TARGETED (BIT(RELABEL_REPLACE) | BIT(RELABEL_HASHMOD) | CASES | EQUALS)

static bool is(const struct relabel_rule *rule, unsigned actions)
{
	return (actions & BIT(rule->action)) != 0;
}

bool label_name_valid(struct sv name, enum name_scheme scheme)
{
	if (scheme == NAMES_LEGACY)
		return label_name_legacy_valid(name);
	return name.len > 0 && utf8_valid(name);
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static size_t word_length(struct sv s)
{
	size_t n = 0;
	while (n < s.len && word_char(s.ptr[n]))
		n++;
	return n;
}

/* Length of $name or ${name} at the start of s, 0 when there is none. */
static size_t reference_length(struct sv s)
{
	if (!sv_starts_with(s, SV("$")))
		return 0;
	bool brace = sv_starts_with(s, SV("${"));
	size_t n = word_length(sv_from(s, brace ? 2 : 1));
	if (n == 0 || !brace)
		return n == 0 ? 0 : n + 1;
	return sv_starts_with(sv_from(s, n + 2), SV("}")) ? n + 3 : 0;
}

/* A legacy name in which references may stand anywhere. */
static bool legacy_template_valid(struct sv s)
{
	bool empty = s.len == 0;
	for (bool first = true; s.len > 0; first = false) {
		size_t n = reference_length(s);
		bool digit = s.ptr[0] >= '0' && s.ptr[0] <= '9';
		if (n == 0 && (!word_char(s.ptr[0]) || (first && digit)))
			return false;
		s = sv_from(s, n > 0 ? n : 1);
	}
	return !empty;
}

static bool template_valid(struct sv s, enum name_scheme scheme)
{
	return scheme == NAMES_LEGACY ? legacy_template_valid(s) : label_name_valid(s, scheme);
}

static bool has_variable(struct sv s)
{
	return sv_find(s, '$') < s.len;
}

static int invalid(const struct relabel_rule *rule, struct sv value, const char *what,
		   struct err *err)
{
	_cleanup_(buf_deinit) struct buf quoted = BUF_NULL;
	buf_init(&quoted, KiB(4));
	go_quote(&quoted, value);
	return err_set(err, 1, "%.*s is invalid '%s' for %s action", SV_ARG(buf_view(&quoted)),
		       what, relabel_action_name(rule->action));
}

static int check_names(const struct relabel_rule *rule, enum name_scheme scheme, struct err *err)
{
	struct sv target = rule->target_label;
	bool templated = is(rule, BIT(RELABEL_REPLACE)) && has_variable(target);
	bool plain = is(rule, BIT(RELABEL_REPLACE) | CASES | EQUALS) && !templated;
	if ((templated && !template_valid(target, scheme)) ||
	    (plain && !label_name_valid(target, scheme)))
		return invalid(rule, target, "target_label", err);
	if (is(rule, CASES | EQUALS) && !sv_eq(rule->replacement, SV("$1")))
		return err_set(err, 1, "'replacement' can not be set for %s action",
			       relabel_action_name(rule->action));
	if (is(rule, BIT(RELABEL_LABELMAP)) && !template_valid(rule->replacement, scheme))
		return invalid(rule, rule->replacement, "replacement", err);
	if (is(rule, BIT(RELABEL_HASHMOD)) && !label_name_valid(target, scheme))
		return invalid(rule, target, "target_label", err);
	return 0;
}

static int check_sources(const struct relabel_rule *rule, struct err *err)
{
	for (size_t i = 0; i < rule->n_source_labels; i++) {
		if (label_name_valid(rule->source_labels[i], NAMES_UTF8))
			continue;
		_cleanup_(buf_deinit) struct buf quoted = BUF_NULL;
		buf_init(&quoted, KiB(4));
		go_quote(&quoted, rule->source_labels[i]);
		return err_set(err, 1, "%.*s is not a valid label name", SV_ARG(buf_view(&quoted)));
	}
	return 0;
}

/* Actions that look at few fields refuse the others. */
static int check_extra(const struct relabel_rule *rule, struct err *err)
{
	const char *name = relabel_action_name(rule->action);
	bool values = rule->modulus != 0 || !sv_eq(rule->separator, SV(";")) ||
		      !sv_eq(rule->replacement, SV("$1"));
	if (is(rule, EQUALS) && (values || rule->regex_set))
		return err_set(err, 1,
			       "%s action requires only 'source_labels' and `target_label`, and "
			       "no other fields",
			       name);
	bool sources = rule->source_labels_set || rule->n_source_labels > 0;
	if (is(rule, BIT(RELABEL_LABELDROP) | BIT(RELABEL_LABELKEEP)) &&
	    (values || sources || rule->target_label.len > 0))
		return err_set(err, 1, "%s action requires only 'regex', and no other fields",
			       name);
	return 0;
}

int relabel_rule_check(const struct relabel_rule *rule, enum name_scheme scheme, struct err *err)
{
	int r = check_sources(rule, err);
	if (r != 0)
		return r;
	if (rule->modulus == 0 && is(rule, BIT(RELABEL_HASHMOD)))
		return err_set(err, 1,
			       "relabel configuration for hashmod requires non-zero modulus");
	if (is(rule, TARGETED) && rule->target_label.len == 0)
		return err_set(err, 1,
			       "relabel configuration for %s action requires 'target_label' value",
			       relabel_action_name(rule->action));
	r = check_names(rule, scheme, err);
	return r != 0 ? r : check_extra(rule, err);
}
