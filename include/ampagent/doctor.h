/* `ampagent doctor`: the way from here to the workspace, step by step, with the code that the agent
 * itself goes by. Each step has a verdict, what was seen, and what to do.
 */
#pragma once

#include <ampagent/aws/settings.h>
#include <ampagent/base/err.h>

#include <stdio.h>

/* In the order in which they are told; the first that fails makes the exit code. */
enum doctor_step {
	DOCTOR_CONFIG,
	DOCTOR_URL,
	DOCTOR_CREDENTIALS,
	DOCTOR_REGION,
	DOCTOR_IDENTITY,
	DOCTOR_DNS,
	DOCTOR_TCP,
	DOCTOR_TLS,
	DOCTOR_CLOCK,
	DOCTOR_WRITE,
	DOCTOR_CANARY,
	DOCTOR_STEPS_,
};

/* Exit codes: healthy (warnings may be there), a fault of the doctor's own, a wrong command line;
 * DOCTOR_EXIT_STEP + enum doctor_step. */
enum {
	DOCTOR_EXIT_HEALTHY = 0,
	DOCTOR_EXIT_INTERNAL = 1,
	DOCTOR_EXIT_USAGE = 2,
	DOCTOR_EXIT_STEP = 10
};

/* "config", "url" ... */
const char *doctor_step_name(enum doctor_step step);

struct config;

struct doctor_options {
	const char *config_path; /* NULL: url is checked */
	/* As config_load(), for a configuration that is no file: config_path is what messages call
	 * it. NULL: it is one. */
	int (*load)(void *cls, struct config **out, struct err *err);
	void *load_cls;
	struct sv url, region, profile;
	bool sign;             /* url: by SigV4 */
	struct sv destination; /* only the one of this name; "" = all */
	bool canary;           /* send a sample */
	bool json;
	int64_t timeout_ms; /* of a step that waits for somebody */
	struct sv user_agent;
	aws_getenv *env; /* NULL: the process's */
	FILE *out;
};

/* Prints as it goes. The exit code; err is set for DOCTOR_EXIT_INTERNAL and DOCTOR_EXIT_USAGE. */
int doctor_run(const struct doctor_options *opt, struct err *err);
