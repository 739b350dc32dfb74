/* The error convention of the whole project.
 *
 * A function that can fail returns int:
 *   0         it worked
 *   negative  fatal here (memory gone, log unusable, a bug): passed on untouched up to main
 *   positive  a documented condition of this very function, handled by its direct caller
 * Nothing that a remote peer, a file or a user does may be fatal.
 *
 * Context travels in an optional last argument `struct err *err` (NULL is allowed everywhere).
 * Libraries stay silent; the owner of the retry or the command logs once.
 */
#pragma once

#include <stdarg.h>

enum { ERR_FATAL = -1, ERR_NOMEM = -2 };

enum { ERR_MSG_MAX = 768 };

struct err {
	int line; /* 1-based place in an input text; 0 = none */
	int col;  /* 1-based, in bytes */
	char msg[ERR_MSG_MAX];
};

#define ERR_NULL ((struct err){0, 0, ""})

/* Sets the message (cut to fit, always terminated) and clears the place. Returns code, so that
 * `return err_set(err, 1, "...")` reads as one step. err may be NULL. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set with a place. */
int err_at(struct err *err, int code, int line, int col, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Puts "prefix: " before the message, keeps the place. */
void err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
