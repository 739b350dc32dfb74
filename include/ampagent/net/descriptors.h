/* Who may use how many of the process's file descriptors.
 *
 * The kernel gives the lowest free number, so the number of a new descriptor tells how few are
 * left. One that reaches into the part that is kept for more important things is given back at
 * once. Nothing has to be counted, and files (the log, positions, discovery) may use all there are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* From the least important on. */
enum fd_use { FD_SCRAPE, FD_WEB, FD_SEND };

/* Raises the soft limit to the hard one, as far as the system allows. What it is then. */
int64_t descriptors_raise(void);
int64_t descriptors_limit(void);
/* Whether a descriptor that was just made may be kept; one that may not is counted
 * (M_DESCRIPTORS_REFUSED). */
bool descriptors_may_keep(int fd, enum fd_use use);
/* Changes one that may not be kept for the lowest that is free by now; -1 when that may not be kept
 * either. */
int descriptors_move(int fd, enum fd_use use);
/* Whether it may be kept open after its work is done: the last quarter is passed from hand to hand,
 * so that everybody has a turn. */
bool descriptors_may_idle(int fd, enum fd_use use);
