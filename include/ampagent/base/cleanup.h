/* The one clean-up form: scope-owned values free themselves.
 *
 *   _cleanup_(buf_deinit) struct buf out = BUF_NULL;      embedded values
 *   _cleanup_(foo_freep) struct foo *f = NULL;            heap values
 *
 * A constructor fills a local and hands it over with take_ptr() on its last lines. goto is for
 * nothing else.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn##_cleanup)))

/* For init/deinit types: lets _cleanup_(deinit_fn) be used on a value. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline void fn##_cleanup(type *p)                                                   \
	{                                                                                          \
		fn(p);                                                                             \
	}

/* For new/free types: defines fnp for _cleanup_(fnp) on a pointer. */
#define DEFINE_CLEANUP_PTR(type, fn)                                                               \
	static inline void fn##p_cleanup(type **p)                                                 \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

/* Moves a pointer out of its variable, which becomes NULL. */
#define take_ptr(p)                                                                                \
	__extension__({                                                                            \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

static inline void freep_cleanup(void *p)
{
	void **pp = p;
	free(*pp);
}

static inline void close_fdp_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep_cleanup(FILE **f)
{
	if (*f)
		fclose(*f);
}
