/* Tokens and pauses of retries: pure but for the bucket given. */
#include "call_budget.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/hash.h>

enum {
	COST = 5,
	COST_TIMEOUT = 10,
	THROTTLED_BASE_MS = 1000,
	TRANSIENT_BASE_MS = 100,
	DELAY_MAX_MS = 20000,
};

static unsigned *spent_of(struct aws_call_budget *b, struct sv host, bool make)
{
	uint64_t hash = hash_keyed(host.ptr, host.len);
	size_t least = 0;
	for (size_t i = 0; i < CALL_BUDGET_HOSTS; i++) {
		if (b->hosts[i].spent > 0 && b->hosts[i].host == hash)
			return &b->hosts[i].spent;
		if (b->hosts[i].spent < b->hosts[least].spent)
			least = i;
	}
	if (!make)
		return NULL;
	/* More hosts than places: the one that has spent least begins anew later. */
	b->hosts[least].host = hash;
	b->hosts[least].spent = 0;
	return &b->hosts[least].spent;
}

bool call_budget_take(struct aws_call_budget *b, struct sv host, unsigned tokens)
{
	unsigned *spent = spent_of(b, host, true);
	if (tokens > CALL_BUDGET_TOKENS - *spent)
		return false;
	*spent += tokens;
	return true;
}

void call_budget_give(struct aws_call_budget *b, struct sv host, unsigned tokens)
{
	unsigned *spent = spent_of(b, host, false);
	if (spent)
		*spent -= tokens < *spent ? tokens : *spent;
}

unsigned call_retry_cost(enum aws_verdict verdict, enum http_result result)
{
	switch (verdict) {
	case AWS_CALL_THROTTLED:
	case AWS_CALL_TRANSIENT:
		return COST;
	case AWS_CALL_UNREACHABLE:
		if (result == HTTP_TIMEOUT)
			return COST_TIMEOUT;
		return result == HTTP_NETWORK ? COST : 0;
	default:
		return 0;
	}
}

static int64_t asked_for_ms(struct sv retry_after, int64_t now_wall_ms)
{
	uint64_t seconds;
	int64_t at_s;
	retry_after = sv_trim(retry_after);
	if (sv_to_u64(retry_after, &seconds) == 0)
		return seconds > DELAY_MAX_MS / 1000 ? DELAY_MAX_MS : (int64_t)seconds * 1000;
	if (clock_parse_http_date(retry_after.ptr, retry_after.len, &at_s) != 0)
		return 0;
	int64_t wait = at_s * 1000 - now_wall_ms;
	return wait > DELAY_MAX_MS ? DELAY_MAX_MS : wait;
}

int64_t call_retry_delay_ms(enum aws_verdict verdict, unsigned n, struct sv retry_after,
			    int64_t now_wall_ms, uint64_t random)
{
	int64_t bound = verdict == AWS_CALL_THROTTLED ? THROTTLED_BASE_MS : TRANSIENT_BASE_MS;
	for (unsigned i = 1; i < n && bound < DELAY_MAX_MS; i++)
		bound *= 2;
	if (bound > DELAY_MAX_MS)
		bound = DELAY_MAX_MS;
	int64_t delay = (int64_t)(random % (uint64_t)(bound + 1));
	int64_t asked = retry_after.len ? asked_for_ms(retry_after, now_wall_ms) : 0;
	return delay > asked ? delay : asked;
}
