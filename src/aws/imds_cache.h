/* The tokens of instance metadata, shared by all that ask through one session. */
#pragma once

struct imds_peer;

/* Embedded in the session; zero is an empty one. */
struct aws_imds_cache {
	struct imds_peer *peers; /* one for each endpoint that was asked */
};

void aws_imds_cache_init(struct aws_imds_cache *c);
/* All aws_imds of the session must be gone. Wipes the tokens. */
void aws_imds_cache_deinit(struct aws_imds_cache *c);
