/* imds: tokens are kept by endpoint in the session, for their life; whoever needs one while it is
 * asked for waits for the same answer.
 *
 * A request: (token known) -> GET; (none) -> wait for PUT -> GET; GET answered 401 -> the token is
 * dropped -> once more. PUT refused with 403, 404 or 405 -> GET without a token, only where version
 * 1 is allowed in words.
 */
#include "ask.h"
#include "imds_cache.h"
#include "json_keys.h"
#include "session_private.h"

#include <ampagent/aws/imds.h>
#include <ampagent/base/limits.h>

#include <stdlib.h>

#define TOKEN_TTL "21600"
enum { TOKEN_LIFE_MS = 21600 * 1000, TOKEN_EARLY_MS = 60 * 1000, TOKEN_MAX = 1024 };
enum { PAUSE_MS = 250, ENDPOINT_MAX = 512 };

struct imds_peer {
	struct imds_peer *next;
	struct buf token; /* empty: none */
	int64_t until_ms;
	unsigned token_no;
	struct aws_ask *ask;      /* a PUT on its way */
	struct aws_imds *waiting; /* for it */
	char endpoint[];          /* scheme://host[:port] */
};

struct aws_imds {
	struct aws_imds *next, **link; /* of those that wait; link NULL: not among them */
	struct aws_session *session;
	struct imds_peer *peer;
	struct sv path; /* behind this */
	bool v1_allowed, renewed, finished;
	bool no_token;     /* the GET is of version 1 */
	unsigned token_no; /* used by the GET */
	int64_t timeout_ms;
	unsigned attempts;
	struct aws_ask *ask;
	struct loop_timer disabled; /* tells so at the next turn */
	void (*done)(void *cls, enum aws_imds_result result, struct sv text, int64_t peer_now_ms,
		     const struct err *why);
	void *cls;
};

/* --- the cache --- */

void aws_imds_cache_init(struct aws_imds_cache *c)
{
	*c = (struct aws_imds_cache){0};
}

void aws_imds_cache_deinit(struct aws_imds_cache *c)
{
	while (c->peers) {
		struct imds_peer *p = c->peers;
		c->peers = p->next;
		aws_ask_cancel(p->ask);
		buf_wipe(&p->token);
		free(p);
	}
}

struct sv aws_imds_endpoint(const struct aws_settings *settings)
{
	struct sv e = settings->imds_endpoint;
	if (e.len == 0)
		return settings->imds_mode == AWS_IMDS_IPV6 ? SV("http://[fd00:ec2::254]")
							    : SV("http://169.254.169.254");
	while (e.len > 0 && e.ptr[e.len - 1] == '/')
		e.len--;
	return e;
}

/* NULL without memory. */
static struct imds_peer *peer_get(struct aws_imds_cache *c, struct sv endpoint)
{
	for (struct imds_peer *p = c->peers; p; p = p->next)
		if (sv_eq(sv_of(p->endpoint), endpoint))
			return p;
	struct imds_peer *p = calloc(1, sizeof *p + endpoint.len + 1);
	if (!p)
		return NULL;
	memcpy(p->endpoint, endpoint.ptr, endpoint.len);
	buf_init(&p->token, TOKEN_MAX);
	p->next = c->peers;
	c->peers = p;
	return p;
}

static void token_drop(struct imds_peer *p)
{
	buf_wipe(&p->token);
	buf_init(&p->token, TOKEN_MAX);
}

/* 0, or 1 when the text is no token. */
static int token_keep(struct imds_peer *p, struct sv text, int64_t now_ms)
{
	token_drop(p);
	text = sv_trim(text);
	if (text.len == 0 || text.len > TOKEN_MAX || aws_key_part_check(text, "token", NULL) != 0 ||
	    buf_reserve(&p->token, text.len) != 0)
		return 1;
	buf_sv(&p->token, text);
	p->token_no++;
	p->until_ms = now_ms + TOKEN_LIFE_MS - TOKEN_EARLY_MS;
	return 0;
}

static bool token_good(const struct imds_peer *p, int64_t now_ms)
{
	return p->token.len > 0 && now_ms < p->until_ms;
}

/* --- who waits for a token --- */

static void imds_enter(struct imds_peer *p, struct aws_imds *i)
{
	struct aws_imds **end = &p->waiting;
	while (*end)
		end = &(*end)->next;
	i->next = NULL;
	i->link = end;
	*end = i;
}

static void imds_leave(struct aws_imds *i)
{
	if (!i->link)
		return;
	*i->link = i->next;
	if (i->next)
		i->next->link = i->link;
	i->link = NULL;
}

static void imds_free(struct aws_imds *i)
{
	imds_leave(i);
	/* A token that nobody waits for is not worth the wait of a session's end. */
	if (i->peer && !i->peer->waiting)
		aws_ask_cancel(take_ptr(i->peer->ask));
	aws_ask_cancel(i->ask);
	loop_timer_cancel(&i->disabled);
	free(i);
}

DEFINE_CLEANUP_PTR(struct aws_imds, imds_free)

void aws_imds_cancel(struct aws_imds *i)
{
	if (i && !i->finished)
		imds_free(i);
}

static void imds_finish(struct aws_imds *i, enum aws_imds_result result, struct sv text,
			int64_t peer_now_ms, const struct err *why)
{
	i->finished = true;
	i->done(i->cls, result, text, peer_now_ms, why);
	imds_free(i);
}

static void imds_fail(struct aws_imds *i, enum aws_imds_result result, const struct err *why)
{
	imds_finish(i, result, SV_NULL, 0, why);
}

/* --- what silence and refusals mean --- */

static enum aws_imds_result no_answer(const struct imds_peer *p, const struct http_answer *a,
				      bool put, struct err *why)
{
	char told[AWS_ASK_TOLD_MAX];
	aws_ask_told(told, a, SV_NULL, SV_NULL);
	/* Short enough for the places that cut: what to do comes before what is long. */
	if (put && a->result == HTTP_TIMEOUT && a->phase == HTTP_PHASE_EXCHANGE) {
		err_set(why, 0,
			"instance metadata at %s took the connection, but no token came (%s): a "
			"container sees that when the hop limit is 1. Raise "
			"HttpPutResponseHopLimit to 2, or use a task role, IRSA or EKS Pod "
			"Identity",
			p->endpoint, told);
		return AWS_IMDS_HOP_LIMIT;
	}
	err_set(why, 0,
		"instance metadata at %s gives no answer: this is no EC2 instance, or a firewall "
		"or network policy is between (where there is none, say "
		"AWS_EC2_METADATA_DISABLED=true): %s",
		p->endpoint, told);
	return AWS_IMDS_NO_ANSWER;
}

static const char *advice(int status, bool put)
{
	switch (status) {
	case 400:
		return put ? ": the request for a token was taken for a wrong one; is something "
			     "between here and the instance's metadata?"
			   : "";
	case 401:
		return ": it took neither the token nor a new one";
	case 403:
		return ": metadata is turned off for this instance (HttpEndpoint), or access to "
		       "it is forbidden here";
	case 404:
	case 405:
		return put ? ": it knows no tokens (version 2), and version 1 is used only where "
			     "AWS_EC2_METADATA_V1_DISABLED=false allows it"
			   : "";
	default:
		return "";
	}
}

static enum aws_imds_result refused(const struct imds_peer *p, const struct http_answer *a,
				    struct sv body, bool put, struct err *why)
{
	char told[AWS_ASK_TOLD_MAX];
	aws_ask_told(told, a, body, buf_view(&p->token));
	err_set(why, 0, "instance metadata at %s refuses: %s%s", p->endpoint, told,
		advice(a->status, put));
	return AWS_IMDS_REFUSED;
}

/* --- GET --- */

static int imds_go(struct aws_imds *i, struct err *err);

static void on_get(void *cls, const struct http_answer *a, struct sv body)
{
	struct aws_imds *i = cls;
	struct err why = ERR_NULL;
	i->ask = NULL;
	if (a->result != HTTP_OK) {
		imds_fail(i, no_answer(i->peer, a, false, &why), &why);
	} else if (a->status == 200) {
		imds_finish(i, AWS_IMDS_OK, sv_trim(body), aws_clock_told_ms(a), NULL);
	} else if (a->status == 404) {
		err_set(&why, 0, "instance metadata has no %.*s", SV_ARG(i->path));
		imds_fail(i, AWS_IMDS_NOT_FOUND, &why);
	} else if (a->status == 401 && !i->no_token && !i->renewed) {
		i->renewed = true;
		/* Somebody else may have had it renewed already. */
		if (i->peer->token_no == i->token_no)
			token_drop(i->peer);
		if (imds_go(i, &why) != 0)
			imds_fail(i, AWS_IMDS_NO_ANSWER, &why);
	} else {
		imds_fail(i, refused(i->peer, a, body, false, &why), &why);
	}
}

static struct http_request request_of(const struct aws_imds *i, struct sv method, struct sv url)
{
	return (struct http_request){.method = method,
				     .url = url,
				     .timeout_ms = i->timeout_ms,
				     .body_max = LIMIT_SECRET_BYTES};
}

static int imds_send(struct aws_imds *i, struct http_request req,
		     void (*done)(void *cls, const struct http_answer *a, struct sv body),
		     void *cls, struct aws_ask **out, struct err *err)
{
	struct aws_ask_options o = {.loop = aws_session_loop(i->session),
				    .client = aws_session_link(i->session),
				    .req = req,
				    .attempts = i->attempts,
				    .pause_ms = PAUSE_MS};
	return aws_ask_start(&o, done, cls, out, err);
}

static int imds_get(struct aws_imds *i, struct err *err)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	struct http_header h[2] = {{SV("User-Agent"), aws_session_user_agent(i->session)}};
	buf_init(&url, ENDPOINT_MAX + i->path.len);
	buf_sv(&url, sv_of(i->peer->endpoint));
	buf_sv(&url, i->path);
	if (buf_failed(&url))
		return err_set(err, ERR_NOMEM, "no memory");
	struct http_request req = request_of(i, SV("GET"), buf_view(&url));
	req.headers = h;
	req.n_headers = 1;
	i->token_no = i->peer->token_no;
	if (!i->no_token)
		h[req.n_headers++] = (struct http_header){SV("X-aws-ec2-metadata-token"),
							  buf_view(&i->peer->token)};
	return imds_send(i, req, on_get, i, &i->ask, err);
}

/* --- PUT --- */

static void imds_wake(struct aws_imds *i, enum aws_imds_result result, bool v1,
		      const struct err *why)
{
	struct err own = ERR_NULL;
	if (result != AWS_IMDS_OK && !(v1 && i->v1_allowed)) {
		imds_fail(i, result, why);
		return;
	}
	i->no_token = result != AWS_IMDS_OK;
	if (imds_get(i, &own) != 0)
		imds_fail(i, AWS_IMDS_NO_ANSWER, &own);
}

/* Each is told, in the order of coming; any of them may end all others, or ask anew. */
static void wake_all(struct imds_peer *p, enum aws_imds_result result, bool v1,
		     const struct err *why)
{
	struct aws_imds *head = p->waiting;
	p->waiting = NULL;
	if (head)
		head->link = &head;
	while (head) {
		struct aws_imds *i = head;
		imds_leave(i);
		imds_wake(i, result, v1, why);
	}
}

static void on_token(void *cls, const struct http_answer *a, struct sv body)
{
	struct imds_peer *p = cls;
	struct aws_imds *first = p->waiting;
	struct err why = ERR_NULL;
	enum aws_imds_result result = AWS_IMDS_OK;
	p->ask = NULL;
	if (a->result != HTTP_OK) {
		result = no_answer(p, a, true, &why);
	} else if (a->status != 200) {
		result = refused(p, a, body, true, &why);
	} else if (first && token_keep(p, body, loop_now_ms(aws_session_loop(first->session)))) {
		err_set(&why, 0, "instance metadata at %s answers with what is no token",
			p->endpoint);
		result = AWS_IMDS_REFUSED;
	}
	bool v1 =
		a->result == HTTP_OK && (a->status == 403 || a->status == 404 || a->status == 405);
	wake_all(p, result, v1, &why);
}

static int token_ask(struct aws_imds *i, struct err *err)
{
	char url[ENDPOINT_MAX + sizeof "/latest/api/token"];
	struct http_header h[] = {
		{SV("User-Agent"), aws_session_user_agent(i->session)},
		{SV("X-aws-ec2-metadata-token-ttl-seconds"), SV(TOKEN_TTL)},
	};
	snprintf(url, sizeof url, "%s/latest/api/token", i->peer->endpoint);
	struct http_request req = request_of(i, SV("PUT"), sv_of(url));
	req.headers = h;
	req.n_headers = 2;
	return imds_send(i, req, on_token, i->peer, &i->peer->ask, err);
}

/* 0, or the reason. */
static int imds_go(struct aws_imds *i, struct err *err)
{
	struct imds_peer *p = i->peer;
	if (token_good(p, loop_now_ms(aws_session_loop(i->session))))
		return imds_get(i, err);
	int code = p->ask ? 0 : token_ask(i, err);
	if (code == 0)
		imds_enter(p, i);
	return code;
}

/* --- start --- */

static void on_disabled(void *cls)
{
	struct err why = ERR_NULL;
	err_set(&why, 0, "instance metadata is not asked: AWS_EC2_METADATA_DISABLED is true");
	imds_fail(cls, AWS_IMDS_DISABLED, &why);
}

static int imds_begin(struct aws_imds *i, const struct aws_settings *settings, struct err *err)
{
	struct sv endpoint = aws_imds_endpoint(settings);
	if (settings->imds_disabled) {
		i->disabled.fire = on_disabled;
		i->disabled.cls = i;
		loop_timer_in(aws_session_loop(i->session), &i->disabled, 0);
		return 0;
	}
	if (endpoint.len > ENDPOINT_MAX)
		return err_set(err, 1, "the endpoint of instance metadata is too long");
	i->peer = peer_get(aws_session_imds(i->session), endpoint);
	if (!i->peer)
		return err_set(err, ERR_NOMEM, "no memory");
	int code = imds_go(i, err);
	if (code > 0)
		err_prefix(err, "instance metadata at %s", i->peer->endpoint);
	return code;
}

int aws_imds_start(struct aws_session *s, const struct aws_settings *settings, struct sv path,
		   void (*done)(void *cls, enum aws_imds_result result, struct sv text,
				int64_t peer_now_ms, const struct err *why),
		   void *cls, struct aws_imds **out, struct err *err)
{
	_cleanup_(imds_freep) struct aws_imds *i = calloc(1, sizeof *i + path.len);
	if (!i)
		return err_set(err, ERR_NOMEM, "no memory");
	char *bytes = (char *)(i + 1);
	if (path.len > 0)
		memcpy(bytes, path.ptr, path.len);
	i->path = sv_make(bytes, path.len);
	i->session = s;
	i->v1_allowed = !settings->imds_v1_disabled;
	i->timeout_ms = settings->imds_timeout_ms;
	i->attempts = settings->imds_attempts;
	i->done = done;
	i->cls = cls;
	int code = imds_begin(i, settings, err);
	if (code != 0)
		return code;
	*out = take_ptr(i);
	return 0;
}
