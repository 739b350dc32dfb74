/* What happens to the body of an accepted request: decompress, decode, check, store. No network, no
 * clock. */
#pragma once

#include "print.h"
#include "series.h"
#include <ampagent/standin.h>

/* What of one request is stored now, whether it was before or not: a 2.0 sender is told. */
struct written {
	uint64_t samples, histograms, exemplars;
};

struct ingest {
	/* Rules, milliseconds; 0 switches an age check off. */
	int64_t max_age_ms, max_future_ms;
	uint64_t max_raw_bytes;
	bool track;
	bool record_refused;
	char *user; /* "<account>_<workspace>" of the texts */

	struct series_table series;
	struct text_sink print, record;
	struct standin_stats stats; /* the counts of what is in a body; the rest is standin.c's */

	struct arena arena;
	struct buf raw;
	struct wire_request request; /* of the last ingest_decode(), in arena */
	struct written written;      /* by the last ingest_store() */
};

/* Texts of refusals: the first line of a partial 400 holds one series' labels. */
#define INGEST_TEXT_MAX ((size_t)128 << 10)

/* user is copied. 0 or ERR_NOMEM. */
int ingest_init(struct ingest *in, const struct standin_options *opt, struct sv user);
void ingest_deinit(struct ingest *in);
DEFINE_CLEANUP(struct ingest, ingest_deinit)

/* Makes in->request out of a body: 200, or the status of the refusal with its text in why. */
int ingest_decode(struct ingest *in, struct sv body, enum wire_version version, struct buf *why);
/* Samples (histograms too) of in->request. */
size_t ingest_samples(const struct ingest *in);
/* What is refused whatever it is (a switch). */
enum ingest_refuse {
	INGEST_REFUSE_NONE,
	INGEST_REFUSE_FIRST,  /* the first series */
	INGEST_REFUSE_THIRDS, /* the first series and each third one after it */
	INGEST_REFUSE_NEW,    /* series that are not known yet */
};

/* Stores in->request: 200; or 400 when some of it was refused, with the first reason in why, the
 * rest being stored. */
int ingest_store(struct ingest *in, int64_t now_ms, enum ingest_refuse what, struct buf *why);
/* Notes in the record that all of in->request is refused. */
void ingest_refuse_all(struct ingest *in);
