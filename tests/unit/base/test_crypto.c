#include "check.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/text.h>

#include <pthread.h>

static void assert_hex(const uint8_t *bytes, size_t n, const char *want)
{
	char text[2 * SHA256_BYTES + 1];
	hex_encode(text, bytes, n);
	assert_string_equal(text, want);
}

static void sha256(void **state)
{
	uint8_t out[SHA256_BYTES];
	crypto_sha256(out, "", 0);
	assert_hex(out, sizeof out,
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	crypto_sha256(out, "abc", 3);
	assert_hex(out, sizeof out,
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
static void hmac(void **state)
{
	uint8_t out[SHA256_BYTES];
	char key[131];
	memset(key, 0x0b, 20);
	crypto_hmac_sha256(out, sv_make(key, 20), SV("Hi There"));
	assert_hex(out, sizeof out,
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	crypto_hmac_sha256(out, SV("Jefe"), SV("what do ya want for nothing?"));
	assert_hex(out, sizeof out,
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, 131);
	crypto_hmac_sha256(out, sv_make(key, 131),
			   SV("Test Using Larger Than Block-Size Key - Hash Key First"));
	assert_hex(out, sizeof out,
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	crypto_hmac_sha256(out, SV_NULL, SV_NULL);
	assert_hex(out, sizeof out,
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void md5(void **state)
{
	uint8_t out[MD5_BYTES];
	if (crypto_md5(out, SV("abc")) != 0)
		skip();
	assert_hex(out, sizeof out, "900150983cd24fb0d6963f7d28e17f72");
}

static void sha1(void **state)
{
	uint8_t out[SHA1_BYTES];
	if (crypto_sha1(out, SV("abc")) != 0)
		skip();
	assert_hex(out, sizeof out, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_int_equal(crypto_sha1(out, SV_NULL), 0);
	assert_hex(out, sizeof out, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

/* A key for this test alone, in both of its forms. */
static const char rsa_key[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBALybSnzgjGZwRWgI\n"
			      "/m2TdZJrPmrt3pLmr1ZKD/UzhzgUxiF6WXzlOyXf9XqGfrJKHxofZZwKq7haFr/E\n"
			      "hdQB+CK/qI+JoTWKVHE3ENmzYnSXNnMYuRbiv4XPKuOuyh1QLdEUKxQZsRNLMuwK\n"
			      "pphXtSVPzuZkQL4s/4dTqUJ1atJBAgMBAAECgYBKHpEAUFJ8s2RjRR2PvGJ4/xJR\n"
			      "fVd5zZRcSdDJoM1j+a3/XBCs53z+HmxfEVnbAQwF/Q62au8fDLBh/n5FWdzERj13\n"
			      "814EJYrG8pYvRRfb2f4Sk5Ir+Ssatt+c66sc8/5wlZIpr+Wi83vBSoENuEQl+5YL\n"
			      "f6H6fqu7u8NSNfDgEQJBAOZXeoI0IXjqF3r4l17GOwyIl4ZShQJdOJtvqvVnDnGR\n"
			      "9rNsyvQJCg1BBKJ0Fy3kNhnS/F6edWUBP40iVgFume0CQQDRna0t7urITIQqCas7\n"
			      "im7cQYcliEfAfIEMYuNymuxyaPSWzvjc0vpFe3QQE87juMxODE3XQorvJ2W6qxXA\n"
			      "Gn8lAkB6/Fo9CviURukij3jC8bS1jHjbD1RVXtDKrWTqgowDt5uxUXVLt0fWq9B9\n"
			      "rN5zclYwk6aMHq8vrurvwFWLjjJBAkBEl/qB23sNDKz7LKrSExzwCql1CMGiJZv9\n"
			      "N6cCa9wQHHRdnWEmsgugDSQP1suPDXwd1jzqwiXA2P2bNj0p3gHZAkEAhPGW/mWO\n"
			      "tNvXOuKWRVQLFPT8/Y6ijTDMCJE3sBipS/4Ov4zjq65+LnnmGPCxw52Y9mRk62OW\n"
			      "P4ua5O9bBJniGA==\n"
			      "-----END PRIVATE KEY-----\n";
static const char rsa_key_old[] =
	"-----BEGIN RSA PRIVATE KEY-----\n"
	"MIICXAIBAAKBgQC8m0p84IxmcEVoCP5tk3WSaz5q7d6S5q9WSg/1M4c4FMYhell8\n"
	"5Tsl3/V6hn6ySh8aH2WcCqu4Wha/xIXUAfgiv6iPiaE1ilRxNxDZs2J0lzZzGLkW\n"
	"4r+FzyrjrsodUC3RFCsUGbETSzLsCqaYV7UlT87mZEC+LP+HU6lCdWrSQQIDAQAB\n"
	"AoGASh6RAFBSfLNkY0Udj7xieP8SUX1Xec2UXEnQyaDNY/mt/1wQrOd8/h5sXxFZ\n"
	"2wEMBf0OtmrvHwywYf5+RVncxEY9d/NeBCWKxvKWL0UX29n+EpOSK/krGrbfnOur\n"
	"HPP+cJWSKa/lovN7wUqBDbhEJfuWC3+h+n6ru7vDUjXw4BECQQDmV3qCNCF46hd6\n"
	"+JdexjsMiJeGUoUCXTibb6r1Zw5xkfazbMr0CQoNQQSidBct5DYZ0vxennVlAT+N\n"
	"IlYBbpntAkEA0Z2tLe7qyEyEKgmrO4pu3EGHJYhHwHyBDGLjcprscmj0ls743NL6\n"
	"RXt0EBPO47jMTgxN10KK7ydluqsVwBp/JQJAevxaPQr4lEbpIo94wvG0tYx42w9U\n"
	"VV7Qyq1k6oKMA7ebsVF1S7dH1qvQfazec3JWMJOmjB6vL67q78BVi44yQQJARJf6\n"
	"gdt7DQys+yyq0hMc8AqpdQjBoiWb/TenAmvcEBx0XZ1hJrILoA0kD9bLjw18HdY8\n"
	"6sIlwNj9mzY9Kd4B2QJBAITxlv5ljrTb1zrilkVUCxT0/P2Ooo0wzAiRN7AYqUv+\n"
	"Dr+M46uufi555hjwscOdmPZkZOtjlj+LmuTvWwSZ4hg=\n"
	"-----END RSA PRIVATE KEY-----\n";
static const char rsa_key_locked[] =
	"-----BEGIN RSA PRIVATE KEY-----\n"
	"Proc-Type: 4,ENCRYPTED\n"
	"DEK-Info: AES-128-CBC,6E4688C6068016DC541B75222348D192\n"
	"dIdtyVLdGXGCERcMGVqJWX7hK0eIkXxltQt8N3yKZznU9M+zQV9IvHCJDI1HFODm\n"
	"KsuBC3cKh7m1/CL7Rv1nKim7N74obn4PR4nddztSXyW75VeJmIjLdTc13trD+kWD\n"
	"M8mREijMR6er44UczEf63Ds8JoldBXaEFRwDg/1joGiJVdSA8xk1aorD8IJ1W1bh\n"
	"epICl+ErG7F4TND+1qEXhjStLPimsKduVSys5DLPGnjDLCIWnWguz9cPTHVgcfIy\n"
	"QXCmtDV1eWvfhEqZedOBcYzch3d0eBelrayiRIYCbuLKTuLR6rCtehgvHBpDsU9r\n"
	"fQ4tXUTNccWE3JbHqYiOW9135dpKNIGX7snFy4G3zvsLMOfqicN+xu+HH2FIW+tg\n"
	"p3rG+rZ39sCcHgQk+wKQFpUU2suUn/EgnEcG6UL9G/OkpvIkUz404cqBjfWZB+p5\n"
	"x4O0Bl8mD9VeXiZpFHdAWoX3K65Xee8xQz91goQ940IRhtMDGErHWRql24o35JtV\n"
	"HmuXpSVOUqJwe9LqbBkgnQjriXXbKhxD9PZUCGQHDQQ5vi25yYLLxuziVbmruVqb\n"
	"yGkv1ZaPCY80DATYQbmDxJYihWGtNSa5s7Al8vV2u1yoe0WTSvjOiIWvs/QDbEDG\n"
	"1+yVN0ETjiWWwR1Wr8m93uWioPRd3197uPOwPME+cfYuwCOv9Ue4w13yKC2w0hgL\n"
	"hpVeRTLqrlgyrxrCfWnTpG18QPRezeqmV/CEE3Wu8dAkomruM+fdY0R9NnfdGTnJ\n"
	"CzEEj0v+8R4pkX0vGn2Aop/eMquEVroPwVFskFeZAq0bBkkhoctd1HjRrou0cP+U\n"
	"-----END RSA PRIVATE KEY-----\n";
static const char ec_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
			     "MHcCAQEEILach9vZ5j3ifnnrwtH+Cx3L+ojfSltmDDfw0ElCghNboAoGCCqGSM49\n"
			     "AwEHoUQDQgAEccFPiKhyr3CXKLXPf0mNKtkiStQPbQY/WHkiq25e9ME72Q9i3C03\n"
			     "86VpM6Sp1zhv5uqMxAwPyOzYFD0Bp3P7LA==\n"
			     "-----END EC PRIVATE KEY-----\n";

/* Digests of what the openssl tool makes of the same key. */
static void rsa_sign(void **state)
{
	static const struct {
		unsigned bits;
		const char *sha256;
	} cases[] = {{256, "7e1c0fbbac6ce6ad9774a236a0f106407d69fa595275b214b7fca1637e104310"},
		     {384, "f6bd0406d6bba67bc748a4003989ddfe0769ae15fc7b21667903d43035dcf98e"},
		     {512, "18a8992bdcc2a848c22bc857bff3e35f091ea825519fb45bf3e3aaa9cf34b658"}};
	uint8_t out[CRYPTO_RSA_MAX_BYTES], hash[SHA256_BYTES];
	size_t len;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(crypto_rsa_sign(out, &len, sv_of(rsa_key), cases[i].bits,
						 SV("text to sign")),
				 0);
		assert_int_equal(len, 128);
		crypto_sha256(hash, out, len);
		assert_hex(hash, sizeof hash, cases[i].sha256);
		assert_int_equal(crypto_rsa_sign(out, &len, sv_of(rsa_key_old), cases[i].bits,
						 SV("text to sign")),
				 0);
		crypto_sha256(hash, out, len);
		assert_hex(hash, sizeof hash, cases[i].sha256);
	}
}

static void rsa_keys_that_are_none(void **state)
{
	const char *const keys[] = {"", "no key", ec_key, rsa_key_locked,
				    "-----BEGIN PRIVATE KEY-----\nAAAA\n"};
	uint8_t out[CRYPTO_RSA_MAX_BYTES];
	size_t len;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(crypto_rsa_sign(out, &len, sv_of(keys[i]), 256, SV("x")), 1);
	struct sv cut = sv_make(rsa_key, sizeof(rsa_key) / 2);
	assert_int_equal(crypto_rsa_sign(out, &len, cut, 256, SV("x")), 1);
}

static void init_and_deinit_may_repeat(void **state)
{
	uint8_t out[SHA256_BYTES];
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(crypto_init(), 0);
	crypto_deinit();
	crypto_deinit();
	crypto_sha256(out, "abc", 3);
	assert_int_equal(out[0], 0xba);
}

static void *many(void *cls)
{
	for (int i = 0; i < 2000; i++) {
		uint8_t out[SHA256_BYTES];
		crypto_hmac_sha256(out, SV("Jefe"), SV("what do ya want for nothing?"));
		if (out[0] != 0x5b || out[31] != 0x43)
			return cls;
	}
	return NULL;
}

static void threads(void **state)
{
	pthread_t thread[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, many, thread), 0);
	for (int i = 0; i < 4; i++) {
		void *wrong;
		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
}

static void small_ones(void **state)
{
	char secret[] = "secret";
	crypto_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
	crypto_wipe(NULL, 0);
	assert_true(crypto_equal(SV("abc"), SV("abc")));
	assert_false(crypto_equal(SV("abc"), SV("abd")));
	assert_false(crypto_equal(SV("abc"), SV("ab")));
	assert_true(crypto_equal(SV_NULL, SV("")));
	uint64_t a[4] = {0}, b[4] = {0};
	crypto_random(a, sizeof a);
	crypto_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256),
		cmocka_unit_test(hmac),
		cmocka_unit_test(rsa_sign),
		cmocka_unit_test(rsa_keys_that_are_none),
		cmocka_unit_test(md5),
		cmocka_unit_test(sha1),
		cmocka_unit_test(init_and_deinit_may_repeat),
		cmocka_unit_test(threads),
		cmocka_unit_test(small_ones),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	crypto_deinit();
	return failed;
}
