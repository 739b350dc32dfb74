/* The library allocates its receive buffer anew for each request, so this is on the way of each
 * scrape: explicit_bzero() costs it a tenth of a microsecond, crypto_wipe() a whole one. */
#include "http_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void http_memory_free(void *ptr)
{
	if (!ptr)
		return;
	explicit_bzero(ptr, malloc_usable_size(ptr));
	free(ptr);
}

/* realloc() would leave the old block behind when it moves; one that shrinks keeps its place, its
 * tail wiped. */
void *http_memory_realloc(void *ptr, size_t size)
{
	size_t had = ptr ? malloc_usable_size(ptr) : 0;
	if (ptr && size > 0 && size <= had && size >= had / 2) {
		explicit_bzero((char *)ptr + size, had - size);
		return ptr;
	}
	void *to = malloc(size);
	if (!to)
		return NULL;
	if (ptr)
		memcpy(to, ptr, size < had ? size : had);
	http_memory_free(ptr);
	return to;
}

char *http_memory_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *to = malloc(n);
	return to ? memcpy(to, s, n) : NULL;
}
