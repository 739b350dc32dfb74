/* clock: the only file that reads clocks. */
#include <ampagent/base/clock.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec ts = {0, 0};
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_thread_cpu_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_process_cpu_ns(void)
{
	return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

char *clock_format_rfc3339(char *dst, int64_t wall_ms)
{
	int64_t ms = wall_ms % 1000;
	time_t seconds = (time_t)(wall_ms / 1000);
	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	struct tm tm = {0};
	gmtime_r(&seconds, &tm);
	snprintf(dst, RFC3339_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ",
		 (long long)tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		 tm.tm_sec, (int)ms);
	return dst;
}

static int two_digits(const char *s)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return -1;
	return (s[0] - '0') * 10 + (s[1] - '0');
}

/* Place of a three-letter name in a list like "JanFeb...", or -1. */
static int name_index(const char *names, int n, const char *s)
{
	for (int i = 0; i < n; i++)
		if (memcmp(names + i * 3, s, 3) == 0)
			return i;
	return -1;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month] + (month == 1 && is_leap(year));
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" has every field at a fixed place. */
int clock_parse_http_date(const char *s, size_t len, int64_t *out_s)
{
	if (len != 29 || memcmp(s + 3, ", ", 2) != 0 || s[7] != ' ' || s[11] != ' ' ||
	    s[16] != ' ' || s[19] != ':' || s[22] != ':' || memcmp(s + 25, " GMT", 4) != 0)
		return 1;
	int month = name_index("JanFebMarAprMayJunJulAugSepOctNovDec", 12, s + 8);
	int century = two_digits(s + 12), year_of = two_digits(s + 14);
	if (name_index("SunMonTueWedThuFriSat", 7, s) < 0 || month < 0 || century < 0 ||
	    year_of < 0)
		return 1;
	int year = century * 100 + year_of;
	int day = two_digits(s + 5);
	int hour = two_digits(s + 17), minute = two_digits(s + 20), second = two_digits(s + 23);
	if (day < 1 || day > month_days(year, month) || hour < 0 || hour > 23 || minute < 0 ||
	    minute > 59 || second < 0 || second > 60)
		return 1;
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = month,
			.tm_mday = day,
			.tm_hour = hour,
			.tm_min = minute,
			.tm_sec = second};
	*out_s = timegm(&tm);
	return 0;
}
