/* The few header fields of an answer that are kept. */
#pragma once

#include <ampagent/base/buf.h>

enum http_field {
	FIELD_CONTENT_TYPE,
	FIELD_CONTENT_ENCODING,
	FIELD_RETRY_AFTER,
	FIELD_DATE,
	FIELD_REQUEST_ID,
	FIELD_ERROR_TYPE,
	FIELD_AGE,
	FIELD_SAMPLES_WRITTEN,
	FIELD_HISTOGRAMS_WRITTEN,
	FIELD_EXEMPLARS_WRITTEN,
	HTTP_FIELDS
};

struct http_fields {
	struct buf text;
	struct {
		size_t start, len;
	} at[HTTP_FIELDS];
	size_t bytes;  /* of all header lines seen */
	bool interim;  /* these are the lines of a 1xx answer */
	bool complete; /* the blank line after the final header has come */
};

void http_fields_init(struct http_fields *f);
void http_fields_deinit(struct http_fields *f);
/* Forgets everything: for the next answer of a redirect. */
void http_fields_reset(struct http_fields *f);
/* Takes one line as received. 0, or 1 when the header of the answer is too large. */
int http_fields_line(struct http_fields *f, struct sv line);
/* Empty when it was not sent. Valid until the next line. */
struct sv http_fields_get(const struct http_fields *f, enum http_field field);
