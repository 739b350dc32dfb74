/* Task metadata of any bytes: what is taken has an id, lies whole in the task's own memory and
 * within the bounds, and is the same when it is read again.
 */
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>
#include <ampagent/ecs/task.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Every byte is read, so that a sanitizer sees what is not ours. */
static void check_text(struct sv s)
{
	require(s.len <= LIMIT_ECS_TASK_BYTES);
	require(s.len == 0 || utf8_valid(s));
}

static void check_amount(double v)
{
	require(v == -1 || (v >= 0 && v <= 1.7976931348623157e308));
}

static void check_container(const struct ecs_container *c)
{
	const struct sv texts[] = {c->docker_id, c->name,          c->docker_name, c->image,
				   c->image_id,  c->arn,           c->type,        c->known_status,
				   c->health,    c->desired_status};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		check_text(texts[i]);
	for (size_t i = 0; i < c->n_labels; i++) {
		check_text(c->labels[i].name);
		check_text(c->labels[i].value);
		struct sv found = ecs_container_label(c, c->labels[i].name);
		require(found.ptr == c->labels[i].value.ptr && found.len == c->labels[i].value.len);
	}
	for (size_t i = 0; i < c->n_ports; i++) {
		check_text(c->ports[i].protocol);
		require(c->ports[i].container != 0 || c->ports[i].host != 0);
	}
	for (size_t i = 0; i < c->n_ipv4; i++) {
		require(c->ipv4[i].len > 0);
		check_text(c->ipv4[i]);
	}
	for (size_t i = 0; i < c->n_ipv6; i++) {
		require(c->ipv6[i].len > 0);
		check_text(c->ipv6[i]);
	}
	require(c->network <= ECS_NETWORK_HOST);
	check_amount(c->cpu_limit);
	check_amount(c->memory_mib);
	require(c->created_ms >= 0 && c->started_ms >= 0 && c->finished_ms >= 0);
	require(c->restarts >= -1);
}

static void check_task(const struct ecs_task *t)
{
	const struct sv texts[] = {t->cluster,
				   t->cluster_name,
				   t->arn,
				   t->id,
				   t->region,
				   t->account,
				   t->family,
				   t->revision,
				   t->service,
				   t->group,
				   t->vpc_id,
				   t->availability_zone,
				   t->availability_zone_id,
				   t->launch_type,
				   t->known_status,
				   t->desired_status};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		check_text(texts[i]);
	require(t->id.len > 0 && sv_ends_with(t->arn, t->id));
	require(t->n_containers <= 256);
	check_amount(t->cpu_limit);
	check_amount(t->memory_mib);
	check_amount(t->ephemeral_used_mib);
	check_amount(t->ephemeral_reserved_mib);
	check_amount(t->clock_error_ms);
	require(t->clock_synchronized >= -1 && t->clock_synchronized <= 1);
	for (size_t i = 0; i < t->n_containers; i++)
		check_container(&t->containers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0}, again = {0};
	struct err err = ERR_NULL;
	int code = ecs_task_read(sv_make((const char *)data, size), &t, &err);
	require(code == 0 || (code == 1 && err.msg[0] && !t.arena.chunks));
	if (code != 0)
		return 0;
	check_task(&t);
	require(ecs_task_read(sv_make((const char *)data, size), &again, NULL) == 0);
	require(again.n_containers == t.n_containers && sv_eq(again.arn, t.arn) &&
		sv_eq(again.service, t.service) && again.arena.used == t.arena.used);
	return 0;
}
