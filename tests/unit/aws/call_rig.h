/* What the tests of calls share: a session whose STS is a peer on the same loop. The peer answers
 * as a list says, notes what it was sent, and checks signatures by the stand-in's own code; or the
 * whole stand-in is the peer. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/call.h>
#include <ampagent/net/http_server.h>
#include <ampagent/standin.h>

#define RIG_ACCESS_KEY "AKIDEXAMPLE"
#define RIG_SECRET_KEY "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

enum { RIG_SEEN = 12 };

struct rig_answer {
	int status; /* 0: the connection is dropped; -1: nothing is said */
	const char *body;
	const char *header, *value; /* one more */
	const char *type;           /* text/xml */
};

struct call_rig {
	struct loop *loop;
	struct http_pool *pool;
	struct http_server *server;
	struct standin *standin; /* NULL until it is started */
	struct aws_session *session;
	struct aws_settings settings;
	char url[64]; /* of the peer */
	char dir[64];

	const struct rig_answer *answers; /* the last one for the rest */
	size_t n_answers;
	int64_t peer_ahead_ms; /* of this machine's clock; told by Date */
	bool keep_secret;      /* signatures are not checked */
	const char *session_token;

	unsigned asked;
	char *seen[RIG_SEEN]; /* "METHOD /path?query\nname: value\n...\n\nbody" */
	char refusal[512];    /* of the last signature that was wrong */
	unsigned n_signed, n_refused;
	unsigned keys_asked; /* GET /keys: keys by number, as a container's endpoint */
	struct http_exchange *kept;
};

int call_rig_setup(void **state);
int call_rig_teardown(void **state);

/* value NULL takes it away; %d stands for the peer's port. */
void call_rig_env(struct call_rig *r, const char *name, const char *value);
const char *call_rig_getenv(const char *name);
/* The settings anew, from the environment as it is now. */
void call_rig_settings(struct call_rig *r);
void call_rig_answers(struct call_rig *r, const struct rig_answer *answers, size_t n);
/* The stand-in takes the peer's place for STS; o's listen is set here. */
void call_rig_standin(struct call_rig *r, struct standin_options o);
/* A file in the rig's directory; the path lives until the next call. */
const char *call_rig_file(struct call_rig *r, const char *name, const char *text);

/* Runs the loop until *n is at least count; fails after 20 s. */
void call_rig_until(struct call_rig *r, const unsigned *n, unsigned count);
/* As many turns as make sure that what was to come has come. */
void call_rig_turns(struct call_rig *r);

/* Header or form field of what was seen; "" when it is missing. Of its own memory. */
const char *call_rig_header(struct call_rig *r, unsigned request, const char *name);
const char *call_rig_field(struct call_rig *r, unsigned request, const char *name);

/* ---- calls ---- */

#define RIG_ANSWERS(r, ...)                                                                        \
	call_rig_answers(r, (const struct rig_answer[]){__VA_ARGS__},                              \
			 sizeof((const struct rig_answer[]){__VA_ARGS__}) /                        \
				 sizeof(struct rig_answer))
#define RIG_ERROR(code, message)                                                                   \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message          \
	"</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"
#define RIG_TOKEN "IQoJb3JpZ2luX2VjEXAMPLETOKENIQoJb3JpZ2luX2VjEXAMPLETOKEN"

extern const struct aws_keys rig_keys; /* the peer's */

/* What a call ended with, copied. */
struct rig_end {
	unsigned n;
	enum aws_verdict verdict;
	enum http_result http_result;
	int status;
	int64_t peer_now_ms;
	char body[256], code[64], message[512], id[64], why[ERR_MSG_MAX];
	struct aws_call *cancel; /* from inside */
};

/* A POST signed by those keys. */
struct aws_request rig_request(struct call_rig *r);
struct aws_call *rig_start(struct call_rig *r, const struct aws_request *req, struct rig_end *e);
/* Starts it and waits for its end. */
void rig_call(struct call_rig *r, const struct aws_request *req, struct rig_end *e);
void rig_done(void *cls, const struct aws_answer *a);
void rig_assert_said(const struct rig_end *e, const char *text);
/* So many requests were signed, all of them well. */
void rig_assert_signed(struct call_rig *r, unsigned n);
struct aws_credentials *rig_credentials(struct call_rig *r,
					const struct aws_credentials_options *opt);
