/* Partitions, regions and host names of AWS: pure.
 * Source: AWS General Reference, "Amazon Managed Service for Prometheus endpoints", "AWS STS
 * endpoints"; partitions.json of the SDKs.
 */
#pragma once

#include <ampagent/aws/settings.h>
#include <ampagent/base/buf.h>

struct aws_partition {
	const char *id;               /* "aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso" ... */
	const char *suffix;           /* "amazonaws.com", "amazonaws.com.cn" ... */
	const char *dualstack_suffix; /* "api.aws" ...; NULL = none */
};
/* By the region's prefix; unknown ones are "aws". */
const struct aws_partition *aws_partition_of(struct sv region);

/* 1 to 63 letters, digits and hyphens. */
bool aws_region_valid(struct sv region);
/* Words and a number, as AWS names all regions. */
bool aws_region_like(struct sv region);

/* A part of arn:PARTITION:SERVICE:REGION:ACCOUNT:...; "" when it is no ARN or has no such part. */
enum aws_arn_part { AWS_ARN_PARTITION = 1, AWS_ARN_SERVICE, AWS_ARN_REGION, AWS_ARN_ACCOUNT };
struct sv aws_arn_get(struct sv arn, enum aws_arn_part part);

enum aws_amp_form {
	AWS_AMP_NOT,    /* no AMP host */
	AWS_AMP_PUBLIC, /* aps-workspaces.REGION.SUFFIX, IPv4 */
	AWS_AMP_DUAL,   /* ...api.aws */
	AWS_AMP_VPCE,   /* vpce-ID.aps-workspaces.REGION.vpce.SUFFIX */
};
struct aws_amp_host {
	enum aws_amp_form form;
	bool fips;
	struct sv region; /* view into the host */
};
/* host may carry a port and the root's dot. */
struct aws_amp_host aws_amp_host_parse(struct sv host);
/* The region of aws_amp_host_parse(), or SV_NULL. */
struct sv aws_region_from_host(struct sv host);
/* The same forms of the control plane's host, aps.REGION.SUFFIX, which takes no samples. */
struct aws_amp_host aws_amp_control_host(struct sv host);
/* Has the region FIPS hosts of AMP? */
bool aws_amp_has_fips(struct sv region);

/* scheme://host[:port][/path] of a service: a configured endpoint, else the service's regional host
 * by use_fips and use_dualstack. service: "sts", "ecs", "ec2", "portal.sso" ... region may be empty
 * only for sts with sts_global. *signing_region: the region to sign for. 0, or 1 with the reason.
 */
int aws_endpoint_url(const struct aws_settings *s, struct sv service, struct sv region, bool fips,
		     struct buf *url, struct sv *signing_region, struct err *err);

/* The region to sign a remote write for, without asking anybody: explicit, else of the URL's host,
 * else AWS_REGION, AWS_DEFAULT_REGION, else the profile's. In arena, lower case. 0; 1 with the
 * reason when what is given is no region name; 2 when there is none. *from: where it came from. */
int aws_region_find(struct arena *arena, const struct aws_settings *s, struct sv explicit_region,
		    struct sv url, struct sv *out, const char **from, struct err *err);

/* What is wrong with a remote-write URL that is meant for AMP, in the order found. */
enum aws_url_fault {
	AWS_URL_GOOD,
	AWS_URL_NOT_ABSOLUTE,
	AWS_URL_NOT_TLS, /* http to an AMP host */
	AWS_URL_USERINFO,
	AWS_URL_PORT,          /* AMP answers at 443 only */
	AWS_URL_CONTROL_PLANE, /* aps.REGION instead of aps-workspaces.REGION */
	AWS_URL_NO_WORKSPACE,  /* no /workspaces/ID */
	AWS_URL_WORKSPACE_ID,  /* not ws- and a UUID */
	AWS_URL_NO_API,        /* /remote_write without /api/v1 */
	AWS_URL_QUERY_PATH,    /* /api/v1/query and the like */
	AWS_URL_NO_PATH,       /* stops after the workspace: what the console shows as endpoint */
	AWS_URL_TRAILING_SLASH,
	AWS_URL_QUERY,        /* ?... */
	AWS_URL_PATH,         /* anything else after the workspace */
	AWS_URL_NO_SUCH_FIPS, /* FIPS host in a region that has none */
	AWS_URL_SPACE,        /* a blank, a quote, a control byte; in AMP's URLs also no ASCII */
	AWS_URL_HOST,         /* almost a host of AMP's */
	AWS_URL_REGION,       /* the host's region has not the form of one */
	AWS_URL_FAULTS_
};
/* Only the path's rules when the host is not AMP's (a proxy of one's own, a stand-in). */
/* AWS's, and near to AMP's: misspelt, of another partition, without region or service. */
bool aws_amp_host_almost(struct sv host);
enum aws_url_fault aws_amp_url_check(struct sv url);
/* A sentence: what it means and what to write. */
const char *aws_url_fault_text(enum aws_url_fault fault);
/* The workspace's id in the URL, or SV_NULL. */
struct sv aws_amp_workspace(struct sv url);
