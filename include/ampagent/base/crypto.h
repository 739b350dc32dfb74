/* Digests and secrets, over OpenSSL (only crypto.c and crypto_tls.c see it).
 *
 * Algorithm objects are fetched once: fetching per call costs more than the digest itself.
 */
#pragma once

#include <ampagent/base/sv.h>

enum { SHA256_BYTES = 32, SHA1_BYTES = 20, MD5_BYTES = 16 };

/* 0, or ERR_FATAL when OpenSSL cannot give SHA-256. Called once before threads start; safe to call
 * again. */
int crypto_init(void);
void crypto_deinit(void);

/* Thread-safe. */
void crypto_sha256(uint8_t out[SHA256_BYTES], const void *ptr, size_t len);
void crypto_hmac_sha256(uint8_t out[SHA256_BYTES], struct sv key, struct sv data);
/* MD5 for relabeling's hashmod: 0, or 1 where a FIPS provider refuses it. */
int crypto_md5(uint8_t out[MD5_BYTES], struct sv data);
/* SHA-1, for names of files that others choose by it: 0, or 1 where it is refused. */
int crypto_sha1(uint8_t out[SHA1_BYTES], struct sv data);
/* Signs data (RSASSA-PKCS1-v1_5 with SHA-256, SHA-384 or SHA-512, as bits says) by a private key in
 * PEM without a passphrase: 0 and *len, or 1 when it is no such key or too large. */
enum { CRYPTO_RSA_MAX_BYTES = 2048 };
int crypto_rsa_sign(uint8_t out[CRYPTO_RSA_MAX_BYTES], size_t *len, struct sv pem, unsigned bits,
		    struct sv data);
/* Overwrites memory in a way the compiler keeps. */
void crypto_wipe(void *ptr, size_t len);
/* Equal in constant time for equal lengths. */
bool crypto_equal(struct sv a, struct sv b);
/* Random bytes from getrandom(2). */
void crypto_random(void *ptr, size_t len);
