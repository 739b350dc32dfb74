/* What the environment and the shared files (~/.aws/config, ~/.aws/credentials) say, the profile
 * chosen. Views into the settings' own memory, which holds secrets and is wiped.
 *
 * Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files", "Settings
 * reference". Where the SDKs differ, Go's, which Prometheus users have.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>

typedef const char *aws_getenv(const char *name);

/* One section of a shared file: [default], [profile x], [sso-session x], [services x]. Keys are
 * lower case. A nested block (s3 =, sts =) has its keys as "block.key". */
struct aws_section {
	struct sv kind; /* "profile", "sso-session", "services" */
	struct sv name;
	struct aws_pair {
		struct sv key, value;
		int line;
		bool in_credentials; /* of that file; else of the other */
	} * pairs;
	size_t n_pairs;
};

enum aws_imds_mode { AWS_IMDS_IPV4, AWS_IMDS_IPV6 };

struct aws_settings {
	struct arena arena;
	/* Both files merged: for the same key of the same profile the credentials file wins. */
	struct aws_section *sections;
	size_t n_sections;
	struct sv config_path, credentials_path; /* where they were looked for */
	bool config_there, credentials_there;
	struct sv profile;  /* chosen: given, else AWS_PROFILE, else AWS_DEFAULT_PROFILE, else
			       "default" */
	bool profile_named; /* somebody asked for it: it must exist */

	struct sv region;        /* AWS_REGION, AWS_DEFAULT_REGION, else the profile's; or "" */
	const char *region_from; /* "AWS_REGION", "profile x" ..., for people; NULL = none */
	bool use_fips, use_dualstack;
	bool sts_global; /* sts_regional_endpoints is legacy */
	/* endpoint_url and its kin, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS; "" = none. */
	struct sv endpoint_url;     /* for all services */
	struct sv endpoint_url_sts; /* the service's own one, which wins */
	struct sv endpoint_url_sso;
	struct sv endpoint_url_ecs, endpoint_url_ec2;
	struct sv ca_bundle; /* path */
	bool imds_disabled, imds_v1_disabled;
	enum aws_imds_mode imds_mode;
	struct sv imds_endpoint; /* "" = by mode */
	int64_t imds_timeout_ms; /* AWS_METADATA_SERVICE_TIMEOUT, 1 s */
	unsigned imds_attempts;  /* AWS_METADATA_SERVICE_NUM_ATTEMPTS, 1; at least 1 */
};

/* Reads the environment (env NULL: the process's) and the files. profile: given by configuration,
 * or empty. 0; 1 with the reason and the file's line when a file cannot be understood, cannot be
 * read though it is there, or the profile asked for does not exist (a missing file alone is fine);
 * ERR_NOMEM. */
int aws_settings_load(aws_getenv *env, struct sv profile, struct aws_settings *out,
		      struct err *err);
void aws_settings_deinit(struct aws_settings *s);
DEFINE_CLEANUP(struct aws_settings, aws_settings_deinit)

/* NULL when there is none. */
const struct aws_section *aws_settings_section(const struct aws_settings *s, struct sv kind,
					       struct sv name);
/* Empty when there is none. */
struct sv aws_section_get(const struct aws_section *section, struct sv key);
