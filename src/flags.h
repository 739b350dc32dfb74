/* Command-line flags, in the way Prometheus takes them: --name=value or --name value, booleans as
 * --name and --no-name. One table parses and prints the help.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/json.h>
#include <ampagent/base/sv.h>

#include <stdio.h>

enum flag_kind {
	FLAG_STRING,
	FLAG_BOOL,
	FLAG_DURATION, /* Prometheus's form; int64_t milliseconds */
	FLAG_UINT,     /* uint64_t */
	FLAG_DOUBLE,
	FLAG_LIST,      /* struct flag_list; may be given often */
	FLAG_VERSION,   /* as --help: ends the parsing */
	FLAG_NO_EFFECT, /* accepted, with or without a value: kept as text (struct sv) unless NULL
			 */
	FLAG_REFUSED,   /* known, refused: help says why; value: its default, for listings */
};

enum { FLAG_LIST_MAX = 64 };

struct flag_list {
	struct sv v[FLAG_LIST_MAX];
	size_t n;
};

struct flag {
	const char *name; /* without dashes */
	enum flag_kind kind;
	void *value;      /* struct sv, bool, int64_t, uint64_t, double: holds the default */
	const char *help; /* empty: not shown */
	bool takes_value; /* FLAG_NO_EFFECT, FLAG_REFUSED */
	int exit_code;    /* FLAG_REFUSED */
};

enum { FLAGS_E_BAD = 2, FLAGS_E_HELP = 100, FLAGS_E_VERSION = 101 };

/* argv[0] is skipped. Ends at a NULL name. A flag may be given once (FLAG_NO_EFFECT and
 * FLAG_LIST: often). Up to max positional arguments go to args. 0; FLAGS_E_HELP when --help was
 * given, FLAGS_E_VERSION when a FLAG_VERSION was; else the exit code, with the reason in err. */
int flags_parse(int argc, char **argv, const struct flag *flags, struct sv *args, size_t max,
		size_t *n_args, struct err *err);
typedef const char *flags_getenv(const char *name);
enum { FLAG_VARIABLE_MAX = 96 };
/* The variable of a flag: "AMPAGENT_WEB_LISTEN_ADDRESS" for "web.listen-address". Returns dst, of
 * FLAG_VARIABLE_MAX bytes. */
char *flags_variable(char *dst, const char *name);

/* Flags of one table. */
enum { FLAGS_MAX = 128 };
struct flags_environment {
	flags_getenv *get;
	const char *taken[FLAGS_MAX]; /* names of those whose variable counted */
	size_t n;
};
/* As flags_parse(). What the command line does not have is taken from the flags' variables where
 * they are set and not blank (blanks around a value do not count); what is wrong with one is told
 * with its name. */
int flags_parse_env(int argc, char **argv, const struct flag *flags, struct flags_environment *env,
		    struct sv *args, size_t max, size_t *n_args, struct err *err);
/* When the message is about a flag ("--name: ...") that a variable set: the variable before it. */
void flags_name_variable(const struct flags_environment *env, struct err *err);

/* An object of all flags that have a value, by name, with their values as text. */
void flags_json(struct json_writer *w, const struct flag *flags);
void flags_usage(FILE *out, const char *synopsis, const struct flag *flags);
