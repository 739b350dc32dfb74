/* Discovery: keeps the target groups of every job up to date and hands them to the scrape side.
 * Everything runs on the loop thread given. */
#pragma once

#include <ampagent/aws/session.h>
#include <ampagent/base/metrics.h>
#include <ampagent/discovery_options.h>
#include <ampagent/ecs/watch.h>
#include <ampagent/model/target_group.h>
#include <ampagent/net/loop.h>

struct discovery;

struct discovery_env {
	struct loop *loop;
	struct target_sink sink;
	/* Of that loop, for what discovery asks; NULL while no job asks AWS. */
	struct http_pool *pool;
	struct aws_session *aws;
	struct ecs_watch *ecs;   /* the task that this process runs in; NULL = in none */
	const char *own_address; /* "host:port" where this agent's pages are; "" = nowhere */
};
/* What env points to must outlive the discovery. */
int discovery_new(const struct discovery_env *env, struct discovery **out, struct err *err);
/* NULL is fine. */
void discovery_free(struct discovery *d);
/* pool and aws of env, where nobody needed them before: from the next apply on. */
void discovery_use_aws(struct discovery *d, struct http_pool *pool, struct aws_session *aws);
/* Replaces the set of jobs; static groups are delivered before this returns, file groups as soon
 * as they are read (at once), others as they come. opts must stay valid until the next apply or
 * free. A source whose options are unchanged keeps what it found. 0, or ERR_NOMEM: then there are
 * no jobs left. */
int discovery_apply(struct discovery *d, const struct discovery_options *opts, size_t n);
/* Whether every source of every job has been read whole and told of: a target that was not named by
 * now is gone. */
bool discovery_complete(const struct discovery *d);
/* Tells the sink of every job's list again, at the next turn of the loop: what the sink makes of
 * the same targets has changed. */
void discovery_tell_again(struct discovery *d);
/* Tells of no more changes. */
void discovery_pause(struct discovery *d);
/* Reads a file of file_sd and calls fn for each of its groups, for checks: 0; 1 with
 * "path:line:col: ..." when it cannot be read; else what fn gave. */
typedef int (*discovery_group_fn)(void *cls, const struct target_group *group);
int discovery_check_file(const char *path, discovery_group_fn fn, void *cls, struct err *err);
/* prometheus_sd_* with labels. */
void discovery_collect(struct discovery *d, struct metrics_writer *w);

DEFINE_CLEANUP_PTR(struct discovery, discovery_free)
