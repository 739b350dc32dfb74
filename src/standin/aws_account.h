/* What the stand-in's AWS account holds: clusters, services, tasks, their definitions, instances
 * and network interfaces. Each keeps the text it was given; only what look-ups need is read. */
#pragma once

#include "aws_slice.h"
#include <ampagent/base/map.h>

enum aws_kind {
	AWS_CLUSTERS,
	AWS_SERVICES,
	AWS_TASKS,
	AWS_DEFINITIONS,
	AWS_CONTAINER_INSTANCES,
	AWS_INSTANCES,
	AWS_INTERFACES,
	AWS_KINDS_,
};

/* "clusters", "services", ...: its member in the account's document. */
struct sv aws_kind_name(enum aws_kind kind);

/* Views into text; empty where the text does not say. */
struct aws_object {
	char *text; /* NULL: gone */
	size_t len;
	uint64_t seq;      /* grows in the order in which they came */
	struct sv id;      /* the ARN, or EC2's id */
	struct sv name;    /* the last part of the id */
	struct sv cluster; /* its name */
	struct sv group, desired, launch, where, started_by, definition, strategy;
};

struct aws_objects {
	struct aws_object *list; /* by seq */
	size_t n, room, live;
	struct map by_name;
};

struct aws_account {
	struct aws_objects kinds[AWS_KINDS_];
	uint64_t next_seq;
};

void aws_account_deinit(struct aws_account *a);

/* Adds the object or replaces the one of its id: 0; 1 with the reason; or ERR_NOMEM. text is
 * JSON. */
int aws_account_put(struct aws_account *a, enum aws_kind kind, struct sv text, struct err *err);
/* Removes what has that id. */
void aws_account_remove(struct aws_account *a, struct sv id);
/* Applies a document: 0; 1 with the reason, and nothing was changed; or ERR_NOMEM. */
int aws_account_apply(struct aws_account *a, struct sv document, struct err *err);
/* The whole account as a document. */
void aws_account_json(const struct aws_account *a, struct buf *out);

/* By id, or by name inside the cluster (of any cluster when that is empty); NULL for none. */
const struct aws_object *aws_account_find(const struct aws_account *a, enum aws_kind kind,
					  struct sv cluster, struct sv id_or_name);
/* The first of that kind that came after seq, gone ones left out; NULL at the end. */
const struct aws_object *aws_account_after(const struct aws_account *a, enum aws_kind kind,
					   uint64_t seq);
/* The newest revision of the family; NULL for none. */
const struct aws_object *aws_account_newest(const struct aws_account *a, struct sv family);

/* What stands before the last ':' of a task definition's ARN and after its last '/'. */
struct sv aws_family_of(struct sv definition);
/* What stands after the last '/', or all. */
struct sv aws_last_part(struct sv id);
