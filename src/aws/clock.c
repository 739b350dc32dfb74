/* A Date has whole seconds: it is taken as the middle of its second, so that the error is half of
 * one either way.
 */
#include <ampagent/aws/clock.h>
#include <ampagent/base/clock.h>

/* An answer that took longer was spoken too long before it was heard. */
static const int64_t TRUSTED_NS = INT64_C(15) * 60 * 1000000000;

int64_t aws_clock_told_ms(const struct http_answer *a)
{
	int64_t date_s;

	if (a->age.len || clock_parse_http_date(a->date.ptr, a->date.len, &date_s) != 0)
		return 0;
	return date_s * 1000 + 500;
}

bool aws_clock_learn(struct aws_clock *c, const struct http_answer *a, int64_t mono_ms)
{
	int64_t peer_ms = aws_clock_told_ms(a);

	if (a->result != HTTP_OK || a->duration_ns > TRUSTED_NS || peer_ms == 0)
		return false;
	*c = (struct aws_clock){.known = true, .peer_ms = peer_ms, .mono_ms = mono_ms};
	return true;
}

int64_t aws_clock_now_ms(const struct aws_clock *c, int64_t mono_ms, int64_t wall_ms)
{
	return c->known ? c->peer_ms + (mono_ms - c->mono_ms) : wall_ms;
}

int64_t aws_clock_skew_ms(const struct aws_clock *c, int64_t mono_ms, int64_t wall_ms)
{
	return aws_clock_now_ms(c, mono_ms, wall_ms) - wall_ms;
}
