/* What was scraped, or should have been, and never reached the log: why, and how much. Scraping
 * tells it, the log keeps the sums in its ledger records (docs/WAL_FORMAT.md). */
#pragma once

#include <stdint.h>

enum refused {
	REFUSED_FETCH,         /* no page: connection, time-out, HTTP status */
	REFUSED_PAGE,          /* a page that cannot be read */
	REFUSED_BODY_SIZE,     /* a page over body_size_limit */
	REFUSED_LIMIT,         /* sample, label or bucket limit: the whole scrape */
	REFUSED_TARGET_LIMIT,  /* more targets than the job may have */
	REFUSED_SKIPPED,       /* its turn came while the last scrape was under way */
	REFUSED_DUPLICATE,     /* a second sample of one series and time */
	REFUSED_OUT_OF_ORDER,  /* older than the series' last one */
	REFUSED_OUT_OF_BOUNDS, /* too far in the future */
	REFUSED_CLOCK,         /* the clock was set back: the scrape is not newer than the last */
	REFUSED_QUEUE,         /* the log does not keep up */
	REFUSED_MEMORY,        /* a page or batch for which there is no memory */
	REFUSED_NEW_SERIES,    /* new series while memory is short */
	REFUSED_QUARANTINE, /* turns of a target that is left out because its page is too large */
	REFUSED_STOPPED,    /* a scrape at the stop: its target had gone, or it was cut off */
	REFUSED_REASONS_,
};

/* scrapes: whole scrapes refused; each once. samples: after relabeling, as far as they are known:
 * those of a page that was not read are not. Told before the scrape's batch is put. Thread-safe. */
struct refused_sink {
	void (*note)(void *cls, enum refused why, uint64_t scrapes, uint64_t samples);
	void *cls;
};

/* "fetch" ...: stable, the log holds them. */
const char *refused_name(enum refused why);
