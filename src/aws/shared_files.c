/* The shared files: found, read, merged as the SDK for Go does. */
#include "shared_files.h"
#include "ini.h"
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>

#define KIND_PROFILE SV("profile")
#define NAME_DEFAULT SV("default")

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

const char *aws_home(aws_getenv *env, char room[AWS_HOME_ROOM])
{
	const char *dir = env("HOME");
	if (dir && dir[0])
		return dir;
	struct passwd entry, *found = NULL;
	if (getpwuid_r(getuid(), &entry, room, AWS_HOME_ROOM, &found) != 0 || !found)
		return NULL;
	return found->pw_dir && found->pw_dir[0] ? found->pw_dir : NULL;
}

/* "" when there is no place to look at. */
static int find_path(struct aws_settings *s, aws_getenv *env, const char *variable,
		     const char *name, struct sv *out)
{
	_cleanup_(buf_deinit) struct buf path = BUF_NULL;
	char room[AWS_HOME_ROOM];
	const char *dir = aws_home(env, room);
	struct sv given = sv_of(env(variable));
	buf_init(&path, KiB(16));
	if (dir && sv_starts_with(given, SV("~/")))
		buf_printf(&path, "%s%.*s", dir, SV_ARG(sv_from(given, 1)));
	else if (given.len > 0)
		buf_sv(&path, given);
	else if (dir)
		buf_printf(&path, "%s/.aws/%s", dir, name);
	*out = arena_dup(&s->arena, buf_view(&path));
	return buf_failed(&path) || !out->ptr ? ERR_NOMEM : 0;
}

/* A home that this user may not enter (HOME=/root in a container whose user is another) has no
 * files for him; a path that somebody named has to be readable. */
static bool is_there(const char *path, bool named)
{
	struct stat st;
	if (stat(path, &st) == 0)
		return true;
	return errno != ENOENT && errno != ENOTDIR && (named || errno != EACCES);
}

static int read_file(struct aws_settings *s, struct sv path, bool named, struct aws_ini *out,
		     bool *there, struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL;
	*out = (struct aws_ini){NULL, 0, 0};
	*there = path.len > 0 && is_there(path.ptr, named);
	if (!*there)
		return 0;
	buf_init(&text, LIMIT_AWS_INI_BYTES);
	int r = file_read_at_once(path.ptr, &text, err);
	if (r != 0)
		return r;
	struct err why = ERR_NULL;
	r = aws_ini_parse(&s->arena, buf_view(&text), out, &why);
	if (r == 1)
		return err_set(err, 1, "%s:%d: %s", path.ptr, why.line, why.msg);
	return r == 0 ? 0 : no_memory(err);
}

static struct aws_section *section_add(struct aws_settings *s, struct sv kind, struct sv name,
				       const struct aws_ini_section *from)
{
	struct aws_section *section = &s->sections[s->n_sections++];
	*section = (struct aws_section){kind, name, from->pairs, from->n_pairs};
	return section;
}

static bool is_plain_kind(struct sv type)
{
	return sv_eq(type, SV("sso-session")) || sv_eq(type, SV("services"));
}

/* [profile default] hides [default]; what has none of the known types is not for us. */
static void add_config(struct aws_settings *s, const struct aws_ini *ini)
{
	bool hidden = false;
	for (size_t i = 0; i < ini->n_sections; i++)
		hidden |= sv_eq(ini->sections[i].type, KIND_PROFILE) &&
			  sv_eq(ini->sections[i].name, NAME_DEFAULT);
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct aws_ini_section *from = &ini->sections[i];
		if (sv_eq(from->type, KIND_PROFILE) || is_plain_kind(from->type))
			section_add(s, from->type, from->name, from);
		else if (from->type.len == 0 && sv_eq(from->name, NAME_DEFAULT) && !hidden)
			section_add(s, KIND_PROFILE, NAME_DEFAULT, from);
	}
}

static bool is_key_part(struct sv key)
{
	return sv_eq(key, SV("aws_access_key_id")) || sv_eq(key, SV("aws_secret_access_key")) ||
	       sv_eq(key, SV("aws_session_token"));
}

static bool has_key_part(const struct aws_ini_section *s)
{
	for (size_t i = 0; i < s->n_pairs; i++)
		if (is_key_part(s->pairs[i].key))
			return true;
	return false;
}

/* The credentials file wins; parts of one key never come from two files. */
static int merge(struct aws_settings *s, struct aws_section *into,
		 const struct aws_ini_section *from)
{
	size_t n = 0;
	bool whole_key = has_key_part(from);
	struct aws_pair *pairs =
		arena_calloc(&s->arena, into->n_pairs + from->n_pairs + 1, sizeof *pairs);
	if (!pairs)
		return ERR_NOMEM;
	for (size_t i = 0; i < into->n_pairs; i++) {
		bool replaced = whole_key && is_key_part(into->pairs[i].key);
		for (size_t k = 0; k < from->n_pairs && !replaced; k++)
			replaced = sv_eq(into->pairs[i].key, from->pairs[k].key);
		if (!replaced)
			pairs[n++] = into->pairs[i];
	}
	for (size_t k = 0; k < from->n_pairs; k++)
		pairs[n++] = from->pairs[k];
	into->pairs = pairs;
	into->n_pairs = n;
	return 0;
}

/* What a heading of the credentials file names: all of it, but for the types that are told. */
static int credentials_name(struct aws_settings *s, const struct aws_ini_section *from,
			    struct sv *kind, struct sv *name)
{
	*kind = is_plain_kind(from->type) ? from->type : KIND_PROFILE;
	*name = from->name;
	if (from->type.len == 0 || is_plain_kind(from->type))
		return 0;
	size_t len = from->type.len + 1 + from->name.len;
	char *both = arena_alloc(&s->arena, len + 1);
	if (!both)
		return ERR_NOMEM;
	snprintf(both, len + 1, "%.*s %.*s", SV_ARG(from->type), SV_ARG(from->name));
	*name = sv_make(both, len);
	return 0;
}

static int add_credentials(struct aws_settings *s, struct aws_ini *ini)
{
	size_t n_config = s->n_sections;
	for (size_t i = 0; i < ini->n_sections; i++) {
		struct aws_ini_section *from = &ini->sections[i];
		struct aws_section *into = NULL;
		struct sv kind, name;
		if (sv_eq(from->type, KIND_PROFILE))
			continue;
		for (size_t k = 0; k < from->n_pairs; k++)
			from->pairs[k].in_credentials = true;
		int r = credentials_name(s, from, &kind, &name);
		for (size_t k = 0; k < n_config && r == 0 && !into; k++)
			if (sv_eq(s->sections[k].name, name) && sv_eq(s->sections[k].kind, kind))
				into = &s->sections[k];
		if (r == 0 && into)
			r = merge(s, into, from);
		else if (r == 0)
			section_add(s, kind, name, from);
		if (r != 0)
			return r;
	}
	return 0;
}

static bool is_set(aws_getenv *env, const char *name)
{
	return sv_of(env(name)).len > 0;
}

int aws_shared_files_load(aws_getenv *env, struct aws_settings *s, struct err *err)
{
	struct aws_ini config, credentials;
	const char *config_variable = "AWS_CONFIG_FILE";
	const char *credentials_variable = "AWS_SHARED_CREDENTIALS_FILE";
	if (find_path(s, env, config_variable, "config", &s->config_path) != 0 ||
	    find_path(s, env, credentials_variable, "credentials", &s->credentials_path) != 0)
		return no_memory(err);
	int r = read_file(s, s->config_path, is_set(env, config_variable), &config,
			  &s->config_there, err);
	if (r == 0)
		r = read_file(s, s->credentials_path, is_set(env, credentials_variable),
			      &credentials, &s->credentials_there, err);
	if (r != 0)
		return r;
	s->sections = arena_calloc(&s->arena, config.n_sections + credentials.n_sections + 1,
				   sizeof *s->sections);
	if (!s->sections)
		return no_memory(err);
	add_config(s, &config);
	return add_credentials(s, &credentials) == 0 ? 0 : no_memory(err);
}
