/* task_ask: the endpoint is at an address of this host's own, so requests go nowhere else. */
#include "task_ask.h"

#include <ampagent/aws/imds.h>
#include <ampagent/base/limits.h>

#include <stdlib.h>

enum {
	TIMEOUT_MS = 5000,
	URL_MAX = 1024,
	SAID_MAX = 200,
	PAUSE_FIRST_MS = 500,
	THROTTLED_STEPS = 2, /* 429 counts as so many failures more */
	RETRY_AFTER_MAX_S = 3600,
};

const char *const ecs_ask_results[ECS_ASK_RESULTS] = {"ok", "throttled", "refused", "no_answer",
						      "unusable"};

/* --- where --- */

int ecs_ask_base(aws_getenv *env, struct buf *out, struct err *err)
{
	const char *name = aws_task_variable(env);
	struct sv url = sv_trim(sv_of(name ? env(name) : NULL));
	struct url_parts u;
	if (url.len == 0)
		return err_set(err, 1,
			       "neither ECS_CONTAINER_METADATA_URI_V4 nor "
			       "ECS_CONTAINER_METADATA_URI is set");
	while (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	if (url.len > URL_MAX)
		return err_set(err, 1, "%s is too long", name);
	if (url_split(url, &u) != 0 || !sv_eq_nocase(u.scheme, SV("http")) || u.query.len > 0 ||
	    u.userinfo.len > 0)
		return err_set(err, 1,
			       "%s is not the URL of a metadata endpoint (http://ADDRESS/...)",
			       name);
	return buf_sv(out, url) == 0 ? 0 : err_set(err, ERR_NOMEM, "no memory");
}

/* --- what came --- */

/* What the peer says with its status, as one line; pages of HTML say nothing. */
static void said(char dst[SAID_MAX], struct sv body)
{
	size_t n = 0;
	body = sv_trim(body);
	if (sv_starts_with(body, SV("<")))
		body = SV_NULL;
	if (body.len >= 2 && body.ptr[0] == '"' && body.ptr[body.len - 1] == '"')
		body = sv_make(body.ptr + 1, body.len - 2);
	for (size_t i = 0; i < body.len && n + 1 < SAID_MAX; i++)
		dst[n++] = body.ptr[i] >= ' ' && body.ptr[i] <= '~' ? body.ptr[i] : ' ';
	dst[n] = '\0';
}

static enum ecs_ask_result judge(const struct http_answer *a, struct sv body, struct err *why)
{
	char text[SAID_MAX];
	switch (a->result) {
	case HTTP_OK:
		break;
	case HTTP_TOO_LARGE:
	case HTTP_NO_ROOM:
		err_set(why, 1, "%s", a->error);
		return ECS_ASK_UNUSABLE;
	default:
		err_set(why, 1, "%s", a->error);
		return ECS_ASK_NO_ANSWER;
	}
	if (a->status == 200 && body.len > 0)
		return ECS_ASK_OK;
	if (a->status == 200) {
		err_set(why, 1, "the answer is empty");
		return ECS_ASK_UNUSABLE;
	}
	said(text, body);
	err_set(why, 1, "status %d%s%s", a->status, text[0] ? ": " : "", text);
	return a->status == 429 ? ECS_ASK_THROTTLED : ECS_ASK_REFUSED;
}

static int64_t asked_for_ms(struct sv retry_after)
{
	uint64_t s;
	if (sv_to_u64(sv_trim(retry_after), &s) != 0)
		return 0;
	return (int64_t)(s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000;
}

static void on_answer(void *cls, const struct http_answer *a)
{
	struct ecs_ask *ask = cls;
	struct err why = ERR_NULL;
	ask->transfer = NULL;
	enum ecs_ask_result result = judge(a, buf_view(&ask->body), &why);
	ask->done(ask->cls, result, asked_for_ms(a->retry_after), &why);
}

/* --- asking --- */

int ecs_ask_init(struct ecs_ask *a, struct aws_session *s, struct sv base, struct sv path)
{
	size_t n = base.len + path.len + 1;
	a->session = s;
	buf_init(&a->body, LIMIT_ECS_TASK_BYTES);
	a->url = malloc(n);
	if (!a->url)
		return ERR_NOMEM;
	snprintf(a->url, n, "%.*s%.*s", SV_ARG(base), SV_ARG(path));
	return 0;
}

void ecs_ask_deinit(struct ecs_ask *a)
{
	if (a->transfer)
		http_cancel(a->transfer);
	a->transfer = NULL;
	buf_deinit(&a->body);
	free(a->url);
	a->url = NULL;
}

int ecs_ask_start(struct ecs_ask *a, struct err *err)
{
	struct http_header h = {SV("User-Agent"), aws_session_user_agent(a->session)};
	struct http_request req = {.method = SV("GET"),
				   .url = sv_of(a->url),
				   .headers = &h,
				   .n_headers = 1,
				   .timeout_ms = TIMEOUT_MS,
				   .body_max = LIMIT_ECS_TASK_BYTES,
				   .body_out = &a->body,
				   .local_only = true};
	return http_start(aws_session_link(a->session), &req, on_answer, a, &a->transfer, err);
}

int64_t ecs_ask_pause_ms(unsigned failures, enum ecs_ask_result result, int64_t retry_after_ms,
			 int64_t bound_ms, uint64_t random)
{
	int64_t pause = PAUSE_FIRST_MS;
	if (result == ECS_ASK_THROTTLED)
		failures += THROTTLED_STEPS;
	for (unsigned i = 1; i < failures && pause < bound_ms; i++)
		pause *= 2;
	if (pause > bound_ms)
		pause = bound_ms;
	/* The tasks of a host failed together and should not come back together. */
	pause -= (int64_t)(random % (uint64_t)(pause / 2 + 1));
	if (pause < retry_after_ms)
		pause = retry_after_ms;
	return pause < bound_ms ? pause : bound_ms;
}
