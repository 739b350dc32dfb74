/* STS. */
#include "check.h"
#include "endpoint.h"

#include <ampagent/base/file.h>

#include <unistd.h>

#define VERSION "&Version=2011-06-15"
#define ROLE "&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fpath%2Fwriter"
#define SESSION "&RoleSessionName=s%401"
#define WEB "Action=AssumeRoleWithWebIdentity" VERSION
#define ASSUME "Action=AssumeRole" VERSION
#define IDENTITY "Action=GetCallerIdentity" VERSION
#define NAMESPACE "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""

static const struct signer own = {.secret = "secret", .region = "eu-west-1", .service = "sts"};
static char token_file[64];

static void write_token(const char *token)
{
	struct err err = ERR_NULL;
	if (file_replace(token_file, sv_of(token), &err) != 0)
		fail_msg("%s", err.msg);
}

static void start_aws(bool with_token)
{
	struct standin_options o = signed_options();
	o.aws = true;
	if (with_token) {
		snprintf(token_file, sizeof token_file, "/tmp/ampagent-standin-%d", getpid());
		write_token("first token");
		o.aws_web_token_file = sv_of(token_file);
	}
	start(&o);
}

static void expect_element(const char *name, const char *want)
{
	char text[1024];
	got_element(name, text, sizeof text);
	assert_string_equal(text, want);
}

/* The answer is an error of that code, with these words. */
static void expect_error(int status, const char *code, const char *words)
{
	char id[64];
	assert_int_equal(got.status, status);
	assert_string_equal(got.content_type, "text/xml");
	assert_says(buf_view(&got.body), "<ErrorResponse " NAMESPACE ">");
	expect_element("Code", code);
	expect_element("Type", status < 500 ? "Sender" : "Receiver");
	assert_says(buf_view(&got.body), words);
	got_element("RequestId", id, sizeof id);
	assert_string_equal(id, got.request_id);
}

static struct issued got_credentials(void)
{
	struct issued k;
	got_element("AccessKeyId", k.access, sizeof k.access);
	got_element("SecretAccessKey", k.secret, sizeof k.secret);
	got_element("SessionToken", k.token, sizeof k.token);
	got_element("Expiration", k.expiration, sizeof k.expiration);
	return k;
}

static struct signer as(const struct issued *k)
{
	struct signer by = signer_of(k);
	by.region = "eu-west-1";
	by.service = "sts";
	return by;
}

static void a_web_identity_becomes_a_role(void **state)
{
	char id[64];
	start_aws(true);
	assert_int_equal(post_form(WEB ROLE SESSION "&WebIdentityToken=first+token", NULL), 200);
	assert_string_equal(got.content_type, "text/xml");
	assert_says(buf_view(&got.body), "<AssumeRoleWithWebIdentityResponse " NAMESPACE ">");
	expect_element("Arn", "arn:aws:sts::210987654321:assumed-role/writer/s@1");
	expect_element("AssumedRoleId", "AROA0123456789EXAMPL:s@1");
	got_element("RequestId", id, sizeof id);
	assert_string_equal(id, got.request_id);
	struct issued k = got_credentials();
	assert_int_equal(strlen(k.expiration), strlen("2011-07-15T23:28:33.359Z"));
	struct signer by = as(&k);
	by.service = NULL;
	assert_int_equal(write_signed(&by), 200);
}

static void web_tokens_are_read_each_time(void **state)
{
	start_aws(true);
	assert_int_equal(post_form(WEB ROLE SESSION "&WebIdentityToken=first+token", NULL), 200);
	post_form(WEB ROLE SESSION "&WebIdentityToken=no+such+token", NULL);
	expect_error(400, "InvalidIdentityToken", "verification key");
	write_token("second token\n");
	post_form(WEB ROLE SESSION "&WebIdentityToken=first+token", NULL);
	expect_error(400, "ExpiredTokenException", "Token expired: current date/time ");
	assert_int_equal(post_form(WEB ROLE SESSION "&WebIdentityToken=second+token", NULL), 200);
	assert_int_equal(post_form(WEB ROLE SESSION "&WebIdentityToken=second+token%0A", NULL),
			 200);
	switch_to("aws_assume_denied=1");
	post_form(WEB ROLE SESSION "&WebIdentityToken=second+token", NULL);
	expect_error(403, "AccessDenied",
		     "Not authorized to perform sts:AssumeRoleWithWebIdentity");
	unlink(token_file);
	switch_to("aws_assume_denied=0");
	post_form(WEB ROLE SESSION "&WebIdentityToken=second+token", NULL);
	expect_error(400, "InvalidIdentityToken", "");
}

static void roles_are_chained(void **state)
{
	start_aws(false);
	assert_int_equal(post_form(ASSUME ROLE SESSION "&ExternalId=x%3A1", &own), 200);
	assert_says(buf_view(&got.body), "<AssumeRoleResponse " NAMESPACE ">");
	struct issued k = got_credentials();
	struct signer by = as(&k);
	assert_int_equal(post_form(IDENTITY, &by), 200);
	expect_element("Arn", "arn:aws:sts::210987654321:assumed-role/writer/s@1");
	expect_element("UserId", "AROA0123456789EXAMPL:s@1");
	assert_int_equal(post_form(ASSUME ROLE "&RoleSessionName=s2", &by), 200);
	expect_element("Arn", "arn:aws:sts::210987654321:assumed-role/writer/s2");
	/* An hour is the most there is for a chain. */
	assert_int_equal(post_form(ASSUME ROLE SESSION "&DurationSeconds=7200", &own), 200);
	assert_int_equal(post_form(ASSUME ROLE SESSION "&DurationSeconds=3600", &by), 200);
	post_form(ASSUME ROLE SESSION "&DurationSeconds=7200", &by);
	expect_error(400, "ValidationError", "1 hour session limit");
	assert_int_equal(get("/aws/keys"), 200);
	assert_says(buf_view(&got.body), "\"external_id\":\"x:1\"");
}

static void who_am_i(void **state)
{
	start_aws(false);
	assert_int_equal(post_form(IDENTITY, &own), 200);
	assert_says(buf_view(&got.body), "<GetCallerIdentityResponse " NAMESPACE ">");
	expect_element("Arn", "arn:aws:iam::123456789012:user/ampagent");
	expect_element("UserId", "AIDA0123456789EXAMPL");
	expect_element("Account", "123456789012");
	switch_to("aws_identity_denied=1");
	post_form(IDENTITY, &own);
	expect_error(403, "AccessDenied",
		     "User: arn:aws:iam::123456789012:user/ampagent is not authorized to perform: "
		     "sts:GetCallerIdentity because no VPC endpoint policy");
	switch_to("aws_assume_denied=1");
	post_form(ASSUME ROLE SESSION, &own);
	expect_error(403, "AccessDenied",
		     "is not authorized to perform: sts:AssumeRole on resource: "
		     "arn:aws:iam::210987654321:role/path/writer<");
}

static void signatures(void **state)
{
	start_aws(false);
	struct signer by = own;
	post_form(IDENTITY, NULL);
	expect_error(403, "MissingAuthenticationToken", "");
	by.secret = "secrez";
	post_form(IDENTITY, &by);
	expect_error(403, "SignatureDoesNotMatch", "&#39;POST\n/\n");
	by = own;
	by.service = "aps";
	post_form(IDENTITY, &by);
	expect_error(403, "SignatureDoesNotMatch", "correct service: &#39;sts&#39;");
	by = own;
	by.access = "AKIDOTHER";
	post_form(IDENTITY, &by);
	expect_error(403, "InvalidClientTokenId",
		     "The security token included in the request is invalid.");
	by = own;
	by.shift_s = -1000;
	post_form(IDENTITY, &by);
	expect_error(403, "SignatureDoesNotMatch", "Signature expired: ");
	/* No host name says which region this is. */
	by = own;
	by.region = "us-gov-west-1";
	assert_int_equal(post_form(IDENTITY, &by), 200);
	switch_to("aws_life_ms=0");
	assert_int_equal(post_form(ASSUME ROLE SESSION, &own), 200);
	struct issued k = got_credentials();
	by = as(&k);
	post_form(IDENTITY, &by);
	expect_error(403, "ExpiredToken", "The security token included in the request is expired");
}

/* Signed for that region by the host that it is sent to. */
static int identity_at(const char *host, const char *region)
{
	struct ask a = {.method = "POST", .target = "/", .body = sv_of(IDENTITY)};
	struct signer by = own;
	by.region = region;
	add_header(&a, SV("Content-Type"), SV("application/x-www-form-urlencoded"));
	add_header(&a, SV("Host"), sv_of(host));
	sign(&a, &by);
	return ask(&a);
}

static void a_host_of_sts_has_its_region(void **state)
{
	static const struct {
		const char *host, *region;
		bool right;
	} cases[] = {
		{"sts.amazonaws.com", "us-east-1", true},
		{"sts.amazonaws.com", "eu-west-1", false},
		{"sts.eu-west-1.amazonaws.com", "eu-west-1", true},
		{"sts.eu-west-1.amazonaws.com", "us-east-1", false},
		{"sts-fips.us-west-2.amazonaws.com", "us-west-2", true},
		{"sts.eu-west-1.api.aws", "us-east-1", false},
		{"sts.cn-north-1.amazonaws.com.cn", "cn-north-1", true},
		{"sts.example.com", "eu-west-1", true},
	};
	start_aws(false);
	for (size_t i = 0; i < N_OF(cases); i++) {
		identity_at(cases[i].host, cases[i].region);
		bool scoped = sv_find_sv(buf_view(&got.body), SV("scoped to a valid region")) <
			      got.body.len;
		if (scoped == cases[i].right)
			fail_msg("%s and %s", cases[i].host, cases[i].region);
	}
}

static void forms_that_are_refused(void **state)
{
	static const struct {
		const char *form;
		const char *code, *words;
	} cases[] = {
		{"", "MissingAction", ""},
		{"Version=2011-06-15", "MissingAction", ""},
		{"Action=AssumeRole", "InvalidAction", ""},
		{"Action=GetSessionToken" VERSION, "InvalidAction", ""},
		{"Action=AssumeRole&Version=2010-01-01", "InvalidAction", ""},
		{WEB SESSION "&WebIdentityToken=abcd", "ValidationError",
		 "Value null at &#39;roleArn&#39; failed to satisfy constraint: Member must not "
		 "be null"},
		{WEB SESSION "&RoleArn=writer&WebIdentityToken=abcd", "ValidationError",
		 "Request ARN is invalid"},
		{WEB SESSION "&RoleArn=arn:aws:iam::1:role/x&WebIdentityToken=abcd",
		 "ValidationError", "Request ARN is invalid"},
		{WEB SESSION "&RoleArn=arn:aws:iam::210987654321:user/x&WebIdentityToken=abcd",
		 "ValidationError", "Request ARN is invalid"},
		{WEB SESSION "&RoleArn=arn:aws:iam::210987654321:role/&WebIdentityToken=abcd",
		 "ValidationError", "Request ARN is invalid"},
		{WEB ROLE "&WebIdentityToken=abcd", "ValidationError",
		 "Value null at &#39;roleSessionName&#39;"},
		{WEB ROLE "&RoleSessionName=a&WebIdentityToken=abcd", "ValidationError",
		 "Member must have length greater than or equal to 2"},
		{WEB ROLE "&RoleSessionName=a%20b&WebIdentityToken=abcd", "ValidationError",
		 "Value &#39;a b&#39; at &#39;roleSessionName&#39; failed to satisfy constraint: "
		 "Member must satisfy regular expression pattern: [\\w+=,.@-]*"},
		{WEB ROLE "&RoleSessionName="
			  "12345678901234567890123456789012345678901234567890123456789012345"
			  "&WebIdentityToken=abcd",
		 "ValidationError", "Member must have length less than or equal to 64"},
		{WEB ROLE SESSION, "ValidationError", "Value null at &#39;webIdentityToken&#39;"},
		{WEB ROLE SESSION "&WebIdentityToken=abc", "ValidationError",
		 "Value &#39;*&#39; at &#39;webIdentityToken&#39;"},
		{WEB ROLE SESSION "&WebIdentityToken=abcd&DurationSeconds=899", "ValidationError",
		 "greater than or equal to 900"},
		{WEB ROLE SESSION "&WebIdentityToken=abcd&DurationSeconds=43201", "ValidationError",
		 "less than or equal to 43200"},
		{WEB ROLE SESSION "&WebIdentityToken=abcd&DurationSeconds=1h", "MalformedInput",
		 ""},
	};
	start_aws(false);
	for (size_t i = 0; i < N_OF(cases); i++) {
		post_form(cases[i].form, NULL);
		expect_error(400, cases[i].code, cases[i].words);
	}
	post_form(ASSUME ROLE SESSION "&ExternalId=x", &own);
	expect_error(400, "ValidationError", "&#39;externalId&#39;");
	post_form(ASSUME ROLE SESSION "&ExternalId=x%3By", &own);
	expect_error(400, "ValidationError", "[\\w+=,.@:/-]*");
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), "\"issued\":0");
}

static void only_forms_are_read(void **state)
{
	start_aws(false);
	struct ask a = {.method = "POST", .target = "/", .body = sv_of(IDENTITY)};
	add_header(&a, SV("Content-Type"), SV("application/json"));
	assert_int_equal(ask(&a), 404);
	assert_sv(buf_view(&got.body), "<UnknownOperationException/>\n");
	assert_int_equal(get("/"), 200); /* the index page */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_web_identity_becomes_a_role),
		TEST(web_tokens_are_read_each_time),
		TEST(roles_are_chained),
		TEST(who_am_i),
		TEST(signatures),
		TEST(a_host_of_sts_has_its_region),
		TEST(forms_that_are_refused),
		TEST(only_forms_are_read),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
