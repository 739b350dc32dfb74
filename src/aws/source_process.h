/* source_process_start() with another time than its minute. */
#pragma once

#include "source.h"

int source_process_start_for(const struct source_env *env, int64_t deadline_ms, source_done done,
			     void *cls, struct aws_fetch **out, struct err *err);
