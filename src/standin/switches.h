/* The ways in which the stand-in misbehaves on request, and the choice of one for each request.
 * Pure: time and chance come in. */
#pragma once

#include <ampagent/base/json.h>
#include <ampagent/standin.h>

enum { SWITCH_NAME_MAX = 255 };

struct switches {
	struct standin_options o; /* numbers only: the texts may be gone */
	uint64_t clock_ahead_s, clock_behind_s;
	uint64_t random; /* state of the generator */
	/* The ECS and EC2 APIs. */
	uint64_t aws_api_fail_at; /* the call that is answered 500, counted from now; 0 = none */
	bool aws_api_down;        /* all are, */
	bool aws_api_hang;        /* none is answered, */
	bool aws_api_garbage;     /* or with half of the answer */
	char aws_api_denied[SWITCH_NAME_MAX + 1]; /* actions with commas between, or a star */
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
	SWITCH_202,         /* another replica is the elected one: nothing is stored */
	SWITCH_404,         /* no such workspace */
	SWITCH_413,         /* too large, whatever its size */
	SWITCH_400_SIZE,    /* the same, told by the storage */
	SWITCH_400_MANY,    /* each third series is refused as a duplicate, the rest is stored */
	SWITCH_400_LIMIT,   /* new series are refused, the rest is stored */
	SWITCH_403_DENIED,  /* the role must not write */
	SWITCH_403_UNKNOWN, /* the token is no token */
	SWITCH_RESET,       /* the connection is reset, nothing is stored */
	SWITCH_RESET_STORED,
	SWITCH_TRUNCATE, /* the answer ends in the middle, nothing is stored */
	SWITCH_TRUNCATE_STORED,
	SWITCH_HANG, /* no answer for hang_ms, nothing is stored */
	SWITCH_HANG_STORED,
	SWITCH_VANISH, /* the sender hears nothing any more, nothing is stored */
	SWITCH_VANISH_STORED,
	SWITCH_ACTIONS_,
};

/* The rates are shares of all requests; where they add up to more than one, the first named in
 * struct standin_options win. */
enum switch_action switches_choose(struct switches *s);
/* One of 500, 502, 503, 504. */
int switches_5xx(struct switches *s);
/* True in the last outage_for_s of each outage_every_s since the start. */
bool switches_outage(const struct switches *s, int64_t since_start_ms);

/* How far the stand-in's clock is ahead. */
int64_t switches_clock_ms(const struct switches *s);
/* A number below n, which is not 0. */
uint64_t switches_below(struct switches *s, uint64_t n);
/* "429", "400_silent" ... */
struct sv switch_action_name(enum switch_action a);

/* Sets one switch by name: 0; 1 when there is none of that name; 2 when it cannot have that
 * value. */
int switches_set(struct switches *s, struct sv name, struct sv value);
/* All switches as one object. */
void switches_json(const struct switches *s, struct json_writer *w);
