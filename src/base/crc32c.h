/* The two ways to a CRC-32C, apart so that a test can hold them together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Tables, eight bytes a step; any processor. */
uint32_t crc32c_tables(uint32_t crc, const void *ptr, size_t len);
