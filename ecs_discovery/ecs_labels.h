/* The labels of targets that the ECS API told of, and how those of a task's own are written, too.
 */
#pragma once

#include "ecs_view.h"

#include <ampagent/model/labels.h>

/* "ip:port", "[ip]:port" for IPv6; NULL without memory. */
struct sv ecs_labels_host_port(struct arena *a, struct sv ip, int64_t port);
/* prefix and key, with "_" for each character of the key that a label's name cannot have; NULL
 * without memory. */
struct sv ecs_labels_name(struct arena *a, struct sv prefix, struct sv key);

/* __address__ of it. */
void ecs_labels_address(struct label_builder *b, struct sv ip, int64_t port);
/* What Prometheus tells of a task that is reached at ip; b is empty apart from __address__. */
void ecs_labels_task(struct label_builder *b, const struct ecs_view *view,
		     const struct ecs_api_task *task, struct sv ip);
/* What selectors add: the container and its definition. */
void ecs_labels_container(struct label_builder *b, const struct ecs_api_task *task,
			  const struct ecs_api_definition_container *container, uint16_t port);
