#include "rig.h"

#include <ampagent/base/crypto.h>

enum { VARIABLES_MAX = 16 };

static struct {
	const char *name, *value;
} variables[VARIABLES_MAX];

void rig_setenv(const char *name, const char *value)
{
	for (size_t i = 0; i < VARIABLES_MAX; i++) {
		if (variables[i].name && strcmp(variables[i].name, name) != 0)
			continue;
		variables[i].name = name;
		variables[i].value = value;
		return;
	}
	fail_msg("too many variables");
}

const char *rig_getenv(const char *name)
{
	for (size_t i = 0; i < VARIABLES_MAX && variables[i].name; i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}

static void on_decided(void *cls)
{
	struct rig *r = cls;
	if (r->report.steps[r->waits_for].verdict != VERDICT_PENDING)
		loop_stop(r->loop);
}

static void start_standin(struct rig *r)
{
	struct standin_options opt = standin_options_default();
	opt.listen = SV("127.0.0.1:0");
	opt.access_key = SV(RIG_KEY);
	opt.secret_key = SV(RIG_SECRET);
	opt.region = SV("eu-west-1");
	opt.aws = true;
	assert_int_equal(standin_new(r->loop, &opt, &r->standin, NULL), 0);
	snprintf(r->base, sizeof r->base, "http://127.0.0.1:%d", standin_port(r->standin));
}

int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	memset(variables, 0, sizeof variables);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&r->loop, NULL), 0);
	assert_int_equal(http_pool_new(r->loop, 4, 5000, &r->pool), 0);
	start_standin(r);
	rig_setenv("HOME", "/nonexistent");
	rig_setenv("AWS_EC2_METADATA_DISABLED", "true");
	rig_setenv("AWS_ACCESS_KEY_ID", RIG_KEY);
	rig_setenv("AWS_SECRET_ACCESS_KEY", RIG_SECRET);
	rig_setenv("AWS_ENDPOINT_URL_STS", r->base);
	const struct aws_session_options opt = {
		.loop = r->loop, .pool = r->pool, .env = rig_getenv, .user_agent = SV("rig")};
	assert_int_equal(aws_session_new(&opt, &r->session, NULL), 0);
	r->env = (struct walk_env){.loop = r->loop,
				   .pool = r->pool,
				   .session = r->session,
				   .session_why = "",
				   .env = rig_getenv,
				   .timeout_ms = 5000,
				   .decided = on_decided,
				   .cls = r};
	*state = r;
	return 0;
}

static void drop_walk(struct rig *r)
{
	walk_free(r->walk);
	r->walk = NULL;
	report_deinit(&r->report);
	if (r->config)
		config_unref(r->config);
	r->config = NULL;
}

int rig_teardown(void **state)
{
	struct rig *r = *state;
	drop_walk(r);
	aws_session_free(r->session);
	http_pool_free(r->pool);
	standin_free(r->standin);
	loop_free(r->loop);
	http_client_global_deinit();
	free(r);
	return 0;
}

void rig_walk(struct rig *r, const char *url, const char *more)
{
	char text[4096];
	struct err err = ERR_NULL;
	drop_walk(r);
	report_init(&r->report);
	snprintf(text, sizeof text, "remote_write:\n- url: '%s%s'\n%s",
		 url[0] == '/' ? r->base : "", url, more);
	if (config_parse(sv_of(text), "rig.yml", NULL, rig_getenv, &r->config, &err) != 0)
		fail_msg("%s", err.msg);
	r->walk = walk_new(&r->env, &r->config->writes[0], r->config->external_labels, &r->report);
	r->report.url = r->config->writes[0].url;
	assert_non_null(r->walk);
	report_say(&r->report.steps[DOCTOR_CONFIG], VERDICT_OK, "a rig");
	for (int i = 0; i < DOCTOR_STEPS_; i++)
		r->walk->started[i] = true;
}

struct finding *rig_take(struct rig *r, enum doctor_step step)
{
	r->waits_for = step;
	r->walk->started[step] = false;
	walk_start(r->walk);
	assert_int_equal(loop_run(r->loop), 0);
	return &r->report.steps[step];
}

void rig_decide(struct rig *r, enum doctor_step step, enum verdict v)
{
	report_say(&r->report.steps[step], v, "as the test says");
}

static bool has(const struct buf *b, const char *word)
{
	return word[0] == '\0' || sv_find_sv(buf_view(b), sv_of(word)) < b->len;
}

void rig_expect(const struct finding *f, enum verdict v, const char *evidence, const char *advice)
{
	if (f->verdict != v || !has(&f->evidence, evidence) || !has(&f->advice, advice))
		fail_msg("%s: \"%.*s\" -> \"%.*s\"; not %s: \"%s\" -> \"%s\"",
			 report_verdict_name(f->verdict), SV_ARG(buf_view(&f->evidence)),
			 SV_ARG(buf_view(&f->advice)), report_verdict_name(v), evidence, advice);
}
