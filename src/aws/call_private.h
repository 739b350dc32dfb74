/* What calls offer to the files of this room only. */
#pragma once

#include <ampagent/aws/call.h>

/* After the start: text that no message of the answer may repeat (copied; in the body a service
 * may quote what it was sent). 0, or ERR_NOMEM. */
int aws_call_hide(struct aws_call *c, struct sv secret);
/* After the start: zeroed memory that ends with the call and is what done gets as cls. NULL: there
 * is none. */
void *aws_call_own(struct aws_call *c, size_t n);

/* "namespace#Code" and "Code:uri" without what is around: a view. */
struct sv aws_error_code(struct sv type);
/* The code is one that services give for a signature of the wrong time, but for other reasons too:
 * it is the clock when the times are more than 4 minutes apart. */
bool aws_code_may_be_clock(struct sv code);
