/* Answers of STS, read: pure. Views into arena, which the caller wipes. */
#pragma once

#include "source.h"

#include <ampagent/aws/sts.h>

/* Of AssumeRole and AssumeRoleWithWebIdentity: keys, when they expire, the account. 0; 1 with the
 * reason, never with a secret in it; ERR_NOMEM. */
int sts_keys_read(struct arena *arena, struct sv body, struct aws_got *out, struct err *err);
/* Of GetCallerIdentity. */
int sts_identity_read(struct arena *arena, struct sv body, struct aws_identity *out,
		      struct err *err);
