/* The ways in which the stand-in misbehaves on request, and the choice of one for each request.
 * Pure: time and chance come in. */
#pragma once

#include <ampagent/base/json.h>
#include <ampagent/standin.h>

struct switches {
	int64_t latency_ms;
	double rate_429, rate_500, rate_403, rate_drop, rate_400;
	uint64_t outage_every_s, outage_for_s;
	uint64_t accept_v2; /* 0 or 1 */
	uint64_t random;    /* state of the generator */
};

void switches_init(struct switches *s, const struct standin_options *opt);

enum switch_action {
	SWITCH_NONE,
	SWITCH_429,         /* too many samples: nothing is stored */
	SWITCH_429_TPS,     /* too many requests, told by the front end: nothing is stored */
	SWITCH_5XX,         /* nothing is stored */
	SWITCH_403,         /* the session token has expired */
	SWITCH_DROP,        /* the connection is closed, nothing is stored */
	SWITCH_DROP_STORED, /* the connection is closed after all was stored */
	SWITCH_400,         /* all but the first series is stored */
	SWITCH_400_SILENT,  /* the same, and the answer does not say why */
};

/* The rates are shares of all requests; where they add up to more than one, the first named in
 * struct switches win. */
enum switch_action switches_choose(struct switches *s);
/* One of 500, 502, 503, 504. */
int switches_5xx(struct switches *s);
/* True in the last outage_for_s of each outage_every_s since the start. */
bool switches_outage(const struct switches *s, int64_t since_start_ms);

/* Sets one switch by name: 0; 1 when there is none of that name; 2 when it cannot have that
 * value. */
int switches_set(struct switches *s, struct sv name, struct sv value);
/* All switches as one object. */
void switches_json(const struct switches *s, struct json_writer *w);
