/* The bytes of the log: framing, file headers, values. Pure: no I/O, no clock, no allocation but in
 * the buffers given. docs/WAL_FORMAT.md describes the same in words.
 */
#pragma once

#include <ampagent/base/buf.h>

/* ---- records ---- */

/* Bytes that are neither UTF-8 nor common in columns, so that a scan for them meets few by chance.
 */
enum { RECORD_MAGIC_0 = 0xf5, RECORD_MAGIC_1 = 0xfe };
/* magic 2, type 1, payload length 4, CRC-32C 4 */
enum { RECORD_HEAD_BYTES = 11 };

enum record_type {
	RECORD_BATCH = 1,   /* segments */
	RECORD_OWNER = 2,   /* definition files, as the rest */
	RECORD_FRAME = 3,   /* labels of some slots of a frame */
	RECORD_RETIRED = 4, /* a frame that will not be used again */
	RECORD_LEDGER = 5,  /* segments: what never got into the log */
};

struct record {
	uint8_t type;
	struct sv payload; /* a view of the input */
	size_t bytes;      /* with its head */
};

/* Starts a record in out; returns where it starts, for record_end(), which fills in length and
 * checksum. Check buf_failed() once at the end. */
size_t record_begin(struct buf *out, uint8_t type);
void record_end(struct buf *out, size_t start);

enum { RECORD_E_BAD = 1, RECORD_E_SHORT = 2 };
/* The record at the start of in: 0; RECORD_E_BAD when there is none (magic, length or checksum
 * wrong); RECORD_E_SHORT when it could be one and *need bytes are wanted to tell. */
int record_get(struct sv in, struct record *out, size_t *need);

/* ---- file headers ---- */

enum { FILE_HEADER_BYTES = 48, WAL_FORMAT_VERSION = 1 };
enum file_kind { FILE_SEGMENT = 1, FILE_DEFS = 2 };

struct file_header {
	enum file_kind kind;
	uint64_t number;
	uint64_t sequence;   /* of the first sample (segments) */
	int64_t created_ms;  /* wall clock */
	uint32_t next_frame; /* numbers not used when the file was begun: a lower limit for restart
			      */
	uint32_t next_owner;
};

void file_header_put(uint8_t dst[FILE_HEADER_BYTES], const struct file_header *h);
/* 0, or 1 when damaged, of another kind or of another version. */
int file_header_get(const uint8_t *src, size_t len, enum file_kind kind, struct file_header *out);

/* ---- values ---- */

/* The longest coded value. Writers leave VALUE_MAX_BYTES + 8 free. */
enum { VALUE_MAX_BYTES = 10 };
/* Codes cur given prev; returns the end. Writes up to 8 bytes of rubbish after it. */
uint8_t *value_put(uint8_t *p, uint64_t prev, uint64_t cur);
/* Returns the place after the value, NULL when it is broken. */
const uint8_t *value_get(const uint8_t *p, const uint8_t *end, uint64_t prev, uint64_t *cur);

/* ---- small things ---- */

static inline void u32_put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint32_t u32_get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void u64_put(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t u64_get(const uint8_t *p)
{
	return (uint64_t)u32_get(p) | (uint64_t)u32_get(p + 4) << 32;
}

int buf_varint(struct buf *out, uint64_t v);
