/* The block ampagent. */
#include "check.h"

#include <ampagent/base/text.h>

static size_t count_names(void)
{
	size_t n = 0;
	while (identity_label_names[n])
		n++;
	return n;
}

static bool is_known(struct sv name)
{
	for (size_t i = 0; identity_label_names[i]; i++)
		if (sv_eq(name, sv_of(identity_label_names[i])))
			return true;
	return false;
}

static int check_identity_label(struct decode *d, const struct raw_agent *raw, size_t i)
{
	const struct sv *names = raw->opt.identity_labels;
	const struct yaml_node *list = yaml_get(raw->node, SV("identity_labels"));
	if (!is_known(names[i])) {
		const char *near = nearest_word(names[i], identity_label_names);
		return decode_fail(
			d, list->items[i], "\"identity_labels\": unknown label \"%.*s\"%s%s%s",
			(int)(names[i].len < 60 ? names[i].len : 60), names[i].ptr,
			near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
	for (size_t k = 0; k < i; k++)
		if (sv_eq(names[k], names[i]))
			return decode_fail(d, list->items[i],
					   "\"identity_labels\": \"%.*s\" is named twice",
					   SV_ARG(names[i]));
	return 0;
}

static int all_identity_labels(struct decode *d, struct raw_agent *raw)
{
	size_t n = count_names();
	struct sv *names = arena_calloc(d->keep, n, sizeof *names);
	if (!names)
		return err_at(d->err, 1, 1, 1,
			      "%s:1:1: no memory for a configuration as large as this", d->path);
	for (size_t i = 0; i < n; i++)
		names[i] = sv_of(identity_label_names[i]);
	raw->opt.identity_labels = names;
	raw->opt.n_identity_labels = n;
	return 0;
}

int check_agent(struct decode *d, struct raw_agent *raw)
{
	if (!raw->identity_labels_set)
		return all_identity_labels(d, raw);
	for (size_t i = 0; i < raw->opt.n_identity_labels; i++) {
		int r = check_identity_label(d, raw, i);
		if (r != 0)
			return r;
	}
	return 0;
}
