#include "flags.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

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

/* by: how the value was given, for messages: "--name" or a variable. */
static int add_to_list(const struct flag *f, const char *by, struct sv v, struct err *err)
{
	struct flag_list *l = f->value;
	if (l->n == FLAG_LIST_MAX)
		return err_set(err, FLAGS_E_BAD, "%s is given too often", by);
	l->v[l->n++] = v;
	return 0;
}

static int set_value(const struct flag *f, const char *by, struct sv v, struct err *err)
{
	uint64_t bits;
	switch (f->kind) {
	case FLAG_LIST:
		return add_to_list(f, by, v, err);
	case FLAG_STRING:
		*(struct sv *)f->value = v;
		return 0;
	case FLAG_DURATION:
		if (duration_parse(v, f->value) != 0)
			return err_set(err, FLAGS_E_BAD, "%s: not a duration: \"%.*s\"", by,
				       SV_ARG(v));
		return 0;
	case FLAG_UINT:
		if (sv_to_u64(v, f->value) != 0)
			return err_set(err, FLAGS_E_BAD, "%s: not a whole number: \"%.*s\"", by,
				       SV_ARG(v));
		return 0;
	case FLAG_DOUBLE:
		if (number_parse(v, &bits) != 0)
			return err_set(err, FLAGS_E_BAD, "%s: not a number: \"%.*s\"", by,
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

static int set_switch(const struct flag *f, const char *by, bool on, bool has_value, struct sv v,
		      struct err *err)
{
	if (f->kind == FLAG_NO_EFFECT)
		return set_value(f, by, has_value ? v : on ? SV("true") : SV("false"), err);
	if (has_value && !sv_eq(v, SV("true")) && !sv_eq(v, SV("false")))
		return err_set(err, FLAGS_E_BAD, "%s takes true or false", by);
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
	if (i >= FLAGS_MAX)
		return 0;
	if (seen[i] && f->kind != FLAG_NO_EFFECT && f->kind != FLAG_LIST)
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
	char by[FLAG_VARIABLE_MAX];
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
	snprintf(by, sizeof by, "--%s", f->name);
	if (!wants_value(f))
		return set_switch(f, by, on, has_value, value, err);
	if (!has_value) {
		if (*i + 1 >= argc)
			return err_set(err, FLAGS_E_BAD, "--%s needs a value", f->name);
		value = sv_of(argv[++*i]);
	}
	return set_value(f, by, value, err);
}

/* ---- the environment ---- */

char *flags_variable(char *dst, const char *name)
{
	size_t n = (size_t)snprintf(dst, FLAG_VARIABLE_MAX, "AMPAGENT_");
	for (; *name && n < FLAG_VARIABLE_MAX - 1; name++) {
		char c = *name;
		if (c == '.' || c == '-')
			c = '_';
		dst[n++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	dst[n] = '\0';
	return dst;
}

static int take_variable(const struct flag *f, struct flags_environment *env, struct err *err)
{
	char name[FLAG_VARIABLE_MAX];
	/* What is copied into a variable often has a line's end behind it. */
	struct sv v = sv_trim(sv_of(env->get(flags_variable(name, f->name))));
	if (v.len == 0 || f->kind == FLAG_VERSION)
		return 0;
	if (f->kind == FLAG_REFUSED)
		return err_set(err, f->exit_code ? f->exit_code : FLAGS_E_BAD, "%s: %s", name,
			       f->help);
	env->taken[env->n++] = f->name;
	if (!wants_value(f))
		return set_switch(f, name, true, true, v, err);
	return set_value(f, name, v, err);
}

static int take_variables(const struct flag *flags, const bool *seen, struct flags_environment *env,
			  struct err *err)
{
	env->n = 0;
	for (size_t i = 0; flags[i].name && i < FLAGS_MAX; i++) {
		int r = seen[i] ? 0 : take_variable(&flags[i], env, err);
		if (r != 0)
			return r;
	}
	return 0;
}

void flags_name_variable(const struct flags_environment *env, struct err *err)
{
	char name[FLAG_VARIABLE_MAX];
	struct sv text = sv_of(err->msg);
	if (!sv_starts_with(text, SV("--")))
		return;
	text = sv_from(text, 2);
	for (size_t i = 0; i < env->n; i++) {
		struct sv flag = sv_of(env->taken[i]);
		struct sv rest = sv_from(text, flag.len);
		if (sv_starts_with(text, flag) && (rest.len == 0 || strchr(": ", rest.ptr[0]))) {
			err_prefix(err, "%s", flags_variable(name, env->taken[i]));
			return;
		}
	}
}

/* ---- all ---- */

static int take_arguments(int argc, char **argv, const struct flag *flags, bool *seen,
			  struct sv *args, size_t max, size_t *n_args, struct err *err)
{
	size_t n = 0;
	bool only_args = false;
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

int flags_parse_env(int argc, char **argv, const struct flag *flags, struct flags_environment *env,
		    struct sv *args, size_t max, size_t *n_args, struct err *err)
{
	bool seen[FLAGS_MAX] = {false};
	int r = take_arguments(argc, argv, flags, seen, args, max, n_args, err);
	return r != 0 ? r : take_variables(flags, seen, env, err);
}

int flags_parse(int argc, char **argv, const struct flag *flags, struct sv *args, size_t max,
		size_t *n_args, struct err *err)
{
	bool seen[FLAGS_MAX] = {false};
	return take_arguments(argc, argv, flags, seen, args, max, n_args, err);
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
