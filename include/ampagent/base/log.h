/* Log lines on standard error: logfmt or JSON, as Prometheus 3 writes them.
 *
 *   time=2026-01-02T03:04:05.678Z level=INFO source=pool.c:12 msg="..." key=value ...
 *
 * One write(2) a line, thread-safe. Keys and values are given as pairs ended by NULL. A value is
 * quoted when needed. Secrets are never passed here.
 */
#pragma once

#include <ampagent/base/sv.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Before the first thread starts. */
void log_init(enum log_level level, enum log_format format);
/* "debug" "info" "warn" "error": 0, or 1 when unknown. */
int log_level_parse(struct sv s, enum log_level *out);
/* "logfmt" "json": 0, or 1 when unknown. */
int log_format_parse(struct sv s, enum log_format *out);
bool log_enabled(enum log_level level);
/* The variable arguments are const char *key, const char *value pairs, then NULL. */
void log_line(enum log_level level, const char *file, int line, const char *msg, ...)
	__attribute__((sentinel));

#define log_debug(...) log_at_(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_at_(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_at_(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at_(LOG_ERROR, __VA_ARGS__)
/* log_info("message", "key", value, ...): no NULL needed at the end. */
#define log_at_(lvl, ...)                                                                          \
	do {                                                                                       \
		if (log_enabled(lvl))                                                              \
			log_line(lvl, __FILE_NAME__, __LINE__, __VA_ARGS__, NULL);                 \
	} while (0)

/* A small printf into a scratch string of the calling expression, for values:
 * log_info("done", "n", FMT("%d", n)). */
#define FMT(...) fmt_scratch((char[96]){0}, 96, __VA_ARGS__)
const char *fmt_scratch(char *dst, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifndef __FILE_NAME__
#define __FILE_NAME__ (strrchr("/" __FILE__, '/') + 1)
#endif
