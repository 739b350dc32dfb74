/* Labels of Kubernetes's custom and those of the CloudWatch agent; of both the first counts. What
 * cannot be is told of, and its container left alone: a guess would scrape what nobody named. */
#include "ecs_task_choice.h"

#include <stdarg.h>
#include <stdio.h>

#define NAME_SCRAPE SV("prometheus.io/scrape")
#define NAME_SCHEME SV("prometheus.io/scheme")

enum { SHOWN_MAX = 80 }; /* bytes of a value in a message */

struct reading {
	const struct ecs_container *c;
	ecs_choice_fault *fault; /* NULL: nobody need hear */
	void *cls;
};

__attribute__((format(printf, 2, 3))) static void tell(const struct reading *r, const char *fmt,
						       ...)
{
	char text[512];
	if (!r->fault)
		return;
	int n = snprintf(text, sizeof text, "container \"%.*s\": ", SV_ARG(r->c->name));
	va_list args;
	va_start(args, fmt);
	if (n > 0 && (size_t)n < sizeof text)
		vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
	va_end(args);
	r->fault(r->cls, text);
}

static int shown_length(struct sv s)
{
	return s.len < SHOWN_MAX ? (int)s.len : SHOWN_MAX;
}

/* The first of two labels that has a value, and which one that is. */
static struct sv either(const struct ecs_container *c, struct sv name, struct sv other,
			struct sv *which)
{
	struct sv value = sv_trim(ecs_container_label(c, name));
	*which = value.len > 0 ? name : other;
	return value.len > 0 ? value : sv_trim(ecs_container_label(c, other));
}

static void add_port(struct ecs_choice *out, uint16_t port)
{
	for (size_t i = 0; i < out->n_ports; i++)
		if (out->ports[i] == port)
			return;
	out->ports[out->n_ports++] = port;
}

/* Returns whether all of the list are ports. */
static bool read_ports(const struct reading *r, struct sv list, struct sv name,
		       struct ecs_choice *out)
{
	for (bool more = true; more;) {
		uint64_t port;
		size_t comma = sv_find(list, ',');
		struct sv one = sv_trim(sv_make(list.ptr, comma));
		more = comma < list.len;
		list = sv_from(list, comma + 1);
		if (sv_to_u64(one, &port) != 0 || port == 0 || port > UINT16_MAX) {
			tell(r,
			     "docker label %.*s: \"%.*s\" is no port (a number from 1 to 65535; "
			     "several are set apart by commas)",
			     SV_ARG(name), shown_length(one), one.ptr ? one.ptr : "");
			return false;
		}
		if (out->n_ports == ECS_CHOICE_PORTS_MAX) {
			tell(r, "docker label %.*s: more than %d ports", SV_ARG(name),
			     ECS_CHOICE_PORTS_MAX);
			return false;
		}
		add_port(out, (uint16_t)port);
	}
	return true;
}

static void mapped_ports(const struct ecs_container *c, struct ecs_choice *out)
{
	for (size_t i = 0; i < c->n_ports && out->n_ports < ECS_CHOICE_PORTS_MAX; i++) {
		const struct ecs_port *p = &c->ports[i];
		if (p->container != 0 && (p->protocol.len == 0 || sv_eq(p->protocol, SV("tcp"))))
			add_port(out, p->container);
	}
}

/* Whether the switch has a value that it can have. */
static bool read_switch(const struct reading *r, struct ecs_choice *out)
{
	struct sv value = sv_trim(ecs_container_label(r->c, NAME_SCRAPE));
	if (sv_eq_nocase(value, SV("false")) || sv_eq(value, SV("0")))
		out->excluded = true;
	else if (sv_eq_nocase(value, SV("true")) || sv_eq(value, SV("1")))
		out->wanted = true;
	else if (value.len > 0) {
		tell(r, "docker label %.*s: \"%.*s\" is neither true nor false",
		     SV_ARG(NAME_SCRAPE), shown_length(value), value.ptr);
		return false;
	}
	return true;
}

static bool read_scheme(const struct reading *r, struct ecs_choice *out)
{
	out->scheme = sv_trim(ecs_container_label(r->c, NAME_SCHEME));
	if (out->scheme.len == 0 || sv_eq(out->scheme, SV("http")) ||
	    sv_eq(out->scheme, SV("https")))
		return true;
	tell(r, "docker label %.*s: \"%.*s\" is neither http nor https", SV_ARG(NAME_SCHEME),
	     shown_length(out->scheme), out->scheme.ptr);
	return false;
}

static int read_path(const struct ecs_container *c, struct arena *arena, struct ecs_choice *out)
{
	struct sv which;
	out->path = either(c, SV("prometheus.io/path"), SV("ECS_PROMETHEUS_METRICS_PATH"), &which);
	if (out->path.len == 0 || out->path.ptr[0] == '/')
		return 0;
	char *text = arena_alloc(arena, out->path.len + 1);
	if (!text)
		return ERR_NOMEM;
	text[0] = '/';
	memcpy(text + 1, out->path.ptr, out->path.len);
	out->path = sv_make(text, out->path.len + 1);
	return 0;
}

int ecs_choice_read(const struct ecs_container *c, struct arena *arena, ecs_choice_fault *fault,
		    void *cls, struct ecs_choice *out)
{
	struct reading r = {c, fault, cls};
	struct sv which;
	*out = (struct ecs_choice){.excluded = false};
	bool good = read_switch(&r, out);
	if (out->excluded)
		r.fault = NULL;
	struct sv list =
		either(c, SV("prometheus.io/port"), SV("ECS_PROMETHEUS_EXPORTER_PORT"), &which);
	out->wanted = !out->excluded && (out->wanted || list.len > 0);
	if (list.len > 0 && (out->wanted || out->excluded))
		good = read_ports(&r, list, which, out) && good;
	else if (out->wanted || out->excluded)
		mapped_ports(c, out);
	if (out->wanted)
		good = read_scheme(&r, out) && good;
	if (good && out->wanted && out->n_ports == 0)
		tell(&r, "prometheus.io/scrape is true, but no port is known: add the docker label "
			 "prometheus.io/port with the port that it listens on");
	if (!good) {
		out->wanted = false;
		out->n_ports = 0;
	}
	out->job = either(c, SV("prometheus.io/job"), SV("ECS_PROMETHEUS_JOB_NAME"), &which);
	return read_path(c, arena, out);
}
