/* Ledger payloads: whatever the bytes, what is read can be written and read again with the same
 * result, follows itself, and fits its record. */
#include <stdlib.h>

#include "../../../src/wal/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wal_ledger first, again;
	uint64_t sequence, sequence_again;
	struct record rec;
	size_t need;
	if (ledger_decode(sv_make((const char *)data, size), &first, &sequence))
		return 0;
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, LEDGER_RECORD_MAX);
	if (first.n > WAL_REASONS_MAX || ledger_encode(&out, &first, sequence) ||
	    record_get(buf_view(&out), &rec, &need) ||
	    ledger_decode(rec.payload, &again, &sequence_again))
		abort();
	if (sequence != sequence_again || first.since_ms != again.since_ms || first.n != again.n ||
	    !ledger_follows(&first, &again, NULL) || !ledger_follows(&again, &first, NULL))
		abort();
	return 0;
}
