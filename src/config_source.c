/* Where the configuration comes from: a file, one variable's content, or many variables. */
#include "config_source.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/limits.h>

#include <stdlib.h>
#include <unistd.h>

#define CONTENT_NAME "AMPAGENT_CONFIG_CONTENT"
#define FILE_NAME "prometheus.yml"

static int named(struct config_source *s, struct sv name, struct err *err)
{
	s->path = sv_dup(name);
	return s->path ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int find_content(struct config_source *s, struct sv content, struct err *err)
{
	if (content.len > LIMIT_CONFIG_BYTES)
		return err_set(err, 1, CONTENT_NAME ": longer than %zu bytes",
			       (size_t)LIMIT_CONFIG_BYTES);
	/* At once: it may hold secrets, and growth leaves copies. */
	if (buf_reserve(&s->text, content.len) != 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	buf_sv(&s->text, content);
	return named(s, SV(CONTENT_NAME), err);
}

static int find_none(environment_get *env, struct err *err)
{
	const char *adot = env("AOT_CONFIG_CONTENT");
	return err_set(err, 1,
		       "there is no configuration: no --config.file (AMPAGENT_CONFIG_FILE), no "
		       "prometheus.yml in the working directory, no " CONTENT_NAME
		       ", and no destination in the environment (AMPAGENT_REMOTE_WRITE_URL, "
		       "AMPAGENT_WORKSPACE_ID or AWS_PROMETHEUS_ENDPOINT)%s",
		       adot && *adot ? "; AOT_CONFIG_CONTENT is ADOT's and not understood" : "");
}

int config_source_find(environment_get *env, struct sv file, struct sv listen,
		       struct config_source *out, struct err *err)
{
	*out = (struct config_source){.is_file = false};
	if (file.len == 0)
		file = sv_trim(sv_of(env("AMPAGENT_CONFIG_FILE")));
	buf_init(&out->text, LIMIT_CONFIG_BYTES);
	struct sv content = sv_of(env(CONTENT_NAME));
	if (file.len == 0 && sv_trim(content).len > 0)
		return find_content(out, content, err);
	if (file.len > 0 || access(FILE_NAME, F_OK) == 0) {
		out->is_file = true;
		return named(out, file.len > 0 ? file : SV(FILE_NAME), err);
	}
	if (!environment_asks(env))
		return find_none(env, err);
	out->by_environment = true;
	bool in_ecs = environment_place(env) == PLACE_ECS;
	int r = environment_config(env, in_ecs, listen, &out->text, err);
	return r != 0 ? r : named(out, SV("the environment"), err);
}

void config_source_deinit(struct config_source *s)
{
	free(take_ptr(s->path));
	buf_wipe(&s->text);
}

/* A message about the text made says which variable to look at. */
static void name_variable(const struct config_source *s, struct err *err)
{
	struct sv name = environment_config_origin(buf_view(&s->text), err->line);
	if (err->line > 0 && name.len > 0)
		err_prefix(err, "%.*s", SV_ARG(name));
}

int config_source_load(const struct config_source *s, const struct config_features *features,
		       struct config **out, struct err *err)
{
	struct err why = ERR_NULL;
	int r;
	if (s->is_file)
		return config_load(s->path, features, out, err);
	r = config_parse(buf_view(&s->text), s->path, features, NULL, out, &why);
	if (r != 0 && s->by_environment)
		name_variable(s, &why);
	if (r != 0 && err)
		*err = why;
	return r;
}

int config_source_checksum(const struct config_source *s, uint64_t *out, struct err *err)
{
	if (s->is_file)
		return config_checksum(s->path, out, err);
	return err_set(err, 1, "%s stays as it is until the next start", s->path);
}
