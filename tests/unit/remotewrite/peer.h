/* A receiver for tests: decodes request bodies with protobuf-c, not with anything of ours. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/model/labels.h>

struct peer_sample {
	char labels[512]; /* a="b",c="d" as they came */
	uint64_t bits;
	int64_t t_ms;
};

struct peer_request {
	struct peer_sample *v;
	size_t n;
	size_t n_metadata;
	size_t not_single; /* series without exactly one sample */
};

/* body: snappy block, or the message itself when plain. Fails the test when broken. */
void peer_decode(struct sv body, bool plain, struct peer_request *out);
void peer_free(struct peer_request *r);
/* The same text from a label set. */
void peer_labels_text(char dst[512], struct labels set);
