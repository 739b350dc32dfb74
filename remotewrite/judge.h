/* judge: what an answer does to the request it is for. */
#pragma once

#include "destination.h"

/* After keys were refused, and from then on: how often others are looked for. */
enum { KEYS_LOOK_MS = 2000 };

/* The answer to the slot's request of samples, or of metadata; the flight is over. */
void judge_samples(struct slot *s, const struct http_answer *a, struct sv body);
void judge_metadata(struct slot *s, const struct http_answer *a, struct sv body);
/* The request is over: `written` of its samples count as sent, the rest under the reason. */
void judge_finish(struct slot *s, uint64_t written, enum drop_reason reason);
/* Counts an attempt. */
void judge_sending(const struct slot *s);
