/* Answers of the EC2 API: the first byte says of which call. What is accepted must be whole. */
#include "../../../ecs_discovery/ec2_xml.h"
#include <ampagent/base/limits.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ecs_known_deinit) struct ecs_known k;
	_cleanup_(arena_deinit) struct arena scratch;
	struct ec2_answer a;
	struct err err = ERR_NULL;
	ecs_known_init(&k, MiB(64));
	arena_init(&scratch, MiB(64));
	if (size == 0 || size > KiB(64))
		return 0;
	struct sv body = sv_make((const char *)data + 1, size - 1);
	int r = data[0] == 'I' ? ec2_xml_instances(&k, &scratch, body, &a, &err)
			       : ec2_xml_interfaces(&k, &scratch, body, &a, &err);
	if (r != 0) {
		assert(err.msg[0] != 0);
		return 0;
	}
	for (size_t i = 0; i < a.n_instances; i++)
		assert(a.instances[i].id.len > 0 && a.instances[i].container_instance_arn.len == 0);
	for (size_t i = 0; i < a.n_interfaces; i++)
		assert(a.interfaces[i].id.len > 0 && a.interfaces[i].public_ip.len > 0);
	return 0;
}
