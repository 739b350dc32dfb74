#include "aws_api.h"

#include "standin_private.h"
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <inttypes.h>

enum { ANSWER_MAX = 256 << 20, TOKEN_MAC = 16, TOKEN_CHARS = 16 + 2 * TOKEN_MAC };

#define TARGET "AmazonEC2ContainerServiceV20141113."

static const struct {
	struct sv name;
	enum aws_family family;
} actions[AWS_ACTIONS_] = {
	[AWS_ECS_LIST_CLUSTERS] = {SV("ListClusters"), AWS_CLUSTER_READ},
	[AWS_ECS_DESCRIBE_CLUSTERS] = {SV("DescribeClusters"), AWS_CLUSTER_READ},
	[AWS_ECS_LIST_SERVICES] = {SV("ListServices"), AWS_SERVICE_READ},
	[AWS_ECS_DESCRIBE_SERVICES] = {SV("DescribeServices"), AWS_SERVICE_READ},
	[AWS_ECS_LIST_TASKS] = {SV("ListTasks"), AWS_RESOURCE_READ},
	[AWS_ECS_DESCRIBE_TASKS] = {SV("DescribeTasks"), AWS_RESOURCE_READ},
	[AWS_ECS_LIST_CONTAINER_INSTANCES] = {SV("ListContainerInstances"), AWS_RESOURCE_READ},
	[AWS_ECS_DESCRIBE_CONTAINER_INSTANCES] = {SV("DescribeContainerInstances"),
						  AWS_RESOURCE_READ},
	[AWS_ECS_DESCRIBE_TASK_DEFINITION] = {SV("DescribeTaskDefinition"), AWS_DEFINITION_READ},
	[AWS_EC2_DESCRIBE_INSTANCES] = {SV("DescribeInstances"), AWS_INSTANCE_READ},
	[AWS_EC2_DESCRIBE_INTERFACES] = {SV("DescribeNetworkInterfaces"), AWS_INTERFACE_READ},
	[AWS_EC2_DESCRIBE_ZONES] = {SV("DescribeAvailabilityZones"), AWS_ZONE_READ},
};

struct sv aws_action_name(enum aws_action a)
{
	return actions[a].name;
}

void aws_api_init(struct aws_api *a)
{
	crypto_random(a->page_key, sizeof a->page_key);
}

/* --- pages --- */

static void sign_page(const struct aws_api *a, struct sv question, uint64_t seq,
		      uint8_t mac[SHA256_BYTES])
{
	uint8_t both[SHA256_BYTES + sizeof seq];
	crypto_sha256(both, question.ptr, question.len);
	memcpy(both + SHA256_BYTES, &seq, sizeof seq);
	crypto_hmac_sha256(mac, sv_make((const char *)a->page_key, sizeof a->page_key),
			   sv_make((const char *)both, sizeof both));
}

/* The place is covered by what only the stand-in knows. */
static uint64_t page_mask(const struct aws_api *a, const char *mac_text)
{
	uint8_t mask[SHA256_BYTES];
	uint64_t out;
	crypto_hmac_sha256(mask, sv_make((const char *)a->page_key, sizeof a->page_key),
			   sv_make(mac_text, (size_t)2 * TOKEN_MAC));
	memcpy(&out, mask, sizeof out);
	return out;
}

void aws_page_token(const struct aws_api *a, struct sv question, uint64_t seq, struct buf *out)
{
	uint8_t mac[SHA256_BYTES];
	char text[2 * TOKEN_MAC + 1];
	sign_page(a, question, seq, mac);
	for (size_t i = 0; i < TOKEN_MAC; i++)
		snprintf(text + 2 * i, 3, "%02x", mac[i]);
	buf_printf(out, "%s%016" PRIx64, text, seq ^ page_mask(a, text));
}

static int from_hex(struct sv s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = s.ptr[i] != '\0' ? strchr(digits, s.ptr[i]) : NULL;
		if (!at)
			return 1;
		*out = *out << 4 | (uint64_t)(at - digits);
	}
	return 0;
}

int aws_page_open(const struct aws_api *a, struct sv question, struct sv token, uint64_t *seq)
{
	_cleanup_(buf_deinit) struct buf again = BUF_NULL;
	buf_init(&again, KiB(1));
	if (token.len != TOKEN_CHARS || from_hex(sv_from(token, (size_t)2 * TOKEN_MAC), seq) != 0)
		return 1;
	*seq ^= page_mask(a, token.ptr);
	aws_page_token(a, question, *seq, &again);
	return crypto_equal(buf_view(&again), token) ? 0 : 1;
}

/* --- which call --- */

static bool is_ec2(enum aws_action a)
{
	return a >= AWS_EC2_DESCRIBE_INSTANCES;
}

static void form_value(const struct http_server_request *req, struct sv name, struct buf *out)
{
	buf_init(out, KiB(4));
	if (http_query_get(req->body, name, out) != 0)
		buf_reset(out);
}

bool aws_is_api(const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf action = BUF_NULL;
	if (http_exchange_header(req->exchange, "X-Amz-Target").len > 0)
		return true;
	form_value(req, SV("Action"), &action);
	return sv_starts_with(buf_view(&action), SV("Describe"));
}

static int action_of(struct sv name, bool ec2)
{
	for (int i = 0; i < AWS_ACTIONS_; i++)
		if (is_ec2((enum aws_action)i) == ec2 && sv_eq(actions[i].name, name))
			return i;
	return AWS_ACTIONS_;
}

/* --- who may call, and how often --- */

struct call {
	bool ec2;
	struct sv name;
	int action;
};

static void refuse(const struct call *c, struct aws_reply *r, int status, const char *ecs,
		   const char *ec2, const char *text)
{
	if (c->ec2)
		aws_ec2_api_error(r, status, ec2, text);
	else
		aws_ecs_api_error(r, status < 500 ? 400 : status, ecs, text);
}

static int check_signature(struct standin *s, const struct http_server_request *req,
			   const struct call *c, struct aws_key **by, struct aws_reply *r)
{
	static const struct {
		const char *type, *code;
		int status;
	} names[] = {
		{"MissingAuthenticationTokenException", "MissingAuthenticationToken", 403},
		{"IncompleteSignatureException", "IncompleteSignature", 400},
		{"UnrecognizedClientException", "AuthFailure", 401},
		{"ExpiredTokenException", "RequestExpired", 400},
		{"InvalidSignatureException", "SignatureDoesNotMatch", 403},
	};
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal why;
	sigv4_refusal_init(&why);
	if (standin_aws_verify(s, req, sv_of(s->aws.region), c->ec2 ? SV("ec2") : SV("ecs"), by,
			       &why) == 0)
		return 0;
	size_t i = 0;
	while (i + 1 < sizeof names / sizeof *names && strcmp(names[i].type, why.type) != 0)
		i++;
	buf_char(&why.text, '\0');
	refuse(c, r, names[i].status, why.type, names[i].code,
	       buf_failed(&why.text) ? "" : why.text.ptr);
	return 1;
}

static void deny(struct standin *s, const struct call *c, const struct aws_key *by,
		 struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, KiB(4));
	buf_sv(&text, c->ec2 ? SV("You are not authorized to perform this operation. User: ")
			     : SV("User: "));
	standin_aws_principal(s, by, &text);
	buf_printf(&text,
		   " is not authorized to perform: %s:%.*s%s because no identity-based policy "
		   "allows the %s:%.*s action",
		   c->ec2 ? "ec2" : "ecs", SV_ARG(c->name), c->ec2 ? "" : " on resource: *",
		   c->ec2 ? "ec2" : "ecs", SV_ARG(c->name));
	buf_char(&text, '\0');
	s->aws.api.denied++;
	refuse(c, r, 403, "AccessDeniedException", "UnauthorizedOperation",
	       buf_failed(&text) ? "" : text.ptr);
	r->as_told = true;
}

/* Whether the switch names the action: one name, several with commas, or a star. */
static bool is_denied(const struct standin *s, struct sv action)
{
	struct sv rest = sv_of(s->switches.aws_api_denied);
	while (rest.len > 0) {
		struct sv one = sv_make(rest.ptr, sv_find(rest, ','));
		rest = sv_from(rest, one.len + 1);
		if (sv_eq(one, action) || sv_eq(one, SV("*")))
			return true;
	}
	return false;
}

/* What the switches make of it: true when that is the answer. */
static bool switched_off(struct standin *s, const struct call *c, struct aws_reply *r)
{
	struct switches *w = &s->switches;
	bool fails = w->aws_api_fail_at > 0 && --w->aws_api_fail_at == 0;
	if (w->aws_api_hang)
		return r->as_told = r->never = true;
	if (!fails && !w->aws_api_down)
		return false;
	s->aws.api.failed++;
	refuse(c, r, 500, "ServerException", "InternalError",
	       "Service Unavailable. Please try again later.");
	return r->as_told = true;
}

static bool is_throttled(struct standin *s, const struct call *c, struct aws_reply *r)
{
	const struct standin_options *o = &s->switches.o;
	struct aws_bucket *b = &s->aws.api.buckets[actions[c->action].family];
	if (aws_bucket_take(b, o->aws_api_rate, o->aws_api_burst, loop_now_ms(s->loop)))
		return false;
	s->aws.api.throttled++;
	refuse(c, r, 503, "ThrottlingException", "RequestLimitExceeded",
	       c->ec2 ? "Request limit exceeded." : "Rate exceeded");
	if (!c->ec2)
		r->status = 400;
	return r->as_told = true;
}

static void run(struct standin *s, const struct http_server_request *req, const struct call *c,
		struct aws_reply *r)
{
	struct aws_key *by = NULL;
	if (c->action == AWS_ACTIONS_) {
		s->aws.api.unknown++;
		refuse(c, r, 400, "UnknownOperationException", "InvalidAction",
		       c->ec2 ? "The action is not valid for this web service." : "");
		return;
	}
	s->aws.api.calls[c->action]++;
	if (switched_off(s, c, r) || check_signature(s, req, c, &by, r) != 0 ||
	    is_throttled(s, c, r))
		return;
	if (is_denied(s, c->name)) {
		deny(s, c, by, r);
		return;
	}
	buf_deinit(&r->body);
	buf_init(&r->body, ANSWER_MAX);
	if (c->ec2)
		aws_ec2_api(s, req, (enum aws_action)c->action, r);
	else
		aws_ecs_api(s, req, (enum aws_action)c->action, r);
	if (s->switches.aws_api_garbage)
		r->body.len /= 2;
}

void aws_api(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf action = BUF_NULL;
	struct sv target = http_exchange_header(req->exchange, "X-Amz-Target");
	struct call c = {.ec2 = target.len == 0};
	form_value(req, SV("Action"), &action);
	if (c.ec2)
		c.name = buf_view(&action);
	else if (sv_starts_with(target, SV(TARGET)))
		c.name = sv_from(target, sizeof TARGET - 1);
	c.action = action_of(c.name, c.ec2);
	run(s, req, &c, r);
}

/* --- the account's pages --- */

static void answer_applied(int rc, const struct err *err, struct aws_reply *r)
{
	if (rc == 0)
		return;
	r->status = rc == ERR_NOMEM ? 507 : 400;
	buf_printf(&r->body, "%s\n", rc == ERR_NOMEM ? "out of memory" : err->msg);
}

void aws_account_page(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	struct err err = ERR_NULL;
	struct aws_account fresh = {.next_seq = 0};
	r->own = true;
	if (sv_eq(req->method, SV("PATCH"))) {
		answer_applied(aws_account_apply(&s->aws.resources, req->body, &err), &err, r);
	} else if (sv_eq(req->method, SV("PUT"))) {
		int rc = req->body.len > 0 ? aws_account_apply(&fresh, req->body, &err) : 0;
		answer_applied(rc, &err, r);
		aws_account_deinit(rc == 0 ? &s->aws.resources : &fresh);
		if (rc == 0)
			s->aws.resources = fresh;
	} else {
		buf_deinit(&r->body);
		buf_init(&r->body, ANSWER_MAX);
		aws_account_json(&s->aws.resources, &r->body);
		r->type = SV("application/json");
	}
}
