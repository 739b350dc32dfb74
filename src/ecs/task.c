/* task: one table says which members are read and where they go. Only objects and lists of the
 * table are entered; what is in others is passed over, however deep. An answer's last member of a
 * name is the one.
 */
#include <ampagent/ecs/task.h>

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/time.h>
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>

#include <math.h>

enum {
	/* All together. A task definition has at most 64 KB and ten containers. */
	ENTRIES_MAX = 8192,
	CONTAINERS_MAX = 256,
	LABELS_MAX = 1024, /* of one container, as are the next two */
	PORTS_MAX = 1024,
	ADDRESSES_MAX = 256,
	/* Strings take no more than the text, each with an end; a list at most four times its
	 * entries. */
	ARENA_BYTES = 2 * LIMIT_ECS_TASK_BYTES + 4 * ENTRIES_MAX * sizeof(struct ecs_container),
	DEPTH_MAX = 8, /* of places */
};

enum place {
	NOWHERE,
	TASK,
	TASK_LIMITS,
	CLOCK,
	STORAGE,
	CONTAINERS,
	CONTAINER,
	LIMITS,
	HEALTH,
	LABELS,
	PORTS,
	PORT,
	NETWORKS,
	NETWORK,
	IPV4,
	IPV6,
};

/* What a list's objects are; NOWHERE = it is no list, or one of strings. */
static const enum place element_of[IPV6 + 1] = {
	[CONTAINERS] = CONTAINER,
	[PORTS] = PORT,
	[NETWORKS] = NETWORK,
};

enum kind {
	TEXT,    /* struct sv */
	AMOUNT,  /* double, not negative */
	COUNT,   /* int64_t, not negative */
	TIME,    /* int64_t, ms since 1970 */
	PORT_NR, /* uint16_t */
	EXIT_CODE,
	CLOCK_STATUS,
	MODE,
	OBJECT, /* entered: at is the place */
	LIST,
};

struct member {
	enum place in;
	const char *name;
	enum kind kind;
	size_t at;
};

#define T(field) offsetof(struct ecs_task, field)
#define C(field) offsetof(struct ecs_container, field)
#define P(field) offsetof(struct ecs_port, field)
static const struct member members[] = {
	{TASK, "Cluster", TEXT, T(cluster)},
	{TASK, "TaskARN", TEXT, T(arn)},
	{TASK, "Family", TEXT, T(family)},
	{TASK, "Revision", TEXT, T(revision)},
	{TASK, "ServiceName", TEXT, T(service)},
	{TASK, "Group", TEXT, T(group)},
	{TASK, "AvailabilityZone", TEXT, T(availability_zone)},
	{TASK, "AvailabilityZoneID", TEXT, T(availability_zone_id)},
	{TASK, "VPCID", TEXT, T(vpc_id)},
	{TASK, "LaunchType", TEXT, T(launch_type)},
	{TASK, "KnownStatus", TEXT, T(known_status)},
	{TASK, "DesiredStatus", TEXT, T(desired_status)},
	{TASK, "Limits", OBJECT, TASK_LIMITS},
	{TASK_LIMITS, "CPU", AMOUNT, T(cpu_limit)},
	{TASK_LIMITS, "Memory", AMOUNT, T(memory_mib)},
	{TASK, "ClockDrift", OBJECT, CLOCK},
	{CLOCK, "ClockErrorBound", AMOUNT, T(clock_error_ms)},
	{CLOCK, "ClockSynchronizationStatus", CLOCK_STATUS, T(clock_synchronized)},
	{TASK, "EphemeralStorageMetrics", OBJECT, STORAGE},
	{STORAGE, "Utilized", AMOUNT, T(ephemeral_used_mib)},
	{STORAGE, "Reserved", AMOUNT, T(ephemeral_reserved_mib)},
	{TASK, "Containers", LIST, CONTAINERS},
	{CONTAINER, "DockerId", TEXT, C(docker_id)},
	{CONTAINER, "Name", TEXT, C(name)},
	{CONTAINER, "DockerName", TEXT, C(docker_name)},
	{CONTAINER, "Image", TEXT, C(image)},
	{CONTAINER, "ImageID", TEXT, C(image_id)},
	{CONTAINER, "ContainerARN", TEXT, C(arn)},
	{CONTAINER, "Type", TEXT, C(type)},
	{CONTAINER, "KnownStatus", TEXT, C(known_status)},
	{CONTAINER, "DesiredStatus", TEXT, C(desired_status)},
	{CONTAINER, "CreatedAt", TIME, C(created_ms)},
	{CONTAINER, "StartedAt", TIME, C(started_ms)},
	{CONTAINER, "FinishedAt", TIME, C(finished_ms)},
	{CONTAINER, "RestartCount", COUNT, C(restarts)},
	{CONTAINER, "ExitCode", EXIT_CODE, C(exit_code)},
	{CONTAINER, "Limits", OBJECT, LIMITS},
	{LIMITS, "CPU", AMOUNT, C(cpu_limit)},
	{LIMITS, "Memory", AMOUNT, C(memory_mib)},
	{CONTAINER, "Health", OBJECT, HEALTH},
	{HEALTH, "status", TEXT, C(health)},
	{CONTAINER, "Labels", OBJECT, LABELS},
	{CONTAINER, "Ports", LIST, PORTS},
	{PORT, "ContainerPort", PORT_NR, P(container)},
	{PORT, "HostPort", PORT_NR, P(host)},
	{PORT, "Protocol", TEXT, P(protocol)},
	{CONTAINER, "Networks", LIST, NETWORKS},
	{NETWORK, "NetworkMode", MODE, C(network)},
	{NETWORK, "IPv4Addresses", LIST, IPV4},
	{NETWORK, "IPv6Addresses", LIST, IPV6},
};

struct reading {
	struct ecs_task *task;
	struct ecs_container container; /* being read, as is the port */
	struct ecs_port port;
	enum place places[DEPTH_MAX];
	size_t depth;
	size_t skipped;            /* levels open of what nobody wants */
	const struct member *next; /* whose value comes; NULL = nobody's */
	struct sv label;           /* name of the label whose value comes */
	size_t entries;
};

static const struct ecs_container no_container = {
	.cpu_limit = -1, .memory_mib = -1, .restarts = -1};

static enum place here(const struct reading *r)
{
	return r->depth > 0 ? r->places[r->depth - 1] : NOWHERE;
}

static void *base_of(struct reading *r, enum place place)
{
	switch (place) {
	case TASK:
	case TASK_LIMITS:
	case CLOCK:
	case STORAGE:
		return r->task;
	case PORT:
		return &r->port;
	default:
		return &r->container;
	}
}

static int keep(struct reading *r, struct sv text, struct sv *out)
{
	struct sv copy = text.len ? arena_dup(&r->task->arena, text) : SV("");
	if (!copy.ptr)
		return ERR_NOMEM;
	*out = copy;
	return 0;
}

/* --- lists --- */

/* Room for one more of n entries: the list, moved when it was full; NULL without memory. */
static void *with_room(struct arena *arena, void *list, size_t n, size_t size)
{
	bool full = n == 0 || (n >= 4 && (n & (n - 1)) == 0);
	if (!full)
		return list;
	void *larger = arena_alloc(arena, (n ? 2 * n : 4) * size);
	if (larger && n > 0)
		memcpy(larger, list, n * size);
	return larger;
}

/* Entries that come twice count, too: each is looked for among those there are. */
static int count_entry(struct reading *r, struct err *err)
{
	if (r->entries++ < ENTRIES_MAX)
		return 0;
	return err_set(err, 1, "it has more than %d containers, labels, ports and addresses",
		       ENTRIES_MAX);
}

/* Whether one more is too many. */
static int check_room(size_t n, size_t max, const char *what, struct err *err)
{
	return n < max ? 0 : err_set(err, 1, "it has more than %zu %s", max, what);
}

static int add_container(struct reading *r, struct err *err)
{
	struct ecs_task *t = r->task;
	int code = count_entry(r, err);
	if (code == 0)
		code = check_room(t->n_containers, CONTAINERS_MAX, "containers", err);
	if (code != 0)
		return code;
	struct ecs_container *list =
		with_room(&t->arena, t->containers, t->n_containers, sizeof *list);
	if (!list)
		return err_set(err, ERR_NOMEM, "no memory");
	list[t->n_containers++] = r->container;
	t->containers = list;
	return 0;
}

static int add_port(struct reading *r, struct err *err)
{
	struct ecs_container *c = &r->container;
	const struct ecs_port *p = &r->port;
	if (p->container == 0 && p->host == 0)
		return 0;
	int code = count_entry(r, err);
	if (code != 0)
		return code;
	for (size_t i = 0; i < c->n_ports; i++)
		if (c->ports[i].container == p->container && c->ports[i].host == p->host &&
		    sv_eq(c->ports[i].protocol, p->protocol))
			return 0;
	code = check_room(c->n_ports, PORTS_MAX, "ports of a container", err);
	if (code != 0)
		return code;
	struct ecs_port *list = with_room(&r->task->arena, c->ports, c->n_ports, sizeof *list);
	if (!list)
		return err_set(err, ERR_NOMEM, "no memory");
	list[c->n_ports++] = *p;
	c->ports = list;
	return 0;
}

static int add_address(struct reading *r, struct sv **list, size_t *n, struct sv text,
		       struct err *err)
{
	/* In the host's network there is one, and it is empty. */
	if (text.len == 0)
		return 0;
	int code = count_entry(r, err);
	if (code != 0)
		return code;
	for (size_t i = 0; i < *n; i++)
		if (sv_eq((*list)[i], text))
			return 0;
	code = check_room(*n, ADDRESSES_MAX, "addresses of a container", err);
	if (code != 0)
		return code;
	struct sv *larger = with_room(&r->task->arena, *list, *n, sizeof *larger);
	if (!larger || keep(r, text, &larger[*n]) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	*list = larger;
	(*n)++;
	return 0;
}

static int add_label(struct reading *r, struct sv value, struct err *err)
{
	struct ecs_container *c = &r->container;
	struct ecs_pair pair = {.name = r->label};
	int code = count_entry(r, err);
	if (code != 0)
		return code;
	if (keep(r, value, &pair.value) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	for (size_t i = 0; i < c->n_labels; i++)
		if (sv_eq(c->labels[i].name, pair.name)) {
			c->labels[i].value = pair.value;
			return 0;
		}
	code = check_room(c->n_labels, LABELS_MAX, "labels of a container", err);
	if (code != 0)
		return code;
	struct ecs_pair *list = with_room(&r->task->arena, c->labels, c->n_labels, sizeof *list);
	if (!list)
		return err_set(err, ERR_NOMEM, "no memory");
	list[c->n_labels++] = pair;
	c->labels = list;
	return 0;
}

/* --- values --- */

static enum ecs_network network_of(struct sv mode)
{
	return sv_eq(mode, SV("awsvpc"))   ? ECS_NETWORK_AWSVPC
	       : sv_eq(mode, SV("bridge")) ? ECS_NETWORK_BRIDGE
	       : sv_eq(mode, SV("host"))   ? ECS_NETWORK_HOST
					   : ECS_NETWORK_UNKNOWN;
}

static int take_string(struct reading *r, const struct member *m, void *to, struct sv text)
{
	int64_t ms;
	switch (m->kind) {
	case TEXT:
		return keep(r, text, to);
	case TIME:
		/* Go writes a time that there is not as the year 1: no time either. */
		if (aws_time_read(text, &ms) == 0)
			memcpy(to, &ms, sizeof ms);
		return 0;
	case CLOCK_STATUS:
		if (sv_eq(text, SV("SYNCHRONIZED")))
			r->task->clock_synchronized = 1;
		else if (sv_eq(text, SV("NOT_SYNCHRONIZED")))
			r->task->clock_synchronized = 0;
		return 0;
	case MODE:
		r->container.network = network_of(text);
		return 0;
	default:
		return 0;
	}
}

static void take_number(struct reading *r, const struct member *m, void *to, struct sv text)
{
	uint64_t bits;
	int64_t n;
	if (m->kind == AMOUNT) {
		if (number_parse(text, &bits) == 0 && isfinite(double_of_bits(bits)) &&
		    double_of_bits(bits) >= 0)
			memcpy(to, &bits, sizeof bits);
		return;
	}
	if (sv_to_i64(text, &n) != 0)
		return;
	if (m->kind == COUNT && n >= 0)
		memcpy(to, &n, sizeof n);
	if (m->kind == EXIT_CODE) {
		r->container.exit_code = n;
		r->container.has_exit_code = true;
	}
	if (m->kind == PORT_NR && n > 0 && n <= UINT16_MAX) {
		uint16_t port = (uint16_t)n;
		memcpy(to, &port, sizeof port);
	}
}

static int take_value(struct reading *r, enum json_event event, struct sv text, struct err *err)
{
	struct ecs_container *c = &r->container;
	const struct member *m = r->next;
	int code = 0;
	r->next = NULL;
	if (event == JSON_STRING && here(r) == IPV4)
		return add_address(r, &c->ipv4, &c->n_ipv4, text, err);
	if (event == JSON_STRING && here(r) == IPV6)
		return add_address(r, &c->ipv6, &c->n_ipv6, text, err);
	if (event == JSON_STRING && here(r) == LABELS)
		return add_label(r, text, err);
	if (!m || m->kind == OBJECT || m->kind == LIST)
		return 0;
	void *to = (char *)base_of(r, m->in) + m->at;
	if (event == JSON_STRING)
		code = take_string(r, m, to, text);
	else if (event == JSON_NUMBER)
		take_number(r, m, to, text);
	return code == 0 ? 0 : err_set(err, code, "no memory");
}

/* --- structure --- */

static void begin(struct reading *r, enum place place)
{
	struct ecs_container *c = &r->container;
	r->places[r->depth++] = place;
	switch (place) {
	case CONTAINERS:
		r->task->n_containers = 0;
		break;
	case CONTAINER:
		*c = no_container;
		break;
	case LABELS:
		c->n_labels = 0;
		break;
	case PORTS:
		c->n_ports = 0;
		break;
	case PORT:
		r->port = (struct ecs_port){0};
		break;
	case NETWORKS:
		c->network = ECS_NETWORK_UNKNOWN;
		c->n_ipv4 = c->n_ipv6 = 0;
		break;
	default:
		break;
	}
}

static int open_level(struct reading *r, enum json_event event, struct err *err)
{
	bool object = event == JSON_OBJECT_BEGIN;
	const struct member *m = r->next;
	enum place place = NOWHERE;
	r->next = NULL;
	if (r->skipped > 0) {
		r->skipped++;
		return 0;
	}
	if (r->depth == 0) {
		if (!object)
			return err_set(err, 1, "it is not a JSON object");
		place = TASK;
	} else if (m && m->kind == (object ? OBJECT : LIST)) {
		place = (enum place)m->at;
	} else if (object) {
		place = element_of[here(r)];
	}
	if (place == NOWHERE)
		r->skipped = 1;
	else
		begin(r, place);
	return 0;
}

static int close_level(struct reading *r, struct err *err)
{
	if (r->skipped > 0) {
		r->skipped--;
		return 0;
	}
	switch (r->places[--r->depth]) {
	case CONTAINER:
		return add_container(r, err);
	case PORT:
		return add_port(r, err);
	default:
		return 0;
	}
}

static int take_key(struct reading *r, struct sv key, struct err *err)
{
	r->next = NULL;
	if (r->skipped > 0)
		return 0;
	if (here(r) == LABELS)
		return keep(r, key, &r->label) == 0 ? 0 : err_set(err, ERR_NOMEM, "no memory");
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (members[i].in == here(r) && sv_eq(key, sv_of(members[i].name)))
			r->next = &members[i];
	return 0;
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct reading *r = cls;
	switch (event) {
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		return open_level(r, event, err);
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		return close_level(r, err);
	case JSON_KEY:
		return take_key(r, text, err);
	default:
		if (r->depth == 0)
			return err_set(err, 1, "it is not a JSON object");
		return r->skipped > 0 ? 0 : take_value(r, event, text, err);
	}
}

/* --- what follows from it --- */

/* Behind the last c; all of it without one. */
static struct sv behind(struct sv s, char c)
{
	size_t at = s.len;
	while (at > 0 && s.ptr[at - 1] != c)
		at--;
	return sv_from(s, at);
}

/* The cluster of ...:task/CLUSTER/ID; older ARNs have only the id. */
static struct sv cluster_of_task(struct sv arn)
{
	struct sv resource = behind(arn, ':');
	if (!sv_starts_with(resource, SV("task/")))
		return SV("");
	resource = sv_from(resource, strlen("task/"));
	size_t end = sv_find(resource, '/');
	return end < resource.len ? sv_make(resource.ptr, end) : SV("");
}

static int derive(struct ecs_task *t, struct err *err)
{
	const struct sv of_service = SV("service:");
	t->id = behind(behind(t->arn, ':'), '/');
	if (t->id.len == 0)
		return err_set(err, 1, "it has no TaskARN with the task's id");
	t->cluster_name = t->cluster.len ? behind(t->cluster, '/') : cluster_of_task(t->arn);
	t->region = aws_arn_get(t->arn, AWS_ARN_REGION);
	t->account = aws_arn_get(t->arn, AWS_ARN_ACCOUNT);
	if (t->service.len == 0 && sv_starts_with(t->group, of_service))
		t->service = sv_from(t->group, of_service.len);
	return 0;
}

int ecs_task_read(struct sv json, struct ecs_task *out, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader reader;
	_cleanup_(ecs_task_deinit) struct ecs_task task = {
		.cpu_limit = -1,
		.memory_mib = -1,
		.ephemeral_used_mib = -1,
		.ephemeral_reserved_mib = -1,
		.clock_error_ms = -1,
		.clock_synchronized = -1,
	};
	struct reading r = {.task = &task, .container = no_container};
	arena_init(&task.arena, ARENA_BYTES);
	json_reader_init(&reader, on_event, &r, LIMIT_ECS_TASK_BYTES);
	if (json.len > LIMIT_ECS_TASK_BYTES)
		return err_set(err, 1, "it has more than %zu bytes", LIMIT_ECS_TASK_BYTES);
	int code = json_feed(&reader, json, err);
	if (code == 0)
		code = json_finish(&reader, err);
	if (code == 0)
		code = derive(&task, err);
	if (code != 0)
		return code;
	*out = task;
	arena_init(&task.arena, 0);
	return 0;
}

void ecs_task_deinit(struct ecs_task *t)
{
	arena_deinit(&t->arena);
	*t = (struct ecs_task){0};
}

struct sv ecs_container_label(const struct ecs_container *c, struct sv name)
{
	for (size_t i = 0; i < c->n_labels; i++)
		if (sv_eq(c->labels[i].name, name))
			return c->labels[i].value;
	return SV("");
}

bool ecs_container_normal(const struct ecs_container *c)
{
	return c->type.len == 0 || sv_eq(c->type, SV("NORMAL"));
}
