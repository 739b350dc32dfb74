/* The ECS and EC2 APIs of the stand-in's account: which call it is, who may make it and how often;
 * aws_ecs_api.c and aws_ec2_api.c answer. */
#pragma once

#include "aws_account.h"
#include "aws_bucket.h"

struct standin;
struct http_server_request;
struct aws_reply;

enum aws_action {
	AWS_ECS_LIST_CLUSTERS,
	AWS_ECS_DESCRIBE_CLUSTERS,
	AWS_ECS_LIST_SERVICES,
	AWS_ECS_DESCRIBE_SERVICES,
	AWS_ECS_LIST_TASKS,
	AWS_ECS_DESCRIBE_TASKS,
	AWS_ECS_LIST_CONTAINER_INSTANCES,
	AWS_ECS_DESCRIBE_CONTAINER_INSTANCES,
	AWS_ECS_DESCRIBE_TASK_DEFINITION,
	AWS_EC2_DESCRIBE_INSTANCES,
	AWS_EC2_DESCRIBE_INTERFACES,
	AWS_EC2_DESCRIBE_ZONES,
	AWS_ACTIONS_,
};

/* "ListClusters" ... */
struct sv aws_action_name(enum aws_action a);

/* Calls share a limit with those of their family, and with no others. */
enum aws_family {
	AWS_CLUSTER_READ,
	AWS_SERVICE_READ,
	AWS_RESOURCE_READ,
	AWS_DEFINITION_READ,
	AWS_INSTANCE_READ,
	AWS_INTERFACE_READ,
	AWS_ZONE_READ,
	AWS_FAMILIES_,
};

enum { AWS_PAGE_KEY = 32 };

struct aws_api {
	struct aws_bucket buckets[AWS_FAMILIES_];
	uint64_t calls[AWS_ACTIONS_]; /* refused ones included */
	uint64_t unknown, throttled, denied, failed;
	uint8_t page_key[AWS_PAGE_KEY];
};

void aws_api_init(struct aws_api *a);
/* Whether POST / is a call of one of them. */
bool aws_is_api(const struct http_server_request *req);
void aws_api(struct standin *s, const struct http_server_request *req, struct aws_reply *r);

/* PUT, PATCH and GET /aws/ecs, POST /aws/ecs/fill. */
void aws_account_page(struct standin *s, const struct http_server_request *req,
		      struct aws_reply *r);
void aws_account_fill_page(struct standin *s, const struct http_server_request *req,
			   struct aws_reply *r);

/* --- for the two --- */

/* What goes on after seq, for exactly that question: opaque to clients. */
void aws_page_token(const struct aws_api *a, struct sv question, uint64_t seq, struct buf *out);
/* 0 and *seq, or 1 when the token was not given for that question. */
int aws_page_open(const struct aws_api *a, struct sv question, struct sv token, uint64_t *seq);

/* The request was allowed: answers it. */
void aws_ecs_api(struct standin *s, const struct http_server_request *req, enum aws_action action,
		 struct aws_reply *r);
void aws_ec2_api(struct standin *s, const struct http_server_request *req, enum aws_action action,
		 struct aws_reply *r);
/* Errors as each of them says them. */
void aws_ecs_api_error(struct aws_reply *r, int status, const char *type, const char *text);
void aws_ec2_api_error(struct aws_reply *r, int status, const char *code, const char *text);
