/* What the environment and the shared files say, the profile chosen. The environment wins. */
#include <ampagent/aws/settings.h>

#include "shared_files.h"
#include <ampagent/base/limits.h>
#include <ampagent/net/http_client.h>

/* Both files, their copies while they are parsed, and what grew. */
#define SETTINGS_ARENA_BYTES (16 * LIMIT_AWS_INI_BYTES)

enum { IMDS_TIMEOUT_S = 1, IMDS_TIMEOUT_MAX_S = 3600, IMDS_ATTEMPTS_MAX = 100 };

struct lookup {
	struct aws_settings *s;
	aws_getenv *env;
	const struct aws_section *profile, *services;
	bool urls; /* configured endpoints count */
	struct err *err;
};

/* A value and where it stands. */
struct found {
	struct sv value;
	const char *variable;
	const struct aws_pair *pair; /* when variable is NULL */
};

static const char *process_getenv(const char *name)
{
	return getenv(name);
}

static const struct aws_pair *pair_of(const struct aws_section *section, struct sv key)
{
	for (size_t i = 0; section && i < section->n_pairs; i++)
		if (sv_eq(section->pairs[i].key, key))
			return &section->pairs[i];
	return NULL;
}

struct sv aws_section_get(const struct aws_section *section, struct sv key)
{
	const struct aws_pair *pair = pair_of(section, key);
	return pair ? pair->value : SV_NULL;
}

const struct aws_section *aws_settings_section(const struct aws_settings *s, struct sv kind,
					       struct sv name)
{
	for (size_t i = 0; i < s->n_sections; i++)
		if (sv_eq(s->sections[i].kind, kind) && sv_eq(s->sections[i].name, name))
			return &s->sections[i];
	return NULL;
}

/* Either name may be NULL. An empty value counts as none, as in every AWS SDK. */
static struct found find(const struct lookup *l, const char *variable, const char *key)
{
	struct found f = {.variable = variable};
	f.value = variable ? sv_of(l->env(variable)) : SV_NULL;
	if (f.value.len > 0 || !key)
		return f;
	f.variable = NULL;
	f.pair = pair_of(l->profile, sv_of(key));
	f.value = f.pair ? f.pair->value : SV_NULL;
	return f;
}

static int fault(const struct lookup *l, const struct found *f, const char *what)
{
	if (f->variable)
		return err_set(l->err, 1, "%s: %s", f->variable, what);
	const struct aws_settings *s = l->s;
	struct sv path = f->pair->in_credentials ? s->credentials_path : s->config_path;
	return err_set(l->err, 1, "%.*s:%d: %.*s: %s", SV_ARG(path), f->pair->line,
		       SV_ARG(f->pair->key), what);
}

/* Values of files lie in the arena already; those of the environment may change. */
static int keep(const struct lookup *l, const struct found *f, struct sv *out)
{
	*out = f->variable ? arena_dup(&l->s->arena, f->value) : f->value;
	return out->ptr || f->value.len == 0 ? 0 : err_set(l->err, ERR_NOMEM, "out of memory");
}

static int get_text(const struct lookup *l, const char *variable, const char *key, struct sv *out)
{
	struct found f = find(l, variable, key);
	return f.value.len > 0 ? keep(l, &f, out) : 0;
}

static int get_bool(const struct lookup *l, const char *variable, const char *key, bool *out)
{
	struct found f = find(l, variable, key);
	if (f.value.len == 0)
		return 0;
	bool yes = sv_eq_nocase(f.value, SV("true"));
	if (!yes && !sv_eq_nocase(f.value, SV("false")))
		return fault(l, &f, "true or false is expected");
	*out = yes;
	return 0;
}

/* The second of two words is true. */
static int get_choice(const struct lookup *l, const char *variable, const char *key,
		      const char *const words[2], bool *out)
{
	struct found f = find(l, variable, key);
	if (f.value.len == 0)
		return 0;
	bool second = sv_eq_nocase(f.value, sv_of(words[1]));
	char what[64];
	snprintf(what, sizeof what, "%s or %s is expected", words[0], words[1]);
	if (!second && !sv_eq_nocase(f.value, sv_of(words[0])))
		return fault(l, &f, what);
	*out = second;
	return 0;
}

static int get_number(const struct lookup *l, const char *variable, const char *key, uint64_t max,
		      uint64_t *out)
{
	struct found f = find(l, variable, key);
	uint64_t n;
	char what[64];
	if (f.value.len == 0)
		return 0;
	snprintf(what, sizeof what, "a number from 1 to %llu is expected", (unsigned long long)max);
	if (sv_to_u64(f.value, &n) != 0 || n < 1 || n > max)
		return fault(l, &f, what);
	*out = n;
	return 0;
}

static int keep_url(const struct lookup *l, const struct found *f, struct sv *out)
{
	struct url_parts url;
	if (f->value.len == 0)
		return 0;
	if (url_split(f->value, &url) != 0 ||
	    (!sv_eq_nocase(url.scheme, SV("http")) && !sv_eq_nocase(url.scheme, SV("https"))))
		return fault(l, f, "a whole URL with http:// or https:// is expected");
	return keep(l, f, out);
}

static int get_url(const struct lookup *l, const char *variable, const char *key, struct sv *out)
{
	struct found f = find(l, variable, key);
	return keep_url(l, &f, out);
}

/* A service's own variable, else its block in the profile's services section; the variable for all
 * services comes before that. */
static int get_service_url(const struct lookup *l, const char *variable, const char *key,
			   struct sv *out)
{
	struct found f = find(l, variable, NULL);
	if (f.value.len == 0 && sv_of(l->env("AWS_ENDPOINT_URL")).len == 0) {
		f.variable = NULL;
		f.pair = pair_of(l->services, sv_of(key));
		f.value = f.pair ? f.pair->value : SV_NULL;
	}
	return keep_url(l, &f, out);
}

static int get_endpoints(struct lookup *l)
{
	struct aws_settings *s = l->s;
	bool ignored = false;
	int r = get_bool(l, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			 "ignore_configured_endpoint_urls", &ignored);
	struct found services = find(l, NULL, "services");
	if (services.value.len > 0)
		l->services = aws_settings_section(s, SV("services"), services.value);
	if (r == 0 && services.value.len > 0 && !l->services)
		return fault(l, &services, "there is no such [services] section");
	if (r != 0 || ignored)
		return r;
	r = get_url(l, "AWS_ENDPOINT_URL", "endpoint_url", &s->endpoint_url);
	const struct {
		const char *variable, *key;
		struct sv *out;
	} own[] = {
		{"AWS_ENDPOINT_URL_STS", "sts.endpoint_url", &s->endpoint_url_sts},
		{"AWS_ENDPOINT_URL_SSO", "sso.endpoint_url", &s->endpoint_url_sso},
		{"AWS_ENDPOINT_URL_ECS", "ecs.endpoint_url", &s->endpoint_url_ecs},
		{"AWS_ENDPOINT_URL_EC2", "ec2.endpoint_url", &s->endpoint_url_ec2},
	};
	for (size_t i = 0; i < sizeof own / sizeof own[0] && r == 0; i++)
		r = get_service_url(l, own[i].variable, own[i].key, own[i].out);
	return r;
}

static int get_imds(const struct lookup *l)
{
	static const char *const modes[] = {"IPv4", "IPv6"};
	struct aws_settings *s = l->s;
	uint64_t timeout_s = IMDS_TIMEOUT_S, attempts = 1;
	bool six = false;
	int r = get_bool(l, "AWS_EC2_METADATA_DISABLED", NULL, &s->imds_disabled);
	if (r == 0)
		r = get_bool(l, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled",
			     &s->imds_v1_disabled);
	if (r == 0)
		r = get_choice(l, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
			       "ec2_metadata_service_endpoint_mode", modes, &six);
	if (r == 0)
		r = get_url(l, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint",
			    &s->imds_endpoint);
	if (r == 0)
		r = get_number(l, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout",
			       IMDS_TIMEOUT_MAX_S, &timeout_s);
	if (r == 0)
		r = get_number(l, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
			       "metadata_service_num_attempts", IMDS_ATTEMPTS_MAX, &attempts);
	s->imds_mode = six ? AWS_IMDS_IPV6 : AWS_IMDS_IPV4;
	s->imds_timeout_ms = (int64_t)timeout_s * 1000;
	s->imds_attempts = (unsigned)attempts;
	return r;
}

static int get_region(const struct lookup *l)
{
	static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
	struct aws_settings *s = l->s;
	for (size_t i = 0; i < 2; i++) {
		struct found f = find(l, variables[i], NULL);
		if (f.value.len > 0) {
			s->region_from = variables[i];
			return keep(l, &f, &s->region);
		}
	}
	struct found f = find(l, NULL, "region");
	if (f.value.len == 0)
		return 0;
	size_t room = s->profile.len + sizeof "profile ";
	char *from = arena_alloc(&s->arena, room);
	if (!from)
		return err_set(l->err, ERR_NOMEM, "out of memory");
	snprintf(from, room, "profile %.*s", SV_ARG(s->profile));
	s->region_from = from;
	s->region = f.value;
	return 0;
}

static int get_services(const struct lookup *l)
{
	static const char *const sts[] = {"regional", "legacy"};
	struct aws_settings *s = l->s;
	int r = get_bool(l, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &s->use_fips);
	if (r == 0)
		r = get_bool(l, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
			     &s->use_dualstack);
	if (r == 0)
		r = get_choice(l, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints", sts,
			       &s->sts_global);
	if (r == 0)
		r = get_text(l, "AWS_CA_BUNDLE", "ca_bundle", &s->ca_bundle);
	return r;
}

/* The first that names one; *by says which. */
static int choose_profile(const struct lookup *l, struct sv given, const char **by)
{
	struct aws_settings *s = l->s;
	struct found f = {.value = given, .variable = "profile"};
	static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
	for (size_t i = 0; i < 2 && f.value.len == 0; i++)
		f = find(l, variables[i], NULL);
	s->profile_named = f.value.len > 0;
	*by = f.variable;
	if (!s->profile_named)
		f = (struct found){.value = SV("default"), .variable = ""};
	return keep(l, &f, &s->profile);
}

static int load(struct lookup *l, struct sv given)
{
	struct aws_settings *s = l->s;
	const char *by;
	int r = aws_shared_files_load(l->env, s, l->err);
	if (r == 0)
		r = choose_profile(l, given, &by);
	if (r != 0)
		return r;
	l->profile = aws_settings_section(s, SV("profile"), s->profile);
	if (!l->profile && s->profile_named)
		return err_set(l->err, 1,
			       "%s names the profile \"%.*s\", which is in none of the shared "
			       "files: %s%s, %s%s",
			       by, SV_ARG(s->profile), s->config_path.ptr,
			       s->config_there ? "" : " (not there)", s->credentials_path.ptr,
			       s->credentials_there ? "" : " (not there)");
	r = get_region(l);
	if (r == 0)
		r = get_services(l);
	if (r == 0)
		r = get_endpoints(l);
	return r == 0 ? get_imds(l) : r;
}

int aws_settings_load(aws_getenv *env, struct sv profile, struct aws_settings *out, struct err *err)
{
	struct lookup l = {.s = out, .env = env ? env : process_getenv, .err = err};
	*out = (struct aws_settings){.imds_v1_disabled = true};
	arena_init(&out->arena, SETTINGS_ARENA_BYTES);
	int r = load(&l, profile);
	if (r != 0)
		aws_settings_deinit(out);
	return r;
}

void aws_settings_deinit(struct aws_settings *s)
{
	arena_wipe(&s->arena);
	*s = (struct aws_settings){.imds_v1_disabled = true};
}
