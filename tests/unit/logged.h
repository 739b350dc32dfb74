/* What is written to the log, as text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

/* fn(cls), with what it writes to standard error in out, of size bytes at least 1. */
static inline void logged(void (*fn)(void *cls), void *cls, char *out, size_t size)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int kept = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	fn(cls);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	size_t n = fread(out, 1, size - 1, file);
	fclose(file);
	out[n] = '\0';
}
