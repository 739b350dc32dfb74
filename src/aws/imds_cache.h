/* The tokens of instance metadata, shared by all that ask through one session. */
#pragma once

#include <ampagent/aws/settings.h>

struct imds_peer;

/* Embedded in the session; zero is an empty one. */
struct aws_imds_cache {
	struct imds_peer *peers; /* one for each endpoint that was asked */
};

void aws_imds_cache_init(struct aws_imds_cache *c);
/* All aws_imds of the session must be gone. Wipes the tokens. */
void aws_imds_cache_deinit(struct aws_imds_cache *c);

/* The endpoint that settings mean, without a "/" at its end. */
struct sv aws_imds_endpoint(const struct aws_settings *settings);
