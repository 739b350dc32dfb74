/* page: a template of lines, and for each target its values as text.
 *
 * A page is put together line by line from the shared text and the target's values, about 20 ns a
 * line; only values that change are formatted. The number of the target is written into a label of
 * some lines, so that bodies differ; the counter of a churning line is written into its label.
 */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	VALUE_TEXT = 24,
	LINE_TEXT = 512,
	ID_DIGITS = 6,
	ZERO_PERCENT = 13,
	FLAG_PERCENT = 25, /* by their weights below; flags that are set stay set */
	/* Of the lines that change at all, how many do so in one scrape: 6 of 7. */
	LIVE_SHARE_NUM = 7,
	LIVE_SHARE_DEN = 6,
};

enum kind { INTEGER, COUNTER, SECONDS, BYTES, TIMESTAMP, RATIO, FLAG };

struct family {
	const char *name;
	const char *type;
	const char *help;
	/* $x takes the next item of a list, the first one fastest. */
	const char *labels;
	enum kind kind;
	unsigned weight; /* share of the page's series */
};

static const struct family families[] = {
	{"node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.",
	 "cpu=\"$c\",mode=\"$m\"", SECONDS, 4},
	{"node_network_receive_bytes_total", "counter", "Network device statistic receive_bytes.",
	 "device=\"$i\",node=\"$k\",az=\"eu-central-1$z\"", BYTES, 3},
	{"node_filesystem_avail_bytes", "gauge",
	 "Filesystem space available to non-root users in bytes.",
	 "device=\"/dev/$d\",fstype=\"ext4\",mountpoint=\"/var/lib/kubelet/pods/$u/volumes\"",
	 BYTES, 5},
	{"node_systemd_unit_state", "gauge", "Systemd unit",
	 "name=\"$o-$i.service\",state=\"$x\",type=\"notify\"", FLAG, 5},
	{"kube_pod_info", "gauge", "Information about pod.",
	 "namespace=\"$n\",pod=\"$p\",uid=\"$u\",node=\"$k\"", FLAG, 6},
	{"kube_pod_created", "gauge", "Unix creation timestamp",
	 "namespace=\"$n\",pod=\"$p\",uid=\"$u\"", TIMESTAMP, 6},
	{"kube_pod_status_phase", "gauge", "The pods current phase.",
	 "namespace=\"$n\",pod=\"$p\",uid=\"$u\",phase=\"$x\"", FLAG, 14},
	{"kube_pod_container_resource_limits", "gauge",
	 "The number of requested limit resource by a container.",
	 "namespace=\"$n\",pod=\"$p\",uid=\"$u\",container=\"$o\",resource=\"$r\"", BYTES, 8},
	{"container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.",
	 "container=\"$o\",cpu=\"total\",id=\"/kubepods/pod$u\",namespace=\"$n\",pod=\"$p\"",
	 SECONDS, 8},
	{"container_memory_working_set_bytes", "gauge", "Current working set in bytes.",
	 "container=\"$o\",id=\"/kubepods/pod$u\",namespace=\"$n\",pod=\"$p\"", BYTES, 8},
	{"container_network_transmit_packets_total", "counter",
	 "Cumulative count of packets transmitted.", "interface=\"$i\",namespace=\"$n\",pod=\"$p\"",
	 COUNTER, 6},
	{"workqueue_depth", "gauge", "Current depth of workqueue.",
	 "controller=\"$h\",name=\"$o\",shard=\"$c\"", INTEGER, 3},
	{"process_cache_hit_ratio", "gauge", "Share of lookups answered from the cache.",
	 "cache=\"$o\",region=\"eu-central-1\",shard=\"$c\",tier=\"$r\"", RATIO, 4},
	{"grpc_server_handled_total", "counter",
	 "RPCs completed on the server, regardless of success or failure.",
	 "grpc_code=\"$g\",grpc_method=\"$h\",grpc_service=\"orders.v1.$o\",grpc_type=\"unary\"",
	 COUNTER, 8},
	{"http_request_duration_seconds", "histogram", "Time taken to answer requests, in seconds.",
	 "handler=\"/api/v1/$h\",method=\"$e\",code=\"$s\"", COUNTER, 12},
};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

struct list {
	char letter;
	unsigned n;
	const char *items[16];
};

static const struct list lists[] = {
	{'m', 8, {"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"}},
	{'z', 3, {"a", "b", "c"}},
	{'d', 4, {"nvme0n1p1", "nvme1n1", "nvme2n1", "xvda1"}},
	{'i', 6, {"eth0", "eth1", "lo", "eni3f1c20a", "eni7b04e1d", "docker0"}},
	{'x', 5, {"Pending", "Succeeded", "Failed", "Unknown", "Running"}},
	{'n',
	 7,
	 {"payments", "orders-prod", "search", "kube-system", "monitoring", "checkout-prod",
	  "batch"}},
	{'o', 6, {"app", "istio-proxy", "fluent-bit", "envoy", "checkout", "sidecar"}},
	{'r', 3, {"cpu", "memory", "ephemeral_storage"}},
	{'h',
	 8,
	 {"orders", "orders/:id", "customers", "cart", "payments/:id/refund", "search", "healthz",
	  "stock"}},
	{'e', 4, {"GET", "POST", "PUT", "DELETE"}},
	{'s', 5, {"200", "201", "400", "404", "500"}},
	{'g', 5, {"OK", "NotFound", "Internal", "Unavailable", "DeadlineExceeded"}},
};

static const char *const buckets[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
				      "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
enum { N_BUCKETS = sizeof buckets / sizeof buckets[0], HISTOGRAM_LINES = N_BUCKETS + 2 };

struct line {
	uint32_t text;    /* offset into the template's text */
	uint16_t len;     /* of name, labels and the blank */
	uint16_t head;    /* bytes of # HELP and # TYPE before it, at text - head */
	uint16_t target;  /* place of the target's digits in the line, 0 = none */
	uint16_t counter; /* place of the churn counter's digits, 0 = none */
	uint8_t kind;
	bool zero, live;
};

struct template
{
	struct template_options opt;
	char *text;
	size_t text_len, text_cap;
	struct line *lines;
	uint32_t n;
	uint32_t churn_period; /* a line churns once in so many scrapes; 0 = never */
	bool failed;
};

struct value {
	uint64_t mantissa;
	int8_t decimals;
	uint8_t len;
	char text[VALUE_TEXT];
};

struct values {
	uint32_t target;
	uint32_t scrape;
	uint64_t random;
	struct value v[];
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* ---- the template ---- */

static void append(struct template *t, const char *p, size_t n)
{
	if (t->text_len + n > t->text_cap && !t->failed) {
		size_t cap = (t->text_cap + n) * 2;
		char *text = realloc(t->text, cap);
		t->failed = !text;
		if (text) {
			t->text = text;
			t->text_cap = cap;
		}
	}
	if (t->failed)
		return;
	memcpy(t->text + t->text_len, p, n);
	t->text_len += n;
}

static const struct list *list_of(char letter)
{
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (lists[i].letter == letter)
			return &lists[i];
	return NULL;
}

/* One item of a list that is made, not written down. Returns how many there are. */
static unsigned made_item(char letter, uint64_t i, char *dst, size_t size)
{
	uint64_t h = mix(i + 77);
	if (letter == 'c') {
		snprintf(dst, size, "%u", (unsigned)(i % 64));
		return 64;
	}
	if (letter == 'k') {
		snprintf(dst, size, "ip-10-12-%u-%u.ec2.internal", (unsigned)(i % 4),
			 (unsigned)(h % 250));
		return 4;
	}
	if (letter == 'p')
		snprintf(dst, size, "api-%06u-%05x-%03x", 0u, (unsigned)(h & 0xfffff),
			 (unsigned)(i & 0xfff));
	else
		snprintf(dst, size, "%08x-%04x-%012llx", (unsigned)h, (unsigned)(h >> 40 & 0xffff),
			 (unsigned long long)(mix(h) & 0xffffffffffff));
	return 1;
}

/* How often the letters that vary multiply: the rest of the number goes to pods and uids. */
static uint64_t combinations(const char *labels)
{
	uint64_t n = 1;
	char scratch[64];
	for (const char *p = labels; *p; p++)
		if (*p == '$') {
			const struct list *l = list_of(p[1]);
			n *= l ? l->n : made_item(p[1], 0, scratch, sizeof scratch);
		}
	return n;
}

/* Expands labels for the i-th series of a family; *target gets the place of the target's digits. */
static size_t expand(char *dst, const char *labels, uint64_t i, uint16_t *target)
{
	uint64_t group = i / combinations(labels);
	char *out = dst;
	uint64_t left = i;
	for (const char *p = labels; *p; p++) {
		if (*p != '$') {
			*out++ = *p;
			continue;
		}
		char item[64];
		const struct list *l = list_of(*++p);
		if (l) {
			snprintf(item, sizeof item, "%s", l->items[left % l->n]);
			left /= l->n;
		} else {
			bool grouped = *p == 'p' || *p == 'u';
			left /= made_item(*p, grouped ? group : left, item, sizeof item);
		}
		if (*p == 'p')
			*target = (uint16_t)(out - dst + 4);
		size_t n = strlen(item);
		memcpy(out, item, n);
		out += n;
	}
	return (size_t)(out - dst);
}

static void add_line(struct template *t, const struct family *f, const char *suffix,
		     const char *extra, uint64_t i, size_t head)
{
	char text[LINE_TEXT];
	struct line *l = &t->lines[t->n];
	uint16_t target = 0;
	uint64_t h = mix(t->opt.seed * 31 + t->n);
	*l = (struct line){.text = (uint32_t)t->text_len, .head = (uint16_t)head};
	size_t n = (size_t)snprintf(text, sizeof text, "%s%s{", f->name, suffix);
	size_t labels = n;
	n += expand(text + n, f->labels, i, &target);
	/* Combinations of short lists run out: a number keeps the series apart. */
	if (!strstr(f->labels, "$u") && !strstr(f->labels, "$p"))
		n += (size_t)snprintf(text + n, sizeof text - n, ",set=\"%u\"",
				      (unsigned)(i / combinations(f->labels)));
	if (target)
		l->target = (uint16_t)(labels + target);
	if (t->churn_period) {
		n += (size_t)snprintf(text + n, sizeof text - n, ",run=\"");
		l->counter = (uint16_t)n;
		n += (size_t)snprintf(text + n, sizeof text - n, "000000\"");
	}
	n += (size_t)snprintf(text + n, sizeof text - n, "%s} ", extra);
	l->len = (uint16_t)n;
	l->kind = (uint8_t)f->kind;
	l->zero = h % 100 < ZERO_PERCENT;
	/* The lines that may change must make up for those that never do. */
	uint64_t live = (uint64_t)t->opt.change_percent * LIVE_SHARE_NUM * 1000000 /
			(LIVE_SHARE_DEN * (100 - ZERO_PERCENT) * (100 - FLAG_PERCENT));
	l->live = !l->zero && f->kind != FLAG && (h >> 32) % 10000 < live;
	append(t, text, n);
	t->n++;
}

static void add_histogram(struct template *t, const struct family *f, uint64_t i, size_t head)
{
	for (size_t b = 0; b < N_BUCKETS; b++) {
		char le[24];
		snprintf(le, sizeof le, ",le=\"%s\"", buckets[b]);
		add_line(t, f, "_bucket", le, i, b == 0 ? head : 0);
	}
	add_line(t, f, "_sum", "", i, 0);
	t->lines[t->n - 1].kind = SECONDS;
	add_line(t, f, "_count", "", i, 0);
}

static size_t add_head(struct template *t, const struct family *f)
{
	char text[LINE_TEXT];
	int n = snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help,
			 f->name, f->type);
	append(t, text, (size_t)n);
	return (size_t)n;
}

static void add_family(struct template *t, const struct family *f, uint32_t n)
{
	bool histogram = strcmp(f->type, "histogram") == 0;
	size_t head = n ? add_head(t, f) : 0;
	for (uint32_t i = 0; i < n && histogram && n - i * HISTOGRAM_LINES >= HISTOGRAM_LINES;
	     i++) {
		add_histogram(t, f, i, head);
		head = 0;
		if ((i + 2) * HISTOGRAM_LINES > n)
			return;
	}
	for (uint32_t i = 0; i < n && !histogram; i++) {
		add_line(t, f, "", "", i, head);
		head = 0;
	}
}

/* Histograms come first and in whole sets; the first family takes what is left over. */
struct template *template_new(const struct template_options *opt)
{
	struct template *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->opt = *opt;
	t->churn_period = opt->churn_percent ? 100 / opt->churn_percent : 0;
	t->lines = calloc(opt->series + 1, sizeof *t->lines);
	t->failed = !t->lines;
	unsigned total = 0;
	for (size_t f = 0; f < N_FAMILIES; f++)
		total += families[f].weight;
	for (size_t f = N_FAMILIES; f-- > 0 && !t->failed;) {
		uint32_t n = (uint32_t)((uint64_t)opt->series * families[f].weight / total);
		add_family(t, &families[f], f == 0 ? opt->series - t->n : n);
	}
	if (t->failed) {
		template_free(t);
		return NULL;
	}
	return t;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	free(t->text);
	free(t->lines);
	free(t);
}

size_t template_page_max(const struct template *t)
{
	return t->text_len + (size_t)t->n * (VALUE_TEXT + 1);
}

/* ---- values ---- */

/* mantissa / 10^decimals, as Go's shortest 'g' writes it. */
static size_t format_value(char *dst, uint64_t mantissa, int decimals)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)mantissa);
	int exponent = n - 1 - decimals;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (mantissa == 0)
		exponent = 0;
	if (exponent < -4 || exponent >= 6) {
		size_t len = 0;
		dst[len++] = digits[0];
		if (n > 1) {
			dst[len++] = '.';
			memcpy(dst + len, digits + 1, (size_t)n - 1);
			len += (size_t)n - 1;
		}
		return len + (size_t)snprintf(dst + len, 6, "e%c%02d", exponent < 0 ? '-' : '+',
					      abs(exponent));
	}
	size_t len = 0;
	if (exponent < 0) {
		memcpy(dst, "0.0000", (size_t)(1 - exponent));
		len = (size_t)(1 - exponent);
		memcpy(dst + len, digits, (size_t)n);
		return len + (size_t)n;
	}
	for (int i = 0; i <= exponent || i < n; i++) {
		if (i == exponent + 1)
			dst[len++] = '.';
		dst[len++] = i < n ? digits[i] : '0';
	}
	return len;
}

static void value_first(struct value *v, enum kind kind, uint64_t h)
{
	static const struct {
		uint64_t low, span;
		int8_t decimals;
	} ranges[] = {
		[INTEGER] = {1, 200, 0},
		[COUNTER] = {10, 400000, 0},
		[SECONDS] = {100, 90000000, 3},
		[BYTES] = {1 << 20, UINT64_C(1) << 34, 0},
		[TIMESTAMP] = {1690000000000, 40000000000, 3},
		[RATIO] = {1, 999999999, 9},
		[FLAG] = {1, 1, 0},
	};
	v->mantissa = ranges[kind].low + h % ranges[kind].span;
	v->decimals = ranges[kind].decimals;
	if (kind == BYTES)
		v->mantissa &= ~UINT64_C(4095);
	if (kind == TIMESTAMP)
		v->mantissa -= v->mantissa % 1000;
}

static void value_next(struct value *v, enum kind kind, uint64_t h)
{
	switch (kind) {
	case COUNTER:
		v->mantissa += 1 + h % 900;
		break;
	case SECONDS:
		v->mantissa += 1 + h % 15000;
		break;
	case BYTES:
		v->mantissa = (v->mantissa + (1 + h % 500) * 4096) % (UINT64_C(1) << 36);
		break;
	case TIMESTAMP:
		v->mantissa += 15000;
		break;
	case FLAG:
	case INTEGER:
	case RATIO:
		value_first(v, kind, h);
		break;
	}
}

static void value_write(struct value *v)
{
	v->len = (uint8_t)format_value(v->text, v->mantissa, v->decimals);
	v->text[v->len++] = '\n';
}

struct values *values_new(const struct template *t, uint32_t target)
{
	struct values *vs = calloc(1, sizeof *vs + t->n * sizeof vs->v[0]);
	if (!vs)
		return NULL;
	vs->target = target;
	vs->random = mix(t->opt.seed + target * UINT64_C(0x9e3779b97f4a7c15)) | 1;
	for (uint32_t i = 0; i < t->n; i++) {
		if (!t->lines[i].zero)
			value_first(&vs->v[i], t->lines[i].kind, mix(vs->random + i));
		value_write(&vs->v[i]);
	}
	return vs;
}

void values_free(struct values *v)
{
	free(v);
}

void values_step(struct values *vs, const struct template *t)
{
	uint64_t r = vs->random;
	vs->scrape++;
	for (uint32_t i = 0; i < t->n; i++) {
		if (!t->lines[i].live)
			continue;
		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		if (r % LIVE_SHARE_NUM >= LIVE_SHARE_DEN)
			continue;
		value_next(&vs->v[i], t->lines[i].kind, r >> 8);
		value_write(&vs->v[i]);
	}
	vs->random = r;
}

/* ---- pages ---- */

static void put_digits(char *dst, uint32_t v)
{
	for (int i = ID_DIGITS - 1; i >= 0; i--, v /= 10)
		dst[i] = (char)('0' + v % 10);
}

/* The last scrape at which line i was replaced. */
static uint32_t last_churn(uint32_t scrape, uint32_t i, uint32_t period)
{
	uint32_t class = i % period;
	return scrape < class ? 0 : scrape - (scrape - class) % period;
}

size_t page_write(char *dst, const struct template *t, const struct values *vs)
{
	char *out = dst;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct line *l = &t->lines[i];
		const struct value *v = &vs->v[i];
		size_t n = (size_t)l->head + l->len;
		memcpy(out, t->text + l->text - l->head, n);
		char *line = out + l->head;
		if (l->target)
			put_digits(line + l->target, vs->target);
		if (l->counter)
			put_digits(line + l->counter, last_churn(vs->scrape, i, t->churn_period));
		out += n;
		memcpy(out, v->text, v->len);
		out += v->len;
	}
	return (size_t)(out - dst);
}
