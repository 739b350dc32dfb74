/* Task metadata of any bytes: what is taken for a region is one, and stands in the text. */
#include "../../../src/aws/region_fetch.h"
#include <ampagent/aws/endpoint.h>
#include <ampagent/base/limits.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct sv text = sv_make((const char *)data, size);
	struct err err = ERR_NULL;
	arena_init(&arena, LIMIT_SECRET_BYTES);
	struct sv region = aws_region_of_task(&arena, text, &err);
	if (region.len == 0 && !err.msg[0])
		abort();
	if (region.len > 0 && !aws_region_valid(region))
		abort();
	/* Without an escape every string stands in the text as it is. */
	if (region.len > 0 && sv_find(text, '\\') == size && sv_find_sv(text, region) == size)
		abort();
	return 0;
}
