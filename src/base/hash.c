/* hash: xxh3 and xxh64 (header-only xxhash), FNV-1a, CRC-32C.
 *
 * The keyed hash uses a secret of its own rather than a seed: a seed only shifts the well-known
 * default secret, and a peer that chooses label texts could aim at that.
 */
#include <ampagent/base/hash.h>

#include <sys/random.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SECRET_BYTES = XXH3_SECRET_SIZE_MIN + 56 };

static _Alignas(64) uint8_t secret[SECRET_BYTES];

/* splitmix64: spreads the 8 bytes of the key over the whole secret. */
static uint64_t next_word(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void hash_set_key(uint64_t key)
{
	for (size_t i = 0; i < sizeof secret; i += sizeof key) {
		uint64_t word = next_word(&key);
		memcpy(secret + i, &word, sizeof word);
	}
}

/* Before main, so that the hot path never asks whether there is a key yet. */
__attribute__((constructor)) static void key_from_system(void)
{
	uint64_t key;
	if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
		struct timespec ts = {0, 0};
		clock_gettime(CLOCK_REALTIME, &ts);
		key = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
		key ^= (uint64_t)(uintptr_t)&ts << 16;
	}
	hash_set_key(key);
}

uint64_t hash_keyed(const void *ptr, size_t len)
{
	return XXH3_64bits_withSecret(ptr, len, secret, sizeof secret);
}

uint64_t hash_stable(const void *ptr, size_t len)
{
	return XXH3_64bits(ptr, len);
}

uint64_t hash_xxh64(const void *ptr, size_t len)
{
	return XXH64(ptr, len, 0);
}

uint64_t hash_fnv1a(uint64_t h, const void *ptr, size_t len)
{
	const uint8_t *p = ptr;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}
