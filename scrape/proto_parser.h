/* The delimited protobuf format (io.prometheus.client.MetricFamily), read straight from the wire
 * into the series that Prometheus makes of it (model/textparse/protobufparse.go): the parts of
 * classic histograms and summaries one by one, native histograms whole.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/model/batch.h>

struct proto_options {
	bool native; /* scrape_native_histograms; else histograms are read as classic ones */
	bool classic_beside; /* always_scrape_classic_histograms */
	/* convert_classic_histograms_to_nhcb: a classic histogram is told as one with custom
	 * buckets; with classic_beside that comes after its series. */
	bool custom_buckets;
};

enum proto_entry_kind { PROTO_ENTRY_FAMILY, PROTO_ENTRY_SERIES, PROTO_ENTRY_HISTOGRAM };

struct proto_exemplar {
	const struct label *labels; /* as exposed */
	size_t n_labels;
	uint64_t bits;
	bool has_time;
	int64_t t_ms;
};

struct proto_entry {
	enum proto_entry_kind kind;
	/* The family that this and the following entries are of. */
	struct sv family, help, unit;
	enum metric_type type;

	/* Series and histograms only. Views live until the next call. */
	struct sv name;             /* with _count, _sum, _bucket */
	const struct label *labels; /* as exposed, without the name; le or quantile last */
	size_t n_labels;
	/* Keyed hash of name and labels, in whatever order these are: what the series is on its
	 * page. */
	uint64_t key;
	bool has_time;
	int64_t t_ms;
	int64_t start_ms;           /* 0 = not told */
	uint64_t bits;              /* of a series' value, unchanged */
	struct histogram histogram; /* compacted, not yet checked */
	const struct proto_exemplar *exemplars;
	size_t n_exemplars;
};

struct proto_reader;

/* page: without anything appended. NULL without memory. */
struct proto_reader *proto_reader_new(struct sv page, struct proto_options options);
void proto_reader_free(struct proto_reader *r);
DEFINE_CLEANUP_PTR(struct proto_reader, proto_reader_free)

/* The next entry: 0; 1 at the end; 2 when the page is broken there, with the reason; ERR_NOMEM. A
 * family without metrics has no entry. */
int proto_next(struct proto_reader *r, struct proto_entry *out, struct err *err);
/* Bytes read so far, for messages. */
size_t proto_offset(const struct proto_reader *r);
