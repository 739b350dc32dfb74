/* Which source the credentials come from: the default chain in the order of the AWS SDK for Go. */
#include "chain.h"

int chain_plan(struct arena *arena, aws_getenv *env, const struct aws_settings *settings,
	       const struct aws_credentials_options *opt, struct aws_plan *out, struct err *err)
{
	(void)arena;
	(void)env;
	(void)settings;
	(void)opt;
	(void)out;
	return err_set(err, 1, "the chain of AWS credentials is not built yet");
}

void chain_explain(aws_getenv *env, const struct aws_settings *settings,
		   const struct aws_credentials_options *opt,
		   void (*line)(void *cls, const char *source, enum aws_source_state state,
				const char *text),
		   void *cls)
{
	(void)env;
	(void)settings;
	(void)opt;
	line(cls, "chain", AWS_SOURCE_BROKEN, "not built yet");
}
