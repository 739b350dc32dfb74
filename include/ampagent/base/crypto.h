/* Digests and secrets, over OpenSSL (the only file that sees it is crypto.c).
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
/* Overwrites memory in a way the compiler keeps. */
void crypto_wipe(void *ptr, size_t len);
/* Equal in constant time for equal lengths. */
bool crypto_equal(struct sv a, struct sv b);
/* Random bytes from getrandom(2). */
void crypto_random(void *ptr, size_t len);
