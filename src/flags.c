#include "flags.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

/* Flags of one table. */
enum { FLAGS_MAX = 128 };

static const struct flag *find_flag(const struct flag *flags, struct sv name)
{
	for (const struct flag *f = flags; f->name; f++) {
		if (sv_eq(sv_of(f->name), name))
			return f;
	}
	return NULL;
}

static int unknown(const struct flag *flags, struct sv name, struct err *err)
{
	const char *names[FLAGS_MAX];
	size_t n = 0;
	for (const struct flag *f = flags; f->name && n < FLAGS_MAX - 1; f++)
		names[n++] = f->name;
	names[n] = NULL;
	const char *near = nearest_word(name, names);
	if (near)
		return err_set(err, FLAGS_E_BAD, "unknown flag --%.*s, did you mean --%s?",
			       SV_ARG(name), near);
	return err_set(err, FLAGS_E_BAD, "unknown flag --%.*s", SV_ARG(name));
}

static int add_to_list(const struct flag *f, struct sv v, struct err *err)
{
	struct flag_list *l = f->value;
	if (l->n == FLAG_LIST_MAX)
		return err_set(err, FLAGS_E_BAD, "--%s is given too often", f->name);
	l->v[l->n++] = v;
	return 0;
}

static int set_value(const struct flag *f, struct sv v, struct err *err)
{
	uint64_t bits;
	switch (f->kind) {
	case FLAG_LIST:
		return add_to_list(f, v, err);
	case FLAG_STRING:
		*(struct sv *)f->value = v;
		return 0;
	case FLAG_DURATION:
		if (duration_parse(v, f->value) != 0)
			return err_set(err, FLAGS_E_BAD, "--%s: not a duration: \"%.*s\"", f->name,
				       SV_ARG(v));
		return 0;
	case FLAG_UINT:
		if (sv_to_u64(v, f->value) != 0)
			return err_set(err, FLAGS_E_BAD, "--%s: not a whole number: \"%.*s\"",
				       f->name, SV_ARG(v));
		return 0;
	case FLAG_DOUBLE:
		if (number_parse(v, &bits) != 0)
			return err_set(err, FLAGS_E_BAD, "--%s: not a number: \"%.*s\"", f->name,
				       SV_ARG(v));
		*(double *)f->value = double_of_bits(bits);
		return 0;
	case FLAG_NO_EFFECT:
		if (f->value)
			*(struct sv *)f->value = v;
		return 0;
	case FLAG_BOOL:
	case FLAG_VERSION:
	case FLAG_REFUSED:
		break;
	}
	return 0;
}

static int set_switch(const struct flag *f, bool on, bool has_value, struct sv v, struct err *err)
{
	if (f->kind == FLAG_NO_EFFECT)
		return set_value(f, has_value ? v : on ? SV("true") : SV("false"), err);
	if (has_value && !sv_eq(v, SV("true")) && !sv_eq(v, SV("false")))
		return err_set(err, FLAGS_E_BAD, "--%s takes true or false", f->name);
	*(bool *)f->value = has_value ? sv_eq(v, SV("true")) : on;
	return 0;
}

static bool wants_value(const struct flag *f)
{
	if (f->kind == FLAG_NO_EFFECT || f->kind == FLAG_REFUSED)
		return f->takes_value;
	return f->kind != FLAG_BOOL && f->kind != FLAG_VERSION;
}

/* A flag that is given twice would hide its first value. */
static int check_once(const struct flag *flags, const struct flag *f, bool *seen, struct err *err)
{
	size_t i = (size_t)(f - flags);
	if (f->kind == FLAG_NO_EFFECT || f->kind == FLAG_LIST || i >= FLAGS_MAX)
		return 0;
	if (seen[i])
		return err_set(err, FLAGS_E_BAD, "--%s is given twice", f->name);
	seen[i] = true;
	return 0;
}

/* One flag at argv[*i]. */
static int take_flag(int argc, char **argv, int *i, const struct flag *flags, bool *seen,
		     struct err *err)
{
	struct sv arg = sv_from(sv_of(argv[*i]), 2);
	size_t eq = sv_find(arg, '=');
	struct sv name = sv_make(arg.ptr, eq);
	bool has_value = eq < arg.len;
	struct sv value = has_value ? sv_from(arg, eq + 1) : SV_NULL;
	bool on = true;
	const struct flag *f = find_flag(flags, name);
	if (!f && sv_starts_with(name, SV("no-"))) {
		f = find_flag(flags, sv_from(name, 3));
		on = false;
		if (f && wants_value(f))
			f = NULL;
	}
	if (!f)
		return unknown(flags, name, err);
	if (f->kind == FLAG_REFUSED)
		return err_set(err, f->exit_code ? f->exit_code : FLAGS_E_BAD, "--%s: %s", f->name,
			       f->help);
	if (check_once(flags, f, seen, err) != 0)
		return FLAGS_E_BAD;
	if (f->kind == FLAG_VERSION)
		return FLAGS_E_VERSION;
	if (!wants_value(f))
		return set_switch(f, on, has_value, value, err);
	if (!has_value) {
		if (*i + 1 >= argc)
			return err_set(err, FLAGS_E_BAD, "--%s needs a value", f->name);
		value = sv_of(argv[++*i]);
	}
	return set_value(f, value, err);
}

int flags_parse(int argc, char **argv, const struct flag *flags, struct sv *args, size_t max,
		size_t *n_args, struct err *err)
{
	size_t n = 0;
	bool only_args = false;
	bool seen[FLAGS_MAX] = {false};
	for (int i = 1; i < argc; i++) {
		struct sv arg = sv_of(argv[i]);
		if (!only_args && sv_eq(arg, SV("--"))) {
			only_args = true;
			continue;
		}
		if (!only_args && (sv_eq(arg, SV("--help")) || sv_eq(arg, SV("-h"))))
			return FLAGS_E_HELP;
		if (!only_args && sv_starts_with(arg, SV("--"))) {
			int r = take_flag(argc, argv, &i, flags, seen, err);
			if (r != 0)
				return r;
			continue;
		}
		if (!only_args && arg.len > 1 && arg.ptr[0] == '-')
			return err_set(err, FLAGS_E_BAD, "unknown flag %s", argv[i]);
		if (n == max)
			return err_set(err, FLAGS_E_BAD, "unexpected argument \"%s\"", argv[i]);
		args[n++] = arg;
	}
	if (n_args)
		*n_args = n;
	return 0;
}

static void print_default(FILE *out, const struct flag *f)
{
	char text[DURATION_MAX];
	switch (f->kind) {
	case FLAG_STRING:
		if (((const struct sv *)f->value)->len > 0)
			fprintf(out, " (default %.*s)", SV_ARG(*(const struct sv *)f->value));
		break;
	case FLAG_DURATION:
		fprintf(out, " (default %s)", duration_format(text, *(const int64_t *)f->value));
		break;
	case FLAG_UINT:
		fprintf(out, " (default %llu)", (unsigned long long)*(const uint64_t *)f->value);
		break;
	case FLAG_DOUBLE:
		fprintf(out, " (default %g)", *(const double *)f->value);
		break;
	case FLAG_BOOL:
	case FLAG_LIST:
	case FLAG_VERSION:
	case FLAG_NO_EFFECT:
	case FLAG_REFUSED:
		break;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct flag *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static void write_value(struct json_writer *w, const struct flag *f)
{
	char text[DURATION_MAX];
	_cleanup_(buf_deinit) struct buf list = BUF_NULL;
	const struct flag_list *l = f->value;
	switch (f->kind) {
	case FLAG_STRING:
	case FLAG_NO_EFFECT:
	case FLAG_REFUSED:
		json_string(w, *(const struct sv *)f->value);
		break;
	case FLAG_BOOL:
		json_string(w, *(const bool *)f->value ? SV("true") : SV("false"));
		break;
	case FLAG_DURATION:
		json_string(w, sv_of(duration_format(text, *(const int64_t *)f->value)));
		break;
	case FLAG_UINT:
		snprintf(text, sizeof text, "%llu",
			 (unsigned long long)*(const uint64_t *)f->value);
		json_string(w, sv_of(text));
		break;
	case FLAG_DOUBLE:
		snprintf(text, sizeof text, "%g", *(const double *)f->value);
		json_string(w, sv_of(text));
		break;
	case FLAG_LIST:
		buf_init(&list, SIZE_MAX);
		for (size_t i = 0; i < l->n; i++)
			buf_printf(&list, "%s%.*s", i ? "," : "", SV_ARG(l->v[i]));
		json_string(w, buf_view(&list));
		break;
	case FLAG_VERSION:
		break;
	}
}

void flags_json(struct json_writer *w, const struct flag *flags)
{
	const struct flag *sorted[FLAGS_MAX];
	size_t n = 0;
	for (const struct flag *f = flags; f->name && n < FLAGS_MAX; f++) {
		if (f->value)
			sorted[n++] = f;
	}
	qsort(sorted, n, sizeof *sorted, by_name);
	json_begin_object(w);
	for (size_t i = 0; i < n; i++) {
		json_key(w, sv_of(sorted[i]->name));
		write_value(w, sorted[i]);
	}
	json_end_object(w);
}

void flags_usage(FILE *out, const char *synopsis, const struct flag *flags)
{
	fprintf(out, "usage: %s\n\nFlags:\n", synopsis);
	for (const struct flag *f = flags; f->name; f++) {
		if (f->kind == FLAG_REFUSED || f->kind == FLAG_NO_EFFECT || !f->help[0])
			continue;
		fprintf(out, "  --%s%s\n        %s", f->name, wants_value(f) ? "=..." : "",
			f->help);
		print_default(out, f);
		fputc('\n', out);
	}
}
