/* Answers of STS, as its API reference shows them and as they must not be. */
#include "sts_xml.h"

#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

#define CREDENTIALS                                                                                \
	"<Credentials><SessionToken>AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE</SessionToken>" \
	"<SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>"             \
	"<Expiration>2014-10-24T23:00:23Z</Expiration>"                                            \
	"<AccessKeyId>ASgeIAIOSFODNN7EXAMPLE</AccessKeyId></Credentials>"

static const char web_identity[] =
	"<AssumeRoleWithWebIdentityResponse "
	"xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
	"  <AssumeRoleWithWebIdentityResult>\n"
	"    <SubjectFromWebIdentityToken>amzn1.account.AF6RHO7KZU5XRVQJGXK6HB56KR2A"
	"</SubjectFromWebIdentityToken>\n"
	"    <Audience>client.5498841531868486423.1548@apps.example.com</Audience>\n"
	"    <AssumedRoleUser>\n"
	"      <Arn>arn:aws:sts::123456789012:assumed-role/FederatedWebIdentityRole/app1</Arn>\n"
	"      <AssumedRoleId>AROACLKWSDQRAOEXAMPLE:app1</AssumedRoleId>\n"
	"    </AssumedRoleUser>\n    " CREDENTIALS "\n"
	"    <SourceIdentity>SourceIdentityValue</SourceIdentity>\n"
	"    <Provider>www.amazon.com</Provider>\n"
	"  </AssumeRoleWithWebIdentityResult>\n"
	"  <ResponseMetadata>\n    <RequestId>ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE</RequestId>\n"
	"  </ResponseMetadata>\n</AssumeRoleWithWebIdentityResponse>";

static const char assume_role[] =
	"<s:AssumeRoleResponse xmlns:s=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
	"<s:AssumeRoleResult><s:SourceIdentity>Alice</s:SourceIdentity><s:AssumedRoleUser>"
	"<s:Arn>arn:aws-cn:sts::123456789012:assumed-role/demo/TestAR</s:Arn>"
	"<s:AssumedRoleId>ARO123EXAMPLE123:TestAR</s:AssumedRoleId></s:AssumedRoleUser>"
	"<s:Credentials><s:AccessKeyId>ASIAIOSFODNN7EXAMPLE</s:AccessKeyId>"
	"<s:SecretAccessKey>a&#x2f;b&amp;c</s:SecretAccessKey>"
	"<s:SessionToken>\n  AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwd=="
	"\n </s:SessionToken><s:Expiration>2019-11-09T13:34:41.250+00:00</s:Expiration>"
	"</s:Credentials><s:PackedPolicySize>6</s:PackedPolicySize></s:AssumeRoleResult>"
	"</s:AssumeRoleResponse>";

static void assert_sv(struct sv got, const char *want)
{
	if (!sv_eq(got, sv_of(want)))
		fail_msg("\"%.*s\" instead of \"%s\"", SV_ARG(got), want);
}

static void test_keys(void **state)
{
	_cleanup_(arena_wipe) struct arena arena;
	struct aws_got got;
	struct err err = ERR_NULL;
	arena_init(&arena, KiB(64));
	assert_int_equal(sts_keys_read(&arena, sv_of(web_identity), &got, &err), 0);
	assert_sv(got.keys.access_key, "ASgeIAIOSFODNN7EXAMPLE");
	assert_sv(got.keys.secret_key, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY");
	assert_sv(got.keys.session_token, "AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE");
	assert_sv(got.account, "123456789012");
	assert_int_equal(got.expires_ms, 1414191623000);
	assert_int_equal(got.peer_now_ms, 0);

	assert_int_equal(sts_keys_read(&arena, sv_of(assume_role), &got, &err), 0);
	assert_sv(got.keys.access_key, "ASIAIOSFODNN7EXAMPLE");
	assert_sv(got.keys.secret_key, "a/b&c");
	assert_sv(got.keys.session_token,
		  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwd==");
	assert_sv(got.account, "123456789012");
	assert_int_equal(got.expires_ms, 1573306481250);
}

/* The first place of `from` in the answer becomes `to`. */
static const struct {
	const char *from, *to, *why;
} spoils[] = {
	{"<AccessKeyId>ASgeIAIOSFODNN7EXAMPLE</AccessKeyId>", "", "AccessKeyId is missing"},
	{"ASgeIAIOSFODNN7EXAMPLE", "  ", "AccessKeyId is missing"},
	{"ASgeIAIOSFODNN7EXAMPLE", "AS GE", "AccessKeyId has a blank"},
	{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY", "wJalr\nXUtn", "SecretAccessKey has a"},
	{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY", "\xc3\xa4", "SecretAccessKey has a"},
	{"SecretAccessKey>", "secretAccessKey>", "mismatched tag"},
	{"<SessionToken>AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE</SessionToken>",
	 "<SessionToken/>", "SessionToken is missing"},
	{"2014-10-24T23:00:23Z", "tomorrow", "no readable Expiration"},
	{"2014-10-24T23:00:23Z", "1970-01-01T00:00:00Z", "no readable Expiration"},
	{"<Expiration>", "<Expiration>2014-10-24T23:00:23Z</Expiration><Expiration>",
	 "Expiration is there twice"},
	{"Credentials>", "Other><Credentials>", "mismatched tag"},
	{"<Audience>", "<Credentials><Audience>", "mismatched tag"},
	{"<AssumeRoleWithWebIdentityResponse", "<!DOCTYPE x><AssumeRoleWithWebIdentityResponse",
	 "DOCTYPE"},
	{"<Provider>", "<Provider>\x01", "not well-formed"},
};

static void spoil(struct buf *out, const char *from, const char *to)
{
	const char *at = strstr(web_identity, from);
	assert_non_null(at);
	buf_init(out, KiB(64));
	buf_append(out, web_identity, (size_t)(at - web_identity));
	buf_sv(out, sv_of(to));
	buf_sv(out, sv_of(at + strlen(from)));
}

static void test_spoiled_keys(void **state)
{
	for (size_t i = 0; i < LEN(spoils); i++) {
		_cleanup_(arena_wipe) struct arena arena;
		_cleanup_(buf_deinit) struct buf xml = BUF_NULL;
		struct aws_got got;
		struct err err = ERR_NULL;
		arena_init(&arena, KiB(64));
		spoil(&xml, spoils[i].from, spoils[i].to);
		int r = sts_keys_read(&arena, buf_view(&xml), &got, &err);
		if (r != 1 || !strstr(err.msg, spoils[i].why))
			fail_msg("%s for %s: %d, %s", spoils[i].to, spoils[i].from, r, err.msg);
		assert_null(strstr(err.msg, "wJalr"));
		assert_null(strstr(err.msg, "AQoDYX"));
	}
}

/* Elements of the same name in other places are not what is meant. */
static void test_place_counts(void **state)
{
	_cleanup_(arena_wipe) struct arena arena;
	_cleanup_(buf_deinit) struct buf xml = BUF_NULL;
	struct aws_got got;
	arena_init(&arena, KiB(64));
	spoil(&xml, "<Provider>", "<AccessKeyId>other</AccessKeyId><Arn>arn:x</Arn><Provider>");
	assert_int_equal(sts_keys_read(&arena, buf_view(&xml), &got, NULL), 0);
	assert_sv(got.keys.access_key, "ASgeIAIOSFODNN7EXAMPLE");
	assert_sv(got.account, "123456789012");
	buf_deinit(&xml);
	/* The account is good to know, no more. */
	spoil(&xml,
	      "<Arn>arn:aws:sts::123456789012:assumed-role/FederatedWebIdentityRole/app1</Arn>",
	      "");
	assert_int_equal(sts_keys_read(&arena, buf_view(&xml), &got, NULL), 0);
	assert_int_equal(got.account.len, 0);
	/* No room. */
	struct arena none;
	arena_init(&none, 10);
	assert_int_equal(sts_keys_read(&none, sv_of(web_identity), &got, NULL), ERR_NOMEM);
	arena_deinit(&none);
}

static void test_identity(void **state)
{
	static const char xml[] =
		"<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
		" <GetCallerIdentityResult>\n"
		"  "
		"<Arn>arn:aws:sts::123456789012:assumed-role/my-role-name/my-role-session-name</"
		"Arn>\n"
		"  <UserId>ARO123EXAMPLE123:my-role-session-name</UserId>\n"
		"  <Account>123456789012</Account>\n </GetCallerIdentityResult>\n"
		" <ResponseMetadata>\n  "
		"<RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>\n"
		" </ResponseMetadata>\n</GetCallerIdentityResponse>";
	_cleanup_(arena_deinit) struct arena arena;
	struct aws_identity id;
	struct err err = ERR_NULL;
	arena_init(&arena, KiB(64));
	assert_int_equal(sts_identity_read(&arena, sv_of(xml), &id, &err), 0);
	assert_sv(id.account, "123456789012");
	assert_sv(id.arn,
		  "arn:aws:sts::123456789012:assumed-role/my-role-name/my-role-session-name");
	assert_sv(id.user_id, "ARO123EXAMPLE123:my-role-session-name");
	assert_int_equal(sts_identity_read(&arena, sv_of(web_identity), &id, &err), 1);
	assert_non_null(strstr(err.msg, "Account is missing"));
	assert_int_equal(sts_keys_read(&arena, sv_of(xml), &(struct aws_got){0}, &err), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_spoiled_keys),
		cmocka_unit_test(test_place_counts),
		cmocka_unit_test(test_identity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
