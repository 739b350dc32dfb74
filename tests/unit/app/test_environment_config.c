/* Configurations out of variables: what they come to, and what is refused. */
#include "environment.h"

#include "variables.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/limits.h>
#include <ampagent/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORKSPACE "ws-01234567-89ab-cdef-0123-456789abcdef"
#define AMP                                                                                        \
	"https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/" WORKSPACE                     \
	"/api/v1/remote_write"
#define ROLE "arn:aws:iam::123456789012:role/sender"
#define URL "AMPAGENT_REMOTE_WRITE_URL"

static int make(bool in_ecs, struct buf *text, struct err *err)
{
	buf_deinit(text);
	buf_init(text, MiB(1));
	*err = ERR_NULL;
	return environment_config(get, in_ecs, SV_NULL, text, err);
}

/* Makes it and parses what was made. */
static struct config *parsed(bool in_ecs)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct config *c = NULL;
	struct err err;
	if (make(in_ecs, &text, &err) != 0)
		fail_msg("%s", err.msg);
	if (config_parse(buf_view(&text), "the environment", NULL, get, &c, &err) != 0)
		fail_msg("%s\n%.*s", err.msg, (int)text.len, text.ptr);
	return c;
}

static int setup(void **state)
{
	clear_all();
	set(URL, AMP);
	set("AMPAGENT_TARGETS", "127.0.0.1:8080");
	return 0;
}

static void assert_sv(struct sv v, const char *want)
{
	if (!sv_eq(v, sv_of(want)))
		fail_msg("\"%.*s\" instead of \"%s\"", SV_ARG(v), want);
}

static void least(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parsed(false);
	assert_int_equal(c->n_writes, 1);
	assert_sv(c->writes[0].url, AMP);
	assert_true(c->writes[0].has_sigv4);
	assert_int_equal(c->writes[0].sigv4.region.len, 0);
	assert_int_equal(c->n_scrapes, 1);
	assert_sv(c->scrapes[0].job_name, "app");
	assert_int_equal(c->scrapes[0].interval_ms, 20000);
	assert_int_equal(c->scrapes[0].timeout_ms, 10000);
	assert_int_equal(c->discoveries[0].n_statics, 1);
	assert_sv(c->discoveries[0].statics[0].targets[0], "127.0.0.1:8080");
	assert_true(labels_eq(c->external_labels, LABELS_NULL));
	assert_int_equal(c->n_warnings, 0);
}

static void destinations(void **state)
{
	static const struct {
		const char *name, *value, *region_name, *region, *url;
		bool is_signed;
	} cases[] = {
		{URL, AMP "\n", NULL, NULL, AMP, true},
		{"AWS_PROMETHEUS_ENDPOINT", AMP, NULL, NULL, AMP, true},
		{"AMPAGENT_WORKSPACE_ID", WORKSPACE, "AMPAGENT_REGION", "eu-west-1", AMP, true},
		{"AMPAGENT_WORKSPACE_ID", WORKSPACE, "AWS_REGION", "eu-west-1", AMP, true},
		{"AMPAGENT_WORKSPACE_ID", WORKSPACE, "AWS_DEFAULT_REGION", "cn-north-1",
		 "https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/" WORKSPACE
		 "/api/v1/remote_write",
		 true},
		{URL, "http://127.0.0.1:9009/api/v1/push", NULL, NULL,
		 "http://127.0.0.1:9009/api/v1/push", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		clear_all();
		set("AMPAGENT_TARGETS", "127.0.0.1:8080");
		set(cases[i].name, cases[i].value);
		if (cases[i].region)
			set(cases[i].region_name, cases[i].region);
		_cleanup_(config_unrefp) struct config *c = parsed(false);
		assert_sv(c->writes[0].url, cases[i].url);
		assert_int_equal(c->writes[0].has_sigv4, cases[i].is_signed);
	}
}

static void signing(void **state)
{
	set(URL, "http://127.0.0.1:9009/push");
	set("AMPAGENT_SIGV4", "true");
	set("AMPAGENT_REGION", "eu-central-1");
	set("AMPAGENT_ROLE_ARN", ROLE);
	set("AMPAGENT_EXTERNAL_ID", "a \"quoted\" id: # 1");
	_cleanup_(config_unrefp) struct config *c = parsed(false);
	assert_true(c->writes[0].has_sigv4);
	assert_sv(c->writes[0].sigv4.region, "eu-central-1");
	assert_sv(c->writes[0].sigv4.role_arn, ROLE);
	assert_sv(c->writes[0].sigv4.external_id, "a \"quoted\" id: # 1");
	setup(state);
	set("AMPAGENT_SIGV4", "false");
	_cleanup_(config_unrefp) struct config *without = parsed(false);
	assert_false(without->writes[0].has_sigv4);
}

static void targets(void **state)
{
	set("AMPAGENT_TARGETS",
	    " app:8080,\n[::1]:9100/m/x  https://0.0.0.0:8443/m,, http://a-b.c:1 ");
	set("AWS_PROMETHEUS_SCRAPING_ENDPOINT", "never:1");
	set("AMPAGENT_JOB_NAME", "shop");
	set("AMPAGENT_SCRAPE_INTERVAL", "1m");
	set("AMPAGENT_SCRAPE_TIMEOUT", "30s");
	_cleanup_(config_unrefp) struct config *c = parsed(false);
	static const struct {
		const char *address, *scheme, *path;
	} want[] = {{"app:8080", "", ""},
		    {"[::1]:9100", "", "/m/x"},
		    {"0.0.0.0:8443", "https", "/m"},
		    {"a-b.c:1", "http", ""}};
	assert_int_equal(c->n_scrapes, 1);
	assert_sv(c->scrapes[0].job_name, "shop");
	assert_int_equal(c->scrapes[0].interval_ms, 60000);
	assert_int_equal(c->scrapes[0].timeout_ms, 30000);
	assert_int_equal(c->discoveries[0].n_statics, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct static_group_options *g = &c->discoveries[0].statics[i];
		assert_int_equal(g->n_targets, 1);
		assert_sv(g->targets[0], want[i].address);
		assert_sv(labels_get(g->labels, SV("__scheme__")), want[i].scheme);
		assert_sv(labels_get(g->labels, SV("__metrics_path__")), want[i].path);
	}
	set("AMPAGENT_TARGETS", "");
	set("AWS_PROMETHEUS_SCRAPING_ENDPOINT", "0.0.0.0:8080");
	_cleanup_(config_unrefp) struct config *adot = parsed(false);
	assert_sv(adot->discoveries[0].statics[0].targets[0], "0.0.0.0:8080");
}

/* Several pages of one program have labels of their own, else their series would be one; who is
 * named twice is scraped once. */
static void pages(void **state)
{
	static const struct {
		const char *path, *label;
	} want[] = {{"", ""}, {"/b", "/b"}, {"", "/metrics"}, {"", ""}, {"/x", "/x"}};
	set("AMPAGENT_TARGETS",
	    "a:80 a:80/b http://a:80/metrics https://a:80 https://a:80/metrics a:80/b a:81 a:81/x");
	_cleanup_(config_unrefp) struct config *c = parsed(false);
	assert_int_equal(c->discoveries[0].n_statics, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct static_group_options *g = &c->discoveries[0].statics[i];
		assert_sv(g->targets[0], i < 3 ? "a:80" : "a:81");
		assert_sv(labels_get(g->labels, SV("__metrics_path__")), want[i].path);
		assert_sv(labels_get(g->labels, SV("metrics_path")), want[i].label);
	}
	assert_sv(labels_get(c->discoveries[0].statics[2].labels, SV("__scheme__")), "https");
}

static void own_metrics(void **state)
{
	static const struct {
		const char *listen, *want;
		bool in_ecs;
	} cases[] = {{NULL, "127.0.0.1:9090", false},
		     {"0.0.0.0:7", "127.0.0.1:7", false},
		     {":8", "127.0.0.1:8", false},
		     {"[::]:9", "[::1]:9", false},
		     {"10.0.0.1:3", "10.0.0.1:3", false}};
	set("AMPAGENT_TARGETS", "");
	set("AMPAGENT_SELF_METRICS", "true");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (cases[i].listen)
			set("AMPAGENT_WEB_LISTEN_ADDRESS", cases[i].listen);
		_cleanup_(config_unrefp) struct config *c = parsed(false);
		assert_int_equal(c->n_scrapes, 1);
		assert_sv(c->scrapes[0].job_name, "ampagent");
		assert_sv(c->discoveries[0].statics[0].targets[0], cases[i].want);
	}
	/* A flag is stronger than the variable. */
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, MiB(1));
	assert_int_equal(environment_config(get, false, SV("127.0.0.1:4"), &text, NULL), 0);
	assert_true(sv_find_sv(buf_view(&text), SV("[\"127.0.0.1:4\"]")) < text.len);
	struct err err = ERR_NULL;
	assert_int_equal(environment_config(get, false, SV("127.0.0.1:0"), &text, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_SELF_METRICS: the listen address"));
	assert_int_equal(environment_config(get, false, SV("a\"b:1"), &text, &err), 1);
	set("AMPAGENT_WEB_LISTEN_ADDRESS", NULL);
	set("AMPAGENT_TARGETS", "a:1");
	set("AMPAGENT_JOB_NAME", "ampagent");
	_cleanup_(config_unrefp) struct config *both = parsed(false);
	assert_int_equal(both->n_scrapes, 2);
}

static void external_labels(void **state)
{
	set("AMPAGENT_EXTERNAL_LABELS",
	    "env=prod, team = a b ,_x=$HOME $$ ${PATH} \"q\" \\,empty=,");
	_cleanup_(config_unrefp) struct config *c = parsed(false);
	assert_sv(labels_get(c->external_labels, SV("env")), "prod");
	assert_sv(labels_get(c->external_labels, SV("team")), "a b");
	assert_sv(labels_get(c->external_labels, SV("_x")), "$HOME $$ ${PATH} \"q\" \\");
	assert_int_equal(c->n_warnings, 0);
}

static void refusals(void **state)
{
	static const struct {
		const char *name, *value, *say;
	} cases[] = {
		{URL, "aps-workspaces.eu-west-1.amazonaws.com", "no http or https URL"},
		{URL,
		 "http://aps-workspaces.eu-west-1.amazonaws.com/workspaces/" WORKSPACE
		 "/api/v1/remote_write",
		 "https://"},
		{URL, "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/" WORKSPACE "/",
		 "Append api/v1/remote_write"},
		{URL, AMP " x", "blank"},
		{URL, "http://user:pw@127.0.0.1/x", "user and password"},
		{"AMPAGENT_WORKSPACE_ID", "ws-other", "names another workspace than " URL},
		{"AMPAGENT_REGION", "eu west", "\"eu west\" is no region's name"},
		{"AMPAGENT_ROLE_ARN", "sender", "\"sender\" is no ARN"},
		{"AMPAGENT_EXTERNAL_ID", "x", "means nothing without AMPAGENT_ROLE_ARN"},
		{"AMPAGENT_SIGV4", "yes", "\"yes\" is not true or false"},
		{"AMPAGENT_TARGETS", "app", "\"app\": write host:port"},
		{"AMPAGENT_TARGETS", "a:1 app:0", "\"app:0\": write host:port"},
		{"AMPAGENT_TARGETS", "app:65536", "write host:port"},
		{"AMPAGENT_TARGETS", "a:1:2", "write host:port"},
		{"AMPAGENT_TARGETS", "[::1:80", "write host:port"},
		{"AMPAGENT_TARGETS", "[]:80", "write host:port"},
		{"AMPAGENT_TARGETS", ":80", "write host:port"},
		{"AMPAGENT_TARGETS", "b{:80", "write host:port"},
		{"AMPAGENT_TARGETS", "ftp://a:80", "write host:port"},
		{"AMPAGENT_TARGETS", "a:80/m?x=s3cret", "\"a:80\": parameters"},
		{"AMPAGENT_TARGETS", "http://u:s3cret@a:80/m", "user and password do not belong"},
		{"AMPAGENT_TARGETS", "a:80/\xff", "is not UTF-8"},
		{"AMPAGENT_JOB_NAME", "\xc3", "is not UTF-8"},
		{"AMPAGENT_SCRAPE_INTERVAL", "20", "\"20\" is no duration"},
		{"AMPAGENT_SCRAPE_INTERVAL", "0s", "\"0s\" is no duration above 0"},
		{"AMPAGENT_SCRAPE_TIMEOUT", "21s", "21s is longer than the interval, 20s"},
		{"AMPAGENT_EXTERNAL_LABELS", "a", "write name=value"},
		{"AMPAGENT_EXTERNAL_LABELS", "a=1,b-c=2", "\"b-c\" is no label's name"},
		{"AMPAGENT_EXTERNAL_LABELS", "__a=1", "\"__a\" is no label's name"},
		{"AMPAGENT_EXTERNAL_LABELS", "=1", "\"\" is no label's name"},
		{"AMPAGENT_EXTERNAL_LABELS", "a=1,a=2", "\"a\" is there twice"},
		{"AMPAGENT_EXTERNAL_LABELS", "a=\xff", "is not UTF-8"},
		{"AMPAGENT_IDENTITY", "on", "\"on\" is none of: auto, strict, off"},
		{"AMPAGENT_IDENTITY_LABELS", "ecs_cluster,ecs_servic",
		 "\"ecs_servic\" is no label of an identity, did you mean ecs_service?"},
		{"AMPAGENT_ECS_DISCOVERY", "on", "\"on\" is not true or false"},
		{"AMPAGENT_ECS_PORTS", "80,http", "\"http\" is no port"},
		{"AMPAGENT_ECS_PROBE_PORTS", "0", "\"0\" is no port"},
		{"AMPAGENT_TASK_METRICS", "yes", "\"yes\" is none of: on, adot, off"},
		{URL, "http://127.0.0.1/\xff", "is not UTF-8"},
		{"AMPAGENT_SELF_METRICS", "1", "\"1\" is not true or false"},
	};
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		size_t k = i / 2;
		_cleanup_(buf_deinit) struct buf text = BUF_NULL;
		struct err err;
		setup(state);
		set(cases[k].name, cases[k].value);
		if (make(i % 2, &text, &err) != 1)
			fail_msg("%s=%s is taken", cases[k].name, cases[k].value);
		if (strncmp(err.msg, cases[k].name, strlen(cases[k].name)) != 0 ||
		    !strstr(err.msg, cases[k].say))
			fail_msg("%s=%s: %s", cases[k].name, cases[k].value, err.msg);
		assert_null(strstr(err.msg, "pw@"));
		assert_null(strstr(err.msg, "s3cret"));
		assert_int_equal(text.len, 0);
	}
}

/* Together they mean nothing. */
static void contradictions(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct err err;
	set("AMPAGENT_TARGETS", "");
	assert_int_equal(make(false, &text, &err), 1);
	assert_non_null(strstr(err.msg, "there is nothing to scrape: set AMPAGENT_TARGETS"));
	set("AMPAGENT_ECS_DISCOVERY", "true");
	assert_int_equal(make(false, &text, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_ECS_DISCOVERY: this is no ECS task"));
	set("AMPAGENT_ECS_DISCOVERY", "false");
	set("AMPAGENT_TASK_METRICS", "off");
	assert_int_equal(make(true, &text, &err), 1);
	assert_non_null(strstr(err.msg, "there is nothing to scrape"));
	set("AMPAGENT_ECS_PORTS", "80");
	assert_int_equal(make(true, &text, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_ECS_PORTS: means nothing with"));
	setup(state);
	set(URL, "http://127.0.0.1/x");
	set("AMPAGENT_ROLE_ARN", ROLE);
	assert_int_equal(make(false, &text, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_ROLE_ARN: requests are not signed"));
	clear_all();
	set("AMPAGENT_WORKSPACE_ID", WORKSPACE);
	assert_int_equal(make(false, &text, &err), 1);
	assert_non_null(strstr(
		err.msg, "AMPAGENT_WORKSPACE_ID: the region is missing: set AMPAGENT_REGION"));
	set("AWS_REGION", "eu-west-1\"");
	assert_int_equal(make(false, &text, &err), 1);
	assert_non_null(strstr(err.msg, "AWS_REGION: "));
	set("AWS_REGION", "eu-west-1");
	set("AMPAGENT_WORKSPACE_ID", "my-workspace");
	assert_int_equal(make(false, &text, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_WORKSPACE_ID: A workspace's ID is ws-"));
}

static void out_of_room(void **state)
{
	struct buf text;
	struct err err = ERR_NULL;
	buf_init(&text, 100);
	assert_int_equal(environment_config(get, false, SV_NULL, &text, &err), 1);
	assert_non_null(strstr(err.msg, "too long"));
	buf_deinit(&text);
}

#define TEST(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(least),          TEST(destinations), TEST(signing),         TEST(targets),
		TEST(pages),          TEST(own_metrics),  TEST(external_labels), TEST(refusals),
		TEST(contradictions), TEST(out_of_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
