/* IMDSv2: a token by PUT, which every GET has to bring along. */
#include "standin_private.h"

enum { TTL_MAX_S = 21600 };

#define INSTANCE "i-0123456789abcdef0"

static const struct sv prefix = SV("/latest/meta-data/iam/security-credentials");

/* The pages are those of a small web server in front. */
void aws_metadata_error(struct aws_reply *r, int status, const char *code, const char *text)
{
	const char *title = status == 400   ? "Bad Request"
			    : status == 401 ? "Unauthorized"
			    : status == 403 ? "Forbidden"
			    : status == 404 ? "Not Found"
			    : status == 405 ? "Method Not Allowed"
			    : status == 429 ? "Too Many Requests"
					    : "Internal Server Error";
	r->status = status;
	r->type = SV("text/html");
	buf_printf(&r->body,
		   "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
		   "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
		   "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
		   "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
		   " <head>\n  <title>%d - %s</title>\n </head>\n"
		   " <body>\n  <h1>%d - %s</h1>\n </body>\n</html>\n",
		   status, title, status, title);
}

static void refuse(struct aws_reply *r, int status)
{
	aws_metadata_error(r, status, "", "");
}

static void refuse_told(struct aws_reply *r, int status)
{
	refuse(r, status);
	r->as_told = true;
}

void aws_metadata_token(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r)
{
	uint64_t ttl_s;
	struct sv ttl = sv_trim(
		http_exchange_header(req->exchange, "x-aws-ec2-metadata-token-ttl-seconds"));
	if (s->switches.o.aws_hop_limit) {
		r->never = true;
		return;
	}
	/* One that came through a proxy would give the token to whoever can reach the proxy. */
	if (http_exchange_header(req->exchange, "X-Forwarded-For").ptr) {
		refuse(r, 403);
		return;
	}
	if (s->switches.o.aws_imds_off) {
		refuse_told(r, 403);
		return;
	}
	if (sv_to_u64(ttl, &ttl_s) != 0 || ttl_s < 1 || ttl_s > TTL_MAX_S) {
		refuse(r, 400);
		return;
	}
	struct aws_metadata_token *t = &s->aws.tokens[s->aws.next_token++ % AWS_TOKENS];
	int64_t life_ms = (int64_t)ttl_s * 1000;
	if (s->switches.o.aws_token_ms > 0 && s->switches.o.aws_token_ms < life_ms)
		life_ms = s->switches.o.aws_token_ms;
	aws_random_text(t->text, AWS_TOKEN_CHARS);
	memcpy(t->text + AWS_TOKEN_CHARS, "==", 3);
	t->dies_ms = loop_now_ms(s->loop) + life_ms;
	s->aws.counts.metadata_tokens++;
	buf_sv(&r->body, sv_of(t->text));
	snprintf(r->header_text, sizeof r->header_text, "%llu", (unsigned long long)ttl_s);
	r->type = SV("text/plain");
	r->headers[r->n_headers++] = (struct http_header){
		SV("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"), sv_of(r->header_text)};
}

/* Each check_ function: 0 to go on, 1 when the reply is made. */

static int check_token(struct standin *s, const struct http_server_request *req,
		       struct aws_reply *r)
{
	struct sv given = http_exchange_header(req->exchange, "x-aws-ec2-metadata-token");
	if (s->switches.o.aws_imds_off) {
		refuse_told(r, 403);
		return 1;
	}
	for (size_t i = 0; given.len > 0 && i < AWS_TOKENS; i++)
		if (sv_eq(given, sv_of(s->aws.tokens[i].text)) &&
		    loop_now_ms(s->loop) < s->aws.tokens[i].dies_ms)
			return 0;
	refuse(r, 401);
	return 1;
}

static int check_role(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	bool extended = sv_starts_with(sv_from(req->path, prefix.len), SV("-extended"));
	if (check_token(s, req, r) != 0)
		return 1;
	if (s->switches.o.aws_no_role || (extended && s->switches.o.aws_no_extended)) {
		refuse_told(r, 404);
		return 1;
	}
	return 0;
}

void aws_metadata_roles(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r)
{
	if (check_role(s, req, r) != 0)
		return;
	r->type = SV("text/plain");
	buf_sv(&r->body, sv_of(s->aws.role));
}

static void member(struct json_writer *w, struct sv name, const char *value)
{
	json_key(w, name);
	json_string(w, sv_of(value));
}

/* 200 and yet no keys: what an instance says whose profile's role does not trust EC2. */
static void no_keys(struct standin *s, struct aws_reply *r)
{
	char text[512], now[AWS_TIME_MAX];
	snprintf(text, sizeof text,
		 "EC2 cannot assume the role %.128s. Please see documentation at "
		 "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html"
		 "#troubleshoot_iam-ec2_errors-info-doc.",
		 s->aws.role);
	aws_time_text(now, aws_now_ms(s), AWS_SECONDS);
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	member(&w, SV("Code"), "AssumeRoleUnauthorizedAccess");
	member(&w, SV("Message"), text);
	member(&w, SV("LastUpdated"), now);
	json_end_object(&w);
}

static void role_keys(struct standin *s, bool extended, struct aws_reply *r)
{
	char principal[256], now[AWS_TIME_MAX];
	snprintf(principal, sizeof principal, "arn:aws:sts::%.16s:assumed-role/%.128s/" INSTANCE,
		 s->aws.account, s->aws.role);
	struct aws_claim claim = {
		.source = AWS_IMDS, .precision = AWS_SECONDS, .principal = sv_of(principal)};
	const struct aws_key *key;
	if (aws_reply_keys(s, &claim, &key, r) != 0)
		return;
	aws_time_text(now, key->issued_ms, AWS_SECONDS);
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	member(&w, SV("Code"), "Success");
	member(&w, SV("LastUpdated"), now);
	member(&w, SV("Type"), "AWS-HMAC");
	member(&w, SV("AccessKeyId"), key->access_key);
	member(&w, SV("SecretAccessKey"), key->secret_key);
	member(&w, SV("Token"), key->token);
	member(&w, SV("Expiration"), key->expiration);
	if (extended)
		member(&w, SV("AccountId"), s->aws.account);
	json_end_object(&w);
}

void aws_metadata_keys(struct standin *s, const struct http_server_request *req,
		       struct aws_reply *r)
{
	struct sv rest = sv_from(req->path, prefix.len);
	bool extended = sv_starts_with(rest, SV("-extended"));
	if (check_role(s, req, r) != 0)
		return;
	if (!sv_eq(sv_from(rest, sv_find(rest, '/') + 1), sv_of(s->aws.role))) {
		refuse(r, 404);
		return;
	}
	r->type = SV("text/plain");
	if (s->switches.o.aws_role_failed)
		no_keys(s, r);
	else
		role_keys(s, extended, r);
}

void aws_metadata_region(struct standin *s, const struct http_server_request *req,
			 struct aws_reply *r)
{
	if (check_token(s, req, r) != 0)
		return;
	s->aws.counts.region_asks++;
	r->type = SV("text/plain");
	buf_sv(&r->body, sv_of(s->aws.region));
}

void aws_metadata_document(struct standin *s, const struct http_server_request *req,
			   struct aws_reply *r)
{
	if (check_token(s, req, r) != 0)
		return;
	s->aws.counts.region_asks++;
	char zone[96];
	snprintf(zone, sizeof zone, "%.64sa", s->aws.region);
	r->type = SV("text/plain");
	struct json_writer w = {.out = &r->body};
	json_begin_object(&w);
	member(&w, SV("accountId"), s->aws.account);
	member(&w, SV("architecture"), "x86_64");
	member(&w, SV("availabilityZone"), zone);
	member(&w, SV("imageId"), "ami-0123456789abcdef0");
	member(&w, SV("instanceId"), INSTANCE);
	member(&w, SV("instanceType"), "t3.small");
	member(&w, SV("privateIp"), "10.0.0.10");
	member(&w, SV("region"), s->aws.region);
	member(&w, SV("version"), "2017-09-30");
	json_end_object(&w);
}

void aws_metadata_other(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r)
{
	if (sv_eq(req->path, SV("/latest/api/token")))
		refuse(r, 405);
	else if (!sv_eq(req->method, SV("GET")))
		refuse(r, 404);
	else if (check_token(s, req, r) == 0)
		refuse(r, 404);
}
