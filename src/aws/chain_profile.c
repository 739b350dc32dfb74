/* The shared profile: what it says about credentials, and the profiles that it leans on.
 *
 * A profile with source_profile is a role to assume with what that other profile gives, and so on
 * down to one that has credentials of its own. One that is met a second time counts for these only:
 * so a profile may name itself and hold keys beside its role. Whatever else makes a loop is an
 * error.
 */
#include "chain_steps.h"

enum { PROFILES_MAX = AWS_ROLES_MAX + 1, DURATION_MIN_S = 900, DURATION_MAX_S = 43200 };

/* One profile, as the chain sees it. */
struct profile {
	const struct aws_section *section;
	struct sv name;
	bool again; /* met before: its role has been dealt with */
};

static struct sv get(const struct profile *p, const char *key)
{
	return aws_section_get(p->section, sv_of(key));
}

static const struct aws_pair *pair_of(const struct profile *p, const char *key)
{
	for (size_t i = 0; i < p->section->n_pairs; i++)
		if (sv_eq(p->section->pairs[i].key, sv_of(key)))
			return &p->section->pairs[i];
	return NULL;
}

/* "path:line: profile "x": what", the place that of a key, or of nothing when it is missing. */
static int fault(struct chain *c, const struct profile *p, const char *key, const char *what)
{
	const struct aws_settings *s = c->settings;
	const struct aws_pair *pair = pair_of(p, key);
	if (!pair)
		return err_set(c->err, 1, "profile \"%.*s\": %s", SV_ARG(p->name), what);
	struct sv path = pair->in_credentials ? s->credentials_path : s->config_path;
	return err_set(c->err, 1, "%.*s:%d: profile \"%.*s\": %s", SV_ARG(path), pair->line,
		       SV_ARG(p->name), what);
}

static bool has_keys(const struct profile *p)
{
	return get(p, "aws_access_key_id").len > 0 && get(p, "aws_secret_access_key").len > 0;
}

/* "profile x" in plan's text, and where its keys stand for the doctor. */
static void tell(struct chain *c, const struct profile *p, const char *key, struct sv value)
{
	const struct aws_settings *s = c->settings;
	const struct aws_pair *pair = pair_of(p, key);
	struct sv path = pair && pair->in_credentials ? s->credentials_path : s->config_path;
	if (sv_eq(p->name, s->profile))
		chain_found(c, "profile \"%.*s\" of %.*s: %s %.*s", SV_ARG(p->name), SV_ARG(path),
			    key, SV_ARG(value));
	else
		chain_found(c, "profile \"%.*s\", which leans on profile \"%.*s\" of %.*s: %s %.*s",
			    SV_ARG(s->profile), SV_ARG(p->name), SV_ARG(path), key, SV_ARG(value));
}

static int use_keys(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	static const char *const names[] = {"aws_access_key_id", "aws_secret_access_key",
					    "aws_session_token"};
	struct sv parts[3];
	for (size_t i = 0; i < 3; i++) {
		struct err why = ERR_NULL;
		parts[i] = get(p, names[i]);
		if (aws_key_part_check(parts[i], names[i], &why) != 0)
			return fault(c, p, names[i], why.msg);
	}
	out->source = AWS_PROFILE_KEYS;
	out->keys = (struct aws_keys){parts[0], parts[1], parts[2]};
	tell(c, p, names[0], aws_access_key_shown(parts[0]));
	return 0;
}

static int use_environment(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	struct aws_plan plan = {.source = AWS_EXPLICIT};
	int r = chain_environment(c, &plan);
	if (r == CHAIN_ABSENT)
		return fault(c, p, "credential_source",
			     "credential_source is Environment, but AWS_ACCESS_KEY_ID is not set");
	out->source = plan.source;
	out->keys = plan.keys;
	return r;
}

static int use_container(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	struct aws_plan plan = {.source = AWS_EXPLICIT};
	int r = chain_container(c, &plan);
	if (r == CHAIN_ABSENT)
		return fault(c, p, "credential_source",
			     "credential_source is EcsContainer, but neither "
			     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
			     "AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
	out->source = plan.source;
	out->container = plan.container;
	return r;
}

static int use_credential_source(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	static const char key[] = "credential_source";
	struct sv source = get(p, key);
	chain_text(out, ", %s %.*s", key, SV_ARG(source));
	int r;
	if (sv_eq(source, SV("Environment"))) {
		r = use_environment(c, p, out);
	} else if (sv_eq(source, SV("EcsContainer"))) {
		r = use_container(c, p, out);
	} else if (sv_eq(source, SV("Ec2InstanceMetadata"))) {
		out->source = AWS_INSTANCE;
		r = c->settings->imds_disabled
			    ? fault(c, p, key,
				    "credential_source is Ec2InstanceMetadata, but "
				    "AWS_EC2_METADATA_DISABLED is true")
			    : 0;
	} else {
		return fault(c, p, key,
			     "credential_source is none of Environment, Ec2InstanceMetadata, "
			     "EcsContainer");
	}
	if (r == 0)
		tell(c, p, key, source);
	return r;
}

static int use_web_identity(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	static const char key[] = "web_identity_token_file";
	out->source = AWS_WEB_IDENTITY;
	out->web.role_arn = get(p, "role_arn");
	out->web.token_file = get(p, key);
	out->web.session_name = get(p, "role_session_name");
	/* Its role was dealt with when it was met first: a profile cannot lean on its own role. */
	if (p->again || out->web.role_arn.len == 0)
		return fault(c, p, key, "web_identity_token_file needs role_arn beside it");
	chain_text(out, ", web identity, role %.*s", SV_ARG(out->web.role_arn));
	tell(c, p, key, out->web.token_file);
	return chain_arn_check(c, out->web.role_arn, "role_arn");
}

/* What a profile and its session both say has to be the same. */
static int sso_agree(struct chain *c, const struct profile *p, const struct aws_section *session,
		     const char *key)
{
	struct sv own = get(p, key);
	char what[96];
	if (own.len == 0 || sv_eq(own, aws_section_get(session, sv_of(key))))
		return 0;
	snprintf(what, sizeof what, "%s is another than that of the [sso-session] section", key);
	return fault(c, p, key, what);
}

static int sso_session(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	static const char key[] = "sso_session";
	struct sv name = get(p, key);
	const struct aws_section *session =
		aws_settings_section(c->settings, SV("sso-session"), name);
	if (!session)
		return fault(c, p, key, "there is no [sso-session] section of that name");
	out->sso.session = name;
	out->sso.region = aws_section_get(session, SV("sso_region"));
	if (out->sso.region.len == 0 || aws_section_get(session, SV("sso_start_url")).len == 0)
		return fault(c, p, key,
			     "its [sso-session] section lacks sso_region or "
			     "sso_start_url");
	int r = sso_agree(c, p, session, "sso_region");
	return r == 0 ? sso_agree(c, p, session, "sso_start_url") : r;
}

static bool has_sso(const struct profile *p)
{
	static const char *const keys[] = {"sso_session", "sso_region", "sso_account_id",
					   "sso_start_url", "sso_role_name"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (get(p, keys[i]).len > 0)
			return true;
	return false;
}

static int use_sso(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	bool named = get(p, "sso_session").len > 0;
	out->source = AWS_SSO;
	out->sso.session = get(p, "sso_start_url");
	out->sso.region = get(p, "sso_region");
	out->sso.account = get(p, "sso_account_id");
	out->sso.role = get(p, "sso_role_name");
	int r = named ? sso_session(c, p, out) : 0;
	if (r != 0)
		return r;
	const char *missing = out->sso.session.len == 0   ? "sso_start_url"
			      : out->sso.region.len == 0  ? "sso_region"
			      : out->sso.account.len == 0 ? "sso_account_id"
			      : out->sso.role.len == 0    ? "sso_role_name"
							  : NULL;
	if (missing)
		return err_set(c->err, 1, "profile \"%.*s\" signs in by SSO but lacks %s",
			       SV_ARG(p->name), missing);
	chain_text(out, ", SSO role %.*s of account %.*s", SV_ARG(out->sso.role),
		   SV_ARG(out->sso.account));
	tell(c, p, named ? "sso_session" : "sso_start_url", out->sso.session);
	return 0;
}

/* The command's line may hold a secret: it is not told. */
static int use_process(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	out->source = AWS_PROCESS;
	out->command = get(p, "credential_process");
	chain_text(out, ", credential_process");
	tell(c, p, "credential_process", SV("is configured"));
	return 0;
}

/* A profile's own credentials, the first kind of them that it has. */
static int use_own(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	if (has_keys(p))
		return use_keys(c, p, out);
	if (get(p, "credential_source").len > 0)
		return use_credential_source(c, p, out);
	if (get(p, "web_identity_token_file").len > 0)
		return use_web_identity(c, p, out);
	if (has_sso(p))
		return use_sso(c, p, out);
	if (get(p, "login_session").len > 0)
		return fault(c, p, "login_session",
			     "login_session needs somebody who logs in and is not supported");
	if (get(p, "credential_process").len > 0)
		return use_process(c, p, out);
	return CHAIN_ABSENT;
}

/* A role without a word about whose keys assume it: the container's, else the instance's. */
static int use_surroundings(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	struct aws_plan plan = {.source = AWS_EXPLICIT};
	if (get(p, "role_arn").len == 0)
		return CHAIN_ABSENT;
	int r = chain_container(c, &plan);
	if (r == CHAIN_ABSENT)
		r = chain_instance(c, &plan);
	if (r == CHAIN_ABSENT)
		return fault(c, p, "role_arn",
			     "role_arn without source_profile or credential_source, and there is "
			     "neither a container's nor an instance's role to assume it with");
	out->source = plan.source;
	out->container = plan.container;
	chain_text(out, ", %s", plan.text);
	tell(c, p, "role_arn", get(p, "role_arn"));
	return r;
}

static int duration(struct chain *c, const struct profile *p, int64_t *out)
{
	static const char key[] = "duration_seconds";
	struct sv text = get(p, key);
	uint64_t s = 0;
	if (text.len > 0 && (sv_to_u64(text, &s) != 0 || s > DURATION_MAX_S))
		return fault(c, p, key, "duration_seconds is no number up to 43200");
	/* The service allows no less than what it takes when it is not told. */
	*out = s > DURATION_MIN_S ? (int64_t)s : 0;
	return 0;
}

/* The role that a profile stands for, on top of what is there. */
static int add_role(struct chain *c, const struct profile *p, struct aws_plan *out)
{
	struct aws_role role = {.arn = get(p, "role_arn"),
				.external_id = get(p, "external_id"),
				.session_name = get(p, "role_session_name"),
				.profile = p->name};
	if (p->again || role.arn.len == 0)
		return 0;
	if (get(p, "mfa_serial").len > 0)
		return fault(c, p, "mfa_serial",
			     "mfa_serial asks for a code that nobody types here: use a role "
			     "without it");
	int r = duration(c, p, &role.duration_s);
	if (r != 0)
		return r;
	struct err why = ERR_NULL, *err = c->err;
	c->err = &why;
	r = chain_role_add(c, out, &role, "role_arn");
	c->err = err;
	return r == 0 ? 0 : fault(c, p, "role_arn", why.msg);
}

/* What must hold for any profile, before it is used. */
static int check(struct chain *c, const struct profile *p)
{
	static const char *const sources[] = {"source_profile", "credential_source",
					      "web_identity_token_file", "credential_process"};
	bool access = get(p, "aws_access_key_id").len > 0;
	if (access != (get(p, "aws_secret_access_key").len > 0))
		return fault(c, p, access ? "aws_access_key_id" : "aws_secret_access_key",
			     access ? "aws_access_key_id without aws_secret_access_key"
				    : "aws_secret_access_key without aws_access_key_id");
	const char *first = NULL;
	char what[128];
	for (size_t i = p->again ? 1 : 0; i < 4; i++) {
		if (get(p, sources[i]).len == 0)
			continue;
		if (first) {
			snprintf(what, sizeof what, "%s and %s exclude each other", first,
				 sources[i]);
			return fault(c, p, sources[i], what);
		}
		first = sources[i];
		snprintf(what, sizeof what, "%s without role_arn", first);
		if (i < 3 && !p->again && get(p, "role_arn").len == 0)
			return fault(c, p, first, what);
	}
	return 0;
}

/* Those met on the way down; the last one has credentials of its own, or nothing to lean on. */
struct way {
	struct profile met[PROFILES_MAX + 1];
	size_t n;
};

static bool was_met(const struct way *w, struct sv name)
{
	for (size_t i = 0; i < w->n; i++)
		if (sv_eq(w->met[i].name, name))
			return true;
	return false;
}

static int walk(struct chain *c, struct way *w)
{
	struct sv name = c->settings->profile;
	for (;;) {
		struct profile p = {aws_settings_section(c->settings, SV("profile"), name), name,
				    was_met(w, name)};
		if (!p.section && w->n == 0)
			return CHAIN_ABSENT;
		if (!p.section)
			return fault(c, &w->met[w->n - 1], "source_profile",
				     "there is no profile of the name that source_profile says");
		w->met[w->n++] = p;
		int r = check(c, &p);
		struct sv source = get(&p, "source_profile");
		/* Keys of a profile that another one leans on end the way. */
		bool end = p.again || source.len == 0 || (w->n > 1 && has_keys(&p));
		if (r != 0 || end)
			return r;
		if (w->n > PROFILES_MAX - 1)
			return fault(c, &p, "source_profile", "too many profiles lean on another");
		name = source;
	}
}

static int no_credentials(struct chain *c, const struct way *w)
{
	const struct profile *last = &w->met[w->n - 1];
	const struct profile *before = &w->met[w->n - 2];
	return fault(c, before, "source_profile",
		     last->again ? "source_profile leads back to a profile that has no keys of "
				   "its own: a loop"
				 : "the profile that source_profile names has no credentials");
}

int chain_profile(struct chain *c, struct aws_plan *out)
{
	struct way w = {.n = 0};
	int r = walk(c, &w);
	if (r != 0)
		return r;
	const struct profile *last = &w.met[w.n - 1];
	chain_text(out, "profile %.*s", SV_ARG(c->settings->profile));
	if (w.n > 1 && !last->again)
		chain_text(out, ", profile %.*s", SV_ARG(last->name));
	r = use_own(c, last, out);
	if (r == CHAIN_ABSENT && w.n > 1)
		return no_credentials(c, &w);
	if (r == CHAIN_ABSENT)
		r = use_surroundings(c, last, out);
	/* The role of a web identity is in it. */
	size_t roles = out->source == AWS_WEB_IDENTITY ? w.n - 1 : w.n;
	for (size_t i = roles; i > 0 && r == 0; i--)
		r = add_role(c, &w.met[i - 1], out);
	return r;
}
