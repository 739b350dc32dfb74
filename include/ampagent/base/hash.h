/* Hashes: xxh3 for tables (keyed per process), FNV-1a for Prometheus's scrape offsets, CRC32C for
 * files, xxh64 for Prometheus's target identity. */
#pragma once

#include <ampagent/base/sv.h>

/* XXH3 64-bit with the process key: not stable across runs, not guessable by a peer. */
uint64_t hash_keyed(const void *ptr, size_t len);
/* XXH3 64-bit with seed 0: stable on disk and across runs. */
uint64_t hash_stable(const void *ptr, size_t len);
/* FNV-1a 64: start from HASH_FNV1A_INIT and chain. */
#define HASH_FNV1A_INIT UINT64_C(14695981039346656037)
uint64_t hash_fnv1a(uint64_t h, const void *ptr, size_t len);
/* XXH64, seed 0. */
uint64_t hash_xxh64(const void *ptr, size_t len);
/* CRC-32C (Castagnoli) of ptr[0..len) continuing crc (0 to start). Uses SSE4.2 or ARMv8 where the
 * processor has it. */
uint32_t hash_crc32c(uint32_t crc, const void *ptr, size_t len);
/* Sets the process key; from getrandom(2) when never called. Tests fix it. */
void hash_set_key(uint64_t key);
