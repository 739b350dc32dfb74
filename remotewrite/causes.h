/* causes: why a peer said no, in words that a person can act on. */
#pragma once

enum answer_cause {
	CAUSE_NONE,
	/* too much at once */
	CAUSE_INGESTION_RATE,
	CAUSE_REQUEST_RATE,
	CAUSE_THROTTLED,
	/* too many series */
	CAUSE_SERIES_LIMIT,
	CAUSE_METRIC_SERIES_LIMIT,
	CAUSE_LABELSET_SERIES_LIMIT,
	CAUSE_HISTOGRAM_SERIES_LIMIT,
	CAUSE_HA_CLUSTERS,
	/* samples that do not fit */
	CAUSE_OUT_OF_ORDER,
	CAUSE_TOO_OLD,
	CAUSE_TOO_NEW,
	CAUSE_DUPLICATE,
	CAUSE_LABEL_LIMITS,
	CAUSE_INVALID,
	CAUSE_HISTOGRAM,
	CAUSE_EXEMPLAR,
	CAUSE_METADATA,
	CAUSE_NOT_NAMED,
	/* requests that do not fit */
	CAUSE_SIZE,
	CAUSE_UNDECODABLE,
	CAUSE_PROTOCOL,
	CAUSE_REFUSED,
	/* who asks, and for what */
	CAUSE_CREDENTIALS,
	CAUSE_CLOCK,
	CAUSE_SIGNATURE,
	CAUSE_NOT_SIGNED,
	CAUSE_ACCESS_DENIED,
	CAUSE_NOT_FOUND,
	CAUSE_REDIRECT,
	/* not sent at all */
	CAUSE_NO_CREDENTIALS,
	CAUSE_NO_REGION,
	/* nobody's fault here */
	CAUSE_SERVER,
	CAUSE_UNREACHABLE,
	CAUSE_REPLICA,
	CAUSES_,
};

/* "ingestion_rate" ...: of metrics and JSON. */
const char *cause_name(enum answer_cause c);
/* What it means. */
const char *cause_words(enum answer_cause c);
/* What to do about it. */
const char *cause_advice(enum answer_cause c);
