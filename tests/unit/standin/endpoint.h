/* A stand-in on a free loopback port and the agent's own client to talk to it. Signed requests are
 * signed by the agent's own signer, which the stand-in's check has no code in common with: here the
 * two meet.
 *
 * One of each at a time; the test's loop runs while a request is under way. */
#pragma once

#include <ampagent/net/http_client.h>
#include <ampagent/standin.h>

#define REMOTE_WRITE "/workspaces/ws-a/api/v1/remote_write"

enum { HEADERS_MAX = 12 };

extern struct loop *loop;
extern struct standin *standin;
/* How long an answer is waited for; 0 = long. */
extern int64_t answer_limit_ms;

/* What came back. */
struct got {
	bool done;
	enum http_result result;
	int status;
	char request_id[64], error_type[64], content_type[64];
	char retry_after[24];
	char samples_written[24], histograms_written[24], exemplars_written[24];
	int64_t date_s;
	struct buf body;
};
extern struct got got;

/* cmocka's set-up and tear-down. */
int begin(void **state);
int end(void **state);

void start(const struct standin_options *o);
void start_default(void);
/* Access key AKIDEXAMPLE, secret key "secret", region eu-west-1. */
struct standin_options signed_options(void);

struct ask {
	const char *method, *target;
	struct sv body;
	struct http_header headers[HEADERS_MAX];
	size_t n_headers;
};

void add_header(struct ask *a, struct sv name, struct sv value);
/* Asks and waits: the status, with the rest in got. */
int ask(const struct ask *a);
int get(const char *target);
int post(const char *target);

/* A remote-write request with its headers. */
struct ask write_ask(struct sv body);
struct ask write_ask_v2(struct sv body);
/* Sends two samples at that time: a{job="x"} 1.5 and b 2. */
int write_at(int64_t t_ms);
int write_now(void);
/* The same as 2.0. */
int write_v2_at(int64_t t_ms);

struct signer {
	const char *secret, *region, *token, *sent_token;
	int64_t shift_s;
	const char *access;  /* NULL: AKIDEXAMPLE */
	const char *service; /* NULL: aps */
};

/* Signs what a has so far. */
void sign(struct ask *a, const struct signer *by);
/* As write_now(), signed. */
int write_signed(const struct signer *by);
/* A form for STS: the status. by NULL: unsigned. */
int post_form(const char *form, const struct signer *by);

/* A call of the ECS API by the keys of signed_options(): the status. */
int post_ecs(const char *action, const char *json);
/* The same of the EC2 API. */
int post_ec2(const char *form);
/* A page that takes a body. */
int send_body(const char *method, const char *target, const char *body);
/* With signed_options() and AWS. */
void start_api(void);
/* POST /switch?what, which must be taken. */
void switch_to(const char *what);

/* Issued keys, as an answer in JSON tells them. */
struct issued {
	char access[64], secret[64], token[1024], expiration[64];
};
/* The text of that member of the answer; fails when there is none. */
void got_member(const char *name, char *dst, size_t size);
/* The text of that element of the answer. */
void got_element(const char *name, char *dst, size_t size);
struct issued got_keys(void);
/* Asks for a task's keys, which must come. */
struct issued fetch_keys(void);
/* Who has these keys, for service aps in region us-east-1. */
struct signer signer_of(const struct issued *keys);
/* As write_signed(), by these keys, in the stand-in's region. */
int write_issued(const struct issued *keys);

/* The answer is this JSON. */
void expect_json(const char *body);
