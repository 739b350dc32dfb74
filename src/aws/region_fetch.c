/* region_fetch: the task's metadata first, where ECS gives it, else the instance's. */
#include "region_fetch.h"

#include "ask.h"
#include "json_pick.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/imds.h>
#include <ampagent/base/limits.h>

#include <stdlib.h>

enum { ATTEMPTS = 2, PAUSE_MS = 500, TIMEOUT_MS = 2000, URL_MAX = 1024 };
/* A task of many containers with many labels each. */
#define TASK_BYTES MiB(1)

struct aws_region_fetch {
	struct aws_session *session;
	const struct aws_settings *settings;
	bool finished;
	bool fargate;
	struct aws_ask *task;
	struct aws_imds *instance;
	struct err task_why; /* why the task's metadata did not tell */
	void (*done)(void *cls, struct sv region, const char *from, const struct err *why);
	void *cls;
};

void aws_region_cancel(struct aws_region_fetch *f)
{
	if (!f || f->finished)
		return;
	aws_ask_cancel(f->task);
	aws_imds_cancel(f->instance);
	free(f);
}

static void finish(struct aws_region_fetch *f, struct sv region, const char *from,
		   const struct err *why)
{
	f->finished = true;
	f->done(f->cls, region, from, why);
	free(f);
}

/* Both stories, when the task's metadata had one. */
static void finish_failed(struct aws_region_fetch *f, const struct err *why)
{
	struct err both = *why;
	if (f->task_why.msg[0])
		err_set(&both, 1, "%s; %s", f->task_why.msg, why->msg);
	finish(f, SV_NULL, NULL, &both);
}

/* --- the instance --- */

static void on_instance(void *cls, enum aws_imds_result result, struct sv text, int64_t peer_now_ms,
			const struct err *why)
{
	struct aws_region_fetch *f = cls;
	struct err own = ERR_NULL;
	f->instance = NULL;
	if (result == AWS_IMDS_OK && aws_region_valid(text)) {
		finish(f, text, "the instance", NULL);
		return;
	}
	if (result == AWS_IMDS_OK)
		err_set(&own, 1, "instance metadata tells what is no region");
	finish_failed(f, result == AWS_IMDS_OK ? &own : why);
}

static int ask_instance(struct aws_region_fetch *f, struct err *err)
{
	return aws_imds_start(f->session, f->settings, SV("/latest/meta-data/placement/region"),
			      on_instance, f, &f->instance, err);
}

/* --- the task --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Words and a number, then a letter; in local zones more words come between ("us-west-2-lax-1a").
 */
static struct sv region_of_zone(struct sv zone)
{
	size_t i = 1;
	while (i < zone.len && (zone.ptr[i - 1] != '-' || !is_digit(zone.ptr[i])))
		i++;
	while (i < zone.len && is_digit(zone.ptr[i]))
		i++;
	return i < zone.len ? sv_make(zone.ptr, i) : SV_NULL;
}

struct sv aws_region_of_task(struct arena *arena, struct sv body, struct err *err)
{
	struct aws_json_member m[] = {{.name = "TaskARN"}, {.name = "AvailabilityZone"}};
	if (aws_json_pick(arena, body, NULL, m, 2, err) != 0)
		return SV_NULL;
	struct sv region = aws_arn_get(m[0].value, AWS_ARN_REGION);
	if (!aws_region_valid(region))
		region = region_of_zone(m[1].value);
	if (aws_region_valid(region))
		return region;
	err_set(err, 1, "it has neither a TaskARN nor an AvailabilityZone");
	return SV_NULL;
}

static void on_task(void *cls, const struct http_answer *a, struct sv body)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct aws_region_fetch *f = cls;
	struct err why = ERR_NULL;
	char told[AWS_ASK_TOLD_MAX];
	f->task = NULL;
	arena_init(&arena, LIMIT_SECRET_BYTES);
	if (a->result == HTTP_OK && a->status == 200) {
		struct sv region = aws_region_of_task(&arena, body, &why);
		if (region.len > 0) {
			finish(f, region, "the ECS task", NULL);
			return;
		}
		err_set(&f->task_why, 1, "the ECS task's metadata cannot be used: %s", why.msg);
	} else {
		aws_ask_told(told, a, body, SV_NULL);
		err_set(&f->task_why, 1, "the ECS task's metadata: %s", told);
	}
	/* Fargate has no instance to ask. */
	if (f->fargate)
		finish(f, SV_NULL, NULL, &f->task_why);
	else if (ask_instance(f, &why) != 0)
		finish_failed(f, &why);
}

const char *aws_task_variable(aws_getenv *env)
{
	static const char *const names[] = {"ECS_CONTAINER_METADATA_URI_V4",
					    "ECS_CONTAINER_METADATA_URI"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (sv_trim(sv_of(env(names[i]))).len > 0)
			return names[i];
	return NULL;
}

static int ask_task(struct aws_region_fetch *f, const char *variable, struct err *err)
{
	struct sv uri = sv_trim(sv_of(aws_session_env(f->session)(variable)));
	char url[URL_MAX];
	struct http_header h = {SV("User-Agent"), aws_session_user_agent(f->session)};
	while (uri.len > 0 && uri.ptr[uri.len - 1] == '/')
		uri.len--;
	if (uri.len + sizeof "/task" > sizeof url)
		return err_set(err, 1, "%s is too long", variable);
	snprintf(url, sizeof url, "%.*s/task", SV_ARG(uri));
	struct aws_ask_options o = {.loop = aws_session_loop(f->session),
				    .client = aws_session_link(f->session),
				    .attempts = ATTEMPTS,
				    .pause_ms = PAUSE_MS,
				    .req = {.method = SV("GET"),
					    .url = sv_of(url),
					    .headers = &h,
					    .n_headers = 1,
					    .timeout_ms = TIMEOUT_MS,
					    .body_max = TASK_BYTES}};
	int code = aws_ask_start(&o, on_task, f, &f->task, err);
	if (code > 0)
		err_prefix(err, "%s", variable);
	return code;
}

int aws_region_start(struct aws_session *s, const struct aws_settings *settings,
		     void (*done)(void *cls, struct sv region, const char *from,
				  const struct err *why),
		     void *cls, struct aws_region_fetch **out, struct err *err)
{
	const char *variable = aws_task_variable(aws_session_env(s));
	const char *where = aws_session_env(s)("AWS_EXECUTION_ENV");
	struct aws_region_fetch *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->session = s;
	f->settings = settings;
	f->fargate = where && strcmp(where, "AWS_ECS_FARGATE") == 0;
	f->done = done;
	f->cls = cls;
	int code = variable ? ask_task(f, variable, err) : ask_instance(f, err);
	if (code != 0) {
		free(f);
		return code;
	}
	*out = f;
	return 0;
}
