/* units: durations and sizes as Prometheus writes them in its configuration. */
#include <ampagent/base/text.h>

#include <stdio.h>

struct unit {
	const char *name;
	int64_t ms;
};

/* Largest first, the order they must stand in. */
static const struct unit units[] = {
	{"y", INT64_C(365) * 86400000},
	{"w", INT64_C(7) * 86400000},
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};
enum { N_UNITS = sizeof units / sizeof units[0], NANOSECONDS_PER_MS = 1000000 };

/* Reads digits at the front of s. */
static int take_number(struct sv *s, uint64_t *out)
{
	size_t n = 0;
	while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9')
		n++;
	int r = sv_to_u64(sv_make(s->ptr, n), out);
	*s = sv_from(*s, n);
	return r;
}

/* Reads the letters up to the next digit; N_UNITS when they are no unit. */
static size_t take_unit(struct sv *s)
{
	size_t n = 0;
	while (n < s->len && (s->ptr[n] < '0' || s->ptr[n] > '9'))
		n++;
	struct sv name = sv_make(s->ptr, n);
	*s = sv_from(*s, n);
	size_t u = 0;
	while (u < N_UNITS && !sv_eq(name, sv_of(units[u].name)))
		u++;
	return u;
}

/* The bound is that of 64-bit nanoseconds: what Prometheus refuses is refused here. */
int duration_parse(struct sv s, int64_t *ms)
{
	if (sv_eq(s, SV("0"))) {
		*ms = 0;
		return 0;
	}
	if (s.len == 0)
		return 1;
	int64_t total = 0;
	size_t next = 0;
	while (s.len > 0) {
		uint64_t n;
		if (take_number(&s, &n) != 0)
			return 1;
		size_t u = take_unit(&s);
		if (u < next || u == N_UNITS)
			return 1;
		next = u + 1;
		int64_t part;
		if (__builtin_mul_overflow(n, units[u].ms, &part) ||
		    __builtin_add_overflow(total, part, &total) ||
		    total > INT64_MAX / NANOSECONDS_PER_MS)
			return 1;
	}
	*ms = total;
	return 0;
}

char *duration_format(char *dst, int64_t ms)
{
	if (ms == 0) {
		memcpy(dst, "0s", 3);
		return dst;
	}
	uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	size_t n = 0;
	if (ms < 0)
		dst[n++] = '-';
	for (size_t u = 0; u < N_UNITS; u++) {
		uint64_t unit = (uint64_t)units[u].ms;
		uint64_t count = left / unit;
		/* Years and weeks only when they say it all: 90d stays 90d. */
		bool exact_only = u < 2;
		if (count == 0 || (exact_only && left % unit != 0))
			continue;
		left %= unit;
		n += (size_t)snprintf(dst + n, DURATION_MAX - n, "%llu%s",
				      (unsigned long long)count, units[u].name);
	}
	dst[n] = '\0';
	return dst;
}

/* "B", "KB" or "KiB": the power of 1024, or -1. */
static int size_unit(struct sv unit)
{
	static const char letters[] = "KMGTPE";
	if (sv_eq(unit, SV("B")))
		return 0;
	bool shape = (unit.len == 2 && unit.ptr[1] == 'B') ||
		     (unit.len == 3 && unit.ptr[1] == 'i' && unit.ptr[2] == 'B');
	const char *at = shape ? memchr(letters, unit.ptr[0], sizeof letters - 1) : NULL;
	return at ? (int)(at - letters) + 1 : -1;
}

/* Reads "12", "1.5" or ".5" as Go does: a double. 0, or 1. */
static int take_decimal(struct sv *s, double *out)
{
	uint64_t whole = 0, part = 0;
	size_t before = s->len, digits = 0;
	if (s->len > 0 && s->ptr[0] != '.' && take_number(s, &whole) != 0)
		return 1;
	digits = before - s->len;
	*out = (double)whole;
	if (s->len == 0 || s->ptr[0] != '.')
		return digits == 0;
	*s = sv_from(*s, 1);
	size_t n = 0;
	double scale = 1;
	while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9') {
		scale *= 10;
		n++;
	}
	if (n > 0 && take_number(s, &part) != 0)
		return 1;
	*out += (double)part / scale;
	return digits + n == 0;
}

/* The letters up to the next digit or point. */
static struct sv take_letters(struct sv *s)
{
	size_t n = 0;
	while (n < s->len && s->ptr[n] != '.' && (s->ptr[n] < '0' || s->ptr[n] > '9'))
		n++;
	struct sv letters = sv_make(s->ptr, n);
	*s = sv_from(*s, n);
	return letters;
}

int size_parse(struct sv s, uint64_t *bytes)
{
	if (s.len > 0 && s.ptr[0] == '+')
		s = sv_from(s, 1);
	if (sv_eq(s, SV("0"))) {
		*bytes = 0;
		return 0;
	}
	double total = 0;
	if (s.len == 0)
		return 1;
	while (s.len > 0) {
		double n;
		if (take_decimal(&s, &n) != 0)
			return 1;
		int power = size_unit(take_letters(&s));
		if (power < 0)
			return 1;
		total += n * (double)(UINT64_C(1) << (10 * power));
	}
	if (total >= 0x1p63)
		return 1;
	*bytes = (uint64_t)total;
	return 0;
}
