/* AWS's paths beside the workspace: routes, switches that concern all services, and the check of
 * signatures by issued keys. */
#include "standin_private.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

enum {
	REPLY_MAX = 64 << 10,
	KEYS_MAX = 64 << 20,
	TOKEN_FILE_MAX = 64 << 10,
	HANG_MS = 5 * 60 * 1000, /* no client of keys waits that long */
};

static const struct sv type_json = SV("application/json");

/* --- life --- */

static char *copy_or_empty(struct sv s)
{
	return sv_dup(s.ptr ? s : SV(""));
}

int standin_aws_init(struct standin_aws *a, const struct standin_options *opt)
{
	a->region = copy_or_empty(opt->aws_region.len > 0 ? opt->aws_region : opt->region);
	a->role = copy_or_empty(opt->aws_role);
	a->web_token_file = copy_or_empty(opt->aws_web_token_file);
	a->container_token_file = copy_or_empty(opt->aws_container_token_file);
	a->sso_token = copy_or_empty(opt->aws_sso_token);
	a->account = copy_or_empty(opt->account);
	aws_api_init(&a->api);
	return a->region && a->role && a->web_token_file && a->container_token_file &&
			       a->sso_token && a->account
		       ? 0
		       : ERR_NOMEM;
}

void standin_aws_deinit(struct standin_aws *a)
{
	aws_issued_deinit(&a->issued);
	aws_tasks_deinit(&a->tasks);
	aws_account_deinit(&a->resources);
	free(a->region);
	free(a->role);
	free(a->web_token_file);
	free(a->container_token_file);
	free(a->sso_token);
	free(a->account);
	free(a->web_token_now);
	free(a->web_token_before);
}

/* --- signatures --- */

struct finder {
	struct standin *s;
	struct aws_key *found;
};

static int find_key(void *cls, struct sv access_key, struct sigv4_key *key)
{
	struct finder *f = cls;
	f->found = aws_issued_find(&f->s->aws.issued, access_key);
	if (!f->found)
		return 1;
	key->secret_key = sv_of(f->found->secret_key);
	key->session_token = sv_of(f->found->token);
	key->expired = aws_now_ms(f->s) >= f->found->expires_ms + f->s->switches.o.aws_grace_ms;
	return 0;
}

int standin_aws_verify(struct standin *s, const struct http_server_request *req, struct sv region,
		       struct sv service, struct aws_key **by, struct sigv4_refusal *why)
{
	struct header_list headers = {.n = 0};
	struct finder finder = {s, NULL};
	*by = NULL;
	http_exchange_headers(req->exchange, standin_collect_header, &headers);
	if (headers.overflow) {
		why->type = "IncompleteSignatureException";
		buf_sv(&why->text, SV("Too many headers."));
		return 1;
	}
	struct sigv4_received received = {
		.method = req->method,
		.raw_path = req->raw_path,
		.query = req->query,
		.body = req->body,
		.headers = headers.list,
		.n_headers = headers.n,
	};
	struct sigv4_expected expected = {
		.access_key = sv_of(s->access_key),
		.secret_key = sv_of(s->secret_key),
		.session_token = sv_of(s->session_token),
		.region = region,
		.any_region = region.len == 0,
		.service = service,
		.clock_window_s = s->clock_window_s,
		.find = s->switches.o.aws ? find_key : NULL,
		.cls = &finder,
	};
	int rc = verify_sigv4(&received, &expected, aws_now_ms(s) / 1000, why);
	*by = finder.found;
	return rc;
}

void standin_aws_principal(const struct standin *s, const struct aws_key *key, struct buf *out)
{
	if (key)
		buf_sv(out, sv_of(key->principal));
	else
		buf_printf(out, "arn:aws:iam::%s:user/ampagent", s->aws.account);
}

/* --- what the services share --- */

int64_t aws_now_ms(const struct standin *s)
{
	return loop_wall_ms(s->loop) + switches_clock_ms(&s->switches);
}

int aws_read_token(const char *path, struct buf *out)
{
	buf_init(out, TOKEN_FILE_MAX);
	if (file_read(path, out, NULL) != 0)
		return 1;
	while (out->len > 0 && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '\r'))
		out->len--;
	return 0;
}

int aws_reply_keys(struct standin *s, const struct aws_claim *what, const struct aws_key **out,
		   struct aws_reply *r)
{
	struct aws_claim claim = *what;
	claim.now_ms = aws_now_ms(s);
	claim.life_ms = s->switches.o.aws_life_ms;
	claim.same = s->switches.o.aws_same;
	if (aws_issue(&s->aws.issued, &claim, out) == 0)
		return 0;
	r->status = 500;
	buf_sv(&r->body, SV("the stand-in has no room for more keys\n"));
	return 1;
}

/* --- routes --- */

enum { BY_ACTION = AWS_NO_SOURCE - 1 };

struct route {
	struct sv method, path;
	bool whole; /* the path and no more */
	int source; /* of keys, or one of the two below 0 */
	aws_handler handle;
	aws_refusal refuse; /* NULL: the switches of sources do not concern it */
};

static void keys_page(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	buf_deinit(&r->body);
	buf_init(&r->body, KEYS_MAX);
	struct json_writer w = {.out = &r->body};
	aws_issued_json(&s->aws.issued, &w);
	buf_char(&r->body, '\n');
	r->type = type_json;
}

/* What comes with POST / and is no question to STS. */
static const struct route api_route = {SV("POST"), SV("/"), true, AWS_NO_SOURCE, aws_api, NULL};

#define METADATA "/latest/meta-data/"

/* The first that matches in method and path. */
static const struct route routes[] = {
	{SV("GET"), SV("/aws/keys"), true, AWS_NO_SOURCE, keys_page, NULL},
	{SV("GET"), SV("/v2/credentials"), true, AWS_ECS, aws_ecs, aws_ecs_error},
	{SV("GET"), SV("/v2/credentials/"), false, AWS_ECS, aws_ecs, aws_ecs_error},
	{SV("GET"), SV("/v1/credentials"), true, AWS_POD_IDENTITY, aws_pod, aws_pod_error},
	{SV("POST"), SV("/"), true, BY_ACTION, aws_sts, aws_sts_error},
	{SV("GET"), SV("/federation/credentials"), true, AWS_SSO, aws_sso, aws_sso_error},
	{SV("GET"), SV("/v4/"), false, AWS_NO_SOURCE, aws_task, NULL},
	{SV("GET"), SV("/v3/"), false, AWS_NO_SOURCE, aws_task, NULL},
	{SV("PUT"), SV("/aws/task"), true, AWS_NO_SOURCE, aws_task_put, NULL},
	{SV("PUT"), SV("/aws/task/stats"), true, AWS_NO_SOURCE, aws_task_put_stats, NULL},
	{SV("GET"), SV("/aws/ecs"), true, AWS_NO_SOURCE, aws_account_page, NULL},
	{SV("PUT"), SV("/aws/ecs"), true, AWS_NO_SOURCE, aws_account_page, NULL},
	{SV("PATCH"), SV("/aws/ecs"), true, AWS_NO_SOURCE, aws_account_page, NULL},
	{SV("POST"), SV("/aws/ecs/fill"), true, AWS_NO_SOURCE, aws_account_fill_page, NULL},
	{SV("PUT"), SV("/latest/api/token"), true, AWS_NO_SOURCE, aws_metadata_token,
	 aws_metadata_error},
	{SV("GET"), SV(METADATA "iam/security-credentials"), true, AWS_NO_SOURCE,
	 aws_metadata_roles, aws_metadata_error},
	{SV("GET"), SV(METADATA "iam/security-credentials/"), true, AWS_NO_SOURCE,
	 aws_metadata_roles, aws_metadata_error},
	{SV("GET"), SV(METADATA "iam/security-credentials/"), false, AWS_IMDS, aws_metadata_keys,
	 aws_metadata_error},
	{SV("GET"), SV(METADATA "iam/security-credentials-extended"), true, AWS_NO_SOURCE,
	 aws_metadata_roles, aws_metadata_error},
	{SV("GET"), SV(METADATA "iam/security-credentials-extended/"), true, AWS_NO_SOURCE,
	 aws_metadata_roles, aws_metadata_error},
	{SV("GET"), SV(METADATA "iam/security-credentials-extended/"), false, AWS_IMDS,
	 aws_metadata_keys, aws_metadata_error},
	{SV("GET"), SV(METADATA "placement/region"), true, AWS_NO_SOURCE, aws_metadata_region,
	 aws_metadata_error},
	{SV("GET"), SV("/latest/dynamic/instance-identity/document"), true, AWS_NO_SOURCE,
	 aws_metadata_document, aws_metadata_error},
	{SV(""), SV("/v1/"), false, AWS_NO_SOURCE, aws_no_page, NULL},
	{SV(""), SV("/v2/"), false, AWS_NO_SOURCE, aws_no_page, NULL},
	{SV(""), SV("/v3/"), false, AWS_NO_SOURCE, aws_no_page, NULL},
	{SV(""), SV("/v4/"), false, AWS_NO_SOURCE, aws_no_page, NULL},
	{SV(""), SV("/latest/"), false, AWS_NO_SOURCE, aws_metadata_other, aws_metadata_error},
};

static const struct route *route_of(const struct http_server_request *req)
{
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		const struct route *t = &routes[i];
		bool here =
			t->whole ? sv_eq(req->path, t->path) : sv_starts_with(req->path, t->path);
		if (here && (t->method.len == 0 || sv_eq(req->method, t->method)))
			return t->source == BY_ACTION && aws_is_api(req) ? &api_route : t;
	}
	return NULL;
}

/* --- requests for keys --- */

static void count_fetch(struct standin *s, int source)
{
	struct standin_aws *a = &s->aws;
	int64_t now_ms = loop_now_ms(s->loop);
	uint64_t others = 0;
	size_t place = 0;
	for (size_t i = 0; i < AWS_UNDER_WAY; i++) {
		if (a->under_way[i] > now_ms)
			others++;
		else
			place = i;
	}
	a->under_way[place] = now_ms + s->switches.o.aws_latency_ms;
	a->counts.fetches[source]++;
	if (others + 1 > a->counts.at_once)
		a->counts.at_once = others + 1;
}

/* What the switches say of every source: true when that is the answer. */
static bool switched_off(const struct standin *s, const struct route *t, struct aws_reply *r)
{
	const struct standin_options *o = &s->switches.o;
	r->as_told = true;
	if (o->aws_hang)
		r->never = true;
	else if (o->aws_down)
		t->refuse(r, 500, "InternalFailure", "Internal server error");
	else if (o->aws_throttled)
		t->refuse(r, 429, "Throttling", "Rate exceeded");
	else if (o->aws_empty)
		r->status = 200;
	else
		r->as_told = false;
	return r->as_told;
}

static void send_aws(struct standin *s, struct http_exchange *x, struct aws_reply *r)
{
	char date[STANDIN_DATE_CHARS + 1];
	if (r->never) {
		http_answer_broken(x, SV_NULL, HANG_MS, HTTP_BREAK_CLOSE);
		return;
	}
	if (switches_clock_ms(&s->switches) != 0) {
		standin_http_date(date, aws_now_ms(s));
		r->headers[r->n_headers++] = (struct http_header){SV("Date"), sv_of(date)};
	}
	if (buf_failed(&r->body)) {
		r->status = 500;
		buf_reset(&r->body);
	}
	struct sv type = r->body.len > 0 ? r->type : SV_NULL;
	if (s->switches.o.aws_latency_ms > 0 && !r->own)
		http_answer_later(x, s->switches.o.aws_latency_ms, r->status, type,
				  buf_view(&r->body), r->headers, r->n_headers);
	else
		http_answer_now(x, r->status, type, buf_view(&r->body), r->headers, r->n_headers);
}

static void reply_wipe(struct aws_reply *r)
{
	buf_wipe(&r->body);
}
DEFINE_CLEANUP(struct aws_reply, reply_wipe)

bool standin_aws(struct standin *s, const struct http_server_request *req)
{
	const struct route *t = s->switches.o.aws ? route_of(req) : NULL;
	if (!t)
		return false;
	_cleanup_(reply_wipe) struct aws_reply r = {.status = 200,
						    .type = SV("text/plain; charset=utf-8")};
	buf_init(&r.body, REPLY_MAX);
	buf_reserve(&r.body, KiB(4));
	int source = t->source == BY_ACTION ? aws_sts_source(req) : t->source;
	if (source != AWS_NO_SOURCE)
		count_fetch(s, source);
	if (!t->refuse || !switched_off(s, t, &r))
		t->handle(s, req, &r);
	if (!r.as_told && r.status >= 400 && r.status < 500)
		s->aws.counts.bad_requests++;
	send_aws(s, req->exchange, &r);
	return true;
}

/* --- counts --- */

static void count(struct json_writer *w, struct sv name, uint64_t value)
{
	json_key(w, name);
	json_u64(w, value);
}

static void task_json(const struct aws_tasks *t, struct json_writer *w)
{
	json_begin_object(w);
	count(w, SV("task"), t->task);
	count(w, SV("stats"), t->stats);
	count(w, SV("container"), t->container);
	count(w, SV("container_stats"), t->container_stats);
	count(w, SV("with_tags"), t->with_tags);
	count(w, SV("throttled"), t->throttled);
	count(w, SV("unknown"), t->unknown);
	json_end_object(w);
}

static void api_json(const struct aws_api *a, struct json_writer *w)
{
	json_key(w, SV("api"));
	json_begin_object(w);
	for (int i = 0; i < AWS_ACTIONS_; i++)
		if (a->calls[i] > 0)
			count(w, aws_action_name((enum aws_action)i), a->calls[i]);
	json_end_object(w);
	count(w, SV("throttled"), a->throttled);
	count(w, SV("denied"), a->denied);
	count(w, SV("failed"), a->failed);
	count(w, SV("unknown_actions"), a->unknown);
}

void standin_aws_json(const struct standin *s, struct json_writer *w)
{
	const struct aws_counts *c = &s->aws.counts;
	json_begin_object(w);
	json_key(w, SV("fetches"));
	json_begin_object(w);
	for (int i = 0; i < AWS_SOURCES_; i++)
		count(w, aws_source_name((enum aws_source)i), c->fetches[i]);
	json_end_object(w);
	count(w, SV("at_once"), c->at_once);
	count(w, SV("issued"), s->aws.issued.n);
	count(w, SV("refused_expired"), c->refused_expired);
	count(w, SV("refused_unknown"), c->refused_unknown);
	count(w, SV("bad_requests"), c->bad_requests);
	count(w, SV("metadata_tokens"), c->metadata_tokens);
	count(w, SV("region_asks"), c->region_asks);
	count(w, SV("identity_asks"), c->identity_asks);
	count(w, SV("redirects_followed"), c->redirects_followed);
	json_key(w, SV("task"));
	task_json(&s->aws.tasks, w);
	api_json(&s->aws.api, w);
	json_end_object(w);
}
