/* cmocka with what its header wants before it, and a check of texts. */
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

/* The text holds the words. */
#define assert_says(view, words)                                                                   \
	do {                                                                                       \
		struct sv said_ = (view), words_ = sv_of(words);                                   \
		if (words_.len > 0 && sv_find_sv(said_, words_) >= said_.len)                      \
			fail_msg("\"%.*s\" does not say \"%s\"", SV_ARG(said_), words_.ptr);       \
	} while (0)
