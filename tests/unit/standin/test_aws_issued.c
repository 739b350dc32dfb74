/* The list of issued keys. */
#include "check.h"

#include "../../../src/standin/aws_issued.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/text.h>
#include <stdlib.h>

/* 2017-05-17T15:09:54.321Z */
#define NOW_MS 1495033794321

static const struct aws_claim task = {.source = AWS_ECS,
				      .precision = AWS_SECONDS,
				      .principal = SV("arn:aws:sts::1:assumed-role/a/b"),
				      .now_ms = NOW_MS,
				      .life_ms = 3600000};

static const struct aws_key *issue(struct aws_issued *t, const struct aws_claim *claim)
{
	const struct aws_key *key = NULL;
	assert_int_equal(aws_issue(t, claim, &key), 0);
	assert_non_null(key);
	return key;
}

static void keys_look_like_aws_keys(void **state)
{
	struct aws_issued t = {0};
	const struct aws_key *k = issue(&t, &task);
	_cleanup_(buf_deinit) struct buf token = BUF_NULL;
	buf_init(&token, 4096);
	assert_int_equal(strlen(k->access_key), 20);
	assert_memory_equal(k->access_key, "ASIA", 4);
	assert_int_equal(strspn(k->access_key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 20);
	assert_int_equal(strlen(k->secret_key), 40);
	assert_int_equal(base64_decode(&token, sv_of(k->secret_key)), 0);
	assert_int_equal(base64_decode(&token, sv_of(k->token)), 0);
	assert_true(strlen(k->token) > 400);
	aws_issued_deinit(&t);
}

static void each_is_found_and_none_is_like_another(void **state)
{
	enum { MANY = 500 };
	struct aws_issued t = {0};
	for (int i = 0; i < MANY; i++)
		issue(&t, &task);
	assert_int_equal(t.n, MANY);
	for (int i = 0; i < MANY; i++) {
		assert_ptr_equal(aws_issued_find(&t, sv_of(t.list[i]->access_key)), t.list[i]);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(t.list[i]->access_key, t.list[k]->access_key);
			assert_string_not_equal(t.list[i]->secret_key, t.list[k]->secret_key);
			assert_string_not_equal(t.list[i]->token, t.list[k]->token);
		}
	}
	assert_null(aws_issued_find(&t, SV("ASIA")));
	assert_null(aws_issued_find(&t, SV("")));
	aws_issued_deinit(&t);
}

static void expiration_is_what_is_told(void **state)
{
	static const struct {
		enum aws_precision precision;
		const char *told;
		int64_t expires_ms;
	} cases[] = {
		{AWS_SECONDS, "2017-05-17T16:09:54Z", NOW_MS + 3600000 - 321},
		{AWS_MILLISECONDS, "2017-05-17T16:09:54.321Z", NOW_MS + 3600000},
		{AWS_NANOSECONDS, "2017-05-17T16:09:54.321000123Z", NOW_MS + 3600000},
	};
	struct aws_issued t = {0};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct aws_claim c = task;
		c.precision = cases[i].precision;
		const struct aws_key *k = issue(&t, &c);
		assert_string_equal(k->expiration, cases[i].told);
		assert_int_equal(k->expires_ms, cases[i].expires_ms);
		assert_int_equal(k->issued_ms, NOW_MS);
	}
	aws_issued_deinit(&t);
}

static void the_same_ones_by_source_and_principal(void **state)
{
	struct aws_issued t = {0};
	struct aws_claim same = task, other = task, elsewhere = task;
	const struct aws_key *first = issue(&t, &task), *second = issue(&t, &task);
	assert_ptr_not_equal(first, second);
	same.same = other.same = elsewhere.same = true;
	other.principal = SV("arn:aws:sts::1:assumed-role/a/c");
	elsewhere.source = AWS_IMDS;
	assert_ptr_equal(issue(&t, &same), second);
	const struct aws_key *third = issue(&t, &other), *fourth = issue(&t, &elsewhere);
	assert_int_equal(t.n, 4);
	assert_ptr_equal(issue(&t, &other), third);
	assert_ptr_equal(issue(&t, &elsewhere), fourth);
	assert_ptr_equal(issue(&t, &same), second);
	aws_issued_deinit(&t);
}

static void all_as_json(void **state)
{
	struct aws_issued t = {0};
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 16);
	struct json_writer w = {.out = &out};
	aws_issued_json(&t, &w);
	assert_sv(buf_view(&out), "[]");
	struct aws_claim c = task;
	c.source = AWS_ASSUME_ROLE;
	c.external_id = SV("x\"1");
	const struct aws_key *k = issue(&t, &c);
	t.list[0]->writes = 3;
	t.list[0]->refused = 1;
	buf_reset(&out);
	w = (struct json_writer){.out = &out};
	aws_issued_json(&t, &w);
	char want[2048];
	snprintf(want, sizeof want,
		 "[{\"source\":\"assume_role\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\","
		 "\"Token\":\"%s\",\"Expiration\":\"2017-05-17T16:09:54Z\","
		 "\"issued_ms\":1495033794321,\"expires_ms\":1495037394000,"
		 "\"principal\":\"arn:aws:sts::1:assumed-role/a/b\",\"external_id\":\"x\\\"1\","
		 "\"writes\":3,\"refused\":1}]",
		 k->access_key, k->secret_key, k->token);
	assert_sv(buf_view(&out), want);
	aws_issued_deinit(&t);
}

static void sources_have_names(void **state)
{
	for (int i = 0; i < AWS_SOURCES_; i++) {
		struct sv name = aws_source_name((enum aws_source)i);
		assert_true(name.len > 0);
		for (int k = 0; k < i; k++)
			assert_false(sv_eq(name, aws_source_name((enum aws_source)k)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_look_like_aws_keys),
		cmocka_unit_test(each_is_found_and_none_is_like_another),
		cmocka_unit_test(expiration_is_what_is_told),
		cmocka_unit_test(the_same_ones_by_source_and_principal),
		cmocka_unit_test(all_as_json),
		cmocka_unit_test(sources_have_names),
	};
	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
