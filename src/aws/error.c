#include <ampagent/aws/call.h>

enum aws_verdict aws_verdict_of(int status, struct sv code)
{
	return status >= 200 && status < 300 ? AWS_CALL_OK : AWS_CALL_REFUSED;
}

int aws_error_read(struct arena *arena, struct sv body, struct sv *code, struct sv *message,
		   struct sv *request_id)
{
	*code = *message = *request_id = SV_NULL;
	return 1;
}
