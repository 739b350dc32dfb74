#include "aws_account.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>

/* Where an object of each kind says who it is. */
static const struct {
	struct sv name, id;
} kinds[AWS_KINDS_] = {
	[AWS_CLUSTERS] = {SV("clusters"), SV("clusterArn")},
	[AWS_SERVICES] = {SV("services"), SV("serviceArn")},
	[AWS_TASKS] = {SV("tasks"), SV("taskArn")},
	[AWS_DEFINITIONS] = {SV("taskDefinitions"), SV("taskDefinitionArn")},
	[AWS_CONTAINER_INSTANCES] = {SV("containerInstances"), SV("containerInstanceArn")},
	[AWS_INSTANCES] = {SV("instances"), SV("instanceId")},
	[AWS_INTERFACES] = {SV("networkInterfaces"), SV("networkInterfaceId")},
};

struct sv aws_kind_name(enum aws_kind kind)
{
	return kinds[kind].name;
}

/* --- names --- */

struct sv aws_last_part(struct sv id)
{
	size_t n = id.len;
	while (n > 0 && id.ptr[n - 1] != '/')
		n--;
	return sv_from(id, n);
}

struct sv aws_family_of(struct sv definition)
{
	struct sv last = aws_last_part(definition);
	size_t n = last.len;
	while (n > 0 && last.ptr[n - 1] != ':')
		n--;
	return n > 0 ? sv_make(last.ptr, n - 1) : last;
}

/* arn:...:<type>/<cluster>/<name>; ARNs of the older form have no cluster. */
static struct sv cluster_in(struct sv arn)
{
	struct sv rest = sv_from(arn, sv_find(arn, '/') + 1);
	size_t end = sv_find(rest, '/');
	return end < rest.len ? sv_make(rest.ptr, end) : SV("default");
}

static uint64_t hash_of(struct sv name)
{
	return hash_keyed(name.ptr, name.len);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct aws_objects *t = cls;
	return hash_of(t->list[value].name);
}

/* --- life --- */

static void objects_deinit(struct aws_objects *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i].text);
	free(t->list);
	map_deinit(&t->by_name);
	*t = (struct aws_objects){NULL, 0, 0, 0, MAP_NULL};
}

void aws_account_deinit(struct aws_account *a)
{
	for (int i = 0; i < AWS_KINDS_; i++)
		objects_deinit(&a->kinds[i]);
}

/* --- objects --- */

static int read_object(enum aws_kind kind, char *text, size_t len, struct aws_object *o)
{
	struct sv s = sv_make(text, len);
	*o = (struct aws_object){.text = text, .len = len};
	o->id = aws_member_text(s, kinds[kind].id);
	if (o->id.len == 0 || sv_find(o->id, '\\') < o->id.len)
		return 1;
	o->name = aws_last_part(o->id);
	struct sv cluster = aws_last_part(aws_member_text(s, SV("clusterArn")));
	o->cluster = cluster.len > 0 ? cluster : cluster_in(o->id);
	o->group = aws_member_text(s, SV("group"));
	o->desired = aws_member_text(s, SV("desiredStatus"));
	o->launch = aws_member_text(s, SV("launchType"));
	o->where = aws_member_text(s, SV("containerInstanceArn"));
	o->started_by = aws_member_text(s, SV("startedBy"));
	o->definition = aws_member_text(s, SV("taskDefinitionArn"));
	o->strategy = aws_member_text(s, SV("schedulingStrategy"));
	return 0;
}

static struct aws_object *find_id(const struct aws_objects *t, struct sv id)
{
	for (struct map_iter it = map_find(&t->by_name, hash_of(aws_last_part(id)));
	     map_next(&t->by_name, &it);)
		if (sv_eq(t->list[it.value].id, id))
			return &t->list[it.value];
	return NULL;
}

static int grow(struct aws_objects *t)
{
	if (t->n < t->room)
		return 0;
	size_t room = t->room > 0 ? 2 * t->room : 16;
	struct aws_object *list = realloc(t->list, room * sizeof *list);
	if (!list)
		return ERR_NOMEM;
	t->list = list;
	t->room = room;
	return 0;
}

int aws_account_put(struct aws_account *a, enum aws_kind kind, struct sv text, struct err *err)
{
	struct aws_objects *t = &a->kinds[kind];
	struct aws_object o;
	_cleanup_(freep) char *copy = sv_dup(text);
	if (!copy || grow(t) != 0)
		return ERR_NOMEM;
	if (read_object(kind, copy, text.len, &o) != 0)
		return err_set(err, 1, "one of %.*s has no plain %.*s", SV_ARG(kinds[kind].name),
			       SV_ARG(kinds[kind].id));
	struct aws_object *old = find_id(t, o.id);
	if (old) {
		o.seq = old->seq;
		free(old->text);
		*old = o;
	} else {
		o.seq = ++a->next_seq;
		t->list[t->n] = o;
		if (map_insert(&t->by_name, hash_of(o.name), (uint32_t)t->n, rehash, t) != 0)
			return ERR_NOMEM;
		t->n++;
		t->live++;
	}
	copy = NULL;
	return 0;
}

/* Without the gone ones, once they are many. Without memory for the map they stay. */
static void compact(struct aws_objects *t)
{
	if (t->n - t->live < t->live + 64)
		return;
	size_t kept = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].text)
			t->list[kept++] = t->list[i];
	t->n = kept;
	map_clear(&t->by_name);
	/* The map does not grow: it has held more than these. */
	for (size_t i = 0; i < t->n; i++)
		map_insert(&t->by_name, hash_of(t->list[i].name), (uint32_t)i, rehash, t);
}

static void remove_from(struct aws_objects *t, struct sv id)
{
	for (struct map_iter it = map_find(&t->by_name, hash_of(aws_last_part(id)));
	     map_next(&t->by_name, &it);) {
		struct aws_object *o = &t->list[it.value];
		if (!sv_eq(o->id, id))
			continue;
		map_erase(&t->by_name, &it);
		free(o->text);
		*o = (struct aws_object){.seq = o->seq};
		t->live--;
		compact(t);
		return;
	}
}

void aws_account_remove(struct aws_account *a, struct sv id)
{
	for (int i = 0; i < AWS_KINDS_; i++)
		remove_from(&a->kinds[i], id);
}

/* --- documents --- */

static int kind_of(struct sv key)
{
	int kind = 0;
	while (kind < AWS_KINDS_ && !sv_eq(kinds[kind].name, key))
		kind++;
	return kind;
}

/* Whether each object of the document can be put. */
static int check_objects(enum aws_kind kind, struct sv array, struct err *err)
{
	struct aws_slices it = aws_slices_of(array);
	struct sv key, value;
	if (it.members || sv_trim(array).ptr[0] != '[')
		return err_set(err, 1, "%.*s is no array", SV_ARG(kinds[kind].name));
	while (aws_slice_next(&it, &key, &value)) {
		struct sv id = aws_member_text(value, kinds[kind].id);
		if (id.len == 0 || sv_find(id, '\\') < id.len)
			return err_set(err, 1, "one of %.*s has no plain %.*s",
				       SV_ARG(kinds[kind].name), SV_ARG(kinds[kind].id));
	}
	return 0;
}

static int check_document(struct sv document, struct err *err)
{
	int rc = aws_json_check(document, err);
	if (rc != 0)
		return rc;
	struct aws_slices it = aws_slices_of(document);
	struct sv key, value;
	if (!it.members)
		return err_set(err, 1, "the account is no object");
	while (rc == 0 && aws_slice_next(&it, &key, &value)) {
		int kind = kind_of(key);
		if (kind < AWS_KINDS_)
			rc = check_objects((enum aws_kind)kind, value, err);
		else if (!sv_eq(key, SV("gone")))
			rc = err_set(err, 1, "an account has no \"%.*s\"", SV_ARG(key));
	}
	return rc;
}

int aws_account_apply(struct aws_account *a, struct sv document, struct err *err)
{
	struct sv key, value, one;
	int rc = check_document(document, err);
	if (rc != 0)
		return rc;
	struct aws_slices it = aws_slices_of(document);
	while (aws_slice_next(&it, &key, &value)) {
		int kind = kind_of(key);
		struct aws_slices objects = aws_slices_of(value);
		while (rc == 0 && aws_slice_next(&objects, &key, &one)) {
			if (kind < AWS_KINDS_)
				rc = aws_account_put(a, (enum aws_kind)kind, one, err);
			else
				aws_account_remove(a, aws_text(one));
		}
	}
	return rc;
}

void aws_account_json(const struct aws_account *a, struct buf *out)
{
	for (int i = 0; i < AWS_KINDS_; i++) {
		const struct aws_objects *t = &a->kinds[i];
		bool more = false;
		buf_printf(out, "%s\"%.*s\":[", i == 0 ? "{" : ",\n", SV_ARG(kinds[i].name));
		for (size_t j = 0; j < t->n; j++) {
			if (!t->list[j].text)
				continue;
			buf_sv(out, more ? SV(",\n") : SV("\n"));
			buf_sv(out, sv_make(t->list[j].text, t->list[j].len));
			more = true;
		}
		buf_char(out, ']');
	}
	buf_sv(out, SV("}\n"));
}

/* --- look-ups --- */

const struct aws_object *aws_account_find(const struct aws_account *a, enum aws_kind kind,
					  struct sv cluster, struct sv id_or_name)
{
	const struct aws_objects *t = &a->kinds[kind];
	bool whole = sv_find(id_or_name, '/') < id_or_name.len;
	for (struct map_iter it = map_find(&t->by_name, hash_of(aws_last_part(id_or_name)));
	     map_next(&t->by_name, &it);) {
		const struct aws_object *o = &t->list[it.value];
		bool same = sv_eq(whole ? o->id : o->name, id_or_name);
		if (same && (cluster.len == 0 || sv_eq(o->cluster, cluster)))
			return o;
	}
	return NULL;
}

const struct aws_object *aws_account_after(const struct aws_account *a, enum aws_kind kind,
					   uint64_t seq)
{
	const struct aws_objects *t = &a->kinds[kind];
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->list[middle].seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	while (low < t->n && !t->list[low].text)
		low++;
	return low < t->n ? &t->list[low] : NULL;
}

const struct aws_object *aws_account_newest(const struct aws_account *a, struct sv family)
{
	const struct aws_objects *t = &a->kinds[AWS_DEFINITIONS];
	const struct aws_object *newest = NULL;
	uint64_t highest = 0, revision;
	for (size_t i = 0; i < t->n; i++) {
		const struct aws_object *o = &t->list[i];
		if (!o->text || !sv_eq(aws_family_of(o->id), family) ||
		    sv_to_u64(sv_from(o->name, family.len + 1), &revision) != 0 ||
		    revision < highest)
			continue;
		newest = o;
		highest = revision;
	}
	return newest;
}
