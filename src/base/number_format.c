/* number_format: the shortest text that reads back to the same double, laid out as Go does. */
#include <ampagent/base/number.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DIGITS_SAFE = 15, /* any decimal of so many digits survives a normal double */
	DIGITS_FULL = 17, /* any double survives so many digits */
	/* Go's 'g' with shortest digits: scientific from here on. */
	SCIENTIFIC_FROM = 6,
	SCIENTIFIC_BELOW = -4,
};

#define FRACTION_MASK ((UINT64_C(1) << 52) - 1)
#define SMALLEST_NORMAL 2.2250738585072014e-308

struct digits {
	char text[DIGITS_FULL + 1]; /* no leading or trailing zeros; "0" for zero */
	int n;
	int exponent; /* of the first digit: d.ddd * 10^exponent */
};

/* Rounds v > 0 to n significant digits. */
static void digits_of(struct digits *d, double v, int n)
{
	char text[NUMBER_MAX];
	snprintf(text, sizeof text, "%.*e", n - 1, v);
	const char *e = strchr(text, 'e');
	d->text[0] = text[0];
	d->n = 1;
	for (const char *p = text + 1; p < e; p++)
		if (*p != '.')
			d->text[d->n++] = *p;
	d->exponent = (int)strtol(e + 1, NULL, 10);
}

static bool reads_back(const struct digits *d, double v)
{
	char text[NUMBER_MAX];
	int n = snprintf(text, sizeof text, "%.*se%d", d->n, d->text, d->exponent - (d->n - 1));
	uint64_t bits;
	return number_parse(sv_make(text, (size_t)n), &bits) == 0 && bits == bits_of_double(v);
}

/* One more in the last place; false when that carries out of the front. */
static bool digits_up(struct digits *d)
{
	for (int i = d->n - 1; i >= 0; i--) {
		if (d->text[i] != '9') {
			d->text[i]++;
			return true;
		}
		d->text[i] = '0';
	}
	return false;
}

/* Below a power of two doubles lie closer than above it: the nearest decimal may miss on the near
 * side while the next one up still hits. */
static bool fits(struct digits *d, double v, int n)
{
	digits_of(d, v, n);
	if (reads_back(d, v))
		return true;
	if ((bits_of_double(v) & FRACTION_MASK) != 0)
		return false;
	return digits_up(d) && reads_back(d, v);
}

static void shortest(struct digits *d, double v)
{
	int n = v < SMALLEST_NORMAL ? 1 : DIGITS_SAFE;
	while (n < DIGITS_FULL && !fits(d, v, n))
		n++;
	if (n == DIGITS_FULL)
		digits_of(d, v, DIGITS_FULL);
	while (d->n > 1 && d->text[d->n - 1] == '0')
		d->n--;
}

/* Integers need no search. */
static bool shortest_integer(struct digits *d, double v)
{
	if (v >= 1e15 || v != floor(v))
		return false;
	char text[NUMBER_MAX];
	d->n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	d->exponent = d->n - 1;
	memcpy(d->text, text, (size_t)d->n);
	while (d->n > 1 && d->text[d->n - 1] == '0')
		d->n--;
	return true;
}

static char *put(char *dst, const char *text, int n)
{
	memcpy(dst, text, (size_t)n);
	return dst + n;
}

static char *put_zeros(char *dst, int n)
{
	memset(dst, '0', (size_t)n);
	return dst + n;
}

/* "d.ddde+07" */
static char *layout_scientific(char *dst, const struct digits *d)
{
	*dst++ = d->text[0];
	if (d->n > 1) {
		*dst++ = '.';
		dst = put(dst, d->text + 1, d->n - 1);
	}
	int e = d->exponent;
	return dst + snprintf(dst, 6, "e%c%02d", e < 0 ? '-' : '+', e < 0 ? -e : e);
}

static char *layout_plain(char *dst, const struct digits *d)
{
	if (d->exponent < 0) {
		dst = put(dst, "0.", 2);
		dst = put_zeros(dst, -d->exponent - 1);
		return put(dst, d->text, d->n);
	}
	int whole = d->exponent + 1;
	if (d->n <= whole) {
		dst = put(dst, d->text, d->n);
		return put_zeros(dst, whole - d->n);
	}
	dst = put(dst, d->text, whole);
	*dst++ = '.';
	return put(dst, d->text + whole, d->n - whole);
}

size_t number_format(char *dst, double v)
{
	char *p = dst;
	if (isnan(v)) {
		memcpy(dst, "NaN", 4);
		return 3;
	}
	if (isinf(v)) {
		memcpy(dst, v < 0 ? "-Inf" : "+Inf", 5);
		return 4;
	}
	if (signbit(v))
		*p++ = '-';
	v = fabs(v);
	struct digits d;
	if (!shortest_integer(&d, v))
		shortest(&d, v);
	if (d.exponent < SCIENTIFIC_BELOW || d.exponent >= SCIENTIFIC_FROM)
		p = layout_scientific(p, &d);
	else
		p = layout_plain(p, &d);
	*p = '\0';
	return (size_t)(p - dst);
}

/* Zero has no sign here: Prometheus writes 0.0 for both. */
size_t number_format_openmetrics(char *dst, double v)
{
	size_t n = number_format(dst, v == 0 ? 0 : v);
	if (isfinite(v) && !memchr(dst, '.', n) && !memchr(dst, 'e', n)) {
		memcpy(dst + n, ".0", 3);
		n += 2;
	}
	return n;
}
