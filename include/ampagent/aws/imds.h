/* Instance metadata, version 2: a token by PUT, then GETs with it. Version 1 is never used unless
 * AWS_EC2_METADATA_V1_DISABLED=false says that it may be. Also the region, asked of the task's or
 * the instance's metadata. Source: Amazon EC2 User Guide, "Use the Instance Metadata Service".
 */
#pragma once

#include <ampagent/aws/session.h>

enum aws_imds_result {
	AWS_IMDS_OK,
	AWS_IMDS_NOT_FOUND, /* 404: no such path; no role, for credentials */
	AWS_IMDS_DISABLED,  /* AWS_EC2_METADATA_DISABLED */
	AWS_IMDS_NO_ANSWER, /* cannot connect: no instance, or a firewall */
	AWS_IMDS_HOP_LIMIT, /* connected, but the token's answer never came: the hop limit is 1 and
			       this is a container */
	AWS_IMDS_REFUSED,   /* 400, 403, 405 ... */
};

struct aws_imds;
/* GETs path ("/latest/meta-data/placement/region"); several at a time share one token. done once,
 * from the loop, never from inside; text and why valid during it. peer_now_ms: of the answer's
 * Date, 0 = it had none. 0; 1 with the reason and done is not called; ERR_NOMEM. */
int aws_imds_start(struct aws_session *s, const struct aws_settings *settings, struct sv path,
		   void (*done)(void *cls, enum aws_imds_result result, struct sv text,
				int64_t peer_now_ms, const struct err *why),
		   void *cls, struct aws_imds **out, struct err *err);
void aws_imds_cancel(struct aws_imds *i);

/* The variable that names the metadata endpoint of the ECS task that this process runs in:
 * ECS_CONTAINER_METADATA_URI_V4, else ECS_CONTAINER_METADATA_URI; NULL when neither is set, or both
 * are blank. */
const char *aws_task_variable(aws_getenv *env);

/* The region where this runs: of the ECS task's ARN (aws_task_variable()) when there is one, else
 * of the instance. region is empty on failure. from: "the ECS task", "the instance". */
struct aws_region_fetch;
int aws_region_start(struct aws_session *s, const struct aws_settings *settings,
		     void (*done)(void *cls, struct sv region, const char *from,
				  const struct err *why),
		     void *cls, struct aws_region_fetch **out, struct err *err);
void aws_region_cancel(struct aws_region_fetch *f);
