#include "check.h"

#include "../../../src/standin/switches.h"

static struct switches of(const struct standin_options *o)
{
	struct switches s;
	switches_init(&s, o);
	return s;
}

static void nothing_is_on_by_default(void **state)
{
	struct standin_options o = standin_options_default();
	struct switches s = of(&o);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(switches_choose(&s), SWITCH_NONE);
	assert_false(switches_outage(&s, 123456));
	assert_int_equal(s.o.latency_ms, 0);
}

static void a_rate_of_one_is_always(void **state)
{
	static const struct {
		const char *name;
		enum switch_action one, other;
	} cases[] = {
		{"rate_429", SWITCH_429, SWITCH_429_TPS},
		{"rate_500", SWITCH_5XX, SWITCH_5XX},
		{"rate_403", SWITCH_403, SWITCH_403},
		{"rate_drop", SWITCH_DROP, SWITCH_DROP_STORED},
		{"rate_400", SWITCH_400, SWITCH_400_SILENT},
		{"rate_202", SWITCH_202, SWITCH_202},
		{"rate_404", SWITCH_404, SWITCH_404},
		{"rate_413", SWITCH_413, SWITCH_413},
		{"rate_400_size", SWITCH_400_SIZE, SWITCH_400_SIZE},
		{"rate_400_many", SWITCH_400_MANY, SWITCH_400_MANY},
		{"rate_400_limit", SWITCH_400_LIMIT, SWITCH_400_LIMIT},
		{"rate_403_denied", SWITCH_403_DENIED, SWITCH_403_UNKNOWN},
		{"rate_reset", SWITCH_RESET, SWITCH_RESET_STORED},
		{"rate_truncate", SWITCH_TRUNCATE, SWITCH_TRUNCATE_STORED},
		{"rate_hang", SWITCH_HANG, SWITCH_HANG_STORED},
		{"rate_vanish", SWITCH_VANISH, SWITCH_VANISH_STORED},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct standin_options o = standin_options_default();
		struct switches s = of(&o);
		assert_int_equal(switches_set(&s, sv_of(cases[i].name), SV("1")), 0);
		int one = 0, other = 0;
		for (int k = 0; k < 100; k++) {
			enum switch_action a = switches_choose(&s);
			one += a == cases[i].one;
			other += a == cases[i].other;
			assert_true(a == cases[i].one || a == cases[i].other);
		}
		/* Both forms of an answer come up. */
		assert_true(one > 0 && other > 0);
	}
}

static void shares_are_kept_and_repeatable(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_429 = 0.1;
	o.rate_500 = 0.2;
	o.rate_400 = 0.3;
	o.seed = 42;
	struct switches s = of(&o), again = of(&o);
	int count[SWITCH_ACTIONS_] = {0};
	for (int i = 0; i < 10000; i++) {
		enum switch_action a = switches_choose(&s);
		assert_int_equal(a, switches_choose(&again));
		count[a]++;
	}
	assert_in_range(count[SWITCH_429] + count[SWITCH_429_TPS], 800, 1200);
	assert_in_range(count[SWITCH_5XX], 1800, 2200);
	assert_in_range(count[SWITCH_400] + count[SWITCH_400_SILENT], 2700, 3300);
	assert_in_range(count[SWITCH_NONE], 3700, 4300);
	assert_int_equal(count[SWITCH_403] + count[SWITCH_DROP] + count[SWITCH_DROP_STORED], 0);
}

static void server_errors_vary(void **state)
{
	struct standin_options o = standin_options_default();
	struct switches s = of(&o);
	bool seen[505] = {false};
	for (int i = 0; i < 100; i++) {
		int status = switches_5xx(&s);
		assert_in_range(status, 500, 504);
		seen[status] = true;
	}
	assert_true(seen[500] && !seen[501] && seen[502] && seen[503] && seen[504]);
}

static void outage_is_the_end_of_each_period(void **state)
{
	struct standin_options o = standin_options_default();
	o.outage_every_s = 10;
	o.outage_for_s = 3;
	struct switches s = of(&o);
	static const struct {
		int64_t at_ms;
		bool out;
	} cases[] = {{0, false},     {6999, false},  {7000, true}, {9999, true},
		     {10000, false}, {16999, false}, {17000, true}};
	for (size_t i = 0; i < N_OF(cases); i++)
		assert_int_equal(switches_outage(&s, cases[i].at_ms), cases[i].out);
	assert_int_equal(switches_set(&s, SV("outage_for_s"), SV("0")), 0);
	assert_false(switches_outage(&s, 9999));
}

static void values_are_checked(void **state)
{
	static const struct {
		const char *name, *value;
		int want;
	} cases[] = {
		{"rate_429", "0.5", 0},
		{"rate_429", "0", 0},
		{"rate_429", "1.01", 2},
		{"rate_429", "-0.1", 2},
		{"rate_429", "NaN", 2},
		{"rate_429", "", 2},
		{"latency_ms", "100", 0},
		{"latency_ms", "-1", 2},
		{"latency_ms", "1s", 2},
		{"latency_ms", "99999999999", 2},
		{"rate_418", "1", 1},
		{"", "", 1},
		{"seed", "1", 1},
		{"random", "1", 1},
		{"accept_v2", "0", 0},
		{"accept_v2", "2", 2},
		{"aws_api_rate", "2.5", 0},
		{"aws_api_rate", "-1", 2},
		{"aws_api_rate", "inf", 2},
		{"aws_api_denied", "", 0},
		{"aws_api_denied", "a b", 2},
		{"aws_api_denied", "List\"", 2},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct standin_options o = standin_options_default();
		struct switches s = of(&o);
		assert_int_equal(switches_set(&s, sv_of(cases[i].name), sv_of(cases[i].value)),
				 cases[i].want);
	}
}

static void all_are_shown(void **state)
{
	struct standin_options o = standin_options_default();
	o.latency_ms = 7;
	o.rate_500 = 0.25;
	o.outage_every_s = 60;
	struct switches s = of(&o);
	assert_int_equal(switches_set(&s, SV("clock_behind_s"), SV("400")), 0);
	assert_int_equal(switches_set(&s, SV("aws_api_fail_at"), SV("3")), 0);
	assert_int_equal(switches_set(&s, SV("aws_api_denied"), SV("ListTasks,*")), 0);
	assert_int_equal(switches_clock_ms(&s), -400000);
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4096);
	struct json_writer w = {.out = &out};
	switches_json(&s, &w);
	assert_sv(buf_view(&out), "{\"latency_ms\":7,\"rate_429\":0,\"rate_500\":0.25,"
				  "\"rate_403\":0,\"rate_drop\":0,\"rate_400\":0,"
				  "\"rate_202\":0,\"rate_404\":0,\"rate_413\":0,"
				  "\"rate_400_size\":0,\"rate_400_many\":0,"
				  "\"rate_400_limit\":0,\"rate_403_denied\":0,"
				  "\"rate_reset\":0,\"rate_truncate\":0,\"rate_hang\":0,"
				  "\"rate_vanish\":0,\"hang_ms\":30000,\"read_pause_ms\":0,"
				  "\"retry_after_s\":0,\"clock_ahead_s\":0,"
				  "\"clock_behind_s\":400,"
				  "\"outage_every_s\":60,\"outage_for_s\":0,\"accept_v2\":1,"
				  "\"aws_life_ms\":3600000,\"aws_grace_ms\":0,"
				  "\"aws_latency_ms\":0,\"aws_token_ms\":0,\"aws_down\":0,"
				  "\"aws_throttled\":0,\"aws_empty\":0,\"aws_hang\":0,"
				  "\"aws_same\":0,\"aws_hop_limit\":0,\"aws_imds_off\":0,"
				  "\"aws_no_role\":0,\"aws_no_extended\":0,"
				  "\"aws_role_failed\":0,\"aws_assume_denied\":0,"
				  "\"aws_identity_denied\":0,\"aws_denied\":0,\"aws_mute\":0,"
				  "\"aws_redirect\":0,\"aws_api_rate\":20,\"aws_api_burst\":50,"
				  "\"aws_task_rate\":40,\"aws_task_burst\":60,"
				  "\"aws_task_down\":0,\"aws_task_garbage\":0,"
				  "\"aws_task_hang\":0,\"aws_api_fail_at\":3,"
				  "\"aws_api_down\":0,\"aws_api_hang\":0,"
				  "\"aws_api_garbage\":0,"
				  "\"aws_api_denied\":\"ListTasks,*\"}");
}

static void actions_have_names(void **state)
{
	for (int i = 0; i < SWITCH_ACTIONS_; i++) {
		struct sv name = switch_action_name((enum switch_action)i);
		assert_true(name.len > 0);
		for (int k = 0; k < i; k++)
			assert_false(sv_eq(name, switch_action_name((enum switch_action)k)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_on_by_default),
		cmocka_unit_test(a_rate_of_one_is_always),
		cmocka_unit_test(shares_are_kept_and_repeatable),
		cmocka_unit_test(server_errors_vary),
		cmocka_unit_test(outage_is_the_end_of_each_period),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(all_are_shown),
		cmocka_unit_test(actions_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
