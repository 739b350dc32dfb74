/* AWS Security Token Service: who am I.
 * Source: AWS STS API Reference, GetCallerIdentity.
 */
#pragma once

#include <ampagent/aws/call.h>

struct aws_identity {
	struct sv account, arn, user_id;
};

/* region and fips as for aws_endpoint_url(). identity is NULL when answer's verdict is not OK. As
 * aws_call_start(). */
int aws_sts_identity_start(struct aws_session *s, struct aws_credentials *c,
			   const struct aws_settings *settings, struct sv region, bool fips,
			   void (*done)(void *cls, const struct aws_identity *identity,
					const struct aws_answer *answer),
			   void *cls, struct aws_call **out, struct err *err);
