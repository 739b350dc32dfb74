/* Text helpers: UTF-8, base64, hex, URL encoding, Prometheus's durations and sizes, and the
 * nearest word for "did you mean". */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/sv.h>

bool utf8_valid(struct sv s);

/* Standard alphabet with padding. */
int base64_encode(struct buf *out, struct sv in);
/* 0, or 1 on any byte outside the alphabet or wrong padding. */
int base64_decode(struct buf *out, struct sv in);
/* Lower case; dst holds 2 * n + 1 bytes, terminated. */
void hex_encode(char *dst, const uint8_t *bytes, size_t n);

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ (and '/' when keep_slash). Upper-case hex. */
int url_encode(struct buf *out, struct sv in, bool keep_slash);
/* As Go's url.QueryEscape: space becomes '+'. */
int url_query_escape(struct buf *out, struct sv in);
/* %XX decoded; plus_is_space for query strings. 0, or 1 on a bad escape. */
int url_decode(struct buf *out, struct sv in, bool plus_is_space);

/* Prometheus's duration: units y w d h m s ms, descending, each once; "0" alone is fine.
 * 0 and *ms, or 1. */
int duration_parse(struct sv s, int64_t *ms);
enum { DURATION_MAX = 48 };
/* Canonical text ("1m30s", "90d", "0s"); dst holds DURATION_MAX bytes. Returns dst. */
char *duration_format(char *dst, int64_t ms);
/* Base-2 size with a mandatory unit (B KB MB GB TB PB EB, KiB ...); "0" is 0. 0 and *bytes, or 1.
 */
int size_parse(struct sv s, uint64_t *bytes);

/* The candidate nearest to word by edit distance (at most 1/3 of its length, at least 1), or NULL.
 * words ends with NULL. */
const char *nearest_word(struct sv word, const char *const *words);
