/* cmocka with what its header wants before it, and checks of views. */
#pragma once

#include <ampagent/base/sv.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

#define assert_sv(view, text)                                                                      \
	do {                                                                                       \
		struct sv got_ = (view), want_ = sv_of(text);                                      \
		if (!sv_eq(got_, want_))                                                           \
			fail_msg("\"%.*s\" is not \"%s\"", SV_ARG(got_), want_.ptr);               \
	} while (0)

/* A small generator with a fixed seed: every run sees the same cases. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}
