/* Errors as AWS documents them, XML of three shapes and JSON; what their codes mean. */
#include "call_private.h"

#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

static const struct {
	const char *body, *code, *message, *id;
} readable[] = {
	/* STS */
	{"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n"
	 "    <Type>Sender</Type>\n    <Code>InvalidParameter</Code>\n"
	 "    <Message>Session name is &quot;x&quot;.</Message>\n  </Error>\n"
	 "  <RequestId>4bc0ed7c-0000-11e4-8cb2-69f4EXAMPLE</RequestId>\n</ErrorResponse>\n",
	 "InvalidParameter", "Session name is \"x\".", "4bc0ed7c-0000-11e4-8cb2-69f4EXAMPLE"},
	/* EC2 */
	{"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>"
	 "<Code>InvalidInstanceID.NotFound</Code>"
	 "<Message>The instance ID 'i-1a2b3c4d' does not exist</Message></Error></Errors>"
	 "<RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>",
	 "InvalidInstanceID.NotFound", "The instance ID 'i-1a2b3c4d' does not exist",
	 "ea966190-f9aa-478e-9ede-example"},
	/* several: the first counts */
	{"<Response><Errors><Error><Code>A</Code><Message>m</Message></Error>"
	 "<Error><Code>B</Code><Message>n</Message></Error></Errors></Response>",
	 "A", "m", ""},
	/* the shape of S3 */
	{"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message>"
	 "<RequestId>656c76696e</RequestId><HostId>x</HostId></Error>",
	 "SlowDown", "Reduce your request rate.", "656c76696e"},
	{"<ErrorResponse><Error><Message>only that</Message></Error></ErrorResponse>", "",
	 "only that", ""},
	/* not what is meant */
	{"<ErrorResponse><Code>no</Code><Error><Detail><Code>no</Code></Detail>"
	 "<Code>yes</Code></Error></ErrorResponse>",
	 "yes", "", ""},
	/* JSON */
	{"{\"__type\":\"UnrecognizedClientException\",\"message\":\"The security token included in "
	 "the request is invalid.\"}",
	 "UnrecognizedClientException", "The security token included in the request is invalid.",
	 ""},
	{" {\"__type\":\"com.amazon.coral.service#AccessDeniedException\",\"Message\":\"no\"}",
	 "AccessDeniedException", "no", ""},
	{"{\"code\":\"FooError:http://internal.amazon.com/coral/com.amazon.coral.validate/\"}",
	 "FooError", "", ""},
	{"{\"__type\":\"aws.protocoltests#FooError:http://internal/#x\"}", "FooError", "", ""},
	{"{\"message\":\"Rate exceeded\"}", "", "Rate exceeded", ""},
	{"{\"Code\":\"Trouble\",\"Message\":\"m\",\"n\":{\"__type\":\"x\"}}", "Trouble", "m", ""},
	{"{\"code\":403,\"message\":\"m\"}", "", "m", ""},
};

static void test_readable(void **state)
{
	for (size_t i = 0; i < LEN(readable); i++) {
		_cleanup_(arena_wipe) struct arena arena;
		struct sv code, message, id;
		arena_init(&arena, KiB(64));
		if (aws_error_read(&arena, sv_of(readable[i].body), &code, &message, &id) != 0)
			fail_msg("%s", readable[i].body);
		if (!sv_eq(code, sv_of(readable[i].code)) ||
		    !sv_eq(message, sv_of(readable[i].message)) ||
		    !sv_eq(id, sv_of(readable[i].id)))
			fail_msg("%s: %.*s, %.*s, %.*s", readable[i].body, SV_ARG(code),
				 SV_ARG(message), SV_ARG(id));
	}
}

static const char *const unreadable[] = {
	"",
	" ",
	"Bad Gateway",
	"<",
	"<html><head><title>502</title></head><body><Error><Code>x</Code></Error></body></html>",
	"<ErrorResponse><Error><Code>x</Code>",
	"<!DOCTYPE ErrorResponse><ErrorResponse><Error><Code>x</Code></Error></ErrorResponse>",
	"<ErrorResponse/>",
	"<ErrorResponse><RequestId>1</RequestId></ErrorResponse>",
	"{",
	"{}",
	"{\"message\":5}",
	"[\"message\"]",
	"\"message\"",
};

static void test_unreadable(void **state)
{
	for (size_t i = 0; i < LEN(unreadable); i++) {
		_cleanup_(arena_wipe) struct arena arena;
		struct sv code = SV("x"), message = SV("x"), id = SV("x");
		arena_init(&arena, KiB(64));
		if (aws_error_read(&arena, sv_of(unreadable[i]), &code, &message, &id) != 1)
			fail_msg("%s", unreadable[i]);
		assert_int_equal(code.len + message.len + id.len, 0);
	}
	/* No room for what is read. */
	struct arena none;
	struct sv code, message, id;
	arena_init(&none, 1);
	assert_int_equal(aws_error_read(&none, sv_of(readable[0].body), &code, &message, &id), 1);
	assert_int_equal(aws_error_read(&none, SV("{\"message\":\"long\"}"), &code, &message, &id),
			 1);
	arena_deinit(&none);
}

static const struct {
	int status;
	const char *code;
	enum aws_verdict verdict;
} verdicts[] = {
	{200, "", AWS_CALL_OK},
	{204, "", AWS_CALL_OK},
	{301, "", AWS_CALL_REFUSED},
	{302, "", AWS_CALL_REFUSED},
	{307, "", AWS_CALL_REFUSED},
	{400, "", AWS_CALL_REFUSED},
	{401, "", AWS_CALL_DENIED},
	{403, "", AWS_CALL_DENIED},
	{404, "", AWS_CALL_REFUSED},
	{408, "", AWS_CALL_TRANSIENT},
	{429, "", AWS_CALL_THROTTLED},
	{429, "Unheard", AWS_CALL_THROTTLED},
	{500, "", AWS_CALL_TRANSIENT},
	{503, "Unheard", AWS_CALL_TRANSIENT},
	/* the standard retry mode's codes, whatever the status */
	{400, "Throttling", AWS_CALL_THROTTLED},
	{400, "ThrottlingException", AWS_CALL_THROTTLED},
	{400, "ThrottledException", AWS_CALL_THROTTLED},
	{400, "RequestThrottledException", AWS_CALL_THROTTLED},
	{400, "RequestThrottled", AWS_CALL_THROTTLED},
	{400, "TooManyRequestsException", AWS_CALL_THROTTLED},
	{400, "ProvisionedThroughputExceededException", AWS_CALL_THROTTLED},
	{400, "TransactionInProgressException", AWS_CALL_THROTTLED},
	{503, "RequestLimitExceeded", AWS_CALL_THROTTLED},
	{400, "BandwidthLimitExceeded", AWS_CALL_THROTTLED},
	{400, "LimitExceededException", AWS_CALL_THROTTLED},
	{503, "SlowDown", AWS_CALL_THROTTLED},
	{400, "PriorRequestNotComplete", AWS_CALL_THROTTLED},
	{503, "EC2ThrottledException", AWS_CALL_THROTTLED},
	{400, "RequestTimeout", AWS_CALL_TRANSIENT},
	{400, "RequestTimeoutException", AWS_CALL_TRANSIENT},
	{400, "IDPCommunicationError", AWS_CALL_TRANSIENT},
	{400, "InvalidIdentityToken", AWS_CALL_TRANSIENT},
	{400, "InternalFailure", AWS_CALL_TRANSIENT},
	/* clock */
	{403, "RequestTimeTooSkewed", AWS_CALL_CLOCK},
	{400, "RequestExpired", AWS_CALL_CLOCK},
	{403, "RequestInTheFuture", AWS_CALL_CLOCK},
	/* keys */
	{403, "ExpiredToken", AWS_CALL_EXPIRED},
	{400, "ExpiredTokenException", AWS_CALL_EXPIRED},
	{403, "InvalidClientTokenId", AWS_CALL_EXPIRED},
	{400, "UnrecognizedClientException", AWS_CALL_EXPIRED},
	{401, "AuthFailure", AWS_CALL_EXPIRED},
	/* rights */
	{403, "AccessDenied", AWS_CALL_DENIED},
	{400, "AccessDeniedException", AWS_CALL_DENIED},
	{403, "UnauthorizedOperation", AWS_CALL_DENIED},
	{403, "IDPRejectedClaim", AWS_CALL_DENIED},
	/* the request itself */
	{403, "SignatureDoesNotMatch", AWS_CALL_REFUSED},
	{403, "RegionDisabledException", AWS_CALL_REFUSED},
	{400, "ValidationError", AWS_CALL_REFUSED},
	{400, "throttling", AWS_CALL_REFUSED},
};

static void test_verdicts(void **state)
{
	for (size_t i = 0; i < LEN(verdicts); i++) {
		enum aws_verdict v = aws_verdict_of(verdicts[i].status, sv_of(verdicts[i].code));
		if (v != verdicts[i].verdict)
			fail_msg("%d %s: %d", verdicts[i].status, verdicts[i].code, (int)v);
	}
}

static void test_codes_that_may_be_the_clock(void **state)
{
	assert_true(aws_code_may_be_clock(SV("SignatureDoesNotMatch")));
	assert_true(aws_code_may_be_clock(SV("InvalidSignatureException")));
	assert_true(aws_code_may_be_clock(SV("AuthFailure")));
	assert_true(aws_code_may_be_clock(SV("AccessDeniedException")));
	assert_false(aws_code_may_be_clock(SV("")));
	assert_false(aws_code_may_be_clock(SV("ExpiredToken")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_codes_that_may_be_the_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
