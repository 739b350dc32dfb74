/* Answers of the EC2 API: DescribeInstances, DescribeNetworkInterfaces.
 * Source: Amazon EC2 API Reference, "Actions", "Data Types".
 */
#pragma once

#include "ecs_known.h"

#include <ampagent/base/err.h>

struct ec2_answer {
	struct sv next_token;               /* "" = the last page */
	struct ecs_api_instance *instances; /* no container_instance_arn; texts are k's */
	size_t n_instances;
	struct ec2_interface {
		struct sv id, public_ip;
	} * interfaces; /* those that have a public address */
	size_t n_interfaces;
};

/* Arrays lie in scratch. 0; 1 with the reason when it is not that answer; ERR_NOMEM. */
int ec2_xml_instances(struct ecs_known *k, struct arena *scratch, struct sv body,
		      struct ec2_answer *out, struct err *err);
int ec2_xml_interfaces(struct ecs_known *k, struct arena *scratch, struct sv body,
		       struct ec2_answer *out, struct err *err);
