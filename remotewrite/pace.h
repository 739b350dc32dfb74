/* pace: how fast, and in how large requests, a peer that throttles is sent to.
 *
 * A peer that refuses samples for their rate gets a bucket of tokens: the rate begins with what
 * went through of late, is cut by further refusals, recovers slowly to where it was refused and on
 * beyond it, fast when nothing was refused for long, and is forgotten in the end. One refusal among
 * many requests is none of this. A peer that refuses requests
 * for their number gets fewer and larger ones for a while. No clock: time is told.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PACE_SECONDS = 8 };

/* What happened in one second. */
struct pace_second {
	int64_t no;
	uint64_t taken; /* samples */
	uint32_t requests, refused;
};

struct pace {
	double rate;    /* samples a second; 0 = as fast as it goes */
	double ceiling; /* the rate at which it was refused last; 0 = not known */
	double tokens;  /* samples that may go; below 0 after a request that took more */
	int64_t at_ms;  /* of tokens and rate */
	int64_t refused_ms, cut_ms;
	struct pace_second last[PACE_SECONDS];
	int64_t began_ms; /* nothing was taken before; 0 = nothing yet */
	unsigned larger;  /* requests are 2^larger as large */
	int64_t larger_ms;
};

/* The peer took n samples. */
void pace_taken(struct pace *p, int64_t now_ms, uint64_t n);
/* It refused some for their rate. */
void pace_refused(struct pace *p, int64_t now_ms);
/* It refused a request because there are too many of them. */
void pace_refused_requests(struct pace *p, int64_t now_ms);
/* When the next request may go: now_ms, or later. */
int64_t pace_next(struct pace *p, int64_t now_ms);
/* A request of n samples goes. */
void pace_spend(struct pace *p, int64_t now_ms, uint64_t n);
/* Something was refused of late. */
bool pace_holds(const struct pace *p);
/* Most samples of a request, and how long one that is not full waits, where so much is configured.
 */
uint64_t pace_max_samples(struct pace *p, int64_t now_ms, uint64_t configured);
int64_t pace_deadline_ms(struct pace *p, int64_t now_ms, int64_t configured_ms);
