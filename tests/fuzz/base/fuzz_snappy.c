/* Any bytes as a snappy block; and what came out must come back through compression. */
#include <ampagent/base/compress.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 20);
	if (snappy_block_decompress(&out, sv_make((const char *)data, size)) != 0)
		return 0;
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&packed, 1 << 22);
	buf_init(&back, 1 << 20);
	if (snappy_block_compress(&packed, buf_view(&out)) != 0 ||
	    snappy_block_decompress(&back, buf_view(&packed)) != 0 ||
	    !sv_eq(buf_view(&back), buf_view(&out)))
		abort();
	return 0;
}
