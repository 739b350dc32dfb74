/* The region that a signature names must be the workspace's, so the workspace's host name is asked
 * before the environment and the profile, which name the region of the machine.
 */
#include <ampagent/aws/endpoint.h>

enum { SHOWN_MAX = 64 };

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
	if (!aws_region_valid(region))
		return err_set(err, 1, "%s is not an AWS region name: \"%.*s\"", from,
			       (int)(region.len < SHOWN_MAX ? region.len : SHOWN_MAX), region.ptr);
	char *copy = arena_strdup(arena, region);
	if (!copy)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	*out = sv_make(copy, region.len);
	return 0;
}

int aws_region_find(struct arena *arena, const struct aws_settings *s, struct sv explicit_region,
		    struct sv url, struct sv *out, const char **from, struct err *err)
{
	struct sv region = explicit_region;
	const char *source = "region";

	if (region.len == 0) {
		region = aws_region_from_host(url_host(url));
		source = "the host's region";
	}
	if (region.len == 0 && s) {
		region = s->region;
		source = s->region_from ? s->region_from : "the profile's region";
	}
	if (from)
		*from = region.len ? source : NULL;
	if (region.len)
		return keep(arena, region, source, out, err);
	return err_set(err, 2,
		       "no AWS region: configure region, use the workspace's own host name "
		       "(aps-workspaces.REGION.amazonaws.com) or set AWS_REGION");
}
