/* The pages beside the endpoint: counts, tracked series, switches. Unsigned, for the people and
 * tests that run the stand-in. */
#include "standin_private.h"

#include "validate.h"
#include <ampagent/base/number.h>
#include <inttypes.h>

enum { SERIES_LINES_DEFAULT = 1000, PARAM_MAX = 4096, STATS_MAX = 64 << 10 };
#define SERIES_TEXT_MAX ((size_t)1 << 30)

static const struct sv type_json = SV("application/json");
static const struct sv type_lines = SV("application/x-ndjson");
static const struct sv type_text = SV("text/plain; charset=utf-8");

static void answer_text(const struct http_server_request *req, int status, const char *text)
{
	http_answer_now(req->exchange, status, type_text, sv_of(text), NULL, 0);
}

static void answer_buf(const struct http_server_request *req, struct sv type, const struct buf *b)
{
	if (buf_failed(b))
		answer_text(req, 500, "the answer does not fit into memory\n");
	else
		http_answer_now(req->exchange, 200, type, buf_view(b), NULL, 0);
}

static void stats_page(struct standin *s, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, STATS_MAX);
	struct json_writer w = {.out = &out};
	standin_stats_json(s, &w);
	buf_char(&out, '\n');
	answer_buf(req, type_json, &out);
}

/* --- /series --- */

/* {"labels":{...},"count":2,"last_ms":1700000000000,"last_value":1,"last_bits":"3ff0..."}; a
 * histogram has "last_histogram" (its digest) in place of the value. */
static void series_line(const struct series *s, const struct wire_label *labels, struct buf *out)
{
	struct json_writer w = {.out = out};
	char bits[20];
	snprintf(bits, sizeof bits, "%016" PRIx64, s->last_value);
	json_begin_object(&w);
	json_key(&w, SV("labels"));
	json_begin_object(&w);
	for (uint32_t i = 0; i < s->n_labels; i++) {
		json_key(&w, labels[i].name);
		json_string(&w, labels[i].value);
	}
	json_end_object(&w);
	json_key(&w, SV("count"));
	json_u64(&w, s->count);
	json_key(&w, SV("last_ms"));
	json_i64(&w, s->last_ms);
	if (s->last_is_histogram) {
		json_key(&w, SV("last_histogram"));
		json_string(&w, sv_of(bits));
	} else {
		json_key(&w, SV("last_value"));
		json_double(&w, double_of_bits(s->last_value));
		json_key(&w, SV("last_bits"));
		json_string(&w, sv_of(bits));
	}
	json_end_object(&w);
	buf_char(out, '\n');
}

static bool is_named(const struct series *s, const struct wire_label *labels, struct sv name)
{
	for (uint32_t i = 0; i < s->n_labels; i++)
		if (sv_eq(labels[i].name, SV("__name__")))
			return sv_eq(labels[i].value, name);
	return false;
}

static void series_page(struct standin *s, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	_cleanup_(buf_deinit) struct buf match = BUF_NULL;
	_cleanup_(buf_deinit) struct buf full = BUF_NULL;
	buf_init(&out, SERIES_TEXT_MAX);
	buf_init(&match, PARAM_MAX);
	buf_init(&full, PARAM_MAX);
	bool matching = http_query_get(req->query, SV("match"), &match) == 0;
	bool all = http_query_get(req->query, SV("full"), &full) == 0 &&
		   sv_eq(buf_view(&full), SV("1"));
	size_t left = all || matching ? SIZE_MAX : SERIES_LINES_DEFAULT;
	/* Stored series have passed the label checks. */
	struct wire_label labels[VALIDATE_LABELS_MAX];
	const struct series_table *t = &s->ingest.series;
	for (size_t i = 0; i < t->n && left > 0; i++) {
		series_labels(&t->list[i], labels);
		if (matching && !is_named(&t->list[i], labels, buf_view(&match)))
			continue;
		series_line(&t->list[i], labels, &out);
		left--;
	}
	answer_buf(req, type_lines, &out);
}

/* --- /switch --- */

/* Sets what the query names; all or nothing. 0, or 1 with the reason in why. */
static int switch_all(struct standin *s, struct sv query, struct buf *why)
{
	struct switches *switches = &s->switches;
	struct switches changed = *switches;
	while (query.len > 0) {
		struct sv one = sv_make(query.ptr, sv_find(query, '&'));
		query = sv_from(query, one.len + 1);
		struct sv name = sv_make(one.ptr, sv_find(one, '='));
		_cleanup_(buf_deinit) struct buf value = BUF_NULL;
		buf_init(&value, PARAM_MAX);
		http_query_get(one, name, &value);
		int rc = switches_set(&changed, name, buf_view(&value));
		if (rc == 0)
			continue;
		buf_printf(why,
			   rc == 1 ? "there is no switch %.*s\n" : "%.*s: not a possible value\n",
			   SV_ARG(name));
		return 1;
	}
	/* The choices go on where they were. */
	changed.random = switches->random;
	*switches = changed;
	http_server_read_slowly(s->server, changed.o.read_pause_ms);
	return 0;
}

static void switch_page(struct standin *s, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, STATS_MAX);
	if (sv_eq(req->method, SV("POST")) && switch_all(s, req->query, &out) != 0) {
		http_answer_now(req->exchange, 400, type_text, buf_view(&out), NULL, 0);
		return;
	}
	struct json_writer w = {.out = &out};
	switches_json(&s->switches, &w);
	buf_char(&out, '\n');
	answer_buf(req, type_json, &out);
}

static void flush_page(struct standin *s, const struct http_server_request *req)
{
	if (standin_flush(s) == 0)
		answer_text(req, 200, "");
	else
		answer_text(req, 500, "some of the record could not be written\n");
}

static void index_page(struct standin *s, const struct http_server_request *req)
{
	answer_text(
		req, 200,
		"ampagent receive: a stand-in for a remote-write endpoint\n\n"
		"POST /workspaces/<workspace>/api/v1/remote_write\n"
		"GET  /stats\n"
		"GET  /series?match=<metric name>&full=1\n"
		"GET  /switch\n"
		"POST /switch?<name>=<value>&...\n"
		"POST /flush\n\n"
		"Switches named rate_ are shares of requests, 0 to 1:\n"
		"rate_429        throttled, half by samples and half by requests\n"
		"rate_500        500, 502, 503 or 504\n"
		"rate_403        expired token; rate_403_denied: denied, or no such token\n"
		"rate_404        no such workspace\n"
		"rate_413        too large; rate_400_size: the same in other words\n"
		"rate_400        stored without the first series, half of the time silently\n"
		"rate_400_many   stored without each third series\n"
		"rate_400_limit  stored without new series\n"
		"rate_202        not stored: another replica is elected\n"
		"rate_drop       connection closed, rate_reset: reset, rate_vanish: gone\n"
		"                without a word, half of the time after storing\n"
		"rate_truncate   the answer ends in the middle, half of the time after\n"
		"                storing; rate_hang: no answer for hang_ms\n"
		"Others: latency_ms, read_pause_ms (after each piece of a body),\n"
		"retry_after_s (with 429 and 503), clock_ahead_s, clock_behind_s,\n"
		"outage_every_s, outage_for_s, accept_v2\n\n"
		"With --aws:\n"
		"POST /                         STS: AssumeRole, AssumeRoleWithWebIdentity,\n"
		"                               GetCallerIdentity\n"
		"GET  /v2/credentials/<any>     an ECS task's role\n"
		"GET  /v1/credentials           the EKS Pod Identity agent\n"
		"PUT  /latest/api/token         IMDSv2; GET /latest/meta-data/... and\n"
		"                               /latest/dynamic/instance-identity/document\n"
		"GET  /federation/credentials   the SSO portal\n"
		"GET  /v4/<any>, .../task, .../stats, .../task/stats, and below /v3/\n"
		"                               the ECS task metadata\n"
		"PUT  /aws/task, /aws/task/stats\n"
		"                               what they answer, byte for byte; with ?id=<any>:\n"
		"                               below that address, and no others are known;\n"
		"                               an empty body: as before\n"
		"POST /                         with X-Amz-Target the ECS API, with\n"
		"                               Action=Describe... the EC2 API\n"
		"GET  /aws/ecs, PUT, PATCH      the account that they show\n"
		"POST /aws/ecs/fill?tasks=N&services=M&instances=K&launch=FARGATE&network=awsvpc\n"
		"     &cluster=NAME&seed=S      a made-up one; launch: or EC2; network: or "
		"bridge,\n"
		"                               host\n"
		"GET  /aws/keys                 all keys issued, secrets included\n\n"
		"Its switches, 0 or 1:\n"
		"aws_down              sources of keys answer 500; aws_throttled: too many\n"
		"                      requests, aws_empty: 200 with no body, aws_hang: nothing\n"
		"aws_same              each source gives its last keys again\n"
		"aws_hop_limit         PUT token gets no answer, as behind one hop too many\n"
		"aws_imds_off          the metadata is switched off\n"
		"aws_no_role           the instance has no role; aws_role_failed: none that it\n"
		"                      may assume; aws_no_extended: only the older path\n"
		"aws_assume_denied     no role may be assumed\n"
		"aws_identity_denied   GetCallerIdentity is refused\n"
		"aws_denied            remote writes are denied, by user and resource\n"
		"aws_mute              refused writes have neither body nor error type\n"
		"aws_redirect          writes are answered 307\n"
		"aws_task_down         the task metadata answers 500; aws_task_garbage: half a\n"
		"                      document, aws_task_hang: nothing\n"
		"aws_api_down          the ECS and EC2 API answer 500; aws_api_garbage: half an\n"
		"                      answer, aws_api_hang: nothing\n"
		"Others: aws_api_denied (actions, with commas, or *), aws_api_fail_at (that call\n"
		"from now on is answered 500), aws_api_rate and aws_api_burst (calls a second\n"
		"and at once in each family of actions; 0: any number), aws_task_rate and\n"
		"aws_task_burst (the same for the task metadata), aws_life_ms (of keys), "
		"aws_grace_ms (they work that much longer),\n"
		"aws_token_ms (of metadata tokens), aws_latency_ms\n");
}

bool standin_admin(struct standin *s, const struct http_server_request *req)
{
	static const struct {
		struct sv path;
		bool get, post;
		void (*page)(struct standin *s, const struct http_server_request *req);
	} pages[] = {
		{SV("/"), true, false, index_page},        {SV("/stats"), true, false, stats_page},
		{SV("/series"), true, false, series_page}, {SV("/switch"), true, true, switch_page},
		{SV("/flush"), false, true, flush_page},
	};
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		if (!sv_eq(pages[i].path, req->path))
			continue;
		bool allowed = (pages[i].get && sv_eq(req->method, SV("GET"))) ||
			       (pages[i].post && sv_eq(req->method, SV("POST")));
		if (allowed)
			pages[i].page(s, req);
		else
			answer_text(req, 405, "method not allowed\n");
		return true;
	}
	return false;
}
