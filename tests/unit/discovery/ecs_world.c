#include "ecs_world.h"

#include "../../../ecs_discovery/ecs_api.h"
#include "../app/variables.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <stdlib.h>

enum { GUARD_MS = 60000 };

void world_env(const char *name, const char *value)
{
	set(name, value);
}

/* ---- requests ---- */

/* The texts of a list in a request's JSON, one after the other: false at the end. */
static bool next_text(struct sv *rest, struct sv *text)
{
	size_t open = sv_find(*rest, '"');
	if (open == rest->len || sv_find(*rest, ']') < open)
		return false;
	*rest = sv_from(*rest, open + 1);
	*text = sv_make(rest->ptr, sv_find(*rest, '"'));
	*rest = sv_from(*rest, text->len + 1);
	return true;
}

static struct sv after(struct sv body, const char *key)
{
	char quoted[64];
	snprintf(quoted, sizeof quoted, "\"%s\":", key);
	return sv_from(body, sv_find_sv(body, sv_of(quoted)) + strlen(quoted));
}

static struct sv text_after(struct sv body, const char *key)
{
	struct sv rest = after(body, key), text;
	return next_text(&rest, &text) ? text : SV_NULL;
}

static size_t page_begin(struct sv body)
{
	uint64_t n;
	return sv_to_u64(text_after(body, "nextToken"), &n) == 0 ? n : 0;
}

/* ---- answers ---- */

static void put_page_end(struct buf *out, size_t to, size_t n)
{
	buf_printf(out, "]");
	if (to < n)
		buf_printf(out, ",\"nextToken\":\"%zu\"", to);
	buf_char(out, '}');
}

static void list_tasks(struct world *w, struct sv body, struct buf *out)
{
	bool here = sv_eq(text_after(body, "cluster"), SV(WORLD_ARN "cluster/c1"));
	size_t n = here ? w->n_tasks : 0, from = page_begin(body);
	size_t to = from + w->page < n ? from + w->page : n;
	buf_printf(out, "{\"taskArns\":[");
	for (size_t i = from; i < to; i++)
		buf_printf(out, "%s\"" WORLD_ARN "task/c1/%u\"", i > from ? "," : "",
			   w->tasks[i].id);
	put_page_end(out, to, n);
}

static void list_services(struct world *w, struct sv body, struct buf *out)
{
	bool here = sv_eq(text_after(body, "cluster"), SV(WORLD_ARN "cluster/c1"));
	size_t n = here ? w->n_services : 0, from = page_begin(body);
	size_t to = from + w->page < n ? from + w->page : n;
	buf_printf(out, "{\"serviceArns\":[");
	for (size_t i = from; i < to; i++)
		buf_printf(out, "%s\"" WORLD_ARN "service/c1/s%zu\"", i > from ? "," : "", i + 1);
	put_page_end(out, to, n);
}

static void list_clusters(struct world *w, struct sv body, struct buf *out)
{
	buf_printf(out, "{\"clusterArns\":[");
	for (unsigned i = 1; i <= w->n_clusters; i++)
		buf_printf(out, "%s\"" WORLD_ARN "cluster/c%u\"", i > 1 ? "," : "", i);
	buf_printf(out, "]}");
}

static const struct world_task *task_of(const struct world *w, struct sv arn)
{
	uint64_t id = 0;
	sv_to_u64(sv_from(arn, strlen(WORLD_ARN "task/c1/")), &id);
	for (size_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].id == id)
			return &w->tasks[i];
	return NULL;
}

static void put_task(const struct world_task *t, struct buf *out)
{
	buf_printf(
		out,
		"{\"taskArn\":\"" WORLD_ARN "task/c1/%u\",\"taskDefinitionArn\":\"" WORLD_ARN
		"task-definition/d%u:1\",\"lastStatus\":\"%s\",\"desiredStatus\":\"%s\","
		"\"healthStatus\":\"%s\",\"startedAt\":%lld.25,\"launchType\":\"%s\","
		"\"availabilityZone\":\"eu-west-1a\",\"tags\":[{\"key\":\"t\",\"value\":\"%s\"}],",
		t->id, t->definition, t->last, t->desired, t->health, (long long)t->started_s,
		t->on_ec2 ? "EC2" : "FARGATE", t->tag);
	if (t->service)
		buf_printf(out, "\"group\":\"service:s%u\",", t->service);
	else
		buf_printf(out, "\"group\":\"family:d%u\",", t->definition);
	if (t->on_ec2)
		buf_printf(out,
			   "\"containerInstanceArn\":\"" WORLD_ARN "container-instance/c1/%u\",",
			   t->service);
	else
		buf_printf(out,
			   "\"attachments\":[{\"type\":\"ElasticNetworkInterface\",\"details\":["
			   "{\"name\":\"networkInterfaceId\",\"value\":\"eni-%u\"},{\"name\":"
			   "\"privateIPv4Address\",\"value\":\"10.0.%u.%u\"}]}],",
			   t->id, t->id / 256, t->id % 256);
	buf_printf(out, "\"containers\":[{\"name\":\"app\",\"lastStatus\":\"%s\"}]}", t->last);
}

/* Either the list or the failures. */
static void describe_tasks(struct world *w, struct sv body, struct buf *out)
{
	struct sv arn;
	const char *comma = "";
	buf_printf(out, "{\"tasks\":[");
	for (struct sv rest = after(body, "tasks"); next_text(&rest, &arn);) {
		const struct world_task *t = task_of(w, arn);
		if (!t || t->missing || t->omit)
			continue;
		buf_printf(out, "%s", comma);
		put_task(t, out);
		comma = ",";
	}
	buf_printf(out, "],\"failures\":[");
	comma = "";
	for (struct sv rest = after(body, "tasks"); next_text(&rest, &arn);) {
		const struct world_task *t = task_of(w, arn);
		if (t && (t->omit || !t->missing))
			continue;
		buf_printf(out, "%s{\"arn\":\"%.*s\",\"reason\":\"MISSING\"}", comma, SV_ARG(arn));
		comma = ",";
	}
	buf_printf(out, "]}");
}

static void describe_services(struct world *w, struct sv body, struct buf *out)
{
	struct sv arn;
	const char *comma = "";
	buf_printf(out, "{\"failures\":[],\"services\":[");
	for (struct sv rest = after(body, "services"); next_text(&rest, &arn); comma = ",")
		buf_printf(out,
			   "%s{\"serviceArn\":\"%.*s\",\"serviceName\":\"%.*s\",\"status\":"
			   "\"ACTIVE\"}",
			   comma, SV_ARG(arn),
			   SV_ARG(sv_from(arn, strlen(WORLD_ARN "service/c1/"))));
	buf_printf(out, "]}");
}

/* Asked for by name or by ARN. */
static void describe_clusters(struct world *w, struct sv body, struct buf *out)
{
	struct sv id;
	const char *comma = "";
	buf_printf(out, "{\"failures\":[],\"clusters\":[");
	for (struct sv rest = after(body, "clusters"); next_text(&rest, &id);) {
		uint64_t n = 0;
		size_t at = sv_find_sv(id, SV("cluster/c"));
		struct sv name = at < id.len ? sv_from(id, at + strlen("cluster/")) : id;
		if (sv_to_u64(sv_from(name, 1), &n) != 0 || n < 1 || n > w->n_clusters)
			continue;
		buf_printf(out,
			   "%s{\"clusterArn\":\"" WORLD_ARN "cluster/%.*s\",\"clusterName\":"
			   "\"%.*s\"}",
			   comma, SV_ARG(name), SV_ARG(name));
		comma = ",";
	}
	buf_printf(out, "]}");
}

static void describe_definition(struct world *w, struct sv body, struct buf *out)
{
	struct sv arn = text_after(body, "taskDefinition");
	buf_printf(out,
		   "{\"taskDefinition\":{\"taskDefinitionArn\":\"%.*s\",\"family\":\"d\","
		   "\"revision\":1,\"networkMode\":\"awsvpc\",\"containerDefinitions\":[{\"name\":"
		   "\"app\"}]}}",
		   SV_ARG(arn));
}

static void describe_container_instances(struct world *w, struct sv body, struct buf *out)
{
	struct sv arn;
	const char *comma = "";
	buf_printf(out, "{\"containerInstances\":[");
	for (struct sv rest = after(body, "containerInstances"); next_text(&rest, &arn);
	     comma = ",")
		buf_printf(out,
			   "%s{\"containerInstanceArn\":\"%.*s\",\"ec2InstanceId\":\"i-%.*s\"}",
			   comma, SV_ARG(arn),
			   SV_ARG(sv_from(arn, strlen(WORLD_ARN "container-instance/c1/"))));
	buf_printf(out, "]}");
}

/* The values of the filter of a form, one after the other. */
static bool next_value(struct sv *rest, struct sv *value)
{
	size_t at = sv_find_sv(*rest, SV("Filter.1.Value."));
	if (at == rest->len)
		return false;
	*rest = sv_from(*rest, at);
	*rest = sv_from(*rest, sv_find(*rest, '=') + 1);
	*value = sv_make(rest->ptr, sv_find(*rest, '&'));
	return true;
}

static void ec2_instances(struct world *w, struct sv body, struct buf *out)
{
	struct sv id;
	buf_printf(out, "<DescribeInstancesResponse><reservationSet>");
	for (struct sv rest = body; !w->no_ec2_address && next_value(&rest, &id);)
		buf_printf(out,
			   "<item><instancesSet><item><instanceId>%.*s</instanceId>"
			   "<privateIpAddress>172.16.0.%.*s</privateIpAddress></item>"
			   "</instancesSet></item>",
			   SV_ARG(id), SV_ARG(sv_from(id, 2)));
	buf_printf(out, "</reservationSet></DescribeInstancesResponse>");
}

static void ec2_interfaces(struct world *w, struct sv body, struct buf *out)
{
	struct sv id;
	buf_printf(out, "<DescribeNetworkInterfacesResponse><networkInterfaceSet>");
	for (struct sv rest = body; next_value(&rest, &id);)
		buf_printf(out,
			   "<item><networkInterfaceId>%.*s</networkInterfaceId><association>"
			   "<publicIp>203.0.113.%.*s</publicIp></association></item>",
			   SV_ARG(id), SV_ARG(sv_from(id, 4)));
	buf_printf(out, "</networkInterfaceSet></DescribeNetworkInterfacesResponse>");
}

static void (*const answers[ECS_ACTIONS_])(struct world *w, struct sv body, struct buf *out) = {
	[ECS_LIST_CLUSTERS] = list_clusters,
	[ECS_DESCRIBE_CLUSTERS] = describe_clusters,
	[ECS_LIST_SERVICES] = list_services,
	[ECS_DESCRIBE_SERVICES] = describe_services,
	[ECS_LIST_TASKS] = list_tasks,
	[ECS_DESCRIBE_TASKS] = describe_tasks,
	[ECS_DESCRIBE_TASK_DEFINITION] = describe_definition,
	[ECS_DESCRIBE_CONTAINER_INSTANCES] = describe_container_instances,
	[ECS_EC2_INSTANCES] = ec2_instances,
	[ECS_EC2_INTERFACES] = ec2_interfaces,
};

static int action_of(const struct http_server_request *req)
{
	struct sv target = http_exchange_header(req->exchange, "X-Amz-Target");
	char form[96];
	for (int i = 0; i < ECS_ACTIONS_; i++) {
		snprintf(form, sizeof form, "Action=%s&", ecs_action_name((enum ecs_action)i));
		if (sv_ends_with(target, sv_make(form + 7, strlen(form) - 8)) &&
		    target.ptr[target.len - (strlen(form) - 8) - 1] == '.')
			return i;
		if (!target.len && sv_starts_with(req->body, sv_of(form)))
			return i;
	}
	fail_msg("unknown call %.*s %.*s", SV_ARG(target), SV_ARG(req->body));
	return 0;
}

static unsigned count_ids(int action, struct sv body)
{
	static const char *const keys[ECS_ACTIONS_] = {
		[ECS_DESCRIBE_CLUSTERS] = "clusters",
		[ECS_DESCRIBE_SERVICES] = "services",
		[ECS_DESCRIBE_TASKS] = "tasks",
		[ECS_DESCRIBE_CONTAINER_INSTANCES] = "containerInstances",
	};
	struct sv one, rest = keys[action] ? after(body, keys[action]) : body;
	unsigned n = 0;
	if (action >= ECS_EC2_INSTANCES)
		while (next_value(&rest, &one))
			n++;
	else if (keys[action])
		while (next_text(&rest, &one))
			n++;
	return n;
}

static void note(struct world *w, int action, const struct http_server_request *req)
{
	w->all++;
	w->calls[action]++;
	w->ids[action] += count_ids(action, req->body);
	snprintf(w->last_body[action], sizeof w->last_body[action], "%.*s", SV_ARG(req->body));
	snprintf(w->last_target, sizeof w->last_target, "%.*s",
		 SV_ARG(http_exchange_header(req->exchange, "X-Amz-Target")));
	snprintf(w->last_type, sizeof w->last_type, "%.*s",
		 SV_ARG(http_exchange_header(req->exchange, "Content-Type")));
	snprintf(w->last_authorization, sizeof w->last_authorization, "%.*s",
		 SV_ARG(http_exchange_header(req->exchange, "Authorization")));
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct world *w = cls;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	int action = action_of(req);
	struct world_fault *f = &w->faults[action];
	note(w, action, req);
	buf_init(&out, MiB(4));
	if (w->silent) {
		assert_true(w->n_kept < sizeof w->kept / sizeof w->kept[0]);
		w->kept[w->n_kept++] = req->exchange;
		return;
	}
	bool fails = f->at == WORLD_ALWAYS || (f->at > 0 && --f->at == 0);
	if (fails)
		buf_printf(&out, "%s", f->body);
	else
		answers[action](w, req->body, &out);
	assert_false(buf_failed(&out));
	http_answer_now(req->exchange, fails ? f->status : 200, SV("text/plain"), buf_view(&out),
			NULL, 0);
}

/* ---- the test's side ---- */

void world_fill(struct world *w, size_t n, unsigned services)
{
	assert_true(n <= WORLD_TASKS);
	w->n_tasks = n;
	w->n_services = services;
	for (size_t i = 0; i < n; i++)
		w->tasks[i] =
			(struct world_task){.id = (unsigned)i + 1,
					    .service = services ? (unsigned)i % services + 1 : 0,
					    .definition = 1 + (unsigned)i % 3,
					    .last = "RUNNING",
					    .desired = "RUNNING",
					    .health = "UNKNOWN",
					    .tag = "x",
					    .started_s = 1600000000};
}

void world_fault(struct world *w, enum ecs_action action, int at, int status, const char *body)
{
	w->faults[action] = (struct world_fault){at, status, body};
}

void world_forget_counts(struct world *w)
{
	memset(w->calls, 0, sizeof w->calls);
	memset(w->ids, 0, sizeof w->ids);
	w->all = 0;
}

const char *world_calls(const struct world *w)
{
	static char text[1024];
	size_t at = 0;
	text[0] = '\0';
	for (int i = 0; i < ECS_ACTIONS_; i++)
		if (w->calls[i] > 0)
			at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %u",
					       at ? ", " : "", ecs_action_name((enum ecs_action)i),
					       w->calls[i]);
	return text;
}

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct err err = ERR_NULL;
	assert_non_null(w);
	clear_all();
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&w->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = MiB(1),
					.max_connections = 64,
					.read_timeout_ms = 20000,
					.handler = on_request,
					.cls = w};
	assert_int_equal(http_server_new(w->loop, &o, &w->server, &err), 0);
	assert_int_equal(http_pool_new(w->loop, 16, 60000, &w->pool), 0);
	snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d", http_server_port(w->server));
	world_env("AWS_CONFIG_FILE", "/nowhere/config");
	world_env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials");
	world_env("AWS_EC2_METADATA_DISABLED", "true");
	world_env("AWS_ENDPOINT_URL_EC2", w->url);
	struct aws_session_options so = {w->loop, w->pool, get, SV("test/1")};
	if (aws_session_new(&so, &w->session, &err) != 0)
		fail_msg("%s", err.msg);
	w->n_clusters = 1;
	w->page = 100;
	w->opt = (struct ecs_sd_options){.client = {.region = SV("eu-west-1"),
						    .endpoint = sv_of(w->url),
						    .access_key = SV("AKIDEXAMPLE"),
						    .secret_key = SV("made-up-secret")},
					 .refresh_interval_ms = 60000,
					 .port = 80,
					 .request_concurrency = 20,
					 .clusters = w->clusters,
					 .http = {.follow_redirects = true, .enable_http2 = true},
					 .digest = 1};
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;
	aws_session_free(w->session);
	http_pool_free(w->pool);
	http_server_free(w->server);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void on_waited(void *cls)
{
	loop_stop(cls);
}

void world_wait(struct world *w, int64_t ms)
{
	struct loop_timer t = {.fire = on_waited, .cls = w->loop};
	loop_timer_in(w->loop, &t, ms);
	assert_int_equal(loop_run(w->loop), 0);
	loop_timer_cancel(&t);
}

void world_until(struct world *w, const unsigned *n, unsigned least)
{
	int64_t until_ms = clock_mono_ms() + GUARD_MS;
	while (*n < least && clock_mono_ms() < until_ms)
		world_wait(w, 1);
	if (*n < least)
		fail_msg("%u of %u came", *n, least);
}
