#include <ampagent/aws/sts.h>

int aws_sts_identity_start(struct aws_session *s, struct aws_credentials *c,
			   const struct aws_settings *settings, struct sv region, bool fips,
			   void (*done)(void *cls, const struct aws_identity *identity,
					const struct aws_answer *answer),
			   void *cls, struct aws_call **out, struct err *err)
{
	return err_set(err, 1, "GetCallerIdentity is not built yet");
}
