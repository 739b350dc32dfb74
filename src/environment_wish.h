/* What variables say, between reading them and writing the configuration. */
#pragma once

#include "environment.h"

enum { WISH_TARGETS_MAX = 256, WISH_ITEMS_MAX = 64 };

struct wish_target {
	struct sv scheme, address, path; /* scheme and path may be empty */
};

struct wish_list {
	struct sv v[WISH_ITEMS_MAX];
	size_t n;
};

/* Checked; values are views into the environment. */
struct wish {
	environment_get *env;
	struct err *err;
	bool in_ecs;
	struct buf url;
	const char *url_name; /* the variable */
	bool sign;
	struct sv region, role_arn, external_id;
	struct sv interval, timeout; /* empty: the default */
	struct wish_list label_names, label_values;
	struct sv identity;
	struct wish_list identity_labels;
	struct sv job;
	struct wish_target targets[WISH_TARGETS_MAX];
	size_t n_targets;
	const char *targets_name; /* the variable */
	bool discovery;
	struct sv task_metrics; /* on, adot, off */
	struct wish_list ports, probe_ports;
	bool self_metrics;
	struct sv listen;
};

/* The configuration: 0, or 1 when out has no room. */
int wish_text(const struct wish *w, struct buf *out);
