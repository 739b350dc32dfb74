/* The parts that answers of the ECS API are made of, gathered member by member. */
#pragma once

#include "ecs_json.h"

#include <ampagent/base/json.h>

enum ecs_part {
	PART_NONE,
	PART_FAILURE,
	PART_CLUSTER,
	PART_SERVICE,
	PART_TASK,
	PART_ATTACHMENT,
	PART_DETAIL,
	PART_CONTAINER,
	PART_INTERFACE,
	PART_INSTANCE,
	PART_DEFINITION,
	PART_DEF_CONTAINER,
	PART_PORT,
	PART_TAG,
	PARTS_
};

/* A plain member of a part. */
struct ecs_field;
/* NULL: nobody wants it. */
const struct ecs_field *ecs_field_find(enum ecs_part part, struct sv key);

struct ecs_attachment {
	struct sv type;
	struct sv id, ipv4, ipv6, subnet_id;
};

/* Of each kind the one that is being read. */
struct ecs_parts {
	struct ecs_known *known;
	struct arena *scratch;
	struct ecs_answer *answer;
	struct ecs_failure failure;
	struct ecs_api_cluster cluster;
	struct ecs_known_service service;
	struct ecs_known_task task;
	struct ecs_attachment attachment;
	struct ecs_tag detail; /* name, value */
	struct ecs_api_container container;
	struct {
		struct sv ipv4, ipv6;
	} interface;
	struct ecs_api_instance instance;
	struct ecs_api_definition definition;
	struct ecs_api_definition_container def_container;
	struct ecs_api_port port;
	struct ecs_tag tag;
	/* Members of what is being read, and of the answer. */
	struct ecs_list tags, ports, containers, def_containers, arns, failures, things;
};

void ecs_parts_init(struct ecs_parts *p, struct ecs_known *k, struct arena *scratch,
		    struct ecs_answer *out);
void ecs_parts_deinit(struct ecs_parts *p);
/* 0, 1 with the reason, or ERR_NOMEM, all of these. */
int ecs_part_begin(struct ecs_parts *p, enum ecs_part part);
int ecs_part_end(struct ecs_parts *p, enum ecs_part part, struct err *err);
int ecs_field_set(struct ecs_parts *p, enum ecs_part part, const struct ecs_field *f,
		  enum json_event event, struct sv text, struct err *err);
int ecs_parts_arn(struct ecs_parts *p, struct sv arn);
int ecs_parts_label(struct ecs_parts *p, struct sv key, struct sv value);
/* Hands the lists over to the answer. */
int ecs_parts_finish(struct ecs_parts *p);
