/* micro: runs each case whose name holds the argument, several times, and prints the median.
 *
 *   bench_micro [part of a name [rounds]]
 *
 * With rounds, a case is run that often and nothing is timed: for counting instructions.
 */
#include "micro.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 7, PASS_NS = 100000000 };

volatile uint64_t micro_sink;

static const struct micro_case *const lists[] = {micro_base, micro_wal, micro_remotewrite,
						 micro_scrape, micro_relabel};

uint64_t micro_random(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* CPU time, so that a busy machine disturbs less. */
static int64_t time_rounds(const struct micro_case *c, struct micro_run *run)
{
	int64_t start = clock_thread_cpu_ns();
	c->run(run);
	return clock_thread_cpu_ns() - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void run_case(const struct micro_case *c)
{
	struct micro_run run = {.rounds = 1};
	double ns[PASSES];
	/* Doubles the rounds until a pass is long enough to be timed; warms up as well. */
	while (time_rounds(c, &run) < PASS_NS && run.rounds < UINT64_C(1) << 40)
		run.rounds *= 2;
	for (int i = 0; i < PASSES; i++)
		ns[i] = (double)time_rounds(c, &run) / (double)run.rounds;
	qsort(ns, PASSES, sizeof ns[0], compare);
	double median = ns[PASSES / 2];
	printf("%-36s %10.2f ns", c->name, median / (double)run.items_per_round);
	if (run.bytes_per_round)
		printf(" %10.1f MB/s", (double)run.bytes_per_round * 1e3 / median);
	if (run.made_per_round)
		printf(" %*s%.2f B", run.bytes_per_round ? 2 : 18, "",
		       (double)run.made_per_round / (double)run.items_per_round);
	printf("\n");
	fflush(stdout);
}

/* Prints how many items the rounds were. */
static void count_case(const struct micro_case *c, uint64_t rounds)
{
	struct micro_run run = {.rounds = rounds};
	c->run(&run);
	printf("%llu\n", (unsigned long long)(run.rounds * run.items_per_round));
}

int main(int argc, char **argv)
{
	if (crypto_init() != 0)
		return 1;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		for (const struct micro_case *c = lists[i]; c->name; c++)
			if (argc > 2 && strcmp(c->name, argv[1]) == 0)
				count_case(c, strtoull(argv[2], NULL, 10));
			else if (argc < 2 || (argc == 2 && strstr(c->name, argv[1])))
				run_case(c);
	crypto_deinit();
	return 0;
}
