/* gunzip: whole gzip bodies, over libdeflate, which wants all input and all room at once. */
#include <ampagent/base/compress.h>

#include <libdeflate.h>

enum {
	/* Deflate cannot do better than about 1032 to 1. */
	RATIO_MAX = 1032,
	/* Header and trailer of a member. */
	MEMBER_MIN = 18,
	LEVEL = 6
};

static void decompressor_cleanup(struct libdeflate_decompressor **d)
{
	if (*d)
		libdeflate_free_decompressor(*d);
}

static void compressor_cleanup(struct libdeflate_compressor **c)
{
	if (*c)
		libdeflate_free_compressor(*c);
}

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

/* How much room to begin with: the size the last four bytes tell, which is that of the last member
 * only and may be a lie, so never more than the input can hold. */
static size_t first_room(struct sv in)
{
	const uint8_t *t = (const uint8_t *)in.ptr + in.len - 4;
	size_t told = (size_t)t[0] | (size_t)t[1] << 8 | (size_t)t[2] << 16 | (size_t)t[3] << 24;
	size_t possible = in.len > SIZE_MAX / RATIO_MAX ? SIZE_MAX : in.len * RATIO_MAX;
	return at_most(told, possible);
}

/* Appends the member that in begins with; *used says how long it is. */
static int member(struct libdeflate_decompressor *d, struct buf *out, struct sv in, size_t *used)
{
	size_t room = at_most(first_room(in), out->max - out->len);
	/* Room for one byte at least, so that there is a pointer to give. */
	if (out->cap == 0 && room == 0)
		room = 1;
	for (;;) {
		if (buf_reserve(out, room) != 0)
			return 2;
		size_t made;
		enum libdeflate_result r = libdeflate_gzip_decompress_ex(
			d, in.ptr, in.len, out->ptr + out->len, out->cap - out->len, used, &made);
		if (r == LIBDEFLATE_SUCCESS) {
			out->len += made;
			return 0;
		}
		if (r != LIBDEFLATE_INSUFFICIENT_SPACE)
			return 1;
		if (out->cap == out->max)
			return 2;
		room = at_most((out->cap - out->len) * 2 + MEMBER_MIN, out->max - out->len);
	}
}

int gunzip(struct buf *out, struct sv in)
{
	__attribute__((cleanup(decompressor_cleanup))) struct libdeflate_decompressor *d =
		libdeflate_alloc_decompressor();
	if (!d)
		return 2;
	do {
		size_t used;
		if (in.len < MEMBER_MIN)
			return 1;
		int r = member(d, out, in, &used);
		if (r != 0)
			return r;
		in = sv_from(in, used);
	} while (in.len > 0);
	return 0;
}

int gzip(struct buf *out, struct sv in)
{
	__attribute__((cleanup(compressor_cleanup))) struct libdeflate_compressor *c =
		libdeflate_alloc_compressor(LEVEL);
	if (!c) {
		out->failed = true;
		return 1;
	}
	size_t worst = libdeflate_gzip_compress_bound(c, in.len);
	if (buf_reserve(out, at_most(worst, out->max - out->len)) != 0)
		return 1;
	size_t n = out->ptr ? libdeflate_gzip_compress(c, in.ptr, in.len, out->ptr + out->len,
						       out->cap - out->len)
			    : 0;
	if (n == 0) {
		out->failed = true;
		return 1;
	}
	out->len += n;
	return 0;
}
