/* What a session keeps for the files of this room. */
#pragma once

#include "call_budget.h"
#include "imds_cache.h"
#include <ampagent/aws/session.h>

struct aws_credentials;

struct session_clock {
	struct session_clock *next;
	struct aws_clock clock;
	struct sv host; /* lower case; its bytes follow */
};

struct aws_session {
	struct loop *loop;
	struct http_pool *pool;
	aws_getenv *env;
	char *user_agent;
	char *ca_bundle; /* path, or NULL */
	bool ca_known;   /* the shared files were asked for it too */
	struct http_client *link, *api;
	struct session_clock *clocks;
	struct aws_credentials *credentials; /* those that live, in no order */
	struct aws_imds_cache imds;
	struct aws_call_budget budget;
};

/* The token of the instance's metadata. */
struct aws_imds_cache *aws_session_imds(struct aws_session *s);
/* What calls may spend on trying again. */
struct aws_call_budget *aws_session_budget(struct aws_session *s);
/* As aws_session_now_ms(); false while no service has spoken, and it is this machine's time. */
bool aws_session_peer_ms(struct aws_session *s, int64_t *ms);
