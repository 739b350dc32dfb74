/* Variables that will not do what their owner thinks. */
#include "environment.h"

#include <ampagent/base/sv.h>
#include <ampagent/base/text.h>

#include <stdio.h>

enum { NAMES_MAX = 256, NAME_MAX_SHOWN = 80, TEXT_MAX = 400 };

/* Read elsewhere than in environment_variables and the flags' table. */
#define CONTENT "AMPAGENT_CONFIG_CONTENT"

#define PREFIX "AMPAGENT_"

struct names {
	const char *v[NAMES_MAX + 1]; /* behind the prefix, all of which have it; ended by NULL */
	size_t n;
};

/* Those of other makers count only without a file, but are nobody's mistake. */
static bool is_ours(const char *name)
{
	return sv_starts_with(sv_of(name), SV(PREFIX));
}

static void add_name(struct names *names, const char *name)
{
	if (names->n < NAMES_MAX && is_ours(name))
		names->v[names->n++] = name + strlen(PREFIX);
	names->v[names->n] = NULL;
}

static bool has_name(const struct names *names, struct sv name)
{
	for (size_t i = 0; i < names->n; i++)
		if (sv_eq(sv_of(names->v[i]), name))
			return true;
	return false;
}

static bool is_set(environment_get *env, const char *name)
{
	const char *v = env(name);
	return v && *v;
}

/* Kubernetes sets such variables in all pods for a service called "ampagent" or "ampagent-...". */
static bool is_service_link(environment_get *env, struct sv name)
{
	if (environment_place(env) != PLACE_KUBERNETES)
		return false;
	return sv_find_sv(name, SV("_SERVICE_HOST")) < name.len ||
	       sv_find_sv(name, SV("_SERVICE_PORT")) < name.len ||
	       sv_ends_with(name, SV("_PORT")) || sv_find_sv(name, SV("_PORT_")) < name.len;
}

static void check_name(const struct names *known, struct sv name,
		       void (*tell)(void *cls, const char *text), void *cls)
{
	char text[TEXT_MAX];
	const char *near = nearest_word(sv_from(name, strlen(PREFIX)), known->v);
	int shown = name.len < NAME_MAX_SHOWN ? (int)name.len : NAME_MAX_SHOWN;
	snprintf(text, sizeof text, "%.*s: nothing reads this variable%s%s%s", shown, name.ptr,
		 near ? "; did you mean " PREFIX : "", near ? near : "", near ? "?" : "");
	tell(cls, text);
}

static void check_use(environment_get *env, const char *name, const char *source,
		      void (*tell)(void *cls, const char *text), void *cls)
{
	char text[TEXT_MAX];
	if (!is_ours(name) || !is_set(env, name) || strcmp(name, source) == 0)
		return;
	snprintf(text, sizeof text, "%s has no effect: the configuration comes from %s", name,
		 source);
	tell(cls, text);
}

void environment_notes(environment_get *env, char *const *all, const char *const *flag_variables,
		       const char *source, void (*tell)(void *cls, const char *text), void *cls)
{
	struct names known = {.n = 0};
	add_name(&known, CONTENT);
	for (const struct environment_variable *v = environment_variables; v->name; v++)
		add_name(&known, v->name);
	for (; *flag_variables; flag_variables++)
		add_name(&known, *flag_variables);
	for (; all && *all; all++) {
		struct sv name = sv_make(*all, sv_find(sv_of(*all), '='));
		if (is_ours(*all) && !has_name(&known, sv_from(name, strlen(PREFIX))) &&
		    !is_service_link(env, name))
			check_name(&known, name, tell, cls);
	}
	for (const struct environment_variable *v = environment_variables; source && v->name; v++)
		check_use(env, v->name, source, tell, cls);
	if (source)
		check_use(env, CONTENT, source, tell, cls);
	if (is_set(env, "AOT_CONFIG_CONTENT"))
		tell(cls, "AOT_CONFIG_CONTENT holds a configuration of ADOT's collector, which is "
			  "not understood here: AMPAGENT_CONFIG_CONTENT takes a prometheus.yml, as "
			  "stands in its receivers.prometheus.config");
}
