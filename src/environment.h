/* The environment variables that ampagent reads, and the configuration that they make when there is
 * no file: pure.
 *
 * The configuration is a prometheus.yml in text, so that there is one way through the program and
 * people can see what is in effect (`ampagent check-config --print`, the page /config).
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

typedef const char *environment_get(const char *name);

struct environment_variable {
	const char *name;     /* "AMPAGENT_REMOTE_WRITE_URL" */
	const char *help;     /* one or two sentences, also for docs/CONFIG.md */
	const char *fallback; /* what holds without it, in words; NULL = nothing */
};
/* All that configure without a file; name NULL ends it. Flags have their variables besides: see
 * flags.h. */
extern const struct environment_variable environment_variables[];

/* Whether the environment asks for a configuration without a file: a destination is given
 * (AMPAGENT_REMOTE_WRITE_URL, AWS_PROMETHEUS_ENDPOINT, or AMPAGENT_WORKSPACE_ID). */
bool environment_asks(environment_get *env);

/* Writes that configuration: 0; 1 with the variable's name and what is wrong with it. in_ecs: a
 * metadata endpoint is there. listen: where the agent listens, for its own metrics; empty: where it
 * would without a flag. Secrets are not among the variables. */
int environment_config(environment_get *env, bool in_ecs, struct sv listen, struct buf *out,
		       struct err *err);
/* The variable that a line (1-based) of that text is made of, or SV_NULL: the line's comment. */
struct sv environment_config_origin(struct sv text, int line);

/* Where the agent runs, by the environment. */
enum environment_place { PLACE_HOST, PLACE_ECS, PLACE_KUBERNETES };
enum environment_place environment_place(environment_get *env);
/* The listen address without --web.listen-address: 127.0.0.1:19090 in ECS, where all containers of
 * a task may share one network and 9090 is often taken; else 0.0.0.0:9090. */
const char *environment_listen(enum environment_place place);

/* The process's: a getenv() that is an environment_get. */
const char *environment_process(const char *name);

/* Tells of variables that will not do what their owner thinks: names like ours that nothing reads
 * (with the nearest that something does), those that do not count as the configuration comes from
 * source (a file's name or AMPAGENT_CONFIG_CONTENT; NULL: from the variables), and ADOT's
 * configuration. all: as environ(7); flag_variables: the names that flags have, ended by NULL. */
void environment_notes(environment_get *env, char *const *all, const char *const *flag_variables,
		       const char *source, void (*tell)(void *cls, const char *text), void *cls);
/* The section "Environment" of docs/CONFIG.md. */
int environment_print_docs(struct buf *out);
