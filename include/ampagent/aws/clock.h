/* The clock of a peer, learned from the Date of each of its answers. AWS refuses a signature whose
 * time is more than five minutes off, so requests are signed by the peer's time; nothing else uses
 * it: samples keep this machine's time.
 *
 * What is kept is the peer's time at a moment of the monotonic clock: setting this machine's wall
 * clock, by hand or by NTP, then changes no signature.
 * Source: the AWS SDKs' common rules for clock skew (2026).
 */
#pragma once

#include <ampagent/net/http_client.h>

struct aws_clock {
	bool known;
	int64_t peer_ms; /* since 1970, at ... */
	int64_t mono_ms;
};

/* The peer's time by the Date of its answer; 0 when there is none that can be read, or a cache
 * spoke (Age). */
int64_t aws_clock_told_ms(const struct http_answer *a);
/* After every answer, whatever its status. Learns nothing from one that tells no time, or that took
 * longer than 15 minutes; returns whether it did. mono_ms: when the answer was there. */
bool aws_clock_learn(struct aws_clock *c, const struct http_answer *a, int64_t mono_ms);
/* The time to sign with: the peer's, or wall_ms while that is not known. */
int64_t aws_clock_now_ms(const struct aws_clock *c, int64_t mono_ms, int64_t wall_ms);
/* What the peer's clock is ahead of this machine's; 0 while it is not known. */
int64_t aws_clock_skew_ms(const struct aws_clock *c, int64_t mono_ms, int64_t wall_ms);
/* More than this deserves a warning: samples carry the wrong time then (1 minute). */
#define AWS_CLOCK_WARN_MS 60000
