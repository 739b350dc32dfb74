#include <ampagent/aws/time.h>

enum { YEAR_FIRST = 1970, FRACTION_MAX = 32, DAY_S = 86400 };

/* n digits at *in: their value, or -1; *in goes on behind them. */
static int take_digits(struct sv *in, size_t n)
{
	int v = 0;
	if (in->len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char c = in->ptr[i];
		if (c < '0' || c > '9')
			return -1;
		v = v * 10 + (c - '0');
	}
	*in = sv_from(*in, n);
	return v;
}

static bool take_char(struct sv *in, const char *any)
{
	if (in->len == 0 || in->ptr[0] == '\0' || !strchr(any, in->ptr[0]))
		return false;
	*in = sv_from(*in, 1);
	return true;
}

static bool leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of(int year, int month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 1970-01-01. */
static int64_t day_number(int year, int month, int day)
{
	int before = year - 1; /* whole years since year 1 */
	int64_t n = before * INT64_C(365) + before / 4 - before / 100 + before / 400 - 719162;
	for (int m = 1; m < month; m++)
		n += days_of(year, m);
	return n + day - 1;
}

static int take_date(struct sv *in, int64_t *days)
{
	int year = take_digits(in, 4);
	if (year < YEAR_FIRST || !take_char(in, "-"))
		return 1;
	int month = take_digits(in, 2);
	if (month < 1 || month > 12 || !take_char(in, "-"))
		return 1;
	int day = take_digits(in, 2);
	if (day < 1 || day > days_of(year, month))
		return 1;
	*days = day_number(year, month, day);
	return 0;
}

/* Seconds of the day; a leap second counts as the next minute's first. */
static int take_clock(struct sv *in, int64_t *seconds)
{
	int hour = take_digits(in, 2);
	if (hour < 0 || hour > 23 || !take_char(in, ":"))
		return 1;
	int minute = take_digits(in, 2);
	if (minute < 0 || minute > 59 || !take_char(in, ":"))
		return 1;
	int second = take_digits(in, 2);
	if (second < 0 || second > 60)
		return 1;
	*seconds = hour * 3600 + minute * 60 + second;
	return 0;
}

/* What is finer than a millisecond is cut off. */
static int take_fraction(struct sv *in, int *ms)
{
	size_t n = 0;
	*ms = 0;
	if (!take_char(in, "."))
		return 0;
	for (int unit = 100; in->len > 0 && in->ptr[0] >= '0' && in->ptr[0] <= '9'; n++) {
		*ms += (in->ptr[0] - '0') * unit;
		unit /= 10;
		*in = sv_from(*in, 1);
	}
	return n == 0 || n > FRACTION_MAX;
}

static int take_offset(struct sv *in, int64_t *seconds)
{
	*seconds = 0;
	if (take_char(in, "Zz"))
		return 0;
	bool west = in->len > 0 && in->ptr[0] == '-';
	if (!take_char(in, "+-"))
		return 1;
	int hour = take_digits(in, 2);
	if (hour < 0 || hour > 23 || !take_char(in, ":"))
		return 1;
	int minute = take_digits(in, 2);
	if (minute < 0 || minute > 59)
		return 1;
	*seconds = (hour * 3600 + minute * 60) * (west ? -1 : 1);
	return 0;
}

int aws_time_read(struct sv text, int64_t *out_ms)
{
	int64_t days, clock, offset;
	int ms;
	if (take_date(&text, &days) != 0 || !take_char(&text, "Tt ") ||
	    take_clock(&text, &clock) != 0 || take_fraction(&text, &ms) != 0 ||
	    take_offset(&text, &offset) != 0 || text.len > 0)
		return 1;
	int64_t s = days * DAY_S + clock - offset;
	/* An offset may lead out of the years that are taken. */
	if (s < 0 || s >= day_number(10000, 1, 1) * DAY_S)
		return 1;
	*out_ms = s * 1000 + ms;
	return 0;
}
