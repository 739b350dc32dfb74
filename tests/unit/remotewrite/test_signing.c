/* Keys and regions as they come to a sender: from a container's endpoint, from the task's metadata.
 */
#include "cmocka_all.h"
#include "sender_world.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <stdio.h>

/* The keys of the very request are rejected; the next one waits for others. */
static void test_rejected(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 403;
	struct sender *s = make_signed(&w, "eu-west-1");
	w.refresh_by = sender_seam(s);
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	assert_non_null(strstr(w.seen, "Credential=ASIATEST1/"));
	assert_true(w.refreshed);
	struct send_seam seam = w.refresh_by;
	assert_false(seam.other_keys(seam.cls));
	w.refresh_by.refresh = NULL;
	w.write_status = 200;
	begin(&w, s, 60000);
	run_until_done(&w, 2);
	assert_non_null(strstr(w.seen, "Credential=ASIATEST2/"));
	assert_true(seam.other_keys(seam.cls));
	assert_int_equal(w.keys_asked, 2);
	sender_unref(s);
	teardown(&w);
}

static void test_region(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 200;
	set_variable("ECS_CONTAINER_METADATA_URI_V4", w.task_url);
	struct sender *s = make_signed(&w, "");
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.seen, "/ap-south-1/aps/aws4_request"));
	assert_int_equal(s->signing.settings.arena.used, 0);
	sender_unref(s);
	teardown(&w);
}

/* The one who may know the region does not tell: requests wait for it in vain. */
static void test_no_region(void **state)
{
	struct world w;
	setup(&w);
	set_variable("ECS_CONTAINER_METADATA_URI_V4", w.keys_url);
	struct sender *s = make_signed(&w, "");
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	assert_int_equal(w.result, HTTP_LOCAL);
	assert_string_equal(w.error_type, ANSWER_NO_REGION);
	assert_int_equal(strncmp(w.answer, "the AWS region to sign for is not known: ", 41), 0);
	assert_int_equal(w.n_writes, 0);
	sender_unref(s);
	teardown(&w);
}

/* It cannot even be asked for. */
static void test_no_way_to_region(void **state)
{
	struct world w;
	setup(&w);
	set_variable("ECS_CONTAINER_METADATA_URI_V4", "no url");
	struct sender *s = make_signed(&w, "");
	for (unsigned i = 1; i <= 2; i++) {
		begin(&w, s, 60000);
		run_until_done(&w, i);
		assert_string_equal(w.error_type, ANSWER_NO_REGION);
		assert_non_null(strstr(w.answer, "ECS_CONTAINER_METADATA_URI_V4"));
	}
	sender_unref(s);
	teardown(&w);
}

/* What can never work is refused before anything is sent. */
static void test_mistakes(void **state)
{
	static const struct {
		struct sigv4_options opt;
		const char *says;
	} cases[] = {
		{{.access_key = SV("AKID"), .secret_key = SV("s")}, "AWS_REGION"},
		{{.region = SV("no such region"), .access_key = SV("AKID"), .secret_key = SV("s")},
		 "region"},
		{{.region = SV("eu-west-1"), .access_key = SV("AKID")}, "secret_key"},
		{{.region = SV("eu-west-1"), .profile = SV("nobody")}, "nobody"},
	};
	struct world w;
	setup(&w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct remotewrite_options opt = {
			.url = sv_of(w.url), .has_sigv4 = true, .sigv4 = cases[i].opt};
		struct sender *s = NULL;
		struct err err = ERR_NULL;
		assert_int_equal(sender_new(w.pool, w.aws, &opt, LABELS_NULL, SV("a"), &s, &err),
				 1);
		if (strncmp(err.msg, "sigv4: ", 7) != 0 || !strstr(err.msg, cases[i].says))
			fail_msg("case %zu: %s", i, err.msg);
	}
	teardown(&w);
}

/* What the page and metrics are told. */
static void test_status(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 200;
	struct sender *s = make_signed(&w, "eu-west-1");
	struct remotewrite_signing st;
	int64_t mono_ms = loop_now_ms(w.loop), wall_ms = loop_wall_ms(w.loop);
	signing_status(&s->signing, mono_ms, wall_ms, &st);
	assert_true(st.is_signed);
	assert_false(st.credentials.have || st.clock_known);
	assert_string_equal(st.region, "eu-west-1");
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	wall_ms += 7200000;
	signing_status(&s->signing, loop_now_ms(w.loop), wall_ms, &st);
	assert_true(st.credentials.have && st.clock_known);
	assert_string_equal(st.credentials.access_key, "ASIATEST1");
	assert_string_equal(st.credentials.kind, "container");
	struct send_seam seam = sender_seam(s);
	assert_int_equal(seam.signed_ahead_ms(seam.cls), 0);
	begin(&w, s, 60000);
	run_until_done(&w, 2);
	assert_true(seam.signed_ahead_ms(seam.cls) > -2000 &&
		    seam.signed_ahead_ms(seam.cls) < 2000);
	assert_true(st.skew_ms < -7190000 && st.skew_ms > -7210000);
	sender_unref(s);
	struct remotewrite_options plain = {.url = sv_of(w.url)};
	s = make(&w, &plain);
	signing_status(&s->signing, mono_ms, wall_ms, &st);
	assert_false(st.is_signed);
	sender_unref(s);
	teardown(&w);
}

/* Another thread reads it when the sender may be gone. */
static void test_status_stays(void **state)
{
	char path[] = "/tmp/ampagent-profile-XXXXXX";
	int fd = mkstemp(path);
	struct world w;
	assert_true(fd >= 0);
	dprintf(fd, "[default]\nregion = sa-east-1\n");
	setup(&w);
	set_variable("AWS_CONFIG_FILE", path);
	struct sender *s = make_signed(&w, "");
	struct remotewrite_signing st;
	signing_status(&s->signing, loop_now_ms(w.loop), loop_wall_ms(w.loop), &st);
	/* The files may hold secrets, which would outlive their replacement. */
	bool forgotten = s->signing.settings.n_sections == 0;
	sender_unref(s);
	assert_string_equal(st.region, "sa-east-1");
	assert_string_equal(st.region_from, "profile default");
	assert_true(forgotten);
	teardown(&w);
	close(fd);
	unlink(path);
}

/* After more hosts than a session keeps clocks for, as reloads may bring: it works all the same. */
static void test_many_hosts(void **state)
{
	struct world w;
	setup(&w);
	char host[32];
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(host, sizeof host, "host-%u", i);
		if (!aws_session_clock(w.aws, sv_of(host)))
			break;
	}
	assert_null(aws_session_clock(w.aws, SV("one-more")));
	w.write_status = 200;
	struct sender *s = make_signed(&w, "eu-west-1");
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	assert_int_equal(w.status, 200);
	assert_true(s->signing.clock->known);
	sender_unref(s);
	teardown(&w);
}

static void test_ca_bundle(void **state)
{
	static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
	struct world w;
	setup(&w);
	set_variable("AWS_CA_BUNDLE", bundle);
	struct sender *s = make_signed(&w, "eu-west-1");
	assert_true(sv_eq(s->opt.http.tls.ca_file, sv_of(bundle)));
	sender_unref(s);
	struct remotewrite_options plain = {.url = sv_of(w.url)};
	s = make(&w, &plain);
	assert_int_equal(s->opt.http.tls.ca_file.len, 0);
	sender_unref(s);
	teardown(&w);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rejected),     cmocka_unit_test(test_region),
		cmocka_unit_test(test_no_region),    cmocka_unit_test(test_no_way_to_region),
		cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_stays), cmocka_unit_test(test_ca_bundle),
		cmocka_unit_test(test_many_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
