/* `ampagent docs config|ecs-metrics|metrics`: the pages of docs/ that are made from tables. */
#include "commands.h"
#include "environment.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/metrics.h>
#include <ampagent/config.h>
#include <ampagent/ecs/metrics.h>

int cmd_docs(int argc, char **argv)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, MiB(4));
	struct sv what = argc == 2 ? sv_of(argv[1]) : SV_NULL;
	if (sv_eq(what, SV("config"))) {
		config_print_docs(&out);
		environment_print_docs(&out);
	} else if (sv_eq(what, SV("ecs-metrics"))) {
		ecs_metrics_print_docs(&out);
	} else if (sv_eq(what, SV("metrics"))) {
		metrics_print_docs(&out);
	} else {
		fprintf(stderr, "usage: ampagent docs config|ecs-metrics|metrics\n");
		return 2;
	}
	fwrite(out.ptr, 1, out.len, stdout);
	return 0;
}
