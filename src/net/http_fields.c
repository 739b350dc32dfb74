/* Values lie one after the other in one buffer; a later line of the same name wins. */
#include "http_fields.h"

#include <ampagent/base/limits.h>

static const char *const names[HTTP_FIELDS] = {
	[FIELD_CONTENT_TYPE] = "content-type",
	[FIELD_CONTENT_ENCODING] = "content-encoding",
	[FIELD_RETRY_AFTER] = "retry-after",
	[FIELD_DATE] = "date",
	[FIELD_REQUEST_ID] = "x-amzn-requestid",
	[FIELD_ERROR_TYPE] = "x-amzn-errortype",
	[FIELD_AGE] = "age",
	[FIELD_SAMPLES_WRITTEN] = "x-prometheus-remote-write-samples-written",
	[FIELD_HISTOGRAMS_WRITTEN] = "x-prometheus-remote-write-histograms-written",
	[FIELD_EXEMPLARS_WRITTEN] = "x-prometheus-remote-write-exemplars-written",
};

static void forget_values(struct http_fields *f)
{
	buf_reset(&f->text);
	memset(f->at, 0, sizeof(f->at));
}

void http_fields_init(struct http_fields *f)
{
	*f = (struct http_fields){0};
	buf_init(&f->text, LIMIT_HTTP_HEADER_BYTES);
}

void http_fields_deinit(struct http_fields *f)
{
	buf_deinit(&f->text);
}

void http_fields_reset(struct http_fields *f)
{
	forget_values(f);
	f->bytes = 0;
	f->complete = false;
}

int http_fields_line(struct http_fields *f, struct sv line)
{
	f->bytes += line.len;
	if (f->bytes > LIMIT_HTTP_HEADER_BYTES)
		return 1;
	if (sv_starts_with(line, SV("HTTP/"))) { /* a 1xx answer may have come before */
		forget_values(f);
		struct sv status = sv_from(line, sv_find(line, ' ') + 1);
		f->interim = sv_starts_with(status, SV("1"));
		return 0;
	}
	if (sv_trim(line).len == 0 && !f->interim)
		f->complete = true;
	size_t colon = sv_find(line, ':');
	for (int i = 0; i < HTTP_FIELDS; i++) {
		if (!sv_eq_nocase(sv_make(line.ptr, colon), sv_of(names[i])))
			continue;
		struct sv value = sv_trim(sv_from(line, colon + 1));
		size_t start = f->text.len;
		if (buf_sv(&f->text, value) != 0)
			return 1;
		f->at[i].start = start;
		f->at[i].len = value.len;
	}
	return 0;
}

struct sv http_fields_get(const struct http_fields *f, enum http_field field)
{
	if (f->at[field].len == 0)
		return SV_NULL;
	return sv_make(f->text.ptr + f->at[field].start, f->at[field].len);
}
