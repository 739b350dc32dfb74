/* source_container: one GET; the token that goes with it is read anew each time, for its file is
 * replaced while we run.
 */
#include "ask.h"
#include "json_keys.h"
#include "source.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <stdlib.h>

enum { ATTEMPTS = 3, PAUSE_MS = 1000, TIMEOUT_MS = 2000 };

struct container {
	struct aws_fetch base; /* first */
	const struct aws_plan *plan;
	struct buf token; /* as sent */
	bool finished;
	struct aws_ask *ask;
	source_done done;
	void *cls;
};

static void container_free(struct container *f)
{
	aws_ask_cancel(f->ask);
	buf_wipe(&f->token);
	free(f);
}

DEFINE_CLEANUP_PTR(struct container, container_free)

static void container_cancel(struct aws_fetch *base)
{
	struct container *f = (struct container *)base;
	if (!f->finished)
		container_free(f);
}

static void finish(struct container *f, const struct aws_got *got, const struct err *why)
{
	f->finished = true;
	f->done(f->cls, got, why);
	container_free(f);
}

/* A URL's password and query may be secrets. */
static void prefix(const struct container *f, struct err *err)
{
	struct url_parts u;
	if (url_split(f->plan->container.url, &u) != 0) {
		err_prefix(err, "%s", f->plan->container.what);
		return;
	}
	bool literal = sv_find(u.host, ':') < u.host.len && u.host.ptr[0] != '[';
	err_prefix(err, "%s at %.*s://%s%.*s%s%s%.*s%.*s", f->plan->container.what,
		   SV_ARG(u.scheme), literal ? "[" : "", SV_ARG(u.host), literal ? "]" : "",
		   u.port.len ? ":" : "", SV_ARG(u.port), SV_ARG(u.path));
}

/* --- the answer --- */

static bool is_pod(const struct aws_plan *plan)
{
	return strcmp(plan->container.what, "EKS Pod Identity") == 0;
}

static bool is_task(const struct aws_plan *plan)
{
	return strcmp(plan->container.what, "ECS task role") == 0;
}

static const char *silence_advice(const struct aws_plan *plan)
{
	if (is_pod(plan))
		return ": does the EKS Pod Identity Agent (an add-on, one pod a node) run on this "
		       "node, and does no network policy keep this pod from it?";
	if (is_task(plan))
		return ": can this container reach the ECS agent at 169.254.170.2 (a task in host "
		       "network mode needs ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true)?";
	return ": does the server that AWS_CONTAINER_CREDENTIALS_FULL_URI names run?";
}

static const char *status_advice(const struct aws_plan *plan, int status)
{
	bool pod = is_pod(plan);
	if (status == 429)
		return ": it is asked too often";
	if (status >= 500)
		return pod ? ": the EKS Pod Identity Agent cannot get keys; its own log says why "
			     "(does the node's role have AmazonEKSWorkerNodePolicy, and can it "
			     "reach "
			     "EKS Auth?)"
			   : "";
	if (pod && (status == 403 || status == 404))
		return ": is there a Pod Identity association for this pod's service account (aws "
		       "eks list-pod-identity-associations), and was the pod started after it was "
		       "made?";
	if (pod)
		return ": the agent does not take this pod's token; is the token file the pod's "
		       "own "
		       "and current?";
	if (is_task(plan))
		return ": the ECS agent does not know this path; was the environment copied from "
		       "another task?";
	return status == 401 || status == 403 ? ": is the authorization token the right one?" : "";
}

static void on_answer(void *cls, const struct http_answer *a, struct sv body)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct container *f = cls;
	struct aws_got got;
	struct err why = ERR_NULL;
	char told[AWS_ASK_TOLD_MAX];
	f->ask = NULL;
	arena_init(&arena, 2 * LIMIT_SECRET_BYTES);
	if (a->result == HTTP_OK && a->status == 200) {
		if (json_keys_read(&arena, JSON_KEYS_CONTAINER, body, &got, &why) == 0) {
			got.peer_now_ms = aws_clock_told_ms(a);
			finish(f, &got, NULL);
			return;
		}
	} else {
		bool silent = a->result == HTTP_TIMEOUT || a->result == HTTP_NETWORK;
		aws_ask_told(told, a, body, buf_view(&f->token));
		err_set(&why, 1, "%s%s%s", silent ? "no answer: " : "", told,
			silent                 ? silence_advice(f->plan)
			: a->result == HTTP_OK ? status_advice(f->plan, a->status)
					       : "");
	}
	prefix(f, &why);
	finish(f, NULL, &why);
}

/* --- the request --- */

/* One line end at the end is what an editor or echo leaves; anywhere else it would start another
 * header. */
static void trim_line_end(struct buf *text)
{
	if (text->len > 0 && text->ptr[text->len - 1] == '\n')
		text->len--;
	if (text->len > 0 && text->ptr[text->len - 1] == '\r')
		text->len--;
}

static int check_token(struct sv token, const char *from, struct err *err)
{
	if (token.len == 0)
		return err_set(err, 1, "%s is empty", from);
	for (size_t i = 0; i < token.len; i++) {
		unsigned char c = (unsigned char)token.ptr[i];
		if (c < ' ' || c == 0x7f)
			return err_set(err, 1,
				       "%s has a line end or another control byte (at byte %zu); "
				       "it is not sent",
				       from, i + 1);
	}
	return 0;
}

/* 0, or 1 with the reason. */
static int read_token(struct container *f, struct err *err)
{
	struct sv token = f->plan->container.token, file = f->plan->container.token_file;
	buf_init(&f->token, LIMIT_SECRET_BYTES);
	if (file.len == 0 && token.len == 0)
		return 0;
	if (file.len == 0) {
		buf_sv(&f->token, token);
		return buf_failed(&f->token)
			       ? err_set(err, 1, "AWS_CONTAINER_AUTHORIZATION_TOKEN is too long")
			       : check_token(buf_view(&f->token),
					     "AWS_CONTAINER_AUTHORIZATION_TOKEN", err);
	}
	_cleanup_(freep) char *path = sv_dup(file);
	if (!path)
		return err_set(err, ERR_NOMEM, "no memory");
	if (file_read_at_once(path, &f->token, err) != 0) {
		err_prefix(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
		return 1;
	}
	trim_line_end(&f->token);
	return check_token(buf_view(&f->token), path, err);
}

/* Over plain HTTP keys are asked for at this host's own addresses only. */
static int ask(struct container *f, struct aws_session *s, struct err *err)
{
	struct url_parts parts;
	struct http_header h[3] = {{SV("User-Agent"), aws_session_user_agent(s)},
				   {SV("Accept"), SV("application/json")}};
	struct aws_ask_options o = {.loop = aws_session_loop(s),
				    .attempts = ATTEMPTS,
				    .pause_ms = PAUSE_MS,
				    .req = {.method = SV("GET"),
					    .url = f->plan->container.url,
					    .headers = h,
					    .n_headers = 2,
					    .timeout_ms = TIMEOUT_MS,
					    .body_max = LIMIT_SECRET_BYTES}};
	if (url_split(o.req.url, &parts) != 0)
		return err_set(err, 1, "what AWS_CONTAINER_CREDENTIALS_FULL_URI says is no URL");
	bool tls = sv_eq_nocase(parts.scheme, SV("https"));
	o.client = tls ? aws_session_api(s) : aws_session_link(s);
	o.req.local_only = !tls;
	if (f->token.len > 0)
		h[o.req.n_headers++] =
			(struct http_header){SV("Authorization"), buf_view(&f->token)};
	return aws_ask_start(&o, on_answer, f, &f->ask, err);
}

int source_container_start(const struct source_env *env, source_done done, void *cls,
			   struct aws_fetch **out, struct err *err)
{
	_cleanup_(container_freep) struct container *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->base.cancel = container_cancel;
	f->plan = env->plan;
	f->done = done;
	f->cls = cls;
	int code = read_token(f, err);
	if (code == 0)
		code = ask(f, env->session, err);
	if (code > 0)
		prefix(f, err);
	if (code != 0)
		return code;
	struct container *made = take_ptr(f);
	*out = &made->base;
	return 0;
}
