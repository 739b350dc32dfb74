/* The signature check with keys that are looked up, and where any region will do: by a call of STS
 * as botocore signs it. */
#include "check.h"

#include "../../../src/standin/verify_sigv4.h"

#define KEY "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define HEADERS "content-type;host;x-amz-date;x-amz-security-token"
#define AUTH(scope, signature)                                                                     \
	"AWS4-HMAC-SHA256 Credential=" KEY "/" scope ", SignedHeaders=" HEADERS                    \
	", Signature=" signature

enum { AUTHORIZATION = 4, N_HEADERS };
/* 2015-08-30T12:36:00Z */
#define NOW_S 1440938160

static struct sigv4_header headers[N_HEADERS];

/* What the look-up knows. */
struct known {
	const char *token;
	bool expired;
	int asked;
};

static int find(void *cls, struct sv access_key, struct sigv4_key *key)
{
	struct known *k = cls;
	k->asked++;
	if (!sv_eq(access_key, SV(KEY)))
		return 1;
	*key = (struct sigv4_key){SV(SECRET), sv_of(k->token), k->expired};
	return 0;
}

static struct sigv4_received request(void)
{
	const struct sigv4_header all[N_HEADERS] = {
		{SV("Host"), SV("sts.amazonaws.com")},
		{SV("Content-Type"), SV("application/x-www-form-urlencoded; charset=utf-8")},
		{SV("X-Amz-Date"), SV("20150830T123600Z")},
		{SV("X-Amz-Security-Token"), SV(TOKEN)},
		{SV("Authorization"),
		 SV(AUTH("20150830/us-east-1/sts/aws4_request",
			 "faebc5f59e88d7f00abf73fd1cefb22c98dc62263684fae8c247135a3fa7773e"))},
	};
	memcpy(headers, all, sizeof all);
	return (struct sigv4_received){
		.method = SV("POST"),
		.raw_path = SV("/"),
		.query = SV(""),
		.body = SV("Action=GetCallerIdentity&Version=2011-06-15"),
		.headers = headers,
		.n_headers = N_HEADERS,
	};
}

static struct sigv4_expected looked_up(struct known *k)
{
	return (struct sigv4_expected){.region = SV("us-east-1"),
				       .service = SV("sts"),
				       .clock_window_s = 300,
				       .find = find,
				       .cls = k};
}

/* type NULL: it is good. */
static void expect(const struct sigv4_received *q, const struct sigv4_expected *e, const char *type,
		   const char *words)
{
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal refusal;
	sigv4_refusal_init(&refusal);
	assert_int_equal(verify_sigv4(q, e, NOW_S, &refusal), type ? 1 : 0);
	assert_string_equal(refusal.type, type ? type : "");
	assert_says(buf_view(&refusal.text), words);
}

static void a_looked_up_key_signs(void **state)
{
	struct known k = {.token = TOKEN};
	struct sigv4_received q = request();
	struct sigv4_expected e = looked_up(&k);
	expect(&q, &e, NULL, "");
	assert_int_equal(k.asked, 1);
	q.body = SV("Action=GetCallerIdentity&Version=2011-06-16");
	expect(&q, &e, "InvalidSignatureException", "does not match");
}

static void its_token_must_come_along(void **state)
{
	static const char *const tokens[] = {"", "another", TOKEN "0"};
	struct sigv4_received q = request();
	for (size_t i = 0; i < N_OF(tokens); i++) {
		struct known k = {.token = tokens[i]};
		struct sigv4_expected e = looked_up(&k);
		expect(&q, &e, "UnrecognizedClientException", "is invalid.");
	}
}

static void it_may_have_expired(void **state)
{
	struct known k = {.token = TOKEN, .expired = true};
	struct sigv4_received q = request();
	struct sigv4_expected e = looked_up(&k);
	expect(&q, &e, "ExpiredTokenException",
	       "The security token included in the request is expired");
	/* Whose token is wrong does not learn that. */
	k.token = "another";
	expect(&q, &e, "UnrecognizedClientException", "is invalid.");
}

static void the_configured_key_comes_first(void **state)
{
	struct known k = {.token = TOKEN, .expired = true};
	struct sigv4_received q = request();
	struct sigv4_expected e = looked_up(&k);
	e.access_key = SV(KEY);
	e.secret_key = SV(SECRET);
	e.session_token = SV(TOKEN);
	expect(&q, &e, NULL, "");
	assert_int_equal(k.asked, 0);
	/* Without a secret it is no key. */
	e.secret_key = SV("");
	e.find = NULL;
	expect(&q, &e, "UnrecognizedClientException", "is invalid.");
}

static void any_region(void **state)
{
	static const struct {
		const char *authorization;
		bool fine;
	} cases[] = {
		{AUTH("20150830/us-gov-west-1/sts/aws4_request", "00"), true},
		{AUTH("20150830/eu-central-1/sts/aws4_request", "00"), true},
		{AUTH("20150830//sts/aws4_request", "00"), false},
		{AUTH("20150830/global/sts/aws4_request", "00"), false},
		{AUTH("20150830/EU-CENTRAL-1/sts/aws4_request", "00"), false},
		{AUTH("20150830/eu_central-1-a/sts/aws4_request", "00"), false},
	};
	struct known k = {.token = TOKEN};
	struct sigv4_received q = request();
	struct sigv4_expected e = looked_up(&k);
	e.region = SV("");
	e.any_region = true;
	expect(&q, &e, NULL, "");
	for (size_t i = 0; i < N_OF(cases); i++) {
		headers[AUTHORIZATION].value = sv_of(cases[i].authorization);
		expect(&q, &e, "InvalidSignatureException",
		       cases[i].fine ? "does not match" : "scoped to a valid region");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_looked_up_key_signs),
		cmocka_unit_test(its_token_must_come_along),
		cmocka_unit_test(it_may_have_expired),
		cmocka_unit_test(the_configured_key_comes_first),
		cmocka_unit_test(any_region),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
