/* Target groups from what the ECS API told: pure.
 *
 * Without selectors: one target for each task whose address is known, at the port of the options,
 * with the labels that Prometheus gives it. With selectors: one for each container and port that
 * one of them chooses, with those labels and some of the container.
 *
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

/* Why a task, or a port that was chosen, did not become a target. */
enum ecs_left_out {
	ECS_LEFT_NO_ADDRESS,    /* tasks that are not up yet, or outside of EC2 */
	ECS_LEFT_NO_PORT,       /* not published by a host, or a label that is no port */
	ECS_LEFT_NO_DEFINITION, /* a task whose containers are not known */
	ECS_LEFT_TOO_LARGE,     /* more or longer labels than a target may have */
	ECS_LEFT_COUNT,
};

/* One group with source = region. out must hold nothing. left gets ECS_LEFT_COUNT numbers.
 * 0; 1 with the reason (too many); ERR_NOMEM. */
int ecs_targets(const struct ecs_selection *s, const struct ecs_view *view, struct group_list *out,
		size_t *left, struct err *err);

DEFINE_CLEANUP_PTR(struct ecs_selection, ecs_selection_free)
