/* The stand-in's AWS: what gives out keys (STS, containers, pods, instances, SSO), what tells the
 * region and the task, and the APIs of ECS and EC2. aws.c has the routes and what all of them
 * share; each other aws_*.c is one service or a part of one.
 *
 * A second implementation on purpose: it shares nothing with the product's AWS code, so that what
 * both agree on is AWS's and not one author's. */
#pragma once

#include "aws_api.h"
#include "aws_issued.h"
#include "aws_task.h"
#include "verify_sigv4.h"
#include <ampagent/net/http_server.h>
#include <ampagent/standin.h>

struct standin;

enum {
	AWS_TOKENS = 64,
	AWS_TOKEN_CHARS = 54,
	AWS_HEADERS_MAX = 4,
	AWS_UNDER_WAY = 256,
	AWS_NO_SOURCE = -1
};

/* What was asked of each part, and how. */
struct aws_counts {
	uint64_t fetches[AWS_SOURCES_]; /* requests for keys */
	uint64_t metadata_tokens, region_asks, identity_asks;
	/* The most requests for keys under way at one time: until they are answered, after the
	 * latency; those that never are do not count. */
	uint64_t at_once;
	uint64_t refused_expired, refused_unknown; /* remote writes, for their key */
	uint64_t bad_requests;                     /* malformed, without or with a wrong token */
	uint64_t redirects_followed;
};

struct standin_aws {
	char *region, *role, *web_token_file, *container_token_file, *sso_token; /* never NULL */
	char *account;
	struct aws_issued issued;
	struct aws_counts counts;
	char *web_token_before; /* what the file held before it held something else */
	char *web_token_now;
	int64_t under_way[AWS_UNDER_WAY]; /* when requests for keys will have been answered */
	struct aws_metadata_token {
		char text[AWS_TOKEN_CHARS + 3];
		int64_t dies_ms; /* monotonic */
	} tokens[AWS_TOKENS];
	unsigned next_token;
	struct aws_tasks tasks; /* their metadata */
	struct aws_account resources;
	struct aws_api api;
};

/* An answer in the making. */
struct aws_reply {
	int status;
	struct sv type; /* content */
	struct buf body;
	struct http_header headers[AWS_HEADERS_MAX];
	size_t n_headers;
	char header_text[40]; /* of one of the headers */
	bool never;           /* no answer at all */
	bool as_told;         /* a switch made it so */
	bool own;             /* a page of the stand-in itself: no latency */
};

int standin_aws_init(struct standin_aws *a, const struct standin_options *opt);
void standin_aws_deinit(struct standin_aws *a);

/* Answers AWS's paths: true when the path is one of them. */
bool standin_aws(struct standin *s, const struct http_server_request *req);
void standin_aws_json(const struct standin *s, struct json_writer *w);

/* Whether req is signed by the configured or an issued key, in any region when region is empty: 0
 * and the issued one in *by (NULL when it was the configured one), or 1 with the reason; *by is set
 * then, too, when it is known. */
int standin_aws_verify(struct standin *s, const struct http_server_request *req, struct sv region,
		       struct sv service, struct aws_key **by, struct sigv4_refusal *why);
/* Who that is, as an ARN; key NULL is the configured one. */
void standin_aws_principal(const struct standin *s, const struct aws_key *key, struct buf *out);

/* --- for aws_*.c --- */

/* Keys for the role and session: 0; or 1 with a reply that there are none. */
int aws_reply_keys(struct standin *s, const struct aws_claim *what, const struct aws_key **out,
		   struct aws_reply *r);
/* The wall clock of the stand-in. */
int64_t aws_now_ms(const struct standin *s);
/* The file's content without a final newline: 0, or 1. */
int aws_read_token(const char *path, struct buf *out);

typedef void (*aws_handler)(struct standin *s, const struct http_server_request *req,
			    struct aws_reply *r);
/* An error in the words of the service: its status, a short name, a sentence. */
typedef void (*aws_refusal)(struct aws_reply *r, int status, const char *code, const char *text);

void aws_ecs(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_ecs_error(struct aws_reply *r, int status, const char *code, const char *text);
void aws_pod(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_pod_error(struct aws_reply *r, int status, const char *code, const char *text);
void aws_no_page(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_task(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_task_put(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_task_put_stats(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r);
void aws_sts(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_sts_error(struct aws_reply *r, int status, const char *code, const char *text);
/* Which source of keys the form asks; AWS_NO_SOURCE for none. */
int aws_sts_source(const struct http_server_request *req);
void aws_sso(struct standin *s, const struct http_server_request *req, struct aws_reply *r);
void aws_sso_error(struct aws_reply *r, int status, const char *code, const char *text);
void aws_metadata_token(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r);
void aws_metadata_roles(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r);
void aws_metadata_keys(struct standin *s, const struct http_server_request *req,
		       struct aws_reply *r);
void aws_metadata_region(struct standin *s, const struct http_server_request *req,
			 struct aws_reply *r);
void aws_metadata_document(struct standin *s, const struct http_server_request *req,
			   struct aws_reply *r);
void aws_metadata_other(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r);
void aws_metadata_error(struct aws_reply *r, int status, const char *code, const char *text);
