/* Clusters as the ECS API tells of them, kept from round to round.
 *
 * A round lists and describes. It is whole or it fails: after a failure the view is that of the
 * last whole round. Its time is limited, to five minutes or twenty refresh intervals, whichever is
 * less. Calls go through a pace (ecs_pace.h) that leaves the account's read limits to others as
 * well, and are retried as src/aws does; throttled ones wait for the pace.
 *
 * It costs calls in proportion to what changed:
 *  - Lists are read whole each time, a hundred names a call, and so are clusters.
 *  - Regions of up to 500 tasks are described whole each time.
 *  - In larger ones a task is described when it is new, is not RUNNING or not meant to be, has
 *    health UNKNOWN and was started less than ten minutes ago, or when it is its turn, by its ARN:
 *    one tenth each round, so that whatever else changes (tags, health) shows within ten rounds.
 *    Services: when new, when not ACTIVE, or by turns. Container instances and their EC2
 *    instances: when new, without an address, or by turns.
 *  - Task definitions never change: they are asked for once while a task refers to them.
 *  - Interfaces of tasks are asked for their public address when the task is described.
 * A task that is not listed any more is gone, and so is one that is listed but MISSING when it is
 * described. Whoever may not call DescribeNetworkInterfaces gets no public addresses; the same goes
 * for DescribeInstances, unless there are tasks that have no address but their instance's.
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
/* Options of equal content, which opt is from now on. A round that runs goes on, or begins anew
 * when it asks by an HTTP client of the old ones. */
void ecs_inventory_options(struct ecs_inventory *inv, const struct ecs_sd_options *opt);
/* Also during a round. */
void ecs_inventory_free(struct ecs_inventory *inv);

/* Begins a round; one at a time. done once, from the loop, never from inside: why NULL when it was
 * whole; changed = the view's content may differ from the last whole round's. */
void ecs_inventory_round(struct ecs_inventory *inv,
			 void (*done)(void *cls, bool changed, const struct err *why), void *cls);
/* Of the last whole round; empty before. */
struct ecs_view ecs_inventory_view(const struct ecs_inventory *inv);

DEFINE_CLEANUP_PTR(struct ecs_inventory, ecs_inventory_free)
