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
		cmocka_unit_test(sha256),  cmocka_unit_test(hmac),
		cmocka_unit_test(md5),     cmocka_unit_test(init_and_deinit_may_repeat),
		cmocka_unit_test(threads), cmocka_unit_test(small_ones),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	crypto_deinit();
	return failed;
}
