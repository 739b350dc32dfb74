/* Header lines: as an answer's for the client, as a request's for the server's guard. */
#include "../../../src/net/http_fields.h"
#include "../../../src/net/http_guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv text = sv_make((const char *)data, size);
	struct http_guard guard = HTTP_GUARD_NULL;
	struct http_fields fields;
	http_fields_init(&fields);
	while (text.len > 0) {
		size_t end = sv_find(text, '\n');
		struct sv line = sv_make(text.ptr, end < text.len ? end + 1 : end);
		size_t colon = sv_find(line, ':');
		text = sv_from(text, line.len);
		if (http_fields_line(&fields, line) != 0)
			break;
		http_guard_header(&guard, sv_make(line.ptr, colon),
				  sv_trim(sv_from(line, colon + 1)));
	}
	for (int i = 0; i < HTTP_FIELDS; i++) {
		struct sv v = http_fields_get(&fields, (enum http_field)i);
		if (v.len != sv_trim(v).len)
			abort();
	}
	/* What is let in has one way only to say where its body ends. */
	if (http_guard_verdict(&guard, SV("HTTP/1.1"), 1000) == 0 &&
	    (guard.n_length + guard.n_coding > 1 || guard.n_host != 1 || guard.length > 1000))
		abort();
	http_fields_deinit(&fields);
	return 0;
}
