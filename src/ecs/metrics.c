#include <ampagent/ecs/metrics.h>

int ecs_metrics_page(const struct ecs_task *task, struct sv stats, enum ecs_metric_names names,
		     struct buf *out, struct err *err)
{
	return err_set(err, 1, "not built yet");
}
