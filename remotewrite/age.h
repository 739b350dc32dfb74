/* The clock that samples' age is told by.
 *
 * What is too old is dropped for good, so a wall clock that leaps ahead must not make everything
 * old at once. A leap counts only after an answer's Date has confirmed it: before there is an
 * answer nothing need be dropped. A clock that goes back, or drifts, is followed.
 */
#pragma once

#include <ampagent/base/sv.h>

struct age_clock {
	bool set;
	int64_t offset_ms; /* of the wall clock to the monotonic one, as believed */
};

/* The time that ages count to. */
int64_t age_clock_now(struct age_clock *c, int64_t now_ms, int64_t wall_ms);
/* An answer came, with this Date (SV_NULL: none, then the wall clock is believed). */
void age_clock_answer(struct age_clock *c, int64_t now_ms, int64_t wall_ms, struct sv date);
