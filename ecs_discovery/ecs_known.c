/* Lists, tables, texts kept once, copies from round to round, links. */
#include "ecs_known.h"

#include <ampagent/base/err.h>
#include <ampagent/base/hash.h>

/* ---- lists ---- */

int ecs_list_add(struct ecs_list *l, const void *item, size_t size)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		void *v = realloc(l->v, cap * size);
		if (!v)
			return ERR_NOMEM;
		l->v = v;
		l->cap = cap;
	}
	memcpy((char *)l->v + l->n++ * size, item, size);
	return 0;
}

int ecs_list_give(const struct ecs_list *l, size_t size, struct arena *a, void *array, size_t *n)
{
	void *v = arena_alloc(a, l->n * size + 1);
	if (!v)
		return ERR_NOMEM;
	if (l->n > 0)
		memcpy(v, l->v, l->n * size);
	memcpy(array, &v, sizeof v);
	*n = l->n;
	return 0;
}

/* ---- tables ---- */

static struct sv key_of(const void *entry)
{
	return *(const struct sv *)entry;
}

static uint64_t hash_of(struct sv key)
{
	return hash_keyed(key.ptr, key.len);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct ecs_table *t = cls;
	return hash_of(key_of(t->v[value]));
}

void *ecs_table_find(const struct ecs_table *t, struct sv key)
{
	for (struct map_iter it = map_find(&t->map, hash_of(key)); map_next(&t->map, &it);)
		if (sv_eq(key_of(t->v[it.value]), key))
			return t->v[it.value];
	return NULL;
}

int ecs_table_add(struct ecs_table *t, void *entry)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		void **v = cap < MAP_VALUE_MAX ? realloc(t->v, cap * sizeof *v) : NULL;
		if (!v)
			return ERR_NOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = entry;
	if (map_insert(&t->map, hash_of(key_of(entry)), (uint32_t)t->n, rehash, t) != 0)
		return ERR_NOMEM;
	t->n++;
	return 0;
}

void ecs_table_deinit(struct ecs_table *t)
{
	map_deinit(&t->map);
	free(t->v);
	*t = (struct ecs_table){.v = NULL};
}

/* ---- texts ---- */

void ecs_known_init(struct ecs_known *k, size_t max)
{
	*k = (struct ecs_known){.failed = false};
	arena_init(&k->arena, max);
}

void ecs_known_deinit(struct ecs_known *k)
{
	struct ecs_table *tables[] = {&k->texts, &k->clusters,  &k->services,
				      &k->tasks, &k->instances, &k->definitions};
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		ecs_table_deinit(tables[i]);
	free(take_ptr(k->view));
	arena_deinit(&k->arena);
}

struct ecs_known *ecs_known_new(size_t max)
{
	struct ecs_known *k = malloc(sizeof *k);
	if (k)
		ecs_known_init(k, max);
	return k;
}

void ecs_known_free(struct ecs_known *k)
{
	if (k)
		ecs_known_deinit(k);
	free(k);
}

/* A text in the arena begins with its own view, which the table knows it by. */
struct sv ecs_keep(struct ecs_known *k, struct sv text)
{
	if (text.len == 0)
		return SV("");
	const struct sv *have = ecs_table_find(&k->texts, text);
	if (have)
		return *have;
	struct sv *kept = arena_alloc(&k->arena, sizeof *kept + text.len);
	if (kept) {
		char *bytes = (char *)(kept + 1);
		memcpy(bytes, text.ptr, text.len);
		*kept = sv_make(bytes, text.len);
	}
	if (!kept || ecs_table_add(&k->texts, kept) != 0) {
		k->failed = true;
		return SV("");
	}
	return *kept;
}

void *ecs_keep_bytes(struct ecs_known *k, const void *v, size_t size)
{
	void *copy = arena_alloc(&k->arena, size ? size : 1);
	if (!copy)
		k->failed = true;
	else if (size > 0)
		memcpy(copy, v, size);
	return copy;
}

bool ecs_known_add(struct ecs_known *k, struct ecs_table *t, void *entry)
{
	if (!entry || ecs_table_find(t, key_of(entry)))
		return false;
	if (ecs_table_add(t, entry) == 0)
		return true;
	k->failed = true;
	return false;
}

/* ---- copies ---- */

static void keep_all(struct ecs_known *k, struct sv *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*texts[i] = ecs_keep(k, *texts[i]);
}

#define KEEP_ALL(k, ...)                                                                           \
	keep_all(k, (struct sv *[]){__VA_ARGS__},                                                  \
		 sizeof((struct sv *[]){__VA_ARGS__}) / sizeof(struct sv *))

static void keep_tags(struct ecs_known *k, struct ecs_tags *t)
{
	t->v = ecs_keep_bytes(k, t->v, t->n * sizeof *t->v);
	if (!t->v)
		t->n = 0;
	for (size_t i = 0; i < t->n; i++)
		KEEP_ALL(k, &t->v[i].key, &t->v[i].value);
}

static void keep_ports(struct ecs_known *k, struct ecs_api_port **v, size_t *n)
{
	*v = ecs_keep_bytes(k, *v, *n * sizeof **v);
	if (!*v)
		*n = 0;
	for (size_t i = 0; i < *n; i++)
		KEEP_ALL(k, &(*v)[i].protocol, &(*v)[i].bind_ip);
}

static void keep_containers(struct ecs_known *k, struct ecs_api_task *t)
{
	t->containers = ecs_keep_bytes(k, t->containers, t->n_containers * sizeof *t->containers);
	if (!t->containers)
		t->n_containers = 0;
	for (size_t i = 0; i < t->n_containers; i++) {
		struct ecs_api_container *c = &t->containers[i];
		KEEP_ALL(k, &c->name, &c->last_status, &c->health, &c->ipv4, &c->ipv6);
		keep_ports(k, &c->bindings, &c->n_bindings);
	}
}

struct ecs_known_task *ecs_known_copy_task(struct ecs_known *k, const struct ecs_known_task *of,
					   const struct ecs_api_cluster *cluster)
{
	struct ecs_known_task *copy = ecs_keep_bytes(k, of, sizeof *of);
	if (!copy)
		return NULL;
	struct ecs_api_task *t = &copy->t;
	copy->fresh = false;
	t->cluster = cluster;
	t->service = NULL;
	t->definition = NULL;
	t->instance = NULL;
	KEEP_ALL(k, &t->arn, &t->definition_arn, &t->group, &t->started_by, &t->launch_type,
		 &t->last_status, &t->desired_status, &t->health, &t->availability_zone,
		 &t->platform_family, &t->platform_version, &t->container_instance_arn, &t->eni_id,
		 &t->eni_ipv4, &t->eni_ipv6, &t->eni_subnet_id, &t->eni_public_ip);
	keep_containers(k, t);
	keep_tags(k, &t->tags);
	return ecs_known_add(k, &k->tasks, copy) ? copy : NULL;
}

struct ecs_known_service *ecs_known_copy_service(struct ecs_known *k,
						 const struct ecs_known_service *of,
						 const struct ecs_api_cluster *cluster)
{
	struct ecs_known_service *copy = ecs_keep_bytes(k, of, sizeof *of);
	if (!copy)
		return NULL;
	copy->cluster = cluster;
	KEEP_ALL(k, &copy->s.arn, &copy->s.name, &copy->s.status);
	keep_tags(k, &copy->s.tags);
	return ecs_known_add(k, &k->services, copy) ? copy : NULL;
}

void ecs_known_fill_instance(struct ecs_known *k, struct ecs_api_instance *i,
			     const struct ecs_api_instance *of)
{
	*i = *of;
	KEEP_ALL(k, &i->container_instance_arn, &i->id, &i->private_ip, &i->public_ip,
		 &i->subnet_id, &i->vpc_id, &i->type);
	keep_tags(k, &i->tags);
}

struct ecs_api_instance *ecs_known_copy_instance(struct ecs_known *k,
						 const struct ecs_api_instance *of)
{
	struct ecs_api_instance *i = ecs_keep_bytes(k, of, sizeof *of);
	if (!i)
		return NULL;
	ecs_known_fill_instance(k, i, of);
	return ecs_known_add(k, &k->instances, i) ? i : NULL;
}

struct ecs_api_definition *ecs_known_copy_definition(struct ecs_known *k,
						     const struct ecs_api_definition *of)
{
	struct ecs_api_definition *d = ecs_keep_bytes(k, of, sizeof *of);
	if (!d)
		return NULL;
	KEEP_ALL(k, &d->arn, &d->family, &d->network_mode);
	d->containers = ecs_keep_bytes(k, d->containers, d->n_containers * sizeof *d->containers);
	if (!d->containers)
		d->n_containers = 0;
	for (size_t i = 0; i < d->n_containers; i++) {
		struct ecs_api_definition_container *c = &d->containers[i];
		c->name = ecs_keep(k, c->name);
		keep_tags(k, &c->labels);
		keep_ports(k, &c->ports, &c->n_ports);
	}
	return ecs_known_add(k, &k->definitions, d) ? d : NULL;
}

/* ---- the digest ---- */

static void mix(uint64_t *h, uint64_t x)
{
	*h = (*h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	*h ^= *h >> 29;
}

/* Empty and absent are the same: targets do not tell them apart. */
static void mix_text(uint64_t *h, struct sv text)
{
	mix(h, hash_keyed(text.ptr, text.len) + text.len);
}

static void mix_texts(uint64_t *h, const struct sv *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mix_text(h, texts[i]);
}

#define MIX_TEXTS(h, ...)                                                                          \
	mix_texts(h, (const struct sv[]){__VA_ARGS__},                                             \
		  sizeof((const struct sv[]){__VA_ARGS__}) / sizeof(struct sv))

static void mix_tags(uint64_t *h, const struct ecs_tags *t)
{
	mix(h, t->n);
	for (size_t i = 0; i < t->n; i++)
		MIX_TEXTS(h, t->v[i].key, t->v[i].value);
}

static void mix_containers(uint64_t *h, const struct ecs_api_task *t)
{
	mix(h, t->n_containers);
	for (size_t i = 0; i < t->n_containers; i++) {
		const struct ecs_api_container *c = &t->containers[i];
		MIX_TEXTS(h, c->name, c->last_status, c->health, c->ipv4, c->ipv6);
		mix(h, c->n_bindings);
		for (size_t p = 0; p < c->n_bindings; p++) {
			const struct ecs_api_port *b = &c->bindings[p];
			mix(h, ((uint64_t)b->container << 32) + ((uint64_t)b->host << 16) +
				       b->container_last);
			MIX_TEXTS(h, b->protocol, b->bind_ip);
		}
	}
}

/* Definitions never change: which one it is says all. */
static void mix_task(uint64_t *h, const struct ecs_api_task *t)
{
	MIX_TEXTS(h, t->arn, t->definition_arn, t->group, t->started_by, t->launch_type,
		  t->last_status, t->desired_status, t->health, t->availability_zone,
		  t->platform_family, t->platform_version, t->container_instance_arn, t->eni_id,
		  t->eni_ipv4, t->eni_ipv6, t->eni_subnet_id, t->eni_public_ip);
	mix(h, (uint64_t)t->has_platform_family + 2 * (uint64_t)t->has_platform_version +
		       4 * (uint64_t)t->has_eni + 8 * (uint64_t)(t->definition != NULL));
	mix_text(h, t->cluster->arn);
	mix_text(h, t->service ? t->service->arn : SV_NULL);
	mix_containers(h, t);
	mix_tags(h, &t->tags);
}

static uint64_t digest_of(const struct ecs_known *k)
{
	uint64_t sum = 0;
	/* Their order is that of the answers, which means nothing: they are added up. */
	for (size_t i = 0; i < k->clusters.n; i++) {
		const struct ecs_api_cluster *c = k->clusters.v[i];
		uint64_t h = 1;
		MIX_TEXTS(&h, c->arn, c->name);
		mix_tags(&h, &c->tags);
		sum += h;
	}
	for (size_t i = 0; i < k->services.n; i++) {
		const struct ecs_api_service *s = k->services.v[i];
		uint64_t h = 2;
		MIX_TEXTS(&h, s->arn, s->name, s->status);
		mix_tags(&h, &s->tags);
		sum += h;
	}
	for (size_t i = 0; i < k->instances.n; i++) {
		const struct ecs_api_instance *s = k->instances.v[i];
		uint64_t h = 3;
		MIX_TEXTS(&h, s->container_instance_arn, s->id, s->private_ip, s->public_ip,
			  s->subnet_id, s->vpc_id, s->type);
		mix_tags(&h, &s->tags);
		sum += h;
	}
	for (size_t i = 0; i < k->tasks.n; i++) {
		uint64_t h = 4;
		mix_task(&h, k->view[i]);
		sum += h;
	}
	return sum;
}

/* ---- sealing ---- */

/* A service as tasks name it: its name within their cluster. */
struct service_name {
	struct sv key;
	const struct ecs_api_service *service;
};

static struct sv service_key(struct ecs_known *k, struct sv cluster_arn, struct sv name)
{
	struct sv both[] = {cluster_arn, SV(" "), name};
	char *bytes = arena_alloc(&k->arena, cluster_arn.len + 1 + name.len);
	struct sv key = {bytes, 0};
	for (size_t i = 0; bytes && i < 3; i++) {
		if (both[i].len > 0)
			memcpy(bytes + key.len, both[i].ptr, both[i].len);
		key.len += both[i].len;
	}
	k->failed = k->failed || !bytes;
	return key;
}

static void name_services(struct ecs_known *k, struct ecs_table *names)
{
	for (size_t i = 0; i < k->services.n; i++) {
		const struct ecs_known_service *s = k->services.v[i];
		struct service_name *n = arena_alloc(&k->arena, sizeof *n);
		k->failed = k->failed || !n;
		if (!n)
			return;
		n->key = service_key(k, s->cluster->arn, s->s.name);
		n->service = &s->s;
		ecs_known_add(k, names, n);
	}
}

/* Each name with its cluster once for all of its tasks, which come by the thousand. */
static const struct ecs_api_service *service_of(struct ecs_known *k, const struct ecs_table *names,
						const struct ecs_api_task *t)
{
	char key[1024];
	if (!sv_starts_with(t->group, SV("service:")))
		return NULL;
	struct sv name = sv_from(t->group, strlen("service:"));
	int n = snprintf(key, sizeof key, "%.*s %.*s", SV_ARG(t->cluster->arn), SV_ARG(name));
	if (n < 0 || (size_t)n >= sizeof key)
		return NULL;
	const struct service_name *s = ecs_table_find(names, sv_make(key, (size_t)n));
	return s ? s->service : NULL;
}

static int by_arn(const void *a, const void *b)
{
	const struct ecs_api_task *const *x = a, *const *y = b;
	return sv_cmp((*x)->arn, (*y)->arn);
}

int ecs_known_seal(struct ecs_known *k, const struct ecs_known *definitions)
{
	struct ecs_table names = {.v = NULL};
	name_services(k, &names);
	k->view = calloc(k->tasks.n + 1, sizeof(void *));
	for (size_t i = 0; k->view && i < k->tasks.n; i++) {
		struct ecs_api_task *t = k->tasks.v[i];
		t->service = service_of(k, &names, t);
		t->instance = ecs_table_find(&k->instances, t->container_instance_arn);
		t->definition =
			definitions ? ecs_table_find(&definitions->definitions, t->definition_arn)
				    : NULL;
		k->view[i] = t;
	}
	ecs_table_deinit(&names);
	ecs_table_deinit(&k->texts);
	if (!k->view || k->failed)
		return ERR_NOMEM;
	qsort(k->view, k->tasks.n, sizeof(void *), by_arn);
	k->digest = digest_of(k);
	return 0;
}
