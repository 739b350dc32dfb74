/* The agent's face over the real server, asked with the agent's own client. */
#pragma once

#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>
#include <ampagent/net/http_client.h>
#include <ampagent/web.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FACE_GUARD_MS = 20000 };

struct face {
	struct loop *loop;
	struct web *web;
	struct http_pool *pool;
	struct http_client *client;
	/* What data() was asked for last, and how often. */
	enum web_data what;
	char asked_for[1024];
	unsigned asked;
	const char *why; /* it refuses with */
	bool large;
	const char *reload_error;
	bool reload_later;
	struct http_exchange *reload;
	struct loop_timer reload_timer;
	unsigned reloads, quits;
	const char *task_error;
	bool task_later, task_adot;
	struct http_exchange *task;
	struct loop_timer task_timer;
	unsigned task_pages;

	bool done;
	enum http_result result;
	int status;
	char type[128];
	struct buf body; /* terminated */
};

int face_setup(void **state);
int face_setup_lifecycle(void **state);
/* In an ECS task. */
int face_setup_task(void **state);
int face_teardown(void **state);
/* One request; the status of its answer. */
int face_ask(struct face *f, const char *method, const char *path);

#define FACE_TEST(fn) cmocka_unit_test_setup_teardown(fn, face_setup, face_teardown)
