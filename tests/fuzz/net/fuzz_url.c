/* URLs and query strings: every part is a view into the input, and a URL that is taken survives
 * being put together again. */
#include "../../../src/net/http_hop.h"

#include <ampagent/net/http_server.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct sv part, struct sv whole)
{
	if (part.len && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv text = sv_make((const char *)data, size);
	_cleanup_(buf_deinit) struct buf value = BUF_NULL;
	buf_init(&value, size);
	http_query_get(text, SV("a"), &value);

	struct url_parts u, again;
	struct http_hop hop;
	if (url_split(text, &u) != 0)
		return 0;
	const struct sv parts[] = {u.scheme, u.userinfo, u.host, u.port, u.path, u.query};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		inside(parts[i], text);
	if (http_hop_init(&hop, text, SV_NULL, NULL) != 0)
		return 0;
	if (url_split(sv_of(hop.url), &again) != 0 || !sv_eq(u.host, again.host) ||
	    !sv_eq(u.port, again.port) || !sv_eq(u.query, again.query))
		abort();
	http_hop_deinit(&hop);
	return 0;
}
