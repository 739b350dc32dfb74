/* What the environment and the shared files say, the profile chosen. */
#include <ampagent/aws/settings.h>

int aws_settings_load(aws_getenv *env, struct sv profile, struct aws_settings *out, struct err *err)
{
	(void)env;
	(void)profile;
	(void)out;
	return err_set(err, 1, "the AWS settings are not built yet");
}

void aws_settings_deinit(struct aws_settings *s)
{
	arena_wipe(&s->arena);
}

const struct aws_section *aws_settings_section(const struct aws_settings *s, struct sv kind,
					       struct sv name)
{
	for (size_t i = 0; i < s->n_sections; i++)
		if (sv_eq(s->sections[i].kind, kind) && sv_eq(s->sections[i].name, name))
			return &s->sections[i];
	return NULL;
}

struct sv aws_section_get(const struct aws_section *section, struct sv key)
{
	for (size_t i = 0; section && i < section->n_pairs; i++)
		if (sv_eq(section->pairs[i].key, key))
			return section->pairs[i].value;
	return SV_NULL;
}
