#include "age.h"

#include <ampagent/base/clock.h>
#include <stdlib.h>

/* A smaller step is no danger: it makes samples older by so much only. */
enum { LEAP_MS = 60 * 1000 };

int64_t age_clock_now(struct age_clock *c, int64_t now_ms, int64_t wall_ms)
{
	int64_t offset_ms = wall_ms - now_ms;
	if (!c->set || offset_ms - c->offset_ms < LEAP_MS)
		c->offset_ms = offset_ms;
	c->set = true;
	return now_ms + c->offset_ms;
}

void age_clock_answer(struct age_clock *c, int64_t now_ms, int64_t wall_ms, struct sv date)
{
	int64_t date_s;
	int64_t believed_ms = age_clock_now(c, now_ms, wall_ms);
	if (date.len > 0 && clock_parse_http_date(date.ptr, date.len, &date_s) == 0 &&
	    llabs(date_s * 1000 - believed_ms) < llabs(date_s * 1000 - wall_ms))
		return;
	c->offset_ms = wall_ms - now_ms;
}
