#include <ampagent/aws/call.h>

int aws_call_start(struct aws_session *s, const struct aws_request *req,
		   void (*done)(void *cls, const struct aws_answer *a), void *cls,
		   struct aws_call **out, struct err *err)
{
	return err_set(err, 1, "calls are not built yet");
}

void aws_call_cancel(struct aws_call *c)
{
}
