/* Errors of AWS APIs: what a code means, and where it stands in an answer. */
#include "call_private.h"
#include "json_pick.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/xml.h>

enum { TEXT_MAX = KiB(64) };

/* ---- meaning ---- */

static bool listed(const char *const *codes, struct sv code)
{
	for (; *codes; codes++)
		if (sv_eq(code, sv_of(*codes)))
			return true;
	return false;
}

static bool throttled(struct sv code)
{
	static const char *const codes[] = {"Throttling",
					    "ThrottlingException",
					    "ThrottledException",
					    "RequestThrottledException",
					    "RequestThrottled",
					    "TooManyRequestsException",
					    "ProvisionedThroughputExceededException",
					    "TransactionInProgressException",
					    "RequestLimitExceeded",
					    "BandwidthLimitExceeded",
					    "LimitExceededException",
					    "SlowDown",
					    "PriorRequestNotComplete",
					    "EC2ThrottledException",
					    NULL};
	return listed(codes, code);
}

/* InvalidIdentityToken is among them because a new identity provider or a new key of it takes a
 * while to be known everywhere. */
static bool transient(struct sv code)
{
	static const char *const codes[] = {
		"RequestTimeout",        "RequestTimeoutException",
		"IDPCommunicationError", "IDPCommunicationErrorException",
		"InvalidIdentityToken",  "InvalidIdentityTokenException",
		"InternalError",         "InternalFailure",
		"InternalServerError",   "InternalServerException",
		"ServiceUnavailable",    "ServiceUnavailableException",
		"Unavailable",           NULL};
	return listed(codes, code);
}

static bool clock(struct sv code)
{
	static const char *const codes[] = {"RequestTimeTooSkewed", "RequestExpired",
					    "RequestInTheFuture", NULL};
	return listed(codes, code);
}

static bool expired(struct sv code)
{
	static const char *const codes[] = {"ExpiredToken",
					    "ExpiredTokenException",
					    "InvalidClientTokenId",
					    "UnrecognizedClientException",
					    "InvalidAccessKeyId",
					    "InvalidToken",
					    "TokenRefreshRequired",
					    "AuthFailure",
					    NULL};
	return listed(codes, code);
}

static bool denied(struct sv code)
{
	static const char *const codes[] = {"AccessDenied",          "AccessDeniedException",
					    "UnauthorizedOperation", "UnauthorizedAccess",
					    "AuthorizationError",    "NotAuthorized",
					    "IDPRejectedClaim",      NULL};
	return listed(codes, code);
}

bool aws_code_may_be_clock(struct sv code)
{
	static const char *const codes[] = {"InvalidSignatureException",
					    "SignatureDoesNotMatch",
					    "AuthFailure",
					    "AccessDenied",
					    "AccessDeniedException",
					    NULL};
	return listed(codes, code);
}

static enum aws_verdict verdict_of_status(int status)
{
	if (status == 429)
		return AWS_CALL_THROTTLED;
	if (status >= 500 || status == 408)
		return AWS_CALL_TRANSIENT;
	return status == 401 || status == 403 ? AWS_CALL_DENIED : AWS_CALL_REFUSED;
}

enum aws_verdict aws_verdict_of(int status, struct sv code)
{
	if (status >= 200 && status < 300)
		return AWS_CALL_OK;
	if (throttled(code))
		return AWS_CALL_THROTTLED;
	if (transient(code))
		return AWS_CALL_TRANSIENT;
	if (clock(code))
		return AWS_CALL_CLOCK;
	if (expired(code))
		return AWS_CALL_EXPIRED;
	if (denied(code))
		return AWS_CALL_DENIED;
	/* A code that is not listed is about the request itself, unless the service is ill. */
	if (code.len > 0 && status < 500 && status != 429)
		return AWS_CALL_REFUSED;
	return verdict_of_status(status);
}

/* ---- reading ---- */

struct sv aws_error_code(struct sv type)
{
	type = sv_trim(sv_make(type.ptr, sv_find(type, ':')));
	size_t hash = sv_find(type, '#');
	return hash < type.len ? sv_from(type, hash + 1) : type;
}

struct error_reader {
	struct arena *arena;
	struct sv *code, *message, *request_id;
	int depth, error_depth; /* of the first Error that is open; 0 = none */
};

static int on_begin(void *cls, struct sv name, struct err *err)
{
	struct error_reader *r = cls;
	r->depth++;
	if (r->depth == 1 && !sv_eq(name, SV("ErrorResponse")) && !sv_eq(name, SV("Response")) &&
	    !sv_eq(name, SV("Error")))
		return 1;
	if (r->error_depth == 0 && sv_eq(name, SV("Error")))
		r->error_depth = r->depth;
	return 0;
}

/* The first one counts. */
static int keep(struct arena *arena, struct sv *slot, struct sv text)
{
	text = sv_trim(text);
	if (slot->len > 0 || text.len == 0)
		return 0;
	*slot = arena_dup(arena, text);
	return slot->ptr ? 0 : 1;
}

static int on_end(void *cls, struct sv name, struct sv text, struct err *err)
{
	struct error_reader *r = cls;
	bool inside = r->error_depth > 0 && r->depth == r->error_depth + 1;
	int result = 0;
	if (inside && sv_eq(name, SV("Code")))
		result = keep(r->arena, r->code, text);
	else if (inside && sv_eq(name, SV("Message")))
		result = keep(r->arena, r->message, text);
	else if (sv_eq_nocase(name, SV("RequestId")))
		result = keep(r->arena, r->request_id, text);
	if (r->depth == r->error_depth)
		r->error_depth = 0;
	r->depth--;
	return result;
}

static int read_xml(struct error_reader *r, struct sv body)
{
	const struct xml_handler handler = {on_begin, on_end, r};
	return xml_read(body, TEXT_MAX, &handler, NULL);
}

/* Some services write the code as a number: that is the status once more. */
static int read_json(struct arena *arena, struct sv body, struct sv *code, struct sv *message)
{
	struct aws_json_member members[] = {{.name = "message"},
					    {.name = "Message"},
					    {.name = "__type"},
					    {.name = "code"},
					    {.name = "Code"}};
	enum { WITHOUT_CODE = 3, ALL = sizeof members / sizeof members[0] };
	if (aws_json_pick(arena, body, NULL, members, ALL, NULL) != 0 &&
	    aws_json_pick(arena, body, NULL, members, WITHOUT_CODE, NULL) != 0)
		return 1;
	*message = members[0].value.len ? members[0].value : members[1].value;
	for (size_t i = 2; i < ALL && code->len == 0; i++)
		*code = aws_error_code(members[i].value);
	return 0;
}

int aws_error_read(struct arena *arena, struct sv body, struct sv *code, struct sv *message,
		   struct sv *request_id)
{
	*code = *message = *request_id = SV_NULL;
	struct sv text = sv_trim(body);
	int r = 1;
	if (sv_starts_with(text, SV("<"))) {
		struct error_reader reader = {arena, code, message, request_id, 0, 0};
		r = read_xml(&reader, text);
	} else if (sv_starts_with(text, SV("{"))) {
		r = read_json(arena, text, code, message);
	}
	if (r == 0 && (code->len > 0 || message->len > 0))
		return 0;
	*code = *message = *request_id = SV_NULL;
	return 1;
}
