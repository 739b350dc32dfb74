/* stats: events of the JSON reader, placed by the keys on the way to them. */
#include "stats.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>

#include <math.h>
#include <time.h>

enum {
	KEY_MAX = 32, /* a longer key is none that is looked for */
	DEPTH = 6,    /* nothing lies deeper */
	TEXT_MAX = KiB(64),
	NAME_MAX_BYTES = 256,
};

struct place {
	const char *keys[3]; /* below the container; NULL = the path ends before */
	enum ecs_stat stat;
};

static const struct place places[] = {
	{{"cpu_stats", "cpu_usage", "total_usage"}, ECS_STAT_CPU_TOTAL},
	{{"cpu_stats", "cpu_usage", "usage_in_usermode"}, ECS_STAT_CPU_USER},
	{{"cpu_stats", "cpu_usage", "usage_in_kernelmode"}, ECS_STAT_CPU_KERNEL},
	{{"cpu_stats", "system_cpu_usage"}, ECS_STAT_CPU_HOST},
	{{"cpu_stats", "online_cpus"}, ECS_STAT_CPU_ONLINE},
	{{"cpu_stats", "throttling_data", "periods"}, ECS_STAT_PERIODS},
	{{"cpu_stats", "throttling_data", "throttled_periods"}, ECS_STAT_THROTTLED_PERIODS},
	{{"cpu_stats", "throttling_data", "throttled_time"}, ECS_STAT_THROTTLED},
	{{"precpu_stats", "cpu_usage", "total_usage"}, ECS_STAT_CPU_BEFORE},
	{{"memory_stats", "usage"}, ECS_STAT_MEMORY_USAGE},
	{{"memory_stats", "max_usage"}, ECS_STAT_MEMORY_MAX},
	{{"memory_stats", "limit"}, ECS_STAT_MEMORY_LIMIT},
	{{"memory_stats", "stats", "cache"}, ECS_STAT_CACHE},
	{{"memory_stats", "stats", "rss"}, ECS_STAT_RSS},
	{{"memory_stats", "stats", "total_inactive_file"}, ECS_STAT_TOTAL_INACTIVE},
	{{"memory_stats", "stats", "file"}, ECS_STAT_FILE},
	{{"memory_stats", "stats", "anon"}, ECS_STAT_ANON},
	{{"memory_stats", "stats", "inactive_file"}, ECS_STAT_INACTIVE},
	{{"pids_stats", "current"}, ECS_STAT_PIDS},
	{{"pids_stats", "limit"}, ECS_STAT_PIDS_LIMIT},
	{{"network_rate_stats", "rx_bytes_per_sec"}, ECS_STAT_RATE_RX},
	{{"network_rate_stats", "tx_bytes_per_sec"}, ECS_STAT_RATE_TX},
};

/* The arrays of blkio_stats that are read, and where their reads and writes go. */
static const struct {
	const char *key;
	enum ecs_stat reads, writes;
} disks[] = {
	{"io_service_bytes_recursive", ECS_STAT_READ_BYTES, ECS_STAT_WRITE_BYTES},
	{"io_serviced_recursive", ECS_STAT_READS, ECS_STAT_WRITES},
};

static const char *const net_keys[ECS_NETS] = {
	"rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
	"tx_bytes", "tx_packets", "tx_errors", "tx_dropped",
};

struct reading {
	struct arena *arena;
	const struct ecs_task *task;
	struct ecs_stats *all;
	struct ecs_stats *stats; /* of the container being read; NULL = of none of ours */
	struct ecs_interface *interface;
	bool never;                              /* Docker never read it: the year is 1 */
	enum { OP_OTHER, OP_READ, OP_WRITE } op; /* of the device being read */
	double amount;
	int depth; /* open brackets */
	char keys[DEPTH + 1][KEY_MAX];
	bool is_object; /* the document is one */
};

/* ---- values ---- */

static double number_of(struct sv text)
{
	uint64_t bits;
	double v = number_parse(text, &bits) == 0 ? double_of_bits(bits) : -1;
	return v >= 0 && isfinite(v) ? v : -1;
}

/* -1 when there are not n digits. */
static int digits(struct sv s, size_t at, size_t n)
{
	int v = 0;
	for (size_t i = at; i < at + n; i++) {
		if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '9')
			return -1;
		v = 10 * v + (s.ptr[i] - '0');
	}
	return v;
}

/* RFC 3339 to nanoseconds, as Docker writes it: UTC, any number of digits. 0 when it is another
 * form or was before this century. */
static int64_t time_ns(struct sv s)
{
	struct tm tm = {
		.tm_year = digits(s, 0, 4) - 1900,
		.tm_mon = digits(s, 5, 2) - 1,
		.tm_mday = digits(s, 8, 2),
		.tm_hour = digits(s, 11, 2),
		.tm_min = digits(s, 14, 2),
		.tm_sec = digits(s, 17, 2),
	};
	int64_t ns = 0, unit = 100000000;
	size_t i = 19;
	if (s.len < 20 || tm.tm_year < 100 || tm.tm_year > 300 || tm.tm_mon < 0 || tm.tm_mday < 0 ||
	    tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return 0;
	if (s.ptr[i] == '.')
		for (i++; digits(s, i, 1) >= 0; i++, unit /= 10)
			ns += digits(s, i, 1) * unit;
	return i + 1 == s.len && s.ptr[i] == 'Z' ? (int64_t)timegm(&tm) * 1000000000 + ns : 0;
}

static void add(double *sum, double v)
{
	*sum = *sum < 0 ? v : *sum + v;
}

static void forget(struct ecs_stats *s)
{
	*s = (struct ecs_stats){0};
	for (size_t i = 0; i < ECS_STATS; i++)
		s->v[i] = -1;
}

/* ---- places ---- */

static bool key_is(const struct reading *r, int depth, const char *key)
{
	return strcmp(r->keys[depth], key ? key : "") == 0;
}

/* Whether it is inside one of blkio_stats' arrays: which, or -1. */
static int disk_at(const struct reading *r)
{
	if (r->depth < 4 || !key_is(r, 2, "blkio_stats"))
		return -1;
	for (size_t i = 0; i < sizeof disks / sizeof disks[0]; i++)
		if (key_is(r, 3, disks[i].key))
			return (int)i;
	return -1;
}

static struct ecs_stats *stats_of(const struct reading *r, struct sv id)
{
	for (size_t i = 0; i < r->task->n_containers && id.len > 0; i++)
		if (sv_eq(r->task->containers[i].docker_id, id))
			return &r->all[i];
	return NULL;
}

static int begin_interface(struct reading *r, struct sv name)
{
	struct ecs_stats *s = r->stats;
	r->interface = NULL;
	for (size_t i = 0; i < s->n_interfaces; i++)
		if (sv_eq(s->interfaces[i].name, name))
			r->interface = &s->interfaces[i];
	if (r->interface || s->n_interfaces == ECS_INTERFACES_MAX || name.len == 0 ||
	    name.len > NAME_MAX_BYTES)
		return 0;
	if (!s->interfaces)
		s->interfaces = arena_calloc(r->arena, ECS_INTERFACES_MAX, sizeof *s->interfaces);
	struct sv copy = arena_dup(r->arena, name);
	if (!s->interfaces || !copy.ptr)
		return ERR_NOMEM;
	r->interface = &s->interfaces[s->n_interfaces++];
	r->interface->name = copy;
	for (size_t i = 0; i < ECS_NETS; i++)
		r->interface->v[i] = -1;
	return 0;
}

static int on_key(struct reading *r, struct sv text)
{
	if (r->depth > DEPTH)
		return 0;
	bool fits = text.len < KEY_MAX && !memchr(text.ptr ? text.ptr : "", '\0', text.len);
	snprintf(r->keys[r->depth], KEY_MAX, "%.*s", fits ? (int)text.len : 1,
		 fits && text.len ? text.ptr : "?");
	if (r->depth <= 2)
		r->interface = NULL;
	if (r->depth == 1) {
		r->stats = stats_of(r, text);
		r->never = false;
		if (r->stats)
			forget(r->stats);
	} else if (r->stats && r->depth == 3 && key_is(r, 2, "networks")) {
		return begin_interface(r, text);
	}
	return 0;
}

static void on_number(struct reading *r, struct sv text)
{
	double v = number_of(text);
	if (v < 0 || r->depth < 3 || r->depth > DEPTH)
		return;
	if (r->depth == 5 && key_is(r, 2, "cpu_stats") && key_is(r, 4, "percpu_usage")) {
		add(&r->stats->v[ECS_STAT_CPU_LISTED], 1);
		return;
	}
	if (r->depth == 5 && disk_at(r) >= 0 && key_is(r, 5, "value"))
		r->amount = v;
	if (r->depth > 4)
		return;
	for (size_t i = 0; r->interface && r->depth == 4 && i < ECS_NETS; i++)
		if (key_is(r, 2, "networks") && key_is(r, 4, net_keys[i]))
			r->interface->v[i] = v;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		const struct place *p = &places[i];
		if (r->depth == (p->keys[2] ? 4 : 3) && key_is(r, 2, p->keys[0]) &&
		    key_is(r, 3, p->keys[1]) && (!p->keys[2] || key_is(r, 4, p->keys[2])))
			r->stats->v[p->stat] = v;
	}
}

static void on_string(struct reading *r, struct sv text)
{
	if (r->depth == 2 && key_is(r, 2, "read")) {
		r->stats->read_ns = time_ns(text);
		r->never = sv_starts_with(text, SV("0001-"));
	} else if (r->depth == 2 && key_is(r, 2, "preread")) {
		r->stats->before_ns = time_ns(text);
	} else if (r->depth == 5 && disk_at(r) >= 0 && key_is(r, 5, "op")) {
		r->op = sv_eq_nocase(text, SV("read"))    ? OP_READ
			: sv_eq_nocase(text, SV("write")) ? OP_WRITE
							  : OP_OTHER;
	}
}

static void on_open(struct reading *r, bool object)
{
	if (r->depth == 0)
		r->is_object = object;
	if (++r->depth <= DEPTH)
		r->keys[r->depth][0] = '\0';
	int disk = r->stats ? disk_at(r) : -1;
	if (disk < 0)
		return;
	if (r->depth == 4 && !object) {
		/* Nothing in a list is nothing read or written; null is not. */
		add(&r->stats->v[disks[disk].reads], 0);
		add(&r->stats->v[disks[disk].writes], 0);
	} else if (r->depth == 5) {
		r->op = OP_OTHER;
		r->amount = -1;
	}
}

static void on_close(struct reading *r)
{
	int disk = r->stats ? disk_at(r) : -1;
	if (disk >= 0 && r->depth == 5 && r->amount >= 0) {
		if (r->op == OP_READ)
			add(&r->stats->v[disks[disk].reads], r->amount);
		else if (r->op == OP_WRITE)
			add(&r->stats->v[disks[disk].writes], r->amount);
	}
	/* What Docker answers for a container that does not run has zeros: no counter went back. */
	if (r->depth == 2 && r->stats && r->never)
		forget(r->stats);
	r->depth--;
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct reading *r = cls;
	switch (event) {
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		on_open(r, event == JSON_OBJECT_BEGIN);
		return 0;
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		on_close(r);
		return 0;
	case JSON_KEY:
		return on_key(r, text);
	case JSON_STRING:
		if (r->stats)
			on_string(r, text);
		return 0;
	case JSON_NUMBER:
		if (r->stats)
			on_number(r, text);
		return 0;
	default:
		return 0;
	}
}

int ecs_stats_read(struct arena *arena, const struct ecs_task *task, struct sv json,
		   struct ecs_stats **out, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader reader;
	struct reading r = {.arena = arena, .task = task};
	json_reader_init(&reader, on_event, &r, TEXT_MAX);
	if (json.len > LIMIT_ECS_TASK_BYTES)
		return err_set(err, 1, "the statistics are larger than %zu bytes",
			       (size_t)LIMIT_ECS_TASK_BYTES);
	r.all = arena_calloc(arena, task->n_containers ? task->n_containers : 1, sizeof *r.all);
	if (!r.all)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < task->n_containers; i++)
		forget(&r.all[i]);
	int result = json_feed(&reader, json, err);
	if (result == 0)
		result = json_finish(&reader, err);
	if (result == 0 && !r.is_object)
		return err_set(err, 1, "the statistics are not a JSON object");
	if (result < 0)
		return err_set(err, result, "out of memory");
	*out = r.all;
	return result;
}

bool ecs_stats_told(const struct ecs_stats *s)
{
	return s->v[ECS_STAT_CPU_TOTAL] >= 0 || s->v[ECS_STAT_MEMORY_USAGE] >= 0;
}
