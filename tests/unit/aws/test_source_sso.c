/* Keys by the cached token of an SSO session, and each way to fail. */
#include "source_rig.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-1 of "my-session" and of "https://d-1234567890.awsapps.com/start". */
#define NAME_SESSION "9e28173066ce536e277c5fb355efd9c64f398167.json"
#define NAME_URL "7487b5b67d5fa1132cf33fa93ae51ef38cc37752.json"
#define GET_KEYS "GET /federation/credentials?role_name=Read%20Only%2B&account_id=123456789012"
#define TOKEN(until) "{\"accessToken\":\"sEcReT.tok\",\"expiresAt\":\"" until "\"}"
#define KEYS                                                                                       \
	"{\"roleCredentials\":{\"accessKeyId\":\"ASIA1\",\"secretAccessKey\":\"secret1\","         \
	"\"sessionToken\":\"token1\",\"expiration\":1795277432123}}"

static char home[64];

static char *in_cache(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/.aws/sso/cache/%s", home, name);
	return path;
}

static int setup(void **state)
{
	static const char *const dirs[] = {".aws", ".aws/sso", ".aws/sso/cache"};
	char path[256];
	rig_setup(state);
	struct rig *r = *state;
	snprintf(home, sizeof home, "/tmp/ampagent-home-XXXXXX");
	assert_non_null(mkdtemp(home));
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", home, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	rig_env("HOME", home);
	r->settings.endpoint_url_sso = sv_of(r->url);
	r->plan.source = AWS_SSO;
	r->plan.sso.session = SV("my-session");
	r->plan.sso.region = SV("eu-west-1");
	r->plan.sso.account = SV("123456789012");
	r->plan.sso.role = SV("Read Only+");
	return 0;
}

static int teardown(void **state)
{
	static const char *const dirs[] = {".aws/sso/cache", ".aws/sso", ".aws", "."};
	char path[256];
	unlink(in_cache(NAME_SESSION));
	unlink(in_cache(NAME_URL));
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s", home, dirs[i]);
		rmdir(i < 3 ? path : home);
	}
	return rig_teardown(state);
}

static void cache(const char *name, const char *text)
{
	FILE *f = fopen(in_cache(name), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void keys(void **state)
{
	struct rig *r = *state;
	static const char *const tokens[] = {
		"{\"startUrl\":\"https://x\",\"region\":\"eu-west-1\","
		"\"accessToken\":\"sEcReT.tok\",\"expiresAt\":\"2099-01-01T00:00:00Z\","
		"\"clientSecret\":\"c\",\"refreshToken\":\"r\"}",
		TOKEN("2099-01-01T00:00:00UTC"),
		TOKEN("2099-01-01T00:00:00.5+01:00"),
	};
	for (size_t i = 0; i < 3; i++) {
		cache(NAME_SESSION, tokens[i]);
		rig_answers(r, GET_KEYS, 200, KEYS);
		rig_dates(r, "Sat, 21 Nov 2026 15:10:32 GMT");
		rig_fetch(r, source_sso_start);
		rig_assert_keys(r, "ASIA1", "secret1", "token1");
		assert_int_equal(r->expires_ms, 1795277432123);
		assert_int_equal(r->peer_now_ms, 1795273832500);
		assert_string_equal(r->account, "123456789012");
	}
	rig_assert_asked(r, "x-amz-sso_bearer_token: sEcReT.tok\n");
	rig_assert_asked(r, "User-Agent: rig/1\n");
	rig_assert_not_asked(r, "Authorization");
	/* Without an sso_session the start URL names the file. */
	r->plan.sso.session = SV("https://d-1234567890.awsapps.com/start");
	cache(NAME_URL, TOKEN("2099-01-01T00:00:00Z"));
	rig_answers(r, GET_KEYS, 200, KEYS);
	rig_fetch(r, source_sso_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
}

static void no_session(void **state)
{
	struct rig *r = *state;
	static const struct {
		const char *text, *why;
	} cases[] = {
		{TOKEN("2020-01-01T00:00:00Z"), "the session ended at 2020-01-01T00:00:00Z"},
		{TOKEN("soon"), "expiresAt is no time"},
		{TOKEN("UTC"), "expiresAt is no time"},
		{TOKEN("2099-01-01T00:00:00.0000000000000000UTC"), "expiresAt is no time"},
		{"{\"accessToken\":\"sEcReT\"}", "it has no accessToken or no expiresAt"},
		{"{\"expiresAt\":\"2099-01-01T00:00:00Z\"}", "it has no accessToken"},
		{"{\"accessToken\":\"sEc\\nReT\",\"expiresAt\":\"2099-01-01T00:00:00Z\"}",
		 "accessToken has a blank"},
		{"{\"accessToken\":5}", "accessToken is not a string"},
		{"sEcReT", "JSON: expected a value"},
		{"", "JSON: unexpected end"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cache(NAME_SESSION, cases[i].text);
		rig_fetch(r, source_sso_start);
		rig_assert_why(r, cases[i].why);
		rig_assert_why(r, "run aws sso login");
		rig_assert_why(r, in_cache(NAME_SESSION));
		assert_null(strstr(r->why, "sEc"));
	}
	unlink(in_cache(NAME_SESSION));
	rig_fetch(r, source_sso_start);
	rig_assert_why(r, "run aws sso login");
	rig_assert_why(r, "cannot open");
	rig_env("HOME", NULL);
	rig_fetch(r, source_sso_start);
	/* The user's entry says where, as it does for the shared files. */
	const struct passwd *user = getpwuid(getuid());
	char path[512] = "HOME is not set";
	if (user && user->pw_dir[0])
		snprintf(path, sizeof path, "%s/.aws/sso/cache/", user->pw_dir);
	rig_assert_why(r, path);
	static char long_home[5000];
	memset(long_home, 'h', sizeof long_home - 1);
	rig_env("HOME", long_home);
	rig_fetch(r, source_sso_start);
	rig_assert_why(r, "HOME is too long");
	assert_string_equal(r->asked, "");
}

static void refusals(void **state)
{
	struct rig *r = *state;
	static const struct {
		int status;
		const char *body, *why;
	} cases[] = {
		{401, "{\"message\":\"Session token not found or invalid\"}",
		 "status 401: Session token not found or invalid: the session has ended; run aws "
		 "sso login"},
		{403, "{\"message\":\"No access\"}", "status 403: No access: may this person use"},
		{404, "{\"message\":\"not sEcReT.tok\"}", "status 404: not ***: may this"},
		{400, "", "status 400"},
		{200, "{\"roleCredentials\":{}}", "the answer has no accessKeyId"},
		{200, "<html>", "the answer cannot be read"},
	};
	cache(NAME_SESSION, TOKEN("2099-01-01T00:00:00Z"));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rig_answers(r, GET_KEYS, cases[i].status, cases[i].body);
		rig_fetch(r, source_sso_start);
		rig_assert_why(r, "keys of the role Read Only+ from the SSO portal: ");
		rig_assert_why(r, cases[i].why);
		assert_int_equal(rig_count(r, GET_KEYS), i + 1);
	}
	rig_answers(r, GET_KEYS, 500, "");
	rig_answers(r, GET_KEYS, 429, "");
	rig_answers(r, GET_KEYS, 200, KEYS);
	rig_fetch(r, source_sso_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
	r->settings.endpoint_url_sso = SV("http://127.0.0.1:1/");
	rig_fetch(r, source_sso_start);
	rig_assert_why(r, "no answer: ");
	r->settings.endpoint_url_sso = SV("ftp://nowhere");
	rig_fetch(r, source_sso_start);
	assert_false(r->good);
}

static void cancelled(void **state)
{
	struct rig *r = *state;
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	cache(NAME_SESSION, TOKEN("2099-01-01T00:00:00Z"));
	rig_answers(r, GET_KEYS, RIG_SILENT, "");
	assert_int_equal(source_sso_start(&r->env, rig_done, r, &f, &err), 0);
	rig_until(r, GET_KEYS, 1);
	f->cancel(f);
	rig_wait(r, 20);
	assert_int_equal(r->ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys, setup, teardown),
		cmocka_unit_test_setup_teardown(no_session, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(cancelled, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
