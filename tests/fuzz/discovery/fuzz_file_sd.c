/* file_sd files: the first byte says JSON or YAML. What is accepted must be sound. */
#include "../../../ecs_discovery/groups.h"
#include <ampagent/base/limits.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
	struct err err = ERR_NULL;
	if (size == 0 || size > KiB(64))
		return 0;
	enum groups_form form = data[0] == 'J' ? GROUPS_JSON : GROUPS_YAML;
	struct sv text = sv_make((const char *)data + 1, size - 1);
	if (groups_parse(form, text, SV("/sd/file"), &list, &err) != 0) {
		assert(err.msg[0] != 0 && list.v == NULL);
		return 0;
	}
	for (size_t i = 0; i < list.n; i++) {
		const struct target_group *g = &list.v[i];
		assert(labels_valid(g->labels));
		assert(sv_eq(labels_get(g->labels, SV("__meta_filepath")), SV("/sd/file")));
		for (size_t k = 0; k < g->n_targets; k++)
			assert(labels_valid(g->targets[k]) && labels_count(g->targets[k]) <= 1);
	}
	return 0;
}
