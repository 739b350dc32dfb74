/* Where the agent runs, and a configuration out of the environment. */
#include "environment.h"

#include <ampagent/base/sv.h>

const struct environment_variable environment_variables[] = {
	{"AMPAGENT_REMOTE_WRITE_URL", "Where samples go: the workspace's remote-write URL.", NULL},
	{NULL, NULL, NULL},
};

static bool is_set(environment_get *env, const char *name)
{
	const char *v = env(name);
	return v && *v;
}

bool environment_asks(environment_get *env)
{
	return is_set(env, "AMPAGENT_REMOTE_WRITE_URL") || is_set(env, "AWS_PROMETHEUS_ENDPOINT") ||
	       is_set(env, "AMPAGENT_WORKSPACE_ID");
}

int environment_config(environment_get *env, bool in_ecs, struct buf *out, struct err *err)
{
	return err_set(err, 1, "a configuration without a file is not built yet");
}

enum environment_place environment_place(environment_get *env)
{
	if (is_set(env, "ECS_CONTAINER_METADATA_URI_V4") ||
	    is_set(env, "ECS_CONTAINER_METADATA_URI"))
		return PLACE_ECS;
	return is_set(env, "KUBERNETES_SERVICE_HOST") ? PLACE_KUBERNETES : PLACE_HOST;
}

const char *environment_listen(enum environment_place place)
{
	return place == PLACE_ECS ? "127.0.0.1:19090" : "0.0.0.0:9090";
}
