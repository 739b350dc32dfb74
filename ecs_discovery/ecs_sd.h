/* ecs_sd_configs: rounds of an inventory, targets from its view. */
#pragma once

#include "provider.h"
#include <ampagent/aws/session.h>
#include <ampagent/base/metrics.h>
#include <ampagent/discovery_options.h>

/* The first round begins with the loop's next turn, later ones with some jitter. opt must stay
 * valid until the provider is freed or given other ones. 0 or ERR_NOMEM. */
int ecs_provider_new(struct aws_session *s, struct http_pool *pool,
		     const struct ecs_sd_options *opt, struct provider **out);
/* Whether p is such a provider that asks the same of the same; then it uses opt from now on, and
 * its list is made anew of what is known where the rest of the options differs. */
bool ecs_provider_take(struct provider *p, const struct ecs_sd_options *opt);

/* An ECS provider and whose it is. */
struct ecs_provider_of {
	const struct provider *provider;
	struct sv job;
};
/* Of all of them at once, since a family stands in one piece: prometheus_sd_refresh_* with
 * mechanism ecs and config = job, which has one series however many providers it has; and
 * ampagent_ecs_api_calls_total. */
void ecs_providers_collect(const struct ecs_provider_of *v, size_t n, struct metrics_writer *w);
