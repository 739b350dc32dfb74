/* A receiver for tests: decodes request bodies with protobuf-c, not with anything of ours. */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/buf.h>
#include <ampagent/model/histogram.h>
#include <ampagent/model/labels.h>

struct peer_exemplar {
	char labels[256];
	uint64_t bits;
	int64_t t_ms;
};

struct peer_sample {
	char labels[512]; /* a="b",c="d" as they came */
	bool is_histogram, only_exemplars;
	uint64_t bits;
	int64_t t_ms, start_ms;
	struct histogram h; /* its start_ms is 2.0's */
	struct peer_exemplar *exemplars;
	size_t n_exemplars;
	/* 2.0 */
	int type;
	char help[64], unit[64];
};

struct peer_request {
	struct peer_sample *v;
	size_t n;
	size_t n_metadata;
	size_t n_symbols;
	size_t not_single; /* series without exactly one sample, those of exemplars left out */
	struct arena arena;
};

/* A request of 1.0. body: snappy block, or the message itself when plain. Fails the test when
 * broken. */
void peer_decode(struct sv body, bool plain, struct peer_request *out);
/* The same of 2.0; the rules for symbols and order of labels are checked as well. */
void peer_decode_v2(struct sv body, bool plain, struct peer_request *out);
void peer_free(struct peer_request *r);
/* The same text from a label set. */
void peer_labels_text(char dst[512], struct labels set);
