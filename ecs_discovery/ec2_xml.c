/* Elements are told apart by their whole path: names such as subnetId come at several depths. */
#include "ec2_xml.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/xml.h>

enum { PATH_MAX_BYTES = 256 };
#define TEXT_MAX KiB(64)

#define INSTANCE "/DescribeInstancesResponse/reservationSet/item/instancesSet/item"
#define INTERFACE "/DescribeNetworkInterfacesResponse/networkInterfaceSet/item"

struct xml_state {
	struct ecs_known *known;
	struct arena *scratch;
	struct ec2_answer *answer;
	char path[PATH_MAX_BYTES];
	size_t len;    /* of path */
	unsigned lost; /* levels that path has no room for */
	const char *list;
	bool list_there;
	struct ecs_api_instance instance;
	struct ec2_interface interface;
	struct ecs_tag tag;
	struct ecs_list tags, things; /* freed at the end */
};

static bool is(const struct xml_state *x, const char *path)
{
	return x->lost == 0 && sv_eq(sv_make(x->path, x->len), sv_of(path));
}

static int on_begin(void *cls, struct sv name, struct err *err)
{
	struct xml_state *x = cls;
	if (x->lost > 0 || name.len + 1 > PATH_MAX_BYTES - x->len) {
		x->lost++;
		return 0;
	}
	x->path[x->len++] = '/';
	memcpy(x->path + x->len, name.ptr, name.len);
	x->len += name.len;
	if (is(x, x->list))
		x->list_there = true;
	else if (is(x, INSTANCE)) {
		x->instance = (struct ecs_api_instance){.id = SV_NULL};
		x->tags.n = 0;
	} else if (is(x, INTERFACE))
		x->interface = (struct ec2_interface){SV_NULL, SV_NULL};
	else if (is(x, INSTANCE "/tagSet/item"))
		x->tag = (struct ecs_tag){SV_NULL, SV_NULL};
	return 0;
}

static int end_instance(struct xml_state *x, struct err *err)
{
	struct ecs_api_instance *i = &x->instance;
	if (i->id.len == 0)
		return err_set(err, 1, "an instance has no instanceId");
	i->tags.v = ecs_keep_bytes(x->known, x->tags.v, x->tags.n * sizeof *i->tags.v);
	i->tags.n = i->tags.v ? x->tags.n : 0;
	return ecs_list_add(&x->things, i, sizeof *i);
}

static int end_interface(struct xml_state *x, struct err *err)
{
	if (x->interface.id.len == 0)
		return err_set(err, 1, "an interface has no networkInterfaceId");
	if (x->interface.public_ip.len == 0)
		return 0;
	return ecs_list_add(&x->things, &x->interface, sizeof x->interface);
}

/* Which text an element is; NULL: none that is wanted. */
static struct sv *text_of(struct xml_state *x)
{
	struct ecs_api_instance *i = &x->instance;
	const struct {
		const char *path;
		struct sv *at;
	} texts[] = {
		{"/DescribeInstancesResponse/nextToken", &x->answer->next_token},
		{"/DescribeNetworkInterfacesResponse/nextToken", &x->answer->next_token},
		{INSTANCE "/instanceId", &i->id},
		{INSTANCE "/privateIpAddress", &i->private_ip},
		{INSTANCE "/ipAddress", &i->public_ip},
		{INSTANCE "/subnetId", &i->subnet_id},
		{INSTANCE "/vpcId", &i->vpc_id},
		{INSTANCE "/instanceType", &i->type},
		{INSTANCE "/tagSet/item/key", &x->tag.key},
		{INSTANCE "/tagSet/item/value", &x->tag.value},
		{INTERFACE "/networkInterfaceId", &x->interface.id},
		{INTERFACE "/association/publicIp", &x->interface.public_ip},
	};
	for (size_t n = 0; n < sizeof texts / sizeof texts[0]; n++)
		if (is(x, texts[n].path))
			return texts[n].at;
	return NULL;
}

static int at_end(struct xml_state *x, struct sv text, struct err *err)
{
	struct sv *at = text_of(x);
	if (at) {
		*at = ecs_keep(x->known, text);
		return 0;
	}
	if (is(x, INSTANCE))
		return end_instance(x, err);
	if (is(x, INTERFACE))
		return end_interface(x, err);
	if (is(x, INSTANCE "/tagSet/item") && x->tag.key.ptr && x->tag.value.ptr)
		return ecs_list_add(&x->tags, &x->tag, sizeof x->tag);
	return 0;
}

static int on_end(void *cls, struct sv name, struct sv text, struct err *err)
{
	struct xml_state *x = cls;
	if (x->lost > 0) {
		x->lost--;
		return 0;
	}
	int r = at_end(x, text, err);
	x->len -= name.len + 1;
	return r;
}

static int give(struct xml_state *x, size_t size, void *array, size_t *n)
{
	return x->known->failed ? ERR_NOMEM : ecs_list_give(&x->things, size, x->scratch, array, n);
}

static int read_all(struct xml_state *x, struct sv body, struct err *err)
{
	const struct xml_handler handler = {on_begin, on_end, x};
	int r = xml_read(body, TEXT_MAX, &handler, err);
	if (r == 0 && !x->list_there)
		r = err_set(err, 1, "what was asked for is missing");
	free(x->tags.v);
	return r;
}

int ec2_xml_instances(struct ecs_known *k, struct arena *scratch, struct sv body,
		      struct ec2_answer *out, struct err *err)
{
	*out = (struct ec2_answer){.n_instances = 0};
	struct xml_state x = {.known = k,
			      .scratch = scratch,
			      .answer = out,
			      .list = "/DescribeInstancesResponse/reservationSet"};
	int r = read_all(&x, body, err);
	if (r == 0)
		r = give(&x, sizeof *out->instances, &out->instances, &out->n_instances);
	free(x.things.v);
	return r;
}

int ec2_xml_interfaces(struct ecs_known *k, struct arena *scratch, struct sv body,
		       struct ec2_answer *out, struct err *err)
{
	*out = (struct ec2_answer){.n_instances = 0};
	struct xml_state x = {.known = k,
			      .scratch = scratch,
			      .answer = out,
			      .list = "/DescribeNetworkInterfacesResponse/networkInterfaceSet"};
	int r = read_all(&x, body, err);
	if (r == 0)
		r = give(&x, sizeof *out->interfaces, &out->interfaces, &out->n_interfaces);
	free(x.things.v);
	return r;
}
