/* Clusters as the ECS API tells of them, kept from round to round.
 *
 * A round lists and describes; it costs calls in proportion to what changed, since what is known of
 * a task is not asked again each time. It is whole or it fails: after a failure the view is that of
 * the last whole round. Calls go through a pace that leaves the account's read limits (20 a second)
 * to others as well, and are retried as src/aws does.
 *
 * Calls: ListClusters, DescribeClusters, ListServices, DescribeServices, ListTasks, DescribeTasks,
 * DescribeTaskDefinition (with definitions; kept for ever, they never change),
 * DescribeContainerInstances; of EC2: DescribeInstances, DescribeNetworkInterfaces.
 */
#pragma once

#include "ecs_view.h"

#include <ampagent/aws/session.h>
#include <ampagent/base/metrics.h>
#include <ampagent/discovery_options.h>

struct ecs_inventory;

/* definitions: views have them. Asks nobody yet; which keys and which region are found with the
 * first round, so that what is missing then is told as that round's failure. opt must outlive it.
 * 0; ERR_NOMEM. */
int ecs_inventory_new(struct aws_session *s, struct http_pool *pool,
		      const struct ecs_sd_options *opt, bool definitions,
		      struct ecs_inventory **out);
/* Also during a round. */
void ecs_inventory_free(struct ecs_inventory *inv);

/* Begins a round; one at a time. done once, from the loop, never from inside: why NULL when it was
 * whole; changed = the view's content may differ from the last whole round's. */
void ecs_inventory_round(struct ecs_inventory *inv,
			 void (*done)(void *cls, bool changed, const struct err *why), void *cls);
/* Of the last whole round; empty before. */
struct ecs_view ecs_inventory_view(const struct ecs_inventory *inv);

DEFINE_CLEANUP_PTR(struct ecs_inventory, ecs_inventory_free)
