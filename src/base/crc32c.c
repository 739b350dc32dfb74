/* CRC-32C (Castagnoli): the processor's instruction where there is one, else slicing by eight. */
#include "crc32c.h"

#include <ampagent/base/hash.h>

#include <pthread.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL_REFLECTED UINT32_C(0x82f63b78)

/* table[k][b]: the CRC of byte b followed by k zero bytes. */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_make(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL_REFLECTED : 0);
		table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++) {
			uint32_t prev = table[k - 1][b];
			table[k][b] = (prev >> 8) ^ table[0][prev & 0xff];
		}
}

uint32_t crc32c_tables(uint32_t crc, const void *ptr, size_t len)
{
	pthread_once(&table_once, table_make);
	const uint8_t *p = ptr;
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t low;
		memcpy(&low, p, sizeof low);
		low ^= crc;
		crc = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^
		      table[5][(low >> 16) & 0xff] ^ table[4][low >> 24] ^ table[3][p[4]] ^
		      table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; len > 0; len--, p++)
		crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(uint32_t crc, const void *ptr,
								     size_t len)
{
	const uint8_t *p = ptr;
	uint64_t c = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, sizeof word);
		c = _mm_crc32_u64(c, word);
	}
	uint32_t c32 = (uint32_t)c;
	for (; len > 0; len--, p++)
		c32 = _mm_crc32_u8(c32, *p);
	return ~c32;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__)

__attribute__((target("+crc"))) static uint32_t crc32c_instruction(uint32_t crc, const void *ptr,
								   size_t len)
{
	const uint8_t *p = ptr;
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, sizeof word);
		crc = __crc32cd(crc, word);
	}
	for (; len > 0; len--, p++)
		crc = __crc32cb(crc, *p);
	return ~crc;
}

static bool has_instruction(void)
{
	enum { HWCAP_CRC32_BIT = 1 << 7 };
	return getauxval(AT_HWCAP) & HWCAP_CRC32_BIT;
}

#else

static uint32_t crc32c_instruction(uint32_t crc, const void *ptr, size_t len)
{
	return crc32c_tables(crc, ptr, len);
}

static bool has_instruction(void)
{
	return false;
}

#endif

uint32_t hash_crc32c(uint32_t crc, const void *ptr, size_t len)
{
	if (has_instruction())
		return crc32c_instruction(crc, ptr, len);
	return crc32c_tables(crc, ptr, len);
}
