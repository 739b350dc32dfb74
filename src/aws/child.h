/* A child process on the loop: run without a shell in a group of its own, its output by pipes,
 * never waited for by blocking, never left a zombie while the loop turns.
 */
#pragma once

#include <ampagent/net/loop.h>
#include <sys/types.h>

struct aws_child;

/* argv[0] is looked for in PATH. The child has our environment, /dev/null as input, no signal
 * blocked or ignored, no descriptor of ours. *out_fd and *err_fd: what it writes, not blocking; the
 * caller closes them. gone is called once, from the loop, with the status of waitpid(2), -1 when
 * that is not to be had; the child is freed before. 0; 1 with the reason; ERR_NOMEM. */
int aws_child_start(struct loop *loop, char *const *argv, void (*gone)(void *cls, int status),
		    void *cls, int *out_fd, int *err_fd, struct aws_child **out, struct err *err);
/* Ends its whole group at once; gone will be called. */
void aws_child_kill(struct aws_child *c);
/* As aws_child_kill(), but gone is not called. */
void aws_child_abandon(struct aws_child *c);
