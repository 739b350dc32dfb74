/* number_parse against strtod: the same texts taken, the same bits. */
#include <ampagent/base/number.h>

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* digits, one point among or around them, exponent: written apart from the code under test. */
static bool is_decimal(const char *p)
{
	size_t digits = 0;
	p += *p == '+' || *p == '-';
	for (; *p >= '0' && *p <= '9'; p++)
		digits++;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			digits++;
	if (digits == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		if (*p < '0' || *p > '9')
			return false;
		while (*p >= '0' && *p <= '9')
			p++;
	}
	return *p == '\0';
}

static void check_printed(uint64_t bits)
{
	char text[NUMBER_MAX];
	uint64_t back = 0;
	size_t n = number_format(text, double_of_bits(bits));
	if (number_parse(sv_make(text, n), &back) != 0 || back != bits)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	uint64_t bits = 0;
	bool taken = number_parse(sv_make((const char *)data, size), &bits) == 0;
	if (strlen(text) == size && is_decimal(text)) {
		double want = strtod(text, NULL);
		if (taken != (isfinite(want) != 0) || (taken && bits != bits_of_double(want)))
			abort();
	} else if (taken && isfinite(double_of_bits(bits))) {
		abort();
	}
	if (taken && !isnan(double_of_bits(bits)))
		check_printed(bits);
	free(text);
	return 0;
}
