/* Any values of the variables that configure: refused with a variable's name, or a configuration
 * that says what they say and nothing else. The first byte tells whether it is in ECS; then come
 * records apart by NUL: a letter for the variable ('A' is the first one of the table, behind the
 * last one that of the listen address), and its value. */
#include "environment.h"

#include <ampagent/base/limits.h>
#include <ampagent/config.h>

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES_MAX = 64 };

static char *values[VARIABLES_MAX];

static const char *get(const char *name)
{
	size_t i = 0;
	while (environment_variables[i].name && strcmp(environment_variables[i].name, name) != 0)
		i++;
	bool is_known =
		environment_variables[i].name || strcmp(name, "AMPAGENT_WEB_LISTEN_ADDRESS") == 0;
	return is_known && i < VARIABLES_MAX ? values[i] : NULL;
}

static void take(struct sv rest)
{
	while (rest.len > 0) {
		struct sv record = sv_make(rest.ptr, sv_find(rest, '\0'));
		rest = sv_from(rest, record.len + 1);
		size_t i = record.len > 0 ? (size_t)(uint8_t)record.ptr[0] - 'A' : VARIABLES_MAX;
		if (i >= VARIABLES_MAX)
			continue;
		free(values[i]);
		values[i] = sv_dup(sv_from(record, 1));
	}
}

static struct sv value(const char *name)
{
	return sv_trim(sv_of(get(name)));
}

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_config(const struct config *c)
{
	struct sv job = value("AMPAGENT_JOB_NAME"), url = value("AMPAGENT_REMOTE_WRITE_URL");
	bool has_job = false;
	size_t n_targets = 0;
	check(c->n_writes == 1 && c->n_scrapes >= 1 && c->n_scrapes <= 3);
	check(url.len == 0 || sv_eq(c->writes[0].url, url));
	for (size_t i = 0; i < c->n_scrapes; i++) {
		const struct discovery_options *d = &c->discoveries[i];
		has_job = has_job || sv_eq(c->scrapes[i].job_name, job.len > 0 ? job : SV("app"));
		check(d->n_file_sds == 0 && d->n_ecs_sds == 0 && d->n_ecs_task_sds <= 1);
		check(!c->scrapes[i].metric_relabel || d->n_statics + d->n_ecs_task_sds > 0);
		n_targets += d->n_statics;
	}
	check(has_job || value("AMPAGENT_TARGETS").len == 0 || n_targets <= 1);
	check(c->writes[0].has_sigv4 || value("AMPAGENT_ROLE_ARN").len == 0);
	check(sv_eq(c->writes[0].sigv4.external_id, value("AMPAGENT_EXTERNAL_ID")));
	check(c->writes[0].sigv4.access_key.len == 0 &&
	      c->writes[0].http.credentials_file.len == 0);
}

/* A message begins with a variable's name, or is one of those that need none. */
static void check_refusal(const struct err *err)
{
	const struct environment_variable *v = environment_variables;
	while (v->name && strncmp(err->msg, v->name, strlen(v->name)) != 0)
		v++;
	check(v->name || strncmp(err->msg, "AWS_REGION: ", 12) == 0 ||
	      strncmp(err->msg, "there is nothing to scrape", 26) == 0 ||
	      strncmp(err->msg, "the configuration that the environment makes is too long", 56) ==
		      0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct config *c = NULL;
	struct err err = ERR_NULL;
	if (size == 0)
		return 0;
	buf_init(&text, MiB(1));
	take(sv_make((const char *)data + 1, size - 1));
	int r = environment_config(get, data[0] & 1, SV_NULL, &text, &err);
	if (r != 0)
		check_refusal(&err);
	else if (config_parse(buf_view(&text), "text", NULL, get, &c, &err) == 0)
		check_config(c);
	else
		check(err.line > 0 && environment_config_origin(buf_view(&text), err.line).len > 0);
	config_unref(c);
	for (size_t i = 0; i < VARIABLES_MAX; i++) {
		free(values[i]);
		values[i] = NULL;
	}
	return 0;
}
