/* When to ask a source again: pure. Times are of the monotonic clock, so that setting the wall
 * clock changes nothing.
 *
 * The rule of the AWS SDKs (2026): from 5, 15 or 60 minutes before expiry on (for lives up to 20
 * minutes, up to 90, longer) one fetch goes on in the background, spread by chance so that a fleet
 * does not ask at once; after a failure, again after 5 to 10 minutes. What is shorter than that
 * here is scaled to the life: keys that live seconds are renewed in their second half.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct refresh {
	int64_t fetched_ms; /* when the keys came; INT64_MIN: none yet */
	int64_t life_ms;    /* what they had to live then, by the source's clock; 0 = no end */
	unsigned failures;  /* since then */
	int64_t failed_ms;  /* the last of them */
	int64_t forced_ms;  /* when a rejection last made a fetch begin; INT64_MIN: never */
};

/* The next fetch by itself; INT64_MAX: never. random: any 64 bits, the same for one keyset. */
int64_t refresh_at(const struct refresh *r, uint64_t random);
/* Whether a rejection may make a fetch begin now: at least 30 s (less for short lives) after the
 * last one. */
bool refresh_may_force(const struct refresh *r, int64_t now_ms);
bool refresh_expired(const struct refresh *r, int64_t now_ms);
