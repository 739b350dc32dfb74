/* Whole files: the reader gets past anything to the records that are whole, and what they define or
 * hold is taken apart. */
#include <stdlib.h>
#include <sys/mman.h>

#include "../../../src/wal/batch_codec.h"
#include "../../../src/wal/defs.h"
#include "../../../src/wal/ledger.h"
#include "../../../src/wal/reader.h"

enum { BATCH_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_labels(void *cls, uint16_t slot, struct labels labels)
{
	if (slot >= FRAME_SLOTS || !labels_valid(labels))
		abort();
}

static void take(const struct record *rec, struct frame_states *states)
{
	struct def_pending def;
	if (rec->type == RECORD_LEDGER) {
		struct wal_ledger ledger;
		uint64_t sequence;
		if (ledger_decode(rec->payload, &ledger, &sequence) == 0 &&
		    ledger.n > WAL_REASONS_MAX)
			abort();
		return;
	}
	if (rec->type != RECORD_BATCH) {
		if (def_record_get(rec, &def) == 0)
			def_record_slots(rec, 0, check_labels, NULL);
		return;
	}
	_cleanup_(batch_unrefp) struct batch *b = batch_new(BATCH_MAX);
	struct batch_head head;
	uint32_t lost;
	if (b && batch_decode(rec->payload, states, b, &head, &lost) == 0 &&
	    b->n_samples + lost != head.n_samples)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(frame_states_deinit) struct frame_states states = FRAME_STATES_NULL;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	struct file_header header;
	struct record rec;
	uint64_t at, before = 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write_at(fd, sv_make((const char *)data, size), 0))
		abort();
	file_header_get(data, size, FILE_SEGMENT, &header);
	reader_init(&r, fd, 0, size);
	while (reader_next(&r, &rec, &at) == 0) {
		if (at < before || at + rec.bytes > size)
			abort();
		before = at + rec.bytes;
		take(&rec, &states);
	}
	if (r.end > size || r.skipped > size)
		abort();
	return 0;
}
