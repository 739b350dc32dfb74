/* A request body: snappy, protobuf, labels, histograms, order. The first byte says whether the rest
 * is the body as sent or still to be compressed, so that mutations reach what lies behind snappy,
 * and whether it is of remote write 1.0 or 2.0.
 *
 * Whatever comes, every sample of a decoded request is accounted for. */
#include "../../../src/standin/ingest.h"

#include <ampagent/base/compress.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NOW INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_books(const struct ingest *in, uint64_t samples, int status)
{
	const struct standin_stats *s = &in->stats;
	if (s->samples + s->duplicates + s->refused != samples)
		abort();
	if (s->too_old + s->too_new + s->conflicts + s->over_limit > s->refused ||
	    s->histograms > s->samples || s->stale_markers > s->samples)
		abort();
	/* A series without samples can be refused, too. */
	if (status != (s->refused + s->bad_labels > 0 ? 400 : 200))
		abort();
}

/* Each sample and exemplar stored is one line, whatever its labels hold. */
static void check_record(const struct ingest *in)
{
	size_t lines = 0;
	struct sv text = buf_view(&in->record.pending);
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	if (in->written.samples + in->written.histograms !=
	    in->stats.samples + in->stats.duplicates)
		abort();
	/* A long record is no longer pending as a whole. */
	if (lseek(in->record.fd, 0, SEEK_CUR) == 0 &&
	    lines != in->stats.samples + in->stats.exemplars)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	_cleanup_(ingest_deinit) struct ingest in;
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	_cleanup_(buf_deinit) struct buf why = BUF_NULL;
	struct standin_options o = standin_options_default();
	o.series_limit = 8;
	o.max_raw_bytes = 1 << 20;
	if (ingest_init(&in, &o, SV("1_ws")) != 0)
		return 0;
	text_sink_init(&in.record, memfd_create("record", MFD_CLOEXEC));
	in.record.owns_fd = true;
	if (in.record.fd < 0)
		abort();
	buf_init(&body, 1 << 21);
	buf_init(&why, INGEST_TEXT_MAX);
	struct sv rest = sv_make((const char *)data + 1, size - 1);
	if (data[0] & 1)
		snappy_block_compress(&body, rest);
	else
		buf_sv(&body, rest);

	enum wire_version version = data[0] & 2 ? WIRE_V2 : WIRE_V1;
	int status = ingest_decode(&in, buf_view(&body), version, &why);
	if (status != 200) {
		if ((status != 400 && status != 413) || why.len == 0)
			abort();
		return 0;
	}
	uint64_t samples = ingest_samples(&in);
	status = ingest_store(&in, NOW, INGEST_REFUSE_NONE, &why);
	check_books(&in, samples, status);
	check_record(&in);
	return 0;
}
