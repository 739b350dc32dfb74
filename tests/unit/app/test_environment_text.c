/* Text that is made of variables: no value leaves its place, whatever is in it. */
#include "environment.h"

#include "variables.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/limits.h>
#include <ampagent/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state)
{
	clear_all();
	set("AMPAGENT_REMOTE_WRITE_URL", "http://127.0.0.1:9/push");
	set("AMPAGENT_TARGETS", "127.0.0.1:8080");
	return 0;
}

static struct config *parse(struct buf *text, bool in_ecs)
{
	struct config *c = NULL;
	struct err err = ERR_NULL;
	buf_deinit(text);
	buf_init(text, MiB(1));
	if (environment_config(get, in_ecs, SV_NULL, text, &err) != 0 ||
	    config_parse(buf_view(text), "the environment", NULL, get, &c, &err) != 0)
		fail_msg("%s\n%.*s", err.msg, (int)text->len, text->ptr);
	return c;
}

/* A value of pieces that YAML, relabel rules and external labels know. */
static void make_value(char *dst, size_t size, unsigned *seed)
{
	static const char *const pieces[] = {"\"",
					     "'",
					     "\\",
					     "\n",
					     "\r\n",
					     "\t",
					     ": ",
					     " #",
					     "- ",
					     "{",
					     "}",
					     "[",
					     "]",
					     "&a",
					     "*a",
					     "!!x",
					     "%",
					     "@",
					     "`",
					     "|",
					     ">",
					     "?",
					     "$",
					     "$$",
					     "${1}",
					     "$HOME",
					     "\x01",
					     "\x1b[0m",
					     "\x7f",
					     "\xc2\x85",
					     "\xc2\xa0",
					     "\xe2\x80\xa8",
					     "\xe2\x80\xae",
					     "\xef\xbb\xbf",
					     "\xef\xbf\xbe",
					     "\xef\xbf\xbf",
					     "\xf0\x9f\x98\x80",
					     "\xf0\x9f\xbf\xbf",
					     "\xf4\x8f\xbf\xbf",
					     "é",
					     "job",
					     "yes",
					     "~",
					     "0x1",
					     "---",
					     "\\u0041",
					     "<<"};
	size_t n = 0;
	/* Blanks around a value are taken off it. */
	n += (size_t)snprintf(dst, size, "x");
	for (int i = 0; i < 6; i++) {
		*seed = *seed * 1103515245u + 12345u;
		n += (size_t)snprintf(dst + n, size - n, "%s",
				      pieces[(*seed >> 16) % (sizeof pieces / sizeof *pieces)]);
	}
	snprintf(dst + n, size - n, "x");
}

static void assert_sv(struct sv v, const char *want, const struct buf *text)
{
	if (!sv_eq(v, sv_of(want)))
		fail_msg("\"%.*s\" instead of \"%s\" of\n%.*s", SV_ARG(v), want, (int)text->len,
			 text->ptr);
}

static void nothing_escapes(void **state)
{
	unsigned seed = 1;
	for (int i = 0; i < 2000; i++) {
		_cleanup_(buf_deinit) struct buf text = BUF_NULL;
		char job[96], label[96], labels[128], external_id[96];
		make_value(job, sizeof job, &seed);
		make_value(label, sizeof label, &seed);
		make_value(external_id, sizeof external_id, &seed);
		snprintf(labels, sizeof labels, "l=%s", label);
		set("AMPAGENT_JOB_NAME", job);
		set("AMPAGENT_EXTERNAL_LABELS", labels);
		set("AMPAGENT_SIGV4", "true");
		set("AMPAGENT_REGION", "eu-west-1");
		set("AMPAGENT_ROLE_ARN", "arn:aws:iam::123456789012:role/x");
		set("AMPAGENT_EXTERNAL_ID", external_id);
		_cleanup_(config_unrefp) struct config *c = parse(&text, false);
		assert_int_equal(c->n_scrapes, 1);
		assert_int_equal(c->n_writes, 1);
		assert_int_equal(c->n_warnings, 0);
		assert_sv(c->scrapes[0].job_name, job, &text);
		assert_sv(labels_get(c->external_labels, SV("l")), label, &text);
		assert_sv(c->writes[0].sigv4.external_id, external_id, &text);
	}
}

/* The job that a container gets. family NULL: not known. */
static void assert_job(const struct config *c, const char *job, const char *family,
		       const char *want)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder b;
	arena_init(&arena, MiB(1));
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("job"), job ? sv_of(job) : c->scrapes[0].job_name);
	if (job)
		label_builder_set(&b, SV("__meta_ecs_container_label_prometheus_io_job"),
				  sv_of(job));
	if (family)
		label_builder_set(&b, SV("__meta_ecs_task_definition_family"), sv_of(family));
	assert_true(relabel_apply(c->scrapes[0].relabel, &b));
	struct labels out;
	assert_int_equal(label_builder_finish(&b, &arena, &out), 0);
	struct sv got = labels_get(out, SV("job"));
	if (!sv_eq(got, sv_of(want)))
		fail_msg("\"%.*s\" instead of \"%s\"", SV_ARG(got), want);
}

static void ecs(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	set("AMPAGENT_TARGETS", "");
	_cleanup_(config_unrefp) struct config *c = parse(&text, true);
	assert_int_equal(c->n_scrapes, 1);
	assert_sv(c->scrapes[0].job_name, "ecs", &text);
	assert_int_equal(c->discoveries[0].n_ecs_task_sds, 1);
	const struct ecs_task_sd_options *o = &c->discoveries[0].ecs_task_sds[0];
	assert_int_equal(o->task_metrics, ECS_TASK_METRICS_ON);
	assert_true(o->docker_labels);
	assert_int_equal(o->n_ports, 0);
	assert_job(c, NULL, "shop", "shop");
	assert_job(c, "of-a-label", "shop", "of-a-label");
	assert_job(c, "ecs", "shop", "ecs");
	assert_job(c, NULL, NULL, "ecs");
}

static void ecs_choices(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	set("AMPAGENT_JOB_NAME", "ecs");
	set("AMPAGENT_ECS_PORTS", "9090, 9091");
	set("AMPAGENT_ECS_PROBE_PORTS", "8080 ");
	set("AMPAGENT_TASK_METRICS", "adot");
	set("AMPAGENT_IDENTITY", "strict");
	set("AMPAGENT_IDENTITY_LABELS", "ecs_cluster, ecs_task_id");
	_cleanup_(config_unrefp) struct config *c = parse(&text, true);
	const struct ecs_task_sd_options *o = &c->discoveries[0].ecs_task_sds[0];
	assert_int_equal(c->n_scrapes, 2);
	assert_sv(c->scrapes[0].job_name, "ecs-containers", &text);
	assert_sv(c->scrapes[1].job_name, "ecs", &text);
	assert_int_equal(o->task_metrics, ECS_TASK_METRICS_ADOT);
	assert_int_equal(o->n_ports, 2);
	assert_int_equal(o->ports[1], 9091);
	assert_int_equal(o->n_probe_ports, 1);
	assert_int_equal(o->probe_ports[0], 8080);
	assert_int_equal(c->agent.identity, IDENTITY_STRICT);
	assert_int_equal(c->agent.n_identity_labels, 2);
	assert_job(c, NULL, "shop", "ecs");
	assert_job(c, "of-a-label", "shop", "of-a-label");
	/* Only the metrics of the task. */
	setup(NULL);
	set("AMPAGENT_ECS_DISCOVERY", "false");
	_cleanup_(config_unrefp) struct config *metrics = parse(&text, true);
	assert_int_equal(metrics->n_scrapes, 2);
	assert_false(metrics->discoveries[0].ecs_task_sds[0].docker_labels);
	set("AMPAGENT_TASK_METRICS", "off");
	_cleanup_(config_unrefp) struct config *none = parse(&text, true);
	assert_int_equal(none->n_scrapes, 1);
	assert_int_equal(none->discoveries[0].n_ecs_task_sds, 0);
}

static void origins(void **state)
{
	static const struct {
		int line;
		const char *want;
	} cases[] = {{1, "AMPAGENT_A"}, {2, "AMPAGENT_B"}, {3, ""},
		     {4, ""},           {5, ""},           {0, "AMPAGENT_A"}};
	struct sv text = SV("a: 1  # AMPAGENT_A\nb: \"# c\"  # AMPAGENT_B\nc:\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sv got = environment_config_origin(text, cases[i].line);
		assert_true(sv_eq(got, sv_of(cases[i].want)));
	}
}

#define TEST(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(nothing_escapes), TEST(ecs), TEST(ecs_choices),
					   TEST(origins)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
