/* Credential sources. One file a source; parsing apart from fetching. Built so far: explicit keys
 * and the environment; the chain refuses with a clear reason when neither is there.
 */
#pragma once

#include <ampagent/aws/sigv4.h>
#include <ampagent/base/err.h>

struct aws_credentials_options {
	struct sv access_key; /* explicit keys: both or neither */
	struct sv secret_key;
};

struct aws_credentials;

/* getenv is injected so that tests need no process environment; NULL means the real one.
 * 0; 1 with the reason when no source is configured or the configured one is broken. */
int aws_credentials_new(const struct aws_credentials_options *opt,
			const char *(*getenv_fn)(const char *), struct aws_credentials **out,
			struct err *err);
/* Wipes. */
void aws_credentials_free(struct aws_credentials *c);
/* Views valid until the next call or free. */
struct aws_keys aws_credentials_get(struct aws_credentials *c);
/* The service refused these keys: a source that can change is read again. True when other keys than
 * these are there now. What is configured or in the environment stays as it is. */
bool aws_credentials_rejected(struct aws_credentials *c, const struct aws_keys *keys);
/* "explicit" or "environment". */
const char *aws_credentials_source(const struct aws_credentials *c);

/* The region: explicit, else from an AMP host name in url, else AWS_REGION, else
 * AWS_DEFAULT_REGION: 0 and a view of arena memory, or 1 with the reason. */
struct arena;
int aws_region_find(struct arena *arena, struct sv explicit_region, struct sv url,
		    const char *(*getenv_fn)(const char *), struct sv *out, struct err *err);
/* Region named in an AMP data-plane host (public, FIPS, dual-stack, VPC endpoint), or SV_NULL. */
struct sv aws_region_from_host(struct sv host);
