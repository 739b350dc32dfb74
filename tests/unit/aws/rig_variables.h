/* An environment of the test's own, for the one rig that includes this: a session asks for
 * variables by a function that has no argument for the rig. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { RIG_VARIABLES = 16 };

static struct {
	char name[64]; /* "": free */
	char value[256];
} rig_variables[RIG_VARIABLES];

static const char *rig_variable(const char *name)
{
	for (size_t i = 0; i < RIG_VARIABLES; i++)
		if (strcmp(rig_variables[i].name, name) == 0)
			return rig_variables[i].value;
	return NULL;
}

/* "%d" in value becomes port; NULL takes the variable away. */
static void rig_variable_set(const char *name, const char *value, int port)
{
	size_t at = 0;
	while (at < RIG_VARIABLES && strcmp(rig_variables[at].name, name) != 0)
		at++;
	for (size_t i = 0; at == RIG_VARIABLES && i < RIG_VARIABLES; i++)
		at = rig_variables[i].name[0] ? at : i;
	assert_true(at < RIG_VARIABLES);
	snprintf(rig_variables[at].name, sizeof rig_variables[at].name, "%s", value ? name : "");
	char *dst = rig_variables[at].value;
	const char *mark = value ? strstr(value, "%d") : NULL;
	if (mark)
		snprintf(dst, sizeof rig_variables[at].value, "%.*s%d%s", (int)(mark - value),
			 value, port, mark + 2);
	else
		snprintf(dst, sizeof rig_variables[at].value, "%s", value ? value : "");
}

static void rig_variables_clear(void)
{
	memset(rig_variables, 0, sizeof rig_variables);
}
