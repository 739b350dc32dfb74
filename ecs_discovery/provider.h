/* A provider is one discovery mechanism of one job. It keeps its last good list of groups, says
 * when the list has changed, and hands it over when asked. */
#pragma once

#include <ampagent/base/cleanup.h>
#include <ampagent/model/target_group.h>

struct provider;

struct provider_ops {
	size_t (*count)(const struct provider *p);
	/* Writes count() groups, which stay valid until the provider changes or is freed. */
	void (*list)(const struct provider *p, struct target_group *out);
	/* Whether the list is what the source says, not only what could be had of it so far. */
	bool (*complete)(const struct provider *p);
	void (*free)(struct provider *p);
};

/* First member of every provider. */
struct provider {
	const struct provider_ops *ops;
	/* Set by the manager before the provider may call it; never called from inside a call to
	 * the provider. */
	void (*changed)(void *cls);
	void *cls;
	const char *job; /* whose it is, for the log; set along with them */
};

static inline void provider_free(struct provider *p)
{
	if (p)
		p->ops->free(p);
}

DEFINE_CLEANUP_PTR(struct provider, provider_free)
