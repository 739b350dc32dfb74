/* Keys for containers: the ECS agent's task role, EKS's Pod Identity agent. */
#include "standin_private.h"

#include <ampagent/base/crypto.h>

#define TASK_ROLE "ampagent-task"
#define TASK_ID "0123456789abcdef0123456789abcdef"
#define POD_ROLE "ampagent-pod"
#define POD_SESSION "eks-cluster-ampagent-01234567-89ab-cdef-0123-456789abcdef"

static const struct sv type_json = SV("application/json");

static void member(struct json_writer *w, struct sv name, const char *value)
{
	json_key(w, name);
	json_string(w, sv_of(value));
}

/* Whether the Authorization header is what the file holds now: 0, or 1. */
static int check_authorization(const struct standin *s, const struct http_server_request *req)
{
	if (s->aws.container_token_file[0] == '\0')
		return 0;
	_cleanup_(buf_wipe) struct buf token = BUF_NULL;
	struct sv given = http_exchange_header(req->exchange, "Authorization");
	if (aws_read_token(s->aws.container_token_file, &token) != 0)
		return 1;
	return crypto_equal(given, buf_view(&token)) ? 0 : 1;
}

/* What both agents say of other paths. */
void aws_no_page(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	r->status = 404;
	buf_sv(&r->body, SV("404 page not found\n"));
}

/* --- the ECS agent --- */

void aws_ecs_error(struct aws_reply *r, int status, const char *code, const char *text)
{
	r->status = status;
	r->type = type_json;
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	member(&w, SV("code"), code);
	member(&w, SV("message"), text);
	json_key(&w, SV("HTTPErrorCode"));
	json_i64(&w, status);
	json_end_object(&w);
}

void aws_ecs(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	struct sv id = sv_from(req->path, sizeof "/v2/credentials/" - 1);
	if (id.len == 0) {
		aws_ecs_error(r, 400, "NoIdInRequest",
			      "CredentialsV2Request: No Credential ID in the request");
		return;
	}
	if (check_authorization(s, req) != 0) {
		aws_ecs_error(r, 400, "InvalidIdInRequest",
			      "CredentialsV2Request: Credentials not found");
		return;
	}
	char principal[160], role[128];
	snprintf(principal, sizeof principal,
		 "arn:aws:sts::%.16s:assumed-role/" TASK_ROLE "/" TASK_ID, s->aws.account);
	snprintf(role, sizeof role, "arn:aws:iam::%.16s:role/" TASK_ROLE, s->aws.account);
	struct aws_claim claim = {
		.source = AWS_ECS, .precision = AWS_SECONDS, .principal = sv_of(principal)};
	const struct aws_key *key;
	if (aws_reply_keys(s, &claim, &key, r) != 0)
		return;
	r->type = type_json;
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	member(&w, SV("RoleArn"), role);
	member(&w, SV("AccessKeyId"), key->access_key);
	member(&w, SV("SecretAccessKey"), key->secret_key);
	member(&w, SV("Token"), key->token);
	member(&w, SV("Expiration"), key->expiration);
	json_end_object(&w);
}

/* --- the Pod Identity agent: errors are plain text --- */

void aws_pod_error(struct aws_reply *r, int status, const char *code, const char *text)
{
	r->status = status;
	if (status == 429)
		buf_sv(&r->body, SV("Too Many Requests. Rate limit exceeded\n"));
	else
		buf_printf(&r->body,
			   "[00000000-0000-4000-8000-000000000000]: (%s): %s, fault: %s\n", code,
			   text, status >= 500 ? "server" : "client");
}

void aws_pod(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	struct sv given = http_exchange_header(req->exchange, "Authorization");
	if (given.len == 0) {
		r->status = 400;
		buf_sv(&r->body, SV("Service account token cannot be empty\n"));
		return;
	}
	if (check_authorization(s, req) != 0) {
		aws_pod_error(r, 400, "InvalidTokenException",
			      "The token included in the request is invalid");
		return;
	}
	char principal[192];
	snprintf(principal, sizeof principal,
		 "arn:aws:sts::%.16s:assumed-role/" POD_ROLE "/" POD_SESSION, s->aws.account);
	struct aws_claim claim = {.source = AWS_POD_IDENTITY,
				  .precision = AWS_NANOSECONDS,
				  .principal = sv_of(principal)};
	const struct aws_key *key;
	if (aws_reply_keys(s, &claim, &key, r) != 0)
		return;
	r->type = type_json;
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	member(&w, SV("AccessKeyId"), key->access_key);
	member(&w, SV("SecretAccessKey"), key->secret_key);
	member(&w, SV("Token"), key->token);
	member(&w, SV("AccountId"), s->aws.account);
	member(&w, SV("Expiration"), key->expiration);
	json_end_object(&w);
}
