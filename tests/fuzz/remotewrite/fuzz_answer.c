/* What a peer may answer: status, Retry-After, identifiers and body of any bytes. */
#include "../../../remotewrite/answer.h"

#include <ampagent/base/text.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	int status = data[0] << 8 | data[1];
	size_t cut = data[2] < size - 4 ? data[2] : size - 4;
	struct sv a = sv_make((const char *)data + 4, cut),
		  b = sv_from(sv_make((const char *)data + 4, size - 4), cut);
	struct answer_in in = {(enum http_result)(data[3] % 5), status, a, data[3] & 8,
			       INT64_C(1790000000000)};
	struct http_answer said = {
		.samples_written = a, .histograms_written = b, .exemplars_written = sv_trim(a)};
	struct answer_written w = answer_written(&said);
	if (!w.confirmed && (w.samples || w.histograms || w.exemplars))
		abort();
	in.v2 = data[3] & 16;
	in.confirmed = w.confirmed;
	in.error_type = a;
	in.content_type = data[3] & 32 ? a : SV_NULL;
	in.body = b;
	in.skew_ms = data[3] & 64 ? 600000 : 0;
	in.clock_corrected = data[3] & 128;
	struct answer r = answer_decide(&in);
	if (r.action == ANSWER_FALL_BACK && !in.v2)
		abort();
	/* Never in a circle: what was repaired once is not repaired at once again. */
	if (r.action == ANSWER_CLOCK && in.clock_corrected)
		abort();
	if (status / 100 == 5 && !answer_keeps(&r))
		abort();
	if (r.cause >= CAUSES_ || strlen(r.subject) >= sizeof r.subject)
		abort();
	for (const char *p = r.subject; *p; p++)
		if ((unsigned char)*p < 0x20)
			abort();
	if (r.after_ms < 0 || r.after_ms > RETRY_AFTER_MAX_MS)
		abort();
	char text[700];
	struct http_answer h = {.result = in.result,
				.status = status,
				.error = in.result == HTTP_OK ? NULL : "error",
				.request_id = a,
				.error_type = b};
	answer_text(text, sizeof text, &h, b);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20)
			abort();
	return 0;
}
