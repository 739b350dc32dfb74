#include "source.h"

int source_web_identity_start(const struct source_env *env, source_done done, void *cls,
			      struct aws_fetch **out, struct err *err)
{
	return err_set(err, 1, "web identity is not built yet");
}
