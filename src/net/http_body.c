/* An answer's body as it arrives: counted, bounded, kept. */
#include "http_call.h"

/* The buffer has to grow: as far as is fair beside all other memory, and no further. */
static void share_room(struct http_call *call)
{
	struct buf *out = call->body_out;
	size_t max = budget_fair(out->cap, call->out_max);
	out->max = max > out->cap ? max : out->cap;
}

int http_body_take(struct http_call *call, const char *ptr, size_t len)
{
	struct buf *out = call->body_out;
	if (len > call->body_max - call->received) {
		call->fault = FAULT_BODY;
		return 1;
	}
	call->received += len;
	if (!out)
		return 0;
	if (out->part != BUDGET_NONE && len > out->cap - out->len)
		share_room(call);
	if (buf_append(out, ptr, len) == 0)
		return 0;
	if (len <= out->max - out->len)
		call->fault = FAULT_MEMORY;
	else
		call->fault = out->max < call->out_max ? FAULT_ROOM : FAULT_BODY;
	return 1;
}
