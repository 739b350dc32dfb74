/* Snappy blocks (remote write) and gzip bodies (scrapes). */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

/* Appends the snappy block of in to out: 0, or 1 when out is full. */
int snappy_block_compress(struct buf *out, struct sv in);
/* Appends the decompressed block: 0; 1 when in is not a snappy block; 2 when it is larger than
 * out may hold. */
int snappy_block_decompress(struct buf *out, struct sv in);

/* Appends the decompressed gzip stream (several members allowed): 0; 1 when broken or cut short;
 * 2 when out would pass its maximum. One-shot: in is the whole body. */
int gunzip(struct buf *out, struct sv in);
/* Appends in as one gzip member. 0 or 1. */
int gzip(struct buf *out, struct sv in);
