/* Static keys: given by the configuration, else by the environment. The first source that is
 * configured is the one: a broken one is an error and never falls through to the next, because
 * writing with somebody else's role is worse than not writing.
 */
#include <ampagent/aws/credentials.h>
#include <ampagent/base/cleanup.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <stdlib.h>

struct aws_credentials {
	char *access_key;
	char *secret_key;
	char *session_token; /* NULL when none */
	const char *source;
};

DEFINE_CLEANUP_PTR(struct aws_credentials, aws_credentials_free)

typedef const char *getenv_fn_t(const char *name);

static const char *process_getenv(const char *name)
{
	return getenv(name);
}

/* An empty variable counts as none, as in every AWS SDK. */
static struct sv env_get(getenv_fn_t *env, const char *name)
{
	return sv_of(env(name));
}

static void wipe_string(char *s)
{
	if (s)
		crypto_wipe(s, strlen(s));
	free(s);
}

/* A blank or a line end in a key comes from a secret store's file read with its newline; the
 * service would only answer that the signature does not match. */
static int check_part(struct sv value, const char *name, struct err *err)
{
	if (value.len > LIMIT_SECRET_BYTES)
		return err_set(err, 1, "%s is longer than %zu bytes", name, LIMIT_SECRET_BYTES);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if (c <= ' ' || c >= 0x7f)
			return err_set(err, 1,
				       "%s has a blank, a line end or another byte that no AWS "
				       "key has (at byte %zu)",
				       name, i + 1);
	}
	return 0;
}

/* One of the three parts: checked and copied. */
static int set_part(char **dst, struct sv value, const char *name, struct err *err)
{
	int r = check_part(value, name, err);
	if (r != 0)
		return r;
	*dst = sv_dup(value);
	return *dst ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int from_options(struct aws_credentials *c, const struct aws_credentials_options *opt,
			struct err *err)
{
	if (!opt->access_key.len || !opt->secret_key.len)
		return err_set(err, 1, "%s is configured but %s is not: give both or neither",
			       opt->access_key.len ? "access_key" : "secret_key",
			       opt->access_key.len ? "secret_key" : "access_key");
	c->source = "explicit";
	int r = set_part(&c->access_key, opt->access_key, "access_key", err);
	return r != 0 ? r : set_part(&c->secret_key, opt->secret_key, "secret_key", err);
}

static int from_environment(struct aws_credentials *c, getenv_fn_t *env, struct err *err)
{
	struct sv access_key = env_get(env, "AWS_ACCESS_KEY_ID");
	struct sv secret_key = env_get(env, "AWS_SECRET_ACCESS_KEY");
	if (!access_key.len || !secret_key.len)
		return err_set(err, 1, "%s is set but %s is not",
			       access_key.len ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			       access_key.len ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	/* The second name is what the first SDKs called it. */
	const char *token_name = "AWS_SESSION_TOKEN";
	struct sv token = env_get(env, token_name);
	if (!token.len) {
		token_name = "AWS_SECURITY_TOKEN";
		token = env_get(env, token_name);
	}
	c->source = "environment";
	int r = set_part(&c->access_key, access_key, "AWS_ACCESS_KEY_ID", err);
	if (r == 0)
		r = set_part(&c->secret_key, secret_key, "AWS_SECRET_ACCESS_KEY", err);
	if (r == 0 && token.len)
		r = set_part(&c->session_token, token, token_name, err);
	return r;
}

/* Says which source the surroundings point to, so that nobody looks for a typing error in keys
 * that were never meant to be there. */
static int no_source(getenv_fn_t *env, struct err *err)
{
	static const struct {
		const char *name;
		const char *what;
	} hints[] = {
		{"AWS_WEB_IDENTITY_TOKEN_FILE", "web identity (IRSA)"},
		{"AWS_PROFILE", "shared profile"},
		{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "ECS task role"},
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "container (EKS Pod Identity)"},
	};
	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
		if (env_get(env, hints[i].name).len)
			return err_set(err, 1,
				       "no AWS credentials: %s is set, but the %s source is not "
				       "built yet; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
				       "or configure access_key and secret_key",
				       hints[i].name, hints[i].what);
	return err_set(err, 1,
		       "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
		       "or configure access_key and secret_key");
}

int aws_credentials_new(const struct aws_credentials_options *opt,
			const char *(*getenv_fn)(const char *), struct aws_credentials **out,
			struct err *err)
{
	getenv_fn_t *env = getenv_fn ? getenv_fn : process_getenv;
	_cleanup_(aws_credentials_freep) struct aws_credentials *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(err, ERR_NOMEM, "out of memory");
	int r;
	if (opt && (opt->access_key.len || opt->secret_key.len))
		r = from_options(c, opt, err);
	else if (env_get(env, "AWS_ACCESS_KEY_ID").len || env_get(env, "AWS_SECRET_ACCESS_KEY").len)
		r = from_environment(c, env, err);
	else
		r = no_source(env, err);
	if (r != 0)
		return r;
	*out = take_ptr(c);
	return 0;
}

void aws_credentials_free(struct aws_credentials *c)
{
	if (!c)
		return;
	wipe_string(c->access_key);
	wipe_string(c->secret_key);
	wipe_string(c->session_token);
	free(c);
}

struct aws_keys aws_credentials_get(struct aws_credentials *c)
{
	return (struct aws_keys){sv_of(c->access_key), sv_of(c->secret_key),
				 sv_of(c->session_token)};
}

bool aws_credentials_rejected(struct aws_credentials *c, const struct aws_keys *keys)
{
	struct aws_keys now = aws_credentials_get(c);
	return !sv_eq(now.access_key, keys->access_key) ||
	       !sv_eq(now.secret_key, keys->secret_key) ||
	       !sv_eq(now.session_token, keys->session_token);
}

const char *aws_credentials_source(const struct aws_credentials *c)
{
	return c->source;
}
