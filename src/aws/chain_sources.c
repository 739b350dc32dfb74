/* The sources that options and environment name, each told whether it is configured and whether it
 * can work. */
#include "chain_steps.h"
#include <ampagent/base/ip.h>
#include <ampagent/base/limits.h>
#include <arpa/inet.h>

#define ECS_ADDRESS "169.254.170.2"
#define EKS_ADDRESS "169.254.170.23"
#define EKS_ADDRESS_6 "fd00:ec2::23"

static int keys_check(struct chain *c, const struct aws_keys *keys, const char *access_key,
		      const char *secret_key, const char *session_token)
{
	int r = aws_key_part_check(keys->access_key, access_key, c->err);
	if (r == 0)
		r = aws_key_part_check(keys->secret_key, secret_key, c->err);
	if (r == 0)
		r = aws_key_part_check(keys->session_token, session_token, c->err);
	return r;
}

int chain_explicit(struct chain *c, struct aws_plan *out)
{
	const struct aws_credentials_options *opt = c->opt;
	bool access = opt->access_key.len > 0, secret = opt->secret_key.len > 0;
	if (!access && !secret && opt->session_token.len == 0)
		return CHAIN_ABSENT;
	if (!access && !secret)
		return err_set(c->err, 1, "session_token is configured but access_key is not");
	if (!access || !secret)
		return err_set(c->err, 1, "%s is configured but %s is not: give both or neither",
			       access ? "access_key" : "secret_key",
			       access ? "secret_key" : "access_key");
	out->source = AWS_EXPLICIT;
	out->keys = (struct aws_keys){opt->access_key, opt->secret_key, opt->session_token};
	chain_text(out, "explicit keys");
	int r = keys_check(c, &out->keys, "access_key", "secret_key", "session_token");
	if (r == 0)
		chain_found(c, "access_key is configured (%.*s)",
			    SV_ARG(aws_access_key_shown(opt->access_key)));
	return r;
}

/* The first of two variables that is set; *name says which, the first when none is. */
static struct sv env_either(const struct chain *c, const char *first, const char *second,
			    const char **name)
{
	struct sv value = chain_env(c, first);
	*name = first;
	if (value.len > 0)
		return value;
	value = chain_env(c, second);
	if (value.len > 0)
		*name = second;
	return value;
}

/* The second names are those of older SDKs. */
int chain_environment(struct chain *c, struct aws_plan *out)
{
	const char *access_name, *secret_name, *token_name;
	struct aws_keys keys = {
		env_either(c, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", &access_name),
		env_either(c, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", &secret_name),
		env_either(c, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", &token_name)};
	if (keys.access_key.len == 0 && keys.secret_key.len == 0)
		return CHAIN_ABSENT;
	if (keys.access_key.len == 0 || keys.secret_key.len == 0)
		return err_set(c->err, 1, "%s is set but %s is not",
			       keys.access_key.len ? access_name : secret_name,
			       keys.access_key.len ? secret_name : access_name);
	out->source = AWS_ENVIRONMENT;
	out->keys = keys;
	chain_text(out, "environment");
	int r = keys_check(c, &keys, access_name, secret_name, token_name);
	if (r == 0)
		chain_found(c, "%s is set (%.*s)%s%s", access_name,
			    SV_ARG(aws_access_key_shown(keys.access_key)),
			    keys.session_token.len ? ", with " : "",
			    keys.session_token.len ? token_name : "");
	return r;
}

int chain_web_identity(struct chain *c, struct aws_plan *out)
{
	struct sv file = chain_env(c, "AWS_WEB_IDENTITY_TOKEN_FILE");
	struct sv role = chain_env(c, "AWS_ROLE_ARN");
	if (file.len == 0)
		return CHAIN_ABSENT;
	if (role.len == 0)
		return err_set(c->err, 1,
			       "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not");
	out->source = AWS_WEB_IDENTITY;
	out->web.role_arn = role;
	out->web.token_file = file;
	out->web.session_name = chain_env(c, "AWS_ROLE_SESSION_NAME");
	chain_text(out, "web identity, role %.*s", SV_ARG(role));
	chain_found(c, "AWS_WEB_IDENTITY_TOKEN_FILE is %.*s, AWS_ROLE_ARN is %.*s", SV_ARG(file),
		    SV_ARG(role));
	return chain_arn_check(c, role, "AWS_ROLE_ARN");
}

/* Addresses that credentials may come from without TLS. Names are left to the client, which looks
 * at what it connects to. */
static bool plain_allowed(struct sv host)
{
	struct in_addr four;
	struct in6_addr ip, eks;
	if (!ip_read(host, &ip))
		return true;
	inet_pton(AF_INET6, EKS_ADDRESS_6, &eks);
	if (!IN6_IS_ADDR_V4MAPPED(&ip))
		return IN6_IS_ADDR_LOOPBACK(&ip) || IN6_ARE_ADDR_EQUAL(&ip, &eks);
	memcpy(&four, &ip.s6_addr[12], sizeof four);
	return (ntohl(four.s_addr) >> 24) == 127 || four.s_addr == inet_addr(ECS_ADDRESS) ||
	       four.s_addr == inet_addr(EKS_ADDRESS);
}

static const char *container_what(struct sv host)
{
	if (sv_eq(host, SV(ECS_ADDRESS)))
		return "ECS task role";
	if (sv_eq(host, SV(EKS_ADDRESS)) || sv_eq_nocase(host, SV(EKS_ADDRESS_6)))
		return "EKS Pod Identity";
	return "container";
}

static int full_uri(struct chain *c, struct sv url, struct aws_plan *out)
{
	static const char name[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
	struct url_parts parts;
	if (url_split(url, &parts) != 0)
		return err_set(c->err, 1, "%s is no absolute URL", name);
	bool plain = sv_eq_nocase(parts.scheme, SV("http"));
	if (!plain && !sv_eq_nocase(parts.scheme, SV("https")))
		return err_set(c->err, 1, "%s has a scheme other than http and https", name);
	if (parts.userinfo.len > 0)
		return err_set(c->err, 1, "%s has a user name in it", name);
	if (plain && !plain_allowed(parts.host))
		return err_set(c->err, 1,
			       "%s: without TLS credentials come from loopback, " ECS_ADDRESS
			       ", " EKS_ADDRESS " and " EKS_ADDRESS_6 " only, not from %.*s",
			       name, SV_ARG(parts.host));
	out->container.url = url;
	out->container.what = container_what(parts.host);
	chain_found(c, "%s is %.*s", name, (int)sv_find(url, '?'), url.ptr);
	return 0;
}

static int relative_uri(struct chain *c, struct sv path, struct aws_plan *out)
{
	static const char name[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
	static const char base[] = "http://" ECS_ADDRESS;
	struct url_parts parts;
	size_t len = sizeof base - 1 + path.len;
	char *url = arena_alloc(c->arena, len + 1);
	if (!url)
		return err_set(c->err, ERR_NOMEM, "out of memory");
	memcpy(url, base, sizeof base - 1);
	memcpy(url + sizeof base - 1, path.ptr, path.len);
	out->container.url = sv_make(url, len);
	out->container.what = "ECS task role";
	if (path.ptr[0] != '/' || url_split(out->container.url, &parts) != 0)
		return err_set(c->err, 1, "%s is no path that begins with '/'", name);
	chain_found(c, "%s is %.*s", name, (int)sv_find(path, '?'), path.ptr);
	return 0;
}

/* It goes into a header as it is. */
static int token_check(struct chain *c, struct sv token)
{
	for (size_t i = 0; i < token.len; i++) {
		unsigned char b = (unsigned char)token.ptr[i];
		if (b < ' ' || b == 0x7f)
			return err_set(c->err, 1,
				       "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end or "
				       "another control byte (at byte %zu)",
				       i + 1);
	}
	return 0;
}

int chain_container(struct chain *c, struct aws_plan *out)
{
	struct sv relative = chain_env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	struct sv full = chain_env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	if (relative.len == 0 && full.len == 0)
		return CHAIN_ABSENT;
	out->source = AWS_CONTAINER;
	out->container.token_file = chain_env(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	if (out->container.token_file.len == 0)
		out->container.token = chain_env(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	int r = relative.len > 0 ? relative_uri(c, relative, out) : full_uri(c, full, out);
	if (r != 0)
		return r;
	chain_text(out, "%s%s", out->container.what,
		   strcmp(out->container.what, "container") == 0 ? " credentials" : "");
	return token_check(c, out->container.token);
}

int chain_instance(struct chain *c, struct aws_plan *out)
{
	if (c->settings->imds_disabled)
		return CHAIN_ABSENT;
	out->source = AWS_INSTANCE;
	chain_text(out, "instance role");
	if (c->settings->imds_endpoint.len > 0)
		chain_found(c, "the instance's metadata, at %.*s",
			    SV_ARG(c->settings->imds_endpoint));
	else
		chain_found(c, "the instance's metadata, over %s",
			    c->settings->imds_mode == AWS_IMDS_IPV6 ? "IPv6" : "IPv4");
	return 0;
}
