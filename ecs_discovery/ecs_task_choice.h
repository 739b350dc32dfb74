/* What a container's docker labels say of how to scrape it: pure. */
#pragma once

#include <ampagent/ecs/task.h>

enum { ECS_CHOICE_PORTS_MAX = 64 };

struct ecs_choice {
	bool excluded; /* prometheus.io/scrape: false */
	bool wanted;   /* prometheus.io/scrape: true, or there is a port label */
	uint16_t ports[ECS_CHOICE_PORTS_MAX];
	size_t n_ports;
	struct sv path, scheme, job; /* "" = the job's own; path begins with "/" */
};

/* Hears of what is wrong, in a sentence that names container and label. */
typedef void ecs_choice_fault(void *cls, const char *text);

/* Ports come from labels, else from the container's TCP port mappings; those of an excluded
 * container are the ones that must not be scraped. Views into the container and arena. 0 or
 * ERR_NOMEM. */
int ecs_choice_read(const struct ecs_container *c, struct arena *arena, ecs_choice_fault *fault,
		    void *cls, struct ecs_choice *out);
