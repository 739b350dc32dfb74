/* One function for each source of the chain. */
#pragma once

#include "chain.h"

/* What all of them look at, and what they find. */
struct chain {
	struct arena *arena;
	aws_getenv *env;
	const struct aws_settings *settings;
	const struct aws_credentials_options *opt;
	struct err *err;
	char found[256]; /* for the doctor: what of this source stands where */
};

enum { CHAIN_ABSENT = 2 };

/* 0 and *out; 1 with the reason when the source is configured and broken; CHAIN_ABSENT when it is
 * not configured; ERR_NOMEM. Views in *out may be into environment and settings. */
typedef int chain_step(struct chain *c, struct aws_plan *out);
chain_step chain_explicit, chain_environment, chain_web_identity, chain_profile, chain_container,
	chain_instance;

/* "" when it is not set. */
struct sv chain_env(const struct chain *c, const char *name);
void chain_found(struct chain *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Behind what plan's text says already. */
void chain_text(struct aws_plan *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Role on top of all there are: 0, 1 when there are too many or it is no ARN. where names the
 * place of the ARN. */
int chain_role_add(struct chain *c, struct aws_plan *plan, const struct aws_role *role,
		   const char *where);
int chain_arn_check(struct chain *c, struct sv arn, const char *where);
