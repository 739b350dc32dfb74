/* Names of the ledger's reasons, as they stand in metrics, status and position files. */
#include "books.h"

#include <ampagent/remotewrite.h>
#include <stddef.h>

const char *const remotewrite_drop_reasons[] = {
	[DROP_WRITE_RELABEL] = "write_relabel",
	[DROP_TOO_OLD] = "too_old",
	[DROP_ANSWERED_400] = "answered_400",
	[DROP_ANSWERED_429] = "answered_429",
	[DROP_ANSWERED_4XX] = "answered_4xx",
	[DROP_ANSWERED_OTHER] = "answered_other",
	[DROP_HA_DEDUPLICATED] = "ha_deduplicated",
	[DROP_REPEATED] = "repeated",
	[DROP_TOO_LARGE] = "too_large",
	[DROP_LOG_BOUND] = "log_bound",
	[DROP_DAMAGED] = "damaged",
	[DROP_LABELS_LOST] = "labels_lost",
	[DROP_DESTINATION_REMOVED] = "destination_removed",
	[DROP_HISTOGRAMS_NOT_SENT] = "histograms_not_sent",
	[DROP_NHCB_IN_RW1] = "nhcb_in_rw1_not_supported",
	[DROP_ANSWERED_PARTIAL] = "answered_partial",
	[DROP_SERIES_LIMIT] = "series_limit",
	[DROP_REASONS_] = NULL,
};

const char *drop_reason_name(enum drop_reason r)
{
	return remotewrite_drop_reasons[r];
}
