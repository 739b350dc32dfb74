/* The labels of targets that the ECS API told of. */
#pragma once

#include "ecs_view.h"

#include <ampagent/model/labels.h>

enum { ECS_ADDRESS_MAX = 96 };

/* "ip:port", "[ip]:port" for IPv6, as a label's value in b's arena. */
void ecs_labels_address(struct label_builder *b, struct sv ip, int64_t port);
/* What Prometheus tells of a task that is reached at ip; b is empty apart from __address__. */
void ecs_labels_task(struct label_builder *b, const struct ecs_view *view,
		     const struct ecs_api_task *task, struct sv ip);
/* What selectors add: the container and its definition. */
void ecs_labels_container(struct label_builder *b, const struct ecs_api_task *task,
			  const struct ecs_api_definition_container *container, uint16_t port);
