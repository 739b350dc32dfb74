/* Credentials over real sources: a peer on the same loop that plays the task's endpoint, and a
 * command. */
#include "creds_rig.h"

#include <ampagent/base/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_failing(void *c)
{
	return rig_status(c).failing;
}

static bool is_well(void *c)
{
	struct aws_credentials_status s = rig_status(c);
	return !s.failing && !s.expired;
}

static bool is_expired(void *c)
{
	return rig_status(c).expired;
}

static void explicit_keys_are_there_at_once(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c =
		rig_get(r, (struct aws_credentials_options){.access_key = SV("AKIDEXPLICIT"),
							    .secret_key = SV("secret"),
							    .session_token = SV("token")});
	struct aws_keys keys;
	uint64_t id;
	assert_int_equal(aws_credentials_now(c, &keys, &id), 0);
	assert_true(sv_eq(keys.access_key, SV("AKIDEXPLICIT")));
	assert_true(sv_eq(keys.secret_key, SV("secret")));
	assert_true(sv_eq(keys.session_token, SV("token")));

	struct rig_waiter w = {0};
	rig_wait(c, &w);
	assert_int_equal(w.calls, 0);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);

	/* Nothing else can be had. */
	assert_false(aws_credentials_rejected(c, id));
	assert_string_equal(rig_key(c), "AKIDEXPLICIT");
	assert_true(aws_credentials_rejected(c, id + 1));
	struct aws_credentials_status s = rig_status(c);
	assert_string_equal(s.kind, "explicit");
	assert_string_equal(s.access_key, "AKIDEXPLICIT");
	assert_true(s.have && !s.expired && !s.failing);
	assert_int_equal(s.expires_ms, 0);
	assert_int_equal(s.fetches, 0);
	assert_int_equal(s.rejections, 1);
	assert_null(strstr(s.source, "secret"));
	aws_credentials_unref(c);
}

static void what_is_broken_is_told_at_once(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c;
	struct err err = ERR_NULL;

	rig_env(r, "AWS_ACCESS_KEY_ID", "AKIDALONE");
	assert_int_equal(
		aws_credentials_get(r->session, &(struct aws_credentials_options){0}, &c, &err), 1);
	assert_non_null(strstr(err.msg, "AWS_SECRET_ACCESS_KEY"));
	struct aws_credentials_options opt = {.profile = SV("nowhere")};
	assert_int_equal(aws_credentials_get(r->session, &opt, &c, &err), 1);
	assert_non_null(strstr(err.msg, "nowhere"));
}

static void equal_options_share(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options opt = {.access_key = SV("AKIDONE"), .secret_key = SV("one")};
	struct aws_credentials_options other = opt;
	other.secret_key = SV("two");
	struct aws_credentials *a = rig_get(r, opt), *b = rig_get(r, opt), *c = rig_get(r, other);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	aws_credentials_unref(a);
	assert_string_equal(rig_key(b), "AKIDONE");
	aws_credentials_unref(c);
	aws_credentials_unref(b);
	c = rig_get(r, other);
	assert_string_equal(rig_key(c), "AKIDONE");
	aws_credentials_unref(c);
}

/* However many ask: one request. */
static void one_fetch_for_all(void **state)
{
	enum { WAITERS = 20 };
	struct creds_rig *r = *state;
	struct rig_waiter w[WAITERS] = {0};
	struct aws_credentials *c[WAITERS];

	r->hang = true;
	for (size_t i = 0; i < WAITERS; i++) {
		c[i] = rig_container(r);
		assert_string_equal(rig_key(c[i]), "");
		rig_wait(c[i], &w[i]);
	}
	rig_for(r, 50);
	assert_int_equal(r->asked, 1);
	for (size_t i = 0; i < WAITERS; i++) {
		assert_int_equal(w[i].calls, 0);
		/* Nobody knows those keys, so there is nothing to reject. */
		assert_true(aws_credentials_rejected(c[i], 0));
	}
	r->hang = false;
	rig_release(r, 503);
	rig_until(r, rig_woken, &w[WAITERS - 1]);
	for (size_t i = 0; i < WAITERS; i++) {
		if (!w[i].ok)
			rig_wait(c[i], &w[i]);
		w[i].calls = 0;
	}
	rig_wait(c[0], &w[0]);
	rig_until(r, rig_woken, &w[0]);
	assert_string_equal(rig_key(c[0]), "ASIAPEER1");
	assert_int_equal(r->issued, 1);
	for (size_t i = 0; i < WAITERS; i++) {
		aws_waiter_cancel(&w[i].w);
		aws_credentials_unref(c[i]);
	}
}

static void status_tells_what_came(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);
	struct aws_credentials_status s = rig_status(c);
	assert_string_equal(s.kind, "container");
	assert_string_equal(s.access_key, "ASIAPEER1");
	assert_true(s.have && !s.expired && !s.failing);
	assert_int_equal(s.fetches, 1);
	assert_int_equal(s.failures, 0);
	assert_string_equal(s.last_error, "");
	assert_in_range(s.expires_ms - s.fetched_ms, 3590000, 3610000);
	aws_credentials_unref(c);
}

/* Each renewed before its end. The peer's Date has whole seconds, so what the end is taken for may
 * be half of one off. */
static void rotation(void **state)
{
	struct creds_rig *r = *state;
	r->life_ms = 2500;
	struct aws_credentials *c = rig_ready(r);
	uint64_t id = rig_id(c);
	for (unsigned n = 2; n <= 4; n++) {
		while (rig_id(c) == id)
			rig_for(r, 5);
		char want[32];
		snprintf(want, sizeof want, "ASIAPEER%u", n);
		assert_string_equal(rig_key(c), want);
		assert_true(aws_credentials_rejected(c, id));
		assert_int_equal(rig_status(c).rejections, 0);
		id = rig_id(c);
	}
	assert_int_equal(rig_status(c).failures, 0);
	assert_int_equal(r->asked, 4);
	aws_credentials_unref(c);
}

/* The source is down for longer than its keys live: they stay in use. */
static void outage_past_expiry(void **state)
{
	struct creds_rig *r = *state;
	r->life_ms = 1400;
	struct aws_credentials *c = rig_ready(r);
	r->status = 400;
	rig_until(r, is_expired, c);
	rig_until(r, is_failing, c);
	assert_string_equal(rig_key(c), "ASIAPEER1");
	assert_non_null(strstr(rig_status(c).last_error, "400"));
	struct rig_waiter w = {0};
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	r->status = 200;
	r->life_ms = 3600000;
	unsigned asked = r->asked;
	rig_until(r, is_well, c);
	assert_string_not_equal(rig_key(c), "ASIAPEER1");
	assert_string_equal(rig_status(c).last_error, "");
	assert_true(r->asked > asked);
	aws_credentials_unref(c);
}

/* A fetch that has not ended when the keys do: it is waited for, but not once it has failed. */
static void a_slow_source_is_waited_for(void **state)
{
	struct creds_rig *r = *state;
	struct rig_waiter w = {0};
	r->life_ms = 1500;
	struct aws_credentials *c = rig_ready(r);
	r->hang = true;
	rig_until(r, is_expired, c);
	assert_int_equal(r->asked, 2);
	assert_string_equal(rig_key(c), "");
	rig_wait(c, &w);
	rig_for(r, 30);
	assert_int_equal(w.calls, 0);
	r->hang = false;
	r->status = 400;
	rig_release(r, 400);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	assert_true(is_failing(c));
	assert_string_equal(rig_key(c), "ASIAPEER1");
	aws_credentials_unref(c);
}

static void rejected_keys_are_replaced(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);
	struct rig_waiter w = {0};
	uint64_t id = rig_id(c);

	assert_true(aws_credentials_rejected(c, id));
	assert_true(aws_credentials_rejected(c, id));
	assert_string_equal(rig_key(c), "");
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	assert_string_equal(rig_key(c), "ASIAPEER2");
	assert_int_equal(r->asked, 2);
	/* The answer to a request that was signed before comes late. */
	assert_true(aws_credentials_rejected(c, id));
	assert_string_equal(rig_key(c), "ASIAPEER2");
	/* These as well, and that soon: nothing else is to be had now. */
	assert_false(aws_credentials_rejected(c, rig_id(c)));
	assert_string_equal(rig_key(c), "ASIAPEER2");
	rig_for(r, 50);
	assert_int_equal(r->asked, 2);
	assert_int_equal(rig_status(c).rejections, 3);
	aws_credentials_unref(c);
}

/* A source that cannot help: the old keys go on being used, and it is asked again by itself. */
static void rejected_and_the_source_is_down(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);
	struct rig_waiter w = {0};

	r->status = 400;
	assert_true(aws_credentials_rejected(c, rig_id(c)));
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_false(w.ok);
	assert_non_null(strstr(w.why, "400"));
	assert_string_equal(rig_key(c), "ASIAPEER1");
	assert_false(rig_status(c).expired);
	r->status = 200;
	rig_until(r, is_well, c);
	assert_string_not_equal(rig_key(c), "ASIAPEER1");
	aws_credentials_unref(c);
}

static void the_same_keys_again_are_no_help(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);
	struct rig_waiter w = {0};
	uint64_t id = rig_id(c);

	r->same = true;
	assert_true(aws_credentials_rejected(c, id));
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_false(w.ok);
	assert_non_null(strstr(w.why, "same keys again"));
	assert_int_equal(rig_id(c), id);
	assert_int_equal(rig_status(c).failures, 1);
	r->same = false;
	rig_until(r, is_well, c);
	assert_string_equal(rig_key(c), "ASIAPEER2");
	aws_credentials_unref(c);
}

/* Not rejected, the same keys are news of their end only. */
static void the_same_keys_live_longer(void **state)
{
	struct creds_rig *r = *state;
	r->same = true;
	r->life_ms = 1500;
	struct aws_credentials *c = rig_ready(r);
	uint64_t id = rig_id(c);
	r->life_ms = 3600000;
	int64_t expires_ms = rig_status(c).expires_ms;
	while (rig_status(c).expires_ms == expires_ms)
		rig_for(r, 5);
	assert_int_equal(rig_id(c), id);
	assert_int_equal(rig_status(c).failures, 0);
	assert_true(is_well(c));
	aws_credentials_unref(c);
}

static void expired_keys_are_better_than_none(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_container(r);
	struct rig_waiter w = {0};

	r->life_ms = -600000;
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	assert_string_equal(rig_key(c), "ASIAPEER1");
	struct aws_credentials_status s = rig_status(c);
	assert_true(s.expired && s.failing);
	assert_non_null(strstr(s.last_error, "expired already"));
	r->life_ms = 3600000;
	rig_until(r, is_well, c);
	assert_string_equal(rig_key(c), "ASIAPEER2");
	aws_credentials_unref(c);
}

static void expired_keys_do_not_replace_good_ones(void **state)
{
	struct creds_rig *r = *state;
	r->life_ms = 4000;
	struct aws_credentials *c = rig_ready(r);
	r->life_ms = -600000;
	rig_until(r, is_failing, c);
	assert_false(rig_status(c).expired);
	assert_string_equal(rig_key(c), "ASIAPEER1");
	aws_credentials_unref(c);
}

/* The machine is two hours ahead, and so is the task's endpoint, which runs on it: the first answer
 * of a service tells, and nothing is expired any more. */
static void a_service_tells_the_time(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_container(r);
	struct rig_waiter w = {0};

	r->life_ms = -3600000;
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(is_failing(c) && is_expired(c));
	struct aws_clock *clock = aws_session_clock(r->session, SV("service"));
	*clock = (struct aws_clock){true, clock_wall_ms() - 7200000, clock_mono_ms()};
	assert_string_not_equal(rig_key(c), "");
	assert_true(is_well(c));
	unsigned asked = r->asked;
	rig_for(r, 1500);
	assert_int_equal(r->asked, asked);
	/* From now on its clock counts for keys that come, too. */
	assert_true(aws_credentials_rejected(c, rig_id(c)));
	w = (struct rig_waiter){0};
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	assert_true(is_well(c));
	aws_credentials_unref(c);
}

/* The machine is behind: what seemed to live for hours ends in a moment. */
static void a_service_tells_that_it_is_later(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);

	r->life_ms = 3 * 3600000;
	struct aws_clock *clock = aws_session_clock(r->session, SV("service"));
	*clock = (struct aws_clock){true, clock_wall_ms() + 3598000, clock_mono_ms()};
	assert_string_equal(rig_key(c), "ASIAPEER1");
	while (rig_id(c) == 1)
		rig_for(r, 5);
	assert_false(is_expired(c));
	assert_true(is_well(c));
	assert_int_equal(rig_status(c).failures, 0);
	aws_credentials_unref(c);
}

/* It tells that what the task's endpoint gives ended long ago, as a proxy's clock may: the endpoint
 * is asked ever more seldom, as after any failure. */
static void a_wrong_clock_brings_no_storm(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);

	r->life_ms = 3600000;
	struct aws_clock *clock = aws_session_clock(r->session, SV("service"));
	*clock = (struct aws_clock){true, clock_wall_ms() + 7200000, clock_mono_ms()};
	assert_string_equal(rig_key(c), "ASIAPEER1");
	assert_true(is_expired(c));
	rig_until(r, is_failing, c);
	unsigned asked = r->asked;
	rig_for(r, 6000);
	/* After about 1, 2 and 4 seconds. */
	assert_in_range(r->asked - asked, 1, 4);
	aws_credentials_unref(c);
}

static void no_keys_yet(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_container(r);
	struct rig_waiter w = {0};

	r->status = 400;
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_false(w.ok);
	assert_non_null(strstr(w.why, "400"));
	assert_string_equal(rig_key(c), "");
	struct aws_credentials_status s = rig_status(c);
	assert_true(!s.have && s.failing && !s.expired);
	r->status = 200;
	w = (struct rig_waiter){0};
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	aws_credentials_unref(c);
}

/* What is configured changes under a running agent: another source's keys are never taken. */
static void another_source_is_none(void **state)
{
	struct creds_rig *r = *state;
	r->life_ms = 1500;
	struct aws_credentials *c = rig_ready(r);
	rig_env(r, "AWS_ACCESS_KEY_ID", "AKIDOTHER");
	rig_env(r, "AWS_SECRET_ACCESS_KEY", "other");
	rig_until(r, is_failing, c);
	assert_non_null(strstr(rig_status(c).last_error, "container"));
	assert_string_equal(rig_key(c), "ASIAPEER1");
	rig_env(r, "AWS_ACCESS_KEY_ID", NULL);
	rig_env(r, "AWS_SECRET_ACCESS_KEY", NULL);
	rig_until(r, is_well, c);
	aws_credentials_unref(c);
}

static void keys_of_a_profile_are_read_again(void **state)
{
	static const char form[] = "[default]\naws_access_key_id = AKIDFILE%d\n"
				   "aws_secret_access_key = file-%d\n";
	struct creds_rig *r = *state;
	struct rig_waiter w = {0};
	char text[256];

	snprintf(text, sizeof text, form, 1, 1);
	rig_env(r, "AWS_SHARED_CREDENTIALS_FILE", rig_file(r, "credentials", text, 0600));
	struct aws_credentials *c = rig_get(r, (struct aws_credentials_options){0});
	assert_string_equal(rig_key(c), "AKIDFILE1");
	snprintf(text, sizeof text, form, 2, 2);
	rig_file(r, "credentials", text, 0600);
	rig_for(r, 20);
	assert_string_equal(rig_key(c), "AKIDFILE1");
	assert_true(aws_credentials_rejected(c, rig_id(c)));
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	assert_string_equal(rig_key(c), "AKIDFILE2");
	aws_credentials_unref(c);
}

/* Each run of the command gives other keys, of its own count. */
static void a_command_rotates(void **state)
{
	struct creds_rig *r = *state;
	char script[1024], config[512];
	struct rig_waiter w = {0};

	snprintf(script, sizeof script,
		 "#!/bin/sh\n"
		 "echo x >> %s/count\n"
		 "n=$(wc -l < %s/count)\n"
		 "end=$(date -u -d '+3 seconds' +%%Y-%%m-%%dT%%H:%%M:%%SZ)\n"
		 "printf '{\"Version\":1,\"AccessKeyId\":\"ASIACOMMAND%%d\",\"SecretAccessKey\":"
		 "\"s%%d\",\"SessionToken\":\"t\",\"Expiration\":\"%%s\"}' $n $n $end\n",
		 r->dir, r->dir);
	rig_file(r, "keys.sh", script, 0700);
	snprintf(config, sizeof config, "[default]\ncredential_process = %s/keys.sh\n", r->dir);
	rig_env(r, "AWS_CONFIG_FILE", rig_file(r, "config", config, 0600));
	struct aws_credentials *c = rig_get(r, (struct aws_credentials_options){0});
	assert_string_equal(rig_status(c).kind, "process");
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	if (!w.ok)
		fail_msg("%s", w.why);
	assert_string_equal(rig_key(c), "ASIACOMMAND1");
	while (rig_id(c) == 1)
		rig_for(r, 5);
	assert_string_equal(rig_key(c), "ASIACOMMAND2");
	assert_int_equal(rig_status(c).failures, 0);
	aws_credentials_unref(c);
}

static void count_line(void *cls, const char *source, enum aws_source_state state, const char *text)
{
	unsigned *seen = cls;
	assert_non_null(source);
	assert_non_null(text);
	seen[state]++;
}

static void the_chain_is_explained(void **state)
{
	struct creds_rig *r = *state;
	unsigned seen[AWS_SOURCE_BROKEN + 1] = {0};
	struct aws_credentials_options opt = {0};

	rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/v2/credentials/x");
	rig_env(r, "AWS_ACCESS_KEY_ID", "AKIDFIRST");
	rig_env(r, "AWS_SECRET_ACCESS_KEY", "first");
	aws_credentials_explain(r->session, &opt, count_line, seen);
	assert_int_equal(seen[AWS_SOURCE_CHOSEN], 1);
	assert_true(seen[AWS_SOURCE_SHADOWED] >= 1);
	assert_int_equal(seen[AWS_SOURCE_BROKEN], 0);
	assert_int_equal(r->asked, 0);

	/* Files that cannot be read leave no choice. */
	rig_env(r, "AWS_CONFIG_FILE", rig_file(r, "config", "[default\n", 0600));
	memset(seen, 0, sizeof seen);
	aws_credentials_explain(r->session, &opt, count_line, seen);
	assert_int_equal(seen[AWS_SOURCE_BROKEN], 1);
	assert_int_equal(seen[AWS_SOURCE_CHOSEN], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, creds_rig_setup, creds_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(explicit_keys_are_there_at_once),
		TEST(what_is_broken_is_told_at_once),
		TEST(equal_options_share),
		TEST(one_fetch_for_all),
		TEST(status_tells_what_came),
		TEST(rotation),
		TEST(outage_past_expiry),
		TEST(a_slow_source_is_waited_for),
		TEST(rejected_keys_are_replaced),
		TEST(rejected_and_the_source_is_down),
		TEST(the_same_keys_again_are_no_help),
		TEST(the_same_keys_live_longer),
		TEST(expired_keys_are_better_than_none),
		TEST(expired_keys_do_not_replace_good_ones),
		TEST(a_service_tells_the_time),
		TEST(a_service_tells_that_it_is_later),
		TEST(a_wrong_clock_brings_no_storm),
		TEST(no_keys_yet),
		TEST(another_source_is_none),
		TEST(keys_of_a_profile_are_read_again),
		TEST(a_command_rotates),
		TEST(the_chain_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
