/* The region that a signature names must be the workspace's, so the workspace's host name is asked
 * before the environment, which names the region of the machine.
 */
#include <ampagent/aws/credentials.h>
#include <ampagent/base/arena.h>
#include <stdlib.h>

/* Scope parts are this long at most; the longest region today has 15 bytes. */
enum { REGION_MAX = 64 };

static bool region_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-';
}

static bool region_valid(struct sv s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!region_byte(s.ptr[i]))
			return false;
	return s.len > 0 && s.len <= REGION_MAX;
}

/* ":443" and the root's dot are not part of the name. */
static struct sv host_name(struct sv host)
{
	host.len = sv_find(host, ':');
	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

static bool cut_suffix(struct sv *s, struct sv suffix)
{
	if (s->len < suffix.len || !sv_eq_nocase(sv_from(*s, s->len - suffix.len), suffix))
		return false;
	s->len -= suffix.len;
	return true;
}

static bool is_service(struct sv label)
{
	return sv_eq_nocase(label, SV("aps-workspaces")) ||
	       sv_eq_nocase(label, SV("aps-workspaces-fips"));
}

/* The three forms that name a region:
 *   aps-workspaces[-fips].REGION.amazonaws.com
 *   aps-workspaces[-fips].REGION.api.aws
 *   vpce-ID.aps-workspaces[-fips].REGION.vpce.amazonaws.com
 * After the suffix is cut, what is left is [vpce-ID.]service.REGION. */
struct sv aws_region_from_host(struct sv host)
{
	struct sv s = host_name(host);
	bool endpoint = cut_suffix(&s, SV(".vpce.amazonaws.com"));
	if (!endpoint && !cut_suffix(&s, SV(".amazonaws.com")) && !cut_suffix(&s, SV(".api.aws")))
		return SV_NULL;
	if (endpoint) {
		if (s.len < 5 || !sv_eq_nocase(sv_make(s.ptr, 5), SV("vpce-")))
			return SV_NULL;
		s = sv_from(s, sv_find(s, '.') + 1);
	}
	size_t dot = sv_find(s, '.');
	struct sv region = sv_from(s, dot + 1);
	if (!is_service(sv_make(s.ptr, dot)) || !region_valid(region))
		return SV_NULL;
	return region;
}

/* scheme://[user@]HOST[:port][/path]; the brackets of an IPv6 host need no care, it names none. */
static struct sv url_host(struct sv url)
{
	struct sv rest = sv_from(url, sv_find_sv(url, SV("://")));
	rest = sv_from(rest, 3);
	size_t end = 0;
	while (end < rest.len && !strchr("/?#", rest.ptr[end]))
		end++;
	rest.len = end;
	for (size_t at = sv_find(rest, '@'); at < rest.len; at = sv_find(rest, '@'))
		rest = sv_from(rest, at + 1);
	return rest;
}

/* Host names are case-blind, the scope of a signature is not. */
static int keep(struct arena *arena, struct sv region, const char *from, struct sv *out,
		struct err *err)
{
	if (!region_valid(region))
		return err_set(err, 1, "%s is not an AWS region name: \"%.*s\"", from,
			       (int)(region.len < REGION_MAX ? region.len : REGION_MAX),
			       region.ptr);
	char *copy = arena_strdup(arena, region);
	if (!copy)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	*out = sv_make(copy, region.len);
	return 0;
}

int aws_region_find(struct arena *arena, struct sv explicit_region, struct sv url,
		    const char *(*getenv_fn)(const char *), struct sv *out, struct err *err)
{
	static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

	if (explicit_region.len)
		return keep(arena, explicit_region, "region", out, err);
	struct sv region = aws_region_from_host(url_host(url));
	if (region.len)
		return keep(arena, region, "the host's region", out, err);
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		region = sv_of(getenv_fn ? getenv_fn(variables[i]) : getenv(variables[i]));
		if (region.len)
			return keep(arena, region, variables[i], out, err);
	}
	return err_set(err, 1,
		       "no AWS region: configure region, use the workspace's own host name "
		       "(aps-workspaces.REGION.amazonaws.com) or set AWS_REGION");
}
