/* The rules of promtool's linter, each a few lines; their texts are promtool's. */
#include "promlint.h"

#include <stdio.h>

static void tell(const struct promlint_sink *sink, const char *text)
{
	sink->problem(sink->userdata, sv_of(text));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* "_word" at the end of the name, or "_word_" in it, in whatever case. */
static bool has_word(struct sv name, struct sv word)
{
	for (size_t i = 0; i + word.len < name.len; i++) {
		size_t n = 0, end = i + 1 + word.len;
		if (name.ptr[i] != '_' || (end < name.len && name.ptr[end] != '_'))
			continue;
		while (n < word.len && lower(name.ptr[i + 1 + n]) == word.ptr[n])
			n++;
		if (n == word.len)
			return true;
	}
	return false;
}

static bool is_camel_case(struct sv name)
{
	for (size_t i = 1; i < name.len; i++)
		if (name.ptr[i - 1] >= 'a' && name.ptr[i - 1] <= 'z' && name.ptr[i] >= 'A' &&
		    name.ptr[i] <= 'Z')
			return true;
	return false;
}

/* NULL where the word is no unit. */
static const char *base_of(struct sv word)
{
	static const struct {
		const char *unit, *base;
	} units[] = {
		{"amperes", "amperes"},    {"bytes", "bytes"},     {"celsius", "celsius"},
		{"grams", "grams"},        {"joules", "joules"},   {"kelvin", "kelvin"},
		{"meters", "meters"},      {"metres", "metres"},   {"seconds", "seconds"},
		{"volts", "volts"},        {"minutes", "seconds"}, {"hours", "seconds"},
		{"days", "seconds"},       {"weeks", "seconds"},   {"kelvins", "kelvin"},
		{"fahrenheit", "celsius"}, {"rankine", "celsius"}, {"inches", "meters"},
		{"yards", "meters"},       {"miles", "meters"},    {"bits", "bytes"},
		{"calories", "joules"},    {"pounds", "grams"},    {"ounces", "grams"},
	};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (sv_eq(word, sv_of(units[i].unit)))
			return units[i].base;
	return NULL;
}

static const char *base_with_prefix(struct sv word)
{
	static const char *const prefixes[] = {
		"pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo",
		"kibi", "mega", "mibi",  "giga",  "gibi",  "tera", "tebi", "peta",  "pebi",
	};
	const char *base = base_of(word);
	for (size_t i = 0; !base && i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (sv_starts_with(word, sv_of(prefixes[i])))
			base = base_of(sv_from(word, strlen(prefixes[i])));
	return base;
}

/* The first word that is a unit decides. */
static void unit_rule(struct sv name, const struct promlint_sink *sink)
{
	while (name.len > 0) {
		struct sv word = sv_make(name.ptr, sv_find(name, '_'));
		const char *base = base_with_prefix(word);
		if (base && !sv_eq(word, sv_of(base))) {
			/* Longest: a prefix and a unit of the tables above. */
			char text[96];
			snprintf(text, sizeof text, "use base unit \"%s\" instead of \"%.*s\"",
				 base, SV_ARG(word));
			tell(sink, text);
		}
		if (base)
			return;
		name = sv_from(name, word.len + 1);
	}
}

static void suffix_rules(struct sv name, enum metric_type type, const struct promlint_sink *sink)
{
	bool histogram = type == METRIC_HISTOGRAM;
	bool parts = histogram || type == METRIC_SUMMARY;
	bool total = sv_ends_with(name, SV("_total"));
	if (type == METRIC_COUNTER && !total)
		tell(sink, "counter metrics should have \"_total\" suffix");
	if (type != METRIC_COUNTER && total)
		tell(sink, "non-counter metrics should not have \"_total\" suffix");
	if (!histogram && sv_ends_with(name, SV("_bucket")))
		tell(sink, "non-histogram metrics should not have \"_bucket\" suffix");
	if (!parts && sv_ends_with(name, SV("_count")))
		tell(sink, "non-histogram and non-summary metrics should not have \"_count\" "
			   "suffix");
	if (!parts && sv_ends_with(name, SV("_sum")))
		tell(sink, "non-histogram and non-summary metrics should not have \"_sum\" suffix");
}

void promlint_family(struct sv name, enum metric_type type, bool has_help,
		     const struct promlint_sink *sink)
{
	static const char *const abbreviations[] = {
		"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
	};
	if (!has_help)
		tell(sink, "no help text");
	unit_rule(name, sink);
	if (type != METRIC_UNKNOWN) {
		suffix_rules(name, type, sink);
		const char *type_name = metric_type_name(type);
		if (has_word(name, sv_of(type_name))) {
			char text[64];
			snprintf(text, sizeof text, "metric name should not include type '%s'",
				 type_name);
			tell(sink, text);
		}
	}
	if (sv_find(name, ':') < name.len)
		tell(sink, "metric names should not contain ':'");
	if (is_camel_case(name))
		tell(sink, "metric names should be written in 'snake_case' not 'camelCase'");
	for (size_t i = 0; i < sizeof abbreviations / sizeof abbreviations[0]; i++)
		if (has_word(name, sv_of(abbreviations[i])))
			tell(sink, "metric names should not contain abbreviated units");
}

void promlint_label(struct sv label, enum metric_type type, const struct promlint_sink *sink)
{
	if (type != METRIC_UNKNOWN && type != METRIC_HISTOGRAM && sv_eq(label, SV("le")))
		tell(sink, "non-histogram metrics should not have \"le\" label");
	if (type != METRIC_UNKNOWN && type != METRIC_SUMMARY && sv_eq(label, SV("quantile")))
		tell(sink, "non-summary metrics should not have \"quantile\" label");
	if (is_camel_case(label))
		tell(sink, "label names should be written in 'snake_case' not 'camelCase'");
}
