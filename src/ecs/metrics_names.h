/* What the numbers are called: one table for each way of naming. */
#pragma once

#include "metrics_values.h"

#include <ampagent/base/buf.h>

enum ecs_family_kind {
	ECS_FAMILY_VALUE,
	ECS_FAMILY_INTERFACES, /* value: an enum ecs_net; one sample for each interface */
	ECS_FAMILY_INFO,
	ECS_FAMILY_HEALTH, /* one sample for each state there is */
};

struct ecs_family {
	const char *name;
	const char *help;
	const char *adot; /* what ADOT calls it, or comes nearest to it; NULL = nothing */
	double per;       /* so many of the value's units are one of the name's */
	int value;        /* enum ecs_value */
	enum ecs_family_kind kind;
	bool counter;
	bool of_task; /* else of each container */
};

struct ecs_names {
	const struct ecs_family *families;
	size_t n;
	const char *container_label;
};

extern const struct ecs_names ecs_names_prometheus;
extern const struct ecs_names ecs_names_adot;
