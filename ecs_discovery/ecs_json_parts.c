/* What becomes of each part of an answer when it has been read. */
#include "ecs_json_parts.h"

#include <ampagent/base/number.h>

enum form {
	TEXT,
	TEXT_THERE, /* and whether it was there, in the bool at also */
	NUMBER,
	SECONDS, /* with or without a fraction or an exponent */
	PORT,
	CONTAINER_RANGE, /* "7000-7010" */
	HOST_RANGE
};

struct ecs_field {
	uint8_t part, form;
	const char *key;
	uint16_t at, also; /* offsets within the part */
};

#define IN_TASK(m) offsetof(struct ecs_known_task, t.m)

static const struct ecs_field fields[] = {
	{PART_FAILURE, TEXT, "arn", offsetof(struct ecs_failure, arn), 0},
	{PART_FAILURE, TEXT, "reason", offsetof(struct ecs_failure, reason), 0},
	{PART_CLUSTER, TEXT, "clusterArn", offsetof(struct ecs_api_cluster, arn), 0},
	{PART_CLUSTER, TEXT, "clusterName", offsetof(struct ecs_api_cluster, name), 0},
	{PART_CLUSTER, TEXT, "status", offsetof(struct ecs_api_cluster, status), 0},
	{PART_SERVICE, TEXT, "serviceArn", offsetof(struct ecs_api_service, arn), 0},
	{PART_SERVICE, TEXT, "serviceName", offsetof(struct ecs_api_service, name), 0},
	{PART_SERVICE, TEXT, "status", offsetof(struct ecs_api_service, status), 0},
	{PART_TASK, TEXT, "taskArn", IN_TASK(arn), 0},
	{PART_TASK, TEXT, "taskDefinitionArn", IN_TASK(definition_arn), 0},
	{PART_TASK, TEXT, "group", IN_TASK(group), 0},
	{PART_TASK, TEXT, "startedBy", IN_TASK(started_by), 0},
	{PART_TASK, TEXT, "launchType", IN_TASK(launch_type), 0},
	{PART_TASK, TEXT, "lastStatus", IN_TASK(last_status), 0},
	{PART_TASK, TEXT, "desiredStatus", IN_TASK(desired_status), 0},
	{PART_TASK, TEXT, "healthStatus", IN_TASK(health), 0},
	{PART_TASK, TEXT, "availabilityZone", IN_TASK(availability_zone), 0},
	{PART_TASK, TEXT_THERE, "platformFamily", IN_TASK(platform_family),
	 IN_TASK(has_platform_family)},
	{PART_TASK, TEXT_THERE, "platformVersion", IN_TASK(platform_version),
	 IN_TASK(has_platform_version)},
	{PART_TASK, TEXT, "containerInstanceArn", IN_TASK(container_instance_arn), 0},
	{PART_TASK, SECONDS, "startedAt", offsetof(struct ecs_known_task, started_s), 0},
	{PART_ATTACHMENT, TEXT, "type", offsetof(struct ecs_attachment, type), 0},
	{PART_DETAIL, TEXT, "name", offsetof(struct ecs_tag, key), 0},
	{PART_DETAIL, TEXT, "value", offsetof(struct ecs_tag, value), 0},
	{PART_CONTAINER, TEXT, "name", offsetof(struct ecs_api_container, name), 0},
	{PART_CONTAINER, TEXT, "lastStatus", offsetof(struct ecs_api_container, last_status), 0},
	{PART_CONTAINER, TEXT, "healthStatus", offsetof(struct ecs_api_container, health), 0},
	{PART_INTERFACE, TEXT, "privateIpv4Address", 0, 0},
	{PART_INTERFACE, TEXT, "ipv6Address", sizeof(struct sv), 0},
	{PART_INSTANCE, TEXT, "containerInstanceArn",
	 offsetof(struct ecs_api_instance, container_instance_arn), 0},
	{PART_INSTANCE, TEXT, "ec2InstanceId", offsetof(struct ecs_api_instance, id), 0},
	{PART_DEFINITION, TEXT, "taskDefinitionArn", offsetof(struct ecs_api_definition, arn), 0},
	{PART_DEFINITION, TEXT, "family", offsetof(struct ecs_api_definition, family), 0},
	{PART_DEFINITION, TEXT, "networkMode", offsetof(struct ecs_api_definition, network_mode),
	 0},
	{PART_DEFINITION, NUMBER, "revision", offsetof(struct ecs_api_definition, revision), 0},
	{PART_DEF_CONTAINER, TEXT, "name", offsetof(struct ecs_api_definition_container, name), 0},
	{PART_PORT, PORT, "containerPort", offsetof(struct ecs_api_port, container), 0},
	{PART_PORT, PORT, "hostPort", offsetof(struct ecs_api_port, host), 0},
	{PART_PORT, CONTAINER_RANGE, "containerPortRange", 0, 0},
	{PART_PORT, HOST_RANGE, "hostPortRange", 0, 0},
	{PART_PORT, TEXT, "protocol", offsetof(struct ecs_api_port, protocol), 0},
	{PART_PORT, TEXT, "bindIP", offsetof(struct ecs_api_port, bind_ip), 0},
	{PART_TAG, TEXT, "key", offsetof(struct ecs_tag, key), 0},
	{PART_TAG, TEXT, "value", offsetof(struct ecs_tag, value), 0},
};

static const struct {
	uint16_t at, size;
} places[PARTS_] = {
#define PLACE(m)                                                                                   \
	{                                                                                          \
		offsetof(struct ecs_parts, m), sizeof((struct ecs_parts *)0)->m                    \
	}
	[PART_FAILURE] = PLACE(failure),
	[PART_CLUSTER] = PLACE(cluster),
	[PART_SERVICE] = PLACE(service),
	[PART_TASK] = PLACE(task),
	[PART_ATTACHMENT] = PLACE(attachment),
	[PART_DETAIL] = PLACE(detail),
	[PART_CONTAINER] = PLACE(container),
	[PART_INTERFACE] = PLACE(interface),
	[PART_INSTANCE] = PLACE(instance),
	[PART_DEFINITION] = PLACE(definition),
	[PART_DEF_CONTAINER] = PLACE(def_container),
	[PART_PORT] = PLACE(port),
	[PART_TAG] = PLACE(tag),
#undef PLACE
};

const struct ecs_field *ecs_field_find(enum ecs_part part, struct sv key)
{
	for (size_t i = 0; part != PART_NONE && i < sizeof fields / sizeof fields[0]; i++)
		if (fields[i].part == part && sv_eq(key, sv_of(fields[i].key)))
			return &fields[i];
	return NULL;
}

/* ---- lists ---- */

#define LIST_ADD(l, item) ecs_list_add(l, &(item), sizeof(item))

/* What the list has, in the memory that stays; the list is empty then. */
static void *list_keep(struct ecs_parts *p, struct ecs_list *l, size_t size, size_t *n)
{
	void *v = ecs_keep_bytes(p->known, l->v, l->n * size);
	*n = v ? l->n : 0;
	l->n = 0;
	return v;
}

void ecs_parts_init(struct ecs_parts *p, struct ecs_known *k, struct arena *scratch,
		    struct ecs_answer *out)
{
	*p = (struct ecs_parts){.known = k, .scratch = scratch, .answer = out};
}

void ecs_parts_deinit(struct ecs_parts *p)
{
	struct ecs_list *lists[] = {&p->tags, &p->ports,    &p->containers, &p->def_containers,
				    &p->arns, &p->failures, &p->things};
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		free(lists[i]->v);
}

int ecs_parts_finish(struct ecs_parts *p)
{
	struct ecs_answer *a = p->answer;
	int r = ecs_list_give(&p->arns, sizeof *a->arns, p->scratch, &a->arns, &a->n_arns);
	if (r == 0)
		r = ecs_list_give(&p->failures, sizeof *a->failures, p->scratch, &a->failures,
				  &a->n_failures);
	if (r == 0)
		r = ecs_list_give(&p->things, sizeof *a->things, p->scratch, &a->things,
				  &a->n_things);
	return p->known->failed ? ERR_NOMEM : r;
}

/* ---- parts ---- */

int ecs_part_begin(struct ecs_parts *p, enum ecs_part part)
{
	memset((char *)p + places[part].at, 0, places[part].size);
	switch (part) {
	case PART_CLUSTER:
	case PART_SERVICE:
	case PART_TASK:
		p->tags.n = p->containers.n = 0;
		break;
	case PART_DEFINITION:
		p->def_containers.n = 0;
		break;
	case PART_CONTAINER:
		p->ports.n = 0;
		break;
	case PART_DEF_CONTAINER:
		p->ports.n = p->tags.n = 0;
		break;
	default:
		break;
	}
	return 0;
}

static int add_thing(struct ecs_parts *p, const void *thing, size_t size, struct err *err)
{
	if (((const struct sv *)thing)->len == 0)
		return err_set(err, 1, "something is described that has no ARN");
	void *kept = ecs_keep_bytes(p->known, thing, size);
	return kept ? LIST_ADD(&p->things, kept) : ERR_NOMEM;
}

/* The first interface of a task is the one that counts. */
static void end_attachment(struct ecs_parts *p)
{
	struct ecs_api_task *t = &p->task.t;
	const struct ecs_attachment *a = &p->attachment;
	if (t->has_eni || !sv_eq(a->type, SV("ElasticNetworkInterface")))
		return;
	t->has_eni = true;
	t->eni_id = a->id;
	t->eni_ipv4 = a->ipv4;
	t->eni_ipv6 = a->ipv6;
	t->eni_subnet_id = a->subnet_id;
}

static void end_detail(struct ecs_parts *p)
{
	struct ecs_attachment *a = &p->attachment;
	if (sv_eq(p->detail.key, SV("networkInterfaceId")))
		a->id = p->detail.value;
	else if (sv_eq(p->detail.key, SV("privateIPv4Address")))
		a->ipv4 = p->detail.value;
	else if (sv_eq(p->detail.key, SV("ipv6Address")))
		a->ipv6 = p->detail.value;
	else if (sv_eq(p->detail.key, SV("subnetId")))
		a->subnet_id = p->detail.value;
}

static void keep_tags(struct ecs_parts *p, struct ecs_tags *t)
{
	t->v = list_keep(p, &p->tags, sizeof *t->v, &t->n);
}

static int end_container(struct ecs_parts *p)
{
	struct ecs_api_container *c = &p->container;
	c->bindings = list_keep(p, &p->ports, sizeof *c->bindings, &c->n_bindings);
	return LIST_ADD(&p->containers, p->container);
}

static int end_def_container(struct ecs_parts *p)
{
	struct ecs_api_definition_container *c = &p->def_container;
	c->ports = list_keep(p, &p->ports, sizeof *c->ports, &c->n_ports);
	keep_tags(p, &c->labels);
	return LIST_ADD(&p->def_containers, p->def_container);
}

static int end_task(struct ecs_parts *p, struct err *err)
{
	struct ecs_api_task *t = &p->task.t;
	t->containers = list_keep(p, &p->containers, sizeof *t->containers, &t->n_containers);
	keep_tags(p, &t->tags);
	return add_thing(p, &p->task, sizeof p->task, err);
}

static int end_definition(struct ecs_parts *p, struct err *err)
{
	struct ecs_api_definition *d = &p->definition;
	d->containers = list_keep(p, &p->def_containers, sizeof *d->containers, &d->n_containers);
	return add_thing(p, d, sizeof *d, err);
}

int ecs_part_end(struct ecs_parts *p, enum ecs_part part, struct err *err)
{
	switch (part) {
	case PART_FAILURE:
		return LIST_ADD(&p->failures, p->failure);
	case PART_CLUSTER:
		keep_tags(p, &p->cluster.tags);
		return add_thing(p, &p->cluster, sizeof p->cluster, err);
	case PART_SERVICE:
		keep_tags(p, &p->service.s.tags);
		return add_thing(p, &p->service, sizeof p->service, err);
	case PART_TASK:
		return end_task(p, err);
	case PART_ATTACHMENT:
		end_attachment(p);
		return 0;
	case PART_DETAIL:
		end_detail(p);
		return 0;
	case PART_CONTAINER:
		return end_container(p);
	case PART_INTERFACE:
		if (!p->container.ipv4.len && !p->container.ipv6.len) {
			p->container.ipv4 = p->interface.ipv4;
			p->container.ipv6 = p->interface.ipv6;
		}
		return 0;
	case PART_INSTANCE:
		return add_thing(p, &p->instance, sizeof p->instance, err);
	case PART_DEFINITION:
		return end_definition(p, err);
	case PART_DEF_CONTAINER:
		return end_def_container(p);
	case PART_PORT:
		return LIST_ADD(&p->ports, p->port);
	case PART_TAG:
		/* Half a tag is none, not even an empty one that would cover another. */
		return p->tag.key.ptr && p->tag.value.ptr ? LIST_ADD(&p->tags, p->tag) : 0;
	default:
		return 0;
	}
}

/* ---- members ---- */

/* 0 for what is no port: nothing can be scraped there. */
static uint16_t port_of(struct sv text)
{
	uint64_t n;
	return sv_to_u64(text, &n) == 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

static void set_range(struct ecs_parts *p, enum form form, struct sv text)
{
	size_t dash = sv_find(text, '-');
	uint16_t first = port_of(sv_make(text.ptr, dash));
	uint16_t last = port_of(sv_from(text, dash + 1));
	if (first == 0 || last < first)
		return;
	if (form == HOST_RANGE) {
		p->port.host = first;
		return;
	}
	p->port.container = first;
	p->port.container_last = last;
}

/* What is no number of seconds after 1970 is as good as none. */
static int64_t seconds_of(struct sv text)
{
	uint64_t bits;
	double s = number_parse(text, &bits) == 0 ? double_of_bits(bits) : 0;
	return s > 0 && s < 1e12 ? (int64_t)s : 0;
}

static int set_number(enum form form, char *at, struct sv text)
{
	int64_t n = 0;
	uint16_t port = port_of(text);
	if (form == PORT) {
		memcpy(at, &port, sizeof port);
		return 0;
	}
	if (form == SECONDS)
		n = seconds_of(text);
	else if (sv_to_i64(text, &n) != 0)
		n = 0;
	memcpy(at, &n, sizeof n);
	return 0;
}

int ecs_field_set(struct ecs_parts *p, enum ecs_part part, const struct ecs_field *f,
		  enum json_event event, struct sv text, struct err *err)
{
	char *base = (char *)p + places[part].at;
	bool number = f->form == NUMBER || f->form == SECONDS || f->form == PORT;
	if (event != (number ? JSON_NUMBER : JSON_STRING))
		return err_set(err, 1, "%s is no %s", f->key, number ? "number" : "text");
	if (number)
		return set_number(f->form, base + f->at, text);
	if (f->form == CONTAINER_RANGE || f->form == HOST_RANGE) {
		set_range(p, f->form, text);
		return 0;
	}
	/* Failures are told of and forgotten. */
	struct sv kept =
		part == PART_FAILURE ? arena_dup(p->scratch, text) : ecs_keep(p->known, text);
	if (!kept.ptr)
		return ERR_NOMEM;
	memcpy(base + f->at, &kept, sizeof kept);
	if (f->form == TEXT_THERE)
		memcpy(base + f->also, &(bool){true}, sizeof(bool));
	return 0;
}

int ecs_parts_arn(struct ecs_parts *p, struct sv arn)
{
	struct sv copy = arena_dup(p->scratch, arn);
	return copy.ptr ? LIST_ADD(&p->arns, copy) : ERR_NOMEM;
}

int ecs_parts_label(struct ecs_parts *p, struct sv key, struct sv value)
{
	struct ecs_tag tag = {key, ecs_keep(p->known, value)};
	return LIST_ADD(&p->tags, tag);
}
