/* Microbenchmarks: a case does its work `rounds` times and says how much one round was.
 *
 * A room adds a file micro_<room>.c with its list, and names the list in micro.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct micro_run {
	uint64_t rounds; /* how often to do it */
	/* Set by the case: */
	uint64_t items_per_round; /* operations; ns per item are printed */
	uint64_t bytes_per_round; /* 0 = no MB/s */
	uint64_t made_per_round;  /* bytes that came out; 0 = no bytes an item */
};

struct micro_case {
	const char *name;
	void (*run)(struct micro_run *run);
};

/* Each ends with a NULL name. */
extern const struct micro_case micro_base[];
extern const struct micro_case micro_wal[];
extern const struct micro_case micro_remotewrite[];
extern const struct micro_case micro_scrape[];
extern const struct micro_case micro_relabel[];

/* Keeps the compiler from leaving out what nobody reads. */
extern volatile uint64_t micro_sink;

/* Fixed-seed numbers for the cases' input. */
uint64_t micro_random(uint64_t *state);
