/* crypto: digests over OpenSSL.
 *
 * Algorithms are fetched once. A digest that cannot be made (no memory for a context) ends the
 * process: a wrong one must never be signed or sent.
 */
#include <ampagent/base/crypto.h>
#include <ampagent/base/err.h>

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

enum { HMAC_BLOCK = 64 };

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static EVP_MD *_Atomic sha256;
static EVP_MD *_Atomic sha1, *_Atomic md5; /* NULL where a FIPS provider has none */

int crypto_init(void)
{
	pthread_mutex_lock(&init_lock);
	if (!sha256) {
		md5 = EVP_MD_fetch(NULL, "MD5", NULL);
		sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	}
	int r = sha256 ? 0 : ERR_FATAL;
	pthread_mutex_unlock(&init_lock);
	return r;
}

void crypto_deinit(void)
{
	pthread_mutex_lock(&init_lock);
	EVP_MD_free(atomic_exchange(&sha256, NULL));
	EVP_MD_free(atomic_exchange(&sha1, NULL));
	EVP_MD_free(atomic_exchange(&md5, NULL));
	pthread_mutex_unlock(&init_lock);
}

static const EVP_MD *sha256_get(void)
{
	const EVP_MD *md = sha256;
	if (md)
		return md;
	if (crypto_init() != 0)
		abort();
	return sha256;
}

/* Digest of the pieces one after the other. */
static int digest(const EVP_MD *md, uint8_t *out, const struct sv *pieces, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, pieces[i].ptr, pieces[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : 1;
}

static void sha256_pieces(uint8_t out[SHA256_BYTES], const struct sv *pieces, size_t n)
{
	if (digest(sha256_get(), out, pieces, n) != 0)
		abort();
}

void crypto_sha256(uint8_t out[SHA256_BYTES], const void *ptr, size_t len)
{
	struct sv data = {ptr, len};
	sha256_pieces(out, &data, 1);
}

/* RFC 2104, over the fetched SHA-256: EVP_MAC would fetch and allocate more than the two digests
 * cost. */
void crypto_hmac_sha256(uint8_t out[SHA256_BYTES], struct sv key, struct sv data)
{
	uint8_t block[HMAC_BLOCK] = {0}, pad[HMAC_BLOCK], inner[SHA256_BYTES];
	if (key.len > HMAC_BLOCK)
		crypto_sha256(block, key.ptr, key.len);
	else if (key.len > 0)
		memcpy(block, key.ptr, key.len);

	for (size_t i = 0; i < HMAC_BLOCK; i++)
		pad[i] = block[i] ^ 0x36;
	const struct sv first[] = {{(const char *)pad, sizeof pad}, data};
	sha256_pieces(inner, first, 2);
	for (size_t i = 0; i < HMAC_BLOCK; i++)
		pad[i] = block[i] ^ 0x5c;
	const struct sv second[] = {{(const char *)pad, sizeof pad},
				    {(const char *)inner, sizeof inner}};
	sha256_pieces(out, second, 2);

	crypto_wipe(block, sizeof block);
	crypto_wipe(pad, sizeof pad);
	crypto_wipe(inner, sizeof inner);
}

int crypto_md5(uint8_t out[MD5_BYTES], struct sv data)
{
	sha256_get();
	const EVP_MD *md = md5;
	return md ? digest(md, out, &data, 1) : 1;
}

int crypto_sha1(uint8_t out[SHA1_BYTES], struct sv data)
{
	sha256_get();
	const EVP_MD *md = sha1;
	return md ? digest(md, out, &data, 1) : 1;
}

/* A key under a passphrase is refused, not asked about on the terminal. */
static int no_passphrase(char *dst, int size, int writing, void *cls)
{
	(void)dst, (void)size, (void)writing, (void)cls;
	return -1;
}

static EVP_PKEY *rsa_key(struct sv pem)
{
	BIO *bio =
		pem.len <= INT_MAX ? BIO_new_mem_buf(pem.len ? pem.ptr : "", (int)pem.len) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_size(key) <= CRYPTO_RSA_MAX_BYTES)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

int crypto_rsa_sign(uint8_t out[CRYPTO_RSA_MAX_BYTES], size_t *len, struct sv pem, unsigned bits,
		    struct sv data)
{
	const char *name = bits == 512 ? "SHA512" : bits == 384 ? "SHA384" : "SHA256";
	EVP_PKEY *key = rsa_key(pem);
	EVP_MD_CTX *ctx = key ? EVP_MD_CTX_new() : NULL;
	*len = CRYPTO_RSA_MAX_BYTES;
	bool ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, name, NULL, NULL, key, NULL) == 1 &&
		  EVP_DigestSign(ctx, out, len, (const unsigned char *)data.ptr, data.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error(); /* what is left there would be taken for a later call's */
	return ok ? 0 : 1;
}

void crypto_wipe(void *ptr, size_t len)
{
	if (len > 0)
		explicit_bzero(ptr, len);
}

bool crypto_equal(struct sv a, struct sv b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void crypto_random(void *ptr, size_t len)
{
	uint8_t *p = ptr;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);
		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}
