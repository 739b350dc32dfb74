/* snappy: blocks, over libsnappy. */
#include <ampagent/base/compress.h>

#include <snappy-c.h>

/* libsnappy wants room for the worst case; near the maximum of out a copy stands between. */
static int compress_apart(struct buf *out, struct sv in, size_t worst)
{
	_cleanup_(freep) char *block = malloc(worst);
	if (!block || snappy_compress(in.ptr, in.len, block, &worst) != SNAPPY_OK) {
		out->failed = true;
		return 1;
	}
	return buf_append(out, block, worst);
}

int snappy_block_compress(struct buf *out, struct sv in)
{
	size_t worst = snappy_max_compressed_length(in.len);
	if (worst > out->max - out->len)
		return compress_apart(out, in, worst);
	if (buf_reserve(out, worst) != 0)
		return 1;
	if (snappy_compress(in.ptr ? in.ptr : "", in.len, out->ptr + out->len, &worst) !=
	    SNAPPY_OK) {
		out->failed = true;
		return 1;
	}
	out->len += worst;
	return 0;
}

/* A copy element of three bytes gives at most 64: a block that promises more than that is refused
 * before memory is taken for it. */
int snappy_block_decompress(struct buf *out, struct sv in)
{
	size_t size;
	if (in.len == 0 || snappy_uncompressed_length(in.ptr, in.len, &size) != SNAPPY_OK ||
	    size / 64 > in.len)
		return 1;
	if (size > out->max - out->len)
		return 2;
	if (buf_reserve(out, size) != 0)
		return 2;
	char none;
	char *dst = out->ptr ? out->ptr + out->len : &none;
	if (snappy_uncompress(in.ptr, in.len, dst, &size) != SNAPPY_OK)
		return 1;
	out->len += size;
	return 0;
}
