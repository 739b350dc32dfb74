/* Where the configuration comes from: a file, a variable's content, or many variables. */
#include "config_source.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <unistd.h>

#define CONTENT_NAME "AMPAGENT_CONFIG_CONTENT"
#define FILE_NAME "prometheus.yml"
#define TEXT_BYTES MiB(1)

static int named(struct config_source *s, struct sv name, bool is_file, struct err *err)
{
	s->is_file = is_file;
	s->path = sv_dup(name);
	return s->path ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int config_source_find(environment_get *env, struct sv file, struct config_source *out,
		       struct err *err)
{
	*out = (struct config_source){.is_file = true};
	buf_init(&out->text, TEXT_BYTES);
	if (file.len > 0)
		return named(out, file, true, err);
	const char *content = env(CONTENT_NAME);
	if (content && *content) {
		if (buf_reserve(&out->text, strlen(content)) != 0)
			return err_set(err, ERR_NOMEM, "out of memory");
		buf_sv(&out->text, sv_of(content));
		return named(out, SV(CONTENT_NAME), false, err);
	}
	if (access(FILE_NAME, F_OK) == 0)
		return named(out, SV(FILE_NAME), true, err);
	if (!environment_asks(env))
		return err_set(err, 1, "there is no configuration");
	int r = environment_config(env, environment_place(env) == PLACE_ECS, &out->text, err);
	return r != 0 ? r : named(out, SV("the environment"), false, err);
}

void config_source_deinit(struct config_source *s)
{
	free(s->path);
	buf_wipe(&s->text);
	buf_deinit(&s->text);
}

int config_source_load(const struct config_source *s, const struct config_features *features,
		       struct config **out, struct err *err)
{
	if (s->is_file)
		return config_load(s->path, features, out, err);
	return config_parse(buf_view(&s->text), s->path, features, NULL, out, err);
}

int config_source_checksum(const struct config_source *s, uint64_t *out, struct err *err)
{
	if (s->is_file)
		return config_checksum(s->path, out, err);
	return err_set(err, 1, "%s cannot change", s->path);
}
