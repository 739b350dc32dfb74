/* Protobuf messages written by hand, and entries printed, for the tests of the protobuf format. */
#pragma once

#include "../../../scrape/proto_parser.h"

#include <ampagent/base/buf.h>

void pw_varint(struct buf *b, uint32_t field, uint64_t v);
void pw_signed(struct buf *b, uint32_t field, int64_t v); /* zigzag */
void pw_double(struct buf *b, uint32_t field, double v);
void pw_text(struct buf *b, uint32_t field, struct sv text);
/* A message inside: what is written until pw_end(b, the place that pw_begin() gave). */
size_t pw_begin(struct buf *b, uint32_t field);
void pw_end(struct buf *b, size_t at);
/* LabelPair as field 1. */
void pw_label(struct buf *b, struct sv name, struct sv value);
/* Timestamp */
void pw_time(struct buf *b, uint32_t field, int64_t seconds, int32_t nanos);
/* Exemplar with one label and, when seconds is not negative, a time. */
void pw_exemplar(struct buf *b, uint32_t field, struct sv id, double v, int64_t seconds);
/* Classic bucket, field 3. */
void pw_bucket(struct buf *b, uint64_t count, double bound);
void pw_span(struct buf *b, uint32_t field, int32_t offset, uint32_t length);
/* A family of a page, up to pw_end(). */
size_t pw_family(struct buf *b, struct sv name, unsigned type);

/* One line for each entry, last "end" or "broken: " with the reason; checks what holds for all
 * entries. The text is the caller's. */
char *pw_print(struct sv page, struct proto_options options);
