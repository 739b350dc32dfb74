/* An environment for tests: what set() was told since clear_all(). */
#pragma once

#include <stddef.h>
#include <string.h>

enum { VARIABLES_MAX = 32 };
static struct {
	const char *name, *value;
} variables[VARIABLES_MAX];
static size_t n_variables;

static inline void clear_all(void)
{
	n_variables = 0;
}

static inline void set(const char *name, const char *value)
{
	size_t i = 0;
	while (i < n_variables && strcmp(variables[i].name, name) != 0)
		i++;
	variables[i].name = name;
	variables[i].value = value;
	if (i == n_variables)
		n_variables++;
}

static inline const char *get(const char *name)
{
	for (size_t i = 0; i < n_variables; i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}
