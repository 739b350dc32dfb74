/* Framing and file headers. */
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/varint.h>

#include "codec.h"

int buf_varint(struct buf *out, uint64_t v)
{
	uint8_t tmp[VARINT_MAX];
	return buf_append(out, tmp, (size_t)(varint_put(tmp, v) - tmp));
}

size_t record_begin(struct buf *out, uint8_t type)
{
	const uint8_t head[RECORD_HEAD_BYTES] = {RECORD_MAGIC_0, RECORD_MAGIC_1, type};
	size_t start = out->len;
	buf_append(out, head, sizeof head);
	return start;
}

/* Over type, length and payload: the checksum itself lies between and is left out. */
static uint32_t record_crc(const uint8_t *head, size_t payload)
{
	uint32_t crc = hash_crc32c(0, head + 2, 5);
	return hash_crc32c(crc, head + RECORD_HEAD_BYTES, payload);
}

void record_end(struct buf *out, size_t start)
{
	if (buf_failed(out))
		return;
	uint8_t *head = (uint8_t *)out->ptr + start;
	size_t payload = out->len - start - RECORD_HEAD_BYTES;
	u32_put(head + 3, (uint32_t)payload);
	u32_put(head + 7, record_crc(head, payload));
}

int record_get(struct sv in, struct record *out, size_t *need)
{
	const uint8_t *p = (const uint8_t *)in.ptr;
	if (in.len > 0 && p[0] != RECORD_MAGIC_0)
		return RECORD_E_BAD;
	if (in.len > 1 && p[1] != RECORD_MAGIC_1)
		return RECORD_E_BAD;
	if (in.len < RECORD_HEAD_BYTES) {
		*need = RECORD_HEAD_BYTES;
		return RECORD_E_SHORT;
	}
	size_t payload = u32_get(p + 3);
	if (p[2] < RECORD_BATCH || p[2] > RECORD_LEDGER || payload > WAL_RECORD_BYTES)
		return RECORD_E_BAD;
	if (in.len - RECORD_HEAD_BYTES < payload) {
		*need = RECORD_HEAD_BYTES + payload;
		return RECORD_E_SHORT;
	}
	if (record_crc(p, payload) != u32_get(p + 7))
		return RECORD_E_BAD;
	*out = (struct record){p[2], sv_make(in.ptr + RECORD_HEAD_BYTES, payload),
			       RECORD_HEAD_BYTES + payload};
	return 0;
}

/* magic 4, kind 1, version 1, zero 2, number 8, sequence 8, created 8, next frame 4, next owner 4,
 * zero 4, CRC-32C of all before 4 */
static const uint8_t file_magic[4] = {'A', 'M', 'P', 'L'};

void file_header_put(uint8_t dst[FILE_HEADER_BYTES], const struct file_header *h)
{
	memset(dst, 0, FILE_HEADER_BYTES);
	memcpy(dst, file_magic, sizeof file_magic);
	dst[4] = (uint8_t)h->kind;
	dst[5] = WAL_FORMAT_VERSION;
	u64_put(dst + 8, h->number);
	u64_put(dst + 16, h->sequence);
	u64_put(dst + 24, (uint64_t)h->created_ms);
	u32_put(dst + 32, h->next_frame);
	u32_put(dst + 36, h->next_owner);
	u32_put(dst + 44, hash_crc32c(0, dst, 44));
}

int file_header_get(const uint8_t *src, size_t len, enum file_kind kind, struct file_header *out)
{
	if (len < FILE_HEADER_BYTES || memcmp(src, file_magic, sizeof file_magic) != 0 ||
	    src[4] != kind || src[5] != WAL_FORMAT_VERSION ||
	    u32_get(src + 44) != hash_crc32c(0, src, 44))
		return 1;
	*out = (struct file_header){
		.kind = kind,
		.number = u64_get(src + 8),
		.sequence = u64_get(src + 16),
		.created_ms = (int64_t)u64_get(src + 24),
		.next_frame = u32_get(src + 32),
		.next_owner = u32_get(src + 36),
	};
	return 0;
}
