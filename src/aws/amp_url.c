#include <ampagent/aws/endpoint.h>
#include <ampagent/net/http_client.h>

static const struct sv workspaces = {"/workspaces/", sizeof "/workspaces/" - 1};

/* --- the path --- */

struct sv aws_amp_workspace(struct sv url)
{
	struct url_parts parts;
	if (url_split(url, &parts) != 0 || !sv_starts_with(parts.path, workspaces))
		return SV_NULL;
	struct sv id = sv_from(parts.path, workspaces.len);
	id.len = sv_find(id, '/');
	return id.len ? id : SV_NULL;
}

static bool hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "ws-" and the 8-4-4-4-12 hexadecimal digits of a UUID. */
static bool workspace_id_valid(struct sv id)
{
	enum { UUID_LEN = 36 };
	if (!sv_starts_with(id, SV("ws-")) || id.len != 3 + UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen ? id.ptr[3 + i] != '-' : !hex_digit(id.ptr[3 + i]))
			return false;
	}
	return true;
}

/* The paths of the same host that are for reading, rules and alerts. */
static bool is_query_path(struct sv rest)
{
	static const char *const names[] = {"query",  "query_range", "query_exemplars", "series",
					    "labels", "label",       "metadata",        "read",
					    "rules",  "alerts"};
	if (sv_starts_with(rest, SV("/alertmanager")))
		return true;
	if (!sv_starts_with(rest, SV("/api/v1/")))
		return false;
	struct sv name = sv_from(rest, sizeof "/api/v1/" - 1);
	name.len = sv_find(name, '/');
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (sv_eq(name, sv_of(names[i])))
			return true;
	return false;
}

static enum aws_url_fault check_rest(struct sv rest)
{
	struct sv bare = rest;
	while (bare.len && bare.ptr[bare.len - 1] == '/')
		bare.len--;
	if (bare.len == 0)
		return AWS_URL_NO_PATH;
	if (sv_eq(bare, SV("/api/v1/remote_write")))
		return bare.len == rest.len ? AWS_URL_GOOD : AWS_URL_TRAILING_SLASH;
	if (is_query_path(bare))
		return AWS_URL_QUERY_PATH;
	if (sv_eq(bare, SV("/remote_write")) || sv_eq(bare, SV("/v1/remote_write")) ||
	    sv_eq(bare, SV("/api/remote_write")))
		return AWS_URL_NO_API;
	return AWS_URL_PATH;
}

static enum aws_url_fault check_path(struct sv path)
{
	struct sv id = sv_from(path, workspaces.len);
	id.len = sv_find(id, '/');
	if (!sv_starts_with(path, workspaces) || id.len == 0)
		return AWS_URL_NO_WORKSPACE;
	if (!workspace_id_valid(id))
		return AWS_URL_WORKSPACE_ID;
	return check_rest(sv_from(path, workspaces.len + id.len));
}

/* --- the whole --- */

static bool has_space(struct sv url)
{
	for (size_t i = 0; i < url.len; i++) {
		unsigned char c = (unsigned char)url.ptr[i];
		if (c <= ' ' || c == 0x7f || c == '"' || c == '\'')
			return true;
	}
	return false;
}

/* A dash or blank of a word processor looks like the right one. */
static bool is_ascii(struct sv url)
{
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.ptr[i] >= 0x80)
			return false;
	return true;
}

static enum aws_url_fault check_host(const struct url_parts *p)
{
	struct aws_amp_host amp = aws_amp_host_parse(p->host);
	bool control = aws_amp_control_host(p->host).form != AWS_AMP_NOT;
	if (amp.form == AWS_AMP_NOT && !control)
		return aws_amp_host_almost(p->host) ? AWS_URL_HOST : AWS_URL_GOOD;
	if (!sv_eq_nocase(p->scheme, SV("https")))
		return AWS_URL_NOT_TLS;
	if (p->userinfo.ptr)
		return AWS_URL_USERINFO;
	if (p->port.len && !sv_eq(p->port, SV("443")))
		return AWS_URL_PORT;
	if (control)
		return AWS_URL_CONTROL_PLANE;
	if (!aws_region_like(amp.region))
		return AWS_URL_REGION;
	return amp.fips && !aws_amp_has_fips(amp.region) ? AWS_URL_NO_SUCH_FIPS : AWS_URL_GOOD;
}

enum aws_url_fault aws_amp_url_check(struct sv url)
{
	struct url_parts p;
	if (has_space(url))
		return AWS_URL_SPACE;
	if (url_split(url, &p) != 0 ||
	    (!sv_eq_nocase(p.scheme, SV("http")) && !sv_eq_nocase(p.scheme, SV("https"))))
		return AWS_URL_NOT_ABSOLUTE;
	enum aws_url_fault fault = check_host(&p);
	if (fault == AWS_URL_GOOD && aws_amp_host_parse(p.host).form != AWS_AMP_NOT &&
	    !is_ascii(url))
		return AWS_URL_SPACE;
	if (fault == AWS_URL_GOOD)
		fault = check_path(p.path);
	if (fault == AWS_URL_GOOD && (sv_find(url, '?') < url.len || sv_find(url, '#') < url.len))
		fault = AWS_URL_QUERY;
	return fault;
}

#define WHOLE "https://aps-workspaces.REGION.amazonaws.com/workspaces/ws-.../api/v1/remote_write"

const char *aws_url_fault_text(enum aws_url_fault fault)
{
	static const char *const texts[AWS_URL_FAULTS_] = {
		[AWS_URL_GOOD] = "The URL has the form of an AMP workspace's remote-write URL.",
		[AWS_URL_NOT_ABSOLUTE] = "This is no http or https URL. Write " WHOLE ".",
		[AWS_URL_NOT_TLS] = "AMP answers over TLS only. Write https:// instead of http://.",
		[AWS_URL_USERINFO] =
			"AMP knows no user and password. Leave out what stands before the @ and "
			"configure sigv4.",
		[AWS_URL_PORT] = "AMP answers at port 443 only. Leave the port out.",
		[AWS_URL_CONTROL_PLANE] =
			"aps.REGION is where workspaces are managed; it takes no samples. Write "
			"aps-workspaces.REGION (for a VPC endpoint: of the service "
			"aps-workspaces).",
		[AWS_URL_NO_WORKSPACE] = "The path names no workspace. Write "
					 "/workspaces/ws-.../api/v1/remote_write; "
					 "the console shows it as \"Endpoint - remote write URL\".",
		[AWS_URL_WORKSPACE_ID] =
			"A workspace's ID is ws- and a UUID, as in "
			"ws-01234567-89ab-cdef-0123-456789abcdef; its alias or ARN does not do. "
			"Copy the ID from the console or from `aws amp list-workspaces`.",
		[AWS_URL_NO_API] =
			"/api/v1 is missing: AMP answers 404. Write /api/v1/remote_write after the "
			"workspace's ID.",
		[AWS_URL_QUERY_PATH] =
			"This path is for queries, rules or alerts. Write /api/v1/remote_write "
			"after the workspace's ID.",
		[AWS_URL_NO_PATH] =
			"The URL stops after the workspace, which is what the API and Terraform "
			"(prometheus_endpoint) give. Append api/v1/remote_write.",
		[AWS_URL_TRAILING_SLASH] = "AMP knows no path with a slash at its end. End the URL "
					   "with /api/v1/remote_write.",
		[AWS_URL_QUERY] = "A remote-write URL has no ? or # part. End it with "
				  "/api/v1/remote_write.",
		[AWS_URL_PATH] = "What follows the workspace's ID is not AMP's: it must be exactly "
				 "/api/v1/remote_write, with single slashes.",
		[AWS_URL_NO_SUCH_FIPS] =
			"AMP has no FIPS hosts in this region (only in us-east-1, us-east-2, "
			"us-west-1, us-west-2, ca-central-1, ca-west-1, us-gov-east-1 and "
			"us-gov-west-1). Write aps-workspaces instead of aps-workspaces-fips.",
		[AWS_URL_SPACE] =
			"There is a blank, a quotation mark, a control character or a letter that "
			"is not ASCII in the URL. Remove it; a line's end may have come along with "
			"a copied value, and word processors change dashes.",
		[AWS_URL_HOST] =
			"AMP has no host of this name. It is aps-workspaces.REGION.amazonaws.com "
			"(in China .amazonaws.com.cn), of a VPC endpoint "
			"vpce-ID.aps-workspaces.REGION.vpce.amazonaws.com: compare with the "
			"workspace's \"Endpoint - remote write URL\" in the console.",
		[AWS_URL_REGION] =
			"What stands for the region in the host's name is none. Regions are like "
			"eu-west-1, without the letter of an availability zone.",
	};
	return (unsigned)fault < AWS_URL_FAULTS_ ? texts[fault] : "";
}
