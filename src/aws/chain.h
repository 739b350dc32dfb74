/* Which source the credentials come from: a pure function of options, environment and files. */
#pragma once

#include <ampagent/aws/credentials.h>

enum aws_source {
	AWS_EXPLICIT,
	AWS_ENVIRONMENT,
	AWS_PROFILE_KEYS,
	AWS_WEB_IDENTITY, /* of the environment or of a profile */
	AWS_PROCESS,
	AWS_SSO,
	AWS_CONTAINER,
	AWS_INSTANCE,
};

/* Role sessions that follow one another. */
enum { AWS_ROLES_MAX = 8 };

struct aws_role {
	struct sv arn, external_id, session_name; /* session_name "": one is made */
	int64_t duration_s;                       /* 0: 15 minutes */
	struct sv profile;                        /* that says so; "" = the configuration */
};

/* Views into the arena given. */
struct aws_plan {
	enum aws_source source;
	struct aws_keys keys; /* AWS_EXPLICIT, AWS_ENVIRONMENT, AWS_PROFILE_KEYS */
	struct {
		struct sv role_arn, token_file, session_name;
	} web;
	struct sv command; /* AWS_PROCESS, as written */
	struct {
		struct sv session; /* names the token cache: sso_session, else sso_start_url */
		struct sv region, account, role;
	} sso;
	struct {
		struct sv url;        /* whole */
		struct sv token;      /* Authorization, or "" */
		struct sv token_file; /* wins over token; "" = none */
		const char *what;     /* "ECS task role", "EKS Pod Identity", "container" */
	} container;
	struct aws_role roles[AWS_ROLES_MAX]; /* assumed one after another on top of that */
	size_t n_roles;
	struct sv sts_region; /* "" = none is known: of the task or instance */
	bool sts_fips;
	bool can_change;  /* asking the source again may give other keys */
	char text[160];   /* for people; no secret in it */
	const char *kind; /* as in struct aws_credentials_status */
};

/* 0; 1 with the reason when what is configured is broken; ERR_NOMEM. env as in aws_settings_load();
 * settings are those of opt->profile. */
int chain_plan(struct arena *arena, aws_getenv *env, const struct aws_settings *settings,
	       const struct aws_credentials_options *opt, struct aws_plan *out, struct err *err);
/* A part of a key as some source gave it: 1 with the reason, which names it as name and shows
 * nothing of it, when it has bytes that no AWS key has. */
int aws_key_part_check(struct sv value, const char *name, struct err *err);
/* The ID of a key as people may see it: what cannot be one may be the secret in the wrong place. */
struct sv aws_access_key_shown(struct sv access_key);
/* For aws_credentials_explain(). */
void chain_explain(aws_getenv *env, const struct aws_settings *settings,
		   const struct aws_credentials_options *opt,
		   void (*line)(void *cls, const char *source, enum aws_source_state state,
				const char *text),
		   void *cls);
