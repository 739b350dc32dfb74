/* What is known of a region as of one round: clusters, services, tasks and instances in one arena,
 * equal texts once, each found by its ARN. A round fills a new one, partly with copies out of the
 * last one, and replaces that when it is whole. Definitions have one of their own that lives on.
 */
#pragma once

#include "ecs_view.h"

#include <ampagent/base/arena.h>
#include <ampagent/base/map.h>

/* An array while it grows; free(v) ends it. */
struct ecs_list {
	void *v;
	size_t n, cap; /* elements, all of one size */
};

int ecs_list_add(struct ecs_list *l, const void *item, size_t size);
/* What it has, in a's memory: *array (of any pointer type) and its length. */
int ecs_list_give(const struct ecs_list *l, size_t size, struct arena *a, void *array, size_t *n);

/* Entries by their key, which is their first member, a struct sv. Owns no entry. */
struct ecs_table {
	struct map map;
	void **v; /* in the order they came */
	size_t n, cap;
};

void *ecs_table_find(const struct ecs_table *t, struct sv key);
/* The key must not be there. 0 or ERR_NOMEM. */
int ecs_table_add(struct ecs_table *t, void *entry);
void ecs_table_deinit(struct ecs_table *t);

struct ecs_known_service {
	struct ecs_api_service s;
	const struct ecs_api_cluster *cluster;
};

struct ecs_known_task {
	struct ecs_api_task t;
	int64_t started_s; /* since 1970; 0 = not yet */
	bool fresh;        /* described in the round that filled this */
};

struct ecs_known {
	struct arena arena;
	struct ecs_table texts; /* of struct sv; empty once sealed */
	struct ecs_table clusters, services, tasks, instances, definitions;
	const struct ecs_api_task **view; /* by ARN, once sealed */
	uint64_t digest;                  /* of all that a view shows, once sealed */
	bool failed;                      /* memory was short: what is here is not whole */
};

void ecs_known_init(struct ecs_known *k, size_t max);
void ecs_known_deinit(struct ecs_known *k);
/* On the heap; NULL without memory. */
struct ecs_known *ecs_known_new(size_t max);
void ecs_known_free(struct ecs_known *k);

/* These set failed when memory is short and then give something empty, or NULL. */
struct sv ecs_keep(struct ecs_known *k, struct sv text);
void *ecs_keep_bytes(struct ecs_known *k, const void *v, size_t size);
/* Adds entry to one of k's tables unless its key is there: whether it was added. */
bool ecs_known_add(struct ecs_known *k, struct ecs_table *t, void *entry);

/* Copies out of another one, added: unlinked, but the cluster of tasks and services. */
struct ecs_known_task *ecs_known_copy_task(struct ecs_known *k, const struct ecs_known_task *of,
					   const struct ecs_api_cluster *cluster);
struct ecs_known_service *ecs_known_copy_service(struct ecs_known *k,
						 const struct ecs_known_service *of,
						 const struct ecs_api_cluster *cluster);
struct ecs_api_instance *ecs_known_copy_instance(struct ecs_known *k,
						 const struct ecs_api_instance *of);
/* The same into one of k's that is there already. */
void ecs_known_fill_instance(struct ecs_known *k, struct ecs_api_instance *i,
			     const struct ecs_api_instance *of);
struct ecs_api_definition *ecs_known_copy_definition(struct ecs_known *k,
						     const struct ecs_api_definition *of);

/* Links tasks to services, instances and definitions (NULL: none), sorts the view, makes the
 * digest, frees what only building needs. 0 or ERR_NOMEM. */
int ecs_known_seal(struct ecs_known *k, const struct ecs_known *definitions);

DEFINE_CLEANUP(struct ecs_known, ecs_known_deinit)
