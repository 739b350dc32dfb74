/* The stand-in's parts, for standin.c (the endpoint), spoil.c (its faults), admin.c (the pages
 * beside it) and aws*.c (the AWS around it). */
#pragma once

#include "aws.h"
#include "ingest.h"
#include "switches.h"
#include "verify_sigv4.h"
#include <ampagent/net/http_server.h>

enum { STANDIN_STATUS_MAX = 600, STANDIN_HEADERS_MAX = 64 };

struct standin {
	struct loop *loop;
	struct http_server *server;
	int64_t started_ms; /* monotonic */
	uint64_t max_request_bytes;
	char *workspace;                                     /* empty: any */
	char *access_key, *session_token, *region, *service; /* never NULL */
	char *secret_key;                                    /* wiped at the end */
	int64_t clock_window_s;
	struct switches switches;
	struct ingest ingest;
	struct standin_aws aws;
	struct standin_stats stats; /* without what ingest counts */
	uint64_t by_status[STANDIN_STATUS_MAX];
	uint64_t by_action[SWITCH_ACTIONS_];
};

/* The headers of a request, for http_exchange_headers(). */
struct header_list {
	struct sigv4_header list[STANDIN_HEADERS_MAX];
	size_t n;
	bool overflow;
};
void standin_collect_header(void *cls, struct sv name, struct sv value);

enum { STANDIN_ID_CHARS = 36, STANDIN_DATE_CHARS = 29 };
/* A random UUID. */
void standin_request_id(char out[STANDIN_ID_CHARS + 1]);
void standin_http_date(char out[STANDIN_DATE_CHARS + 1], int64_t wall_ms);

/* An answer in the making. */
struct reply {
	int status;
	bool json;    /* text is the value of "message", else the body itself */
	bool broken;  /* no whole answer: text is what is sent of it as it is */
	bool written; /* a 2.0 sender is told what was stored */
	enum http_break how;
	int64_t delay_ms;    /* of the end, when broken */
	const char *type;    /* x-amzn-ErrorType, NULL for none */
	struct aws_key *key; /* issued, that signed; NULL for none */
	char location[256];  /* empty: none */
	char workspace[64];  /* that was asked for, cut off when longer */
	struct buf text;
};

/* As the front end words it: {"message":"..."} and the error's name in a header. */
void reply_front(struct reply *r, int status, const char *type, const char *message);
/* The key that signed must not write. */
void reply_denied(struct standin *s, struct reply *r);
/* What a switch makes of the request in s->ingest, which was fine until then. */
void spoil(struct standin *s, int64_t now_ms, struct reply *r);

/* Answers the pages beside the endpoint: true when the path is one of them. */
bool standin_admin(struct standin *s, const struct http_server_request *req);
