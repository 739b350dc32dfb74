/* The doctor's request against the stand-in endpoint: sent and judged as the agent does. */
#include "cmocka_all.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/file.h>
#include <ampagent/base/log.h>
#include <ampagent/remotewrite.h>
#include <ampagent/standin.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKSPACE "ws-b226cc2a-a446-46a9-933a-ac50479a5568"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

struct world {
	struct loop *loop;
	struct http_pool *pool;
	struct aws_session *aws;
	struct standin *standin;
	char url[128];
	struct remotewrite_options opt;
	unsigned done;
	struct remotewrite_probe_result r; /* but for its views */
	char cause[32], address[64], body[256];
};

static char keys_url[80];

static const char *env(const char *name)
{
	if (strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0)
		return keys_url[0] ? keys_url : NULL;
	if (strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0)
		return "true";
	return strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

static struct standin_options peer_options(void)
{
	struct standin_options so = standin_options_default();
	so.listen = SV("127.0.0.1:0");
	so.workspace = SV(WORKSPACE);
	so.access_key = SV("AKIDEXAMPLE");
	so.secret_key = SV(SECRET);
	so.region = SV("eu-west-1");
	so.service = SV("aps");
	return so;
}

static void setup(struct world *w, const struct standin_options *so)
{
	struct err err = ERR_NULL;
	*w = (struct world){.done = 0};
	keys_url[0] = 0;
	assert_int_equal(loop_new(&w->loop, &err), 0);
	assert_int_equal(http_pool_new(w->loop, 4, 1000, &w->pool), 0);
	struct aws_session_options ao = {
		.loop = w->loop, .pool = w->pool, .env = env, .user_agent = SV("doctor/1")};
	assert_int_equal(aws_session_new(&ao, &w->aws, &err), 0);
	if (standin_new(w->loop, so, &w->standin, &err) != 0)
		fail_msg("%s", err.msg);
	snprintf(w->url, sizeof w->url,
		 "http://127.0.0.1:%d/workspaces/" WORKSPACE "/api/v1/remote_write",
		 standin_port(w->standin));
	w->opt = (struct remotewrite_options){.url = sv_of(w->url),
					      .timeout_ms = 10000,
					      .has_sigv4 = true,
					      .sigv4 = {.region = SV("eu-west-1"),
							.access_key = SV("AKIDEXAMPLE"),
							.secret_key = SV(SECRET)}};
}

static void teardown(struct world *w)
{
	aws_session_free(w->aws);
	http_pool_free(w->pool);
	standin_free(w->standin);
	loop_free(w->loop);
}

static void on_result(void *cls, const struct remotewrite_probe_result *r)
{
	struct world *w = cls;
	w->done++;
	w->r = *r;
	snprintf(w->cause, sizeof w->cause, "%s", r->cause);
	snprintf(w->address, sizeof w->address, "%s", r->peer ? r->peer->address : "");
	snprintf(w->body, sizeof w->body, "%.*s", SV_ARG(r->body));
	loop_stop(w->loop);
}

static struct labels external(struct arena *arena)
{
	struct label_builder b;
	struct labels out;
	label_builder_init(&b, arena);
	label_builder_set(&b, SV("cluster"), SV("c1"));
	assert_int_equal(label_builder_finish(&b, arena, &out), 0);
	return out;
}

static int start(struct world *w, bool canary, struct err *err)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct remotewrite_probe *p;
	arena_init(&arena, 4096);
	return remotewrite_probe_start(w->aws, w->pool, &w->opt, external(&arena), canary,
				       on_result, w, &p, err);
}

static void probe(struct world *w, bool canary)
{
	struct err err = ERR_NULL;
	w->done = 0;
	if (start(w, canary, &err) != 0)
		fail_msg("%s", err.msg);
	while (w->done == 0)
		loop_run(w->loop);
	assert_int_equal(w->done, 1);
}

/* Nothing is stored, and nothing is billed. */
static void test_empty(void **state)
{
	struct standin_options so = peer_options();
	for (int v2 = 0; v2 < 2; v2++) {
		struct world w;
		setup(&w, &so);
		w.opt.protocol = v2 ? REMOTEWRITE_V2 : REMOTEWRITE_V1;
		probe(&w, false);
		if (!w.r.accepted)
			fail_msg("%s", w.r.why.msg);
		assert_true(w.r.started);
		assert_string_equal(w.cause, "");
		assert_string_equal(w.r.why.msg, "");
		assert_false(w.r.clock_corrected || w.r.refreshed);
		assert_true(w.r.signing.is_signed && w.r.signing.clock_known);
		assert_string_equal(w.r.signing.credentials.access_key, "AKIDEXAMPLE");
		assert_int_equal(strncmp(w.address, "127.0.0.1:", 10), 0);
		struct standin_stats st = standin_stats_get(w.standin);
		assert_int_equal(st.requests, 1);
		assert_int_equal(st.samples, 0);
		assert_int_equal(st.bad_snappy + st.bad_protobuf, 0);
		teardown(&w);
	}
}

/* A receiver of 1.0 is spoken to as the agent would after its answer. */
static void test_falls_back(void **state)
{
	struct standin_options so = peer_options();
	struct world w;
	so.accept_v2 = false;
	setup(&w, &so);
	w.opt.protocol = REMOTEWRITE_V2;
	probe(&w, false);
	assert_true(w.r.accepted);
	assert_int_equal(standin_stats_get(w.standin).requests, 2);
	teardown(&w);
}

static void test_canary(void **state)
{
	char path[] = "/tmp/probe-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct standin_options so = peer_options();
	so.record = sv_of(path);
	for (int v2 = 0; v2 < 2; v2++) {
		struct world w;
		setup(&w, &so);
		w.opt.protocol = v2 ? REMOTEWRITE_V2 : REMOTEWRITE_V1;
		probe(&w, true);
		if (!w.r.accepted)
			fail_msg("%s", w.r.why.msg);
		assert_int_equal(standin_stats_get(w.standin).samples, 1);
		teardown(&w);
	}
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 65536);
	assert_int_equal(file_read(path, &text, NULL), 0);
	unlink(path);
	buf_char(&text, 0);
	unsigned lines = 0;
	for (const char *p = text.ptr; (p = strstr(p, "ampagent_doctor_canary")); p++)
		lines++;
	assert_int_equal(lines, 2);
	assert_non_null(strstr(text.ptr, "cluster"));
	assert_non_null(strstr(text.ptr, "c1"));
}

static void test_clock(void **state)
{
	static const int64_t offsets[] = {7200, -7200};
	struct standin_options so = peer_options();
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		so.clock_offset_s = offsets[i];
		setup(&w, &so);
		probe(&w, false);
		assert_true(w.r.accepted && w.r.clock_corrected);
		assert_false(w.r.refreshed);
		int64_t off_ms = w.r.signing.skew_ms - offsets[i] * 1000;
		assert_true(off_ms > -5000 && off_ms < 5000);
		assert_int_equal(standin_stats_get(w.standin).requests, 2);
		teardown(&w);
	}
}

static void test_refused(void **state)
{
	struct standin_options so = peer_options();
	struct world w;
	setup(&w, &so);
	w.opt.sigv4.secret_key = SV("another");
	probe(&w, false);
	assert_true(w.r.started);
	assert_false(w.r.accepted || w.r.clock_corrected);
	assert_int_equal(w.r.status, 403);
	assert_string_equal(w.cause, "signature");
	assert_non_null(strstr(w.r.why.msg, "403"));
	w.opt.has_sigv4 = false;
	probe(&w, false);
	assert_false(w.r.accepted || w.r.signing.is_signed);
	assert_string_equal(w.cause, "not_signed");
	assert_int_equal(standin_stats_get(w.standin).requests, 2);
	teardown(&w);
}

static void use_container(struct world *w)
{
	snprintf(keys_url, sizeof keys_url, "http://127.0.0.1:%d/v2/credentials/x",
		 standin_port(w->standin));
	w->opt.sigv4.access_key = w->opt.sigv4.secret_key = SV_NULL;
}

/* Keys that the service no longer takes are fetched anew, once. */
static void test_refreshed(void **state)
{
	struct standin_options so = peer_options();
	struct aws_credentials_options co = {.region = SV("eu-west-1")};
	struct aws_credentials *kept;
	struct world w;
	struct err err = ERR_NULL;
	so.aws = true;
	so.aws_life_ms = 2000;
	setup(&w, &so);
	use_container(&w);
	assert_int_equal(aws_credentials_get(w.aws, &co, &kept, &err), 0);
	probe(&w, false);
	assert_true(w.r.accepted);
	/* Nothing turns meanwhile, so that they expire unrenewed. */
	poll(NULL, 0, 2100);
	probe(&w, false);
	if (!w.r.accepted)
		fail_msg("%s", w.r.why.msg);
	assert_true(w.r.refreshed);
	assert_false(w.r.clock_corrected);
	assert_int_equal(standin_stats_get(w.standin).answered_403, 1);
	aws_credentials_unref(kept);
	teardown(&w);
}

/* There are no others: what was refused, and that, is told. */
static void test_not_refreshed(void **state)
{
	struct standin_options so = peer_options();
	struct world w;
	so.aws = true;
	so.aws_life_ms = 1;
	setup(&w, &so);
	use_container(&w);
	probe(&w, false);
	assert_true(w.r.started);
	assert_false(w.r.accepted);
	assert_non_null(strstr(w.r.why.msg, "status 403"));
	assert_true(standin_stats_get(w.standin).answered_403 >= 1);
	teardown(&w);
}

static void test_no_keys(void **state)
{
	struct standin_options so = peer_options();
	struct world w;
	so.aws = so.aws_down = true;
	setup(&w, &so);
	use_container(&w);
	probe(&w, false);
	assert_false(w.r.started || w.r.accepted);
	assert_int_equal(w.r.status, 0);
	assert_string_equal(w.cause, "no_credentials");
	assert_int_equal(strncmp(w.r.why.msg, "no AWS credentials: ", 20), 0);
	teardown(&w);
}

static void test_nobody_there(void **state)
{
	struct standin_options so = peer_options();
	struct world w;
	setup(&w, &so);
	w.opt.url = SV("http://127.0.0.1:1/workspaces/" WORKSPACE "/api/v1/remote_write");
	probe(&w, false);
	assert_true(w.r.started);
	assert_false(w.r.accepted);
	assert_int_equal(w.r.http_result, HTTP_NETWORK);
	assert_int_equal(w.r.phase, HTTP_PHASE_CONNECT);
	assert_string_equal(w.cause, "no_answer");
	teardown(&w);
}

static void test_not_started(void **state)
{
	static struct sv sources[] = {SV("__name__")};
	struct relabel_rule rule = relabel_rule_default();
	struct standin_options so = peer_options();
	struct world w;
	struct err err = ERR_NULL;
	size_t bad;
	setup(&w, &so);
	rule.action = RELABEL_DROP;
	rule.source_labels = sources;
	rule.n_source_labels = 1;
	rule.regex = SV("ampagent_.*");
	rule.regex_set = true;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &w.opt.write_relabel, &bad, &err),
			 0);
	assert_int_equal(start(&w, true, &err), 1);
	assert_non_null(strstr(err.msg, "write_relabel_configs"));
	/* Nothing to drop: an empty request has no series. */
	probe(&w, false);
	assert_true(w.r.accepted);
	relabel_unref(w.opt.write_relabel);
	w.opt.write_relabel = NULL;
	w.opt.url = SV("nonsense");
	assert_int_equal(start(&w, false, &err), 1);
	assert_int_equal(w.done, 1);
	teardown(&w);
}

static void test_cancel(void **state)
{
	struct standin_options so = peer_options();
	struct remotewrite_probe *p;
	struct world w;
	struct err err = ERR_NULL;
	setup(&w, &so);
	assert_int_equal(remotewrite_probe_start(w.aws, w.pool, &w.opt, LABELS_NULL, false,
						 on_result, &w, &p, &err),
			 0);
	remotewrite_probe_cancel(p);
	remotewrite_probe_cancel(NULL);
	probe(&w, false);
	assert_int_equal(w.done, 1);
	teardown(&w);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),         cmocka_unit_test(test_falls_back),
		cmocka_unit_test(test_canary),        cmocka_unit_test(test_clock),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_refreshed),
		cmocka_unit_test(test_not_refreshed), cmocka_unit_test(test_no_keys),
		cmocka_unit_test(test_nobody_there),  cmocka_unit_test(test_not_started),
		cmocka_unit_test(test_cancel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
