/* STS: its query protocol, a form in and XML out. AssumeRoleWithWebIdentity is proved by its token
 * alone; the other two are signed, for service sts. */
#include "standin_private.h"

#include "aws_xml.h"
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ctype.h>

enum {
	VALUE_MAX = 32 << 10,
	TOKEN_MIN = 4,
	TOKEN_MAX = 20000,
	SESSION_MIN = 2,
	SESSION_MAX = 64,
	EXTERNAL_ID_MIN = 2,
	EXTERNAL_ID_MAX = 1224,
	DURATION_MIN_S = 900,
	DURATION_MAX_S = 43200,
	CHAINED_MAX_S = 3600,
	ACCOUNT_CHARS = 12,
};

#define NAMESPACE "https://sts.amazonaws.com/doc/2011-06-15/"
#define VERSION "2011-06-15"

/* --- XML --- */

static void element(struct buf *out, const char *indent, const char *name, struct sv text)
{
	buf_printf(out, "%s<%s>", indent, name);
	aws_xml_text(out, text);
	buf_printf(out, "</%s>\n", name);
}

static void begin(struct aws_reply *r, int status)
{
	standin_request_id(r->header_text);
	r->status = status;
	r->type = SV("text/xml");
	r->headers[r->n_headers++] =
		(struct http_header){SV("x-amzn-RequestId"), sv_of(r->header_text)};
}

static void answer_begin(struct aws_reply *r, const char *action)
{
	begin(r, 200);
	buf_printf(&r->body, "<%sResponse xmlns=\"" NAMESPACE "\">\n  <%sResult>\n", action,
		   action);
}

static void answer_end(struct aws_reply *r, const char *action)
{
	buf_printf(&r->body,
		   "  </%sResult>\n  <ResponseMetadata>\n    <RequestId>%s</RequestId>\n"
		   "  </ResponseMetadata>\n</%sResponse>\n",
		   action, r->header_text, action);
}

void aws_sts_error(struct aws_reply *r, int status, const char *code, const char *text)
{
	/* STS throttles with 400. */
	begin(r, status == 429 ? 400 : status);
	struct buf *out = &r->body;
	buf_sv(out, SV("<ErrorResponse xmlns=\"" NAMESPACE "\">\n  <Error>\n"));
	element(out, "    ", "Type", status >= 500 ? SV("Receiver") : SV("Sender"));
	element(out, "    ", "Code", sv_of(code));
	element(out, "    ", "Message", sv_of(text));
	buf_printf(out, "  </Error>\n  <RequestId>%s</RequestId>\n</ErrorResponse>\n",
		   r->header_text);
}

/* --- what was asked --- */

struct ask {
	struct buf action, version, role, session, duration, external_id, token;
	struct sv partition, account, role_name; /* of role */
};

static void ask_wipe(struct ask *a)
{
	buf_deinit(&a->action);
	buf_deinit(&a->version);
	buf_deinit(&a->role);
	buf_deinit(&a->session);
	buf_deinit(&a->duration);
	buf_deinit(&a->external_id);
	buf_wipe(&a->token);
}
DEFINE_CLEANUP(struct ask, ask_wipe)

/* Absent: empty. */
static void parameter(struct sv body, struct sv name, struct buf *out)
{
	buf_init(out, VALUE_MAX);
	if (http_query_get(body, name, out) != 0)
		buf_reset(out);
}

static void read_ask(struct sv body, struct ask *a)
{
	parameter(body, SV("Action"), &a->action);
	parameter(body, SV("Version"), &a->version);
	parameter(body, SV("RoleArn"), &a->role);
	parameter(body, SV("RoleSessionName"), &a->session);
	parameter(body, SV("DurationSeconds"), &a->duration);
	parameter(body, SV("ExternalId"), &a->external_id);
	parameter(body, SV("WebIdentityToken"), &a->token);
}

/* Each check_ function: 0 to go on, 1 when the reply is made. */

static int invalid(struct aws_reply *r, struct sv value, const char *name, const char *constraint)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, KiB(4));
	buf_sv(&text, SV("1 validation error detected: Value "));
	if (value.len > 0)
		buf_printf(&text, "'%.*s'", (int)(value.len < 256 ? value.len : 256), value.ptr);
	else
		buf_sv(&text, SV("null"));
	buf_printf(&text, " at '%s' failed to satisfy constraint: Member must %s", name,
		   constraint);
	buf_char(&text, '\0');
	aws_sts_error(r, 400, "ValidationError", buf_failed(&text) ? "" : text.ptr);
	return 1;
}

static int check_text(struct aws_reply *r, const struct buf *value, const char *name, size_t min,
		      size_t max, const char *besides)
{
	struct sv s = buf_view(value);
	char constraint[96];
	if (s.len == 0)
		return invalid(r, SV_NULL, name, "not be null");
	snprintf(constraint, sizeof constraint, "have length %s than or equal to %zu",
		 s.len < min ? "greater" : "less", s.len < min ? min : max);
	/* A token's value is a secret. */
	if (s.len < min || s.len > max)
		return invalid(r, besides ? s : SV("*"), name, constraint);
	for (size_t i = 0; besides && i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (isalnum(c) || c == '_' || (c != '\0' && strchr(besides, c)))
			continue;
		snprintf(constraint, sizeof constraint,
			 "satisfy regular expression pattern: [\\w%s]*", besides);
		return invalid(r, s, name, constraint);
	}
	return 0;
}

/* arn:<partition>:iam::<account>:role/<path/><name> */
static int check_role(struct ask *a, struct aws_reply *r)
{
	struct sv rest = buf_view(&a->role), part[5];
	if (rest.len == 0)
		return invalid(r, SV_NULL, "roleArn", "not be null");
	for (size_t i = 0; i < 5; i++) {
		part[i] = sv_make(rest.ptr, sv_find(rest, ':'));
		rest = sv_from(rest, part[i].len + 1);
	}
	a->partition = part[1];
	a->account = part[4];
	a->role_name = sv_from(rest, sizeof "role/" - 1);
	while (sv_find(a->role_name, '/') < a->role_name.len)
		a->role_name = sv_from(a->role_name, sv_find(a->role_name, '/') + 1);
	uint64_t number;
	if (sv_eq(part[0], SV("arn")) && sv_starts_with(a->partition, SV("aws")) &&
	    sv_eq(part[2], SV("iam")) && part[3].len == 0 && a->account.len == ACCOUNT_CHARS &&
	    sv_to_u64(a->account, &number) == 0 && sv_starts_with(rest, SV("role/")) &&
	    a->role_name.len > 0)
		return 0;
	aws_sts_error(r, 400, "ValidationError", "Request ARN is invalid");
	return 1;
}

static int check_duration(const struct ask *a, bool chained, struct aws_reply *r)
{
	struct sv given = buf_view(&a->duration);
	uint64_t seconds;
	if (given.len == 0)
		return 0;
	if (sv_to_u64(given, &seconds) != 0) {
		aws_sts_error(r, 400, "MalformedInput", "DurationSeconds is not a number");
		return 1;
	}
	if (seconds < DURATION_MIN_S)
		return invalid(r, given, "durationSeconds",
			       "have value greater than or equal to 900");
	if (seconds > DURATION_MAX_S)
		return invalid(r, given, "durationSeconds",
			       "have value less than or equal to 43200");
	if (!chained || seconds <= CHAINED_MAX_S)
		return 0;
	aws_sts_error(r, 400, "ValidationError",
		      "The requested DurationSeconds exceeds the 1 hour session limit for roles "
		      "assumed by role chaining");
	return 1;
}

/* --- who asks --- */

/* The region that the host stands for; empty when it could be any. */
static struct sv region_of_host(struct sv host)
{
	host = sv_make(host.ptr, sv_find(host, ':'));
	if (sv_eq(host, SV("sts.amazonaws.com")))
		return SV("us-east-1");
	size_t dot = sv_find(host, '.');
	struct sv first = sv_make(host.ptr, dot);
	struct sv region = sv_from(host, dot + 1);
	struct sv suffix = sv_from(region, sv_find(region, '.'));
	bool sts = sv_eq(first, SV("sts")) || sv_eq(first, SV("sts-fips"));
	if (sts && (sv_eq(suffix, SV(".amazonaws.com")) || sv_eq(suffix, SV(".api.aws")) ||
		    sv_eq(suffix, SV(".amazonaws.com.cn"))))
		return sv_make(region.ptr, region.len - suffix.len);
	return SV_NULL;
}

/* The signature check's names as STS says them. */
static void refuse_signature(const struct sigv4_refusal *why, struct aws_reply *r)
{
	static const struct {
		const char *type, *code;
		int status;
	} names[] = {
		{"MissingAuthenticationTokenException", "MissingAuthenticationToken", 403},
		{"IncompleteSignatureException", "IncompleteSignature", 400},
		{"UnrecognizedClientException", "InvalidClientTokenId", 403},
		{"ExpiredTokenException", "ExpiredToken", 403},
		{"InvalidSignatureException", "SignatureDoesNotMatch", 403},
	};
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, SIGV4_TEXT_MAX + 1);
	buf_sv(&text, buf_view(&why->text));
	buf_char(&text, '\0');
	size_t i = 0;
	while (i + 1 < sizeof names / sizeof *names && strcmp(names[i].type, why->type) != 0)
		i++;
	aws_sts_error(r, names[i].status, names[i].code, buf_failed(&text) ? "" : text.ptr);
}

static int check_signed(struct standin *s, const struct http_server_request *req,
			struct aws_key **by, struct aws_reply *r)
{
	struct sv host = http_exchange_header(req->exchange, "Host");
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal why;
	sigv4_refusal_init(&why);
	if (standin_aws_verify(s, req, region_of_host(host), SV("sts"), by, &why) == 0)
		return 0;
	refuse_signature(&why, r);
	return 1;
}

static void deny(struct standin *s, const struct aws_key *by, const char *what, struct sv resource,
		 const char *because, struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, KiB(4));
	buf_sv(&text, SV("User: "));
	standin_aws_principal(s, by, &text);
	buf_printf(&text, " is not authorized to perform: %s", what);
	if (resource.len > 0)
		buf_printf(&text, " on resource: %.*s", SV_ARG(resource));
	buf_sv(&text, sv_of(because));
	buf_char(&text, '\0');
	aws_sts_error(r, 403, "AccessDenied", buf_failed(&text) ? "" : text.ptr);
	r->as_told = true;
}

/* --- assuming a role --- */

static void put_role(struct standin *s, const struct ask *a, enum aws_source source,
		     const char *action, struct aws_reply *r)
{
	char principal[512];
	snprintf(principal, sizeof principal, "arn:%.*s:sts::%.*s:assumed-role/%.*s/%.*s",
		 SV_ARG(a->partition), SV_ARG(a->account), SV_ARG(a->role_name),
		 SV_ARG(buf_view(&a->session)));
	struct aws_claim claim = {.source = source,
				  .precision = AWS_MILLISECONDS,
				  .principal = sv_of(principal),
				  .external_id = buf_view(&a->external_id)};
	const struct aws_key *key;
	if (aws_reply_keys(s, &claim, &key, r) != 0)
		return;
	answer_begin(r, action);
	struct buf *out = &r->body;
	if (source == AWS_WEB_IDENTITY) {
		element(out, "    ", "SubjectFromWebIdentityToken",
			SV("system:serviceaccount:ampagent:ampagent"));
		element(out, "    ", "Audience", SV("sts.amazonaws.com"));
		element(out, "    ", "Provider",
			SV("arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/EXAMPLE"));
	}
	buf_sv(out, SV("    <AssumedRoleUser>\n"));
	buf_sv(out, SV("      <AssumedRoleId>AROA0123456789EXAMPL:"));
	aws_xml_text(out, buf_view(&a->session));
	buf_sv(out, SV("</AssumedRoleId>\n"));
	element(out, "      ", "Arn", sv_of(principal));
	buf_sv(out, SV("    </AssumedRoleUser>\n    <Credentials>\n"));
	element(out, "      ", "AccessKeyId", sv_of(key->access_key));
	element(out, "      ", "SecretAccessKey", sv_of(key->secret_key));
	element(out, "      ", "SessionToken", sv_of(key->token));
	element(out, "      ", "Expiration", sv_of(key->expiration));
	buf_sv(out, SV("    </Credentials>\n"));
	answer_end(r, action);
}

/* The token against what the file holds now. What the file held before has expired. */
static int check_web_token(struct standin *s, const struct ask *a, struct aws_reply *r)
{
	struct standin_aws *aws = &s->aws;
	struct sv given = sv_trim(buf_view(&a->token));
	if (aws->web_token_file[0] == '\0')
		return 0;
	_cleanup_(buf_wipe) struct buf now = BUF_NULL;
	if (aws_read_token(aws->web_token_file, &now) == 0 &&
	    !sv_eq(buf_view(&now), sv_of(aws->web_token_now))) {
		free(aws->web_token_before);
		aws->web_token_before = take_ptr(aws->web_token_now);
		aws->web_token_now = sv_dup(buf_view(&now));
	}
	if (now.len > 0 && crypto_equal(given, buf_view(&now)))
		return 0;
	if (aws->web_token_before && crypto_equal(given, sv_of(aws->web_token_before))) {
		long long now_s = aws_now_ms(s) / 1000;
		char text[160];
		snprintf(text, sizeof text,
			 "Token expired: current date/time %lld must be before the expiration "
			 "date/time%lld",
			 now_s, now_s - 1);
		aws_sts_error(r, 400, "ExpiredTokenException", text);
	} else {
		aws_sts_error(r, 400, "InvalidIdentityToken",
			      "Couldn't retrieve verification key from your identity provider,  "
			      "please reference AssumeRoleWithWebIdentity documentation for "
			      "requirements");
	}
	return 1;
}

static void web_identity(struct standin *s, struct ask *a, struct aws_reply *r)
{
	if (check_role(a, r) != 0 ||
	    check_text(r, &a->session, "roleSessionName", SESSION_MIN, SESSION_MAX, "+=,.@-") ||
	    check_text(r, &a->token, "webIdentityToken", TOKEN_MIN, TOKEN_MAX, NULL) != 0 ||
	    check_duration(a, false, r) != 0)
		return;
	if (s->switches.o.aws_assume_denied) {
		aws_sts_error(r, 403, "AccessDenied",
			      "Not authorized to perform sts:AssumeRoleWithWebIdentity");
		r->as_told = true;
		return;
	}
	if (check_web_token(s, a, r) == 0)
		put_role(s, a, AWS_WEB_IDENTITY, "AssumeRoleWithWebIdentity", r);
}

static void assume_role(struct standin *s, const struct http_server_request *req, struct ask *a,
			struct aws_reply *r)
{
	struct aws_key *by = NULL;
	if (check_signed(s, req, &by, r) != 0 || check_role(a, r) != 0 ||
	    check_text(r, &a->session, "roleSessionName", SESSION_MIN, SESSION_MAX, "+=,.@-") ||
	    check_duration(a, by != NULL, r) != 0)
		return;
	if (a->external_id.len > 0 && check_text(r, &a->external_id, "externalId", EXTERNAL_ID_MIN,
						 EXTERNAL_ID_MAX, "+=,.@:/-") != 0)
		return;
	if (s->switches.o.aws_assume_denied)
		deny(s, by, "sts:AssumeRole", buf_view(&a->role), "", r);
	else
		put_role(s, a, AWS_ASSUME_ROLE, "AssumeRole", r);
}

static void caller_identity(struct standin *s, const struct http_server_request *req,
			    struct aws_reply *r)
{
	struct aws_key *by = NULL;
	s->aws.counts.identity_asks++;
	if (check_signed(s, req, &by, r) != 0)
		return;
	if (s->switches.o.aws_identity_denied) {
		deny(s, by, "sts:GetCallerIdentity", SV_NULL,
		     " because no VPC endpoint policy allows the sts:GetCallerIdentity action", r);
		return;
	}
	_cleanup_(buf_deinit) struct buf arn = BUF_NULL;
	buf_init(&arn, KiB(1));
	standin_aws_principal(s, by, &arn);
	struct sv session = buf_view(&arn);
	while (sv_find(session, '/') < session.len)
		session = sv_from(session, sv_find(session, '/') + 1);
	answer_begin(r, "GetCallerIdentity");
	element(&r->body, "    ", "Arn", buf_view(&arn));
	if (by) {
		buf_sv(&r->body, SV("    <UserId>AROA0123456789EXAMPL:"));
		aws_xml_text(&r->body, session);
		buf_sv(&r->body, SV("</UserId>\n"));
	} else {
		element(&r->body, "    ", "UserId", SV("AIDA0123456789EXAMPL"));
	}
	element(&r->body, "    ", "Account", sv_of(s->aws.account));
	answer_end(r, "GetCallerIdentity");
}

/* --- the form --- */

int aws_sts_source(const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf action = BUF_NULL;
	parameter(req->body, SV("Action"), &action);
	if (sv_eq(buf_view(&action), SV("AssumeRoleWithWebIdentity")))
		return AWS_WEB_IDENTITY;
	if (sv_eq(buf_view(&action), SV("AssumeRole")))
		return AWS_ASSUME_ROLE;
	return AWS_NO_SOURCE;
}

static bool is_form(const struct http_server_request *req)
{
	struct sv type = http_exchange_header(req->exchange, "Content-Type");
	return sv_eq_nocase(sv_trim(sv_make(type.ptr, sv_find(type, ';'))),
			    SV("application/x-www-form-urlencoded"));
}

void aws_sts(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	_cleanup_(ask_wipe) struct ask a = {.action = BUF_NULL};
	read_ask(req->body, &a);
	struct sv action = buf_view(&a.action);
	if (!is_form(req)) {
		r->status = 404;
		r->type = SV("text/xml");
		buf_sv(&r->body, SV("<UnknownOperationException/>\n"));
	} else if (action.len == 0) {
		aws_sts_error(r, 400, "MissingAction",
			      "The request must contain the parameter Action");
	} else if (!sv_eq(buf_view(&a.version), SV(VERSION))) {
		aws_sts_error(r, 400, "InvalidAction",
			      "Could not find that operation for that version");
	} else if (sv_eq(action, SV("AssumeRoleWithWebIdentity"))) {
		web_identity(s, &a, r);
	} else if (sv_eq(action, SV("AssumeRole"))) {
		assume_role(s, req, &a, r);
	} else if (sv_eq(action, SV("GetCallerIdentity"))) {
		caller_identity(s, req, r);
	} else {
		aws_sts_error(r, 400, "InvalidAction",
			      "Could not find that operation for version " VERSION);
	}
}
