/* offenders: what a destination's peer refused, by cause and by the metric that it named.
 *
 * A bounded table: when it is full, the entry that was seen least gives way and the new one takes
 * over its weight, so that what comes often stays whatever else comes (space-saving). The counts of
 * an entry are its own, since it is in the table.
 */
#pragma once

#include "answer.h"

#include <ampagent/base/json.h>

enum { OFFENDERS_MAX = 32, OFFENDER_TEXT_BYTES = 256 };

struct offender {
	enum answer_cause cause;
	char subject[ANSWER_SUBJECT_BYTES]; /* the metric or label set, or "" */
	uint64_t weight;                    /* its rank; at least answers */
	uint64_t answers;
	uint64_t samples;               /* dropped with them: an upper bound of what was refused */
	int64_t first_ms, last_ms;      /* wall time */
	char text[OFFENDER_TEXT_BYTES]; /* of the last answer */
};

struct offenders {
	uint64_t version; /* grows with every change */
	uint32_t n;
	struct offender v[OFFENDERS_MAX];
};

void offenders_note(struct offenders *o, const struct answer *a, uint64_t samples, int64_t wall_ms,
		    const char *text);
/* An object each, the most frequent first; destination is their name. */
void offenders_json(const struct offenders *o, struct sv destination, struct json_writer *w);
/* The order to show them in: by answers, most first. */
void offenders_order(const struct offenders *o, uint32_t order[OFFENDERS_MAX]);
