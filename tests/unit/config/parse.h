/* Helpers of the configuration tests. */
#pragma once

#include <ampagent/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof *(a))
#define TEST_PATH "/etc/app/prometheus.yml"

#define assert_sv_equal(v, lit)                                                                    \
	do {                                                                                       \
		struct sv got_ = (v);                                                              \
		if (!sv_eq(got_, sv_of(lit)))                                                      \
			fail_msg("\"%.*s\" is not \"%s\"", SV_ARG(got_), lit);                     \
	} while (0)

/* One environment variable. */
static inline const char *test_getenv(const char *name)
{
	if (strcmp(name, "ZONE") == 0)
		return "eu-1";
	if (strcmp(name, "EMPTY") == 0)
		return "";
	return NULL;
}

/* A file that must load. */
static inline struct config *parse_good(const char *yaml)
{
	struct config *c = NULL;
	struct err err = ERR_NULL;
	if (config_parse(sv_of(yaml), TEST_PATH, NULL, test_getenv, &c, &err) != 0)
		fail_msg("%s\nfor\n%s", err.msg, yaml);
	assert_non_null(c);
	return c;
}

struct refusal {
	const char *yaml;
	int line, col;
	const char *part; /* of the message */
};

/* Files that must be refused, with the place in err, in the message, and the words given. */
static inline void check_refusals(const struct refusal *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct config *c = NULL;
		struct err err = ERR_NULL;
		char place[80];
		if (config_parse(sv_of(v[i].yaml), TEST_PATH, NULL, test_getenv, &c, &err) != 1)
			fail_msg("accepted:\n%s", v[i].yaml);
		assert_null(c);
		snprintf(place, sizeof place, TEST_PATH ":%d:%d: ", v[i].line, v[i].col);
		if (!sv_starts_with(sv_of(err.msg), sv_of(place)) || err.line != v[i].line ||
		    err.col != v[i].col || !strstr(err.msg, v[i].part))
			fail_msg("\"%s\" is not \"%s...%s\" for\n%s", err.msg, place, v[i].part,
				 v[i].yaml);
	}
}

/* Files that must load, without a warning. */
static inline void check_accepted(const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(v[i]);
		if (c->n_warnings > 0)
			fail_msg("warned \"%.*s\" for\n%s", SV_ARG(c->warnings[0].text), v[i]);
	}
}
