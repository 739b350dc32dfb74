#include "source.h"

int source_role_start(const struct source_env *env, const struct aws_role *role,
		      const struct aws_keys *keys, source_done done, void *cls,
		      struct aws_fetch **out, struct err *err)
{
	return err_set(err, 1, "assuming a role is not built yet");
}
