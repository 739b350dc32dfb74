/* Answers of the ECS API: the first byte says of which call. What is accepted must be whole, and
 * live on in a copy that is equal. */
#include "../../../ecs_discovery/ecs_json.h"
#include <ampagent/base/limits.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char actions[] = "CcSsTtdi";

static void check_things(struct ecs_known *k, enum ecs_action action, const struct ecs_answer *a)
{
	struct ecs_api_cluster *cluster = arena_calloc(&k->arena, 1, sizeof *cluster);
	cluster->arn = SV("c");
	for (size_t i = 0; i < a->n_things; i++) {
		struct ecs_known_task *t = a->things[i];
		assert(((const struct sv *)a->things[i])->len > 0);
		if (action == ECS_DESCRIBE_TASKS) {
			t->t.cluster = cluster;
			ecs_known_add(k, &k->tasks, t);
			assert(t->t.has_eni || t->t.eni_id.len == 0);
		} else if (action == ECS_DESCRIBE_TASK_DEFINITION) {
			ecs_known_add(k, &k->definitions, t);
		}
	}
}

static void check_copy(struct ecs_known *k)
{
	_cleanup_(ecs_known_deinit) struct ecs_known other;
	ecs_known_init(&other, MiB(64));
	for (size_t i = 0; i < k->tasks.n; i++) {
		const struct ecs_known_task *t = k->tasks.v[i];
		assert(ecs_known_copy_task(&other, t, t->t.cluster) != NULL);
	}
	for (size_t i = 0; i < k->definitions.n; i++)
		assert(ecs_known_copy_definition(&other, k->definitions.v[i]) != NULL);
	assert(ecs_known_seal(k, k) == 0 && ecs_known_seal(&other, k) == 0);
	assert(k->digest == other.digest && k->tasks.n == other.tasks.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ecs_known_deinit) struct ecs_known k;
	_cleanup_(arena_deinit) struct arena scratch;
	struct ecs_answer a;
	struct err err = ERR_NULL;
	ecs_known_init(&k, MiB(64));
	arena_init(&scratch, MiB(64));
	const char *at = size > 0 && data[0] ? strchr(actions, data[0]) : NULL;
	if (!at || size > KiB(64))
		return 0;
	enum ecs_action action = (enum ecs_action)(at - actions);
	struct sv body = sv_make((const char *)data + 1, size - 1);
	if (ecs_json_read(&k, &scratch, action, body, &a, &err) != 0) {
		assert(err.msg[0] != 0);
		return 0;
	}
	check_things(&k, action, &a);
	check_copy(&k);
	return 0;
}
