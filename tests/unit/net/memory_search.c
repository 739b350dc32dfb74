#include "memory_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/crypto.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NEEDLE = MEMORY_NEEDLE, CHUNK = 1 << 20, DISGUISE = 0x55 };
/* A sanitizer's bookkeeping is larger, and holds no bytes of the program. */
enum { LARGEST_MAPPING = 128 << 20 };

static char *chunk; /* what is looked through; not looked at itself */
static uint8_t needle[NEEDLE];

static size_t count_in(size_t len)
{
	size_t n = 0;
	const char *at = chunk, *end = chunk + len;
	while ((at = memchr(at, needle[0] ^ DISGUISE, (size_t)(end - at))) && end - at >= NEEDLE) {
		size_t k = 1;
		while (k < NEEDLE && ((uint8_t)at[k] ^ DISGUISE) == needle[k])
			k++;
		n += k == NEEDLE;
		at++;
	}
	return n;
}

static size_t count_between(int mem, uintptr_t from, uintptr_t to)
{
	size_t n = 0;
	while (from < to) {
		size_t want = to - from < CHUNK ? to - from : CHUNK;
		ssize_t got = pread(mem, chunk, want, (off_t)from);
		if (got <= 0)
			break;
		n += count_in((size_t)got);
		if ((size_t)got <= NEEDLE || from + (size_t)got >= to)
			break;
		from += (size_t)got - NEEDLE + 1; /* one may lie across the end */
	}
	return n;
}

size_t memory_search_copies(void)
{
	size_t n = 0;
	char line[512];
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		uintptr_t from, to, own = (uintptr_t)chunk;
		char rights[8];
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, rights) != 3 ||
		    rights[0] != 'r' || rights[1] != 'w' || to - from > LARGEST_MAPPING)
			continue;
		/* Dead stack: the dynamic linker leaves there what vector registers held. */
		if (here >= from && here < to)
			from = here;
		if (own >= from && own < to) {
			n += count_between(mem, from, own);
			from = own + CHUNK;
		}
		n += count_between(mem, from, to);
	}
	fclose(maps);
	close(mem);
	return n;
}

void memory_search_for(const char secret[MEMORY_NEEDLE])
{
	for (size_t i = 0; i < NEEDLE; i++)
		needle[i] = (uint8_t)secret[i] ^ DISGUISE;
}

void memory_search_for_digest(const char *text)
{
	uint8_t digest[SHA256_BYTES];
	crypto_sha256(digest, text, strlen(text));
	for (size_t i = 0; i < NEEDLE; i++) {
		uint8_t nibble = i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4;
		needle[i] = (uint8_t)(nibble < 10 ? '0' + nibble : 'a' + nibble - 10) ^ DISGUISE;
	}
}

int memory_search_begin(void **state)
{
	chunk = malloc(CHUNK);
	return chunk ? 0 : 1;
}

int memory_search_end(void **state)
{
	free(chunk);
	chunk = NULL;
	return 0;
}
