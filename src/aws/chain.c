/* Which source the credentials come from: the default chain in the order of the AWS SDK for Go. */
#include "chain.h"

#include "chain_steps.h"
#include <ampagent/base/limits.h>

/* What a plan takes: its texts, and secrets twice. */
#define EXPLAIN_ARENA_BYTES (8 * LIMIT_SECRET_BYTES)

static const char *process_getenv(const char *name)
{
	return getenv(name);
}

struct sv chain_env(const struct chain *c, const char *name)
{
	return sv_of(c->env(name));
}

void chain_found(struct chain *c, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(c->found, sizeof c->found, fmt, args);
	va_end(args);
}

void chain_text(struct aws_plan *plan, const char *fmt, ...)
{
	size_t len = strlen(plan->text);
	va_list args;
	va_start(args, fmt);
	vsnprintf(plan->text + len, sizeof plan->text - len, fmt, args);
	va_end(args);
}

int chain_arn_check(struct chain *c, struct sv arn, const char *where)
{
	bool fine = sv_starts_with(arn, SV("arn:"));
	for (size_t i = 0; i < arn.len; i++)
		fine &= (unsigned char)arn.ptr[i] > ' ' && arn.ptr[i] != 0x7f;
	if (!fine)
		return err_set(c->err, 1, "%s is no ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)",
			       where);
	return 0;
}

int chain_role_add(struct chain *c, struct aws_plan *plan, const struct aws_role *role,
		   const char *where)
{
	int r = chain_arn_check(c, role->arn, where);
	if (r != 0)
		return r;
	if (plan->n_roles == AWS_ROLES_MAX)
		return err_set(c->err, 1, "%s: more than %d roles one after another", where,
			       AWS_ROLES_MAX);
	plan->roles[plan->n_roles++] = *role;
	chain_text(plan, ", then role %.*s", SV_ARG(role->arn));
	return 0;
}

/* In the order that they are asked in. */
static const struct step {
	const char *name;
	chain_step *plan;
	const char *absent; /* for the doctor */
	bool surroundings;  /* not looked at when the configuration names a profile */
} steps[] = {
	{"explicit keys", chain_explicit, "no access_key is configured", false},
	{"environment", chain_environment, "AWS_ACCESS_KEY_ID is not set", true},
	{"web identity", chain_web_identity, "AWS_WEB_IDENTITY_TOKEN_FILE is not set", true},
	{"profile", chain_profile, NULL, false},
	{"container", chain_container,
	 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not "
	 "set",
	 false},
	{"instance", chain_instance, "AWS_EC2_METADATA_DISABLED is true", false},
};

static bool passed_over(const struct chain *c, const struct step *step)
{
	return step->surroundings && c->opt->profile.len > 0;
}

static void profile_absent(const struct chain *c, char *text, size_t size)
{
	const struct aws_settings *s = c->settings;
	if (aws_settings_section(s, SV("profile"), s->profile))
		snprintf(text, size, "profile \"%.*s\" has no credentials", SV_ARG(s->profile));
	else
		snprintf(text, size, "no profile \"%.*s\" in %.*s%s and %.*s%s", SV_ARG(s->profile),
			 SV_ARG(s->config_path), s->config_there ? "" : " (not there)",
			 SV_ARG(s->credentials_path), s->credentials_there ? "" : " (not there)");
}

static int no_source(const struct chain *c)
{
	char profile[320];
	profile_absent(c, profile, sizeof profile);
	return err_set(c->err, 1,
		       "no AWS credentials: no access_key is configured; %s%s; %s; "
		       "AWS_EC2_METADATA_DISABLED keeps the instance's role out",
		       c->opt->profile.len > 0 ? ""
					       : "AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, ",
		       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
		       "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
		       profile);
}

static int find_source(struct chain *c, struct aws_plan *out)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (passed_over(c, &steps[i]))
			continue;
		*out = (struct aws_plan){.source = AWS_EXPLICIT};
		int r = steps[i].plan(c, out);
		if (r != CHAIN_ABSENT)
			return r;
	}
	return no_source(c);
}

/* The role that the configuration wants on top of what the chain gives. */
static int add_configured_role(struct chain *c, struct aws_plan *out)
{
	const struct aws_credentials_options *opt = c->opt;
	if (opt->role_arn.len == 0)
		return 0;
	struct aws_role role = {.arn = opt->role_arn,
				.external_id = opt->external_id,
				.session_name = opt->role_session_name};
	return chain_role_add(c, out, &role, "role_arn");
}

static const char *kind_of(enum aws_source source)
{
	static const char *const kinds[] = {
		[AWS_EXPLICIT] = "explicit",    [AWS_ENVIRONMENT] = "environment",
		[AWS_PROFILE_KEYS] = "profile", [AWS_WEB_IDENTITY] = "web_identity",
		[AWS_PROCESS] = "process",      [AWS_SSO] = "sso",
		[AWS_CONTAINER] = "container",  [AWS_INSTANCE] = "instance",
	};
	return kinds[source];
}

static int keep(struct arena *arena, struct sv *s)
{
	if (s->len == 0)
		return 0;
	*s = arena_dup(arena, *s);
	return s->ptr ? 0 : ERR_NOMEM;
}

/* Environment and settings may be gone before the plan is. */
static int keep_all(struct arena *arena, struct aws_plan *p)
{
	struct sv *texts[] = {
		&p->keys.access_key, &p->keys.secret_key, &p->keys.session_token,
		&p->web.role_arn,    &p->web.token_file,  &p->web.session_name,
		&p->command,         &p->sso.session,     &p->sso.region,
		&p->sso.account,     &p->sso.role,        &p->container.url,
		&p->container.token, &p->sts_region,      &p->container.token_file,
	};
	int r = 0;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0] && r == 0; i++)
		r = keep(arena, texts[i]);
	for (size_t i = 0; i < p->n_roles && r == 0; i++) {
		r = keep(arena, &p->roles[i].arn);
		if (r == 0)
			r = keep(arena, &p->roles[i].external_id);
		if (r == 0)
			r = keep(arena, &p->roles[i].session_name);
		if (r == 0)
			r = keep(arena, &p->roles[i].profile);
	}
	return r;
}

/* Keys in a file may be others when it is read again. */
static bool is_fixed(enum aws_source source)
{
	return source == AWS_EXPLICIT || source == AWS_ENVIRONMENT;
}

int chain_plan(struct arena *arena, aws_getenv *env, const struct aws_settings *settings,
	       const struct aws_credentials_options *opt, struct aws_plan *out, struct err *err)
{
	struct chain c = {.arena = arena,
			  .env = env ? env : process_getenv,
			  .settings = settings,
			  .opt = opt,
			  .err = err};
	int r = find_source(&c, out);
	if (r == 0)
		r = add_configured_role(&c, out);
	if (r != 0)
		return r;
	out->kind = kind_of(out->source);
	out->can_change = !is_fixed(out->source) || out->n_roles > 0;
	out->sts_region = settings->region.len > 0 ? settings->region : opt->region;
	out->sts_fips = settings->use_fips || opt->use_fips_sts;
	return keep_all(arena, out) == 0 ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static void explain_text(const struct chain *c, const struct aws_plan *plan, int r, const char *why,
			 bool skipped, char *text, size_t size)
{
	snprintf(text, size, "%s", r == 0 ? c->found : why);
	for (size_t i = 0; r == 0 && i < plan->n_roles; i++)
		snprintf(text + strlen(text), size - strlen(text), "; then role %.*s",
			 SV_ARG(plan->roles[i].arn));
	if (skipped)
		snprintf(text + strlen(text), size - strlen(text),
			 "; not looked at, since the configuration names the profile %.*s",
			 SV_ARG(c->opt->profile));
}

/* Tells one source; true when it is the one. */
static bool explain_step(struct chain *c, const struct step *step, bool have_one,
			 void (*line)(void *cls, const char *source, enum aws_source_state state,
				      const char *text),
			 void *cls)
{
	struct aws_plan plan = {.source = AWS_EXPLICIT};
	struct err why = ERR_NULL;
	char text[ERR_MSG_MAX];
	c->err = &why;
	c->found[0] = '\0';
	int r = step->plan(c, &plan);
	if (r == CHAIN_ABSENT) {
		if (step->absent)
			snprintf(text, sizeof text, "%s", step->absent);
		else
			profile_absent(c, text, sizeof text);
		line(cls, step->name, AWS_SOURCE_ABSENT, text);
		return false;
	}
	bool skipped = passed_over(c, step);
	if (r == 0 && !have_one && !skipped)
		r = add_configured_role(c, &plan);
	explain_text(c, &plan, r, why.msg, skipped, text, sizeof text);
	if (have_one || skipped)
		line(cls, step->name, AWS_SOURCE_SHADOWED, text);
	else
		line(cls, step->name, r == 0 ? AWS_SOURCE_CHOSEN : AWS_SOURCE_BROKEN, text);
	return !skipped;
}

void chain_explain(aws_getenv *env, const struct aws_settings *settings,
		   const struct aws_credentials_options *opt,
		   void (*line)(void *cls, const char *source, enum aws_source_state state,
				const char *text),
		   void *cls)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct chain c = {.arena = &arena,
			  .env = env ? env : process_getenv,
			  .settings = settings,
			  .opt = opt};
	bool have_one = false;
	arena_init(&arena, EXPLAIN_ARENA_BYTES);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		have_one |= explain_step(&c, &steps[i], have_one, line, cls);
}
