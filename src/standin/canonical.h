/* Pieces of the signature check: the canonical request and the small text tools it shares with
 * verify_sigv4.c. */
#pragma once

#include "verify_sigv4.h"

/* Appends the canonical request over the headers in signed_names ("host;x-amz-date"): 0, or 1 when
 * it has more parameters or bytes than a request of ours can have. */
int sigv4_canonical_request(struct buf *out, const struct sigv4_received *request,
			    struct sv signed_names);

/* Takes the text up to the separator off the front of rest; false when there is none left. */
bool sigv4_take_part(struct sv *rest, char separator, struct sv *part);
/* Lower-case hex digits. */
void sigv4_append_hex(struct buf *out, const uint8_t *bytes, size_t n);
/* The SHA-256 of bytes in hex. */
void sigv4_append_sha256(struct buf *out, struct sv bytes);
