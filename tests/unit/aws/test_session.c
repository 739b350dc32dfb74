/* What a session shares, and what it refuses at once. */
#include "creds_rig.h"

#include "session_private.h"

#include <stdio.h>
#include <unistd.h>

static void clocks_are_kept_by_host(void **state)
{
	struct creds_rig *r = *state;
	struct aws_session *s = r->session;
	int64_t wall_ms = loop_wall_ms(r->loop);
	struct aws_clock *a = aws_session_clock(s, SV("sts.eu-west-1.amazonaws.com"));
	struct aws_clock *b = aws_session_clock(s, SV("169.254.170.2:80"));

	assert_ptr_not_equal(a, b);
	assert_ptr_equal(a, aws_session_clock(s, SV("STS.eu-west-1.amazonaws.com")));
	assert_ptr_not_equal(a, aws_session_clock(s, SV("sts.eu-west-1.amazonaws.com:443")));
	assert_false(a->known);
	assert_in_range(aws_session_now_ms(s), wall_ms, wall_ms + 60000);
	int64_t ms;
	assert_false(aws_session_peer_ms(s, &ms));
	assert_in_range(ms, wall_ms, wall_ms + 60000);
	/* Whoever spoke last is believed. */
	int64_t now_ms = loop_now_ms(r->loop);
	*a = (struct aws_clock){true, wall_ms + 7200000, now_ms - 1000};
	assert_in_range(aws_session_now_ms(s), wall_ms + 7201000, wall_ms + 7261000);
	*b = (struct aws_clock){true, wall_ms - 7200000, now_ms - 500};
	assert_in_range(aws_session_now_ms(s), wall_ms - 7199500, wall_ms - 7139500);
	assert_true(aws_session_peer_ms(s, &ms));
	assert_in_range(ms, wall_ms - 7199500, wall_ms - 7139500);
	a->mono_ms = now_ms;
	assert_in_range(aws_session_now_ms(s), wall_ms + 7200000, wall_ms + 7260000);
}

/* Hosts that come without end are not kept without end. */
static void clocks_are_bounded(void **state)
{
	struct creds_rig *r = *state;
	char host[32];
	size_t n = 0;
	struct aws_clock *first = aws_session_clock(r->session, SV("host-0"));
	for (; n < 100000; n++) {
		snprintf(host, sizeof host, "host-%zu", n);
		if (!aws_session_clock(r->session, sv_of(host)))
			break;
	}
	assert_in_range(n, 100, 1000);
	assert_ptr_equal(aws_session_clock(r->session, SV("host-0")), first);
}

static void what_it_was_made_of(void **state)
{
	struct creds_rig *r = *state;
	assert_ptr_equal(aws_session_loop(r->session), r->loop);
	assert_ptr_equal(aws_session_env(r->session), rig_getenv);
	assert_true(sv_eq(aws_session_user_agent(r->session), SV("test")));
	assert_non_null(aws_session_link(r->session));
	assert_non_null(aws_session_api(r->session));
	assert_ptr_not_equal(aws_session_api(r->session), aws_session_link(r->session));
	assert_ptr_equal(aws_session_imds(r->session), &r->session->imds);
	assert_ptr_equal(aws_session_budget(r->session), &r->session->budget);
	aws_session_free(NULL);
}

static void ca_bundle(void **state)
{
	struct creds_rig *r = *state;
	struct aws_session_options opt = {r->loop, r->pool, rig_getenv, SV("test")};
	struct aws_session *s;
	struct err err = ERR_NULL;

	rig_env(r, "AWS_CA_BUNDLE", "/nowhere/ca.pem");
	assert_int_equal(aws_session_new(&opt, &s, &err), 1);
	assert_non_null(strstr(err.msg, "AWS_CA_BUNDLE"));
	assert_non_null(strstr(err.msg, "/nowhere/ca.pem"));
	rig_env(r, "AWS_CA_BUNDLE", rig_file(r, "token", "", 0600));
	assert_int_equal(aws_session_new(&opt, &s, &err), 0);
	aws_session_free(s);
	rig_env(r, "AWS_CA_BUNDLE", "");
	assert_int_equal(aws_session_new(&opt, &s, &err), 0);
	aws_session_free(s);
}

/* One that the shared files name is used from the first call on. */
static void ca_bundle_of_the_files(void **state)
{
	struct creds_rig *r = *state;
	struct http_request req = {.method = SV("GET"),
				   .url = SV("https://127.0.0.1:9/"),
				   .timeout_ms = 1000,
				   .body_max = 100};
	struct http_transfer *t;
	struct err err = ERR_NULL;

	rig_env(r, "AWS_CONFIG_FILE",
		rig_file(r, "config", "[default]\nca_bundle = /nowhere/of-the-file.pem\n", 0600));
	struct http_client *api = aws_session_api(r->session);
	assert_ptr_equal(api, aws_session_api(r->session));
	assert_int_equal(http_start(api, &req, NULL, NULL, &t, &err), 1);
	assert_non_null(strstr(err.msg, "/nowhere/of-the-file.pem"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, creds_rig_setup, creds_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clocks_are_kept_by_host), TEST(clocks_are_bounded),
		TEST(what_it_was_made_of),     TEST(ca_bundle),
		TEST(ca_bundle_of_the_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
