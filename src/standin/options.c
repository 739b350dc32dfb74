/* What AMP does by default, where that is known. */
#include <ampagent/base/limits.h>
#include <ampagent/standin.h>

struct standin_options standin_options_default(void)
{
	return (struct standin_options){
		.listen = SV("127.0.0.1:9091"),
		.region = SV("us-east-1"),
		.service = SV("aps"),
		.clock_window_s = 300,
		.max_request_bytes = MiB(1),
		.max_raw_bytes = MiB(32),
		.seed = 1,
		.track = true,
		.accept_v2 = true,
		.hang_ms = 30000,
		.account = SV("123456789012"),
		.ooo_window_s = 60,
		.max_age_s = 3600,
		.max_future_s = 600,
		.aws_life_ms = 3600000,
		.aws_api_rate = 20,
		.aws_api_burst = 50,
		.aws_task_rate = 40,
		.aws_task_burst = 60,
		.aws_role = SV("ampagent-instance"),
	};
}
