/* What a TLS handshake shows of the peer, noted by hooks in the context that a network library
 * makes. The only file that sees libssl is crypto_tls.c, so contexts are void pointers here: each
 * must be an SSL_CTX of the OpenSSL that this program is linked with.
 */
#pragma once

#include <ampagent/base/cleanup.h>

#include <stdbool.h>
#include <stdint.h>

struct crypto_tls_peer {
	char subject[256], issuer[256]; /* for people, cut to fit */
	int64_t not_before_s, not_after_s;
	bool seen;        /* the peer showed a certificate */
	bool refused;     /* its chain did not verify (told even where that is not asked for) */
	bool untrusted;   /* ... because nobody known has issued it */
	bool out_of_date; /* by this machine's clock, it or one above it */
};

/* A note is shared by who reads it and the contexts that write it, on one thread: a kept connection
 * may outlive the request that it was made for. NULL without memory. */
struct crypto_tls_note;
struct crypto_tls_note *crypto_tls_note_new(void);
void crypto_tls_note_unref(struct crypto_tls_note *n);
const struct crypto_tls_peer *crypto_tls_note_peer(const struct crypto_tls_note *n);

/* Decrypted bytes are overwritten in the library's buffers once they are handed out. */
void crypto_tls_cleanse(void *ssl_ctx);
/* Each handshake of this context writes its peer into the note, the last one stays; whether the
 * peer is accepted is not changed. 0, or 1 without memory. */
int crypto_tls_watch(void *ssl_ctx, struct crypto_tls_note *n);
