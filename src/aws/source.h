/* The sources that have to be asked: one file each. All have one shape: start, done once later from
 * the loop and never from inside start, cancel.
 */
#pragma once

#include "chain.h"

/* Views, valid during the callback. */
struct aws_got {
	struct aws_keys keys;
	struct sv account;   /* "" = not told */
	int64_t expires_ms;  /* since 1970, by the source's clock; 0 = never */
	int64_t peer_now_ms; /* that clock when it answered; 0 = not told */
};

/* got is NULL when it failed: why says what failed and what to do. */
typedef void (*source_done)(void *cls, const struct aws_got *got, const struct err *why);

/* Base of every source's own structure. */
struct aws_fetch {
	void (*cancel)(struct aws_fetch *f); /* ends it silently and frees it */
};

/* What a source may use. Everything outlives the fetch. */
struct source_env {
	struct aws_session *session;
	const struct aws_settings *settings;
	const struct aws_plan *plan;
};

/* 0; 1 with the reason and done is not called; ERR_NOMEM. */
int source_web_identity_start(const struct source_env *env, source_done done, void *cls,
			      struct aws_fetch **out, struct err *err);
int source_process_start(const struct source_env *env, source_done done, void *cls,
			 struct aws_fetch **out, struct err *err);
int source_sso_start(const struct source_env *env, source_done done, void *cls,
		     struct aws_fetch **out, struct err *err);
int source_container_start(const struct source_env *env, source_done done, void *cls,
			   struct aws_fetch **out, struct err *err);
int source_instance_start(const struct source_env *env, source_done done, void *cls,
			  struct aws_fetch **out, struct err *err);
/* AssumeRole, signed by keys (copied). */
int source_role_start(const struct source_env *env, const struct aws_role *role,
		      const struct aws_keys *keys, source_done done, void *cls,
		      struct aws_fetch **out, struct err *err);
