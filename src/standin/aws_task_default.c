/* The task that nobody has scripted: what Fargate says of a task with the agent beside an app. */
#include "standin_private.h"

#include "aws_slice.h"
#include <inttypes.h>

#define TASK_ID "0123456789abcdef0123456789abcdef"

struct made_up {
	const char *name, *image, *docker_id, *labels;
	int cpu, memory;
};

static const struct made_up containers[] = {
	{"ampagent", "public.example.com/ampagent:latest", TASK_ID "-527074092", "", 64, 128},
	{"app", "public.example.com/app:7", TASK_ID "-1520358132",
	 ",\"prometheus.io/scrape\":\"true\",\"prometheus.io/port\":\"8080\"", 192, 384},
};

static int64_t started_wall_ms(const struct standin *s)
{
	return aws_now_ms(s) - (loop_now_ms(s->loop) - s->started_ms);
}

static void put_labels(const struct standin *s, const struct made_up *c, struct buf *out)
{
	buf_printf(out,
		   "\"com.amazonaws.ecs.cluster\":\"arn:aws:ecs:%s:%s:cluster/ampagent\","
		   "\"com.amazonaws.ecs.container-name\":\"%s\","
		   "\"com.amazonaws.ecs.task-arn\":\"arn:aws:ecs:%s:%s:task/ampagent/" TASK_ID "\","
		   "\"com.amazonaws.ecs.task-definition-family\":\"ampagent\","
		   "\"com.amazonaws.ecs.task-definition-version\":\"1\"%s",
		   s->aws.region, s->aws.account, c->name, s->aws.region, s->aws.account,
		   c->labels);
}

static void put_container(const struct standin *s, const struct made_up *c, const char *since,
			  struct buf *out)
{
	buf_printf(out,
		   "{\"DockerId\":\"%s\",\"Name\":\"%s\",\"DockerName\":\"%s\",\"Image\":\"%s\","
		   "\"ImageID\":\"sha256:"
		   "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\","
		   "\"Labels\":{",
		   c->docker_id, c->name, c->name, c->image);
	put_labels(s, c, out);
	buf_printf(
		out,
		"},\"DesiredStatus\":\"RUNNING\",\"KnownStatus\":\"RUNNING\","
		"\"Limits\":{\"CPU\":%d,\"Memory\":%d},\"CreatedAt\":\"%s\",\"StartedAt\":\"%s\","
		"\"Type\":\"NORMAL\",\"LogDriver\":\"awslogs\","
		"\"LogOptions\":{\"awslogs-group\":\"/ecs/ampagent\",\"awslogs-region\":\"%s\","
		"\"awslogs-stream\":\"ecs/%s/" TASK_ID "\"},"
		"\"ContainerARN\":\"arn:aws:ecs:%s:%s:container/ampagent/" TASK_ID
		"/01234567-89ab-4cde-8f01-%012d\","
		"\"Networks\":[{\"NetworkMode\":\"awsvpc\",\"IPv4Addresses\":[\"10.0.2.106\"],"
		"\"AttachmentIndex\":0,\"MACAddress\":\"0e:9e:32:c7:48:85\","
		"\"IPv4SubnetCIDRBlock\":\"10.0.2.0/24\","
		"\"PrivateDNSName\":\"ip-10-0-2-106.%s.compute.internal\","
		"\"SubnetGatewayIpv4Address\":\"10.0.2.1/24\"}],\"Snapshotter\":\"overlayfs\"}",
		c->cpu, c->memory, since, since, s->aws.region, c->name, s->aws.region,
		s->aws.account, c->cpu, s->aws.region);
}

void aws_task_default(const struct standin *s, struct buf *out)
{
	char since[AWS_TIME_MAX];
	aws_time_text(since, started_wall_ms(s), AWS_NANOSECONDS);
	buf_printf(out,
		   "{\"Cluster\":\"arn:aws:ecs:%s:%s:cluster/ampagent\","
		   "\"TaskARN\":\"arn:aws:ecs:%s:%s:task/ampagent/" TASK_ID "\","
		   "\"Family\":\"ampagent\",\"Revision\":\"1\",\"ServiceName\":\"ampagent\","
		   "\"DesiredStatus\":\"RUNNING\",\"KnownStatus\":\"RUNNING\","
		   "\"Limits\":{\"CPU\":0.25,\"Memory\":512},"
		   "\"PullStartedAt\":\"%s\",\"PullStoppedAt\":\"%s\","
		   "\"AvailabilityZone\":\"%sa\",\"LaunchType\":\"FARGATE\",\"Containers\":[",
		   s->aws.region, s->aws.account, s->aws.region, s->aws.account, since, since,
		   s->aws.region);
	for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
		if (i > 0)
			buf_char(out, ',');
		put_container(s, &containers[i], since, out);
	}
	buf_printf(out,
		   "],\"ClockDrift\":{\"ClockErrorBound\":0.5458,\"ReferenceTimestamp\":\"%s\","
		   "\"ClockSynchronizationStatus\":\"SYNCHRONIZED\"},"
		   "\"EphemeralStorageMetrics\":{\"Utilized\":261,\"Reserved\":20496},"
		   "\"FaultInjectionEnabled\":false}",
		   since);
}

/* --- statistics --- */

static void put_cpu(struct buf *out, const char *name, uint64_t share, int64_t up_ms)
{
	uint64_t up_ns = (uint64_t)(up_ms > 0 ? up_ms : 0) * 1000000;
	uint64_t used = share * UINT64_C(2000000000) + up_ns / 20 * share;
	buf_printf(out,
		   "\"%s\":{\"cpu_usage\":{\"total_usage\":%" PRIu64
		   ",\"usage_in_kernelmode\":%" PRIu64 ",\"usage_in_usermode\":%" PRIu64 "},"
		   "\"system_cpu_usage\":%" PRIu64 ",\"online_cpus\":2,"
		   "\"throttling_data\":{\"periods\":0,\"throttled_periods\":0,"
		   "\"throttled_time\":0}},",
		   name, used, used / 4, used - used / 4, UINT64_C(9000000000000) + 2 * up_ns);
}

/* As cgroup v2 has them; all containers share the task's network. */
static void put_stats(const struct standin *s, struct sv docker_id, struct sv name, uint64_t share,
		      struct buf *out)
{
	char now[AWS_TIME_MAX], before[AWS_TIME_MAX];
	int64_t up_ms = (loop_now_ms(s->loop) - s->started_ms) / 1000 * 1000;
	int64_t read_ms = started_wall_ms(s) + up_ms;
	uint64_t up_s = (uint64_t)up_ms / 1000, memory = share * (UINT64_C(32) << 20);
	aws_time_text(now, read_ms, AWS_NANOSECONDS);
	aws_time_text(before, read_ms - 1000, AWS_NANOSECONDS);
	buf_printf(out, "\"%.*s\":{\"read\":\"%s\",\"preread\":\"%s\",\"num_procs\":0,",
		   SV_ARG(docker_id), now, before);
	buf_printf(out, "\"pids_stats\":{\"current\":%" PRIu64 "},", 4 + share);
	buf_printf(out,
		   "\"networks\":{\"eth1\":{\"rx_bytes\":%" PRIu64 ",\"rx_packets\":%" PRIu64
		   ",\"rx_errors\":0,\"rx_dropped\":0,\"tx_bytes\":%" PRIu64
		   ",\"tx_packets\":%" PRIu64 ",\"tx_errors\":0,\"tx_dropped\":0}},",
		   123456 + up_s * 1000, 1234 + up_s * 5, 65432 + up_s * 2000, 987 + up_s * 4);
	buf_printf(out,
		   "\"memory_stats\":{\"usage\":%" PRIu64 ",\"limit\":%" PRIu64
		   ",\"stats\":{\"anon\":%" PRIu64 ",\"file\":%" PRIu64
		   ",\"inactive_file\":%" PRIu64 ",\"active_file\":%" PRIu64 ",\"pgfault\":%" PRIu64
		   "}},",
		   memory, UINT64_C(512) << 20, memory / 2, memory / 2, memory / 4, memory / 4,
		   2000 + up_s);
	buf_printf(out,
		   "\"blkio_stats\":{\"io_service_bytes_recursive\":["
		   "{\"major\":259,\"minor\":0,\"op\":\"read\",\"value\":%" PRIu64 "},"
		   "{\"major\":259,\"minor\":0,\"op\":\"write\",\"value\":%" PRIu64 "}]},",
		   share * 4096000, share * 4096 * (1 + up_s));
	put_cpu(out, "cpu_stats", share, up_ms);
	put_cpu(out, "precpu_stats", share, up_ms - 1000);
	buf_printf(out,
		   "\"storage_stats\":{},\"name\":\"%.*s\",\"id\":\"%.*s\","
		   "\"network_rate_stats\":{\"rx_bytes_per_sec\":1000,\"tx_bytes_per_sec\":2000}}",
		   SV_ARG(name), SV_ARG(docker_id));
}

void aws_task_default_stats(const struct standin *s, struct sv task, struct buf *out)
{
	struct sv key, one;
	uint64_t share = 0;
	buf_char(out, '{');
	struct aws_slices it = {SV_NULL, false};
	if (aws_json_check(task, NULL) == 0)
		it = aws_slices_of(aws_member(task, SV("Containers")));
	while (aws_slice_next(&it, &key, &one)) {
		struct sv docker_id = aws_member_text(one, SV("DockerId"));
		if (docker_id.len == 0)
			continue;
		if (share > 0)
			buf_char(out, ',');
		put_stats(s, docker_id, aws_member_text(one, SV("Name")), ++share, out);
	}
	buf_char(out, '}');
}
