/* Options of credentials, copied and compared. */
#pragma once

#include <ampagent/aws/credentials.h>
#include <ampagent/base/arena.h>

struct credentials_options {
	struct aws_credentials_options view; /* into arena */
	struct arena arena;
};

/* 0, or ERR_NOMEM; deinit either way. */
int credentials_options_copy(struct credentials_options *o,
			     const struct aws_credentials_options *opt, struct err *err);
/* Wipes. */
void credentials_options_deinit(struct credentials_options *o);
bool credentials_options_equal(const struct aws_credentials_options *a,
			       const struct aws_credentials_options *b);
