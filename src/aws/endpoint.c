#include <ampagent/aws/endpoint.h>
#include <ampagent/net/http_client.h>

enum { REGION_MAX = 63 };

struct partition {
	const char *prefix; /* of its regions */
	struct aws_partition is;
};

/* us-iso- and us-isob- differ in the hyphen; the first partition has everything else. */
static const struct partition partitions[] = {
	{"", {"aws", "amazonaws.com", "api.aws"}},
	{"cn-", {"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}},
	{"us-gov-", {"aws-us-gov", "amazonaws.com", "api.aws"}},
	{"eusc-", {"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"}},
	{"us-iso-", {"aws-iso", "c2s.ic.gov", "api.aws.ic.gov"}},
	{"us-isob-", {"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"}},
	{"eu-isoe-", {"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}},
	{"us-isof-", {"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}},
};

enum { PARTITIONS = sizeof partitions / sizeof partitions[0] };

static bool starts_nocase(struct sv s, struct sv prefix)
{
	return s.len >= prefix.len && sv_eq_nocase(sv_make(s.ptr, prefix.len), prefix);
}

const struct aws_partition *aws_partition_of(struct sv region)
{
	for (size_t i = 1; i < PARTITIONS; i++)
		if (starts_nocase(region, sv_of(partitions[i].prefix)))
			return &partitions[i].is;
	return &partitions[0].is;
}

static bool region_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-';
}

bool aws_region_valid(struct sv region)
{
	for (size_t i = 0; i < region.len; i++)
		if (!region_byte(region.ptr[i]))
			return false;
	return region.len > 0 && region.len <= REGION_MAX;
}

struct sv aws_arn_get(struct sv arn, enum aws_arn_part part)
{
	if (!sv_starts_with(arn, SV("arn:")))
		return SV_NULL;
	for (unsigned i = 0; i < part; i++)
		arn = sv_from(arn, sv_find(arn, ':') + 1);
	return sv_make(arn.ptr, sv_find(arn, ':'));
}

static bool all_within(struct sv s, char first, char last)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < first || s.ptr[i] > last)
			return false;
	return s.len > 0;
}

bool aws_region_like(struct sv region)
{
	size_t words = 0;
	for (size_t at; (at = sv_find(region, '-')) < region.len; words++) {
		struct sv word = sv_make(region.ptr, at);
		if (!all_within(word, 'a', 'z') && !all_within(word, 'A', 'Z'))
			return false;
		region = sv_from(region, at + 1);
	}
	return words >= 2 && all_within(region, '0', '9');
}

/* --- AMP's hosts --- */

/* ":443" and the root's dot are not part of the name. */
static struct sv host_name(struct sv host)
{
	host.len = sv_find(host, ':');
	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

/* Cuts ".suffix" or ".vpce.suffix". */
static bool cut_suffix(struct sv *s, const char *suffix)
{
	struct sv end = sv_of(suffix);
	if (!suffix || s->len <= end.len || s->ptr[s->len - end.len - 1] != '.' ||
	    !sv_eq_nocase(sv_from(*s, s->len - end.len), end))
		return false;
	s->len -= end.len + 1;
	return true;
}

static bool cut_prefix(struct sv *s, struct sv prefix)
{
	if (!starts_nocase(*s, prefix))
		return false;
	*s = sv_from(*s, prefix.len);
	return true;
}

/* What is left once the suffix is cut: [vpce-ID.]service[-fips].REGION. An endpoint's ID may name
 * its zone too: vpce-0a1b-2c3d-us-east-1a. */
static struct aws_amp_host parse_labels(struct sv s, enum aws_amp_form form, struct sv service)
{
	struct aws_amp_host none = {.form = AWS_AMP_NOT}, out = {.form = form};
	if (form == AWS_AMP_VPCE) {
		if (!cut_prefix(&s, SV("vpce-")) || sv_find(s, '.') == 0)
			return none;
		s = sv_from(s, sv_find(s, '.') + 1);
	}
	if (!cut_prefix(&s, service))
		return none;
	out.fips = cut_prefix(&s, SV("-fips"));
	if (!cut_prefix(&s, SV(".")) || !aws_region_valid(s))
		return none;
	out.region = s;
	return out;
}

static struct aws_amp_host parse_host(struct sv host, struct sv service)
{
	struct aws_amp_host none = {.form = AWS_AMP_NOT};
	struct sv name = host_name(host);
	for (size_t i = 0; i < PARTITIONS; i++) {
		const struct aws_partition *p = &partitions[i].is;
		enum aws_amp_form form = AWS_AMP_DUAL;
		struct sv s = name;
		if (cut_suffix(&s, p->suffix))
			form = cut_suffix(&s, "vpce") ? AWS_AMP_VPCE : AWS_AMP_PUBLIC;
		else if (!cut_suffix(&s, p->dualstack_suffix))
			continue;
		struct aws_amp_host out = parse_labels(s, form, service);
		if (out.form != AWS_AMP_NOT && aws_partition_of(out.region) == p)
			return out;
	}
	return none;
}

struct aws_amp_host aws_amp_host_parse(struct sv host)
{
	return parse_host(host, SV("aps-workspaces"));
}

struct aws_amp_host aws_amp_control_host(struct sv host)
{
	return parse_host(host, SV("aps"));
}

static bool of_aws(struct sv *name)
{
	for (size_t i = 0; i < PARTITIONS; i++)
		if (cut_suffix(name, partitions[i].is.suffix) ||
		    cut_suffix(name, partitions[i].is.dualstack_suffix))
			return true;
	return false;
}

bool aws_amp_host_almost(struct sv host)
{
	struct sv name = host_name(host);
	if (aws_amp_host_parse(host).form != AWS_AMP_NOT || !of_aws(&name))
		return false;
	bool vpce = cut_suffix(&name, "vpce");
	while (name.len > 0) {
		if (starts_nocase(name, SV("aps-workspace")) || (vpce && aws_region_like(name)))
			return true;
		struct sv label = sv_make(name.ptr, sv_find(name, '.'));
		vpce = vpce && starts_nocase(label, SV("vpce-"));
		name = sv_from(name, label.len + 1);
	}
	return false;
}

struct sv aws_region_from_host(struct sv host)
{
	return aws_amp_host_parse(host).region;
}

bool aws_amp_has_fips(struct sv region)
{
	static const char *const regions[] = {"us-east-1",     "us-east-2",    "us-west-1",
					      "us-west-2",     "ca-central-1", "ca-west-1",
					      "us-gov-east-1", "us-gov-west-1"};
	for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++)
		if (sv_eq_nocase(region, sv_of(regions[i])))
			return true;
	return false;
}

/* --- services --- */

static struct sv configured(const struct aws_settings *s, struct sv service)
{
	struct sv own = SV_NULL;
	if (sv_eq(service, SV("sts")))
		own = s->endpoint_url_sts;
	else if (sv_eq(service, SV("portal.sso")))
		own = s->endpoint_url_sso;
	else if (sv_eq(service, SV("ecs")))
		own = s->endpoint_url_ecs;
	else if (sv_eq(service, SV("ec2")))
		own = s->endpoint_url_ec2;
	return own.len ? own : s->endpoint_url;
}

/* The SDKs refuse both, too: a host that somebody wrote down is not known to be of that kind. */
static int use_configured(struct sv service, struct sv endpoint, bool fips, bool dualstack,
			  struct buf *url, struct err *err)
{
	struct url_parts parts;
	if (fips || dualstack)
		return err_set(err, 1, "%s and a configured endpoint (%.*s) exclude each other",
			       fips ? "use_fips_endpoint" : "use_dualstack_endpoint",
			       SV_ARG(endpoint));
	if (url_split(endpoint, &parts) != 0 || parts.query.len || parts.userinfo.ptr ||
	    (!sv_eq_nocase(parts.scheme, SV("http")) && !sv_eq_nocase(parts.scheme, SV("https"))))
		return err_set(err, 1, "the endpoint configured for %.*s is no http or https URL",
			       SV_ARG(service));
	while (endpoint.len && endpoint.ptr[endpoint.len - 1] == '/')
		endpoint.len--;
	return buf_sv(url, endpoint) == 0 ? 0 : err_set(err, 1, "the endpoint's URL is too long");
}

/* The regions that the one host of old, sts.amazonaws.com, stands for. */
static bool sts_is_global(const struct aws_settings *s, struct sv region)
{
	static const char *const regions[] = {
		"ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
		"eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
		"sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
	if (sv_eq_nocase(region, SV("aws-global")))
		return true;
	if (!s->sts_global)
		return false;
	for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++)
		if (sv_eq_nocase(region, sv_of(regions[i])))
			return true;
	return region.len == 0;
}

/* GovCloud's hosts of these services are FIPS by their usual names. */
static bool gov_fips_is_plain(const struct aws_partition *p, struct sv service)
{
	return strcmp(p->id, "aws-us-gov") == 0 &&
	       (sv_eq(service, SV("sts")) || sv_eq(service, SV("ec2")) ||
		sv_eq(service, SV("portal.sso")));
}

static int regional(struct sv service, struct sv region, bool fips, bool dualstack, struct buf *url,
		    struct err *err)
{
	const struct aws_partition *p = aws_partition_of(region);
	const char *suffix = dualstack ? p->dualstack_suffix : p->suffix;
	if (!suffix)
		return err_set(err, 1, "use_dualstack_endpoint: the partition %s has no such hosts",
			       p->id);
	bool mark = fips && (dualstack || !gov_fips_is_plain(p, service));
	buf_printf(url, "https://%.*s%s.%.*s.%s", SV_ARG(service), mark ? "-fips" : "",
		   SV_ARG(region), suffix);
	return buf_failed(url) ? err_set(err, 1, "the endpoint's URL is too long") : 0;
}

int aws_endpoint_url(const struct aws_settings *s, struct sv service, struct sv region, bool fips,
		     struct buf *url, struct sv *signing_region, struct err *err)
{
	struct sv endpoint = configured(s, service);
	bool any_fips = fips || s->use_fips;
	bool global = sv_eq(service, SV("sts")) && !any_fips && !s->use_dualstack &&
		      sts_is_global(s, region);

	*signing_region = global ? SV("us-east-1") : region;
	if (region.len == 0 && !global)
		return err_set(err, 1, "no region for %.*s: set AWS_REGION", SV_ARG(service));
	if (region.len > 0 && !aws_region_valid(region))
		return err_set(err, 1, "not an AWS region name: \"%.*s\"",
			       (int)(region.len < REGION_MAX ? region.len : REGION_MAX),
			       region.ptr);
	if (endpoint.len) {
		*signing_region = region.len ? region : *signing_region;
		return use_configured(service, endpoint, any_fips, s->use_dualstack, url, err);
	}
	if (global)
		return buf_sv(url, SV("https://sts.amazonaws.com")) == 0
			       ? 0
			       : err_set(err, 1, "the endpoint's URL is too long");
	return regional(service, region, any_fips, s->use_dualstack, url, err);
}
