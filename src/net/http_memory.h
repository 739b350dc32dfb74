/* Memory for a library through which secrets pass: overwritten before it is given back. For blocks
 * of malloc() and calloc(). */
#pragma once

#include <stddef.h>

void http_memory_free(void *ptr);
void *http_memory_realloc(void *ptr, size_t size);
char *http_memory_strdup(const char *s);
