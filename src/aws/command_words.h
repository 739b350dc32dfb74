/* The words of a command line as a shell would split it: blanks, quotes and backslashes. Nothing is
 * expanded: no variables, no "~", no patterns, no operators. Pure.
 * Source: POSIX.1-2017, "Shell Command Language", 2.2 Quoting.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>

enum { AWS_COMMAND_WORDS_MAX = 256 };

/* *argv in arena, ended by NULL. 0; 1 with the reason (no word, a quote is not closed, a backslash
 * or NUL at a wrong place, too many); ERR_NOMEM. */
int aws_command_words(struct arena *arena, struct sv command, char ***argv, struct err *err);
