/* The SSO portal: keys of an account's role for who has signed in. */
#include "standin_private.h"

#include <ampagent/base/crypto.h>
#include <inttypes.h>

enum { PARAMETER_MAX = 256 };

static const char *short_name(int status)
{
	switch (status) {
	case 401:
		return "UnauthorizedException";
	case 404:
		return "ResourceNotFoundException";
	case 429:
		return "TooManyRequestsException";
	case 500:
		return "InternalServerException";
	default:
		return "InvalidRequestException";
	}
}

void aws_sso_error(struct aws_reply *r, int status, const char *code, const char *text)
{
	r->status = status;
	r->type = SV("application/json");
	r->headers[r->n_headers++] =
		(struct http_header){SV("x-amzn-ErrorType"), sv_of(short_name(status))};
	_cleanup_(buf_deinit) struct buf type = BUF_NULL;
	buf_init(&type, PARAMETER_MAX);
	buf_printf(&type, "com.amazonaws.switchboard.portal#%s", short_name(status));
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	json_key(&w, SV("message"));
	json_string(&w, sv_of(text));
	json_key(&w, SV("__type"));
	json_string(&w, buf_view(&type));
	json_end_object(&w);
}

static void put_keys(struct standin *s, struct sv account, struct sv role, struct aws_reply *r)
{
	char principal[512];
	snprintf(principal, sizeof principal,
		 "arn:aws:sts::%.*s:assumed-role/AWSReservedSSO_%.*s_0123456789abcdef/someone",
		 SV_ARG(account), SV_ARG(role));
	struct aws_claim claim = {
		.source = AWS_SSO, .precision = AWS_MILLISECONDS, .principal = sv_of(principal)};
	const struct aws_key *key;
	if (aws_reply_keys(s, &claim, &key, r) != 0)
		return;
	r->type = SV("application/json");
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	json_key(&w, SV("roleCredentials"));
	json_begin_object(&w);
	json_key(&w, SV("accessKeyId"));
	json_string(&w, sv_of(key->access_key));
	json_key(&w, SV("secretAccessKey"));
	json_string(&w, sv_of(key->secret_key));
	json_key(&w, SV("sessionToken"));
	json_string(&w, sv_of(key->token));
	json_key(&w, SV("expiration"));
	json_i64(&w, key->expires_ms);
	json_end_object(&w);
	json_end_object(&w);
}

void aws_sso(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	struct sv token = http_exchange_header(req->exchange, "x-amz-sso_bearer_token");
	_cleanup_(buf_deinit) struct buf role = BUF_NULL, account = BUF_NULL;
	buf_init(&role, PARAMETER_MAX);
	buf_init(&account, PARAMETER_MAX);
	http_query_get(req->query, SV("role_name"), &role);
	http_query_get(req->query, SV("account_id"), &account);
	struct sv wanted = sv_of(s->aws.sso_token);
	if (token.len == 0 || (wanted.len > 0 && !crypto_equal(token, wanted)))
		aws_sso_error(r, 401, NULL, "Session token not found or invalid");
	else if (role.len == 0 || account.len == 0)
		aws_sso_error(r, 400, NULL, "Request validation failed");
	else
		put_keys(s, buf_view(&account), buf_view(&role), r);
}
