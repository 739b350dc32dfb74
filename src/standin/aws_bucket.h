/* A token bucket: how many requests a service takes before it throttles. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct aws_bucket {
	double spent;  /* tokens gone since it was full */
	int64_t at_ms; /* monotonic: when that was so */
};

/* One request: false when it is one too many. rate a second, burst at once; rate 0 = no limit. */
static inline bool aws_bucket_take(struct aws_bucket *b, double rate, double burst, int64_t now_ms)
{
	if (rate <= 0)
		return true;
	double back = rate * (double)(now_ms - b->at_ms) / 1000;
	b->spent = b->spent > back ? b->spent - back : 0;
	b->at_ms = now_ms;
	if (b->spent + 1 > (burst > 1 ? burst : 1))
		return false;
	b->spent += 1;
	return true;
}
