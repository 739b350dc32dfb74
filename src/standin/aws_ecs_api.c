/* The ECS API: JSON 1.1 in and out. */
#include "standin_private.h"

#include <ampagent/base/arena.h>
#include <ampagent/base/limits.h>

enum {
	ASK_MAX = 1 << 20,
	ITEMS_MAX = 100,
	SERVICES_MAX = 10,
	PAGE_MAX = 100,
	SERVICES_PAGE = 10,
};

static const struct sv type_json = SV("application/x-amz-json-1.1");

static void begin(struct aws_reply *r, int status)
{
	standin_request_id(r->header_text);
	r->status = status;
	r->type = type_json;
	r->headers[r->n_headers++] =
		(struct http_header){SV("x-amzn-RequestId"), sv_of(r->header_text)};
}

void aws_ecs_api_error(struct aws_reply *r, int status, const char *type, const char *text)
{
	begin(r, status);
	buf_reset(&r->body);
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	json_key(&w, SV("__type"));
	json_string(&w, sv_of(type));
	if (text[0] != '\0') {
		json_key(&w, SV("message"));
		json_string(&w, sv_of(text));
	}
	json_end_object(&w);
}

/* --- what is asked --- */

enum text {
	CLUSTER,
	NEXT_TOKEN,
	CONTAINER_INSTANCE,
	FAMILY,
	STARTED_BY,
	SERVICE_NAME,
	DESIRED_STATUS,
	LAUNCH_TYPE,
	STRATEGY,
	STATUS,
	TASK_DEFINITION,
	TEXTS_,
};

static const struct sv texts[TEXTS_] = {
	[CLUSTER] = SV("cluster"),
	[NEXT_TOKEN] = SV("nextToken"),
	[CONTAINER_INSTANCE] = SV("containerInstance"),
	[FAMILY] = SV("family"),
	[STARTED_BY] = SV("startedBy"),
	[SERVICE_NAME] = SV("serviceName"),
	[DESIRED_STATUS] = SV("desiredStatus"),
	[LAUNCH_TYPE] = SV("launchType"),
	[STRATEGY] = SV("schedulingStrategy"),
	[STATUS] = SV("status"),
	[TASK_DEFINITION] = SV("taskDefinition"),
};

struct ask {
	struct arena arena;
	struct sv text[TEXTS_];
	struct sv items[ITEMS_MAX];
	size_t n_items; /* may be more than are kept */
	bool tags;
	uint64_t max_results; /* 0: not given */
	/* while it is read */
	struct sv items_key;
	int depth, key; /* key: a text, or one of those below */
};

enum { KEY_OTHER = TEXTS_, KEY_ITEMS, KEY_INCLUDE, KEY_MAX };

static void ask_deinit(struct ask *a)
{
	arena_deinit(&a->arena);
}
DEFINE_CLEANUP(struct ask, ask_deinit)

static int key_of(const struct ask *a, struct sv name)
{
	int i = 0;
	if (sv_eq(name, a->items_key))
		return KEY_ITEMS;
	if (sv_eq(name, SV("include")))
		return KEY_INCLUDE;
	if (sv_eq(name, SV("maxResults")))
		return KEY_MAX;
	while (i < TEXTS_ && !sv_eq(texts[i], name))
		i++;
	return i;
}

static int read_string(struct ask *a, struct sv text)
{
	bool listed = a->key == KEY_ITEMS || a->key == KEY_INCLUDE;
	if (a->key == KEY_OTHER)
		return 0;
	if (a->depth != (listed ? 2 : 1) || a->key == KEY_MAX)
		return 1;
	struct sv copy = arena_dup(&a->arena, text);
	if (!copy.ptr)
		return 1;
	if (a->key == KEY_INCLUDE)
		a->tags |= sv_eq(copy, SV("TAGS"));
	else if (a->key != KEY_ITEMS)
		a->text[a->key] = copy;
	else if (a->n_items++ < ITEMS_MAX)
		a->items[a->n_items - 1] = copy;
	return 0;
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct ask *a = cls;
	switch (event) {
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		a->depth++;
		return 0;
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		a->depth--;
		return 0;
	case JSON_KEY:
		if (a->depth == 1)
			a->key = key_of(a, text);
		return 0;
	case JSON_STRING:
		return read_string(a, text);
	case JSON_NUMBER:
		if (a->key == KEY_MAX)
			return sv_to_u64(text, &a->max_results);
		return a->key == KEY_OTHER ? 0 : 1;
	default:
		return 0;
	}
}

/* 0, or 1 when the reply is made. */
static int read_ask(struct sv body, struct sv items_key, struct ask *a, struct aws_reply *r)
{
	_cleanup_(json_reader_deinit) struct json_reader reader;
	arena_init(&a->arena, ASK_MAX);
	a->items_key = items_key;
	a->key = KEY_OTHER;
	json_reader_init(&reader, on_event, a, KiB(64));
	if (json_feed(&reader, body, NULL) == 0 && json_finish(&reader, NULL) == 0)
		return 0;
	aws_ecs_api_error(r, 400, "SerializationException", "");
	return 1;
}

/* --- checks: 0 to go on, 1 when the reply is made --- */

static int invalid(struct aws_reply *r, const char *text)
{
	aws_ecs_api_error(r, 400, "InvalidParameterException", text);
	return 1;
}

/* Its name in *name. */
static int check_cluster(const struct standin *s, const struct ask *a, struct sv *name,
			 struct aws_reply *r)
{
	struct sv given = a->text[CLUSTER].len > 0 ? a->text[CLUSTER] : SV("default");
	const struct aws_object *o =
		aws_account_find(&s->aws.resources, AWS_CLUSTERS, SV_NULL, given);
	if (!o) {
		aws_ecs_api_error(r, 400, "ClusterNotFoundException", "Cluster not found.");
		return 1;
	}
	*name = o->name;
	return 0;
}

static int check_items(const struct ask *a, size_t max, const char *what, struct aws_reply *r)
{
	char text[96];
	if (a->n_items > 0 && a->n_items <= max)
		return 0;
	if (a->n_items == 0)
		snprintf(text, sizeof text, "%s cannot be empty.", what);
	else
		snprintf(text, sizeof text, "%s cannot have more than %zu elements.", what, max);
	return invalid(r, text);
}

static int check_service(const struct standin *s, const struct ask *a, struct sv cluster,
			 struct aws_reply *r)
{
	struct sv given = a->text[SERVICE_NAME];
	if (given.len == 0 ||
	    aws_account_find(&s->aws.resources, AWS_SERVICES, cluster, given) != NULL)
		return 0;
	aws_ecs_api_error(r, 400, "ServiceNotFoundException", "Service not found.");
	return 1;
}

static bool is_one_of(struct sv s, struct sv a, struct sv b, struct sv c)
{
	return s.len == 0 || sv_eq(s, a) || sv_eq(s, b) || sv_eq(s, c);
}

static int check_filters(const struct ask *a, struct aws_reply *r)
{
	if (!is_one_of(a->text[DESIRED_STATUS], SV("RUNNING"), SV("PENDING"), SV("STOPPED")))
		return invalid(r, "The desired status must be RUNNING, PENDING or STOPPED.");
	if (!is_one_of(a->text[LAUNCH_TYPE], SV("EC2"), SV("FARGATE"), SV("EXTERNAL")))
		return invalid(r, "The launch type must be EC2, FARGATE or EXTERNAL.");
	bool others = a->text[SERVICE_NAME].len > 0 || a->text[FAMILY].len > 0 ||
		      a->text[CONTAINER_INSTANCE].len > 0;
	if (a->text[STARTED_BY].len > 0 && others)
		return invalid(r, "startedBy does not go with other filters.");
	return 0;
}

/* --- lists --- */

/* Every filter that is given. */
static bool is_wanted(const struct ask *a, enum aws_kind kind, struct sv cluster,
		      const struct aws_object *o)
{
	const struct sv *t = a->text;
	if (cluster.len > 0 && !sv_eq(o->cluster, cluster))
		return false;
	if (t[LAUNCH_TYPE].len > 0 && !sv_eq(o->launch, t[LAUNCH_TYPE]))
		return false;
	if (kind == AWS_SERVICES)
		return t[STRATEGY].len == 0 ||
		       sv_eq(o->strategy.len > 0 ? o->strategy : SV("REPLICA"), t[STRATEGY]);
	if (kind != AWS_TASKS)
		return true;
	struct sv desired = o->desired.len > 0 ? o->desired : SV("RUNNING");
	struct sv service =
		sv_starts_with(o->group, SV("service:")) ? sv_from(o->group, 8) : SV_NULL;
	return sv_eq(desired, t[DESIRED_STATUS].len > 0 ? t[DESIRED_STATUS] : SV("RUNNING")) &&
	       (t[SERVICE_NAME].len == 0 || sv_eq(service, aws_last_part(t[SERVICE_NAME]))) &&
	       (t[FAMILY].len == 0 || sv_eq(aws_family_of(o->definition), t[FAMILY])) &&
	       (t[STARTED_BY].len == 0 || sv_eq(o->started_by, t[STARTED_BY])) &&
	       (t[CONTAINER_INSTANCE].len == 0 ||
		sv_eq(aws_last_part(o->where), aws_last_part(t[CONTAINER_INSTANCE])));
}

/* What a token is bound to: the action and all that narrows the list. */
static void put_question(const struct ask *a, struct sv member, struct buf *out)
{
	buf_sv(out, member);
	for (int i = 0; i < TEXTS_; i++) {
		if (i == NEXT_TOKEN)
			continue;
		buf_printf(out, "|%zu:", a->text[i].len);
		buf_sv(out, a->text[i]);
	}
}

struct list {
	enum aws_kind kind;
	struct sv member; /* of the answer */
	uint64_t page;    /* unless told */
};

static void answer_list(struct standin *s, const struct list *l, const struct ask *a,
			struct sv cluster, struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf question = BUF_NULL;
	buf_init(&question, ASK_MAX);
	put_question(a, l->member, &question);
	struct sv token = a->text[NEXT_TOKEN];
	uint64_t seq = 0, left = a->max_results > 0 ? a->max_results : l->page;
	if (left > PAGE_MAX) {
		invalid(r, "maxResults must be between 1 and 100.");
		return;
	}
	if (token.len > 0 && aws_page_open(&s->aws.api, buf_view(&question), token, &seq) != 0) {
		invalid(r, "Invalid token");
		return;
	}
	begin(r, 200);
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	json_key(&w, l->member);
	json_begin_array(&w);
	const struct aws_object *o = aws_account_after(&s->aws.resources, l->kind, seq);
	for (; o && left > 0; o = aws_account_after(&s->aws.resources, l->kind, o->seq)) {
		seq = o->seq;
		if (!is_wanted(a, l->kind, cluster, o))
			continue;
		json_string(&w, o->id);
		left--;
	}
	while (o && !is_wanted(a, l->kind, cluster, o))
		o = aws_account_after(&s->aws.resources, l->kind, o->seq);
	json_end_array(&w);
	if (o) {
		json_key(&w, SV("nextToken"));
		_cleanup_(buf_deinit) struct buf next = BUF_NULL;
		buf_init(&next, KiB(1));
		aws_page_token(&s->aws.api, buf_view(&question), seq, &next);
		json_string(&w, buf_view(&next));
	}
	json_end_object(&w);
}

static void list_clusters(struct standin *s, const struct ask *a, struct aws_reply *r)
{
	static const struct list l = {AWS_CLUSTERS, SV("clusterArns"), PAGE_MAX};
	answer_list(s, &l, a, SV_NULL, r);
}

static void list_services(struct standin *s, const struct ask *a, struct aws_reply *r)
{
	static const struct list l = {AWS_SERVICES, SV("serviceArns"), SERVICES_PAGE};
	struct sv cluster;
	if (check_cluster(s, a, &cluster, r) == 0 && check_filters(a, r) == 0)
		answer_list(s, &l, a, cluster, r);
}

static void list_tasks(struct standin *s, const struct ask *a, struct aws_reply *r)
{
	static const struct list l = {AWS_TASKS, SV("taskArns"), PAGE_MAX};
	struct sv cluster;
	if (check_cluster(s, a, &cluster, r) == 0 && check_filters(a, r) == 0 &&
	    check_service(s, a, cluster, r) == 0)
		answer_list(s, &l, a, cluster, r);
}

static void list_instances(struct standin *s, const struct ask *a, struct aws_reply *r)
{
	static const struct list l = {AWS_CONTAINER_INSTANCES, SV("containerInstanceArns"),
				      PAGE_MAX};
	struct sv cluster;
	if (check_cluster(s, a, &cluster, r) == 0)
		answer_list(s, &l, a, cluster, r);
}

/* --- descriptions --- */

static void put_object(const struct aws_object *o, bool tags, struct buf *out)
{
	struct sv text = sv_make(o->text, o->len);
	if (tags || !aws_member(text, SV("tags")).ptr)
		buf_sv(out, text);
	else
		aws_put_without(out, text, SV("tags"));
}

struct described {
	enum aws_kind kind;
	struct sv member, type; /* of the answer; in ARNs */
	size_t max;
	const char *what;
};

/* Names are told as the ARNs they would have. */
static void put_failure(const struct standin *s, const struct described *d, struct sv cluster,
			struct sv item, struct buf *out)
{
	_cleanup_(buf_deinit) struct buf arn = BUF_NULL;
	buf_init(&arn, KiB(64));
	if (!sv_starts_with(item, SV("arn:"))) {
		buf_printf(&arn, "arn:aws:ecs:%s:%s:%.*s/", s->aws.region, s->aws.account,
			   SV_ARG(d->type));
		if (cluster.len > 0)
			buf_printf(&arn, "%.*s/", SV_ARG(cluster));
	}
	buf_sv(&arn, item);
	buf_sv(out, SV("{\"arn\":"));
	json_quote(out, buf_view(&arn));
	buf_sv(out, SV(",\"reason\":\"MISSING\"}"));
}

static void answer_described(struct standin *s, const struct described *d, const struct ask *a,
			     struct sv cluster, struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf failures = BUF_NULL;
	buf_init(&failures, ASK_MAX);
	begin(r, 200);
	buf_printf(&r->body, "{\"%.*s\":[", SV_ARG(d->member));
	bool more = false;
	for (size_t i = 0; i < a->n_items; i++) {
		const struct aws_object *o =
			aws_account_find(&s->aws.resources, d->kind, cluster, a->items[i]);
		if (o) {
			buf_sv(&r->body, more ? SV(",") : SV(""));
			put_object(o, a->tags, &r->body);
			more = true;
			continue;
		}
		buf_sv(&failures, failures.len > 0 ? SV(",") : SV(""));
		put_failure(s, d, cluster, a->items[i], &failures);
	}
	buf_sv(&r->body, SV("],\"failures\":["));
	buf_sv(&r->body, buf_view(&failures));
	buf_sv(&r->body, SV("]}"));
}

static void describe_clusters(struct standin *s, struct ask *a, struct aws_reply *r)
{
	static const struct described d = {AWS_CLUSTERS, SV("clusters"), SV("cluster"), ITEMS_MAX,
					   "Clusters"};
	if (a->n_items == 0)
		a->items[a->n_items++] = SV("default");
	if (check_items(a, d.max, d.what, r) == 0)
		answer_described(s, &d, a, SV_NULL, r);
}

static void describe_in_cluster(struct standin *s, const struct described *d, const struct ask *a,
				struct aws_reply *r)
{
	struct sv cluster;
	if (check_cluster(s, a, &cluster, r) == 0 && check_items(a, d->max, d->what, r) == 0)
		answer_described(s, d, a, cluster, r);
}

static void describe_definition(struct standin *s, const struct ask *a, struct aws_reply *r)
{
	struct sv given = a->text[TASK_DEFINITION];
	const struct aws_account *account = &s->aws.resources;
	if (given.len == 0) {
		aws_ecs_api_error(r, 400, "ClientException", "Task definition cannot be empty.");
		return;
	}
	const struct aws_object *o = aws_account_find(account, AWS_DEFINITIONS, SV_NULL, given);
	if (!o)
		o = aws_account_newest(account, given);
	if (!o) {
		aws_ecs_api_error(r, 400, "ClientException", "Unable to describe task definition.");
		return;
	}
	struct sv tags = aws_member(sv_make(o->text, o->len), SV("tags"));
	begin(r, 200);
	buf_sv(&r->body, SV("{\"taskDefinition\":"));
	put_object(o, false, &r->body);
	if (a->tags && tags.len > 0) {
		buf_sv(&r->body, SV(",\"tags\":"));
		buf_sv(&r->body, tags);
	}
	buf_char(&r->body, '}');
}

/* --- calls --- */

static const struct described services = {AWS_SERVICES, SV("services"), SV("service"), SERVICES_MAX,
					  "Services"};
static const struct described tasks = {AWS_TASKS, SV("tasks"), SV("task"), ITEMS_MAX, "Tasks"};
static const struct described instances = {AWS_CONTAINER_INSTANCES, SV("containerInstances"),
					   SV("container-instance"), ITEMS_MAX,
					   "Container instances"};

static struct sv items_of(enum aws_action action)
{
	switch (action) {
	case AWS_ECS_DESCRIBE_CLUSTERS:
		return SV("clusters");
	case AWS_ECS_DESCRIBE_SERVICES:
		return services.member;
	case AWS_ECS_DESCRIBE_TASKS:
		return tasks.member;
	case AWS_ECS_DESCRIBE_CONTAINER_INSTANCES:
		return instances.member;
	default:
		return SV_NULL;
	}
}

static void answer(struct standin *s, enum aws_action action, struct ask *a, struct aws_reply *r)
{
	switch (action) {
	case AWS_ECS_LIST_CLUSTERS:
		list_clusters(s, a, r);
		break;
	case AWS_ECS_DESCRIBE_CLUSTERS:
		describe_clusters(s, a, r);
		break;
	case AWS_ECS_LIST_SERVICES:
		list_services(s, a, r);
		break;
	case AWS_ECS_DESCRIBE_SERVICES:
		describe_in_cluster(s, &services, a, r);
		break;
	case AWS_ECS_LIST_TASKS:
		list_tasks(s, a, r);
		break;
	case AWS_ECS_DESCRIBE_TASKS:
		describe_in_cluster(s, &tasks, a, r);
		break;
	case AWS_ECS_LIST_CONTAINER_INSTANCES:
		list_instances(s, a, r);
		break;
	case AWS_ECS_DESCRIBE_CONTAINER_INSTANCES:
		describe_in_cluster(s, &instances, a, r);
		break;
	default:
		describe_definition(s, a, r);
	}
}

void aws_ecs_api(struct standin *s, const struct http_server_request *req, enum aws_action action,
		 struct aws_reply *r)
{
	_cleanup_(ask_deinit) struct ask a = {.depth = 0};
	struct sv type = http_exchange_header(req->exchange, "Content-Type");
	if (!sv_eq_nocase(sv_trim(type), type_json))
		aws_ecs_api_error(r, 400, "UnknownOperationException", "");
	else if (read_ask(req->body, items_of(action), &a, r) == 0)
		answer(s, action, &a, r);
}
