/* How often calls may be tried again, host by host: a bucket of 500, of which a retry takes 5, one
 * after a time-out 10; a call that worked gives back what its last retry took, or 1. A service that
 * fails for long is then left alone but for first attempts. No heap; zero is a full bucket.
 * Source: AWS SDKs and Tools Reference Guide, "Retry behavior" (standard mode).
 */
#pragma once

#include <ampagent/aws/call.h>

enum { CALL_BUDGET_HOSTS = 16, CALL_BUDGET_TOKENS = 500 };

struct aws_call_budget {
	struct {
		uint64_t host;  /* hash of its name */
		unsigned spent; /* 0 = this place is free */
	} hosts[CALL_BUDGET_HOSTS];
};

/* False: not enough is left. */
bool call_budget_take(struct aws_call_budget *b, struct sv host, unsigned tokens);
void call_budget_give(struct aws_call_budget *b, struct sv host, unsigned tokens);

/* What a retry after this costs; 0: it would not help. */
unsigned call_retry_cost(enum aws_verdict verdict, enum http_result result);
/* The pause before attempt n (1 = the first retry): by chance below a bound that doubles, from 1 s
 * when throttled, else from 100 ms, up to 20 s; not below retry_after (seconds or a date), as far
 * as that is at most 20 s. random: any 64 bits. */
int64_t call_retry_delay_ms(enum aws_verdict verdict, unsigned n, struct sv retry_after,
			    int64_t now_wall_ms, uint64_t random);
