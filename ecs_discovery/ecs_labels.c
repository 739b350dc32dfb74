/* Names of Prometheus 3.14, and some more for containers. A label of which nothing is known is not
 * there. */
#include "ecs_labels.h"

#include <inttypes.h>

#define META "__meta_ecs_"

enum { ADDRESS_MAX = 96 };

/* Names are told once each here, so none needs to be looked for. */
static void put(struct label_builder *b, struct sv name, struct sv value)
{
	if (value.len > 0)
		label_builder_push(b, name, value);
}

/* value: a copy in the builder's arena, NULL when there was no memory for it. */
static void put_own(struct label_builder *b, struct sv name, struct sv value)
{
	if (!value.ptr)
		b->failed = true;
	put(b, name, value);
}

static void put_text(struct label_builder *b, struct sv name, const char *text)
{
	put_own(b, name, arena_dup(b->arena, sv_of(text)));
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

struct sv ecs_labels_name(struct arena *a, struct sv prefix, struct sv key)
{
	char *text = arena_alloc(a, prefix.len + key.len + 1);
	size_t n = prefix.len;
	if (!text)
		return SV_NULL;
	memcpy(text, prefix.ptr, prefix.len);
	for (size_t i = 0; i < key.len; i++) {
		bool goes_on = ((unsigned char)key.ptr[i] & 0xc0) == 0x80; /* of one character */
		if (!goes_on)
			text[n++] = word_char(key.ptr[i]) ? key.ptr[i] : '_';
	}
	return sv_make(text, n);
}

/* Looks for the name among those of its kind only, which begin at from; an empty value counts as
 * none in the end. */
static void put_tag(struct label_builder *b, size_t from, struct sv name, struct sv value)
{
	for (size_t i = from; i < b->n; i++) {
		if (sv_eq(b->v[i].name, name)) {
			b->v[i].value = value;
			return;
		}
	}
	label_builder_push(b, name, value);
}

/* Keys that differ in such characters only share a name; the last one counts. */
static void put_tags(struct label_builder *b, struct sv prefix, const struct ecs_tags *tags)
{
	size_t from = b->n;
	for (size_t i = 0; i < tags->n; i++) {
		struct sv name = ecs_labels_name(b->arena, prefix, tags->v[i].key);
		if (!name.ptr)
			b->failed = true;
		else
			put_tag(b, from, name, tags->v[i].value);
	}
}

struct sv ecs_labels_host_port(struct arena *a, struct sv ip, int64_t port)
{
	char text[ADDRESS_MAX];
	bool v6 = sv_find(ip, ':') < ip.len;
	snprintf(text, sizeof text, v6 ? "[%.*s]:%" PRId64 : "%.*s:%" PRId64, SV_ARG(ip), port);
	return arena_dup(a, sv_of(text));
}

void ecs_labels_address(struct label_builder *b, struct sv ip, int64_t port)
{
	put_own(b, SV("__address__"), ecs_labels_host_port(b->arena, ip, port));
}

/* Prometheus knows nothing of an instance that has no address. */
static const struct ecs_api_instance *known_instance(const struct ecs_api_task *t)
{
	return t->instance && t->instance->private_ip.len > 0 ? t->instance : NULL;
}

static void put_host(struct label_builder *b, const struct ecs_api_task *t)
{
	put(b, SV(META "container_instance_arn"), t->container_instance_arn);
	if (t->instance)
		put(b, SV(META "ec2_instance_id"), t->instance->id);
	const struct ecs_api_instance *known = known_instance(t);
	if (!known)
		return;
	put(b, SV(META "ec2_instance_type"), known->type);
	put(b, SV(META "ec2_instance_private_ip"), known->private_ip);
	put(b, SV(META "ec2_instance_public_ip"), known->public_ip);
}

/* Without an interface of its own a task is in bridge mode, or in host mode: Prometheus does not
 * tell them apart. */
static void put_network(struct label_builder *b, const struct ecs_api_task *t, struct sv ip)
{
	const struct ecs_api_instance *known = known_instance(t);
	put(b, SV(META "ip_address"), ip);
	if (t->has_eni) {
		put(b, SV(META "network_mode"), SV("awsvpc"));
		put(b, SV(META "subnet_id"), t->eni_subnet_id);
		put(b, SV(META "public_ip"), t->eni_public_ip);
		return;
	}
	if (t->container_instance_arn.len > 0)
		put(b, SV(META "network_mode"), SV("bridge"));
	if (known) {
		put(b, SV(META "subnet_id"), known->subnet_id);
		put(b, SV(META "public_ip"), known->public_ip);
	}
}

static void put_service(struct label_builder *b, const struct ecs_api_service *s)
{
	put(b, SV(META "service"), s->name);
	put(b, SV(META "service_arn"), s->arn);
	put(b, SV(META "service_status"), s->status);
	put_tags(b, SV(META "tag_service_"), &s->tags);
}

void ecs_labels_task(struct label_builder *b, const struct ecs_view *view,
		     const struct ecs_api_task *t, struct sv ip)
{
	put(b, SV(META "cluster"), t->cluster->name);
	put(b, SV(META "cluster_arn"), t->cluster->arn);
	put(b, SV(META "task_group"), t->group);
	put(b, SV(META "task_arn"), t->arn);
	put(b, SV(META "task_definition"), t->definition_arn);
	put(b, SV(META "region"), view->region);
	put(b, SV(META "launch_type"), t->launch_type);
	put(b, SV(META "availability_zone"), t->availability_zone);
	put(b, SV(META "desired_status"), t->desired_status);
	put(b, SV(META "last_status"), t->last_status);
	put(b, SV(META "health_status"), t->health);
	put(b, SV(META "platform_family"), t->platform_family);
	put(b, SV(META "platform_version"), t->platform_version);
	put_network(b, t, ip);
	put_host(b, t);
	put_tags(b, SV(META "tag_cluster_"), &t->cluster->tags);
	if (t->service && !sv_starts_with(t->group, SV("family:")))
		put_service(b, t->service);
	put_tags(b, SV(META "tag_task_"), &t->tags);
	if (known_instance(t))
		put_tags(b, SV(META "tag_ec2_"), &t->instance->tags);
}

void ecs_labels_container(struct label_builder *b, const struct ecs_api_task *t,
			  const struct ecs_api_definition_container *c, uint16_t port)
{
	char text[24];
	put(b, SV(META "container_name"), c->name);
	snprintf(text, sizeof text, "%u", (unsigned)port);
	put_text(b, SV(META "container_port"), text);
	put(b, SV(META "task_definition_family"), t->definition->family);
	snprintf(text, sizeof text, "%" PRId64, t->definition->revision);
	put_text(b, SV(META "task_definition_revision"), text);
	put(b, SV(META "task_started_by"), t->started_by);
	put_tags(b, SV(META "container_label_"), &c->labels);
}
