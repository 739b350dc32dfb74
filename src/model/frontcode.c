/* Front coding. Lengths are found eight bytes at a time: label blocks share long runs. */
#include <ampagent/base/varint.h>
#include <ampagent/model/frontcode.h>

static size_t common_prefix(struct sv a, struct sv b)
{
	size_t max = a.len < b.len ? a.len : b.len, n = 0;
	while (max - n >= 8 && memcmp(a.ptr + n, b.ptr + n, 8) == 0)
		n += 8;
	while (n < max && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

static size_t common_suffix(struct sv a, struct sv b)
{
	size_t max = a.len < b.len ? a.len : b.len, n = 0;
	const char *pa = a.ptr + a.len, *pb = b.ptr + b.len;
	while (max - n >= 8 && memcmp(pa - n - 8, pb - n - 8, 8) == 0)
		n += 8;
	while (n < max && pa[-1 - (ptrdiff_t)n] == pb[-1 - (ptrdiff_t)n])
		n++;
	return n;
}

int frontcode_put(struct buf *out, struct sv prev, struct sv cur)
{
	size_t prefix = 0, suffix = 0;
	if (prev.len > 0 && cur.len > 0) {
		prefix = common_prefix(prev, cur);
		suffix = common_suffix(sv_from(prev, prefix), sv_from(cur, prefix));
	}
	size_t middle = cur.len - prefix - suffix;
	uint8_t head[3 * VARINT_MAX], *p = head;
	p = varint_put(p, prefix);
	p = varint_put(p, suffix);
	p = varint_put(p, middle);
	if (buf_reserve(out, (size_t)(p - head) + middle))
		return 1;
	buf_append(out, head, (size_t)(p - head));
	if (middle > 0)
		buf_append(out, cur.ptr + prefix, middle);
	return buf_failed(out) ? 1 : 0;
}

const uint8_t *frontcode_get(const uint8_t *p, const uint8_t *end, struct sv prev, char *dst,
			     size_t max, size_t *len)
{
	uint64_t prefix, suffix, middle;
	if (!(p = varint_get(p, end, &prefix)) || !(p = varint_get(p, end, &suffix)) ||
	    !(p = varint_get(p, end, &middle)))
		return NULL;
	if (prefix > prev.len || suffix > prev.len - prefix || middle > (uint64_t)(end - p) ||
	    prefix + suffix > max || middle > max - prefix - suffix)
		return NULL;
	if (prefix > 0)
		memcpy(dst, prev.ptr, prefix);
	if (middle > 0)
		memcpy(dst + prefix, p, middle);
	if (suffix > 0)
		memcpy(dst + prefix + middle, prev.ptr + prev.len - suffix, suffix);
	*len = prefix + middle + suffix;
	return p + middle;
}
