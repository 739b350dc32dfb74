/* Time is data: read once a loop turn and passed on as an argument. Units stand in the names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Wall clock, milliseconds since 1970. */
int64_t clock_wall_ms(void);
/* Monotonic clock. */
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);
/* CPU time of the calling thread / the process, nanoseconds. */
int64_t clock_thread_cpu_ns(void);
int64_t clock_process_cpu_ns(void);

enum { RFC3339_MAX = 40 };
/* "2026-01-02T03:04:05.678Z" (UTC). dst holds RFC3339_MAX bytes. Returns dst. */
char *clock_format_rfc3339(char *dst, int64_t wall_ms);
/* RFC 9110 HTTP-date (the IMF-fixdate form only): 0 and seconds since 1970, or 1. */
int clock_parse_http_date(const char *s, size_t len, int64_t *out_s);
