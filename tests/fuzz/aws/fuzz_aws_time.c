/* Times of RFC 3339: what is taken must be what the C library makes of the same digits, and must
 * come back from its own text.
 */
#include <ampagent/aws/time.h>
#include <ampagent/base/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* Read apart from the code under test; text is known to be well-formed. */
static int64_t expected_ms(const char *text, size_t len)
{
	struct tm tm = {0};
	char head[20];
	int hours, minutes, ms = 0;
	int64_t offset_s = 0;
	memcpy(head, text, 19);
	head[10] = 'T';
	head[19] = '\0';
	const char *end = strptime(head, "%Y-%m-%dT%H:%M:%S", &tm);
	require(end && *end == '\0');
	if (text[19] == '.')
		for (int i = 0, unit = 100; i < 3 && text[20 + i] >= '0' && text[20 + i] <= '9';
		     i++, unit /= 10)
			ms += (text[20 + i] - '0') * unit;
	if (text[len - 1] != 'Z' && text[len - 1] != 'z') {
		char tail[7];
		snprintf(tail, sizeof tail, "%.6s", text + len - 6);
		require(sscanf(tail + 1, "%2d:%2d", &hours, &minutes) == 2);
		offset_s = (hours * 60 + minutes) * INT64_C(60) * (tail[0] == '-' ? -1 : 1);
	}
	return (timegm(&tm) - offset_s) * 1000 + ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t ms = -7, again;
	char text[RFC3339_MAX];
	struct sv in = sv_make((const char *)data, size);
	if (aws_time_read(in, &ms) != 0) {
		require(ms == -7);
		return 0;
	}
	require(size >= 20 && size < 64);
	char copy[64];
	snprintf(copy, sizeof copy, "%.*s", (int)size, in.ptr);
	require(ms >= 0 && ms == expected_ms(copy, size));
	require(aws_time_read(sv_of(clock_format_rfc3339(text, ms)), &again) == 0 && again == ms);
	return 0;
}
