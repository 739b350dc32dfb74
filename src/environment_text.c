/* A prometheus.yml out of what variables say. A line that a variable made has its name behind it.
 * Values stand in quotes, with escapes: none of them ends its line.
 */
#include "environment_wish.h"

#include <ampagent/base/text.h>

#define JOB_ECS "ecs"

/* ---- values ---- */

/* One character of UTF-8 at s, which is valid. */
static uint32_t decode(const char *s, size_t *len)
{
	const uint8_t *p = (const uint8_t *)s;
	*len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = *len == 1 ? p[0] : p[0] & (0xffu >> (*len + 1));
	for (size_t i = 1; i < *len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* What YAML does not take as it is, what breaks lines, and what cannot be seen. */
static bool needs_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c & 0xfffe) == 0xfffe;
}

/* dollar: how "$" is written, where it stands for something: "$$". */
static void put_string(struct buf *out, struct sv s, const char *dollar)
{
	buf_char(out, '"');
	for (size_t i = 0, n; i < s.len; i += n) {
		uint32_t c = decode(s.ptr + i, &n);
		if (c == '$')
			buf_sv(out, sv_of(dollar));
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (int)c);
		else if (!needs_escape(c))
			buf_append(out, s.ptr + i, n);
		else if (c <= 0xffff)
			buf_printf(out, "\\u%04x", c);
		else
			buf_printf(out, "\\U%08x", c);
	}
	buf_char(out, '"');
}

static void put_quoted(struct buf *out, struct sv s)
{
	put_string(out, s, "$");
}

/* The end of a line that a variable made. */
static void end_line(struct buf *out, const char *name)
{
	buf_printf(out, "  # %s\n", name);
}

/* "key: value" and its variable; nothing when the value is empty. */
static void put_key(struct buf *out, const char *key, struct sv v, const char *name)
{
	if (v.len == 0)
		return;
	buf_printf(out, "%s: ", key);
	put_quoted(out, v);
	end_line(out, name);
}

/* Words and numbers that were checked. */
static void put_list(struct buf *out, const char *key, const struct wish_list *l, const char *name)
{
	if (l->n == 0)
		return;
	buf_printf(out, "%s: [", key);
	for (size_t i = 0; i < l->n; i++)
		buf_printf(out, "%s%.*s", i ? ", " : "", SV_ARG(l->v[i]));
	buf_char(out, ']');
	end_line(out, name);
}

/* ---- blocks ---- */

static void put_global(const struct wish *w, struct buf *out)
{
	buf_printf(out, "global:\n  scrape_interval: %.*s", SV_ARG(w->interval));
	end_line(out, "AMPAGENT_SCRAPE_INTERVAL");
	if (w->timeout.len > 0) {
		buf_printf(out, "  scrape_timeout: %.*s", SV_ARG(w->timeout));
		end_line(out, "AMPAGENT_SCRAPE_TIMEOUT");
	}
	if (w->label_names.n > 0)
		buf_printf(out, "  external_labels:\n");
	for (size_t i = 0; i < w->label_names.n; i++) {
		/* Variables of the environment are filled in behind "$". */
		buf_printf(out, "    %.*s: ", SV_ARG(w->label_names.v[i]));
		put_string(out, w->label_values.v[i], "$$");
		end_line(out, "AMPAGENT_EXTERNAL_LABELS");
	}
}

static void put_identity(const struct wish *w, struct buf *out)
{
	if (w->identity.len == 0 && w->identity_labels.n == 0)
		return;
	buf_printf(out, "ampagent:\n");
	put_key(out, "  identity", w->identity, "AMPAGENT_IDENTITY");
	put_list(out, "  identity_labels", &w->identity_labels, "AMPAGENT_IDENTITY_LABELS");
}

/* Jobs have names of their own. */
static const char *ecs_job_name(const struct wish *w)
{
	return w->n_targets > 0 && sv_eq(w->job, SV(JOB_ECS)) ? "ecs-containers" : JOB_ECS;
}

#define JOB_LABELS                                                                                 \
	"__meta_ecs_container_label_prometheus_io_job, "                                           \
	"__meta_ecs_container_label_ECS_PROMETHEUS_JOB_NAME"

/* What docker labels or the task's metrics name the job stays; without, the job is the scrape job's
 * name here, as a docker label might name it, too. */
static void put_ecs_rules(const struct wish *w, struct buf *out)
{
	const char *own = ecs_job_name(w);
	buf_printf(out, "  relabel_configs:\n");
	if (w->job.len > 0) {
		buf_printf(out,
			   "  - source_labels: [job, " JOB_LABELS "]\n"
			   "    regex: %s;;\n"
			   "    replacement: ",
			   own);
		put_string(out, w->job, "$$");
		end_line(out, "AMPAGENT_JOB_NAME");
		buf_printf(out, "    target_label: job\n");
		return;
	}
	buf_printf(out,
		   "  - source_labels: [job, " JOB_LABELS ", __meta_ecs_task_definition_family]\n"
		   "    regex: %s;;;(.+)\n"
		   "    target_label: job\n",
		   own);
}

static void put_ecs(const struct wish *w, struct buf *out)
{
	if (!w->discovery && sv_eq(w->task_metrics, SV("off")))
		return;
	buf_printf(out, "- job_name: %s\n  ecs_task_sd_configs:\n  - task_metrics: \"%.*s\"",
		   ecs_job_name(w), SV_ARG(w->task_metrics));
	end_line(out, "AMPAGENT_TASK_METRICS");
	buf_printf(out, "    docker_labels: %s", w->discovery ? "true" : "false");
	end_line(out, "AMPAGENT_ECS_DISCOVERY");
	put_list(out, "    ports", &w->ports, "AMPAGENT_ECS_PORTS");
	put_list(out, "    probe_ports", &w->probe_ports, "AMPAGENT_ECS_PROBE_PORTS");
	put_ecs_rules(w, out);
}

static struct sv path_of(const struct wish_target *t)
{
	return t->path.len > 0 ? t->path : SV("/metrics");
}

static bool is_same_page(const struct wish_target *a, const struct wish_target *b)
{
	struct sv http = SV("http");
	return sv_eq(path_of(a), path_of(b)) &&
	       sv_eq(a->scheme.len > 0 ? a->scheme : http, b->scheme.len > 0 ? b->scheme : http);
}

/* Whether one before it has its address: nothing else would tell their series apart. *again: that
 * one is the same page. */
static bool shares_address(const struct wish *w, size_t i, bool *again)
{
	bool shares = false;
	*again = false;
	for (size_t k = 0; k < i; k++) {
		if (!sv_eq(w->targets[k].address, w->targets[i].address))
			continue;
		shares = true;
		*again = *again || is_same_page(&w->targets[k], &w->targets[i]);
	}
	return shares;
}

static void put_target(const struct wish *w, const struct wish_target *t, bool shares,
		       struct buf *out)
{
	buf_printf(out, "  - targets: [");
	put_quoted(out, t->address);
	buf_char(out, ']');
	end_line(out, w->targets_name);
	if (t->scheme.len > 0 || t->path.len > 0 || shares)
		buf_printf(out, "    labels:\n");
	put_key(out, "      __scheme__", t->scheme, w->targets_name);
	put_key(out, "      __metrics_path__", t->path, w->targets_name);
	if (shares)
		put_key(out, "      metrics_path", path_of(t), w->targets_name);
}

static void put_targets(const struct wish *w, struct buf *out)
{
	if (w->n_targets == 0)
		return;
	buf_printf(out, "- job_name: ");
	put_quoted(out, w->job.len > 0 ? w->job : SV("app"));
	end_line(out, "AMPAGENT_JOB_NAME");
	buf_printf(out, "  static_configs:\n");
	for (size_t i = 0; i < w->n_targets; i++) {
		bool again, shares = shares_address(w, i, &again);
		if (!again)
			put_target(w, &w->targets[i], shares, out);
	}
}

/* Where the agent reaches itself: "host:port", but for addresses that mean all. */
static void put_self(const struct wish *w, struct buf *out)
{
	if (!w->self_metrics)
		return;
	struct sv host = w->listen, port = SV_NULL;
	for (size_t i = host.len; i > 0 && port.len == 0; i--) {
		if (host.ptr[i - 1] == ':') {
			port = sv_from(host, i);
			host.len = i - 1;
		}
	}
	if (host.len == 0 || sv_eq(host, SV("0.0.0.0")))
		host = SV("127.0.0.1");
	else if (sv_eq(host, SV("[::]")))
		host = SV("[::1]");
	buf_printf(out, "- job_name: %s\n  static_configs:\n  - targets: [\"%.*s:%.*s\"]",
		   sv_eq(w->job, SV("ampagent")) && w->n_targets > 0 ? "ampagent-self" : "ampagent",
		   SV_ARG(host), SV_ARG(port));
	end_line(out, "AMPAGENT_SELF_METRICS");
}

static void put_write(const struct wish *w, struct buf *out)
{
	buf_printf(out, "remote_write:\n");
	put_key(out, "- url", buf_view(&w->url), w->url_name);
	if (!w->sign)
		return;
	if (w->region.len + w->role_arn.len == 0)
		buf_printf(out, "  sigv4: {}\n");
	else
		buf_printf(out, "  sigv4:\n");
	put_key(out, "    region", w->region, "AMPAGENT_REGION");
	put_key(out, "    role_arn", w->role_arn, "AMPAGENT_ROLE_ARN");
	put_key(out, "    external_id", w->external_id, "AMPAGENT_EXTERNAL_ID");
}

int wish_text(const struct wish *w, struct buf *out)
{
	buf_printf(
		out,
		"# Made from the environment; behind a line stands the variable that sets it.\n");
	put_global(w, out);
	put_identity(w, out);
	buf_printf(out, "scrape_configs:\n");
	put_ecs(w, out);
	put_targets(w, out);
	put_self(w, out);
	put_write(w, out);
	return buf_failed(out);
}

struct sv environment_config_origin(struct sv text, int line)
{
	for (; line > 1; line--)
		text = sv_from(text, sv_find(text, '\n') + 1);
	text.len = sv_find(text, '\n');
	size_t at = SIZE_MAX;
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '#' && text.ptr[i + 1] == ' ')
			at = i + 2;
	return at == SIZE_MAX ? SV_NULL : sv_from(text, at);
}
