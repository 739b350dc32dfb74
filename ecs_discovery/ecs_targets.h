/* Target groups from what the ECS API told: pure.
 * Source: Prometheus 3.14 discovery/aws/ecs.go for one target a task and its labels; the
 * OpenTelemetry ecs_observer's README for selectors.
 */
#pragma once

#include "ecs_view.h"
#include "groups.h"

#include <ampagent/discovery_options.h>

/* Selectors with their patterns compiled; opt must outlive it. */
struct ecs_selection;
int ecs_selection_new(const struct ecs_sd_options *opt, struct ecs_selection **out);
void ecs_selection_free(struct ecs_selection *s);
/* Whether targets need task definitions. */
bool ecs_selection_needs_definitions(const struct ecs_selection *s);

/* One group with source = region. 0; 1 with the reason (too many); ERR_NOMEM. */
int ecs_targets(const struct ecs_selection *s, const struct ecs_view *view, struct group_list *out,
		struct err *err);

DEFINE_CLEANUP_PTR(struct ecs_selection, ecs_selection_free)
