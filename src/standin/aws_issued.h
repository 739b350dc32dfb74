/* The keys that the stand-in's AWS has issued: a list, newest last. */
#pragma once

#include <ampagent/base/cleanup.h>
#include <ampagent/base/json.h>

enum aws_source {
	AWS_ECS,
	AWS_POD_IDENTITY,
	AWS_IMDS,
	AWS_WEB_IDENTITY,
	AWS_ASSUME_ROLE,
	AWS_SSO,
	AWS_SOURCES_,
};

/* "ecs", "pod_identity", ... */
struct sv aws_source_name(enum aws_source s);

enum { AWS_KEY_CHARS = 20, AWS_SECRET_CHARS = 40, AWS_ISSUED_MAX = 50000 };

/* How exactly a source tells Expiration. */
enum aws_precision { AWS_SECONDS, AWS_MILLISECONDS, AWS_NANOSECONDS };
enum { AWS_TIME_MAX = 40 };

struct aws_key {
	enum aws_source source;
	char access_key[AWS_KEY_CHARS + 1];
	char secret_key[AWS_SECRET_CHARS + 1];
	char *token;
	char *principal;               /* arn:aws:sts::<account>:assumed-role/<role>/<session> */
	char *external_id;             /* that came along with AssumeRole; NULL for none */
	int64_t issued_ms, expires_ms; /* by the stand-in's clock; as told */
	char expiration[AWS_TIME_MAX];
	uint64_t writes, refused; /* remote writes signed with it */
};

struct aws_issued {
	struct aws_key **list;
	size_t n, room;
};

void aws_issued_deinit(struct aws_issued *t);

/* What an issued key is for. */
struct aws_claim {
	enum aws_source source;
	enum aws_precision precision;
	struct sv principal;
	struct sv external_id;
	int64_t now_ms, life_ms;
	bool same; /* the last one of that source and principal, when there is one */
};

/* 0; 1 when there are AWS_ISSUED_MAX already; or ERR_NOMEM. *out lives as long as the table. */
int aws_issue(struct aws_issued *t, const struct aws_claim *claim, const struct aws_key **out);
/* NULL when there is none of that name. */
struct aws_key *aws_issued_find(const struct aws_issued *t, struct sv access_key);
/* All of them as an array. */
void aws_issued_json(const struct aws_issued *t, struct json_writer *w);

/* Letters and digits of base64 for URLs, n of them: for made-up tokens. dst holds n + 1. */
void aws_random_text(char *dst, size_t n);
/* UTC, as AWS writes it: "2017-05-17T15:09:54Z", with "." and more digits when asked for. */
void aws_time_text(char dst[AWS_TIME_MAX], int64_t wall_ms, enum aws_precision precision);
