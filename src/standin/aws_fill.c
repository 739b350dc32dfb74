/* A made-up account of any size: tasks, their services and definitions, and what they run on. */
#include "aws_account.h"
#include "standin_private.h"

#include <ampagent/base/limits.h>
#include <inttypes.h>

enum {
	TASKS_MAX = 100000,
	TEXT_MAX = 64 << 10,
	TASKS_PER_INSTANCE = 20,
	EXPORTER_PORT = 9404,
	FIRST_DYNAMIC_PORT = 32768,
	PORTS = 2, /* of each task */
};

enum network { AWSVPC, BRIDGE, HOST, NETWORKS_ };
static const char *const networks[NETWORKS_] = {"awsvpc", "bridge", "host"};

struct fill {
	uint64_t tasks, services, instances, seed;
	bool ec2; /* launch type */
	enum network network;
	const char *region, *account;
	char cluster[64];
	double now_s;
	struct aws_account *to;
	struct buf text; /* of the object in the making */
};

/* --- names: the same for the same seed --- */

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

enum { OF_TASK = 1, OF_CONTAINER, OF_INSTANCE, OF_INTERFACE, OF_ATTACHMENT };

static uint64_t number(const struct fill *f, uint64_t of, uint64_t i)
{
	return mix(mix(f->seed * 16 + of) ^ i);
}

static const char *launch(const struct fill *f)
{
	return f->ec2 ? "EC2" : "FARGATE";
}

static char zone(uint64_t i)
{
	return (char)('a' + i % 3);
}

struct made_ip {
	char text[20], dashes[20];
};

/* Tasks in 10.0.0.0/8, instances in 172.16.0.0/12. */
static struct made_ip ip_of(uint64_t i, bool instance)
{
	struct made_ip ip;
	unsigned n = (unsigned)i + 256;
	unsigned a = instance ? 172 : 10, b = (instance ? 16 : 0) + (n >> 16), c = n >> 8 & 255;
	snprintf(ip.text, sizeof ip.text, "%u.%u.%u.%u", a & 255, b & 255, c, n & 255);
	snprintf(ip.dashes, sizeof ip.dashes, "%u-%u-%u-%u", a & 255, b & 255, c, n & 255);
	return ip;
}

static void put_arn(struct fill *f, const char *type, const char *name)
{
	buf_printf(&f->text, "arn:aws:ecs:%s:%s:%s/%s", f->region, f->account, type, name);
}

static void put_task_arn(struct fill *f, const char *type, uint64_t of, uint64_t i)
{
	buf_printf(&f->text, "arn:aws:ecs:%s:%s:%s/%s/%016" PRIx64 "%016" PRIx64, f->region,
		   f->account, type, f->cluster, number(f, of, i), number(f, of, ~i));
}

static void put_cluster_arn(struct fill *f)
{
	buf_sv(&f->text, SV("\"clusterArn\":\""));
	put_arn(f, "cluster", f->cluster);
	buf_sv(&f->text, SV("\","));
}

/* Definitions have had some revisions. */
static void put_definition_arn(struct fill *f, uint64_t service)
{
	buf_printf(&f->text, "arn:aws:ecs:%s:%s:task-definition/service-%" PRIu64 ":%" PRIu64,
		   f->region, f->account, service, 1 + service % 9);
}

static int put(struct fill *f, enum aws_kind kind)
{
	struct err err = ERR_NULL;
	int rc = buf_failed(&f->text) ? ERR_NOMEM
				      : aws_account_put(f->to, kind, buf_view(&f->text), &err);
	buf_reset(&f->text);
	return rc;
}

/* --- what there is once a cluster, once a service --- */

static int put_cluster(struct fill *f)
{
	buf_sv(&f->text, SV("{"));
	put_cluster_arn(f);
	buf_printf(&f->text,
		   "\"clusterName\":\"%s\",\"status\":\"ACTIVE\","
		   "\"registeredContainerInstancesCount\":%" PRIu64
		   ",\"runningTasksCount\":%" PRIu64
		   ",\"pendingTasksCount\":0,\"activeServicesCount\":%" PRIu64
		   ",\"statistics\":[],\"tags\":[{\"key\":\"env\",\"value\":\"made-up\"}],"
		   "\"settings\":[],\"capacityProviders\":[],"
		   "\"defaultCapacityProviderStrategy\":[]}",
		   f->cluster, f->instances, f->tasks, f->services);
	return put(f, AWS_CLUSTERS);
}

static uint64_t tasks_of(const struct fill *f, uint64_t service)
{
	return f->tasks / f->services + (service < f->tasks % f->services);
}

static int put_service(struct fill *f, uint64_t i)
{
	uint64_t n = tasks_of(f, i);
	buf_printf(&f->text,
		   "{\"serviceArn\":\"arn:aws:ecs:%s:%s:service/%s/service-%" PRIu64
		   "\",\"serviceName\":\"service-%" PRIu64 "\",",
		   f->region, f->account, f->cluster, i, i);
	put_cluster_arn(f);
	buf_printf(&f->text,
		   "\"loadBalancers\":[],\"serviceRegistries\":[],\"status\":\"ACTIVE\","
		   "\"desiredCount\":%" PRIu64 ",\"runningCount\":%" PRIu64
		   ",\"pendingCount\":0,\"launchType\":\"%s\",\"taskDefinition\":\"",
		   n, n, launch(f));
	put_definition_arn(f, i);
	buf_printf(&f->text,
		   "\",\"deployments\":[],\"events\":[],\"createdAt\":%.3f,"
		   "\"schedulingStrategy\":\"REPLICA\",\"tags\":[{\"key\":\"team\","
		   "\"value\":\"team-%" PRIu64 "\"}]}",
		   f->now_s - 86400, i % 7);
	return put(f, AWS_SERVICES);
}

/* Every other definition says where its metrics are, in one of two ways. */
static void put_labels(struct fill *f, uint64_t i)
{
	if (i % 4 == 0)
		buf_printf(&f->text,
			   "\"dockerLabels\":{\"ECS_PROMETHEUS_EXPORTER_PORT\":\"%d\","
			   "\"ECS_PROMETHEUS_METRICS_PATH\":\"/metrics\","
			   "\"ECS_PROMETHEUS_JOB_NAME\":\"job-%" PRIu64 "\"},",
			   EXPORTER_PORT, i);
	else if (i % 4 == 2)
		buf_printf(&f->text,
			   "\"dockerLabels\":{\"prometheus.io/scrape\":\"true\","
			   "\"prometheus.io/port\":\"%d\"},",
			   EXPORTER_PORT);
}

static int put_definition(struct fill *f, uint64_t i)
{
	int host_port = f->network == BRIDGE ? 0 : EXPORTER_PORT;
	buf_sv(&f->text, SV("{\"taskDefinitionArn\":\""));
	put_definition_arn(f, i);
	buf_printf(&f->text,
		   "\",\"containerDefinitions\":[{\"name\":\"app\","
		   "\"image\":\"registry.example.com/service-%" PRIu64
		   ":7\",\"cpu\":256,\"memory\":512,\"portMappings\":[{\"containerPort\":8080,"
		   "\"hostPort\":%d,\"protocol\":\"tcp\"},{\"containerPort\":%d,\"hostPort\":%d,"
		   "\"protocol\":\"tcp\"}],\"essential\":true,",
		   i, host_port > 0 ? 8080 : 0, EXPORTER_PORT, host_port);
	put_labels(f, i);
	buf_printf(&f->text,
		   "\"environment\":[],\"mountPoints\":[],\"volumesFrom\":[]},"
		   "{\"name\":\"log-router\",\"image\":\"registry.example.com/log-router:3\","
		   "\"cpu\":0,\"portMappings\":[],\"essential\":false,\"environment\":[],"
		   "\"mountPoints\":[],\"volumesFrom\":[]}],\"family\":\"service-%" PRIu64
		   "\",\"networkMode\":\"%s\",\"revision\":%" PRIu64
		   ",\"volumes\":[],\"status\":\"ACTIVE\",\"compatibilities\":[\"EC2\"%s],"
		   "\"registeredAt\":%.3f}",
		   i, networks[f->network], 1 + i % 9, f->network == AWSVPC ? ",\"FARGATE\"" : "",
		   f->now_s - 172800);
	return put(f, AWS_DEFINITIONS);
}

/* --- instances --- */

static int put_instance(struct fill *f, uint64_t i)
{
	uint64_t id = number(f, OF_INSTANCE, i) & UINT64_C(0xffffffffffff);
	struct made_ip ip = ip_of(i, true);
	buf_sv(&f->text, SV("{\"containerInstanceArn\":\""));
	put_task_arn(f, "container-instance", OF_INSTANCE, i);
	buf_printf(&f->text,
		   "\",\"ec2InstanceId\":\"i-0%016" PRIx64
		   "\",\"version\":3,\"remainingResources\":[],\"registeredResources\":[],"
		   "\"status\":\"ACTIVE\",\"agentConnected\":true,\"runningTasksCount\":%d,"
		   "\"pendingTasksCount\":0,\"attributes\":[{\"name\":\"ecs.instance-type\","
		   "\"value\":\"m5.xlarge\"},{\"name\":\"ecs.availability-zone\","
		   "\"value\":\"%s%c\"}],\"registeredAt\":%.3f,\"attachments\":[],\"tags\":[]}",
		   id, (int)(f->tasks / f->instances), f->region, zone(i), f->now_s - 100000);
	int rc = put(f, AWS_CONTAINER_INSTANCES);
	if (rc != 0)
		return rc;
	buf_printf(&f->text,
		   "{\"instanceId\":\"i-0%016" PRIx64
		   "\",\"imageId\":\"ami-0123456789abcdef0\",\"instanceState\":{\"code\":16,"
		   "\"name\":\"running\"},\"privateDnsName\":\"ip-%s.%s.compute.internal\","
		   "\"instanceType\":\"m5.xlarge\",\"launchTime\":\"2026-01-01T00:00:00.000Z\","
		   "\"placement\":{\"availabilityZone\":\"%s%c\",\"tenancy\":\"default\"},"
		   "\"subnetId\":\"subnet-%017d\",\"vpcId\":\"vpc-0123456789abcdef0\","
		   "\"privateIpAddress\":\"%s\",\"architecture\":\"x86_64\","
		   "\"tagSet\":[{\"key\":\"Name\",\"value\":\"ecs-%" PRIu64 "\"}]}",
		   id, ip.dashes, f->region, f->region, zone(i), zone(i) - 'a', ip.text, i);
	return put(f, AWS_INSTANCES);
}

/* --- tasks --- */

static uint64_t interface_id(const struct fill *f, uint64_t i)
{
	return number(f, OF_INTERFACE, i) & UINT64_C(0xffffffffffff);
}

static void put_attachment(struct fill *f, uint64_t i, const struct made_ip *ip)
{
	if (f->network != AWSVPC) {
		buf_sv(&f->text, SV("\"attachments\":[],"));
		return;
	}
	buf_printf(&f->text,
		   "\"attachments\":[{\"id\":\"%08" PRIx64
		   "-0123-4567-89ab-cdef01234567\",\"type\":\"ElasticNetworkInterface\","
		   "\"status\":\"ATTACHED\",\"details\":[{\"name\":\"subnetId\","
		   "\"value\":\"subnet-%017d\"},{\"name\":\"networkInterfaceId\","
		   "\"value\":\"eni-0%016" PRIx64 "\"},{\"name\":\"macAddress\","
		   "\"value\":\"0a:58:0a:%02x:%02x:%02x\"},{\"name\":\"privateDnsName\","
		   "\"value\":\"ip-%s.%s.compute.internal\"},{\"name\":\"privateIPv4Address\","
		   "\"value\":\"%s\"}]}],",
		   number(f, OF_ATTACHMENT, i) >> 32, zone(i) - 'a', interface_id(f, i),
		   (unsigned)(i >> 16 & 255), (unsigned)(i >> 8 & 255), (unsigned)(i & 255),
		   ip->dashes, f->region, ip->text);
}

/* Each task of an instance has two ports of its own there. */
static void put_bindings(struct fill *f, uint64_t i)
{
	uint64_t port = FIRST_DYNAMIC_PORT + PORTS * (i / f->instances);
	buf_printf(&f->text,
		   "\"networkBindings\":[{\"bindIP\":\"0.0.0.0\",\"containerPort\":8080,"
		   "\"hostPort\":%" PRIu64
		   ",\"protocol\":\"tcp\"},{\"bindIP\":\"0.0.0.0\",\"containerPort\":%d,"
		   "\"hostPort\":%" PRIu64 ",\"protocol\":\"tcp\"}],\"networkInterfaces\":[],",
		   port, EXPORTER_PORT, port + 1);
}

static void put_container(struct fill *f, uint64_t i, const char *name, bool ports,
			  const struct made_ip *ip)
{
	uint64_t runtime = number(f, OF_CONTAINER, ports ? i : ~i);
	buf_sv(&f->text, SV("{\"containerArn\":\""));
	put_task_arn(f, "container", OF_TASK, i);
	buf_printf(&f->text,
		   "/%016" PRIx64 "\",\"name\":\"%s\",\"runtimeId\":\"%016" PRIx64 "%016" PRIx64
		   "\",\"lastStatus\":\"RUNNING\",\"healthStatus\":\"UNKNOWN\",",
		   runtime, name, runtime, mix(runtime));
	if (f->network == AWSVPC)
		buf_printf(&f->text,
			   "\"networkBindings\":[],\"networkInterfaces\":[{\"attachmentId\":"
			   "\"%08" PRIx64
			   "-0123-4567-89ab-cdef01234567\",\"privateIpv4Address\":\"%s\"}],",
			   number(f, OF_ATTACHMENT, i) >> 32, ip->text);
	else if (f->network == BRIDGE && ports)
		put_bindings(f, i);
	else
		buf_sv(&f->text, SV("\"networkBindings\":[],\"networkInterfaces\":[],"));
	buf_printf(&f->text, "\"cpu\":\"%s\"}", ports ? "256" : "0");
}

static int put_interface(struct fill *f, uint64_t i, const struct made_ip *ip)
{
	buf_printf(&f->text,
		   "{\"networkInterfaceId\":\"eni-0%016" PRIx64
		   "\",\"subnetId\":\"subnet-%017d\",\"vpcId\":\"vpc-0123456789abcdef0\","
		   "\"availabilityZone\":\"%s%c\",\"ownerId\":\"%s\",\"status\":\"in-use\","
		   "\"interfaceType\":\"interface\",\"privateIpAddress\":\"%s\","
		   "\"privateDnsName\":\"ip-%s.%s.compute.internal\"",
		   interface_id(f, i), zone(i) - 'a', f->region, zone(i), f->account, ip->text,
		   ip->dashes, f->region);
	/* Some services are public. */
	if (!f->ec2 && i % f->services % 3 == 0)
		buf_printf(&f->text,
			   ",\"association\":{\"ipOwnerId\":\"amazon\","
			   "\"publicIp\":\"198.18.%u.%u\"}",
			   (unsigned)(i >> 8 & 255), (unsigned)(i & 255));
	buf_sv(&f->text, SV(",\"tagSet\":[]}"));
	return put(f, AWS_INTERFACES);
}

static int put_task(struct fill *f, uint64_t i)
{
	uint64_t service = i % f->services;
	struct made_ip ip = ip_of(i, false);
	buf_sv(&f->text, SV("{\"taskArn\":\""));
	put_task_arn(f, "task", OF_TASK, i);
	buf_sv(&f->text, SV("\","));
	put_cluster_arn(f);
	buf_sv(&f->text, SV("\"taskDefinitionArn\":\""));
	put_definition_arn(f, service);
	buf_sv(&f->text, SV("\","));
	put_attachment(f, i, &ip);
	if (f->ec2) {
		buf_sv(&f->text, SV("\"containerInstanceArn\":\""));
		put_task_arn(f, "container-instance", OF_INSTANCE, i % f->instances);
		buf_sv(&f->text, SV("\","));
	} else {
		buf_sv(&f->text, SV("\"platformVersion\":\"1.4.0\",\"platformFamily\":\"Linux\","));
	}
	buf_sv(&f->text, SV("\"containers\":["));
	put_container(f, i, "app", true, &ip);
	buf_char(&f->text, ',');
	put_container(f, i, "log-router", false, &ip);
	buf_printf(&f->text,
		   "],\"availabilityZone\":\"%s%c\",\"connectivity\":\"CONNECTED\",\"cpu\":\"256\","
		   "\"memory\":\"512\",\"createdAt\":%.3f,\"startedAt\":%.3f,"
		   "\"desiredStatus\":\"RUNNING\",\"lastStatus\":\"RUNNING\","
		   "\"healthStatus\":\"UNKNOWN\",\"group\":\"service:service-%" PRIu64
		   "\",\"launchType\":\"%s\",\"startedBy\":\"ecs-svc/%019" PRIu64
		   "\",\"version\":4,\"tags\":[{\"key\":\"team\",\"value\":\"team-%" PRIu64 "\"}]}",
		   f->region, zone(f->ec2 ? i % f->instances : i), f->now_s - 3600, f->now_s - 3590,
		   service, launch(f), service, service % 7);
	int rc = put(f, AWS_TASKS);
	return rc == 0 && f->network == AWSVPC ? put_interface(f, i, &ip) : rc;
}

static int fill(struct fill *f)
{
	buf_init(&f->text, TEXT_MAX);
	int rc = put_cluster(f);
	for (uint64_t i = 0; rc == 0 && i < f->services; i++) {
		rc = put_service(f, i);
		if (rc == 0)
			rc = put_definition(f, i);
	}
	for (uint64_t i = 0; rc == 0 && i < f->instances; i++)
		rc = put_instance(f, i);
	for (uint64_t i = 0; rc == 0 && i < f->tasks; i++)
		rc = put_task(f, i);
	buf_deinit(&f->text);
	return rc;
}

/* --- what is wanted --- */

/* 0, or 1 when it is there and not a number up to max. */
static int number_in(struct sv query, struct sv name, uint64_t max, uint64_t *out)
{
	_cleanup_(buf_deinit) struct buf value = BUF_NULL;
	buf_init(&value, KiB(1));
	if (http_query_get(query, name, &value) != 0)
		return 0;
	return sv_to_u64(buf_view(&value), out) == 0 && *out <= max ? 0 : 1;
}

static int words_in(struct sv query, struct fill *f)
{
	_cleanup_(buf_deinit) struct buf value = BUF_NULL;
	buf_init(&value, KiB(1));
	if (http_query_get(query, SV("launch"), &value) == 0) {
		f->ec2 = sv_eq(buf_view(&value), SV("EC2"));
		if (!f->ec2 && !sv_eq(buf_view(&value), SV("FARGATE")))
			return 1;
	}
	buf_reset(&value);
	f->network = AWSVPC;
	if (http_query_get(query, SV("network"), &value) == 0)
		while (f->network < NETWORKS_ &&
		       !sv_eq(buf_view(&value), sv_of(networks[f->network])))
			f->network++;
	buf_reset(&value);
	if (http_query_get(query, SV("cluster"), &value) == 0)
		snprintf(f->cluster, sizeof f->cluster, "%.*s", SV_ARG(buf_view(&value)));
	else
		snprintf(f->cluster, sizeof f->cluster, "made-up");
	for (const char *p = f->cluster; *p; p++)
		if (*p == '"' || *p == '\\' || *p == '/')
			return 1;
	return f->network < NETWORKS_ ? 0 : 1;
}

/* In host mode two tasks would want the same ports of their instance. */
static uint64_t tasks_per_instance(enum network network)
{
	return network == HOST ? 1 : TASKS_PER_INSTANCE;
}

static uint64_t most_tasks(enum network network)
{
	return network == HOST ? 1 : (UINT16_MAX + 1 - FIRST_DYNAMIC_PORT) / PORTS;
}

static int read_fill(struct sv query, struct fill *f)
{
	f->services = 1;
	if (number_in(query, SV("tasks"), TASKS_MAX, &f->tasks) != 0 ||
	    number_in(query, SV("services"), TASKS_MAX, &f->services) != 0 ||
	    number_in(query, SV("seed"), UINT64_MAX, &f->seed) != 0 || words_in(query, f) != 0)
		return 1;
	/* Fargate has one network mode and nothing to run on. */
	if (f->network != AWSVPC)
		f->ec2 = true;
	uint64_t each = tasks_per_instance(f->network);
	f->instances = f->ec2 ? (f->tasks + each - 1) / each : 0;
	if (f->ec2 && number_in(query, SV("instances"), TASKS_MAX, &f->instances) != 0)
		return 1;
	if (f->ec2 && f->instances == 0)
		f->instances = 1;
	bool fits = f->network == AWSVPC || f->tasks <= f->instances * most_tasks(f->network);
	return f->services > 0 && fits ? 0 : 1;
}

void aws_account_fill_page(struct standin *s, const struct http_server_request *req,
			   struct aws_reply *r)
{
	struct aws_account fresh = {.next_seq = 0};
	struct fill f = {.region = s->aws.region,
			 .account = s->aws.account,
			 .now_s = (double)(aws_now_ms(s) / 1000),
			 .to = &fresh};
	r->own = true;
	if (read_fill(req->query, &f) != 0) {
		r->status = 400;
		buf_sv(&r->body, SV("wanted: tasks=N&services=M[&instances=K][&launch=FARGATE|EC2]"
				    "[&network=awsvpc|bridge|host][&cluster=NAME][&seed=S]\n"));
		return;
	}
	if (fill(&f) != 0) {
		aws_account_deinit(&fresh);
		r->status = 507;
		buf_sv(&r->body, SV("out of memory\n"));
		return;
	}
	aws_account_deinit(&s->aws.resources);
	s->aws.resources = fresh;
}
